# SPDX-License-Identifier: BSD-3-Clause
"""Initramfs archives (cpio, newc) of what stands in a list, not of what stands on a disk: no root, no copies."""

import os
import stat

DIRECTORY = stat.S_IFDIR | 0o755


class Archive:
    """write() files into it, then close() it. Archives may follow each other in one file; the kernel unpacks them all."""

    def __init__(self, path):
        self.out = open(path, "wb")
        self.number = 0
        self.directories = {""}

    def _pad(self):
        self.out.write(b"\0" * (-self.out.tell() % 4))

    def _entry(self, name, mode, data, device=(0, 0)):
        self.number += 1
        fields = (self.number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
        self.out.write(b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0")
        self._pad()
        self.out.write(data)
        self._pad()

    def directory(self, path):
        path = path.strip("/")
        if path not in self.directories:
            self.directory(os.path.dirname(path))
            self.directories.add(path)
            self._entry(path, DIRECTORY, b"")

    def file(self, path, data, mode=0o644):
        self.directory(os.path.dirname(path))
        self._entry(path.strip("/"), stat.S_IFREG | mode, data)

    def link(self, path, target):
        self.directory(os.path.dirname(path))
        self._entry(path.strip("/"), stat.S_IFLNK | 0o777, target.encode())

    def node(self, path, major, minor):
        """A character device."""
        self.directory(os.path.dirname(path))
        self._entry(path.strip("/"), stat.S_IFCHR | 0o600, b"", (major, minor))

    def close(self):
        self._entry("TRAILER!!!", 0, b"")
        self.out.write(b"\0" * (-self.out.tell() % 512))
        self.out.close()

# SPDX-License-Identifier: BSD-3-Clause
"""cpio.py DIR: an initramfs (cpio, newc) with what is in DIR, to standard output.

An Archive is made of what stands in a list as well, and needs no copies then. All in it is root's, whoever makes it.
"""

import os
import stat
import sys

DIRECTORY = stat.S_IFDIR | 0o755


class Archive:
    """Put files into it, then close() it. Archives may follow each other in one file; the kernel unpacks them all."""

    def __init__(self, out):
        """out: a file to write to, which may be a pipe, or the path of one."""
        self.out = open(out, "wb") if isinstance(out, str) else out
        self.written = 0
        self.number = 0
        self.directories = {""}

    def _write(self, data):
        self.out.write(data)
        self.written += len(data)

    def _pad(self, to=4):
        self._write(b"\0" * (-self.written % to))

    def _entry(self, name, mode, data, device=(0, 0)):
        self.number += 1
        fields = (self.number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
        self._write(b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0")
        self._pad()
        self._write(data)
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

    def tree(self, top):
        """All that is in a directory, with its modes; of files, links and directories."""
        for directory, dirs, files in os.walk(top):
            dirs.sort()
            for name in sorted(dirs + files):
                path = os.path.join(directory, name)
                mode = os.lstat(path).st_mode
                data = b""
                if stat.S_ISLNK(mode):
                    data = os.readlink(path).encode()
                elif stat.S_ISREG(mode):
                    with open(path, "rb") as f:
                        data = f.read()
                self._entry(os.path.relpath(path, top), mode, data)

    def close(self):
        self._entry("TRAILER!!!", 0, b"")
        self._pad(512)
        self.out.close()


if __name__ == "__main__":
    archive = Archive(sys.stdout.buffer)
    archive.tree(sys.argv[1])
    archive.close()

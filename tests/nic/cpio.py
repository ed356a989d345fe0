#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""cpio.py DIR: writes an initramfs (cpio "newc") with what is in DIR, owned by root."""

import os
import stat
import sys


def entry(out, number, name, mode, data):
    raw = name.encode() + b"\0"
    fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0]
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
    out.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))


def main(top, out):
    number = 0
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
            number += 1
            entry(out, number, os.path.relpath(path, top), mode, data)
    entry(out, 0, "TRAILER!!!", 0, b"")


if __name__ == "__main__":
    main(sys.argv[1], sys.stdout.buffer)

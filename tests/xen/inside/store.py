# SPDX-License-Identifier: BSD-3-Clause
"""XenStore by the kernel's own door, /dev/xen/xenbus, without a library."""

import errno
import os
import select
import struct

READ, WATCH, WRITE, SET_PERMS, WATCH_EVENT, ERROR = 2, 4, 11, 14, 15, 16
HEADER = struct.Struct("=IIII")


class Store:
    def __init__(self):
        self.fd = os.open("/dev/xen/xenbus", os.O_RDWR | os.O_CLOEXEC)
        self.events = []
        self.raw = b""

    def _message(self):
        while True:
            if len(self.raw) >= HEADER.size:
                kind, _, _, length = HEADER.unpack_from(self.raw)
                if len(self.raw) >= HEADER.size + length:
                    body = self.raw[HEADER.size:HEADER.size + length]
                    self.raw = self.raw[HEADER.size + length:]
                    return kind, body
            self.raw += os.read(self.fd, 8192)

    def _ask(self, kind, *words):
        body = b"\0".join(w.encode() for w in words)
        os.write(self.fd, HEADER.pack(kind, 0, 0, len(body)) + body)
        while True:
            answer, data = self._message()
            if answer == WATCH_EVENT:
                self.events.append(data.split(b"\0")[0].decode())
                continue
            if answer == ERROR:
                code = getattr(errno, data.rstrip(b"\0").decode())
                raise OSError(code, os.strerror(code), words[0])
            return data

    def read(self, path):
        """The value, or None."""
        try:
            return self._ask(READ, path, "").decode()
        except FileNotFoundError:
            return None

    def write(self, path, value):
        self._ask(WRITE, path, value)

    def watch(self, path):
        self._ask(WATCH, path, path, "")

    def wait(self, seconds):
        """The path of the next event, or None after that time."""
        if not self.events and not self.raw and not select.select([self.fd], [], [], seconds)[0]:
            return None
        while not self.events:
            kind, data = self._message()
            if kind == WATCH_EVENT:
                self.events.append(data.split(b"\0")[0].decode())
        return self.events.pop(0)

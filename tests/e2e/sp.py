# SPDX-License-Identifier: BSD-3-Clause
"""A stranger on the switch's sockets: nanomsg's wire format over an ipc socket, and messages of proto/msg.h."""

import os
import re
import socket
import struct
import time

from proc import TOP

PAIR, REQ = 16, 48  # nanomsg's numbers of its protocols
HEADER = struct.Struct("=IHHQII")
MAGIC = 0x314d5658


def type_number(name):
    """By the list in proto/msg.h."""
    with open(os.path.join(TOP, "proto", "msg.h"), encoding="utf-8") as f:
        names = re.findall(r"^ {4}MSG\((\w+), ", f.read(), re.M)
    return 1 + names.index(name)


class Stranger:
    """One connection to a socket in run_dir."""

    def __init__(self, switch, name, protocol=PAIR):
        self.protocol = protocol
        self.seq = 0
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(2)
        self.sock.connect(os.path.join(switch.run_dir, name))
        self.sock.sendall(struct.pack(">4sHH", b"\0SP\0", protocol, 0))
        self._take(8)
        with open(os.path.join(switch.run_dir, "state"), "rb") as f:
            self.layout = struct.unpack("=QII", f.read(16))[2]

    def _take(self, n):
        data = b""
        while len(data) < n:
            part = self.sock.recv(n - len(data))
            if not part:
                raise ConnectionError("cut")
            data += part
        return data

    def say(self, name, body, epoch=1):
        self.seq += 1
        m = HEADER.pack(MAGIC, type_number(name), HEADER.size + len(body), epoch, self.seq, 0) + body
        if self.protocol == REQ:
            m = struct.pack(">I", 0x80000000 | self.seq) + m
        self.sock.sendall(struct.pack(">BQ", 1, len(m)) + m)

    def hear(self, seconds):
        """Returns (type, body) of the next message, None if none comes, or "cut" if the connection is ended."""
        self.sock.settimeout(seconds)
        try:
            _, size = struct.unpack(">BQ", self._take(9))
            m = self._take(size)
        except socket.timeout:
            return None
        except OSError:
            return "cut"
        m = m[4:] if self.protocol == REQ else m
        return HEADER.unpack(m[:HEADER.size])[1], m[HEADER.size:]

    def hears_nothing_but(self, names, seconds):
        """Returns what else came meanwhile."""
        allowed = [type_number(n) for n in names]
        end, other = time.monotonic() + seconds, []
        while time.monotonic() < end:
            got = self.hear(max(0.01, end - time.monotonic()))
            if got == "cut":
                break
            if got is not None and got[0] not in allowed:
                other.append(got[0])
        return other

    def close(self):
        self.sock.close()

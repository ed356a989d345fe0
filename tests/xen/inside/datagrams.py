# SPDX-License-Identifier: BSD-3-Clause
"""datagrams.py echo ADDRESS | send RATE ADDRESS...: numbered datagrams by UDP, so many a second to each address, and the books of
what comes back. To send: a line on stdin (books, stop, go); the books are the answer, as JSON, by address.
"""

import json
import os
import select
import socket
import struct
import sys
import time

import seq

PORT = 7001
HEAD = struct.Struct("!QH")
LENGTHS = (60, 1472, 333)
PATTERN = bytes(range(256)) * 8
TURN = 0.02
ROOM = 1 << 20


def made(address, bind):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, 33, ROOM)  # SO_RCVBUFFORCE
    (sock.bind if bind else sock.connect)((address, PORT))
    sock.setblocking(False)
    return sock


def came(sock):
    """All that has come: datagram, from whom."""
    while True:
        try:
            yield sock.recvfrom(2048)
        except BlockingIOError:
            return
        except OSError:
            continue  # what an earlier one met on its way


def echo(address):
    sock = made(address, True)
    while True:
        select.select([sock], [], [])
        for data, peer in came(sock):
            try:
                sock.sendto(data, peer)
            except OSError:
                pass  # no way there, for now


class Flow:
    def __init__(self, address):
        self.sock, self.book, self.sent, self.heard, self.silence = made(address, False), seq.Book(), 0, time.monotonic(), 0.0

    def send(self):
        length = LENGTHS[self.sent % len(LENGTHS)]
        start = self.sent % 256
        try:
            self.sock.send(HEAD.pack(self.sent, length) + PATTERN[start:start + length - HEAD.size])
            self.sent += 1
        except OSError:
            pass  # no way there, or no room: it was not sent

    def look(self):
        for data, _ in came(self.sock):
            number, length = HEAD.unpack_from(data)
            start = number % 256
            ok = len(data) == length and data[HEAD.size:] == PATTERN[start:start + length - HEAD.size]
            self.book.enter({"ok": ok, "seq": number})
            now = time.monotonic()
            self.heard, self.silence = now, max(self.silence, now - self.heard)

    def said(self):
        return dict(self.book.as_dict(), sent=self.sent, silence=round(self.silence, 2))


def send(rate, *addresses):
    flows = {a: Flow(a) for a in addresses}
    due, last, going = 0.0, time.monotonic(), True
    while True:
        time.sleep(TURN)
        now = time.monotonic()
        # After a time in which this program stood still it goes on at its rate.
        due += min(now - last, 2 * TURN) * rate if going else 0
        last = now
        for flow in flows.values():
            flow.look()
            for _ in range(int(due)):
                flow.send()
        due -= int(due)
        if not select.select([0], [], [], 0)[0]:
            continue
        words = os.read(0, 4096).decode().split()
        if not words:
            return
        for word in words:
            going = {"stop": False, "go": True}.get(word, going)
            if word == "go":
                for flow in flows.values():
                    flow.heard, flow.silence = now, 0.0
            print(json.dumps({a: f.said() for a, f in flows.items()}), flush=True)


if sys.argv[1] == "echo":
    echo(sys.argv[2])
else:
    send(float(sys.argv[2]), *sys.argv[3:])

# SPDX-License-Identifier: BSD-3-Clause
"""stream.py receive ADDRESS | send ADDRESS SECONDS: as much TCP as goes. To receive: bytes a second of each connection, without
its first second."""

import socket
import sys
import time

PORT = 7002
PIECE = 1 << 18


def receive(address):
    server = socket.create_server((address, PORT))
    while True:
        peer, _ = server.accept()
        began, first, n, room = time.monotonic(), None, 0, bytearray(PIECE)
        while got := peer.recv_into(room):
            now = time.monotonic()
            n += got
            if first is None and now - began > 1:
                first = (now, n)
        print(f"rate {(n - first[1]) / (now - first[0]):.0f}" if first else "rate 0", flush=True)


def send(address, seconds):
    peer, data = socket.socket(), bytes(PIECE)
    peer.connect((address, PORT))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        peer.sendall(data)
    peer.shutdown(socket.SHUT_WR)
    peer.recv(1)


receive(sys.argv[2]) if sys.argv[1] == "receive" else send(sys.argv[2], float(sys.argv[3]))

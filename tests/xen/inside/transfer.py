# SPDX-License-Identifier: BSD-3-Clause
"""transfer.py receive ADDRESS | send ADDRESS | mirrored ADDRESS: bytes by TCP, until the sender gets a line. Each end prints how
many there were, and their checksum. mirrored: at ADDRESS is one that sends all frames back with both their ends exchanged, which
TCP takes for a peer that connects in the same moment; what was sent and what came are both printed.
"""

import random
import select
import socket
import sys
import threading
import zlib

PORT = 7000
PIECE = 4096
PAUSE = 0.1  # seconds between two pieces


class Sum:
    def __init__(self):
        self.n = self.crc = 0

    def add(self, data):
        self.n, self.crc = self.n + len(data), zlib.crc32(data, self.crc)

    def __str__(self):
        return f"{self.n} {self.crc}"


def read_all(peer, total):
    while data := peer.recv(65536):
        total.add(data)
    return total


def write(peer):
    total = Sum()
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        data = random.randbytes(PIECE)
        peer.sendall(data)
        total.add(data)
    peer.shutdown(socket.SHUT_WR)
    return total


def receive(address):
    peer, _ = socket.create_server((address, PORT)).accept()
    return [read_all(peer, Sum())]


def connected(address):
    peer = socket.socket()
    peer.connect((address, PORT))
    print("connected", flush=True)
    return peer


def send(address):
    peer = connected(address)
    total = write(peer)
    peer.recv(1)  # its end: all was taken
    return [total]


def mirrored(address):
    peer, came = connected(address), Sum()
    reader = threading.Thread(target=read_all, args=(peer, came))
    reader.start()
    total = write(peer)
    reader.join()
    return [total, came]


for result in {"receive": receive, "send": send, "mirrored": mirrored}[sys.argv[1]](sys.argv[2]):
    print(result, flush=True)

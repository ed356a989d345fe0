# SPDX-License-Identifier: BSD-3-Clause
"""transfer.py receive ADDRESS | send ADDRESS BYTES: bytes by TCP. Either end prints how many there were, and their checksum."""

import random
import socket
import sys
import time
import zlib

PORT = 7000
PIECE = 8192


def receive(address):
    n = crc = 0
    peer, _ = socket.create_server((address, PORT)).accept()
    while data := peer.recv(65536):
        n, crc = n + len(data), zlib.crc32(data, crc)
    return n, crc


def send(address, n_bytes):
    n = crc = 0
    peer = socket.socket()
    peer.connect((address, PORT))
    while n < n_bytes:
        data = random.randbytes(min(PIECE, n_bytes - n))
        peer.sendall(data)
        n, crc = n + len(data), zlib.crc32(data, crc)
        time.sleep(0.01)
    peer.close()
    return n, crc


print(*(receive(sys.argv[2]) if sys.argv[1] == "receive" else send(sys.argv[2], int(sys.argv[3]))), flush=True)

# SPDX-License-Identifier: BSD-3-Clause
"""Packets that guests send: IPv4, ARP, IPv6 and what is in them. Checksums are 0: nothing here reads them."""

import socket
import struct

import seq

ICMPV6, UDP, TCP = 58, 17, 6


def ether(kind, payload, dst, src, number=0):
    """A frame that ends with its number, so that no two are the same."""
    return seq.mac_bytes(dst) + seq.mac_bytes(src) + struct.pack("!H", kind) + (payload + struct.pack("!I", number)).ljust(46, b"\0")


def ipv4(source, payload=bytes(8), protocol=TCP, part=0):
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, part, 64, protocol, 0) + \
        socket.inet_aton(source) + socket.inet_aton("203.0.113.9") + payload


def udp(sport, dport):
    return struct.pack("!HHHH", sport, dport, 8, 0)


def arp(mac, source, target, op=1):
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, op) + seq.mac_bytes(mac) + socket.inet_aton(source) + bytes(6) + \
        socket.inet_aton(target)


def ipv6(source, payload=bytes(8), following=TCP):
    return struct.pack("!IHBB", 6 << 28, len(payload), following, 255) + socket.inet_pton(socket.AF_INET6, source) + \
        socket.inet_pton(socket.AF_INET6, "ff02::1") + payload


def icmpv6(kind, target=None, option=0, mac=None):
    """A message, of neighbour discovery with a target or with an option that says a MAC."""
    body = struct.pack("!BBHI", kind, 0, 0, 0) + (bytes(8) if kind == 134 else b"")
    if target is not None:
        body += socket.inet_pton(socket.AF_INET6, target)
    if mac is not None:
        body += struct.pack("!BB", option, 1) + seq.mac_bytes(mac)
    return body


def behind_options(payload, following=ICMPV6):
    """The payload behind a header of destination options."""
    return struct.pack("!BB6x", following, 0) + payload

# SPDX-License-Identifier: BSD-3-Clause
"""Numbered frames, as tests/traffic/seq.h describes them."""

import struct

ETHERTYPE = 0x88B5
MAGIC = b"XVSQ"
FRAME_MIN = 32
_PATTERN = bytes(range(256)) * 10


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def mac_text(raw):
    return ":".join("%02x" % b for b in raw)


def tagged(frame, vlan):
    """The frame with a VLAN tag put in; None leaves it as it is."""
    if vlan is None:
        return frame
    return frame[:12] + struct.pack("!HH", 0x8100, vlan) + frame[12:]


def frame(dst, src, flow=0, seq=0, length=60, vlan=None):
    """A numbered frame of length bytes, and 4 more for a tag."""
    head = mac_bytes(dst) + mac_bytes(src) + struct.pack("!H4sIQH", ETHERTYPE, MAGIC, flow, seq, length)
    start = seq % 256
    body = _PATTERN[start:start + length]
    return tagged(head[:length] + body[len(head):], vlan)


def split(raw):
    """(tag's VLAN or None, frame without tag)"""
    if raw[12:14] == b"\x81\x00":
        return struct.unpack("!H", raw[14:16])[0] & 0xFFF, raw[:12] + raw[16:]
    return None, raw


def parse(raw):
    """The numbered frame in raw as a dict, or None. `ok`: it is as it was sent, padding to 60 bytes apart."""
    vlan, plain = split(raw)
    if len(plain) < FRAME_MIN or plain[12:18] != struct.pack("!H4s", ETHERTYPE, MAGIC):
        return None
    flow, seq, length = struct.unpack("!IQH", plain[18:32])
    start = seq % 256
    body = _PATTERN[start + FRAME_MIN:start + length]
    sized = len(plain) == length or (length < len(plain) <= 60)
    return {
        "dst": mac_text(plain[:6]), "src": mac_text(plain[6:12]), "vlan": vlan, "flow": flow, "seq": seq,
        "length": length, "ok": sized and plain[FRAME_MIN:length] == body,
    }


class Book:
    """What came of one flow; the same counts as fe22's report."""

    def __init__(self):
        self.frames = self.unique = self.duplicated = self.reordered = self.corrupt = self.next = 0
        self.seen = set()

    def enter(self, f):
        self.frames += 1
        seq = f["seq"]
        if not f["ok"]:
            self.corrupt += 1
        elif seq in self.seen:
            self.duplicated += 1
        else:
            self.seen.add(seq)
            self.unique += 1
            if seq < self.next:
                self.reordered += 1
            else:
                self.next = seq + 1

    def as_dict(self):
        return {k: v for k, v in vars(self).items() if k != "seen"}

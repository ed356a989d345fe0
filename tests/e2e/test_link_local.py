# SPDX-License-Identifier: BSD-3-Clause
"""What is for the next bridge alone, and what a bridge outside returns."""

import seq
from case import OwnCase
from wire import BROADCAST, HOST_MAC

A, B = "02:00:00:00:06:01", "02:00:00:00:06:02"
PAD = bytes(46)


def link_local(last, kind, src=HOST_MAC, dst=None):
    return (seq.mac_bytes(dst) if dst else bytes.fromhex("0180c20000") + bytes([last])) + seq.mac_bytes(src) + kind + PAD


LLDP = b"\x88\xcc"
OTHERS = [(0, b"\x00\x26"), (1, b"\x88\x08"), (2, b"\x88\x09"), (3, b"\x88\x8e"), (0, LLDP), (14, b"\x08\x00"), (15, b"\x08\x00")]


class LinkLocal(OwnCase):

    def guests(self, conf=None):
        self.make(conf=conf)
        self.a, self.b = self.bench.fe22(A), self.bench.fe22(B)
        for guest in (self.a, self.b):
            guest.do("capture 0 all")
        self.number = 0

    def behind(self, take):
        """What came of what is on its way now."""
        self.number += 1
        mark = seq.frame(BROADCAST, A, self.number)
        self.a.do(f"sendhex 0 {mark.hex()}")
        got = []

        def more():
            got.extend(take())
            return mark in got
        self.wait("the broadcast behind it", more)
        return [f for f in got if f[:5] == bytes.fromhex("0180c20000") or f[12:14] == b"\x88\x08"]

    def from_wire(self, guest, mac):
        self.number += 1
        mark = seq.frame(mac, HOST_MAC, self.number)
        self.switch.wire.send(mark)
        got = []

        def more():
            got.extend(guest.frames())
            return mark in got
        self.wait("the frame behind it", more)
        return [f for f in got if f[:5] == bytes.fromhex("0180c20000") or f[12:14] == b"\x88\x08"]

    def test_it_is_not_relayed(self):
        self.guests()
        frames = [link_local(last, kind, A) for last, kind in (*OTHERS, (14, LLDP))]
        frames += [link_local(0, b"\x88\x08", A, dst) for dst in (B, HOST_MAC)]
        for f in frames:
            self.a.do(f"sendhex 0 {f.hex()}")
        self.assertEqual([], self.behind(self.switch.wire.take))
        self.assertEqual([], self.behind(self.b.frames))
        self.wait_drop(self.a.domid, "tx_link_local", len(frames))
        for last, kind in (*OTHERS, (14, LLDP)):
            self.switch.wire.send(link_local(last, kind))
        self.switch.wire.send(link_local(0, b"\x88\x08", HOST_MAC, B))
        self.assertEqual([], self.from_wire(self.b, B))
        self.assertEqual(len(OTHERS) + 2, self.switch.show()["uplinks"][0]["drops"]["link_local"])

    def test_lldp_reaches_those_that_may_have_it(self):
        self.guests({"guests": [{"domid": 1, "lldp": True}]})
        self.b.do(f"sendhex 0 {link_local(14, LLDP, B).hex()}")
        self.wait_drop(self.b.domid, "tx_link_local", 1)
        mine = link_local(14, LLDP, A)
        for f in (mine, link_local(0, LLDP, A), link_local(1, b"\x88\x08", A)):
            self.a.do(f"sendhex 0 {f.hex()}")
        self.assertEqual([mine], self.behind(self.switch.wire.take))
        self.assertEqual([], self.behind(self.b.frames))
        self.switch.wire.send(link_local(14, LLDP))
        self.switch.wire.send(link_local(1, b"\x88\x08"))
        self.assertEqual([link_local(14, LLDP)], self.from_wire(self.a, A))
        self.assertEqual([], self.from_wire(self.b, B))


class Reflected(OwnCase):

    def test_a_guest_does_not_get_its_own_broadcast_back(self):
        self.make(n_uplinks=2, conf={"guests": [{"domid": 2, "uplink": 1}]})
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        first, second = self.switch.wires
        a.do(f"send dev=0 dst={BROADCAST} flow=1")
        self.assert_whole(self.wait_book(first, 1, 1), 1)
        self.assert_whole(self.wait_book(b, 1, 1), 1)
        for wire in (first, second):  # a switch outside that has both
            wire.send(seq.frame(BROADCAST, A, 1))
            wire.send(seq.frame(B, A, 2))
        first.send(seq.frame(A, HOST_MAC, 3))
        second.send(seq.frame(B, HOST_MAC, 3))
        for guest in (a, b):
            self.wait_book(guest, 3, 1)
        self.assertEqual((0, 1), (a.book(1)["frames"], b.book(1)["frames"]))
        self.assertEqual(0, b.book(2)["frames"])
        self.assertEqual([2, 2], [u["drops"]["reflected"] for u in self.switch.show()["uplinks"]])
        a.quit()  # it has moved to another host
        self.wait("the guest to be gone", lambda: not any(v["mac"] == A and v["state"] == "running"
                                                          for v in self.switch.show()["vifs"]))
        first.send(seq.frame(BROADCAST, A, 4))
        second.send(seq.frame(BROADCAST, A, 4))
        self.wait_book(b, 4, 1)

    def test_where_the_bridge_outside_returns_frames_the_others_get_them(self):
        self.make(primary_args=("--vm2vm", "0"))
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        a.do(f"send dev=0 dst={BROADCAST} flow=1")
        a.do(f"send dev=0 dst={B} flow=2")
        for flow in (1, 2):
            self.wait_book(self.switch.wire, flow, 1)
        self.switch.wire.send(seq.frame(BROADCAST, A, 1))
        self.switch.wire.send(seq.frame(B, A, 2))
        self.switch.wire.send(seq.frame(A, HOST_MAC, 3))
        for guest, flow in ((b, 1), (b, 2), (a, 3)):
            self.assert_whole(self.wait_book(guest, flow, 1), 1)
        self.assertEqual(0, a.book(1)["frames"])

# SPDX-License-Identifier: BSD-3-Clause
"""Tags inside the guests' frames: what a guest may send and gets, from the wire and from others, as an 802.1Q edge does."""

import struct

import seq
from case import SharedCase
from wire import BROADCAST, HOST_MAC

A, B, T, U = (f"02:00:00:00:04:{n:02x}" for n in (1, 2, 3, 4))
T_ID, U_ID = 201, 202


def tags(raw, *words):
    """The frame with these tags, each (type, tci), the outer one first."""
    return raw[:12] + b"".join(struct.pack("!HH", *w) for w in words) + raw[12:]


class Vlans(SharedCase):
    """A and B have no tag inside, T and U are trunks; U's list has its own VLAN too."""

    conf = {"guests": [{"domid": T_ID, "vlan_inside": "7,100-102"}, {"domid": U_ID, "vlan_inside": "7-8,1000-1015"}]}

    def setUp(self):
        super().setUp()
        self.number = 0

    def guest(self, mac, domid=None):
        if domid is not None:
            self.bench.sim.create(domid, "--compat22")
        guest = self.bench.fe22(mac, domid)
        guest.mac = mac
        guest.vlan = self.switch.vif(guest.domid)["vlan"]
        guest.do("capture 0 all")
        return guest

    def frame(self, dst, src):
        self.number += 1
        return seq.frame(dst, src, 5000 + self.number)

    def send(self, guest, raw):
        guest.do(f"sendhex 0 {raw.hex()}")

    def behind_wire(self, guest):
        """The frames that the guest got of those that the wire sent so far."""
        mark = self.frame(guest.mac, HOST_MAC)
        self.switch.wire.send(mark)
        return self.until(guest.frames, mark)

    def behind_guest(self, sender, take, dst):
        """The same of those that the guest sent so far to where frames to dst go."""
        mark = self.frame(dst, sender.mac)
        self.send(sender, mark)
        return self.until(take, mark)

    def until(self, take, mark):
        got = []

        def more():
            got.extend(take())
            return mark in got
        self.wait("the frame behind", more)
        got.remove(mark)
        return [f for f in got if len(f) >= 60 and (seq.parse(f) or b"XVSQ" in f)]

    def wire(self):
        return self.switch.wire.take()


class Inside(Vlans):

    def test_a_guest_without_a_trunk_sends_no_tags(self):
        a, b = self.guest(A), self.guest(B)
        bad = [((0x8100, 1000),), ((0x8100, a.vlan),), ((0x8100, 4095),), ((0x88a8, a.vlan),), ((0x9100, 1),),
               ((0x8100, 0), (0x8100, b.vlan)), ((0x8100, a.vlan), (0x8100, b.vlan)), ((0x88a8, 1), (0x8100, 1))]
        for dst in (B, HOST_MAC, BROADCAST):
            for words in bad:
                self.send(a, tags(self.frame(dst, A), *words))
        self.assertEqual([], self.behind_guest(a, b.frames, B))
        self.assertEqual([], self.behind_guest(a, self.wire, HOST_MAC))
        self.wait_drop(a.domid, "tx_tag", 3 * len(bad))

    def test_a_priority_tag_is_taken_out(self):
        a, b = self.guest(A), self.guest(B)
        raw = self.frame(B, A), self.frame(HOST_MAC, A), self.frame(BROADCAST, A)
        for f in raw:
            self.send(a, tags(f, (0x8100, 0xe000)))
        self.assertEqual([raw[1], raw[2]], self.behind_guest(a, self.wire, HOST_MAC))
        self.wait("both", lambda: self.switch.vif(b.domid)["rx_frames"] >= 2)
        self.assertEqual({raw[0], raw[2]}, set(self.behind_guest(a, b.frames, B)))
        self.assertEqual(0, self.switch.drops(a.domid)["tx_tag"])

    def test_a_trunk_sends_its_tags_and_no_others(self):
        t, a = self.guest(T, T_ID), self.guest(A)
        good = [tags(self.frame(dst, T), (0x8100, tci)) for dst in (HOST_MAC, BROADCAST) for tci in (7, 0x6064, 102)]
        bad = [tags(self.frame(dst, T), *words) for dst in (HOST_MAC, BROADCAST, A)
               for words in (((0x8100, 8),), ((0x8100, t.vlan),), ((0x8100, 7), (0x8100, 7)), ((0x88a8, 7),),
                             ((0x8100, 7), (0x88a8, 7)))]
        for f in good + bad:
            self.send(t, f)
        self.assertEqual(good, self.behind_guest(t, self.wire, HOST_MAC))
        self.assertEqual([], self.behind_guest(t, a.frames, A))
        self.wait_drop(t.domid, "tx_tag", len(bad))

    def test_a_trunk_gets_its_tags_from_the_wire_and_its_own_vlan_without(self):
        t, u, a = self.guest(T, T_ID), self.guest(U, U_ID), self.guest(A)
        for guest in (t, u):
            plain, own, seven, lost, ad = (self.frame(guest.mac, HOST_MAC) for _ in range(5))
            for f in (plain, tags(own, (0x8100, guest.vlan)), tags(seven, (0x8100, 0x2007)), tags(lost, (0x8100, 9)),
                      tags(ad, (0x88a8, 7)), tags(ad, (0x8100, 7), (0x8100, 7)), tags(ad, (0x9100, 7))):
                self.switch.wire.send(f)
            self.assertEqual([plain, own if guest is t else tags(own, (0x8100, guest.vlan)), tags(seven, (0x8100, 0x2007))],
                             self.behind_wire(guest))
            self.wait_drop(guest.domid, "wire_rx_wrong_tag", 1)
            self.wait_drop(guest.domid, "wire_rx_tags", 3)
        seven, own = self.frame(BROADCAST, HOST_MAC), self.frame(BROADCAST, HOST_MAC)
        self.switch.wire.send(tags(seven, (0x8100, 7)))
        self.switch.wire.send(tags(own, (0x8100, a.vlan)))
        self.assertEqual([tags(seven, (0x8100, 7))], self.behind_wire(t))
        self.assertEqual([tags(seven, (0x8100, 7)), tags(own, (0x8100, a.vlan))], self.behind_wire(u))
        self.assertEqual([own], self.behind_wire(a))

    def test_a_frame_with_a_tag_of_802_1ad_reaches_nobody(self):
        a = self.guest(A)
        for words in (((0x88a8, a.vlan),), ((0x88a8, 0),), ((0x9100, a.vlan),), ((0x8100, a.vlan), (0x8100, 1))):
            for dst in (A, BROADCAST):
                self.switch.wire.send(tags(self.frame(dst, HOST_MAC), *words))
        self.assertEqual([], self.behind_wire(a))
        self.wait_drop(a.domid, "wire_rx_tags", 4)
        self.assertGreaterEqual(self.switch.show()["uplinks"][0]["drops"]["tags"], 4)

    def test_between_guests_a_tag_reaches_who_has_its_vlan(self):
        t, u, a = self.guest(T, T_ID), self.guest(U, U_ID), self.guest(A)
        # The receiver judges: T's 7 reaches U with the tag, and not A; A's own VLAN comes to it without.
        one, two, three = self.frame(U, T), self.frame(A, T), self.frame(A, U)
        self.send(t, tags(one, (0x8100, 7)))
        self.send(t, tags(two, (0x8100, 7)))
        self.send(u, tags(three, (0x8100, a.vlan)))
        self.assertEqual([tags(one, (0x8100, 7))], self.behind_guest(t, u.frames, U))
        self.assertEqual([three], self.behind_guest(u, a.frames, A))
        self.behind_guest(t, a.frames, A)
        self.wait_drop(a.domid, "rx_tag", 1)
        many, own = self.frame(BROADCAST, U), self.frame(BROADCAST, U)
        self.send(u, tags(many, (0x8100, 7)))
        self.send(u, tags(own, (0x8100, a.vlan)))
        self.assertEqual([tags(many, (0x8100, 7)), tags(own, (0x8100, a.vlan))],
                         self.behind_guest(u, self.wire, HOST_MAC))
        self.wait("its own", lambda: own in a.frames())
        self.assertEqual([tags(many, (0x8100, 7))], self.behind_guest(u, t.frames, T))
        self.assertEqual(1, self.switch.drops(a.domid)["rx_tag"], "a broadcast of another VLAN doesn't concern it")


class Out(Vlans):
    conf = {"guest": {"vlan_out": True, "vlan_inside": "own"}, "guests": [{"domid": T_ID, "vlan_inside": "7"}]}

    def test_with_vlan_out_there_are_never_two_tags(self):
        a, t = self.guest(A), self.guest(T, T_ID)
        plain, own = self.frame(HOST_MAC, A), self.frame(HOST_MAC, A)
        self.send(a, plain)
        self.send(a, tags(own, (0x8100, a.vlan)))
        self.send(a, tags(self.frame(HOST_MAC, A), (0x8100, t.vlan)))
        seven, hop = self.frame(BROADCAST, T), self.frame(BROADCAST, T)
        self.send(t, tags(seven, (0x8100, 7)))
        self.send(t, tags(hop, (0x8100, a.vlan)))
        self.wait("all", lambda: self.switch.vif(a.domid)["wire"]["tx_frames"] >= 2
                  and self.switch.vif(t.domid)["wire"]["tx_frames"] >= 1)
        got = [f for f in self.wait("the frames", self.wire) if b"XVSQ" in f]
        self.assertEqual({tags(plain, (0x8100, a.vlan)), tags(own, (0x8100, a.vlan)), tags(seven, (0x8100, 7))}, set(got))
        self.wait_drop(a.domid, "tx_tag", 1)
        self.wait_drop(t.domid, "tx_tag", 1)

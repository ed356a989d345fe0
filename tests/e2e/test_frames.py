# SPDX-License-Identifier: BSD-3-Clause
"""The switching rules, with guests of DPDK 2.2 and the wire."""

import seq
from case import SharedCase
from wire import BROADCAST, HOST_MAC

A, B, C = "00:00:00:00:00:11", "00:00:00:00:00:22", "00:00:00:00:00:33"
STRANGER = "02:00:00:00:99:99"
MULTICAST = "01:00:5e:00:00:05"
LENGTHS = (42, 60, 64, 1514)


def padded(raw):
    return raw if len(raw) >= 60 else raw + bytes(60 - len(raw))


class Frames(SharedCase):

    def setUp(self):
        super().setUp()
        self.a = self.bench.fe22(A)
        self.vlan = self.switch.vif(self.a.domid)["vlan"]

    def wire_has(self, flow, count=1):
        self.wait_book(self.switch.wire, flow, count)
        return [f for f in self.switch.wire.take() if (seq.parse(f) or {}).get("flow") == flow]

    def to_wire(self, guest, flow, device=0):
        """A frame that comes through behind whatever the guest sent before."""
        guest.do(f"send dev={device} dst={HOST_MAC} flow={flow}")
        self.wait_book(self.switch.wire, flow, 1)

    def to_guest(self, guest, flow, mac, device=0):
        """A frame that reaches the guest behind whatever the wire sent before."""
        self.switch.wire.send(seq.frame(mac, HOST_MAC, flow))
        self.wait_book(guest, flow, 1, device)

    # Byte for byte

    def test_guest_to_wire_byte_for_byte(self):
        for i, length in enumerate(LENGTHS):
            with self.subTest(length=length):
                self.a.do(f"send dev=0 dst={HOST_MAC} len={length} flow={i + 1} seq=7")
                self.assertEqual([padded(seq.frame(HOST_MAC, A, i + 1, 7, length))], self.wire_has(i + 1))

    def test_frames_of_14_to_59_bytes_are_padded_with_zeros_on_the_wire(self):
        for length in (14, 15, 59):
            raw = bytes.fromhex("020000990001") + seq.mac_bytes(A) + b"\x88\xb6" + bytes(range(1, length - 13))
            with self.subTest(length=length):
                self.a.do(f"sendhex 0 {raw.hex()}")
                self.to_wire(self.a, 100 + length)
                self.assertIn(padded(raw), self.switch.wire.take())

    def test_wire_to_guest_byte_for_byte(self):
        self.a.do("capture 0 all")
        for vlan in (None, self.vlan):
            for length in LENGTHS:
                with self.subTest(length=length, vlan=vlan):
                    raw = padded(seq.frame(A, HOST_MAC, 1, 9, length))
                    self.switch.wire.send(seq.tagged(raw, vlan))
                    frames = self.wait("the frame", lambda: self.a.frames())
                    self.assertEqual([raw], frames)

    def test_guest_to_guest_byte_for_byte(self):
        b = self.bench.fe22(B)
        b.do("capture 0 all")
        for length in (14, *LENGTHS, 2047, 2048):
            with self.subTest(length=length):
                raw = seq.frame(B, A, 3, 200, max(length, seq.FRAME_MIN))[:length]
                self.a.do(f"sendhex 0 {raw.hex()}")
                self.assertEqual([raw], self.wait("the frame", lambda: b.frames()))

    def test_numbered_frames_come_whole_both_ways_at_once(self):
        self.switch.wire.keep = False
        self.a.do(f"flow 1 dev=0 dst={HOST_MAC} count=2000 rate=1000 len=256")
        flow = self.switch.wire.flow(2, A, HOST_MAC, 1000, 2000, 256, self.vlan)
        flow.join()
        self.assert_whole(self.wait_book(self.a, 2, 2000), 2000)
        self.assert_whole(self.wait_book(self.switch.wire, 1, 2000), 2000)

    def test_numbered_frames_come_whole_between_guests_both_ways_at_once(self):
        b = self.bench.fe22(B)
        self.a.do(f"flow 1 dev=0 dst={B} count=3000 rate=1500 len=1514")
        b.do(f"flow 2 dev=0 dst={A} count=3000 rate=1500 len=64")
        self.assert_whole(self.wait_book(b, 1, 3000), 3000)
        self.assert_whole(self.wait_book(self.a, 2, 3000), 3000)
        self.assertEqual([], [f for f in self.switch.wire.take() if seq.parse(f)], "nothing of it on the wire")

    # Where frames go

    def test_a_broadcast_of_a_guest_reaches_the_other_guests_and_the_wire(self):
        b, c = self.bench.fe22(B), self.bench.fe22(C)
        for dst in (BROADCAST, MULTICAST):
            with self.subTest(dst=dst):
                flow = 1 if dst == BROADCAST else 2
                self.a.do(f"send dev=0 dst={dst} flow={flow}")
                for receiver in (b, c, self.switch.wire):
                    self.assert_whole(self.wait_book(receiver, flow, 1), 1)
                b.do(f"send dev=0 dst={A} flow={10 + flow}")
                self.wait_book(self.a, 10 + flow, 1)
                self.assertEqual(0, self.a.book(flow)["frames"], "not the sender")

    def test_an_untagged_group_frame_of_the_wire_reaches_all(self):
        b = self.bench.fe22(B)
        for flow, dst in ((1, BROADCAST), (2, MULTICAST)):
            self.switch.wire.send(seq.frame(dst, HOST_MAC, flow))
            for guest in (self.a, b):
                self.assert_whole(self.wait_book(guest, flow, 1), 1)

    def test_a_tagged_group_frame_of_the_wire_reaches_the_tags_device_only(self):
        b = self.bench.fe22(B)
        b.do("capture 0 all")
        vlan = self.switch.vif(b.domid)["vlan"]
        self.assertNotEqual(self.vlan, vlan)
        raw = seq.frame(BROADCAST, HOST_MAC, 1)
        self.switch.wire.send(seq.tagged(raw, vlan))
        self.assertEqual([raw], self.wait("the frame", lambda: b.frames()))
        self.to_guest(self.a, 2, A)
        self.assertEqual(0, self.a.book(1)["frames"])

    def test_an_unknown_destination_goes_to_the_wire_only(self):
        b = self.bench.fe22(B)
        self.a.do(f"send dev=0 dst={STRANGER} flow=1")
        self.wait_book(self.switch.wire, 1, 1)
        self.a.do(f"send dev=0 dst={B} flow=2")
        self.wait_book(b, 2, 1)
        self.assertEqual(0, b.book(1)["frames"])

    def test_a_known_destination_does_not_reach_the_wire(self):
        self.bench.fe22(B)
        self.a.do(f"send dev=0 dst={B} flow=1")
        self.to_wire(self.a, 2)
        self.assertEqual(0, self.switch.wire.book(1)["frames"])

    def test_a_frame_of_the_wire_with_anothers_tag_is_dropped_and_counted(self):
        for vlan in (self.vlan + 1, self.vlan - 1, 4094, 1):
            self.switch.wire.send(seq.frame(A, HOST_MAC, 1, vlan=vlan))
        self.to_guest(self.a, 2, A)
        self.assertEqual(0, self.a.book(1)["frames"])
        self.wait_drop(self.a.domid, "wire_rx_wrong_tag", 4)

    def test_a_frame_of_the_wire_with_a_priority_tag_counts_as_untagged(self):
        self.a.do("capture 0 all")
        raw = seq.frame(A, HOST_MAC, 1)
        self.switch.wire.send(seq.tagged(raw, 0))
        self.assertEqual([raw], self.wait("the frame", lambda: self.a.frames()))

    def test_frames_towards_the_wire_are_untagged(self):
        self.a.do(f"send dev=0 dst={HOST_MAC} flow=1")
        self.assertIsNone(seq.parse(self.wire_has(1)[0])["vlan"])

    def test_unknown_destinations_of_the_wire_are_dropped(self):
        self.switch.wire.send(seq.frame(STRANGER, HOST_MAC, 1))
        self.switch.wire.send(seq.frame(STRANGER, HOST_MAC, 1, vlan=self.vlan))
        self.to_guest(self.a, 2, A)
        self.assertEqual(0, self.a.book(1)["frames"])
        self.assertEqual([], self.switch.wire.take(), "nor sent back")

    def test_a_spoofed_source_is_dropped_and_counted(self):
        b = self.bench.fe22(B)
        for src in (B, STRANGER, BROADCAST, "00:00:00:00:00:00"):
            self.a.do(f"send dev=0 dst={B} src={src} flow=1")
            self.a.do(f"send dev=0 dst={HOST_MAC} src={src} flow=1")
            self.a.do(f"send dev=0 dst={BROADCAST} src={src} flow=1")
        self.a.do(f"send dev=0 dst={B} flow=2")
        self.wait_book(b, 2, 1)
        self.to_wire(self.a, 3)
        self.assertEqual(0, b.book(1)["frames"])
        self.assertEqual(0, self.switch.wire.book(1)["frames"])
        self.wait_drop(self.a.domid, "tx_spoofed", 12)

    def test_a_frame_to_its_own_mac_is_dropped_and_counted(self):
        self.a.do(f"send dev=0 dst={A} flow=1 count=3")
        self.to_wire(self.a, 2)
        self.wait_drop(self.a.domid, "tx_to_self", 3)
        self.assertEqual((0, 0), (self.a.book(1)["frames"], self.switch.wire.book(1)["frames"]))

    def test_runts_and_giants_are_dropped_and_the_queue_lives(self):
        self.a.do(f"sendhex 0 {seq.frame(HOST_MAC, A, 1)[:13].hex()}")
        self.a.do("sendhex 0 00")
        self.a.do(f"send dev=0 dst={HOST_MAC} flow=1 len=2049 segs=2")
        self.a.do(f"send dev=0 dst={HOST_MAC} flow=1 len=20000 segs=10")
        self.to_wire(self.a, 2)
        self.wait_drop(self.a.domid, "tx_runt", 2)
        self.wait_drop(self.a.domid, "tx_oversize", 2)
        self.assertEqual(0, self.switch.wire.book(1)["frames"])

    # Guests of several parts

    def test_two_devices_of_one_guest_are_two_ports(self):
        self.a.device(1, B, pool=0, new_pool=False, options="bufs=128")
        vif = self.a.running(1)
        self.assertNotEqual(self.vlan, vif["vlan"])
        self.a.do(f"send dev=0 dst={B} flow=1")
        self.a.do(f"send dev=1 dst={A} flow=2")
        self.assert_whole(self.wait_book(self.a, 1, 1, 1), 1)
        self.assert_whole(self.wait_book(self.a, 2, 1, 0), 1)
        self.switch.wire.send(seq.frame(B, HOST_MAC, 3, vlan=vif["vlan"]))
        self.assert_whole(self.wait_book(self.a, 3, 1, 1), 1)
        self.assertEqual(0, self.a.book(3, 0)["frames"])

    def test_frames_may_lie_in_several_mempools(self):
        guest = self.bench.fe22()
        guest.do("pool 0 count=300")
        guest.do("pool 1 count=300")
        guest.do("pool 2 count=10")
        guest.do(f"dev 0 mac={B} pool=1 txpool=0")
        guest.do("start 0")
        guest.running()
        guest.do(f"flow 1 dev=0 dst={A} count=1000 rate=1000 len=1514")
        self.assert_whole(self.wait_book(self.a, 1, 1000), 1000)
        self.a.do(f"flow 2 dev=0 dst={B} count=500 rate=1000 len=1514")
        self.assert_whole(self.wait_book(guest, 2, 500), 500)

    def test_a_list_may_end_with_minus_one(self):
        guest = self.bench.fe22(B, options=("--list-end", "-1"))
        self.a.do(f"send dev=0 dst={B} flow=1")
        self.wait_book(guest, 1, 1)

    def test_a_mempool_may_fill_its_last_list_page(self):
        guest = self.bench.fe22()
        guest.do("pool 0 count=1024 size=1920")  # 512 pages: one page of pairs, no room for an end
        self.assertEqual(512, len(guest.do("refs pool 0")["refs"]))
        self.assertEqual(1, len(guest.do("refs pool 0")["lists"]))
        guest.device(0, B, new_pool=False)
        guest.running()
        self.a.do(f"flow 1 dev=0 dst={B} count=300 rate=1000 len=1514")
        self.assert_whole(self.wait_book(guest, 1, 300), 300)

    # Descriptor chains

    def test_chains_of_any_shape_carry_a_frame(self):
        flow = 10
        for hdr in ("null", "own", "inline", "split"):
            for segs, zeros in ((1, 0), (2, 0), (3, 1), (17, 0), (30, 1), (60, 0)):
                with self.subTest(hdr=hdr, segs=segs, zeros=zeros):
                    flow += 1
                    raw = seq.frame(HOST_MAC, A, flow, 5, 1000)
                    self.a.do(f"sendhex 0 {raw.hex()} hdr={hdr} segs={segs} zeros={zeros}")
                    self.assertEqual([raw], self.wire_has(flow))
                    self.switch.wire.forget()

    def test_receive_buffers_may_be_chains(self):
        for domid, (segs, size) in enumerate(((2, 800), (4, 520), (12, 180)), 1):
            with self.subTest(segs=segs, size=size):
                guest = self.bench.fe22(f"02:00:00:00:01:0{domid}", options=(), new_pool=True)
                guest.do(f"dev 0 mac=02:00:00:00:02:0{domid} pool=0 bufs=20 rxsegs={segs} rxsegbytes={size}")
                guest.do("start 0")
                self.wait("the new MAC", lambda g=guest, d=domid: (self.switch.vif(g.domid) or {}).get("mac")
                          == f"02:00:00:00:02:0{d}" and self.switch.vif(g.domid)["state"] == "running")
                guest.do("capture 0 all")
                for length in (60, 777, 1514):
                    raw = seq.frame(f"02:00:00:00:02:0{domid}", A, 1, 3, length)
                    self.a.do(f"sendhex 0 {raw.hex()}")
                    self.assertEqual([raw], self.wait("the frame", guest.frames))
                guest.kill()

    def test_a_frame_longer_than_the_receive_buffer_is_dropped_and_counted(self):
        b = self.bench.fe22(B, options=(), new_pool=True)
        b.do(f"dev 0 mac={C} pool=0 bufs=20 rxsegbytes=110")
        b.do("start 0")
        self.wait("the new MAC", lambda: (self.switch.vif(b.domid) or {}).get("mac") == C
                  and self.switch.vif(b.domid)["state"] == "running")
        for length in (100, 101, 1514, 64):
            self.a.do(f"send dev=0 dst={C} flow={length} len={length}")
        self.wait_book(b, 64, 1)
        self.assertEqual([1, 0, 0], [b.book(n)["frames"] for n in (100, 101, 1514)])
        self.wait_drop(b.domid, "rx_buffer_small", 2)


class Options(SharedCase):
    conf = {"guest": {"mac_spoof_check": False, "vlan_out": True}}

    def test_with_the_check_off_a_guest_may_use_any_source(self):
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        a.do(f"send dev=0 dst={B} src={STRANGER} flow=1")
        a.do(f"send dev=0 dst={HOST_MAC} src={STRANGER} flow=2")
        self.assert_whole(self.wait_book(b, 1, 1), 1)
        self.assert_whole(self.wait_book(self.switch.wire, 2, 1), 1)

    def test_with_vlan_out_frames_towards_the_wire_have_the_devices_tag(self):
        for mac in (A, B):
            guest = self.bench.fe22(mac)
            vlan = self.switch.vif(guest.domid)["vlan"]
            for length in LENGTHS:
                with self.subTest(mac=mac, length=length):
                    guest.do(f"send dev=0 dst={HOST_MAC} flow={length + vlan} len={length}")
                    self.wait_book(self.switch.wire, length + vlan, 1)
                    frames = [seq.parse(f) for f in self.switch.wire.take()]
                    self.assertEqual([(vlan, True)], [(f["vlan"], f["ok"]) for f in frames if f])


class PriorityTag(SharedCase):
    """What DPDK 2.2 sent to the wire; per guest and per device."""
    conf = {"guest": {"priority_tag": True}, "guests": [
        {"domid": 2, "priority_tag": False, "vifs": [{"device": 1, "priority_tag": True}]},
        {"domid": 3, "vifs": [{"device": 0, "vlan_out": True}]}]}

    def test_it_has_vlan_0_and_a_tag_of_its_own_instead(self):
        a, b, c = (self.bench.fe22(mac) for mac in (A, B, C))
        b.device(1, STRANGER, pool=1)
        b.running(1)
        own = self.switch.vif(c.domid)["vlan"]
        for flow, guest, device, tag in ((1000, a, 0, 0), (3000, b, 0, None), (5000, b, 1, 0), (7000, c, 0, own)):
            for length in LENGTHS:
                with self.subTest(flow=flow, length=length):
                    guest.do(f"send dev={device} dst={HOST_MAC} flow={flow + length} len={length}")
                    self.wait_book(self.switch.wire, flow + length, 1)
                    raw = [f for f in self.switch.wire.take() if seq.parse(f)]
                    self.assertEqual(1, len(raw))
                    self.assertEqual(max(length, 60) + (0 if tag is None else 4), len(raw[0]))
                    head = b"" if tag is None else b"\x81\x00" + tag.to_bytes(2, "big")
                    self.assertEqual(head, raw[0][12:12 + len(head)])
                    self.assertEqual(tag is None, raw[0][12:14] != b"\x81\x00")
        a.do(f"send dev=0 dst={C} flow=9 len=100")
        self.assert_whole(self.wait_book(c, 9, 1), 1)
        self.assertEqual(100, self.switch.vif(c.domid)["rx_bytes"], "to a guest it goes as it was sent")


class Promiscuous(SharedCase):
    conf = {"guest": {"promiscuous": True}}

    def test_it_gets_what_is_nobodys_untagged_or_with_its_tag_and_nothing_of_others(self):
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        vlan = self.switch.vif(a.domid)["vlan"]
        self.switch.wire.send(seq.frame(STRANGER, HOST_MAC, 1))
        self.switch.wire.send(seq.frame(STRANGER, HOST_MAC, 2, vlan=vlan))
        self.switch.wire.send(seq.frame(B, HOST_MAC, 3))
        for guest in (a, b):
            self.assert_whole(self.wait_book(guest, 1, 1), 1)
        self.assert_whole(self.wait_book(a, 2, 1), 1)
        self.assert_whole(self.wait_book(b, 3, 1), 1)
        self.assertEqual([0, 0], [a.book(3)["frames"], b.book(2)["frames"]])


class NoSwitchingInside(SharedCase):
    primary_args = ("--vm2vm", "0")

    def test_guests_reach_each_other_by_the_wire_only(self):
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        for flow, dst in ((1, B), (2, BROADCAST), (3, STRANGER)):
            a.do(f"send dev=0 dst={dst} flow={flow}")
            self.assert_whole(self.wait_book(self.switch.wire, flow, 1), 1)
        self.switch.wire.send(seq.frame(B, A, 4))
        self.wait_book(b, 4, 1)
        self.assertEqual([0, 0, 0], [b.book(n)["frames"] for n in (1, 2, 3)])


class Veth(SharedCase):
    uplink = "veth"

    def test_a_veth_is_an_uplink_too(self):
        a = self.bench.fe22(A)
        vlan = self.switch.vif(a.domid)["vlan"]
        for length in (60, 1514):
            a.do(f"flow {length} dev=0 dst={HOST_MAC} count=500 rate=500 len={length}")
            flow = self.switch.wire.flow(length + 1, A, HOST_MAC, 500, 500, length, vlan)
            flow.join()
            self.assert_whole(self.wait_book(self.switch.wire, length, 500), 500)
            self.assert_whole(self.wait_book(a, length + 1, 500), 500)


class NoUplink(SharedCase):
    uplink = "none"

    def test_guests_reach_each_other_without_an_uplink(self):
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        a.do(f"send dev=0 dst={B} flow=1 count=10")
        self.assert_whole(self.wait_book(b, 1, 10), 10)
        a.do(f"send dev=0 dst={STRANGER} flow=2 count=4")
        self.wait_drop(a.domid, "tx_no_uplink", 4)

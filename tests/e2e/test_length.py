# SPDX-License-Identifier: BSD-3-Clause
"""How long a frame may be: whole or dropped and counted, never cut; the uplink's MTU, and tags beyond it."""

import ctypes
import fcntl
import socket
import struct
import subprocess

import case
import seq
from wire import HOST_MAC

A = "02:00:00:00:05:01"
VLAN = 1000
UDP_SEGMENT = 103
SLOTS = (*range(1981, 1991), 2013, 2014, 2047, 2048, 2049, 2051, 2052, 2053, 4029, 4030, 4031, 9000)


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def tags(raw, *types):
    """The frame with tags of these types: with its own VLAN first, then with any."""
    for i, kind in enumerate(reversed(types)):
        vlan = VLAN if i == len(types) - 1 else 77
        raw = raw[:12] + struct.pack("!HH", kind, vlan) + raw[12:]
    return raw


def netif_mtu(name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return struct.unpack("16xi12x", fcntl.ioctl(sock, 0x8921, struct.pack("16s16x", name.encode())))[0]


def gro(name, value=None):
    """Sets it, or says it."""
    what = ctypes.create_string_buffer(struct.pack("II", 0x2B if value is None else 0x2C, value or 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8946, struct.pack("16sP8x", name.encode(), ctypes.addressof(what)))  # SIOCETHTOOL
    return struct.unpack("II", what.raw[:8])[1]


def checksum(frame):
    """Of IPv4 and UDP together: 0 if both are right."""
    def total(raw):
        n = sum(struct.unpack(f"!{len(raw) // 2}H", raw))
        while n >> 16:
            n = (n & 0xFFFF) + (n >> 16)
        return n ^ 0xFFFF
    header, rest = frame[14:34], frame[34:]
    return total(header) | total(header[12:20] + struct.pack("!HH", 17, len(rest)) + rest + bytes(len(rest) % 2))


class Length(case.OwnCase):
    def guest(self, conf=None, **kw):
        """One that may send its own tag."""
        conf = conf or {}
        self.make(conf={**conf, "guest": {**conf.get("guest", {}), "vlan_inside": "own"}}, **kw)
        self.a = self.bench.fe22(A)
        self.a.do("capture 0 all")
        self.flow = 0

    def mtu(self, value, mine=True, others=True):
        """Of the interfaces; waits until the switch knows it."""
        for name in self.switch.ifnames:
            for n in [name] * others + [name + "s"] * (mine and self.switch.uplink == "veth"):
                ip("link", "set", n, "mtu", str(value))

    def wait_mtu(self, value):
        self.wait(f"MTU {value}", lambda: self.switch.show()["uplinks"][0]["mtu"] == value)

    def down(self, length, *types):
        """Sends a frame of that length to the guest, with these tags and the length that they add. What came of it."""
        before = self.drops()
        raw = tags(seq.frame(A, HOST_MAC, 1, length, length), *types)
        self.switch.wire.send(raw)
        return self.outcome(before, self.a.frames, raw[:12] + raw[16:] if types[:1] == (0x8100,) else raw)

    def up(self, length, *types):
        """The same from the guest to the wire."""
        before = self.drops()
        raw = tags(seq.frame(HOST_MAC, A, 2, length, length), *types)
        self.a.do(f"sendhex 0 {raw.hex()}")
        return self.outcome(before, self.switch.wire.take, raw)

    def udp(self, name, n):
        """60,000 bytes for the guest from the kernel's own protocols, to be sent as datagrams of 1,000. Waits for n of them."""
        ip("addr", "add", "10.9.0.1/24", "dev", name)
        ip("neigh", "replace", "10.9.0.7", "lladdr", A, "dev", name)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
            sock.sendto(bytes(range(250)) * 240, ("10.9.0.7", 9))
        got = []

        def enough():
            got.extend(f for f in self.a.frames() if f[12:14] == b"\x08\x00")
            return len(got) >= n
        self.wait("datagrams", enough)
        return got

    def drops(self):
        return {**self.switch.drops(self.a.domid), **self.switch.show()["uplinks"][0]["drops"]}

    def outcome(self, before, take, raw):
        """Either "whole" or the one reason that was counted; a frame that is another fails."""
        def look():
            for frame in take():
                if frame[12:14] != b"\x86\xdd":
                    self.assertEqual((len(raw), raw), (len(frame), frame))
                    return "whole"
            return next((k for k, n in self.drops().items() if n > before[k]), None)
        return self.wait(f"what comes of {len(raw)} bytes", look)

    def assert_edges(self, longest, ways=("down", "up")):
        """Up to `longest` whole, a byte more isn't; as much longer with a tag."""
        for name in ways:
            way, reason = (self.down, "wire_rx_oversize") if name == "down" else (self.up, "wire_tx_oversize")
            for length, types, good in ((longest - 1, (), True), (longest, (), True), (longest + 1, (), False),
                                        (longest + 4, (), False), (longest, (0x8100,), True),
                                        (longest + 1, (0x8100,), False)):
                with self.subTest(way=name, length=length, types=types):
                    self.assertEqual("whole" if good else reason, way(length, *types))

    def assert_one_tag(self, outer_ad=True):
        """At an MTU of 1500, of which the interface has more. outer_ad: what comes in may begin with a tag of 802.1ad."""
        self.assertEqual("whole", self.up(1514, 0x8100))
        self.assertEqual("wire_tx_oversize", self.up(1515, 0x8100))
        self.assertEqual("whole", self.down(1514, 0x8100))
        self.assertEqual("wire_rx_oversize", self.down(1515, 0x8100))
        for types in ((0x8100, 0x8100), (0x8100, 0x88a8, 0x8100), *(((0x88a8, 0x8100), (0x88a8,)) if outer_ad else ())):
            with self.subTest(types=types):
                self.assertEqual("tx_tag", self.up(1500, *types))
                self.assertEqual("wire_rx_tags", self.down(1500, *types))


class Tap(Length):
    def test_tags_have_room_beyond_the_mtu_and_nothing_else_has(self):
        self.guest(conf={"nic": {"mtu": 1500}})
        self.assert_edges(1514, ["up"])
        # The kernel sends what its own MTU allows.
        self.mtu(9000)
        self.assert_edges(1514)
        self.assert_one_tag()
        self.assertEqual(1500, self.switch.show()["uplinks"][0]["mtu"])

    def test_the_switch_s_own_tag_has_room(self):
        self.guest(conf={"guest": {"vlan_out": True}})
        for types in ((), (0x8100,)):
            with self.subTest(types=types):
                before = self.drops()
                raw = seq.frame(HOST_MAC, A, 2, 1, 1514)
                self.a.do(f"sendhex 0 {tags(raw, *types).hex()}")
                self.assertEqual("whole", self.outcome(before, self.switch.wire.take, seq.tagged(raw, VLAN)))
        self.assertEqual("wire_tx_oversize", self.up(1515))

    def test_the_mtu_is_followed_up_and_down(self):
        self.guest()
        for mtu in (1500, 2034, 1000, 1504, 9000):
            self.mtu(mtu)
            self.wait_mtu(min(mtu, 2034))
            if mtu < 2034:
                self.assert_edges(mtu + 14, ["up"])
            self.assertEqual("whole", self.down(min(mtu, 2034) + 14))
        self.assertEqual("whole", self.up(2048))
        for length in SLOTS:
            with self.subTest(length=length):
                self.assertEqual("whole" if length <= 2048 else "wire_rx_oversize", self.down(length))
        self.assertEqual("whole", self.down(2048, 0x8100))
        self.assertEqual("wire_rx_oversize", self.down(2049, 0x8100))
        self.a.do(f"flow 5 dev=0 dst={HOST_MAC} count=100 rate=2000 len=2048")
        self.assert_whole(self.wait_book(self.switch.wire, 5, 100), 100)

    def test_what_the_kernel_sends_in_one_piece_comes_in_its_own_and_with_checksums(self):
        self.guest()
        frames = self.udp(self.switch.ifnames[0], 60)
        self.assertEqual([1042] * 60, [len(f) for f in frames])
        self.assertEqual([0] * 60, [checksum(f) for f in frames])


class AfPacket(Length):
    def test_tags_have_the_room_that_the_kernel_gives_them(self):
        self.guest(uplink="veth", conf={"nic": {"mtu": 1500}})
        self.assert_edges(1514, ["up"])
        self.mtu(9000)
        self.wait("the room", lambda: self.down(1514, 0x8100) == "whole")
        self.assert_edges(1514)
        self.assert_one_tag(outer_ad=False)  # net_af_packet makes an 802.1Q tag of it

    def assert_whole_or_dropped(self, devargs, lengths):
        self.guest(uplink="veth", conf={"primary": {"eal_args": [f"--vdev=net_af_packet0,iface=xvup0s{devargs}"]}})
        self.mtu(9000)
        self.wait_mtu(2034)
        for length in lengths:
            self.assertEqual("whole" if length <= 2048 else "wire_rx_oversize", self.down(length))
        self.assertEqual("whole", self.down(2048, 0x8100))
        self.assertEqual("whole", self.up(2048))

    def test_a_frame_comes_whole_or_not_at_all(self):
        self.assert_whole_or_dropped("", SLOTS)

    def test_slots_that_would_cut_are_made_longer(self):
        self.assert_whole_or_dropped(",framesz=2048,blocksz=8192,framecnt=8", (1982, 1983, 2048, 2049, 4031))

    def test_slots_that_mbufs_would_not_hold_are_made_shorter(self):
        self.assert_whole_or_dropped(",framesz=16384,blocksz=16384,framecnt=64", (1982, 2048, 2049, 4031, 9000))

    def test_what_the_kernel_put_together_is_dropped_and_counted(self):
        self.guest(uplink="veth")
        self.switch.primary.expect("is a veth: what this machine's own programs send")
        self.assertEqual([], self.udp("xvup0", 0))
        self.wait_drop(self.a.domid, "wire_rx_oversize", 1)
        self.assertEqual([], [f for f in self.a.frames() if f[12:14] == b"\x08\x00"])

    def test_gro_is_switched_off(self):
        self.make(uplink="veth", start=False)
        gro("xvup0s", 1)
        self.switch.start()
        self.switch.primary.expect("switched off GRO and LRO of its interface")
        self.assertEqual(0, gro("xvup0s"))

    def test_a_lowered_mtu_is_counted_at_the_guest(self):
        self.guest(uplink="veth")
        self.mtu(1000)
        self.wait_mtu(1000)
        self.a.do(f"send dev=0 dst={HOST_MAC} flow=3 len=1015 count=3")
        self.wait_drop(self.a.domid, "wire_tx_oversize", 3)
        self.a.do(f"send dev=0 dst={HOST_MAC} flow=4 len=1014 count=3")
        self.wait_book(self.switch.wire, 4, 3)
        self.assertEqual(3, self.switch.show()["uplinks"][0]["tx_frames"])


class Pcap(Length):
    def test_an_interface_of_pcap(self):
        self.guest(uplink="veth", conf={"primary": {
            "eal_args": ["--vdev=net_pcap0,rx_iface_in=xvup0s,tx_iface=xvup0s"]}})
        self.assert_edges(1514, ["up"])
        self.mtu(9000)
        self.wait_mtu(2034)
        for length in (1990, 2048, 2049, 9000):
            self.assertEqual("whole" if length <= 2048 else "wire_rx_oversize", self.down(length))
        self.assertEqual("whole", self.up(2048))

    def test_frames_that_a_capture_file_has_in_part_are_dropped_and_counted(self):
        name = f"{self.bench.dir}/in.pcap"
        frames = [seq.frame(A, HOST_MAC, 1, n, 1000) for n in range(6)]
        with open(name, "wb") as f:
            f.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            for n, raw in enumerate(frames):
                part = raw[:(1000, 999, 600, 14, 1, 0)[n]]
                f.write(struct.pack("=IIII", 0, 0, len(part), len(raw)) + part)
        self.make(uplink="none", start=False, n_uplinks=0, conf={"primary": {
            "eal_args": [f"--vdev=net_pcap0,rx_pcap={name},tx_pcap={self.bench.dir}/out.pcap"]}})
        self.switch.start()
        self.wait("the file to be read", lambda: self.switch.show()["uplinks"][0]["rx_frames"] >= 6)
        drops = self.switch.show()["uplinks"][0]["drops"]
        self.assertEqual((5, 1), (drops["cut"], drops["unknown_mac"]), drops)


class Mtu(Length):
    def test_each_uplink_has_its_own(self):
        self.make(n_uplinks=2, conf={"nic": {"mtu": 1400}, "uplinks": [{"number": 1, "mtu": 2034}]})
        self.assertEqual([1400, 2034], [u["mtu"] for u in self.switch.show()["uplinks"]])
        self.assertEqual([1400, 2034], [netif_mtu(name) for name in self.switch.ifnames])

    def test_one_that_the_device_can_t_have_ends_the_start(self):
        self.make(uplink="none", n_uplinks=0, start=False, conf={"nic": {"mtu": 2034}, "primary": {
            "eal_args": ["--vdev=net_af_packet0,iface=xvlong"]}})
        ip("link", "add", "xvshort", "type", "veth", "peer", "name", "xvother")
        self.addCleanup(ip, "link", "delete", "xvshort")
        ip("link", "add", "link", "xvshort", "name", "xvlong", "type", "macvlan")
        primary = self.switch.start_primary()
        self.assertEqual(1, primary.wait())
        self.assertIn("its interface takes no MTU of 2034: Invalid argument; change nic.mtu or uplinks.mtu",
                      primary.text())

    def test_the_guest_s_driver_is_told_and_told_again(self):
        self.make()
        pmd = self.bench.testpmd(A).ready()
        pmd.running()
        pmd.ask("port config mtu 0 1501", r"MTU \(1501\) > device max MTU \(1500\)")
        pmd.ask("show port info 0", r"Maximum configurable length of RX packet: 1522")
        self.mtu(1000)
        pmd.expect("device 0: MTU 1500, and its uplink carries 1000: longer frames reach other guests only")
        pmd.ask("show port info 0", r"Maximum configurable length of RX packet: 1022")
        pmd.ask("port config mtu 0 1001", r"MTU \(1001\) > device max MTU \(1000\)")
        self.mtu(9000)
        self.wait("the guest to know", lambda: "2048" in pmd.ask(
            "show port info 0", r"Maximum configurable length of RX packet: (\d+)").group(1))

    def test_without_an_uplink_it_is_what_the_switch_carries(self):
        self.make(uplink="none", n_uplinks=0)
        pmd = self.bench.testpmd(A).ready()
        pmd.running()
        pmd.ask("show port info 0", r"Maximum configurable length of RX packet: 2048")

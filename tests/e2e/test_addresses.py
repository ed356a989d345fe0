# SPDX-License-Identifier: BSD-3-Clause
"""Guests that may send from addresses of their own only, and be no DHCP server or router."""

import os
import signal
import struct

from case import OwnCase
from packet import ICMPV6, UDP, arp, behind_options, ether, icmpv6, ipv4, ipv6, udp
from wire import BROADCAST, HOST_MAC

A, B, C = "02:16:3e:00:07:01", "02:16:3e:00:07:02", "02:16:3e:00:07:03"
A_LOCAL, B_LOCAL = "fe80::16:3eff:fe00:701", "fe80::16:3eff:fe00:702"
IPV4, ARP, IPV6 = 0x0800, 0x0806, 0x86dd
CONF = {"guests": [
    {"domid": 1, "vifs": [{"device": 0, "addresses": ["192.0.2.5", "198.51.100.0/24", "2001:db8::5"]}]},
    {"domid": 2, "dhcp_guard": True, "ra_guard": True, "vlan_inside": "7"},
    {"domid": 3, "vifs": [{"device": 0, "addresses": []}]}]}


class Addresses(OwnCase):

    def setUp(self):
        super().setUp()
        self.make(conf=CONF)
        self.number = 0

    def guest(self, mac, domid):
        self.bench.sim.create(domid, "--compat22")
        guest = self.bench.fe22(mac, domid)
        guest.mac = mac
        guest.do("capture 0 all")
        return guest

    def frames(self, guest, packets, dst):
        frames = []
        for kind, packet in packets:
            self.number += 1
            frames.append(ether(kind, packet, dst, guest.mac, self.number))
        return frames

    def sends(self, guest, packets, take, dst=HOST_MAC):
        """Those of the packets that came, by their place; the last one comes."""
        frames, got = self.frames(guest, packets, dst), []
        for f in frames:
            guest.do(f"sendhex 0 {f.hex()}")

        def last():
            got.extend(take())
            return frames[-1] in got
        self.wait("the last packet", last)
        return [i for i, f in enumerate(frames) if f in got]

    good = [(IPV4, ipv4("192.0.2.5")), (IPV4, ipv4("198.51.100.255")), (IPV4, ipv4("0.0.0.0", udp(68, 67), UDP)),
            (ARP, arp(A, "192.0.2.5", "192.0.2.1")), (ARP, arp(A, "0.0.0.0", "192.0.2.5")),
            (IPV6, ipv6("2001:db8::5")), (IPV6, ipv6(A_LOCAL, udp(546, 547), UDP)),
            (IPV6, ipv6("::", icmpv6(135, "2001:db8::5"), ICMPV6)), (IPV6, ipv6("::", behind_options(icmpv6(143)), 0)),
            (IPV6, ipv6(A_LOCAL, icmpv6(136, "2001:db8::5", 2, A), ICMPV6))]
    bad = [(IPV4, ipv4("192.0.2.6")), (IPV4, ipv4("0.0.0.0")), (ARP, arp(A, "192.0.2.1", "192.0.2.9", 2)),
           (ARP, arp(B, "192.0.2.5", "192.0.2.1")), (IPV6, ipv6("2001:db8::6")), (IPV6, ipv6(B_LOCAL)),
           (IPV6, ipv6("fe80::1", icmpv6(134, option=1, mac=A), ICMPV6)),
           (IPV6, ipv6(A_LOCAL, icmpv6(136, "2001:db8::1", 2, A), ICMPV6)),
           (IPV6, ipv6(A_LOCAL, behind_options(icmpv6(136, "2001:db8::1", 2, A)), 60)),
           (IPV6, ipv6("::", icmpv6(135, "2001:db8::1"), ICMPV6)), (0x8035, b""), (46, b"\xaa\xaa\x03")]

    def test_a_list_of_addresses_holds_towards_wire_and_guests(self):
        a, b = self.guest(A, 1), self.guest(B, 2)
        packets = [p for pair in zip(self.good, self.bad) for p in pair] + self.bad[len(self.good):] + [self.good[0]]
        passed = [*range(0, 2 * len(self.good), 2), len(packets) - 1]
        for dst, take in ((HOST_MAC, self.switch.wire.take), (B, b.frames), (BROADCAST, self.switch.wire.take)):
            self.assertEqual(passed, self.sends(a, packets, take, dst))
        self.wait_drop(a.domid, "tx_address", 3 * len(self.bad))
        others = [p for p in self.bad if p[0] == IPV4]
        self.assertEqual([*range(len(others))], self.sends(b, others, self.switch.wire.take), "it has no list")

    def test_it_holds_after_a_worker_and_the_watcher_were_killed(self):
        a = self.guest(A, 1)
        packets = [self.bad[0], self.good[0]]
        before = self.switch.worker_pid(1)
        os.kill(before, signal.SIGKILL)
        self.wait("another worker", lambda: self.switch.worker_pid(1) not in (None, before))
        a.running()
        self.assertEqual([1], self.sends(a, packets, self.switch.wire.take))
        self.switch.watcher.kill()
        self.switch.start_watcher()
        a.running()
        self.assertEqual([1], self.sends(a, packets, self.switch.wire.take))
        before = self.switch.worker_pid(1)
        os.kill(before, signal.SIGKILL)  # its successor gets what the new watcher found
        self.wait("another worker", lambda: self.switch.worker_pid(1) not in (None, before))
        a.running()
        self.assertEqual([1], self.sends(a, packets, self.switch.wire.take))
        self.wait_drop(1, "tx_address", 3)

    def test_an_empty_list_lets_no_ip_pass(self):
        c, b = self.guest(C, 3), self.guest(B, 2)
        frames = self.frames(c, self.good, HOST_MAC)
        for f in frames:
            c.do(f"sendhex 0 {f.hex()}")
        self.wait_drop(c.domid, "tx_address", len(frames))
        self.assertEqual([0], self.sends(b, self.good[:1], self.switch.wire.take))
        self.assertEqual([], [f for f in self.switch.wire.take() if f in frames])

    def test_a_guarded_guest_is_no_dhcp_server_and_no_router(self):
        b = self.guest(B, 2)
        server = [(IPV4, ipv4("192.0.2.1", udp(67, 68), UDP)), (IPV4, ipv4("192.0.2.1", udp(67, 68), UDP, 0x2000)),
                  (IPV4, ipv4("192.0.2.1", udp(9, 68), UDP)), (IPV6, ipv6(B_LOCAL, udp(547, 546), UDP)),
                  (IPV6, ipv6(B_LOCAL, behind_options(udp(547, 546), UDP), 60))]
        router = [(IPV6, ipv6(B_LOCAL, icmpv6(134), ICMPV6)), (IPV6, ipv6(B_LOCAL, icmpv6(137, "fe80::1"), ICMPV6)),
                  (IPV6, ipv6(B_LOCAL, behind_options(icmpv6(134)), 0)),
                  (IPV6, ipv6(B_LOCAL, struct.pack("!BBHI", ICMPV6, 0, 1, 9) + icmpv6(134), 44)),
                  (IPV6, ipv6(B_LOCAL, bytes(8) * 9, 60)), (46, b"\xaa\xaa\x03")]
        client = [(IPV4, ipv4("0.0.0.0", udp(68, 67), UDP)), (IPV6, ipv6(B_LOCAL, udp(546, 547), UDP)),
                  (IPV6, ipv6(B_LOCAL, icmpv6(133), ICMPV6)), (IPV4, ipv4("10.9.8.7"))]
        for tag in (b"", b"\x81\x00\x00\x07"):
            for f in self.frames(b, server + router, HOST_MAC):
                b.do(f"sendhex 0 {(f[:12] + tag + f[12:]).hex()}")
        self.assertEqual([0, 1, 2, 3], self.sends(b, client, self.switch.wire.take))
        self.wait_drop(b.domid, "tx_dhcp", 2 * len(server))
        self.wait_drop(b.domid, "tx_ra", 2 * len(router))


class Driver(OwnCase):

    def test_what_a_dpdk_program_sends_is_held_to_the_list(self):
        self.make(conf={"guests": [{"domid": 11, "vifs": [{"device": 0, "addresses": ["198.18.0.0/24"]}]},
                                   {"domid": 12, "vifs": [{"device": 0, "addresses": ["192.0.2.5"]}]}]})
        for domid, mac in ((11, A), (12, B)):
            self.bench.sim.create(domid, "--dpdk")
            # It sends UDP from 198.18.0.1, again and again.
            guest = self.bench.testpmd(mac, domid, mode="txonly", peers=(HOST_MAC,))
            guest.forward()
            self.wait("frames from the guest",
                      lambda n=domid: self.switch.vif(n)["tx_frames"] + self.switch.drops(n)["tx_address"] > 100)
            guest.ask("stop", r"Done\.")
            guest.quit()
        self.assertEqual(0, self.switch.drops(11)["tx_address"])
        self.assertGreater(self.switch.vif(11)["tx_frames"], 100)
        self.assertEqual(0, self.switch.vif(12)["tx_frames"])

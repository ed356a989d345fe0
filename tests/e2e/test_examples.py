# SPDX-License-Identifier: BSD-3-Clause
"""Programs of DPDK's examples as guests, as they come, with xen_gntalloc's default limit (scripts/build-dpdk-examples.sh)."""

import os
import struct
import subprocess

import seq
from case import OwnCase
from proc import TOP, Proc
from wait import Failure
from wire import HOST_MAC

ONE, TWO, PEER = "00:00:00:00:00:11", "00:00:00:00:00:22", "00:00:00:00:00:33"
COUNT = 200


def next_hop(port):
    """Where the examples send what leaves by a port."""
    return f"02:00:00:00:00:{port:02x}"


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_frame(dst_mac, dst_ip, number, payload, ttl=64):
    def header(check):
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), number, 0, ttl, 253, check, bytes([10, 0, 0, 1]),
                           bytes(map(int, dst_ip.split("."))))
    ip = header(checksum(header(0)))
    return seq.mac_bytes(dst_mac) + seq.mac_bytes(HOST_MAC) + b"\x08\x00" + ip + payload


def ip_parse(raw):
    """(dst, src, ttl, number, offset, payload) of an untagged IPv4 frame whose header is good, or None."""
    if raw[12:14] != b"\x08\x00" or checksum(raw[14:34]) != 0:
        return None
    length, number, fragment, ttl = struct.unpack("!HHHB", raw[16:23])
    return (seq.mac_text(raw[:6]), seq.mac_text(raw[6:12]), ttl, number, (fragment & 0x1FFF) * 8, raw[34:14 + length])


class Program(Proc):
    """A program with a device for each MAC."""

    def __init__(self, bench, domid, name, macs, args=(), eal=()):
        directory = subprocess.run([os.path.join(TOP, "scripts", "build-dpdk-examples.sh")], stdout=subprocess.PIPE,
                                   text=True, check=True).stdout.strip()
        base = {"skeleton": "basicfwd"}.get(name, os.path.basename(name))
        argv = ["stdbuf", "-oL", os.path.join(directory, name, "build", base), "--lcores", "0@(0,1)", "--no-pci",
                "--no-huge", "-m", "512", "--file-prefix", f"{bench.prefix}x{domid}", "-d", bench.driver(),
                *[f"--vdev=net_xenvirt{i},mac={mac}" for i, mac in enumerate(macs)], *eal]
        super().__init__(bench, f"{base}-{domid}", [*argv, "--", *args], bench.sim_env(domid))


class Examples(OwnCase):

    def program(self, name, macs, *args, **kw):
        domid = self.bench.domain("--dpdk")
        program = Program(self.bench, domid, name, macs, args, **kw)
        for i in range(len(macs)):
            try:
                self.switch.vif_running(domid, i)
            except Failure as e:
                self.fail(f"{e}\n{program.text()[-3000:]}")
        return program

    def bridge(self):
        """Whoever forwards frames as they are needs a wire on either side, and leave to send others' addresses."""
        self.make(n_uplinks=2, conf={
            "primary": {"vm2vm": False}, "guest": {"mac_spoof_check": False},
            "guests": [{"domid": 1, "vifs": [{"device": 0, "uplink": 0}, {"device": 1, "uplink": 1}]}]})

    def assert_bridges(self):
        """Both ways, unchanged."""
        for flow, mac, (near, far) in ((1, ONE, self.switch.wires), (2, TWO, self.switch.wires[::-1])):
            near.flow(flow, mac, HOST_MAC, 500, COUNT).join()
            self.assert_whole(self.wait_book(far, flow, COUNT), COUNT)
            self.assertEqual({(mac, HOST_MAC)}, {(f["dst"], f["src"]) for f in map(seq.parse, far.take()) if f})

    def assert_forwards(self, mac, out_port, out_mac):
        """From the wire to one port, out by another, with the addresses of that way."""
        flow = out_port + 1
        self.switch.wire.flow(flow, mac, HOST_MAC, 500, COUNT, 200).join()
        self.assert_whole(self.wait_book(self.switch.wire, flow, COUNT), COUNT)
        came = [seq.parse(f) for f in self.switch.wire.take()]
        self.assertEqual({(next_hop(out_port), out_mac)}, {(f["dst"], f["src"]) for f in came if f})

    def ip_take(self, n):
        """The next n IP frames from the wire."""
        came = []

        def more():
            came.extend(p for p in map(ip_parse, self.switch.wire.take()) if p)
            return len(came) >= n
        self.wait(f"{n} IP frames", more)
        return came

    def test_l2fwd_forwards_between_two_ports(self):
        self.make()
        self.program("l2fwd", [ONE, TWO], "-p", "3", "-q", "2", "-T", "0")
        self.assert_forwards(ONE, 1, TWO)
        self.assert_forwards(TWO, 0, ONE)

    def test_l2fwd_with_one_port_sends_back(self):
        self.make()
        self.program("l2fwd", [ONE], "-p", "1", "-q", "1", "-T", "0")
        self.assert_forwards(ONE, 0, ONE)

    def test_skeleton_joins_two_wires(self):
        self.bridge()
        self.program("skeleton", [ONE, TWO])
        self.assert_bridges()

    def test_skeleton_on_one_wire_sends_others_addresses_which_is_counted(self):
        self.make()
        self.program("skeleton", [ONE, TWO])
        self.switch.wire.send(seq.frame(ONE, HOST_MAC, 1))
        self.wait_drop(1, "tx_spoofed", 1, device=1)

    def test_symmetric_mp_with_one_process_joins_two_wires(self):
        self.bridge()
        self.program("multi_process/symmetric_mp", [ONE, TWO], "-p", "3", "--num-procs=1", "--proc-id=0")
        self.assert_bridges()

    def test_symmetric_mp_with_two_processes_says_that_a_device_has_one_queue(self):
        self.make()
        domid = self.bench.domain("--dpdk")
        program = Program(self.bench, domid, "multi_process/symmetric_mp", [ONE, TWO],
                          ("-p", "3", "--num-procs=2", "--proc-id=0"))
        self.assertNotEqual(0, program.wait())
        self.assertRegex(program.text(), r"nb_rx_queues=2 > 1")

    def test_link_status_interrupt_forwards_and_hears_of_the_link(self):
        self.make()
        program = self.program("link_status_interrupt", [ONE, TWO], "-p", "3", "-q", "2", "-T", "0")
        self.assert_forwards(ONE, 1, TWO)
        name = self.switch.ifnames[0]
        subprocess.run(["ip", "link", "set", name, "down"], check=True)
        program.expect(r"Event type: LSC interrupt\s+Port 0 Link down")
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
        program.expect(r"Port 0 Link down[\s\S]*Port 0 Link up")

    def test_l3fwd_routes_by_address(self):
        self.make()
        self.program("l3fwd", [ONE, TWO], "-p", "3", "--config=(0,0,0),(1,0,0)", "--parse-ptype")
        payloads = [os.urandom(20 + 7 * i) for i in range(COUNT)]
        for i, payload in enumerate(payloads):
            self.switch.wire.send(ip_frame(ONE, "198.18.1.5", i, payload))
        came = self.ip_take(COUNT)
        self.assertEqual([(next_hop(1), TWO, 63, i, 0, payload) for i, payload in enumerate(payloads)], came)

    def test_ip_fragmentation_cuts_what_is_longer_than_1500(self):
        self.make()
        self.program("ip_fragmentation", [ONE, TWO], "-p", "3", "-q", "2")
        peer = self.bench.fe22(PEER)
        whole, cut = os.urandom(1480), os.urandom(1990)
        for number, payload in ((1, whole), (2, cut)):
            frame = ip_frame(ONE, "100.20.0.5", number, payload)
            peer.do("sendhex 0 " + (frame[:6] + seq.mac_bytes(PEER) + frame[12:]).hex())
        first, *rest = self.ip_take(3)
        self.assertEqual((next_hop(1), TWO, 1, 0, whole), first[:2] + first[3:])
        self.assertEqual([(2, 0), (2, 1480)], [p[3:5] for p in rest])
        self.assertEqual(cut, rest[0][5] + rest[1][5])

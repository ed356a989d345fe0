# SPDX-License-Identifier: BSD-3-Clause
"""The guest's driver as DPDK programs use it: offloads, link, secondary processes."""

import re
import struct
import subprocess

from case import OwnCase, SharedCase
from wait import LONG
from wire import HOST_MAC

ONE, TWO = "00:00:00:00:00:11", "00:00:00:00:00:22"


def link_set(name, state):
    subprocess.run(["ip", "link", "set", name, state], check=True)


class Secondary(OwnCase):

    def info(self, pmd, *args):
        """What Debian's dpdk-proc-info says in the guest."""
        argv = ["dpdk-proc-info", "--no-pci", "--file-prefix", pmd.prefix, "-d", self.bench.driver(), "--", *args]
        r = subprocess.run(argv, env=self.bench.sim_env(pmd.domid), stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, timeout=LONG, check=False)
        self.assertEqual(0, r.returncode, r.stdout + r.stderr)
        return r.stdout

    def received(self, pmd):
        return int(re.search(r"RX-packets: *(\d+)", self.info(pmd, "--stats")).group(1))

    def test_a_secondary_sees_the_link_and_clears_the_counters(self):
        self.make()
        pmd = self.bench.testpmd(ONE, memory=("--huge-dir", self.bench.huge_dir(), "-m", "64"))
        pmd.forward()
        self.switch.wire.flow(1, ONE, HOST_MAC, 500, 100, 100).join()
        self.wait_book(self.switch.wire, 1, 100)
        self.assertEqual(100, self.received(pmd))
        self.info(pmd, "--stats-reset")
        self.assertEqual(0, self.received(pmd))
        self.switch.wire.flow(2, ONE, HOST_MAC, 500, 7, 100).join()
        self.wait_book(self.switch.wire, 2, 7)
        self.assertEqual(7, self.received(pmd))
        self.info(pmd, "--xstats-reset")
        self.assertEqual(0, self.received(pmd))
        shown = self.info(pmd, "--show-port")
        self.assertIn("Link up at ", shown)
        self.assertIn("256 rx buffer size 2048", shown)
        link_set(self.switch.ifnames[0], "down")
        self.wait("the link to be down", lambda: "Link down" in self.info(pmd, "--show-port"))
        link_set(self.switch.ifnames[0], "up")
        self.wait("the link to be up", lambda: "Link up at " in self.info(pmd, "--show-port"))


def folded(data):
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total >> 16) + (total & 0xffff)
    return total


def udp(dst, ip_wrong=0, udp_wrong=0, data=b"what is sent as it is"):
    """An IPv4 frame with a UDP datagram; wrong: what is added to the right checksum."""
    length = 8 + len(data)
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + length, 7, 0, 64, 17, 0, b"\x0a\0\0\x01", b"\x0a\0\0\x02")
    body = struct.pack(">HHHH", 1000, 2000, length, 0) + data
    pseudo = head[12:20] + struct.pack(">HH", 17, length)
    head = head[:10] + struct.pack(">H", (0xffff ^ folded(head)) + ip_wrong & 0xffff) + head[12:]
    body = body[:6] + struct.pack(">H", (0xffff ^ folded(pseudo + body)) + udp_wrong & 0xffff) + body[8:]
    return bytes.fromhex((dst + HOST_MAC).replace(":", "")) + b"\x08\0" + head + body


class Ports(SharedCase):

    def test_checksums_are_looked_at_and_filled_in(self):
        pmd = self.bench.testpmd(ONE, mode="csum", peers=[HOST_MAC], options=("--enable-rx-cksum",))
        for command, answer in (("port stop 0", "Done$"), ("csum set ip hw 0", "IP checksum offload is hw"),
                                ("csum set udp hw 0", "UDP checksum offload is hw"), ("port start 0", "Done$")):
            pmd.ask(command, answer)
        pmd.running()
        pmd.forward()
        for wrong in ((0, 0), (1, 0), (0, 1), (0, 1), (5, 5)):
            self.switch.wire.send(udp(ONE, *wrong))
        self.wait("the frames", lambda: len(self.switch.wire.received) >= 5)
        right = udp(ONE)[12:]
        self.assertEqual([right] * 5, [f[12:len(right) + 12] for f in self.switch.wire.take()])
        said = pmd.ask("show fwd stats all", r"Bad-ipcsum: *(\d+) +Bad-l4csum: *(\d+)")
        self.assertEqual(("2", "3"), said.groups())

    def test_a_change_of_the_link_is_an_interrupt(self):
        pmd = self.bench.testpmd(ONE)
        pmd.expect("Port 0: link state change event")
        for state in ("down", "up"):
            pmd.start += len(pmd.text().encode())
            link_set(self.switch.ifnames[0], state)
            pmd.expect("Port 0: link state change event")
        self.wait("the link to be up", lambda: pmd.ask("show port info 0", "Link status: (up|down)").group(1) == "up")

# SPDX-License-Identifier: BSD-3-Clause
"""The guide's scenarios: Debian's dpdk-testpmd with the guest's driver."""

import re

import seq
from case import SharedCase
from wire import BROADCAST, HOST_MAC

ONE, TWO, THREE = "00:00:00:00:00:11", "00:00:00:00:00:22", "00:00:00:00:00:33"


class TestpmdCase(SharedCase):

    def statistics(self, pmd, port=0):
        text = pmd.ask(f"show port stats {port}", r"NIC statistics for port %d[\s\S]*?Tx-pps" % port).group(0)
        return {k: int(v) for k, v in re.findall(r"([RT]X-(?:packets|missed|errors|bytes)): *(\d+)", text)}


class Scenarios(TestpmdCase):

    def test_loopback_a_tagged_frame_comes_back_from_the_guest(self):
        pmd = self.bench.testpmd(ONE, mode="macswap")
        pmd.forward()
        vlan = self.switch.vif(pmd.domid)["vlan"]
        for i, length in enumerate((42, 60, 64, 1514)):
            with self.subTest(length=length):
                self.switch.wire.send(seq.frame(ONE, HOST_MAC, i + 1, 77, length, vlan))
                self.wait_book(self.switch.wire, i + 1, 1)
                want = seq.frame(HOST_MAC, ONE, i + 1, 77, length)
                want += bytes(max(0, 60 - len(want)))
                self.assertEqual([want], [f for f in self.switch.wire.take() if seq.parse(f)])

    def test_loopback_paced_frames_come_back_whole(self):
        pmd = self.bench.testpmd(ONE, mode="macswap")
        pmd.forward()
        vlan = self.switch.vif(pmd.domid)["vlan"]
        self.switch.wire.keep = False
        self.switch.wire.flow(1, ONE, HOST_MAC, 1000, 3000, 200, vlan).join()
        self.assert_whole(self.wait_book(self.switch.wire, 1, 3000), 3000)
        stats = self.statistics(pmd)
        self.assertEqual((3000, 3000, 0), (stats["RX-packets"], stats["TX-packets"], stats["TX-errors"]))

    def test_inter_vm_a_frame_goes_through_both_guests(self):
        one = self.bench.testpmd(ONE, mode="mac", peers=[TWO])
        two = self.bench.testpmd(TWO, mode="mac", peers=[HOST_MAC])
        one.forward()
        two.forward()
        vlan = self.switch.vif(one.domid)["vlan"]
        self.switch.wire.send(seq.frame(ONE, HOST_MAC, 1, 5, 100, vlan))
        self.wait_book(self.switch.wire, 1, 1)
        self.assertEqual([seq.frame(HOST_MAC, TWO, 1, 5, 100)], [f for f in self.switch.wire.take() if seq.parse(f)])
        self.switch.wire.keep = False
        self.switch.wire.flow(2, ONE, HOST_MAC, 500, 1500, 1514, vlan).join()
        self.assert_whole(self.wait_book(self.switch.wire, 2, 1500), 1500)

    def test_a_2_2_guest_and_a_new_one_reach_each_other(self):
        pmd = self.bench.testpmd(ONE, mode="macswap")
        pmd.forward()
        fe = self.bench.fe22(TWO)
        for length in (60, 1514, 2048):
            fe.do(f"flow {length} dev=0 dst={ONE} count=500 rate=500 len={length}")
            self.assert_whole(self.wait_book(fe, length, 500), 500)

    def test_broadcast_reaches_a_new_guest(self):
        pmd = self.bench.testpmd(ONE, mode="macswap")
        pmd.forward()
        fe = self.bench.fe22(TWO)
        fe.do(f"send dev=0 dst={BROADCAST} flow=1")
        self.wait_book(self.switch.wire, 1, 1)
        self.wait("the frame at the guest", lambda: self.statistics(pmd)["RX-packets"] >= 1)


class Devices(TestpmdCase):

    def test_two_devices_of_one_guest(self):
        pmd = self.bench.testpmd([ONE, TWO], mode="macswap", options=("--port-topology=loop",))
        pmd.forward()
        for flow, mac in ((1, ONE), (2, TWO)):
            self.switch.wire.send(seq.frame(mac, HOST_MAC, flow))
            self.wait_book(self.switch.wire, flow, 1)
        raw = [seq.parse(f) for f in self.switch.wire.take()]
        self.assertEqual({(1, ONE), (2, TWO)}, {(f["flow"], f["src"]) for f in raw if f})

    def test_stop_and_start_of_the_port(self):
        pmd = self.bench.testpmd(ONE, mode="macswap")
        for n in range(3):
            pmd.forward()
            flow = n + 1
            self.switch.wire.send(seq.frame(ONE, HOST_MAC, flow))
            self.wait_book(self.switch.wire, flow, 1)
            pmd.ask("stop", r"Done\.")
            pmd.ask("port stop 0", "Done$")
            self.wait("the device to be down", lambda: (self.switch.vif(pmd.domid) or {"state": ""})["state"] != "running")
            pmd.ask("port start 0", "Done$")
            pmd.running()

    def test_close_and_probe_again(self):
        pmd = self.bench.testpmd(ONE, mode="macswap")
        pmd.ask("port stop 0", "Done$")
        pmd.ask("port detach 0", "Done|now detached")
        self.wait("the device to be gone", lambda: (self.switch.vif(pmd.domid) or {"state": ""})["state"] != "running")
        pmd.ask(f"port attach net_xenvirt1,mac={TWO}", "Done|is attached")
        pmd.ask("port start 0", "Done$")
        self.wait("the new device", lambda: any(v["state"] == "running" and v["mac"] == TWO
                                                for v in self.switch.vifs(pmd.domid)))
        pmd.forward()
        self.switch.wire.send(seq.frame(TWO, HOST_MAC, 1))
        self.wait_book(self.switch.wire, 1, 1)

    def test_link_and_driver_name_are_what_an_ethdev_user_expects(self):
        pmd = self.bench.testpmd(ONE)
        def info():
            return pmd.ask("show port info 0", r"Infos for port 0[\s\S]*?Device capabilities.*").group(0)
        self.wait("the link to be up", lambda: "Link status: up" in info())  # its timer looks 40 times a second
        text = info()
        self.assertIn("net_xenvirt", text)
        self.assertIn("MAC address: 00:00:00:00:00:11", text)

    def test_killed_guest_comes_back(self):
        first = self.bench.testpmd(ONE, mode="macswap")
        first.forward()
        domid = first.domid
        vif = self.switch.vif(domid)
        first.kill()
        self.wait("the device to be down", lambda: (self.switch.vif(domid) or {"state": ""})["state"] != "running")
        second = self.bench.testpmd(ONE, domid=domid, mode="macswap")
        second.forward()
        self.assertEqual(vif["vlan"], self.switch.vif(domid)["vlan"])
        self.switch.wire.send(seq.frame(ONE, HOST_MAC, 1, vlan=vif["vlan"]))
        self.wait_book(self.switch.wire, 1, 1)

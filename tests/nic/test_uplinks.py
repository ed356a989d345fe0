# SPDX-License-Identifier: BSD-3-Clause
"""Two NICs: guests of each, their links, a bond of both; testpmd as a guest; the drivers that may hold a NIC."""

import os
import signal
import struct
import time

import nicbench
import seq
from guests import Testpmd
from nicbench import NICS, VLAN, mac, tagged
from wire import HOST_MAC


class Uplinks(nicbench.Case):
    def test_guests_of_two_uplinks_and_their_links(self):
        # Guest k is on uplink k % 2.
        guests = [{"domid": k + 1, "uplink": k % 2, "vifs": [{"device": 0, "number": k}]} for k in range(4)]
        self.make({"guests": guests}, guests=2, n_uplinks=2)
        pmds = [Testpmd(self.bench, self.domain(k), [mac(k)], mode="macswap") for k in (2, 3)]
        for pmd in pmds:
            pmd.ready()
            pmd.running()
            pmd.forward()
        with self.subTest("each gets what comes by its own uplink"):
            self.send([tagged(k, 10 + k) for k in (0, 1)], 0)
            self.send([tagged(k, 20 + k) for k in (0, 1)], 1)
            self.wait_book(self.fes[0], 10, 1)
            self.wait_book(self.fes[1], 21, 1)
            self.got({0: self.fes[0]}, 90, 0)
            self.got({1: self.fes[1]}, 91, 1)
            self.assertEqual((0, 0), (self.fes[0].book(20)["frames"], self.fes[1].book(11)["frames"]))
        with self.subTest("testpmd's answers go out by its own uplink"):
            for k in (2, 3):
                self.send([tagged(k, 30 + k)], k % 2)
                self.wait_book(self.switch.wires[k % 2], 30 + k, 1)
                back = [raw for raw in self.switch.wires[k % 2].take() if seq.parse(raw)["flow"] == 30 + k]
                raw = seq.frame(mac(k), HOST_MAC, 30 + k)
                self.assertEqual([raw[6:12] + raw[:6] + raw[12:]], back, "untagged, with the MACs swapped")
                self.assertEqual(0, self.switch.wires[1 - k % 2].book(30 + k)["frames"])
        with self.subTest("a cable out of uplink 1"):
            self.switch.wires[1].plug(False)
            self.switch.watcher.expect("port 1: link down")
            self.wait("the guest to see it", lambda: pmds[1].ask("show port info 0", "Link status: (up|down)")[1] == "down")
            self.assertEqual("up", pmds[0].ask("show port info 0", "Link status: (up|down)")[1])
            self.send([tagged(0, 40)], 0)
            self.wait_book(self.fes[0], 40, 1)
        with self.subTest("guests reach each other meanwhile"):
            self.fes[1].do(f"flow 41 dev=0 dst={mac(0)} count=100 rate=200")
            self.assert_whole(self.wait_book(self.fes[0], 41, 100), 100)
        with self.subTest("and in again"):
            self.switch.wires[1].plug(True)
            self.wait("the guest to see it", lambda: pmds[1].ask("show port info 0", "Link status: (up|down)")[1] == "up")
            self.reach(1, self.fes[1], 42, 1)

    def test_an_mtu_that_pools_do_not_take_is_sorted_in_software(self):
        self.make({"nic": {"mtu": 1700}}, guests=1)
        self.switch.primary.expect("its VMDQ pools take no MTU above 1500, and nic.mtu is 1700: sorted in software")
        self.send([seq.frame(mac(0), HOST_MAC, 1, 1, 1714)], 0)
        self.assert_whole(self.wait_book(self.fes[0], 1, 1), 1)
        self.send([seq.frame(mac(0), HOST_MAC, 2, 1, 1715)], 0)
        self.reach(0, self.fes[0], 3, 0)
        self.assertEqual(0, self.fes[0].book(2)["frames"])

    def test_a_bond_survives_the_loss_of_its_active_member(self):
        bond = "--vdev=net_bonding0,mode=1,slave={},slave={}".format(*NICS)
        devices = [f"-a {address}" for address in NICS] + [bond]
        self.make(guests=2, devices=devices)
        self.assertIsNone(self.switch.vif(1)["pool"], "sorted in software")
        self.reach(0, self.fes[0], 1, 0)
        running = self.switch.wires[0].flow(2, mac(0), HOST_MAC, 200, 100, vlan=VLAN)
        running_sent = 100
        self.wait_book(self.fes[0], 2, running_sent)
        self.switch.wires[0].plug(False)
        self.addCleanup(self.switch.wires[0].plug, True)
        self.reach(1, self.fes[1], 3, 1)
        self.reach(0, self.fes[0], 4, 1)
        self.fes[0].do(f"flow 5 dev=0 dst={HOST_MAC} count=100 rate=200")
        self.assert_whole(self.wait_book(self.switch.wires[1], 5, 100), 100)


def bus_master(address):
    with open(f"/sys/bus/pci/devices/{address}/config", "rb") as f:
        return bool(struct.unpack("<H", f.read(6)[4:])[0] & 4)


class Pulled(nicbench.Case):
    """A NIC that is pulled out of its slot and put back."""

    def make_two(self, driver):
        nicbench.bind(driver)
        self.addCleanup(nicbench.bind, "vfio-pci")
        guests = [{"domid": k + 1, "uplink": int(k > 0), "vifs": [{"device": 0, "number": k}]} for k in range(3)]
        self.make({"guests": guests}, guests=3, n_uplinks=2)
        self.reach(0, self.fes[0], 1, 0)
        self.reach(1, self.fes[1], 2, 1)
        return self.switch.wires[1]

    def is_in(self):
        return os.path.exists(f"/sys/bus/pci/devices/{NICS[1]}")

    def put_back(self, card, driver):
        card.push()
        self.wait("it to be in", self.is_in)
        self.assertEqual(NICS, nicbench.bind(driver))

    def restarted(self):
        """The primary is; the guests are not."""
        self.switch.start_primary()
        self.switch.wire_up()
        for k in range(3):
            self.reach(k, self.fes[k], 10 + k, int(k > 0))

    def pids(self):
        return [self.switch.primary.popen.pid] + [self.switch.worker_pid(k + 1) for k in range(3)]

    def test_under_uio_it_costs_no_guest(self):
        """Nobody asks the driver: the NIC is gone, and its registers read as ones."""
        card = self.make_two("uio_pci_generic")
        before = self.pids()
        card.pull()
        self.wait("it to be out", lambda: not self.is_in())
        self.fes[1].do(f"send dev=0 dst={HOST_MAC} flow=3 count=1000")  # to nowhere, and more than its queue holds
        self.fes[1].do(f"flow 4 dev=0 dst={mac(2)} count=100 rate=200")
        self.assert_whole(self.wait_book(self.fes[2], 4, 100), 100)
        self.fes[0].do(f"flow 5 dev=0 dst={HOST_MAC} count=100 rate=200")
        self.assert_whole(self.wait_book(self.switch.wires[0], 5, 100), 100)
        self.reach(0, self.fes[0], 6, 0)
        self.assertEqual(before, self.pids())
        self.assertTrue(self.switch.primary.alive())
        self.assertEqual(0, self.switch.primary.stop())
        self.put_back(card, "uio_pci_generic")
        self.restarted()

    def test_under_vfio_it_is_out_when_the_primary_ends(self):
        card = self.make_two("vfio-pci")
        card.pull()
        time.sleep(2)  # whatever the kernel wants to do
        self.assertTrue(self.is_in())
        self.reach(1, self.fes[1], 3, 1)
        self.assertEqual(0, self.switch.primary.stop())
        self.wait("it to be out", lambda: not self.is_in())
        self.put_back(card, "vfio-pci")
        self.restarted()


class Uio(nicbench.Case):
    def test_under_uio_a_workers_death_leaves_the_nic_running(self):
        self.assertEqual(NICS, nicbench.bind("uio_pci_generic"))
        self.addCleanup(nicbench.bind, "vfio-pci")
        self.make(guests=2)
        for n in range(3):
            pid = self.switch.worker_pid(1)
            os.kill(pid, signal.SIGKILL)
            self.wait("another worker", lambda p=pid: self.switch.worker_pid(1) not in (None, 0, p))
            self.assertTrue(bus_master(NICS[0]))
            self.switch.vif_running(1)
            self.send([tagged(k, 10 + n) for k in (0, 1)])
            for guest in self.fes:
                self.assert_whole(self.wait_book(guest, 10 + n, 1), 1)

# SPDX-License-Identifier: BSD-3-Clause
"""Bonds of DPDK's over two devices of one guest, and what a running device may do with its address."""

import os
import signal
import subprocess
import time

import seq
from case import OwnCase
from guests import Testpmd
from wire import HOST_MAC

ONE, TWO, THREE = "00:00:00:00:00:11", "00:00:00:00:00:22", "00:00:00:00:00:33"
SPREAD = {"guests": [{"domid": 1, "vifs": [{"device": 1, "uplink": 1}]}]}  # its second device has an uplink of its own


class Addresses(OwnCase):

    def set_mac(self, pmd, mac, port=0):
        """What testpmd says to that; nothing but what it has then, if it was done."""
        pmd.ask(f"mac_addr set {port} {mac}\nshow port {port} macs", r"Number of MAC address added.*\n.*\n")
        return pmd.text()

    def mac(self, domid, device=0):
        return self.switch.vif(domid, device)["mac"]

    def echo(self, wire, flow, mac, count=100, rate=500):
        wire.flow(flow, mac, HOST_MAC, rate, count, 100).join()
        self.assert_whole(self.wait_book(wire, flow, count), count)

    def reaches(self, wire, flow, mac):
        """Frames come back, from now on or soon."""
        def once():
            wire.send(seq.frame(mac, HOST_MAC, flow))
            return wire.book(flow)["frames"] > 0
        self.wait(f"frames to {mac} to come back", once)


class Change(Addresses):

    def test_a_running_device_takes_another_address(self):
        self.make()
        one, two = self.bench.testpmd(ONE), self.bench.testpmd(TWO)
        one.forward()
        two.forward()
        other = self.switch.wire.flow(9, TWO, HOST_MAC, 500, 1000, 100)  # nothing of it for the other guest
        self.echo(self.switch.wire, 1, ONE)
        self.assertNotIn("error", self.set_mac(one, THREE))
        self.assertEqual(THREE, self.mac(one.domid))
        self.echo(self.switch.wire, 2, THREE)
        self.switch.wire.flow(3, ONE, HOST_MAC, 500, 50, 100).join()  # it is nobody's any more
        self.assertIn("Address already in use", self.set_mac(one, TWO))
        self.assertEqual(THREE, self.mac(one.domid))
        self.echo(self.switch.wire, 4, THREE)
        self.assertEqual(0, self.switch.wire.book(3)["frames"])
        third = self.bench.testpmd(ONE)  # another guest may have it
        third.forward()
        self.echo(self.switch.wire, 5, ONE)
        other.join()
        self.assert_whole(self.wait_book(self.switch.wire, 9, 1000), 1000)

    def test_the_host_may_forbid_it(self):
        self.make(conf={"guest": {"mac_change": False}})
        one = self.bench.testpmd(ONE)
        one.forward()
        self.assertIn("Operation not permitted", self.set_mac(one, THREE))
        one.expect("guest.mac_change")
        self.echo(self.switch.wire, 1, ONE)

    def test_the_address_outlives_every_process_of_the_switch(self):
        self.make()
        one = self.bench.testpmd(ONE)
        one.forward()
        self.set_mac(one, THREE)
        self.echo(self.switch.wire, 1, THREE)
        old = self.switch.worker_pid(one.domid)
        os.kill(old, signal.SIGKILL)
        self.wait("another worker", lambda: self.switch.worker_pid(one.domid) not in (0, None, old))
        self.switch.vif_running(one.domid)
        self.reaches(self.switch.wire, 2, THREE)
        self.switch.watcher.kill()
        self.switch.start_watcher()
        self.wait("the watcher", self.switch.show)
        self.assertEqual(THREE, self.switch.vif_running(one.domid)["mac"])
        self.echo(self.switch.wire, 3, THREE)
        self.switch.wire_down()
        self.switch.primary.kill()
        self.switch.start_primary()
        self.switch.ready()
        self.assertEqual(THREE, self.switch.vif_running(one.domid)["mac"])
        self.reaches(self.switch.wire, 5, THREE)
        # A wish that stands when the watcher comes is judged, whoever was to see it first.
        self.switch.watcher.kill()
        one.type(f"mac_addr set 0 {TWO}")
        self.switch.start_watcher()
        self.wait("the wish", lambda: (self.switch.vif(one.domid) or {"mac": ""})["mac"] == TWO)
        self.switch.vif_running(one.domid)
        self.reaches(self.switch.wire, 4, TWO)


class Bond(Addresses):

    def bond(self, mode, conf=None, n_uplinks=1, driver_options=""):
        self.make(n_uplinks=n_uplinks, conf=conf)
        members = [f"--vdev=net_xenvirt{i},mac={mac}" for i, mac in enumerate((ONE, TWO))]
        domid = self.bench.domain("--dpdk")
        self.bench.sim_env(domid)["XENSIM_GNTALLOC_LIMIT"] = "4096"  # a bond starts with 512 descriptors each way
        pmd = Testpmd(self.bench, domid, [], options=("--port-topology=loop",),
                      eal=[*members, f"--vdev=net_bonding0,mode={mode},slave=net_xenvirt0,slave=net_xenvirt1{driver_options}"])
        pmd.ready()
        pmd.running(0)
        pmd.running(1)
        pmd.ask("set portlist 2", "previous number")
        pmd.forward()
        self.assertNotIn("Fail", pmd.text())
        return pmd

    def link(self, n, state):
        subprocess.run(["ip", "link", "set", self.switch.ifnames[n], state], check=True)

    def sends(self, pmd, wire, flow):
        """The bond says nothing to its members when it goes back: who sends is heard, if not by a single burst, which may
        come in the moment in which the watcher begins to count. Returns whether frames to it come back then."""
        pmd.ask("stop", r"Done\.")
        pmd.ask("start tx_first", "TX RS bit threshold=")
        for _ in range(25):
            wire.send(seq.frame(ONE, HOST_MAC, flow))
            time.sleep(0.02)
            if wire.book(flow)["frames"] > 0:
                return True
        return False

    def test_active_backup_goes_on_with_the_same_address_and_comes_back(self):
        pmd = self.bond(1, SPREAD, 2)
        first, second = self.switch.wires
        self.echo(first, 1, ONE)
        self.assertEqual([ONE, TWO], [self.mac(pmd.domid, i) for i in (0, 1)])
        self.link(0, "down")
        self.wait("the second to have the bond's address", lambda: self.mac(pmd.domid, 1) == ONE)
        self.reaches(second, 2, ONE)
        self.echo(second, 3, ONE)
        self.link(0, "up")
        self.switch.watcher.expect("port 0: link down(?s:.*)port 0: link up")
        self.echo(second, 4, ONE)
        self.link(1, "down")
        self.wait("the second to have its own address", lambda: self.mac(pmd.domid, 1) == TWO)
        self.reaches(first, 5, ONE)
        self.echo(first, 6, ONE)

    def test_a_primary_member_that_comes_back_gets_the_frames(self):
        pmd = self.bond(1, SPREAD, 2, ",primary=net_xenvirt0")
        first, second = self.switch.wires
        self.link(0, "down")
        self.reaches(second, 1, ONE)
        self.link(0, "up")
        self.switch.watcher.expect("port 0: link down(?s:.*)port 0: link up")
        self.wait("the bond to go back",
                  lambda: pmd.ask("show bonding config 2", r"Primary: \[(\d)\]").group(1) == "0")
        self.wait("the first to be heard", lambda: self.sends(pmd, first, 2))
        self.echo(first, 3, ONE)

    def test_members_that_all_send_share_the_address(self):
        pmd = self.bond(0)
        self.assertEqual([ONE, ONE], [self.mac(pmd.domid, i) for i in (0, 1)])
        self.switch.wire.flow(1, ONE, HOST_MAC, 500, 100, 100).join()
        book = self.wait_book(self.switch.wire, 1, 100)  # in turns, so not always in order
        self.assertEqual((0, 0), (book["duplicated"], book["corrupt"]))
        frames = [self.switch.vif(pmd.domid, i)["tx_frames"] for i in (0, 1)]
        self.assertGreaterEqual(sum(frames), 100)
        self.assertGreater(min(frames), 20)
        self.assertEqual({}, {k: v for i in (0, 1) for k, v in self.switch.drops(pmd.domid, i).items() if v})

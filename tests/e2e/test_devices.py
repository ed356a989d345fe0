# SPDX-License-Identifier: BSD-3-Clause
"""A guest with many devices, and what they share: one mempool number, and the limit of grants."""

import errno
import os
import re

import seq
from case import OwnCase
from guests import Fe22, Testpmd
from wire import HOST_MAC

MOST = 32  # devices of a guest
PAGES, RINGS = 231, 9  # granted for each device: bounce buffers; rings, their lists and the flag page


def macs(n):
    return [f"00:00:00:00:01:{i:02x}" for i in range(n)]


def grants(n):
    return n * (PAGES + RINGS) + -(-n * PAGES // 512)


class DevicesCase(OwnCase):

    def program(self, addresses, limit, domid=None, options=()):
        self.domid = self.bench.domain("--dpdk") if domid is None else domid
        self.bench.sim_env(self.domid)["XENSIM_GNTALLOC_LIMIT"] = str(limit)
        return Testpmd(self.bench, self.domid, addresses, mode="macswap",
                       options=("--port-topology=loop", "--total-num-mbufs=8192", "--disable-link-check",
                                *options))

    def all_running(self, addresses):
        self.wait("the devices", lambda: {v["mac"] for v in self.switch.vifs(self.domid) if v["state"] == "running"}
                  == set(addresses))

    def assert_each_answers(self, addresses, first_flow):
        for i, mac in enumerate(addresses):
            self.switch.wire.send(seq.frame(mac, HOST_MAC, first_flow + i))
        for i in range(len(addresses)):
            self.wait_book(self.switch.wire, first_flow + i, 1)
        came = {(f["flow"], f["src"]) for f in map(seq.parse, self.switch.wire.take()) if f}
        self.assertEqual({(first_flow + i, mac) for i, mac in enumerate(addresses)}, came)

    def keys(self):
        return set(self.bench.sim.store(0, "list", f"/local/domain/{self.domid}/control/dpdk", check=False).split())

    def granted(self):
        return sum(g["granted"] for g in self.bench.sim.grants() if g["domid"] == self.domid)


class Many(DevicesCase):

    def test_thirty_two_devices_pass_frames_come_back_after_a_kill_and_leave_nothing(self):
        addresses = macs(MOST)
        self.make(conf={"max_vifs": MOST, "lane_slots": 1024, "guest": {"devices": MOST}})
        pmd = self.program(addresses, grants(MOST))
        pmd.forward()
        self.all_running(addresses)
        self.assert_each_answers(addresses, 100)
        self.assertEqual(grants(MOST), self.granted())
        self.assertEqual({"0_mempool_gref", "0_mempool_va"}, {k for k in self.keys() if re.match(r"\d+_mempool_", k)})
        # Each device is mapped by itself.
        self.assertEqual(MOST * (PAGES + RINGS - 3), self.bench.sim.mapped(self.domid) - MOST)
        pmd.kill()
        self.wait("the devices to be down", lambda: not any(v["state"] == "running" for v in self.switch.vifs(self.domid)))
        self.assertIn("devices3", self.keys())
        pmd = self.program(addresses, grants(MOST), self.domid)
        pmd.forward()
        self.all_running(addresses)
        self.assert_each_answers(addresses, 200)
        pmd.quit()
        self.assertEqual(set(), self.keys())
        self.assertEqual(0, self.granted())


class Apart(DevicesCase):
    """What happens to one device is nothing to another."""

    def test_devices_come_and_go_beside_one_that_runs_and_its_worker_starts_anew(self):
        one, two, three = macs(3)
        self.make()
        pmd = self.program([one, two], 1024)
        pmd.ready()
        self.all_running([one, two])
        for command in ("port stop 0", "port start 0"):  # so that it knows of the other's memory
            pmd.ask(command, "Done$")
        self.all_running([one, two])
        pmd.forward()
        flow = self.switch.wire.flow(1, one, HOST_MAC, 500)
        mapped = self.bench.sim.mapped(self.domid)
        pmd.ask("stop", r"Done\.")
        for command in ("port stop 1", "port detach 1", f"port attach net_xenvirt9,mac={three}", "port stop 1", "port detach 1"):
            pmd.ask(command, "Done|now detached|is attached")
        self.all_running([one])
        self.wait("the other's memory to be unmapped", lambda: self.bench.sim.mapped(self.domid) == mapped // 2)
        self.assertEqual(grants(1), self.granted())
        self.assertEqual({"0_mempools"}, {k for k in self.keys() if k.endswith("_mempools")})
        pid = self.switch.worker_pid(self.domid)
        self.switch.ctl("restart", str(self.domid))
        self.wait("another worker", lambda: self.switch.worker_pid(self.domid) not in (None, pid))
        pmd.forward()
        self.all_running([one])
        flow.stop()
        self.switch.wire.forget()
        self.switch.wire.flow(2, one, HOST_MAC, 500, 1000).join()
        self.assert_whole(self.wait_book(self.switch.wire, 2, 1000), 1000)

    def test_a_program_ends_and_the_others_worker_starts_anew(self):
        one, two = macs(2)
        self.make()
        first = self.program([one], 1024)
        second = self.program([two], 1024, self.domid)
        second.forward()
        first.ready()
        self.all_running([one, two])
        for command in ("stop", "port stop 0", "port start 0", "start"):
            second.ask(command, r"Done\.?$|TX RS bit threshold=")
        self.all_running([one, two])
        self.assertIn("1_mempool_gref", self.keys())
        first.kill()
        self.all_running([two])
        pid = self.switch.worker_pid(self.domid)
        self.switch.ctl("restart", str(self.domid))
        self.wait("another worker", lambda: self.switch.worker_pid(self.domid) not in (None, pid))
        self.all_running([two])
        self.switch.wire.flow(1, two, HOST_MAC, 500, 500).join()
        self.assert_whole(self.wait_book(self.switch.wire, 1, 500), 500)


class Limit(DevicesCase):

    def test_four_fit_the_default_and_the_message_for_more_has_the_right_number(self):
        self.make(conf={"guest": {"devices": 6}})
        pmd = self.program(macs(4), 1024, options=("--rxd=1024", "--txd=1024"))
        pmd.ready()
        self.all_running(macs(4))
        self.assertEqual(grants(4), self.granted())
        pmd.quit()
        self.assertEqual(0, self.granted())
        pmd = self.program(macs(6), 1024, self.domid)
        said = pmd.expect(r"needs (\d+): echo (\d+) > /sys/module/xen_gntalloc/parameters/limit")
        self.assertEqual(said.group(1), said.group(2))
        self.assertEqual(grants(6), int(said.group(2)))
        pmd.kill()
        pmd = self.program(macs(6), int(said.group(2)), self.domid)
        pmd.ready()
        self.all_running(macs(6))

    def test_stops_and_closes_again_and_again_give_all_back(self):
        one, two = macs(2)
        self.make()
        pmd = self.program([one], 1024)
        pmd.ready()
        self.all_running([one])
        for i in range(20):
            pmd.ask("port stop 0", "Done$")
            pmd.ask("port start 0", "Done$")
        self.all_running([one])
        self.assertEqual(grants(1), self.granted())
        for i in range(5):
            pmd.ask(f"port attach net_xenvirt{i + 1},mac={two}", "is attached")
            pmd.ask("port start 1", "Done$")
            self.assertEqual(grants(2), self.granted())
            pmd.ask("port stop 1", "Done$")
            pmd.ask("port detach 1", "Now total ports is 1")
            self.assertEqual(grants(1), self.granted())
        self.all_running([one])
        pmd.quit()
        self.assertEqual(0, self.granted())
        self.assertEqual(set(), self.keys())
        self.assertEqual(0, self.bench.sim.mapped())


class Quota(DevicesCase):
    """XenStore lets a node have 2,048 bytes with its children's names: that ends the devices of DPDK 2.2's contract."""

    def started(self, guest):
        """How many devices the guest could start, and why no more."""
        for n, mac in enumerate(macs(MOST)):
            for command in (f"dev {n} mac={mac} bufs=4", f"start {n}"):
                answer = guest.ask(command)
                if not answer["ok"]:
                    return n, answer["errno"]
        return MOST, 0

    def test_a_guest_of_2_2_gets_24_of_32_devices(self):
        self.make(conf={"max_vifs": MOST, "guest": {"devices": MOST}})
        guest = Fe22(self.bench, self.bench.domain())
        self.domid = guest.domid
        guest.do("pool 0 count=400")
        self.assertEqual((24, errno.ENOSPC), self.started(guest))
        self.all_running(macs(24))
        self.assertNotIn("event_type_start_24", self.keys(), "the switch hears nothing of it")

    def test_with_more_bytes_a_node_it_gets_32(self):
        os.environ["XENSIM_XENSTORED_ARGS"] = "--entry-size 4096"
        try:
            self.bench.sim.run("xenstored-restart", self.bench.sim.dir)
        finally:
            del os.environ["XENSIM_XENSTORED_ARGS"]
        self.make(conf={"max_vifs": MOST, "guest": {"devices": MOST}})
        guest = Fe22(self.bench, self.bench.domain())
        self.domid = guest.domid
        guest.do("pool 0 count=400")
        self.assertEqual((MOST, 0), self.started(guest))
        self.all_running(macs(MOST))

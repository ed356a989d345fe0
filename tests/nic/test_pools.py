# SPDX-License-Identifier: BSD-3-Clause
"""Eight guests in eight pools: who gets what, and what a kill or a change of one costs the others."""

import os
import signal
import time

import nicbench
import seq
from nicbench import POOLS, STRANGER, VLAN, mac, tagged
from wire import BROADCAST, HOST_MAC


def rows(guests, numbers):
    """(what, frame on the wire, frame at the guest, who gets it); guests: those that are there, of these numbers."""
    for k in guests:
        raw = seq.frame(mac(k), HOST_MAC, 100 + k, length=60 + 7 * k)
        yield f"MAC and tag of {k}", seq.tagged(raw, VLAN + k), raw, [k]
        raw = seq.frame(mac(k), HOST_MAC, 200 + k, length=1514 - k)
        yield f"MAC of {k}, untagged", raw, raw, [k]
        raw = seq.frame(mac(k), HOST_MAC, 300 + k)
        yield f"MAC of {k}, VLAN 0", seq.tagged(raw, 0), raw, [k]
        raw = seq.frame(mac(k), HOST_MAC, 400 + k)
        yield f"MAC of {k}, the next one's tag", seq.tagged(raw, VLAN + (k + 1) % numbers), raw, []
        raw = seq.frame(mac(k), HOST_MAC, 500 + k)
        yield f"MAC of {k}, nobody's tag", seq.tagged(raw, 7), raw, []
        raw = seq.frame(STRANGER, HOST_MAC, 600 + k)
        yield f"nobody's MAC, tag of {k}", seq.tagged(raw, VLAN + k), raw, []
        raw = seq.frame(BROADCAST, HOST_MAC, 700 + k)
        yield f"broadcast, tag of {k}", seq.tagged(raw, VLAN + k), raw, [k]
    for n in range(5):
        raw = seq.frame(BROADCAST, HOST_MAC, 800 + n)
        yield "broadcast, untagged", raw, raw, guests
    raw = seq.frame(BROADCAST, HOST_MAC, 810)
    yield "broadcast, VLAN 0", seq.tagged(raw, 0), raw, guests
    raw = seq.frame(BROADCAST, HOST_MAC, 811)
    yield "broadcast, nobody's tag", seq.tagged(raw, 7), raw, []
    raw = seq.frame(STRANGER, HOST_MAC, 820)
    yield "nobody's MAC, untagged", raw, raw, []
    raw = seq.frame("52:54:00:00:00:01", HOST_MAC, 821)
    yield "the NIC's own MAC", raw, raw, []


class PoolCase(nicbench.Case):
    def check(self, guests, numbers=POOLS):
        """Every guest gets what is its own, once, byte for byte, and nothing else."""
        sent = list(rows(list(guests), numbers))
        for guest in guests.values():
            guest.frames()  # what was before
            guest.do("forget 0")
        self.send([on_wire for _, on_wire, _, _ in sent])
        got = self.got(guests)
        for k in guests:
            for what, _, at_guest, who in sent:
                with self.subTest(guest=k, what=what):
                    self.assertEqual(int(k in who), got[k].count(at_guest))
            self.assertEqual(len([0 for *_, who in sent if k in who]), len(got[k]), "and nothing else")


class Pools(PoolCase):
    """All with one switch: making it takes longest."""

    def test_eight_pools(self):
        self.make(guests=POOLS)
        for test in (self.each_has_its_own, self.frames, self.both_ways, self.worker_killed, self.guest_replaced,
                     self.domain_replaced, self.primary_killed):
            with self.subTest(test.__name__):
                began = time.monotonic()
                for guest in self.fes:
                    guest.do("forget 0")
                test()
                print(f"    {test.__name__}: {time.monotonic() - began:.1f} s")

    def each_has_its_own(self):
        self.assertEqual(list(range(POOLS)), [self.switch.vif(g.domid)["pool"] for g in self.fes])
        queues = self.switch.port()["queues"]
        self.assertEqual([(k, k) for k in range(POOLS)], [(q["queue"], q["pool"]) for q in queues])
        self.assertEqual([k % 2 for k in range(POOLS)], [q["io"] for q in queues], "spread over the I/O lcores")
        self.assertIn("I/O lcore 1: queues 1 3 5 7", self.switch.ctl("show").stdout)

    def frames(self):
        self.check(dict(enumerate(self.fes)))
        queues = self.switch.port()["queues"]
        self.assertTrue(all(q["rx_frames"] > 0 for q in queues), queues)

    def paced(self, ks, flow, rate=100):
        """Numbered frames to these guests, until stopped."""
        return {k: self.switch.wire.flow(flow + k, mac(k), HOST_MAC, rate, vlan=VLAN + k) for k in ks}

    def whole(self, flows, flow):
        """Stops them; each frame came once, in order."""
        for k, running in flows.items():
            sent = running.stop()
            self.assert_whole(self.wait_book(self.fes[k], flow + k, sent), sent)

    def both_ways(self):
        flows = self.paced(range(POOLS), 1000)
        for k, guest in enumerate(self.fes):
            guest.do(f"flow {1100 + k} dev=0 dst={HOST_MAC} count=200 rate=100")
        for k in range(POOLS):
            self.assert_whole(self.wait_book(self.switch.wire, 1100 + k, 200), 200)
        self.whole(flows, 1000)

    def worker_killed(self):
        """One pool is flooded, and its worker killed: the others lose nothing, and it comes back."""
        flood = self.switch.wire.flow(2000, mac(3), HOST_MAC, 3000, vlan=VLAN + 3)
        flows = self.paced([k for k in range(POOLS) if k != 3], 2100, 50)
        for _ in range(3):
            pid = self.switch.worker_pid(4)
            os.kill(pid, signal.SIGKILL)
            self.wait("another worker", lambda p=pid: self.switch.worker_pid(4) not in (None, 0, p))
            self.switch.vif_running(4)
            before = self.fes[3].book(2000)["unique"]
            self.wait("frames by the new worker", lambda b=before: self.fes[3].book(2000)["unique"] > b + 100)
        self.whole(flows, 2100)
        flood.stop()
        self.assertEqual(0, self.fes[3].book(2000)["duplicated"])

    def replace(self, k, how):
        """Another guest with the same number and MAC, under frames to it. It gets none from before its start."""
        flow = 3000 + k + (100 if how == "domain" else 0)
        running = self.switch.wire.flow(flow, mac(k), HOST_MAC, 500, vlan=VLAN + k)
        others = self.paced([n for n in range(POOLS) if n != k], 3200 + 10 * flow, 50)
        self.wait_book(self.fes[k], flow, 50)
        self.fes[k].do("poll 0 off")  # frames wait everywhere
        time.sleep(0.5)
        self.fes[k].kill()
        if how == "domain":
            self.bench.sim.destroy(k + 1)
            self.bench.sim.create(k + 1, "--compat22")
        first = running.sent
        self.fes[k] = self.guest(k)
        self.fes[k].running()
        self.wait_book(self.fes[k], flow, 50)
        running.stop()
        self.whole(others, 3200 + 10 * flow)
        old = [f["seq"] for f in map(seq.parse, self.fes[k].frames()) if f and f["flow"] == flow and f["seq"] < first]
        self.assertEqual([], old, f"frames from before {first}")

    def guest_replaced(self):
        for k in (0, 5):
            self.replace(k, "program")

    def domain_replaced(self):
        self.replace(6, "domain")

    def primary_killed(self):
        self.switch.primary.kill()
        self.switch.start_primary()
        self.switch.primary.expect("link up")
        for k, guest in enumerate(self.fes):
            guest.running()
            self.reach(k, guest, 4000 + k)
        self.check(dict(enumerate(self.fes)))


class Overflow(PoolCase):
    def test_a_ninth_guest_is_refused_until_there_is_a_pool(self):
        self.make(guests=POOLS, pinned=0)
        ninth = self.guest(POOLS)
        refused = self.switch.vif_state(ninth.domid, 0, "refused")
        self.assertIn("the NICs have 8 pools", refused["why"])
        gone = self.switch.vif(3)["vif"]
        self.fes[2].kill()
        self.switch.vif_state(3, 0, "stopped")
        self.switch.vif_state(ninth.domid, 0, "refused")  # the number of a domain that lives is its own
        self.bench.sim.destroy(3)
        self.assertEqual(gone, self.switch.vif_running(ninth.domid)["vif"])
        vlan = self.switch.vif(ninth.domid)["vlan"]
        self.send([seq.frame(mac(POOLS), HOST_MAC, 1, vlan=vlan)])
        self.assert_whole(self.wait_book(ninth, 1, 1), 1)

    def test_with_software_sorting_ten_guests_get_what_is_theirs(self):
        self.make({"nic": {"overflow": "software"}}, guests=10, pinned=10)
        self.assertEqual([*range(POOLS), None, None], [self.switch.vif(g.domid)["pool"] for g in self.fes])
        self.check(dict(enumerate(self.fes)), 10)

    def test_a_guest_gets_no_more_pools_than_it_may(self):
        self.make({"guest": {"pools": 1}}, pinned=0)
        guest = self.guest(0)
        guest.running()
        guest.device(1, mac(1), pool=1)
        self.assertIn("guest.pools", self.switch.vif_state(guest.domid, 1, "refused")["why"])
        other = self.guest(1)
        other.do("mac 0 mac=" + mac(2))
        other.do("start 0")
        self.assertIsNotNone(other.running()["pool"])


class Software(PoolCase):
    def test_sorted_in_software_the_outcome_is_the_same(self):
        self.make({"nic": {"vmdq": False}}, guests=POOLS)
        self.assertEqual([None] * POOLS, [self.switch.vif(g.domid)["pool"] for g in self.fes])
        self.check(dict(enumerate(self.fes)))


class Multicast(PoolCase):
    def test_multicasts_reach_whom_they_concern(self):
        self.make(guests=2)
        plain = seq.frame("01:00:5e:00:00:05", HOST_MAC, 1)
        other = seq.frame("33:33:00:00:00:01", HOST_MAC, 2)
        self.send([plain, seq.tagged(other, VLAN + 1), tagged(0, 3)])
        got = self.got(dict(enumerate(self.fes)))
        self.assertEqual([1, 1], [got[k].count(plain) for k in (0, 1)])
        self.assertEqual([0, 1], [got[k].count(other) for k in (0, 1)])


class Trunk(PoolCase):
    def test_the_nic_lets_a_trunks_vlans_through_and_no_others(self):
        """Guest 0 is a trunk, guest 1 is not; the tags stay in the trunk's frames."""
        self.make({"guests": [{"domid": k + 1, "vlan_inside": ("none", "7,100-101")[k == 0], "vifs": [{"device": 0, "number": k}]}
                              for k in range(2)]}, guests=2, pinned=0)
        plain = [seq.frame(mac(k), HOST_MAC, 900 + k) for k in range(2)]
        group = seq.frame(BROADCAST, HOST_MAC, 910)
        mine = [seq.tagged(plain[0], vlan) for vlan in (7, 100, 101)] + [seq.tagged(group, 100)]
        self.send([*mine, *(seq.tagged(plain[0], vlan) for vlan in (8, 99, 102, VLAN + 1)),
                   *(seq.tagged(plain[1], vlan) for vlan in (7, 100)), seq.tagged(group, 8)])
        got = self.got(dict(enumerate(self.fes)))
        self.assertEqual((sorted(mine), []), (sorted(got[0]), got[1]))
        self.assertEqual([0, 1], [self.switch.vif(g.domid)["pool"] for g in self.fes])

    def test_a_trunks_tags_go_to_the_wire(self):
        self.make({"guests": [{"domid": 1, "vlan_inside": "7", "vifs": [{"device": 0, "number": 0}]}]}, guests=1, pinned=0)
        raw = seq.frame(HOST_MAC, mac(0), 920)
        for vlan in (7, 8):
            self.fes[0].do(f"sendhex 0 {seq.tagged(raw, vlan).hex()}")
        self.fes[0].do(f"send dev=0 dst={HOST_MAC} flow=921")
        self.assert_whole(self.wait_book(self.switch.wire, 921, 1), 1)
        self.assertEqual([seq.tagged(raw, 7)], [f for f in self.switch.wire.take() if raw[14:] in f])

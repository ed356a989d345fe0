# SPDX-License-Identifier: BSD-3-Clause
"""Who gets what: eight pools in use, and no frame to anybody else or twice."""

import nicbench
import seq
from harness import BROADCAST, HOST_MAC
from nicbench import POOLS, STRANGER, VLAN, mac

MULTICAST = "01:00:5e:00:00:05"


def rows():
    """(what, frame on the wire, frame at the guest, who gets it)"""
    everybody = list(range(POOLS))
    for k in range(POOLS):
        raw = seq.frame(mac(k), HOST_MAC, 100 + k, length=60 + 7 * k)
        yield f"MAC and tag of {k}", seq.tagged(raw, VLAN + k), raw, [k]
        raw = seq.frame(mac(k), HOST_MAC, 200 + k, length=1514 - k)
        yield f"MAC of {k}, untagged", raw, raw, [k]
        raw = seq.frame(mac(k), HOST_MAC, 300 + k)
        yield f"MAC of {k}, VLAN 0", seq.tagged(raw, 0), raw, [k]
        raw = seq.frame(mac(k), HOST_MAC, 400 + k)
        yield f"MAC of {k}, the next one's tag", seq.tagged(raw, VLAN + (k + 1) % POOLS), raw, []
        raw = seq.frame(mac(k), HOST_MAC, 500 + k)
        yield f"MAC of {k}, nobody's tag", seq.tagged(raw, 7), raw, []
        raw = seq.frame(STRANGER, HOST_MAC, 600 + k)
        yield f"nobody's MAC, tag of {k}", seq.tagged(raw, VLAN + k), raw, []
        raw = seq.frame(BROADCAST, HOST_MAC, 700 + k)
        yield f"broadcast, tag of {k}", seq.tagged(raw, VLAN + k), raw, [k]
    for n in range(5):
        raw = seq.frame(BROADCAST, HOST_MAC, 800 + n)
        yield "broadcast, untagged", raw, raw, everybody
    raw = seq.frame(BROADCAST, HOST_MAC, 810)
    yield "broadcast, VLAN 0", seq.tagged(raw, 0), raw, everybody
    raw = seq.frame(BROADCAST, HOST_MAC, 811)
    yield "broadcast, nobody's tag", seq.tagged(raw, 7), raw, []
    raw = seq.frame(STRANGER, HOST_MAC, 820)
    yield "nobody's MAC, untagged", raw, raw, []
    raw = seq.frame("52:54:00:00:00:01", HOST_MAC, 821)
    yield "the NIC's own MAC", raw, raw, []


class Pools(nicbench.Case):
    def check(self, guests, sent):
        self.send([on_wire for _, on_wire, _, _ in sent])
        got = self.got(guests)
        for k in range(len(guests)):
            want = [at_guest for _, _, at_guest, who in sent if k in who]
            for what, _, at_guest, who in sent:
                with self.subTest(guest=k, what=what):
                    self.assertEqual(int(k in who), got[k].count(at_guest))
            self.assertEqual(sorted(want), sorted(got[k]), "and nothing else")

    def test_eight_guests_have_a_pool_each_and_get_what_is_theirs(self):
        self.make()
        guests = self.guests(POOLS)
        self.assertEqual(list(range(POOLS)), [self.switch.vif(g.domid)["pool"] for g in guests])
        self.check(guests, list(rows()))
        queues = self.switch.port()["queues"]
        self.assertEqual([(k, k) for k in range(POOLS)], [(q["queue"], q["pool"]) for q in queues])
        self.assertEqual([k % 2 for k in range(POOLS)], [q["io"] for q in queues], "spread over the I/O lcores")
        self.assertTrue(all(q["rx_frames"] > 0 for q in queues), queues)
        self.assertIn("I/O lcore 1: queues 1 3 5 7", self.switch.ctl("show").stdout)

    def test_sorted_in_software_the_outcome_is_the_same(self):
        self.make({"nic": {"vmdq": False}})
        guests = self.guests(POOLS)
        self.assertEqual([None] * POOLS, [self.switch.vif(g.domid)["pool"] for g in guests])
        self.check(guests, list(rows()))

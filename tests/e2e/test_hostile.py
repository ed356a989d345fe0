# SPDX-License-Identifier: BSD-3-Clause
"""What a guest publishes or writes wrongly hurts the device concerned and says why; nobody else notices."""

import seq
from case import SharedCase
from guests import Fe22
from wire import HOST_MAC

BAD, GOOD, OTHER, PEER = "00:00:00:00:00:b0", "00:00:00:00:00:60", "00:00:00:00:00:70", "00:00:00:00:00:80"
NEW = "00:00:00:00:00:90"

# kind -> the fault that xvctl shows
RING_FAULTS = {
    "avail_ahead": "avail index runs ahead",
    "avail_far_ahead": "avail index runs ahead",
    "head_past_end": "descriptor outside the table",
    "head_ffff": "descriptor outside the table",
    "next_past_end": "next is outside the table",
    "next_ffff": "next is outside the table",
    "loop_self": "loops or has more than 64 descriptors",
    "loop_two": "loops or has more than 64 descriptors",
    "chain_long": "loops or has more than 64 descriptors",
    "indirect": "indirect descriptor",
    "addr_outside": "not inside a mempool",
    "addr_before": "not inside a mempool",
    "addr_at_end": "not inside a mempool",
    "addr_null": "not inside a mempool",
    "len_past_end": "not inside a mempool",
    "len_huge": "not inside a mempool",
    "addr_wraps": "not inside a mempool",
    "direction": "writable on transmit or read-only on receive",
}


class HostileCase(SharedCase):
    """The hostile guest's device 0 misbehaves; its device 1, another guest and a fourth party talk all the while."""

    def setUp(self):
        super().setUp()
        self.bad = self.bench.fe22()
        self.bad.device(0, BAD, start=False, pool=0)
        self.bad.device(1, GOOD, pool=1)
        self.bad.running(1)
        self.other, self.peer = self.bench.fe22(OTHER), self.bench.fe22(PEER)

    def paced(self):
        """Flows that nobody may disturb. Returns what ends and checks them."""
        generation = [self.switch.vif(g.domid, n)["generation"] for g, n in ((self.bad, 1), (self.other, 0))]
        flows = [self.flow(source, target, rate=300, length=100, dev=dev, to=to) for source, dev, target, to in (
            (self.bad, 1, self.peer, 0), (self.other, 0, self.peer, 0), (self.peer, 0, self.bad, 1), (self.peer, 0, self.other, 0))]

        def end():
            for flow in flows:
                flow.going()
            for flow in flows:
                flow.whole()
            self.assertEqual(generation, [self.switch.vif(g.domid, n)["generation"]
                                          for g, n in ((self.bad, 1), (self.other, 0))], "not attached anew")
        return end


class Rings(HostileCase):

    def test_the_tables_agree(self):
        self.assertEqual(set(RING_FAULTS), set(self.bad.do("kinds")["kinds"]))

    def misuse(self, ring, key):
        end = self.paced()
        for kind, fault in RING_FAULTS.items():
            with self.subTest(kind=kind):
                self.bad.do(f"dev 0 mac={BAD} pool=0 bufs=8")
                with self.switch.new_start(self.bad.domid):
                    self.bad.do("start 0")
                self.bad.do(f"hostile 0 {ring} {kind}")
                if ring == "rx":
                    for _ in range(20):
                        self.switch.wire.send(seq.frame(BAD, HOST_MAC, 1))
                vif = self.wait("the fault", lambda: (lambda v: v and v[key] != "none" and v)(
                    self.switch.vif(self.bad.domid)))
                self.assertIn(fault, vif[key])
        end()

    def test_a_transmit_ring_used_wrongly_is_broken_and_nobody_else_notices(self):
        self.misuse("tx", "tx_fault")

    def test_a_receive_ring_used_wrongly_is_broken_and_nobody_else_notices(self):
        self.misuse("rx", "rx_fault")

    def test_a_broken_device_works_after_its_next_start(self):
        self.bad.do("start 0")
        self.bad.running(0)
        self.bad.do("hostile 0 tx head_ffff")
        self.wait("the fault", lambda: self.switch.vif(self.bad.domid)["tx_fault"] != "none")
        self.bad.do(f"dev 0 mac={BAD} pool=0 bufs=8")
        self.bad.do("start 0")
        self.wait("the new start", lambda: self.switch.vif(self.bad.domid)["tx_fault"] == "none"
                  and self.switch.vif(self.bad.domid)["state"] == "running")
        self.bad.do(f"send dev=0 dst={PEER} flow=1")
        self.wait_book(self.peer, 1, 1)


class Keys(HostileCase):
    """Device 0 is published wrongly: refused, with the reason."""

    def refused(self, why, device=0):
        vif = self.wait(f"refusal of device {device}", lambda: (lambda v: v and v["state"] == "refused" and v)(
            self.switch.vif(self.bad.domid, device)))
        self.assertRegex(vif["why"], why)

    def good(self):
        """Device 0 with new rings and nothing wrong: what was refused before doesn't matter."""
        with self.switch.new_start(self.bad.domid):
            self.bad.ask("rm 0_vring_size")
            self.bad.do(f"dev 0 mac={BAD} pool=0 bufs=8")
            self.bad.do("start 0")

    def stop(self):
        self.bad.do("rm event_type_start_0")
        self.wait("device 0 to stop", lambda: (self.switch.vif(self.bad.domid) or {"state": "stopped"})["state"] == "stopped")

    def change(self, *commands):
        """Take the start key away, change something, set the start key: the switch judges what is there then."""
        self.stop()
        for c in commands:
            self.bad.do(c() if callable(c) else c)
        if not str(commands[0]).startswith("write event_type_start_0"):
            self.bad.do("write event_type_start_0 1")

    def check(self, *cases):
        """cases: (name, what to change, why it is refused)"""
        end = self.paced()
        for name, change, why in cases:
            with self.subTest(name):
                self.good()
                self.change(*(change if isinstance(change, tuple) else (change,)))
                self.refused(why)
        end()

    def test_missing_keys(self):
        self.check(*[(key, f"rm {key}", "missing") for key in (
            "0_rx_vring_gref", "0_tx_vring_gref", "0_ether_addr", "0_vring_flag")])

    def test_malformed_references(self):
        values = ("", "abc", "-1", "12x", "1,,2", ",", "99999999999999999999", "1.5")
        self.check(*[(f"{key}={value!r}", f"write {key} {value}", "malformed|can't map|missing")
                     for key in ("0_rx_vring_gref", "0_tx_vring_gref", "0_vring_flag") for value in values])

    def test_malformed_macs(self):
        values = ("", "x", "00:00:00:00:00", "00:00:00:00:00:11:22", "00:00:00:00:00:gg", "000000000011")
        self.check(*[(value, f"write 0_ether_addr {value}", "malformed|missing") for value in values])

    def test_macs_that_nobody_may_have(self):
        values = ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01")
        self.check(*[(value, f"write 0_ether_addr {value}", "MAC") for value in values])

    def test_a_mac_in_use(self):
        self.check(("another guest's", f"write 0_ether_addr {OTHER}", "in use"),
                   ("its own other device's", f"write 0_ether_addr {GOOD}", "in use"))
        self.peer.do(f"send dev=0 dst={OTHER} flow=1")
        self.wait_book(self.other, 1, 1)

    def test_unknown_references(self):
        self.check(
            ("list page", "write 0_rx_vring_gref 60000", "can't map|mapped"),
            ("ring page", "pair rx 0 1 60000", "can't map reference 60000, page 1 of 3 of its receive ring"),
            ("flag page", "write 0_vring_flag 60001", "can't map|mapped"),
            ("another domain's", "write 0_tx_vring_gref 1", "can't map|mapped"))

    def test_a_reference_given_twice(self):
        def first(kind, n):
            return self.bad.do(f"refs {kind} {n}")["refs"][0]
        self.check(
            ("in a ring", lambda: f"pair rx 0 1 {first('rx', 0)}", "twice"),
            ("of the other ring", lambda: f"pair rx 0 1 {first('tx', 0)}", "twice"))

    def test_the_wrong_number_of_ring_pages(self):
        self.check(
            ("two", "pair rx 0 2 0", "page"),
            ("none", "pair tx 0 0 0", "page"),
            ("four", lambda: f"pair tx 0 3 {self.bad.do('grant 1')['refs'][0]}", "page"))

    def test_ring_sizes(self):
        self.check(*[(size, f"write 0_vring_size {size}", "ring size|pages|malformed")
                     for size in ("0", "32", "100", "512", "2048", "65536", "x", "-256")])

    def test_a_flag_byte_of_0_is_no_running_device(self):
        end = self.paced()
        self.good()
        self.stop()
        self.bad.do("flag 0 0")
        self.bad.do("write event_type_start_0 1")
        end()
        self.assertIn((self.switch.vif(self.bad.domid) or {"state": "stopped"})["state"], ("stopped", "refused"))

    def test_more_list_pages_than_supported(self):
        pages = ",".join(str(r) for r in self.bad.do("grant 65")["refs"])
        self.check(("65 pages", f"write 0_rx_vring_gref {pages}", "more pages"))

    def test_a_start_key_that_is_not_1(self):
        self.check(*[(value, f"write event_type_start_0 {value}", "malformed") for value in ("0", "2", "x")])


class Mempools(SharedCase):
    """A mempool belongs to all devices of a guest; those that start while it is wrong are refused."""

    def setUp(self):
        super().setUp()
        self.other, self.peer = self.bench.fe22(OTHER), self.bench.fe22(PEER)

    def refused(self, why, *commands, pools=("pool 0 count=100",)):
        flow = self.flow(self.other, self.peer, rate=500)
        guest = Fe22(self.bench, self.bench.domain())
        for pool in pools:
            guest.do(pool)
        guest.do(f"dev 0 mac={BAD} bufs=8")
        for c in commands:
            guest.do(c(guest) if callable(c) else c)
        guest.do("start 0")
        vif = self.wait("the refusal", lambda: (lambda v: v and v["state"] == "refused" and v)(
            self.switch.vif(guest.domid)))
        self.assertRegex(vif["why"], why)
        flow.whole()
        guest.kill()

    def test_none_at_all(self):
        guest = Fe22(self.bench, self.bench.domain())
        guest.do("pool 0 count=100")
        guest.do(f"dev 0 mac={BAD} bufs=8")
        guest.do("rm 0_mempool_gref")
        guest.do("rm 0_mempool_va")
        guest.do("start 0")
        vif = self.wait("the refusal", lambda: (lambda v: v and v["state"] == "refused" and v)(
            self.switch.vif(guest.domid)))
        self.assertIn("no mempool", vif["why"])

    def test_an_address_that_is_not_page_aligned(self):
        self.refused("aligned", lambda g: f"write 0_mempool_va {int(g.do('refs pool 0')['va'], 16) + 8:x}")

    def test_an_address_range_that_wraps(self):
        self.refused("wraps", "write 0_mempool_va fffffffffffff000")

    def test_a_malformed_address(self):
        for value in ("", "zz", "-1000", "0x", "1000x", "10000000000000000000"):
            with self.subTest(value):
                self.refused("malformed|missing|wraps", f"write 0_mempool_va {value}")

    def test_an_address_is_missing(self):
        self.refused("missing", "rm 0_mempool_va")

    def test_an_address_may_begin_with_0x(self):
        guest = Fe22(self.bench, self.bench.domain())
        guest.do("pool 0 count=100")
        guest.do(f"dev 0 mac={BAD} bufs=8")
        guest.do(f"write 0_mempool_va 0x{guest.do('refs pool 0')['va']}")
        guest.do("start 0")
        guest.running()
        guest.do(f"send dev=0 dst={PEER} flow=1")
        self.wait_book(self.peer, 1, 1)

    def test_two_that_overlap(self):
        self.refused("overlap", lambda g: f"write 1_mempool_va {int(g.do('refs pool 0')['va'], 16) + 4096:x}",
                     pools=("pool 0 count=100", "pool 1 count=20"))

    def test_the_same_pages_in_two(self):
        self.refused("twice", lambda g: f"pair pool 1 0 {g.do('refs pool 0')['refs'][0]}",
                     pools=("pool 0 count=100", "pool 1 count=20"))

    def test_an_unknown_reference(self):
        for page in (0, 5, 53):
            with self.subTest(page):
                self.refused(f"can't map reference 60000, page {page} of 54 of its mempool 0", f"pair pool 0 {page} 60000")
                self.wait("nothing to be mapped but the flag page",
                          lambda: self.bench.sim.mapped(self.bench.next_domid - 1) <= 1)

    def test_a_list_that_is_empty(self):
        self.refused("no page|no mempool", "pair pool 0 0 0")

    def test_parts_that_are_none(self):
        for value, why in (("x", "malformed"), ("0,0", "malformed"), ("0:0+0", "malformed"), ("0:1+32768", "malformed"),
                           ("1", "missing"), ("0:53+2", "does not list pages 53 to 54")):
            with self.subTest(value):
                self.refused(why, f"write 0_mempools {value}")

    def test_a_part_is_all_that_descriptors_may_point_into(self):
        flow = self.flow(self.other, self.peer, rate=500)
        guest = Fe22(self.bench, self.bench.domain())
        guest.do("pool 0 count=100")  # 54 pages
        guest.do(f"dev 0 mac={BAD} bufs=8")
        guest.do("write 0_mempools 0:0+54")
        guest.do("start 0")
        guest.running()
        guest.do(f"send dev=0 dst={PEER} flow=1")
        self.wait_book(self.peer, 1, 1)
        self.assertEqual(54 + 6 + 1, self.bench.sim.mapped(guest.domid))
        guest.do("rm event_type_start_0")
        self.switch.vif_state(guest.domid, 0, "stopped")
        guest.do("write 0_mempools 0:53+1")
        guest.do("start 0")
        guest.running()
        self.assertEqual(1 + 6 + 1, self.bench.sim.mapped(guest.domid))
        guest.do(f"send dev=0 dst={PEER} flow=2")
        self.wait("the fault", lambda: "not inside a mempool" in self.switch.vif(guest.domid)["tx_fault"])
        flow.whole()

    def test_directories_of_keys_hold_devices_and_no_more_directories(self):
        flow = self.flow(self.other, self.peer, rate=500)
        guest = Fe22(self.bench, self.bench.domain())
        guest.do("pool 0 count=100")
        guest.do(f"dev 0 mac={BAD} bufs=8")
        for key in ("devices0/5_ether_addr", "devices4/event_type_start_6", "devices1/devices2/event_type_start_7",
                    "devices3/event_type_start_32", "devices2/event_type_start_"):
            guest.do(f"write {key} 1")
        for i in range(3):
            guest.do(f"write devices{i + 1} {'x' * 600}")
        guest.do("start 0")
        guest.running()
        guest.do("write devices3/event_type_start_8 1")  # not where ours has it, but a device nonetheless
        self.switch.vif_state(guest.domid, 8, "refused")
        self.assertEqual({0, 8}, {v["device"] for v in self.switch.vifs(guest.domid)})
        flow.whole()

    def test_more_than_supported(self):
        self.refused("mempools", pools=[f"pool {i} count=4" for i in range(17)])

    def test_sixteen_are_supported(self):
        guest = Fe22(self.bench, self.bench.domain())
        for i in range(16):
            guest.do(f"pool {i} count=16")
        guest.do(f"dev 0 mac={BAD} bufs=8 txpool=15 pool=15")
        guest.do("start 0")
        guest.running()
        guest.do(f"send dev=0 dst={PEER} flow=1")
        self.wait_book(self.peer, 1, 1)

    def test_more_devices_than_a_guest_may_have(self):
        guest = Fe22(self.bench, self.bench.domain())
        guest.do("pool 0 count=400")
        for n in range(16):
            guest.do(f"dev {n} mac=02:00:00:00:10:{n:02x} bufs=4")
            guest.do(f"start {n}")
        states = self.wait("16 devices to be judged", lambda: (lambda v: len(v) == 16 and all(
            x["state"] in ("running", "refused") for x in v) and v)(self.switch.vifs(guest.domid)))
        self.assertEqual(list(range(16)), sorted(v["device"] for v in states), "more than one answer of xv-watcher's has")
        refused = [v for v in states if v["state"] == "refused"]
        self.assertEqual(12, len(refused), "four run")
        self.assertTrue(all("as many as it may (guest.devices)" in v["why"] for v in refused), refused)
        new = self.bench.fe22(NEW)
        self.peer.do(f"send dev=0 dst={NEW} flow=2")
        self.wait_book(new, 2, 1)
        self.peer.do(f"send dev=0 dst={OTHER} flow=1")
        self.wait_book(self.other, 1, 1)

    def test_a_device_number_beyond_32_is_ignored(self):
        guest = Fe22(self.bench, self.bench.domain())
        guest.do("pool 0 count=100")
        guest.do(f"dev 32 mac={BAD} bufs=8")
        guest.do("start 32")
        guest.do("dev 31 mac=00:00:00:00:00:b1 bufs=8")
        guest.do("start 31")
        guest.running(31)
        self.assertNotIn("running", [v["state"] for v in self.switch.vifs(guest.domid) if v["device"] != 31])

    def test_a_domain_may_vanish_at_any_step(self):
        steps = ["pool 0 count=100", f"dev 0 mac={BAD} bufs=8", "start 0", f"send dev=0 dst={PEER} count=5"]
        for last in range(len(steps)):
            with self.subTest(last=steps[last]):
                domid = self.bench.domain()
                guest = Fe22(self.bench, domid)
                for step in steps[:last + 1]:
                    guest.do(step)
                self.bench.sim.destroy(domid)
                guest.kill()
                self.wait("the guest to be gone", lambda d=domid: self.switch.guest(d) is None
                          and not self.switch.vifs(d))
                self.wait("its pages to be unmapped", lambda d=domid: self.bench.sim.mapped(d) == 0)
        self.peer.do(f"send dev=0 dst={OTHER} flow=1")
        self.wait_book(self.other, 1, 1)

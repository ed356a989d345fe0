# SPDX-License-Identifier: BSD-3-Clause
"""What a guest may take of what all share."""

from time import monotonic as clock

from case import OwnCase
from guests import Fe22

A, B, C, PEER = "00:00:00:00:00:0a", "00:00:00:00:00:0b", "00:00:00:00:00:0c", "00:00:00:00:00:80"
RINGS = 6  # pages of a device's rings


class Pages(OwnCase):

    def guest(self, count):
        """A guest with a mempool. Returns it and the mempool's pages."""
        guest = Fe22(self.bench, self.bench.domain())
        guest.do(f"pool 0 count={count}")
        return guest, len(guest.do("refs pool 0")["refs"])

    def mapped(self, guest, pages, devices):
        """Waits until so many pages are mapped, and the flag pages of devices."""
        self.wait(f"{pages} mapped pages", lambda: self.bench.sim.mapped(guest.domid) == pages + devices)

    def test_devices_of_a_guest_share_its_mempools(self):
        self.make()
        guest, pool = self.guest(600)
        peer = self.bench.fe22(PEER)
        for n, mac in enumerate((A, B, C)):
            guest.device(n, mac, new_pool=False, options="bufs=8")
            guest.running(n)
        self.mapped(guest, pool + 3 * RINGS, 3)
        guest.do("rm event_type_start_0")
        self.mapped(guest, pool + 2 * RINGS, 2)
        guest.do(f"send dev=1 dst={PEER} flow=1")
        peer.do(f"send dev=0 dst={B} flow=2")
        self.wait_book(peer, 1, 1)
        self.wait_book(guest, 2, 1, device=1)
        guest.do(f"dev 0 mac={A} pool=0 bufs=8")
        guest.do("start 0")
        guest.running(0)
        self.mapped(guest, pool + 3 * RINGS, 3)
        for n in range(3):
            guest.do(f"rm event_type_start_{n}")
        self.mapped(guest, 0, 0)

    def test_a_guest_has_no_more_pages_mapped_than_it_may(self):
        self.make(conf={"guests": [{"domid": 1, "pages": 100}, {"domid": 3, "pages": 100}]})
        guest, pool = self.guest(100)
        self.assertEqual(54, pool)
        guest.do("pool 1 count=70")
        other = len(guest.do("refs pool 1")["refs"])
        self.assertTrue(100 - 54 - 2 * RINGS < other <= 100 - 54 - RINGS)
        peer = self.bench.fe22(PEER)
        guest.do(f"dev 0 mac={A} pool=0 bufs=8")
        guest.do("write 0_mempools 0")
        guest.do("start 0")
        guest.running(0)
        guest.do(f"dev 1 mac={B} pool=0 bufs=8")
        guest.do("write 1_mempools 0,1")
        guest.do("start 1")
        vif = self.switch.vif_state(guest.domid, 1, "refused")
        self.assertIn(f"would map {RINGS + other} pages more, and the guest has {54 + RINGS} of at most 100 (guest.pages)", vif["why"])
        self.mapped(guest, 54 + RINGS, 2)
        guest.do(f"send dev=0 dst={PEER} flow=1")
        self.wait_book(peer, 1, 1)
        # A guest that asks for more than it may have at all is told so before the rest is read.
        big, pool = self.guest(200)
        self.assertGreater(pool, 100)
        big.device(0, C, new_pool=False)
        self.assertIn("more than 100 pages (guest.pages)", self.switch.vif_state(big.domid, 0, "refused")["why"])
        # What stops makes room.
        guest.do("rm event_type_start_0")
        guest.running(1)
        self.mapped(guest, 54 + other + RINGS, 1)


class Groups(OwnCase):

    def test_all_devices_of_a_guest_have_one_budget_of_broadcasts(self):
        self.make(conf={"primary": {"group_rate": 1}})
        guest, _ = Fe22(self.bench, self.bench.domain()), self.bench.fe22(PEER)
        for n in range(4):
            guest.device(n, f"00:00:00:00:01:0{n}", pool=n)
            guest.running(n)
        before = clock()
        for _ in range(3):
            for n in range(4):
                guest.do(f"send dev={n} dst=ff:ff:ff:ff:ff:ff flow={n + 1}")
        guest.do("rm event_type_start_0")  # a new start has no new budget
        self.switch.vif_state(guest.domid, 0, "stopped")
        guest.do("start 0")
        guest.running(0)
        guest.do("send dev=0 dst=ff:ff:ff:ff:ff:ff flow=9")
        drops = lambda: sum(self.switch.drops(guest.domid, n).get("group_budget", 0) for n in range(4))
        copied = lambda: sum(self.switch.vif(guest.domid, n)["wire"]["group_frames"] for n in range(4))
        self.wait("all to be judged", lambda: drops() + copied() == 13)
        self.assertLessEqual(copied(), 2 + clock() - before)

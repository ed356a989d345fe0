# SPDX-License-Identifier: BSD-3-Clause
"""Fairness, by counts."""

import os
import signal

from case import SharedCase
from thread import Sleeps, threads

A, B, RECEIVER, DEAD = "00:00:00:00:00:11", "00:00:00:00:00:22", "00:00:00:00:00:33", "00:00:00:00:00:44"
C, D = "00:00:00:00:00:55", "00:00:00:00:00:66"


class Fair(SharedCase):
    conf = {"worker": {"hang_ms": 120000}}  # a worker that stands still is not replaced here

    def test_two_guests_that_flood_one_receiver_get_their_share_each(self):
        a, b, receiver = (self.bench.fe22(mac) for mac in (A, B, RECEIVER))
        a.do(f"flow 1 dev=0 dst={RECEIVER} count=0 rate=0")
        b.do(f"flow 2 dev=0 dst={RECEIVER} count=0 rate=0")
        self.wait("both flows", lambda: min(receiver.book(1)["frames"], receiver.book(2)["frames"]) > 1000)
        receiver.do("forget 0")
        # Half each, but for the CPU that the kernel gives the two senders: 0.40 to 0.60 was seen, of fewer frames.
        self.wait("6,000,000 frames", lambda: receiver.book(1)["frames"] + receiver.book(2)["frames"] > 6000000)
        a.do("flowstop 1")
        b.do("flowstop 2")
        counts = [receiver.book(n)["frames"] for n in (1, 2)]
        share = counts[0] / sum(counts)
        self.assertTrue(1 / 3 <= share <= 2 / 3, f"{share:.3f} of {counts}")

    def undisturbed(self, make_dead):
        """A third pair at 3,000 frames/s loses nothing while a guest floods a receiver that takes nothing."""
        a, dead, c, d = (self.bench.fe22(mac) for mac in (A, DEAD, C, D))
        make_dead(dead)
        a.do(f"flow 1 dev=0 dst={DEAD} count=0 rate=0")
        self.wait("the flood to be dropped", lambda: sum(self.switch.drops(a.domid).values()) > 5000)
        c.do(f"flow 2 dev=0 dst={D} count=15000 rate=3000")
        d.do(f"flow 3 dev=0 dst={C} count=15000 rate=3000")
        self.assert_whole(self.wait_book(d, 2, 15000), 15000)
        self.assert_whole(self.wait_book(c, 3, 15000), 15000)
        a.do("flowstop 1")
        return a, dead, c

    def test_flooding_a_guest_that_takes_nothing_costs_a_third_pair_nothing(self):
        self.undisturbed(lambda dead: dead.do("poll 0 off"))

    def test_a_worker_whose_guest_takes_nothing_sleeps(self):
        a, dead = self.bench.fe22(A), self.bench.fe22(DEAD)
        dead.do("poll 0 off")
        a.do(f"flow 1 dev=0 dst={DEAD} count=0 rate=0")
        self.wait("the flood to be dropped", lambda: sum(self.switch.drops(a.domid).values()) > 5000)
        a.do("flowstop 1")
        pid = self.switch.worker_pid(dead.domid)
        sleeps = Sleeps(pid, threads(pid, "xv-poll")[0])
        # Frames wait on its lanes as long as the guest offers no buffer; it looks for one by the clock.
        self.wait("100 sleeps", lambda: sleeps.since() >= 100)

    def test_flooding_a_guest_whose_worker_stands_still_costs_a_third_pair_nothing(self):
        pids = []

        def stop(dead):
            pids.append(self.switch.worker_pid(dead.domid))
            os.kill(pids[0], signal.SIGSTOP)
        try:
            self.undisturbed(stop)
        finally:
            os.kill(pids[0], signal.SIGCONT)

    def test_the_flooding_guest_itself_reaches_others_still(self):
        a, _, c = self.undisturbed(lambda dead: dead.do("poll 0 off"))
        a.do(f"flow 4 dev=0 dst={C} count=1000 rate=1000")
        self.assert_whole(self.wait_book(c, 4, 1000), 1000)

    def test_a_slow_receiver_gets_frames_while_two_pairs_flood(self):
        a, b, c, slow = (self.bench.fe22(mac) for mac in (A, B, C, DEAD))
        a.do(f"flow 1 dev=0 dst={B} count=0 rate=0")
        b.do(f"flow 2 dev=0 dst={A} count=0 rate=0")
        c.do(f"flow 3 dev=0 dst={DEAD} count=3000 rate=1000")
        self.assert_whole(self.wait_book(slow, 3, 3000), 3000)



# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 of anything under load, and what else may happen to the switch: see tests/chaos.

These are the short versions of tests/chaos/chaos.py and kills; they run on one switch with three guests of two devices.
"""

import os
import random
import sys
import time

import seq
from case import Case
from proc import TOP
from wire import HOST_MAC

sys.path.insert(0, os.path.join(TOP, "tests", "chaos"))

import actions  # noqa: E402
from world import LOSSY, World  # noqa: E402

PROBE = 25  # more than a round has flows, and less than where the numbers of its fences begin


class KillCase(Case):
    """One world for all tests of the class; each begins a round and ends it."""

    guests = 3

    @classmethod
    def setUpClass(cls):
        cls.world = World(cls.__name__, cls.guests, kinds=("dpdk22", "stock"))
        cls.bench, cls.switch = cls.world.bench, cls.world.switch
        cls.rng = random.Random(os.environ.get("XV_SEED", "1"))
        cls.world.begin()  # what comes to stay with the first use is no leak
        actions.worker_killed(cls.world, cls.rng)
        cls.world.end()
        cls.before = cls.world.first_census()

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def round(self, *what, rate=1000, length=200, leak=True):
        """A round in which these actions happen, one after another."""
        self.world.begin(rate, length, wire_rate=rate or 500)
        for action in what:
            time.sleep(self.rng.uniform(0, 0.2))
            action(self.world, self.rng)
        time.sleep(0.2)
        result = self.world.end()
        if leak:
            self.world.same_census(self.before)
        return result


class Worker(KillCase):

    def test_twenty_kills_lose_no_paced_frame(self):
        for length in (60, 200, 1514, 200):
            self.round(*[actions.worker_killed] * 5, length=length, leak=False)
        self.world.same_census(self.before)

    def test_twenty_kills_under_saturation_leave_no_frame_unaccounted(self):
        for _ in range(4):
            self.round(*[actions.worker_killed] * 5, rate=0, leak=False)
        self.world.same_census(self.before)

    def test_all_workers_killed_at_once_lose_no_frame(self):
        self.round(*[actions.workers_killed] * 3)

    def test_a_kill_of_the_successor_while_it_starts_loses_no_frame(self):
        self.round(*[actions.worker_killed_young] * 4)

    def test_a_graceful_restart_loses_no_frame(self):
        self.round(*[actions.worker_restarted] * 5)

    def test_a_graceful_restart_under_saturation_leaves_no_frame_unaccounted(self):
        self.round(*[actions.worker_restarted] * 3, rate=0)

    def test_a_worker_that_hangs_is_replaced_and_no_frame_is_lost(self):
        self.round(actions.worker_hung)

    def test_a_worker_that_pauses_goes_on(self):
        workers = [g.worker() for g in self.world.guests]
        self.round(*[actions.worker_paused] * 3)
        self.assertEqual(workers, [g.worker() for g in self.world.guests])

    def test_a_second_worker_is_refused_and_no_frame_is_lost(self):
        self.round(actions.worker_doubled)


class Watcher(KillCase):

    def test_packets_flow_while_the_watcher_is_away(self):
        self.round(*[actions.watcher_killed] * 3)

    def test_a_worker_that_dies_unwatched_is_replaced_by_the_next_watcher(self):
        self.round(*[actions.watcher_and_worker_killed] * 4)

    def test_a_guest_that_changes_unwatched_is_found(self):
        self.round(*[actions.guest_killed_unwatched] * 4)

    def test_xenstored_comes_back_empty_and_no_frame_is_lost(self):
        self.round(*[actions.xenstored_restarted] * 2)

    def test_a_guest_that_starts_after_xenstored_came_back_is_served(self):
        self.round(actions.xenstored_restarted, actions.guest_killed)


class Primary(KillCase):

    def test_guests_go_on_after_kills_of_the_primary(self):
        for _ in range(3):
            self.round(actions.primary_killed)
            self.round()  # nothing is lost any more

    def test_a_primary_that_hangs_is_replaced(self):
        self.round(actions.primary_hung)
        self.round()


class Guest(KillCase):

    def test_a_killed_guest_comes_back_many_times(self):
        for _ in range(2):
            self.round(*[actions.guest_killed] * 5, leak=False)
        self.world.same_census(self.before)
        self.round()

    def test_a_replaced_domain_many_times(self):
        for _ in range(2):
            self.round(*[actions.guest_replaced] * 3, leak=False)
        self.world.same_census(self.before)
        self.round()

    def stop_and_pass(self, f):
        """All that was sent has been looked up: what is still in a sender's ring, or on the wire, is its successor's."""
        w = self.world
        if f.source != "wire":
            f.running.do(f"flowstop {f.number}")
            ring = lambda: f.running.do(f"ring {f.source[1]} tx")
            self.wait("its worker to take all", lambda: (r := ring())["avail"] == r["used"])
            return
        f.running.stop()
        probe, (other, device) = f.number + PROBE, next(e for e in w.places() if e[0] is not f.target[0])
        w.wire.send(seq.frame(other.macs[device], HOST_MAC, probe))
        self.wait("what came after it", lambda: other.fe.book(probe, device)["frames"])
        w.fences.add(((other, device), probe))

    def test_no_frame_of_an_earlier_guest_reaches_its_successor(self):
        w, guest = self.world, self.world.guests[1]
        macs = guest.macs
        for n in range(8):
            for d in range(len(macs)):
                guest.fe.do(f"poll {d} off")  # what is for it waits on the lanes
            w.begin(0, wire_rate=500)
            w.expect_lossy(guest)
            time.sleep(0.1)
            for f in w.flows:
                if f.target in w.places() and f.target[0] is guest:
                    self.stop_and_pass(f)
            old = [f for f in w.flows if f.expect == LOSSY]
            guest.kill() if n % 2 else guest.new_domain()
            guest.start()
            w.end()
            for f, book in w.books().items():
                if f in old and f.target != "wire" and f.target[0] is guest:
                    self.assertEqual(0, book["frames"], f"{f} reached the successor")
        w.same_census(self.before)


class Chaos(KillCase):

    def test_everything_in_random_order(self):
        for _ in range(3):
            self.round(*[self.rng.choice(actions.LOSSLESS * 2 + actions.LOSSY) for _ in range(3)], leak=False)
        self.round(leak=False)
        self.world.same_census(self.before)

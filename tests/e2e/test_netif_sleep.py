# SPDX-License-Identifier: BSD-3-Clause
"""A stock guest's worker sleeps until it is called."""

import os
import signal
import time

import seq
from case import OwnCase
from thread import Sleeps, threads
from wire import HOST_MAC

N, M, X = "00:16:3e:00:00:01", "00:16:3e:00:00:02", "00:00:00:00:00:11"
FRAMES = 10


class NetifSleep(OwnCase):

    def sleeps(self, guest, thread="xv-poll"):
        pid = self.switch.worker_pid(guest.domid)
        return Sleeps(pid, threads(pid, thread)[0])

    @staticmethod
    def asked(guest, kind="tx"):
        """Whether the guest is to call when it sends, or has room."""
        ring = guest.do("ring 0")[kind]
        return ring["req_event"] == ring["req_prod"] + 1

    def asleep(self, guest):
        self.wait("the guest to be asked to call", lambda: self.asked(guest))

    def send(self, guest, flow, i):
        guest.do(f"send dev=0 dst={HOST_MAC} flow={flow} seq={i}")
        self.wait("the frame", lambda: self.switch.wire.book(flow)["unique"] == i + 1)

    def test_an_idle_guest_is_not_looked_at_and_its_frames_get_through(self):
        self.make()
        n, x = self.bench.fenet(N), self.bench.fe22(X)
        self.asleep(n)
        calls, polled = self.sleeps(n), self.sleeps(x)
        self.wait("the other one's worker to look", lambda: polled.since() > 1000)
        self.assertLess(calls.since(), 300)
        kicks, events = n.report()["kicks"], self.sleeps(n, "xv-evtchn")
        for i in range(FRAMES):
            self.asleep(n)
            self.send(n, 1, i)
        self.assertGreaterEqual(n.report()["kicks"] - kicks, FRAMES)
        self.assertGreaterEqual(events.since(), FRAMES)
        for i in range(FRAMES):
            self.asleep(n)
            x.do(f"send dev=0 dst={N} flow=2 seq={i}")
            self.wait_book(n, 2, i + 1)
        self.assertEqual("", n.report()["fault"])

    def test_a_busy_guest_is_not_asked_to_call(self):
        self.make()
        n = self.bench.fenet(N)
        self.asleep(n)
        kicks = n.report()["kicks"]
        self.flow(n, self.switch.wire, count=5000, rate=2000).whole()
        self.assertLess(n.report()["kicks"] - kicks, 500)

    def test_a_worker_that_is_killed_in_its_sleep(self):
        self.make()
        n = self.bench.fenet(N)
        for i in range(3):
            self.asleep(n)
            pid = self.switch.worker_pid(n.domid)
            os.kill(pid, signal.SIGKILL)
            self.send(n, 1, i)
            self.wait("a successor", lambda p=pid: self.switch.worker_pid(n.domid) not in (None, 0, p))
        self.asleep(n)
        kicks = n.report()["kicks"]
        self.send(n, 1, 3)
        self.assertGreater(n.report()["kicks"], kicks)
        self.assertEqual("", n.report()["fault"])

    def test_room_for_frames_that_wait_is_called_for(self):
        self.make()
        n = self.bench.fenet(N)
        n.do("poll 0 off")
        for i in range(300):  # the ring holds 256
            self.switch.wire.send(seq.frame(N, HOST_MAC, 7, i))
        self.wait("the guest to be asked for room", lambda: self.asked(n, "rx"))
        n.do("poll 0 on")
        self.wait("frames", lambda: n.book(7)["unique"] > 256)

    def test_a_guest_that_never_calls_waits_for_the_sleep_s_end(self):
        self.make()
        n = self.bench.fenet(N)
        for i in range(3):
            self.asleep(n)
            kicks = n.report()["kicks"]
            n.do("index 0 tx req_event +1000")
            self.send(n, 1, i)
            self.assertEqual(kicks, n.report()["kicks"])

    def test_a_guest_that_calls_all_the_time_costs_no_more_than_one_that_can_t(self):
        self.make()
        mad, n, x = self.bench.fenet(M), self.bench.fenet(N), self.bench.fe22(X)
        self.asleep(mad)
        flow = self.flow(n, x, count=3000, rate=1000)
        slept, woken, began = self.sleeps(mad), self.sleeps(mad, "xv-evtchn"), time.monotonic()
        while n.flow(flow.number)["running"]:
            mad.do("kick 0 tx count=2000")
        took = time.monotonic() - began
        flow.whole()
        self.assertLess(slept.since(), 100 + 700 * took)  # a sleep by the clock is 1,800 us
        self.assertLess(woken.since(), 100 + 100 * took)
        self.send(mad, 3, 0)

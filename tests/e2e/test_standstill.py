# SPDX-License-Identifier: BSD-3-Clause
"""A poller stands still: control waits for it nowhere, says so, and can be ended."""

import os
import signal

from case import OwnCase
from thread import Frozen, threads
from wire import HOST_MAC

A, B = "00:00:00:00:00:11", "00:00:00:00:00:22"


class Standstill(OwnCase):

    def start(self):
        # What stands still here is replaced by nobody.
        self.make(conf={"worker": {"hang_ms": 600000, "start_ms": 600000}})

    def io_lcore(self):
        tids = threads(self.switch.primary.pid, "rte-worker-1")
        self.assertEqual(1, len(tids))
        return Frozen(tids[0])

    def poll_thread(self, guest):
        tids = threads(self.switch.worker_pid(guest.domid), "xv-poll")
        self.assertEqual(1, len(tids))
        return Frozen(tids[0])

    def test_an_io_lcore_that_stands_still_is_named_and_what_was_asked_is_done_when_it_goes_on(self):
        self.start()
        a, b = self.bench.fe22(A), self.bench.fe22()
        with self.io_lcore() as frozen:
            b.device(0, B)
            self.switch.primary.expect(rf"I/O lcore 0 \(thread {frozen.tid}\) has not done for 2000 ms what it was asked")
            self.assertEqual("opening", self.switch.vif(b.domid)["state"])
            # Of the other guest, whose worker goes on, all is done but the I/O lcore's part.
            a.do("flag 0 0")
            self.switch.watcher.expect(r"guest \d+ vif 0: detaching -> closing")
            self.assertEqual("closing", self.switch.vif(a.domid)["state"])
        self.switch.primary.expect(r"I/O lcore 0 goes on, after \d+ ms")
        b.running()
        a.do("start 0")
        a.running()
        for guest in (a, b):
            guest.do(f"send dev=0 dst={HOST_MAC} flow={guest.domid} count=20")
            self.assert_whole(self.wait_book(self.switch.wire, guest.domid, 20), 20)

    def test_the_primary_ends_though_an_io_lcore_does_not(self):
        self.start()
        with self.io_lcore() as frozen:
            self.switch.primary.send_signal(signal.SIGTERM)
            self.wait("its end", lambda: frozen.reap() and not self.switch.primary.alive())
        self.assertEqual(1, self.switch.primary.popen.returncode)
        self.assertIn("lcore 1 does not stop", self.switch.primary.text())

    def test_a_worker_whose_poll_loop_stands_still_hears_the_watcher_and_ends(self):
        self.start()
        a = self.bench.fe22(A)
        worker = self.switch.worker_pid(a.domid)
        with self.poll_thread(a) as frozen:
            a.do("flag 0 0")
            self.wait("the watcher to ask", lambda: self.switch.vif(a.domid)["state"] == "detaching")
            os.kill(worker, signal.SIGTERM)
            self.wait("its end", lambda: frozen.reap() and not os.path.exists(f"/proc/{worker}"))
        self.switch.watcher.expect("the poll loop does not stop")
        a.do("start 0")
        a.running()
        self.assertNotEqual(worker, self.switch.worker_pid(a.domid))
        a.do(f"send dev=0 dst={HOST_MAC} flow=1 count=20")
        self.assert_whole(self.wait_book(self.switch.wire, 1, 20), 20)

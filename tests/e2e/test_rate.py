# SPDX-License-Identifier: BSD-3-Clause
"""Limits of what a device sends and receives."""

import os
import signal
import time

from case import OwnCase

N, X, Y = "00:16:3e:00:00:01", "00:00:00:00:00:11", "00:00:00:00:00:12"
BURST = 50 / 1000


class Rate(OwnCase):

    def made(self, **limits):
        """N is limited, X and Y aren't."""
        self.make(conf={"guests": [{"domid": self.bench.next_domid, "vifs": [{"device": 0, **limits}]}]})
        return self.bench.fenet(N), self.bench.fe22(X), self.bench.fe22(Y)

    def limits(self, guest):
        return next(v["limits"] for v in self.switch.show()["vifs"] if v["domid"] == guest.domid)

    def test_what_a_guest_sends_is_limited_and_nothing_of_it_is_lost(self):
        n, x, y = self.made(tx_fps=300)
        self.assertEqual({"tx_kbps": None, "tx_fps": 300, "rx_kbps": None, "rx_fps": None, "burst_ms": 50}, self.limits(n))
        other = self.flow(x, y, rate=500)
        began = time.monotonic()
        n.do(f"send dev=0 dst={X} flow=70 count=1200")
        book = self.wait_book(x, 70, 1200)
        self.assertGreaterEqual(time.monotonic() - began, (1200 - 1) / 300 - BURST)
        self.assert_whole(book, 1200)
        self.assertEqual(0, self.switch.drops(n.domid)["tx_lane_full"])
        other.whole()

    def test_a_limit_in_bits_is_one_of_bytes(self):
        n, x, _ = self.made(tx_kbps=1000)
        began = time.monotonic()
        n.do(f"send dev=0 dst={X} flow=70 count=250 len=1000")
        self.assert_whole(self.wait_book(x, 70, 250), 250)
        self.assertGreaterEqual(time.monotonic() - began, 249 * 8000 / 1e6 - BURST)

    def test_what_a_guest_receives_is_limited_and_waits_its_turn(self):
        n, x, y = self.made(rx_fps=100)
        other = self.flow(x, y, rate=500)
        began = time.monotonic()
        x.do(f"send dev=0 dst={N} flow=70 count=150")
        self.assert_whole(self.wait_book(n, 70, 150), 150)
        self.assertGreaterEqual(time.monotonic() - began, 149 / 100 - BURST)
        other.whole()

    def test_a_limit_outlives_workers_and_watcher(self):
        n, _, _ = self.made(tx_fps=300)
        began = time.monotonic()
        flow = self.flow(n, self.switch.wire, rate=2000, count=1500)
        for i in range(3):
            flow.going(100)
            pid = self.wait("its worker", lambda: self.switch.worker_pid(n.domid))  # a new watcher has to find it
            os.kill(pid, signal.SIGKILL)
            self.wait("a successor", lambda p=pid: self.switch.worker_pid(n.domid) not in (None, 0, p))
            if i == 1:
                self.switch.watcher.kill()
                self.switch.start_watcher()
        flow.whole()
        self.assertGreaterEqual(time.monotonic() - began, 1499 / 300 - BURST)
        self.assertEqual(300, self.limits(n)["tx_fps"])

    def test_rate_of_a_vif_line(self):
        self.make()
        n, x = self.bench.fenet(), self.bench.fe22(X)
        n.store("write", f"{n.back()}/rate", "12500,50000")
        n.toolstack(N)
        n.connect()
        self.assertEqual((2000, 50), (self.limits(n)["tx_kbps"], self.limits(n)["burst_ms"]))
        began = time.monotonic()
        n.do(f"send dev=0 dst={X} flow=70 count=500 len=1000")
        self.assert_whole(self.wait_book(x, 70, 500), 500)
        self.assertGreaterEqual(time.monotonic() - began, 499 * 8000 / 2e6 - BURST)

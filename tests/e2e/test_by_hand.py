# SPDX-License-Identifier: BSD-3-Clause
"""Workers that somebody else than xv-watcher starts: a person, or systemd."""

import time

from case import OwnCase
from guests import Fe22

A, B = "00:00:00:00:00:11", "00:00:00:00:00:22"
IDLE = 1.5  # seconds: a worker that the watcher started without a device is ended after one


class ByHand(OwnCase):

    def waits(self, worker, text="waiting for it to offer a device", count=1):
        self.wait(f"{worker.name} to say '{text}'", lambda: worker.text().count(text) >= count)
        time.sleep(IDLE)
        self.assertTrue(worker.alive(), worker.text())

    def stops(self, worker):
        self.assertEqual(0, worker.stop(), worker.text())
        self.assertIn("stopped by a signal", worker.text())

    def test_it_waits_for_its_guest_as_often_as_that_goes(self):
        sw = self.make()
        domid = self.bench.domain()
        worker = sw.start_worker(domid)
        self.waits(worker, f"guest {domid}: waiting for it to offer a device")
        self.assertEqual("waiting for the guest to offer a device", sw.guest(domid)["why"])
        guest = Fe22(self.bench, domid)
        guest.device(0, A)
        guest.running()
        self.assertEqual(worker.pid, sw.worker_pid(domid))
        guest.quit()
        self.waits(worker, count=2)
        guest = Fe22(self.bench, domid)
        guest.device(0, A)
        guest.running()
        self.assertEqual(worker.pid, sw.worker_pid(domid), "the same one serves it again")
        guest.quit()
        self.waits(worker, count=3)
        # Another watcher knows that it isn't one of its own, and a second worker is told who serves the guest.
        sw.watcher.stop()
        sw.start_watcher()
        self.wait("the watcher to find it", lambda: sw.worker_pid(domid) == worker.pid)
        self.waits(worker, count=3)
        second = sw.start_worker(domid)
        self.assertEqual(4, second.wait())
        self.assertIn(f"guest {domid} already has a worker: pid {worker.pid}", second.text())
        self.stops(worker)

    def test_when_it_is_stopped_the_watcher_starts_one_and_ends_it_when_the_guest_is_idle(self):
        sw = self.make()
        guest = Fe22(self.bench, self.bench.domain())
        worker = sw.start_worker(guest.domid)
        self.waits(worker)
        guest.device(0, A)
        guest.running()
        self.stops(worker)
        self.wait("another worker", lambda: sw.worker_pid(guest.domid) not in (None, worker.pid))
        guest.running()
        guest.quit()
        self.wait("it to be ended", lambda: not sw.worker_pid(guest.domid))

    def test_a_domain_that_does_not_exist_is_waited_for(self):
        sw = self.make()
        worker = sw.start_worker(77)
        self.waits(worker, "guest 77: waiting for it to offer a device")
        self.stops(worker)

    def test_without_watcher_and_primary_it_says_whom_it_waits_for(self):
        sw = self.make(start=False)
        worker = sw.start_worker(1)
        self.waits(worker, "waiting for xv-watcher")
        sw.start_watcher()
        self.waits(worker, "waiting for xv-primary")
        self.stops(worker)

# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 of a worker at the system calls of its start: nothing that it held may be missed by those that come after it.

EAL's locks lie in shared memory and are not robust: a worker must hold none of them when it is killed. A start that
follows such a kill shows it: it would wait for ever. XV_START_STEP=1 tries every call (tests/chaos/README.md).
"""

import os
import time

from case import OwnCase
from guests import Fe22
from proc import Proc, built
from wait import LONG, Failure, wait_for

A, B = "00:00:00:00:00:11", "00:00:00:00:00:22"
STEP = int(os.environ.get("XV_START_STEP", "5"))
START = LONG  # seconds: one that takes longer hangs


class Start(OwnCase):

    def worker(self, n):
        """The worker of guest a, to be killed at its n-th system call."""
        self.wait("the one before to be gone", lambda: self.switch.worker_pid(self.a.domid) is None)
        return Proc(self.bench, "killat", [built("killat"), str(n), built("xv-worker"), "--domid",
                                                   str(self.a.domid), "--config", self.switch.conf_file], self.switch.env())

    def calls(self):
        """How many there are until it serves."""
        worker = self.worker(10 ** 9)
        self.a.running()
        worker.stop()
        return int(worker.text().split()[-1])

    def killed_at(self, n):
        worker = self.worker(n)
        try:
            status = worker.wait(START)
        except Failure:
            self.fail(f"a start hangs before call {n}, after a kill at call {max(1, n - STEP)}")
        self.assertEqual(0, status, f"call {n}: {worker.text()[-2000:]}")
        self.bench.procs.remove(worker)

    def test_a_kill_at_any_call_stops_neither_later_workers_nor_the_primary(self):
        self.make(conf={"worker": {"start": "external"}})
        self.a = self.bench.fe22()
        self.a.device(0, A)
        self.b = self.bench.fe22()
        self.b.device(0, B)
        self.switch.start_worker(self.b.domid)
        self.b.running()
        last = self.calls()
        self.assertGreater(last, 100)
        for n in range(1, last + STEP, STEP):
            self.killed_at(n)
        self.switch.start_worker(self.a.domid)
        wait_for("guest a to be served", lambda: (self.switch.vif(self.a.domid) or {}).get("state") == "running",
                         LONG)
        self.a.do(f"send dev=0 dst={B} flow=1")
        self.assert_whole(self.wait_book(self.b, 1, 1), 1)
        self.assertEqual(0, self.switch.primary.stop())


class CrashLoop(OwnCase):

    def test_a_worker_that_dies_at_once_is_started_ever_later_and_xvctl_says_so(self):
        program = os.path.join(self.bench.dir, "worker")
        os.symlink("/bin/false", program)
        self.make(conf={"worker": {"path": program}})
        guest = Fe22(self.bench, self.bench.domain())
        guest.device(0, A)
        self.wait("a second start", lambda: (self.switch.guest(guest.domid) or {"restarts": 0})["restarts"] >= 2)
        began, first = time.monotonic(), self.switch.guest(guest.domid)["restarts"]
        time.sleep(3)
        more = self.switch.guest(guest.domid)["restarts"] - first
        took = time.monotonic() - began
        # 200, 400, 800, 1600 ms, then 5 s apart at most.
        self.assertLessEqual(more, 5 + took / 1.6)
        self.wait("the reason", lambda: "its worker died" in self.switch.guest(guest.domid)["why"])
        os.unlink(program)
        os.symlink(built("xv-worker"), program)
        guest.running()


class Installed(OwnCase):

    def test_a_restart_stops_nothing_for_a_program_of_another_layout(self):
        program = os.path.join(self.bench.dir, "worker")
        os.symlink(built("xv-worker"), program)
        self.make(conf={"worker": {"path": program}})
        guest = self.bench.fe22(A)
        worker = self.switch.worker_pid(guest.domid)
        for path, why in (("/bin/false", "xv-primary"), ("/not/there", "No such file"), (self.hangs(), "timed out")):
            os.unlink(program)
            os.symlink(path, program)
            done = self.switch.ctl("restart", str(guest.domid), check=False)
            self.assertEqual(1, done.returncode)
            self.assertIn("nothing was stopped", done.stderr)
            self.assertIn(why, done.stderr)
            self.assertEqual(worker, self.switch.worker_pid(guest.domid))
        os.unlink(program)
        os.symlink(built("xv-worker"), program)
        self.switch.ctl("restart", str(guest.domid))
        self.assertNotEqual(worker, self.switch.worker_pid(guest.domid))

    def hangs(self):
        path = os.path.join(self.bench.dir, "hangs")
        with open(path, "w") as f:
            f.write("#!/bin/sh\nexec sleep 1000\n")
        os.chmod(path, 0o755)
        return path

# SPDX-License-Identifier: BSD-3-Clause
"""What programs that stopped or died leave behind."""

import glob
import os
import re
import signal

import wire
from life import A, B, LifeCase
from proc import gone, processes_with
from wire import BROADCAST


class Leftovers(LifeCase):

    def dead_files(self):
        """EAL's files of processes that are dead."""
        names = glob.glob(f"/var/run/dpdk/{self.bench.prefix}*/*")
        pids = [re.search(r"(?:mp_socket|fbarray_.*)_(\d+)(?:_|$)", n) for n in names]
        return [m.string for m in pids if m and gone(int(m[1]))]

    @staticmethod
    def region_files(sw):
        return [os.path.basename(p) for p in glob.glob(os.path.join(sw.run_dir, "*.regions"))]

    def test_nothing_is_left_after_all_stopped(self):
        sw = self.make()
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        self.talk(a, b, 1)
        a.do(f"send dev=0 dst={BROADCAST} flow=9")
        self.assertGreater(self.bench.sim.mapped(), 0)
        workers = [sw.worker_pid(g.domid) for g in (a, b)]
        a.quit()
        b.quit()
        self.wait("the workers to go", lambda: all(gone(p) for p in workers))
        self.assertEqual({"watcher": 0, "primary": 0}, sw.stop())
        self.assertEqual(0, self.bench.sim.mapped(), self.bench.sim.run("grants", self.bench.sim.dir))
        # The state outlives them by intent; locks are files that nobody holds, and slots are rooms with at most a
        # socket that nobody listens on.
        left = {os.path.basename(p) for p in glob.glob(os.path.join(sw.run_dir, "*"))}
        rooms = {n for n in left if re.fullmatch(r"slot\.\d+", n)}
        self.assertLessEqual({n for room in rooms for n in os.listdir(os.path.join(sw.run_dir, room))}, {"files"})
        self.assertEqual(set(), {n for n in left - rooms if n != "state" and not n.endswith(".lock")}, left)
        self.assertEqual([], glob.glob(f"/var/run/dpdk/{self.bench.prefix}*"))
        self.assertEqual([], os.listdir(self.bench.huge_dir()))
        self.assertFalse(wire.link_exists("xvup0"))
        self.assertEqual([], processes_with(sw.conf_file))

    def stopped_before_its_guest(self, first, second):
        """What is left then is what the next one needs, or removes."""
        sw = self.make()
        a = self.bench.fe22(A)
        worker = sw.worker_pid(a.domid)
        sw.wire_down()
        for program in (first, second):
            self.assertEqual(0, getattr(sw, program).stop(signal.SIGINT))
        self.wait("the worker to go", lambda: gone(worker))
        self.assertTrue(a.alive())
        self.assertEqual(0, self.bench.sim.mapped())
        self.assertEqual([], os.listdir(self.bench.huge_dir()))
        self.assertEqual([], processes_with(sw.conf_file))
        # Where the vif's memory is, for the worker that goes on with it.
        self.assertEqual(["vif.0.1.regions"], self.region_files(sw))
        # The worker went after the primary, so EAL's directory is left to the next primary.
        sw.start()
        a.running()
        self.assertEqual([], self.dead_files())
        worker = sw.worker_pid(a.domid)
        a.quit()
        self.wait("the worker to go", lambda: gone(worker))
        self.assertEqual({"watcher": 0, "primary": 0}, sw.stop())
        self.assertEqual([], self.region_files(sw))
        self.assertEqual([], glob.glob(f"/var/run/dpdk/{self.bench.prefix}*"))

    def test_a_watcher_and_then_a_primary_may_stop_before_their_guest(self):
        self.stopped_before_its_guest("watcher", "primary")

    def test_a_primary_and_then_a_watcher_may_stop_before_their_guest(self):
        self.stopped_before_its_guest("primary", "watcher")

    def test_what_a_killed_switch_left_does_not_disturb_the_next(self):
        sw = self.make()
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        sw.wire_down()
        workers = [sw.worker_pid(g.domid) for g in (a, b)]
        for proc in (sw.watcher, sw.primary):
            proc.kill()
        self.wait("the workers to go", lambda: all(gone(p) for p in workers))
        sw.start()
        a.running()
        b.running()
        self.talk(a, b, 1)
        self.assertEqual([], self.dead_files())
        workers = [sw.worker_pid(g.domid) for g in (a, b)]
        a.quit()
        b.quit()
        self.wait("the workers to go", lambda: all(gone(p) for p in workers))
        sw.stop()
        self.assertEqual([], glob.glob(f"/var/run/dpdk/{self.bench.prefix}*"))
        self.assertEqual([], os.listdir(self.bench.huge_dir()))

    def fabric_files(self, where):
        return [n for n in os.listdir(where) if n.startswith(f"{self.bench.prefix}fabric_")]

    def test_the_fabrics_of_primaries_that_were_killed_are_removed_by_the_next(self):
        sw = self.make(start=False)
        sw.start_watcher()
        stale = os.path.join(sw.run_dir, f"{self.bench.prefix}fabric_1_0")  # as without hugepages
        self.wait("the directory", lambda: os.path.isdir(sw.run_dir))
        with open(stale, "wb"):
            pass
        for files in (1, 4, 8, 12):
            proc = sw.start_primary()
            self.wait(f"{files} files", lambda n=files: len(self.fabric_files(self.bench.huge_dir())) >= n)
            proc.kill()
            self.assertTrue(self.fabric_files(self.bench.huge_dir()))
        sw.start_primary()
        sw.ready()
        names = self.fabric_files(self.bench.huge_dir())
        self.assertEqual(1, len({n.rsplit("_", 1)[0] for n in names}), names)
        self.assertEqual([], self.fabric_files(sw.run_dir))
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        self.talk(a, b, 1)

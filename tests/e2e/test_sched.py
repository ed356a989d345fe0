# SPDX-License-Identifier: BSD-3-Clause
"""Pollers that share a CPU in different scheduling groups, as each way of starting the programs makes them.

Linux gives the CPU to groups first: a session is one (autogroups), a unit of systemd is one. Many pollers of one group that
sleep shortly, or one that never sleeps among others that do, may keep every other group from the CPU for good.
"""

import glob
import os
import signal
import threading
import time

import cgroup
from case import OwnCase
from conf import merge
from guests import Fe22
from thread import Sleeps, threads
from wire import HOST_MAC

GUESTS = 32
CPU = 1  # xv-primary -c 0x3 has its I/O lcore there
LONGEST = 5.0  # seconds that the I/O lcore may be without its CPU: 13 and more where it starves, 0.1 on a quiet machine
FLOW, WIRE = 1, 2
SMALL = {"max_guests": GUESTS, "max_vifs": GUESTS, "lane_slots": 256, "buffers": 512, "log_level": "info",
         "poll": {"sleep_us": 100}, "worker": {"cpus": str(CPU)}}


def mac(i):
    return f"02:00:00:00:00:{i:02x}"


class Watch:
    """Looks at the I/O lcore's thread: for how long at most was it to run and didn't?"""

    def __init__(self, pid):
        self.task = next(t for t in glob.glob(f"/proc/{pid}/task/*") if "rte-worker" in self._read(t, "comm"))
        self.longest, self.ending = 0, False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @staticmethod
    def _read(task, name):
        with open(f"{task}/{name}") as f:
            return f.read()

    def _run(self):
        try:
            self._look()
        except OSError:
            pass  # its process has ended

    def _look(self):
        ran = since = before = 0
        while not self.ending:
            now, was = time.monotonic(), int(self._read(self.task, "schedstat").split()[0])
            if was != ran or now - before > 0.2:  # it ran; or we didn't look
                ran, since = was, now
            self.longest, before = max(self.longest, now - since), now
            time.sleep(0.01)

    def close(self):
        self.ending = True
        self.thread.join()
        return self.longest


class Ways(OwnCase):
    """Two pairs of guests flood each other, the others do nothing: all attach, the I/O lcore runs, the wire goes on."""

    def setUp(self):
        self.groups = []
        self.addCleanup(lambda: [group.close() for group in self.groups])  # after its processes
        super().setUp()

    def group(self, name, proc):
        self.groups.append(cgroup.Group(f"{self.bench.prefix}{name}", proc.pid))

    def guest(self, i):
        """With its worker, if somebody else than xv-watcher has to start it."""
        domid = self.domains[i]
        if self.switch.conf["worker"]["start"] == "external":
            worker = self.switch.start_worker(domid)
            if self.grouped:
                self.group(f"worker{domid}", worker)
        guest = Fe22(self.bench, domid, "--idle", "100" if i < 5 else "999999")
        os.sched_setaffinity(guest.pid, [0])
        guest.device(0, mac(i))
        return guest

    def start_switch(self, grouped, conf):
        self.grouped = grouped
        conf = merge({**SMALL, "worker": {"cpus": str(CPU), "start": "watcher", "start_ms": 60000}}, conf)
        self.make(conf=conf, start=False)
        if conf.get("primary", {}).get("start") != "watcher":
            primary = self.switch.start_primary()
            if grouped:
                self.group("primary", primary)
        watcher = self.switch.start_watcher()
        if grouped:
            self.group("watcher", watcher)
        self.switch.ready()

    def breathe(self, guest):
        """A poll loop that shares its CPU sleeps now and then, however much there is to do and whatever rings."""
        pid = self.switch.worker_pid(guest.domid)
        sleeps = Sleeps(pid, threads(pid, "xv-poll")[0])
        self.wait("50 sleeps", lambda: sleeps.since() >= 50)

    def all_attach(self):
        # Before the floods, as the simulator's own programs wait for a CPU, too.
        self.domains = [self.bench.domain() for _ in range(GUESTS)]
        watch = Watch(self.switch.pid_of_primary())
        guests = [self.guest(i) for i in range(5)]
        for g in guests:
            g.running()
        for a, b in ((0, 1), (2, 3)):
            guests[a].do(f"flow {FLOW} dev=0 dst={mac(b)} count=0 rate=0")
            guests[b].do(f"flow {FLOW} dev=0 dst={mac(a)} count=0 rate=0")
        self.breathe(guests[0])
        wire = self.switch.wire.flow(WIRE, mac(4), HOST_MAC, 200)
        guests += [self.guest(i) for i in range(5, GUESTS)]
        for g in guests:
            g.running()
        # For as long as it takes: the wire is served with all of them there.
        came = guests[4].book(WIRE)["unique"]
        self.wait_book(guests[4], WIRE, came + 200)
        wire.stop()
        longest = watch.close()
        self.assertLess(longest, LONGEST, "seconds that the I/O lcore had to run and didn't")

    def test_by_hand_in_sessions_of_their_own(self):
        self.start_switch(False, {})
        self.all_attach()

    def test_by_the_watcher(self):
        self.start_switch(False, {"primary": {"start": "watcher"}})
        primary = self.switch.pid_of_primary()
        self.addCleanup(os.kill, primary, signal.SIGKILL)  # it outlives the watcher, and would keep the CPU
        self.addCleanup(self.switch.watcher.stop)
        self.all_attach()

    def test_units_with_a_group_each(self):
        if cgroup.root() is None:
            self.skipTest("this machine has no CPU controller")
        self.start_switch(True, {"worker": {"start": "external"}})
        self.all_attach()


class Crowded(OwnCase):

    def why(self):
        return self.switch.show()["switch"]["why"]

    def test_show_says_that_cpus_are_too_few(self):
        self.make(conf=SMALL)
        self.assertIn("CPUs are too few, see xv-watcher -n", self.why())

    def test_and_says_nothing_where_they_are_enough(self):
        self.make(conf={**SMALL, "poll": {"sleep_us": 1000}})
        self.assertIn("vifs running", self.why())
        self.assertNotIn("CPUs", self.why())

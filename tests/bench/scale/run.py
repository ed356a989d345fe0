#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run.py [--quick] [-o FILE]: one switch from its first guest to its 64th.

    attach    from the guest's start key in XenStore to its first frame in the switch, of each of the guests
    memory    of a worker and the others beside it, at some numbers of guests
    restart   from SIGKILL of a guest's worker to the guest's next frame in the switch, the other guests idle
    all       frames/s that all guests receive, each pair sending as fast as its rings take them, and how much CPU time guests
              and switch have meanwhile

Guests are on one CPU, workers and I/O lcore on the other. On shared ones guests crowd the switch out: each is a session, and
the scheduler gives each session as much as the switch with all its workers.
"""

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import simulated  # noqa: E402

import machine  # noqa: E402
from proc import built, gone  # noqa: E402
from result import Result, progress  # noqa: E402
from wait import LONG, Failure  # noqa: E402
from wire import HOST_MAC  # noqa: E402

STEPS, QUICK_STEPS = (1, 2, 4, 8, 16, 32, 64), (1, 2, 4)
PAGES = 300
BUSY_US = 50  # a guest's sleep while it works, with up to 8 guests; more of them sleep longer, else waking up is all they do
GUEST_CPU, SWITCH_CPU = 0, 1  # xv-primary -c 0x3 has its I/O lcore on CPU 1
KB = 1024


def smaps(pid):
    """{field: bytes} of all mappings together."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return {k: int(v) * KB for k, v in re.findall(r"^(\w+): +(\d+) kB$", f.read(), re.M)}


class Scale:
    def __init__(self, steps, kills, seconds, result):
        self.steps, self.kills, self.seconds, self.result = steps, kills, seconds, result
        self.attach_ms, self.rows, self.restart, self.rate, self.cpu = [], [], {}, {}, {}
        self.began = time.monotonic()

    def run(self):
        last = self.steps[-1]
        with simulated.Machine("scale", last, {"worker": {"cpus": str(SWITCH_CPU)}}) as self.m:
            for n in range(1, last + 1):
                self.attach_ms.append(1e3 * self.attach())
                if n in self.steps:
                    progress(f"scale: {n} of {last} guests", self.began)
                    self.step(n)

    def taken(self, g):
        """Frames that the switch took from the guest. Guests came one by one, so its vif has its number."""
        return self.m.state.from_frames(g.index)

    def wait_taken(self, g, more_than, since):
        """Seconds from then to the first frame after so many."""
        end = time.monotonic() + LONG
        while self.taken(g) <= more_than:
            if time.monotonic() > end:
                raise Failure(f"guest {g.index} is not served")
            time.sleep(0.0002)
        return time.monotonic() - since

    def attach(self):
        g = self.m.guest()
        os.sched_setaffinity(g.pid, [GUEST_CPU])
        began = time.monotonic()
        g.do("start 0")
        g.do(f"send dev=0 dst={HOST_MAC}")
        return self.wait_taken(g, 0, began)

    def step(self, n):
        for g in self.m.guests:
            g.running()
        time.sleep(1)
        pids = self.m.pids()
        workers = [smaps(p) for p in pids["workers"]]
        restarts = [1e3 * self.kill(self.m.guests[k % n]) for k in range(self.kills)]
        self.rows.append([n, *(f"{statistics.mean(w[k] for w in workers) / KB:.0f}" for k in ("Rss", "Pss", "Private_Dirty")),
                          *(f"{smaps(pids[who][0])['Private_Dirty'] / KB:.0f}" for who in ("watcher", "primary"))])
        self.restart[n] = restarts
        if n > 1:
            self.rate[n] = self.throughput(n)

    def kill(self, g):
        """Seconds from the death of the guest's worker to the next frame of a guest that goes on sending."""
        pid = self.m.switch.worker_pid(g.domid)
        g.do("idle 200")
        g.do(f"flow 1 dev=0 dst={HOST_MAC} count=0 rate=5000")
        self.wait_taken(g, self.taken(g), 0)
        fd = os.pidfd_open(pid)
        began = time.monotonic()
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        os.close(fd)
        while not gone(pid):
            time.sleep(0.0002)
        took = self.wait_taken(g, self.taken(g), began)
        g.do("flowstop 1")
        g.do(f"idle {simulated.GUEST_IDLE_US}")
        g.running()
        time.sleep(0.6)  # a worker that dies younger is started later and later
        return took

    def throughput(self, n):
        pairs = list(zip(self.m.guests[:n:2], self.m.guests[1:n:2]))
        flow, sleep_us = 100 + n, BUSY_US * max(1, n // 8)
        for a, b in pairs:
            b.do(f"idle {sleep_us}")
            a.do(f"idle {sleep_us}")
            a.do(f"flow {flow} dev=0 dst={b.macs[0]} count=0 rate=0 len=60")
        time.sleep(0.5)
        before, ran, began = self.delivered(pairs), self.ran(), time.monotonic()
        time.sleep(self.seconds)
        after, ran_then, took = self.delivered(pairs), self.ran(), time.monotonic() - began
        for a, b in pairs:
            a.do(f"flowstop {flow}")
        time.sleep(0.3)
        for a, b in pairs:
            self.judge(a, b, flow)
            for g in (a, b):
                g.do(f"idle {simulated.GUEST_IDLE_US}")
        self.cpu[n] = [100 * (y - x) / took for x, y in zip(ran, ran_then)]
        return [(y - x) / took for x, y in zip(before, after)]

    def delivered(self, pairs):
        return [self.m.state.to_frames(b.index) for _, b in pairs]

    def ran(self):
        """Seconds that guests and switch have had a CPU."""
        switch = sum(self.m.pids().values(), [])
        return [sum(map(simulated.ran_ns, pids)) / 1e9 for pids in ([g.pid for g in self.m.guests], switch)]

    def judge(self, a, b, flow):
        book = b.book(flow)
        if book["unique"] == 0 or book["duplicated"] or book["reordered"] or book["corrupt"]:
            self.result.wrong(f"flow {flow} from guest {a.index} to guest {b.index}: {book}")


def fabric_mb(n):
    """What the primary says it needs for so many guests of one device, without an uplink."""
    conf = os.path.join(os.environ[machine.DIR], "size.conf")
    with open(conf, "w") as f:
        f.write(f"max_vifs = {n}; max_guests = {n};\n")
    text = subprocess.run([built("xv-primary"), "-c", "0x3", "--", "--config", conf, "-n"], check=True,
                          capture_output=True, text=True).stdout
    return int(re.search(r"(\d+) MB of hugepages", text).group(1))


def show(r, s):
    bounds = [0, *s.steps]
    spans = [(a + 1, b, s.attach_ms[a:b]) for a, b in zip(bounds, bounds[1:])]
    r.table("Time to attach the n-th guest", ["guests", "median ms", "min", "max"],
            [[str(b) if a == b else f"{a} to {b}", *(f"{f(ms):.1f}" for f in (statistics.median, min, max))]
             for a, b, ms in spans])
    r.plot("Time to attach the n-th guest", "guest", "ms", {"attach": [[i + 1, ms] for i, ms in enumerate(s.attach_ms)]})
    r.table("Memory with n guests, kB: mean of the workers, and the others' own", ["guests", "worker RSS", "worker PSS",
            "worker's own", "watcher's own", "primary's own", "hugepages MB, room for n"],
            [[*row, fabric_mb(row[0])] for row in s.rows])
    r.table("Time to restart one of n workers", ["guests", "median ms", "min", "max"],
            [[n, *(f"{f(ms):.1f}" for f in (statistics.median, min, max))] for n, ms in s.restart.items()])
    r.table("All guests together, each pair one way, 60 bytes", ["guests", "kframes/s", "slowest pair", "fastest pair",
            "guests' CPU, %", "switch's CPU, %"], [[n, *(f"{f(rates) / 1e3:.0f}" for f in (sum, min, max)), *(f"{c:.0f}" for c in s.cpu[n])]
                                                   for n, rates in s.rate.items()])
    r.plot("All guests together, 60 bytes", "guests", "kframes/s",
           {"all": [[n, sum(rates) / 1e3] for n, rates in s.rate.items()]}, "x")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="few guests")
    parser.add_argument("-o", metavar="FILE", help="write JSON there")
    args = parser.parse_args()
    r = Result("scale")
    s = Scale(QUICK_STEPS, 1, 0.5, r) if args.quick else Scale(STEPS, 5, 2, r)
    s.run()
    show(r, s)
    return r.end(args.o)


if __name__ == "__main__":
    sys.exit(machine.run(os.path.abspath(__file__), sys.argv[1:], PAGES, main))

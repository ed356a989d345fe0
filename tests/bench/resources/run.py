#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run.py [--quick] [-o FILE]: what the switch takes: hugepages, memory of each process, time to start, size on disk.

The switch has the product's default sizes and one uplink (net_ring), as `xv-primary -c 0x3 --vdev=...` without a
configuration would have. Hugepages are those that the primary has mapped, by the kernel's count.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import simulated  # noqa: E402

import machine  # noqa: E402
from bench import Bench  # noqa: E402
from proc import built  # noqa: E402
from result import Result, progress  # noqa: E402
from switch import Switch  # noqa: E402
from wait import wait_for  # noqa: E402

PAGES = 200
GUESTS = 8
DEFAULT_VIFS = 16
GOAL_MB = 256
PROGRAMS = ("xv-primary", "xv-worker", "xv-watcher", "xvctl", "xv-provision", "librte_net_xenvirt.so")
MB = 1 << 20


def hugepages_mb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(kb) for kb in re.findall(r"^\w+_Hugetlb: +(\d+) kB$", f.read(), re.M)) / 1024


def smaps(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return {k: int(v) for k, v in re.findall(r"^(\w+): +(\d+) kB$", f.read(), re.M)}


def memory(result):
    """Of a default start, then with 8 guests."""
    rows = []
    with simulated.Machine("resources", DEFAULT_VIFS) as m:
        for n in (0, GUESTS):
            m.attach(n)
            time.sleep(0.5)
            pids = m.pids()
            own = {who: [smaps(p)["Private_Dirty"] for p in pids[who]] for who in pids}
            huge = hugepages_mb(pids["primary"][0])
            rows.append([n, f"{huge:.0f}", *(f"{sum(own[who]) / 1024:.1f}" for who in ("primary", "watcher", "workers")),
                         f"{huge + sum(sum(v) for v in own.values()) / 1024:.0f}"])
        ready = [int(ms) for ms in re.findall(r"worker \d+ is ready after (\d+) ms", m.switch.watcher.text())]
    result.table("Memory, MB", ["guests", "hugepages", "primary's own", "watcher's own", "all workers' own", "all"], rows)
    result.goal(f"hugepages of a default start with {GUESTS} guests under {GOAL_MB} MB", f"{huge:.0f} MB", huge < GOAL_MB)
    if len(ready) != GUESTS:
        result.wrong(f"{GUESTS} guests, but {len(ready)} workers became ready")
    return ready


def primary_starts(times):
    """ms from the start of xv-primary to the watcher's word that it is up."""
    found = []
    for i in range(times):
        bench = Bench(f"start-{i}")
        try:
            switch = Switch(bench, "none", {"lane_slots": 1024, "buffers": 2048, "max_guests": DEFAULT_VIFS,
                                                    "log_level": "info",
                                                    "primary": {"eal_args": [simulated.RING_WIRE], "mbufs": 8192}})
            switch.start_watcher().expect("waiting for xv-primary|connected to XenStore")
            began = time.monotonic()
            switch.start_primary()
            wait_for("the primary", lambda s=switch: "is up:" in s.watcher.text(), step=0.0005)
            found.append(1e3 * (time.monotonic() - began))
        finally:
            bench.close()
    return found


def sizes(result):
    rows = []
    for name in PROGRAMS:
        path = built(name)
        text, data, bss = subprocess.run(["size", path], check=True, capture_output=True,
                                         text=True).stdout.splitlines()[1].split()[:3]
        rows.append([name, f"{os.path.getsize(path) / MB:.2f}", f"{int(text) / MB:.2f}", f"{int(data) / MB:.2f}",
                     f"{int(bss) / MB:.2f}"])
    result.table("Size of the programs, MB", ["", "file", "code", "data", "zeroed data"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="two starts of the primary")
    parser.add_argument("-o", metavar="FILE", help="write JSON there")
    args = parser.parse_args()
    began, r = time.monotonic(), Result("resources")
    sizes(r)
    progress("resources: memory", began)
    workers = memory(r)
    progress("resources: starts of xv-primary", began)
    primaries = primary_starts(2 if args.quick else 15)
    r.table("Time to start, ms", ["", "starts", "median", "min", "max"],
            [[name, len(ms), *(f"{f(ms):.0f}" for f in (statistics.median, min, max))]
             for name, ms in (("xv-primary, to its hello to xv-watcher", primaries),
                              ("xv-worker, to its hello to xv-watcher", workers))])
    return r.end(args.o)


if __name__ == "__main__":
    sys.exit(machine.run(os.path.abspath(__file__), sys.argv[1:], PAGES, main))

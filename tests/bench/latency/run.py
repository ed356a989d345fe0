#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run.py [--quick] [-o FILE]: how long a frame of 64 bytes takes from guest to guest at 10, 50 and 90 % of what the switch
can do, through xv, OVS-DPDK and dpdk-testpmd.

A frame carries the TSC of the moment when it was due, not when it was sent: what waited because the switch was late counts.
Exit status 1 only for wrong results.
"""

import os
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import systems  # noqa: E402

SIZE = 64
LOADS = (10, 50, 90)
PARTS = (("p50", "p50_ns"), ("p99", "p99_ns"), ("p99.9", "p999_ns"))


def loads(s, seconds):
    """One round of a switch: what it does at full speed, then at parts of that. {load in %: what the run said}"""
    s.run(seconds / 4, SIZE)
    found = {100: s.run(seconds / 2, SIZE)}
    for load in LOADS:
        rate = found[100]["both"] * load / 100 / 2
        s.run(seconds / 4, SIZE, rate)
        found[load] = s.run(seconds, SIZE, rate)
    return found


def latencies(switches, rounds, seconds, say):
    """{(name, load): [what a run said, one a round]}"""
    found = {(s.name, load): [] for s in switches for load in (100, *LOADS)}
    for i in range(rounds):
        for s in switches:
            with s.running():
                for load, r in loads(s, seconds).items():
                    found[s.name, load].append(r)
        now = ", ".join(f"{s.name} " + "/".join(f"{found[s.name, load][-1]['p99_ns'] / 1e3:.0f}" for load in LOADS)
                        for s in switches)
        say(f"round {i + 1} of {rounds}: p99 at {'/'.join(map(str, LOADS))} %: {now} us")
    return found


def body(result, quick, say):
    """Guest to guest, both directions, paced."""
    with systems.started("latency", systems.present(result, systems.Xv, systems.Ovs, systems.Testpmd)) as switches:
        found = latencies(switches, 1 if quick else 9, 0.4 if quick else 0.8, say)
    rows = []
    for load in LOADS:
        for s in switches:
            runs = found[s.name, load]
            rows.append([f"{load} %", s.name, systems.spread([r["both"] * load / 1e8 for r in found[s.name, 100]])]
                        + [systems.spread([r[key] / 1e3 for r in runs], "{:.0f}") for _, key in PARTS]
                        + [f"{100 * sum(r['lost'] for r in runs) / max(1, sum(sum(r['sent']) for r in runs)):.3f}"])
    result.table("Latency guest to guest, 64 bytes", ["load", "switch", "million frames/s, both directions", *(f"{p}, us" for p, _ in PARTS),
                                                      "lost, %"], rows)
    result.plot("Latency guest to guest, 64 bytes", "load, % of the switch's throughput", "us", {
        f"{s.name} {part}": [[load, statistics.median(r[key] for r in found[s.name, load]) / 1e3] for load in LOADS]
        for s in switches for part, key in PARTS[:2]}, "y")
    for s in switches:
        for text in s.wrong:
            result.wrong(text)
    result.note("100 % is what the same switch did at full speed in the same round, just before, so 90 % is another rate for "
                "each. Where the machine becomes slower within a round, frames wait.")
    for note in systems.NOTES:
        result.note(note)


if __name__ == "__main__":
    sys.exit(systems.main("latency", __file__, systems.PAGES, body))

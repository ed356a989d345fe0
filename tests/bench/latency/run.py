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


def throughput(switches, rounds, seconds, say):
    """The median of what each can do, in frames/s and both directions."""
    found = {s.name: [] for s in switches}
    for _ in range(rounds):
        for s in switches:
            with s.running():
                s.run(seconds / 4, SIZE)
                found[s.name].append(s.run(seconds, SIZE)["both"])
    best = {name: statistics.median(speeds) for name, speeds in found.items()}
    say("throughput: " + ", ".join(f"{name} {speed / 1e6:.2f}" for name, speed in best.items()) + " million frames/s")
    return best


def latencies(switches, best, rounds, seconds, say):
    """{(name, load): [what a run said, one a round]}"""
    found = {(s.name, load): [] for s in switches for load in LOADS}
    for i in range(rounds):
        for load in LOADS:
            for s in switches:
                with s.running():
                    rate = best[s.name] * load / 100 / 2
                    s.run(seconds / 4, SIZE, rate)
                    found[s.name, load].append(s.run(seconds, SIZE, rate))
            now = ", ".join(f"{s.name} {found[s.name, load][-1]['p99_ns'] / 1e3:.0f}" for s in switches)
            say(f"round {i + 1} of {rounds}, {load} %: p99 {now} us")
    return found


def body(result, quick, say):
    """Guest to guest, both directions, paced."""
    with systems.started("latency", systems.present(result, systems.Xv, systems.Ovs, systems.Testpmd)) as switches:
        best = throughput(switches, 1 if quick else 5, 0.4, say)
        found = latencies(switches, best, 1 if quick else 7, 0.4 if quick else 0.8, say)
    rows = []
    for load in LOADS:
        for s in switches:
            runs = found[s.name, load]
            rows.append([f"{load} %", s.name, f"{best[s.name] * load / 1e8:.2f}"]
                        + [systems.spread([r[key] / 1e3 for r in runs], "{:.0f}") for _, key in PARTS]
                        + [f"{100 * sum(r['lost'] for r in runs) / max(1, sum(sum(r['sent']) for r in runs)):.3f}"])
    result.table("Latency guest to guest, 64 bytes", ["load", "switch", "million frames/s", *(f"{p}, us" for p, _ in PARTS),
                                                      "lost, %"], rows)
    result.plot("Latency guest to guest, 64 bytes", "load, % of the switch's throughput", "us", {
        f"{s.name} {part}": [[load, statistics.median(r[key] for r in found[s.name, load]) / 1e3] for load in LOADS]
        for s in switches for part, key in PARTS[:2]}, "y")
    for s in switches:
        for text in s.wrong:
            result.wrong(text)
    result.note("100 % is the median of what the same switch did at full speed in the same run, so 90 % is another rate for "
                "each; the machine's speed changes meanwhile, and where it falls below the rate, frames wait.")
    for note in systems.NOTES:
        result.note(note)


if __name__ == "__main__":
    sys.exit(systems.main("latency", __file__, systems.PAGES, body))

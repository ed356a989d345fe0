#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run.py [--quick] [-o FILE]: what it costs that workers are confined: speed from guest to guest, an idle worker's CPU, and
the time to a successor.

Three switches of ours with the same two guests: two whose workers are confined, of which the second shows what chance makes
of a ratio, and one with worker.confine = false. Exit status 1 only for wrong results.
"""

import contextlib
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import systems  # noqa: E402
from wait import wait_for  # noqa: E402


SERVES_S = 1  # a worker that dies sooner is started anew later and later


class Confined(systems.Xv):
    name = "confined"
    confine = True

    def __init__(self, bench):
        super().__init__(bench, {"worker": {"confine": self.confine}})

    def idle_percent(self, seconds):
        """Of a CPU, that the two workers take while nothing is sent."""
        def cpu_ns():
            total = 0
            for pid in self.pids_[2:]:
                for tid in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{tid}/schedstat") as f:
                        total += int(f.read().split()[0])
            return total
        time.sleep(0.5)
        before, began = cpu_ns(), time.monotonic()
        time.sleep(seconds)
        return (cpu_ns() - before) / (time.monotonic() - began) / 1e7

    def successor_ms(self):
        """Kill the first guest's worker; until another one serves it."""
        domid, before = self.domids[0], self.pids_[2]
        began = time.monotonic()
        os.kill(before, signal.SIGKILL)

        def served():
            pid = self.switch.worker_pid(domid)
            vif = self.switch.vif(domid)
            return pid not in (None, 0, before) and vif is not None and vif["state"] == "running" and pid
        self.pids_[2] = wait_for("a successor", served)
        return 1000 * (time.monotonic() - began)


class Again(Confined):
    name = "confined, again"


class Free(Confined):
    name = "not confined"
    confine = False


def in_turn(switches, rounds, measure):
    found = {s.name: [] for s in switches}
    for _ in range(rounds):
        for s in switches:
            with s.running():
                found[s.name].append(measure(s))
    return found


def successor(s):
    time.sleep(SERVES_S)
    return s.successor_ms()


def body(result, quick, say):
    """The same switch with and without the confinement of its workers, in turn."""
    with contextlib.ExitStack() as stack:
        switches = [stack.enter_context(systems.started(f"confine{i}", [kind]))[0]
                    for i, kind in enumerate((Confined, Again, Free))]
        speeds = systems.speeds(switches, 1 if quick else 15, 0.4 if quick else 0.8, say)
        idle = in_turn(switches, 1 if quick else 5, lambda s: s.idle_percent(0.5 if quick else 2))
        after = in_turn(switches, 1 if quick else 10, successor)
    first, rows = switches[0].name, []
    for s in switches:
        row = [s.name]
        for size in systems.SIZES:
            runs = [r["both"] for r in speeds[s.name, size]]
            over = [a / b["both"] for a, b in zip(runs, speeds[first, size]) if b["both"] > 0]
            row += [systems.spread([r / 1e6 for r in runs]), systems.spread(over) if s.name != first else ""]
        rows.append([*row, systems.spread(idle[s.name]), systems.spread(after[s.name], "{:.0f}")])
    columns = [c for size in systems.SIZES for c in (f"{size} bytes, million frames/s", "over the first")]
    result.table("Workers confined and not", ["workers", *columns, "idle, % of a CPU", "successor after, ms"], rows)
    for s in switches:
        for text in s.wrong:
            result.wrong(text)


if __name__ == "__main__":
    sys.exit(systems.main("confine", __file__, systems.PAGES, body))

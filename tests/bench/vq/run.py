#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run.py [--quick] [-p PAIRS] [-o FILE]: ring work alone: cycles a frame of xv's bursts against librte_vhost's.

One process on one core; both sides move the same frames between the same rings and buffers of one guest, in turn (xv,
vhost, xv, vhost ...). The guest's driver, which fills every frame and compares every byte that comes out, is the same for
both and is not timed. Prints tables; -o writes JSON. Exit status 1 only if something came out wrong. Needs root (for
hugepages) and a build (XV_BUILD).
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

import machine  # noqa: E402

BUILD = os.path.abspath(os.environ.get("XV_BUILD", os.path.join(ROOT, "build")))
PAGES = 48
SIZES = (60, 64, 128, 256, 512, 1024, 1518)
BURSTS = (1, 8, 32)
BLOCK_FRAMES = 1024  # vqbench's
COUNTED_BLOCKS = 5
FUNCTIONS = {"xv": ("vif_from_guest", "vif_to_guest"), "vhost": ("rte_vhost_dequeue_burst", "rte_vhost_enqueue_burst")}
LAYOUTS = {"one": "one descriptor a frame", "two": "two descriptors a frame"}
STEPS = {
    "reclaim": "from: take buffers back from lanes",
    "begin_from": "from: ledger's other position",
    "fetch": "from: descriptor reads, translation, copy, used entries",
    "route": "from: forwarding table",
    "lane": "from: lane",
    "publish_from": "from: ledger, publish",
    "take": "to: bells, lane",
    "begin_to": "to: ledger's other position",
    "deliver": "to: descriptor reads, translation, copy, used entries",
    "publish_to": "to: ledger, publish",
}


def say(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, pairs, blocks):
        self.pairs, self.blocks = pairs, blocks
        self.cpu = str(max(os.sched_getaffinity(0)))
        self.wrong = []

    def run(self, mode, layout, sizes, bursts, sides, blocks=0):
        """{(size, burst): {side: [(cycles a frame of each step), one a pair]}}."""
        argv = [os.path.join(BUILD, "tests", "bench", "vq", "vqbench"), self.cpu, str(self.pairs),
                str(blocks or self.blocks), mode, layout, ",".join(map(str, sizes)), ",".join(map(str, bursts)), *sides]
        found = {}
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            for line in child.stdout:
                size, burst, side, *cycles = line.split()
                at = int(size), int(burst)
                if at not in found:
                    say(f"vq: {mode}, {LAYOUTS[layout]}, {', '.join(sides)}: {size} bytes, burst {burst}")
                    found[at] = {s: [] for s in sides}
                found[at][side].append([float(c) for c in cycles])
            error = child.stderr.read().strip()
        if child.returncode != 0:
            self.wrong.append(f"{mode}, {LAYOUTS[layout]}, {', '.join(sides)}: {error or child.returncode}")
        return {at: f for at, f in found.items() if all(len(runs) == self.pairs for runs in f.values())}


def quartiles(values):
    s = sorted(values)
    if len(s) < 2:
        return s[0], s[0], s[0]
    low, mid, high = statistics.quantiles(s, n=4, method="inclusive")
    return low, mid, high


def ratios(found, step):
    """Peer / ours, pair by pair."""
    return quartiles([v[step] / max(x[step], 0.01) for x, v in zip(found["xv"], found["vhost"])])


def both_ratios(found):
    """With what the peer needs to give its mbufs back; ours are given back inside of the steps."""
    return quartiles([sum(v) / max(sum(x), 0.01) for x, v in zip(found["xv"], found["vhost"])])


def mid(found, side, step):
    return statistics.median(r[step] for r in found[side])


def spread(q):
    return f"{q[1]:.2f} ({q[0]:.2f} to {q[2]:.2f})"


COLUMNS = ["bytes", "burst", "from guest: xv", "vhost", "ratio (quartiles)", "to guest: xv", "vhost", "ratio (quartiles)",
           "vhost: free mbufs", "all: ratio (quartiles)"]


def row(size, burst, found):
    return [size, burst, round(mid(found, "xv", 0), 1), round(mid(found, "vhost", 0), 1), spread(ratios(found, 0)),
            round(mid(found, "xv", 1), 1), round(mid(found, "vhost", 1), 1), spread(ratios(found, 1)),
            round(mid(found, "vhost", 2), 1), spread(both_ratios(found))]


def compare(bench, title, mode, layout, sizes, bursts, blocks=0):
    """The table, and what run() found."""
    found = bench.run(mode, layout, sizes, bursts, ["xv", "vhost"], blocks)
    return {"title": f"{title}: cycles (TSC) a frame", "columns": COLUMNS,
            "rows": [row(*at, f) for at, f in found.items()]}, found


def plot(found, burst):
    series = {}
    for step, name in ((0, "from guest"), (1, "to guest")):
        for side in ("xv", "vhost"):
            series[f"{side}, {name}"] = [[size, mid(f, side, step)] for (size, b), f in sorted(found.items()) if b == burst]
    return {"title": f"Ring work alone, bursts of {burst}", "x": "frame, bytes", "y": "cycles (TSC) a frame", "log": "",
            "series": series}


def against_copies(bench, mode, blocks):
    """Our two bursts beside one copy and two of the same frames: rows, and {size: quartiles of ours / one}."""
    rows, total = [], {}
    for (size, _), found in bench.run(mode, "one", (64, 1518), (32,), ["xv", "copy", "copy2"], blocks).items():
        ours, one, two = (statistics.median(sum(r) for r in found[s]) for s in ("xv", "copy", "copy2"))
        total[size] = quartiles([sum(x) / sum(c) for x, c in zip(found["xv"], found["copy"])])
        rows.append([mode, size, round(ours, 1), round(one, 1), round(two, 1), spread(total[size]), round(ours - two, 1)])
    return rows, total


def steps_argv(bench, blocks, mode, size, burst):
    return [os.path.join(BUILD, "tests", "bench", "vq", "vqsteps"), bench.cpu, str(blocks), mode, str(size), str(burst)]


def steps_table(title, columns, found):
    """found: {step: value} of each column."""
    rows = [[text, *(round(f[name], 1) for f in found)] for name, text in STEPS.items()]
    rows.append(["all", *(round(sum(f.values()), 1) for f in found)])
    return {"title": title, "columns": ["step", *columns], "rows": rows}


def breakdown(bench, sizes):
    """Each step of a burst of 32 timed alone, by a program that holds the same source."""
    found = []
    for size in sizes:
        say(f"vq: breakdown: {size} bytes")
        done = subprocess.run(steps_argv(bench, bench.pairs * bench.blocks, "warm", size, 32), capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            bench.wrong.append(f"steps, {size} bytes: {done.stderr.strip() or done.returncode}")
            return None
        found.append({line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines()})
    return steps_table("Where the cycles go, bursts of 32: cycles (TSC) a frame, each step timed alone",
                       [f"{s} bytes" for s in sizes], found)


def callgrind(bench, functions, argv, out="/dev/null"):
    """Run it and count instructions, into the file `out`, in those functions and all that they call. Returns the sum."""
    argv = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--collect-atstart=no",
            f"--toggle-collect={functions}", *argv]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or found is None:
        bench.wrong.append(f"{' '.join(argv)}: {done.stderr.strip()[-300:]}")
        return float("nan")
    return int(found.group(1))


def instructions_of(bench, side, function, size, burst):
    """Instructions a frame."""
    argv = [os.path.join(BUILD, "tests", "bench", "vq", "vqbench"), bench.cpu, "1", str(COUNTED_BLOCKS - 1), "plain", "one",
            str(size), str(burst), side]
    return callgrind(bench, function, argv) / (COUNTED_BLOCKS * BLOCK_FRAMES)


def instructions(bench, sizes, bursts):
    """The same count in each run, whatever else the machine does."""
    rows = []
    for size, burst in [(s, b) for b in bursts for s in sizes]:
        say(f"vq: instructions: {size} bytes, burst {burst}")
        counts = [[instructions_of(bench, side, f, size, burst) for f in FUNCTIONS[side]] for side in ("xv", "vhost")]
        rows.append([size, burst, *(round(x, 1) for pair in zip(*counts) for x in pair)])
    return {"title": "Ring work, one descriptor a frame: instructions a frame (callgrind)",
            "columns": ["bytes", "burst", "from guest: xv", "vhost", "to guest: xv", "vhost"], "rows": rows}


def steps_counted(bench, size, burst):
    """{step: instructions a frame}."""
    with tempfile.NamedTemporaryFile(prefix="vqsteps-") as out:
        callgrind(bench, "step_*", steps_argv(bench, COUNTED_BLOCKS - 1, "plain", size, burst), out.name)
        done = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", out.name], capture_output=True,
                              text=True, check=False)
    found = {name: int(n.replace(",", "")) for n, name in re.findall(r"^ *([\d,]+) .*:step_(\w+) ", done.stdout, re.M)}
    return {name: found.get(name, float("nan")) / (COUNTED_BLOCKS * BLOCK_FRAMES) for name in STEPS}


def step_instructions(bench, sizes, bursts):
    found, columns = [], []
    for size, burst in [(s, b) for b in bursts for s in sizes]:
        say(f"vq: instructions of the steps: {size} bytes, burst {burst}")
        found.append(steps_counted(bench, size, burst))
        columns.append(f"{size} bytes, burst {burst}")
    return steps_table("Where the instructions go: instructions a frame (callgrind), each step a function of its own", columns,
                       found)


def goals(warm, copies):
    found = []
    if (64, 32) in warm:
        low = min(ratios(warm[64, 32], 0)[1], ratios(warm[64, 32], 1)[1])
        found.append({"goal": "ring work at 64 bytes, burst 32: at least 1.3 times as fast as librte_vhost, each direction",
                      "measured": f"from guest {ratios(warm[64, 32], 0)[1]:.2f}, to guest {ratios(warm[64, 32], 1)[1]:.2f}",
                      "met": low >= 1.3})
    worst = min(((min(ratios(f, 0)[1], ratios(f, 1)[1]), at) for at, f in warm.items()), default=None)
    if worst:
        found.append({"goal": "ring work: not slower than librte_vhost at any size or burst, each direction",
                      "measured": f"least {worst[0]:.2f}, at {worst[1][0]} bytes, burst {worst[1][1]}",
                      "met": worst[0] >= 1})
    if 1518 in copies:
        found.append({"goal": "guest to guest at 1518 bytes, burst 32: under 2.5 times one copy",
                      "measured": f"{copies[1518][1]:.2f} times", "met": copies[1518][1] < 2.5})
    return found


def show(table):
    print(f"\n{table['title']}")
    cells = [[str(c) for c in r] for r in [table["columns"], *table["rows"]]]
    widths = [max(len(r[i]) for r in cells) for i in range(len(cells[0]))]
    for r in cells:
        print("  ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(r, widths))).rstrip())


NOTES = [
    "vhost: librte_vhost of Debian's DPDK, driven in the same process over vhost-user; legacy split rings of 256, 10-byte "
    "headers, no features, no statistics, no notifications. It looks nothing up, checks no source address and keeps no "
    "ledger. Its mbufs are freed in a step of their own, which the two directions' ratios leave out.",
    "xv: secondary/burst_body.h as xv-worker runs it: all checks, forwarding table, lanes, counters, redo ledger.",
    "ratio: peer's cycles / ours, pair by pair; the median, and the quartiles.",
    "warm: the guest's driver runs on the same core, so what it wrote is in this core's caches. cold: before each step the "
    "first and second level caches are filled with other things, as if another core's worker and guest had written.",
    "A cycle is one of the TSC. Reading the clock waits for what came before to be done, and its own time is taken off.",
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("-p", type=int)
    parser.add_argument("-o")
    args = parser.parse_args()
    if not os.access(os.path.join(BUILD, "tests", "bench", "vq", "vqbench"), os.X_OK):
        say(f"vq: no vqbench in {BUILD}: build it (XV_BUILD), with librte_vhost installed")
        return 2
    bench = Bench(args.p or (3 if args.quick else 11), 5 if args.quick else 25)
    sizes = (64, 1518) if args.quick else SIZES
    cold_blocks = 9 if args.quick else 25
    bursts = (1, 32) if args.quick else BURSTS
    warm_table, warm = compare(bench, "Ring work, one descriptor a frame, warm", "warm", "one", sizes, bursts)
    two_table, two = compare(bench, "Ring work, header in a descriptor of its own, warm", "warm", "two", sizes, (32,))
    cold_table, _ = compare(bench, "Ring work, one descriptor a frame, cold", "cold", "one", (64, 1518), (32,), cold_blocks)
    copy_rows, copies = against_copies(bench, "warm", bench.blocks)
    copy_rows += against_copies(bench, "cold", cold_blocks)[0]
    copy_table = {"title": "Both directions beside copies alone, bursts of 32: cycles (TSC) a frame",
                  "columns": ["caches", "bytes", "xv", "one copy", "two copies", "xv / one copy (quartiles)",
                              "xv - two copies"], "rows": copy_rows}
    tables = [t for t in (warm_table, two_table, cold_table, copy_table, breakdown(bench, (64, 1518))) if t]
    if shutil.which("valgrind"):
        what = ((64,), (32,)) if args.quick else ((64, 1518), (1, 32))
        tables += [instructions(bench, *what), step_instructions(bench, *what)]
    found = {"bench": "vq", "tables": tables, "plots": [plot(warm, 32)], "goals": goals(warm, copies), "notes": NOTES,
             "wrong": bench.wrong}
    for table in tables:
        show(table)
    print()
    for g in found["goals"]:
        print(f"{'met   ' if g['met'] else 'missed'}  {g['goal']}: {g['measured']}")
    for text in bench.wrong:
        print(f"WRONG   {text}")
    if args.o:
        with open(args.o, "w") as f:
            json.dump(found, f, indent=1)
            f.write("\n")
    return 1 if bench.wrong else 0


if __name__ == "__main__":
    sys.exit(machine.run(os.path.abspath(__file__), sys.argv[1:], PAGES, main))

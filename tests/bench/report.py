#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""report.py [--quick] [-o DIR] [--update] [NAME...]: run the benches of this directory, one after the other, and write what they found.

    DIR/results.json   everything, and what the machine was
    DIR/results.md     the same as tables
    DIR/NAME-N.svg     plots
    DIR/NAME.log       what the bench said

--quick takes each bench's short form: for facts, not for speeds. --update puts the tables between the markers of
docs/performance.md. The last line is `N passed, N failed`: a bench fails on wrong results, never on speed.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PAGE = os.path.join(TOP, "docs", "performance.md")
# What there is, in the order in which it is run, and the seconds that it usually takes: in full, quick.
BENCHES = {"vq": (120, 15), "vm2vm": (240, 30), "wire": (150, 20), "latency": (150, 20), "idle": (170, 15),
           "scale": (130, 12), "resources": (30, 10), "restart": (240, 20), "confine": (150, 15)}
LONGEST = 1800  # seconds: then a bench hangs, however slow the machine is


def say(text):
    print(text, file=sys.stderr, flush=True)


def output_of(*argv):
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def machine():
    """What the numbers are numbers of."""
    model = "?"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) >> 20
    return {"cpu": model, "cores": os.cpu_count(), "memory_gb": memory, "kernel": platform.release(),
            "virtual": output_of("systemd-detect-virt", "--vm") or "?", "dpdk": output_of("pkg-config", "--modversion", "libdpdk"),
            "version": output_of("git", "-C", TOP, "describe", "--always", "--dirty"),
            "load_before": round(os.getloadavg()[0], 2),
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")}


def machine_text(m):
    kind = "" if m["virtual"] == "?" else f" ({m['virtual']})"
    return (f"{m['cores']} cores of {m['cpu']}{kind}, {m['memory_gb']} GB, Linux {m['kernel']}, DPDK {m['dpdk']}; "
            f"xv {m['version']}; {m['date']}, load before {m['load_before']}")


class Run:
    """One bench, and what came of it."""

    def __init__(self, name, directory, quick):
        self.name, self.directory, self.quick = name, directory, quick
        self.script = os.path.join(HERE, name, "run.py")
        self.usual = BENCHES.get(name, (120, 30))[quick]
        self.seconds, self.found, self.why = 0, None, None

    def run(self, position):
        if not os.access(self.script, os.X_OK):
            self.why = f"there is no {os.path.relpath(self.script, TOP)}"
            return
        say(f"== {self.name} ({position}), usually {self.usual} s")
        result = os.path.join(self.directory, f"{self.name}.json")
        argv = [sys.executable, self.script, "-o", result] + (["--quick"] if self.quick else [])
        began = time.monotonic()
        self.why = self._end(argv, os.path.join(self.directory, f"{self.name}.log"))
        self.seconds = time.monotonic() - began
        self._read(result)
        say(f"== {self.name}: {self.seconds:.0f} s: {self.why or 'ok'}")

    def _end(self, argv, log):
        """Runs it with its tables into the log and here; returns why it failed, or None."""
        with open(log, "w") as out, subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out) as child:
            try:
                status = child.wait(LONGEST)
            except subprocess.TimeoutExpired:
                child.terminate()  # it ends what it started
                return f"took longer than {LONGEST} s"
            except BaseException:
                child.terminate()
                raise
        with open(log) as f:
            sys.stdout.write(f.read())
            sys.stdout.flush()
        return None if status == 0 else f"exit status {status}"

    def _read(self, path):
        try:
            with open(path) as f:
                self.found = json.load(f)
            os.unlink(path)
        except (OSError, ValueError):
            self.why = self.why or "it wrote no result"
            return
        if self.found["wrong"]:
            self.why = f"wrong results: {self.found['wrong'][0]}"


def cell(value):
    return str(value).replace("|", "\\|")


def markdown(found):
    """The tables, goals and notes of one bench."""
    lines = []
    for t in found["tables"]:
        lines += [f"**{t['title']}**", "", "| " + " | ".join(map(cell, t["columns"])) + " |", "|---" * len(t["columns"]) + "|"]
        lines += ["| " + " | ".join(map(cell, row)) + " |" for row in t["rows"]] + [""]
    if found["goals"]:
        lines += ["| goal | measured | met |", "|---|---|---|"]
        lines += [f"| {cell(g['goal'])} | {cell(g['measured'])} | {'yes' if g['met'] else '**no**'} |" for g in found["goals"]]
        lines.append("")
    lines += [f"- {note}" for note in found["notes"]] + ([""] if found["notes"] else [])
    return "\n".join(lines)


def plot_all(found, directory):
    """Draws the bench's plots; returns the files' names."""
    try:
        import matplotlib
        matplotlib.use("svg")
        from matplotlib import pyplot
    except ImportError:
        say("!! NO PLOTS: there is no python3-matplotlib")
        return []
    names = []
    for i, p in enumerate(found["plots"], 1):
        figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
        for label, points in p["series"].items():
            axes.plot([x for x, _ in points], [y for _, y in points], marker="o", markersize=3, label=label)
        axes.set(title=p["title"], xlabel=p["x"], ylabel=p["y"])
        if "x" in p["log"]:
            axes.set_xscale("log")
        axes.set_yscale("log" if "y" in p["log"] else "linear")
        if "y" not in p["log"]:
            axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        if len(p["series"]) > 1:
            axes.legend()
        names.append(f"{found['bench']}-{i}.svg")
        figure.savefig(os.path.join(directory, names[-1]))
        pyplot.close(figure)
    return names


def between_markers(text, name, inside):
    """The text with something else between the markers of that name."""
    begin, end = f"<!-- bench {name} -->", f"<!-- end {name} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"there is no {begin} ... {end}")
    return f"{before}{begin}\n{inside.strip()}\n{end}{after}"


def page_update(m, runs):
    with open(PAGE) as f:
        text = f.read()
    for run in runs:
        if run.found is None:
            continue
        try:
            text = between_markers(text, run.name, f"{machine_text(m)}.\n\n{markdown(run.found)}")
        except ValueError as e:
            say(f"!! {run.name} IS NOT IN {os.path.relpath(PAGE, TOP)}: {e}")
    with open(PAGE, "w") as f:
        f.write(text)


def write_json(m, runs, directory):
    with open(os.path.join(directory, "results.json"), "w") as f:
        json.dump({"machine": m, "benches": [dict(r.found, seconds=round(r.seconds, 1)) for r in runs if r.found]}, f, indent=1)
        f.write("\n")


def write_all(m, runs, directory, update):
    with open(os.path.join(directory, "results.md"), "w") as f:
        f.write(f"{machine_text(m)}.\n")
        for r in runs:
            if r.found is None:
                continue
            f.write(f"\n## {r.name}\n\n{markdown(r.found)}\n")
            for name in plot_all(r.found, directory):
                f.write(f"![]({name})\n")
    if update:
        page_update(m, runs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="each bench's short form")
    parser.add_argument("-o", metavar="DIR", help="where results go; default: bench in the build directory")
    parser.add_argument("--update", action="store_true", help="put the tables into docs/performance.md")
    parser.add_argument("name", nargs="*", help=f"default: {' '.join(BENCHES)}")
    args = parser.parse_args()
    build = os.path.abspath(os.environ.setdefault("XV_BUILD", os.path.join(TOP, "build")))
    directory = os.path.abspath(args.o or os.path.join(build, "bench"))
    os.makedirs(directory, exist_ok=True)
    m = machine()
    runs = [Run(name, directory, args.quick) for name in args.name or BENCHES]
    say(f"{machine_text(m)}\n{len(runs)} benches, usually {sum(r.usual for r in runs) / 60:.0f} minutes in all")
    for i, run in enumerate(runs, 1):
        run.run(f"{i} of {len(runs)}")
        write_json(m, runs, directory)  # what there is, should this run be ended
    write_all(m, runs, directory, args.update)
    say(f"results: {directory}/results.md, results.json")
    for run in runs:
        if run.why:
            say(f"!! {run.name}: {run.why}")
    failed = sum(run.why is not None for run in runs)
    print(f"{len(runs) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

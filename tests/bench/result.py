# SPDX-License-Identifier: BSD-3-Clause
"""What a bench found: tables on stdout, and a file for report.py. README.md describes the file."""

import json
import sys
import time


class Result:
    def __init__(self, bench):
        self.found = {"bench": bench, "tables": [], "plots": [], "goals": [], "notes": [], "wrong": []}

    def table(self, title, columns, rows):
        self.found["tables"].append({"title": title, "columns": columns, "rows": rows})
        print(table_text(title, columns, rows), flush=True)

    def plot(self, title, x, y, series, log=""):
        """series: {name: [[x, y], ...]}"""
        self.found["plots"].append({"title": title, "x": x, "y": y, "log": log, "series": series})

    def goal(self, goal, measured, met):
        self.found["goals"].append({"goal": goal, "measured": measured, "met": bool(met)})
        print(f"goal: {goal}: {measured}: {'met' if met else 'NOT MET'}", flush=True)

    def note(self, text):
        self.found["notes"].append(text)

    def wrong(self, text):
        """What may not be, however fast the machine is."""
        self.found["wrong"].append(text)
        print(f"WRONG: {text}", file=sys.stderr, flush=True)

    def end(self, path=None):
        """The exit status."""
        if path:
            with open(path, "w") as f:
                json.dump(self.found, f, indent=1)
                f.write("\n")
        return 1 if self.found["wrong"] else 0


def table_text(title, columns, rows):
    cells = [columns] + [[str(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    lines = ["  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip()
             for row in cells]
    return "\n".join([title, *lines, ""])


def progress(text, since):
    """since: when the bench began, of time.monotonic()"""
    print(f"[{time.monotonic() - since:5.1f} s] {text}", file=sys.stderr, flush=True)


def percentile(values, p):
    s = sorted(values)
    return s[min(len(s) - 1, int(len(s) * p / 100))]

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run.py [-k PART]... [-l]: end-to-end tests. Needs root and a build (XV_BUILD, default: build).

The tests run in namespaces of their own (network, mounts, processes): two runs side by side can't meet, and whatever
happens, no process, mount or interface is left. The last line is `N passed, N failed`.
"""

import argparse
import fcntl
import os
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

PAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
PAGES_NEEDED = 256


def pages_change(delta):
    """Add hugepages to what others have reserved. Returns by how many it changed."""
    with open("/run/lock/xv-hugepages", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(PAGES) as f:
            before = int(f.read())
        with open(PAGES, "w") as f:
            f.write(str(max(0, before + delta)))
        with open(PAGES) as f:
            return int(f.read()) - before


def outer():
    """Reserve memory, run the tests in namespaces, give it back. It outlives them however they end."""
    added = pages_change(PAGES_NEEDED)
    try:
        if added < PAGES_NEEDED:
            print(f"no hugepages: asked for {PAGES_NEEDED}, the kernel gave {added}", file=sys.stderr)
            return 1
        argv = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable,
                os.path.abspath(__file__), *sys.argv[1:]]
        return subprocess.run(argv, env=dict(os.environ, XV_E2E_INNER="1"), check=False).returncode
    finally:
        pages_change(-added)


class Result(unittest.TestResult):
    """One line a test as it goes."""

    def __init__(self):
        super().__init__()
        self.passed, self.bad, self.began = 0, [], 0

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        print(f"{test.id()} ... ", end="", flush=True)

    def _line(self, word):
        print(f"{word} ({time.monotonic() - self.began:.1f} s)", flush=True)

    def addSuccess(self, test):
        self.passed += 1
        self._line("ok")

    def _bad(self, test, err):
        self.bad.append(test.id())
        if "(" in test.id():  # a whole class's start or end
            print(test.id(), end=" ... ")
        self._line("FAILED")
        print(self._exc_info_to_string(err, test), flush=True)
        bench = getattr(test, "bench", None)
        if bench is not None:
            print(bench.tails(), flush=True)

    def addFailure(self, test, err):
        self._bad(test, err)

    def addError(self, test, err):
        self._bad(test, err)

    def addSkip(self, test, reason):
        self._line(f"skipped: {reason}")


def inner():
    import wire

    parser = argparse.ArgumentParser()
    parser.add_argument("-k", action="append", default=[], help="only tests whose name has this")
    parser.add_argument("-l", action="store_true", help="list them")
    parser.add_argument("-f", action="store_true", help="end at the first failure")
    args = parser.parse_args()
    wire.quiet_ipv6()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    loader = unittest.TestLoader()
    if args.k:
        loader.testNamePatterns = [f"*{k}*" for k in args.k]
    suite = loader.discover(os.path.dirname(os.path.abspath(__file__)), "test_*.py")
    if args.l:
        names(suite)
        return 0
    result = Result()
    result.failfast = args.f
    if args.f:
        result._bad = lambda test, err, bad=result._bad: (bad(test, err), result.stop())
    suite.run(result)
    print(f"{result.passed} passed, {len(result.bad)} failed", flush=True)
    return 1 if result.bad or result.passed == 0 else 0


def names(suite):
    for t in suite:
        if isinstance(t, unittest.TestSuite):
            names(t)
        else:
            print(t.id())


if __name__ == "__main__":
    sys.exit(inner() if os.environ.get("XV_E2E_INNER") else outer())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run.py [-k PART]... [-l]: end-to-end tests. Needs root and a build (XV_BUILD, default: build).

The tests run in namespaces of their own (machine.py). The last line is `N passed, N failed`.
"""

import argparse
import os
import sys
import time
import unittest

import machine
from proc import BUILD

HERE = os.path.dirname(os.path.abspath(__file__))
PAGES_NEEDED = 256


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
        if isinstance(test, unittest.suite._ErrorHolder):  # a whole class's start or end
            print(test.id(), end=" ... ")
            self.began = time.monotonic()
        self._line("FAILED" + (f" {test._subDescription()}" if hasattr(test, "_subDescription") else ""))
        print(self._exc_info_to_string(err, test), flush=True)
        bench = getattr(getattr(test, "test_case", test), "bench", None)
        if bench is not None:
            print(bench.tails(), flush=True)

    def addFailure(self, test, err):
        self._bad(test, err)

    def addError(self, test, err):
        self._bad(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._bad(subtest, err)
            print(f"{test.id()} ... ", end="", flush=True)

    def addSkip(self, test, reason):
        self._line(f"skipped: {reason}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", action="append", default=[], help="only tests whose name has this")
    parser.add_argument("-l", action="store_true", help="list them")
    parser.add_argument("-f", action="store_true", help="end at the first failure")
    args = parser.parse_args()
    loader = unittest.TestLoader()
    if args.k:
        loader.testNamePatterns = [f"*{k}*" for k in args.k]
    suite = loader.discover(HERE, "test_*.py")
    if args.l:
        names(suite)
        return 0
    result = Result()
    result.failfast = args.f
    if args.f:
        result._bad = lambda test, err, bad=result._bad: (bad(test, err), result.stop())
    if not os.path.isfile(os.path.join(BUILD, "watcher", "xv-watcher")):
        print(f"nothing is built in {BUILD} (XV_BUILD)", file=sys.stderr)
        return 1
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
    sys.exit(machine.run(os.path.abspath(__file__), sys.argv[1:], PAGES_NEEDED, main))

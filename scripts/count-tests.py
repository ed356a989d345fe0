#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""count-tests.py TESTLOG.json...: "PASSED FAILED" of meson's logs. A Criterion program counts each of its cases."""

import json
import re
import sys

SYNTHESIS = re.compile(r"Passing: \D*(\d+)\D* Failing: \D*(\d+)\D* Crashing: \D*(\d+)")


def count(test):
    text = re.sub(r"\x1b\[[0-9;]*m", "", (test.get("stdout") or "") + (test.get("stderr") or ""))
    found = SYNTHESIS.search(text)
    ok = test["result"] in ("OK", "EXPECTEDFAIL")
    if found:
        passed, failing, crashing = (int(n) for n in found.groups())
        return passed, max(failing + crashing, 0 if ok else 1)
    if test["result"] == "SKIP":
        return 0, 0
    return (1, 0) if ok else (0, 1)


passed = failed = 0
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as log:
        for line in log:
            p, f = count(json.loads(line))
            passed, failed = passed + p, failed + f
print(passed, failed)

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""inside.py BUILD [-k=PART]... [-f]: what outside.py runs in the machine that it boots. Binds the NICs and runs test_*.py."""

import faulthandler
import glob
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ["XV_BUILD"] = sys.argv[1]
os.environ.setdefault("XV_E2E_TIMEOUT", "120")
os.environ["XV_E2E_LOGS"] = "/run/logs"
os.environ["XV_E2E_DIR"] = tempfile.mkdtemp(prefix="xv-", dir="/run")
os.chmod(os.environ["XV_E2E_DIR"], 0o755)
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]

import cable  # noqa: E402
import nicbench  # noqa: E402
import run  # noqa: E402
import wire  # noqa: E402

TEST_LIMIT = 300  # seconds, of one test; outside.py waits for longer
IGB = ("0x8086", "0x10c9")


def line_open():
    for path in glob.glob("/sys/class/virtio-ports/*/name"):
        with open(path) as f:
            if f.read().strip() == "xv":
                return cable.Line("/dev/" + path.split("/")[4])
    raise SystemExit("inside: no line to the outside")


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def bind(driver):
    """Gives the NICs to that driver. Returns their addresses, in order."""
    found = []
    for path in sorted(glob.glob("/sys/bus/pci/devices/*")):
        with open(path + "/vendor") as v, open(path + "/device") as d:
            if (v.read().strip(), d.read().strip()) != IGB:
                continue
        found.append(os.path.basename(path))
        if os.path.exists(path + "/driver"):
            write(path + "/driver/unbind", found[-1])
        write(path + "/driver_override", driver)
        write(f"/sys/bus/pci/drivers/{driver}/bind", found[-1])
    return found


class Said:
    """A file whose lines the outside prints."""

    def __init__(self, line):
        self.line, self.text = line, ""

    def write(self, text):
        *lines, self.text = (self.text + text).split("\n")
        for one in lines:
            self.line.say(one)

    def flush(self):
        pass


class Watched(run.Result):
    """A test that hangs ends the machine; what each of its threads was at is on the console."""

    def startTest(self, test):
        super().startTest(test)
        faulthandler.dump_traceback_later(TEST_LIMIT, exit=True)


def main():
    line = line_open()
    sys.stdout = Said(line)
    os.makedirs("/run/logs", exist_ok=True)
    subprocess.run(["mount", "-t", "9p", "-o", "trans=virtio,version=9p2000.L", "logs", "/run/logs"], check=True)
    os.makedirs("/run/dpdk", mode=0o700, exist_ok=True)
    wire.quiet_ipv6()
    nicbench.LINE = line
    nicbench.bind = bind
    nicbench.NICS = bind("vfio-pci")
    with open("/proc/uptime") as f:
        print(f"inside: ready after {f.read().split()[0]} s, {len(nicbench.NICS)} NICs: {' '.join(nicbench.NICS)}")
    loader = unittest.TestLoader()
    patterns = [f"*{word[3:]}*" for word in sys.argv[2:] if word.startswith("-k=")]
    if patterns:
        loader.testNamePatterns = patterns
    result = Watched()
    if "-f" in sys.argv:
        result._bad = lambda test, err, bad=result._bad: (bad(test, err), result.stop())
    loader.discover(HERE, "test_*.py").run(result)
    line.done(result.passed, len(result.bad))


if __name__ == "__main__":
    main()

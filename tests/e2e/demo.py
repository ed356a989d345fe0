#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The guide's two scenarios with real frames, and a back end's restart under traffic. scripts/demo.sh builds and calls it.

Ends with 0 if everything was as expected.
"""

import os
import subprocess
import sys
import time

import machine
import seq
from harness import HOST_MAC, TOP, Bench, Failure, Switch, built, wait_for

PAGES = 256
ONE, TWO = "00:00:00:00:00:11", "00:00:00:00:00:22"
LENGTHS = (42, 60, 64, 1514)
RATE = 1000
FIGURE = """
     guest 1 (domain 1)                        guest 2 (domain 2)
  dpdk-testpmd, net_xenvirt                 dpdk-testpmd, net_xenvirt
    {one}                         {two}
          | granted pages                         | granted pages
    xv-worker --domid 1                     xv-worker --domid 2          xv-watcher
          +------------- shared memory -----------+                  conducts them all
                              |
                          xv-primary
                              |
                     tap device, "the wire"
"""


class Demo:

    def __init__(self, bench):
        self.bench, self.rows, self.unexpected = bench, [], []
        self.began = time.monotonic()

    def say(self, text):
        print(f"[{time.monotonic() - self.began:5.1f} s] {text}", flush=True)

    def expect(self, what, want, got):
        if want != got:
            self.unexpected.append(f"{what}: {want} expected, {got} found")
            self.say(f"NOT AS EXPECTED: {self.unexpected[-1]}")

    def start(self):
        self.say("starting simulated Xen, xv-primary with a tap device, xv-watcher")
        self.switch = Switch(self.bench).start()
        self.say("two guests: dpdk-testpmd -d librte_net_xenvirt.so --vdev=net_xenvirt0,mac=...")
        self.one = self.bench.testpmd(ONE, mode="mac", peers=[HOST_MAC])
        self.two = self.bench.testpmd(TWO, mode="mac", peers=[HOST_MAC])
        self.one.forward()
        self.two.forward()
        self.vlan = self.switch.vif(self.one.domid)["vlan"]
        for line in self.switch.primary.text().splitlines():
            if "registered" in line:
                self.say(line.split("INFO: ")[-1])
        self.expect("guest 1's VLAN", 1000, self.vlan)

    def single(self, flow, source, length):
        """One frame, looked at byte for byte. Returns 1 if it came as it should."""
        self.switch.wire.send(seq.frame(ONE, HOST_MAC, flow, 0, length, self.vlan))
        want = seq.frame(HOST_MAC, source, flow, 0, length)
        want += bytes(max(0, 60 - len(want)))
        self.arrive(flow, 1)
        return sum(f == want for f in self.switch.wire.take())

    def arrive(self, flow, count):
        """Wait until so many came, or nothing more does."""
        wire, last, since = self.switch.wire, -1, time.monotonic()
        while wire.book(flow)["frames"] < count and time.monotonic() - since < 10:
            now = wire.book(flow)["frames"]
            if now != last:
                last, since = now, time.monotonic()
            time.sleep(0.05)
        return wire.book(flow)

    def dropped(self):
        shown = self.switch.show()
        return sum(sum(x["drops"].values()) for x in shown["vifs"] + shown["uplinks"])

    def row(self, name, flow, sent, seen, before):
        """A line of the table; everything must have come once and whole."""
        book = self.arrive(flow, seen)
        good = book["unique"]
        wrong = book["duplicated"] + book["reordered"] + book["corrupt"]
        drops = self.dropped() - before
        self.rows.append((name, sent, good, sent - good, wrong, drops))
        self.expect(f"{name}: seen", sent, good)
        self.expect(f"{name}: duplicated, reordered or corrupt", 0, wrong)
        self.expect(f"{name}: dropped by the switch", 0, drops)

    def scenario(self, number, name, source):
        for length in LENGTHS:
            came = self.single(number + length, source, length)
            self.expect(f"{name}: a frame of {length} bytes came back byte for byte", 1, came)
        before = self.dropped()
        self.switch.wire.keep = False
        sent = self.switch.wire.flow(number, ONE, HOST_MAC, RATE, 3 * RATE, 200, self.vlan).join()
        self.row(name, number, sent, sent, before)
        self.switch.wire.keep = True

    def loopback(self):
        self.say(f"loopback: wire -> guest 1 -> wire, frames to {ONE} with VLAN {self.vlan}")
        self.scenario(10000, "loopback", ONE)

    def inter_vm(self):
        self.one.ask("stop", r"Done\.")
        self.one.ask(f"set eth-peer 0 {TWO}", "testpmd>")
        self.one.forward()
        self.say("inter-VM: wire -> guest 1 -> guest 2 -> wire, each sets the next destination (set fwd mac, eth-peer)")
        self.scenario(20000, "inter-VM", TWO)

    def restart(self):
        self.say(f"restarting guest 1's worker while {RATE} frames/s take the inter-VM way: scripts/restart_vm_worker.sh")
        pid, before = self.switch.worker_pid(self.one.domid), self.dropped()
        self.switch.wire.keep = False
        flow = self.switch.wire.flow(30000, ONE, HOST_MAC, RATE, 6 * RATE, 200, self.vlan)
        wait_for("traffic", lambda: self.switch.wire.book(30000)["frames"] > RATE)
        script = os.path.join(TOP, "scripts", "restart_vm_worker.sh")
        result = subprocess.run([script, str(self.one.domid), "--config", self.switch.conf_file], capture_output=True,
                                env=dict(self.switch.env(), XVCTL=built("xvctl")), text=True, check=False)
        self.say((result.stdout + result.stderr).strip())
        self.expect("exit status of restart_vm_worker.sh", 0, result.returncode)
        self.expect("another worker", True, self.switch.worker_pid(self.one.domid) not in (pid, None))
        sent = flow.join()
        self.row("worker restart", 30000, sent, sent, before)

    def table(self):
        print("\nxvctl show\n" + self.switch.ctl("show").stdout)
        print(f"{'paced frames':16}{'sent':>8}{'seen':>8}{'lost':>8}{'wrong':>8}{'dropped':>9}")
        for name, *numbers in self.rows:
            print(f"{name:16}" + "".join(f"{n:{9 if i == 4 else 8}}" for i, n in enumerate(numbers)))
        print()

    def run(self):
        print(FIGURE.format(one=ONE, two=TWO))
        self.start()
        self.loopback()
        self.inter_vm()
        self.restart()
        self.table()
        self.say("stopping everything")
        codes = [self.one.quit(), self.two.quit(), *self.switch.stop().values()]
        self.expect("exit codes", [0, 0, 0, 0], codes)


def main():
    bench = Bench("demo")
    demo = Demo(bench)
    try:
        demo.run()
    except Failure as e:
        demo.unexpected.append(str(e))
    finally:
        tails = bench.tails() if demo.unexpected else ""
        bench.close()
    if demo.unexpected:
        print(tails)
        print("the demo failed:", *demo.unexpected, sep="\n  ")
        return 1
    demo.say("all was as expected: no frame was lost, and nothing is left behind")
    return 0


if __name__ == "__main__":
    sys.exit(machine.run(os.path.abspath(__file__), sys.argv[1:], PAGES, main))

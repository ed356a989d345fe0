#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Unmodified DPDK programs in a simulated guest, against a back end that returns every frame.

usage: test_guest.py SIM-DIRECTORY DRIVER ECHO LOOP"""
import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import time

sim_dir, DRIVER, ECHO, LOOP = map(os.path.realpath, sys.argv[1:5])
sys.path.insert(0, sim_dir)
import lab  # noqa: E402
from lab import Sim, fact, finish, same  # noqa: E402

ROOT = "/local/domain/1/control/dpdk"
MAC = "mac=02:00:00:00:00:1"


LONG = 60  # seconds: an end to waiting, nothing that is asserted


def wait_until(condition, seconds=LONG):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Program:
    """A program in a domain; what it writes is in a file, which the next program with this name replaces."""

    def __init__(self, sim, domid, name, *command):
        self.path = os.path.join(sim.top, name + ".out")
        self.name = name
        env = {**os.environ, "RUNTIME_DIRECTORY": sim.top}
        with open(self.path, "wb") as out:
            self.p = subprocess.Popen([lab.XENSIM, "run", sim.dir, str(domid), *command], stdin=subprocess.PIPE,
                                      stdout=out, stderr=out, env=env)
        sim.agents.append(self)

    def output(self):
        with open(self.path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def says(self, text, seconds=LONG, after=0):
        return wait_until(lambda: text in self.output()[after:], seconds)

    def type(self, line):
        self.p.stdin.write(line.encode() + b"\n")
        self.p.stdin.flush()

    def ask(self, line, text, seconds=LONG):
        """Types a line and waits for a text in what follows: all of that, or None."""
        at = len(self.output())
        self.type(line)
        return self.output()[at:] if self.says(text, seconds, at) else None

    def kill(self):
        """kill -9, and gone when it returns."""
        if self.p.poll() is None:
            os.kill(self.p.pid, signal.SIGKILL)
        self.p.wait()
        with contextlib.suppress(BrokenPipeError):
            self.p.stdin.close()
        if os.path.exists(self.path):
            os.remove(self.path)

    def end(self):
        try:
            return self.p.wait(30)
        except subprocess.TimeoutExpired:
            return None


def eal(name, *vdevs):
    cpus = os.sched_getaffinity(0)
    args = ["--no-huge", "-m", "128", "--no-pci", "--no-shconf", "--no-telemetry", "--file-prefix", name,
            f"--lcores=0@{min(cpus)},1@{max(cpus)}"]
    return args + [f"--vdev={v}" for v in vdevs]


def testpmd(sim, name, *vdevs):
    return Program(sim, 1, name, "stdbuf", "-oL", "dpdk-testpmd", *eal(name, *vdevs), "-d", DRIVER, "--", "-i",
                   "--total-num-mbufs=2048", "--forward-mode=flowgen", "--disable-link-check", "--no-mlockall")


def echo(sim, device, *more):
    return Program(sim, 0, f"echo{device}", ECHO, "1", str(device), *more)


def keys(sim):
    p = subprocess.run([lab.XENSIM, "run", sim.dir, "0", "xenstore-ls", "-f", ROOT], capture_output=True, text=True)
    return {line.split(" = ")[0][len(ROOT) + 1:]: line.split(" = ")[1].strip('"') for line in p.stdout.splitlines()}


def forwards(t):
    """Frames flow through port 0."""
    up = wait_until(lambda: t.ask("show port info 0", "Link status: up", 0.2))
    fact(f"{t.name}: link is up", up)
    t.ask("start", "flowgen packet forwarding")

    def received():
        report = t.ask("show port stats 0", "Tx-bps") or "RX-packets: 0"
        return int(report.split("RX-packets:")[1].split()[0])
    before = received()
    well = wait_until(lambda: received() > before + 1000)
    fact(f"{t.name}: forwards", well and t.ask("stop", "Done.") is not None)
    if not well:
        print(t.output())


def test_programs(sim):
    for mode in "plain", "granted":
        e = echo(sim, 0)
        p = Program(sim, 1, "loop", LOOP, *eal("loop", "net_xenvirt0," + MAC + "1"), "--", mode, "50000")
        same(f"{mode}: 2 x 50,000 frames come back unchanged, and every mbuf too", p.end(), 0)
        same(f"{mode}: nothing is left in XenStore", keys(sim), {})
        same(f"{mode}: nothing is granted any more", [r for r in sim.grants() if r[0] == 1], [])
        e.kill()


def test_testpmd(sim):
    e = echo(sim, 0)
    t = testpmd(sim, "one", "net_xenvirt0," + MAC + "1")
    fact("testpmd loads the driver", t.says("testpmd>"))
    same("testpmd publishes its MAC address", keys(sim).get("0_ether_addr"), "02:00:00:00:00:11")
    forwards(t)
    for i in range(3):
        t.type("port stop 0")
        t.type("port start 0")
    forwards(t)
    fact("the back end confirmed every stop", "didn't confirm" not in t.output())
    t.kill()
    fact("kill -9 leaves keys", "event_type_start_0" in keys(sim))
    t = testpmd(sim, "two", "net_xenvirt0," + MAC + "2", "net_xenvirt1," + MAC + "3")
    fact("two devices fit the limit of grants", t.says("testpmd>"))
    same("the number of the killed one is used again", keys(sim).get("0_ether_addr"), "02:00:00:00:00:12")
    same("the second device is number 1", keys(sim).get("1_ether_addr"), "02:00:00:00:00:13")
    forwards(t)
    other = testpmd(sim, "three", "eth_xenvirt0," + MAC + "4")
    fact("another process starts", other.says("testpmd>"))
    same("another process takes number 2", keys(sim).get("2_ether_addr"), "02:00:00:00:00:14")
    other.kill()
    t.type("port stop 0")
    t.type("port start 0")
    fact("a living process removes a dead one's keys", wait_until(lambda: "2_ether_addr" not in keys(sim)))
    t.type("quit")
    same("testpmd ends well", t.end(), 0)
    same("nothing is left in XenStore", keys(sim), {})
    e.kill()


def test_deaf(sim):
    e = echo(sim, 0, "deaf")
    t = testpmd(sim, "deaf", "net_xenvirt0," + MAC + "1")
    t.says("testpmd>")
    forwards(t)
    t.type("port stop 0")
    fact("an unconfirmed stop is reported", t.says("didn't confirm"))
    t.type("port start 0")
    t.type("quit")
    same("testpmd ends well in spite of it", t.end(), 0)
    e.kill()


def writable_above(path):
    """EAL refuses a driver below a directory that everybody may write to."""
    while path != "/":
        path = os.path.dirname(path)
        if os.stat(path).st_mode & stat.S_IWOTH:
            return True
    return False


if writable_above(DRIVER):
    print(f"skipped: {DRIVER} is below a directory that everybody may write to")
    sys.exit(77)
with Sim() as sim:
    sim("domain-create", 1, "--dpdk")
    test_programs(sim)
    test_testpmd(sim)
    test_deaf(sim)
    for agent in sim.agents:
        agent.kill()
    shutil.rmtree(os.path.join(sim.top, "dpdk"))
finish()

# SPDX-License-Identifier: BSD-3-Clause
"""Programs in guests: our front end of 2.2, what it shares with others, and testpmd with our driver."""

import json
import os
import select
import subprocess
import threading
import time

import seq
from proc import Proc, built
from wait import LONG, Failure, wait_for


class FrontEnd(Proc):
    """A program that is told what to do, a command a line; tests/traffic has what all of them are told."""

    def __init__(self, bench, name, domid, argv, grants):
        super().__init__(bench, f"{name}-{domid}", argv, dict(bench.sim_env(domid), XENSIM_GNTALLOC_LIMIT=str(grants)),
                         subprocess.PIPE, subprocess.PIPE)
        self.bench, self.domid, self.macs = bench, domid, {}
        self.buffer = b""
        self.lock = threading.Lock()
        self.hello = self._answer()
        if not self.hello["ok"]:
            raise Failure(f"{name}: {self.hello}")

    def _answer(self):
        end = time.monotonic() + LONG
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.popen.stdout], [], [], max(0, end - time.monotonic()))
            more = os.read(self.popen.stdout.fileno(), 1 << 20) if ready else b""
            if not more:
                raise Failure(f"{self.name} gives no answer")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def ask(self, command):
        """The answer, whatever it says."""
        with self.lock:
            self.popen.stdin.write(command.encode() + b"\n")
            self.popen.stdin.flush()
            return self._answer()

    def do(self, command):
        answer = self.ask(command)
        if not answer["ok"]:
            raise Failure(f"{self.name}: {command[:200]}: {answer}")
        return answer

    def running(self, n=0):
        """Waits until the switch serves the device."""
        return self.bench.switch.vif_running(self.domid, n)

    def report(self, n=0):
        return self.do(f"report {n}")

    def book(self, flow, n=0):
        return self.report(n)["flows"].get(str(flow), seq.Book().as_dict())

    def frames(self, n=0):
        return [bytes.fromhex(f) for f in self.do(f"frames {n}")["frames"]]

    def flow(self, number):
        return self.do("flows")["flows"][str(number)]

    def flow_done(self, number):
        return wait_for(f"flow {number} of {self.name}", lambda: not self.flow(number)["running"])

    def quit(self):
        """Ends as a program ends that cleans nothing up."""
        if self.alive():
            self.popen.stdin.write(b"quit\n")
            self.popen.stdin.flush()
        return self.wait()


class Fe22(FrontEnd):
    """A guest of DPDK 2.2; see tests/fe22/README.md for the commands."""

    def __init__(self, bench, domid, *options):
        super().__init__(bench, "fe22", domid, [built("fe22"), *options], 16384)
        self.removed = self.hello["removed"]

    def device(self, n, mac, start=True, pool=0, new_pool=True, options=""):
        """A device, in a mempool of its own number unless said otherwise."""
        if new_pool:
            self.do(f"pool {pool}")
        self.do(f"dev {n} mac={mac} pool={pool} {options}")
        self.macs[n] = mac
        if start:
            self.do(f"start {n}")


class Testpmd(Proc):
    """Debian's dpdk-testpmd in a guest, with our driver."""

    count = 0

    def __init__(self, bench, domid, macs, mode="macswap", peers=(), cpus="0,1", options=(), eal=(),
                 memory=("--no-huge", "-m", "128")):
        Testpmd.count += 1
        n = len(macs)
        self.prefix = f"{bench.prefix}g{domid}n{Testpmd.count}"
        argv = ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", f"(0,1)@({cpus})", "--no-pci", *memory,
                "--file-prefix", self.prefix, "-d", bench.driver()]
        argv += [f"--vdev=net_xenvirt{i},mac={mac}" for i, mac in enumerate(macs)]
        argv += list(eal) + ["--", "-i", "--no-flush-rx", f"--total-num-mbufs={2048 + 1024 * n}", f"--forward-mode={mode}"]
        argv += [f"--eth-peer={i},{peer}" for i, peer in enumerate(peers)]
        if n == 1:
            argv.append("--port-topology=loop")
        super().__init__(bench, f"testpmd-{domid}", argv + list(options), bench.sim_env(domid), subprocess.PIPE)
        self.bench, self.domid = bench, domid

    def type(self, command):
        self.popen.stdin.write(command.encode() + b"\n")
        self.popen.stdin.flush()

    def ready(self):
        """Waits for the prompt."""
        self.expect(r"testpmd> ")
        return self

    def ask(self, command, pattern):
        """Types the command and waits for output after this moment with the regular expression."""
        self.start += len(self.text().encode(errors="replace"))
        self.type(command)
        return self.expect(pattern)

    def forward(self):
        self.ready()
        self.ask("start", r"TX RS bit threshold=")

    def running(self, n=0):
        return self.bench.switch.vif_running(self.domid, n)

    def quit(self):
        if self.alive():
            self.type("quit")
        return self.wait()

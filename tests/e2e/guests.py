# SPDX-License-Identifier: BSD-3-Clause
"""Programs in guests: our 2.2 front end, and testpmd with our driver."""

import json
import os
import select
import subprocess
import threading
import time

import seq
from proc import Proc, built
from wait import LONG, Failure, wait_for


class Fe22(Proc):
    """A guest of DPDK 2.2; see tests/fe22/README.md for the commands."""

    def __init__(self, bench, domid, *options):
        super().__init__(bench, f"fe22-{domid}", [built("fe22"), *options],
                         dict(bench.sim_env(domid), XENSIM_GNTALLOC_LIMIT="16384"), subprocess.PIPE, subprocess.PIPE)
        self.bench, self.domid, self.macs = bench, domid, {}
        self.buffer = b""
        self.lock = threading.Lock()
        hello = self._answer()
        if not hello["ok"]:
            raise Failure(f"fe22: {hello}")
        self.removed = hello["removed"]

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

    def device(self, n, mac, start=True, pool=0, new_pool=True, options=""):
        """A device, in a mempool of its own number unless said otherwise."""
        if new_pool:
            self.do(f"pool {pool}")
        self.do(f"dev {n} mac={mac} pool={pool} {options}")
        self.macs[n] = mac
        if start:
            self.do(f"start {n}")

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

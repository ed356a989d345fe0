# SPDX-License-Identifier: BSD-3-Clause
"""Programs in guests: Debian's dpdk-testpmd with our driver, and the replay of DPDK 2.2's driver."""

from domain import Program
from machine import Failure


class Testpmd(Program):
    def __init__(self, domain, macs, descriptors=256):
        argv = ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", "(0,1)@0", "--no-pci", "--no-huge", "-m", "64",
                "-d", "librte_net_xenvirt.so"]
        argv += [f"--vdev=net_xenvirt{i},mac={mac}" for i, mac in enumerate(macs)]
        argv += ["--", "-i", "--no-flush-rx", f"--total-num-mbufs={1024 + max(1024, 2 * descriptors) * len(macs)}", "--port-topology=loop",
                 "--forward-mode=macswap", f"--txd={descriptors}", f"--rxd={descriptors}"]
        super().__init__(domain, "testpmd", argv)

    def ready(self):
        self.expect("testpmd> ")
        return self

    def command(self, line, pattern="testpmd> "):
        """What it says up to the pattern."""
        before = self.at
        self.type(line)
        self.expect(pattern)
        return self._ask("text", start=before)

    def forward(self):
        self.ready()
        self.command("start", r"TX RS bit threshold=")
        return self

    def mode(self, mode, **peers):
        """Forwards in that mode from now on, in mode mac to these MACs: port0="..."."""
        self.command("stop", r"Done\.")
        self.command(f"set fwd {mode}", "Set .* packet forwarding mode")
        for port, mac in peers.items():
            self.type(f"set eth-peer {port.removeprefix('port')} {mac}")
        self.command("start", r"TX RS bit threshold=")


class Fe22(Program):
    """tests/fe22/README.md has the commands."""

    def __init__(self, domain, backend, *options):
        super().__init__(domain, "fe22", ["fe22", "--backend", str(backend), *options])
        self.expect(r'"ok": ?true')

    def do(self, command):
        answer = self.ask(command)
        if not answer["ok"]:
            raise Failure(f"fe22 of {self.domain}: {command}: {answer}")
        return answer

    def book(self, flow, device=0):
        return self.do(f"report {device}")["flows"].get(str(flow), {"unique": 0})

    def flow(self, number):
        return self.do("flows")["flows"][str(number)]

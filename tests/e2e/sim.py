# SPDX-License-Identifier: BSD-3-Clause
"""Simulated Xen; see tests/sim/README.md."""

import os
import re
import subprocess

from proc import BUILD, TOP
from wait import LONG, Failure

XENSIM = os.path.join(TOP, "tests", "sim", "xensim")


class Sim:
    """Xen without Xen."""

    def __init__(self, bench):
        self.bench, self.dir = bench, os.path.join(bench.dir, "x")
        self.run("start", self.dir)
        self.domains = set()

    def run(self, *args):
        result = subprocess.run([XENSIM, *args], env=dict(os.environ, XV_BUILD=BUILD), stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=LONG, check=False)
        if result.returncode != 0:
            raise Failure(f"xensim {' '.join(args)}: {result.stderr.strip()}")
        return result.stdout

    def create(self, domid, *options):
        self.run("domain-create", self.dir, str(domid), *options)
        self.domains.add(domid)

    def destroy(self, domid):
        self.run("domain-destroy", self.dir, str(domid))
        self.domains.discard(domid)

    def grants(self):
        """[{domid, pid, granted, mapped, by}], one for each granting process"""
        found = []
        for line in self.run("grants", self.dir).splitlines():
            match = re.match(r"domain (\d+) pid (\S+) granted (\d+) mapped (\d+)(?: by (.*))?", line)
            if match is None:
                raise Failure(f"xensim grants: {line}")
            domid, pid, granted, mapped, by = match.groups()
            found.append({"domid": int(domid), "pid": pid, "granted": int(granted), "mapped": int(mapped), "by": by})
        return found

    def mapped(self, domid=None):
        return sum(g["mapped"] for g in self.grants() if domid in (None, g["domid"]))

    def ports(self):
        """{(domid, port): (remote domid, remote port or None)} of all event channels."""
        found = {}
        for line in self.run("ports", self.dir).splitlines():
            domid, port, remote, number = re.fullmatch(r"domain (\d+) port (\d+) pid \d+ for (\d+)(?:/(\d+))?", line).groups()
            found[int(domid), int(port)] = (int(remote), number and int(number))
        return found

    def store(self, domid, tool, *args, check=True):
        """A XenStore tool (read, write, list, rm ...) as that domain."""
        result = subprocess.run([f"xenstore-{tool}", *args], env=self.bench.sim_env(domid), capture_output=True,
                                text=True, timeout=LONG, check=False)
        if check and result.returncode != 0:
            raise Failure(f"xenstore-{tool} {' '.join(args)}: {result.stderr.strip()}")
        return result.stdout.strip()

    def close(self):
        self.run("stop", self.dir)

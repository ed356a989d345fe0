# SPDX-License-Identifier: BSD-3-Clause
"""Domains as the toolstack makes them, and xv-provision, which gives them what they need."""

import os
import re
import subprocess

from case import OwnCase
from conf import conf_text
from guests import Fe22
from proc import Proc, built
from wait import LONG, Failure

A, B = "00:00:00:00:00:11", "00:00:00:00:00:22"


def dpdk(domid, key=""):
    return f"/local/domain/{domid}/control/dpdk" + (f"/{key}" if key else "")


def who(domid):
    """The nodes that say who the domain is."""
    return [f"/local/domain/{domid}/{node}" for node in ("name", "vm")]


def told(domid):
    return f"/local/domain/{domid}/control/dpdk-backend"


class ProvisionCase(OwnCase):

    def setUp(self):
        super().setUp()
        self.conf = os.path.join(self.bench.dir, "provision.conf")
        self.write_conf()

    def write_conf(self, **conf):
        with open(self.conf, "w") as f:
            f.write(conf_text({"run_dir": os.path.join(self.bench.dir, "p"), "log_level": "debug", **conf}))

    def fresh(self, *options):
        """A domain as the toolstack makes it."""
        return self.bench.domain(*(options or (f"guest-{self.bench.next_domid}",)))

    def create(self, domid, *options):
        self.bench.sim.create(domid, *options)
        return domid

    def run_provision(self, *args, domid=0):
        argv = [built("xv-provision"), "--config", self.conf, *map(str, args)]
        return subprocess.run(argv, env=self.bench.sim_env(domid), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=LONG, check=False)

    def provision(self, *domids):
        result = self.run_provision(*domids)
        self.assertEqual(0, result.returncode, result.stderr)
        return result.stderr

    def cannot_start(self, domid, *options):
        """A guest of DPDK 2.2 whose XenStore refuses what it writes."""
        guest = Fe22(self.bench, domid, *options)
        with self.assertRaisesRegex(Failure, "Permission denied"):
            guest.device(0, A)
        guest.kill()

    def refused(self, pattern, *args, code=1, **kw):
        result = self.run_provision(*args, **kw)
        self.assertEqual(code, result.returncode, result.stderr)
        self.assertRegex(result.stderr, pattern)

    def watch(self, *, ready=True):
        proc = Proc(self.bench, "provision", [built("xv-provision"), "--config", self.conf, "--watch"],
                    self.bench.sim_env(0))
        if ready:
            proc.expect("connected to XenStore")
        return proc

    def store(self, domid, tool, *args):
        """Output of the tool as that domain, or None if XenStore refuses."""
        result = subprocess.run([f"xenstore-{tool}", *args], env=self.bench.sim_env(domid), capture_output=True,
                                text=True, timeout=LONG, check=False)
        return result.stdout.strip() if result.returncode == 0 else None

    def rights(self, path):
        """As xenstore-ls prints them: (n7,r5)."""
        parent, name = path.rsplit("/", 1)
        listed = self.store(0, "ls", "-p", parent) or ""
        found = re.search(rf"^{re.escape(name)} = .*\((\S+)\)$", listed, re.M)
        return found and found.group(1)

    def has(self, domid, backend=0):
        """Has the guest all that it needs? Asked of XenStore as the guest and as the back end's domain, which knows it."""
        return (self.rights(dpdk(domid)) == f"n{domid},r{backend}" and
                self.store(domid, "read", "control/dpdk-backend") == str(backend) and
                self.store(backend, "ls", dpdk(domid)) is not None and
                self.store(backend, "read", *who(domid)) is not None)

    def wait_has(self, domid, backend=0):
        self.wait(f"domain {domid} to be provisioned", lambda: self.has(domid, backend))

    def has_nothing(self, domid):
        return (self.rights(dpdk(domid)) is None and self.rights(told(domid)) is None
                and self.store(domid, "write", "control/dpdk/x", "1") is None)

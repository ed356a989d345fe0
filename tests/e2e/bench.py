# SPDX-License-Identifier: BSD-3-Clause
"""A machine for end-to-end tests: simulated Xen, the switch, guests and the wire, all of them real processes.

A Bench is one directory below the run's in /run (short enough for socket paths, and not below a world-writable directory, which EAL
refuses to load drivers from) with everything in it; close() ends all processes that it started and removes it.
"""

import glob
import os
import shlex
import shutil
import signal
import subprocess
import time

import machine
import wire as wire_module
from guests import Fe22, Testpmd
from netfront import Netfront
from proc import BUILD, built
from sim import Sim


class Bench:
    """One simulated machine with its directory, logs and processes."""

    count = 0

    def __init__(self, name, sim=True):
        self.name = name
        Bench.count += 1
        run = os.environ[machine.DIR]
        self.prefix = f"{machine.prefix(run)}_{Bench.count}_"
        self.dir = os.path.join(run, str(Bench.count))
        os.mkdir(self.dir, 0o755)
        self.logs = os.path.join(os.environ.get("XV_E2E_LOGS", os.path.join(BUILD, "e2e-logs")), name)
        shutil.rmtree(self.logs, ignore_errors=True)
        os.makedirs(self.logs)
        self.procs = []
        self.envs = {}
        self.switch = None
        self.next_domid = 1
        self.sim = None
        if sim:
            self.start_sim()

    def start_sim(self):
        self.sim = Sim(self)

    def sim_env(self, domid):
        """The environment of a program in that domain."""
        if domid not in self.envs:
            env = dict(os.environ, XV_BUILD=BUILD)
            text = self.sim.run("env", self.sim.dir, str(domid))
            for word in shlex.split(text):
                if "=" in word:
                    key, value = word.split("=", 1)
                    env[key] = value
            self.envs[domid] = env
        return self.envs[domid]

    def huge_dir(self):
        path = os.path.join(self.dir, "h")
        if not os.path.ismount(path):
            machine.mount_pages(path)
        return path

    def driver(self):
        path = os.path.join(self.dir, "librte_net_xenvirt.so")
        if not os.path.exists(path):
            shutil.copy(built("librte_net_xenvirt.so"), path)
        return path

    def domain(self, *options):
        """A new domain's domid."""
        domid = self.next_domid
        self.next_domid += 1
        self.sim.create(domid, *(options or ("--compat22",)))
        return domid

    def fe22(self, mac=None, domid=None, options=(), **kw):
        """A guest with one running device, if mac says which."""
        guest = Fe22(self, self.domain() if domid is None else domid, *options)
        if mac is not None:
            guest.device(0, mac, **kw)
            guest.running()
        return guest

    def fenet(self, mac=None, domid=None, options="", **kw):
        """A stock guest, with one device that is connected if mac says which."""
        guest = Netfront(self, self.domain("stock") if domid is None else domid, mac, **kw)
        if mac is not None:
            guest.connect(options=options)
        return guest

    def testpmd(self, mac, domid=None, **kw):
        macs = [mac] if isinstance(mac, str) else mac
        guest = Testpmd(self, self.domain("--dpdk") if domid is None else domid, macs, **kw)
        guest.ready()
        for i in range(len(macs)):
            guest.running(i)
        return guest

    def close(self):
        if self.switch is not None:
            self.switch.wire_down()
            if self.switch.uplink == "veth":
                for name in self.switch.ifnames:
                    wire_module.link_delete(name)
        for proc in reversed(self.procs):
            if proc.alive():
                proc.send_signal(signal.SIGTERM)
        end = time.monotonic() + 10
        for proc in self.procs:
            while proc.alive() and time.monotonic() < end:
                time.sleep(0.02)
            if proc.alive():
                proc.kill()
            for pipe in (proc.popen.stdin, proc.popen.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except OSError:
                        pass
        if self.sim is not None:
            log = os.path.join(self.sim.dir, "log")
            if os.path.exists(log):
                shutil.copy(log, os.path.join(self.logs, "xensim.log"))
            self.sim.close()
        huge = os.path.join(self.dir, "h")
        if os.path.ismount(huge):
            for name in os.listdir(huge):
                os.unlink(os.path.join(huge, name))
            subprocess.run(["umount", "-l", huge], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)
        for path in glob.glob(f"/var/run/dpdk/{self.prefix}*"):
            shutil.rmtree(path, ignore_errors=True)

    def tails(self, lines=40):
        """The ends of all logs, for a failure's report."""
        text = []
        for path in sorted(glob.glob(os.path.join(self.logs, "*.log"))):
            with open(path, errors="replace") as f:
                tail = f.readlines()[-lines:]
            text.append(f"--- {path}\n{''.join(tail)}")
        return "".join(text)

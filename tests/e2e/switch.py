# SPDX-License-Identifier: BSD-3-Clause
"""The switch, with a configuration and a wire of its own."""

import contextlib
import json
import os
import subprocess

import wire as wire_module
from conf import conf_text, merge
from proc import Proc, built
from wait import LONG, Failure, wait_for


class Switch:
    """xv-primary, xv-watcher and the workers that it starts, with a configuration of their own."""

    def __init__(self, bench, uplink="tap", conf=None, primary_args=(), n_uplinks=1):
        self.bench, self.uplink = bench, uplink
        self.run_dir = os.path.join(bench.dir, "r")
        self.conf_file = os.path.join(bench.dir, "xv.conf")
        self.primary_args = list(primary_args)
        self.primary = self.watcher = None
        self.ifnames = [f"xvup{i}" for i in range(n_uplinks)]
        self.wires = []
        self.conf = merge({
            "run_dir": self.run_dir, "file_prefix": bench.prefix, "huge_dir": bench.huge_dir(), "log_level": "debug",
            # Lanes that hold what is sent while a loaded machine lets a process wait for seconds.
            "max_guests": 10, "lane_slots": 4096, "buffers": 8192,
            "primary": {"mbufs": 4096, "eal_args": self._vdevs()},
            "worker": {"path": built("xv-worker"), "start_ms": 30000, "hang_ms": 15000},
        }, conf or {})
        self.write_conf()
        bench.switch = self

    def _vdevs(self):
        if self.uplink == "tap":
            return [f"--vdev=net_tap{i},iface={name}" for i, name in enumerate(self.ifnames)]
        if self.uplink == "veth":
            for name in self.ifnames:
                if not wire_module.link_exists(name):
                    wire_module.veth(name, name + "s")
            return [f"--vdev=net_af_packet{i},iface={name}s" for i, name in enumerate(self.ifnames)]
        return []

    def write_conf(self):
        with open(self.conf_file, "w") as f:
            f.write(conf_text(self.conf))

    def env(self):
        return self.bench.sim_env(0)

    def start_primary(self, *more):
        argv = [built("xv-primary"), "-c", "0x3", "--", "--config", self.conf_file, *self.primary_args, *more]
        self.primary = Proc(self.bench, "primary", argv, self.env())
        return self.primary

    def start_watcher(self, *more):
        self.watcher = Proc(self.bench, "watcher", [built("xv-watcher"), "--config", self.conf_file, *more], self.env())
        return self.watcher

    def start_worker(self, domid, *more):
        argv = [built("xv-worker"), "--domid", str(domid), "--config", self.conf_file, *more]
        return Proc(self.bench, f"worker-{domid}", argv, self.env())

    def start(self):
        self.start_primary()
        self.start_watcher()
        self.ready()
        return self

    def ready(self):
        """Waits until the watcher knows the primary, and opens the wires."""
        def known():
            for proc in (self.primary, self.watcher):
                if proc is not None and not proc.alive():
                    raise Failure(f"{proc.name} ended with {proc.popen.returncode}:\n{proc.text()[-2000:]}")
            return self.pid_of_primary()
        wait_for("the switch", known)
        self.wire_up()

    def wire_up(self):
        for name in self.ifnames if self.uplink != "none" else []:
            wait_for(name + " to be up", lambda n=name: wire_module.link_up(n))
            wire_module.link_queue(name, 10000)
            self.wires.append(wire_module.Wire(name))

    def wire_down(self):
        while self.wires:
            self.wires.pop().close()

    @property
    def wire(self):
        return self.wires[0]

    def ctl(self, *args, check=True):
        result = subprocess.run([built("xvctl"), "--config", self.conf_file, *args], env=self.env(),
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONG, check=False)
        if check and result.returncode != 0:
            raise Failure(f"xvctl {' '.join(args)}: {result.stdout}{result.stderr}")
        return result

    def show(self):
        """What xvctl says, or None while there is no watcher; one that has no CPU answers late."""
        def said():
            result = self.ctl("show", "--json", check=False)
            if result.returncode == 0:
                return json.loads(result.stdout)
            return {} if self.watcher is None or not self.watcher.alive() else None
        return wait_for("xv-watcher's answer", said) or None

    def pid_of_primary(self):
        shown = self.show()
        return shown and shown["switch"]["pid"]

    def guest(self, domid):
        for g in (self.show() or {"guests": []})["guests"]:
            if g["domid"] == domid:
                return g
        return None

    def vifs(self, domid):
        return [v for v in (self.show() or {"vifs": []})["vifs"] if v["domid"] == domid]

    def vif(self, domid, device=0):
        for v in self.vifs(domid):
            if v["device"] == device:
                return v
        return None

    @contextlib.contextmanager
    def new_start(self, domid, device=0):
        """With what starts the device anew: waits until that start runs, and not the one before."""
        def generation():
            return (self.vif(domid, device) or {}).get("generation") or 0
        before = generation()
        yield
        wait_for(f"a new start of device {device} of guest {domid}",
                 lambda: generation() > before and self.vif(domid, device)["state"] == "running", step=0.05)

    def vif_running(self, domid, device=0):
        return self.vif_state(domid, device, "running")

    def vif_state(self, domid, device, state):
        def there():
            v = self.vif(domid, device)
            return v if v and v["state"] == state else None
        try:
            return wait_for(f"vif {device} of guest {domid} to be {state}", there, step=0.05)
        except Failure as e:
            raise Failure(f"{e}; it is {self.vif(domid, device)}") from None

    def worker_pid(self, domid):
        g = self.guest(domid)
        return g["pid"] if g else None

    def drops(self, domid, device=0):
        v = self.vif(domid, device)
        return v["drops"] if v else {}

    def stop(self):
        """All programs in order; returns their exit codes by name."""
        self.wire_down()
        codes = {}
        for name in ("watcher", "primary"):
            proc = getattr(self, name)
            if proc is not None:
                codes[name] = proc.stop()
        return codes

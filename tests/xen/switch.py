# SPDX-License-Identifier: BSD-3-Clause
"""The switch in its driver domain: xv-primary, xv-watcher, the workers that it starts, and the wire of its tap device."""

import json
import re

import provision
from domain import wait_for
from machine import Failure

UPLINK = "xvup0"
HUGEPAGES = 96
CONF = """
max_vifs = 8; max_guests = 6; lane_slots = 1024; buffers = 1024; log_level = "debug";
primary: { mbufs = 2048; eal_args = [ "--vdev=net_tap0,iface=%s" ]; };
# An emulated machine is slow now and then, and each time that somebody sleeps costs it much.
poll: { busy = 10; yield = 10; sleep_us = 1000; };
worker: { start_ms = 60000; hang_ms = 20000; };
"""
LOOK = 1  # seconds from one xvctl to the next: it takes as long, from what is waited for too
HOST_MAC = "02:00:00:00:ff:01"


# What dom0 allows is all that has keys; here are also those who are allowed later.
CONF = CONF % UPLINK + provision.conf({**provision.ALLOWED, **provision.LATER})


class Switch:
    def __init__(self, domain):
        self.domain = domain
        self.primary = self.watcher = self.traffic = None
        domain.run("mkdir -p /etc/xv /dev/hugepages && mount -t hugetlbfs none /dev/hugepages && "
                   f"echo {HUGEPAGES} > /proc/sys/vm/nr_hugepages && echo '{CONF}' > /etc/xv/xv.conf")
        have = int(domain.run("cat /proc/sys/vm/nr_hugepages"))
        if have != HUGEPAGES:
            raise Failure(f"{domain} has {have} hugepages of {HUGEPAGES}")

    def start_primary(self):
        self.primary = self.domain.start("xv-primary", ["xv-primary", "-c", "0x1"])

    def start_watcher(self):
        self.watcher = self.domain.start("xv-watcher", ["xv-watcher"])

    def start(self):
        self.start_primary()
        self.start_watcher()
        self.ready()
        self.wire()

    def restore(self):
        """Brings back what isn't there, and ends all flows."""
        if not self.primary.alive():
            self.start_primary()
        if not self.watcher.alive():
            self.start_watcher()
        self.ready()
        self.wire()
        self.call("stop_all")
        self.call("keep", False)

    def ready(self):
        wait_for("the switch to run", lambda: (s := self.said()) and s["switch"]["state"] == "running", step=LOOK)

    def wire(self):
        """Opens the other end of the uplink; again when the uplink is another one."""
        wait_for(f"{UPLINK} to be up", lambda: self.domain.try_(f"cat /sys/class/net/{UPLINK}/carrier")[1] == "1\n")
        self.domain.run(f"echo 10000 > /sys/class/net/{UPLINK}/tx_queue_len")
        if self.traffic is not None and self.traffic.alive():
            self.call("reopen")
        else:
            self.traffic = self.domain.start("traffic", ["/xv/traffic.py", UPLINK])
            self.call("keep", False)

    def call(self, *words):
        """A call of inside/traffic.py."""
        answer = self.traffic.ask(json.dumps(words))
        if "ok" not in answer:
            raise Failure(f"traffic: {words}: {answer}")
        return answer["ok"]

    def book(self, number):
        """What came back of a flow."""
        return self.call("books", [number])[0]

    def said(self):
        """What xvctl says, or None while it can't."""
        status, text = self.domain.try_("xvctl show --json 2>&1")
        return json.loads(text) if status == 0 else None

    def show(self):
        """What xvctl says, as soon as it can."""
        return wait_for("xvctl to have an answer", self.said)

    def vifs(self, domid):
        return [v for v in self.show()["vifs"] if v["domid"] == domid]

    def vif(self, domid, device=0):
        return next((v for v in self.vifs(domid) if v["device"] == device), None)

    def all_running(self, devices):
        """The vifs of these (domid, device), when all of them run."""
        def there():
            vifs = {(v["domid"], v["device"]): v for v in self.show()["vifs"] if v["state"] == "running"}
            return all(d in vifs for d in devices) and [vifs[d] for d in devices]
        try:
            return wait_for(f"devices {devices} to run", there, step=LOOK)
        except Failure as e:
            raise Failure(f"{e}; there are {self.said()}") from None

    def running(self, domid, device=0):
        return self.all_running([(domid, device)])[0]

    def next_worker(self, domid, old):
        """Waits until another worker than that serves all devices of the domain."""
        def there():
            show = self.show()
            pid = next((g["pid"] for g in show["guests"] if g["domid"] == domid), None)
            states = {v["state"] for v in show["vifs"] if v["domid"] == domid} if pid else None
            return pid != old and states == {"running"} and pid
        return wait_for("the next worker", there, step=LOOK)

    def worker(self, domid):
        """Its pid."""
        g = next((g for g in self.show()["guests"] if g["domid"] == domid), None)
        if not g or not g["pid"]:
            raise Failure(f"domain {domid} has no worker")
        return g["pid"]

    def mappings(self, pid):
        """Sizes, in pages, of what the process has mapped through gntdev: each one is one call."""
        text = self.domain.try_(f"grep /dev/xen/gntdev /proc/{pid}/maps")[1]
        return [(int(b, 16) - int(a, 16)) // 4096 for a, b in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) ", text, re.M)]

    def mapped(self, pid):
        return sum(self.mappings(pid))

    def unmapped(self, pid):
        """A program that says when, in its domain's uptime, the process has nothing of a guest mapped any more."""
        return self.domain.start("unmapped", ["sh", "-c", f"while grep -qs gntdev /proc/{pid}/maps; do usleep 10000; done; "
                                              "cut -d' ' -f1 /proc/uptime"])

    def unmapped_at(self, program):
        """The same, on this machine's clock."""
        return self.domain.clock() + float(program.expect(r"^[0-9.]+$"))

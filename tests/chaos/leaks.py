# SPDX-License-Identifier: BSD-3-Clause
"""A count of all that a death could leave behind."""

import json
import os
import re
import socket
import time

from memory import Fabric
from proc import processes_with
from wait import Failure

SETTLE = 60


class Broken(AssertionError):
    """A promise that didn't hold."""


class Leaks:
    """Of a World."""

    def census(self):
        """Everything that a death could leave behind, by name."""
        primary, watcher = self.primary_pid(), self.switch.watcher.pid
        if self.fabric is None or self.fabric.pid != primary:
            if self.fabric is not None:
                self.fabric.close()
            self.fabric = Fabric(primary, self.bench.huge_dir())
        roles = {primary: "primary", watcher: "watcher"}
        for g in self.guests:
            roles[g.worker()] = f"worker of {g.index + 1}"
        by_domid = {g.domid: f"guest {g.index + 1}" for g in self.guests}
        count = {"buffers free": self.fabric.free_buffers(), "MACs": self.fabric.macs(), "grants": {}}
        for line in self.bench.sim.run("grants", self.bench.sim.dir).splitlines():
            m = re.match(r"domain (\d+) pid \d+ granted (\d+) mapped (\d+) by (.*)", line)
            by = {roles.get(int(p), f"pid {p}"): int(n) for p, n in re.findall(r"0/(\d+)=(\d+)", m[4])}
            count["grants"][by_domid.get(int(m[1]), f"domain {m[1]}")] = (int(m[2]), int(m[3]), by)
        count["event channels"] = {}
        for domid, _ in self.bench.sim.ports():
            name = by_domid.get(domid, f"domain {domid}")
            count["event channels"][name] = count["event channels"].get(name, 0) + 1
        for role, pid in (("primary", primary), ("watcher", watcher)):
            count[f"descriptors of {role}"] = descriptors(pid)
            count[f"threads of {role}"] = len(os.listdir(f"/proc/{pid}/task"))
        for g in self.guests:
            count[f"descriptors of worker {g.index + 1}"] = sum(descriptors(g.worker()).values())
        count["EAL heap"] = heap(self.bench.prefix)
        count["run_dir"] = names(self.switch.run_dir)
        count["EAL files"] = names(f"/var/run/dpdk/{self.bench.prefix}")
        huge = self.bench.huge_dir()
        count["hugepages"] = sum(os.stat(os.path.join(huge, n)).st_size for n in os.listdir(huge)) >> 21
        count["processes"] = len(processes_with(self.switch.conf_file))
        return count

    def first_census(self):
        """Once what a death leaves for a moment is gone: nothing changes any more."""
        last, since = self.census(), time.monotonic()
        while time.monotonic() - since < 2.5:
            time.sleep(0.5)
            now = self.census()
            if now != last:
                last, since = now, time.monotonic()
        return last

    def same_census(self, before, timeout=SETTLE):
        """Waits until all is as before; raises Broken with what isn't."""
        end = time.monotonic() + timeout
        while True:
            try:
                now = self.census()
                wrong = {k: (before[k], now[k]) for k in before if before[k] != now[k]}
            except (OSError, TypeError, KeyError, Failure) as e:
                wrong = {"census": e}
            if not wrong:
                return now
            if time.monotonic() > end:
                raise Broken("leaked: " + "; ".join(difference(k, *v) if isinstance(v, tuple) else f"{k}: {v}"
                                                    for k, v in wrong.items()))
            time.sleep(0.2)


def difference(what, before, now):
    if isinstance(before, dict):
        keys = [k for k in {**before, **now} if before.get(k) != now.get(k)]
        return f"{what}: " + ", ".join(f"{k}: {before.get(k, 0)}, now {now.get(k, 0)}" for k in keys)
    return f"{what}: {before}, now {now}"


def names(path):
    """How many files there are of each kind; a number in a name is what differs between files of a kind."""
    found = {}
    for name in os.listdir(path) if os.path.isdir(path) else []:
        kind = re.sub(r"\d+(_[0-9a-f]+)?", "N", name)
        found[kind] = found.get(kind, 0) + 1
    return found


def heap(prefix):
    """What all EAL processes share, by the primary's telemetry: bytes and blocks in use."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(SETTLE)
        s.connect(f"/var/run/dpdk/{prefix}/dpdk_telemetry.v2")
        s.recv(65536)
        s.send(b"/eal/heap_info,0")
        info = json.loads(s.recv(65536))["/eal/heap_info"]
    return {"bytes": info["Alloc_size"], "blocks": info["Alloc_count"]}


def descriptors(pid):
    """How many there are of each kind."""
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            kind = re.sub(r"\d+", "N", os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            continue
        found[kind] = found.get(kind, 0) + 1
    return found

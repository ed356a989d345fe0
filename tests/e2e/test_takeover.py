# SPDX-License-Identifier: BSD-3-Clause
"""A worker that its guest has taken over: what it can write to, and what becomes of it."""

import glob
import os
import random
import re
import signal
import subprocess
import time
from collections import namedtuple

from life import A, B, C, LifeCase
from proc import BUILD

TAKEOVER = os.path.join(BUILD, "tests", "chaos", "takeover")
WORDS = 10000
Mapping = namedtuple("Mapping", "start end offset device inode name may_write writes")


def shared(pid):
    """What a process has mapped and shares."""
    found, head = [], re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (....) ([0-9a-f]+) (\S+) (\d+) *(.*)$")
    with open(f"/proc/{pid}/smaps") as f:
        for line in f:
            match = head.match(line)
            if match:
                start, end, mode, offset, device, inode, name = match.groups()
            elif line.startswith("VmFlags:") and mode[3] == "s":
                found.append(Mapping(int(start, 16), int(end, 16), int(offset, 16), device, int(inode),
                                     os.path.basename(name), " mw" in line, mode[1] == "w"))
    return found


def opened(pid):
    """The files that a process has open, and whether it can write to them."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            with open(f"/proc/{pid}/fdinfo/{fd}") as f:
                flags = int(re.search(r"^flags:\s*(\d+)", f.read(), re.M).group(1), 8)
            yield os.readlink(f"/proc/{pid}/fd/{fd}"), flags & os.O_ACCMODE != os.O_RDONLY
        except OSError:
            pass


class Reach(LifeCase):

    def test_a_worker_writes_to_its_own_context_its_guests_state_and_grants_and_the_bells_alone(self):
        self.make()
        guests = [self.bench.fe22(mac) for mac in (A, B)]
        pids = [self.switch.worker_pid(g.domid) for g in guests]
        writable = [[m for m in shared(pid) if m.writes or m.may_write] for pid in pids]
        own = []
        for maps in writable:
            by = {kind: [m for m in maps if re.search(pattern, m.name)] for kind, pattern in (
                ("context", r"fabric_\w*?\d+$"), ("bells", r"fabric_\w*bells$"), ("state", r"^state$"),
                ("grants", r"grants|gntdev"))}
            self.assertEqual(maps, [m for kind in by.values() for m in kind] and sorted(
                (m for kind in by.values() for m in kind), key=lambda m: m.start), "and nothing else")
            self.assertEqual({"context": 1, "bells": 1, "state": 1}, {k: len(v) for k, v in by.items() if k != "grants"})
            self.assertTrue(by["grants"])
            own.append(by)
        self.assertNotEqual(*[by["context"][0].inode for by in own])
        self.assertFalse(set(m.inode for m in own[0]["grants"]) & set(m.inode for m in own[1]["grants"]))
        first, second = sorted((by["state"][0] for by in own), key=lambda m: m.offset)
        self.assertLessEqual(first.offset + first.end - first.start, second.offset)
        self.assertEqual(first.end - first.start, second.end - second.start)

    def test_nothing_of_eal_is_left_in_a_worker(self):
        self.make()
        guest = self.bench.fe22(A)
        pid = self.switch.worker_pid(guest.domid)
        self.assertEqual([], [m.name for m in shared(pid) if re.search(r"map_\d+$|^config$|^fbarray_", m.name)])
        self.assertEqual([], glob.glob(f"/var/run/dpdk/{self.bench.prefix}*/*_{pid}*"))
        files = list(opened(pid))
        self.assertEqual([], [name for name, _ in files if re.search(r"/dpdk/|map_\d+$|fabric_", name)])
        self.assertEqual([], [name for name, writes in files if writes and name.endswith("/state")])

    def test_no_process_listens_to_what_eals_processes_ask_each_other(self):
        """Who asks it there frees the primary's memory."""
        self.make()
        guest = self.bench.fe22(A)
        guest.running()
        self.assertEqual([], glob.glob(f"/var/run/dpdk/{self.bench.prefix}/mp_socket*"))
        for pid in (self.switch.pid_of_primary(), self.switch.worker_pid(guest.domid)):
            names = [open(p).read().strip() for p in glob.glob(f"/proc/{pid}/task/*/comm")]
            self.assertTrue(names)
            self.assertNotIn("rte_mp_handle", names)


class Scribble(LifeCase):

    def errors(self):
        """Lines of any program that ask the operator to act."""
        found = []
        for name in sorted(os.listdir(self.bench.logs)):
            if name.startswith(("primary", "watcher", "worker")) and name.endswith(".log"):
                with open(os.path.join(self.bench.logs, name), errors="replace") as f:
                    found += [line for line in f if re.search(r"\bERR(OR)?\b", line)]
        return found

    def scribble(self, domid, words, seed):
        """As a worker could that goes on with what it does. Returns how many words were written."""
        pid = self.wait("a worker", lambda: self.switch.worker_pid(domid))
        said = subprocess.run([TAKEOVER, str(pid), "scribble", str(words), str(seed)], stdout=subprocess.PIPE, text=True,
                              timeout=60, check=False).stdout
        return int(said.split()[0]) if said else 0

    def test_ten_thousand_words_of_a_taken_worker_cost_nobody_but_its_guest(self):
        self.make(conf={"worker": {"hang_ms": 2000}})
        a, b, c = (self.bench.fe22(mac) for mac in (A, B, C))
        others = [self.switch.pid_of_primary(), self.switch.watcher.pid, *(self.switch.worker_pid(g.domid) for g in (b, c))]
        for n, to in enumerate((B, C)):
            a.do(f"flow {n + 1} dev=0 dst={to} count=0 rate=2000 len=200")
        wire = self.switch.wire
        flows = [self.flow(b, c), self.flow(c, b), self.flow(b, wire), self.flow(c, wire), self.flow(wire, b)]
        self.flow(b, a)  # of which anything may become
        for f in flows:
            f.going()
        rng, written = random.Random(int(os.environ.get("XV_SEED", "1"))), 0
        while written < WORDS:
            written += self.scribble(a.domid, 500, rng.getrandbits(63))
            time.sleep(0.05)
        for f in flows:
            f.whole()
        self.assertEqual(others, [self.switch.pid_of_primary(), self.switch.watcher.pid,
                                  *(self.switch.worker_pid(g.domid) for g in (b, c))])
        self.assertEqual([], self.errors())
        taken = self.wait("a worker", lambda: self.switch.worker_pid(a.domid))
        os.kill(taken, signal.SIGKILL)
        a.kill()
        again = self.bench.fe22(A, domid=a.domid)
        self.assertNotEqual(taken, self.switch.worker_pid(a.domid))
        self.talk(again, b, 11)

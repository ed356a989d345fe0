# SPDX-License-Identifier: BSD-3-Clause
"""A front end of xen/io/netif.h in a simulated domain: tests/sim/agent.py, told what to do a step at a time."""

import json
import os
import struct
import subprocess
import sys

import seq
from proc import TOP, Proc
from wait import Failure, wait_for

AGENT = os.path.join(TOP, "tests", "sim", "agent.py")
PAGE = 4096
SLOTS = 256
HEAD = 64
BUFS = 64  # a half for each direction
MORE_DATA, CSUM_BLANK = 4, 1


class Netfront(Proc):
    """One device. The toolstack's part is in it, too: both directories, as libxl 4.17 makes them."""

    def __init__(self, bench, domid, mac, dev=0, back=0):
        env = dict(bench.sim_env(domid), XENSIM_GNTALLOC_LIMIT="4096")
        super().__init__(bench, f"netfront-{domid}", [sys.executable, AGENT], env, subprocess.PIPE, subprocess.PIPE)
        self.bench, self.domid, self.mac, self.dev = bench, domid, mac, dev
        self.back = f"/local/domain/{back}/backend/vif/{domid}/{dev}"
        self.front = f"/local/domain/{domid}/device/vif/{dev}"
        self.got, self.sent, self.answers = [], 0, []
        self.toolstack()

    def ask(self, expression):
        self.popen.stdin.write(expression.encode() + b"\n")
        self.popen.stdin.flush()
        answer = json.loads(self.popen.stdout.readline())
        if "errno" in answer:
            raise Failure(f"{self.name}: {expression[:100]}: {answer['errno']}")
        return answer["value"]

    def store(self, *args, **kw):
        return self.bench.sim.store(0, *args, **kw)

    def toolstack(self):
        for directory, owner, reader, keys in (
                (self.back, 0, self.domid, {"frontend": self.front, "frontend-id": self.domid, "online": 1, "state": 1,
                                            "mac": self.mac, "handle": self.dev, "type": "vif"}),
                (self.front, self.domid, 0, {"backend": self.back, "backend-id": 0, "state": 1, "handle": self.dev,
                                             "mac": self.mac})):
            for key, value in keys.items():
                self.store("write", f"{directory}/{key}", str(value))
            self.store("chmod", "-r", directory, f"n{owner}", f"r{reader}")

    def state(self):
        return self.store("read", f"{self.back}/state", check=False)

    def connect(self, split=True):
        """As xen_netfront does it when it sees InitWait."""
        wait_for("InitWait", lambda: self.state() == "2")
        self.ask("keep('s', Store()) and keep('g', Gntshr()) and keep('e', Evtchn())")
        self.ask("keep('r', g.share(0, 2)) and keep('b', g.share(0, %d))" % BUFS)
        self.rings, self.refs = self.ask("r['addr']"), self.ask("r['refs']")
        self.bufs, self.buf_refs = self.ask("b['addr']"), self.ask("b['refs']")
        self.prod, self.cons = [0, 0], [0, 0]  # tx, rx
        for ring in (0, 1):
            self.poke(self.rings + ring * PAGE, struct.pack("<IIII", 0, 1, 0, 1))
        self.ports = [self.ask("e.unbound(0)") for _ in range(2 if split else 1)]
        keys = {"tx-ring-ref": self.refs[0], "rx-ring-ref": self.refs[1], "request-rx-copy": 1}
        keys.update({"event-channel-tx": self.ports[0], "event-channel-rx": self.ports[1]} if split
                    else {"event-channel": self.ports[0]})
        for i in range(BUFS // 2):
            self.room(i)
        for key, value in keys.items():
            self.write(key, value)
        self.write("state", 4)
        wait_for("Connected", lambda: self.state() == "4")

    def write(self, key, value):
        self.ask(f"s.write('device/vif/{self.dev}/{key}', '{value}')")

    def peek(self, addr, n):
        return self.ask(f"peek({addr}, {n})").encode("latin1")

    def poke(self, addr, data):
        self.ask(f"poke({addr}, {data.decode('latin1')!r})")

    def offered(self, ring):
        self.prod[ring] += 1
        self.poke(self.rings + ring * PAGE, struct.pack("<I", self.prod[ring]))

    def room(self, i):
        at = self.rings + PAGE + HEAD + self.prod[1] % SLOTS * 8
        self.poke(at, struct.pack("<HHI", i, 0, self.buf_refs[BUFS // 2 + i]))
        self.offered(1)

    def send(self, raw, flags=0):
        i = self.sent % (BUFS // 2)
        self.poke(self.bufs + i * PAGE, raw)
        self.request(self.buf_refs[i], 0, flags, i, len(raw))
        self.sent += 1

    def request(self, gref, offset, flags, number, size):
        at = self.rings + HEAD + self.prod[0] % SLOTS * 12
        self.poke(at, struct.pack("<IHHHH", gref, offset, flags, number, size))
        self.offered(0)

    def rsp_prod(self, ring):
        return struct.unpack("<I", self.peek(self.rings + ring * PAGE + 8, 4))[0]

    def look(self):
        """Take what is done: (id, status) of what was sent, and frames."""
        for ring, size in ((0, 12), (1, 8)):
            while self.cons[ring] != self.rsp_prod(ring):
                slot = self.peek(self.rings + ring * PAGE + HEAD + self.cons[ring] % SLOTS * size, 8)
                self.cons[ring] += 1
                if ring == 0:
                    self.answers.append(struct.unpack("<Hh", slot[:4]))
                    continue
                number, offset, _, status = struct.unpack("<HHHh", slot)
                if status > 0:
                    self.got.append(self.peek(self.bufs + (BUFS // 2 + number) * PAGE + offset, status))
                self.room(number)
            self.poke(self.rings + ring * PAGE + 12, struct.pack("<I", self.cons[ring] + 1))
        return self.got

    def frames(self, flow):
        return [raw for raw in self.look() if (seq.parse(raw) or {"flow": None})["flow"] == flow]

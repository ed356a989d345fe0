# SPDX-License-Identifier: BSD-3-Clause
"""Reads what the switch keeps in memory: <run_dir>/state (proto/state.h) and the primary's fabric (proto/fabric.h).

Nothing is written. The layouts are those of the headers; a size that doesn't fit ends the test.
"""

import mmap
import os
import struct

VIFS_MAX, CTX_MAX, PORTS_MAX = 128, 104, 16
BINDING, WIRE, PORT, CTX, VIF = 128, 192, 64, 64, 1024
QUEUES, FABRIC = 16 * 65 * 24, 64
FABRIC_MAGIC = 0x3143494252464156
FABRIC_HEAD = "<QIIQ8I7Q"
SLOT = 16
FDB_EMPTY, FDB_GONE = 0, (1 << 64) - 1


class State:
    """<run_dir>/state, mapped."""

    def __init__(self, run_dir):
        with open(os.path.join(run_dir, "state"), "rb") as f:
            self.map = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
        self.bindings = 128
        self.ctxs = self.bindings + VIFS_MAX * (BINDING + WIRE) + PORTS_MAX * PORT
        self.vifs = self.ctxs + CTX_MAX * CTX
        end = self.vifs + VIFS_MAX * VIF + QUEUES + FABRIC
        if end != len(self.map):
            raise AssertionError(f"state has {len(self.map)} bytes, not {end}: proto/state.h is another")

    def close(self):
        self.map.close()

    def _u32(self, at):
        return struct.unpack_from("<I", self.map, at)[0]

    def ctx_pid(self, ctx):
        return self._u32(self.ctxs + ctx * CTX + 8)

    def ctx_beats(self, ctx):
        return struct.unpack_from("<Q", self.map, self.ctxs + ctx * CTX)[0]

    def _frames(self, ledger):
        while True:
            commit = self._u32(ledger)
            frames = struct.unpack_from("<Q", self.map, ledger + 64 + (commit & 1) * 88 + 8)[0]
            if self._u32(ledger) == commit:
                return frames

    def from_frames(self, vif):
        """Frames that the switch took from the guest, since the vif's attachment began."""
        return self._frames(self.vifs + vif * VIF)

    def to_frames(self, vif):
        return self._frames(self.vifs + vif * VIF + VIF // 2)


class Fabric:
    """The memory of a primary, as /proc shows it."""

    def __init__(self, pid, huge_dir):
        self.pid = pid
        self.mem = open(f"/proc/{pid}/mem", "rb", buffering=0)
        self.at = self._find(huge_dir)
        (_, _, _, self.epoch, self.max_vifs, self.max_guests, self.n_io, self.lane_slots, self.ctx_bufs, self.fdb_words,
         _, _, self.vifs_at, self.fdb_at, _, self.lanes_at, self.lane_bytes, _, self.bytes) = self._head(self.at)

    def close(self):
        self.mem.close()

    def _read(self, at, n):
        self.mem.seek(at)
        return self.mem.read(n)

    def _head(self, at):
        return struct.unpack(FABRIC_HEAD, self._read(at, struct.calcsize(FABRIC_HEAD)))

    def _find(self, huge_dir):
        magic = struct.pack("<Q", FABRIC_MAGIC)
        with open(f"/proc/{self.pid}/maps") as f:
            maps = [line.split() for line in f]
        for words in maps:
            if len(words) < 6 or not words[5].startswith(huge_dir):
                continue
            start, end = (int(x, 16) for x in words[0].split("-"))
            at = -1
            data = self._read(start, end - start)
            while (at := data.find(magic, at + 1)) >= 0:
                if at % 64 == 0 and struct.unpack_from("<I", data, at + 8)[0] == 2:
                    return start + at
        raise AssertionError(f"no fabric in the memory of {self.pid}")

    def free_buffers(self):
        """Of each context, as a successor would find them: those that no lane holds."""
        contexts, outlets = self.n_io + self.max_guests, self.max_vifs + self.n_io
        held = [set() for _ in range(contexts)]
        for outlet in range(outlets):
            for ctx in range(contexts):
                lane = self.lanes_at + (outlet * contexts + ctx) * self.lane_bytes + self.at
                head = struct.unpack("<I", self._read(lane, 4))[0]
                tail = struct.unpack("<I", self._read(lane + 64, 4))[0]
                for i in range((tail - head) % (1 << 32)):
                    slot = lane + 128 + (head + i) % self.lane_slots * SLOT
                    held[ctx].add(struct.unpack("<I", self._read(slot, 4))[0])
        return [self.ctx_bufs - len(h) for h in held]

    def macs(self):
        """Entries of the forwarding table."""
        raw = self._read(self.at + self.fdb_at, 8 * self.fdb_words)
        words = struct.unpack(f"<{self.fdb_words}Q", raw)
        return sum(1 for w in words if w not in (FDB_EMPTY, FDB_GONE))

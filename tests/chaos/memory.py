# SPDX-License-Identifier: BSD-3-Clause
"""Reads what the switch keeps in memory: <run_dir>/state (proto/state.h) and the primary's fabric (proto/fabric.h).

Nothing is written. Where things are is what the compiler says (layout.c).
"""

import mmap
import os
import struct
import subprocess

from proc import built


def layout():
    said = subprocess.run([built("sharedlayout")], check=True, capture_output=True, text=True).stdout
    return {name: int(value) for name, value in (line.split() for line in said.splitlines())}


AT = layout()


class State:
    """<run_dir>/state, mapped."""

    def __init__(self, run_dir):
        with open(os.path.join(run_dir, "state"), "rb") as f:
            self.map = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
        if AT["STATE"] != len(self.map):
            raise AssertionError(f"state has {len(self.map)} bytes, not {AT['STATE']}: it is of another build")

    def close(self):
        self.map.close()

    def _u32(self, at):
        return struct.unpack_from("<I", self.map, at)[0]

    def _vif(self, vif):
        """The ledgers of the device that has the number, or had it last."""
        binding = AT["BINDINGS"] + vif * AT["BINDING"]
        guest, kind, device = (self._u32(binding + AT["BINDING_" + w]) for w in ("GUEST", "KIND", "DEVICE"))
        return AT["GUESTS"] + guest * AT["GUEST"] + AT["VIFS"] + kind * AT["KIND"] + device * AT["VIF"]

    def _frames(self, ledger):
        while True:
            commit = self._u32(ledger + AT["LEDGER_COMMIT"])
            pos = ledger + AT["POS"] + (commit & AT["LEDGER_POS"]) * AT["POS_BYTES"]
            frames = struct.unpack_from("<Q", self.map, pos + AT["POS_FRAMES"])[0]
            if self._u32(ledger + AT["LEDGER_COMMIT"]) == commit:
                return frames

    def from_frames(self, vif):
        """Frames that the switch took from the guest, since the number is the device's."""
        return self._frames(self._vif(vif) + AT["VIF_FROM"])

    def to_frames(self, vif):
        return self._frames(self._vif(vif) + AT["VIF_TO"])


class Fabric:
    """The memory of a primary, as /proc shows it."""

    def __init__(self, pid, huge_dir):
        self.pid = pid
        self.mem = open(f"/proc/{pid}/mem", "rb", buffering=0)
        self.at = self._find(huge_dir)
        head = self._read(self.at, AT["FABRIC_HEAD"])
        self.epoch = struct.unpack_from("<Q", head, AT["FABRIC_EPOCH"])[0]
        (self.max_vifs, self.max_guests, self.n_io, self.lane_slots, self.ctx_bufs,
         self.fdb_words) = struct.unpack_from("<6I", head, AT["FABRIC_SIZES"])
        (_, self.owners_at, self.fdb_at, self.rows_at, self.row_bytes, self.lanes_at, self.lane_bytes, _,
         self.ctx_bytes) = struct.unpack_from("<9Q", head, AT["FABRIC_PLACES"])

    def close(self):
        self.mem.close()

    def _read(self, at, n):
        self.mem.seek(at)
        return self.mem.read(n)

    def _find(self, huge_dir):
        magic = struct.pack("<QI", AT["FABRIC_MAGIC"], AT["FABRIC_VERSION"])
        with open(f"/proc/{self.pid}/maps") as f:
            maps = [line.split() for line in f]
        for words in maps:
            if len(words) < 6 or not words[5].startswith(huge_dir):
                continue
            start, end = (int(x, 16) for x in words[0].split("-"))
            at = -1
            data = self._read(start, end - start)
            while (at := data.find(magic, at + 1)) >= 0:
                if at % 64 == 0:
                    return start + at
        raise AssertionError(f"no fabric in the memory of {self.pid}")

    def free_buffers(self):
        """Of each context, as a successor would find them: those that no lane holds."""
        contexts, egresses = self.n_io + self.max_guests, self.max_vifs + self.n_io
        held = [set() for _ in range(contexts)]
        for egress in range(egresses):
            owner = struct.unpack("<I", self._read(self.at + self.owners_at + 4 * egress, 4))[0]
            row = self.at + owner * self.ctx_bytes + self.rows_at + egress * self.row_bytes + AT["ROW_TAKEN"]
            for ctx in range(contexts):
                lane = self.at + ctx * self.ctx_bytes + self.lanes_at + egress * self.lane_bytes
                head = struct.unpack("<I", self._read(row + ctx * AT["TAKEN"], 4))[0]
                tail = struct.unpack("<I", self._read(lane + AT["LANE_TAIL"], 4))[0]
                for i in range((tail - head) % (1 << 32)):
                    slot = lane + AT["LANE"] + (head + i) % self.lane_slots * AT["SLOT"] + AT["SLOT_BUF"]
                    held[ctx].add(struct.unpack("<I", self._read(slot, 4))[0])
        return [self.ctx_bufs - len(h) for h in held]

    def macs(self):
        """Entries of the forwarding table."""
        raw = self._read(self.at + self.fdb_at, 8 * self.fdb_words)
        words = struct.unpack(f"<{self.fdb_words}Q", raw)
        return sum(1 for w in words if w not in (AT["FDB_EMPTY"], AT["FDB_GONE"]))

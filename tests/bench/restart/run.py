#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run.py [--quick] [-n KILLS] [-s SECONDS] [-r ROUNDS] [-o FILE] [--only PART]: how long a guest stands still when its worker is killed.

    cold, warm    from SIGKILL to the guest's next frame on the wire, without and with worker.spares = 1: p50, p99, max
    primary       from SIGKILL of the primary, with 512 MB of hugepages, to the guest's next frame on the wire: n / 10 kills
    throughput    what a guest sends to another at full speed while its worker is killed never, each 10, 5, 2, 1 s; all
                  in turn, ROUNDS times, and the median of what is left of the same round's "never"

The guest has a mempool of 8,192 mbufs. A gap is called disturbed if a thread that slept beside it on one of the CPUs was not
woken for 20 ms after its time: the machine's doing. Needs root and a build (XV_BUILD).
"""

import argparse
import os
import select
import signal
import socket
import statistics
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(os.path.dirname(HERE)), "chaos")]

from world import World, signal_pid  # noqa: E402

import machine  # noqa: E402
import seq  # noqa: E402
from guests import Fe22  # noqa: E402
from result import Result, percentile, progress  # noqa: E402
from wait import wait_for  # noqa: E402
from wire import HOST_MAC  # noqa: E402

PAGES = 220
PRIMARY_BUFFERS, PRIMARY_PAGES = 49152, 340  # 512 MB, and what EAL has besides
DISTURBED = 0.03  # seconds between two looks of a thread that sleeps 10 ms
MBUFS = 8192
RATE = 5000  # frames/s of the flow that is watched: a frame each 0.2 ms
SO_TIMESTAMPNS = 35
INTERVALS = (0, 10, 5, 2, 1)  # seconds between two kills, 0: never
PARTS = ("cold", "warm", "primary", "throughput")


class Ear:
    """Frames of one flow on the wire, with the kernel's time of their arrival."""

    def __init__(self, ifname):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sock.bind((ifname, 3))
        self.sock.settimeout(20)

    def drain(self):
        self.sock.setblocking(False)
        try:
            while True:
                self.sock.recv(2048)
        except BlockingIOError:
            self.sock.settimeout(20)

    def first(self, flow, number):
        """When the first frame of the flow with this number or a later one came (CLOCK_REALTIME)."""
        while True:
            raw, aux, _, addr = self.sock.recvmsg(2048, 64)
            f = seq.parse(raw) if addr[2] != 4 else None
            if f is None or f["flow"] != flow or f["seq"] < number:
                continue
            for level, kind, data in aux:
                if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                    sec, nsec = struct.unpack("qq", data[:16])
                    return sec + nsec / 1e9
            return time.time()


def wait_dead(pid):
    fd = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        select.select([fd], [], [])
    finally:
        os.close(fd)


class Bench:
    def __init__(self, name, spares=0, buffers=4096):
        self.world = World(name, 0, conf={"worker": {"spares": spares, "hang_ms": 10000}, "max_guests": 4,
                                          "max_vifs": 8, "buffers": buffers, "lane_slots": 1024, "log_level": "info"})
        self.switch = self.world.switch
        self.guests = [self.guest(mac) for mac in ("02:00:00:00:00:01", "02:00:00:00:00:02")]
        self.guest_ = self.guests[0]

    def guest(self, mac):
        bench = self.world.bench
        domid = bench.domain()
        bench.sim_env(domid)["XENSIM_GNTALLOC_LIMIT"] = "32768"
        fe = Fe22(bench, domid)
        fe.do(f"pool 0 count={MBUFS} size=2048")
        fe.device(0, mac, new_pool=False)
        fe.running()
        return fe

    def pid(self):
        return wait_for("a worker", lambda: self.switch.worker_pid(self.guest_.domid))

    def settle(self, old, spare):
        """Waits until another worker serves the guest, and a spare is ready for the next time."""
        wait_for("another worker", lambda: self.switch.worker_pid(self.guest_.domid) not in (None, old))
        self.guest_.running()
        time.sleep(0.6 if spare else 0.55)

    def gaps(self, n, spare):
        """(seconds from SIGKILL to the next frame, seconds that the machine was away), n times."""
        ear = Ear(self.switch.ifnames[0])
        self.switch.wire_down()
        self.guest_.do(f"flow 1 dev=0 dst={HOST_MAC} count=0 rate={RATE} len=60")
        vif = self.switch.vif(self.guest_.domid)["vif"]
        found = []
        for _ in range(n):
            pid = self.pid()
            time.sleep(0.05)
            ear.drain()
            self.world.witness.worst()
            began = time.time()
            wait_dead(pid)
            taken = self.world.state.from_frames(vif)  # what the dead one took; later numbers are its successor's
            found.append((ear.first(1, taken) - began, self.world.witness.worst()))
            self.settle(pid, spare)
        self.guest_.do("flowstop 1")
        return found

    def primary_gaps(self, n):
        ear = Ear(self.switch.ifnames[0])
        self.switch.wire_down()
        self.guest_.do(f"flow 2 dev=0 dst={HOST_MAC} count=0 rate={RATE} len=60")
        found = []
        for _ in range(n):
            pid = self.switch.pid_of_primary()
            worker = self.pid()
            self.world.witness.worst()
            began = time.time()
            wait_dead(pid)
            while os.path.exists(f"/proc/{worker}") and worker_alive(worker):
                time.sleep(0.0005)
            ear.drain()
            found.append((ear.first(2, 0) - began, self.world.witness.worst()))
            self.settle(worker, False)
            time.sleep(1)  # one that dies younger is started later and later
        self.guest_.do("flowstop 2")
        return found

    def throughput(self, interval, seconds):
        """Frames/s that the other guest receives while the sender's worker is killed each `interval` seconds; 0: never."""
        a, b = self.guests
        a.do(f"flow 3 dev=0 dst={b.macs[0]} count=0 rate=0 len=60")
        time.sleep(0.5)
        first, began = b.report()["rx_frames"], time.monotonic()
        kills = 0
        while time.monotonic() - began < seconds:
            due = began + (kills + 0.5) * interval if interval else began + seconds
            time.sleep(max(0, min(due, began + seconds) - time.monotonic()))
            if interval and time.monotonic() < began + seconds:
                signal_pid(self.pid(), signal.SIGKILL)
                kills += 1
        took = time.monotonic() - began
        n = b.report()["rx_frames"] - first
        a.do("flowstop 3")
        a.running()
        return {"interval": interval, "kills": kills, "seconds": took, "frames_per_second": n / took}


def worker_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def with_bench(name, spares, f, buffers=4096):
    bench = Bench(name, spares, buffers)
    try:
        return f(bench)
    finally:
        bench.world.close()


def ms(seconds):
    return f"{1e3 * seconds:.1f}"


def gaps_rows(found):
    """found: {part: [(seconds, seconds that the machine was away), ...]}"""
    return [[part, len(gaps), *(ms(percentile([g for g, _ in gaps], p)) for p in (50, 90, 99, 100)),
             sum(away >= DISTURBED for _, away in gaps)] for part, gaps in found.items()]


def throughput_rows(spares, rounds):
    rows = []
    for i in INTERVALS:
        speed = [r[i]["frames_per_second"] / 1e3 for r in rounds]
        left = [100 * r[i]["frames_per_second"] / r[0]["frames_per_second"] for r in rounds]
        rows.append([spares, f"every {i} s" if i else "never", f"{statistics.median(speed):.0f}",
                     f"{min(speed):.0f} to {max(speed):.0f}", f"{statistics.median(left):.0f}",
                     f"{min(left):.0f} to {max(left):.0f}"])
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="a few kills, no throughput")
    parser.add_argument("-n", type=int)
    parser.add_argument("-s", type=float, default=4)
    parser.add_argument("-r", type=int, default=3)
    parser.add_argument("-o", metavar="FILE", help="write JSON there")
    parser.add_argument("--only", action="append", choices=PARTS)
    args = parser.parse_args()
    parts = args.only or (PARTS[:-1] if args.quick else PARTS)
    kills = args.n or (3 if args.quick else 60)
    r, began, gaps, rows = Result("restart"), time.monotonic(), {}, []
    for part, spares in (("cold", 0), ("warm", 1)):
        if part in parts:
            progress(f"restart: {part}", began)
            gaps[part] = with_bench(part, spares, lambda b, s=spares: b.gaps(kills, s))
    if "primary" in parts:
        progress("restart: primary", began)
        gaps["primary"] = with_bench("primary", 0, lambda b: b.primary_gaps(max(1, kills // 10)), PRIMARY_BUFFERS)
    if gaps:
        r.table("From SIGKILL to the guest's next frame on the wire, ms",
                ["killed", "kills", "p50", "p90", "p99", "max", "disturbed"], gaps_rows(gaps))
    if "throughput" in parts:
        for spares in (0, 1):
            progress(f"restart: throughput with {spares} spares", began)
            rows += throughput_rows(spares, with_bench("throughput", spares, lambda b: [
                {i: b.throughput(i, args.s) for i in INTERVALS} for _ in range(args.r)]))
        r.table("Throughput while a worker is killed", ["spares", "killed", "kframes/s", "min to max",
                                                        "% of the same turn without kills", "min to max"], rows)
    return r.end(args.o)


if __name__ == "__main__":
    sys.exit(machine.run(os.path.abspath(__file__), sys.argv[1:], max(PAGES, PRIMARY_PAGES), main))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run.py [-n KILLS] [-s SECONDS] [-r ROUNDS] [-o FILE] [--only PART]: how long a guest stands still when its worker is killed.

    cold, warm    from SIGKILL to the guest's next frame on the wire, without and with worker.spares = 1: p50, p99, max
    primary       from SIGKILL of the primary, with 512 MB of hugepages, to the guest's next frame on the wire: n / 10 kills
    throughput    what a guest sends to another at full speed while its worker is killed never, each 10, 5, 2, 1 s; all
                  in turn, ROUNDS times, and the median of what is left of the same round's "never"

The guest has a mempool of 8,192 mbufs. A gap is called disturbed if a thread that slept beside it on one of the CPUs was not
woken for 20 ms after its time: the machine's doing. Prints a table; -o writes JSON. Needs root and a build (XV_BUILD).
"""

import argparse
import json
import os
import platform
import select
import signal
import socket
import statistics
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "chaos"))

from world import World, signal_pid  # noqa: E402

import harness  # noqa: E402
import machine  # noqa: E402
import seq  # noqa: E402

PAGES = 220
PRIMARY_BUFFERS, PRIMARY_PAGES = 49152, 340  # 512 MB, and what EAL has besides
DISTURBED = 0.03  # seconds between two looks of a thread that sleeps 10 ms
MBUFS = 8192
RATE = 5000  # frames/s of the flow that is watched: a frame each 0.2 ms
SO_TIMESTAMPNS = 35
INTERVALS = (0, 10, 5, 2, 1)  # seconds between two kills, 0: never


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
        fe = harness.Fe22(bench, domid)
        fe.do(f"pool 0 count={MBUFS} size=2048")
        fe.device(0, mac, new_pool=False)
        fe.running()
        return fe

    def pid(self):
        return harness.wait_for("a worker", lambda: self.switch.worker_pid(self.guest_.domid))

    def settle(self, old, spare):
        """Waits until another worker serves the guest, and a spare is ready for the next time."""
        harness.wait_for("another worker", lambda: self.switch.worker_pid(self.guest_.domid) not in (None, old))
        self.guest_.running()
        time.sleep(0.6 if spare else 0.55)

    def gaps(self, n, spare):
        """(seconds from SIGKILL to the next frame, seconds that the machine was away), n times."""
        ear = Ear(self.switch.ifnames[0])
        self.switch.wire_down()
        self.guest_.do(f"flow 1 dev=0 dst={harness.HOST_MAC} count=0 rate={RATE} len=60")
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
        self.guest_.do(f"flow 2 dev=0 dst={harness.HOST_MAC} count=0 rate={RATE} len=60")
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


def percentiles(gaps):
    s = sorted(g for g, _ in gaps)
    found = {f"p{p}_ms": 1e3 * s[min(len(s) - 1, len(s) * p // 100)] for p in (50, 90, 99)}
    return {"n": len(s), **found, "max_ms": 1e3 * s[-1], "disturbed": sum(away >= DISTURBED for _, away in gaps)}


def machine_text():
    model = platform.processor() or "?"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} CPUs ({model}), Linux {platform.release()}"


def with_bench(name, spares, f, buffers=4096):
    bench = Bench(name, spares, buffers)
    try:
        return f(bench)
    finally:
        bench.world.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("-n", type=int, default=200)
    parser.add_argument("-s", type=float, default=10)
    parser.add_argument("-r", type=int, default=5)
    parser.add_argument("-o")
    parser.add_argument("--only", action="append", choices=["cold", "warm", "primary", "throughput"])
    args = parser.parse_args()
    parts = args.only or ["cold", "warm", "primary", "throughput"]
    found = {"machine": machine_text(), "load_before": os.getloadavg(), "mbufs": MBUFS}
    print(f"{found['machine']}; load {found['load_before'][0]:.1f}")
    for part, spares in (("cold", 0), ("warm", 1)):
        if part in parts:
            gaps = with_bench(part, spares, lambda b, s=spares: b.gaps(args.n, s))
            found[part] = dict(percentiles(gaps), gaps_ms=[[round(1e3 * g, 2), round(1e3 * away, 2)] for g, away in gaps])
            show(part, found[part])
    if "primary" in parts:
        found["primary"] = percentiles(with_bench("primary", 0, lambda b: b.primary_gaps(max(1, args.n // 10)),
                                                  PRIMARY_BUFFERS))
        show("primary", found["primary"])
    if "throughput" in parts:
        for spares in (0, 1):
            rounds = with_bench("throughput", spares, lambda b: [{i: b.throughput(i, args.s) for i in INTERVALS}
                                                                 for _ in range(args.r)])
            found[f"throughput_spares_{spares}"] = rounds
            show_throughput(spares, rounds)
    found["load_after"] = os.getloadavg()
    if args.o:
        with open(args.o, "w") as f:
            json.dump(found, f, indent=1)
            f.write("\n")
    return 0


def show(part, p):
    times = "".join(f"{name} {p[name + '_ms']:7.1f} ms  " for name in ("p50", "p90", "p99", "max"))
    print(f"{part:8} {p['n']:4} kills  {times}{p['disturbed']} disturbed", flush=True)


def show_throughput(spares, rounds):
    for i in INTERVALS:
        speed = [r[i]["frames_per_second"] / 1e3 for r in rounds]
        left = [100 * r[i]["frames_per_second"] / r[0]["frames_per_second"] for r in rounds]
        every = f"every {i} s" if i else "never"
        print(f"throughput, spares {spares}: killed {every:11} median {statistics.median(speed):8.1f} kframes/s "
              f"({min(speed):.1f} to {max(speed):.1f}), left {statistics.median(left):5.1f} % ({min(left):.1f} to {max(left):.1f})",
              flush=True)


if __name__ == "__main__":
    sys.exit(machine.run(os.path.abspath(__file__), sys.argv[1:], max(PAGES, PRIMARY_PAGES), main))

# SPDX-License-Identifier: BSD-3-Clause
"""A switch under load: guests with several devices, numbered frames in all directions, and a count of all that may leak.

Traffic comes in rounds. Each device of a guest sends to a device of each of two other places and to the wire, the wire
sends to each device. A round ends when nothing is under way any more; then every flow is looked at:

    EXACT  what was sent came, once, in order, byte for byte; no drop was counted
    LOSSY  nothing came twice, in another order or changed

On a machine that is shared a CPU may be away for seconds (7 s were seen); a round in which that happens is judged as LOSSY
and counted as disturbed.

A round's flows have numbers of their own, so a frame of an earlier round or of an earlier guest is seen as a stranger.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

import seq  # noqa: E402
from bench import Bench  # noqa: E402
from conf import merge  # noqa: E402
from guest import KINDS  # noqa: E402
from leaks import SETTLE, Broken, Leaks  # noqa: E402
from memory import State  # noqa: E402
from proc import built, processes_with  # noqa: E402
from switch import Switch  # noqa: E402
from wait import Failure, wait_for  # noqa: E402
from wire import HOST_MAC  # noqa: E402

EXACT, LOSSY = "exact", "lossy"
WIRE = "wire"
ROUNDS = 8  # rounds whose flows have different numbers
FENCE = 50  # more than a round has flows: the numbers of its fences
STOCK_SLOWER = 4
STALL = 0.7  # seconds without a CPU: the machine's fault, and the round proves order only

CONF = {
    "max_vifs": 8, "max_guests": 4, "lane_slots": 4096, "buffers": 16384,
    "primary": {"start": "watcher", "mbufs": 8192},
    "worker": {"hang_ms": 1200, "start_ms": 20000},
    "guest": {"mac_grace": 0},  # a domain that is replaced has no UUID by which its successor would be known
    "log_level": "info",
}


class Witness:
    """Sees when a CPU of the machine runs nothing of ours for long, as happens on one that is shared."""

    def __init__(self):
        self.gaps = {}
        self.stopping = False
        self.threads = [threading.Thread(target=self._watch, args=(cpu,), daemon=True) for cpu in os.sched_getaffinity(0)]
        for t in self.threads:
            t.start()

    def _watch(self, cpu):
        os.sched_setaffinity(0, [cpu])  # this thread
        last = time.monotonic()
        while not self.stopping:
            time.sleep(0.01)
            now = time.monotonic()
            self.gaps[cpu] = max(self.gaps.get(cpu, 0), now - last)
            last = now

    def worst(self):
        """The longest gap since the last call."""
        gaps, self.gaps = self.gaps, {}
        return max(gaps.values(), default=0)

    def close(self):
        self.stopping = True
        for t in self.threads:
            t.join()


class Flow:
    """source and target are (guest, device), or WIRE."""

    def __init__(self, number, source, target, expect=EXACT):
        self.number, self.source, self.target, self.expect = number, source, target, expect
        self.sent = 0
        self.running = None

    def __str__(self):
        def end(e):
            return e if e == WIRE else f"guest {e[0].index + 1}.{e[1]}"
        return f"flow {self.number} from {end(self.source)} to {end(self.target)}"


class World(Leaks):
    def __init__(self, name, n_guests=3, n_vifs=2, conf=None, start=True, kinds=()):
        """kinds: those of the first guests (guest.py); the others are of DPDK 2.2."""
        self.bench = Bench(name)
        self.round_number = 0
        self.fences = set()  # (where to, flow) of all that were ever sent
        self.guests = []
        self.state = self.fabric = None
        self.flows = []
        self.stopped = set()  # pids of processes that were made to hang, and of those that were taken for hung and are known
        self.witness = Witness()
        self.disturbed = 0  # rounds
        try:
            self.switch = Switch(self.bench, "veth", merge(conf_copy(CONF), conf or {}))
            # Room in the kernel for what a primary that waits for a CPU can't take yet.
            self.switch.conf["primary"]["eal_args"] = [a + ",framesz=2048,blocksz=4096,framecnt=8192"
                                                       for a in self.switch._vdevs()]
            self.switch.conf["primary"].setdefault("path", built("xv-primary"))
            self.switch.write_conf()
            if start:
                self.start(n_guests, n_vifs, kinds)
        except BaseException:
            print(self.bench.tails(), file=sys.stderr)
            self.close()
            raise

    def start(self, n_guests, n_vifs, kinds=()):
        self.switch.start_watcher()
        if self.switch.conf["primary"]["start"] != "watcher":
            self.switch.start_primary()
        self.switch.ready()
        self.wire.keep = False
        for i in range(n_guests):
            guest = KINDS[kinds[i] if i < len(kinds) else "dpdk22"](self, i, n_vifs)
            self.guests.append(guest)
            guest.start()
        self.state = State(self.switch.run_dir)

    @property
    def wire(self):
        return self.switch.wire

    def close(self):
        self.witness.close()
        for m in (self.state, self.fabric):
            if m is not None:
                m.close()
        if self.bench.switch is not None and self.bench.switch.watcher is not None:
            self.switch.wire_down()
            subprocess.run(["ip", "link", "del", self.switch.ifnames[0]], check=False)
            self.switch.watcher.stop()
            for pid in processes_with(self.switch.conf_file):  # what an earlier watcher started
                signal_pid(pid, signal.SIGKILL)
        self.bench.close()

    # ---- traffic

    def places(self):
        return [(g, d) for g in self.guests for d in range(len(g.macs))]

    def mesh(self):
        """The round's flows: three lanes out of every device, three into it."""
        base = 100 * (self.round_number % ROUNDS) + 1
        self.round_number += 1
        n, flows = len(self.guests), []
        for g, d in self.places():
            other = self.guests[(g.index + 1) % n], self.guests[(g.index + 2) % n]
            if n == 2:
                other = other[0], other[0]
            for target in ((other[0], 0), (other[1], len(g.macs) - 1), WIRE):
                flows.append(((g, d), target))
            flows.append((WIRE, (g, d)))
        assert len(flows) <= FENCE
        return [Flow(base + i, *f) for i, f in enumerate(flows)]

    def paced(self, f, rate):
        """A stock guest's frames cost a message to the simulator's keeper each where Xen has a hypercall for many."""
        stock = any(end != WIRE and isinstance(end[0], KINDS["stock"]) for end in (f.source, f.target))
        return -(-rate // STOCK_SLOWER) if stock else rate

    def start_flow(self, f, rate, length, wire_rate=None):
        rate, wire_rate = self.paced(f, rate), self.paced(f, wire_rate or rate)
        mac = HOST_MAC if f.target == WIRE else f.target[0].macs[f.target[1]]
        if f.source == WIRE:
            f.running = self.wire.flow(f.number, mac, HOST_MAC, wire_rate, 0, length, came=lambda: self.came(f))
        else:
            f.running = f.source[0].fe
            f.running.do(f"flow {f.number} dev={f.source[1]} dst={mac} count=0 rate={rate} len={length}")

    def came(self, f):
        """How many frames of an exact flow its guest has."""
        try:
            return f.target[0].fe.book(f.number, f.target[1])["frames"] if f.expect == EXACT else None
        except (Failure, OSError, ValueError):  # it is killed just now
            return None

    def stop_flow(self, f):
        if f.source == WIRE:
            f.sent = f.running.stop()
            if f.running in self.wire.flows:
                self.wire.flows.remove(f.running)
        elif f.running is f.source[0].fe and f.running.alive():
            f.running.do(f"flowstop {f.number}")
            f.sent = f.running.flow(f.number)["sent"]
        else:
            f.sent = None  # its program is gone
            f.expect = LOSSY

    def begin(self, rate=1000, length=200, wire_rate=None):
        """Starts a round: rate frames/s of each flow, a quarter of stock guests', 0: as many as the rings take."""
        for g in self.guests:
            for d in range(len(g.macs)):
                g.fe.do(f"forget {d}")
        self.wire.forget()
        self.saturated = rate == 0
        self.witness.worst()
        self.counters_before = self.counters()
        self.flows = self.mesh()
        for f in self.flows:
            self.start_flow(f, rate, length, wire_rate)
        self.began = time.monotonic()

    def expect_lossy(self, *guests):
        """Flows of these guests, or all, may lose frames in this round."""
        for f in self.flows:
            if not guests or any(e != WIRE and e[0] in guests for e in (f.source, f.target)):
                f.expect = LOSSY

    def lossy(self):
        return any(f.expect == LOSSY for f in self.flows)

    def end(self):
        """Ends the round. Returns its numbers; raises Broken with all that didn't hold."""
        for f in self.flows:
            self.stop_flow(f)
        if self.saturated or self.lossy():
            self.fence()
        books = self.settle()
        self.stall = self.witness.worst()
        if self.stall >= STALL and not self.lossy():
            # A poller that had no CPU for so long looks like one that hangs, and lanes run full.
            self.disturbed += 1
            self.expect_lossy()
        wrong = self.judge(books) + [text for g in self.guests for text in g.complaints()]
        if self.stall < STALL:
            wrong += [f"the watcher killed {pid}, which didn't hang" for pid in self.taken_for_hung()]
        if not self.lossy():
            end = time.monotonic() + SETTLE  # a worker that has no CPU looks quiet, too
            while (counts := self.judge_counts(books)) and self.saturated and time.monotonic() < end:
                time.sleep(0.2)
                books = self.books()
            wrong += counts
        if wrong:
            raise Broken("\n".join(wrong))
        return {"flows": len(self.flows), "sent": sum(f.sent or 0 for f in self.flows),
                "received": sum(b["frames"] for b in books.values()),
                "lossy": sum(f.expect == LOSSY for f in self.flows), "seconds": time.monotonic() - self.began}

    def taken_for_hung(self):
        """Processes that the watcher killed since they seemed to hang, each once, but those that we made hang."""
        with open(self.switch.watcher.log, encoding="utf-8", errors="replace") as f:
            killed = {int(pid) for pid in re.findall(r"(?:worker|xv-primary) (\d+)\b.*: killing it$", f.read(), re.M)} - self.stopped
        self.stopped |= killed
        return killed

    def books(self):
        reports = {(g, d): g.fe.report(d) for g, d in self.places()}
        found = {}
        for f in self.flows:
            found[f] = (self.wire.book(f.number) if f.target == WIRE
                        else reports[f.target]["flows"].get(str(f.number), seq.Book().as_dict()))
        self.strangers = [(f"guest {g.index + 1}.{d}", number, b["frames"]) for (g, d), r in reports.items()
                          for number, b in r["flows"].items()
                          if ((g, d), int(number)) not in self.fences
                          and not any(f.target == (g, d) and str(f.number) == number for f in self.flows)]
        return found

    def fence(self):
        """Waits until nothing is under way any more: frames keep their order, so what isn't there when a later one comes on
        the same way was dropped. A fence may be dropped too: there are more of them until one comes, and the rest may
        come as late as in the next round."""
        fences = [Flow(f.number + FENCE, f.source, f.target, LOSSY) for f in self.flows]
        self.flows += fences
        self.fences |= {(f.target, f.number) for f in fences}
        came, end = -1, 0
        while True:
            books = self.books()
            waits = [f for f in fences if books[f]["frames"] == 0]
            if not waits:
                return
            before, came = came, sum(b["frames"] for b in books.values())
            if came != before:
                end = time.monotonic() + SETTLE  # a reader that has no CPU is far behind
            elif time.monotonic() > end:
                raise Broken("nothing comes any more: " + ", ".join(map(str, waits)))
            for f in waits:
                self.send_one(f)
            time.sleep(0.05)

    def send_one(self, f):
        mac = HOST_MAC if f.target == WIRE else f.target[0].macs[f.target[1]]
        if f.source == WIRE:
            self.wire.send(seq.frame(mac, HOST_MAC, f.number, f.sent))
        elif not f.source[0].fe.ask(f"send dev={f.source[1]} dst={mac} flow={f.number} seq={f.sent}")["ok"]:
            return  # its ring is full
        f.sent += 1

    def settle(self):
        def complete():
            books = self.books()
            return books if all(f.expect == LOSSY or b["frames"] >= f.sent for f, b in books.items()) else None
        if self.saturated or all(f.expect == LOSSY for f in self.flows):
            return self.books()
        try:
            return wait_for("the round's frames", complete, SETTLE, 0.05)
        except Failure:
            return self.books()

    def judge(self, books):
        wrong = [f"{name} received {frames} frames of flow {number}, which is not for it"
                 for name, number, frames in self.strangers]
        for f, b in books.items():
            what = {k: b[k] for k in ("unique", "duplicated", "reordered", "corrupt")}
            whole = what["duplicated"] == what["reordered"] == what["corrupt"] == 0
            if f.sent is not None and what["unique"] > f.sent:
                whole = False
            if f.expect == EXACT and not self.saturated and what["unique"] != f.sent:
                whole = False
            if not whole:
                wrong.append(f"{f}, {f.expect}: {f.sent} sent, {what}")
        return wrong

    def judge_counts(self, books):
        """Every frame was received or counted as dropped, once."""
        now = self.counters()
        grown = {k: n - self.counters_before.get(k, 0) for k, n in now.items()}
        drops = {k: n for k, n in grown.items() if k.startswith("drop ") and n != 0}
        if not self.saturated:
            return [f"drops were counted: {drops}"] if drops else []
        self.dropped = sum(drops.values())
        received = {where: sum(b["frames"] for f, b in books.items() if (f.target == WIRE) == (where == WIRE))
                    for where in (WIRE, "guests")}
        sent = sum(f.sent for f in self.flows if f.source != WIRE)
        from_guest = sum(n for k, n in drops.items() if " tx_" in k)
        missing = {  # between a counter and the next one on a frame's way
            "a guest and its worker": sent - from_guest - grown["tx_frames"],
            "the lanes' ends": grown["tx_frames"] + grown["uplink rx_frames"] - (self.dropped - from_guest)
                               - grown["rx_frames"] - grown["uplink tx_frames"],
            "a worker and its guest": grown["rx_frames"] - received["guests"],
            "the uplink and the wire's end": grown["uplink tx_frames"] - received[WIRE] - grown["wire lost"],
        }
        missing = {k: n for k, n in missing.items() if n != 0}
        return [f"{sent} were sent by guests, {received} received, dropped: {drops}; missing between {missing}"] if missing else []

    def counters(self):
        """What the switch, and the kernel behind its uplink, count for ever."""
        shown = wait_for("xvctl show", self.switch.show)
        found = {k: sum(v[k] for v in shown["vifs"]) for k in ("tx_frames", "rx_frames")}
        for v in shown["vifs"]:
            found.update({f"drop {v['domid']}.{v['device']} {reason}": n for reason, n in v["drops"].items()})
        for u in shown["uplinks"]:
            found.update({f"drop uplink {reason}": n for reason, n in u["drops"].items()})
            found.update({f"uplink {k}": u[k] for k in ("tx_frames", "rx_frames")})
        found["wire lost"] = self.wire.lost()
        return found

    # ---- what happens to it

    def back(self, guest, old, timeout=None):
        """Waits until another worker serves the guest."""
        wait_for("another worker", lambda: guest.worker() not in (None, old), timeout)
        guest.running()
        guest.since = time.monotonic()

    def kill_worker(self, guest, number=signal.SIGKILL):
        """Returns the pid that the signal went to, None if there was no worker."""
        pid = guest.worker()
        if pid:
            if number == signal.SIGSTOP:
                self.stopped.add(pid)
            signal_pid(pid, number)
        return pid

    def restart_watcher(self):
        self.switch.start_watcher()
        wait_for("the watcher", self.switch.show)

    def kill_watcher(self):
        self.switch.watcher.kill()
        self.bench.procs.remove(self.switch.watcher)

    def primary_pid(self):
        return self.switch.pid_of_primary()

    def all_running(self):
        wait_for("the primary", self.primary_pid)
        for g in self.guests:
            g.running()


def conf_copy(value):
    return {k: conf_copy(v) for k, v in value.items()} if isinstance(value, dict) else value


def signal_pid(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass

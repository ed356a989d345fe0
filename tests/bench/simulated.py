# SPDX-License-Identifier: BSD-3-Clause
"""A switch of the default sizes on the simulator, with many guests that cost nothing while they do nothing."""

import glob
import os
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), name) for name in ("e2e", "chaos")]

from bench import Bench  # noqa: E402
from conf import merge  # noqa: E402
from guests import Fe22  # noqa: E402
from memory import State  # noqa: E402
from netfront import Netfront  # noqa: E402
from switch import Switch  # noqa: E402
from wait import Failure  # noqa: E402

RING_WIRE = "--vdev=net_ring0"  # an uplink that costs what a NIC costs when nothing comes: a look at memory
GUEST_IDLE_US = "999999"  # fe22's longest sleep


def mac(index):
    return f"02:00:00:00:{index >> 8:02x}:{index & 255:02x}"


class Told:
    """A guest whose answers can be waited for elsewhere."""

    def tell(self, command):
        """A command whose answer is taken with answer()."""
        self.popen.stdin.write(command.encode() + b"\n")
        self.popen.stdin.flush()

    def answer(self):
        answer = self._answer()
        if not answer["ok"]:
            raise Failure(f"{self.name}: {answer}")
        return answer


class Guest(Told, Fe22):
    """Guest number index with one device."""

    def __init__(self, bench, index, domid, *options):
        super().__init__(bench, domid, *options)
        self.index = index


class Stock(Told, Netfront):
    """The same with a device of netif, which sleeps until it is woken."""

    def __init__(self, bench, index, domid):
        super().__init__(bench, domid, mac(index))
        self.index = index


class Machine:
    """A switch with room for n guests, as a bench wants it: with the product's defaults unless conf says otherwise."""

    def __init__(self, name, n, conf=None):
        sizes = {"max_vifs": n, "max_guests": n, "lane_slots": 1024, "buffers": 2048, "log_level": "info",
                 "primary": {"eal_args": [RING_WIRE], "mbufs": 8192}}
        self.bench = Bench(name)
        self.guests = []
        self.state = None
        try:
            self.switch = Switch(self.bench, "none", merge(sizes, conf or {}))
            self.switch.start()
            self.state = State(self.switch.run_dir)
        except BaseException:
            print(self.bench.tails(), file=sys.stderr)
            self.close()
            raise

    def close(self):
        if self.state is not None:
            self.state.close()
        self.bench.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print(self.bench.tails(), file=sys.stderr)
        self.close()

    def guest(self, *options):
        """One more guest, set up but not started."""
        g = Guest(self.bench, len(self.guests), self.bench.domain(), *(options or ("--idle", GUEST_IDLE_US)))
        g.device(0, mac(g.index), start=False)
        self.guests.append(g)
        return g

    def stock(self):
        """One more, of netif, that runs."""
        g = Stock(self.bench, len(self.guests), self.bench.domain("stock"))
        g.connect()
        self.guests.append(g)
        return g

    def attach(self, n):
        """So many guests that run."""
        while len(self.guests) < n:
            self.guest().do("start 0")
        for g in self.guests:
            g.running()

    def pids(self):
        """{kind: [pid, ...]} of all our processes."""
        shown = self.switch.show()
        return {"primary": [self.switch.primary.pid], "watcher": [self.switch.watcher.pid],
                "workers": [g["pid"] for g in shown["guests"]]}


class Witness:
    """A thread that sleeps half a millisecond at a time on one CPU, and so sees when others keep it from running."""

    def __init__(self, cpu):
        self.late, self.stopping = 0, False
        self.thread = threading.Thread(target=self._watch, args=(cpu,), daemon=True)
        self.thread.start()

    def _watch(self, cpu):
        os.sched_setaffinity(0, [cpu])  # this thread
        while not self.stopping:
            began = time.monotonic()
            time.sleep(0.0005)
            self.late = max(self.late, time.monotonic() - began - 0.0005)

    def worst(self):
        """By how many seconds it was late, at most, since the last call."""
        late, self.late = self.late, 0
        return late

    def close(self):
        self.stopping = True
        self.thread.join()


def ran_ns(pid):
    """How long the process has had a CPU, all its threads together."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        try:
            with open(path) as f:
                total += int(f.read().split()[0])
        except OSError:
            pass  # a thread that ended meanwhile
    return total


def switches(pid):
    """How often its threads have gone to sleep or were put off a CPU."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/status"):
        try:
            with open(path) as f:
                total += sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)
        except OSError:
            pass
    return total

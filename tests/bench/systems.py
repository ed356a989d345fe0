# SPDX-License-Identifier: BSD-3-Clause
"""Three switches with the same two guests: xv, OVS-DPDK and dpdk-testpmd.

Both guests are one process on one core (guests/main.c), all of a switch's processes are on the other. All switches are there
for the whole run, and stopped by SIGSTOP except the one that is measured: so their turns can be short and next to each other.

The guests' frames lie where each front end takes them without a copy: net_xenvirt in a granted mempool of 4 kB pages,
net_virtio_user in hugepages.
"""

import argparse
import contextlib
import json
import os
import select
import shutil
import signal
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

import machine  # noqa: E402
from bench import Bench  # noqa: E402
from conf import merge  # noqa: E402
from proc import Proc, built  # noqa: E402
from result import Result, progress  # noqa: E402
from switch import Switch  # noqa: E402
from wait import LONG, Failure, wait_for  # noqa: E402

GUESTS_CPU, SWITCH_CPU = 0, 1
MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")
FCS = 4  # sizes are named with it, as Ethernet does; it is in no memory
SIZES = (64, 1518)
PAGES = 700  # of 2 MB, for all
OVS = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"


def pinned(argv):
    return ["taskset", "-c", str(SWITCH_CPU), *argv]


class First(Proc):
    """A process that comes, with its children, before whatever else the machine does. The scheduler shares a CPU among
    sessions first, so that is said of its session; nice values would only tell a switch's own threads apart."""

    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        try:
            with open(f"/proc/{self.pid}/autogroup", "w") as f:
                f.write("-20")
        except OSError:  # a kernel that doesn't
            pass


class Guests(First):
    """bench-guests with two guests; each is the words of main.c's usage."""

    def __init__(self, bench, name, eal, guests, env=None):
        argv = [built("bench-guests"), "--lcores", f"0@{GUESTS_CPU}", "--no-pci", "--no-telemetry", "--log-level=warning",
                f"--file-prefix={bench.prefix}{name}", *eal, "--", *guests]
        super().__init__(bench, f"guests-{name}", argv, env, subprocess.PIPE, subprocess.PIPE)

    def line(self, timeout=LONG):
        ready, _, _ = select.select([self.popen.stdout], [], [], timeout)
        text = self.popen.stdout.readline() if ready else b""
        if not text:
            raise Failure(f"{self.name} gives no answer:\n{self.text()[-2000:]}")
        return json.loads(text)

    def run(self, seconds, size, rate=0, back=False):
        """Traffic for so long; what bench-guests says of it."""
        self.popen.stdin.write(f"{seconds} {size - FCS} {rate} {int(back)}\n".encode())
        self.popen.stdin.flush()
        return self.line(seconds + LONG)


class System:
    """name, guests (a Guests), wrong (what was found to be wrong); pids() are the switch's processes. back: it returns
    frames to the guest that sent them."""

    def __init__(self, back=False):
        self.wrong = []
        self.back = back

    def _signal(self, number):
        for pid in self.pids():
            os.kill(pid, number)

    def ready(self):
        """It is up: stop it until it is measured."""
        self._signal(signal.SIGSTOP)
        return self

    @contextlib.contextmanager
    def running(self):
        """Its processes run, and nobody else's."""
        self._signal(signal.SIGCONT)
        try:
            yield self
        finally:
            self._signal(signal.SIGSTOP)

    def drops(self):
        """Frames that the switch says it dropped, None if it can't say."""
        return None

    def run(self, seconds, size, rate=0):
        """One run of traffic; adds to self.wrong. The frames/s that arrived, both directions together, are in ["both"]."""
        before = self.drops()
        r = self.guests.run(seconds, size, rate, self.back)
        lost = sum(r["sent"]) - sum(r["received"])
        counted = None if before is None else self.drops() - before
        r["both"], r["lost"] = sum(r["rate"]), lost
        where = f"{self.name}, {size} bytes"
        if r["wrong"] or r["strangers"]:
            self.wrong.append(f"{where}: {r['wrong']} frames changed, twice or out of order, {r['strangers']} strange ones")
        if min(r["received"]) == 0:
            self.wrong.append(f"{where}: nothing arrives")
        if counted is not None and counted != lost:
            self.wrong.append(f"{where}: {lost} frames are missing, {counted} drops were counted")
        return r


class Xv(System):
    """Our switch: net_xenvirt in two simulated domains. conf and uplinks as Switch takes them."""

    name = "xv"

    def __init__(self, bench, conf=None):
        super().__init__()
        self.bench = bench
        self.switch = XvSwitch(bench, "none", merge({
            # The defaults, but for what stopping the processes would be taken for.
            "lane_slots": 1024, "buffers": 2048, "max_guests": 2, "log_level": "info",
            "primary": {"start": "watcher", "path": built("xv-primary")},
            "worker": {"hang_ms": 600000, "cpus": str(SWITCH_CPU)}}, conf or {}))
        self.switch.start()
        words = []
        self.domids = [bench.domain("--dpdk") for _ in MACS]
        for i, (domid, mac) in enumerate(zip(self.domids, MACS)):
            copy = os.path.join(bench.dir, f"driver{i}.so")
            shutil.copy(built("librte_net_xenvirt.so"), copy)
            words += ["xen", copy, str(domid), bench.sim_env(domid)["XENSTORED_PATH"], mac]
        # Each guest's mbufs are granted pages: EAL's own memory needs no hugepages.
        self.guests = Guests(bench, "xv", ["--no-huge", "-m", "64"], words, bench.sim_env(self.domids[0]))
        self.guests.line()
        for domid in self.domids:
            self.switch.vif_running(domid)
        self.pids_ = [self.switch.watcher.pid, self.switch.pid_of_primary(),
                      *(self.switch.worker_pid(domid) for domid in self.domids)]

    def pids(self):
        return self.pids_

    def drops(self):
        vifs = wait_for("xvctl show", lambda: (self.switch.show() or {}).get("vifs"))
        return sum(n for vif in vifs for n in vif["drops"].values())


class XvSwitch(Switch):
    """All its processes on one CPU, and of one session: the scheduler shares a CPU among sessions first, and a poller that
    yields lets only its own session's others run."""

    def start(self):
        argv = pinned([built("xv-watcher"), "--config", self.conf_file])
        self.watcher = First(self.bench, "watcher", argv, self.env())
        self.ready()
        return self


def virtio_guests(bench, name, sockets):
    """Guests that wait for a vhost-user switch on the sockets."""
    words = []
    for path, mac in zip(sockets, MACS):
        words += ["virtio", f"path={path},server=1,queues=1,queue_size=256", mac]
    eal = ["-m", "64", "--huge-dir", bench.huge_dir(), "--single-file-segments"]
    return Guests(bench, name, eal, words)


class Testpmd(System):
    """dpdk-testpmd with net_vhost, in io forwarding: it looks nothing up. wires: a device beside each guest's, to which all
    that the guest sends goes, and whose frames go to the guest."""

    name = "testpmd io"

    def __init__(self, bench, wires=()):
        super().__init__(back=bool(wires))
        sockets = [os.path.join(bench.dir, f"testpmd{i}") for i in range(2)]
        self.guests = virtio_guests(bench, "testpmd", sockets)
        ports = []
        for i, path in enumerate(sockets):
            ports.append(f"--vdev=net_vhost{i},iface={path},client=1,queues=1")
            ports += [f"--vdev={wire}" for wire in wires[i:i + 1]]
        argv = ["dpdk-testpmd", "--lcores", f"(0,1)@{SWITCH_CPU}", "--no-pci", "--no-telemetry", "-m", "256",
                f"--file-prefix={bench.prefix}pmd", "--huge-dir", bench.huge_dir(), *ports, "--", "-i",
                "--auto-start", "--forward-mode=io", "--total-num-mbufs=16384"]
        self.switch = First(bench, "testpmd", ["stdbuf", "-oL", *argv], None, subprocess.PIPE)
        self.guests.line()
        wait_for("testpmd", lambda: "testpmd> " in self.switch.text())

    def pids(self):
        return [self.switch.pid]


class Ovs(System):
    """OVS-DPDK with its userspace datapath; without flows its bridge learns MAC addresses. wires: (port's name, devargs)."""

    name = "OVS-DPDK"

    def __init__(self, bench, wires=(), flows=()):
        super().__init__()
        self.dir = os.path.join(bench.dir, "ovs")
        os.mkdir(self.dir)
        self.env = dict(os.environ, OVS_RUNDIR=self.dir, OVS_LOGDIR=self.dir, OVS_DBDIR=self.dir)
        db, remote = os.path.join(self.dir, "conf.db"), "unix:" + os.path.join(self.dir, "db.sock")
        self._run("ovsdb-tool", "create", db, "/usr/share/openvswitch/vswitch.ovsschema")
        self.db = First(bench, "ovsdb", pinned(["ovsdb-server", db, "--remote=p" + remote, "--unixctl=" + self.dir + "/db.ctl"]),
                       self.env)
        wait_for("ovsdb-server", lambda: os.path.exists(remote.split(":")[1]))
        self.vsctl = ["ovs-vsctl", "--db=" + remote]
        self._run(*self.vsctl, "--no-wait", "init", "--", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                  f"other_config:pmd-cpu-mask={1 << SWITCH_CPU:#x}", f"other_config:dpdk-lcore-mask={1 << SWITCH_CPU:#x}",
                  # Without a limit it takes for its mbufs what there is, and the next switch finds none.
                  "other_config:dpdk-socket-mem=512", "other_config:dpdk-socket-limit=512",
                  f"other_config:dpdk-extra=--no-pci --no-telemetry --file-prefix={bench.prefix}ovs "
                  f"--huge-dir={bench.huge_dir()}")
        self.switch = First(bench, "ovs", pinned([OVS, remote, "--unixctl=" + self.dir + "/sw.ctl"]), self.env)
        sockets = [os.path.join(bench.dir, f"ovs{i}") for i in range(2)]
        self.guests = virtio_guests(bench, "ovs", sockets)
        self._run(*self.vsctl, "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
        for i, path in enumerate(sockets):
            self._port(f"vm{i}", "dpdkvhostuserclient", f"options:vhost-server-path={path}")
        for name, devargs in wires:
            # net_ring has a loop for each lcore; which one the lcore that polls sends to is OVS's choice.
            self._port(name, "dpdk", f"options:dpdk-devargs={devargs}", "options:n_rxq=2")
        self.guests.line()
        if flows:
            text = "\n".join(flows) + "\n"
            self._run("ovs-ofctl", "replace-flows", f"unix:{self.dir}/br0.mgmt", "-", stdin=text)

    def _run(self, *argv, stdin=""):
        result = subprocess.run(argv, env=self.env, input=stdin, capture_output=True, text=True, timeout=LONG, check=False)
        if result.returncode != 0:
            raise Failure(f"{' '.join(argv)}: {result.stderr.strip()}")

    def _port(self, name, kind, *options):
        self._run(*self.vsctl, "add-port", "br0", name, "--", "set", "Interface", name, f"type={kind}", *options)

    def pids(self):
        return [self.switch.pid]


def quartiles(values):
    """(lower quartile, median, upper quartile)"""
    if len(values) < 2:
        return (values[0],) * 3
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


def speeds(systems, rounds, seconds, say):
    """Each system at full speed in turn, at each size: {(name, size): [what a run said, one a round]}"""
    found = {(s.name, size): [] for s in systems for size in SIZES}
    for i in range(rounds):
        for size in SIZES:
            for s in systems:
                with s.running():
                    s.run(seconds / 4, size)  # caches and tables are as they were left long ago
                    found[s.name, size].append(s.run(seconds, size))
            now = ", ".join(f"{s.name} {found[s.name, size][-1]['both'] / 1e6:.2f}" for s in systems)
            say(f"round {i + 1} of {rounds}, {size} bytes: {now} million frames/s")
    return found


def ratios(found, size, over):
    """xv's speed over the other's, round by round."""
    return [a["both"] / b["both"] for a, b in zip(found["xv", size], found.get((over, size), [])) if b["both"] > 0]


def spread(values, form="{:.2f}"):
    """median (lower to upper quartile)"""
    low, mid, high = (form.format(q) for q in quartiles(values))
    return f"{mid} ({low} to {high})"


SPEED_GOALS = [  # (the goal, size, over whom, least ratio)
    ("at least 1.5 times OVS-DPDK at 64 bytes", 64, "OVS-DPDK", 1.5),
    ("not below OVS-DPDK at 1518 bytes", 1518, "OVS-DPDK", 1.0),
    ("within 0.8 of testpmd io at 64 bytes", 64, "testpmd io", 0.8),
    ("within 0.8 of testpmd io at 1518 bytes", 1518, "testpmd io", 0.8),
]


def speed_report(result, systems, found, title):
    """Table and goals."""
    rows = []
    for size in SIZES:
        for s in systems:
            runs = found[s.name, size]
            sent = sum(sum(r["sent"]) for r in runs)
            values = ratios(found, size, s.name) if s.name != "xv" else []
            ratio = spread(values) if values else ""
            rows.append([size, s.name, spread([r["both"] / 1e6 for r in runs]), ratio,
                         f"{100 * sum(r['lost'] for r in runs) / max(1, sent):.2f}"])
    result.table(title, ["bytes", "switch", "million frames/s, both directions", "xv over it", "lost, %"], rows)
    for goal, size, over, least in SPEED_GOALS:
        values = ratios(found, size, over)
        if values:
            result.goal(goal, spread(values), statistics.median(values) >= least)
    for s in systems:
        for text in s.wrong:
            result.wrong(text)


def present(result, xv, ovs, testpmd):
    """Those of the functions whose switch is installed."""
    makers = [xv]
    for maker, name, path in ((ovs, "openvswitch-switch-dpdk", OVS), (testpmd, "dpdk", shutil.which("dpdk-testpmd"))):
        if path and os.path.exists(path):
            makers.append(maker)
        else:
            result.note(f"A peer is missing: Debian's package {name} is not installed.")
    return makers


NOTES = [
    "Both guests are one process on one CPU, the switch's processes are on the other; they come before all else on the "
    "machine (autogroups at -20, where the kernel has them). Sizes count the frame check sequence, which is in no memory. Rings have 256 entries.",
    "net_xenvirt sends and receives in a granted mempool (4 kB pages), net_virtio_user in hugepages; neither copies.",
    "Each round measures all switches one after the other; ratios are of one round, shown as median and quartiles.",
]


def main(name, script, pages, body):
    """A bench's program: body(result, args, say) inside the run's namespaces; its exit status."""
    parser = argparse.ArgumentParser(description=body.__doc__)
    parser.add_argument("--quick", action="store_true", help="for facts, not for speeds")
    parser.add_argument("-o", metavar="FILE", help="write JSON")
    args = parser.parse_args()

    def inside():
        began = time.monotonic()
        result = Result(name)
        body(result, args.quick, lambda text: progress(text, began))
        return result.end(args.o)

    return machine.run(os.path.abspath(script), sys.argv[1:], pages, inside)


@contextlib.contextmanager
def started(name, makers):
    """The systems that the functions make of a Bench, all stopped; all are gone afterwards."""
    bench = Bench(name)
    try:
        yield [make(bench).ready() for make in makers]
    except BaseException:
        print(bench.tails(), file=sys.stderr)
        raise
    finally:
        for proc in bench.procs:
            proc.send_signal(signal.SIGCONT)
        bench.close()

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""bench.py [-r ROUNDS] [-s SECONDS] [-o FILE]: the switch beside Linux's xen-netback with a bridge, for the same two guests, in
the same driver domain of one emulated machine, in turn. scripts/bench-xen.sh starts it. Only ratios count.

Progress on stderr, tables on stdout. Exit status: 1 if a flow was not as it should be, never for a speed.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path += [os.path.join(TOP, "tests", "e2e"), os.path.join(TOP, "tests", "bench")]

import image  # noqa: E402
import machine  # noqa: E402
import run  # noqa: E402
import result  # noqa: E402
import switch  # noqa: E402
from domain import Toolstack, wait_for  # noqa: E402
from provision import BACKEND, Provision  # noqa: E402

MODULES = ("xen_netback", "bridge", "veth", "pktgen")
GUESTS = {"b1": "00:16:3e:00:00:01", "b2": "00:16:3e:00:00:02"}
ADDRESS = {"b1": "192.0.2.1", "b2": "192.0.2.2", "wire": "192.0.2.9"}
NOBODY = "192.0.2.99"  # whom pktgen's datagrams are for: who gets them has nothing to answer
MB = 256
SETTLE = 2  # seconds from a load's begin to its measure
RATE = 200  # datagrams a second of the flow that is watched over deaths
KILLS = 3
PKTGEN = """pg() {{ echo "$2" > /proc/net/pktgen/$1; }}
pg kpktgend_0 rem_device_all; pg kpktgend_0 "add_device eth0"; pg eth0 "count 0"; pg eth0 "pkt_size {bytes}"; pg eth0 "delay 0"
pg eth0 "dst {nobody}"; pg eth0 "dst_mac {mac}"; echo start > /proc/net/pktgen/pgctrl"""

# wire1 fills in its checksums and sends no frame that is to be cut: a packet socket at the other end sees frames as a NIC does.
PLAIN = """import ctypes, fcntl, socket, struct
for what in 0x17, 0x1f, 0x24:
    v = ctypes.create_string_buffer(struct.pack("II", what, 0))
    fcntl.ioctl(socket.socket(), 0x8946, struct.pack("16sQ16x", b"wire1", ctypes.addressof(v)))"""


def loaded(domain, *names):
    """Modules of MODULES, with what they need."""
    domain.run("lsmod > /run/lsmod; while read -r file name; do "
               f"case ' {' '.join(names)} ' in *\" $name \"*) grep -q \"^$name \" /run/lsmod || insmod $file;; esac; done < /xv/more")


class Ours:
    name = "xv"
    deaths = KILLS

    def __init__(self, bench):
        self.bench, self.driver = bench, bench.driver
        conf = re.sub("--vdev=net_tap0,iface=[a-z0-9]+", "--vdev=net_af_packet0,iface=wire0", switch.CONF)
        switch.CONF = re.sub("\npoll: .*;", "", conf)  # as it comes
        self.switch = switch.Switch(bench.driver)

    def start(self):
        # Not as late as all that is started in this domain wakes (inside/agent.py).
        prompt = "echo 50000 > /proc/self/timerslack_ns; exec"
        self.switch.primary = self.driver.start("xv-primary", ["sh", "-c", f"{prompt} xv-primary -c 0x1"])
        self.switch.watcher = self.driver.start("xv-watcher", ["sh", "-c", f"{prompt} xv-watcher"])
        self.switch.ready()

    def connected(self, domid):
        self.switch.all_running([(domid, 0)])

    def removes(self, domid):
        """xv-watcher does."""

    def spare(self):
        """A worker kept ready (worker.spares), which comes with another xv-watcher."""
        self.driver.run("sed -i 's/^worker: {/worker: { spares = 1;/' /etc/xv/xv.conf")
        self.switch.watcher.kill()
        self.switch.start_watcher()
        self.switch.ready()
        time.sleep(5)

    def die(self):
        """The guest's back end."""
        domid = self.bench.guests["b1"].domid
        pid = self.switch.worker(domid)
        self.driver.run(f"kill -9 {pid}")

    def again(self):
        time.sleep(3)

    def stop(self):
        self.switch.watcher.end()
        self.switch.primary.end()
        self.driver.run("sed -i 's/ spares = 1;//' /etc/xv/xv.conf")


class Netback:
    name = "netback"
    deaths = 1

    def __init__(self, bench):
        self.bench, self.driver = bench, bench.driver

    def start(self):
        loaded(self.driver, "llc", "stp", "bridge", "xen_netback")
        self.driver.run("brctl addbr br0 && brctl addif br0 wire0 && ip link set br0 up")

    def connected(self, domid):
        """What a hotplug script does."""
        name, here = f"vif{domid}.0", f"backend/vif/{domid}/0"
        wait_for(name, lambda: self.driver.try_(f"test -e /sys/class/net/{name}")[0] == 0)
        self.driver.run(f"brctl addif br0 {name} && ip link set {name} up && xenstore-write {here}/hotplug-status connected")
        wait_for("state 4", lambda: self.driver.try_(f"xenstore-read {here}/state")[1].strip() == "4")

    def removes(self, domid):
        """What a driver domain's `xl devd` does when the toolstack takes a device away."""
        here = f"backend/vif/{domid}/0"
        self.driver.start("removes", ["sh", "-c", f"until [ \"$(xenstore-read {here}/state)\" = 6 ]; do usleep 100000; done; "
                                      f"usleep 300000; xenstore-rm {here}"])

    def die(self):
        """The module, which Linux doesn't unload before its devices are taken from it."""
        self.driver.run("cd /sys/bus/xen-backend/drivers/vif && for d in vif-*; do echo $d > unbind; done; rmmod xen_netback")

    def spare(self):
        """Linux has no such thing."""

    def again(self):
        """A front end that was told of the end begins again only when its device is another one."""
        loaded(self.driver, "xen_netback")
        for g in self.bench.guests.values():
            self.bench.detach(g)
        self.bench.attach()

    def stop(self):
        self.driver.run("rmmod xen_netback && ip link set br0 down && brctl delbr br0")


class Bench:
    def __init__(self, m, args):
        self.machine, self.args, self.began = m, args, time.monotonic()
        self.dom0 = Toolstack(m, "pv")
        self.found = {}  # (what, back end) -> values, one a round
        self.wrong = []

    def say(self, text):
        result.progress(text, self.began)

    def note(self, what, system, value):
        self.found.setdefault((what, system.name), []).append(value)
        self.say(f"{system.name}: {what}: {value:.4g}")

    def boot(self):
        self.machine.boot()
        Provision(self.dom0).start()  # else xv-watcher looks for guests by trying all numbers, for minutes
        self.driver = self.dom0.create(BACKEND, "pvh", 768, ("max_maptrack_frames=34",))
        self.guests = {name: self.dom0.create(name, "pv", MB) for name in GUESTS}
        for d in (self.driver, *self.guests.values()):
            self.dom0.up(d)
        loaded(self.driver, "veth")
        self.driver.run("/usr/sbin/ip link add wire0 type veth peer name wire1 && ip link set wire0 up && ip link set wire1 up && "
                        f"ip addr add {ADDRESS['wire']}/24 dev wire1")
        self.driver.run(f"python3 -c '{PLAIN}'")
        self.wire = self.driver.run("cat /sys/class/net/wire1/address").strip()
        loaded(self.guests["b1"], "pktgen")
        self.echoes = self.servers = None

    def attach(self):
        for name, g in self.guests.items():
            self.dom0.run(f"xl network-attach {g.domid} mac={GUESTS[name]} backend={BACKEND}")
        for name, g in self.guests.items():
            self.system.connected(g.domid)
            wait_for("eth0", lambda g=g: g.try_("test -e /sys/class/net/eth0")[0] == 0)
            g.run(f"echo pfifo_fast > /proc/sys/net/core/default_qdisc; ip addr add {ADDRESS[name]}/24 dev eth0 && ip link set eth0 up")

    def detach(self, g):
        self.system.removes(g.domid)
        self.dom0.try_(f"xl network-detach {g.domid} 0")
        wait_for("eth0 to go", lambda: g.try_("test -e /sys/class/net/eth0")[0] != 0)

    def reached(self):
        one = self.guests["b1"]
        for a in (ADDRESS["b2"], ADDRESS["wire"]):
            wait_for(f"a ping to {a}", lambda a=a: one.try_(f"ping -c 1 -W 2 {a}")[0] == 0)

    def cpu(self):
        """Seconds that each domain has had, and when."""
        text = self.dom0.run("cat /proc/uptime; xl list")
        times = {name: float(t) for name, t in re.findall(r"^(\S+) +\d+ +\d+ +\d+ +\S+ +([0-9.]+)$", text, re.M)}
        return float(text.split()[0]), times

    def over(self, seconds, domain, counter):
        """While something goes on: what the counter of the domain counts a second, and the shares of a CPU of all domains."""
        began, before = self.cpu()
        text = domain.run(f"f={counter}; cut -d' ' -f1 /proc/uptime; cat $f; sleep {seconds}; cut -d' ' -f1 /proc/uptime; cat $f")
        ended, after = self.cpu()
        t0, n0, t1, n1 = (float(x) for x in text.split())
        return (n1 - n0) / (t1 - t0), {n: (after[n] - before[n]) / (ended - began) for n in after}

    def frames(self, to, size):
        one = self.guests["b1"]
        mac = self.wire if to == "wire" else GUESTS[to]
        where = self.driver if to == "wire" else self.guests[to]
        self.reached()
        gen = one.start("pktgen", ["sh", "-c", PKTGEN.format(bytes=size, mac=mac, nobody=NOBODY)])
        time.sleep(SETTLE)
        ifname = "wire1" if to == "wire" else "eth0"
        rate, cpu = self.over(self.args.s, where, f"/sys/class/net/{ifname}/statistics/rx_packets")
        one.run("echo stop > /proc/net/pktgen/pgctrl")
        wait_for("pktgen's end", lambda: not gen.alive())
        what = f"{size + 4 if size == 60 else size - 14} bytes, guest to {'wire' if to == 'wire' else 'guest'}"
        self.note(f"{what}: frames/s", self.system, rate)
        for name, title in ((BACKEND, "driver domain"), ("b1", "sender"), ("b2", "receiver")):
            if rate > 0 and (name != "b2" or to == "b2"):
                self.note(f"{what}: CPU s of the {title} a million frames", self.system, cpu[name] / rate * 1e6)

    def tcp(self, to):
        where = self.driver if to == "wire" else self.guests[to]
        server = where.start("stream", ["/xv/stream.py", "receive", ADDRESS[to]])
        time.sleep(1)
        client = self.guests["b1"].start("stream", ["/xv/stream.py", "send", ADDRESS[to], str(self.args.s)])
        rate = float(server.expect(r"^rate \d+", self.args.s + 20).split()[1])
        self.note(f"TCP, guest to {'wire' if to == 'wire' else 'guest'}: Mbit/s", self.system, rate * 8 / 1e6)
        client.kill()
        server.kill()

    def idle(self):
        _, cpu = self.over(2 * self.args.s, self.driver, "/sys/class/net/wire1/statistics/rx_packets")
        self.note("idle: % of a CPU of the driver domain", self.system, cpu[BACKEND] * 100)
        self.note("idle: % of a CPU of both guests", self.system, (cpu["b1"] + cpu["b2"]) * 100)

    def deaths(self, what):
        a = ADDRESS["b2"]
        echo = self.guests["b2"].start("echo", ["/xv/datagrams.py", "echo", a])
        time.sleep(1)
        flow = self.guests["b1"].start("flow", ["/xv/datagrams.py", "send", str(RATE), a])
        time.sleep(3)
        flow.ask("go")
        time.sleep(4)
        self.note("nobody dies: longest silence, s", self.system, flow.ask("books")[a]["silence"])
        for _ in range(self.system.deaths):
            flow.ask("go")
            self.system.die()
            self.system.again()
            n = flow.ask("books")[a]["unique"]
            wait_for("the flow to go on", lambda n=n: flow.ask("books")[a]["unique"] > n + 20)
            self.note(f"its back end dies{what}: longest silence, s", self.system, flow.ask("books")[a]["silence"])
        book = flow.ask("stop")[a]
        if book["duplicated"] or book["reordered"] or book["corrupt"]:
            self.wrong.append(f"{self.system.name}: over deaths: {book}")
        flow.kill()
        echo.kill()

    def step(self, what, *args):
        try:
            what(*args)
        except Exception as e:
            self.wrong.append(f"{self.system.name}: {what.__name__} {args}: {e}")
            self.say(self.wrong[-1])

    def turn(self, system):
        self.system = system
        system.start()
        self.attach()
        self.reached()
        for to in ("b2", "wire"):
            for size in (60, 1514):
                self.step(self.frames, to, size)
            self.step(self.tcp, to)
        self.step(self.idle)
        self.step(self.deaths, "")
        self.step(system.spare)
        self.step(self.deaths, ", one kept ready")
        for g in self.guests.values():
            self.detach(g)
        system.stop()
        self.machine.check()

    def table(self):
        rows = []
        for what in dict.fromkeys(w for w, _ in self.found):
            ours, theirs = (self.found.get((what, s)) for s in ("xv", "netback"))
            if not ours or not theirs:
                continue
            m = statistics.median
            rows.append([what, *(f"{m(v):.4g} ({min(v):.4g} to {max(v):.4g})" for v in (ours, theirs)),
                         f"{m(ours) / m(theirs):.2f}" if m(theirs) > 0 else "-"])
        return ["median of all rounds (least to most)", "xv", "netback and bridge", "xv / netback"], rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-r", type=int, default=3, help="rounds")
    parser.add_argument("-s", type=int, default=8, help="seconds of a measure")
    parser.add_argument("-o", help="a file for all that was found")
    args = parser.parse_args()
    logs = os.path.join(run.BUILD, "bench-xen-logs")
    shutil.rmtree(logs, ignore_errors=True)
    os.makedirs(logs)
    m = machine.Machine(image.Image(run.CACHE, run.BUILD, MODULES), logs)
    bench = Bench(m, args)
    found = result.Result("xen")
    try:
        bench.boot()
        systems = [Ours(bench), Netback(bench)]
        for r in range(args.r):
            for system in systems if r % 2 == 0 else reversed(systems):
                bench.turn(system)
    finally:
        m.close()
        if bench.found:
            with open(os.path.join(logs, "found.json"), "w") as f:
                json.dump([[*k, v] for k, v in bench.found.items()], f)
    found.table("Beside Linux's netback, in an emulated machine", *bench.table())
    for text in bench.wrong:
        found.wrong(text)
    return found.end(args.o)


if __name__ == "__main__":
    sys.exit(main())

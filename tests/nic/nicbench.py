# SPDX-License-Identifier: BSD-3-Clause
"""A switch with real NICs as uplinks, and cases for it.

Simulated Xen is made once and its domains stay, since they take longest in a machine under emulation; each case has a switch
and guests of its own.
"""

import shutil
import time

import bench as e2e_bench
import cable
import case
import seq
import switch as e2e_switch
from conf import merge
from guests import Fe22
from proc import Proc, built
from wire import HOST_MAC

LINE = None  # to the outside
NICS = []  # PCI addresses, in the order of the cables
POOLS = 8  # of a 82576
VLAN = 1000
STRANGER = "02:00:00:00:99:99"
BENCH = None


def bind(driver):
    raise NotImplementedError  # inside.py's


class Bench(e2e_bench.Bench):
    def sim_env(self, domid):
        """Asked for once; other domains' differ by the number."""
        if domid > 1 and domid not in self.envs:
            one = super().sim_env(1)
            self.envs[domid] = dict(one, XENSIM_DOMID=str(domid), XENSTORED_PATH=one["XENSTORED_PATH"].replace(
                "/domain/1/", f"/domain/{domid}/"))
        return super().sim_env(domid)


def bench():
    global BENCH
    if BENCH is None:
        BENCH = Bench("nic")
        BENCH.sim.create(1, "--compat22")
    return BENCH


def mac(k):
    return f"02:00:00:00:01:{k:02x}"


def tagged(k, flow, number=0, length=60):
    """A numbered frame to guest k with its tag."""
    return seq.frame(mac(k), HOST_MAC, flow, number, length, VLAN + k)


class Switch(e2e_switch.Switch):
    """Uplinks are the machine's NICs; one control and two I/O lcores. Guest k, domain k + 1, is pinned to number k."""

    def __init__(self, conf=None, n_uplinks=1, devices=None, pinned=POOLS):
        self.devices = devices if devices is not None else [f"-a {address}" for address in NICS[:n_uplinks]]
        small = {"lane_slots": 1024, "buffers": 1024, "max_vifs": 12, "max_guests": 12, "log_level": "info",
                 "guest": {"mac_grace": 0},  # the domains have no UUID by which a successor would be known
                 # Many share two emulated CPUs.
                 "poll": {"busy": 10, "yield": 0, "sleep_us": 1000}}
        if pinned:
            small["guests"] = [{"domid": k + 1, "vifs": [{"device": 0, "number": k}]} for k in range(pinned)]
        super().__init__(bench(), "nic", merge(small, conf or {}), n_uplinks=n_uplinks)

    def _vdevs(self):
        return self.devices

    def start_primary(self, *more):
        argv = [built("xv-primary"), "--lcores", "0@0,1@0,2@1", "--", "--config", self.conf_file, *more]
        self.primary = Proc(self.bench, "primary", argv, self.env())
        return self.primary

    def wire_up(self):
        self.wires = [cable.Far(LINE, n) for n in range(self.n_cables())]
        # The link takes a moment, and what is sent before is lost.
        self.primary.expect(r"link up(?s:.*link up){%d}" % (len(self.ifnames) - 1))

    def n_cables(self):
        return len(NICS)

    def port(self, n=0):
        return self.show()["uplinks"][n]


class Case(case.Case):
    """A switch and guests; either for all tests of the class (`shared`: how many guests, from setUpClass()) or for one."""

    def make(self, conf=None, guests=0, **kw):
        self.bench = bench()
        self.addCleanup(self.end)
        self.switch = Switch(conf, **kw)
        self.switch.start()
        self.fes = [self.guest(k) for k in range(guests)]
        for guest in self.fes:
            guest.running()
        return self.switch

    def end(self):
        """Everything but simulated Xen."""
        self.switch.wire_down()
        switch = [p for p in (self.switch.watcher, self.switch.primary) if p is not None]
        for proc in [p for p in self.bench.procs if p not in switch]:
            if proc.alive():
                proc.kill()
        for proc in switch:
            proc.stop()
        for proc in self.bench.procs:
            for pipe in (proc.popen.stdin, proc.popen.stdout):
                if pipe is not None:
                    pipe.close()
        self.bench.procs.clear()
        self.wait("guests' grants to be gone", lambda: not self.bench.sim.grants())
        shutil.rmtree(self.switch.run_dir, ignore_errors=True)

    def domain(self, k):
        """Guest k's, made when first asked for."""
        domid = k + 1
        if domid not in self.bench.sim.domains:
            self.bench.sim.create(domid, "--compat22")
        return domid

    def guest(self, k):
        """A guest of DPDK 2.2 that keeps all that it gets. It may not run yet."""
        guest = Fe22(self.bench, self.domain(k), "--idle", "4000")
        guest.device(0, mac(k))
        guest.do("capture 0 all")
        return guest

    def send(self, frames, n=0):
        self.switch.wires[n].send_all(frames)

    def got(self, guests, flow=9999, n=0):
        """{k: what guest k has received}, without the frame of this flow that is sent behind."""
        self.send([tagged(k, flow) for k in guests], n)
        for k in guests:
            self.wait_book(guests[k], flow, 1)
        return {k: [raw for raw in guests[k].frames() if (seq.parse(raw) or {"flow": 0})["flow"] != flow]
                for k in guests}

    def reach(self, k, guest, flow, n=0):
        """Frames to the guest until one comes."""
        def came():
            self.send([tagged(k, flow)], n)
            time.sleep(0.1)
            return guest.book(flow)["unique"]
        self.wait(f"guest {k} to get a frame", came)

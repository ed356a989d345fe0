# SPDX-License-Identifier: BSD-3-Clause
"""A switch with real NICs as uplinks, and cases for it."""

import cable
import case
import harness
import seq

LINE = None  # to the outside
NICS = []  # PCI addresses, in the order of the cables
POOLS = 8  # of a 82576
VLAN = 1000
STRANGER = "02:00:00:00:99:99"


def bind(driver):
    raise NotImplementedError  # inside.py's


def mac(k):
    return f"02:00:00:00:01:{k:02x}"


class Switch(harness.Switch):
    """Uplinks are the machine's NICs; one control and two I/O lcores."""

    def __init__(self, bench, uplink="nic", conf=None, primary_args=(), n_uplinks=1, lcores="0@0,1@0,2@1"):
        self.lcores, self.n_uplinks = lcores, n_uplinks
        small = {"lane_slots": 1024, "buffers": 1024, "max_vifs": 12, "max_guests": 12, "log_level": "info"}
        super().__init__(bench, uplink, harness.merge(small, conf or {}), primary_args, n_uplinks)

    def _vdevs(self):
        return [f"-a {address}" for address in NICS[:self.n_uplinks]]

    def start_primary(self, *more):
        argv = [harness.built("xv-primary"), "--lcores", self.lcores, "--", "--config", self.conf_file,
                *self.primary_args, *more]
        self.primary = harness.Proc(self.bench, "primary", argv, self.env())
        return self.primary

    def wire_up(self):
        self.wires = [cable.Far(LINE, n) for n in range(self.n_uplinks)]
        # The link takes a moment, and what is sent before is lost.
        self.primary.expect(r"link up(?s:.*link up){%d}" % (self.n_uplinks - 1))

    def port(self, n=0):
        return self.show()["uplinks"][n]


class Case(case.Case):
    """A bench for each test."""

    def setUp(self):
        self.bench = harness.Bench(f"{type(self).__name__}.{self._testMethodName}")
        self.addCleanup(self.bench.close)

    def make(self, conf=None, **kw):
        self.switch = Switch(self.bench, conf=conf, **kw)
        return self.switch.start()

    def guests(self, n, first=0):
        """Guests of DPDK 2.2 with device k each, which is in pool k, keeping all that they get."""
        made = []
        for k in range(first, first + n):
            guest = self.bench.fe22(mac(k))
            vif = self.switch.vif(guest.domid)
            self.assertEqual((k, VLAN + k), (vif["vif"], vif["vlan"]))
            guest.do("capture 0 all")
            made.append(guest)
        return made

    def send(self, frames, n=0):
        self.switch.wires[n].send_all(frames)

    def flush(self, guests, flow, first=0, n=0):
        """A frame to each guest, behind whatever came before; waits for them."""
        self.send([seq.frame(mac(first + k), harness.HOST_MAC, flow, vlan=VLAN + first + k) for k in range(len(guests))],
                  n)
        for guest in guests:
            self.wait_book(guest, flow, 1)

    def got(self, guests, flow=9999, first=0, n=0):
        """What each guest has received, without the frame of this flow that is sent behind."""
        self.flush(guests, flow, first, n)
        return [[raw for raw in guest.frames() if (seq.parse(raw) or {"flow": 0})["flow"] != flow] for guest in guests]

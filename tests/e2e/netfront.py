# SPDX-License-Identifier: BSD-3-Clause
"""A stock guest: tests/fenet in a simulated domain, and the toolstack's part of its devices."""

from guests import FrontEnd
from proc import built
from wait import wait_for

CSUM_BLANK = 1


class Netfront(FrontEnd):
    """Its devices are made as libxl 4.17 makes them; see tests/fenet/README.md for the commands."""

    def __init__(self, bench, domid, mac=None, back=0, grants=8192):
        super().__init__(bench, "fenet", domid, [built("fenet")], grants)
        self.backend = back
        if mac is not None:
            self.toolstack(mac)

    @property
    def mac(self):
        return self.macs[0]

    def back(self, n=0):
        return f"/local/domain/{self.backend}/backend/vif/{self.domid}/{n}"

    def front(self, n=0):
        return f"/local/domain/{self.domid}/device/vif/{n}"

    def store(self, *args, **kw):
        """As the toolstack."""
        return self.bench.sim.store(0, *args, **kw)

    def toolstack(self, mac, n=0):
        """A device comes."""
        self.macs[n] = mac
        for directory, owner, reader, keys in (
                (self.back(n), self.backend, self.domid, {
                    "frontend": self.front(n), "frontend-id": self.domid, "online": 1, "state": 1, "mac": mac,
                    "handle": n, "type": "vif"}),
                (self.front(n), self.domid, self.backend, {
                    "backend": self.back(n), "backend-id": self.backend, "state": 1, "handle": n, "mac": mac})):
            for key, value in keys.items():
                self.store("write", f"{directory}/{key}", str(value))
            self.store("chmod", "-r", directory, f"n{owner}", f"r{reader}")

    def detach(self, n=0):
        """The toolstack takes a device away."""
        self.store("write", f"{self.back(n)}/online", "0")
        self.store("write", f"{self.back(n)}/state", "5")

    def state(self, n=0):
        """The back end's."""
        return self.store("read", f"{self.back(n)}/state", check=False)

    def say(self, state, n=0):
        """The front end's."""
        self.do(f"write {n} state {state}")

    def connect(self, n=0, options=""):
        """As xen_netfront does it when it sees InitWait, with new rings."""
        wait_for("InitWait", lambda: self.state(n) == "2")
        self.do(f"dev {n} {options}")
        self.do(f"start {n}")
        self.connected(n)

    def connected(self, n=0):
        wait_for("Connected", lambda: self.state(n) == "4")

    def sound(self, n=0):
        """What would make netfront disable the device, or None."""
        report = self.report(n)
        return report["fault"] if report["faults"] else None

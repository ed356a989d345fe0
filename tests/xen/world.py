# SPDX-License-Identifier: BSD-3-Clause
"""All that a run has: the machine, dom0, the driver domain with the switch, two guests with testpmd."""

import os
import time

import guest
import provision
from domain import Toolstack, wait_for
from machine import Failure
from switch import HOST_MAC, Switch

DRIVER_MB = 768
MACS = {"g1": ["00:00:00:00:00:11"], "g2": ["00:00:00:00:00:22", "00:00:00:00:00:33"]}
CRASH_WORDS = "segfault|general protection|traps:|Oops|BUG:|Call Trace|fatal signal|double free|Assertion|assertion"


class World:
    def __init__(self, machine, facts, kind):
        self.machine, self.facts = machine, facts
        self.dom0 = Toolstack(machine, kind)
        self.driver = self.switch = None
        self.guests = {}  # by name
        self.pmds = {}
        self.flows = 0

    # Domains

    def start_driver(self):
        self.driver = self.dom0.up(self.dom0.create("driver", "pvh", DRIVER_MB))
        provision.backend(self.dom0, self.driver.domid)
        self.switch = Switch(self.driver)

    def create_guest(self, name, allow=True):
        """A guest that is up, with its rights."""
        g = self.dom0.create(name)
        self.guests[name] = g
        if allow:
            provision.guest(self.dom0, g.domid, self.driver.domid)
        self.dom0.up(g)
        return g

    def start_pmd(self, name, mode="macswap", macs=None):
        """testpmd forwards in that guest, and the switch serves it."""
        macs = macs or MACS[name]
        self.pmds[name] = pmd = guest.Testpmd(self.guests[name], macs, mode)
        pmd.forward()
        for device in range(len(macs)):
            self.switch.running(self.guests[name].domid, device)
        return pmd

    # Frames

    def flow(self, mac, vlan, rate=100, count=0, length=200):
        """A flow from the wire; its number."""
        self.flows += 1
        self.switch.call("flow", self.flows, mac, HOST_MAC, rate, count, length, vlan)
        return self.flows

    def whole(self, flow, count, what):
        """Waits until that many came back, and checks that each did once, in order, byte for byte."""
        book = {}

        def there():
            book.update(self.switch.call("book", flow))
            return book["unique"] >= count
        try:
            wait_for(what, there, 30)
        except Failure:
            pass
        self.same(what, [book.get(k) for k in ("unique", "duplicated", "reordered", "corrupt")], [count, 0, 0, 0])

    # Facts

    def fact(self, text, holds, but=""):
        if not holds:
            raise Failure(f"{text}: {but or 'is not so'}")
        self.facts.ok(text)

    def same(self, text, got, want):
        self.fact(text, got == want, f"{got!r}, not {want!r}")

    def within(self, text, seconds, limit, goal=None):
        aim = f", goal {goal} s" if goal else ""
        self.fact(f"{text}: {seconds:.2f} s (at most {limit} s{aim})", seconds <= limit)

    def no_crashes(self):
        self.machine.check()
        for d in [self.dom0, self.driver, *self.guests.values()]:
            bad = d.try_(f"dmesg | grep -E '{CRASH_WORDS}'")[1]
            self.fact(f"nothing crashed in {d}", bad == "", bad)

    # Reports

    def settle(self):
        """After a failure: can anything more be checked?"""
        try:
            self.machine.check()
            return bool(self.pmds) and all(self.switch.vif(self.guests[n].domid) for n in self.pmds)
        except Exception:
            return False

    def domains(self):
        return [d for d in (self.dom0, self.driver, *self.guests.values()) if d is not None]

    def tails(self):
        """The ends of all logs, for a failure's report."""
        text = [f"--- Xen's console\n{self.machine.console()[-1500:]}"]
        for d in self.domains():
            for p in d.programs[-6:]:
                try:
                    text.append(f"--- {p.name} of {d}\n{p.text()[-2500:]}")
                except Exception as e:
                    text.append(f"--- {p.name} of {d}: {e}")
        return "\n".join(text)

    def save(self, directory):
        """What every program said, for later."""
        began = time.monotonic()
        for d in self.domains():
            for p in d.programs:
                if time.monotonic() - began > 20:
                    return
                try:
                    with open(os.path.join(directory, f"{d.name}.{p.name}.log"), "w") as f:
                        f.write(p.text())
                except Exception:
                    break

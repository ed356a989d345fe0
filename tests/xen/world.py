# SPDX-License-Identifier: BSD-3-Clause
"""All that a run has: the machine, dom0, the driver domain with the switch, two guests with testpmd."""

import os
import re
import time

import guest
from domain import WEIGHT, WEIGHT_MORE, Toolstack, wait_for
from machine import Failure, Void
from provision import BACKEND, Provision
from switch import HOST_MAC, Switch

DRIVER_MB = 768
MAPTRACK = 34  # frames of 256 entries, one for each page that the switch maps
PATIENCE = 30  # seconds without a frame, of which some are still missing
MACS = {"g1": ["00:00:00:00:00:11"], "g2": ["00:00:00:00:00:22", "00:00:00:00:00:33"]}
CRASH_WORDS = "segfault|general protection|traps:|Oops|BUG:|Call Trace|fatal signal|double free|Assertion|assertion"


class Flow:
    """Numbered frames from the wire to a guest's device, which sends them back; by default until whole() or lossy()."""

    def __init__(self, w, name, device=0, count=0, rate=20, length=200):
        w.flows += 1
        self.w, self.number, self.count = w, w.flows, count
        self.what = f"{name}'s device {device}"
        self.args = [self.number, MACS[name][device], HOST_MAC, rate, count, length, w.vlan(name, device)]

    def wait_more(self, frames=10):
        """Waits until so many more came back: the way there and back works now."""
        book = self.w.switch.book
        aim = book(self.number)["unique"] + frames
        wait_for(f"{frames} more frames from {self.what}", lambda: book(self.number)["unique"] >= aim)


class World:
    def __init__(self, machine, facts, kind):
        self.machine, self.facts = machine, facts
        self.dom0 = Toolstack(machine, kind)
        self.provision = Provision(self.dom0)
        self.driver = self.switch = None
        self.guests = {}  # by name
        self.vlans = {}  # by domid and device, which keep theirs
        self.pmds = {}
        self.fes = {}
        self.flows = 0

    # Domains

    def start_driver(self):
        """Begins to: it is up after driver_up()."""
        self.dom0.weigh(WEIGHT_MORE, self.dom0)
        self.driver = self.dom0.create(BACKEND, "pvh", DRIVER_MB, (f"max_maptrack_frames={MAPTRACK}",))

    def driver_up(self):
        self.dom0.up(self.driver)
        self.switch = Switch(self.driver)

    def create_guests(self, *names, more=()):
        """Begins to: they are up after guests_up()."""
        for name in names:
            self.guests[name] = self.dom0.create(name, more=more)

    def guests_up(self, *names):
        """These guests are up, with what xv-provision gives them."""
        for name in names:
            self.dom0.up(self.guests[name])
            if name in self.provision.entries:
                self.provision.given(self.guests[name].domid)

    def start_pmds(self, *names):
        """testpmd forwards in these guests, and the switch serves all their devices."""
        guests = [self.guests[name] for name in names]
        self.dom0.weigh(WEIGHT_MORE, *guests)
        pmds = {name: guest.Testpmd(self.guests[name], MACS[name]) for name in names}
        for pmd in pmds.values():
            pmd.forward()
        self.dom0.weigh(WEIGHT, *guests)
        self.served(*names)
        self.pmds.update(pmds)

    def served(self, *names):
        """Waits until all devices that testpmd has in these guests run."""
        devices = [(self.guests[name].domid, device) for name in names for device in range(len(MACS[name]))]
        for key, vif in zip(devices, self.switch.all_running(devices)):
            self.vlans[key] = vif["vlan"]

    def forget_guest(self, name):
        """It is gone."""
        self.pmds.pop(name, None)
        self.fes.pop(name, None)
        return self.guests.pop(name)

    # Frames

    def vlan(self, name, device=0):
        """As it was when the device was last seen running."""
        return self.vlans[self.guests[name].domid, device]

    def flows_to(self, *devices, **more):
        """A flow to each of these (name, device), back and forth until whole() or lossy() ends it."""
        flows = [Flow(self, name, device, **more) for name, device in devices]
        self.switch.call("begin", [f.args for f in flows])
        return flows

    def flow(self, name, device=0, **more):
        return self.flows_to((name, device), **more)[0]

    def flows_to_all(self, **more):
        """One to each device that testpmd has."""
        return self.flows_to(*((name, device) for name in self.pmds for device in range(len(MACS[name]))), **more)

    def _ended(self, flows, patience):
        """Ends them. Of each: itself, how many frames it had, and its book when all are back or nothing more comes."""
        numbers = [f.number for f in flows]
        counted = [f.number for f in flows if f.count]
        if counted:
            wait_for("all frames to be sent", lambda: self.switch.call("done", counted))
        counts, end = self.switch.call("stop", numbers), time.monotonic() + patience
        books = self.switch.call("books", numbers)
        while any(book["unique"] < count for count, book in zip(counts, books)):
            late = time.monotonic() > end
            time.sleep(0.2)
            before, books = books, self.switch.call("books", numbers)
            if books != before:
                end = time.monotonic() + patience
            elif late:
                break
        return zip(flows, counts, books)

    def whole(self, text, *flows):
        """Ends these flows: the fact of each that all came back once, in order, byte for byte."""
        for flow, count, book in self._ended(flows, PATIENCE):
            self.same(f"{text}: all {count} frames of {flow.what} came back once, in order, byte for byte",
                      [book[k] for k in ("unique", "duplicated", "reordered", "corrupt")], [max(1, count), 0, 0, 0])

    def lossy(self, text, *flows):
        """The fact of each that none came twice, or changed."""
        for flow, count, book in self._ended(flows, patience=1.5):
            self.same(f"{text}: of {count} frames of {flow.what} {count - book['unique']} were lost, none came twice, out of "
                      "order or changed", [book[k] for k in ("duplicated", "reordered", "corrupt")], [0, 0, 0])

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

    def sound(self, domain):
        """To be asked before a domain goes, too."""
        bad = domain.try_(f"dmesg | grep -E '{CRASH_WORDS}'")[1]
        self.fact(f"no program and no kernel crashed in {domain}", bad == "", bad)

    def no_crashes(self):
        """What has to hold at the end, whatever was checked before."""
        self.machine.check()
        listed = self.dom0.listed()
        self.same("xl list shows the domains that should be there", sorted(listed), sorted(d.domid for d in self.domains()))
        self.fact("none of them crashed or shut down", not any(re.search("[cs]", t.split()[1]) for t in listed.values()), listed)
        for d in self.domains():
            self.sound(d)
        for p in (self.switch.primary, self.switch.watcher, self.provision.program):
            self.fact(f"{p.name} still runs", p.alive())

    # Reports

    def settle(self):
        """After a failure: brings all back that the next scenario needs. False: it can't."""
        try:
            self.machine.check()
            self.switch.restore()
            for name in set(self.guests) - set(MACS):
                self.dom0.destroy(self.forget_guest(name))
            for name in MACS:
                if name not in self.guests:
                    self.create_guests(name)
                if name not in self.pmds or not self.pmds[name].alive():
                    self.guests_up(name)
                    self.start_pmds(name)
            self.served(*MACS)
            return True
        except Void:
            raise
        except Exception:
            return False

    def domains(self):
        return [d for d in (self.dom0, self.driver, *self.guests.values()) if d is not None]

    def tails(self):
        """The ends of all logs, for a failure's report."""
        if self.machine.dead():
            return self.machine.console()[-8000:]
        text = [f"--- Xen's console\n{self.machine.console()[-4000:]}"]
        said = [("xvctl show", lambda: self.driver.try_("xvctl show")[1])] if self.driver is not None else []
        said += [(f"{p.name} of {d}", p.text) for d in self.domains() for p in d.programs[-6:]]
        for title, of in said:
            try:
                text.append(f"--- {title}\n{of()[-8000:]}")
            except Exception as e:
                text.append(f"--- {title}: {e}")
        return "\n".join(text)

    def save(self, directory):
        """What every program said, for later."""
        began = time.monotonic()
        for d in self.domains() if not self.machine.dead() else []:
            for p in d.programs:
                if time.monotonic() - began > 20:
                    return
                try:
                    with open(os.path.join(directory, f"{d.name}.{p.name}.log"), "w") as f:
                        f.write(p.text())
                except Exception:
                    break

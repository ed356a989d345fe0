# SPDX-License-Identifier: BSD-3-Clause
"""Ends and new starts of everything, with frames on their way."""

import time

from domain import wait_for
from grants import destroy

DEVICES = [("g1", 0), ("g2", 0), ("g2", 1)]
MOMENT = 1.5  # seconds: the start after an early death is put off, on purpose


def worker(w):
    """kill -9 of a worker"""
    domid = w.guests["g1"].domid
    flows = w.flows_to_all()
    pid = w.switch.worker(domid)
    for _ in range(3):
        time.sleep(MOMENT)
        w.driver.run(f"kill -9 {pid}")
        pid = w.switch.next_worker(domid, pid)
        flows[0].wait_more()
    w.whole("three kills of g1's worker", *flows)


def program(w):
    """kill -9 of a guest's program"""
    domid = w.guests["g1"].domid
    pid = w.switch.worker(domid)
    others = w.flows_to(("g2", 0), ("g2", 1))
    w.fact("the worker has mapped pages of the guest", w.switch.mapped(pid) > 0)
    unmapped = w.switch.unmapped(pid)
    g = w.guests["g1"]
    gone = w.pmds.pop("g1").kill() + g.clock()
    after = max(0.0, w.switch.unmapped_at(unmapped) - gone)
    w.within("kill -9 of testpmd: its pages are unmapped after its end", after, 2, 0.1)
    w.start_pmds("g1")
    w.whole("after testpmd was killed and started again", w.flow("g1", count=60))
    w.whole("while g1's testpmd was killed", *others)


def watcher(w):
    """kill -9 of xv-watcher"""
    flows = w.flows_to_all()
    before = [w.switch.worker(g.domid) for g in w.guests.values()]
    w.switch.watcher.kill()
    time.sleep(MOMENT)
    w.switch.start_watcher()
    w.switch.ready()
    w.served(*w.pmds)
    w.same("xv-watcher was killed: the next one adopts the workers",
           [w.switch.worker(g.domid) for g in w.guests.values()], before)
    w.whole("while xv-watcher was killed and started again", *flows)


def primary(w):
    """kill -9 of xv-primary"""
    flows = w.flows_to_all()
    for flow in flows:
        flow.wait_more()
    before = [w.switch.worker(g.domid) for g in w.guests.values()]
    w.switch.primary.kill()
    wait_for("all workers to end", lambda: not any(w.driver.try_(f"kill -0 {p}")[0] == 0 for p in before))
    w.facts.ok("xv-primary was killed: all workers end")
    w.switch.start_primary()
    w.switch.ready()
    w.switch.wire()
    w.served(*w.pmds)
    for flow in flows:
        flow.wait_more()
    w.lossy("while xv-primary was killed and started again", *flows)


def guests(w):
    """xl destroy of one guest and xl shutdown of the other, with traffic, and their new start"""
    domids = {name: g.domid for name, g in w.guests.items()}
    tags = [w.vlan(*d) for d in DEVICES]
    doomed, other = w.flows_to(("g2", 0), ("g1", 0))
    doomed.wait_more()
    destroy(w, "g2")
    w.lossy("until g2 was destroyed", doomed)
    other.wait_more()
    w.whole("while g2 was destroyed", other)
    w.sound(w.guests["g1"])
    other = w.flow("g1")
    other.wait_more()
    w.dom0.shutdown(w.forget_guest("g1"))
    w.lossy("until g1 was shut down", other)
    w.create_guests("g1", "g2")
    w.guests_up("g1", "g2")
    w.start_pmds("g1", "g2")
    for name, old in domids.items():
        w.fact(f"{name} started again: domain {old} is domain {w.guests[name].domid} now and served", w.guests[name].domid != old)
    w.same("their devices have their VLAN tags again", [w.vlan(*d) for d in DEVICES], tags)
    w.whole("after a new start", *w.flows_to(*DEVICES, count=60))

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
    flows = w.flows_to_all(rate=40)
    pid = w.switch.worker(domid)
    for _ in range(3):
        time.sleep(MOMENT)
        w.driver.run(f"kill -9 {pid}")
        pid = w.switch.next_worker(domid, pid)
        flows[0].wait_more()
    for flow in flows:
        flow.whole("three kills of g1's worker")


def program(w):
    """kill -9 of a guest's program"""
    domid = w.guests["g1"].domid
    pid = w.switch.worker(domid)
    others = [w.flow("g2", device) for device in (0, 1)]
    w.fact("the worker has mapped pages of the guest", w.switch.mapped(pid) > 0)
    unmapped = w.switch.unmapped(pid)
    g = w.guests["g1"]
    gone = w.pmds.pop("g1").kill() + g.clock()
    after = max(0.0, w.switch.unmapped_at(unmapped) - gone)
    w.within("kill -9 of testpmd: its pages are unmapped after its end", after, 2, 0.1)
    w.start_pmds("g1")
    w.flow("g1", count=100).whole("after testpmd was killed and started again")
    for flow in others:
        flow.whole("while g1's testpmd was killed")


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
    for flow in flows:
        flow.whole("while xv-watcher was killed and started again")


def primary(w):
    """kill -9 of xv-primary"""
    before = [w.switch.worker(g.domid) for g in w.guests.values()]
    w.switch.primary.kill()
    wait_for("all workers to end", lambda: not any(w.driver.try_(f"kill -0 {p}")[0] == 0 for p in before))
    w.facts.ok("xv-primary was killed: all workers end")
    w.switch.start_primary()
    w.switch.ready()
    w.switch.wire()
    w.served(*w.pmds)
    for flow in w.flows_to_all():
        flow.wait_more()
        flow.lossy("after xv-primary was killed and started again")


def guests(w):
    """xl destroy of one guest and xl shutdown of the other, with traffic, and their new start"""
    domids = {name: g.domid for name, g in w.guests.items()}
    tags = [w.vlan(*d) for d in DEVICES]
    doomed, other = w.flow("g2"), w.flow("g1")
    doomed.wait_more()
    destroy(w, "g2")
    doomed.lossy("until g2 was destroyed")
    other.wait_more()
    other.whole("while g2 was destroyed")
    w.sound(w.guests["g1"])
    other = w.flow("g1")
    other.wait_more()
    w.dom0.shutdown(w.forget_guest("g1"))
    other.lossy("until g1 was shut down")
    w.create_guests("g1", "g2")
    w.guests_up("g1", "g2")
    w.start_pmds("g1", "g2")
    for name, old in domids.items():
        w.fact(f"{name} started again: domain {old} is domain {w.guests[name].domid} now and served", w.guests[name].domid != old)
    w.same("their devices have their VLAN tags again", [w.vlan(*d) for d in DEVICES], tags)
    for flow in [w.flow(*d, count=100) for d in DEVICES]:
        flow.whole("after a new start")

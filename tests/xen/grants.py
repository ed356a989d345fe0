# SPDX-License-Identifier: BSD-3-Clause
"""A third guest, with DPDK 2.2's driver: rights, limits, a large mempool, an end while it is mapped."""

import re
import time

import guest
from domain import wait_for
from switch import LOOK
from world import MACS

ONE = MACS["g1"][0]
MAC, SECOND = "00:00:00:00:00:44", "00:00:00:00:00:45"
BAD = 1 << 20  # a reference beyond every grant table
PAGES = 4736  # of 8192 mbufs of 2368 bytes
LIMIT = "/sys/module/xen_gntalloc/parameters/limit"
FRAMES = 20  # of g3's grant table: 10240 grants
HELD = 16000  # mbufs that leave less than a device of 1024 + 1024 bounce buffers needs


def third(w):
    """g3, not allowed as long as nobody allows it."""
    if "g3" not in w.guests:
        w.create_guests("g3", more=(f"max_grant_frames={FRAMES}",))
        w.guests_up("g3")
    return w.guests["g3"]


def not_allowed(w):
    """A guest that isn't allowed gets nothing; it is created while others have traffic"""
    flows = w.flows_to_all(rate=10)
    g = third(w)
    before = w.switch.show()["vifs"]
    pmd = guest.Testpmd(g, [MAC])
    pmd.expect("the host must give this domain its control/dpdk first")
    pmd.kill()
    w.facts.ok("a guest that isn't allowed: its driver says what is missing")
    w.fact("a guest that isn't allowed: it has no keys and no device",
           "No such file" in g.try_("xenstore-ls control/dpdk 2>&1")[1] and len(w.switch.show()["vifs"]) == len(before))
    secret = f"/local/domain/{w.guests['g1'].domid}/control/dpdk"
    w.fact("a guest can't read another's keys", "Permission denied" in g.try_(f"xenstore-ls {secret} 2>&1")[1])
    w.fact("nor write them", "could not write" in g.try_(f"xenstore-write {secret}/0_vring_flag 1 2>&1")[1])
    w.whole("while a guest is created", *flows)


def allowed(w):
    """g3, allowed."""
    g = third(w)
    if "g3" not in w.provision.entries:
        w.provision.allow("g3")
    w.provision.given(g.domid)
    return g


def limits(w):
    """Limits of grants in a guest"""
    g = allowed(w)
    fe = guest.Fe22(g, w.driver.domid)
    answer = fe.ask("pool 0 count=8192 size=2240")
    w.fact("8192 mbufs are over xen_gntalloc's default limit: refused", "No space left" in answer.get("error", ""), answer)
    fe.kill()
    g.run(f"echo 20000 > {LIMIT}")
    fe = guest.Fe22(g, w.driver.domid)
    # What the first one had granted when it was refused comes back when the kernel finds the time.
    wait_for("room for the mempool", lambda: fe.ask(f"pool 0 count={HELD} size=2240")["ok"], step=2)
    pmd = guest.Testpmd(g, [f"{MAC},buffers=1024"], 1024)
    pmd.expect("raise this domain's max_grant_frames by [0-9]+")
    w.facts.ok("a grant table without room for a device: its driver says what to raise, by how much")
    w.sound(g)
    flows = w.flows_to_all(rate=10)
    w.dom0.shutdown(w.forget_guest("g3"))
    w.whole("while a guest is shut down", *flows)


def large(w):
    """fe22 in g3 with its large mempool, which the switch has mapped, and how long that took."""
    g = allowed(w)
    if "g3" in w.fes:
        return w.fes["g3"], 0
    g.run(f"echo 20000 > {LIMIT}")
    fe = guest.Fe22(g, w.driver.domid, "--raw")
    fe.do("pool 0 count=8192 size=2240")
    fe.do(f"dev 0 mac={MAC} pool=0")
    began = time.monotonic()
    fe.do("start 0")
    w.switch.running(g.domid)
    w.fes["g3"] = fe
    return fe, time.monotonic() - began


def large_mempool(w):
    """8192 mbufs in one mempool, with DPDK 2.2's driver"""
    flows = w.flows_to_all(rate=10)
    fe, took = large(w)
    domid = w.guests["g3"].domid
    # Page by page it takes quadratic time.
    w.same(f"a mempool of {PAGES} pages and two rings of 3 are mapped in one call each, after {took:.1f} s",
           sorted(w.switch.mappings(w.switch.worker(domid))), [3, 3, PAGES])
    talk(w, fe, "DPDK 2.2's driver, with pages granted as it did,")
    w.whole("while a guest is attached", *flows)


def refused(w, domid, device):
    """Why that device isn't served, once it is so."""
    v = wait_for(f"device {device} to be refused", lambda: (v := w.switch.vif(domid, device)) and v["state"] == "refused" and v,
                 step=LOOK)
    return v["why"]


def bad_reference(w):
    """One reference among good ones that can't be mapped"""
    domid = allowed(w).domid
    fe = guest.Fe22(w.guests["g3"], w.driver.domid, "--raw")
    for n, mac in enumerate((MAC, SECOND)):
        fe.do(f"pool {n}")
        fe.do(f"dev {n} mac={mac} pool={n}")
    fe.do("start 0")
    w.switch.running(domid)
    worker = w.switch.worker(domid)
    before = sorted(w.switch.mappings(worker))
    refs = fe.do("refs pool 1")["refs"]
    fe.do(f"pair pool 1 100 {BAD}")
    fe.do("start 1")
    why = refused(w, domid, 1)
    w.fact(f"one reference of {len(refs)} isn't there: its device is refused, and the reference named",
           f"can't map reference {BAD}, page 100 of {len(refs)} of its mempool 1" in why, why)
    w.same("nothing of that device stays mapped, and what was mapped is", sorted(w.switch.mappings(worker)), before)
    fe.do(f"pair pool 1 100 {refs[100]}")
    fe.do("start 1")
    w.switch.running(domid, 1)
    w.facts.ok("with the right reference it is served")
    fe.kill()
    wait_for("the devices to stop", lambda: {v["state"] for v in w.switch.vifs(domid)} == {"stopped"}, step=LOOK)


def maptrack(w):
    """Too few maptrack frames in the domain of the switch"""
    flows = w.flows_to_all(rate=10)
    fe, _ = large(w)
    domid = w.guests["g3"].domid
    worker = w.switch.worker(domid)
    fe.do("pool 1 count=8000 size=2240")
    fe.do(f"dev 1 mac={SECOND} pool=1")
    fe.do("start 1")
    why = refused(w, domid, 1)
    w.fact("a device with more pages than there are maptrack entries is refused: how many frames are needed",
           re.search("at once: needs [0-9]+ more maptrack frames", why), why)
    # It is tried again every few seconds, and is mapped in part for a moment each time.
    wait_for("nothing of it to be mapped", lambda: sorted(w.switch.mappings(worker)) == [3, 3, PAGES])
    w.facts.ok("nothing of it stays mapped, and what was mapped still is")
    fe.do("rm event_type_start_1")
    wait_for("the switch to forget it", lambda: (w.switch.vif(domid, 1) or {"state": "stopped"})["state"] == "stopped",
             step=LOOK)
    w.whole("while maptrack entries are used up", *flows)


def talk(w, fe, who):
    fe.do(f"flow 1 dev=0 dst={ONE} count=200 rate=50 len=1000")
    wait_for("DPDK 2.2's frames to come back", lambda: fe.book(1)["unique"] >= 200)
    w.same(f"{who} to testpmd and back: all 200 frames came once, in order, byte for byte",
           [fe.book(1)[k] for k in ("unique", "duplicated", "reordered", "corrupt")], [200, 0, 0, 0])


def destroyed_while_mapped(w):
    """xl destroy of a guest whose mempool is mapped"""
    g = allowed(w)
    large(w)
    flows = w.flows_to_all(rate=10)
    destroy(w, "g3")
    w.whole("while a guest is destroyed", *flows)


def destroy(w, name):
    """xl destroy, and the facts of a guest's end."""
    g = w.guests[name]
    worker = w.switch.worker(g.domid)
    w.fact(f"the switch has pages of {g} mapped", w.switch.mapped(worker) > 0)
    w.sound(g)
    unmapped = w.switch.unmapped(worker)
    w.forget_guest(name)
    began, gone = w.dom0.destroy_timed(g)
    w.within(f"{g} destroyed: gone from xl list, no (null) is left", gone, 20, 2)
    w.within(f"{g} destroyed: its pages are unmapped", w.switch.unmapped_at(unmapped) - began, 20, 2)
    wait_for("the switch to forget it", lambda: not w.switch.vifs(g.domid), step=LOOK)
    flags = sum(len(MACS[n]) for n in w.pmds)
    wait_for("xv-watcher to unmap its flag pages", lambda: w.switch.mapped(w.switch.watcher.pid) == flags)
    w.facts.ok("xv-watcher maps the flag pages of the others' devices, and nothing else")

# SPDX-License-Identifier: BSD-3-Clause
"""A third guest, with DPDK 2.2's driver: rights, a large mempool, an end while it is mapped."""

import time

import guest
import provision
from domain import wait_for
from world import MACS

ONE = MACS["g1"][0]
MAC = "00:00:00:00:00:44"
PAGES = 4736  # of 8192 mbufs of 2368 bytes
LIMIT = "/sys/module/xen_gntalloc/parameters/limit"


def not_allowed(w):
    """A guest that isn't allowed gets nothing; it starts while others have traffic"""
    flows = w.flows_to_all()
    g = w.create_guest("g3", allow=False)
    before = w.switch.show()["vifs"]
    pmd = guest.Testpmd(g, [MAC])
    pmd.expect("the host must give this domain its control/dpdk first")
    pmd.kill()
    w.facts.ok("a guest that isn't allowed: its driver says what is missing")
    w.fact("a guest that isn't allowed: it has no keys and no device",
           g.try_("xenstore-ls control/dpdk")[0] != 0 and len(w.switch.show()["vifs"]) == len(before))
    secret = f"/local/domain/{w.guests['g1'].domid}/control/dpdk"
    w.fact("a guest can't read another's keys", "Permission denied" in g.try_(f"xenstore-ls {secret} 2>&1")[1])
    w.fact("nor write them", g.try_(f"xenstore-write {secret}/0_vring_flag 1")[0] != 0)
    for flow in flows:
        flow.whole("while a guest is created")


def large_mempool(w):
    """8192 mbufs in one mempool, with DPDK 2.2's driver"""
    g = w.guests["g3"]
    provision.guest_2_2(w.dom0, g.domid, w.driver.domid)
    fe = guest.Fe22(g, w.driver.domid)
    answer = fe.ask("pool 0 count=8192 size=2240")
    w.fact("8192 mbufs are over xen_gntalloc's default limit: refused in words", not answer["ok"], answer)
    fe.kill()
    g.run(f"echo {PAGES + 100} > {LIMIT}")
    w.fe = fe = guest.Fe22(g, w.driver.domid)
    fe.do("pool 0 count=8192 size=2240")
    fe.do(f"dev 0 mac={MAC} pool=0")
    began = time.monotonic()
    fe.do("start 0")
    w.switch.running(g.domid)
    took = time.monotonic() - began
    # Page by page it takes quadratic time.
    w.same(f"a mempool of {PAGES} pages and two rings of 3 are mapped in one call each, after {took:.1f} s",
           sorted(w.switch.mappings(w.switch.worker(g.domid))), [3, 3, PAGES])
    fe.do(f"flow 1 dev=0 dst={ONE} count=300 rate=50 len=1000")
    wait_for("DPDK 2.2's frames to come back", lambda: fe.book(1)["unique"] >= 300)
    w.same("DPDK 2.2's driver to testpmd and back: all 300 frames came once, in order, byte for byte",
           [fe.book(1)[k] for k in ("unique", "duplicated", "reordered", "corrupt")], [300, 0, 0, 0])


def destroyed_while_mapped(w):
    """xl destroy of a guest whose mempool is mapped"""
    g = w.forget_guest("g3")
    worker = w.switch.worker(g.domid)
    flows = w.flows_to_all()
    began = time.monotonic()
    w.dom0.destroy(g)
    gone(w, g, worker, began)
    for flow in flows:
        flow.whole("while a guest is destroyed")


def gone(w, g, worker, began):
    """The facts of a guest's end."""
    wait_for("its pages to be unmapped", lambda: w.switch.mapped(worker) == 0)
    w.within(f"{g} destroyed: its pages are unmapped", time.monotonic() - began, 20, 2)
    wait_for("it to be gone from xl list", lambda: g.domid not in w.dom0.listed(), 60)
    w.within(f"{g} destroyed: gone from xl list, no (null) is left", time.monotonic() - began, 20, 2)
    wait_for("the switch to forget it", lambda: w.switch.vif(g.domid) is None)

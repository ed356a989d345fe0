# SPDX-License-Identifier: BSD-3-Clause
"""What is checked, in order. A scenario finds both guests' testpmd running and leaves them so."""

from switch import HOST_MAC
from world import MACS

ONE = MACS["g1"][0]
TWO, THREE = MACS["g2"]


def start(w):
    """Xen, the driver domain and a guest start"""
    w.machine.boot()
    w.facts.ok(f"Xen and dom0 are up after {w.machine.age():.0f} s: {w.dom0.run('xl info xen_version').strip()}")
    w.start_driver()
    w.facts.ok("the driver domain is up and has hugepages")
    w.switch.start()
    w.facts.ok("xv-primary and xv-watcher run in it")
    w.create_guest("g1")
    w.start_pmd("g1")
    w.facts.ok("a guest's testpmd was found and attached")


def loopback(w):
    """Loopback"""
    vlan = w.switch.vif(w.guests["g1"].domid)["vlan"]
    flow = w.flow(ONE, vlan, 100, 1, 200)
    w.whole(flow, 1, "loopback: a frame comes back from the guest byte for byte")


ALL = [start, loopback]

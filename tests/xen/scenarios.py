# SPDX-License-Identifier: BSD-3-Clause
"""What is checked, in this order. A scenario finds testpmd forwarding in both guests (macswap) and leaves it so."""

import contract
import deaths
import frames
import grants


def start(w):
    """Xen, the driver domain and the guests start"""
    w.machine.boot()
    w.facts.ok(f"Xen {w.dom0.run('xl info xen_version').strip()} and dom0 are up {w.machine.age():.0f} s after power on")
    w.start_driver()
    w.facts.ok("the driver domain is up and has hugepages")
    w.switch.start()
    w.facts.ok("xv-primary and xv-watcher run in it")
    for name in ("g1", "g2"):
        w.create_guest(name)
        w.start_pmd(name)
        w.facts.ok(f"{name}'s testpmd was found and attached")


ALL = [start,
       frames.loopback, frames.guest_to_guest, frames.two_devices,
       grants.not_allowed, grants.large_mempool, grants.destroyed_while_mapped,
       deaths.worker, deaths.program, deaths.watcher, deaths.primary, deaths.destroyed, deaths.shutdown,
       contract.contract]

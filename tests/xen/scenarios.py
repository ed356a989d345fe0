# SPDX-License-Identifier: BSD-3-Clause
"""What is checked, in this order. A scenario finds testpmd forwarding in both guests (macswap) and leaves it so,
but for contract, after which there are none."""

import contract
import deaths
import frames
import grants
import stock


def start(w):
    """Xen, the driver domain and the guests start"""
    w.machine.boot()
    w.facts.ok(f"Xen {w.dom0.run('xl info xen_version').strip()} and dom0 are up {w.machine.age():.0f} s after power on")
    status, text = w.dom0.try_("xv-primary -c 0x1")
    w.fact("xv-primary in a PV dom0 says that it has no hugepages and where else to run it",
           status != 0 and "no hugepages, as in every PV domain" in text and "driver domain" in text, text)
    w.provision.start()
    w.start_driver()
    w.create_guests("g1", "g2")
    w.driver_up()
    w.facts.ok("the driver domain is up and has hugepages")
    w.switch.start()
    w.facts.ok("xv-primary and xv-watcher run in it")
    w.guests_up("g1", "g2")
    w.facts.ok("the guests are up and have control/dpdk from xv-provision")
    w.start_pmds("g1", "g2")
    w.facts.ok("their testpmds were found and attached")


ALL = [start, *stock.SCENARIOS,
       frames.loopback, frames.guest_to_guest, frames.two_devices, frames.entries,
       grants.not_allowed, grants.bad_reference, grants.large_mempool, grants.maptrack, grants.destroyed_while_mapped, grants.limits,
       deaths.worker, deaths.program, deaths.watcher, deaths.primary, deaths.guests,
       contract.contract, contract.own_grant]

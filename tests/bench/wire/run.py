#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run.py [--quick] [-o FILE]: frames from a guest to the wire and from the wire to a guest, through xv, OVS-DPDK and
dpdk-testpmd.

The wire is net_ring, which is a cable whose ends are both in the switch: what goes out comes in again. A frame takes the
whole way from a guest to the wire and the whole way from the wire to a guest. xv with vm2vm = false has one wire; OVS-DPDK has
one for what each guest sends, since it polls a port less often than two send to it, and flows by port and MAC address.
Both take a frame to the other guest. testpmd, which looks nothing up, has a wire for each guest and takes it back.
Checked as in vm2vm. Exit status 1 only for wrong results.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import systems  # noqa: E402

FLOWS = [f"in_port={port},actions=output:{to}" for port, to in (("vm0", "wire0"), ("vm1", "wire1"))]
FLOWS += [f"in_port={wire},dl_dst={mac},actions=output:vm{i}" for wire in ("wire0", "wire1")
          for i, mac in enumerate(systems.MACS)]


def xv(bench):
    return systems.Xv(bench, {"primary": {"vm2vm": False, "eal_args": ["--vdev=net_ring0"]}})


def ovs(bench):
    return systems.Ovs(bench, [("wire0", "net_ring0"), ("wire1", "net_ring1")], FLOWS)


def testpmd(bench):
    return systems.Testpmd(bench, ["net_ring0", "net_ring1"])


def body(result, quick, say):
    """Guest to wire to guest, both directions at full speed."""
    with systems.started("wire", systems.present(result, xv, ovs, testpmd)) as switches:
        found = systems.speeds(switches, 1 if quick else 7, 0.4 if quick else 0.8, say)
    systems.speed_report(result, switches, found, "Guest to wire to guest")
    result.note("The wire is net_ring: what the switch sends it receives again. It costs no copy and no device; OVS-DPDK and "
                "testpmd pass their mbufs through it, xv copies into an mbuf and out of it.")
    result.note("net_null can't be the wire: what it makes up is addressed to nobody.")
    for note in systems.NOTES:
        result.note(note)


if __name__ == "__main__":
    sys.exit(systems.main("wire", __file__, systems.PAGES, body))

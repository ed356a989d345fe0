#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run.py [--quick] [-o FILE]: how many frames two guests can send each other through xv, OVS-DPDK and dpdk-testpmd.

Both send as fast as the switch takes frames. Every frame's sequence number and addresses, and each 64th frame's bytes, are
checked where it arrives; xv must have counted what didn't arrive. Exit status 1 only for wrong results.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import systems  # noqa: E402


def body(result, quick, say):
    """Guest to guest, both directions at full speed."""
    with systems.started("vm2vm", systems.present(result, systems.Xv, systems.Ovs, systems.Testpmd)) as switches:
        found = systems.speeds(switches, 1 if quick else 7, 0.4 if quick else 0.8, say)
    systems.speed_report(result, switches, found, "Guest to guest")
    for note in systems.NOTES:
        result.note(note)


if __name__ == "__main__":
    sys.exit(systems.main("vm2vm", __file__, systems.PAGES, body))

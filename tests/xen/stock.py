# SPDX-License-Identifier: BSD-3-Clause
"""A guest with Debian's own kernel, its network driver, and nothing of ours: an ordinary vif = [ ... ] line."""

import time

from domain import wait_for
from provision import BACKEND
from switch import UPLINK

NAME, MAC = "g5", "00:16:3e:00:00:05"
OURS, ITS = "192.0.2.1", "192.0.2.5"
BYTES = 2_000_000


def stock(w):
    """A stock guest"""
    began = time.monotonic()
    w.create_guests(NAME, more=(f'vif=["mac={MAC},backend={BACKEND}"]',))
    w.facts.ok(f"xl create of a guest with vif = [ \"mac={MAC},backend={BACKEND}\" ] has ended after {time.monotonic() - began:.1f} s")
    g = w.guests[NAME]
    w.dom0.up(g)
    w.switch.all_running([(g.domid, 0)])
    w.facts.ok("its device runs, by the driver of its kernel and the keys of its toolstack")
    g.run(f"ip addr add {ITS}/24 dev eth0 && ip link set eth0 up")
    w.driver.run(f"ip addr add {OURS}/24 dev {UPLINK}")
    wait_for("ping", lambda: w.driver.try_(f"ping -c 1 -W 2 {ITS}")[0] == 0)
    status, text = g.try_(f"ping -c 5 -s 1400 {OURS}")
    w.fact("ARP and ping with 1400 bytes to the wire", status == 0 and "5 packets received" in text, text)
    transfer(w, g, 3)
    w.sound(g)
    bad = g.try_("dmesg | grep -iE 'xen_netfront|vif|eth0' | grep -iE 'err|bad|disabled|inactive|need more|rx->|warn'")[1]
    w.fact("no word of its driver about any of this", bad == "", bad)
    w.dom0.destroy(w.forget_guest(NAME))
    wait_for("its directory to go", lambda: w.driver.try_(f"xenstore-exists backend/vif/{g.domid}/0")[0] != 0)
    w.facts.ok("xl destroy: the back end's directory is gone")


def transfer(w, g, kills):
    """Bytes by TCP that go on over kills of the worker."""
    server = w.driver.start("transfer", ["/xv/transfer.py", "receive", OURS])
    time.sleep(1)
    client = g.start("transfer", ["/xv/transfer.py", "send", OURS, str(BYTES)])
    pid = w.switch.worker(g.domid)
    for _ in range(kills):
        time.sleep(1.5)
        w.driver.run(f"kill -9 {pid}")
        pid = w.switch.next_worker(g.domid, pid)
    sums = [p.expect(r"(?m)^\d+ \d+$") for p in (client, server)]
    w.same(f"a TCP transfer of {BYTES} bytes over {kills} kills of the worker is whole", sums[1], sums[0])

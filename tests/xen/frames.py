# SPDX-License-Identifier: BSD-3-Clause
"""Frames between wire and guests, and between guests."""

import seq
from domain import wait_for
from switch import HOST_MAC
from world import MACS

ONE = MACS["g1"][0]
TWO, THREE = MACS["g2"]


def single(w, dst, vlan, length, want):
    """One frame to dst; the one that comes back is want, to the byte."""
    w.switch.call("forget")
    w.switch.call("send", dst, HOST_MAC, 1000, 77, length, vlan)
    wait_for("the frame to come back", lambda: w.switch.book(1000)["frames"])
    want += bytes(max(0, 60 - len(want)))
    return [f for f in w.switch.call("take") if seq.parse(bytes.fromhex(f))] == [want.hex()]


def loopback(w):
    """Loopback"""
    vlan = w.vlan("g1")
    w.switch.call("keep", True)
    for length in (42, 60, 1514):
        w.fact(f"loopback: a frame of {length} bytes comes back as it should",
               single(w, ONE, vlan, length, seq.frame(HOST_MAC, ONE, 1000, 77, length)))
    w.switch.call("keep", False)
    w.whole("loopback", w.flow("g1", count=300, rate=100, length=1514))


def guest_to_guest(w):
    """Guest to guest"""
    one, two = w.pmds["g1"], w.pmds["g2"]
    try:
        for first, second, mac, last in ((one, two, ONE, TWO), (two, one, TWO, ONE)):
            name = "g1" if first is one else "g2"
            first.mode("mac", port0=last)
            second.mode("mac", port0=HOST_MAC)
            w.switch.call("keep", True)
            w.fact(f"wire, {mac}, {last}, wire: a frame goes through both guests",
                   single(w, mac, w.vlan(name), 100, seq.frame(HOST_MAC, last, 1000, 77, 100)))
            w.switch.call("keep", False)
            w.whole(f"wire, {mac}, {last}, wire", w.flow(name, count=200, rate=60, length=700))
    except Exception:
        one.kill()  # for settle() to start them again as they should be
        two.kill()
        raise
    one.mode("macswap")
    two.mode("macswap")


def entries(w):
    """Who is meant by an entry of the configuration"""
    w.same("entries by name and by UUID hold in a driver domain: their guests have the VLAN tags that these say",
           [v["vlan"] for v in w.switch.all_running([(w.guests["g1"].domid, 0), (w.guests["g2"].domid, 1)])], [1005, 1007])


def two_devices(w):
    """Two devices in one guest"""
    domid = w.guests["g2"].domid
    w.same("g2 has two devices with their MACs", [w.switch.running(domid, d)["mac"] for d in (0, 1)], [TWO, THREE])
    w.whole("both devices at once", *w.flows_to(("g2", 0), ("g2", 1), count=120, rate=40))

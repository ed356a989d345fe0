# SPDX-License-Identifier: BSD-3-Clause
"""Numbered frames in the background, of which none may be missing."""

import itertools

from guests import FrontEnd
from wait import Failure
from wire import HOST_MAC

_numbers = itertools.count(1000000)  # beyond those that tests choose themselves


class Flow:
    """Paced frames from a place to another; each is a FrontEnd or a Wire.

    There is no order to be kept by who uses it: its number was never another flow's, so that nobody has to forget anything
    before, and whole() ends it before it asks how many were sent, and that before it asks what came. src is the wire's, shape a guest's
    (tests/traffic)."""

    def __init__(self, case, source, target, rate=1000, count=0, length=60, dev=0, to=0, vlan=None,
                 src=HOST_MAC, shape=""):
        self.case, self.source, self.target, self.to, self.count = case, source, target, to, count
        self.number = next(_numbers)
        self.sent = None  # until it has ended
        mac = target.macs[to] if isinstance(target, FrontEnd) else HOST_MAC
        if isinstance(source, FrontEnd):
            source.do(f"flow {self.number} dev={dev} dst={mac} count={count} rate={rate} len={length} {shape}")
        else:
            self.on_wire = source.flow(self.number, mac, src, rate, count, length, vlan)

    def book(self):
        return self.target.book(self.number, self.to) if isinstance(self.target, FrontEnd) else self.target.book(self.number)

    def going(self, more=30):
        """Waits until so many more have come."""
        before = self.book()["unique"]
        self.case.wait(f"{more} frames more than {before} of flow {self.number}",
                       lambda: self.book()["unique"] >= before + more)

    def end(self):
        """Returns how many were sent in all."""
        if self.sent is None and isinstance(self.source, FrontEnd):
            if self.count:
                self.source.flow_done(self.number)
            else:
                self.source.do(f"flowstop {self.number}")
            self.sent = self.source.flow(self.number)["sent"]
        elif self.sent is None:
            self.sent = self.on_wire.join() if self.count else self.on_wire.stop()
        return self.sent

    def whole(self):
        """Ends it. Every frame came once, in order, byte for byte."""
        if not self.count:
            self.going(1)
        sent = self.end()
        try:
            self.case.wait(f"flow {self.number}", lambda: self.book()["unique"] >= sent)
        except Failure:
            self.case.fail(f"flow {self.number}: {sent} frames were sent, of which came {self.book()}")
        self.case.assert_whole(self.book(), sent)

# SPDX-License-Identifier: BSD-3-Clause
"""Test cases of programs that come and go."""

import seq
from case import OwnCase
from wire import HOST_MAC

A, B, C = "00:00:00:00:00:11", "00:00:00:00:00:22", "00:00:00:00:00:33"


class LifeCase(OwnCase):

    def talk(self, a, b, flow):
        """Guests and wire reach each other."""
        a.do(f"send dev=0 dst={B} flow={flow}")
        b.do(f"send dev=0 dst={A} flow={flow + 1}")
        a.do(f"send dev=0 dst={HOST_MAC} flow={flow + 2}")
        self.switch.wire.send(seq.frame(A, HOST_MAC, flow + 3))
        for receiver, number in ((b, flow), (a, flow + 1), (self.switch.wire, flow + 2), (a, flow + 3)):
            self.assert_whole(self.wait_book(receiver, number, 1), 1)

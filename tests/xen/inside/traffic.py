# SPDX-License-Identifier: BSD-3-Clause
"""The other end of the uplink: a line on stdin is a call of one of these methods, as JSON; so is the answer.

    ["flow", 1, "00:00:00:00:00:11", "02:00:00:00:ff:01", 100, 500, 200, 1000]
"""

import json
import sys

import seq
import wire


class Traffic:
    def __init__(self, ifname):
        self.wire = wire.Wire(ifname)
        self.flows = {}

    def flow(self, number, dst, src, rate, count, length, vlan):
        """Numbered frames in the background, so many a second; count 0: until it is stopped."""
        self.flows[number] = self.wire.flow(number, dst, src, rate, count, length, vlan)

    def stop(self, number):
        """How many were sent."""
        return self.flows.pop(number).stop()

    def sent(self, number):
        return self.flows[number].sent, self.flows[number].done()

    def book(self, number):
        return self.wire.book(number)

    def send(self, *args):
        """One numbered frame: seq.frame()'s arguments."""
        self.wire.send(seq.frame(*args))

    def take(self):
        """Frames that came, in hex, oldest first."""
        return [f.hex() for f in self.wire.take()[-20:]]

    def keep(self, yes):
        self.wire.keep = yes
        if not yes:
            self.wire.take()

    def forget(self):
        self.wire.forget()


def serve(traffic):
    for line in sys.stdin:
        name, *args = json.loads(line)
        try:
            reply = {"ok": getattr(traffic, name)(*args)}
        except Exception as e:
            reply = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(reply), flush=True)


wire.quiet_ipv6()
serve(Traffic(sys.argv[1]))

# SPDX-License-Identifier: BSD-3-Clause
"""The other end of the uplink: a line on stdin is a call of one of these methods, as JSON; so is the answer.

    ["begin", [[1, "00:00:00:00:00:11", "02:00:00:00:ff:01", 100, 500, 200, 1000]]]
"""

import json
import sys
import threading
import time

import seq
import wire

TURN = 0.02  # seconds: more often costs an emulated processor too much


class Flow:
    """Numbered frames, so many a second; count 0: until it is stopped."""

    def __init__(self, number, dst, src, rate, count, length, vlan):
        self.number, self.rate, self.count, self.sent = number, rate, count, 0
        self.frame = lambda n: seq.frame(dst, src, number, n, length, vlan)
        self.due = 0.0

    def turn(self, seconds, send):
        # After a time in which this program stood still it goes on at its rate.
        self.due += self.rate * min(seconds, 2 * TURN)
        while self.due >= 1 and not self.done():
            send(self.frame(self.sent))
            self.sent += 1
            self.due -= 1

    def done(self):
        return self.count != 0 and self.sent == self.count


class Traffic:
    def __init__(self, ifname):
        self.wire = wire.Wire(ifname)
        self.flows = {}
        self.lock = threading.Lock()
        threading.Thread(target=self._pace, daemon=True).start()

    def _pace(self):
        last = time.monotonic()
        while True:
            time.sleep(TURN)
            now = time.monotonic()
            with self.lock:
                for flow in self.flows.values():
                    try:
                        flow.turn(now - last, self.wire.send)
                    except OSError:  # the uplink is gone, until reopen()
                        flow.due = 0.0
            last = now

    def reopen(self):
        """There is another uplink of that name; flows and books go on."""
        with self.lock:
            self.wire.reopen()

    def begin(self, flows):
        """Flow()'s arguments, of each."""
        with self.lock:
            self.flows.update({args[0]: Flow(*args) for args in flows})

    def stop(self, numbers):
        """How many of each were sent."""
        with self.lock:
            return [self.flows.pop(n).sent for n in numbers]

    def stop_all(self):
        with self.lock:
            self.flows.clear()

    def done(self, numbers):
        return all(self.flows[n].done() for n in numbers)

    def books(self, numbers):
        return [self.wire.book(n) for n in numbers]

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

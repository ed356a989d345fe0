# SPDX-License-Identifier: BSD-3-Clause
"""Test cases: with a switch for the whole class, or one for each test."""

import unittest

from bench import Bench
from conf import merge
from flow import Flow
from guests import FrontEnd
from switch import Switch
from wait import Failure, wait_for


class Case(unittest.TestCase):
    """What both have: facts about frames."""

    bench = None
    maxDiff = None

    def wait(self, what, condition, timeout=None):
        return wait_for(what, condition, timeout, 0.05)

    def flow(self, source, target, **kw):
        """See flow.py; it runs now."""
        return Flow(self, source, target, **kw)

    def wait_book(self, receiver, flow, unique, device=0):
        """Waits until that many different frames of the flow came; says what came if they don't."""
        def book():
            if isinstance(receiver, FrontEnd):
                return receiver.book(flow, device)
            return receiver.book(flow)
        try:
            self.wait(f"flow {flow}", lambda: book()["unique"] >= unique)
        except Failure:
            self.fail(f"flow {flow}: {unique} frames were sent, of which came {book()}")
        return book()

    def assert_whole(self, book, count):
        """Every frame came once, in order, byte for byte."""
        self.assertEqual({"unique": count, "duplicated": 0, "reordered": 0, "corrupt": 0},
                         {k: book[k] for k in ("unique", "duplicated", "reordered", "corrupt")})

    def wait_drop(self, domid, reason, count, device=0):
        """Waits until xvctl shows that many drops for the reason."""
        self.wait(f"{count} drops for {reason}",
                  lambda: self.switch.drops(domid, device).get(reason, 0) >= count)
        self.assertEqual(count, self.switch.drops(domid, device)[reason])


class SharedCase(Case):
    """One switch for all tests of the class; a test makes domains of its own, which go with it."""

    uplink = "tap"
    conf = {}
    primary_args = ()

    @classmethod
    def setUpClass(cls):
        cls.bench = Bench(cls.__name__)
        try:
            # A test's domains have the addresses that those of the test before had a moment ago.
            conf = merge({"guest": {"mac_grace": 0}}, cls.conf)
            cls.switch = Switch(cls.bench, cls.uplink, conf, cls.primary_args)
            cls.switch.start()
        except BaseException:
            print(cls.bench.tails())
            cls.bench.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.bench.close()

    def setUp(self):
        if self.switch.wires:
            self.switch.wire.forget()
            self.switch.wire.keep = True

    def tearDown(self):
        for proc in list(self.bench.procs):
            if proc not in (self.switch.primary, self.switch.watcher):
                if proc.alive():
                    proc.kill()
                for pipe in (proc.popen.stdin, proc.popen.stdout):
                    if pipe:
                        try:
                            pipe.close()
                        except OSError:
                            pass
                self.bench.procs.remove(proc)
        for domid in list(self.bench.sim.domains):
            self.bench.sim.destroy(domid)
        self.wait("the guests to be gone", lambda: not (self.switch.show() or {"guests": [1]})["guests"])


class OwnCase(Case):
    """A bench for each test; the test starts what it needs."""

    def setUp(self):
        self.bench = Bench(f"{type(self).__name__}.{self._testMethodName}", sim=self.with_sim())
        self.addCleanup(self.bench.close)

    def with_sim(self):
        return True

    def make(self, uplink="tap", conf=None, primary_args=(), start=True, **kw):
        self.switch = Switch(self.bench, uplink, conf, primary_args, **kw)
        return self.switch.start() if start else self.switch

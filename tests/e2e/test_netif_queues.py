# SPDX-License-Identifier: BSD-3-Clause
"""Stock guests whose devices have several queues, or list the multicasts that they want."""

import os
import signal

from case import OwnCase
from wire import BROADCAST

N, M, X = "00:16:3e:00:00:01", "00:16:3e:00:00:02", "00:00:00:00:00:11"
QUEUES = 4
# On the wire, a queue each: a frame of no IP goes by its addresses. Together they fit on a lane while a worker is away.
SOURCES = [f"02:00:00:00:01:{i:02x}" for i in range(QUEUES)]
RATE = 25


class NetifCase(OwnCase):

    def sound(self, guest, errors=0):
        """Nothing that a stock driver would take amiss, and nothing that it waits for."""
        self.wait("answers", lambda: guest.report()["outstanding"] == 0)
        report = guest.report()
        self.assertEqual((0, "", errors), (report["faults"], report["fault"], report["errors"]))

    def kill_worker(self, guest):
        pid = self.switch.worker_pid(guest.domid)
        os.kill(pid, signal.SIGKILL)
        self.wait("a successor", lambda: self.switch.worker_pid(guest.domid) not in (None, 0, pid))


class NetifQueues(NetifCase):

    def done(self, guest, ring):
        """What each queue was answered."""
        return [guest.do(f"ring 0 queue={q}")[ring]["rsp_prod"] for q in range(QUEUES)]

    def test_all_are_used_and_flows_keep_their_order_over_kills(self):
        self.make()
        n = self.bench.fenet(N, options=f"queues={QUEUES}")
        out = [self.flow(n, self.switch.wire, rate=200, shape=f"queue={q} segs={q + 1}") for q in range(QUEUES)]
        back = [self.flow(self.switch.wire, n, rate=RATE, src=src) for src in SOURCES]
        for _ in range(3):
            self.kill_worker(n)
            for f in out + back:
                f.going(10)
        for f in out + back:
            f.whole()
        self.assertNotIn(0, self.done(n, "rx"))
        self.assertEqual([(q + 1) * f.sent for q, f in enumerate(out)], self.done(n, "tx"))
        self.assertEqual(sum(f.sent for f in back), sum(self.done(n, "rx")))
        self.sound(n)

    def test_devices_of_few_and_many_queues_and_of_net_xenvirt(self):
        self.make()
        n, m, x = self.bench.fenet(N, options="queues=4"), self.bench.fenet(M, options="queues=2 split=0"), self.bench.fe22(X)
        flows = [self.flow(a, b, rate=200, shape=shape) for a, b, shape in (
            (n, m, "queue=0"), (n, m, "queue=3"), (m, n, "queue=1"), (x, m, ""), (x, n, ""), (m, x, "queue=1"),
            (n, x, "queue=2"))]
        for f in flows:
            f.going(100)
        for f in flows:
            f.whole()
        self.sound(n)
        self.sound(m)

    def test_a_driver_may_come_back_with_another_number_of_queues(self):
        self.make()
        n = self.bench.fenet(N, options="queues=4")
        for queues in 2, 3:
            n.say(5)
            self.wait("Closed", lambda: n.state() == "6")
            self.assertEqual(0, self.bench.sim.mapped(n.domid))
            n.say(1)
            n.connect(options=f"queues={queues}")
            self.assertEqual(2 * queues, self.bench.sim.mapped(n.domid))
            flows = [self.flow(n, self.switch.wire, rate=200, shape=f"queue={queues - 1}")]
            flows += [self.flow(self.switch.wire, n, rate=RATE, src=src) for src in SOURCES]
            for f in flows:
                f.going()
                f.whole()
            self.sound(n)

    def test_too_many_are_refused(self):
        self.make()
        n = self.bench.fenet()
        n.toolstack(N)
        self.wait("InitWait", lambda: n.state() == "2")
        self.assertEqual(str(QUEUES), n.store("read", f"{n.back()}/multi-queue-max-queues"))
        n.do(f"dev 0 queues={QUEUES + 1}")
        n.do("start 0")
        self.wait("the refusal", lambda: (self.switch.vif(n.domid) or {"state": ""})["state"] == "refused")
        self.assertIn("multi-queue-num-queues", self.switch.vif(n.domid)["why"])


class NetifMulticast(NetifCase):
    GROUP, OTHER = "01:00:5e:00:00:01", "33:33:00:00:00:02"

    def lists(self, guest, how, mac):
        guest.do(f"mcast 0 {how} {mac}")
        self.wait("an answer", lambda: guest.report()["outstanding"] == 0)

    def sent_to(self, mac, flow):
        """By a third guest; the second one gets all."""
        self.x.do(f"send dev=0 dst={mac} flow={flow} count=5")
        self.assert_whole(self.wait_book(self.m, flow, 5), 5)

    def assert_came(self, mac, flow):
        self.sent_to(mac, flow)
        self.assert_whole(self.wait_book(self.n, flow, 5), 5)

    def assert_kept_away(self, mac, flow, drops):
        self.sent_to(mac, flow)
        self.wait_drop(self.n.domid, "rx_multicast", drops)
        self.assertEqual(0, self.n.book(flow)["frames"])

    def test_a_guest_gets_those_that_it_listed(self):
        self.make()
        self.n = self.bench.fenet(N, options="mcast=1 queues=2")
        self.m, self.x = self.bench.fenet(M), self.bench.fe22(X)
        self.assert_came(BROADCAST, 1)
        self.assert_kept_away(self.GROUP, 2, 5)
        self.lists(self.n, "add", self.GROUP)
        self.assert_came(self.GROUP, 3)
        self.kill_worker(self.n)
        self.assert_came(self.GROUP, 4)
        self.assert_kept_away(self.OTHER, 5, 10)
        self.lists(self.n, "del", self.GROUP)
        self.assert_kept_away(self.GROUP, 6, 15)
        self.sound(self.n)
        self.lists(self.n, "add", N)
        self.sound(self.n, errors=1)
        self.assertEqual(0, self.switch.drops(self.m.domid)["rx_multicast"])

    def test_a_new_start_has_listed_nothing(self):
        self.make()
        self.n = self.bench.fenet(N, options="mcast=1")
        self.m, self.x = self.bench.fenet(M), self.bench.fe22(X)
        self.lists(self.n, "add", self.GROUP)
        self.assert_came(self.GROUP, 1)
        self.n.say(5)
        self.wait("Closed", lambda: self.n.state() == "6")
        self.n.say(1)
        self.n.connect(options="mcast=1")
        self.assert_kept_away(self.GROUP, 2, 5)

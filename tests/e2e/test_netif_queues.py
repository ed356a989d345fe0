# SPDX-License-Identifier: BSD-3-Clause
"""Stock guests whose devices have several queues."""

import os
import signal

from case import OwnCase

N, M, X = "00:16:3e:00:00:01", "00:16:3e:00:00:02", "00:00:00:00:00:11"
QUEUES = 4
SOURCES = [f"02:00:00:00:01:{i:02x}" for i in range(12)]  # on the wire. A frame of no IP goes by its addresses


class NetifQueues(OwnCase):

    def sound(self, guest):
        """Nothing that a stock driver would take amiss, and nothing that it waits for."""
        self.wait("answers", lambda: guest.report()["outstanding"] == 0)
        report = guest.report()
        self.assertEqual((0, "", 0), (report["faults"], report["fault"], report["errors"]))

    def done(self, guest, ring):
        """What each queue was answered."""
        return [guest.do(f"ring 0 queue={q}")[ring]["rsp_prod"] for q in range(QUEUES)]

    def kill_worker(self, guest):
        pid = self.switch.worker_pid(guest.domid)
        os.kill(pid, signal.SIGKILL)
        self.wait("a successor", lambda: self.switch.worker_pid(guest.domid) not in (None, 0, pid))

    def test_all_are_used_and_flows_keep_their_order_over_kills(self):
        self.make()
        n = self.bench.fenet(N, options=f"queues={QUEUES}")
        out = [self.flow(n, self.switch.wire, rate=200, shape=f"queue={q} segs={q + 1}") for q in range(QUEUES)]
        back = [self.flow(self.switch.wire, n, rate=50, src=src) for src in SOURCES]
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
            flows += [self.flow(self.switch.wire, n, rate=50, src=src) for src in SOURCES[:4]]
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

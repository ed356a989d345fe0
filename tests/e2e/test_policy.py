# SPDX-License-Identifier: BSD-3-Clause
"""The configuration's word on guests that run already."""

import os
import signal

from case import OwnCase

N, M, X, Y = "00:16:3e:00:00:01", "00:16:3e:00:00:02", "00:00:00:00:00:11", "00:00:00:00:00:12"


class Policy(OwnCase):

    def again(self, **conf):
        """Another xv-watcher, with this besides."""
        self.switch.watcher.kill()
        self.switch.conf.update(conf)
        self.switch.write_conf()
        self.switch.start_watcher()

    def test_the_next_watcher_refuses_who_is_not_allowed_any_more(self):
        self.make()
        n, m = self.bench.fenet(N), self.bench.fenet(M)
        x, y = self.bench.fe22(X), self.bench.fe22(Y)
        self.again(guests=[{"domid": y.domid, "allow": False}, {"domid": m.domid, "netif": False}])
        flow = self.flow(n, x, rate=500)
        for guest in m, y:
            self.assertIn("does not allow this guest", self.switch.vif_state(guest.domid, 0, "refused")["why"])
        flow.going(200)
        flow.whole()
        self.wait("their workers to end", lambda: {n.domid, x.domid} == {
            g["domid"] for g in self.switch.show()["guests"] if g["pid"]})
        self.again(guests=[{"domid": 9999}])
        flow = self.flow(x, n, rate=500)
        flow.going(100)
        flow.whole()
        for guest in n, x:
            self.switch.vif_running(guest.domid)

    def test_who_is_not_listed_any_more_is_refused_too(self):
        self.make(conf={"guest": {"allow": False}, "guests": [{"domid": d} for d in (
            self.bench.next_domid, self.bench.next_domid + 1)]})
        x, y = self.bench.fe22(X), self.bench.fe22(Y)
        self.again(guests=[{"domid": x.domid}])
        self.switch.vif_state(y.domid, 0, "refused")
        self.assertEqual("running", self.switch.vif_running(x.domid)["state"])

    def test_sighup_ends_nobody(self):
        self.make()
        n, x = self.bench.fenet(N), self.bench.fe22(X)
        flow = self.flow(n, x, rate=500)
        before = self.switch.show()["guests"]
        for _ in range(3):
            for pid in (self.switch.primary.pid, self.switch.watcher.pid, *(g["pid"] for g in before)):
                os.kill(pid, signal.SIGHUP)
            flow.going(100)
        flow.whole()
        self.assertEqual(before, self.switch.show()["guests"])
        self.assertTrue(self.switch.primary.alive() and self.switch.watcher.alive())

# SPDX-License-Identifier: BSD-3-Clause
"""Stock guests: devices of xen/io/netif.h, beside those of net_xenvirt, and the wire."""

import os
import signal

import seq
from case import OwnCase
from wire import HOST_MAC

N, M, X = "00:16:3e:00:00:01", "00:16:3e:00:00:02", "00:00:00:00:00:11"


class Netif(OwnCase):

    def reaches(self, guest, flow, count=5):
        """Frames of the wire, the bytes that were sent."""
        sent = [seq.frame(guest.mac, HOST_MAC, flow, i) for i in range(count)]
        guest.do("capture 0 all")
        for raw in sent:
            self.switch.wire.send(raw)
        self.wait_book(guest, flow, count)
        self.assertEqual(sent, [raw for raw in guest.frames() if (seq.parse(raw) or {"flow": None})["flow"] == flow])
        self.sound(guest)

    def sends(self, guest, flow, count=5):
        guest.do(f"send dev=0 dst={HOST_MAC} flow={flow} count={count}")
        self.assert_whole(self.wait_book(self.switch.wire, flow, count), count)
        self.sound(guest)

    def sound(self, guest):
        """Nothing that a stock driver would take amiss, and nothing that it waits for."""
        self.wait("answers", lambda: guest.report()["outstanding"] == 0)
        report = guest.report()
        self.assertEqual((0, "", 0), (report["faults"], report["fault"], report["errors"]))

    def test_a_guest_of_netif_speaks_with_the_wire_and_with_others(self):
        self.make()
        n, m, x = self.bench.fenet(N), self.bench.fenet(M, options="split=0"), self.bench.fe22(X)
        self.reaches(n, 1)
        self.reaches(m, 2)
        self.sends(n, 3)
        for target, mac, flow in ((x, X, 4), (m, M, 5)):
            n.do(f"send dev=0 dst={mac} flow={flow} count=5 segs={flow}")
            self.assert_whole(self.wait_book(target, flow, 5), 5)
        x.do(f"send dev=0 dst={N} flow=6 count=5")
        self.assert_whole(self.wait_book(n, 6, 5), 5)
        self.sound(n)
        self.sound(m)

    def test_flows_in_all_directions(self):
        self.make()
        n, m, x = self.bench.fenet(N), self.bench.fenet(M, options="split=0"), self.bench.fe22(X)
        places = n, m, x, self.switch.wire
        flows = [self.flow(a, b, rate=500, length=1514) for a in places for b in places if a is not b]
        for f in flows:
            f.going(200)
        for f in flows:
            f.whole()
        self.sound(n)
        self.sound(m)

    def test_its_worker_may_be_killed(self):
        self.make()
        n = self.bench.fenet(N)
        flows = self.flow(n, self.switch.wire, rate=500), self.flow(self.switch.wire, n, rate=500)
        for _ in range(3):
            pid = self.switch.worker_pid(n.domid)
            os.kill(pid, signal.SIGKILL)
            self.wait("a successor", lambda p=pid: self.switch.worker_pid(n.domid) not in (None, 0, p))
            for f in flows:
                f.going()
        for f in flows:
            f.whole()
        self.sound(n)
        self.assertEqual("4", n.state())

    def test_detach_and_attach(self):
        self.make()
        n = self.bench.fenet(N)
        n.detach()
        n.say(6)
        self.wait("Closed, as libxl wants to read it before the directory goes", lambda: n.state() == "6")
        self.wait("its directory to go", lambda: n.store("list", n.back(), check=False) == "" and n.state() == "")
        self.wait("nothing to be mapped", lambda: self.bench.sim.mapped(n.domid) == 0)
        n.toolstack(N)
        n.connect()
        self.reaches(n, 30)

    def test_the_watcher_and_the_primary_may_go(self):
        self.make()
        n = self.bench.fenet(N)
        for round_, restart in enumerate((self.watcher_anew, self.primary_anew)):
            restart()
            self.reaches(n, 40 + round_)
            self.sends(n, 50 + round_)
            self.assertEqual("4", n.state())

    def watcher_anew(self):
        self.switch.watcher.kill()
        self.switch.start_watcher()
        self.wait("the watcher", self.switch.show)

    def primary_anew(self):
        self.switch.wire_down()
        self.switch.primary.kill()
        self.switch.start_primary()
        self.switch.ready()
        self.wait("the device", lambda: self.running(1))

    def running(self, domid):
        vif = self.switch.vif(domid)
        return vif is not None and vif["state"] == "running"

    def test_a_driver_that_is_loaded_anew_connects_anew(self):
        """With the watcher there, and with none while the driver goes."""
        self.make()
        n = self.bench.fenet(N)
        for away in False, True:
            if away:
                self.switch.watcher.kill()
            n.say(5)
            if away:
                self.switch.start_watcher()
            self.wait("Closed", lambda: n.state() == "6")
            self.assertEqual(0, self.bench.sim.mapped(n.domid))
            n.do("close 0")
            n.say(1)
            n.connect()
            self.reaches(n, 60 + away)

    def test_a_domain_that_is_destroyed(self):
        self.make()
        n = self.bench.fenet(N)
        n.detach()
        n.kill()
        self.bench.sim.destroy(n.domid)
        self.wait("its directory to go", lambda: n.state() == "")
        self.wait("nothing to be mapped", lambda: self.bench.sim.mapped(n.domid) == 0)
        self.assertEqual([], self.switch.vifs(n.domid))

# SPDX-License-Identifier: BSD-3-Clause
"""Stock guests: devices of xen/io/netif.h, beside those of net_xenvirt, and the wire."""

import os
import signal

import seq
from case import OwnCase
from netfront import Netfront
from wire import HOST_MAC

N, M, X = "00:16:3e:00:00:01", "00:16:3e:00:00:02", "00:00:00:00:00:11"


class Netif(OwnCase):

    def front(self, mac, **kw):
        guest = Netfront(self.bench, self.bench.domain(), mac)
        guest.connect(**kw)
        return guest

    def reaches(self, send, guest, flow, count=5):
        sent = [seq.frame(guest.mac, HOST_MAC, flow, i) for i in range(count)]
        for raw in sent:
            send(raw)
        self.wait("the frames", lambda: len(guest.frames(flow)) >= count)
        self.assertEqual(sent, guest.frames(flow))

    def test_a_guest_of_netif_speaks_with_the_wire_and_with_others(self):
        self.make()
        n, m, x = self.front(N), self.front(M, split=False), self.bench.fe22(X)
        self.reaches(self.switch.wire.send, n, 1)
        self.reaches(self.switch.wire.send, m, 2)
        for i in range(5):
            n.send(seq.frame(HOST_MAC, N, 3, i))
            n.send(seq.frame(X, N, 4, i))
            n.send(seq.frame(M, N, 5, i))
        self.wait("the wire", lambda: self.switch.wire.book(3)["unique"] == 5)
        self.assert_whole(self.wait_book(x, 4, 5), 5)
        self.wait("the other one", lambda: len(m.frames(5)) == 5)
        x.do(f"send dev=0 dst={N} flow=6 count=5")
        self.wait("frames of a guest of net_xenvirt", lambda: len(n.frames(6)) == 5)
        n.look()
        self.assertEqual([0] * 15, [status for _, status in n.answers])

    def test_its_worker_may_be_killed(self):
        self.make()
        n = self.front(N)
        for round_ in range(3):
            pid = self.switch.worker_pid(n.domid)
            os.kill(pid, signal.SIGKILL)
            self.wait("a successor", lambda p=pid: self.switch.worker_pid(n.domid) not in (None, 0, p))
            self.reaches(self.switch.wire.send, n, 10 + round_)
            n.send(seq.frame(HOST_MAC, N, 20 + round_))
            self.wait("the wire", lambda r=round_: self.switch.wire.book(20 + r)["unique"] == 1)
        self.assertEqual("4", n.state())

    def test_detach_and_attach(self):
        self.make()
        n = self.front(N)
        n.store("write", f"{n.back}/online", "0")
        n.store("write", f"{n.back}/state", "5")
        n.write("state", 6)
        self.wait("its directory to go", lambda: n.store("list", n.back, check=False) == "" and n.state() == "")
        self.wait("nothing to be mapped", lambda: self.bench.sim.mapped(n.domid) == 0)
        n.toolstack()
        n.connect()
        self.reaches(self.switch.wire.send, n, 30)

    def test_the_watcher_and_the_primary_may_go(self):
        self.make()
        n = self.front(N)
        for round_, restart in enumerate((self.watcher_anew, self.primary_anew)):
            restart()
            self.reaches(self.switch.wire.send, n, 40 + round_)
            n.send(seq.frame(HOST_MAC, N, 50 + round_))
            self.wait("the wire", lambda r=round_: self.switch.wire.book(50 + r)["unique"] == 1)
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
        n = self.front(N)
        for away in False, True:
            if away:
                self.switch.watcher.kill()
            n.write("state", 5)
            if away:
                self.switch.start_watcher()
            self.wait("Closed", lambda: n.state() == "6")
            self.assertEqual(0, self.bench.sim.mapped(n.domid))
            n.write("state", 1)
            n.connect()
            self.reaches(self.switch.wire.send, n, 60 + away)

    def test_a_domain_that_is_destroyed(self):
        self.make()
        n = self.front(N)
        n.store("write", f"{n.back}/online", "0")
        n.store("write", f"{n.back}/state", "5")
        n.kill()
        self.bench.sim.destroy(n.domid)
        self.wait("its directory to go", lambda: n.state() == "")
        self.wait("nothing to be mapped", lambda: self.bench.sim.mapped(n.domid) == 0)
        self.assertEqual([], self.switch.vifs(n.domid))

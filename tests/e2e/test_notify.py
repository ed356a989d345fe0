# SPDX-License-Identifier: BSD-3-Clause
"""What systemd hears: the datagrams that come to $NOTIFY_SOCKET, and from whom."""

import os
import signal
import socket
import struct

from case import OwnCase
from conf import conf_text
from guests import Fe22
from proc import Proc, built

A = "00:00:00:00:00:11"
SO_PASSCRED = 16
SCM_CREDENTIALS = 2


class Notified:
    """A service manager's ear for one program."""

    def __init__(self, case, name):
        self.path = os.path.join(case.bench.dir, name + ".notify")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_PASSCRED, 1)
        self.sock.bind(self.path)
        self.sock.setblocking(False)
        case.addCleanup(self.sock.close)
        self.heard = []  # (pid, line)

    def env(self, env):
        return dict(env, NOTIFY_SOCKET=self.path)

    def lines(self):
        """All that was heard so far."""
        while True:
            try:
                data, control, _, _ = self.sock.recvmsg(4096, socket.CMSG_SPACE(12))
            except BlockingIOError:
                return [line for _, line in self.heard]
            pid = struct.unpack("3i", control[0][2][:12])[0]
            self.heard += [(pid, line) for line in data.decode().splitlines()]

    def senders(self):
        self.lines()
        return {pid for pid, _ in self.heard}


class Notify(OwnCase):

    def test_each_says_what_it_is_and_only_for_itself(self):
        sw = self.make(start=False)
        primary, watcher = Notified(self, "primary"), Notified(self, "watcher")
        argv = [built("xv-primary"), "-c", "0x3", "--", "--config", sw.conf_file]
        sw.primary = Proc(self.bench, "primary", argv, primary.env(sw.env()))
        self.wait("the primary to say that it waits", lambda: "STATUS=waiting for xv-watcher" in primary.lines())
        self.assertNotIn("READY=1", primary.lines())
        argv = [built("xv-watcher"), "--config", sw.conf_file]
        sw.watcher = Proc(self.bench, "watcher", argv, watcher.env(sw.env()))
        self.wait("both to be ready", lambda: all("READY=1" in n.lines() for n in (primary, watcher)))
        sw.ready()
        guest = self.bench.fe22(A)
        before = sw.worker_pid(guest.domid)
        os.kill(before, signal.SIGTERM)  # it says STOPPING, were it heard
        self.wait("its successor", lambda: sw.worker_pid(guest.domid) not in (None, before))
        guest.running()
        beats = len([line for line in watcher.lines() if line == "WATCHDOG=1"])
        self.wait("the watchdog's food", lambda: watcher.lines().count("WATCHDOG=1") > beats)
        self.assertEqual({sw.watcher.pid}, watcher.senders(), "workers speak for themselves")
        self.assertEqual({sw.primary.pid}, primary.senders())
        for n in (primary, watcher):
            self.assertNotIn("STOPPING=1", n.lines())
            self.assertEqual(1, n.lines().count("READY=1"))
        sw.stop()
        for n in (primary, watcher):
            self.assertIn("STOPPING=1", n.lines())

    def test_a_worker_is_ready_when_it_serves(self):
        sw = self.make(conf={"worker": {"start": "external"}})
        worker = Notified(self, "worker")
        domid = self.bench.domain()
        guest = Fe22(self.bench, domid)
        argv = [built("xv-worker"), "--domid", str(domid), "--config", sw.conf_file]
        guest.device(0, A)
        self.wait("the watcher to want a worker", lambda: sw.vif(domid))
        self.assertEqual([], worker.lines())
        Proc(self.bench, "worker", argv, worker.env(sw.env()))
        guest.running()
        self.wait("the worker to be ready", lambda: "READY=1" in worker.lines())

    def test_provision_is_ready_when_it_has_looked_at_every_domain(self):
        conf = os.path.join(self.bench.dir, "p.conf")
        with open(conf, "w") as f:
            f.write(conf_text({"run_dir": os.path.join(self.bench.dir, "p")}))
        argv = [built("xv-provision"), "--config", conf, "--watch"]
        good, bad = Notified(self, "good"), Notified(self, "bad")
        domid = self.bench.domain()
        not_dom0 = Proc(self.bench, "provision-1", argv, bad.env(self.bench.sim_env(domid)))
        not_dom0.expect("is this domain 0")
        self.wait("its watchdog's food", lambda: "WATCHDOG=1" in bad.lines())
        self.assertNotIn("READY=1", bad.lines(), "it could do nothing yet")
        not_dom0.kill()
        Proc(self.bench, "provision-0", argv, good.env(self.bench.sim_env(0)))
        self.wait("READY", lambda: "READY=1" in good.lines())

# SPDX-License-Identifier: BSD-3-Clause
"""Whoever connects to the switch's sockets speaks for nobody but itself, whatever its messages say."""

import os
import signal
import struct
import subprocess
import time

from life import A, B, LifeCase
from proc import BUILD, gone
from sp import REQ, Stranger

EPERM, EBUSY = 1, 16
ANY = 0xffff


class Identity(LifeCase):

    def setUp(self):
        super().setUp()
        self.make()
        self.a, self.b = self.bench.fe22(A), self.bench.fe22(B)
        self.pids = [self.switch.worker_pid(g.domid) for g in (self.a, self.b)]

    def claim(self, stranger, pid, domid):
        """Returns the watcher's answer: 0 or -errno."""
        stranger.say("CLAIM", struct.pack("=IiII", stranger.layout, pid, domid, 0))
        kind, body = stranger.hear(2)
        return struct.unpack("=i", body[:4])[0]

    @staticmethod
    def hello(stranger, pid, slot, domid, epoch=1):
        stranger.say("HELLO_WORKER", struct.pack("=IiIIQII", stranger.layout, pid, slot, domid, 1, 0, 0), epoch)

    def unchanged(self):
        self.wait("the same workers", lambda: self.pids == [self.switch.worker_pid(g.domid) for g in (self.a, self.b)])
        self.assertFalse(any(gone(p) for p in self.pids))
        for guest in (self.a, self.b):
            guest.running()
        self.talk(self.a, self.b, 1)

    def test_a_forged_claim_changes_nothing(self):
        stranger = Stranger(self.switch, "claim.ipc", REQ)
        own = os.getpid()
        for pid, domid in ((self.pids[0], self.b.domid), (self.pids[0], self.a.domid), (self.pids[1], 77),
                           (self.pids[0], ANY), (own, 77), (own, ANY), (1, 78), (self.switch.watcher.pid, 79)):
            with self.subTest(pid=pid, domid=domid):
                self.assertEqual(-EPERM, self.claim(stranger, pid, domid))
        self.assertIn(self.claim(stranger, own, self.a.domid), (-EPERM, -EBUSY))
        self.switch.watcher.expect("worker .* refused: it isn't the process that may be that worker")
        self.assertEqual({self.a.domid, self.b.domid}, {g["domid"] for g in self.switch.show()["guests"]})
        self.unchanged()

    def test_a_forged_hello_on_a_free_slot_changes_nothing(self):
        stranger = Stranger(self.switch, "slot.5/link.ipc")
        for domid in (self.a.domid, 77, ANY):
            for pid in (*self.pids, os.getpid()):
                self.hello(stranger, pid, 5, domid)
        stranger.say("VIF_ATTACHED", struct.pack("=IIIi6s2x128s", 0, self.switch.vif(self.a.domid)["generation"], 0, 0,
                                                 b"", b""))
        self.assertEqual([], stranger.hears_nothing_but(["STOP"], 1))
        self.switch.watcher.expect(f"process {os.getpid()} speaks for its worker")
        self.unchanged()

    def test_a_squatter_on_a_workers_socket_is_not_that_worker(self):
        slots = 4
        self.switch.watcher.kill()
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)
        self.switch.start_watcher()
        self.wait("the watcher", self.switch.show)
        squatters = [Stranger(self.switch, f"slot.{n}/link.ipc") for n in range(slots)]
        for n, s in enumerate(squatters):
            for guest, pid in zip((self.a, self.b), self.pids):
                self.hello(s, pid, n, guest.domid)
        for s in squatters:
            self.assertEqual([], s.hears_nothing_but(["STOP"], 0.2))
        for pid in self.pids:
            os.kill(pid, signal.SIGCONT)
        for s in squatters:
            s.close()
        self.unchanged()

    def test_who_speaks_for_the_primary_is_not_heard(self):
        pid = self.switch.pid_of_primary()
        self.switch.watcher.kill()
        os.kill(pid, signal.SIGSTOP)
        try:
            self.switch.start_watcher()
            self.wait("the watcher", self.switch.show)
            stranger = Stranger(self.switch, "primary.ipc")
            stranger.say("HELLO_PRIMARY", struct.pack("=QIiIIII", 1, stranger.layout, pid, 1, 1, 1, 0))
            self.assertEqual([], stranger.hears_nothing_but([], 0.5))
            self.switch.watcher.expect(f"process {os.getpid()} speaks for xv-primary")
        finally:
            os.kill(pid, signal.SIGCONT)
        self.wait("the primary", lambda: self.switch.pid_of_primary() == pid)
        self.unchanged()


class Unconfined(LifeCase):
    """A worker that its guest has taken over, and that can reach the others' sockets."""

    def test_a_worker_on_another_socket_than_its_own_is_replaced(self):
        self.make(conf={"worker": {"confine": False}})
        self.a, self.b = self.bench.fe22(A), self.bench.fe22(B)
        other = self.switch.worker_pid(self.b.domid)
        for name in ("slot.7/link.ipc", "ctl.ipc", "primary.ipc"):
            with self.subTest(name):
                pid = self.switch.worker_pid(self.a.domid)
                path = os.path.join(self.switch.run_dir, name).encode()
                address = struct.pack("=H", 1) + path + b"\0"
                inside = [os.path.join(BUILD, "tests", "chaos", "takeover"), str(pid), "syscall"]
                made = subprocess.run([*inside, "socket", "1", "1", "0"], stdout=subprocess.PIPE, text=True, check=False)
                number = made.stdout.removeprefix("socket = ").strip()
                if made.returncode == 0 and number.isdigit():
                    subprocess.run([*inside, "connect", number, f"x:{address.hex()}", str(len(address))],
                                   stdout=subprocess.DEVNULL, check=False)
                self.wait("another worker", lambda p=pid: self.switch.worker_pid(self.a.domid) not in (None, p))
                self.a.running()
                self.assertEqual(other, self.switch.worker_pid(self.b.domid))
                time.sleep(0.1)
        self.talk(self.a, self.b, 1)

# SPDX-License-Identifier: BSD-3-Clause
"""xv-provision: domains get what they need in XenStore, from the toolstack's own rights on."""

import os
import random
import signal
import socket
import subprocess
import sys
import time

from guests import Testpmd
from proc import Proc, built
from provision import A, ProvisionCase, dpdk, told
from wait import LONG
from wire import HOST_MAC


class Once(ProvisionCase):

    def test_a_guest_works_after_it_and_not_before(self):
        self.make()
        domid = self.fresh()
        self.cannot_start(domid, "--compat-keep")
        self.provision(domid)
        guest = self.bench.fe22(A, domid, ("--compat-keep",))
        guest.do(f"send dev=0 dst={HOST_MAC} flow=1")
        self.wait_book(self.switch.wire, 1, 1)

    def test_testpmd_works_after_it_and_says_what_is_missing_before(self):
        self.make()
        domid = self.fresh()
        before = Testpmd(self.bench, domid, [A])
        before.expect("the host must give this domain its control/dpdk first")
        before.kill()
        self.provision(domid)
        self.bench.testpmd(A, domid)

    def test_a_2_2_guest_may_make_its_directory_only_where_the_configuration_says_so(self):
        self.make()
        domid = self.fresh()
        self.provision(domid)
        self.cannot_start(domid)
        self.write_conf(guests=[{"domid": domid, "compat_2_2": True}])
        self.provision(domid)
        guest = self.bench.fe22(A, domid)
        self.assertTrue(guest.removed)
        self.assertEqual("", self.provision(domid), "what the guest made is as good")
        guest.running()
        # The number of the back end's domain is still not the guest's to write.
        self.assertIsNone(self.store(domid, "write", "control/dpdk-backend", "9"))
        self.assertIsNone(self.store(domid, "rm", "control/dpdk-backend"))
        self.write_conf()
        self.provision(domid)
        self.assertIsNone(self.store(domid, "write", "control/other", "1"), "taken back")
        guest.running()

    def test_again_it_does_nothing_and_disturbs_nobody(self):
        self.make()
        domid = self.fresh()
        self.assertIn(f"guest {domid}: got control/dpdk", self.provision(domid))
        guest = self.bench.fe22(A, domid, ("--compat-keep",))
        generation = self.switch.vif(domid)["generation"]
        for _ in range(3):
            self.assertEqual("", self.provision(domid))
        guest.do(f"send dev=0 dst={HOST_MAC} flow=1")
        self.wait_book(self.switch.wire, 1, 1)
        self.assertEqual(generation, self.switch.vif(domid)["generation"])

    def test_a_directory_made_by_hand_is_handed_over_with_its_keys(self):
        domid = self.fresh()
        self.store(0, "write", dpdk(domid, "0_ether_addr"), "x", dpdk(domid), "")
        self.assertEqual(f"n0,r{domid}", self.rights(dpdk(domid)))
        self.provision(domid)
        self.assertTrue(self.has(domid))
        self.assertEqual(f"n{domid},r0", self.rights(dpdk(domid, "0_ether_addr")))
        self.assertIsNotNone(self.store(domid, "rm", "control/dpdk/0_ether_addr"))

    def test_other_guests_see_nothing_of_it(self):
        a, b = self.fresh(), self.fresh()
        self.provision(a, b)
        self.store(a, "write", "control/dpdk/x", "1")
        self.assertIsNone(self.store(b, "read", dpdk(a, "x")))
        self.assertIsNone(self.store(b, "write", dpdk(a, "x"), "2"))
        self.assertIsNone(self.store(b, "write", told(a), "2"))
        self.assertIsNone(self.store(a, "write", "control/dpdk-backend", "2"))
        self.assertIsNone(self.store(a, "write", "control/other", "2"))
        self.assertIsNone(self.store(a, "write", "name", "2"))

    def test_a_guest_that_is_not_allowed_gets_nothing(self):
        a, b = self.fresh("alpha"), self.fresh("beta")
        self.write_conf(guest={"allow": False}, guests=[{"name": "beta"}])
        self.refused(f"guest {a}: the configuration does not allow it", a, b)
        self.assertTrue(self.has_nothing(a))
        self.assertTrue(self.has(b), "the other one all the same")

    def test_a_guest_that_is_not_allowed_any_more_loses_it(self):
        domid = self.fresh()
        self.write_conf(guests=[{"domid": domid, "compat_2_2": True}])
        self.provision(domid)
        self.store(domid, "write", "control/dpdk/x", "1")
        self.write_conf(guests=[{"domid": domid, "allow": False}])
        self.refused("does not allow it", domid)
        self.assertTrue(self.has_nothing(domid))
        self.assertIsNone(self.store(domid, "write", "control/other", "1"))
        self.assertIsNotNone(self.store(domid, "write", "control/shutdown", ""), "what the toolstack gave is untouched")

    def test_a_guest_by_uuid(self):
        uuid = "00000000-0000-0000-0000-0000000000aa"
        a, b = self.fresh("alpha", uuid), self.fresh("beta")
        self.write_conf(guest={"allow": False}, guests=[{"uuid": uuid.upper()}])
        self.provision(a)
        self.refused("does not allow it", b)

    def test_what_a_dead_domain_left_is_removed(self):
        domid, lives = self.fresh(), self.fresh()
        self.provision(domid, lives)
        self.bench.sim.destroy(domid)
        # As a toolstack that died half way may leave it.
        self.store(0, "write", dpdk(domid, "event_type_start_0"), "1", told(domid), "0")
        self.refused(f"(?s)guest {domid}: is gone; removed what it left.*guest {domid}: no such domain", domid)
        self.assertIsNone(self.rights(dpdk(domid)))
        self.assertIsNone(self.rights(told(domid)))
        self.assertTrue(self.has(lives))

    def test_a_domain_that_is_not_there(self):
        self.refused("guest 77: no such domain", 77)
        self.assertIsNone(self.store(0, "ls", "/local/domain/77"), "and nothing was made for it")

    def test_in_a_guest_it_says_where_it_belongs(self):
        domid = self.fresh()
        self.refused("runs in domain 0", self.fresh(), domid=domid)

    def test_without_xenstore(self):
        env = dict(self.bench.sim_env(0), XENSTORED_PATH=os.path.join(self.bench.dir, "nowhere"))
        result = subprocess.run([built("xv-provision"), "--config", self.conf, "1"], env=env,
                                capture_output=True, text=True, check=False)
        self.assertEqual(1, result.returncode)
        self.assertRegex(result.stderr, "no XenStore: .*domain 0")

    def test_wrong_usage(self):
        for args in ((), ("0",), ("x",), ("32752",), ("-1",), ("--watch", "1"), ("--nonsense",)):
            with self.subTest(args):
                self.refused("; see xv-provision --help$", *args, code=2)
        self.write_conf(provision={"backend": "40000"})
        self.refused("provision.backend is \"40000\"; allowed: a domid from 0 to 32751 or a domain's name", 1, code=2)

    def test_the_configuration_is_checked_and_printed(self):
        self.write_conf(provision={"backend": "switch"})
        result = self.run_provision("-n")
        self.assertEqual(0, result.returncode)
        self.assertIn('backend = "switch";', result.stdout)


class Watch(ProvisionCase):

    def test_domains_that_come_and_go(self):
        self.write_conf(guest={"allow": False}, guests=[{"name": "alpha"}, {"name": "beta"}])
        alpha = self.fresh("alpha")
        watch = self.watch()
        self.wait_has(alpha)
        other, beta = self.fresh("other"), self.fresh("beta")
        self.wait_has(beta)
        self.assertTrue(self.has_nothing(other))
        self.bench.sim.destroy(alpha)
        self.store(0, "write", dpdk(alpha, "x"), "1", told(alpha), "0")  # remains
        self.bench.sim.destroy(other)
        watch.expect(f"guest {alpha}: is gone; removed what it left")
        self.assertIsNone(self.rights(dpdk(alpha)))
        self.create(alpha, "alpha")
        self.wait_has(alpha)
        self.assertEqual(0, watch.stop())
        self.assertTrue(self.has(alpha) and self.has(beta), "guests keep what they have")

    def test_a_domain_that_is_renamed(self):
        """As a domain that migrates is, after its introduction."""
        self.write_conf(guest={"allow": False}, guests=[{"name": "alpha"}])
        domid = self.fresh("alpha--incoming")
        watch = self.watch()
        self.assertTrue(self.has_nothing(domid))
        self.store(0, "write", f"/local/domain/{domid}/name", "alpha")
        self.wait_has(domid)
        self.assertEqual(0, watch.stop())

    def test_a_guest_that_removes_its_directory_gets_another(self):
        domid = self.fresh()
        self.watch()
        self.wait_has(domid)
        self.assertIsNotNone(self.store(domid, "rm", "control/dpdk"))
        self.wait_has(domid)

    def test_its_own_restart_disturbs_nobody(self):
        self.make()
        watch = self.watch()
        domid = self.fresh()
        self.wait_has(domid)
        guest = self.bench.fe22(A, domid, ("--compat-keep",))
        generation = self.switch.vif(guest.domid)["generation"]
        for number in (signal.SIGTERM, signal.SIGKILL):
            watch.stop(number)
            late = self.fresh()
            watch = self.watch()
            self.wait_has(late)
        guest.do(f"send dev=0 dst={HOST_MAC} flow=1")
        self.wait_book(self.switch.wire, 1, 1)
        self.assertEqual(generation, self.switch.vif(guest.domid)["generation"])

    def test_xenstoreds_restart(self):
        a, b = self.fresh(), self.fresh()
        watch = self.watch()
        self.wait_has(a)
        self.wait_has(b)
        self.bench.sim.run("xenstored-restart", self.bench.sim.dir)
        self.wait_has(a)
        self.wait_has(b)
        self.wait_has(self.fresh())
        self.assertEqual(0, watch.stop())

    def test_xenstored_that_comes_later(self):
        self.bench.sim_env(0)
        with open(os.path.join(self.bench.sim.dir, "xenstored", "pid")) as f:
            os.kill(int(f.read()), signal.SIGKILL)
        watch = self.watch(ready=False)
        watch.expect("no XenStore: .*; trying again")
        self.bench.sim.run("xenstored-restart", self.bench.sim.dir)
        watch.expect("connected to XenStore")
        self.wait_has(self.fresh())

    def test_systemd_is_told_without_xenstore_too(self):
        env = dict(self.bench.sim_env(0), XENSTORED_PATH=os.path.join(self.bench.dir, "nowhere"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(os.path.join(self.bench.dir, "notify"))
            notify.settimeout(LONG)
            watch = Proc(self.bench, "provision", [built("xv-provision"), "--config", self.conf, "--watch"],
                         dict(env, NOTIFY_SOCKET=notify.getsockname()))
            said = []
            while said.count(b"WATCHDOG=1") < 3:
                said += notify.recv(256).split(b"\n")
            # It lives, and it isn't ready; the service manager gives it the time.
            self.assertEqual({b"WATCHDOG=1", b"STATUS=waiting for XenStore", b"EXTEND_TIMEOUT_USEC=10000000"}, set(said))
            self.assertEqual(0, watch.stop())
            while notify.recv(256) != b"STOPPING=1":
                pass

    def test_two_of_it(self):
        first = self.watch()
        self.refused(f"already runs as pid {first.pid}", "--watch", code=3)
        self.assertEqual(0, first.stop())

    def test_in_a_guest_it_says_where_it_belongs(self):
        watch = Proc(self.bench, "guest", [built("xv-provision"), "--config", self.conf, "--watch"],
                     self.bench.sim_env(self.fresh()))
        watch.expect("can't list the domains: .*; is this domain 0?")

    def test_kills_at_any_time_do_no_harm(self):
        """Every state that a kill leaves is whole, and the next one completes it."""
        random.seed(4)
        domids = [self.fresh() for _ in range(12)]
        for i in range(25):
            self.write_conf(guest={"allow": i % 2 == 0}, provision={"backend": "0"})
            watch = self.watch(ready=False)
            time.sleep(random.uniform(0, 0.06))
            watch.kill()
            for domid in domids:
                self.assertTrue(self.has(domid) or self.has_nothing(domid), (i, domid))
            if i % 5 == 4:
                self.bench.sim.destroy(domids[0])
                domids = domids[1:] + [self.create(domids[0], "again")]
        self.write_conf()
        self.watch()
        for domid in domids:
            self.wait_has(domid)

    def noise(self, domid):
        """A guest that changes its directory without end, as fast as XenStore takes it."""
        code = ("import ctypes\nx = ctypes.CDLL('libxenstore.so.4')\nx.xs_open.restype = ctypes.c_void_p\n"
                "h = ctypes.c_void_p(x.xs_open(0))\n"
                "while True:\n    x.xs_write(h, 0, b'control/dpdk/x', b'1', 1)\n    x.xs_rm(h, 0, b'control/dpdk/x')\n")
        return Proc(self.bench, "noise", [sys.executable, "-c", code], self.bench.sim_env(domid))

    def test_a_guest_that_writes_all_the_time_gets_it_and_holds_up_nobody(self):
        noisy = self.fresh()
        writers = [self.noise(noisy) for _ in range(3)]
        self.watch()
        self.wait_has(self.fresh())
        self.wait_has(noisy)
        self.assertTrue(all(w.alive() for w in writers))

    def test_a_guest_that_writes_all_the_time_keeps_nothing_by_that(self):
        for conf in ({}, {"guests": [{"domid": self.bench.next_domid + 1, "compat_2_2": True}]}):
            with self.subTest(conf):
                noisy = self.fresh()
                self.write_conf(**conf)
                self.provision(noisy)
                writers = [self.noise(noisy) for _ in range(3)]
                self.write_conf(guest={"allow": False})
                watch = self.watch()
                self.wait("it to have nothing", lambda d=noisy: self.has_nothing(d))
                self.assertTrue(all(w.alive() for w in writers))
                watch.stop()
                for w in writers:
                    w.kill()

# SPDX-License-Identifier: BSD-3-Clause
"""xv-provision: domains get what they need in XenStore, from the toolstack's own rights on."""

import os
import random
import re
import signal
import socket
import subprocess
import sys
import time

import harness
from case import OwnCase
from harness import HOST_MAC, Fe22, Proc, Testpmd

A, B = "00:00:00:00:00:11", "00:00:00:00:00:22"
BACKEND = 5  # the domain of the back end, where it isn't domain 0


def dpdk(domid, key=""):
    return f"/local/domain/{domid}/control/dpdk" + (f"/{key}" if key else "")


def told(domid):
    return f"/local/domain/{domid}/control/dpdk-backend"


class ProvisionCase(OwnCase):

    def setUp(self):
        super().setUp()
        self.conf = os.path.join(self.bench.dir, "provision.conf")
        self.write_conf()

    def write_conf(self, **conf):
        with open(self.conf, "w") as f:
            f.write(harness.conf_text({"run_dir": os.path.join(self.bench.dir, "p"), "log_level": "debug", **conf}))

    def fresh(self, *options):
        """A domain as the toolstack makes it."""
        return self.bench.domain(*(options or (f"guest-{self.bench.next_domid}",)))

    def create(self, domid, *options):
        self.bench.sim.create(domid, *options)
        return domid

    def run_provision(self, *args, domid=0):
        argv = [harness.built("xv-provision"), "--config", self.conf, *map(str, args)]
        return subprocess.run(argv, env=self.bench.sim_env(domid), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=harness.LONG, check=False)

    def provision(self, *domids):
        result = self.run_provision(*domids)
        self.assertEqual(0, result.returncode, result.stderr)
        return result.stderr

    def cannot_start(self, domid, *options):
        """A guest of DPDK 2.2 whose XenStore refuses what it writes."""
        guest = Fe22(self.bench, domid, *options)
        with self.assertRaisesRegex(harness.Failure, "Permission denied"):
            guest.device(0, A)
        guest.kill()

    def refused(self, pattern, *args, code=1, **kw):
        result = self.run_provision(*args, **kw)
        self.assertEqual(code, result.returncode, result.stderr)
        self.assertRegex(result.stderr, pattern)

    def watch(self, *, ready=True):
        proc = Proc(self.bench, "provision", [harness.built("xv-provision"), "--config", self.conf, "--watch"],
                    self.bench.sim_env(0))
        if ready:
            proc.expect("connected to XenStore")
        return proc

    def store(self, domid, tool, *args):
        """Output of the tool as that domain, or None if XenStore refuses."""
        result = subprocess.run([f"xenstore-{tool}", *args], env=self.bench.sim_env(domid), capture_output=True,
                                text=True, timeout=harness.LONG, check=False)
        return result.stdout.strip() if result.returncode == 0 else None

    def rights(self, path):
        """As xenstore-ls prints them: (n7,r5)."""
        parent, name = path.rsplit("/", 1)
        listed = self.store(0, "ls", "-p", parent) or ""
        found = re.search(rf"^{re.escape(name)} = .*\((\S+)\)$", listed, re.M)
        return found and found.group(1)

    def has(self, domid, backend=0):
        """Has the guest all that it needs? Asked of XenStore as the guest and as the back end's domain."""
        return (self.rights(dpdk(domid)) == f"n{domid},r{backend}" and
                self.store(domid, "read", "control/dpdk-backend") == str(backend) and
                self.store(backend, "ls", dpdk(domid)) is not None)

    def wait_has(self, domid, backend=0):
        self.wait(f"domain {domid} to be provisioned", lambda: self.has(domid, backend))

    def has_nothing(self, domid):
        return (self.rights(dpdk(domid)) is None and self.rights(told(domid)) is None
                and self.store(domid, "write", "control/dpdk/x", "1") is None)


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
        result = subprocess.run([harness.built("xv-provision"), "--config", self.conf, "1"], env=env,
                                capture_output=True, text=True, check=False)
        self.assertEqual(1, result.returncode)
        self.assertRegex(result.stderr, "no XenStore: .*domain 0")

    def test_wrong_usage(self):
        for args in ((), ("0",), ("x",), ("32752",), ("-1",), ("--watch", "1"), ("--nonsense",)):
            with self.subTest(args):
                self.refused("usage: xv-provision|not a guest's domain id", *args, code=2)
        self.write_conf(provision={"backend": "40000"})
        self.refused("provision.backend is \"40000\"; allowed: a domid from 0 to 32751 or a domain's name", 1, code=2)

    def test_the_configuration_is_checked_and_printed(self):
        self.write_conf(provision={"backend": "switch"})
        result = self.run_provision("-n")
        self.assertEqual(0, result.returncode)
        self.assertIn('backend = "switch";', result.stdout)


class DriverDomain(harness.Switch):
    """The switch in a domain of its own."""

    def env(self):
        return self.bench.sim_env(BACKEND)


class Elsewhere(ProvisionCase):
    """The back end isn't in domain 0."""

    def setUp(self):
        super().setUp()
        self.bench.next_domid = BACKEND + 1

    def events(self):
        """Special watches as the back end's domain sees them, into a log."""
        return Proc(self.bench, "events", ["stdbuf", "-oL", "xenstore-watch", "@introduceDomain", "@releaseDomain"],
                    self.bench.sim_env(BACKEND))

    def test_testpmd_finds_a_switch_in_a_driver_domain(self):
        self.write_conf(provision={"backend": "switch"})
        self.create(BACKEND, "switch")
        watch = self.watch()
        self.switch = DriverDomain(self.bench).start()
        a, b = self.bench.testpmd(A, self.fresh()), self.bench.testpmd(B, self.fresh())
        a.expect(f"granted to domain {BACKEND}")
        # The tree itself tells the driver domain of no death, @releaseDomain does.
        a.kill()
        self.bench.sim.destroy(a.domid)
        self.wait("guest a to be gone", lambda: not self.switch.vifs(a.domid))
        b.running()
        self.assertEqual(0, watch.stop())

    def test_it_hears_of_domains_that_come_and_go(self):
        self.write_conf(provision={"backend": str(BACKEND)})
        self.create(BACKEND)
        events = self.events()
        events.expect("(?s)introduceDomain.*releaseDomain")  # that each watch is set
        quiet = events.text()
        domid = self.fresh()
        self.assertEqual(quiet, events.text())
        self.provision(domid)
        later = self.fresh()
        events.expect("(?s)releaseDomain.*introduceDomain")
        self.bench.sim.destroy(later)
        events.expect("(?s)releaseDomain.*introduceDomain.*releaseDomain")

    def test_a_back_end_that_comes_back_under_another_number_gets_the_guests(self):
        self.write_conf(provision={"backend": "switch"})
        self.create(BACKEND, "switch")
        a, b = self.fresh("alpha"), self.fresh("beta")
        watch = self.watch()
        self.wait_has(a, BACKEND)
        self.wait_has(b, BACKEND)
        self.store(a, "write", "control/dpdk/0_ether_addr", A)
        self.bench.sim.destroy(BACKEND)
        watch.expect(r"the back end's domain \(switch\) is not there")
        self.assertIsNone(self.store(a, "read", "control/dpdk-backend"), "no number of a dead domain is told")
        self.create(20, "switch")
        for domid in (a, b):
            self.wait_has(domid, 20)
        self.assertEqual(A, self.store(20, "read", dpdk(a, "0_ether_addr")), "its keys too")

    def test_a_back_end_that_comes_back_under_its_number_gets_the_guests(self):
        """xenstored voids a dead domain's rights, though it still lists them."""
        self.write_conf(provision={"backend": str(BACKEND)})
        self.create(BACKEND)
        domid = self.fresh()
        self.provision(domid)
        self.store(domid, "write", "control/dpdk/0_ether_addr", A)
        self.assertEqual(A, self.store(BACKEND, "read", dpdk(domid, "0_ether_addr")))
        self.bench.sim.destroy(BACKEND)
        self.create(BACKEND)
        self.assertIsNone(self.store(BACKEND, "read", dpdk(domid, "0_ether_addr")))
        self.provision(domid)
        self.assertTrue(self.has(domid, BACKEND))
        self.assertEqual(A, self.store(BACKEND, "read", dpdk(domid, "0_ether_addr")))

    def test_a_guest_waits_for_its_back_end(self):
        self.write_conf(provision={"backend": "switch"})
        domid = self.fresh()
        self.refused(r"can't be served yet: the back end's domain \(switch\)", domid)
        self.assertTrue(self.has_nothing(domid))
        self.watch()
        self.create(BACKEND, "switch")
        self.wait_has(domid, BACKEND)

    def test_the_back_ends_domain_gets_no_more_than_it_needs(self):
        self.write_conf(provision={"backend": str(BACKEND)}, guests=[{"domid": BACKEND + 1, "compat_2_2": True}])
        self.create(BACKEND)
        domid = self.fresh()
        self.provision(domid)
        self.store(domid, "write", "control/dpdk/x", "1")
        self.assertIsNone(self.store(BACKEND, "write", dpdk(domid, "x"), "2"))
        self.assertIsNone(self.store(BACKEND, "write", f"/local/domain/{domid}/control/other", "2"))
        self.assertIsNone(self.store(BACKEND, "read", f"/local/domain/{domid}/name"))
        self.refused("or has the back end there", BACKEND)


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
            notify.settimeout(harness.LONG)
            watch = Proc(self.bench, "provision", [harness.built("xv-provision"), "--config", self.conf, "--watch"],
                         dict(env, NOTIFY_SOCKET=notify.getsockname()))
            self.assertEqual([b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"], [notify.recv(64) for _ in range(3)])
            self.assertEqual(0, watch.stop())
            said = []
            while not said or said[-1] == b"WATCHDOG=1":
                said.append(notify.recv(64))
            self.assertEqual(b"STOPPING=1", said[-1])

    def test_two_of_it(self):
        first = self.watch()
        self.refused(f"already runs as pid {first.pid}", "--watch", code=3)
        self.assertEqual(0, first.stop())

    def test_in_a_guest_it_says_where_it_belongs(self):
        watch = Proc(self.bench, "guest", [harness.built("xv-provision"), "--config", self.conf, "--watch"],
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

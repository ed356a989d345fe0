# SPDX-License-Identifier: BSD-3-Clause
"""The back end in a domain of its own, with the rights in XenStore that xv-provision gives it there."""

import os
import re
import subprocess
import sys
import time

from guests import Fe22
from proc import Proc
from provision import A, B, ProvisionCase, dpdk, who
from switch import Switch
from wait import LONG

BACKEND = 5  # the domain of the back end
FAR = 30000  # a domid late in the order of numbers
SCAN_REST = 0.01  # seconds between two numbers that the watcher tries

# xenstored writes down what it is asked: xenstore-control does this too, but only on real Xen.
TRACE = """
import ctypes, sys
xs = ctypes.CDLL("libxenstore.so.4")
xs.xs_open.restype = xs.xs_control_command.restype = ctypes.c_void_p
h = ctypes.c_void_p(xs.xs_open(0))
for command, value in ((b"logfile", sys.argv[1].encode()), (b"log", b"on")):
    if not xs.xs_control_command(h, command, value + b"\\0", len(value) + 1):
        sys.exit("xenstored takes no trace")
"""


class DriverDomain(Switch):
    """The switch in a domain of its own."""

    def env(self):
        return self.bench.sim_env(BACKEND)


class DriverDomainCase(ProvisionCase):

    def setUp(self):
        super().setUp()
        self.bench.next_domid = BACKEND + 1

    def listed(self):
        """The guests that the back end's domain is told of."""
        names = self.store(BACKEND, "list", "control/dpdk-guests")
        return names if names is None else sorted(map(int, names.split()))


class Elsewhere(DriverDomainCase):
    """The back end isn't in domain 0."""

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
        self.switch.watcher.expect(f"guest {a.domid}: the domain is gone")
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
        self.assertIsNone(self.store(BACKEND, "write", f"/local/domain/{domid}/name", "x"))
        self.assertIsNone(self.store(BACKEND, "ls", f"/local/domain/{domid}"))
        self.assertIsNone(self.store(BACKEND, "ls", self.store(BACKEND, "read", f"/local/domain/{domid}/vm")))
        self.refused("or has the back end there", BACKEND)

    def who_rights(self, domid):
        return [self.rights(path) for path in who(domid)]

    def test_it_knows_only_guests_that_are_allowed_and_only_while_they_are(self):
        self.write_conf(provision={"backend": str(BACKEND)}, guest={"allow": False}, guests=[{"name": "alpha"}])
        self.create(BACKEND)
        alpha, beta = self.fresh("alpha"), self.fresh("beta")
        self.refused("does not allow it", alpha, beta)
        self.assertEqual([f"n0,r{alpha},r{BACKEND}"] * 2, self.who_rights(alpha))
        self.assertEqual([f"n0,r{beta}"] * 2, self.who_rights(beta))
        self.write_conf(provision={"backend": str(BACKEND)}, guest={"allow": False})
        self.refused("does not allow it", alpha)
        self.assertEqual([f"n0,r{alpha}"] * 2, self.who_rights(alpha))

    def test_rights_that_others_have_stay(self):
        self.write_conf(provision={"backend": str(BACKEND)})
        self.create(BACKEND)
        domid, other = self.fresh(), self.fresh()
        dead = self.fresh()
        for path in who(domid):
            self.store(0, "chmod", path, "n0", f"r{domid}", f"r{dead}", f"b{other}")
        self.bench.sim.destroy(dead)
        self.provision(domid)
        self.assertEqual([f"n0,r{domid},b{other},r{BACKEND}"] * 2, self.who_rights(domid))
        self.assertEqual("", self.provision(domid))
        self.write_conf(provision={"backend": str(BACKEND)}, guest={"allow": False})
        self.refused("does not allow it", domid)
        self.assertEqual([f"n0,r{domid},b{other}"] * 2, self.who_rights(domid))

    def test_what_everybody_may_read_is_left_alone(self):
        self.write_conf(provision={"backend": str(BACKEND)})
        self.create(BACKEND)
        domid = self.fresh()
        for path in who(domid):
            self.store(0, "chmod", path, "r0")
        self.provision(domid)
        self.assertTrue(self.has(domid, BACKEND))
        self.assertEqual(["r0"] * 2, self.who_rights(domid))

    def test_a_back_end_that_moves_while_it_lives_leaves_nothing_behind(self):
        self.create(BACKEND)
        self.create(20)
        domid = self.fresh()
        for backend in (BACKEND, 20, 0, BACKEND):
            self.write_conf(provision={"backend": str(backend)})
            self.provision(domid)
            self.assertTrue(self.has(domid, backend))
            self.assertEqual([f"n0,r{domid}" + (f",r{backend}" if backend else "")] * 2, self.who_rights(domid))

    def test_a_later_domain_does_not_inherit_the_back_ends_rights(self):
        self.write_conf(provision={"backend": "switch"})
        self.create(BACKEND, "switch")
        domid = self.fresh()
        self.provision(domid)
        self.bench.sim.destroy(BACKEND)
        self.create(20, "switch")
        self.provision(domid)
        self.create(BACKEND, "stranger")
        self.assertEqual([f"n0,r{domid},r20"] * 2, self.who_rights(domid))
        self.assertIsNone(self.store(BACKEND, "read", who(domid)[0]))

    def test_the_switch_knows_guests_by_name_and_uuid_and_keeps_their_numbers(self):
        uuids = [f"00000000-0000-0000-0000-0000000000{i}0" for i in (1, 2)]
        allow = {"guest": {"allow": False}, "guests": [{"name": "alpha"}, {"uuid": uuids[1]}]}
        self.write_conf(provision={"backend": str(BACKEND)}, **allow)
        self.create(BACKEND)
        self.watch()
        self.switch = DriverDomain(self.bench, conf=allow).start()
        alpha, other = self.fresh("alpha", uuids[0]), self.fresh("other", uuids[1])
        guests = []
        for domid, mac in ((alpha, A), (other, B)):
            self.wait_has(domid, BACKEND)
            guests.append(self.bench.fe22(mac, domid, ("--compat-keep", "--backend", str(BACKEND))))
        vlans = [self.switch.vif(domid)["vlan"] for domid in (alpha, other)]
        self.assertEqual(2, len(set(vlans)))
        for guest in guests:
            guest.kill()
            self.bench.sim.destroy(guest.domid)
        self.wait("the guests to be gone", lambda: not [v for v in self.switch.show()["vifs"] if v["domid"] is not None])
        again = self.fresh("other", uuids[1])
        self.wait_has(again, BACKEND)
        self.bench.fe22(B, again, ("--compat-keep", "--backend", str(BACKEND)))
        self.assertEqual(vlans[1], self.switch.vif(again)["vlan"], "its VLAN tag again, under another domid")

    def test_it_is_told_of_its_guests(self):
        self.write_conf(provision={"backend": "switch"})
        self.create(BACKEND, "switch")
        self.assertIsNone(self.listed())
        watch = self.watch()
        self.wait("the list", lambda: self.listed() == [])
        a, b = self.fresh(), self.create(FAR)
        self.wait("both guests in it", lambda: self.listed() == [a, b])
        self.assertIsNone(self.store(BACKEND, "rm", f"control/dpdk-guests/{a}"), "it may not write there")
        self.assertIsNone(self.store(a, "list", f"/local/domain/{BACKEND}/control/dpdk-guests"), "nor a guest read")
        self.bench.sim.destroy(a)
        self.wait("the dead one to be struck out", lambda: self.listed() == [b])
        self.assertEqual(0, watch.stop())
        self.write_conf(provision={"backend": "switch"}, guest={"allow": False})
        self.refused("does not allow it", b)
        self.assertEqual([], self.listed())

    def test_a_dead_guest_is_struck_out_by_hand_too(self):
        self.write_conf(provision={"backend": str(BACKEND)})
        self.create(BACKEND)
        a, b = self.fresh(), self.fresh()
        self.provision(a, b)
        self.bench.sim.destroy(a)
        self.refused(f"guest {a}: is gone; removed what it left", a)
        self.assertEqual([b], self.listed())

    def test_a_back_end_that_moved_is_told_of_nobody(self):
        self.create(BACKEND)
        self.create(20)
        domid = self.fresh()
        for backend, listed in ((BACKEND, [domid]), (20, []), (BACKEND, [domid]), (0, [])):
            self.write_conf(provision={"backend": str(backend)})
            self.provision(domid)
            self.assertEqual(listed, self.listed())

    def test_a_back_end_that_is_being_removed_gets_no_tree_again(self):
        """The toolstack removes the tree first, then the domain."""
        self.write_conf(provision={"backend": str(BACKEND)})
        self.create(BACKEND)
        domid = self.fresh()
        self.provision(domid)
        self.store(0, "rm", f"/local/domain/{BACKEND}")
        self.refused("can't be served yet", self.fresh())
        self.assertIsNone(self.store(0, "ls", f"/local/domain/{BACKEND}"))


class Finding(DriverDomainCase):
    """A watcher that may not list the domains finds guests that were there before it."""

    def trace(self):
        """From now on xenstored writes down what it is asked."""
        self.trace_log = os.path.join(self.bench.dir, "trace")
        subprocess.run([sys.executable, "-c", TRACE, self.trace_log], env=self.bench.sim_env(0), check=True, timeout=LONG)
        self.store(BACKEND, "read", "domid")  # says which connection is this domain's

    def asked(self):
        """What the back end's domain has asked since trace()."""
        with open(self.trace_log) as f:
            lines = [m.groups() for m in re.finditer(r"^IN (\S+) \S+ \S+ (\w+) \((.*)\)$", f.read(), re.M)]
        connection = next(c for c, what, path in lines if (what, path.strip()) == ("READ", "domid"))
        return [what for c, what, _ in lines if c == connection][1:]

    def guest(self, domid, mac):
        """One that is running before there is a watcher."""
        guest = Fe22(self.bench, domid, "--compat-keep", "--backend", str(BACKEND))
        guest.device(0, mac)
        return guest

    def test_guests_that_xv_provision_names_are_found_at_once_whatever_their_number(self):
        self.write_conf(provision={"backend": str(BACKEND)})
        self.create(BACKEND)
        near, far = self.fresh(), self.create(FAR)
        self.provision(near, far)
        for domid, mac in ((near, A), (far, B)):
            self.guest(domid, mac)
        self.trace()
        self.switch = DriverDomain(self.bench).start()
        self.switch.vif_running(far)
        self.switch.vif_running(near)
        generations = [self.switch.vif(d)["generation"] for d in (near, far)]
        self.switch.watcher.kill()
        self.switch.start_watcher().expect("xv-provision in domain 0 names 2 guests")
        self.switch.ready()
        self.switch.vif_running(far)
        self.switch.vif_running(near)
        self.assertEqual(generations, [self.switch.vif(d)["generation"] for d in (near, far)])
        asked = self.asked()
        # Each watcher: four watches, three lists, and 14 requests to read a guest; then the kernel ends the killed one's watches.
        self.assertLessEqual(len(asked), 2 * (4 + 3 + 2 * 14) + 4, asked)

    def test_a_later_guest_needs_no_list(self):
        self.write_conf(provision={"backend": str(BACKEND)})
        self.create(BACKEND)
        watch = self.watch()
        self.wait("the list", lambda: self.listed() == [])
        self.switch = DriverDomain(self.bench).start()
        self.assertEqual(0, watch.stop())
        far = self.create(FAR)
        self.provision(far)
        self.guest(far, A)
        self.switch.vif_running(far)

    def test_without_a_list_all_numbers_are_tried_but_slowly(self):
        """As where somebody gives the rights by hand."""
        self.create(BACKEND)
        domid = self.create(130, "--dpdk", str(BACKEND))
        self.guest(domid, A)
        self.trace()
        began = time.monotonic()
        self.switch = DriverDomain(self.bench).start()
        self.switch.watcher.expect("trying all numbers")
        self.switch.vif_running(domid)
        asked = self.asked()
        took = time.monotonic() - began
        self.assertGreaterEqual(asked.count("DIRECTORY"), domid)
        self.assertLessEqual(asked.count("DIRECTORY"), took / SCAN_REST + 5)
        self.assertEqual(1, asked.count("TRANSACTION_START"), "only the guest is read")

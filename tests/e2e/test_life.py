# SPDX-License-Identifier: BSD-3-Clause
"""Programs that start in any order, stop, die and come back."""

import os
import signal

from guests import Fe22
from life import A, B, C, LifeCase
from proc import BUILD, TOP, Proc, built, gone, processes_with


class StartOrder(LifeCase):

    def guest(self, mac):
        """A guest that doesn't wait for the switch."""
        guest = Fe22(self.bench, self.bench.domain())
        guest.device(0, mac)
        return guest

    def end(self, a, b):
        self.switch.ready()
        a.running()
        b.running()
        self.talk(a, b, 1)

    def test_primary_then_watcher_then_guests(self):
        self.make()
        self.end(self.guest(A), self.guest(B))

    def test_watcher_then_primary_then_guests(self):
        sw = self.make(start=False)
        sw.start_watcher()
        self.wait("the watcher", sw.show)
        sw.start_primary()
        self.end(self.guest(A), self.guest(B))

    def test_guests_then_watcher_then_primary(self):
        sw = self.make(start=False)
        a, b = self.guest(A), self.guest(B)
        sw.start_watcher()
        self.wait("the watcher", sw.show)
        sw.start_primary()
        self.end(a, b)

    def test_workers_by_hand_before_everything(self):
        sw = self.make(start=False, conf={"worker": {"start": "external"}})
        workers = [sw.start_worker(1), sw.start_worker(2)]
        a, b = self.guest(A), self.guest(B)
        sw.start_primary()
        sw.start_watcher()
        self.end(a, b)
        for worker, domid in zip(workers, (1, 2)):
            self.assertEqual(worker.pid, sw.worker_pid(domid))
            self.assertTrue(worker.alive())


class LateXenStore(LifeCase):

    def with_sim(self):
        return False

    def test_programs_wait_for_xenstored(self):
        # The environment of domain 0, before there is a simulator behind it.
        sim = os.path.join(self.bench.dir, "x")
        tests = os.path.join(BUILD, "tests", "sim")
        self.bench.envs[0] = dict(os.environ, XENSTORED_PATH=os.path.join(sim, "xenstored", "socket"), XENSIM_DIR=sim,
                                  XENSIM_DOMID="0", LD_LIBRARY_PATH=tests)
        sw = self.make(start=False)
        sw.start_watcher()
        sw.start_primary()
        sw.watcher.expect("(?i)xenstore")
        self.assertTrue(sw.watcher.alive() and sw.primary.alive())
        self.bench.start_sim()
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        sw.ready()
        self.talk(a, b, 1)


class Restart(LifeCase):

    def setUp(self):
        super().setUp()
        self.make()
        self.a, self.b = self.bench.fe22(A), self.bench.fe22(B)
        self.vlans = [self.switch.vif(g.domid)["vlan"] for g in (self.a, self.b)]

    def same_vlans(self):
        self.assertEqual(self.vlans, [self.switch.vif(g.domid)["vlan"] for g in (self.a, self.b)])

    def flows(self, count=4000, rate=1000):
        """Paced flows through guest a in all directions, none of which may lose a frame."""
        self.switch.wire.keep = False
        wire, vlan = self.switch.wire, self.vlans[0]
        return [self.flow(source, target, rate=rate, count=count, length=200, vlan=vlan) for source, target in (
            (self.a, self.b), (self.b, self.a), (self.a, wire), (wire, self.a))]

    def whole(self, flows):
        for flow in flows:
            with self.subTest(flow=flow.number):
                flow.whole()

    def running_flows(self, count=4000):
        flows = self.flows(count)
        flows[0].going(200)
        return flows

    def workers(self):
        return self.switch.worker_pid(self.a.domid), self.switch.worker_pid(self.b.domid)

    def script(self, name, *args, path=""):
        """A script of the clone, while frames flow that it may not cost. Returns what it wrote."""
        flows = self.running_flows()
        env = dict(self.switch.env(), XVCTL=built("xvctl"), PATH=path + os.environ["PATH"])
        run = Proc(self.bench, name, [os.path.join(TOP, "scripts", name), *args, "--config", self.switch.conf_file], env)
        self.assertEqual(0, run.wait(), run.text())
        self.whole(flows)
        self.same_vlans()
        return run.text()

    def test_a_workers_restart_by_script_loses_no_frame(self):
        before = self.workers()
        self.script("restart_vm_worker.sh", str(self.a.domid))
        after = self.workers()
        self.assertNotEqual(before[0], after[0])
        self.assertEqual(before[1], after[1], "only that guest's")

    def test_the_restart_of_all_workers_loses_no_frame(self):
        before = self.workers()
        self.script("restart_vm_worker.sh", "--all")
        for old, new in zip(before, self.workers()):
            self.assertNotEqual(old, new)

    def upgrade(self, old, new):
        """scripts/upgrade.sh, as a package calls it where systemd runs the switch. Returns what it said and asked of systemd."""
        bin_dir = os.path.join(self.bench.dir, "bin")
        asked = os.path.join(self.bench.dir, "asked")
        os.makedirs(bin_dir, exist_ok=True)
        with open(os.path.join(bin_dir, "systemctl"), "w") as f:
            f.write(f'#!/bin/sh\n[ "$1" != try-restart ] || echo "$@" >>{asked}\n')
            os.fchmod(f.fileno(), 0o755)
        with open(asked, "w"):
            pass
        said = self.script("upgrade.sh", old, new, path=bin_dir + ":")
        with open(asked) as f:
            return said, f.read()

    def test_an_upgrade_loses_no_frame(self):
        before, primary = self.workers(), self.switch.pid_of_primary()
        said, asked = self.upgrade("1:0.1.0-1", "1:0.1.1-1")
        self.assertFalse(set(before) & set(self.workers()))
        self.assertEqual("try-restart xv-watcher\n", asked)
        self.assertIn("systemctl restart xv-primary", said)
        self.assertEqual(primary, self.switch.pid_of_primary())

    def test_an_upgrade_to_another_layout_stops_nothing(self):
        before = self.workers()
        said, asked = self.upgrade("0.1.7", "0.2.0")
        self.assertEqual((before, ""), (self.workers(), asked))
        self.assertIn("no worker that dies can come back", said)

    def test_a_worker_that_is_killed_comes_back_and_loses_no_frame(self):
        for _ in range(3):
            flows = self.running_flows(3000)
            before = self.switch.worker_pid(self.a.domid)
            os.kill(before, signal.SIGKILL)
            self.wait("another worker", lambda p=before: self.switch.worker_pid(self.a.domid) not in (None, p))
            self.a.running()
            self.whole(flows)

    def test_a_worker_that_hangs_is_replaced(self):
        self.switch.stop()
        self.switch.conf["worker"]["hang_ms"] = 2000
        self.switch.write_conf()
        self.switch.start()
        self.a.running()
        self.b.running()
        before = self.switch.worker_pid(self.a.domid)
        os.kill(before, signal.SIGSTOP)
        self.wait("another worker", lambda: self.switch.worker_pid(self.a.domid) not in (None, before))
        self.a.running()
        self.talk(self.a, self.b, 1)

    def test_packets_flow_while_the_watcher_is_away(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number=number):
                workers = [self.switch.worker_pid(g.domid) for g in (self.a, self.b)]
                generations = [self.switch.vif(g.domid)["generation"] for g in (self.a, self.b)]
                flows = self.running_flows(3000)
                self.switch.watcher.stop(number)
                flows[0].going(500)
                self.switch.start_watcher()
                self.whole(flows)
                self.a.running()
                self.b.running()
                self.assertEqual(workers, [self.switch.worker_pid(g.domid) for g in (self.a, self.b)], "adopted")
                self.assertEqual(generations, [self.switch.vif(g.domid)["generation"] for g in (self.a, self.b)])
                self.same_vlans()

    def test_a_guest_that_came_while_the_watcher_was_away_is_served(self):
        self.switch.watcher.kill()
        c = Fe22(self.bench, self.bench.domain())
        c.device(0, C)
        self.switch.start_watcher()
        c.running()
        c.do(f"send dev=0 dst={A} flow=1")
        self.wait_book(self.a, 1, 1)

    def test_a_guest_that_died_while_the_watcher_was_away_is_gone(self):
        self.switch.watcher.kill()
        self.b.kill()
        self.switch.start_watcher()
        self.wait("guest b to be down", lambda: self.switch.show()
                  and (self.switch.vif(self.b.domid) or {"state": ""})["state"] != "running")
        self.a.running()
        self.wait("its pages to be unmapped", lambda: self.bench.sim.mapped(self.b.domid) == 0)
        self.a.do(f"send dev=0 dst={B} flow=1")
        self.wait_book(self.switch.wire, 1, 1)

    def test_guests_go_on_after_the_primary_came_back(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number=number):
                self.switch.wire_down()
                workers = [self.switch.worker_pid(g.domid) for g in (self.a, self.b)]
                self.switch.primary.stop(number)
                self.wait("the workers to go", lambda w=workers: all(gone(p) for p in w))
                self.switch.start_primary()
                self.switch.ready()
                self.a.running()
                self.b.running()
                self.talk(self.a, self.b, 10 * number)
                self.same_vlans()

    def test_a_worker_that_outstays_its_primary_keeps_no_other_from_starting(self):
        before = self.switch.worker_pid(self.a.domid)
        os.kill(before, signal.SIGSTOP)
        self.switch.wire_down()
        self.switch.primary.kill()
        self.wait("it to go", lambda: gone(before))
        self.switch.start_primary()
        self.switch.ready()
        self.a.running()
        self.b.running()
        self.talk(self.a, self.b, 1)

    def test_a_killed_guest_comes_back_with_its_vlan(self):
        for _ in range(2):
            self.a.kill()
            self.wait("the device to be down", lambda: (self.switch.vif(self.a.domid) or {"state": ""})["state"]
                      != "running")
            self.wait("its pages to be unmapped", lambda: self.bench.sim.mapped(self.a.domid) == 0)
            self.b.do(f"send dev=0 dst={A} flow=66")  # nobody's now: to the wire
            self.wait_book(self.switch.wire, 66, 1)
            self.a = self.bench.fe22(A, self.a.domid)
            self.same_vlans()
            self.talk(self.a, self.b, 1)
            self.assertEqual(0, self.a.book(66)["frames"])
            self.b.do("forget 0")
            self.switch.wire.forget()

    def test_a_guest_that_ends_without_cleaning_up_is_gone(self):
        self.a.quit()
        self.wait("the device to be down", lambda: (self.switch.vif(self.a.domid) or {"state": ""})["state"]
                  != "running")
        self.wait("its pages to be unmapped", lambda: self.bench.sim.mapped(self.a.domid) == 0)

    def test_a_guest_that_removes_its_keys_has_nothing_mapped(self):
        """All that a driver domain sees of a domain's death: the flag byte stays as it was."""
        self.a.do("rm event_type_start_0")
        self.wait("its pages to be unmapped, its flag page too", lambda: self.bench.sim.mapped(self.a.domid) == 0)
        self.a.do("write event_type_start_0 1")
        self.a.running()
        self.talk(self.a, self.b, 1)

    def test_a_destroyed_domain_is_gone_and_its_successor_gets_nothing_of_it(self):
        self.b.do("poll 0 off")
        self.a.do(f"flow 1 dev=0 dst={B} count=2000 rate=0")  # more than its ring: the rest waits on the lane
        self.a.flow_done(1)
        self.bench.sim.destroy(self.b.domid)
        self.b.kill()
        self.wait("guest b to be gone", lambda: not self.switch.vifs(self.b.domid))
        c = self.bench.fe22(B)
        self.a.do(f"send dev=0 dst={B} flow=2")
        self.wait_book(c, 2, 1)
        self.assertEqual(0, c.book(1)["frames"])

    def test_a_device_started_twice_goes_on_where_its_rings_are(self):
        for n in range(3):
            self.a.do(f"flow {200 + n} dev=0 dst={B} count=400 len=300")
            self.assert_whole(self.wait_book(self.b, 200 + n, 400), 400)
            with self.switch.new_start(self.a.domid):
                self.a.do("start 0")
        self.talk(self.a, self.b, 1)

    def test_a_device_with_new_rings_is_attached_anew(self):
        for n in range(3):
            self.a.do(f"dev 0 mac={A} bufs=64")
            with self.switch.new_start(self.a.domid):
                self.a.do("start 0")
            self.talk(self.a, self.b, 10 * n + 1)

    def killed(self, times, running):
        """Kill the worker of guest a that often; what its guest sends waits in the ring and comes whole."""
        flows = [self.flow(self.a, target, count=5000, length=200) for target in (self.b, self.switch.wire)]
        for _ in range(times):
            before = self.wait("a worker", lambda: self.switch.worker_pid(self.a.domid))
            os.kill(before, signal.SIGKILL)
            self.wait("another worker", lambda p=before: self.switch.worker_pid(self.a.domid) not in (None, p))
            if running:
                self.a.running()
        self.a.running()
        self.whole(flows)
        self.talk(self.a, self.b, 1)

    def test_ten_kills_of_a_worker_lose_nothing_that_its_guest_sends(self):
        self.killed(10, True)

    def test_kills_of_a_worker_that_starts_lose_nothing_that_its_guest_sends(self):
        self.killed(8, False)


class Spares(LifeCase):

    def spares(self):
        """Pids of the workers without a guest; one that got a guest still has its first command line."""
        taken = [g["pid"] for g in self.switch.show()["guests"]]
        return [p for p in processes_with("--spare\0") if p not in taken and not gone(p)]

    def spare(self):
        self.wait("a spare worker", lambda: len(self.spares()) == 1)
        pid = self.spares()[0]
        self.switch.watcher.expect(f"spare: worker {pid} is ready")
        return pid

    def test_a_spare_takes_over_and_another_takes_its_place(self):
        sw = self.make(conf={"worker": {"spares": 1}})
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        for i in range(3):
            spare = self.spare()
            os.kill(sw.worker_pid(a.domid), signal.SIGKILL)
            self.switch.watcher.expect(f"guest {a.domid}: spare worker {spare} takes over")
            self.wait("the guest's device", lambda: sw.vif_running(a.domid))
            self.assertEqual(spare, sw.worker_pid(a.domid))
            self.talk(a, b, 4 * i + 1)

    def test_a_restart_runs_the_program_as_it_is_installed_now(self):
        sw = self.make(conf={"worker": {"spares": 1}})
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        old = {sw.worker_pid(a.domid), self.spare()}
        sw.ctl("restart", str(a.domid))
        self.assertNotIn(sw.worker_pid(a.domid), old)
        self.talk(a, b, 1)

    def test_spares_of_a_dead_watcher_go(self):
        sw = self.make(conf={"worker": {"spares": 1}})
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        old = self.spare()
        sw.watcher.kill()
        sw.start_watcher()
        self.wait("the old spare to go", lambda: gone(old))
        self.wait("the workers to be found", lambda: sw.worker_pid(a.domid) and sw.worker_pid(b.domid))
        self.spare()
        self.talk(a, b, 1)

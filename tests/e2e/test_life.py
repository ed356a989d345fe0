# SPDX-License-Identifier: BSD-3-Clause
"""Programs that start in any order, stop, die and come back."""

import glob
import os
import re
import signal
import subprocess

import seq
import wire
from case import OwnCase
from guests import Fe22
from proc import BUILD, TOP, Proc, built, gone, processes_with
from wire import BROADCAST, HOST_MAC

A, B, C = "00:00:00:00:00:11", "00:00:00:00:00:22", "00:00:00:00:00:33"


class LifeCase(OwnCase):

    def talk(self, a, b, flow):
        """Guests and wire reach each other."""
        a.do(f"send dev=0 dst={B} flow={flow}")
        b.do(f"send dev=0 dst={A} flow={flow + 1}")
        a.do(f"send dev=0 dst={HOST_MAC} flow={flow + 2}")
        self.switch.wire.send(seq.frame(A, HOST_MAC, flow + 3))
        for receiver, number in ((b, flow), (a, flow + 1), (self.switch.wire, flow + 2), (a, flow + 3)):
            self.assert_whole(self.wait_book(receiver, number, 1), 1)


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

    def test_a_workers_restart_by_script_loses_no_frame(self):
        before = self.switch.worker_pid(self.a.domid), self.switch.worker_pid(self.b.domid)
        flows = self.running_flows()
        script = os.path.join(TOP, "scripts", "restart_vm_worker.sh")
        env = dict(self.switch.env(), PATH=os.path.dirname(built("xvctl")) + ":" + os.environ["PATH"],
                   XV_CONFIG=self.switch.conf_file, XVCTL=built("xvctl"))
        restart = Proc(self.bench, "restart", [script, str(self.a.domid), "--config", self.switch.conf_file], env)
        self.assertEqual(0, restart.wait(), restart.text())
        self.whole(flows)
        after = self.switch.worker_pid(self.a.domid), self.switch.worker_pid(self.b.domid)
        self.assertNotEqual(before[0], after[0])
        self.assertEqual(before[1], after[1], "only that guest's")
        self.same_vlans()

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


class Leftovers(LifeCase):

    def dead_files(self):
        """EAL's files of processes that are dead."""
        names = glob.glob(f"/var/run/dpdk/{self.bench.prefix}*/*")
        pids = [re.search(r"(?:mp_socket|fbarray_.*)_(\d+)(?:_|$)", n) for n in names]
        return [m.string for m in pids if m and gone(int(m[1]))]

    @staticmethod
    def region_files(sw):
        return [os.path.basename(p) for p in glob.glob(os.path.join(sw.run_dir, "*.regions"))]

    def test_nothing_is_left_after_all_stopped(self):
        sw = self.make()
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        self.talk(a, b, 1)
        a.do(f"send dev=0 dst={BROADCAST} flow=9")
        self.assertGreater(self.bench.sim.mapped(), 0)
        workers = [sw.worker_pid(g.domid) for g in (a, b)]
        a.quit()
        b.quit()
        self.wait("the workers to go", lambda: all(gone(p) for p in workers))
        self.assertEqual({"watcher": 0, "primary": 0}, sw.stop())
        self.assertEqual(0, self.bench.sim.mapped(), self.bench.sim.run("grants", self.bench.sim.dir))
        # The state outlives them by intent; locks are files that nobody holds.
        left = {os.path.basename(p) for p in glob.glob(os.path.join(sw.run_dir, "*"))}
        self.assertEqual(set(), {n for n in left if n != "state" and not n.endswith(".lock")}, left)
        self.assertEqual([], glob.glob(f"/var/run/dpdk/{self.bench.prefix}*"))
        self.assertEqual([], os.listdir(self.bench.huge_dir()))
        self.assertFalse(wire.link_exists("xvup0"))
        self.assertEqual([], processes_with(sw.conf_file))

    def stopped_before_its_guest(self, first, second):
        """What is left then is what the next one needs, or removes."""
        sw = self.make()
        a = self.bench.fe22(A)
        worker = sw.worker_pid(a.domid)
        sw.wire_down()
        for program in (first, second):
            self.assertEqual(0, getattr(sw, program).stop(signal.SIGINT))
        self.wait("the worker to go", lambda: gone(worker))
        self.assertTrue(a.alive())
        self.assertEqual(0, self.bench.sim.mapped())
        self.assertEqual([], os.listdir(self.bench.huge_dir()))
        self.assertEqual([], processes_with(sw.conf_file))
        # Where the vif's memory is, for the worker that goes on with it.
        self.assertEqual(["vif.0.1.regions"], self.region_files(sw))
        # The worker went after the primary, so EAL's directory is left to the next primary.
        sw.start()
        a.running()
        self.assertEqual([], self.dead_files())
        worker = sw.worker_pid(a.domid)
        a.quit()
        self.wait("the worker to go", lambda: gone(worker))
        self.assertEqual({"watcher": 0, "primary": 0}, sw.stop())
        self.assertEqual([], self.region_files(sw))
        self.assertEqual([], glob.glob(f"/var/run/dpdk/{self.bench.prefix}*"))

    def test_a_watcher_and_then_a_primary_may_stop_before_their_guest(self):
        self.stopped_before_its_guest("watcher", "primary")

    def test_a_primary_and_then_a_watcher_may_stop_before_their_guest(self):
        self.stopped_before_its_guest("primary", "watcher")

    def test_what_a_killed_switch_left_does_not_disturb_the_next(self):
        sw = self.make()
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        sw.wire_down()
        workers = [sw.worker_pid(g.domid) for g in (a, b)]
        for proc in (sw.watcher, sw.primary):
            proc.kill()
        self.wait("the workers to go", lambda: all(gone(p) for p in workers))
        sw.start()
        a.running()
        b.running()
        self.talk(a, b, 1)
        self.assertEqual([], self.dead_files())
        workers = [sw.worker_pid(g.domid) for g in (a, b)]
        a.quit()
        b.quit()
        self.wait("the workers to go", lambda: all(gone(p) for p in workers))
        sw.stop()
        self.assertEqual([], glob.glob(f"/var/run/dpdk/{self.bench.prefix}*"))
        self.assertEqual([], os.listdir(self.bench.huge_dir()))


class Messages(LifeCase):
    """Errors that a person can act on."""

    def fails(self, proc, *patterns):
        code = proc.wait()
        for p in patterns:
            self.assertRegex(proc.text(), p)
        self.assertNotEqual(0, code)

    def test_two_workers_for_one_domain(self):
        sw = self.make()
        a = self.bench.fe22(A)
        pid = sw.worker_pid(a.domid)
        self.fails(sw.start_worker(a.domid), f"guest {a.domid} already has a worker: pid {pid}")
        self.assertEqual(pid, sw.worker_pid(a.domid))
        a.running()

    def test_two_watchers(self):
        sw = self.make()
        first = sw.watcher
        self.fails(sw.start_watcher(), f"(?i)xv-watcher.*{first.pid}|already")
        sw.watcher = first
        self.bench.fe22(A)

    def test_two_primaries(self):
        sw = self.make()
        first = sw.primary
        self.fails(sw.start_primary(), "(?i)already")
        sw.primary = first
        self.bench.fe22(A)

    def test_an_unknown_port(self):
        sw = self.make(start=False)
        self.fails(sw.start_primary("-p", "0x10"), "(?i)port")

    def test_an_uplink_that_is_not_there(self):
        sw = self.make(start=False, uplink="none",
                       conf={"primary": {"eal_args": ["--vdev=net_af_packet0,iface=xvnowhere"]}})
        self.fails(sw.start_primary(), "xvnowhere|net_af_packet0")

    def test_no_hugepages(self):
        """With the kernel's numbers hidden, as this process sees them: others need theirs."""
        sw = self.make(start=False)
        fake = os.path.join(self.bench.dir, "n")
        for name in ("nr_hugepages", "free_hugepages", "resv_hugepages", "surplus_hugepages"):
            os.makedirs(os.path.join(fake, "hugepages-2048kB"), exist_ok=True)
            with open(os.path.join(fake, "hugepages-2048kB", name), "w") as f:
                f.write("0\n")
        subprocess.run(["mount", "--bind", fake, "/sys/kernel/mm/hugepages"], check=True)
        try:
            self.fails(sw.start_primary(), "(?i)hugepages.*nr_hugepages|nr_hugepages.*hugepages")
        finally:
            subprocess.run(["umount", "/sys/kernel/mm/hugepages"], check=True)

    def test_a_kernel_without_hugepages(self):
        """As in a PV domain 0."""
        sw = self.make(start=False, conf={"huge_dir": self.bench.dir})
        fake = os.path.join(self.bench.dir, "filesystems")
        with open("/proc/filesystems") as known, open(fake, "w") as f:
            f.writelines(line for line in known if "hugetlbfs" not in line)
        subprocess.run(["mount", "--bind", fake, "/proc/filesystems"], check=True)
        try:
            self.fails(sw.start_primary(), "no hugepages.*PV.*driver domain, or domain 0 with dom0=pvh")
        finally:
            subprocess.run(["umount", "/proc/filesystems"], check=True)

    def test_without_xen(self):
        sw = self.make(start=False, uplink="none")
        env = {k: v for k, v in os.environ.items() if not k.startswith("XENS")}
        watcher = Proc(self.bench, "watcher", [built("xv-watcher"), "--config", sw.conf_file], env)
        watcher.expect("can't open the grant device: .*no domain of Xen")
        watcher.expect("no XenStore: .*no domain of Xen; trying again")
        self.assertEqual(0, watcher.stop())

    def test_fewer_hugepages_than_needed(self):
        sw = self.make(start=False, conf={"max_vifs": 120, "max_guests": 90, "lane_slots": 65536})
        self.fails(sw.start_primary(), "(?i)hugepages")

    def test_a_huge_dir_that_is_none(self):
        sw = self.make(start=False, conf={"huge_dir": self.bench.dir})
        self.fails(sw.start_primary(), "(?i)hugepage|hugetlbfs|huge_dir")

    def test_lcores_of_the_workers(self):
        sw = self.make(start=False)
        proc = Proc(self.bench, "primary", [built("xv-primary"), "-l", "0,40", "--", "--config", sw.conf_file],
                    sw.env())
        self.fails(proc, "lcores? from 32|lcore")

    def test_an_unknown_option_in_the_file(self):
        sw = self.make(start=False, conf={"max_viffs": 3})
        for name, argv in (("primary", ["xv-primary", "-c", "0x3", "--"]), ("watcher", ["xv-watcher"]),
                           ("worker", ["xv-worker", "--domid", "1"]), ("ctl", ["xvctl"])):
            with self.subTest(name):
                argv = [built(argv[0]), *argv[1:], "--config", sw.conf_file]
                argv += ["show"] if name == "ctl" else []
                self.fails(Proc(self.bench, name, argv, sw.env()), r"xv\.conf:\d+: unknown option max_viffs")

    def test_xvctl_without_a_watcher(self):
        sw = self.make(start=False)
        result = sw.ctl("show", check=False)
        self.assertEqual(3, result.returncode)
        self.assertIn("xv-watcher does not answer", result.stderr)

    def test_a_restart_of_a_guest_that_is_not_there(self):
        sw = self.make()
        result = sw.ctl("restart", "77", check=False)
        self.assertEqual(1, result.returncode)
        self.assertIn("77", result.stderr)

    def test_a_guest_that_the_configuration_does_not_allow(self):
        self.make(conf={"guest": {"allow": False}, "guests": [{"domid": 2, "allow": True}]})
        a = Fe22(self.bench, self.bench.domain())
        a.device(0, A)
        b = self.bench.fe22(B)
        vif = self.switch.vif_state(a.domid, 0, "refused")
        self.assertIn("configuration", vif["why"])
        b.running()

    def test_fewer_maptrack_frames_than_pages(self):
        sw = self.make(start=False)
        self.bench.sim_env(0)["XENSIM_MAPTRACK_LIMIT"] = "200"
        sw.start()
        a = Fe22(self.bench, self.bench.domain())
        a.do("pool 0 count=600")
        a.device(0, A, new_pool=False)
        vif = sw.vif_state(a.domid, 0, "refused")
        pages = len(a.do("refs pool 0")["refs"])
        self.assertGreater(pages, 256)
        self.assertIn("can't map its mempool 0 at once: needs 2 more maptrack frames, or a gntdev limit of "
                      f"{pages} pages", vif["why"])
        self.wait("nothing to be mapped but the flag page", lambda: self.bench.sim.mapped(a.domid) <= 1)
        b = Fe22(self.bench, self.bench.domain())
        b.do("pool 0 count=300")
        b.device(0, B, new_pool=False)
        b.running()

    def test_pinned_numbers_and_tags(self):
        self.make(conf={"guests": [{"domid": 1, "vifs": [{"device": 0, "number": 5}]},
                                   {"domid": 2, "vifs": [{"device": 0, "number": 3, "vlan": 77}]}]})
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        self.assertEqual((5, 1005), tuple(self.switch.vif(a.domid)[k] for k in ("vif", "vlan")))
        self.assertEqual((3, 77), tuple(self.switch.vif(b.domid)[k] for k in ("vif", "vlan")))
        self.switch.wire.send(seq.frame(B, HOST_MAC, 1, vlan=77))
        self.wait_book(b, 1, 1)

    def test_two_uplinks(self):
        self.make(n_uplinks=2, conf={"guests": [{"domid": 2, "uplink": 1}]})
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        for guest, wire, other in ((a, 0, 1), (b, 1, 0)):
            guest.do(f"send dev=0 dst={HOST_MAC} flow={wire + 1}")
            self.wait_book(self.switch.wires[wire], wire + 1, 1)
            self.assertEqual(0, self.switch.wires[other].book(wire + 1)["frames"])
        a.do(f"send dev=0 dst={B} flow=5")
        self.wait_book(b, 5, 1)
        self.switch.wires[0].send(seq.frame(B, HOST_MAC, 6))  # not b's uplink
        self.switch.wires[1].send(seq.frame(B, HOST_MAC, 7))
        self.wait_book(b, 7, 1)
        self.assertEqual(0, b.book(6)["frames"])

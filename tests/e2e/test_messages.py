# SPDX-License-Identifier: BSD-3-Clause
"""What the programs say of mistakes, and settings of numbers, tags and uplinks."""

import os
import subprocess

import seq
from guests import Fe22
from life import A, B, LifeCase
from proc import Proc, built
from wire import HOST_MAC


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

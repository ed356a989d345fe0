# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's own tools on the host: none may join xv-primary, and whatever they do or die of, the switch doesn't notice.

What they would tell is told by xv-primary's telemetry.
"""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

from case import OwnCase
from proc import Proc, built
from wait import LONG, Failure

A, B = "00:00:00:00:00:11", "00:00:00:00:00:22"
KILLS = int(os.environ.get("XV_TOOL_KILLS", "100"))  # of each tool
REFUSED = "Primary process refused secondary attachment"


class Tools(OwnCase):

    def setUp(self):
        super().setUp()
        self.make()
        self.a, self.b = self.bench.fe22(A), self.bench.fe22(B)

    def tools(self):
        """{name: command line}, as an operator types them."""
        prefix, pcap = f"--file-prefix={self.bench.prefix}", os.path.join(self.bench.dir, "x.pcap")
        return {
            "proc-info": ["dpdk-proc-info", prefix, "--no-pci", "--", "--xstats"],
            "pdump": ["dpdk-pdump", prefix, "--no-pci", "--", "--pdump", f"port=0,queue=*,rx-dev={pcap},tx-dev={pcap}"],
            "dumpcap": ["dpdk-dumpcap", prefix, "-i", "0", "-w", pcap],
        }

    def flows(self):
        vlan = self.switch.vif(self.a.domid)["vlan"]
        wire = self.switch.wire
        wire.keep = False
        return [self.flow(source, target, rate=500, length=200, vlan=vlan) for source, target in (
            (self.a, self.b), (self.b, self.a), (self.a, wire), (wire, self.a))]

    def whole(self, flows):
        """Nothing was lost, workers start still, and the primary ends in order."""
        for flow in flows:
            flow.going()
        for flow in flows:
            flow.whole()
        for guest in (self.a, self.b):
            before = self.switch.worker_pid(guest.domid)
            os.kill(before, signal.SIGKILL)
            self.wait("another worker", lambda g=guest, p=before: self.switch.worker_pid(g.domid) not in (None, p))
            guest.running()
        again = self.flow(self.a, self.b, count=100)
        again.whole()
        self.assertTrue(self.switch.primary.alive())
        self.switch.wire_down()
        self.assertEqual(0, self.switch.primary.stop())

    def kill_at_random(self, name, argv, life, rng):
        with open(os.devnull, "wb") as null:
            for _ in range(KILLS):
                with subprocess.Popen(argv, stdin=null, stdout=null, stderr=null) as tool:
                    try:
                        tool.wait(rng.uniform(0, life))
                    except subprocess.TimeoutExpired:
                        tool.kill()

    def test_tools_are_refused_and_kills_at_any_moment_cost_nothing(self):
        flows = self.flows()
        lives = {}
        for name, argv in self.tools().items():
            began = time.monotonic()
            tool = Proc(self.bench, name, argv)
            self.assertNotEqual(0, tool.wait(), name)
            self.assertIn(REFUSED, tool.text(), name)
            lives[name] = time.monotonic() - began
        threads = [threading.Thread(target=self.kill_at_random, args=(name, argv, lives[name], random.Random(name)))
                   for name, argv in self.tools().items()]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.whole(flows)

    def killed_at(self, argv, n):
        """Kills the tool at its n-th system call. Returns how many there were, None if it waits for a lock instead."""
        proc = Proc(self.bench, "killat", [built("killat"), str(n), *argv])
        try:
            proc.wait(10)
        except Failure:
            proc.stop()
            return None
        finally:
            self.bench.procs.remove(proc)
        return int(proc.text().split()[-1])

    def test_a_lock_that_dies_with_a_tool_that_was_refused_holds_up_nobody(self):
        """dpdk-dumpcap cleans up after it was refused, under a lock of EAL's. The next one, not the switch, waits for it."""
        flows = self.flows()
        argv = self.tools()["dumpcap"]
        last = self.killed_at(argv, 10 ** 9)
        for n in range(max(1, last - 40), last + 1, 4):
            if self.killed_at(argv, n) is None:
                break
        self.whole(flows)

    def telemetry(self, *commands):
        """What dpdk-telemetry.py prints, of the answers alone."""
        text = subprocess.run(["dpdk-telemetry.py", "-f", self.bench.prefix], input="\n".join(commands) + "\n", text=True,
                              capture_output=True, check=True, timeout=LONG).stdout
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def test_telemetry_tells_of_the_uplink(self):
        self.flow(self.a, self.switch.wire, count=200).whole()
        said = {}
        for answer in self.telemetry("/ethdev/list", "/ethdev/stats,0", "/ethdev/info,0", "/ethdev/xstats,0",
                                     "/ethdev/link_status,0", "/mempool/info,xv_port0", "/eal/heap_info,0"):
            said.update(answer)
        self.assertEqual([0], said["/ethdev/list"])
        self.assertEqual(200, said["/ethdev/stats"]["opackets"])
        self.assertEqual("net_tap0", said["/ethdev/info"]["name"])
        self.assertEqual(200, said["/ethdev/xstats"]["tx_good_packets"])
        self.assertEqual("UP", said["/ethdev/link_status"]["status"])
        self.assertEqual(4096, said["/mempool/info"]["size"])
        self.assertGreater(said["/eal/heap_info"]["Heap_size"], 16 << 20)  # mbufs; the fabric is not EAL's

    def ask(self, command):
        """The one answer, or None if it is null."""
        return self.telemetry(command)[-1][command.split(",")[0]]

    def test_telemetry_tells_of_the_switch_what_xvctl_does(self):
        a, b, domid = self.a, self.b, self.a.domid
        self.flow(a, b, count=100).whole()
        self.flow(a, self.switch.wire, count=200).whole()
        a.do(f"send dev=0 dst={B} src=02:00:00:00:00:99 flow=9 count=5")
        self.wait_drop(domid, "tx_spoofed", 5)
        shown, uplink = self.switch.vif(domid), self.switch.show()["uplinks"][0]
        vif = self.ask(f"/xv/vifs,{shown['vif']}")
        for key in ("vif", "domid", "device", "mac", "vlan", "tx_frames", "tx_bytes", "rx_frames", "tx_fault", "wire"):
            self.assertEqual(shown[key], vif[key], key)
        self.assertEqual((1, "xenvirt"), (vif["attached"], vif["kind"]))
        self.assertEqual(shown["drops"], self.ask(f"/xv/drops,{shown['vif']}"))
        self.assertEqual(5, self.ask("/xv/drops")["tx_spoofed"])
        self.assertEqual([a.domid, b.domid], sorted(self.ask("/xv/guests")))
        self.assertEqual([shown["vif"]], self.ask(f"/xv/guests,{domid}")["vifs"])
        self.assertEqual([0], self.ask("/xv/uplinks"))
        told = self.ask("/xv/uplinks,0")
        for key in ("rx_frames", "tx_frames", "mtu", "drops"):
            self.assertEqual(uplink[key], told[key], key)
        self.assertEqual((1, "net_tap0"), (told["up"], told["name"]))
        self.assertEqual(len(uplink["queues"]), len(self.ask("/xv/queues,0")["rx_frames"]))
        self.assertEqual([a.domid, b.domid], sorted(self.ask("/xv/workers")))
        self.assertEqual(self.switch.worker_pid(domid), self.ask(f"/xv/workers,{domid}")["pid"])

    def test_telemetry_answers_null_to_what_makes_no_sense_and_goes_on(self):
        for wrong in ("/xv/vifs,128", "/xv/vifs,-1", "/xv/vifs,x", "/xv/vifs,77", "/xv/uplinks,1", "/xv/queues,99999999999",
                      "/xv/guests,4000", "/xv/workers,4000", "/xv/drops,"):
            with self.subTest(wrong):
                answer = self.telemetry(wrong)[-1]
                if not wrong.endswith(","):
                    self.assertEqual({wrong.split(",")[0]: None}, answer)
        self.assertEqual([0], self.ask("/xv/uplinks"))

    def test_a_client_that_asks_while_the_primary_ends_or_comes_back_hurts_nobody(self):
        stop, answers = threading.Event(), []

        def ask():
            """Without a pause, so that it asks in whatever moment memory is given back."""
            while not stop.is_set():
                with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s, contextlib.suppress(OSError):
                    s.settimeout(LONG)
                    s.connect(f"/var/run/dpdk/{self.bench.prefix}/dpdk_telemetry.v2")
                    while not stop.is_set() and s.recv(1 << 14):
                        s.send(b"/xv/drops")
                        answers.append(0)
        asker = threading.Thread(target=ask)
        asker.start()
        try:
            self.wait("answers", lambda: len(answers) > 100)
            self.switch.wire_down()
            self.assertEqual(0, self.switch.primary.stop())
            self.switch.start_primary()
            self.switch.ready()
        finally:
            stop.set()
            asker.join()
        self.a.running()
        self.assertIn("tx_spoofed", self.ask("/xv/drops"))

# SPDX-License-Identifier: BSD-3-Clause
"""xvctl metrics of a switch that runs, and the file that node_exporter reads. tests/unit/ctl holds the text to OpenMetrics."""

import os
import re
import shlex
import subprocess

from case import OwnCase
from proc import built
from wait import LONG

A, B = "00:00:00:00:00:11", "00:00:00:00:00:22"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Metrics(OwnCase):

    def setUp(self):
        super().setUp()
        self.make()
        self.a, self.b = self.bench.fe22(A, domid=self.bench.domain("alpha", "--compat22")), self.bench.fe22(B)

    @staticmethod
    def samples(text):
        """[(name, labels, value)]; the values of these labels need no escapes."""
        found = re.findall(r"^(\w+)(?:\{(.*)\})? (\d+)$", text, re.M)
        return [(name, dict(re.findall(r'(\w+)="([^"]*)"', labels)), int(value)) for name, labels, value in found]

    def value(self, metric, text=None, /, **labels):
        said = self.samples(text or self.switch.ctl("metrics").stdout)
        values = [v for n, had, v in said if n == metric and labels.items() <= had.items()]
        self.assertEqual(1, len(values), f"{metric} {labels}")
        return values[0]

    def test_they_are_what_xvctl_shows(self):
        self.flow(self.a, self.b, count=100).whole()
        self.flow(self.a, self.switch.wire, count=200).whole()
        self.a.do(f"send dev=0 dst={B} src=02:00:00:00:00:99 flow=9 count=5")
        self.wait_drop(self.a.domid, "tx_spoofed", 5)
        vif, uplink = self.switch.vif(self.a.domid), self.switch.show()["uplinks"][0]
        text = self.switch.ctl("metrics").stdout
        mine = {"guest": str(self.a.domid), "name": "alpha", "device": "0", "vif": str(vif["vif"])}
        for direction in "tx", "rx":
            for what in "frames", "bytes":
                self.assertEqual(vif[f"{direction}_{what}"],
                                 self.value(f"xv_vif_{what}_total", text, **mine, direction=direction))
                self.assertEqual(vif["wire"][f"{direction}_{what}"],
                                 self.value(f"xv_vif_wire_{what}_total", text, **mine, direction=direction))
            self.assertEqual(uplink[f"{direction}_frames"],
                             self.value("xv_uplink_frames_total", text, uplink="0", direction=direction))
        for reason, n in vif["drops"].items():
            self.assertEqual(n, self.value("xv_vif_dropped_frames_total", text, **mine, reason=reason), reason)
        self.assertEqual(1, self.value("xv_vif_info", text, **mine, mac=A, uplink="0", state="running"))
        self.assertEqual(1, self.value("xv_primary_up", text))
        self.assertEqual(1, self.value("xv_worker_up", text, guest=mine["guest"], name="alpha"))

    def test_the_example_in_the_manual_writes_a_whole_file_or_leaves_the_last_one(self):
        with open(os.path.join(ROOT, "docs", "xvctl.1.md"), encoding="utf-8") as f:
            line = re.search(r"^ *ExecStart=(.*)$", f.read(), re.M).group(1)
        argv = shlex.split(line.replace("xvctl", f"{built('xvctl')} --config {self.switch.conf_file}"))
        path = os.path.join(self.bench.dir, "xv.prom")

        def timer():
            return subprocess.run(argv, cwd=self.bench.dir, env=self.switch.env(), capture_output=True, timeout=LONG,
                                  check=False).returncode
        self.assertEqual(0, timer())
        with open(path, encoding="ascii") as f:
            first = f.read()
        self.assertTrue(first.endswith("\n# EOF\n"))
        self.assertEqual(0o644, os.stat(path).st_mode & 0o777, "node_exporter isn't root")
        self.switch.watcher.stop()
        self.assertNotEqual(0, timer())
        with open(path, encoding="ascii") as f:
            self.assertEqual(first, f.read())

    def test_a_primary_that_is_away_is_said(self):
        self.switch.wire_down()
        self.switch.primary.kill()
        self.wait("it to be said", lambda: self.value("xv_primary_up") == 0)
        self.switch.start_primary()
        self.switch.ready()
        self.assertEqual(1, self.value("xv_primary_up"))

# SPDX-License-Identifier: BSD-3-Clause
"""test_metrics.py PRINT_SHOW STATE_H MANUAL: what Prometheus' own parser makes of the metrics."""

import re
import subprocess
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as text_families

PRINT, STATE_H, MANUAL = sys.argv[1:]
NAME = 'web "\\??'  # what is no printable ASCII is a question mark


def printed(*args):
    return subprocess.run([PRINT, "metrics", *args], capture_output=True, text=True, check=True).stdout


def samples(text):
    """{sample name: {frozen labels: value}}; the parser refuses what is no OpenMetrics, and what is named twice."""
    out = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation and family.type in ("counter", "gauge"), family
        assert family.type != "counter" or family.unit in ("", "bytes", "frames"), family
        for s in family.samples:
            series = out.setdefault(s.name, {})
            key = frozenset(s.labels.items())
            assert key not in series, s
            series[key] = s.value
    return out


def rows(name):
    text = open(STATE_H, encoding="ascii").read()
    body = re.search(r"#define %s\(.\) ((?:.*\\\n)*.*)" % name, text).group(1)
    return re.findall(r'[CDF]\(\w+, "(\w+)"', body.replace("\\\n", ""))


def value(said, metric, /, **labels):
    found = [v for k, v in said[metric].items() if labels.items() <= dict(k).items()]
    assert len(found) == 1, f"{metric} {labels}: {len(found)} samples"
    return found[0]


text = printed()
assert text.endswith("# EOF\n") and text.count("# EOF") == 1
said = samples(text)

# Each counter of state.h, once for each device that has a number.
dropped = said["xv_vif_dropped_frames_total"]
reasons = rows("VIF_TX_DROPS") + rows("VIF_RX_DROPS") + rows("VIF_WIRE_DROPS")
assert len(reasons) > 30 and len(dropped) == 3 * len(reasons)
assert {dict(k)["reason"] for k in dropped} == set(reasons)
assert {dict(k)["reason"] for k in said["xv_uplink_dropped_frames_total"]} == set(rows("PORT_DROPS"))
for reason in rows("VIF_TX_DROPS"):
    assert value(said, "xv_vif_dropped_frames_total", vif="3", direction="tx", reason=reason) == \
        (5 if reason == "tx_spoofed" else 0)

first = {"guest": "1", "name": NAME, "device": "0", "vif": "3"}
assert value(said, "xv_vif_frames_total", **first, direction="tx") == 1000
assert value(said, "xv_vif_frames_total", **first, direction="rx") == 7
assert value(said, "xv_vif_bytes_total", **first, direction="tx") == 64000
assert value(said, "xv_vif_wire_frames_total", **first, direction="rx") == 70
assert value(said, "xv_vif_dropped_frames_total", **first, direction="rx", reason="wire_rx_wrong_tag") == 3
assert value(said, "xv_vif_ring_broken", **first, direction="tx") == 1
assert value(said, "xv_vif_queues", **first) == 4
assert value(said, "xv_vif_up", **first) == 1
assert value(said, "xv_vif_info", **first, mac="00:00:00:00:00:11", vlan="1003", uplink="0", state="running") == 1
assert value(said, "xv_vif_up", vif="5", guest="", name="") == 0
assert value(said, "xv_vif_frames_total", vif="4", direction="tx") == 0, "another device's"
assert value(said, "xv_primary_up") == 1
assert value(said, "xv_worker_up", guest="1", name=NAME) == 1
assert value(said, "xv_worker_up", guest="2") == 0
assert value(said, "xv_worker_restarts_total", guest="1") == 2
assert value(said, "xv_guest_refused_devices", guest="2") == 1
assert value(said, "xv_guest_refused_devices", guest="1") == 0
assert value(said, "xv_uplink_frames_total", uplink="0", direction="rx") == 100
assert value(said, "xv_uplink_dropped_frames_total", uplink="0", reason="unknown_mac") == 30
assert value(said, "xv_uplink_mtu_bytes", uplink="0") == 1500
assert value(said, "xv_uplink_queue_frames_total", uplink="0", queue="3", pool="", io="1") == 25

# The list changed while it was read, and something came twice.
assert printed("twice").count("\n") == text.count("\n")
twice = samples(printed("twice"))
twice["xv_guest_refused_devices"] = said["xv_guest_refused_devices"]  # what tells them apart isn't in the list
assert twice == said

empty = samples(printed("empty"))
assert value(empty, "xv_primary_up") == 0

# node_exporter reads the older text format: there a counter's type is lost, and none of the samples.
old = {s.name for family in text_families(text) for s in family.samples}
assert old == set(said), old ^ set(said)

manual = open(MANUAL, encoding="ascii").read()
for name in said:
    assert f"`{name}`" in manual, f"{MANUAL} does not name {name}"
for name in re.findall(r"`(xv_\w+)`", manual):
    assert name in said, f"{MANUAL} names {name}, which there is not"

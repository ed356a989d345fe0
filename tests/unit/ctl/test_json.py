# SPDX-License-Identifier: BSD-3-Clause
"""xvctl's JSON is one object with the same keys everywhere, whatever the texts hold."""
import json
import re
import subprocess
import sys


def printed(*args):
    return json.loads(subprocess.run([sys.argv[1], "json", *args], check=True, capture_output=True).stdout.decode("ascii"))


shown = printed()
empty = printed("empty")
assert empty["switch"]["pid"] is None and empty["uplinks"] == [] and empty["vifs"] == [], empty

assert shown["switch"] == {"pid": 4000, "state": "running", "why": ""}, shown["switch"]
assert shown["guests"] == [
    {"domid": 1, "name": 'web "\\\n\xff', "pid": 4001, "restarts": 2, "state": "running", "why": ""},
    {"domid": 2, "name": "", "pid": None, "restarts": 0, "state": "waiting", "why": "no worker yet"},
], shown["guests"]

first, other, refused, stopped = shown["vifs"]
assert first["vif"] == 3 and first["generation"] == 9 and first["pool"] == 3 and first["vlan"] == 1003
assert first["mac"] == "00:00:00:00:00:11"
assert (first["tx_frames"], first["tx_bytes"], first["rx_frames"]) == (1000, 64000, 7)
assert "loop" in first["tx_fault"] and first["rx_fault"] == "none"
assert first["wire"]["rx_frames"] == 70
assert {k: v for k, v in first["drops"].items() if v} == {
    "tx_spoofed": 5, "rx_buffer_small": 1, "wire_rx_wrong_tag": 3}
assert other["pool"] is None and other["uplink"] == 0
assert [v["queues"] for v in shown["vifs"]] == [4, None, None, None]
assert other["tx_frames"] == 0 and other["wire"]["tx_frames"] == 0  # the counters there are an earlier guest's
assert refused["state"] == "refused"
assert [refused[k] for k in ("vif", "uplink", "mac", "vlan", "generation", "pool")] == [None] * 6, refused
assert refused["why"] == 'key "0_ether_addr" is \x1b[31m\\\n\xff', refused["why"]
assert stopped["domid"] is None and stopped["state"] == "stopped" and stopped["why"] == "its domain, 3, is gone"
assert (stopped["rx_frames"], stopped["tx_frames"], stopped["drops"]["wire_rx_stopped"]) == (333, 0, 44), stopped
assert all(v.keys() == first.keys() and v["drops"].keys() == first["drops"].keys() for v in shown["vifs"])
with open(sys.argv[2], encoding="ascii") as f:
    rows = {name: re.findall(r'^    [CD]\(\w+, "(\w+)"', body, re.M)
            for name, body in re.findall(r"#define (\w+)\([CD]\) \\\n((?: +.*\n)+)", f.read())}
assert list(first["drops"]) == rows["VIF_TX_DROPS"] + rows["VIF_RX_DROPS"] + rows["VIF_WIRE_DROPS"], first["drops"]
assert list(first["wire"]) == rows["VIF_WIRE_COUNTERS"], first["wire"]
assert list(shown["uplinks"][0])[1:1 + len(rows["PORT_COUNTERS"])] == rows["PORT_COUNTERS"], shown["uplinks"][0]
assert list(shown["uplinks"][0]["drops"]) == rows["PORT_DROPS"], shown["uplinks"][0]["drops"]
assert [u["uplink"] for u in shown["uplinks"]] == [0, 1]  # the primary has two
assert shown["uplinks"][0] == {"uplink": 0, "rx_frames": 100, "tx_frames": 0, "mtu": 1500, "queues": [
    {"queue": i, "pool": i if i < 3 else None, "io": i % 2, "rx_frames": 25} for i in range(4)], "drops": {
        name: 30 if name == "unknown_mac" else 0 for name in rows["PORT_DROPS"]}}, shown["uplinks"]

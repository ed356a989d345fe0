# SPDX-License-Identifier: BSD-3-Clause
"""test_grafana.py PRINT_SHOW DASHBOARD: the dashboard asks for metrics and labels that xvctl metrics gives."""

import json
import re
import subprocess
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

PRINT, DASHBOARD = sys.argv[1:]
labels = {}  # of each sample
types = {}
text = subprocess.run([PRINT, "metrics"], capture_output=True, text=True, check=True).stdout
for family in text_string_to_metric_families(text):
    for s in family.samples:
        labels[s.name] = set(s.labels) | {"instance"}  # which Prometheus adds
        types[s.name] = family.type

dashboard = json.load(open(DASHBOARD, encoding="ascii"))
asked = set()
for panel in dashboard["panels"]:
    for target in panel.get("targets", []):
        expr, where = target["expr"], f"{panel['title']}: {target['expr']}"
        for name, matchers in re.findall(r"\b(xv_\w+)(\{[^}]*\})?", expr):
            assert name in labels, f"{where}: {name} is no metric"
            asked.add(name)
            used = set(re.findall(r"(\w+)=~?\"", matchers))
            used |= set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            for by in re.findall(r"by \(([^)]*)\)", expr):
                used |= set(by.replace(" ", "").split(","))
            assert used <= labels[name], f"{where}: no label {used - labels[name]}"
            rated = re.search(r"(rate|increase)\(" + name, expr) is not None
            assert rated == (types[name] == "counter"), f"{where}: a counter has a rate, a gauge none"
for variable in dashboard["templating"]["list"]:
    for name, label in re.findall(r"label_values\((xv_\w+)[^,]*, (\w+)\)", str(variable["query"])):
        assert label in labels[name], f"{variable['name']}: {name} has no {label}"
assert len({p["id"] for p in dashboard["panels"]}) == len(dashboard["panels"])
unseen = {n for n, t in types.items() if t == "counter"} - asked
assert not unseen, f"no panel shows {unseen}"

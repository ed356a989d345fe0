# SPDX-License-Identifier: BSD-3-Clause
"""kills.py DOMID COUNT: kill -9 of so many of a guest's workers, one after the other, each some time after it serves the guest."""

import json
import os
import random
import signal
import subprocess
import sys
import time

DOMID, COUNT = int(sys.argv[1]), int(sys.argv[2])


def serving():
    """The worker's pid when all devices of the guest run."""
    said = subprocess.run(["xvctl", "show", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    show = json.loads(said.stdout) if said.returncode == 0 else {"guests": [], "vifs": []}
    states = {v["state"] for v in show["vifs"] if v["domid"] == DOMID}
    return states == {"running"} and next((g["pid"] for g in show["guests"] if g["domid"] == DOMID), None)


old = None
for _ in range(COUNT):
    while (pid := serving()) in (False, None, 0, old):
        time.sleep(0.2)
    time.sleep(random.random())
    os.kill(pid, signal.SIGKILL)
    old = pid
while serving() in (False, None, 0, old):
    time.sleep(0.2)
print(f"{COUNT} killed", flush=True)

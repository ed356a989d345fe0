# SPDX-License-Identifier: BSD-3-Clause
"""xvctl's and restart_vm_worker.sh's command lines: exit codes and messages, without a watcher and with a fake one."""
import json
import os
import subprocess
import sys
import tempfile
import time

XVCTL, SCRIPT, FAKE = sys.argv[1:]


def run(*args, code, says=""):
    r = subprocess.run(args, capture_output=True, text=True, timeout=60, env={**os.environ, "XVCTL": XVCTL})
    out = r.stdout + r.stderr
    assert r.returncode == code and says in out, f"{args}: {r.returncode}, expected {code} and '{says}':\n{out}"
    return r.stdout


with tempfile.TemporaryDirectory() as d:
    conf = os.path.join(d, "xv.conf")
    with open(conf, "w", encoding="ascii") as f:
        f.write(f'run_dir = "{d}"; worker: {{ start_ms = 3000; hang_ms = 100; }};\n')
    bad = os.path.join(d, "bad.conf")
    with open(bad, "w", encoding="ascii") as f:
        f.write("\nfoo = 1;\n")
    run(XVCTL, "--help", code=0, says="usage: xvctl")
    run(XVCTL, "--version", code=0, says="xvctl 0.")
    run(XVCTL, "options", code=0, says="`worker.hang_ms`")
    run(XVCTL, code=2, says="a command is missing: show [DOMID], metrics, restart DOMID or options; see xvctl --help")
    run(XVCTL, "shwo", code=2, says="unknown command 'shwo'")
    run(XVCTL, "show", "1", "2", code=2, says="show takes nothing more, but '2' was given")
    run(XVCTL, "show", "one", code=2, says="one is no domain id; allowed: 0 to 32751")
    run(XVCTL, "metrics", "1", code=2, says="metrics takes nothing more, but '1' was given")
    run(XVCTL, "metrics", "--json", code=2, says="--json belongs to show")
    run(XVCTL, "--nonsense", code=2, says="unknown option '--nonsense'; see xvctl --help")
    run(XVCTL, "restart", code=2, says="restart takes one domain id")
    run(XVCTL, "restart", "1", "--json", code=2, says="--json belongs to show")
    for domid in "x", "", "-1", "1x", "32752", "99999999999999999999":
        run(XVCTL, "restart", "--", domid, code=2, says="is no domain id")
    run(XVCTL, "--config", bad, "show", code=2, says="bad.conf:2: unknown option foo")
    run(XVCTL, "--config", conf + ".no", "show", code=2, says="No such file")
    run(XVCTL, "--config", conf, "show", code=3, says=f"xv-watcher does not answer: is it running? (run_dir {d})")
    run(XVCTL, "show", "--json", "--config", conf, code=3, says="does not answer")
    run(XVCTL, "metrics", "--config", conf, code=3, says="does not answer")
    run(SCRIPT, code=2, says="usage: restart_vm_worker.sh DOMID")
    run(SCRIPT, "one", code=2, says="is no domain id")
    run(SCRIPT, "1", "--config", conf, code=3, says="does not answer")

    fake = subprocess.Popen([FAKE, d], stdin=subprocess.PIPE)
    try:
        for _ in range(1000):
            if os.path.exists(os.path.join(d, "ctl.ipc")):
                break
            time.sleep(0.02)
        shown = json.loads(run(XVCTL, "--config", conf, "show", "--json", code=0))
        assert [g["pid"] for g in shown["guests"]] == [100, 200, 300], shown
        shown = json.loads(run(XVCTL, "--config", conf, "show", "2", "--json", code=0))
        assert [g["pid"] for g in shown["guests"]] == [200] and {v["domid"] for v in shown["vifs"]} <= {2}, shown
        assert shown["uplinks"] == [], shown
        run(XVCTL, "--config", conf, "show", "9", code=1, says="guest 9 is not known: xvctl show lists those that are")
        run(XVCTL, "--config", conf, "show", code=0, says="xv-worker       1     100")
        run(XVCTL, "--config", conf, "metrics", code=0, says='xv_worker_up{guest="3",name=""} 1\n')
        run(SCRIPT, "1", "--config", conf, code=0, says="guest 1: back end restarted, pid 100 before, 101 now")
        shown = json.loads(run(XVCTL, "--config", conf, "show", "--json", code=0))
        assert shown["vifs"][0]["state"] == "running", "the restart waits for the guest's devices"
        run(SCRIPT, "2", "--config", conf, code=1, says="no new back end in force after 3100 ms")
        run(SCRIPT, "3", "--config", conf, code=1, says="guest 3 went away")
        run(SCRIPT, "7", "--config", conf, code=1, says="that guest is not known")
        os.unlink(os.path.join(d, "state"))
        run(XVCTL, "--config", conf, "show", code=1, says="can't read the counters")
        assert run(XVCTL, "--config", conf, "metrics", code=1, says="can't read the counters") == "", "no part of it"
    finally:
        fake.stdin.close()
        assert fake.wait(10) == 0

# SPDX-License-Identifier: BSD-3-Clause
"""What may happen to a switch, one function each: action(world, rng) does it and waits until all is served again.

It says by world.expect_lossy() whose frames may be lost for it; all others' must not be.
"""

import os
import signal
import subprocess
import time

from proc import TOP, built
from wait import wait_for
from world import signal_pid

YOUNG = 0.7  # seconds: a worker that dies younger is taken for a crash loop


def worker_killed(world, rng):
    """kill -9 of one worker, that has served for a while: the start after an early death is put off, on purpose."""
    guest = rng.choice(world.guests)
    time.sleep(max(0, guest.since + YOUNG - time.monotonic()))
    world.back(guest, world.kill_worker(guest))


def workers_killed(world, rng):
    """kill -9 of all workers at once."""
    old = [(g, world.kill_worker(g)) for g in rng.sample(world.guests, len(world.guests))]
    for g, pid in old:
        world.back(g, pid)


def worker_killed_young(world, rng):
    """kill -9 of a worker, and of its successor while that starts."""
    guest = rng.choice(world.guests)
    first = world.kill_worker(guest)
    second = wait_for("a successor", lambda: (p := guest.worker()) not in (None, first) and p)
    time.sleep(rng.uniform(0, 0.06))
    signal_pid(second, signal.SIGKILL)
    world.back(guest, second)


def worker_restarted(world, rng):
    """scripts/restart_vm_worker.sh."""
    guest = rng.choice(world.guests)
    old = guest.worker()
    script = os.path.join(TOP, "scripts", "restart_vm_worker.sh")
    done = subprocess.run([script, str(guest.domid), "--config", world.switch.conf_file], capture_output=True, text=True,
                          env=dict(world.switch.env(), XVCTL=built("xvctl")), timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError(f"restart_vm_worker.sh: {done.stdout}{done.stderr}")
    world.back(guest, old)


def worker_hung(world, rng):
    """A worker that hangs is found and replaced; when it goes on it is dead."""
    guest = rng.choice(world.guests)
    old = world.kill_worker(guest, signal.SIGSTOP)
    world.back(guest, old)
    signal_pid(old, signal.SIGCONT)


def worker_paused(world, rng):
    """A worker stands still for less than worker.hang_ms."""
    guest = rng.choice(world.guests)
    pid = world.kill_worker(guest, signal.SIGSTOP)
    time.sleep(rng.uniform(0, world.switch.conf["worker"]["hang_ms"] / 2000))
    signal_pid(pid, signal.SIGCONT)


def worker_doubled(world, rng):
    """A second worker of the same guest is refused."""
    guest = rng.choice(world.guests)
    pid = guest.worker()
    second = world.switch.start_worker(guest.domid)
    if second.wait() == 0 or "already has a worker" not in second.text():
        raise AssertionError(f"a second worker: {second.popen.returncode} {second.text()}")
    world.bench.procs.remove(second)
    if guest.worker() != pid:
        raise AssertionError("the first worker is gone")


def watcher_killed(world, rng):
    """kill -9 of the watcher, and a new one after a while."""
    workers = [g.worker() for g in world.guests]
    world.kill_watcher()
    time.sleep(rng.uniform(0, 0.5))
    world.restart_watcher()
    world.all_running()
    if [g.worker() for g in world.guests] != workers:
        raise AssertionError("the new watcher replaced workers that ran")


def watcher_and_worker_killed(world, rng):
    """A worker dies while nobody watches."""
    guest = rng.choice(world.guests)
    pid = guest.worker()
    world.kill_watcher()
    signal_pid(pid, signal.SIGKILL)
    time.sleep(rng.uniform(0, 0.5))
    world.restart_watcher()
    world.back(guest, pid)
    world.all_running()


def xenstored_restarted(world, rng):
    """xenstored dies and comes back empty: what runs goes on."""
    generations = [(v["domid"], v["device"], v["generation"]) for v in world.switch.show()["vifs"]]
    world.bench.sim.run("xenstored-restart", world.bench.sim.dir)
    time.sleep(rng.uniform(0.2, 0.6))
    world.all_running()
    if generations != [(v["domid"], v["device"], v["generation"]) for v in world.switch.show()["vifs"]]:
        raise AssertionError("devices were started anew")


def guest_killed(world, rng):
    """kill -9 of a guest's program; it comes back."""
    guest = rng.choice(world.guests)
    world.expect_lossy(guest)
    guest.kill()
    time.sleep(rng.choice([0, rng.uniform(0, 0.3)]))
    guest.start()


def guest_replaced(world, rng):
    """A domain goes, another one with the same MACs comes."""
    guest = rng.choice(world.guests)
    world.expect_lossy(guest)
    guest.new_domain()
    guest.start()


def guest_killed_unwatched(world, rng):
    """A guest's program dies while nobody watches, and another takes its place."""
    guest = rng.choice(world.guests)
    world.expect_lossy(guest)
    world.kill_watcher()
    guest.kill()
    if rng.random() < 0.5:
        guest.start(wait=False)
        world.restart_watcher()
    else:
        world.restart_watcher()
        guest.start(wait=False)
    world.all_running()


def primary_killed(world, rng):
    """kill -9 of the primary."""
    world.expect_lossy()
    _primary_back(world, world.primary_pid(), signal.SIGKILL)


def primary_hung(world, rng):
    """A primary that hangs is found and replaced."""
    world.expect_lossy()
    old = world.primary_pid()
    world.stopped.add(old)
    _primary_back(world, old, signal.SIGSTOP)
    signal_pid(old, signal.SIGCONT)


def _primary_back(world, old, number):
    signal_pid(old, number)
    wait_for("another primary", lambda: world.primary_pid() not in (0, None, old))
    world.all_running()


LOSSLESS = [worker_killed, workers_killed, worker_killed_young, worker_restarted, worker_hung, worker_paused,
            worker_doubled, watcher_killed, watcher_and_worker_killed, xenstored_restarted]
LOSSY = [guest_killed, guest_replaced, guest_killed_unwatched, primary_killed, primary_hung]

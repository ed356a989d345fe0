#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""outside.py IMAGE [-k PART]... [-f]: boots a machine with two NICs that have VMDQ and runs inside.py in it.

IMAGE is what image.sh made. The machine sees this machine's root directory, read-only, so it runs the build as it is. The
last line is `N passed, N failed`.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import cable

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("XV_BUILD", os.path.join(TOP, "build")))
LOGS = os.environ.get("XV_NIC_LOGS", os.path.join(BUILD, "nic-logs"))
SILENT = float(os.environ.get("XV_NIC_SILENT", "400"))  # seconds without a word from the machine; inside.py ends a test before
TRIES = 2  # a machine whose emulation stands still says nothing about the switch
BOOT = 120.0
NICS = ((0, "52:54:00:00:00:01", {"addr": "0x3"}),  # needs 5 slots behind it for its VFs
        (1, "52:54:00:00:00:02", {"bus": "slot1"}))  # in a slot that it can be pulled out of


def nic(n, mac, where):
    return {"driver": "igb", "id": f"card{n}", "netdev": f"nic{n}", "mac": mac, "romfile": "", **where}


def qemu_argv(image, directory, run):
    """The command that boots the machine."""
    qemu = os.path.join(image, "qemu")
    libs = os.path.join(qemu, "usr", "lib", "x86_64-linux-gnu")
    argv = [os.path.join(libs, "ld-linux-x86-64.so.2"), "--library-path", libs,
            os.path.join(qemu, "usr", "bin", "qemu-system-x86_64"),
            "-L", os.path.join(qemu, "usr", "share", "qemu"), "-L", os.path.join(qemu, "usr", "share", "seabios"),
            "-accel", "tcg,thread=multi", "-cpu", "max", "-machine", "q35,kernel-irqchip=split", "-smp", "2", "-m", "3G",
            "-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{LOGS}/console.log",
            "-kernel", os.path.join(image, "vmlinuz"), "-initrd", os.path.join(image, "initrd"),
            "-append", f"console=ttyS0 quiet loglevel=4 panic=-1 unknown_nmi_panic no_timer_check hugepages=320 intel_iommu=on iommu=pt xv.run={run}",
            "-device", "intel-iommu,intremap=on,caching-mode=on",  # without one, no vfio
            "-device", "pcie-root-port,id=slot1,chassis=1,slot=1,addr=0x8"]
    for n, mac, where in NICS:
        argv += ["-netdev", f"dgram,id=nic{n},local.type=unix,local.path={directory}/nic{n},"
                 f"remote.type=unix,remote.path={directory}/cable{n}",
                 "-device", ",".join(f"{key}={value}" for key, value in nic(n, mac, where).items())]
    # What has no slot of its own comes last, since it takes the first that is free.
    argv += ["-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap",
            "-virtfs", f"local,path={LOGS},mount_tag=logs,security_model=none",
            "-device", "virtio-serial", "-chardev", f"socket,id=line,path={directory}/line",
            "-device", "virtserialport,chardev=line,name=xv",
            "-qmp", f"unix:{directory}/monitor"]
    return argv, dict(os.environ, QEMU_MODULE_DIR=os.path.join(libs, "qemu"))


def listen(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(path)
    sock.listen(1)
    sock.settimeout(BOOT)
    return sock


class Monitor:
    """QEMU's own control."""

    def __init__(self, sock):
        sock.settimeout(BOOT)
        self.file = sock.makefile("rwb")
        self.file.readline()  # its greeting
        self("qmp_capabilities")

    def __call__(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']['desc']}")


def boot(image, directory, run):
    """(the process, what it and the inside speak through)"""
    line, monitor = listen(f"{directory}/line"), listen(f"{directory}/monitor")
    cables = [cable.Cable(f"{directory}/cable{n}", f"{directory}/nic{n}") for n, _, _ in NICS]
    argv, env = qemu_argv(image, directory, run)
    with open(os.path.join(LOGS, "qemu.log"), "wb") as log:
        # However this program ends, the machine ends with it.
        qemu = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *argv], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        port = line.accept()[0]
        port.settimeout(SILENT)
        return qemu, cable.Server(port, cables, Monitor(monitor.accept()[0]), [nic(*one) for one in NICS])
    except BaseException:
        qemu.kill()
        qemu.wait()
        raise


def tail(path, lines=60):
    with open(path, errors="replace") as f:
        return "".join(f.readlines()[-lines:])


def stands(server):
    """Where its processors are, for the log of a machine that says nothing."""
    try:
        for _ in range(3):
            text = server.monitor("human-monitor-command", **{"command-line": "info registers -a"})
            print("\n".join(line for line in text.splitlines() if line.startswith(("CPU#", "RIP", "RSI"))))
            time.sleep(1)
        server.monitor("inject-nmi")  # its kernel says what it was at
        time.sleep(5)
    except (OSError, RuntimeError, ValueError) as e:
        print(f"outside: its monitor: {e}")


def attempt(image, words):
    """Boots and tests once. Returns (passed, failed), or None if the machine stood still."""
    directory = tempfile.mkdtemp(prefix="xv-nic-", dir="/run")
    qemu, result, void, began = None, None, False, time.monotonic()
    try:
        qemu, server = boot(image, directory, ",".join(words))
        try:
            result = server.serve()
        except TimeoutError:
            void = True
            stands(server)
        else:
            qemu.wait(60)
    except (OSError, RuntimeError, subprocess.TimeoutExpired) as e:
        print(f"outside: {type(e).__name__}: {e}")
    finally:
        if qemu is not None and qemu.poll() is None:
            qemu.kill()
            qemu.wait()
        shutil.rmtree(directory, ignore_errors=True)
    if result is None:
        print(("the machine stands still:" if void else "the machine ended before its tests did:") + "\n"
              + tail(f"{LOGS}/qemu.log") + tail(f"{LOGS}/console.log"))
    print(f"from power on to power off: {time.monotonic() - began:.0f} s; logs in {LOGS}")
    return None if void else result or (0, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("image")
    parser.add_argument("-k", action="append", default=[], help="only tests whose name has this")
    parser.add_argument("-f", action="store_true", help="end at the first failure")
    args = parser.parse_args()
    shutil.rmtree(LOGS, ignore_errors=True)
    os.makedirs(LOGS)
    words = ["/usr/bin/python3", os.path.join(HERE, "inside.py"), BUILD] + [f"-k={k}" for k in args.k]
    words += ["-f"] if args.f else []
    result, tries = None, 0
    while result is None and tries < TRIES:
        result = attempt(os.path.abspath(args.image), words)
        tries += 1
    result = result or (0, 1)
    print(f"{result[0]} passed, {result[1]} failed", flush=True)
    return 1 if result[1] or not result[0] else 0


if __name__ == "__main__":
    sys.exit(main())

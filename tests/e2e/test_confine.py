# SPDX-License-Identifier: BSD-3-Clause
"""A worker that its guest has taken over: what the process may still do, by takeover (tests/chaos)."""

import os
import re
import struct
import subprocess

from case import SharedCase
from proc import TOP, built, gone
from wait import LONG, Failure
from xenagent import Agent

MACS = "00:00:00:00:00:11", "00:00:00:00:00:22"

FILE = "openat", "-100", "s:/etc/shadow", "0"
# What ends the process, each another one; tests/unit/secondary/test_confine.c has more.
REFUSED = {
    "a_file": FILE,
    "an_internet_socket": ("socket", "2", "1", "0"),
    "a_netlink_socket": ("socket", "16", "3", "0"),
    "a_program": ("execve", "s:/bin/true", "0", "0"),
    "another_s_memory": ("process_vm_readv", "1", "z:16", "1", "z:16", "1", "0"),
    "a_mapping_of_a_file": ("mmap", "0", "4096", "1", "1", "2", "0"),
    "memory_that_runs": ("mmap", "0", "4096", "7", "0x22", "-1", "0"),
    "memory_made_writable": ("mprotect", "0x10000", "4096", "3"),
    "root_again": ("setresuid", "0", "0", "0"),
    "a_kill": ("kill", "1", "9"),
    "an_unknown_ioctl": ("ioctl", "2", "0x5401", "z:64"),
    "a_clone": ("clone", "17", "0", "0", "0", "0"),
    "the_end_of_the_log_for_all": ("shutdown", "2", "2"),
    "flags_of_the_log": ("fcntl", "2", "4", "2048"),
}


class Confine(SharedCase):
    """One guest whose worker is taken over again and again, and one that notices nothing."""

    uplink = "none"
    conf = {"guest": {"mac_grace": 0}}  # tests have the same addresses

    def setUp(self):
        super().setUp()
        self.a, self.b = (self.bench.fe22(mac) for mac in MACS)
        self.other = self.pid(self.b)

    def pid(self, guest):
        return self.wait("a worker", lambda: self.switch.worker_pid(guest.domid))

    def takeover(self, pid, *args, thread=None):
        argv = [built("takeover"), *(["-t", thread] if thread else []), str(pid), *args]
        return subprocess.run(argv, capture_output=True, text=True, timeout=LONG, check=False)

    def frames_pass(self):
        self.flow(self.a, self.b, count=20).whole()

    def start_anew(self):
        self.a.do("rm event_type_start_0")
        self.wait("the stop to be seen", lambda: (self.switch.vif(self.a.domid) or {"state": ""})["state"] != "running")
        self.a.do("write event_type_start_0 1")

    def successor(self, guest, before):
        self.wait("a successor", lambda: self.switch.worker_pid(guest.domid) not in (None, 0, before))
        self.switch.vif_running(guest.domid)

    def refused(self, name, call, thread=None):
        pid, said = self.pid(self.a), len(self.switch.watcher.text())
        result = self.takeover(pid, "syscall", *call, thread=thread)
        self.assertEqual((1, f"{call[0]}: SIGSYS"), (result.returncode, result.stdout.strip()), name + result.stderr)
        self.wait("the worker's end", lambda: gone(pid))
        log = self.switch.watcher.text()[said:]
        self.assertRegex(log, rf"thread {thread or 'xv-worker'}: system call \d+ is not allowed")
        self.successor(self.a, pid)

    def test_the_process_has_no_rights(self):
        with open(f"/proc/{self.pid(self.a)}/status") as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        for name in "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb":
            self.assertEqual(0, int(status[name], 16), name)
        self.assertEqual(("1", "2"), (status["NoNewPrivs"], status["Seccomp"]))

    def test_it_is_nobody_in_an_empty_room(self):
        """Another user, whose file system is the directory of its own socket, without a network."""
        pid = self.pid(self.a)
        with open(f"/proc/{pid}/status") as f:
            ids = dict(re.findall(r"^(Uid|Gid|Groups):\s(.*)$", f.read(), re.M))
        self.assertEqual(1, len({ids["Uid"], ids["Gid"]}))
        self.assertEqual((4 * [ids["Uid"].split()[0]], ""), (ids["Uid"].split(), ids["Groups"].strip()))
        self.assertNotEqual("0", ids["Uid"].split()[0])
        self.assertRegex(os.readlink(f"/proc/{pid}/root"), rf"^{self.switch.run_dir}/slot\.\d+$")
        self.assertEqual({"link.ipc", "files"}, set(os.listdir(f"/proc/{pid}/root")))
        with open(f"/proc/{pid}/net/dev") as f:
            self.assertEqual(["lo"], re.findall(r"^\s*(\S+):", f.read(), re.M))
        for path in "/run/xenstored/socket", os.path.join(self.switch.run_dir, "ctl.ipc"):
            self.assertEqual("ENOENT", self.connect(pid, path))

    def connect(self, pid, path):
        """Returns the error's name."""
        made = self.takeover(pid, "syscall", "socket", "1", "1", "0")
        address = struct.pack("=H", 1) + path.encode() + b"\0"
        done = self.takeover(pid, "syscall", "connect", made.stdout.split()[-1], f"x:{address.hex()}", str(len(address)))
        return done.stdout.split()[-1]

    def test_what_it_opened_is_open(self):
        """The control thread's look at the poll thread, and the poll thread's own; and of files nothing else but its lock."""
        pid = self.pid(self.a)
        names = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        files = [os.path.basename(name) for name in names if name.startswith(("/proc/", self.switch.run_dir))]
        self.assertEqual(["schedstat", "schedstat", "stat", f"worker.{self.a.domid}.lock"], sorted(files))

    def test_all_its_threads_are_confined(self):
        pid = self.pid(self.a)
        tasks = subprocess.run(["grep", "-h", "-E", "^(Seccomp|NoNewPrivs|CapPrm|CapEff|CapBnd):",
                                *[f"/proc/{pid}/task/{tid}/status" for tid in self.tids(pid)]],
                               capture_output=True, text=True, check=True).stdout.split()
        self.assertEqual({"Seccomp:", "2", "NoNewPrivs:", "1", "CapPrm:", "CapEff:", "CapBnd:", "0000000000000000"}, set(tasks))

    @staticmethod
    def tids(pid):
        return subprocess.run(["ls", f"/proc/{pid}/task"], capture_output=True, text=True, check=True).stdout.split()

    def test_what_it_gave_up_ends_the_process(self):
        for name, call in REFUSED.items():
            with self.subTest(name):
                self.refused(name, call)
        self.frames_pass()
        self.assertEqual(self.other, self.pid(self.b))

    def test_it_writes_into_no_file_that_counts_as_memory(self):
        """All who have a lock can write to its file, which is in run_dir, a tmpfs with an end."""
        pid = self.pid(self.a)
        lock = os.path.join(self.switch.run_dir, f"worker.{self.a.domid}.lock")
        number = next(fd for fd in os.listdir(f"/proc/{pid}/fd") if os.readlink(f"/proc/{pid}/fd/{fd}") == lock)
        size = os.path.getsize(lock)
        self.refused("a lock's file", ("write", number, "z:4096", "4096"))
        self.assertEqual(size, os.path.getsize(lock))

    def test_it_has_its_share_of_memory_and_descriptors(self):
        pid, huge = self.pid(self.a), 1 << 40
        result = self.takeover(pid, "syscall", "mmap", "0", str(huge), "3", "0x4022", "-1", "0")
        self.assertEqual("ENOMEM", result.stdout.split()[-1])
        with open(f"/proc/{pid}/limits") as f:
            limits = {line[:25].strip(): line[25:].split()[:2] for line in f}
        self.assertEqual(["256", "256"], limits["Max open files"])
        self.assertNotEqual("unlimited", limits["Max address space"][1])

    def test_the_poll_thread_ends_the_process_too(self):
        self.refused("a file", FILE, "xv-poll")
        self.frames_pass()

    def test_what_it_needs_it_may(self):
        pid = self.pid(self.a)
        for call in (("sched_yield",), ("gettid",), ("socket", "1", "1", "0"), ("mmap", "0", "4096", "3", "0x22", "-1", "0")):
            result = self.takeover(pid, "syscall", *call)
            self.assertRegex(result.stdout, rf"^{call[0]} = \d+$")
        self.frames_pass()
        self.assertEqual(pid, self.pid(self.a))

    def channel_bind(self, pid, domid, port):
        """As libxenevtchn of the simulator asks its keeper (tests/sim/grant.h), by the handle that the worker has open."""
        with open(f"/proc/{pid}/net/unix") as f:
            packets = {line.split()[6] for line in f if line.split()[4] == "0005"}  # SOCK_SEQPACKET
        found = {}
        for fd in sorted(map(int, os.listdir(f"/proc/{pid}/fd"))):
            inode = re.sub(r"\D", "", os.readlink(f"/proc/{pid}/fd/{fd}"))
            if inode in packets:
                found.setdefault(inode, fd)
        handle = list(found.values())[1]  # the one before is the grants', the one behind is where events come
        with open(os.path.join(TOP, "tests", "sim", "grant.h")) as f:
            ops = re.findall(r"^    ((?:GRANT|EVENT)_[A-Z_]+),$", f.read(), re.M)
        request = struct.pack("=6IQ", ops.index("EVENT_BIND_INTERDOMAIN"), domid, 0, 0, 0, 0, port).hex()
        for call in ("sendto", str(handle), f"x:{request}", "32", "0", "0", "0"), ("read", str(handle), "z:64", "64"):
            self.assertRegex(self.takeover(pid, "syscall", *call).stdout, r"^\w+ = (32|24)$")

    def test_it_binds_event_channels_of_its_own_guest_alone(self):
        pid, domain = self.pid(self.a), Agent(self.bench, 0)
        domain.ask("keep('e', Evtchn())")
        for guest, bound in (self.b, False), (self.a, True):
            agent = Agent(self.bench, guest.domid)
            agent.ask("keep('e', Evtchn())")
            port = agent.ask("e.unbound(0)")
            self.channel_bind(pid, guest.domid, port)
            # Xen binds a channel once.
            if bound:
                self.assertRaisesRegex(Failure, "EINVAL", domain.ask, f"e.bind({guest.domid}, {port})")
            else:
                self.assertGreater(domain.ask(f"e.bind({guest.domid}, {port})"), 0)
        self.frames_pass()
        self.assertEqual(pid, self.pid(self.a))

    def test_normal_work_goes_on(self):
        pids = self.pid(self.a), self.pid(self.b)
        for _ in range(5):
            with self.switch.new_start(self.a.domid):
                self.start_anew()
        self.frames_pass()
        self.switch.watcher.kill()
        self.switch.start_watcher()
        self.switch.vif_running(self.a.domid)
        with self.switch.new_start(self.a.domid):
            self.start_anew()
        self.frames_pass()
        self.assertEqual(pids, (self.pid(self.a), self.pid(self.b)))

# SPDX-License-Identifier: BSD-3-Clause
"""Real processes for end-to-end tests: simulated Xen, the switch, guests and the wire.

A Bench is one directory below the run's in /run (short enough for socket paths, and not below a world-writable directory, which EAL
refuses to load drivers from) with everything in it; close() ends all processes that it started and removes it.
"""

import contextlib
import glob
import json
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

import machine
import seq
import wire as wire_module
from conf import conf_text, merge

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("XV_BUILD", os.path.join(TOP, "build")))
XENSIM = os.path.join(TOP, "tests", "sim", "xensim")
LONG = float(os.environ.get("XV_E2E_TIMEOUT", "60"))  # seconds: an end to waiting, nothing that is asserted
BROADCAST = "ff:ff:ff:ff:ff:ff"
HOST_MAC = "02:00:00:00:ff:01"  # whoever is on the other end of the wire


class Failure(AssertionError):
    pass


def built(name):
    """A program or library of the build."""
    for pattern in (os.path.join(BUILD, name), os.path.join(BUILD, "*", name), os.path.join(BUILD, "tests", "*", name)):
        for path in glob.glob(pattern):
            if os.path.isfile(path):
                return path
    raise Failure(f"{name} is not built in {BUILD}")


def wait_for(what, condition, timeout=None, step=0.02):
    """The first true value of condition(); it is asked again until then."""
    end = time.monotonic() + (timeout or LONG)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited in vain for {what}")
        time.sleep(step)


class Proc:
    """A process with its output in a log file."""

    def __init__(self, bench, name, argv, env=None, stdin=subprocess.DEVNULL, stdout=None):
        self.name, self.argv = name, argv
        self.log = os.path.join(bench.logs, name + ".log")
        with open(self.log, "ab") as log:
            log.write(("$ " + " ".join(shlex.quote(a) for a in argv) + "\n").encode())
            log.flush()
            self.start = log.tell()
            self.popen = subprocess.Popen(argv, env=env, stdin=stdin, stdout=stdout or log, stderr=log,
                                          start_new_session=True)
        self.pid = self.popen.pid
        bench.procs.append(self)

    def alive(self):
        return self.popen.poll() is None

    def text(self):
        """What it has written so far."""
        with open(self.log, "rb") as f:
            f.seek(self.start)
            return f.read().decode(errors="replace")

    def wait(self, timeout=None):
        try:
            return self.popen.wait(timeout or LONG)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} does not end") from None

    def send_signal(self, number):
        if self.alive():
            self.popen.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """Returns the exit status."""
        self.send_signal(number)
        return self.wait()

    def kill(self):
        return self.stop(signal.SIGKILL)

    def expect(self, pattern, timeout=None):
        """Waits until its output has the regular expression."""
        def found():
            match = re.search(pattern, self.text(), re.M)
            if match is None and not self.alive() and re.search(pattern, self.text(), re.M) is None:
                raise Failure(f"{self.name} ended with {self.popen.returncode} before it said {pattern!r}:\n"
                              + self.text()[-2000:])
            return match
        return wait_for(f"{self.name} to say {pattern!r}", found, timeout, 0.05)


class Fe22(Proc):
    """A guest of DPDK 2.2; see tests/fe22/README.md for the commands."""

    def __init__(self, bench, domid, *options):
        super().__init__(bench, f"fe22-{domid}", [built("fe22"), *options],
                         dict(bench.sim_env(domid), XENSIM_GNTALLOC_LIMIT="16384"), subprocess.PIPE, subprocess.PIPE)
        self.bench, self.domid, self.macs = bench, domid, {}
        self.buffer = b""
        self.lock = threading.Lock()
        hello = self._answer()
        if not hello["ok"]:
            raise Failure(f"fe22: {hello}")
        self.removed = hello["removed"]

    def _answer(self):
        end = time.monotonic() + LONG
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.popen.stdout], [], [], max(0, end - time.monotonic()))
            more = os.read(self.popen.stdout.fileno(), 1 << 20) if ready else b""
            if not more:
                raise Failure(f"{self.name} gives no answer")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def ask(self, command):
        """The answer, whatever it says."""
        with self.lock:
            self.popen.stdin.write(command.encode() + b"\n")
            self.popen.stdin.flush()
            return self._answer()

    def do(self, command):
        answer = self.ask(command)
        if not answer["ok"]:
            raise Failure(f"{self.name}: {command[:200]}: {answer}")
        return answer

    def device(self, n, mac, start=True, pool=0, new_pool=True, options=""):
        """A device, in a mempool of its own number unless said otherwise."""
        if new_pool:
            self.do(f"pool {pool}")
        self.do(f"dev {n} mac={mac} pool={pool} {options}")
        self.macs[n] = mac
        if start:
            self.do(f"start {n}")

    def running(self, n=0):
        """Waits until the switch serves the device."""
        return self.bench.switch.vif_running(self.domid, n)

    def report(self, n=0):
        return self.do(f"report {n}")

    def book(self, flow, n=0):
        return self.report(n)["flows"].get(str(flow), seq.Book().as_dict())

    def frames(self, n=0):
        return [bytes.fromhex(f) for f in self.do(f"frames {n}")["frames"]]

    def flow(self, number):
        return self.do("flows")["flows"][str(number)]

    def flow_done(self, number):
        return wait_for(f"flow {number} of {self.name}", lambda: not self.flow(number)["running"])

    def quit(self):
        """Ends as a program ends that cleans nothing up."""
        if self.alive():
            self.popen.stdin.write(b"quit\n")
            self.popen.stdin.flush()
        return self.wait()


class Testpmd(Proc):
    """Debian's dpdk-testpmd in a guest, with our driver."""

    count = 0

    def __init__(self, bench, domid, macs, mode="macswap", peers=(), cpus="0,1", options=(), eal=(),
                 memory=("--no-huge", "-m", "128")):
        Testpmd.count += 1
        n = len(macs)
        self.prefix = f"{bench.prefix}g{domid}n{Testpmd.count}"
        argv = ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", f"(0,1)@({cpus})", "--no-pci", *memory,
                "--file-prefix", self.prefix, "-d", bench.driver()]
        argv += [f"--vdev=net_xenvirt{i},mac={mac}" for i, mac in enumerate(macs)]
        argv += list(eal) + ["--", "-i", "--no-flush-rx", f"--total-num-mbufs={2048 + 1024 * n}", f"--forward-mode={mode}"]
        argv += [f"--eth-peer={i},{peer}" for i, peer in enumerate(peers)]
        if n == 1:
            argv.append("--port-topology=loop")
        super().__init__(bench, f"testpmd-{domid}", argv + list(options), bench.sim_env(domid), subprocess.PIPE)
        self.bench, self.domid = bench, domid

    def type(self, command):
        self.popen.stdin.write(command.encode() + b"\n")
        self.popen.stdin.flush()

    def ready(self):
        """Waits for the prompt."""
        self.expect(r"testpmd> ")
        return self

    def ask(self, command, pattern):
        """Types the command and waits for output after this moment with the regular expression."""
        self.start += len(self.text().encode(errors="replace"))
        self.type(command)
        return self.expect(pattern)

    def forward(self):
        self.ready()
        self.ask("start", r"TX RS bit threshold=")

    def running(self, n=0):
        return self.bench.switch.vif_running(self.domid, n)

    def quit(self):
        if self.alive():
            self.type("quit")
        return self.wait()


class Sim:
    """Xen without Xen."""

    def __init__(self, bench):
        self.bench, self.dir = bench, os.path.join(bench.dir, "x")
        self.run("start", self.dir)
        self.domains = set()

    def run(self, *args):
        result = subprocess.run([XENSIM, *args], env=dict(os.environ, XV_BUILD=BUILD), stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=LONG, check=False)
        if result.returncode != 0:
            raise Failure(f"xensim {' '.join(args)}: {result.stderr.strip()}")
        return result.stdout

    def create(self, domid, *options):
        self.run("domain-create", self.dir, str(domid), *options)
        self.domains.add(domid)

    def destroy(self, domid):
        self.run("domain-destroy", self.dir, str(domid))
        self.domains.discard(domid)

    def grants(self):
        """[{domid, pid, granted, mapped, by}], one for each granting process"""
        found = []
        for line in self.run("grants", self.dir).splitlines():
            match = re.match(r"domain (\d+) pid (\S+) granted (\d+) mapped (\d+)(?: by (.*))?", line)
            if match is None:
                raise Failure(f"xensim grants: {line}")
            domid, pid, granted, mapped, by = match.groups()
            found.append({"domid": int(domid), "pid": pid, "granted": int(granted), "mapped": int(mapped), "by": by})
        return found

    def mapped(self, domid=None):
        return sum(g["mapped"] for g in self.grants() if domid in (None, g["domid"]))

    def store(self, domid, tool, *args, check=True):
        """A XenStore tool (read, write, list, rm ...) as that domain."""
        result = subprocess.run([f"xenstore-{tool}", *args], env=self.bench.sim_env(domid), capture_output=True,
                                text=True, timeout=LONG, check=False)
        if check and result.returncode != 0:
            raise Failure(f"xenstore-{tool} {' '.join(args)}: {result.stderr.strip()}")
        return result.stdout.strip()

    def close(self):
        self.run("stop", self.dir)


class Switch:
    """xv-primary, xv-watcher and the workers that it starts, with a configuration of their own."""

    def __init__(self, bench, uplink="tap", conf=None, primary_args=(), n_uplinks=1):
        self.bench, self.uplink = bench, uplink
        self.run_dir = os.path.join(bench.dir, "r")
        self.conf_file = os.path.join(bench.dir, "xv.conf")
        self.primary_args = list(primary_args)
        self.primary = self.watcher = None
        self.ifnames = [f"xvup{i}" for i in range(n_uplinks)]
        self.wires = []
        self.conf = merge({
            "run_dir": self.run_dir, "file_prefix": bench.prefix, "huge_dir": bench.huge_dir(), "log_level": "debug",
            # Lanes that hold what is sent while a loaded machine lets a process wait for seconds.
            "max_guests": 10, "lane_slots": 4096, "buffers": 8192,
            "primary": {"mbufs": 4096, "eal_args": self._vdevs()},
            "worker": {"path": built("xv-worker"), "start_ms": 30000, "hang_ms": 15000},
        }, conf or {})
        self.write_conf()
        bench.switch = self

    def _vdevs(self):
        if self.uplink == "tap":
            return [f"--vdev=net_tap{i},iface={name}" for i, name in enumerate(self.ifnames)]
        if self.uplink == "veth":
            for name in self.ifnames:
                if not wire_module.link_exists(name):
                    wire_module.veth(name, name + "s")
            return [f"--vdev=net_af_packet{i},iface={name}s" for i, name in enumerate(self.ifnames)]
        return []

    def write_conf(self):
        with open(self.conf_file, "w") as f:
            f.write(conf_text(self.conf))

    def env(self):
        return self.bench.sim_env(0)

    def start_primary(self, *more):
        argv = [built("xv-primary"), "-c", "0x3", "--", "--config", self.conf_file, *self.primary_args, *more]
        self.primary = Proc(self.bench, "primary", argv, self.env())
        return self.primary

    def start_watcher(self, *more):
        self.watcher = Proc(self.bench, "watcher", [built("xv-watcher"), "--config", self.conf_file, *more], self.env())
        return self.watcher

    def start_worker(self, domid, *more):
        argv = [built("xv-worker"), "--domid", str(domid), "--config", self.conf_file, *more]
        return Proc(self.bench, f"worker-{domid}", argv, self.env())

    def start(self):
        self.start_primary()
        self.start_watcher()
        self.ready()
        return self

    def ready(self):
        """Waits until the watcher knows the primary, and opens the wires."""
        def known():
            for proc in (self.primary, self.watcher):
                if proc is not None and not proc.alive():
                    raise Failure(f"{proc.name} ended with {proc.popen.returncode}:\n{proc.text()[-2000:]}")
            return self.pid_of_primary()
        wait_for("the switch", known)
        self.wire_up()

    def wire_up(self):
        for name in self.ifnames if self.uplink != "none" else []:
            wait_for(name + " to be up", lambda n=name: wire_module.link_up(n))
            wire_module.link_queue(name, 10000)
            self.wires.append(wire_module.Wire(name))

    def wire_down(self):
        while self.wires:
            self.wires.pop().close()

    @property
    def wire(self):
        return self.wires[0]

    def ctl(self, *args, check=True):
        result = subprocess.run([built("xvctl"), "--config", self.conf_file, *args], env=self.env(),
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONG, check=False)
        if check and result.returncode != 0:
            raise Failure(f"xvctl {' '.join(args)}: {result.stdout}{result.stderr}")
        return result

    def show(self):
        """What xvctl says, or None while there is no watcher; one that has no CPU answers late."""
        def said():
            result = self.ctl("show", "--json", check=False)
            if result.returncode == 0:
                return json.loads(result.stdout)
            return {} if self.watcher is None or not self.watcher.alive() else None
        return wait_for("xv-watcher's answer", said) or None

    def pid_of_primary(self):
        shown = self.show()
        return shown and shown["switch"]["pid"]

    def guest(self, domid):
        for g in (self.show() or {"guests": []})["guests"]:
            if g["domid"] == domid:
                return g
        return None

    def vifs(self, domid):
        return [v for v in (self.show() or {"vifs": []})["vifs"] if v["domid"] == domid]

    def vif(self, domid, device=0):
        for v in self.vifs(domid):
            if v["device"] == device:
                return v
        return None

    @contextlib.contextmanager
    def new_start(self, domid, device=0):
        """With what starts the device anew: waits until that start runs, and not the one before."""
        def generation():
            return (self.vif(domid, device) or {}).get("generation") or 0
        before = generation()
        yield
        wait_for(f"a new start of device {device} of guest {domid}",
                 lambda: generation() > before and self.vif(domid, device)["state"] == "running", step=0.05)

    def vif_running(self, domid, device=0):
        return self.vif_state(domid, device, "running")

    def vif_state(self, domid, device, state):
        def there():
            v = self.vif(domid, device)
            return v if v and v["state"] == state else None
        try:
            return wait_for(f"vif {device} of guest {domid} to be {state}", there, step=0.05)
        except Failure as e:
            raise Failure(f"{e}; it is {self.vif(domid, device)}") from None

    def worker_pid(self, domid):
        g = self.guest(domid)
        return g["pid"] if g else None

    def drops(self, domid, device=0):
        v = self.vif(domid, device)
        return v["drops"] if v else {}

    def stop(self):
        """All programs in order; returns their exit codes by name."""
        self.wire_down()
        codes = {}
        for name in ("watcher", "primary"):
            proc = getattr(self, name)
            if proc is not None:
                codes[name] = proc.stop()
        return codes


class Bench:
    """One simulated machine with its directory, logs and processes."""

    count = 0

    def __init__(self, name, sim=True):
        self.name = name
        Bench.count += 1
        run = os.environ[machine.DIR]
        self.prefix = f"{machine.prefix(run)}_{Bench.count}_"
        self.dir = os.path.join(run, str(Bench.count))
        os.mkdir(self.dir, 0o755)
        self.logs = os.path.join(os.environ.get("XV_E2E_LOGS", os.path.join(BUILD, "e2e-logs")), name)
        shutil.rmtree(self.logs, ignore_errors=True)
        os.makedirs(self.logs)
        self.procs = []
        self.envs = {}
        self.switch = None
        self.next_domid = 1
        self.sim = None
        if sim:
            self.start_sim()

    def start_sim(self):
        self.sim = Sim(self)

    def sim_env(self, domid):
        """The environment of a program in that domain."""
        if domid not in self.envs:
            env = dict(os.environ, XV_BUILD=BUILD)
            text = self.sim.run("env", self.sim.dir, str(domid))
            for word in shlex.split(text):
                if "=" in word:
                    key, value = word.split("=", 1)
                    env[key] = value
            self.envs[domid] = env
        return self.envs[domid]

    def huge_dir(self):
        path = os.path.join(self.dir, "h")
        if not os.path.ismount(path):
            machine.mount_pages(path)
        return path

    def driver(self):
        path = os.path.join(self.dir, "librte_net_xenvirt.so")
        if not os.path.exists(path):
            shutil.copy(built("librte_net_xenvirt.so"), path)
        return path

    def domain(self, *options):
        """A new domain's domid."""
        domid = self.next_domid
        self.next_domid += 1
        self.sim.create(domid, *(options or ("--compat22",)))
        return domid

    def fe22(self, mac=None, domid=None, options=(), **kw):
        """A guest with one running device, if mac says which."""
        guest = Fe22(self, self.domain() if domid is None else domid, *options)
        if mac is not None:
            guest.device(0, mac, **kw)
            guest.running()
        return guest

    def testpmd(self, mac, domid=None, **kw):
        macs = [mac] if isinstance(mac, str) else mac
        guest = Testpmd(self, self.domain("--dpdk") if domid is None else domid, macs, **kw)
        guest.ready()
        for i in range(len(macs)):
            guest.running(i)
        return guest

    def close(self):
        if self.switch is not None:
            self.switch.wire_down()
            if self.switch.uplink == "veth":
                for name in self.switch.ifnames:
                    wire_module.link_delete(name)
        for proc in reversed(self.procs):
            if proc.alive():
                proc.send_signal(signal.SIGTERM)
        end = time.monotonic() + 10
        for proc in self.procs:
            while proc.alive() and time.monotonic() < end:
                time.sleep(0.02)
            if proc.alive():
                proc.kill()
            for pipe in (proc.popen.stdin, proc.popen.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except OSError:
                        pass
        if self.sim is not None:
            log = os.path.join(self.sim.dir, "log")
            if os.path.exists(log):
                shutil.copy(log, os.path.join(self.logs, "xensim.log"))
            self.sim.close()
        huge = os.path.join(self.dir, "h")
        if os.path.ismount(huge):
            for name in os.listdir(huge):
                os.unlink(os.path.join(huge, name))
            subprocess.run(["umount", "-l", huge], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)
        for path in glob.glob(f"/var/run/dpdk/{self.prefix}*"):
            shutil.rmtree(path, ignore_errors=True)

    def tails(self, lines=40):
        """The ends of all logs, for a failure's report."""
        text = []
        for path in sorted(glob.glob(os.path.join(self.logs, "*.log"))):
            with open(path, errors="replace") as f:
                tail = f.readlines()[-lines:]
            text.append(f"--- {path}\n{''.join(tail)}")
        return "".join(text)


def gone(pid):
    """Has the process ended? In a namespace of our own we are the one who buries orphans."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def processes_with(text):
    """Pids of processes whose command line has the text; for facts about what is left, never for killing."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                line = f.read()
        except OSError:
            continue
        pid = int(path.split("/")[2])
        if text.encode() in line and pid != os.getpid():
            found.append(pid)
    return found


def say(text):
    print(text, flush=True, file=sys.stderr)

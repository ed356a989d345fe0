# SPDX-License-Identifier: BSD-3-Clause
"""What a person reads who starts a program by hand: alike in all of them, and nothing is made before all was judged."""
import os
import re
import subprocess
import sys
import tempfile

PROGRAMS = {os.path.basename(p): p for p in sys.argv[1:]}
NEEDS = {"xv-worker": ["--domid", "1"], "xv-provision": ["--watch"], "xvctl": ["show"]}
failed = 0


def run(name, *args):
    return subprocess.run([PROGRAMS[name], *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def check(what, good, seen):
    global failed
    if not good:
        failed += 1
        print(f"FAIL {what}:\n{seen}")


def refused(name, *args, says, code=2, lines=1):
    r = run(name, *args)
    what = f"{name} {' '.join(args)}"
    check(f"{what}: status {r.returncode}, not {code}", r.returncode == code, r.stderr)
    check(f"{what}: says '{says}'", says in r.stderr, r.stderr)
    check(f"{what}: {lines} lines on stderr alone", not r.stdout and len(r.stderr.splitlines()) == lines, r.stdout + r.stderr)
    check(f"{what}: each line begins with its name", all(x.startswith(name + ": ") for x in r.stderr.splitlines()), r.stderr)
    return r.stderr


def hint(name, *args, says):
    check(f"{name}: says where help is", refused(name, *args, says=says).endswith(f"; see {name} --help\n"), args)


def usage(name):
    for option in "-h", "--help", "--hel":
        r = run(name, option)
        check(f"{name} {option}", r.returncode == 0 and r.stdout.startswith(f"usage: {name} ") and not r.stderr, r)
        for word in "-h, --help", "-V, --version", "-n, --check", "--config FILE":
            check(f"{name} {option} has {word}", word in r.stdout, r.stdout)
    for option in "-V", "--version", "--vers":
        r = run(name, option)
        check(f"{name} {option}", r.returncode == 0 and re.match(rf"{name} \d+\.\d+\.\d+", r.stdout) and not r.stderr, r)


def options(name):
    hint(name, "--bogus", says="unknown option '--bogus'")
    hint(name, "-n", "--bogus", says="unknown option '--bogus'")
    hint(name, "-Z", says="unknown option '-Z'")
    hint(name, "--config", says="option '--config' wants a value")
    hint(name, "--config=", says="--config: '' is not a file")
    hint(name, "--help=1", says="option '--help' takes no value")
    hint(name, "--", "--bogus" if name == "xv-primary" else "extra", "extra", says="")


def configuration(name, top):
    def text(content):
        path = os.path.join(top, "bad.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(content)
        return path

    more = NEEDS.get(name, [])
    path = text('run_dir = "%s/none";\nmax_vifs = 4294967312;\nfoo = 1;\nprimary: {\n mbufs = -1;\n};\n' % top)
    for extra in [["-n"], more]:
        err = refused(name, "--config", path, *extra, says=":2: max_vifs is 4294967312; allowed: 1 to 128", lines=3)
        check(f"{name}: in order", re.search(r"bad.conf:2: .*\n.*bad.conf:3: .*\n.*bad.conf:5: primary.mbufs is -1", err), err)
    refused(name, "-n", "--config", path + ".no", says="can't be read: No such file or directory")
    refused(name, "-n", "--config", top, says="can't be read: Is a directory")
    refused(name, "-n", "--config", text("max_vifs = 4;\nprimary: {\n mbufs = 512;\n\n"),
            says=":2: syntax error: primary: the group that begins in line 2 is not closed")
    check(f"{name}: nothing was made", sorted(os.listdir(top)) == ["bad.conf"], os.listdir(top))
    good = text('run_dir = "%s/none";\nmax_vifs = 4;\n' % top)
    for option in "-n", "--check", "--ch":
        r = run(name, option, "--config", good)
        check(f"{name} {option}", r.returncode == 0 and "max_vifs = 4;" in r.stdout and not r.stderr, r)
    check(f"{name}: -n made nothing", sorted(os.listdir(top)) == ["bad.conf"], os.listdir(top))


def numbers():
    for domid in "4294967297", "18446744073709551617", "2147483648", "9223372036854775808", "-1", "32752", "1x", "", "0x1", " 1", "+1":
        hint("xv-worker", "--domid", domid, says=f"--domid: '{domid}' is not a domain id, 0 to 32751")
        hint("xv-worker", "-n", "--domid", domid, says=f"--domid: '{domid}' is not a domain id, 0 to 32751")
        hint("xv-provision", "--", domid, says="is not a guest's domain id (1 to 32751)")
        hint("xvctl", "restart", "--", domid, says="is no domain id; allowed: 0 to 32751")
    for number in "100000000", "zz", "0x0x1", "-1":
        hint("xv-worker", "--layout", number + ("0" if number == "100000000" else ""), says="is not a hexadecimal number")


def primary(top):
    for args, says in ((["-c", "zz"], "-c zz: not a hexadecimal mask of CPUs"), (["-a", "nonsense"], "-a nonsense: there is no such device"),
                       (["--vdev=net_bogus0"], "--vdev net_bogus0: there is no such device"), (["-n", "0"], "memory channels"),
                       (["--lcores", "0@1000"], "this machine has no CPU 1000")):
        refused("xv-primary", "-n", *args, says=says)
        refused("xv-primary", *args, says=says)
    refused("xv-primary", "-n", "-c", "zz", "-a", "nonsense", "-b", "x", says="-b x: there is no such device", lines=4)
    hint("xv-primary", "-n", "-w", "0000:03:00.0", says="option '-w' is refused: use -a DEVICE")
    hint("xv-primary", "-n", "--vm", "1", says="it may be --vm2vm, --vmware-tsc-map")
    hint("xv-primary", "-n", "--", "--v", "1", says="it may be --vm2vm, --version")
    conf = os.path.join(top, "bad.conf")
    r = run("xv-primary", "-n", "-c", "1", "-n", "4", "--xen-dom0", "--config", conf, "--", "-p1", "--vm2", "0", "--stat", "7")
    check("the guide's line", r.returncode == 0 and "vm2vm = false" in r.stdout and "stats = 7" in r.stdout, r)
    check("--xen-dom0 is said in one line", r.stderr.startswith("xv-primary: --xen-dom0 is left out: it is not needed any more")
          and len(r.stderr.splitlines()) == 1, r.stderr)
    check("and EAL doesn't get it", "xen" not in r.stdout.split("# EAL:")[1], r.stdout)
    check("nothing was made", sorted(os.listdir(top)) == ["bad.conf"], os.listdir(top))


def strangers(name, top):
    """A run_dir that another user made isn't used, nor changed."""
    if os.geteuid() != 0:
        return
    run_dir, conf = os.path.join(top, "run"), os.path.join(top, "xv.conf")
    os.mkdir(run_dir, 0o755)
    os.chown(run_dir, 65534, 65534)
    with open(conf, "w", encoding="ascii") as f:
        f.write(f'run_dir = "{run_dir}";\n')
    refused(name, "--config", conf, *NEEDS.get(name, []), says=f"run_dir {run_dir}: another user owns it", code=1)
    check(f"{name}: it is empty", not os.listdir(run_dir), os.listdir(run_dir))
    check(f"{name}: its mode stays", os.stat(run_dir).st_mode & 0o777 == 0o755, oct(os.stat(run_dir).st_mode))


def others():
    hint("xv-worker", says="which guest? --domid DOMID, or --spare")
    hint("xv-worker", "--domid", "1", "--spare", says="--domid and --spare exclude each other")
    hint("xv-worker", "1", says="a guest is named by --domid")
    hint("xv-provision", says="which domains? DOMID..., or --watch")
    hint("xv-provision", "--watch", "1", says="--watch is for all domains")
    hint("xvctl", says="a command is missing: show [DOMID], metrics, restart DOMID or options")
    hint("xvctl", "shwo", says="unknown command 'shwo'")
    hint("xvctl", "options", "--json", says="--json belongs to show")
    hint("xv-watcher", "now", says="'now' belongs to no option")


for program in PROGRAMS:
    usage(program)
    options(program)
    with tempfile.TemporaryDirectory() as directory:
        configuration(program, directory)
        if program == "xv-primary":
            primary(directory)
    with tempfile.TemporaryDirectory() as directory:
        strangers(program, directory)
numbers()
others()
print(f"{failed} failed")
sys.exit(failed > 0)

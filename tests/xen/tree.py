# SPDX-License-Identifier: BSD-3-Clause
"""The files of a domain: programs of this machine's Debian packages with the libraries that they need, and our own."""

import glob
import modulefinder
import os
import py_compile
import re
import subprocess
import tempfile

import cpio

# What a library module names somewhere, and ours never get to. _hashlib alone needs 5 MB of OpenSSL.
NEVER_IMPORTED = ["ssl", "_ssl", "_hashlib", "doctest", "unittest", "pdb", "asyncio", "email", "tarfile", "_decimal", "_pydecimal"]
MERGED = ("/bin", "/sbin", "/lib", "/lib64")  # links into /usr, as Debian has them


def merged(path):
    """/lib/x as /usr/lib/x."""
    return "/usr" + path if path.startswith(tuple(d + "/" for d in MERGED)) else path


def libraries(paths):
    """What the dynamic linker would load for these."""
    text = subprocess.run(["ldd", *paths], capture_output=True, text=True, check=False).stdout
    missing = re.findall(r"^\t(\S+) => not found", text, re.M)
    if missing:
        raise SystemExit(f"libraries that this machine lacks: {', '.join(sorted(set(missing)))}")
    return set(re.findall(r"(?:=> |^\t)(/\S+) \(", text, re.M))


class Tree:
    """What goes into one initramfs. Nothing is read before pack()."""

    def __init__(self):
        self.files = {}  # path inside -> path here, or bytes
        self.links = {}
        self.nodes = {}
        self.modes = {}
        self.programs = []
        self.applets = []
        for d in MERGED:
            self.links[d] = "usr" + d
        for d in ("proc", "sys", "dev", "run", "tmp", "root", "var/log", "var/lib", *(f"usr{d}" for d in MERGED)):
            self.files[f"/{d}/"] = None
        self.links["/var/run"] = "/run"
        self.nodes["/dev/console"] = (5, 1)

    def text(self, path, data, mode=0o644):
        self.files[path], self.modes[path] = data.encode(), mode

    def copy(self, path, inside=None):
        """A file of this machine, with the links that lead to it: DPDK loads a driver twice if a link becomes a file."""
        path = merged(path)
        inside = inside or path
        while os.path.islink(path):
            target = os.readlink(path)
            self.links[inside] = target
            path = inside = merged(os.path.normpath(os.path.join(os.path.dirname(path), target)))
        self.files[inside] = path

    def program(self, path, inside=None):
        self.copy(path, inside)
        self.programs.append(path)

    def busybox(self, path):
        self.copy(path, "/usr/bin/busybox")
        names = subprocess.run([path, "--list"], capture_output=True, text=True, check=True).stdout.split()
        self.applets = [n for n in names if n != "busybox"]

    def python(self, *scripts):
        """The interpreter that runs this, and what of its library the scripts import, compiled."""
        version = f"python{'.'.join(map(str, __import__('sys').version_info[:2]))}"
        self.program(f"/usr/bin/{version}")
        self.links["/usr/bin/python3"] = version
        stdlib = f"/usr/lib/{version}"
        finder = modulefinder.ModuleFinder([os.path.dirname(scripts[0]), stdlib, f"{stdlib}/lib-dynload"],
                                           excludes=NEVER_IMPORTED)
        for script in scripts:
            finder.run_script(script)
        found = {m.__file__ for m in finder.modules.values() if m.__file__ and m.__file__.startswith(stdlib)}
        found |= {f"{stdlib}/encodings/{n}.py" for n in ("__init__", "aliases", "utf_8", "ascii", "latin_1", "idna")}
        for path in sorted(found):
            if path.endswith(".so"):
                self.program(path)
            else:
                self.files[path + "c"] = ("compiled", path)

    def pack(self, path):
        for library in libraries(self.programs):
            self.copy(library)
        here = {os.path.basename(p) for p in (*self.files, *self.links) if re.match(r"/usr/s?bin/", p)}
        for name in set(self.applets) - here:
            self.links[f"/usr/bin/{name}"] = "busybox"
        archive = cpio.Archive(path)
        for name, (major, minor) in self.nodes.items():
            archive.node(name, major, minor)
        for name, source in sorted(self.files.items()):
            if source is None:
                archive.directory(name)
            elif isinstance(source, bytes):
                archive.file(name, source, self.modes.get(name, 0o644))
            elif isinstance(source, tuple):
                archive.file(name, compiled(source[1]))
            else:
                with open(source, "rb") as f:
                    archive.file(name, f.read(), 0o755 if os.access(source, os.X_OK) else 0o644)
        for name, target in sorted(self.links.items()):
            archive.link(name, target)
        archive.close()


def compiled(path):
    with tempfile.TemporaryDirectory() as d:
        out = py_compile.compile(path, os.path.join(d, "x.pyc"), doraise=True,
                                 invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        with open(out, "rb") as f:
            return f.read()


def drivers(names):
    """The files of DPDK's drivers with these names, from the directory that EAL loads them all from."""
    [directory] = glob.glob("/usr/lib/*/dpdk/pmds-*")
    return [p for n in names for p in sorted(glob.glob(f"{directory}/librte_{n}.so*"))]

# SPDX-License-Identifier: BSD-3-Clause
"""Debian packages that the machine under test needs and that nobody wants to have installed here: kernel, hypervisor.

They come by apt from where this machine gets its own packages, and stay in the cache until apt has newer ones.
"""

import glob
import gzip
import lzma
import os
import re
import shutil
import struct
import subprocess

HYPERVISOR = "xen-hypervisor-4.17-amd64"


def output(*argv, cwd=None):
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=True).stdout


def kernel_package():
    """What linux-image-amd64 stands for today."""
    return re.search(r"Depends: (linux-image-\S+)", output("apt-cache", "depends", "linux-image-amd64")).group(1)


def version(package):
    return re.search(r"Candidate: (\S+)", output("apt-cache", "policy", package)).group(1)


def unpacked(cache, package):
    """The package's files, below a directory of the cache that carries its version."""
    name = f"{package}_{version(package)}"
    directory = os.path.join(cache, "packages", name)
    if not os.path.isdir(directory):
        os.makedirs(os.path.dirname(directory), exist_ok=True)
        for old in glob.glob(os.path.join(cache, "packages", f"{package}_*")):
            shutil.rmtree(old)
        work = directory + ".part"
        os.makedirs(os.path.join(work, "deb"))
        subprocess.run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package],
                       cwd=os.path.join(work, "deb"), check=True, stdout=subprocess.DEVNULL)
        [deb] = glob.glob(os.path.join(work, "deb", "*.deb"))
        subprocess.run(["dpkg-deb", "-x", deb, work], check=True)
        shutil.rmtree(os.path.join(work, "deb"))
        os.rename(work, directory)
    return directory


def refresh():
    """When the lists name what is gone, or nothing at all."""
    subprocess.run(["apt-get", "-q", "update"], check=True, stdout=subprocess.DEVNULL)


def kernel_elf(image):
    """The ELF kernel inside a bzImage; its header says where (boot protocol 2.08). Unpacked here, since it takes long in
    an emulator."""
    with open(image, "rb") as f:
        raw = f.read()
    start = ((raw[0x1F1] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", raw, 0x248)
    payload = raw[start + offset:start + offset + length]
    if payload.startswith(b"\xfd7zXZ"):
        elf = lzma.LZMADecompressor().decompress(payload)
    elif payload.startswith(b"\x1f\x8b"):
        elf = gzip.decompress(payload[:-4])
    else:
        tool = {b"\x28\xb5": "zstd", b"\x02\x21": "lz4"}[payload[:2]]
        elf = subprocess.run([tool, "-dc"], input=payload, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             check=False).stdout
    if not elf.startswith(b"\x7fELF"):
        raise SystemExit(f"{image}: no ELF kernel in it")
    return elf


class Kernel:
    """The kernel of all domains, and its modules."""

    def __init__(self, cache):
        self.root = unpacked(cache, kernel_package())
        self.elf = os.path.join(self.root, "vmlinux")
        if not os.path.exists(self.elf):
            [image] = glob.glob(os.path.join(self.root, "boot/vmlinuz-*"))
            with open(self.elf + ".part", "wb") as f:
                f.write(kernel_elf(image))
            os.rename(self.elf + ".part", self.elf)
        self.files = {}
        for path in glob.glob(os.path.join(self.root, "**/*.ko"), recursive=True):
            self.files[os.path.basename(path)[:-3].replace("-", "_")] = path

    def modules(self, names):
        """Files of these modules, each after those that it needs. What is built in is left out."""
        found = []
        for name in names:
            path = self.files.get(name)
            if path is None:
                continue
            with open(path, "rb") as f:
                needs = re.search(rb"\0depends=([^\0]*)\0", f.read()).group(1).decode()
            for p in self.modules([n for n in needs.split(",") if n]) + [path]:
                if p not in found:
                    found.append(p)
        return found


def hypervisor(cache):
    """The uncompressed hypervisor."""
    root = unpacked(cache, HYPERVISOR)
    out = os.path.join(root, "xen")
    if not os.path.exists(out):
        [packed] = glob.glob(os.path.join(root, "boot/xen-*-amd64.gz"))
        with gzip.open(packed) as f, open(out + ".part", "wb") as to:
            shutil.copyfileobj(f, to)
        os.rename(out + ".part", out)
    return out

# SPDX-License-Identifier: BSD-3-Clause
"""What the documents and units name is there after `meson install`."""
import glob
import os
import re
import subprocess
import sys
import tempfile

TOP, BUILD, PREFIX, DRIVER = sys.argv[1:]


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


docs = {os.path.basename(p): read(p) for p in glob.glob(os.path.join(TOP, "docs", "*.md"))}
words = "\n".join(docs.values()) + read(os.path.join(TOP, "README.md"))

# The version is that of meson.build.
version = re.search(r"^project\(.* version: '([^']+)'", read(os.path.join(TOP, "meson.build")), re.M).group(1)
assert read(os.path.join(TOP, "debian", "changelog")).startswith(f"xv ({version}) "), "debian/changelog has another version"
assert re.search(rf"^(Will be {re.escape(version)},|## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$)",
                 read(os.path.join(TOP, "CHANGELOG.md")), re.M), f"CHANGELOG.md doesn't know {version}"

# Paths of the clone: those that the documents name are there.
for path in set(re.findall(r"(?<![\w./])(?:scripts|docs|tests|common|primary|secondary|watcher|proto|frontend)/[\w./-]*\w", words)):
    assert glob.glob(os.path.join(TOP, path + "*")), f"the documents name {path}, which is not there"
for name in set(re.findall(r"`([a-z_]+(?:\.\d)?\.md)`", words)):
    assert name in docs or os.path.exists(os.path.join(TOP, name)), f"the documents name {name}, which is not there"

with tempfile.TemporaryDirectory() as dest:
    done = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", dest], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    there = {os.path.relpath(os.path.join(d, f), dest) for d, _, files in os.walk(dest) for f in files}
    names = {os.path.basename(path) for path in there}
    packages = set(re.findall(r"^Package: (\S+)", read(os.path.join(TOP, "debian", "control")), re.M))
    root = dest + PREFIX

    # Programs: what an operator is told to type.
    for name in set(re.findall(r"(?<![\w/@.-])(xvctl|xv-[a-z]+(?:-[a-z]+)*)(?![\w-]|\.(?:service|ini))", words)):
        assert {name, name.removesuffix("s")} & (names | packages), f"the documents name {name}, which is not installed"
    for name in ("xv-primary", "xv-watcher", "xv-worker", "xv-provision", "xv-restart-worker"):
        assert os.access(os.path.join(root, "sbin", name), os.X_OK), name
    assert os.access(os.path.join(root, "bin", "xvctl"), os.X_OK)
    assert DRIVER != "driver" or "librte_net_xenvirt.so" in names

    for name in (*docs, "xv.conf.example"):
        assert os.path.exists(f"{root}/share/doc/xv/{name}"), f"{name} is not installed"

    # Units: their programs, and the pages that they name.
    units = glob.glob(root + "/lib/systemd/system/*.service")
    assert len(units) == 4, units
    for unit in units:
        text = read(unit)
        program = re.search(r"^ExecStart=(\S+)", text, re.M).group(1)
        assert os.access(dest + program, os.X_OK), f"{unit}: {program}"
        for page, section in re.findall(r"man:(\S+)\((\d)\)", text):
            assert os.path.exists(f"{root}/share/man/man{section}/{page}.{section}"), f"{unit}: {page}({section})"

    # Manual pages: one for each that the documents speak of, and man's formatter finds nothing wrong.
    for page, section in set(re.findall(r"(xv[\w.-]*)\((\d)\)", words)):
        path = f"{root}/share/man/man{section}/{page}.{section}"
        assert os.path.exists(path), f"{page}({section}) is not installed"
        text = read(path)
        titles = re.findall(r"^\.SH (.*)", text, re.M)
        assert text.startswith("'\\\" t\n.TH ") and titles[:3] == ["NAME", "SYNOPSIS", "DESCRIPTION"], f"{path}: {titles}"
        assert not re.search(r"^[.'](?!\\\")(?!TH|ad|SH|SS|PP|TP|IP|TS|TE|nf|fi|RS|RE)", text, re.M), f"{path}: not for roff"

    # The installed restart: with an xvctl that is not on the PATH.
    said = subprocess.run([root + "/sbin/xv-restart-worker", "one"], capture_output=True, text=True, check=False,
                          env={"PATH": "/usr/bin:/bin"})
    assert said.returncode == 2 and "is no domain id" in said.stderr, said
    said = subprocess.run([root + "/sbin/xv-restart-worker"], capture_output=True, text=True, check=False)
    assert said.returncode == 2 and "usage: xv-restart-worker DOMID" in said.stderr, said

# man.py holds all pages to one shape.
WELL = "# a(1)\n\n## NAME\n\na - it\n\n## SYNOPSIS\n\n    a\n\n## DESCRIPTION\n\nIt.\n\n## FILES\n\nNo.\n\n## SEE ALSO\n\nb(1)\n"
for change, well in ((("", ""), True), (("## NAME\n\na - it\n\n", ""), False), (("a - it", "it"), False),
                     (("## SEE ALSO", "## NOTES"), False), (("## FILES", "## EXIT STATUS\n\n## FILES"), True),
                     (("## SEE ALSO", "## EXIT STATUS\n\n## SEE ALSO"), False), (("DESCRIPTION", "Description"), False)):
    with tempfile.NamedTemporaryFile("w", suffix=".md") as f:
        f.write(WELL.replace(*change))
        f.flush()
        done = subprocess.run([sys.executable, os.path.join(TOP, "docs", "man.py"), f.name, "1"], capture_output=True,
                              text=True, check=False)
    assert (done.returncode == 0) == well, (change, done)

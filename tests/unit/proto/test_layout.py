# SPDX-License-Identifier: BSD-3-Clause
"""layout.h hashes all that two processes must agree on: each struct, number and list of the headers that lay memory out."""
import os
import re
import sys

PROTO = sys.argv[1]


def text(name):
    with open(os.path.join(PROTO, name), encoding="ascii") as f:
        return re.sub(r"//.*|/\*.*?\*/", "", f.read())


hashed = set(re.findall(r"\w+", text("layout.h")))
missing = []
for header in ("fabric.h", "state.h", "region.h", "front_kind.h", "guard.h", "rate.h"):
    body = text(header)
    names = set(re.findall(r"^struct (\w+) {", body, re.M))
    names |= set(re.findall(r"^#define ([A-Z_]+) \(?(?:0x)?(?:\d|UINT|XENVIRT|FABRIC|~)", body, re.M))
    names |= set(re.findall(r"^#define ([A-Z_]+)\([A-Z]\)", body, re.M))  # lists of rows
    for enum in re.findall(r"^enum \w+ {([^}(]*)}", body, re.M):  # written out, not made of rows
        names |= set(re.findall(r"\b[A-Z][A-Z_]+\b", enum))
    assert len(names) > 3, header
    missing += [f"{header}: {name}" for name in sorted(names - hashed)]
missing += [f"msg.h: {name}" for name in re.findall(r"^#define (MSG_VIF_(?!FLAGS)\w+)", text("msg.h"), re.M)
            if name not in hashed]
assert not missing, f"layout.h lacks {missing}"
assert "MSG_LIST_SWITCH" in hashed

# An array in shared memory has a named size, so that its list can be held against it.
literal = re.findall(r"\w+\[\d+[^\]]*\](?!\s*=)", text("state.h") + text("fabric.h"))
assert set(literal) <= {"uuid[40]", "mac[6]", "reserved[2]", "pos[2]", "queues[2]"}, literal
# And each array that is indexed by a list's names is as long as the list, or asserted to hold it.
lists = set(re.findall(r"^enum \w+ { .*\) (\w+) };", text("state.h"), re.M))
arrays = re.findall(r"\b(\w*(?:drops|counters))\[(\w+)\]", text("state.h"))
assert lists and arrays
for array, size in arrays:
    held = size in lists or re.search(rf"static_assert\([^;]*<= {size}\b", text("state.h"))
    assert held, f"{array}[{size}] has no assertion"

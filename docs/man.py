# SPDX-License-Identifier: BSD-3-Clause
"""man.py PAGE.md: the page as man(1) reads it, on standard output. Knows the Markdown that these pages use, and no more."""

import re
import sys

ABOUT = "part of xv, a packet switch between Xen guests and NICs"  # of a page that has no NAME itself


def inline(text):
    """Bold code, bold and emphasis; what roff would take for its own is escaped."""
    text = text.replace("\\|", "\0").replace("\\", "\\e").replace("-", "\\-").replace("\0", "|")
    text = re.sub(r"`([^`]*)`", r"\\fB\1\\fP", text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"\\fB\1\\fP", text)
    text = re.sub(r"\*([^*]+)\*", r"\\fI\1\\fP", text)
    return "\\&" + text if text[:1] in (".", "'") else text


def plain(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def table(rows):
    cells = [[c.strip() for c in re.split(r"(?<!\\)\|", row.strip()[1:-1])] for row in rows]
    columns = len(cells[0])
    yield ".TS"
    yield "tab(\t);"
    yield " ".join(["lb"] * columns)
    yield " ".join(["l"] + ["lx"] * (columns - 1)) + "."
    yield "\t".join(inline(c) for c in cells[0])
    for row in cells[2:]:
        yield "\t".join(f"T{{\n{inline(c)}\nT}}" for c in row)
    yield ".TE"


def page(lines):
    name, section = re.fullmatch(r"# (\S+)\((\d)\)", lines[0]).groups()
    yield "'\\\" t"
    yield f".TH {name.upper()} {section} \"\" xv"
    begun, i = False, 1
    while i < len(lines):
        line = lines[i]
        i += 1
        following = lines[i] if i < len(lines) else ""
        if line.startswith("#"):
            marks, title = line.split(" ", 1)
            if not begun and title.lower() != "name":
                yield f".SH NAME\n{name} \\- {ABOUT}"
            begun = True
            yield (".SH " + inline(title.upper())) if len(marks) == 2 else (".SS " + inline(title))
        elif line.startswith("|"):
            rows = [line]
            while i < len(lines) and lines[i].startswith("|"):
                rows.append(lines[i])
                i += 1
            yield from table(rows)
        elif line.startswith("    ") and line.strip():
            if not begun:
                yield f".SH NAME\n{name} \\- {ABOUT}\n.SH SYNOPSIS"
                begun = True
            block = [line]
            while i < len(lines) and (lines[i].startswith("    ") or (not lines[i] and lines[i + 1:i + 2] and
                                                                      lines[i + 1].startswith("    "))):
                block.append(lines[i])
                i += 1
            yield ".PP\n.RS 4\n.nf\n" + "\n".join(plain(b[4:]) for b in block) + "\n.fi\n.RE"
        elif following.startswith(":   "):
            text = [following[4:]]
            i += 1
            while i < len(lines) and lines[i].startswith("    "):
                text.append(lines[i].strip())
                i += 1
            yield f".TP\n{inline(line)}\n" + "\n".join(map(inline, text))
        elif re.match(r"[-*] |\d+\. ", line):
            text = [re.sub(r"^([-*]|\d+\.) ", "", line)]
            while i < len(lines) and lines[i].startswith("  ") and lines[i].strip():
                text.append(lines[i].strip())
                i += 1
            yield ".IP \\(bu 2\n" + "\n".join(map(inline, text))
        elif line == "":
            if following and not following.startswith(("#", "|", "    ", "- ", "* ")):
                yield ".PP"
        else:
            if not begun:
                yield f".SH NAME\n{name} \\- {ABOUT}\n.SH DESCRIPTION"
                begun = True
            yield inline(line)


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        print("\n".join(page(f.read().splitlines())))


main()

# SPDX-License-Identifier: BSD-3-Clause
"""man.py PAGE.md VERSION: the page as man(1) reads it, on standard output. Knows the Markdown that these pages use, and no
more. All pages have one shape, which it holds them to."""

import re
import sys

FIRST = ["NAME", "SYNOPSIS", "DESCRIPTION"]
LAST = ["EXIT STATUS", "FILES", "SEE ALSO"]  # those of them that a page has


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


def cell(text):
    """Long words may be broken behind these."""
    return re.sub(r"(?<=\w)([,/_=.:]|\\-)(?=\w)", r"\1\\:", inline(text))


def table(rows):
    cells = [[c.strip() for c in re.split(r"(?<!\\)\|", row.strip()[1:-1])] for row in rows]
    columns = len(cells[0])
    yield ".TS"
    yield "tab(\t);"
    yield " ".join(["lb"] * columns)
    yield " ".join(["l"] + ["lx"] * (columns - 1)) + "."
    yield "\t".join(cell(c) for c in cells[0])
    for row in cells[2:]:
        yield "\t".join(f"T{{\n{cell(c)}\nT}}" for c in row)
    yield ".TE"


def judge(name, lines):
    """Ends if the page hasn't the shape of all."""
    titles = [line[3:] for line in lines if line.startswith("## ")]
    last = [t for t in LAST if t in titles]
    if titles[:3] != FIRST or titles[-len(last):] != last or last[-1:] != LAST[-1:]:
        sys.exit(f"{name}: sections begin with {', '.join(FIRST)} and end with {', '.join(LAST)}, not {', '.join(titles)}")
    if [t for t in titles if t != t.upper()]:
        sys.exit(f"{name}: titles of sections are in capital letters")
    if not re.search(rf"^## NAME\n\n{re.escape(name)} - \S.*\n\n## SYNOPSIS\n\n    \S", "\n".join(lines), re.M):
        sys.exit(f"{name}: NAME is one line, `{name} - what it is`, and SYNOPSIS is indented by 4")


def page(lines, version):
    name, section = re.fullmatch(r"# (\S+)\((\d)\)", lines[0]).groups()
    judge(name, lines)
    yield "'\\\" t"
    yield f".TH {name.upper()} {section} \"\" \"xv {version}\" xv"
    yield ".ad l"
    i = 1
    while i < len(lines):
        line = lines[i]
        i += 1
        following = lines[i] if i < len(lines) else ""
        if line.startswith("#"):
            marks, title = line.split(" ", 1)
            yield (".SH " + inline(title)) if len(marks) == 2 else (".SS " + inline(title))
        elif line.startswith("|"):
            rows = [line]
            while i < len(lines) and lines[i].startswith("|"):
                rows.append(lines[i])
                i += 1
            yield from table(rows)
        elif line.startswith("    ") and line.strip():
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
            yield inline(line)


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        print("\n".join(page(f.read().splitlines(), sys.argv[2])))


main()

#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# lint.sh [FILE...]: what every file of the tree keeps to. Prints what does not; exit status 1 if anything doesn't.
# Without arguments all files that git knows.
set -eu
cd "$(dirname "$0")/.."

LINES_MAX=450
failed=0

bad() {
    echo "lint: $*"
    failed=1
}

if [ $# -gt 0 ]; then
    all=$(printf '%s\n' "$@")
else
    all=$(git ls-files --cached | while read -r f; do [ -f "$f" ] && echo "$f"; done)
fi
select_files() {
    echo "$all" | grep -E "$1" || true
}
sources=$(select_files '\.[ch]$')
scripts=$(select_files '\.sh$|^\.ci/run$')

# Format
if ! command -v clang-format >/dev/null; then
    bad "clang-format is not installed"
elif [ -n "$sources" ]; then
    for f in $(echo "$sources" | xargs clang-format --dry-run -Werror 2>&1 | sed -nE 's/^([^: ]*):[0-9]+:.*error:.*/\1/p' | sort -u); do
        bad "$f: clang-format -i $f"
    done
fi

# Layers. The directory of each #include "...", and which directories a directory may see.
sees() { # directory file: may a file of the directory include it?
    case $2 in
    *..*) return 1 ;;
    esac
    case $1 in
    proto | common/fabric) may="proto" ;;
    common | frontend) may="proto common" ;;
    common/conf | common/xen) may="proto common" ;;
    primary) may="proto common common/conf common/fabric" ;;
    provision) may="proto common common/conf common/xen" ;;
    ctl) may="proto common common/conf" && [ "$2" = ledger.h ] && return 0 ;;
    *) may="proto common common/conf common/fabric common/xen" ;;
    esac
    for d in $may "$1"; do
        [ -f "$d/$2" ] && return 0
    done
    return 1
}
product=$(echo "$sources" | grep -vE '^tests/' || true)
if [ -n "$product" ]; then
    echo "$product" | xargs grep -HE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' |
        sed -E 's/^([^:]*):[^"]*"([^"]*)".*/\1 \2/' >"${TMPDIR:-/tmp}/lint.$$"
    while read -r file inc; do
        sees "${file%/*}" "$inc" || bad "$file: includes \"$inc\", which ${file%/*} may not see"
    done <"${TMPDIR:-/tmp}/lint.$$"
    rm -f "${TMPDIR:-/tmp}/lint.$$"
fi

# Circles. Files of a directory include each other one way only; a .c file and its header are one.
for d in $(echo "$sources" | sed 's,/[^/]*$,,' | sort -u); do
    for f in "$d"/*.[ch]; do
        room=$(basename "${f%.[ch]}")
        sed -nE 's/^#include "([^"]*)\.h"$/\1/p' "$f" | while read -r other; do
            [ "$other" = "$room" ] || [ ! -f "$d/$other.h" ] || echo "$room $other"
        done
    done | tsort >/dev/null 2>"${TMPDIR:-/tmp}/lint.$$" ||
        bad "$d: files include each other in a circle: $(sed 's/.*: //' "${TMPDIR:-/tmp}/lint.$$" | sort -u | tr '\n' ' ')"
    rm -f "${TMPDIR:-/tmp}/lint.$$"
done

# DPDK: only in primary, secondary and frontend, in tests, and in files of common that say "Needs DPDK" at their top.
for f in $(echo "$product" | grep -vE '^(primary|secondary|frontend)/' | xargs -r grep -lE '#[[:space:]]*include[[:space:]]*<(rte_|ethdev_|bus_)' || true); do
    case $f in
    common/*) head -n 12 "$f" | grep -q 'Needs DPDK' || bad "$f: DPDK header, but its top doesn't say \"Needs DPDK\"" ;;
    *) bad "$f: DPDK headers belong into primary, secondary and frontend" ;;
    esac
done
for f in $(echo "$all" | grep -E '\.[ch]$|meson\.build$' | grep -v '^tests/bench/' |
    xargs -r grep -lE 'rte_vhost|librte_vhost' || true); do
    bad "$f: librte_vhost belongs nowhere but tests/bench"
done
# Xen
for f in $(echo "$product" | grep -E '^(primary|common|proto|ctl)/' | grep -v '^common/xen/' |
    xargs -r grep -lE '#[[:space:]]*include[[:space:]]*<xen' || true); do
    bad "$f: Xen headers belong into watcher, secondary, provision and frontend"
done

# Width of prose. Tables, code and what a bench wrote are as they are.
for f in $(select_files '\.md$'); do
    n=$(awk '/<!-- bench/ { b = 1 } /<!-- end/ { b = 0 } /^```/ { c = !c }
        length > 120 && !/^\|/ && !/^    / && !b && !c { print NR; exit }' "$f")
    [ -z "$n" ] || bad "$f:$n: more than 120 columns"
done

# Length
for f in $(select_files '\.(c|h|sh|py)$'); do
    n=$(wc -l <"$f")
    [ "$n" -le $LINES_MAX ] || bad "$f: $n lines; at most $LINES_MAX"
done

# "{ 0 }" sets a union's first member, and leaves the rest undefined (gcc 15); "{}" sets all of it.
for f in $(echo "$sources" | xargs -r grep -lE '(^|[^a-z_])union [a-z_0-9]+( [a-z_0-9]+(\[[^]]*\])* = |\))\{ ?0' || true); do
    bad "$f: a union is set to {}, not to { 0 }"
done

# Licence
for f in $(select_files '\.(c|h|sh|py)$|(^|/)meson\.build$|^\.ci/run$'); do
    head -n 3 "$f" | grep -q 'SPDX-License-Identifier: BSD-3-Clause' || bad "$f: no SPDX-License-Identifier in its first lines"
done

# Paths of one machine
machine='(^|[^A-Za-z0-9_.$}/-])/(work|root|home)/'
for f in $(echo "$all" | grep -vE '^scripts/lint\.sh$' | xargs -r grep -lIE "$machine" || true); do
    bad "$f: names a path of one machine: $(grep -nE "$machine" "$f" | head -n 1)"
done

# Shell
for f in $scripts; do
    case $(head -n 1 "$f") in
    *bash*) bash -n "$f" || bad "$f: bash -n" ;;
    *) sh -n "$f" || bad "$f: sh -n" ;;
    esac
done
if [ -n "$scripts" ] && command -v shellcheck >/dev/null; then
    # shellcheck disable=SC2086
    shellcheck -S warning $scripts || bad "shellcheck: see above"
fi

[ $failed -eq 0 ] && echo "lint: all well"
exit $failed

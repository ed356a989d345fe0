#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# test.sh [unit|e2e|fuzz|package|debian13|xen|nic|bench|all]...: install what is missing, build with warnings as errors, test. Default: unit and e2e.
# The last line is `N passed, N failed`; exit status 77 if nothing failed since nothing could be tested. Needs root: simulated
# Xen, hugepages, network namespaces.
#
#   unit  lint; what is built without a network (scripts/test-build.sh); unit tests; the same with address and undefined behaviour sanitizers; two-thread tests with the thread
#         sanitizer
#   e2e   real processes and real frames, in namespaces of their own (tests/e2e)
#   fuzz  a fixed number of runs of each fuzzer (scripts/fuzz.sh --quick)
#   package
#         Debian's packages: built, judged by lintian, installed in a clean Debian, looked at, upgraded, removed and purged
#         (scripts/test-package.sh). Where that Debian can't be had, its installation is said to be untested
#   debian13
#         the same on Debian 13, with its DPDK and its Xen, in a root directory of its own (scripts/test-debian13.sh). Where
#         its packages can't be had, that is said and counts neither way
#   xen   the same programs on real Xen, in an emulated machine (tests/xen). Where the emulator fails in all tries,
#         which says nothing about the switch, that is said and counts neither way
#   nic   the switch in a machine with two NICs that have VMDQ (scripts/test-nic.sh)
#   bench the short form of each bench (scripts/bench.sh --quick): facts, not speeds
#   all   all of these
#
# Build directories are in the clone: build, build-asan, build-tsan, build-fuzz.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

passed=0 failed=0 untested=''
UNTESTED=77

usage()
{
    echo "usage: test.sh [unit|e2e|fuzz|package|debian13|xen|nic|bench|all]..." >&2
    exit 2
}

say()
{
    echo
    echo "== $* ($SECONDS s)"
}

count()
{
    passed=$((passed + $1)) failed=$((failed + $2))
}

# Whatever can't even begin is a failure.
must()
{
    "$@" && return
    echo "failed: $*" >&2
    count 0 1
    finish
}

finish()
{
    echo
    [ -z "$untested" ] || echo "*** NOT TESTED: ${untested#; } ***"
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ] || exit 1
    [ "$passed" -gt 0 ] || exit $UNTESTED
    exit 0
}

# build DIR OPTION...: warnings are errors; not where a sanitizer's own code raises false ones (the last option decides).
# Nothing may be left out, and nothing is fetched.
build()
{
    local dir=$1 again=--reconfigure

    shift
    if [ ! -f "$dir/build.ninja" ]; then
        rm -rf "$dir"
        again=''
    fi
    # shellcheck disable=SC2086
    unshare --net meson setup $again "$dir" -Dwarning_level=2 -Dwerror=true -Dguest_driver=enabled -Dtests=enabled "$@" \
        >"$dir.setup.log" 2>&1 || { cat "$dir.setup.log"; count 0 1; finish; }
    mv "$dir.setup.log" "$dir/setup.log"
    must unshare --net ninja -C "$dir" --quiet
}

# meson_test DIR ARG...: the tests of a build, counted.
meson_test()
{
    local dir=$1 counts

    shift
    # Many times meson's 30 s: a busy machine is no fault.
    meson test -C "$dir" --no-rebuild --print-errorlogs --timeout-multiplier 4 "$@"
    counts=$(python3 scripts/count-tests.py "$dir/meson-logs/testlog.json") || counts="0 1"
    count $counts
}

unit()
{
    say "lint"
    if scripts/lint.sh; then count 1 0; else count 0 1; fi
    say "builds without a network"
    scripts/test-build.sh 2>&1 | tee build/offline.log
    count_last build/offline.log
    say "unit tests"
    meson_test build
    say "unit tests with address and undefined behaviour sanitizers"
    build build-asan -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Dwerror=false
    meson_test build-asan --suite unit
    say "two-thread tests with the thread sanitizer"
    build build-tsan -Dbuildtype=debugoptimized -Db_sanitize=thread -Dwerror=false
    meson_test build-tsan --suite threads
}

# count_last LOG: the counts in its last line.
count_last()
{
    local last

    last=$(tail -n 1 "$1")
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        count "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
    else
        count 0 1
    fi
}

e2e()
{
    say "end-to-end tests"
    XV_BUILD=$PWD/build python3 tests/e2e/run.py 2>&1 | tee build/e2e.log
    count_last build/e2e.log
}

fuzz()
{
    say "fuzzers, a fixed number of runs"
    scripts/fuzz.sh --quick 2>&1 | tee build/fuzz.log
    count_last build/fuzz.log
}

package()
{
    say "Debian's packages"
    must scripts/install-deps.sh package
    scripts/test-package.sh 2>&1 | tee build/package.log
    untested+=$(sed -n 's/^package: NOT TESTED: /; /p' build/package.log)
    count_last build/package.log
}

debian13()
{
    say "Debian 13"
    scripts/test-debian13.sh 2>&1 | tee build/debian13.log
    untested+=$(sed -n 's/^debian13: NOT TESTED[a-z ]*: /; Debian 13: /p' build/debian13.log)
    count_last build/debian13.log
}

xen()
{
    say "real Xen"
    XV_BUILD=$PWD/build scripts/test-xen.sh 2>&1 | tee build/xen.log
    [ "${PIPESTATUS[0]}" -ne $UNTESTED ] || untested+="; the switch on real Xen; the emulator failed in all tries (tests/xen/README.md)"
    count_last build/xen.log
}

nic()
{
    say "NICs with VMDQ"
    XV_BUILD=$PWD/build scripts/test-nic.sh 2>&1 | tee build/nic.log
    count_last build/nic.log
}

bench()
{
    say "benches in short: facts, not speeds"
    XV_BUILD=$PWD/build scripts/bench.sh --quick | tee build/bench.log
    count_last build/bench.log
}

[ $# -gt 0 ] || set -- unit e2e
run_unit='' run_e2e='' run_fuzz='' run_package='' run_debian13='' run_xen='' run_nic='' run_bench=''
for what in "$@"; do
    case $what in
    unit) run_unit=yes ;;
    e2e) run_e2e=yes ;;
    fuzz) run_fuzz=yes ;;
    package) run_package=yes ;;
    debian13) run_debian13=yes ;;
    xen) run_xen=yes ;;
    nic) run_nic=yes ;;
    bench) run_bench=yes ;;
    all) run_unit=yes run_e2e=yes run_fuzz=yes run_package=yes run_debian13=yes run_xen=yes run_nic=yes run_bench=yes ;;
    *) usage ;;
    esac
done

say "packages"
must scripts/install-deps.sh
say "build"
build build
[ -z "$run_unit" ] || unit
[ -z "$run_e2e" ] || e2e
[ -z "$run_fuzz" ] || fuzz
[ -z "$run_package" ] || package
[ -z "$run_debian13" ] || debian13
[ -z "$run_xen" ] || xen
[ -z "$run_nic" ] || nic
[ -z "$run_bench" ] || bench
finish

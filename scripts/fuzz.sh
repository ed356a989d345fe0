#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# fuzz.sh SECONDS|--quick [NAME...]: run the fuzzers (tests/fuzz), each for so many seconds, or with --quick each for a fixed
# number of runs from a fixed seed. The last line is `N passed, N failed`.
#
# They begin with the inputs in tests/fuzz/corpus and with what an earlier call found, in build-fuzz/corpus. An input
# that fails is left in build-fuzz/failed, and is run again by: build-fuzz/tests/fuzz/fuzz_NAME FILE
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

# NAME, and its runs with --quick: some 15 s on an idle machine.
fuzzers="backend:60000 burst:30000 config:30000 inspect:3000000 message:1500000 netif:60000 offer:200000 wire:2000000"

usage()
{
    echo "usage: fuzz.sh SECONDS|--quick [NAME...]; names: $(sed 's/:[0-9]*//g' <<<"$fuzzers")" >&2
    exit 2
}

[ $# -ge 1 ] || usage
limit=$1
shift
[ "$limit" = --quick ] || [[ $limit =~ ^[0-9]+$ ]] || usage
for name in "$@"; do
    [[ " $fuzzers " == *" $name:"* ]] || usage
done

scripts/install-deps.sh fuzz || exit 1
if [ ! -f build-fuzz/build.ninja ]; then
    CC=${CC:-clang} meson setup build-fuzz -Dfuzzers=true -Dguest_driver=enabled -Dtests=enabled \
        -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fsanitize=fuzzer-no-link \
        >build-fuzz.setup.log 2>&1 || { cat build-fuzz.setup.log; exit 1; }
    mv build-fuzz.setup.log build-fuzz/setup.log
fi
ninja -C build-fuzz --quiet fuzzers || exit 1

passed=0 failed=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
for fuzzer in $fuzzers; do
    name=${fuzzer%:*}
    [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
    found=build-fuzz/corpus/$name log=build-fuzz/fuzz_$name.log
    how=(-max_total_time="$limit")
    if [ "$limit" = --quick ]; then
        # What an earlier call found would make this one another.
        found=build-fuzz/quick
        rm -rf "$found"
        how=(-runs="${fuzzer#*:}" -seed=1)
    fi
    mkdir -p "$found" build-fuzz/failed
    echo "fuzz_$name ..."
    if "build-fuzz/tests/fuzz/fuzz_$name" "${how[@]}" -max_len=4096 -timeout=60 \
        -artifact_prefix="build-fuzz/failed/$name-" "$found" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
        echo "    $(grep -o 'DONE .*cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1), $(tail -n 1 "$log")"
        passed=$((passed + 1))
    else
        tail -n 60 "$log"
        echo "fuzz_$name FAILED; all it said: $log" >&2
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

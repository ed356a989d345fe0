# SPDX-License-Identifier: BSD-3-Clause
# facts.sh: what test-build.sh, test-package.sh and tests/package/inside.sh read in to count facts. The reader sets $out, a
# file for what a command writes.
# shellcheck shell=bash
passed=0 failed=0

# fact TEXT COMMAND...: it holds if the command succeeds; the end of its output is shown if not.
fact()
{
    local text=$1

    shift
    if "$@" >"${out:?}" 2>&1; then
        echo "$text ... ok"
        passed=$((passed + 1))
    else
        echo "$text ... FAILED"
        tail -n 60 "$out"
        failed=$((failed + 1))
    fi
}

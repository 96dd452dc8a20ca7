#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fuzz.sh BUILD SECONDS [NAME...] - every libFuzzer harness of a build, or those that are named, one
# after the other; `calls` are random programs under `lastack run`
#
# New inputs go to BUILD/corpus/NAME, beside the corpus in the tree, and the next run begins with
# them; a crash is left in BUILD/crash-NAME-* and ends the run with the command that repeats it.
set -u
build=$1
seconds=$2
shift 2
top=$(dirname "$0")/..
status=0
ran=0
is_wanted() {
    wanted=$1
    shift
    [ $# = 0 ] && return 0
    for name in "$@"; do
        [ "$name" = "$wanted" ] && return 0
    done
    return 1
}
for harness in "$build"/tests/fuzz/fuzz_*; do
    if [ ! -x "$harness" ] || [ -d "$harness" ]; then
        continue
    fi
    name=${harness##*/fuzz_}
    is_wanted "$name" "$@" || continue
    ran=$((ran + 1))
    mkdir -p "$build/corpus/$name"
    seeds=
    if [ -d "$top/tests/fuzz/corpus/$name" ]; then
        seeds=$top/tests/fuzz/corpus/$name
    fi
    echo "fuzz: $name for $seconds s"
    # Weighing inputs by entropy takes most of the time when there are many.
    # shellcheck disable=SC2086 # $seeds is one word or none
    if ! "$harness" -entropic=0 -max_total_time="$seconds" -artifact_prefix="$build/crash-$name-" \
        -print_final_stats=1 -verbosity=0 "$build/corpus/$name" $seeds; then
        echo "fuzz: $name failed; repeat with: $harness $build/crash-$name-*" >&2
        status=1
    fi
done
if is_wanted calls "$@"; then
    ran=$((ran + 1))
    echo "fuzz: calls for $seconds s"
    mkdir -p "$build/corpus"
    cc -O2 -D_GNU_SOURCE -pthread -o "$build/hostile" "$top/tests/run/hostile.c" &&
        "$top/tests/fuzz/calls.py" "$build/lastack" "$build/hostile" "$build/corpus/calls.seed" \
            "$seconds" || status=1
fi
if [ "$ran" = 0 ]; then
    echo "fuzz.sh: no such harness in $build/tests/fuzz; configure with -Dfuzz=true" >&2
    exit 2
fi
exit $status

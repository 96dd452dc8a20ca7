#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fuzz.sh BUILD SECONDS - every libFuzzer harness of a build, one after the other
#
# New inputs go to BUILD/corpus/NAME, beside the corpus in the tree; a crash is left in
# BUILD/crash-NAME-* and ends the run with the command that repeats it.
set -u
build=$1
seconds=$2
top=$(dirname "$0")/..
status=0
ran=0
for harness in "$build"/tests/fuzz/fuzz_*; do
    if [ ! -x "$harness" ] || [ -d "$harness" ]; then
        continue
    fi
    name=${harness##*/fuzz_}
    ran=$((ran + 1))
    mkdir -p "$build/corpus/$name"
    seeds=
    if [ -d "$top/tests/fuzz/corpus/$name" ]; then
        seeds=$top/tests/fuzz/corpus/$name
    fi
    echo "fuzz: $name for $seconds s"
    # shellcheck disable=SC2086 # $seeds is one word or none
    if ! "$harness" -max_total_time="$seconds" -artifact_prefix="$build/crash-$name-" \
        -print_final_stats=1 -verbosity=0 "$build/corpus/$name" $seeds; then
        echo "fuzz: $name failed; repeat with: $harness $build/crash-$name-*" >&2
        status=1
    fi
done
if [ "$ran" = 0 ]; then
    echo "fuzz.sh: no harness in $build/tests/fuzz; configure with -Dfuzz=true" >&2
    exit 2
fi
exit $status

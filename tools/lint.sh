#!/bin/sh
# SPDX-License-Identifier: MIT
#
# lint.sh BUILD - clang-tidy over the sources of a configured build
#
# Advice: the findings are printed and fail nothing.
set -u
build=$1
cd "$(dirname "$0")/.." || exit 1
if [ ! -f "$build/compile_commands.json" ]; then
    echo "lint.sh: $build is not configured; run make first" >&2
    exit 2
fi
# clang does not know every warning flag of gcc.
find src -name '*.c' -print0 | sort -z |
    xargs -0 -n 8 -P "$(nproc)" clang-tidy -p "$build" --quiet \
        --extra-arg=-Wno-unknown-warning-option 2>/dev/null

#!/bin/sh
# SPDX-License-Identifier: MIT
#
# unprivileged.sh COMMAND [ARGUMENT...] - run a test as a user who may do nothing
#
# Root becomes user 65534 without groups, without capabilities and without a way to gain any.
# Status 77 (skipped, for Meson) with a line that says why when that cannot be tried.
set -u

skip() {
    echo "skipped: $*"
    exit 77
}

[ "$(id -u)" = 0 ] || skip "not root, so the plain test has already run without privilege"
command -v setpriv >/dev/null || skip "setpriv (package util-linux) is missing"

program=$(command -v "$1") || {
    echo "unprivileged.sh: no program '$1'" >&2
    exit 127
}
shift
as_nobody() {
    setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all \
        --no-new-privs -- "$@"
}
as_nobody true 2>/dev/null || skip "setpriv cannot drop privileges here"
# An interpreter in root's home (pyenv and the like) is replaced by the system's of that name.
if ! as_nobody test -x "$program" && as_nobody test -x "/usr/bin/${program##*/}"; then
    program=/usr/bin/${program##*/}
fi
as_nobody test -x "$program" ||
    skip "user 65534 cannot reach $program: put the tree where others may enter"
# The test runs in a folder of its own: paths are made absolute.
left=$#
while [ "$left" -gt 0 ]; do
    argument=$1
    shift
    if [ -e "$argument" ]; then
        argument=$(realpath -s "$argument")
        as_nobody test -r "$argument" ||
            skip "user 65534 cannot read $argument: put the tree where others may enter"
    fi
    set -- "$@" "$argument"
    left=$((left - 1))
done

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' INT TERM
chown 65534:65534 "$dir"
cd "$dir" || exit 1
# Not root's PATH: a folder in it that may not be searched changes what "not found" means.
PATH=/usr/local/bin:/usr/bin:/bin HOME=$dir TMPDIR=$dir as_nobody "$program" "$@"

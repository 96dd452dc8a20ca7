#!/bin/sh
# SPDX-License-Identifier: MIT
#
# installed.sh BUILD EXAMPLE.c - what `make install` puts down is enough for an embedder
#
# Installs into a temporary folder, compiles the example with nothing but pkg-config's flags from
# there, against the shared and the static library, and runs both.
set -eu
build=$1
example=$2
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
trap 'exit 143' INT TERM

DESTDIR=$tree/root meson install -C "$build" --no-rebuild --quiet
pc=$(find "$tree/root" -name lastack.pc)
PKG_CONFIG_SYSROOT_DIR=$tree/root
PKG_CONFIG_PATH=${pc%/*}
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_PATH
libdir=$(pkg-config --variable=libdir lastack)
case $libdir in
"$tree"/*) ;;
*) libdir=$tree/root$libdir ;;
esac

# shellcheck disable=SC2046 # flags are words
cc -std=gnu11 -Wall -Wextra -Wpedantic -Werror -o "$tree/shared" "$example" \
    $(pkg-config --cflags --libs lastack)
LD_LIBRARY_PATH=$libdir "$tree/shared"

# shellcheck disable=SC2046
cc -std=gnu11 -Wall -Wextra -Wpedantic -Werror -o "$tree/static" "$example" \
    $(pkg-config --cflags lastack) "$libdir/liblastack.a" $(pkg-config --static --libs jansson)
"$tree/static"

test -x "$tree/root$(pkg-config --variable=prefix lastack | sed "s|^$tree/root||")/bin/lastack"
echo "installed: the example was built and run from $(find "$tree/root" -type f | wc -l) files"

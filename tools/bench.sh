#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bench.sh PROGRAM - what the stack costs, each figure beside its reference
#
# Asserts nothing about time: it prints. Instructions are counted by valgrind where it is there, in
# two runs of different sizes, so that what both do once cancels out.
set -u

program=${1:?usage: bench.sh PROGRAM}
scratch=$(mktemp -d) || exit 1
server=
clean() {
    [ -z "$server" ] || kill "$server" 2>/dev/null
    rm -rf "$scratch"
}
trap clean EXIT
trap 'exit 130' INT TERM

status=0
title() {
    printf '\n== %s\n' "$*"
}

# One number of a result in JSON: number KEY, from standard input.
number() {
    sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p"
}

title 'stack to stack in one process (on a like machine: smoltcp 213 ns, lwIP 608 ns)'
"$program" bench mem 1G || status=1

title 'the same without checksums'
"$program" bench mem 1G --no-checksum || status=1

# Long moves count as one instruction per vector, not one per octet.
tunables=glibc.cpu.x86_rep_movsb_threshold=1000000000
tunables=$tunables:glibc.cpu.x86_rep_stosb_threshold=1000000000
small=$((4 << 20))
large=$((16 << 20))
instructions() {
    GLIBC_TUNABLES=$tunables valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "$program" bench mem "$1" --json 2>&1 >"$scratch/json" |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}
title 'instructions, both ends and acknowledgements (smoltcp 3440, lwIP 7065 per 1460 octets)'
if command -v valgrind >/dev/null; then
    few=$(instructions $small)
    few_segments=$(number segments_data <"$scratch/json")
    many=$(instructions $large)
    many_segments=$(number segments_data <"$scratch/json")
    if [ -n "$few" ] && [ -n "$many" ]; then
        awk -v i=$((many - few)) -v s=$((many_segments - few_segments)) -v b=$((large - small)) \
            'BEGIN { printf "%16.0f  instructions per segment with data\n", i / s
                     printf "%16.0f  instructions per 1460 octets\n", i / b * 1460 }'
    else
        echo 'valgrind could not run it' >&2
        status=1
    fi
else
    echo 'valgrind is not there: not counted'
fi

title 'idle connections (octets per end: lwIP 288, kernel 3700)'
"$program" bench conns 100000 || status=1

# A download of a file from this machine, through `run` and without it, in turns.
size_mib=256
rounds=3
download_s() {
    "$@" curl -s -o /dev/null -w '%{time_total} %{size_download}\n' "http://127.0.0.1:$port/file" |
        awk -v size=$((size_mib << 20)) '$2 == size { print $1 }'
}
serve() {
    python3 -u -m http.server --bind 127.0.0.1 --directory "$scratch" 0 \
        >"$scratch/log" 2>/dev/null &
    server=$!
    port=
    tries=0
    while [ -z "$port" ] && [ $tries -lt 50 ]; do
        port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$scratch/log")
        tries=$((tries + 1))
        [ -n "$port" ] || sleep 0.1
    done
    [ -n "$port" ]
}
if "$program" run --help >/dev/null 2>&1; then
    title "curl, $size_mib MiB from this machine: direct, and through lastack run"
    head -c "${size_mib}M" /dev/zero >"$scratch/file"
    if serve; then
        round=0
        while [ $round -lt $rounds ]; do
            download_s env >>"$scratch/direct"
            download_s "$program" run -- >>"$scratch/through"
            round=$((round + 1))
        done
        for way in direct through; do
            sort -n "$scratch/$way" | head -n 1 >"$scratch/$way.best"
        done
        if [ -s "$scratch/direct.best" ] && [ -s "$scratch/through.best" ]; then
            paste "$scratch/direct.best" "$scratch/through.best" | awk -v mib=$size_mib \
                '{ printf "%16.3f  seconds, direct (best of '$rounds')\n", $1
                   printf "%16.3f  seconds, through lastack (best of '$rounds')\n", $2
                   printf "%16.2f  of the direct rate\n", $1 / $2 }'
        else
            echo 'a download failed' >&2
            status=1
        fi
    else
        echo 'the server did not start' >&2
        status=1
    fi
fi
exit $status

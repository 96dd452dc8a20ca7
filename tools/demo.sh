#!/bin/bash
# SPDX-License-Identifier: MIT
#
# demo.sh LASTACK - a download by curl over a bad wire, with the story of every segment
#
# A web server on loopback, an unmodified curl on lastack, 20 ms of delay and 1 % of loss each way.
# Checks what it shows: the octets, the handshake, an explained retransmission, the close.
set -u
lastack=$1
capture=demo.pcapng
octets=300000

dir=$(mktemp -d) || exit 1
server=
cleanup() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null
        wait "$server" 2>/dev/null
    fi
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    echo "demo: $*" >&2
    exit 1
}

mkdir "$dir/www"
seq 1 100000 | head -c "$octets" >"$dir/www/file.txt"

# The fate of a segment follows from the seed, the addresses and the ports: with these ports, the
# first of which is free, seed 7 loses some of the transfer, and the same in every run.
port=
for try in 8277 8177 8477 8077; do
    python3 -u -m http.server "$try" --bind 127.0.0.1 --directory "$dir/www" \
        >"$dir/server.log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        kill -0 "$server" 2>/dev/null || break
        if grep -q '^Serving HTTP' "$dir/server.log"; then
            port=$try
            break 2
        fi
        sleep 0.1
    done
done
[ -n "$port" ] || fail "no web server: $(tail -n 1 "$dir/server.log")"

set -- run --watch --pcap "$capture" --delay 20ms --loss 1% --seed 7 -- \
    curl -sS -o "$dir/file.txt" "http://127.0.0.1:$port/file.txt"
echo "\$ lastack $*"
echo
"$lastack" "$@" 2>&1 | tee "$dir/story"
status=${PIPESTATUS[0]}
[ "$status" = 0 ] || fail "lastack run ended with status $status"

wanted=$(sha256sum <"$dir/www/file.txt")
got=$(sha256sum <"$dir/file.txt") || fail "curl wrote nothing"
[ "$wanted" = "$got" ] || fail "the octets differ: $got instead of $wanted"
for what in SYN-SENT ESTABLISHED TIME-WAIT; do
    grep -q "$what" "$dir/story" || fail "no $what in the story"
done
grep -q 'retransmission [1-9].* of seq' "$dir/story" || fail "no retransmission in the story"

echo
echo "The $octets octets are the right ones (sha256 ${got%% *})."
echo "The capture is $PWD/$capture, with the story as packet comments. Open it with:"
echo "    wireshark $capture"
echo "    tshark -r $capture -Y tcp.analysis.flags"

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `lastack explain` says of captures by default, as somebody who knows nothing of them reads it.

usage: test_words.py LASTACK FOLDER          (FOLDER: captures of the kernel with known truths)
"""
import os
import re
import struct
import subprocess
import sys
import tempfile

# (capture, what is said, how often)
CASES = (
    ("port_scan.pcap", r"The same of #\d", None),
    ("close_simultaneous.pcap", r"[Bb]oth ends closed at the same time", 1),
    ("open_simultaneous.pcap", r"[Bb]oth ends (opened )?at (once|the same time)", 1),
    ("lost_fin_retransmitted.pcap", r"The FIN was sent \d times \((client|server)\)", 1),
    ("capture_missing_packets.pcap", r"octets were acknowledged and not captured", None),
    ("zero_window_recovers.pcap", r"because the other's window was shut", 1),
    ("throughput_limited_by_application.pcap", r"The client had nothing to send for \d+ % of its time", 1),
    ("syn_black_hole_backoff.pcap", r"The SYN was sent \d times, the second one after", 1),
    ("half_close_data_after_fin.pcap", r"It is open when the capture ends", 0),
    # What befell a server comes first, with its name.
    ("port_scan.pcap", r"^10\.78\.0\.1 → 10\.78\.0\.2 Port scan: 40 ports of one host tried, 1 answered", 1),
    ("syn_flood_syncookies_on.pcap", r"^10\.78\.0\.2:\d+ SYN flood: 301 SYNs", 1),
    ("backlog_overflow.pcap", r"^10\.78\.0\.2:\d+ The accept queue was full", 1),
    ("port_scan.pcap", r"Port scan", 1),
)

# (capture, options, what the ladder's summaries say, how often)
LADDERS = (
    ("rst_injection_off_path.pcap", ("--conn", "0"), r"noticed The RST was not sent by the end that it names", 1),
    ("rst_injection_off_path.pcap", ("--format", "ladder", "--filter", "tcp"), r"noticed The RST was not sent", 1),
    ("rst_injection_off_path.pcap", ("--format", "ladder"), r"noticed The RST was not sent", 1),
    ("close_by_client_four_segments.pcap", ("--conn", "0"), r"noticed", 0),
    ("syn_black_hole_backoff.pcap", ("--conn", "0"), r"retransmission 2 of SYN: timeout", 1),
    ("syn_black_hole_backoff.pcap", ("--conn", "0"), r"nothing sent twice", 0),
)


def said(lastack, path, *options):
    done = subprocess.run([lastack, "explain", *options, path], capture_output=True, text=True, timeout=120, check=True)
    return re.sub(r"\s+", " ", done.stdout)


def said_of_one_packet(lastack, protocol):
    """Of a capture with one packet, which has text if it is of TCP."""
    tcp = bytes.fromhex("0050 1388 00000001 00000001 5010 2000 1234 0000") + b"x"
    packet = bytes.fromhex("4500 0029 0001 0000 40") + bytes([protocol]) + bytes.fromhex("0000 0a000001 0a000002") + tcp
    record = struct.pack("<IIII", 1, 0, len(packet), len(packet)) + packet
    # Its checksum is wrong.
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101) + record)
        file.flush()
        return said(lastack, file.name), said(lastack, file.name, "--conn", "7")


def said_of_segments(lastack, packets):
    """Of a capture of segments of IPv4, without checksums."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for i, tcp in enumerate(packets):
            packet = bytes.fromhex("4500") + struct.pack(">HHH", 20 + len(tcp), i + 1, 0) + bytes.fromhex(
                "4006 0000 0a000001 0a000002") + tcp
            file.write(struct.pack("<IIII", 1 + 2 * i, 0, len(packet), len(packet)) + packet)
        file.flush()
        return said(lastack, file.name)


def mistakes_about_one_direction(lastack):
    """Of the peer nothing was captured; a SYN alone is no open connection."""
    numbers = "1388 0050 {:08x} {:08x} {}0{:02x} 2000 0000 0000"
    syn, ack, fin = (bytes.fromhex(numbers.format(seq, ack, 5, flags)) for seq, ack, flags in (
        (1, 0, 2), (2, 901, 16), (2, 951, 17)))
    for packets, want, unwanted in (((syn, ack, fin), "Only what the client sent was captured", "the server 0"),
                                    ((syn,), "1 connection, 0 octets in 1 segment: 1 unanswered", "1 open")):
        text = said_of_segments(lastack, packets)
        if want not in text or unwanted in text:
            yield f"wrong: \"{want}\", and not \"{unwanted}\", is wanted in: {text}"


def mistakes_about_one_packet(lastack):
    (one, none), (other, _) = said_of_one_packet(lastack, 6), said_of_one_packet(lastack, 17)
    for text, want, unwanted in ((one, "The client sent 0 octets, the server 1", "0 us"),
                                 (one, "1 checksum wrong, and few right", "checksums"),
                                 (none, "number 0 alone", "numbers"),
                                 (other, "no TCP connection in 1 packet ", "1 packets")):
        if want not in text or unwanted in text:
            yield f"wrong: \"{want}\", and not \"{unwanted}\", is wanted in: {text}"


def main(lastack, folder):
    failed = False
    for name, options, words, times in (*((name, (), *case) for name, *case in CASES), *LADDERS):
        n = len(re.findall(words, said(lastack, os.path.join(folder, name), *options)))
        right = n == times or (times is None and n > 0)
        print(f"{'right' if right else 'wrong'} {name}: {n} times \"{words}\"")
        failed = failed or not right
    for mistake in [*mistakes_about_one_packet(lastack), *mistakes_about_one_direction(lastack)]:
        print(mistake)
        failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))

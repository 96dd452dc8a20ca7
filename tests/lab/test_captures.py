#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What tshark, which knows nothing of us, reads in the captures of `lastack lab`.

usage: test_captures.py PROGRAM              (status 77, skipped, without tshark)
"""
import re
import shutil
import sys
import unittest

import agreement
from packets import play, scenarios

CHECKSUM_GOOD, CHECKSUM_BAD = "1", "0"
SEVERITY_ERROR = 0x800000


def said(packets):
    return [p.said for p in packets]


def text_lengths(packets):
    return [p.length for p in packets if p.length]


class Captures(unittest.TestCase):
    def streams(self, name):
        """The packets of a scenario by connection; nothing is wrong with any of them."""
        found = {}
        wrong = {s.packet for s in agreement.segments_of(*play(name))
                 if s.dropped_for("TCP_CHECKSUM")}
        for p in play(name)[0]:
            where = f"{name}, frame {p.frame}"
            self.assertFalse(p.has("_ws.malformed"), where)
            if p in wrong:  # on purpose
                self.assertEqual(p.field["tcp.checksum.status"], CHECKSUM_BAD, where)
                found.setdefault(p.stream, []).append(p)
                continue
            for severity in filter(None, p.field["_ws.expert.severity"].split(",")):
                self.assertLess(int(severity, 0), SEVERITY_ERROR, where)
            for status in filter(None, p.field["ip.checksum.status"].split(",")):
                self.assertEqual(status, CHECKSUM_GOOD, where)  # several: a packet quotes another
            if p.stream is None:  # ARP, ICMP, UDP
                continue
            self.assertEqual(p.field["tcp.checksum.status"], CHECKSUM_GOOD, where)
            found.setdefault(p.stream, []).append(p)
        return [found[number] for number in sorted(found)]

    def connections(self, name):
        """The same by the client's port: a SYN in the middle is no new connection."""
        found = {}
        for p in (p for stream in self.streams(name) for p in stream):
            port = p.number("tcp.dstport") if p.from_server else p.number("tcp.srcport")
            found.setdefault(port, []).append(p)
        return list(found.values())

    def assert_comments(self, packets, *texts):
        """Each text is said; "A -> B (section)" may say between them why."""
        comments = "\n".join(p.comments for p in packets)
        for text in texts:
            self.assertRegex(comments, re.escape(text).replace(r"\ \(", r"[^()\n]*\ \("))

    def assert_near(self, seen, wanted):
        self.assertEqual(len(seen), len(wanted), seen)
        for a, b in zip(seen, wanted):
            self.assertAlmostEqual(a, b, delta=0.01)

    # ---- opening

    def test_handshake(self):
        plain, early = self.streams("handshake")
        self.assertEqual(said(plain), ["C:S", "S:SA", "C:A"])
        syn, syn_ack, third = plain
        self.assertEqual(syn_ack.ack, syn.seq + 1)
        self.assertEqual((third.seq, third.ack), (syn.seq + 1, syn_ack.seq + 1))
        self.assertEqual([syn.number("tcp.options.mss_val"), syn_ack.number("tcp.options.mss_val")],
                         [1460, 1460])
        self.assertEqual((early[2].said, early[2].length), ("C:A", 100))
        self.assert_comments(plain, "client CLOSED -> SYN-SENT (RFC 9293 3.10.1)",
                             "server LISTEN -> SYN-RECEIVED (RFC 9293 3.10.7.2 third)",
                             "client SYN-SENT -> ESTABLISHED (RFC 9293 3.10.7.3 fourth)",
                             "server SYN-RECEIVED -> ESTABLISHED (RFC 9293 3.10.7.4 fifth)")

    def test_open_simultaneous(self):
        packets, = self.streams("open-simultaneous")
        self.assertEqual([p.flags for p in packets[:4]], ["S", "S", "SA", "SA"])
        one, two, three, four = packets[:4]
        self.assertEqual({p.number("tcp.srcport") for p in (one, two)}, {4000, 5000})
        seqs = {p.number("tcp.srcport"): p.seq for p in (one, two)}
        for p in (three, four):
            self.assertEqual(p.seq, seqs[p.number("tcp.srcport")])
        self.assert_comments(packets, "client SYN-SENT -> SYN-RECEIVED (RFC 9293 3.10.7.3 fourth)",
                             "server SYN-SENT -> SYN-RECEIVED (RFC 9293 3.10.7.3 fourth)")

    def test_mss(self):
        streams = self.streams("mss")
        announced = [[p.number("tcp.options.mss_val") for p in s[:2]] for s in streams]
        self.assertEqual(announced, [[1460, 1440], [256, 1460], [None, 1460], [None, 1440]])
        self.assertEqual([max(text_lengths(s)) for s in streams], [1440, 256, 536, 1220])
        for stream in streams[:2]:  # in both directions
            self.assertEqual(*(max(text_lengths([p for p in stream if p.from_server == side]))
                               for side in (False, True)))

    def test_options(self):
        real, strange, zero, long = self.streams("options")
        self.assertEqual(text_lengths(real), [26, 1448, 1448, 1448, 1104])
        self.assertTrue(any(p.has("tcp.options.sack_le") for p in real))
        for stream, texts in ((strange, [26]), (zero, [26, 26]), (long, [26, 26])):
            self.assertEqual(said(stream[:3]), ["C:S", "S:SA", "C:A"])
            self.assertEqual(text_lengths(stream), texts)
            # The last thing that the server says: it has all of the text.
            last = [p for p in stream if p.from_server][-1]
            self.assertEqual(last.ack - stream[0].seq, 1 + sum(texts))
            self.assertFalse(stream[1].has("tcp.options.wscale.shift"))

    # ---- data

    def test_transfer(self):
        packets, stray = self.streams("transfer")
        self.assertEqual([p.field["tcp.checksum.status"] for p in stray].count(CHECKSUM_BAD), 1)
        self.assert_comments(stray, "server: wrong TCP checksum")
        self.assertEqual(sum(text_lengths(p for p in packets if p.from_server)), 10000)
        self.assertFalse(any(p.has("tcp.analysis.retransmission") for p in packets))
        last = packets[-1]
        self.assertEqual((last.said, last.ack - packets[1].seq), ("C:A", 10001))
        self.assert_comments(packets, "lost on the wire")

    def test_nagle(self):
        collected, one_by_one = self.streams("nagle")
        self.assertEqual(text_lengths(collected), [10, 10, 40])
        self.assertEqual(text_lengths(one_by_one), [10] * 6)

    # ---- closing

    def test_close(self):
        by_client, by_server = self.streams("close")
        self.assertEqual(said(by_client[3:]), ["C:FA", "S:A", "S:FA", "C:A"])
        self.assertEqual(said(by_server[3:]), ["S:FA", "C:A", "C:FA", "S:A"])
        self.assert_comments(by_client, "client ESTABLISHED -> FIN-WAIT-1 (RFC 9293 3.10.4)",
                             "server ESTABLISHED -> CLOSE-WAIT (RFC 9293 3.10.7.4 eighth)",
                             "client FIN-WAIT-1 -> FIN-WAIT-2 (RFC 9293 3.10.7.4 fifth)",
                             "server CLOSE-WAIT -> LAST-ACK (RFC 9293 3.10.4)",
                             "client FIN-WAIT-2 -> TIME-WAIT (RFC 9293 3.10.7.4 eighth)",
                             "server LAST-ACK -> CLOSED (RFC 9293 3.10.7.4 fifth)")
        self.assert_comments(by_server, "server FIN-WAIT-2 -> TIME-WAIT",
                             "client LAST-ACK -> CLOSED")

    def test_close_merged(self):
        packets, = self.streams("close-merged")
        self.assertEqual(said(packets[3:]), ["C:FA", "S:FA", "C:A"])
        self.assertEqual(packets[4].ack, packets[3].seq + 1)
        self.assert_comments(packets, "client FIN-WAIT-1 -> TIME-WAIT (RFC 9293 3.10.7.4 eighth)")

    def test_close_finack(self):
        packets, = self.streams("close-finack")
        self.assertEqual(said(packets[-3:]), ["C:FA", "S:FA", "C:A"])
        self.assertEqual(packets[-2].length, 200)
        self.assertEqual(packets[-1].ack, packets[-2].seq + 201)

    def test_close_simultaneous(self):
        packets, = self.streams("close-simultaneous")
        self.assertEqual(sorted(said(packets[3:5])), ["C:FA", "S:FA"])
        self.assertEqual(sorted(said(packets[5:])), ["C:A", "S:A"])
        self.assert_comments(packets, "client FIN-WAIT-1 -> CLOSING (RFC 9293 3.10.7.4 eighth)",
                             "server CLOSING -> TIME-WAIT (RFC 9293 3.10.7.4 fifth)")

    def test_half_close(self):
        packets, = self.streams("half-close")
        fin = [p.said for p in packets].index("C:FA")
        after = packets[fin + 1:]
        self.assertEqual(sum(text_lengths(p for p in after if p.from_server)), 3000)
        self.assertEqual(text_lengths(p for p in after if not p.from_server), [])
        self.assertEqual(said(after[-2:]), ["S:FA", "C:A"])

    def test_time_wait(self):
        lost, *others = self.streams("time-wait")
        where = [said(s).count("C:R") for s in others].index(1)
        killer = others[where]
        self.assertEqual(said(killer[-3:]), ["C:S", "S:A", "C:R"])
        self.assert_comments(killer, "RST in TIME-WAIT is ignored",
                             "server FIN-WAIT-2 -> TIME-WAIT")
        others = others[:2]
        self.assertEqual(said(lost[-4:]), ["S:FA", "C:A", "S:FA", "C:A"])
        self.assertEqual(lost[-4].seq, lost[-2].seq)
        packets = [p for stream in others for p in stream]
        self.assertEqual({p.number("tcp.srcport") for p in packets if not p.from_server}, {50000})
        self.assertEqual(said(packets).count("C:S"), 2)
        self.assert_comments(packets, "server TIME-WAIT -> CLOSED (RFC 9293 3.6.1)",
                             "an old duplicate (RFC 7323 5.3 R1)")
        # The first connection's octets came twice, and are acknowledged in the first one only.
        self.assertEqual(text_lengths(packets), [300, 120, 300, 120])
        self.assertEqual(packets[-1].ack, packets[-2].seq + 120)

    # ---- ends before their time

    def test_refused(self):
        packets, = self.streams("refused")
        syn, rst = packets
        self.assertEqual((syn.flags, rst.flags), ("S", "RA"))
        self.assertEqual((rst.seq, rst.ack), (0, syn.seq + 1))
        self.assert_comments(packets, "client SYN-SENT -> CLOSED (RFC 9293 3.10.7.3 second)",
                             "no connection and no listener")

    def test_abort(self):
        by_client, by_server = self.streams("abort")
        self.assertIn("C:RA", said(by_client))
        self.assertEqual(by_server[-1].said, "S:RA")
        for stream in (by_client, by_server):
            self.assertFalse(any("F" in p.flags for p in stream))
        self.assert_comments(by_client, "server ESTABLISHED -> CLOSED (RFC 9293 3.10.7.4 second)")

    def test_syn_timeout(self):
        packets, = self.streams("syn-timeout")
        self.assertEqual({p.flags for p in packets}, {"S"})
        self.assertEqual(len({p.seq for p in packets}), 1)
        self.assert_near([p.at for p in packets], [0, 1, 3, 7, 15, 31, 63, 123])

    def test_old_syn(self):
        packets, = self.connections("old-syn")
        self.assertEqual(said(packets), ["C:S", "C:S", "S:SA", "C:R", "C:S", "S:SA", "C:A"])
        self.assertEqual((packets[2].ack, packets[3].seq), (91, 91))
        self.assertEqual(packets[0].seq, packets[4].seq)
        self.assert_comments(packets, "server SYN-RECEIVED -> LISTEN (RFC 9293 3.10.7.4 second)")

    def test_half_open(self):
        streams = self.streams("half-open")
        self.assertEqual(said(streams[0][3:]), ["S:A", "C:R"])
        rest = [p for stream in streams[1:] for p in stream]
        self.assertEqual(said(rest[3:]), ["C:S", "S:A", "C:R", "C:S", "S:SA", "C:A"])
        self.assertEqual(rest[5].seq, rest[4].ack)

    def test_rst_attack(self):
        blind, exact = self.connections("rst-attack")
        self.assertEqual(said(blind[6:-2]), ["C:R", "C:A", "S:A", "C:A", "S:A", "C:R", "S:A", "C:S",
                                             "S:A"])
        self.assertEqual(blind[-1].ack, blind[-2].seq + 100)
        self.assertEqual(said(exact[6:]), ["C:R"])
        self.assert_comments(blind, "challenge ACK (RFC 5961 7)")

    def test_backlog(self):
        streams = self.streams("backlog")
        dropped, third, reset = streams[:4], streams[4:6], streams[6:]
        self.assertEqual([said(s).count("C:S") for s in dropped], [1, 1, 3, 3])
        self.assertEqual([said(s)[-2:] for s in dropped], [["S:SA", "C:A"]] * 4)
        self.assert_comments(dropped[2], "server: the accept queue is full")
        self.assertEqual(said(third[0]), ["C:S", "S:SA", "C:A"])
        self.assertEqual(said(third[1]), ["C:S"] + ["S:SA", "C:A"] * 3)
        self.assert_comments(third[1], "server: the accept queue is full",
                             "server SYN-RECEIVED -> ESTABLISHED")
        self.assertEqual([said(s) for s in reset],
                         [["C:S", "S:SA", "C:A"], ["C:S", "S:SA", "C:A", "S:RA"]])

    def test_syn_queue(self):
        gone, *clients = self.streams("syn-queue")
        self.assertEqual(said(gone), ["C:S"] + ["S:SA"] * 6)
        gaps = [b.at - a.at for a, b in zip(gone[1:], gone[2:])]
        self.assert_near(gaps, [1, 2, 4, 8, 16])
        self.assert_comments(gone[1:], "retransmission 5 of SYN,ACK: timeout after 16.0 s")
        self.assertEqual([said(s) for s in clients],
                         [["C:S", "S:SA", "C:A", "S:SA", "C:A"]] * 2 +
                         [["C:S", "C:S", "S:SA", "C:A"]])

    def test_syn_flood(self):
        streams = self.streams("syn-flood")
        real = [s for s in streams if s[0].number("tcp.srcport") == 50001]
        undefended, cookies, enlarged = real
        self.assertEqual(said(undefended), ["C:S"] * 5)
        self.assert_comments(undefended, "server: the SYN queue is full")
        self.assertEqual(said(cookies[:3]), ["C:S", "S:SA", "C:A"])
        self.assert_comments(cookies, "server: the SYN is answered with a cookie and forgotten")
        for stream in (cookies, enlarged):
            self.assertEqual(sum(text_lengths(p for p in stream if p.from_server)), 20000)
        # The flood: each SYN from another place, and nobody answers a SYN,ACK.
        flood = [s for s in streams if s[0].number("tcp.srcport") != 50001]
        self.assertEqual(len(flood), 100 + 150 + 550)
        self.assertEqual({p.said for s in flood for p in s}, {"C:S", "S:SA"})

    def test_syn_cookies(self):
        stamped, plain, client, server = self.streams("syn-cookies")
        self.assertEqual(said(stamped[:3]), ["C:SEC", "S:SAE", "C:A"])
        self.assertTrue(stamped[1].has("tcp.options.wscale.shift"))
        self.assertEqual({p.field["ip.dsfield.ecn"] for p in stamped if p.length}, {"2"})
        self.assertFalse(plain[1].has("tcp.options.wscale.shift"))
        self.assertEqual(max(text_lengths(p for p in plain if p.from_server)), 1380)
        self.assert_comments(plain, "no window scale, no SACK")
        self.assertEqual(said(client)[:4], ["C:S", "S:SA", "C:A", "C:A"])
        self.assertEqual(said(server), ["C:S", "S:SA", "C:A", "C:RA"])
        self.assertGreater(server[3].at - server[2].at, 29)

    def test_fast_open(self):
        asked, shown, learnt, foreign, renewed, again, lost = self.streams("fast-open")
        for stream in (asked, learnt, again):
            self.assertEqual([p.length for p in stream[:3]], [0, 0, 100])
        for stream in (shown, renewed):
            self.assertEqual([p.length for p in stream[:3]], [100, 0, 300])
            self.assertEqual(said(stream[:3]), ["C:S", "S:SA", "S:A"])
            self.assertEqual(stream[1].ack, (stream[0].seq + 101) % 2**32)
        self.assertEqual([p.length for p in foreign[:3]], [100, 0, 100])
        self.assertEqual(foreign[1].ack, (foreign[0].seq + 1) % 2**32)
        self.assert_comments(foreign, "cookie is not ours: its text waits")
        self.assertEqual(said(lost[:4]), ["C:S", "C:S", "S:SA", "C:A"])
        self.assertEqual([p.length for p in lost[:4]], [100, 0, 0, 100])

    def test_keepalive(self):
        packets, busy = self.streams("keepalive")
        probes = [p for p in packets if p.has("tcp.analysis.keep_alive")]
        gaps = [b.at - a.at for a, b in zip(probes, probes[1:])]
        self.assert_near(gaps, [60.02, 10, 10])
        self.assertEqual({p.seq - packets[0].seq for p in probes}, {100})
        self.assertEqual(packets[-1].said, "C:RA")
        sent = [p.at for p in busy if p.length == 100][1:]
        # The first is a tail loss probe, behind which the timer begins anew (RFC 8985 7.3).
        self.assert_near([at - sent[0] for at in sent[:5]], [0, 0.2, 0.4, 0.8, 1.6])
        self.assertLess(sent[-1] - sent[0], 10)

    def test_linger(self):
        off, zero, waits, late = self.streams("linger")
        for stream in (off, waits, late):
            self.assertEqual(said(stream[-2:]), ["S:FA", "C:A"])
            fin = [p for p in stream if p.said == "C:FA"][-1]
            self.assertEqual(fin.seq + fin.length - stream[0].seq, 20001)
        self.assertIn("C:RA", said(zero))
        self.assertFalse(any("F" in p.flags for p in zero))
        # SO_LINGER changes when close() returns, not what is sent.
        self.assertEqual([(p.said, p.length) for p in off], [(p.said, p.length) for p in waits])

    def test_binding(self):
        streams = self.streams("binding")
        self.assertEqual(len(streams), 4 + 3 + 8)
        self.assertEqual(sum(any("R" in p.flags for p in s) for s in streams[:4]), 1)
        self.assertEqual(sorted(sum(text_lengths(s)) for s in streams[4:7]), [10, 20, 30])
        ports = [s[0].number("tcp.srcport") for s in streams[7:]]
        self.assertEqual(len(set(ports)), 8)
        self.assertTrue(all(49152 <= port <= 65535 for port in ports))

    def test_sockets(self):
        life, refused, options = self.streams("sockets")
        self.assertEqual(said(life)[:3] + said(life)[-2:], ["C:S", "S:SA", "C:A", "S:FA", "C:A"])
        self.assertEqual(text_lengths(life), [100, 1448, 1448, 104, 50])
        self.assertEqual(said(refused), ["C:S", "S:RA"])
        self.assertEqual(options[0].number("tcp.options.mss_val"), 500)
        self.assertEqual(text_lengths(options), [20, 10])
        self.assertEqual(options[-1].said, "C:RA")

    def test_layers(self):
        packets, _ = play("layers")
        self.assertEqual([p.field["arp.opcode"] for p in packets[:2]], ["1", "2"])
        self.assertEqual([p.field["icmpv6.type"] for p in packets if p.has("icmpv6.type")][:2],
                         ["135", "136"])
        self.assertEqual([p.field["icmp.type"] for p in packets if p.has("icmp.type")], ["3"])
        four, six = self.streams("layers")
        self.assertEqual((text_lengths(four), text_lengths(six)), ([32], [32]))

    # ---- loss and windows

    def test_congestion(self):
        saw, cubic, hystart, bbr, outage, rest = self.streams("congestion")
        again = [sum(bool(p.analysis & {"retransmission", "out_of_order"}) for p in packets)
                 for packets in (cubic, hystart, bbr, rest)]
        self.assertGreater(again[0], 10)
        self.assertEqual(again[1:], [0, 0, 0])
        self.assertGreater(max(b.at - a.at for a, b in zip(rest, rest[1:])), 2.9)
        self.assertEqual(saw[-1].ack - saw[0].seq, 3000001)
        self.assertGreater(sum(p.has("tcp.analysis.retransmission") for p in saw), 10)
        gaps = [b.at - a.at for a, b in zip(outage, outage[1:])]
        self.assertGreater(max(gaps), 0.3)
        self.assertEqual(outage[-1].ack - outage[0].seq, 1500001)

    def test_pmtu(self):
        told, known, v6, lies, hole = self.streams("pmtu")
        self.assertEqual(sorted({p.length for p in told if p.length > 1000}), [1148, 1448])
        self.assertEqual(len([p for p in told if p.length == 1448]), 6)
        self.assertEqual(text_lengths(known), [])
        self.assertIn(1228, text_lengths(v6))
        self.assertEqual(max(text_lengths(lies)), 1448)
        self.assertFalse(any(p.has("tcp.analysis.retransmission") for p in lies))
        lengths = text_lengths(hole)
        self.assertLess(lengths.index(1024), lengths.index(1130))  # 1024, 1236, then half way
        self.assertGreater(hole[-1].at - hole[0].at, 0.6)
        icmp = [p for p in play("pmtu")[0] if p.has("icmp.type") or p.has("icmpv6.type")]
        self.assertEqual({p.field["icmp.type"] + p.field["icmpv6.type"] for p in icmp}, {"3", "2"})

    def test_rto(self):
        packets, = self.streams("rto")
        first = [p for p in packets if p.length][0]
        sent = [p.at - first.at for p in packets if p.seq == first.seq and p.length]
        self.assert_near(sent, [0, 0.2, 0.6, 1.4])
        self.assert_comments(packets, "retransmission 2 of ")

    def test_fast_retransmit(self):
        packets, = self.streams("fast-retransmit")
        again = [p for p in packets if p.has("tcp.analysis.fast_retransmission")
                 or p.has("tcp.analysis.retransmission")]
        self.assertEqual(len(again), 1)
        before = [p for p in packets if p.at <= again[0].at]
        # RFC 6675 2: an ACK with new SACK blocks counts, also when it acknowledges something.
        self.assertGreaterEqual(sum(p.has("tcp.options.sack_le") for p in before), 3)
        lost = [p for p in packets if p.seq == again[0].seq and p.length][0]
        self.assertLess(again[0].at - lost.at, 0.1)  # no timer is so fast

    def test_sack(self):
        packets, = self.streams("sack")
        again = [p for p in packets if p.has("tcp.analysis.fast_retransmission")
                 or p.has("tcp.analysis.retransmission")]
        self.assertEqual([p.seq - packets[0].seq for p in again], [1449, 4345, 7241])
        self.assertLess(again[-1].at - again[0].at, 0.025)  # one round trip
        self.assertTrue(all(p.from_server for p in packets if p.has("tcp.options.sack_le")))

    def test_rack(self):
        few, tail = self.streams("rack")
        for packets in (few, tail):
            again = [p for p in packets if p.has("tcp.analysis.retransmission")
                     or p.has("tcp.analysis.fast_retransmission")]
            self.assertGreater(len(again), 0)
            self.assertLess(again[0].at - packets[5].at, 0.15)  # before any timeout
        self.assert_comments(few, "a later segment was acknowledged first")
        self.assert_comments(tail, "tail loss probe")

    def test_spurious(self):
        for packets in self.streams("spurious"):
            # In the order on the wire: one segment goes again, and it is the first of its window.
            text = [(p.seq, p.length) for p in packets if p.length and not p.from_server]
            self.assertEqual(len(text) - len(set(text)), 1)

    def test_ecn(self):
        marked, plain = self.streams("ecn")
        self.assertEqual(said(marked)[:3], ["C:SEC", "S:SAE", "C:A"])
        fields = {p.number("ip.dsfield.ecn") for p in marked if p.length}
        self.assertEqual(fields, {2})  # as the client sends them: the mark is set behind the tap
        self.assertEqual({p.number("ip.dsfield.ecn") for p in marked if not p.length}, {0})
        echoes = [p for p in marked if p.said == "S:AE"]
        cwr = [p for p in marked if "C" in p.flags and "S" not in p.flags]
        self.assertGreater(len(echoes), 1)
        self.assertEqual(len(cwr), 1)
        self.assertLess(echoes[-1].ack, cwr[0].seq + cwr[0].length)
        self.assertFalse(any(p.has("tcp.analysis.retransmission") for p in marked))
        self.assertEqual(said(plain)[:4], ["C:SEC", "C:S", "S:SA", "C:A"])
        self.assertEqual({p.number("ip.dsfield.ecn") for p in plain}, {0})

    def test_ecn_accurate(self):
        def ace(packet):
            return packet.bits >> 6 & 7
        counted, plain = self.streams("ecn-accurate")
        self.assertEqual([ace(p) for p in counted[:4]], [7, 2, 2, 5])
        told = [ace(p) for p in counted if p.from_server and "S" not in p.flags]
        steps = [(after - before) % 8 for before, after in zip(told, told[1:])]
        self.assertEqual(told[0], 5)
        self.assertGreater(sum(steps), 1)
        self.assertLessEqual(max(steps), 2)  # each second mark is acknowledged
        sent = [ace(p) for p in counted[3:] if not p.from_server]
        self.assertEqual(set(sent[:-1]), {5})
        self.assertEqual(sent[-1], 0)  # out of TIME-WAIT, where what was agreed is forgotten
        self.assertEqual([ace(p) for p in plain[:3]], [7, 1, 0])
        self.assertFalse(any(p.has("tcp.analysis.retransmission") for p in counted + plain))

    def test_zero_window(self):
        packets, = self.streams("zero-window")
        self.assertTrue(any(p.has("tcp.analysis.zero_window") for p in packets))
        probes = [p.at for p in packets if p.length == 1]
        gaps = [b - a for a, b in zip(probes, probes[1:])]
        self.assert_near(gaps[:2], [0.4, 0.8])
        self.assertEqual(packets[-1].ack - packets[0].seq, 10001)

    def test_silly_window(self):
        receiver, sender = self.streams("silly-window")
        shut = max(i for i, p in enumerate(receiver) if p.from_server and p.window == 0)
        self.assertGreaterEqual(receiver[shut + 1].window, 1448)
        lengths = text_lengths(p for p in sender if p.from_server)
        self.assertEqual(lengths, [1000, 1000, 100, 1000, 1000])
        tiny = [p for p in sender if p.length == 100][0]
        self.assertGreater(tiny.at - [p for p in sender if p.at < tiny.at][-1].at, 0.1)

    def test_window_scale(self):
        scaled, plain = self.streams("window-scale")
        self.assertEqual([p.number("tcp.options.wscale.shift") for p in scaled[:2]], [8, 5])
        self.assertGreater(max(p.window for p in scaled if p.from_server), 65535)
        self.assertEqual([p.number("tcp.options.wscale.shift") for p in plain[:2]], [None, None])
        self.assertLessEqual(max(p.window for p in plain), 65535)

    def test_urgent(self):
        both_ways, beyond, zero = self.streams("urgent")
        self.assertEqual([(p.from_server, p.length, p.urgent) for p in both_ways if p.urgent],
                         [(False, 1, 1), (True, 3, 3)])
        self.assert_comments(both_ways, "server is told: urgent data before seq 22, 1 octet unread",
                             "client is told: urgent data before seq 4, 3 octets unread")
        marks = [p.seq + p.urgent - beyond[0].seq for p in beyond if p.urgent]
        self.assertEqual(marks, [4001, 4001, 4001, 4301])
        plain = [p.length for p in beyond if not p.urgent and p.length]
        self.assertEqual(plain, [20])
        probes = [p for p in zero if p.has("tcp.analysis.zero_window_probe")]
        self.assertGreaterEqual(len(probes), 2)
        for p in probes:
            self.assertEqual(p.seq + p.urgent - zero[0].seq, 6002)

    # ---- tshark's analysis and our story

    def test_agreement_with_tshark(self):
        """They say the same of every segment, except where docs/tshark.md says so."""
        wanted = agreement.listed()
        self.assertLessEqual(len(wanted), 10)
        differ = {}
        for name in scenarios():
            for frame, words in agreement.compare(*play(name)).items():
                differ[name, frame] = words
        for where in sorted(set(differ) | set(wanted)):
            theirs, ours = differ.get(where, (set(), set()))
            self.assertEqual((theirs, ours), wanted.get(where, (set(), set()))[:2],
                             f"{where[0]}, frame {where[1]}: tshark alone, we alone; "
                             f"docs/tshark.md")
        for where, (_, _, why, section) in wanted.items():
            self.assertTrue(why.strip(), where)
            self.assertRegex(section, r"^RFC [0-9]+ [0-9]", where)

    def test_agreement_is_not_for_nothing(self):
        """The scenarios show each word that both can say, and a word too many is noticed."""
        both = set()
        for name in scenarios():
            packets, events = play(name)
            for packet in packets:
                both |= packet.analysis
        self.assertLessEqual({"retransmission", "fast_retransmission", "duplicate_ack",
                              "zero_window", "zero_window_probe", "zero_window_probe_ack",
                              "window_full", "window_update", "keep_alive", "keep_alive_ack",
                              "reused_ports", "ack_lost_segment"}, both)
        packets, events = play("zero-window")
        packet = next(p for p in packets if "window_update" in p.analysis)
        packet.analysis.remove("window_update")
        try:
            self.assertEqual(agreement.compare(packets, events),
                             {packet.frame: (set(), {"window_update"})})
        finally:
            packet.analysis.add("window_update")

    # ---- all

    def test_no_scenario_is_forgotten(self):
        for name in scenarios():
            self.assertTrue(hasattr(self, "test_" + name.replace("-", "_")), name)


if __name__ == "__main__":
    if shutil.which("tshark") is None:
        print("skipped: tshark is missing")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])

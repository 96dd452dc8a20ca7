/* SPDX-License-Identifier: MIT
 *
 * anomalies.c - scenarios: what an end must not believe
 *
 * Some packets here are sent by nobody's stack: the network kept them, or an attacker made them.
 */
#include "lab/packet.h"
#include "lab/scenario.h"

#include <stdint.h>

enum { CLIENT_PORT = 50000, SOME_BYTES = 100, OLD_SEQ = 90, PACKET_BYTES_MAX = 128 };
enum { FAR_OFF = 1 << 30, NEAR_OFF = 1000, WINDOW = 65535 };

static const uint8_t server_back_to_listen[] = {LA_TCP_CLOSED, LA_TCP_LISTEN, LA_TCP_SYN_RECEIVED,
                                                LA_TCP_LISTEN, 0};
static const uint8_t server_opens[] = {LA_TCP_CLOSED, LA_TCP_LISTEN, LA_TCP_SYN_RECEIVED,
                                       LA_TCP_ESTABLISHED, 0};
static const uint8_t server_is_reset[] = {LA_TCP_CLOSED,      LA_TCP_LISTEN, LA_TCP_SYN_RECEIVED,
                                          LA_TCP_ESTABLISHED, LA_TCP_CLOSED, 0};

static size_t
drops_n(const struct la_lab *lab, enum la_reason reason)
{
    return la_lab_count(lab, LA_SERVER, LA_EVENT_DROP, (unsigned)reason);
}

/* A segment that says it comes from the client's port, and does not come from its stack. */
static void
send_forged(struct la_lab *lab, uint16_t port, const struct la_tcp_seg *seg)
{
    uint8_t octets[PACKET_BYTES_MAX];
    struct la_lab_packet packet = {
        .src = {la_bed_addr(LA_CLIENT, false), port}, .dst = la_lab_server(false), .seg = *seg};
    size_t n = la_lab_packet_make(&packet, (struct la_room){octets, sizeof(octets)});
    la_lab_expect(
        lab, n != 0 && la_bed_send_packet(lab->bed, LA_CLIENT, (struct la_bytes){octets, n}) != 0,
        "no memory for a segment");
    la_lab_run(lab, 100);
}

/* ---- old-syn ---------------------------------------------------------------------------- */

static void
play_old_syn(struct la_lab *lab)
{
    struct la_endpoint server = la_lab_server(false);
    struct la_tcp_seg old = {.seq = la_seq_of(OLD_SEQ), .flags = LA_TCP_SYN, .wnd = WINDOW};
    la_lab_lose(lab, LA_CLIENT, (struct la_lab_pick){.text_bytes_max = UINT32_MAX, .times_n = 1});
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    la_lab_open(lab, LA_CLIENT, CLIENT_PORT, &server);
    send_forged(lab, CLIENT_PORT, &old);
    la_handle first = lab->end[LA_SERVER].conn;
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_ESTABLISHED);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_ESTABLISHED);
    la_lab_run(lab, 100);
    la_lab_expect_flow(lab, "C:S C:S S:SA C:R C:S S:SA C:A");
    la_lab_expect_path(lab, LA_SERVER, first, server_back_to_listen);
    la_lab_expect_path(lab, LA_SERVER, lab->end[LA_SERVER].conn, server_opens);
    const struct la_event *syn_ack = la_lab_sent(lab, LA_SERVER, LA_TCP_SYN, LA_TCP_SYN, 0);
    const struct la_event *rst = la_lab_sent(lab, LA_CLIENT, LA_TCP_RST, LA_TCP_RST, 0);
    la_lab_expect(lab,
                  syn_ack != NULL && rst != NULL && syn_ack->u.segment.ack == OLD_SEQ + 1 &&
                      rst->u.segment.seq == OLD_SEQ + 1,
                  "the RST does not have the number that makes it believable");
}

static const struct la_lab_part old_syn_parts[] = {{NULL, NULL, play_old_syn}};

const struct la_scenario la_scenario_old_syn = {
    .name = "old-syn",
    .summary = "an old duplicate SYN arrives, and the handshake survives",
    .intro =
        "The client opens a connection, but its SYN is lost. Meanwhile a SYN arrives that the "
        "network had kept from an earlier connection between the same ports. The server cannot "
        "know, and answers (RFC 9293 3.5 figure 8). The client can: the SYN,ACK acknowledges a "
        "number that it has not sent. It answers with a RST that has just this number, so that the "
        "server believes it and returns to LISTEN (3.10.7.3 first, 3.10.7.4 second). When the real "
        "SYN comes again, all goes well.",
    .look =
        "The first SYN,ACK acknowledges the old SYN, and the RST has the very number of that "
        "acknowledgement (with --absolute: 91).\n"
        "This is what the third segment is good for: with two, the server would have taken the old "
        "SYN for a connection.",
    .parts = old_syn_parts,
    .parts_n = 1,
};

/* ---- half-open -------------------------------------------------------------------------- */

static void
crash(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_expect(lab, la_bed_reboot(lab->bed, LA_CLIENT) == LA_OK, "no memory to reboot");
    la_lab_run(lab, 1000);
    la_lab_mark(lab);
}

static void
play_crash_and_data(struct la_lab *lab)
{
    crash(lab);
    la_lab_send(lab, LA_SERVER, SOME_BYTES);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_CLOSED);
    la_lab_run(lab, 100);
    la_lab_expect_flow(lab, "S:PA C:R");
    la_lab_expect_path(lab, LA_SERVER, lab->end[LA_SERVER].conn, server_is_reset);
    la_lab_expect(lab, lab->end[LA_SERVER].err == LA_ERR_CONNECTION_RESET,
                  "the server was not told of the reset");
}

static void
play_crash_and_open(struct la_lab *lab)
{
    struct la_endpoint server = la_lab_server(false);
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    la_lab_open(lab, LA_CLIENT, CLIENT_PORT, &server);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_ESTABLISHED);
    la_lab_run(lab, 100);
    la_lab_expect(lab, la_bed_reboot(lab->bed, LA_CLIENT) == LA_OK, "no memory to reboot");
    la_lab_run(lab, 1000);
    la_lab_mark(lab);
    la_handle old = lab->end[LA_SERVER].conn;
    la_lab_open(lab, LA_CLIENT, CLIENT_PORT, &server);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_ESTABLISHED);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_ESTABLISHED);
    la_lab_run(lab, 100);
    la_lab_expect_flow(lab, "C:S S:A C:R C:S S:SA C:A");
    la_lab_expect_path(lab, LA_SERVER, old, server_is_reset);
    la_lab_expect_path(lab, LA_SERVER, lab->end[LA_SERVER].conn, server_opens);
}

static void
setup_plain(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_CLIENT].timestamps = cfg->tcp[LA_SERVER].timestamps = false;
}

static const struct la_lab_part half_open_parts[] = {
    {"the other end sends", NULL, play_crash_and_data},
    {"the crashed end opens again, from the same port", setup_plain, play_crash_and_open},
};

const struct la_scenario la_scenario_half_open = {
    .name = "half-open",
    .summary = "one end has crashed, and the other finds out",
    .intro =
        "The client crashes and comes back without memory; no segment tells the server, which "
        "stays "
        "in ESTABLISHED. Such a connection is half-open (RFC 9293 3.5.1). It is found out as soon "
        "as "
        "anything is sent. In the first part the server sends: the client's host knows no such "
        "connection and answers with RST (figure 10).\n"
        "In the second part the client opens a new connection and happens to use the same port. "
        "To the server that is a SYN in the middle of a connection: it must not believe it, and "
        "answers with a challenge, an acknowledgement of what it has (RFC 5961 4). To the client "
        "that acknowledges nothing it ever sent: RST (figure 9). Now the server believes it; the "
        "SYN, sent again, finds it listening.",
    .look =
        "The crash itself is not to be seen: the ladder goes on with the state that the client was "
        "in, as the server does.\n"
        "Nothing happens while nobody sends: half-open connections live for ever without "
        "keep-alives ('keepalive').\n"
        "The RST has the sequence number that the challenge asked for.\n"
        "The new connection comes up one retransmission timeout late.",
    .parts = half_open_parts,
    .parts_n = 2,
};

/* ---- rst-attack ------------------------------------------------------------------------- */

struct target {
    uint16_t port;
    la_seq rcv_nxt; /* of the server */
    la_seq snd_nxt;
};

/* A connection that is in use, and its numbers. */
static struct target
target_of(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_send(lab, LA_SERVER, SOME_BYTES);
    la_lab_await_octets(lab, LA_CLIENT, SOME_BYTES);
    la_lab_send(lab, LA_CLIENT, SOME_BYTES);
    la_lab_await_octets(lab, LA_SERVER, SOME_BYTES);
    la_lab_run(lab, 100);
    const struct la_event *last = NULL, *sent;
    for (size_t nth = 0; (sent = la_lab_sent(lab, LA_CLIENT, 0, 0, nth)) != NULL; nth++)
        last = sent;
    if (last == NULL)
        return (struct target){.port = 1};
    return (struct target){last->local.port, la_seq_of(last->u.segment.seq + last->u.segment.len),
                           la_seq_of(last->u.segment.ack)};
}

static void
play_blind(struct la_lab *lab)
{
    struct target t = target_of(lab);
    struct la_tcp_seg seg = {.flags = LA_TCP_RST, .wnd = WINDOW, .ack = t.snd_nxt};
    la_lab_mark(lab);
    seg.seq = la_seq_sub(t.rcv_nxt, FAR_OFF);
    send_forged(lab, t.port, &seg);
    la_lab_expect(lab, drops_n(lab, LA_REASON_RST_OUTSIDE_WINDOW) == 1,
                  "the RST outside the window was not dropped");
    seg.flags = LA_TCP_ACK;
    seg.seq = t.rcv_nxt;
    seg.ack = la_seq_sub(t.snd_nxt, FAR_OFF);
    send_forged(lab, t.port, &seg);
    la_lab_expect(lab, drops_n(lab, LA_REASON_ACK_TOO_OLD) == 1, "the old ACK was not challenged");
    la_lab_send(lab, LA_CLIENT, SOME_BYTES);
    la_lab_await_octets(lab, LA_SERVER, 2 * SOME_BYTES);
    la_lab_run(lab, 100);
    seg.flags = LA_TCP_RST;
    seg.seq = la_seq_add(t.rcv_nxt, NEAR_OFF);
    send_forged(lab, t.port, &seg);
    la_lab_expect(lab, drops_n(lab, LA_REASON_RST_IN_WINDOW) == 1,
                  "the RST in the window was not challenged");
    seg.flags = LA_TCP_SYN;
    send_forged(lab, t.port, &seg);
    la_lab_expect(lab, drops_n(lab, LA_REASON_SYN_IN_WINDOW) == 1, "the SYN was not challenged");
    la_lab_expect(lab,
                  la_lab_count(lab, LA_SERVER, LA_EVENT_SEGMENT_SENT, LA_CAUSE_ACK_CHALLENGE) == 3,
                  "there were not three challenges");
    la_lab_send(lab, LA_SERVER, SOME_BYTES);
    la_lab_await_octets(lab, LA_CLIENT, 2 * SOME_BYTES);
    la_lab_run(lab, 100);
    la_lab_expect_octets(lab, LA_CLIENT, 2 * SOME_BYTES);
    la_lab_expect_octets(lab, LA_SERVER, 2 * SOME_BYTES);
    la_lab_expect_path(lab, LA_SERVER, lab->end[LA_SERVER].conn, server_opens);
}

static void
play_exact(struct la_lab *lab)
{
    struct target t = target_of(lab);
    struct la_tcp_seg seg = {.flags = LA_TCP_RST, .wnd = WINDOW, .seq = t.rcv_nxt};
    send_forged(lab, t.port, &seg);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_CLOSED);
    la_lab_expect_path(lab, LA_SERVER, lab->end[LA_SERVER].conn, server_is_reset);
}

static const struct la_lab_part rst_attack_parts[] = {
    {"numbers that are guessed, near and far", setup_plain, play_blind},
    {"the one number that works", setup_plain, play_exact},
};

const struct la_scenario la_scenario_rst_attack = {
    .name = "rst-attack",
    .summary = "forged RSTs and SYNs, and the challenge that meets them",
    .intro =
        "Somebody who sees nothing of the connection, but knows its addresses and ports, forges "
        "segments in the client's name. By the old rules a RST anywhere in the window ended a "
        "connection, and windows are large: a few ten thousand tries are enough. RFC 5961 asks for "
        "the exact number (3.2). A RST elsewhere in the window, any SYN (4.2), and an "
        "acknowledgement that is too old (5.2) draw a challenge: an ACK that goes to the real "
        "client. If the client has lost the connection, it answers the challenge with a RST that "
        "has "
        "the exact number; a client that lives ignores it.\n"
        "Timestamps are off here; they would stop the SYN and the ACK earlier.",
    .look =
        "The four segments of the first part are forged: the client's stack has not sent them. Its "
        "state stays, and so does the server's.\n"
        "Challenges are limited, ten in a second for each connection, so that they are no weapon.\n"
        "One number in 4294967296 still ends the connection, in part two. Who can see the segments "
        "knows it; against those only segments that are authenticated help (RFC 5925).",
    .parts = rst_attack_parts,
    .parts_n = 2,
};

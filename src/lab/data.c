/* SPDX-License-Identifier: MIT
 *
 * data.c - scenarios: octets under way
 */
#include <stdint.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "lab/packet.h"
#include "lab/scenario.h"

enum { REQUEST_BYTES = 100, ANSWER_BYTES = 10000, WRITE_BYTES = 10, WRITES_N = 5, PAUSE_MS = 5 };
enum { DELAY_MS = 10, RATE_BPS = 10000000 };
enum { OTHER_HOST = 5, STRAY_BYTES = 128, WINDOW = 65535 };
enum { IP4_CHECKSUM_OFF = 10, IP4_DST_END_OFF = 18 };

/* ---- transfer --------------------------------------------------------------------------- */

/* The last acknowledgement that `end` sent: the octets that it has, with the peer's SYN. */
static uint32_t
acked_octets(const struct la_lab *lab, int end)
{
    const struct la_event *syn = la_lab_sent(lab, 1 - end, LA_TCP_SYN, LA_TCP_SYN, 0);
    const struct la_event *last = NULL;
    for (size_t nth = 0;; nth++) {
        const struct la_event *ack = la_lab_sent(lab, end, LA_TCP_ACK, LA_TCP_ACK, nth);
        if (ack == NULL)
            break;
        last = ack;
    }
    return syn == NULL || last == NULL ? 0 : last->u.segment.ack - syn->u.segment.seq;
}

static void
play_transfer(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_send(lab, LA_CLIENT, REQUEST_BYTES);
    la_lab_await_octets(lab, LA_SERVER, REQUEST_BYTES);
    la_lab_lose(lab, LA_CLIENT,
                (struct la_lab_pick){.text_bytes_max = 0, .spare_n = 1, .times_n = 1});
    la_lab_send(lab, LA_SERVER, ANSWER_BYTES);
    la_lab_await_octets(lab, LA_CLIENT, ANSWER_BYTES);
    la_lab_run(lab, 500);
    la_lab_expect_octets(lab, LA_SERVER, REQUEST_BYTES);
    la_lab_expect_octets(lab, LA_CLIENT, ANSWER_BYTES);
    la_lab_expect(lab, lab->pick[LA_CLIENT].lost_n == 1, "no acknowledgement was lost");
    for (int end = LA_CLIENT; end <= LA_SERVER; end++)
        for (size_t i = LA_CAUSE_RETRANSMIT_RTO; i <= LA_CAUSE_TAIL_PROBE; i++)
            la_lab_expect(lab, la_lab_count(lab, end, LA_EVENT_SEGMENT_SENT, (unsigned)i) == 0,
                          "something was sent again");
    la_lab_expect(lab, acked_octets(lab, LA_CLIENT) == 1 + ANSWER_BYTES,
                  "the client acknowledged %u octets", acked_octets(lab, LA_CLIENT));
    la_lab_expect(lab, acked_octets(lab, LA_SERVER) == 1 + REQUEST_BYTES,
                  "the server acknowledged %u octets", acked_octets(lab, LA_SERVER));
}

static void
setup_slow_path(struct la_bed_cfg *cfg)
{
    la_bed_cfg_path(cfg, DELAY_MS, RATE_BPS);
}

/* ---- transfer, the checksum ------------------------------------------------------------- */

/* The next octets of the client, but for another host; then the network changes the address, and
 * IP's checksum with it, as a broken router would. Returns octets. */
static size_t
make_stray(const struct la_event *last, struct la_room room)
{
    static const uint8_t letters[27] = "abcdefghijklmnopqrstuvwxyz";
    struct la_lab_packet packet = {
        .src = last->local,
        .dst = {la_addr_v4(10, 0, 0, OTHER_HOST), LA_LAB_PORT},
        .seg = {.seq = la_seq_of(last->u.segment.seq + last->u.segment.len),
                .ack = la_seq_of(last->u.segment.ack),
                .flags = LA_TCP_ACK | LA_TCP_PSH,
                .wnd = WINDOW},
        .text = {letters, 26},
    };
    size_t n = la_lab_packet_make(&packet, room);
    if (n == 0)
        return 0;
    uint16_t before = la_get16(room.p + IP4_DST_END_OFF), after = LA_SERVER + 1;
    la_put16(room.p + IP4_DST_END_OFF, after);
    la_put16(room.p + IP4_CHECKSUM_OFF,
             la_sum_update(la_get16(room.p + IP4_CHECKSUM_OFF), before, after));
    return n;
}

static void
setup_plain(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_CLIENT].timestamps = cfg->tcp[LA_SERVER].timestamps = false;
}

static void
play_stray(struct la_lab *lab)
{
    uint8_t octets[STRAY_BYTES];
    la_lab_establish(lab);
    la_lab_send(lab, LA_CLIENT, REQUEST_BYTES);
    la_lab_await_octets(lab, LA_SERVER, REQUEST_BYTES);
    la_lab_run(lab, 100);
    const struct la_event *last = la_lab_sent(lab, LA_CLIENT, LA_TCP_PSH, LA_TCP_PSH, 0);
    size_t n = last == NULL ? 0 : make_stray(last, (struct la_room){octets, sizeof(octets)});
    la_lab_expect(
        lab, n != 0 && la_bed_send_packet(lab->bed, LA_CLIENT, (struct la_bytes){octets, n}) != 0,
        "no memory for a segment");
    la_lab_run(lab, 100);
    la_lab_expect(lab, la_lab_count(lab, LA_SERVER, LA_EVENT_DROP, LA_REASON_TCP_CHECKSUM) == 1,
                  "the checksum did not give the stray segment away");
    la_lab_expect_octets(lab, LA_SERVER, REQUEST_BYTES);
    la_lab_send(lab, LA_SERVER, REQUEST_BYTES);
    la_lab_await_octets(lab, LA_CLIENT, REQUEST_BYTES);
    la_lab_run(lab, 200);
    la_lab_expect(lab, acked_octets(lab, LA_SERVER) == 1 + REQUEST_BYTES,
                  "the server acknowledged %u octets", acked_octets(lab, LA_SERVER));
}

static void
setup_transfer(struct la_bed_cfg *cfg)
{
    setup_slow_path(cfg);
    cfg->tcp[LA_SERVER].rack = false; /* no probe, however slow the user makes the path */
}

static const struct la_lab_part transfer_parts[] = {
    {"octets, numbers, acknowledgements", setup_transfer, play_transfer},
    {"a segment for another host: the checksum knows the addresses", setup_plain, play_stray},
};

const struct la_scenario la_scenario_transfer = {
    .name = "transfer",
    .summary = "numbers count octets, acknowledgements are cumulative",
    .intro =
        "The client sends a request of 100 octets, the server answers with 10000. Every octet has "
        "a "
        "number; a segment carries the number of its first one, and an acknowledgement names the "
        "next one expected: all before it have arrived (RFC 9293 3.4). The receiver acknowledges "
        "at least every second full segment (3.8.6.3).\n"
        "One of the client's acknowledgements is lost on purpose. Nothing happens: the next one "
        "says the same and more.\n"
        "In the second part a segment with the very numbers that the server expects comes to the "
        "wrong host: on its way the address in the IP header was changed, and IP's checksum with "
        "it. TCP's checksum covers a pseudo-header with both addresses (RFC 9293 3.1), so it no "
        "longer fits, and the segment is dropped unread (MUST-3). 'layers' computes it.",
    .look = "seq plus len is the seq of the next segment, and the ack that answers it.\n"
            "A lost acknowledgement is repaired by the next one; nothing is sent again.\n"
            "The last acknowledgement comes late: the client had waited for something to send with "
            "it.\n"
            "The stray segment draws no answer: whom it was for, nobody can know.",
    .parts = transfer_parts,
    .parts_n = 2,
};

/* ---- nagle ------------------------------------------------------------------------------ */

static void
setup_without_nagle(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_CLIENT].nagle = false;
}

/* Five small SENDs, closer together than a round trip. Returns how many segments carried them. */
static size_t
write_small(struct la_lab *lab)
{
    size_t n = 0, nth = 0;
    const struct la_event *sent;
    la_lab_establish(lab);
    /* The first octets draw an acknowledgement at once, since it opens the window. */
    la_lab_send(lab, LA_CLIENT, WRITE_BYTES);
    la_lab_await_octets(lab, LA_SERVER, WRITE_BYTES);
    la_lab_run(lab, 500);
    la_lab_mark(lab);
    for (unsigned i = 0; i < WRITES_N; i++) {
        la_lab_send(lab, LA_CLIENT, WRITE_BYTES);
        la_lab_run(lab, PAUSE_MS);
    }
    la_lab_await_octets(lab, LA_SERVER, (WRITES_N + 1) * WRITE_BYTES);
    la_lab_run(lab, 500);
    la_lab_expect_octets(lab, LA_SERVER, (WRITES_N + 1) * WRITE_BYTES);
    while ((sent = la_lab_sent(lab, LA_CLIENT, 0, 0, nth++)) != NULL)
        n += sent->u.segment.len != 0;
    return n;
}

static void
play_nagle(struct la_lab *lab)
{
    size_t n = write_small(lab);
    la_lab_expect(lab, n == 2, "five SENDs took %zu segments, not 2", n);
    la_lab_expect(lab, la_lab_count(lab, LA_SERVER, LA_EVENT_TIMER, LA_TIMER_DELAYED_ACK) >= 1,
                  "no acknowledgement was delayed");
}

static void
play_without_nagle(struct la_lab *lab)
{
    size_t n = write_small(lab);
    la_lab_expect(lab, n == WRITES_N, "five SENDs took %zu segments, not 5", n);
}

static const struct la_lab_part nagle_parts[] = {
    {"with Nagle's algorithm", NULL, play_nagle},
    {"without it (TCP_NODELAY)", setup_without_nagle, play_without_nagle},
};

const struct la_scenario la_scenario_nagle = {
    .name = "nagle",
    .summary = "small SENDs are collected, and delayed ACKs make it slow",
    .intro =
        "The client's application sends 10 octets five times, 5 ms apart. Nagle's algorithm (RFC "
        "9293 3.7.4) lets a small segment go only when nothing is unacknowledged; what comes "
        "meanwhile is collected. That saves segments, but the server delays its acknowledgement "
        "in the hope of something to send with it (3.8.6.3): each waits for the other, until the "
        "server's timer of 40 ms.\n"
        "In the second part the client has switched it off, as programs do with TCP_NODELAY.",
    .look =
        "The first 10 octets go at once, the other 40 together, when the delayed acknowledgement "
        "has "
        "come.\n"
        "Without Nagle there are five segments, and all octets are there one way after the last "
        "SEND.",
    .parts = nagle_parts,
    .parts_n = 2,
};

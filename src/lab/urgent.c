/* SPDX-License-Identifier: MIT
 *
 * urgent.c - scenario: urgent data
 */
#include "lab/scenario.h"

#include <stdint.h>

enum { PLAIN_BYTES = 20, MARK_BYTES = 1, ANSWER_BYTES = 3 };
enum { LONG_BYTES = 4000, MORE_BYTES = 300 };
enum { SMALL_RCVBUF_BYTES = 4096, HELD_BYTES = 6000, PROBES_N = 2, RATE_BPS = 2000000 };

/* Has `end` been told so often, and does its urgent data end behind so many octets? */
static void
expect_told(struct la_lab *lab, int end, size_t told_n, uint64_t urgent_end)
{
    size_t n = la_lab_count(lab, end, LA_EVENT_URGENT, LA_LAB_ANY);
    la_lab_expect(lab, n == told_n, "the %s was told %zu times", la_lab_end_name(end), n);
    la_lab_expect(lab, lab->end[end].urgent_end == urgent_end,
                  "the %s met the end of urgent data behind octet %llu", la_lab_end_name(end),
                  (unsigned long long)lab->end[end].urgent_end);
}

/* ---- both ways -------------------------------------------------------------------------- */

static void
play_both_ways(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_send(lab, LA_CLIENT, PLAIN_BYTES);
    la_lab_run(lab, 100);
    la_lab_send_urgent(lab, LA_CLIENT, MARK_BYTES);
    la_lab_run(lab, 100);
    la_lab_send_urgent(lab, LA_SERVER, ANSWER_BYTES);
    la_lab_run(lab, 100);
    la_lab_send(lab, LA_SERVER, PLAIN_BYTES);
    la_lab_run(lab, 200);
    la_lab_expect_octets(lab, LA_SERVER, PLAIN_BYTES + MARK_BYTES);
    la_lab_expect_octets(lab, LA_CLIENT, ANSWER_BYTES + PLAIN_BYTES);
    expect_told(lab, LA_SERVER, 1, PLAIN_BYTES + MARK_BYTES);
    expect_told(lab, LA_CLIENT, 1, ANSWER_BYTES);
    const struct la_event *urg = la_lab_sent(lab, LA_CLIENT, LA_TCP_URG, LA_TCP_URG, 0);
    la_lab_expect(lab, urg != NULL && urg->u.segment.urgent == urg->u.segment.len,
                  "the pointer does not mean the octet behind the urgent one");
    la_lab_expect(lab, la_lab_sent(lab, LA_CLIENT, LA_TCP_URG, LA_TCP_URG, 1) == NULL,
                  "URG was sent although nothing urgent was outstanding");
}

/* ---- beyond the segment, and further ---------------------------------------------------- */

static void
setup_slow(struct la_bed_cfg *cfg)
{
    la_bed_cfg_path(cfg, 10, RATE_BPS);
}

/* Do all segments of the client with URG say this place, `off` octets behind the first's seq? */
static bool
all_point_to(const struct la_lab *lab, size_t from_nth, size_t to_nth, uint32_t off)
{
    const struct la_event *first = la_lab_sent(lab, LA_CLIENT, LA_TCP_URG, LA_TCP_URG, 0);
    for (size_t i = from_nth; i < to_nth; i++) {
        const struct la_event *one = la_lab_sent(lab, LA_CLIENT, LA_TCP_URG, LA_TCP_URG, i);
        if (one == NULL || one->u.segment.seq + one->u.segment.urgent != first->u.segment.seq + off)
            return false;
    }
    return true;
}

static void
play_beyond(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_mark(lab);
    la_lab_reads(lab, LA_SERVER, false);
    la_lab_send_urgent(lab, LA_CLIENT, LONG_BYTES);
    la_lab_run(lab, 12);
    la_lab_send_urgent(lab, LA_CLIENT, MORE_BYTES);
    la_lab_send(lab, LA_CLIENT, PLAIN_BYTES);
    la_lab_run(lab, 200);
    la_lab_reads(lab, LA_SERVER, true);
    la_lab_await_octets(lab, LA_SERVER, LONG_BYTES + MORE_BYTES + PLAIN_BYTES);
    la_lab_run(lab, 200);
    la_lab_expect_octets(lab, LA_SERVER, LONG_BYTES + MORE_BYTES + PLAIN_BYTES);
    la_lab_expect(lab, all_point_to(lab, 0, 3, LONG_BYTES),
                  "the segments do not point to the same place");
    la_lab_expect(lab, all_point_to(lab, 3, 4, LONG_BYTES + MORE_BYTES),
                  "the pointer did not advance");
    expect_told(lab, LA_SERVER, 2, LONG_BYTES + MORE_BYTES);
    const struct la_event *told = la_lab_find(lab, LA_SERVER, LA_EVENT_URGENT, LA_LAB_ANY, 0);
    la_lab_expect(lab, told != NULL && told->u.urgent.unread_bytes == LONG_BYTES,
                  "the server was not told how much is to come");
    told = la_lab_find(lab, LA_SERVER, LA_EVENT_URGENT, LA_LAB_ANY, 1);
    la_lab_expect(lab, told != NULL && told->u.urgent.unread_bytes == LONG_BYTES + MORE_BYTES,
                  "the server was not told of the advance");
}

/* ---- through a zero window -------------------------------------------------------------- */

static void
setup_small(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_SERVER].rcvbuf_bytes = SMALL_RCVBUF_BYTES;
}

static void
play_zero_window(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_reads(lab, LA_SERVER, false);
    la_lab_mark(lab);
    la_lab_send(lab, LA_CLIENT, HELD_BYTES);
    la_lab_await_count(lab, LA_CLIENT, LA_EVENT_WINDOW, false, 1);
    la_lab_run(lab, 30);
    la_lab_send_urgent(lab, LA_CLIENT, MARK_BYTES);
    la_lab_await_count(lab, LA_SERVER, LA_EVENT_URGENT, LA_LAB_ANY, 1);
    la_lab_await_count(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, LA_CAUSE_WINDOW_PROBE, PROBES_N);
    la_lab_run(lab, 100);
    la_lab_reads(lab, LA_SERVER, true);
    la_lab_await_octets(lab, LA_SERVER, HELD_BYTES + MARK_BYTES);
    la_lab_run(lab, 200);
    la_lab_expect_octets(lab, LA_SERVER, HELD_BYTES + MARK_BYTES);
    expect_told(lab, LA_SERVER, 1, HELD_BYTES + MARK_BYTES);
    const struct la_event *probe =
        la_lab_find(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, LA_CAUSE_WINDOW_PROBE, 0);
    la_lab_expect(lab, probe != NULL && (probe->u.segment.flags & LA_TCP_URG) != 0,
                  "the probe has no URG");
    const struct la_event *told = la_lab_find(lab, LA_SERVER, LA_EVENT_URGENT, LA_LAB_ANY, 0);
    la_lab_expect(lab, told != NULL && told->u.urgent.unread_bytes == HELD_BYTES + MARK_BYTES,
                  "the server was told of another place");
}

static const struct la_lab_part urgent_parts[] = {
    {"one octet, and an answer of three", NULL, play_both_ways},
    {"the pointer lies beyond the segment, and advances", setup_slow, play_beyond},
    {"the window is zero: the pointer comes all the same", setup_small, play_zero_window},
};

const struct la_scenario la_scenario_urgent = {
    .name = "urgent",
    .summary = "a mark in the stream, told ahead of the octets",
    .intro =
        "Urgent data is no second channel: it is a place in the stream. The sender says up to "
        "where its octets are urgent, and every segment before that place has the URG flag and a "
        "pointer: its sequence number plus the pointer is the octet behind the urgent data (RFC "
        "9293 3.8.5, MUST-62). The receiver is told as soon as the pointer comes, which may be "
        "long before the octets do, reads on, and knows when it has read them all: Telnet's "
        "interrupt works so.\n"
        "In the second part 4000 octets are urgent at once, and 300 more while the first are under "
        "way; the server reads when all have come. In the third its window has closed: a probe "
        "carries "
        "the pointer, and the server heeds it although it cannot take the octet (3.4, MUST-66).\n"
        "New protocols should not use it (SHLD-13): stacks differ in what they take as urgent (RFC "
        "6093 3), and middleboxes clear the pointer.",
    .look = "urg in the label is counted from seq: seq plus urg stays the same from segment to "
            "segment, until the pointer advances.\n"
            "The server is told once for each place, however many segments say it.\n"
            "An acknowledgement behind the urgent data has no URG.\n"
            "With a window of zero the octet that probes is refused, and its URG is not.",
    .parts = urgent_parts,
    .parts_n = 3,
};

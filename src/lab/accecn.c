/* SPDX-License-Identifier: MIT
 *
 * accecn.c - scenario: a queue marks segments, and the receiver counts them
 */
#include "lab/scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lab/print.h"
#include "wire/tcp.h"

enum { TEXT_BYTES = 40000, DELAY_MS = 10, RATE_BPS = 10000000, MARK_N = 6 };
/* More than all of it takes, acknowledgements that wait included. */
enum { SETTLED_MS = 1000 };

/* What the two ends know when all has been acknowledged. */
struct counts {
    size_t on_wire_n;
    struct la_conn_marks received, told;
};

static void
setup(struct la_bed_cfg *cfg)
{
    la_bed_cfg_path(cfg, DELAY_MS, RATE_BPS);
    cfg->impair[LA_CLIENT].mark_n = MARK_N;
    cfg->tcp[LA_CLIENT].ecn = LA_ECN_ACCURATE_ASK;
    cfg->tcp[LA_SERVER].ecn = LA_ECN_ACCURATE_ACCEPT;
}

/* The server knows RFC 3168 alone. */
static void
setup_plain(struct la_bed_cfg *cfg)
{
    setup(cfg);
    cfg->tcp[LA_SERVER].ecn = LA_ECN_ACCEPT;
}

/* The `nth` segment of `end` that is, or is not, a SYN. */
static const struct la_event_segment *
sent(const struct la_lab *lab, int end, uint16_t syn, size_t nth)
{
    const struct la_event *event = la_lab_sent(lab, end, LA_TCP_SYN, syn, nth);
    return event == NULL ? NULL : &event->u.segment;
}

static void
expect_ace(struct la_lab *lab, const struct la_event_segment *segment, unsigned ace,
           const char *which)
{
    la_lab_expect(lab, segment != NULL && la_tcp_ace(segment->flags) == ace,
                  "%s does not have %u in AE, CWR and ECE", which, ace);
}

static bool
agreed(const struct la_lab *lab, int end)
{
    const struct la_event *event = la_lab_find(lab, end, LA_EVENT_NEGOTIATED, LA_LAB_ANY, 0);
    return event != NULL && event->u.negotiated.accurate_ecn;
}

static void
transfer(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_send(lab, LA_CLIENT, TEXT_BYTES);
    la_lab_await_octets(lab, LA_SERVER, TEXT_BYTES);
    la_lab_run(lab, SETTLED_MS);
    la_lab_expect_octets(lab, LA_SERVER, TEXT_BYTES);
}

static void
close_both(struct la_lab *lab)
{
    la_lab_close(lab, LA_CLIENT);
    la_lab_run(lab, 100);
    la_lab_close(lab, LA_SERVER);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_TIME_WAIT);
}

/* ---- a queue that marks ----------------------------------------------------------------- */

static void
look_at_counts(struct la_lab *lab)
{
    struct counts *counts = lab->own;
    struct la_conn_status status;
    counts->on_wire_n = la_lab_count(lab, LA_CLIENT, LA_EVENT_WIRE, LA_WIRE_MARKED);
    la_err err = la_conn_status(lab->bed->stack[LA_SERVER], lab->end[LA_SERVER].conn, &status);
    counts->received = status.marked_in;
    if (err == LA_OK)
        err = la_conn_status(lab->bed->stack[LA_CLIENT], lab->end[LA_CLIENT].conn, &status);
    counts->told = status.marked_out;
    la_lab_expect(lab, err == LA_OK, "the counts cannot be had: %s", la_err_name(err));
}

/* The last option of the server's that has octets of both marks. */
static void
expect_option(struct la_lab *lab, const struct la_conn_marks *received)
{
    const struct la_event_segment *segment, *last = NULL;
    for (size_t i = 0; (segment = sent(lab, LA_SERVER, 0, i)) != NULL; i++)
        last = segment->marks_n > 2 && segment->marks_order == 0 ? segment : last;
    la_lab_expect(lab,
                  last != NULL && last->marks[0] == received->ect_0_bytes + 1 &&
                      last->marks[1] == received->ce_bytes,
                  "the option does not say what the server has counted");
}

static void
play_marks(struct la_lab *lab)
{
    const struct counts *counts = lab->own;
    transfer(lab);
    expect_ace(lab, sent(lab, LA_CLIENT, LA_TCP_SYN, 0), 7, "the SYN");
    expect_ace(lab, sent(lab, LA_SERVER, LA_TCP_SYN, 0), 2, "the SYN,ACK");
    expect_ace(lab, sent(lab, LA_CLIENT, 0, 0), 2, "the acknowledgement of the SYN,ACK");
    expect_ace(lab, sent(lab, LA_CLIENT, 0, 1), 5, "the first text");
    la_lab_expect(lab, agreed(lab, LA_CLIENT) && agreed(lab, LA_SERVER),
                  "accurate ECN was not agreed");
    look_at_counts(lab);
    la_lab_expect(lab, counts->on_wire_n > 1, "the queue marked too few");
    la_lab_expect(lab, counts->received.ce_n == counts->on_wire_n,
                  "the queue marked %zu, and the server has counted %" PRIu32, counts->on_wire_n,
                  counts->received.ce_n);
    la_lab_expect(lab, memcmp(&counts->received, &counts->told, sizeof(counts->told)) == 0,
                  "the client does not know what the server has counted");
    la_lab_expect(lab, counts->received.ce_bytes + counts->received.ect_0_bytes == TEXT_BYTES,
                  "some of the text came neither as CE nor as ECT(0)");
    expect_option(lab, &counts->received);
    la_lab_expect(lab, la_lab_count(lab, LA_CLIENT, LA_EVENT_ECN, LA_ECN_REDUCED) > 0,
                  "the client did not reduce its window");
    close_both(lab);
}

static void
tell_counts(const struct la_lab *lab, const struct la_story_cfg *story)
{
    const struct counts *counts = lab->own;
    char text[LA_LAB_TEXT_BYTES];
    if (counts->on_wire_n == 0)
        return;
    (void)snprintf(text, sizeof(text),
                   "The queue marked %zu segments. The server counted %" PRIu32 " (%" PRIu32
                   " octets came as CE, %" PRIu32 " as ECT(0)); the client was told %" PRIu32
                   " (%" PRIu32 " octets).",
                   counts->on_wire_n, counts->received.ce_n, counts->received.ce_bytes,
                   counts->received.ect_0_bytes, counts->told.ce_n, counts->told.ce_bytes);
    la_lab_put_prose(story, "", text);
}

/* ---- a server of before ----------------------------------------------------------------- */

static void
play_plain(struct la_lab *lab)
{
    transfer(lab);
    close_both(lab);
    expect_ace(lab, sent(lab, LA_CLIENT, LA_TCP_SYN, 0), 7, "the SYN");
    expect_ace(lab, sent(lab, LA_SERVER, LA_TCP_SYN, 0), 1, "the SYN,ACK");
    la_lab_expect(lab, !agreed(lab, LA_CLIENT) && !agreed(lab, LA_SERVER),
                  "accurate ECN was agreed");
    const uint16_t cwr = LA_TCP_CWR | LA_TCP_SYN;
    la_lab_expect(lab, la_lab_sent(lab, LA_CLIENT, cwr, LA_TCP_CWR, 0) != NULL,
                  "the client did not say CWR");
}

static const struct la_lab_part parts[] = {
    {"a queue that marks, and both ends count", setup, play_marks},
    {"a server that knows RFC 3168 alone", setup_plain, play_plain},
};

const struct la_scenario la_scenario_accecn = {
    .name = "ecn-accurate",
    .summary = "marks are counted: ACE, and octets in an option",
    .intro =
        "RFC 3168's ECE says that something was marked; accurate ECN (RFC 9768) says how much. All "
        "three flags AE, CWR and ECE in the SYN ask for it. The SYN,ACK agrees by saying how the "
        "SYN "
        "came (2: as Not-ECT, as it went), and its acknowledgement says how that came: so a path "
        "that changes the field is found out before it is relied on. From then on the flags are "
        "one "
        "number, ACE: the low three bits of how many packets came marked, counted from 5. An "
        "option "
        "has the octets by their marks.\n"
        "Text goes through a line of 10 Mbit/s whose queue marks from the sixth packet on. No "
        "acknowledgement need arrive: the next one says as much. The client reduces its window "
        "once for a window of data, as for ECE.\n"
        "In the second part the server knows RFC 3168 alone. It takes the SYN for one of its own "
        "kind and answers with ECE, and that is what the two agree on.",
    .look = "ace 2 in the acknowledgement of the SYN,ACK, 5 in what follows, and one more for each "
            "mark.\n"
            "The first marked segment behind others is acknowledged at once, then each second.\n"
            "e0b and ceb: octets that came as ECT(0) (from 1) and as CE (from 0).",
    .parts = parts,
    .parts_n = 2,
    .tell = tell_counts,
    .own_bytes = sizeof(struct counts),
};

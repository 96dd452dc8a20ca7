/* SPDX-License-Identifier: MIT
 *
 * recovery.c - scenarios: losses found by time, and retransmissions that were not needed
 */
#include "lab/scenario.h"

#include "base/time.h"

enum { DELAY_MS = 10, SLOW_MS = 400, RATE_BPS = 10000000 };
enum { LARGE_BYTES = 60000, SMALL_BYTES = 4344 };
enum { FIRST_BYTES = 100 }; /* so that both ends have measured the path */

static size_t
sent_n(const struct la_lab *lab, enum la_cause cause)
{
    return la_lab_count(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, cause);
}

static size_t
found_n(const struct la_lab *lab, enum la_loss_rule rule)
{
    return la_lab_count(lab, LA_CLIENT, LA_EVENT_LOSS, rule);
}

static void
begin(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_send(lab, LA_CLIENT, FIRST_BYTES);
    la_lab_await_octets(lab, LA_SERVER, FIRST_BYTES);
    la_lab_run(lab, 100);
    la_lab_mark(lab);
}

static void
lose_text(struct la_lab *lab, uint32_t spare_n, uint32_t times_n)
{
    la_lab_lose(lab, LA_CLIENT,
                (struct la_lab_pick){.text_bytes_min = 1,
                                     .text_bytes_max = UINT32_MAX,
                                     .spare_n = spare_n,
                                     .times_n = times_n});
}

/* ---- rack ------------------------------------------------------------------------------- */

static void
setup_path(struct la_bed_cfg *cfg)
{
    la_bed_cfg_path(cfg, DELAY_MS, RATE_BPS);
}

/* Two segments follow the lost one: too few duplicates for RFC 5681. */
static void
play_few(struct la_lab *lab)
{
    begin(lab);
    lose_text(lab, 0, 1);
    la_lab_send(lab, LA_CLIENT, SMALL_BYTES);
    la_lab_await_octets(lab, LA_SERVER, FIRST_BYTES + SMALL_BYTES);
    la_lab_run(lab, 500);
    la_lab_expect_octets(lab, LA_SERVER, FIRST_BYTES + SMALL_BYTES);
    la_lab_expect(lab, sent_n(lab, LA_CAUSE_RETRANSMIT_RACK) == 1, "RACK repaired %zu times",
                  sent_n(lab, LA_CAUSE_RETRANSMIT_RACK));
    const struct la_event *found = la_lab_find(lab, LA_CLIENT, LA_EVENT_LOSS, LA_LOSS_RACK, 0);
    la_lab_expect(lab, found != NULL && found->u.loss.after_us > 0,
                  "the reordering window was not waited for");
    la_lab_expect(lab, sent_n(lab, LA_CAUSE_RETRANSMIT_RTO) == 0, "the timeout had to help");
}

/* The last two segments are lost: nothing can be acknowledged behind them. */
static void
play_tail(struct la_lab *lab)
{
    begin(lab);
    lose_text(lab, 1, 2);
    la_lab_send(lab, LA_CLIENT, SMALL_BYTES);
    la_lab_await_octets(lab, LA_SERVER, FIRST_BYTES + SMALL_BYTES);
    la_lab_run(lab, 500);
    la_lab_expect_octets(lab, LA_SERVER, FIRST_BYTES + SMALL_BYTES);
    la_lab_expect(lab, sent_n(lab, LA_CAUSE_TAIL_PROBE) == 1, "%zu tail loss probes, not 1",
                  sent_n(lab, LA_CAUSE_TAIL_PROBE));
    la_lab_expect(lab, sent_n(lab, LA_CAUSE_RETRANSMIT_RTO) == 0, "the timeout had to help");
}

static const struct la_lab_part rack_parts[] = {
    {"too few segments follow for three duplicate ACKs", setup_path, play_few},
    {"the last two segments are lost: a probe", setup_path, play_tail},
};

const struct la_scenario la_scenario_rack = {
    .name = "rack",
    .summary = "losses found by time: RACK and the tail loss probe",
    .intro =
        "Counting duplicate acknowledgements needs three of them, and mistakes reordering for "
        "loss. "
        "RACK (RFC 8985) compares times instead: when something that was sent later has been "
        "acknowledged, and a little time for reordering is over (a quarter of the shortest round "
        "trip), then what was sent before it is lost; a repair is found lost the same way.\n"
        "When the last segments are lost, nothing behind them can be acknowledged. After two round "
        "trips a probe (7) draws an acknowledgement: here it is the last segment again, and its "
        "SACK block shows the loss before it. The retransmission timeout of at least 200 ms is not "
        "needed.",
    .look = "\"RACK\" says how long after the acknowledgement of a later segment it acts.\n"
            "The tail loss probe leaves long before the timeout would.\n"
            "No retransmission timeout anywhere.",
    .parts = rack_parts,
    .parts_n = 2,
};

/* ---- spurious --------------------------------------------------------------------------- */

static void
setup_frto(struct la_bed_cfg *cfg)
{
    la_bed_cfg_path(cfg, DELAY_MS, RATE_BPS);
    cfg->tcp[LA_CLIENT].timestamps = false;
    cfg->tcp[LA_CLIENT].rack = false; /* no probe comes before the timeout */
}

static void
setup_eifel(struct la_bed_cfg *cfg)
{
    la_bed_cfg_path(cfg, DELAY_MS, RATE_BPS);
    cfg->tcp[LA_CLIENT].rack = false;
}

/* The path is slow for a while, as when a radio link hands over; nothing is lost. */
static void
play_spurious(struct la_lab *lab, enum la_loss_rule rule)
{
    begin(lab);
    la_lab_send(lab, LA_CLIENT, LARGE_BYTES);
    la_lab_await_octets(lab, LA_SERVER, FIRST_BYTES + LARGE_BYTES);
    la_lab_run(lab, 500);
    struct la_impair slow = lab->bed->cfg.impair[LA_CLIENT], usual = slow;
    slow.delay_ns = SLOW_MS * LA_NS_PER_MS;
    la_lab_expect(lab, la_wire_impair_set(lab->bed->wire, LA_CLIENT, &slow) == LA_OK,
                  "the wire took no delay");
    la_lab_mark(lab);
    la_lab_send(lab, LA_CLIENT, 2 * LARGE_BYTES);
    la_lab_run(lab, SLOW_MS / 4);
    la_lab_expect(lab, la_wire_impair_set(lab->bed->wire, LA_CLIENT, &usual) == LA_OK,
                  "the wire took no delay");
    la_lab_await_octets(lab, LA_SERVER, FIRST_BYTES + 3 * LARGE_BYTES);
    la_lab_run(lab, 500);
    la_lab_expect_octets(lab, LA_SERVER, FIRST_BYTES + 3 * LARGE_BYTES);
    la_lab_expect(lab, sent_n(lab, LA_CAUSE_RETRANSMIT_RTO) == 1, "%zu timeouts, not 1",
                  sent_n(lab, LA_CAUSE_RETRANSMIT_RTO));
    la_lab_expect(lab, found_n(lab, rule) == 1, "the timeout was not undone");
}

static void
play_eifel(struct la_lab *lab)
{
    play_spurious(lab, LA_LOSS_UNDONE_EIFEL);
}

static void
play_frto(struct la_lab *lab)
{
    play_spurious(lab, LA_LOSS_UNDONE_FRTO);
}

static const struct la_lab_part spurious_parts[] = {
    {"timestamps tell at once (Eifel)", setup_eifel, play_eifel},
    {"without timestamps: F-RTO", setup_frto, play_frto},
};

const struct la_scenario la_scenario_spurious = {
    .name = "spurious",
    .summary = "a timeout that was not needed is undone",
    .intro =
        "The path becomes slow for a moment, 400 ms instead of 10, and nothing is lost. The "
        "retransmission timer expires all the same, sends the first segment again and shrinks the "
        "congestion window to one segment. Then the acknowledgements of the originals arrive.\n"
        "With timestamps the first of them says which transmission it answers: the earlier one "
        "(RFC 3522). Without, the client sends new data instead of repeating everything, and when "
        "acknowledgements go on to advance, nothing was lost (RFC 5682). Either way the window "
        "is given back (RFC 4015) and nothing more is sent twice.",
    .look = "One retransmission after the timeout, and no second one.\n"
            "The window before and after: it does not begin again from one segment.",
    .parts = spurious_parts,
    .parts_n = 2,
};

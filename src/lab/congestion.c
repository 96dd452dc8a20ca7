/* SPDX-License-Identifier: MIT
 *
 * congestion.c - scenario: the congestion window over time
 *
 * Read first: RFC 5681 3; RFC 9937 (how recovery reduces it).
 */
#include "lab/scenario.h"
#include "lab/scope.h"

#include <stdio.h>

#include "base/time.h"

enum { DELAY_MS = 20, RATE_BPS = 4000000, QUEUE_N = 20, LARGE_BYTES = 3000000 };
enum { MEDIUM_BYTES = 500000, OUTAGE_MS = 2000, BEFORE_OUTAGE_MS = 300, IDLE_MS = 3000 };
enum { NAME_BYTES = 16, LARGE_QUEUE_N = 200 };
/* A path long enough for a cubic curve: with few segments in flight Reno's line is above it. */
enum { LONG_DELAY_MS = 100, LONG_RATE_BPS = 5000000, LONG_QUEUE_N = 50, LONG_BYTES = 8000000 };
enum { VAST_QUEUE_N = 1000, REST_WINDOW_MAX = 40, MUCH_BYTES = 5000000 };

static void
setup(struct la_bed_cfg *cfg)
{
    la_bed_cfg_path(cfg, DELAY_MS, RATE_BPS);
    cfg->impair[LA_CLIENT].queue_n = QUEUE_N;
    cfg->tcp[LA_CLIENT].rto_us_min = 300000; /* a full queue takes 60 ms and more */
}

static void
setup_control(struct la_bed_cfg *cfg, const char *name)
{
    setup(cfg);
    (void)snprintf(cfg->tcp[LA_CLIENT].congestion_control, NAME_BYTES, "%s", name);
}

static void
setup_reno(struct la_bed_cfg *cfg)
{
    setup_control(cfg, "reno");
}

static void
setup_cubic(struct la_bed_cfg *cfg)
{
    setup_control(cfg, "cubic");
    la_bed_cfg_path(cfg, LONG_DELAY_MS, LONG_RATE_BPS);
    cfg->impair[LA_CLIENT].queue_n = LONG_QUEUE_N;
    cfg->tcp[LA_CLIENT].rto_us_min = 500000;
}

/* Room for what HyStart++ needs to see that the queue grows. */
static void
setup_hystart(struct la_bed_cfg *cfg)
{
    setup_cubic(cfg);
    cfg->impair[LA_CLIENT].queue_n = VAST_QUEUE_N;
}

static void
setup_bbr(struct la_bed_cfg *cfg)
{
    setup_control(cfg, "bbr");
}

/* Room for all of slow start: nothing is lost but by the outage. */
static void
setup_outage(struct la_bed_cfg *cfg)
{
    setup_control(cfg, "reno");
    cfg->impair[LA_CLIENT].queue_n = LARGE_QUEUE_N;
}

static size_t
timeouts_n(const struct la_lab *lab)
{
    return la_lab_count(lab, LA_CLIENT, LA_EVENT_TIMER, LA_TIMER_RETRANSMIT);
}

/* ---- one bottleneck --------------------------------------------------------------------- */

/* A transfer that fills the bottleneck and its queue. */
static struct la_lab_scope *
fill(struct la_lab *lab, const char *title, uint32_t octets)
{
    struct la_lab_scope *scope = lab->own;
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_mark(lab);
    la_lab_scope_begin(scope, lab, title);
    la_lab_send(lab, LA_CLIENT, octets);
    la_lab_scope_await_octets(scope, LA_SERVER, octets);
    la_lab_scope_end(scope);
    la_lab_expect_octets(lab, LA_SERVER, octets);
    la_lab_expect(lab, timeouts_n(lab) == 0, "the timer had to help");
    return scope;
}

static void
play_reno(struct la_lab *lab)
{
    const struct la_lab_scope *scope = fill(lab, "reno: the congestion window", LARGE_BYTES);
    size_t recoveries_n = la_lab_count(lab, LA_CLIENT, LA_EVENT_LOSS, LA_LOSS_RACK);
    la_lab_expect(lab, recoveries_n >= 2 && scope->losses.n >= 2, "the queue overflowed %zu times",
                  scope->losses.n);
    la_lab_expect(lab, la_lab_scope_max(scope) >= QUEUE_N, "the window came to %.0f segments only",
                  la_lab_scope_max(scope));
}

static void
play_cubic(struct la_lab *lab)
{
    (void)fill(lab, "cubic: the congestion window", LONG_BYTES);
    size_t recoveries_n = la_lab_count(lab, LA_CLIENT, LA_EVENT_LOSS, LA_LOSS_RACK);
    la_lab_expect(lab, recoveries_n >= 3, "the queue overflowed %zu times", recoveries_n);
}

static void
play_hystart(struct la_lab *lab)
{
    const struct la_lab_scope *scope = fill(lab, "cubic: HyStart++ leaves slow start", MUCH_BYTES);
    la_lab_expect(lab, scope->losses.n == 0, "%zu segments were lost", scope->losses.n);
    la_lab_expect(lab, scope->ssthresh.n == 1, "slow start did not end");
    size_t begun_n = la_lab_count(lab, LA_CLIENT, LA_EVENT_CONGESTION, LA_CC_WHY_CSS_BEGINS);
    la_lab_expect(lab, begun_n >= 1, "nobody said that the round trip grows");
}

static void
play_bbr(struct la_lab *lab)
{
    const struct la_lab_scope *scope = fill(lab, "bbr: the congestion window", LARGE_BYTES);
    la_lab_expect(lab, scope->spans_n >= 5, "%zu states", scope->spans_n);
}

/* ---- an outage, and a rest -------------------------------------------------------------- */

static void
play_outage(struct la_lab *lab)
{
    struct la_lab_scope *scope = lab->own;
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_mark(lab);
    la_lab_scope_begin(scope, lab, "an outage of two seconds");
    la_lab_send(lab, LA_CLIENT, LARGE_BYTES / 2);
    la_lab_scope_run(scope, BEFORE_OUTAGE_MS);
    la_lab_lose(lab, LA_CLIENT,
                (struct la_lab_pick){.text_bytes_max = UINT32_MAX, .times_n = UINT32_MAX});
    la_lab_scope_run(scope, OUTAGE_MS);
    la_lab_lose(lab, LA_CLIENT, (struct la_lab_pick){.times_n = 0});
    la_lab_scope_await_octets(scope, LA_SERVER, LARGE_BYTES / 2);
    la_lab_scope_end(scope);
    la_lab_expect_octets(lab, LA_SERVER, LARGE_BYTES / 2);
    la_lab_expect(lab, timeouts_n(lab) >= 2, "the timer expired %zu times", timeouts_n(lab));
}

static void
play_rest(struct la_lab *lab)
{
    struct la_lab_scope *scope = lab->own;
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_mark(lab);
    la_lab_scope_begin(scope, lab, "a rest of three seconds");
    la_lab_send(lab, LA_CLIENT, MEDIUM_BYTES);
    la_lab_scope_await_octets(scope, LA_SERVER, MEDIUM_BYTES);
    la_lab_scope_run(scope, IDLE_MS);
    double before = la_lab_scope_max(scope);
    la_lab_send(lab, LA_CLIENT, MEDIUM_BYTES);
    la_lab_scope_run(scope, DELAY_MS);
    double after = la_lab_scope_last(scope);
    la_lab_expect(lab, after <= REST_WINDOW_MAX, "the window was %.0f before the rest, %.0f after",
                  before, after);
    la_lab_scope_await_octets(scope, LA_SERVER, 2 * MEDIUM_BYTES);
    la_lab_scope_end(scope);
    la_lab_expect_octets(lab, LA_SERVER, 2 * MEDIUM_BYTES);
    la_lab_expect(lab, scope->losses.n == 0, "%zu segments were lost", scope->losses.n);
    size_t rested_n = la_lab_count(lab, LA_CLIENT, LA_EVENT_CONGESTION, LA_CC_WHY_RESTED);
    la_lab_expect(lab, rested_n == 1, "the window decayed %zu times", rested_n);
}

static const struct la_plot *
plot(const struct la_lab *lab)
{
    return &((const struct la_lab_scope *)lab->own)->plot;
}

static const struct la_lab_part congestion_parts[] = {
    {"reno fills a queue of 20 packets", setup_reno, play_reno},
    {"cubic on a path of 100 ms each way, 5 Mbit/s and a queue of 50", setup_cubic, play_cubic},
    {"HyStart++ on the same path, with a queue of 1000", setup_hystart, play_hystart},
    {"bbr on the path of part 1", setup_bbr, play_bbr},
    {"an outage of two seconds", setup_outage, play_outage},
    {"a rest of three seconds", setup_outage, play_rest},
};

const struct la_scenario la_scenario_congestion = {
    .name = "congestion",
    .summary = "the congestion window over time, as a picture",
    .intro =
        "Nobody tells a sender how fast the path is. It finds out: the congestion window, how much "
        "may be under way, begins with ten segments (RFC 6928) and grows with each "
        "acknowledgement, in slow start doubling in a round trip, until something is lost; then it "
        "is reduced and grows more carefully (RFC 5681 3.1). The bottleneck of part 1 passes "
        "4 Mbit/s, with 20 ms each way and room for 20 packets in its queue. So about 13 segments "
        "are under way when it is busy, 33 when its queue is full, and beyond that they are "
        "dropped. How the window is chosen is a matter of the congestion control: reno here, then "
        "cubic (RFC 9438) and bbr, which paces by a model of the path instead of waiting for "
        "losses.",
    .look = "Reno overshoots once, in slow start, and loses many; later it loses one at a time. "
            "Congestion avoidance is a straight line, one segment in a round trip, and the saw's "
            "tooth begins at half of where it ended.\n"
            "Cubic begins at 70 % of it, returns fast, stays around where the loss was, then "
            "probes ever faster: concave, flat, convex.\n"
            "HyStart++ (RFC 9406) sees the round trip grow: the rise bends, five round trips later "
            "slow start ends, and nothing was lost.\n"
            "Bbr's window is twice what the path holds, but its rate is what counts: nothing "
            "waits for long, and nothing is dropped. After five seconds it lets the queue run "
            "empty, to measure the round trip again.\n"
            "After an outage the window begins again from one segment, in slow start up to the "
            "threshold.\n"
            "After a rest the old window is no longer known to be right: it is halved for each "
            "retransmission timeout that passed, to ten segments at the least (RFC 2861 3.1).",
    .parts = congestion_parts,
    .parts_n = 6,
    .own_bytes = sizeof(struct la_lab_scope),
    .plot = plot,
    .hides = la_lab_scope_hides,
    .sums_hidden = true,
};

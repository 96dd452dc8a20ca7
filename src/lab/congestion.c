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
enum { MEDIUM_BYTES = 500000, OUTAGE_MS = 1000, BEFORE_OUTAGE_MS = 1000, IDLE_MS = 3000 };
enum { NAME_BYTES = 16, LARGE_QUEUE_N = 200 };

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
fill(struct la_lab *lab, const char *title)
{
    struct la_lab_scope *scope = lab->own;
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_mark(lab);
    la_lab_scope_begin(scope, lab, title);
    la_lab_send(lab, LA_CLIENT, LARGE_BYTES);
    la_lab_scope_await_octets(scope, LA_SERVER, LARGE_BYTES);
    la_lab_scope_end(scope);
    la_lab_expect_octets(lab, LA_SERVER, LARGE_BYTES);
    la_lab_expect(lab, timeouts_n(lab) == 0, "the timer had to help");
    return scope;
}

static void
play_reno(struct la_lab *lab)
{
    const struct la_lab_scope *scope = fill(lab, "reno: the congestion window");
    size_t recoveries_n = la_lab_count(lab, LA_CLIENT, LA_EVENT_LOSS, LA_LOSS_RACK);
    la_lab_expect(lab, recoveries_n >= 2 && scope->losses.n >= 2, "the queue overflowed %zu times",
                  scope->losses.n);
    la_lab_expect(lab, la_lab_scope_max(scope) >= QUEUE_N, "the window came to %.0f segments only",
                  la_lab_scope_max(scope));
}

/* ---- an outage, and a rest -------------------------------------------------------------- */

static void
play_outage(struct la_lab *lab)
{
    struct la_lab_scope *scope = lab->own;
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_mark(lab);
    la_lab_scope_begin(scope, lab, "an outage of a second");
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

static const struct la_plot *
plot(const struct la_lab *lab)
{
    return &((const struct la_lab_scope *)lab->own)->plot;
}

static const struct la_lab_part congestion_parts[] = {
    {"reno fills a queue of 20 packets", setup_reno, play_reno},
    {"an outage of a second", setup_outage, play_outage},
};

const struct la_scenario la_scenario_congestion = {
    .name = "congestion",
    .summary = "the congestion window over time, as a picture",
    .intro =
        "Nobody tells a sender how fast the path is. It finds out: the congestion window, how much "
        "may be under way, begins with ten segments (RFC 6928) and grows with each "
        "acknowledgement, in slow start doubling in a round trip, until something is lost; then it "
        "is reduced and grows more carefully (RFC 5681 3.1). The bottleneck here passes 4 Mbit/s, "
        "with 20 ms each way and room for 20 packets in its queue. So about 13 segments are under "
        "way when it is busy, 33 when its queue is full, and beyond that they are dropped.",
    .look = "The window overshoots once, in slow start, and loses many; later it loses one at a "
            "time.\n"
            "Congestion avoidance is a straight line: one segment in a round trip. The saw's tooth "
            "begins at half of where it ended.\n"
            "After an outage the window begins again from one segment, in slow start up to the "
            "threshold.",
    .parts = congestion_parts,
    .parts_n = 2,
    .own_bytes = sizeof(struct la_lab_scope),
    .plot = plot,
    .hides = la_lab_scope_hides,
    .sums_hidden = true,
};

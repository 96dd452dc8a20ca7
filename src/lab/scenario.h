/* SPDX-License-Identifier: MIT
 *
 * scenario.h - what a scenario is, and playing one
 *
 * A scenario explains one mechanism of TCP by letting it happen: words before, a ladder, a
 * summary, and what to look for. Each part plays on a fresh bed and checks afterwards that what it
 * is meant to show did happen.
 */
#ifndef LA_LAB_SCENARIO_H
#define LA_LAB_SCENARIO_H

#include <lastack/story.h>
#include "lab/lab.h"
#include "story/plot.h"

struct la_lab_part {
    const char *title;                       /* NULL when the scenario has one part */
    void (*setup)(struct la_bed_cfg *cfg);   /* NULL: the defaults */
    void (*play)(struct la_lab *lab);        /* plays and checks */
};

struct la_scenario {
    const char *name;
    const char *summary; /* one line for the list */
    const char *intro;   /* what will happen, with RFC sections; '\n' ends a paragraph */
    const char *look;    /* what to look for; '\n' between points */
    const struct la_lab_part *parts;
    size_t parts_n;
    /* Words below each ladder, about what the part has noted in lab->own; NULL: none. */
    void (*tell)(const struct la_lab *lab, const struct la_story_cfg *story);
    /* The picture that the part has noted there; NULL: none. */
    const struct la_plot *(*plot)(const struct la_lab *lab);
    size_t own_bytes; /* of lab->own, zeroed for each part */
    /* What would bury the ladder; JSON and captures have it all the same. NULL: nothing. */
    la_lab_hides *hides;
    bool sums_hidden; /* the summary counts that, too */
};

/* The table, in the order in which a reader would go through it; ends with NULL. */
extern const struct la_scenario *const la_scenarios[];
/* NULL when there is none of that name. */
const struct la_scenario *la_scenario_find(const char *name);
/* The nearest name for a misspelt one; NULL when none is near. */
const struct la_scenario *la_scenario_suggest(const char *name);

/* In an impairment: what the scenario itself has chosen (10 ms, and mostly no limit). */
#define LA_LAB_OWN_DELAY INT64_C(-1)
#define LA_LAB_OWN_RATE UINT64_MAX
#define LA_LAB_OWN_MARK UINT32_MAX

struct la_lab_cfg {
    struct la_mem *mem;
    uint64_t seed;
    struct la_impair impair[2];
    const char *congestion; /* control of both ends; NULL: the scenario's own */
    uint32_t mtu_bytes;        /* an upper bound; a scenario may need less */
    struct la_story_cfg story; /* views; its ladder writer gets all text */
    /* Each picture, with a name for its file. False: it cannot be kept, failure (at least
     * LA_LAB_TEXT_BYTES) says why, and nothing more is played. NULL = the terminal alone. */
    bool (*plotted)(void *ctx, const char *name, const struct la_plot *plot, char *failure);
    void *plotted_ctx;
    struct la_bed_pace pace;
    void (*part_ends)(void *ctx); /* with the context of `pace`: its bed goes; NULL = nobody asks */
    struct la_capture_writer *capture; /* NULL = none; flushed after each part */
    uint32_t capture_iface[2]; /* by enum la_link_layer */
};

/* Plays all parts. False: something that should have been shown did not happen; failure (at least
 * LA_LAB_TEXT_BYTES) says what, in one sentence without full stop. */
bool la_scenario_play(const struct la_scenario *scenario, const struct la_lab_cfg *cfg,
                      char *failure);

/* ---- the scenarios, by file ------------------------------------------------------------- */

extern const struct la_scenario la_scenario_handshake, la_scenario_open_simultaneous;
extern const struct la_scenario la_scenario_fast_open;
extern const struct la_scenario la_scenario_mss, la_scenario_options;
extern const struct la_scenario la_scenario_transfer, la_scenario_nagle;
extern const struct la_scenario la_scenario_close, la_scenario_close_merged,
    la_scenario_close_simultaneous, la_scenario_close_finack, la_scenario_half_close;
extern const struct la_scenario la_scenario_refused, la_scenario_abort, la_scenario_syn_timeout;
extern const struct la_scenario la_scenario_rto, la_scenario_fast_retransmit, la_scenario_sack;
extern const struct la_scenario la_scenario_congestion, la_scenario_pmtu;
extern const struct la_scenario la_scenario_ecn, la_scenario_accecn;
extern const struct la_scenario la_scenario_rack, la_scenario_spurious;
extern const struct la_scenario la_scenario_zero_window, la_scenario_window_scale;
extern const struct la_scenario la_scenario_time_wait, la_scenario_linger;
extern const struct la_scenario la_scenario_urgent;
extern const struct la_scenario la_scenario_backlog, la_scenario_keepalive;
extern const struct la_scenario la_scenario_syn_queue, la_scenario_syn_flood,
    la_scenario_syn_cookies;
extern const struct la_scenario la_scenario_binding, la_scenario_sockets, la_scenario_layers;
extern const struct la_scenario la_scenario_silly_window;
extern const struct la_scenario la_scenario_old_syn, la_scenario_half_open, la_scenario_rst_attack;

#endif

/* SPDX-License-Identifier: MIT
 *
 * windows.c - scenarios: the receiver's window
 */
#include "lab/scenario.h"

#include <stdint.h>

#include "base/time.h"

enum { SMALL_RCVBUF_BYTES = 4096, STREAM_BYTES = 10000, PROBES_N = 4 };
enum { DELAY_MS = 50, RATE_BPS = 100000000 };
enum { LARGE_RCVBUF_BYTES = 1 << 20, LONG_STREAM_BYTES = 600000, WINDOW_UNSCALED_MAX = 65535 };

/* ---- zero-window ------------------------------------------------------------------------ */

static void
setup_zero_window(struct la_bed_cfg *cfg)
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
    la_lab_send(lab, LA_CLIENT, STREAM_BYTES);
    la_lab_await_count(lab, LA_CLIENT, LA_EVENT_TIMER, LA_TIMER_PERSIST, PROBES_N);
    la_lab_run(lab, 300);
    la_lab_reads(lab, LA_SERVER, true);
    la_lab_await_octets(lab, LA_SERVER, STREAM_BYTES);
    la_lab_run(lab, 500);

    la_lab_expect_octets(lab, LA_SERVER, STREAM_BYTES);
    la_lab_expect(lab, la_lab_count(lab, LA_CLIENT, LA_EVENT_WINDOW, false) >= 2,
                  "the client did not see the window close and open");
    size_t probes_n = la_lab_count(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, LA_CAUSE_WINDOW_PROBE);
    la_lab_expect(lab, probes_n >= PROBES_N - 1, "%zu window probes are too few", probes_n);
    la_lab_expect(lab,
                  la_lab_count(lab, LA_SERVER, LA_EVENT_SEGMENT_SENT, LA_CAUSE_WINDOW_UPDATE) >= 1,
                  "the server sent no window update");
    const struct la_event *one = la_lab_find(lab, LA_CLIENT, LA_EVENT_TIMER, LA_TIMER_PERSIST, 1);
    const struct la_event *two = la_lab_find(lab, LA_CLIENT, LA_EVENT_TIMER, LA_TIMER_PERSIST, 2);
    la_lab_expect(lab,
                  one != NULL && two != NULL && two->u.timer.next_us == 2 * one->u.timer.next_us,
                  "the interval between probes did not double");
}

static const struct la_lab_part zero_window_parts[] = {{NULL, setup_zero_window, play_zero_window}};

const struct la_scenario la_scenario_zero_window = {
    .name = "zero-window",
    .summary = "the receiver's window closes, is probed, and opens",
    .intro =
        "The server's application stops reading. What arrives fills its receive buffer of 4096 "
        "octets, and the window it offers shrinks to zero: the client must stop (RFC 9293 3.8.6). "
        "The message that the window is open again could be lost, and both ends would wait for "
        "ever. So the client probes with one octet, at first after the retransmission timeout, "
        "then at "
        "growing intervals, as long as it takes (3.8.6.1, MUST-37). The server answers each "
        "probe. When its application reads, it says so at once.",
    .look = "The window in the server's segments: down to 0, and back.\n"
            "The probes: one octet each, at intervals that double, every one answered.\n"
            "The window update is a segment that acknowledges nothing new.\n"
            "A window of zero does not end a connection, however long it lasts, while the peer "
            "answers.",
    .parts = zero_window_parts,
    .parts_n = 1,
};

/* ---- window-scale ----------------------------------------------------------------------- */

static void
setup_long_pipe(struct la_bed_cfg *cfg)
{
    la_bed_cfg_path(cfg, DELAY_MS, RATE_BPS);
    cfg->tcp[LA_SERVER].rcvbuf_bytes = LARGE_RCVBUF_BYTES;
    cfg->tcp[LA_CLIENT].sndbuf_bytes = LARGE_RCVBUF_BYTES;
}

static void
setup_long_pipe_unscaled(struct la_bed_cfg *cfg)
{
    setup_long_pipe(cfg);
    cfg->tcp[LA_CLIENT].window_scale = false;
}

/* The most octets that the client had under way at any time. */
static uint32_t
flight_max(const struct la_lab *lab)
{
    uint32_t sent = 0, acked = 0, most = 0;
    bool begun = false;
    for (size_t i = lab->mark; i < lab->bed->events_n; i++) {
        const struct la_event *event = &lab->bed->events[i];
        if (event->kind == LA_EVENT_SEGMENT_SENT && event->end == LA_CLIENT) {
            if (!begun)
                acked = event->u.segment.seq;
            begun = true;
            sent = event->u.segment.seq + event->u.segment.len;
        } else if (event->kind == LA_EVENT_SEGMENT_ARRIVED && event->end == LA_CLIENT) {
            acked = event->u.segment.ack;
        }
        if (begun && sent - acked > most && sent - acked < UINT32_MAX / 2)
            most = sent - acked;
    }
    return most;
}

static void
transfer_long(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_mark(lab);
    la_lab_send(lab, LA_CLIENT, LONG_STREAM_BYTES);
    la_lab_await_octets(lab, LA_SERVER, LONG_STREAM_BYTES);
    la_lab_run(lab, 500);
    la_lab_expect_octets(lab, LA_SERVER, LONG_STREAM_BYTES);
}

static void
play_scaled(struct la_lab *lab)
{
    transfer_long(lab);
    la_lab_expect(lab, flight_max(lab) > WINDOW_UNSCALED_MAX,
                  "never more than %u octets were under way", flight_max(lab));
}

static void
play_unscaled(struct la_lab *lab)
{
    transfer_long(lab);
    la_lab_expect(lab, flight_max(lab) <= WINDOW_UNSCALED_MAX,
                  "%u octets were under way without window scale", flight_max(lab));
    const struct la_event *syn_ack = lab->bed->events;
    for (size_t i = 0; i < lab->bed->events_n; i++, syn_ack++)
        la_lab_expect(lab,
                      syn_ack->kind != LA_EVENT_SEGMENT_SENT || syn_ack->u.segment.wscale == 255,
                      "a segment carried the option");
}

static const struct la_lab_part window_scale_parts[] = {
    {"with the option: the window field counts in units of 32 octets", setup_long_pipe,
     play_scaled},
    {"without it: never more than 65535 octets under way", setup_long_pipe_unscaled, play_unscaled},
};

const struct la_scenario la_scenario_window_scale = {
    .name = "window-scale",
    .summary = "windows beyond 65535 octets need a scale",
    .intro =
        "The window field has 16 bits, and a path that is fast and long holds more octets than "
        "that. The window scale option (RFC 7323 2) says how far the field is to be shifted. It "
        "counts only if both SYNs carry it, and it is never applied to the window of a SYN itself. "
        "The server has a receive buffer of 1 MiB, which takes a shift of 5; the client sends "
        "600000 octets. In the second part the client does not offer the option, so the server "
        "does not either.",
    .look = "wscale in both SYNs, and windows beyond 65535 in the server's segments.\n"
            "The second transfer takes longer, although the path is the same: one window for each "
            "round trip is all it can have.\n"
            "A capture that begins after the SYNs cannot know the scale.",
    .parts = window_scale_parts,
    .parts_n = 2,
};

/* SPDX-License-Identifier: MIT
 *
 * silly.c - scenario: silly windows, and how both ends avoid them
 */
#include "base/time.h"
#include "lab/peer.h"
#include "lab/scenario.h"

enum { RCVBUF_BYTES = 4096, STREAM_BYTES = 6000, BITE_BYTES = 100, BITES_N = 14, MSS = 1448 };
enum { PEER_PORT = 40000, PEER_MSS = 1000, PEER_WINDOW = 2000, TINY_WINDOW = 100 };
enum { OVERRIDE_MS_MIN = 100, OVERRIDE_MS_MAX = 1000, QUEUED_BYTES = 5000 };

static const struct la_bytes nothing = {NULL, 0};

/* ---- the receiver ----------------------------------------------------------------------- */

static void
setup_small_buffer(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_SERVER].rcvbuf_bytes = RCVBUF_BYTES;
}

static size_t
updates_n(const struct la_lab *lab)
{
    return la_lab_count(lab, LA_SERVER, LA_EVENT_SEGMENT_SENT, LA_CAUSE_WINDOW_UPDATE);
}

static void
play_receiver(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_reads(lab, LA_SERVER, false);
    la_lab_send(lab, LA_CLIENT, STREAM_BYTES);
    la_lab_await_count(lab, LA_CLIENT, LA_EVENT_WINDOW, false, 1);
    la_lab_mark(lab);
    for (unsigned i = 0; i < BITES_N; i++) { /* 1400 octets: less than a segment */
        la_lab_read(lab, LA_SERVER, BITE_BYTES);
        la_lab_run(lab, 5);
    }
    la_lab_expect(lab, updates_n(lab) == 0, "a window of less than a segment was offered");
    la_lab_read(lab, LA_SERVER, BITE_BYTES);
    const struct la_event *update =
        la_lab_find(lab, LA_SERVER, LA_EVENT_SEGMENT_SENT, LA_CAUSE_WINDOW_UPDATE, 0);
    la_lab_expect(lab, update != NULL && update->u.segment.window >= MSS,
                  "no window of a full segment was offered");
    la_lab_run(lab, 100);
    la_lab_reads(lab, LA_SERVER, true);
    la_lab_await_octets(lab, LA_SERVER, STREAM_BYTES);
    la_lab_run(lab, 500);
    la_lab_expect_octets(lab, LA_SERVER, STREAM_BYTES);
}

/* ---- the sender ------------------------------------------------------------------------- */

static const struct la_event *
last_text(const struct la_lab *lab)
{
    const struct la_event *last = NULL, *sent;
    for (size_t nth = 0; (sent = la_lab_sent(lab, LA_SERVER, 0, 0, nth)) != NULL; nth++)
        if (sent->u.segment.len != 0)
            last = sent;
    return last;
}

static void
play_sender(struct la_lab *lab)
{
    static const uint8_t mss[] = {2, 4, PEER_MSS >> 8, PEER_MSS & 0xff};
    struct la_lab_peer peer;
    la_lab_peer_join(&peer, lab, false);
    la_lab_peer_open(&peer, PEER_PORT, (struct la_bytes){mss, sizeof(mss)}, PEER_WINDOW);
    la_lab_send(lab, LA_SERVER, QUEUED_BYTES);
    la_lab_peer_await(&peer, PEER_WINDOW);
    la_lab_mark(lab);
    la_instant offered_at = lab->bed->now;
    peer.wnd = TINY_WINDOW;
    la_lab_peer_says(&peer, LA_TCP_ACK, nothing, nothing);
    la_lab_peer_await(&peer, PEER_WINDOW + TINY_WINDOW);
    const struct la_event *tiny = last_text(lab);
    int64_t waited_ms = tiny == NULL ? 0 : la_instant_diff_us(tiny->at, offered_at) / LA_US_PER_MS;
    la_lab_expect(lab, tiny != NULL && tiny->u.segment.len == TINY_WINDOW,
                  "the tiny window was not used in the end");
    la_lab_expect(lab, waited_ms >= OVERRIDE_MS_MIN && waited_ms <= OVERRIDE_MS_MAX,
                  "the tiny window was used after %lld ms", (long long)waited_ms);
    la_lab_mark(lab);
    peer.wnd = PEER_MSS;
    la_lab_peer_says(&peer, LA_TCP_ACK, nothing, nothing);
    la_lab_peer_await(&peer, PEER_WINDOW + TINY_WINDOW + PEER_MSS);
    const struct la_event *full = last_text(lab);
    la_lab_expect(lab, full != NULL && full->u.segment.len == PEER_MSS,
                  "a full segment was not sent");
    la_lab_peer_says(&peer, LA_TCP_ACK, nothing, nothing);
    la_lab_run(lab, 100);
    la_lab_peer_end(&peer);
    la_lab_peer_fini(&peer);
}

static const struct la_lab_part silly_window_parts[] = {
    {"the receiver: no small windows are offered", setup_small_buffer, play_receiver},
    {"the sender: small windows are not used at once", NULL, play_sender},
};

const struct la_scenario la_scenario_silly_window = {
    .name = "silly-window",
    .summary = "small windows and small segments that nobody should send",
    .intro =
        "A receiver whose application reads a few octets at a time could offer each of them as "
        "soon as they are free, and a sender could fill each: a stream of tiny segments that never "
        "heals, the silly window syndrome (RFC 9293 3.8.6.2).\n"
        "In the first part the server's buffer of 4096 octets is full and its application reads "
        "100 octets every 5 ms. The window stays shut until a full segment fits, or half the "
        "buffer (3.8.6.2.2, MUST-39). In the second part a client made by hand is silly: it offers "
        "a window of 100 while 3000 octets wait. The server does not take the bait: it waits for a "
        "full segment or half of the largest window that there was, and gives in only when the "
        "override time, between 0.1 and 1 s, is over (3.8.6.2.1, MUST-38).",
    .look =
        "Fourteen times 100 octets are read without a word; with the fifteenth the window opens "
        "for a full segment. The window of 52 "
        "later on is no offer: it is what was left of that one (the right edge never moves "
        "left).\n"
        "The tiny segment comes late, the full one after it at once.",
    .parts = silly_window_parts,
    .parts_n = 2,
};

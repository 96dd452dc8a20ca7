/* SPDX-License-Identifier: MIT
 *
 * patience.c - what an end sends again and again, and whether it gave up
 *
 * An end that waits repeats itself: its SYN, its text (RFC 6298 5.5: after twice the time), a probe
 * of a closed window (RFC 9293 3.8.6.1) or of a silent peer (3.8.4). When the next repetition was
 * due and did not come, the end has given up.
 *
 * Heuristic: due is half again of the expected pause, to allow for timers that are coarse.
 */
#include "explain/parts.h"

enum { PAUSE_S_MAX = 120 }; /* No common stack waits longer between two. */
/* Heuristic: nor does one probe faster. What comes sooner is a copy, which a probe that has neither
 * timestamp nor identification does not show (artefacts.c). */
enum { PROBE_NS_MIN = 20000000 };
/* RFC 6298 2.4: a second at least; common stacks wait for a fifth of that. What went again sooner
 * did so for a loss that was heard of, and what is due next is the first timeout. */
enum { TIMER_NS_MIN = 100000000, RTO_S_MIN = 1 };

static enum la_repeat
kind_of(const struct la_track_end *e, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    if (placed->goes_on)
        return LA_REPEAT_NONE;
    if ((seg->flags & LA_TCP_SYN) != 0)
        return placed->syn_again ? LA_REPEAT_SYN : LA_REPEAT_NONE;
    if (seg->text_bytes <= 1 && la_seq_eq(la_seq_add(seg->seq, 1), e->nxt) &&
        (seg->flags & LA_TCP_FIN) == 0 && la_seq_eq(e->una, e->nxt))
        return LA_REPEAT_PROBE;
    if (seg->len > 0 && placed->new_bytes == 0 && !placed->fin_first)
        return LA_REPEAT_TEXT;
    return LA_REPEAT_NONE;
}

void
la_patience_segment(const struct la_placed *placed)
{
    struct la_track_end *e = placed->me, *peer = placed->peer;
    /* Text waits for its acknowledgement, the rest for any answer. */
    if (placed->acked_bytes > 0 || peer->repeat == LA_REPEAT_PROBE)
        peer->repeats_n = 0;
    enum la_repeat kind = kind_of(e, placed);
    if (kind == LA_REPEAT_PROBE && e->probes_n > 0 &&
        placed->at_ns - e->repeat_at_ns < PROBE_NS_MIN)
        return;
    if (kind != LA_REPEAT_PROBE)
        e->probes_n = 0;
    else if (e->probes_n < UINT8_MAX)
        e->probes_n++;
    if (kind == LA_REPEAT_NONE) {
        if (placed->new_bytes > 0 && e->repeats_n == 0)
            e->repeat_at_ns = placed->at_ns;
        return;
    }
    if (kind != e->repeat)
        e->repeats_n = 0;
    e->repeat = (uint8_t)kind;
    int64_t before = e->repeats_n > 0 ? e->repeat_at_ns : e->last_at_ns;
    e->repeat_pause_ns = placed->at_ns > before ? placed->at_ns - before : 0;
    e->repeat_at_ns = placed->at_ns;
    if (e->repeats_n < UINT8_MAX)
        e->repeats_n++;
}

/* When the next repetition was to come. */
static int64_t
due_ns(const struct la_track_end *e)
{
    int64_t pause = e->repeat_pause_ns;
    if (e->repeat == LA_REPEAT_TEXT && pause < TIMER_NS_MIN)
        return RTO_S_MIN * LA_NS_PER_S;
    if (e->repeat != LA_REPEAT_PROBE || e->window_closed)
        pause *= 2;
    return pause < PAUSE_S_MAX * LA_NS_PER_S ? pause : PAUSE_S_MAX * LA_NS_PER_S;
}

bool
la_patience_gave_up(const struct la_track_end *e, int64_t end_ns)
{
    unsigned n_min = e->repeat == LA_REPEAT_SYN ? 1 : 2;
    if (e->repeat != LA_REPEAT_PROBE && !la_seq_lt(e->una, e->nxt))
        return false;
    return e->repeats_n >= n_min && end_ns - e->repeat_at_ns >= due_ns(e) + due_ns(e) / 2;
}

bool
la_patience_was_due(const struct la_track_end *e, int64_t at_ns)
{
    int64_t due = due_ns(e);
    return e->repeats_n >= 2 && at_ns - e->repeat_at_ns >= due - due / 4;
}

int64_t
la_patience_due_ns(const struct la_track_end *e)
{
    return e->repeat_at_ns + due_ns(e);
}

/* The answers that passed did not get there: it probed at equal pauses (RFC 9293 3.8.4), and gave
 * up when the next probe was due, to an eighth. */
bool
la_patience_ends_probing(const struct la_track_end *e, int64_t at_ns)
{
    int64_t off_ns = at_ns - e->repeat_at_ns - e->repeat_pause_ns;
    return e->probes_n >= 2 && !e->window_closed && off_ns <= e->repeat_pause_ns / 8 &&
           off_ns >= -e->repeat_pause_ns / 8;
}

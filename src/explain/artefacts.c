/* SPDX-License-Identifier: MIT
 *
 * artefacts.c - what the capture did, not the connection
 *
 * Copies. The same packet twice has the same numbers, IP identification and timestamp; a
 * retransmission is a new packet and differs in one of the two (heuristic: RFC 6864 leaves the
 * identification of atomic packets free, so 0 says nothing, and without either a copy must follow
 * within a millisecond and carry something). ACKs without text are told apart by the identification
 * alone: several in a row that say the same are duplicate acknowledgements.
 */
#include "explain/parts.h"

enum { RECENT_N = 4, COPY_NS_MAX = 1000000 };

static uint32_t
fingerprint(const struct la_seen *seen)
{
    const struct la_tcp_seg *seg = &seen->tcp;
    uint64_t mixed = (uint64_t)seg->seq.v << 32 | seg->ack.v;
    mixed ^= (uint64_t)seen->ip_id << 16 | seg->flags | (uint64_t)seg->text_bytes << 40;
    mixed *= UINT64_C(0x9e3779b97f4a7c15);
    if ((seg->has & LA_TCP_HAS_TIMESTAMPS) != 0)
        mixed ^= (uint64_t)seg->ts_val << 32 | seg->ts_ecr;
    mixed ^= seg->wnd;
    mixed *= UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(mixed >> 32) | 1; /* 0 is an empty place. */
}

bool
la_artefacts_is_copy(struct la_explain *explain, struct la_track *track,
                     const struct la_placed *placed)
{
    const struct la_seen *seen = placed->seen;
    struct la_track_end *e = &track->end[placed->from];
    uint32_t print = fingerprint(seen);
    bool has_id = seen->has_ip_id && seen->ip_id != 0;
    bool has_ts = (seen->tcp.has & LA_TCP_HAS_TIMESTAMPS) != 0;
    bool carries = seen->tcp.len > 0;
    bool close = placed->at_ns - e->last_at_ns <= COPY_NS_MAX;
    for (unsigned i = 0; i < RECENT_N; i++) {
        if (e->recent[i] != print)
            continue;
        if ((has_id && (has_ts || close)) || (carries && close)) {
            e->duplicates_n++;
            explain->file.capture_duplicates++;
            return true;
        }
    }
    e->recent[e->recent_idx] = print;
    e->recent_idx = (uint8_t)((e->recent_idx + 1) % RECENT_N);
    return false;
}

void
la_artefacts_time(struct la_explain *explain, const struct la_explain_packet *packet)
{
    struct la_explain_file *file = &explain->file;
    if (file->packets == 0)
        file->first_at = packet->at;
    else if (packet->at.ns < file->last_at.ns)
        file->times_back++;
    file->last_at = packet->at;
    if (packet->at.ns > explain->now_ns)
        explain->now_ns = packet->at.ns;
}

/* SPDX-License-Identifier: MIT
 *
 * part.c - one instance at work on its share of the flows
 */
#include "base/apart.h"
#include "base/sane.h"
#include "explain/decode_now.h"
#include "explain/parts.h"
#include "explain/share.h"

void
la_part_ended(struct la_explain *explain, const struct la_track *track, uint16_t ending,
              const struct la_explain_close *close)
{
    const struct la_part *part = explain->part;
    struct la_explain_conn conn;
    struct la_note *note = la_outbox_note(explain, track, LA_NOTE_END, track->last_at_ns);
    if (note == NULL)
        return;
    note->ending = ending;
    la_result_brief(explain, track, close, &conn);
    if (part->wants != NULL && !part->wants(part->ctx, &conn))
        return;
    la_result_rest(explain, track, &conn);
    if (!la_outbox_tell(explain->outbox, &conn, &note->conn))
        note->conn = NONE;
}

/* Before it takes anything. What is to be verified of the packets is marked. */
static void
begin(const struct la_part *part, struct la_outbox *outbox)
{
    struct la_explain *explain = part->explain;
    explain->part = part;
    explain->outbox = outbox;
    explain->decoder.options.verify_every_n = 0;
}

static void
expire(struct la_explain *explain, const struct la_batch *batch, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        explain->now_ns = batch->now_ns[i];
        explain->packet_n = batch->before_n + i + 1;
        if (la_flows_is_due(explain))
            la_flows_expire(explain);
    }
}

/* Up to packet to - 1, with which the time is now_ns. What was waiting ends with the packet that it
 * was to end with, whoever that belongs to. */
static inline void
pass_time(struct la_explain *explain, const struct la_batch *batch, size_t *looked_n, size_t to,
          int64_t now_ns)
{
    if (now_ns > explain->expire_ns || batch->before_n + to > explain->expire_n)
        expire(explain, batch, *looked_n, to);
    explain->now_ns = now_ns;
    explain->packet_n = batch->before_n + to;
    *looked_n = to;
}

static inline void
decode(struct la_explain *explain, const struct la_explain_packet *packet, uint8_t marks)
{
    explain->decoder.options.verify_first_n = (marks & LA_BATCH_VERIFY) != 0;
    la_decode_now(&explain->decoder, packet, &explain->seen);
}

static void
follow_marks(struct la_explain *explain, uint8_t marks)
{
    explain->decoder.sums =
        (marks & LA_BATCH_TRUST_SUMS) != 0 ? LA_SUMS_TRUSTED : LA_SUMS_UNTRUSTED;
}

static inline void
take_one(struct la_explain *explain, const struct la_batch *batch, const struct la_given *given)
{
    const struct la_explain_packet *packet = &given->packet;
    const uint8_t marks = given->marks;
    if ((marks & LA_BATCH_DECODED) != 0)
        explain->seen = batch->decoded[given->decoded_at].seen;
    else
        decode(explain, packet, marks);
    follow_marks(explain, marks);
    la_explain_seen(explain, packet, packet->at.ns, &explain->seen);
}

/* Headers, which were looked at when the batch was filled, maybe in another thread; */
static inline void
fetch(const struct la_given *given)
{
    __builtin_prefetch(given->packet.bytes.p);
    __builtin_prefetch(given->packet.bytes.p + 64);
}

/* and what was noted of them then, which is wanted sooner. */
enum { AHEAD_N = 4, FAR_AHEAD_N = 12 };

static void
fetch_first(const struct la_given lot[LA_LOT_N])
{
    for (size_t i = 0; i < FAR_AHEAD_N; i++)
        __builtin_prefetch(&lot[i]);
}

/* n packets of a lot. */
static void
take_lot(struct la_explain *explain, const struct la_batch *batch, const struct la_given *given,
         size_t n, size_t *looked_n)
{
    for (size_t i = 0; i < AHEAD_N && i < n; i++)
        fetch(&given[i]);
    for (size_t i = 0; i < n; i++) {
        if (i + FAR_AHEAD_N < n)
            __builtin_prefetch(&given[i + FAR_AHEAD_N]);
        if (i + AHEAD_N < n)
            fetch(&given[i + AHEAD_N]);
        pass_time(explain, batch, looked_n, given[i].place + (size_t)1, given[i].now_ns);
        take_one(explain, batch, &given[i]);
    }
}

static inline void
take_raw(struct la_explain *explain, struct la_intake *intake,
         const struct la_explain_packet *packet)
{
    struct la_seen *seen = &explain->seen;
    const int64_t at_ns = la_instant_sane(packet->at).ns;
    uint8_t marks = la_intake_see(intake, at_ns);
    explain->now_ns = intake->now_ns;
    explain->packet_n = intake->file.packets;
    if (la_flows_is_due(explain))
        la_flows_expire(explain);
    decode(explain, packet, marks);
    if (la_intake_wants(intake, seen))
        la_intake_seen(intake, seen);
    follow_marks(explain, la_intake_trusts(intake, &seen->src.addr));
    la_explain_seen(explain, packet, at_ns, seen);
}

void
la_part_take(const struct la_part *part, const struct la_batch *batch, struct la_outbox *outbox)
{
    struct la_explain *explain = part->explain;
    const unsigned share = part->share;
    size_t looked_n = 0, lot = batch->of[share].first;
    bool more = batch->of[share].at != NULL;
    if (more)
        fetch_first(batch->lots[lot]);
    begin(part, outbox);
    while (more) {
        size_t taken = lot;
        more = lot != batch->of[share].last;
        if (more) {
            lot = batch->lot_next[lot];
            fetch_first(batch->lots[lot]);
        }
        take_lot(explain, batch, batch->lots[taken], la_batch_given_n(batch, share, taken),
                 &looked_n);
    }
    if (looked_n < batch->n)
        pass_time(explain, batch, &looked_n, batch->n, batch->now_ns[batch->n - 1]);
    la_artefacts_copies(explain, &outbox->copies);
}

void
la_part_take_all(const struct la_part *part, struct la_intake *intake,
                 const struct la_explain_packet *packets, size_t n, struct la_outbox *outbox)
{
    struct la_explain *explain = part->explain;
    begin(part, outbox);
    for (size_t i = 0; i < n; i++)
        take_raw(explain, intake, &packets[i]);
    la_artefacts_copies(explain, &outbox->copies);
}

/* ---- the end ----------------------------------------------------------------------------------
 */

void
la_part_finish_begin(const struct la_part *part, int64_t now_ns, uint64_t packets_n)
{
    part->explain->now_ns = now_ns;
    part->explain->packet_n = packets_n + 1; /* behind the last one */
    la_flows_line_up(part->explain);
}

uint64_t
la_part_left(const struct la_part *part, size_t n)
{
    const struct la_explain *explain = part->explain;
    const struct la_track *track = explain->lists[LA_LIST_LIVE].first;
    for (size_t i = 0; i < n && track != NULL; i++)
        track = track->list_next;
    return track == NULL ? UINT64_MAX : track->first_frame;
}

void
la_part_finish_some(const struct la_part *part, uint64_t before_frame, struct la_outbox *outbox)
{
    begin(part, outbox);
    (void)la_flows_end_some(part->explain, before_frame);
    la_artefacts_copies(part->explain, &outbox->copies);
}

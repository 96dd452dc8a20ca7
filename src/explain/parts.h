/* SPDX-License-Identifier: MIT
 *
 * parts.h - what the files of the analyser offer each other
 */
#ifndef LA_EXPLAIN_PARTS_H
#define LA_EXPLAIN_PARTS_H

#include "explain/flows.h"
#include "explain/track.h"

/* ---- numbers.c: a segment among the sequence numbers ------------------------------------- */

/* Fills what *placed says about numbers, and brings the ends' numbers up to date. */
void la_numbers_place(struct la_placed *placed);

/* ---- leap.c: numbers that leap over what was not captured -------------------------------- */

/* Of a strange segment: do both ends' numbers stand there? Then those of the track do as well, and
 * the segment that showed it first (rare->leap) is to be taken anew, and this one behind it. */
bool la_leap_shows(struct la_explain *explain, struct la_track *track,
                   const struct la_placed *placed);
void la_leap_keep(struct la_leap *leap, const struct la_placed *placed);

/* ---- unseen.c: what was sent and not captured ---------------------------------------------- */

void la_unseen_syn(struct la_explain *explain, struct la_track *track,
                   const struct la_placed *placed);
/* Of an end in SYN-RECEIVED, before its FIN is looked at: the third segment of the handshake. */
void la_unseen_third(struct la_explain *explain, struct la_track *track,
                     const struct la_placed *placed);
/* Before its RST is looked at: an ACK of its FIN. */
void la_unseen_answered(struct la_explain *explain, struct la_track *track,
                        const struct la_placed *placed);
void la_unseen_acked(struct la_explain *explain, struct la_track *track,
                     const struct la_placed *placed);

/* ---- patience.c: repetitions, and giving up ------------------------------------------------ */

void la_patience_segment(const struct la_placed *placed);
/* It repeated itself without an answer, and by end_ns has missed the next time. */
bool la_patience_gave_up(const struct la_track_end *e, int64_t end_ns);
/* It repeated itself without an answer, and at at_ns the next time had come. */
bool la_patience_was_due(const struct la_track_end *e, int64_t at_ns);
bool la_patience_ends_probing(const struct la_track_end *e, int64_t at_ns);
int64_t la_patience_due_ns(const struct la_track_end *e);

/* ---- marks.c, arrivals.c, states.c, possible.c: both ends along the figure ------------------ */

/* It has acknowledged its peer's FIN. */
static inline bool
la_track_acked_fin(const struct la_track_end *e, const struct la_track_end *peer)
{
    return (peer->flags & LA_END_FIN) != 0 && (e->flags & LA_END_ACKED) != 0 &&
           la_seq_gt(e->ack, peer->fin_seq);
}

/* Of a new track: what may be said before its first segment. */
void la_states_begin(struct la_explain *explain, struct la_track *track, bool by_syn);
/* Both are synchronised, and nothing waits: a segment that neither opens nor closes changes
 * none. */
static inline bool
la_states_are_settled(const struct la_track_end *e, const struct la_track_end *peer)
{
    const uint16_t established = LA_TCP_STATE_BIT(LA_TCP_ESTABLISHED);
    return e->proven == established && peer->proven == established &&
           (e->marks.waiting | peer->marks.waiting) == 0 && e->certainty == LA_CERTAINTY_SEEN;
}
void la_states_segment(struct la_explain *explain, struct la_track *track,
                       const struct la_placed *placed);
/* An event of an end, along the edges that its states have for it; false: there is none. Filled in
 * are end, event, certainty, frame and times. */
bool la_states_move(struct la_explain *explain, struct la_track *track, struct la_step *step);
/* The same, if its state is decided. */
void la_states_step(struct la_explain *explain, struct la_track *track, struct la_step *step);
/* What of the segment is an event for the end that it goes to. */
void la_marks_segment(struct la_track *track, const struct la_placed *placed);
/* Between the tap and the end there is next to nothing. */
bool la_marks_is_near(const struct la_track_end *end);
/* When the end had sent what passed then, at the earliest; INT64_MAX: not known. */
int64_t la_marks_sent_ns(const struct la_track_end *end, int64_t passed_ns);
/* Can what passed at mark_ns show in a segment of this end that passes at at_ns? By the shortest
 * time that an answer took so far. */
bool la_marks_can_show(const struct la_track_end *end, int64_t mark_ns, int64_t at_ns);

/* Something waits for the segment's sender: has it arrived? */
void la_arrivals_take(struct la_explain *explain, struct la_track *track,
                      const struct la_placed *placed);
void la_possible_init(struct la_explain *explain);
void la_possible_begin(struct la_explain *explain, struct la_track *track, bool by_syn);
/* `demand`: in these states its sender can have sent it. */
void la_possible_segment(struct la_explain *explain, const struct la_track *track,
                         const struct la_placed *placed, uint16_t demand);

/* ---- settle.c ---- */

/* The connection is over, or the capture: what passed and was not contradicted has arrived. */
void la_settle(struct la_explain *explain, struct la_track *track);

/* ---- steps.c: the transitions that are kept ------------------------------------------------ */

void la_steps_add(struct la_explain *explain, struct la_track *track, const struct la_step *step);
/* What can have been so far, for each end: steps that were undecided are cut to it. */
void la_steps_narrow(struct la_explain *explain, struct la_track *track, const uint16_t can[2]);
/* The end's connection may as well have ended in that other state. */
void la_steps_doubt_end(struct la_explain *explain, struct la_track *track, unsigned end,
                        uint16_t state);
/* The track's latest step was this one of the end's, and inferred: it did not happen. */
bool la_steps_take_back(struct la_track *track, unsigned end, enum la_tcp_event event);
/* Its latest step, if that was this event of an end in `from`, becomes `instead`; *was is what it
 * was. */
bool la_steps_replace(struct la_explain *explain, struct la_track *track, enum la_tcp_event event,
                      enum la_tcp_state from, const struct la_step *instead, struct la_step *was);
/* Its FIN may have been the second one. */
void la_steps_doubt_close(struct la_explain *explain, struct la_track *track, unsigned end);
void la_steps_free(struct la_explain *explain, struct la_track *track);
/* Of one track, ordered by frame, in the instance's scratch. */
size_t la_steps_list(struct la_explain *explain, const struct la_track *track);

/* ---- findings.c --- */

/* Adds to the track's finding of that id about that end, or makes it. `who`: enum la_who. */
struct la_explain_finding *la_found(struct la_explain *explain, struct la_track *track,
                                    enum la_finding id, enum la_who who, uint64_t frame);
/* The same about the capture. */
struct la_explain_finding *la_found_in_file(struct la_explain *explain, enum la_finding id,
                                            uint64_t frame);
/* Another one of that id about the capture, with its own values; NULL: no memory, or there are
 * n_max. */
struct la_explain_finding *la_found_anew_in_file(struct la_explain *explain, enum la_finding id,
                                                 unsigned n_max);
bool la_found_has(const struct la_explain *explain, const struct la_track *track,
                  enum la_finding id);
void la_found_free(struct la_explain *explain, uint32_t first);
/* Of one chain, in the instance's scratch. */
size_t la_found_list(struct la_explain *explain, uint32_t first);

/* ---- opening.c, closing.c, reset.c: verdicts ------------------------------------------------- */

void la_opening_segment(struct la_explain *explain, struct la_track *track,
                        struct la_placed *placed);
/* enum la_explain_option, of a SYN. */
uint32_t la_opening_options(const struct la_seen *seen);
/* May the end send text before its SYN is acknowledged? RFC 7413 4.2.2: once it took the cookie in
 * the peer's SYN, with the text that came along, if any did. */
bool la_opening_may_speak_early(const struct la_track_end *e, const struct la_track_end *peer);
enum la_open_kind la_opening_kind(const struct la_track *track);
void la_opening_judge(struct la_explain *explain, const struct la_track *track,
                      struct la_explain_open *out);
/* Of a capture of one direction: does the end's FIN seem to have answered its peer's? */
bool la_closing_answers(const struct la_track *track, unsigned end);
/* May a FIN of its peer's, which was not captured, have been the last that it acknowledged? */
bool la_closing_may_have_heard(const struct la_track *track, unsigned end);
/* May the end's FIN have answered one that was not captured? */
bool la_closing_is_doubtful(const struct la_track *track, unsigned end);
/* The file has the end's FIN behind its peer's, which acknowledges it. */
bool la_closing_was_answered(const struct la_track_end *e, const struct la_track_end *peer);
/* Its FIN was sent before its first ACK of its peer's, was lost, and goes again (heuristic: that
 * ACK, of a FIN that had come once, left a hole of one number, which this one fills): both ends
 * closed at the same time. */
bool la_closing_was_overtaken(const struct la_placed *placed);
/* Its FIN, the first time. */
void la_closing_take_fin(struct la_track *track, struct la_placed *placed);
void la_closing_segment(struct la_explain *explain, struct la_track *track,
                        struct la_placed *placed);
void la_closing_judge(const struct la_explain *explain, const struct la_track *track,
                      struct la_explain_close *out);
void la_reset_segment(struct la_explain *explain, struct la_track *track,
                      const struct la_placed *placed);
/* New text towards an end that has sent a RST: was it under way then? */
void la_reset_text(struct la_track *track, const struct la_placed *placed);
/* Text of an end that has sent a RST: does it stand behind that, and pass later? */
bool la_reset_is_behind(const struct la_track *track, const struct la_placed *placed);
/* One came that its receiver had to believe. */
bool la_reset_is_exact(const struct la_track *track);
/* The RST that ended it, NULL: none did. Valid when nothing more comes. */
const struct la_rst *la_reset_decisive(const struct la_track *track);
bool la_reset_is_own(const struct la_track *track, const struct la_rst *rst);
/* A full accept queue, or a program that was given the connection and gave it up? */
bool la_reset_may_be_backlog(const struct la_rst *rst);
/* It may have taken the ACK of the handshake, and answer what its peer sent behind that. */
bool la_reset_answers_one_of_many(const struct la_track *track, const struct la_rst *rst);
/* It was not sent by the end that it names. */
bool la_reset_is_forged(const struct la_track *track, const struct la_rst *rst);
enum la_reset_cause la_reset_cause_of(const struct la_track *track, const struct la_rst *rst);
void la_reset_judge(const struct la_track *track, struct la_explain_reset *out);

/* ---- artefacts.c: what the capture did --------------------------------------------------- */

/* Is it a packet that was captured, or delivered, twice (placed->is_copy)? Counts it. Or other text
 * than passed before (placed->is_other)? */
void la_artefacts_take(struct la_explain *explain, const struct la_track *track,
                       struct la_placed *placed);
void la_artefacts_count_copy(struct la_explain *explain, struct la_track_end *e, bool elsewhere);
/* A packet's time; it is counted in file->packets. Returns the latest one so far; *back_ns_max: by
 * how much one was before the one before it. */
static inline int64_t
la_artefacts_time(struct la_explain_file *file, int64_t at_ns, int64_t now_ns, int64_t *back_ns_max)
{
    if (file->packets == 1) {
        file->first_at.ns = at_ns;
    } else if (at_ns < file->last_at.ns) {
        file->times_back++;
        if (file->last_at.ns - at_ns > *back_ns_max)
            *back_ns_max = file->last_at.ns - at_ns;
    }
    file->last_at.ns = at_ns;
    return at_ns > now_ns ? at_ns : now_ns;
}
/* The direction has just got what text is remembered by. */
void la_artefacts_first_text(const struct la_placed *placed);
/* Most packets of the capture are there twice: its doing, not the network's. */
bool la_artefacts_doubles(const struct la_explain *explain);
/* What was there twice: of an instance, of several, and whether the capture did it. */
struct la_copies {
    uint64_t segments_n, copies_n, elsewhere_n; /* copies from another interface */
    uint64_t texts_n, text_copies_n;            /* with text, of connections that have ended */
};
void la_artefacts_copies(const struct la_explain *explain, struct la_copies *out);
void la_copies_add(struct la_copies *to, const struct la_copies *from);
bool la_artefacts_are_doubles(const struct la_copies *of);
/* Of one direction. */
bool la_artefacts_is_mirrored(const struct la_track_end *e);
/* Of a track, by what it has itself. */
bool la_artefacts_is_doubled(const struct la_track *track);
/* Of the copies of an end's SYN,ACK, those that it sent itself: a few in a handshake, where the
 * rest is there once. */
static inline uint32_t
la_artefacts_answers_n(const struct la_track *track, unsigned end)
{
    const uint32_t flags = track->end[end].flags;
    return (flags & LA_END_ANSWERED_COPY) != 0 && !la_artefacts_is_doubled(track);
}
void la_artefacts_clock(struct la_explain *explain, const struct la_placed *placed);
/* A connection is over: what it says of the capture. */
void la_artefacts_end(struct la_explain *explain, const struct la_track *track);
void la_artefacts_finish(struct la_explain *explain);
/* What a part has noticed about the capture, and counted. */
void la_artefacts_add(struct la_explain *explain, const struct la_explain *part);

/* ---- violations.c, remarks.c: findings ------------------------------------------------------- */

/* Its checksum is wrong. */
void la_violations_checksum(struct la_explain *explain, struct la_track *track,
                            const struct la_placed *placed);
/* With placed->is_other, unless its checksum tells nothing. Returns whether it does. */
bool la_violations_other_text(struct la_explain *explain, struct la_track *track,
                              const struct la_placed *placed);
/* Flags that no receiver acts on; false: they are such, and nothing is learnt from the segment. */
bool la_violations_flags(struct la_explain *explain, struct la_track *track,
                         const struct la_placed *placed);
void la_violations_segment(struct la_explain *explain, struct la_track *track,
                           const struct la_placed *placed);
void la_stalls_remark(struct la_explain *explain, struct la_track *track);
/* Large packets that never arrived. */
void la_black_hole_remark(struct la_explain *explain, struct la_track *track);
/* Of a connection that is over. */
void la_remarks(struct la_explain *explain, struct la_track *track,
                const struct la_explain_close *close);

/* ---- servers.c: servers --------------------------------------------------------------------- */

bool la_servers_init(struct la_explain *explain) LA_MUST_CHECK;
void la_servers_fini(struct la_explain *explain);
/* A connection begins. */
void la_servers_begin(struct la_explain *explain, struct la_track *track, bool by_syn);
/* It is half-open, or is so no longer. */
void la_servers_half_open(struct la_explain *explain, struct la_track *track, int64_t at_ns,
                            bool more);
/* It is over. Returns what became of it (enum la_ending, share.h). */
uint16_t la_servers_end(struct la_explain *explain, struct la_track *track);
/* The same by a listener's index: of a part, the whole does it (share.h). The index of the first is
 * NONE when there are too many listeners. */
uint32_t la_servers_syn(struct la_explain *explain, const struct la_endpoint *at,
                        const struct la_addr *client, int64_t at_ns);
void la_servers_count(struct la_explain *explain, uint32_t idx, int64_t at_ns, bool more);
void la_servers_ended(struct la_explain *explain, uint32_t idx, uint16_t ending);
void la_servers_finish(struct la_explain *explain);

/* ---- tell.c: the story ---------------------------------------------------------------------- */

void la_tell_segment_heard(const struct la_explain *explain, const struct la_track *track,
                           const struct la_placed *placed);
static inline void
la_tell_segment(const struct la_explain *explain, const struct la_track *track,
                const struct la_placed *placed)
{
    if ((explain->cfg.trace.mask & LA_EVENT_BIT(LA_EVENT_SEGMENT_SENT)) != 0)
        la_tell_segment_heard(explain, track, placed);
}
struct la_measure;
/* What was timed, and what the sender's window is taken to be after a round trip. */
void la_tell_rtt(const struct la_explain *explain, const struct la_track *track, unsigned sender,
                 const struct la_measure *m, const struct la_placed *placed);
void la_tell_window(const struct la_explain *explain, const struct la_track *track,
                    unsigned sender, const struct la_measure *m, const struct la_placed *placed);
void la_tell_step(const struct la_explain *explain, const struct la_track *track,
                  const struct la_step *step);

/* ---- segment.c, result.c ------------------------------------------------------------------ */

void la_segment(struct la_explain *explain, const struct la_seen *seen, uint64_t frame,
                uint32_t iface, int64_t at_ns);
void la_explain_icmp(struct la_explain *explain, const struct la_explain_packet *packet,
                     int64_t at_ns, const struct la_seen *seen);

/* A packet that was decoded, at a sane time. */
static inline void
la_explain_seen(struct la_explain *explain, const struct la_explain_packet *packet, int64_t at_ns,
                const struct la_seen *seen)
{
    if (seen->kind == LA_SEEN_TCP) {
        explain->file.segments++;
        la_segment(explain, seen, packet->frame, packet->iface, at_ns);
    } else if (seen->kind == LA_SEEN_ICMP_ERROR) {
        la_explain_icmp(explain, packet, at_ns, seen);
    }
}

/* What the caller gets: who, when, how it was closed, what is counted of each direction, and
 * findings. */
void la_result_brief(struct la_explain *explain, const struct la_track *track,
                     const struct la_explain_close *close, struct la_explain_conn *out);
/* And everything else. */
void la_result_rest(struct la_explain *explain, const struct la_track *track,
                    struct la_explain_conn *out);

static inline enum la_who
la_who_of(unsigned end)
{
    return (enum la_who)(LA_WHO_CLIENT + end);
}

#endif

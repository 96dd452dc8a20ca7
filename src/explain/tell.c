/* SPDX-License-Identifier: MIT
 *
 * tell.c - segments and changes of state as events, for ladder and comments
 *
 * A segment is told as one that its sender sent; its id is the frame's number. A change of state is
 * told when it is understood, with the time at which the cause passed and the id of that segment:
 * for what only the end of the connection decides, that is late. RTT and CONGESTION are of the
 * sender whose text it is; the window is an estimate, 0 where something else held the sender back.
 */
#include "base/apart.h"
#include "explain/measure.h"
#include "explain/parts.h"
#include "proto/event_segment.h"

static bool
is_heard(const struct la_explain *explain, enum la_event_kind kind)
{
    return (explain->cfg.trace.mask & LA_EVENT_BIT(kind)) != 0;
}

static struct la_event
event_of(const struct la_track *track, unsigned end, enum la_event_kind kind)
{
    return (struct la_event){
        .kind = (uint8_t)kind,
        .end = (uint8_t)end,
        .conn = track->id + 1,
        .local = la_track_endpoint(track, end),
        .remote = la_track_endpoint(track, 1 - end),
    };
}

void
la_tell_segment_heard(const struct la_explain *explain, const struct la_track *track,
                      const struct la_placed *placed)
{
    if (track->rare != NULL && track->rare->leap.is_told)
        return;
    struct la_event event = event_of(track, placed->from, LA_EVENT_SEGMENT_SENT);
    event.at.ns = placed->at_ns;
    event.segment_id = placed->frame;
    la_event_segment_of(&event.u.segment, &placed->seen->tcp, placed->window);
    event.u.segment.ecn = placed->seen->dscp_ecn & LA_IP_ECN_MASK;
    event.u.segment.cause = placed->cause;
    event.u.segment.retransmit_n = placed->again_n;
    if (placed->is_strange)
        event.u.segment.has |= LA_SEG_STRANGE;
    explain->cfg.trace.sink(explain->cfg.trace.ctx, &event);
}

void
la_tell_rtt(const struct la_explain *explain, const struct la_track *track, unsigned sender,
            const struct la_measure *m, const struct la_placed *placed)
{
    if (!is_heard(explain, LA_EVENT_RTT))
        return;
    struct la_event event = event_of(track, sender, LA_EVENT_RTT);
    event.at.ns = placed->at_ns;
    event.segment_id = placed->frame;
    event.u.rtt.sample_us = (uint32_t)placed->rtt_us;
    event.u.rtt.srtt_us = m->srtt_us;
    event.u.rtt.rttvar_us = m->rttvar_us;
    explain->cfg.trace.sink(explain->cfg.trace.ctx, &event);
}

static enum la_cc_phase
phase_of(const struct la_measure *m)
{
    if (m->recovery == LA_RECOVERY_FAST)
        return LA_CC_RECOVERY;
    if (m->recovery == LA_RECOVERY_RTO)
        return LA_CC_LOSS;
    return m->rounds.grown ? LA_CC_AVOIDANCE : LA_CC_SLOW_START;
}

void
la_tell_window(const struct la_explain *explain, const struct la_track *track, unsigned sender,
               const struct la_measure *m, const struct la_placed *placed)
{
    if (!is_heard(explain, LA_EVENT_CONGESTION))
        return;
    struct la_event event = event_of(track, sender, LA_EVENT_CONGESTION);
    event.at.ns = placed->at_ns;
    event.segment_id = placed->frame;
    event.u.congestion.cwnd_bytes = la_rounds_window(m, &track->end[sender]);
    event.u.congestion.flight_bytes =
        (uint32_t)la_seq_diff(track->end[sender].nxt, track->end[sender].una);
    event.u.congestion.phase = (uint8_t)phase_of(m);
    explain->cfg.trace.sink(explain->cfg.trace.ctx, &event);
}

static uint8_t
lowest(uint16_t set)
{
    return (uint8_t)__builtin_ctz(set);
}

LA_APART static void
tell_step(const struct la_explain *explain, const struct la_track *track,
          const struct la_step *step)
{
    bool decided = (step->from & (step->from - 1)) == 0 && (step->to & (step->to - 1)) == 0;
    if (!decided)
        return;
    struct la_event event = event_of(track, step->end, LA_EVENT_STATE);
    event.at.ns = step->earliest_ns != INT64_MAX ? step->earliest_ns : step->latest_ns;
    event.segment_id = track->first_frame + step->frame;
    event.u.state.from = lowest(step->from);
    event.u.state.to = lowest(step->to);
    event.u.state.event = step->event;
    explain->cfg.trace.sink(explain->cfg.trace.ctx, &event);
}

void
la_tell_step(const struct la_explain *explain, const struct la_track *track,
             const struct la_step *step)
{
    if (is_heard(explain, LA_EVENT_STATE))
        tell_step(explain, track, step);
}

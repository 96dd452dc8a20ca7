/* SPDX-License-Identifier: MIT
 *
 * settle.c - the connection is over: what did not show any more
 *
 * What passed on its way to an end, and was not contradicted, has arrived; a RST that had to be
 * believed has ended its receiver; an end that gave up is gone. Nothing of this was shown by the
 * end itself, so all of it is inferred, but for an end's own RST.
 */
#include "explain/parts.h"

enum { LAST_WORDS_N_MAX = LA_MARKS_N + 5 * LA_RSTS_N_MAX + 2 };

/* What happened to one end, in order of time. */
struct last_words {
    struct la_step step[LAST_WORDS_N_MAX];
    unsigned n;
};

static int64_t
order_of(const struct la_step *step)
{
    return step->latest_ns != INT64_MAX ? step->latest_ns : step->earliest_ns;
}

/* Of two that are more than a second apart and in the file the other way round, the capture's clock
 * was set back in between: the file tells. */
static bool
is_behind(const struct la_step *step, const struct la_step *other)
{
    int64_t by_ns = order_of(step) - order_of(other);
    return by_ns > 0 && !(by_ns > LA_NS_PER_S && step->frame < other->frame);
}

/* An end's own deed is as late as its segment, what reached it as early as that passed. */
static void
say(struct last_words *words, const struct la_step *step)
{
    unsigned i = words->n++;
    for (; i > 0 && is_behind(&words->step[i - 1], step); i--)
        words->step[i] = words->step[i - 1];
    words->step[i] = *step;
}

static const struct la_rst *
first_own_rst(const struct la_track *track, unsigned end)
{
    for (unsigned i = 0; track->rare != NULL && i < track->rare->rst_n; i++)
        if (track->rare->rst[i].from == end && !la_reset_is_forged(track, &track->rare->rst[i]))
            return &track->rare->rst[i];
    return NULL;
}

/* What passed a moment before the end's own RST had not come to it; nor had an ACK of its FIN,
 * where the RST answers something that had none (RFC 9293 3.10.7.1: SEQ=SEG.ACK). */
static bool
came_too_late(const struct la_track *track, unsigned end, enum la_mark mark)
{
    const struct la_track_end *e = &track->end[end];
    const struct la_rst *own = first_own_rst(track, end);
    if (own == NULL)
        return false;
    bool unseen = (e->marks.unseen >> mark & 1) != 0; /* The RST itself may have shown it. */
    /* What the RST answers had the number behind the FIN: so the ACK of it came. */
    bool shown = mark == LA_MARK_ACK_OF_FIN && (own->flags & LA_TCP_ACK) == 0 &&
                 la_seq_gt(own->seq, e->fin_seq);
    return (!unseen && !shown && !la_marks_can_show(e, e->marks.at_ns[mark], own->at_ns)) ||
           (mark == LA_MARK_ACK_OF_FIN && (own->flags & LA_TCP_ACK) == 0 &&
            la_seq_le(own->seq, e->fin_seq));
}

/* A FIN that was not acknowledged, and a SYN, may not have arrived; ACKs ask for no answer. */
static void
say_marks(const struct la_track *track, unsigned end, struct last_words *words)
{
    static const struct {
        enum la_mark mark;
        enum la_tcp_event event;
    } silent[] = {{LA_MARK_ACK_OF_SYN, LA_TCP_EV_ACK_OF_SYN},
                  {LA_MARK_ACK_OF_FIN, LA_TCP_EV_ACK_OF_FIN}};
    const struct la_marks *marks = &track->end[end].marks;
    const struct la_rst *rst = la_reset_decisive(track);
    /* An accept queue that is full takes no ACK of the handshake. */
    bool refused =
        rst != NULL && rst->from == end &&
        (la_reset_cause_of(track, rst) == LA_RESET_BACKLOG || la_reset_may_be_backlog(rst));
    for (unsigned i = 0; i < 2; i++) {
        enum la_mark mark = silent[i].mark;
        int64_t at_ns = marks->at_ns[mark];
        bool unseen = (marks->unseen >> mark & 1) != 0; /* The end's own segment shows it. */
        if ((marks->waiting >> mark & 1) != 0 && !(refused && mark == LA_MARK_ACK_OF_SYN) &&
            !came_too_late(track, end, mark))
            say(words, &(struct la_step){.end = (uint8_t)end,
                                         .event = (uint8_t)silent[i].event,
                                         .certainty = LA_CERTAINTY_INFERRED,
                                         .frame = marks->frame[mark],
                                         .earliest_ns = unseen ? INT64_MAX : at_ns,
                                         .latest_ns = unseen ? at_ns : INT64_MAX});
    }
}

/* Why an end sent its RST, as an event of the figure. COUNT: it had no connection to leave. */
static enum la_tcp_event
event_of_own_rst(const struct la_track *track, const struct la_rst *rst)
{
    const struct la_track_end *e = &track->end[rst->from];
    enum la_reset_cause cause = la_reset_cause_of(track, rst);
    if (cause == LA_RESET_REFUSED || cause == LA_RESET_HALF_OPEN_PEER ||
        (cause == LA_RESET_STRAY && (rst->evidence & LA_RST_AFTER_RST) != 0))
        return LA_TCP_EV_COUNT;
    if (cause == LA_RESET_DATA_AFTER_CLOSE)
        return LA_TCP_EV_RCV_UNACCEPTABLE;
    if (cause == LA_RESET_TIMEOUT)
        return e->repeat == LA_REPEAT_PROBE ? LA_TCP_EV_TIMEOUT_KEEPALIVE : LA_TCP_EV_TIMEOUT_R2;
    return LA_TCP_EV_ABORT;
}

/* A RST that stands behind its sender's FIN was believed because the FIN had come before it (RFC
 * 5961 3.2: at RCV.NXT alone). */
static void
say_fin_before(const struct la_track *track, unsigned end, const struct la_rst *rst,
               struct last_words *words)
{
    const struct la_track_end *sender = &track->end[1 - end];
    const struct la_marks *marks = &track->end[end].marks;
    if ((marks->waiting >> LA_MARK_FIN & 1) == 0 || (sender->flags & LA_END_FIN) == 0 ||
        !la_seq_gt(rst->seq, sender->fin_seq))
        return;
    say(words, &(struct la_step){.end = (uint8_t)end,
                                 .event = LA_TCP_EV_RCV_FIN,
                                 .certainty = LA_CERTAINTY_INFERRED,
                                 .frame = marks->frame[LA_MARK_FIN],
                                 .earliest_ns = marks->at_ns[LA_MARK_FIN],
                                 .latest_ns = INT64_MAX});
}

/* The end's RST acknowledges it. */
static void
say_heard(const struct la_track *track, unsigned end, enum la_mark mark, const struct la_rst *rst,
          struct last_words *words)
{
    const struct la_marks *marks = &track->end[end].marks;
    if ((marks->waiting >> mark & 1) == 0)
        return;
    say(words,
        &(struct la_step){.end = (uint8_t)end,
                          .event = mark == LA_MARK_FIN ? LA_TCP_EV_RCV_FIN : LA_TCP_EV_RCV_SYN_ACK,
                          .certainty = LA_CERTAINTY_SEEN,
                          .frame = marks->frame[mark],
                          .earliest_ns = marks->at_ns[mark],
                          .latest_ns = rst->at_ns});
}

/* A connection that it gives up, it had: a RST that passed towards it before had not come. */
static bool
gives_up_later(const struct la_track *track, unsigned end, const struct la_rst *other)
{
    for (unsigned i = 0; i < track->rare->rst_n; i++) {
        const struct la_rst *rst = &track->rare->rst[i];
        if (rst->from == end && rst->at_ns >= other->at_ns && (rst->flags & LA_TCP_ACK) != 0 &&
            (rst->evidence & LA_RST_ANSWERS) == 0 && rst->place == LA_TCP_RST_EXACT &&
            !la_reset_is_forged(track, rst))
            return true;
    }
    return false;
}

static void
say_rsts(const struct la_track *track, unsigned end, struct last_words *words)
{
    if (track->rare == NULL)
        return;
    const struct la_rst *decisive = la_reset_decisive(track);
    for (unsigned i = 0; i < track->rare->rst_n; i++) {
        const struct la_rst *rst = &track->rare->rst[i];
        struct la_step step = {.end = (uint8_t)end,
                               .event = LA_TCP_EV_RCV_RST,
                               .certainty = LA_CERTAINTY_INFERRED,
                               .frame = rst->frame,
                               .earliest_ns = rst->at_ns,
                               .latest_ns = INT64_MAX};
        if (rst->from != end && rst->place == LA_TCP_RST_EXACT) {
            /* Where nothing had come back, this may not have got there either. */
            if ((rst->evidence & LA_RST_DUE) != 0 || gives_up_later(track, end, rst))
                continue;
            say_fin_before(track, end, rst, words);
            say(words, &step);
        } else if (rst->from == end && !la_reset_is_forged(track, rst) &&
                   (rst == decisive || la_reset_is_own(track, rst))) {
            step.event = (uint8_t)event_of_own_rst(track, rst);
            step.certainty = LA_CERTAINTY_SEEN;
            step.earliest_ns = rst->after_ns;
            step.latest_ns = rst->at_ns;
            if ((rst->evidence & LA_RST_ACKS_SYN) != 0)
                say_heard(track, end, LA_MARK_SYN_ACK, rst, words);
            if ((rst->evidence & LA_RST_ACKS_FIN) != 0)
                say_heard(track, end, LA_MARK_FIN, rst, words);
            if (step.event != LA_TCP_EV_COUNT)
                say(words, &step);
        }
    }
}

/* Nothing of what it repeated was answered, and it stopped. */
static void
say_gave_up(const struct la_explain *explain, const struct la_track *track, unsigned end,
            struct last_words *words)
{
    const struct la_track_end *e = &track->end[end];
    const struct la_rst *rst = la_reset_decisive(track);
    if (!la_patience_gave_up(e, rst != NULL ? rst->at_ns : explain->now_ns))
        return;
    bool probe = e->repeat == LA_REPEAT_PROBE;
    say(words, &(struct la_step){
                   .end = (uint8_t)end,
                   .event = (uint8_t)(probe ? LA_TCP_EV_TIMEOUT_KEEPALIVE : LA_TCP_EV_TIMEOUT_R2),
                   .certainty = LA_CERTAINTY_INFERRED,
                   .frame = la_track_frame(track, track->last_frame),
                   .earliest_ns = e->repeat_at_ns,
                   /* Elsewhere the next one may have been lost before the tap. */
                   .latest_ns = la_marks_is_near(e) ? la_patience_due_ns(e) : INT64_MAX});
}

/* RFC 9293 3.9.2.2: an end in SYN-SENT gives up on an ICMP error. It did if it repeated nothing
 * after it. */
static void
say_icmp(const struct la_track *track, unsigned end, struct last_words *words)
{
    const struct la_track_rare *rare = track->rare;
    if (rare == NULL || !rare->has_icmp || rare->icmp_about != end || track->complete ||
        track->end[end].last_at_ns > rare->icmp_at_ns)
        return;
    say(words, &(struct la_step){.end = (uint8_t)end,
                                 .event = LA_TCP_EV_ICMP_HARD_ERROR,
                                 .certainty = LA_CERTAINTY_INFERRED,
                                 .frame = la_track_frame(track, rare->icmp_frame),
                                 .earliest_ns = rare->icmp_at_ns,
                                 .latest_ns = INT64_MAX});
}

/* What was taken to be lost may have come all the same, while that which repeats was under way. */
static bool
may_have_come_before(const struct la_track *track, const struct la_step *step)
{
    uint8_t again = track->end[step->end].marks.again;
    return (step->event == LA_TCP_EV_ACK_OF_SYN && (again >> LA_MARK_ACK_OF_SYN & 1) != 0) ||
           (step->event == LA_TCP_EV_ACK_OF_FIN && (again >> LA_MARK_ACK_OF_FIN & 1) != 0);
}

/* In which state it gave up: whether the connection had been given to a program, and whether a FIN
 * that was not captured had come. A FIN by itself is one number; with text, it is less likely. */
static void
doubt_own_end(struct la_explain *explain, struct la_track *track, unsigned end)
{
    const struct la_track_end *e = &track->end[end], *peer = &track->end[1 - end];
    const struct la_rst *rst = la_reset_decisive(track);
    if (rst == NULL || rst->from != end || e->proven != LA_TCP_STATE_BIT(LA_TCP_CLOSED))
        return;
    if (la_reset_may_be_backlog(rst) && (la_reset_cause_of(track, rst) != LA_RESET_BACKLOG ||
                                         la_reset_answers_one_of_many(track, rst)))
        la_steps_doubt_end(explain, track, end, LA_TCP_STATE_BIT(LA_TCP_ESTABLISHED));
    else if ((e->flags & LA_END_FIN) == 0 && la_closing_may_have_heard(track, end) &&
             la_seq_diff(peer->missing_to, peer->missing_from) == 1)
        la_steps_doubt_end(explain, track, end, LA_TCP_STATE_BIT(LA_TCP_CLOSE_WAIT));
}

/* What its RST answers had not acknowledged its FIN (RFC 9293 3.10.7.1: SEQ=SEG.ACK), so that what
 * was taken to have come until then had not. */
static void
take_back(struct la_track *track, unsigned end)
{
    struct la_track_end *e = &track->end[end];
    const struct la_rst *own = first_own_rst(track, end);
    if (own != NULL && (own->flags & LA_TCP_ACK) == 0 && la_seq_le(own->seq, e->fin_seq) &&
        e->proven == LA_TCP_STATE_BIT(LA_TCP_FIN_WAIT_2) &&
        la_steps_take_back(track, end, LA_TCP_EV_ACK_OF_FIN))
        e->proven = LA_TCP_STATE_BIT(LA_TCP_FIN_WAIT_1);
}

void
la_settle(struct la_explain *explain, struct la_track *track)
{
    for (unsigned end = 0; track->rare != NULL && end < 2; end++)
        take_back(track, end);
    for (unsigned end = 0; end < 2; end++) {
        if (la_closing_is_doubtful(track, end))
            la_steps_doubt_close(explain, track, end);
        struct last_words words;
        words.n = 0; /* The steps behind it are many, and few are said. */
        say_marks(track, end, &words);
        say_rsts(track, end, &words);
        say_gave_up(explain, track, end, &words);
        say_icmp(track, end, &words);
        for (unsigned i = 0; i < words.n; i++) {
            if (may_have_come_before(track, &words.step[i]))
                words.step[i].earliest_ns = INT64_MAX;
            la_states_step(explain, track, &words.step[i]);
        }
        if (track->rare != NULL)
            doubt_own_end(explain, track, end);
    }
}

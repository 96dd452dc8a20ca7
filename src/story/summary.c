/* SPDX-License-Identifier: MIT
 *
 * summary.c - a connection's life in a few lines
 */
#include "story/draw.h"
#include "story/outcome.h"

enum { LABEL_COL = 3, TEXT_COL = 13 };

/* "   opened    by client: handshake, 40.0 ms", wrapped under its text. */
static void
write_field(const struct la_story *st, const char *label, const char *words)
{
    struct text line = text_empty();
    const char *rest = words;
    bool first = true;
    while (*rest != 0) {
        struct canvas canvas;
        la_canvas_clear(&canvas, st->cfg.width);
        rest = la_text_wrap(rest, st->cfg.width - TEXT_COL, &line);
        if (first)
            la_canvas_put(&canvas, LABEL_COL, STYLE_DIM, label);
        la_canvas_put(&canvas, TEXT_COL, STYLE_PLAIN, line.p);
        la_ladder_write(st, &canvas);
        first = false;
    }
}

static void
write_title(const struct la_story *st, const struct conn *conn)
{
    struct canvas canvas;
    struct text tag = text_empty(), words = text_empty(), line = text_empty();
    la_canvas_clear(&canvas, st->cfg.width);
    la_text_add(&tag, "#%u", conn->number);
    la_text_endpoint(&words, &conn->endpoint[LEFT]);
    la_text_add(&words, " %s ", st->to);
    la_text_endpoint(&words, &conn->endpoint[RIGHT]);
    la_text_add(&words, ", ");
    la_text_duration(&words, la_story_ns_between(conn->last_at, conn->first_at));
    uint32_t col = la_canvas_put(&canvas, 0, la_ladder_tag_style(conn), tag.p);
    for (const char *rest = words.p; *rest != 0; col = LABEL_COL - 1) {
        rest = la_text_wrap(rest, st->cfg.width - col - 1, &line);
        la_canvas_put(&canvas, col + 1, STYLE_STRONG, line.p);
        la_ladder_write(st, &canvas);
        la_canvas_clear(&canvas, st->cfg.width);
    }
}

static void
field_opened(const struct la_story *st, const struct conn *conn, const struct outcome *outcome)
{
    struct text text = text_empty();
    unsigned by = outcome->open_by == RIGHT ? RIGHT : LEFT;
    const char *opener = st->name[by].p, *peer = st->name[by ^ 1].p;
    switch ((enum open_how)outcome->open_how) {
    case OPEN_NOT_SEEN:
        la_text_add(&text, "before the first event seen here");
        break;
    case OPEN_HANDSHAKE:
        la_text_add(&text, "by %s: handshake", opener);
        break;
    case OPEN_SIMULTANEOUS:
        la_text_add(&text, "by both at once: simultaneous open");
        break;
    case OPEN_REFUSED:
        la_text_add(&text, "not at all: %s asked, %s refused", opener, peer);
        break;
    case OPEN_TIMED_OUT:
        la_text_add(&text, "not at all: %s gave up, there was no answer", opener);
        break;
    case OPEN_FAILED:
        la_text_add(&text, "not at all: %s",
                    conn->end[by].told
                        ? la_strerror(conn->end[by].err)
                        : la_tcp_event_text((enum la_tcp_event)conn->end[by].last_event));
        break;
    case OPEN_PENDING:
        la_text_add(&text, "not yet: %s waits for an answer", opener);
        break;
    case OPEN_HOW_COUNT:
        break;
    }
    if (outcome->open_ns >= 0) {
        la_text_add(&text, ", ");
        la_text_duration(&text, outcome->open_ns);
    }
    write_field(st, "opened", text.p);
}

static void
add_reset(const struct conn_end *end, struct text *text)
{
    if (end->rst_sent && end->rst_cause == LA_CAUSE_RST_REFUSED)
        la_text_add(text, ", it knew no such connection");
    else if (end->rst_sent && end->rst_cause == LA_CAUSE_RST_TIMEOUT)
        la_text_add(text, ", it gave up");
    else if (end->abort_called)
        la_text_add(text, ", ABORT by its user");
    else if (end->close_called)
        la_text_add(text, ", closed with data unread or SO_LINGER 0");
    else if (end->rst_cause == LA_CAUSE_RST_ABORT || end->last_event == LA_TCP_EV_ABORT)
        la_text_add(text, ", aborted, or closed with unread data");
}

static void
field_closed(const struct la_story *st, const struct conn *conn, const struct outcome *outcome)
{
    struct text text = text_empty();
    unsigned by = outcome->close_by == RIGHT ? RIGHT : LEFT;
    const char *closer = st->name[by].p, *peer = st->name[by ^ 1].p;
    switch ((enum close_how)outcome->close_how) {
    case CLOSE_NONE:
    case CLOSE_HOW_COUNT:
        return;
    case CLOSE_FOUR_SEGMENTS:
        la_text_add(&text, "by %s: four segments", closer);
        break;
    case CLOSE_THREE_SEGMENTS:
        la_text_add(&text, "by %s: three segments, ACK and FIN of %s in one", closer, peer);
        break;
    case CLOSE_SIMULTANEOUS:
        la_text_add(&text, "by both at once: simultaneous close");
        break;
    case CLOSE_RESET:
        la_text_add(&text, "by %s: reset", closer);
        add_reset(&conn->end[by], &text);
        break;
    case CLOSE_TIMED_OUT:
        la_text_add(&text, "by %s: gave up, there was no answer", closer);
        break;
    case CLOSE_HALF:
        la_text_add(&text, "half: %s has sent its FIN, %s has not", closer, peer);
        break;
    case CLOSE_STILL_OPEN:
        la_text_add(&text, "not yet");
        break;
    }
    if (outcome->half_closed_ns > 0) {
        la_text_add(&text, "; half-closed for ");
        la_text_duration(&text, outcome->half_closed_ns);
    }
    if (outcome->reset_after_close)
        la_text_add(&text, "; a RST was sent");
    write_field(st, "closed", text.p);
}

static void
field_carried(const struct la_story *st, const struct conn *conn)
{
    struct text text = text_empty();
    for (unsigned side = LEFT; side <= RIGHT; side++) {
        const struct conn_end *end = &conn->end[side];
        la_text_add(&text, "%s%s ", side == LEFT ? "" : ", ", side == LEFT ? st->to : st->from);
        la_text_counted(&text, end->octets, "octet");
        la_text_add(&text, " in ");
        la_text_counted(&text, end->segments_n, "segment");
    }
    write_field(st, "carried", text.p);
}

static void
list_number(struct text *text, uint64_t n, const char *what)
{
    if (n == 0)
        return;
    la_text_comma(text);
    la_text_count(text, n);
    la_text_add(text, " %s", what);
}

/* "2 after timeout, 1 fast" */
static void
list_kinds(struct text *text, const struct conn_end *end)
{
    static const struct {
        uint8_t cause;
        const char *what;
    } kinds[] = {
        {LA_CAUSE_RETRANSMIT_RTO, "after timeout"},
        {LA_CAUSE_RETRANSMIT_FAST, "fast"},
        {LA_CAUSE_RETRANSMIT_PARTIAL, "on partial ACK"},
        {LA_CAUSE_RETRANSMIT_SACK, "by SACK"},
        {LA_CAUSE_RETRANSMIT_RACK, "by RACK"},
        {LA_CAUSE_RETRANSMIT_SYN_TEXT, "of the SYN's text"},
        {LA_CAUSE_RETRANSMIT_MTU, "for the path's MTU"},
        {LA_CAUSE_TAIL_PROBE, "tail probe"},
        {LA_CAUSE_OPEN, "while opening"},
        {LA_CAUSE_FIN, "of the FIN"},
    };
    uint64_t rest = la_story_conn_retransmits_n(end);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        list_number(text, end->retransmits_n[kinds[i].cause], kinds[i].what);
        rest -= end->retransmits_n[kinds[i].cause];
    }
    list_number(text, rest, "for other reasons");
}

/* What went wrong with what one end sent. */
static void
add_trouble(const struct la_story *st, struct text *text, const struct conn *conn, unsigned side)
{
    const struct conn_end *end = &conn->end[side];
    struct text wire = text_empty(), again = text_empty();
    list_number(&wire, end->lost_n, "lost on the wire");
    list_number(&wire, end->queue_dropped_n, "dropped by a full queue");
    list_number(&wire, end->corrupted_n, "damaged");
    list_number(&wire, end->duplicated_n, "doubled");
    list_number(&wire, end->reordered_n, "held back");
    list_number(&wire, end->marked_n, "marked");
    list_kinds(&again, end);
    if (wire.n == 0 && again.n == 0)
        return;
    la_text_add(text, "%s%s ", text->n != 0 ? "; " : "", side == LEFT ? st->to : st->from);
    if (wire.n != 0)
        la_text_add(text, "%s", wire.p);
    if (again.n != 0)
        la_text_add(text, "%ssent again: %s", wire.n != 0 ? ", " : "", again.p);
}

static void
field_trouble(const struct la_story *st, const struct conn *conn)
{
    struct text text = text_empty();
    for (unsigned side = LEFT; side <= RIGHT; side++)
        add_trouble(st, &text, conn, side);
    if (text.n == 0)
        la_text_add(&text, "nothing lost, nothing sent twice");
    write_field(st, "trouble", text.p);
}

static void
field_rtt(const struct la_story *st, const struct conn *conn)
{
    struct text text = text_empty();
    for (unsigned side = LEFT; side <= RIGHT; side++) {
        const struct conn_end *end = &conn->end[side];
        if (end->rtt_n == 0)
            continue;
        /* One unit for all three, so that they compare at a glance. */
        bool ms = end->rtt_us_max >= 1000;
        double unit = ms ? 1e3 : 1;
        int decimals = end->rtt_us_max >= 100000 || !ms ? 0 : end->rtt_us_max >= 10000 ? 1 : 2;
        la_text_list(&text, "%s %.*f / %.*f / %.*f %s", st->name[side].p, decimals,
                     end->rtt_us_min / unit, decimals, end->srtt_us / unit, decimals,
                     end->rtt_us_max / unit, ms ? "ms" : "µs");
    }
    if (text.n == 0)
        return;
    la_text_add(&text, " (min / smoothed / max)");
    write_field(st, "RTT", text.p);
}

static void
field_agreed(const struct la_story *st, const struct conn *conn)
{
    struct text text = text_empty();
    la_words_agreed(st, &text, conn);
    if (text.n != 0)
        write_field(st, "agreed", text.p);
}

static void
field_noticed(const struct la_story *st, const struct conn *conn)
{
    const char *noticed =
        st->cfg.noticed == NULL ? NULL : st->cfg.noticed(st->cfg.noticed_ctx, conn->number);
    if (noticed != NULL)
        write_field(st, "noticed", noticed);
}

static void
field_states(const struct la_story *st, const struct conn *conn)
{
    struct text text = text_empty();
    for (unsigned side = LEFT; side <= RIGHT; side++) {
        const struct conn_end *end = &conn->end[side];
        if (end->state != 0)
            la_text_list(&text, "%s %s", st->name[side].p, story_state_name(st, end->state));
        if (end->told)
            la_text_add(&text, " (%s)", la_strerror(end->err));
    }
    if (text.n != 0)
        write_field(st, "now", text.p);
}

void
la_story_summary_conn(struct la_story *st, struct conn *conn)
{
    la_fold_end(st, conn);
    if (conn->announced)
        st->alive_n--;
    conn->summed_up = true;
    la_story_json_conn(st, conn);
    if (st->cfg.ladder.write == NULL || story_has(st, LA_STORY_NO_SUMMARY))
        return;
    la_ladder_close(st);
    struct outcome outcome;
    la_outcome_of(conn, &outcome);
    write_title(st, conn);
    field_opened(st, conn, &outcome);
    field_closed(st, conn, &outcome);
    field_carried(st, conn);
    field_trouble(st, conn);
    field_rtt(st, conn);
    field_agreed(st, conn);
    field_noticed(st, conn);
    field_states(st, conn);
}

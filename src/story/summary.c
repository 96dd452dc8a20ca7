/* SPDX-License-Identifier: MIT
 *
 * summary.c - a connection's life in a few lines
 */
#include "story/story.h"

enum { LABEL_COL = 3, TEXT_COL = 13 };

/* "   opened    by client: handshake, 40.0 ms", wrapped under its text. */
static void
write_field(const struct la_story *st, const char *label, const struct text *words)
{
    struct text line = text_empty();
    const char *rest = words->p;
    bool first = true;
    while (*rest != 0) {
        struct canvas canvas;
        canvas_clear(&canvas, st->cfg.width);
        rest = wrap_take(rest, st->cfg.width - TEXT_COL, &line);
        if (first)
            canvas_put(&canvas, LABEL_COL, STYLE_DIM, label);
        canvas_put(&canvas, TEXT_COL, STYLE_PLAIN, line.p);
        ladder_write(st, &canvas);
        first = false;
    }
}

static void
write_title(const struct la_story *st, const struct conn *conn)
{
    struct canvas canvas;
    struct text tag = text_empty(), words = text_empty(), line = text_empty();
    canvas_clear(&canvas, st->cfg.width);
    ladder_tag(conn, &tag);
    text_endpoint(&words, &conn->endpoint[LEFT]);
    text_add(&words, " %s ", st->to);
    text_endpoint(&words, &conn->endpoint[RIGHT]);
    text_add(&words, ", ");
    text_duration(&words, ns_between(conn->last_at, conn->first_at));
    uint32_t col = canvas_put(&canvas, 0, ladder_tag_style(conn), tag.p);
    for (const char *rest = words.p; *rest != 0; col = LABEL_COL - 1) {
        rest = wrap_take(rest, st->cfg.width - col - 1, &line);
        canvas_put(&canvas, col + 1, STYLE_STRONG, line.p);
        ladder_write(st, &canvas);
        canvas_clear(&canvas, st->cfg.width);
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
        text_add(&text, "before the first event seen here");
        break;
    case OPEN_HANDSHAKE:
        text_add(&text, "by %s: handshake", opener);
        break;
    case OPEN_SIMULTANEOUS:
        text_add(&text, "by both at once: simultaneous open");
        break;
    case OPEN_REFUSED:
        text_add(&text, "not at all: %s asked, %s refused", opener, peer);
        break;
    case OPEN_TIMED_OUT:
        text_add(&text, "not at all: %s gave up, there was no answer", opener);
        break;
    case OPEN_FAILED:
        text_add(&text, "not at all: %s",
                 conn->end[by].told ? la_strerror(conn->end[by].err)
                                    : la_tcp_event_text((enum la_tcp_event)conn->end[by].last_event));
        break;
    case OPEN_PENDING:
        text_add(&text, "not yet: %s waits for an answer", opener);
        break;
    case OPEN_HOW_COUNT:
        break;
    }
    if (outcome->open_ns >= 0) {
        text_add(&text, ", ");
        text_duration(&text, outcome->open_ns);
    }
    write_field(st, "opened", &text);
}

static void
add_reset(const struct conn_end *end, struct text *text)
{
    if (end->rst_sent && end->rst_cause == LA_CAUSE_RST_REFUSED)
        text_add(text, ", it knew no such connection");
    else if (end->rst_sent && end->rst_cause == LA_CAUSE_RST_TIMEOUT)
        text_add(text, ", it gave up");
    else if (end->last_event == LA_TCP_EV_ABORT && end->was_closed)
        text_add(text, ", ABORT by its user");
    else if (end->rst_sent && end->rst_cause == LA_CAUSE_RST_ABORT)
        text_add(text, ", closed with unread data");
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
        text_add(&text, "by %s: four segments", closer);
        break;
    case CLOSE_THREE_SEGMENTS:
        text_add(&text, "by %s: three segments, ACK and FIN of %s in one", closer, peer);
        break;
    case CLOSE_SIMULTANEOUS:
        text_add(&text, "by both at once: simultaneous close");
        break;
    case CLOSE_RESET:
        text_add(&text, "by %s: reset", closer);
        add_reset(&conn->end[by], &text);
        break;
    case CLOSE_TIMED_OUT:
        text_add(&text, "by %s: gave up, there was no answer", closer);
        break;
    case CLOSE_HALF:
        text_add(&text, "half: %s has sent its FIN, %s has not", closer, peer);
        break;
    case CLOSE_STILL_OPEN:
        text_add(&text, "not yet");
        break;
    }
    if (outcome->half_closed_ns > 0) {
        text_add(&text, "; half-closed for ");
        text_duration(&text, outcome->half_closed_ns);
    }
    if (outcome->reset_after_close)
        text_add(&text, "; a RST was sent");
    write_field(st, "closed", &text);
}

static void
field_carried(const struct la_story *st, const struct conn *conn)
{
    struct text text = text_empty();
    for (unsigned side = LEFT; side <= RIGHT; side++) {
        const struct conn_end *end = &conn->end[side];
        text_add(&text, "%s%s ", side == LEFT ? "" : ", ", side == LEFT ? st->to : st->from);
        text_counted(&text, end->octets, "octet");
        text_add(&text, " in ");
        text_counted(&text, end->segments_n, "segment");
    }
    write_field(st, "carried", &text);
}

static void
list_number(struct text *text, uint64_t n, const char *what)
{
    if (n == 0)
        return;
    text_comma(text);
    text_count(text, n);
    text_add(text, " %s", what);
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
        {LA_CAUSE_TAIL_PROBE, "tail probe"},
        {LA_CAUSE_OPEN, "while opening"},
        {LA_CAUSE_FIN, "of the FIN"},
    };
    uint64_t rest = conn_retransmits_n(end);
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
    list_kinds(&again, end);
    if (wire.n == 0 && again.n == 0)
        return;
    text_add(text, "%s%s ", text->n != 0 ? "; " : "", side == LEFT ? st->to : st->from);
    if (wire.n != 0)
        text_add(text, "%s", wire.p);
    if (again.n != 0)
        text_add(text, "%ssent again: %s", wire.n != 0 ? ", " : "", again.p);
}

static void
field_trouble(const struct la_story *st, const struct conn *conn)
{
    struct text text = text_empty();
    for (unsigned side = LEFT; side <= RIGHT; side++)
        add_trouble(st, &text, conn, side);
    if (text.n == 0)
        text_add(&text, "nothing lost, nothing sent twice");
    write_field(st, "trouble", &text);
}

static void
field_path(const struct la_story *st, const struct conn *conn)
{
    struct text text = text_empty();
    for (unsigned side = LEFT; side <= RIGHT; side++) {
        const struct conn_end *end = &conn->end[side];
        if (end->rtt_n == 0)
            continue;
        text_list(&text, "RTT at %s ", st->name[side].p);
        text_duration(&text, (int64_t)end->rtt_us_min * 1000);
        text_add(&text, " (smoothed ");
        text_duration(&text, (int64_t)end->srtt_us * 1000);
        text_add(&text, ", at most ");
        text_duration(&text, (int64_t)end->rtt_us_max * 1000);
        text_add(&text, ")");
    }
    if (text.n != 0)
        write_field(st, "path", &text);
    text = text_empty();
    words_agreed(st, &text, conn);
    if (text.n != 0)
        write_field(st, "agreed", &text);
}

static void
field_states(const struct la_story *st, const struct conn *conn)
{
    struct text text = text_empty();
    for (unsigned side = LEFT; side <= RIGHT; side++) {
        const struct conn_end *end = &conn->end[side];
        if (end->state != 0)
            text_list(&text, "%s %s", st->name[side].p, story_state_name(st, end->state));
        if (end->told)
            text_add(&text, " (%s)", la_strerror(end->err));
    }
    if (text.n != 0)
        write_field(st, "now", &text);
}

void
summary_conn(struct la_story *st, struct conn *conn)
{
    fold_end(st, conn);
    if (conn->announced)
        st->alive_n--;
    conn->summed_up = true;
    json_conn(st, conn);
    if (st->cfg.ladder.write == NULL || story_has(st, LA_STORY_NO_SUMMARY))
        return;
    ladder_close(st);
    struct outcome outcome;
    outcome_of(conn, &outcome);
    write_title(st, conn);
    field_opened(st, conn, &outcome);
    field_closed(st, conn, &outcome);
    field_carried(st, conn);
    field_trouble(st, conn);
    field_path(st, conn);
    field_states(st, conn);
}

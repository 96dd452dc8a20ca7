/* SPDX-License-Identifier: MIT
 *
 * label.c - what stands in an arrow: flags, numbers, options
 *
 * Pieces are made in the order in which they are read. What must be said and does not fit goes
 * to a second line; the rest is left out.
 */
#include "story/story.h"

/* Below this many columns, lengths are written "seq 1+1460". */
enum { SPACIOUS_COLUMNS = 44 };

/* What may be left out, the first to stay first. */
enum rank { RANK_MUST, RANK_ACK, RANK_WINDOW, RANK_OPTION, RANK_SEQ_OF_NOTHING, RANK_COUNT };

static struct label_piece *
piece_new(struct label *label, enum rank rank)
{
    /* The last piece takes what would be too many. */
    size_t i = label->n < LABEL_PIECES_N_MAX ? label->n++ : LABEL_PIECES_N_MAX - 1;
    label->piece[i] = (struct label_piece){.rank = (uint8_t)rank, .style = STYLE_PLAIN};
    return &label->piece[i];
}

static void
piece_flags(struct label *label, const struct row *row)
{
    static const struct {
        uint8_t bit;
        const char *name;
    } names[] = {
        {LA_TCP_SYN, "SYN"}, {LA_TCP_FIN, "FIN"}, {LA_TCP_RST, "RST"}, {LA_TCP_PSH, "PSH"},
        {LA_TCP_URG, "URG"}, {LA_TCP_ACK, "ACK"}, {LA_TCP_ECE, "ECE"}, {LA_TCP_CWR, "CWR"},
    };
    struct label_piece *piece = piece_new(label, RANK_MUST);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if ((row->segment.flags & names[i].bit) != 0)
            text_add(&piece->text, piece->text.n == 0 ? "%s" : ",%s", names[i].name);
    if (piece->text.n == 0)
        text_add(&piece->text, "no flags");
    if ((row->segment.flags & LA_TCP_RST) != 0)
        piece->style = STYLE_BAD;
    else if ((row->segment.flags & (LA_TCP_SYN | LA_TCP_FIN)) != 0)
        piece->style = STYLE_STRONG;
}

static void
piece_sequence(const struct la_story *st, struct label *label, const struct row *row, bool spacious)
{
    const struct la_event_segment *s = &row->segment;
    bool counts = s->len != 0 || (s->flags & (LA_TCP_SYN | LA_TCP_FIN | LA_TCP_RST)) != 0;
    struct label_piece *piece = piece_new(label, counts ? RANK_MUST : RANK_SEQ_OF_NOTHING);
    long long seq = story_has(st, LA_STORY_ABSOLUTE) ? (long long)s->seq : row->seq_rel;
    text_add(&piece->text, st->layout.terse && s->len != 0 ? "%lld" : "seq %lld", seq);
    if (s->len != 0)
        text_add(&piece->text, spacious ? " len %u" : "+%u", s->len);
}

static void
piece_ack(const struct la_story *st, struct label *label, const struct row *row)
{
    const struct la_event_segment *s = &row->segment;
    if ((s->flags & LA_TCP_ACK) == 0)
        return;
    bool pure = s->len == 0 && (s->flags & (LA_TCP_FIN | LA_TCP_RST)) == 0;
    long long ack = story_has(st, LA_STORY_ABSOLUTE) ? (long long)s->ack : row->ack_rel;
    text_add(&piece_new(label, pure ? RANK_MUST : RANK_ACK)->text, "ack %lld", ack);
}

static void
pieces_syn_options(struct label *label, const struct la_event_segment *s)
{
    if ((s->has & LA_SEG_HAS_MSS) != 0)
        text_add(&piece_new(label, RANK_MUST)->text, "mss %u", s->mss);
    if (s->wscale != 255)
        text_add(&piece_new(label, RANK_MUST)->text, "ws %u", s->wscale);
    if ((s->has & LA_SEG_HAS_SACK_PERMITTED) != 0)
        text_add(&piece_new(label, RANK_MUST)->text, "sack");
    if ((s->has & LA_SEG_HAS_TS) != 0)
        text_add(&piece_new(label, RANK_MUST)->text, "ts");
}

static void
piece_sack(const struct la_story *st, struct label *label, const struct row *row)
{
    const struct la_event_segment *s = &row->segment;
    /* Blocks name what the other end sent. */
    bool relative = !story_has(st, LA_STORY_ABSOLUTE) && row->conn != NULL &&
                    row->conn->end[row->from ^ 1].base_known;
    for (size_t i = 0; i < s->sack_n; i++) {
        bool twice = i == 0 && (s->has & LA_SEG_HAS_DSACK) != 0;
        struct label_piece *piece = piece_new(label, RANK_MUST);
        long long left = s->sack[i].left, right = s->sack[i].right;
        if (relative) {
            left = conn_relative(row->conn, row->from ^ 1, s->sack[i].left);
            right = conn_relative(row->conn, row->from ^ 1, s->sack[i].right);
        }
        text_add(&piece->text, twice ? "dsack %lld-%lld" : "sack %lld-%lld", left, right);
        piece->style = STYLE_STRONG;
    }
}

static void
pieces_rest(const struct la_story *st, struct label *label, const struct row *row)
{
    const struct la_event_segment *s = &row->segment;
    bool syn = (s->flags & LA_TCP_SYN) != 0;
    if ((s->flags & LA_TCP_RST) == 0) {
        struct label_piece *piece = piece_new(label, s->window == 0 ? RANK_MUST : RANK_WINDOW);
        text_add(&piece->text, "win %u", s->window);
        piece->style = s->window == 0 ? STYLE_BAD : STYLE_PLAIN;
    }
    if ((s->flags & LA_TCP_URG) != 0)
        text_add(&piece_new(label, RANK_MUST)->text, "urg %u", s->urgent);
    if (syn)
        pieces_syn_options(label, s);
    piece_sack(st, label, row);
    if (!syn && (s->has & LA_SEG_HAS_TS) != 0 && story_has(st, LA_STORY_FULL))
        text_add(&piece_new(label, RANK_OPTION)->text, "ts %u/%u", s->ts_val, s->ts_ecr);
    if ((s->has & LA_SEG_HAS_UNKNOWN) != 0)
        text_add(&piece_new(label, syn ? RANK_MUST : RANK_OPTION)->text, "+ unknown option");
}

static bool
choose(struct label *label, struct label_piece *piece, uint32_t columns)
{
    uint32_t n = (uint32_t)text_columns(piece->text.p) + (label->columns != 0);
    piece->chosen = label->columns + n <= columns;
    if (piece->chosen)
        label->columns += n;
    return piece->chosen;
}

void
label_make(const struct la_story *st, struct label *label, const struct row *row, uint32_t columns)
{
    label->n = 0;
    label->columns = 0;
    label->overflow = false;
    piece_flags(label, row);
    piece_sequence(st, label, row, columns >= SPACIOUS_COLUMNS);
    piece_ack(st, label, row);
    pieces_rest(st, label, row);
    uint32_t must_columns = columns;
    for (unsigned rank = RANK_MUST; rank < RANK_COUNT; rank++)
        for (size_t i = 0; i < label->n; i++) {
            struct label_piece *piece = &label->piece[i];
            if (piece->rank != rank)
                continue;
            if (rank != RANK_MUST) {
                choose(label, piece, columns);
            } else if (!choose(label, piece, must_columns)) {
                label->overflow = true;
                /* Options stay together: what follows goes to the second line, too. */
                must_columns = 0;
            }
        }
}

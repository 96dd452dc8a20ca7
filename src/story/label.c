/* SPDX-License-Identifier: MIT
 *
 * label.c - what stands in an arrow: flags, numbers, options
 *
 * Pieces are made in the order in which they are read. What must be said and does not fit goes
 * to a second line; the rest is left out.
 */
#include "story/draw.h"

#include "wire/tcp.h"

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
        uint16_t bit;
        const char *name;
    } names[] = {
        {LA_TCP_SYN, "SYN"}, {LA_TCP_FIN, "FIN"}, {LA_TCP_RST, "RST"},
        {LA_TCP_PSH, "PSH"}, {LA_TCP_URG, "URG"}, {LA_TCP_ACK, "ACK"},
        {LA_TCP_ECE, "ECE"}, {LA_TCP_CWR, "CWR"}, {LA_TCP_AE, "AE"},
    };
    struct label_piece *piece = piece_new(label, RANK_MUST);
    unsigned flags = row->segment.flags & (row->counts ? ~(unsigned)LA_TCP_ACE_MASK : ~0u);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if ((flags & names[i].bit) != 0)
            la_text_add(&piece->text, piece->text.n == 0 ? "%s" : ",%s", names[i].name);
    if (piece->text.n == 0)
        la_text_add(&piece->text, "no flags");
    if (row->counts)
        la_text_add(&piece->text, " ace %u", la_tcp_ace(row->segment.flags));
    if ((row->segment.flags & LA_TCP_RST) != 0)
        piece->style = STYLE_BAD;
    else if ((row->segment.flags & (LA_TCP_SYN | LA_TCP_FIN)) != 0)
        piece->style = STYLE_STRONG;
}

static void
piece_sequence(const struct la_story *st, struct label *label, const struct row *row)
{
    const struct la_event_segment *s = &row->segment;
    bool counts = s->len != 0 || (s->flags & (LA_TCP_SYN | LA_TCP_FIN | LA_TCP_RST)) != 0;
    struct label_piece *piece = piece_new(label, counts ? RANK_MUST : RANK_SEQ_OF_NOTHING);
    long long seq = story_has(st, LA_STORY_ABSOLUTE) ? (long long)s->seq : row->seq_rel;
    la_text_add(&piece->text, st->layout.terse && s->len != 0 ? "%lld" : "seq %lld", seq);
    if (s->len != 0)
        la_text_add(&piece->text, st->layout.spacious ? " len %u" : "+%u", s->len);
}

static void
piece_ack(const struct la_story *st, struct label *label, const struct row *row)
{
    const struct la_event_segment *s = &row->segment;
    if ((s->flags & LA_TCP_ACK) == 0)
        return;
    bool pure = s->len == 0 && (s->flags & (LA_TCP_FIN | LA_TCP_RST)) == 0;
    long long ack = story_has(st, LA_STORY_ABSOLUTE) ? (long long)s->ack : row->ack_rel;
    la_text_add(&piece_new(label, pure ? RANK_MUST : RANK_ACK)->text, "ack %lld", ack);
}

/* Options that matter; they stay together. */
static struct label_piece *
option_new(struct label *label)
{
    struct label_piece *piece = piece_new(label, RANK_MUST);
    piece->option = true;
    return piece;
}

static void
pieces_syn_options(struct label *label, const struct la_event_segment *s)
{
    if ((s->has & LA_SEG_HAS_MSS) != 0)
        la_text_add(&option_new(label)->text, "mss %u", s->mss);
    if (s->wscale != 255)
        la_text_add(&option_new(label)->text, "ws %u", s->wscale);
    if ((s->has & LA_SEG_HAS_SACK_PERMITTED) != 0)
        la_text_add(&option_new(label)->text, "sack");
    if ((s->has & LA_SEG_HAS_TS) != 0)
        la_text_add(&option_new(label)->text, "ts");
    if ((s->has & LA_SEG_HAS_FAST_OPEN) != 0)
        la_text_add(&option_new(label)->text, "fast-open");
}

/* RFC 9768 3.2.3: octets by the mark that they came with. */
static void
pieces_marks(struct label *label, const struct la_event_segment *s)
{
    static const char *const names[2][COUNT_OF(s->marks)] = {{"e0b", "ceb", "e1b"},
                                                             {"e1b", "ceb", "e0b"}};
    if (s->marks_n == 1)
        la_text_add(&option_new(label)->text, "accecn");
    for (unsigned i = 0; i + 1u < s->marks_n && i < COUNT_OF(s->marks); i++)
        la_text_add(&option_new(label)->text, "%s %u", names[s->marks_order != 0][i], s->marks[i]);
}

static void
piece_sack(const struct la_story *st, struct label *label, const struct row *row)
{
    const struct la_event_segment *s = &row->segment;
    /* Blocks name what the other end sent. */
    bool relative = !story_has(st, LA_STORY_ABSOLUTE) && row->conn->end[row->from ^ 1].base_known;
    for (size_t i = 0; i < s->sack_n; i++) {
        bool twice = i == 0 && (s->has & LA_SEG_HAS_DSACK) != 0;
        struct label_piece *piece = option_new(label);
        long long left = s->sack[i].left, right = s->sack[i].right;
        if (relative) {
            left = la_story_conn_relative(row->conn, row->from ^ 1, s->sack[i].left);
            right = la_story_conn_relative(row->conn, row->from ^ 1, s->sack[i].right);
        }
        la_text_add(&piece->text, twice ? "dsack %lld-%lld" : "sack %lld-%lld", left, right);
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
        la_text_add(&piece->text, "win %u", s->window);
        piece->style = s->window == 0 ? STYLE_BAD : STYLE_PLAIN;
    }
    if ((s->flags & LA_TCP_URG) != 0)
        la_text_add(&piece_new(label, RANK_MUST)->text, "urg %u", s->urgent);
    if (syn)
        pieces_syn_options(label, s);
    pieces_marks(label, s);
    piece_sack(st, label, row);
    if (!syn && (s->has & LA_SEG_HAS_TS) != 0 && story_has(st, LA_STORY_FULL))
        la_text_add(&piece_new(label, RANK_OPTION)->text, "ts %u/%u", s->ts_val, s->ts_ecr);
    if ((s->has & LA_SEG_HAS_UNKNOWN) != 0)
        la_text_add(&piece_new(label, syn ? RANK_MUST : RANK_OPTION)->text, "+ unknown option");
}

static uint32_t
piece_columns(const struct label_piece *piece)
{
    return (uint32_t)la_text_columns(piece->text.p) + 1;
}

/* label->columns counts a blank before each piece, also before the first, until the end. */
static void
choose(struct label *label, struct label_piece *piece, uint32_t columns)
{
    piece->chosen = label->columns + piece_columns(piece) <= columns + 1;
    if (piece->chosen)
        label->columns += piece_columns(piece);
}

/* Flags and numbers, then the options if there is room for all of them. */
static void
choose_musts(struct label *label, uint32_t columns)
{
    uint32_t options_columns = 0;
    for (size_t i = 0; i < label->n; i++) {
        struct label_piece *piece = &label->piece[i];
        if (piece->option)
            options_columns += piece_columns(piece);
        else if (piece->rank == RANK_MUST)
            choose(label, piece, columns);
        label->cut = label->cut || (piece->rank == RANK_MUST && !piece->option && !piece->chosen);
    }
    bool fits = !label->cut && label->columns + options_columns <= columns + 1;
    for (size_t i = 0; i < label->n; i++)
        if (label->piece[i].option && fits)
            choose(label, &label->piece[i], columns);
    label->overflow = label->cut || (options_columns != 0 && !fits);
}

void
la_label_make(const struct la_story *st, struct label *label, const struct row *row,
              uint32_t columns)
{
    label->n = 0;
    label->columns = 0;
    label->overflow = label->cut = false;
    piece_flags(label, row);
    piece_sequence(st, label, row);
    piece_ack(st, label, row);
    pieces_rest(st, label, row);
    choose_musts(label, columns);
    for (unsigned rank = RANK_MUST + 1; rank < RANK_COUNT; rank++)
        for (size_t i = 0; i < label->n; i++)
            if (label->piece[i].rank == rank && !label->cut)
                choose(label, &label->piece[i], columns);
    label->columns -= label->columns != 0;
}

/* SPDX-License-Identifier: MIT
 *
 * accecn_option.c - the option of accurate ECN: octets by their marks
 *
 * Read first: RFC 9768 3.2.3 (sections without a number of an RFC are its).
 *
 * Only what changed since the last option must be in one, in the order that takes the least; what
 * has ever changed is, where there is room (3.2.3.3).
 */
#include "tcp/accecn.h"

#include "base/extremes.h"

enum { FIELD_MASK = 0xffffff, FIELD_HALF = 0x800000 };
enum { OPTION_HEAD_BYTES = 2, FIELD_BYTES = 3, BLOCKS_HEAD_BYTES = 4, BLOCK_BYTES = 8 };
/* 3.2.3.3: two SACK blocks come first. */
enum { BLOCKS_FIRST_N = 2 };

enum { CHANGED_E0B = 1, CHANGED_CEB = 2, CHANGED_E1B = 4, CHANGED_ALL = 7 };

/* What of `now` is not as `before` has it. */
static unsigned
changed(const struct la_tcp_marks *now, const struct la_tcp_marks *before)
{
    return (now->e0b != before->e0b ? CHANGED_E0B : 0u) |
           (now->ceb != before->ceb ? CHANGED_CEB : 0u) |
           (now->e1b != before->e1b ? CHANGED_E1B : 0u);
}

/* The shortest option that has those fields; `order`: which, unless that does not matter. */
static struct la_tcp_accecn_option
shape_of(unsigned fields, bool order_1)
{
    struct la_tcp_accecn_option option = {.n = 0};
    bool e0b = (fields & CHANGED_E0B) != 0, e1b = (fields & CHANGED_E1B) != 0;
    option.order = order_1 || (e1b && !e0b);
    bool last = option.order != 0 ? e0b : e1b, first = option.order != 0 ? e1b : e0b;
    option.n = last ? 3 : (fields & CHANGED_CEB) != 0 ? 2 : first;
    return option;
}

static uint32_t
space_of(const struct la_tcp_accecn_option *option)
{
    return (OPTION_HEAD_BYTES + option->n * (uint32_t)FIELD_BYTES + 3) / 4 * 4;
}

static void
put_fields(struct la_tcp_accecn_option *option, const struct la_tcp_marks *r)
{
    option->field[0] = (option->order != 0 ? r->e1b : r->e0b) & FIELD_MASK;
    option->field[1] = r->ceb & FIELD_MASK;
    option->field[2] = (option->order != 0 ? r->e0b : r->e1b) & FIELD_MASK;
    for (unsigned i = option->n; i < LA_TCP_ACCECN_FIELDS; i++)
        option->field[i] = 0;
}

static uint32_t
room_of(const struct la_tcp_seg *seg, unsigned blocks_n)
{
    uint32_t blocks = blocks_n < BLOCKS_FIRST_N ? blocks_n : (uint32_t)BLOCKS_FIRST_N;
    uint32_t taken = (uint32_t)la_tcp_seg_header_bytes(seg) +
                     (blocks > 0 ? BLOCKS_HEAD_BYTES + blocks * BLOCK_BYTES : 0);
    return taken < LA_TCP_HEADER_BYTES_MAX ? LA_TCP_HEADER_BYTES_MAX - taken : 0;
}

/* 3.2.3.3: which fields it should have at best, 0: it need not be there at all. 3.2.3.2.1: the
 * first acknowledgement and the first text have all, to see whether they arrive. */
static unsigned
wanted(const struct la_tcp_accecn *a, const struct la_tcp_seg *seg, unsigned mode)
{
    static const struct la_tcp_marks first = {.e0b = 1, .e1b = 1};
    if (mode == LA_ACCECN_OPTION_ALWAYS)
        return a->option_seen ? CHANGED_ALL : 0;
    if (seg->text_bytes > 0 ? a->option_text : a->option_ack)
        return CHANGED_ALL;
    return changed(&a->r, &a->told) != 0 ? changed(&a->r, &first) : 0;
}

void
la_tcp_accecn_option_fill(struct la_tcp_conn *c, struct la_tcp_seg *seg, unsigned blocks_n,
                          struct la_tcp_env *env)
{
    struct la_tcp_accecn *a = la_tcp_accecn(c, env);
    unsigned mode = env->cfg->accecn_option;
    if (a == NULL || c->marks_option == 0 || mode == LA_ACCECN_OPTION_OFF || a->option_stuck ||
        (seg->flags & LA_TCP_SYN) != 0)
        return;
    bool linux_order = mode == LA_ACCECN_OPTION_ALWAYS;
    unsigned fields = wanted(a, seg, mode);
    if (fields == 0)
        return;
    uint32_t room = room_of(seg, blocks_n);
    struct la_tcp_accecn_option option = shape_of(fields, linux_order);
    struct la_tcp_accecn_option least = shape_of(changed(&a->r, &a->told), linux_order);
    while (option.n > 0 && space_of(&option) > room)
        option.n--;
    bool has_all = least.n == 0 || (least.order == option.order && least.n <= option.n);
    if (!has_all)
        option = least;
    if (space_of(&option) > room) /* then "the entire AccECN TCP option MUST be omitted" */
        return;
    put_fields(&option, &a->r);
    seg->accecn = option;
    seg->has |= LA_TCP_HAS_ACCECN;
    a->told = a->r;
    a->option_ack = a->option_ack && seg->text_bytes > 0;
    a->option_text = a->option_text && seg->text_bytes == 0;
    a->text_told |= seg->text_bytes > 0;
}

void
la_tcp_accecn_option_first(const struct la_tcp_conn *c, struct la_tcp_seg *seg,
                           const struct la_tcp_env *env)
{
    static const struct la_tcp_marks first = {.e0b = 1, .e1b = 1};
    bool agrees = (seg->flags & LA_TCP_ACK) != 0 && (c->flags & LA_TCP_F_ACCECN) != 0;
    if (!agrees || c->marks_option == 0 || env->cfg->accecn_option == LA_ACCECN_OPTION_OFF ||
        la_tcp_ace(seg->flags) == 0)
        return;
    struct la_tcp_accecn_option option =
        shape_of(CHANGED_ALL, env->cfg->accecn_option == LA_ACCECN_OPTION_ALWAYS);
    if (space_of(&option) > room_of(seg, 0))
        return;
    put_fields(&option, &first);
    seg->accecn = option;
    seg->has |= LA_TCP_HAS_ACCECN;
}

/* ---- what comes ------------------------------------------------------------------------- */

/* 3.2.3.2.4: zeros where the counters have begun with more. */
static bool
is_zeroed(const struct la_tcp_accecn_option *option)
{
    return (option->n > 0 && option->field[0] == 0) || (option->n > 2 && option->field[2] == 0);
}

void
la_tcp_accecn_option_seen(struct la_tcp_accecn *a, const struct la_tcp_seg *seg)
{
    if ((seg->has & LA_TCP_HAS_ACCECN) == 0 || a->option_seen)
        return;
    a->option_seen = true;
    a->option_zeroed = is_zeroed(&seg->accecn);
}

/* 3.2.3.1. One that would have to go back is not heeded: so much cannot have been missed. */
static uint32_t
advance(uint32_t *count, uint32_t field)
{
    uint32_t more = (field - *count) & FIELD_MASK;
    if (more >= FIELD_HALF)
        return 0;
    *count += more;
    return more;
}

bool
la_tcp_accecn_option_take(struct la_tcp_accecn *a, const struct la_tcp_seg *seg, uint32_t *ceb)
{
    const struct la_tcp_accecn_option *option = &seg->accecn;
    *ceb = 0;
    if ((seg->has & LA_TCP_HAS_ACCECN) == 0)
        return false;
    la_tcp_accecn_option_seen(a, seg);
    if (a->option_zeroed)
        return false;
    if (option->n > 0)
        (void)advance(option->order != 0 ? &a->s.e1b : &a->s.e0b, option->field[0]);
    if (option->n > 1)
        *ceb = advance(&a->s.ceb, option->field[1]);
    if (option->n > 2)
        (void)advance(option->order != 0 ? &a->s.e0b : &a->s.e1b, option->field[2]);
    /* A field that has never changed need not be there. */
    return option->n > 1 || a->s.ceb == 0;
}

/* 3.2.3.2.2: the first text had the option and was lost, and nothing of it all has arrived. */
void
la_tcp_accecn_text_again(struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                         struct la_tcp_env *env)
{
    struct la_tcp_accecn *a = la_tcp_accecn(c, env);
    if (a != NULL && a->text_told && busy->phase == LA_CC_LOSS &&
        la_seq_eq(c->snd_una, la_seq_add(c->iss, 1)) && busy->board.sacked.row.n == 0)
        a->option_stuck = true;
}

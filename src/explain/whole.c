/* SPDX-License-Identifier: MIT
 *
 * whole.c - what all parts of a capture have noted, put together
 */
#include "base/apart.h"
#include "explain/parts.h"
#include "explain/share.h"

la_err
la_whole_init(struct la_whole *whole, const struct la_explain_cfg *cfg, struct la_mem *mem)
{
    *whole = (struct la_whole){.next_id = 0};
    return la_explain_new(cfg, mem, &whole->explain);
}

void
la_whole_fini(struct la_whole *whole)
{
    if (whole->explain == NULL)
        return;
    for (unsigned i = 0; i < LA_PARTS_MAX; i++)
        la_mem_give(whole->explain->mem, whole->part[i].slots,
                    whole->part[i].cap * sizeof(whole->part[i].slots[0]));
    la_explain_free(whole->explain);
}

/* NULL: no memory, now or when the connection began. */
static struct la_whole_slot *
slot_of(struct la_whole *whole, unsigned part, uint32_t track, bool begins)
{
    struct la_mem *mem = whole->explain->mem;
    struct la_whole_slot *slots = whole->part[part].slots;
    size_t cap = whole->part[part].cap;
    if (track < cap)
        return &slots[track];
    size_t grown_cap = ((size_t)track + 1) * 2;
    struct la_whole_slot *grown = begins ? la_mem_take(mem, grown_cap * sizeof(*grown)) : NULL;
    if (grown == NULL) {
        whole->is_incomplete = true;
        return NULL;
    }
    if (cap > 0)
        memcpy(grown, slots, cap * sizeof(*grown));
    la_mem_give(mem, slots, cap * sizeof(*grown));
    whole->part[part].slots = grown;
    whole->part[part].cap = grown_cap;
    return &grown[track];
}

/* ---- notes, in their order ----------------------------------------------------------------------
 */

/* The parts are in a tournament: the winner has the note that comes next. Part i begins at place
 * n + i, whoever wins at place k goes on to k / 2, and who lost stays there. With another note only
 * the matches on the way of its part are played again (Knuth, The Art of Computer Programming,
 * volume 3, 5.4.1). */
struct collection {
    struct la_whole *whole;
    struct la_outbox *const *outboxes;
    unsigned n;
    size_t next[LA_PARTS_MAX];       /* note of each */
    uint64_t packet_n[LA_PARTS_MAX]; /* of that note; UINT64_MAX: there is none */
    uint8_t losers[LA_PARTS_MAX];    /* by place */
    bool doubles;
    la_whole_tell *tell;
    void *ctx;
};

static inline void
look_at_next(struct collection *c, unsigned part)
{
    const struct la_outbox *outbox = c->outboxes[part];
    size_t next = c->next[part];
    c->packet_n[part] = next < outbox->notes_n ? outbox->notes[next].packet_n : UINT64_MAX;
}

/* Of two notes with the same packet. */
LA_APART static bool
is_before_there(const struct collection *c, unsigned a, unsigned b)
{
    return c->packet_n[a] != UINT64_MAX &&
           c->outboxes[a]->notes[c->next[a]].order < c->outboxes[b]->notes[c->next[b]].order;
}

static inline bool
is_before(const struct collection *c, unsigned a, unsigned b)
{
    if (__builtin_expect(c->packet_n[a] == c->packet_n[b], 0))
        return is_before_there(c, a, b);
    return c->packet_n[a] < c->packet_n[b];
}

/* Returns the winner of all. */
static unsigned
play(struct collection *c)
{
    uint8_t winners[2 * LA_PARTS_MAX];
    for (unsigned i = 0; i < c->n; i++) {
        look_at_next(c, i);
        winners[c->n + i] = (uint8_t)i;
    }
    for (unsigned place = c->n - 1; place > 0; place--) {
        uint8_t a = winners[2 * place], b = winners[2 * place + 1];
        bool a_wins = is_before(c, a, b);
        winners[place] = a_wins ? a : b;
        c->losers[place] = a_wins ? b : a;
    }
    return winners[1];
}

/* The same when the latest winner's note was taken. */
static inline unsigned
play_again(struct collection *c, unsigned part)
{
    look_at_next(c, part);
    for (unsigned place = (c->n + part) / 2; place > 0; place /= 2) {
        unsigned other = c->losers[place];
        bool other_wins = is_before(c, other, part);
        c->losers[place] = (uint8_t)(other_wins ? part : other);
        part = other_wins ? other : part;
    }
    return part;
}

static void
tell(const struct collection *c, const struct la_outbox *outbox, uint32_t idx, uint64_t id)
{
    struct la_told *told = &outbox->told[idx];
    struct la_explain_conn *conn = &told->conn;
    conn->id = id;
    conn->transitions = outbox->transitions + told->transitions_at;
    conn->findings = outbox->findings + told->findings_at;
    size_t amounts_at = told->amounts_at;
    for (unsigned end = 0; end < 2; end++)
        if (conn->direction[end].throughput != NULL) {
            conn->direction[end].throughput = outbox->amounts + amounts_at;
            amounts_at += conn->direction[end].throughput_n;
        }
    for (unsigned end = 0; c->doubles && end < 2; end++) {
        conn->direction[end].capture_duplicates += conn->direction[end].network_duplicates;
        conn->direction[end].network_duplicates = 0;
    }
    c->tell(c->ctx, conn);
}

static void
take(const struct collection *c, unsigned part, const struct la_note *note)
{
    struct la_explain *explain = c->whole->explain;
    struct la_whole_slot *slot = slot_of(c->whole, part, note->track, note->kind == LA_NOTE_BEGIN);
    if (slot == NULL)
        return;
    switch ((enum la_note_kind)note->kind) {
    case LA_NOTE_BEGIN:
        slot->id = c->whole->next_id++;
        slot->listener = note->by_syn
                             ? la_servers_syn(explain, &note->server, &note->client, note->at_ns)
                             : NONE;
        break;
    case LA_NOTE_HALF_OPEN:
    case LA_NOTE_COMPLETE:
        if (slot->listener != NONE)
            la_servers_count(explain, slot->listener, note->at_ns, note->kind == LA_NOTE_HALF_OPEN);
        break;
    case LA_NOTE_END:
        if (slot->listener != NONE)
            la_servers_ended(explain, slot->listener, note->ending);
        if (note->conn != NONE)
            tell(c, c->outboxes[part], note->conn, slot->id);
        break;
    }
}

void
la_whole_collect(struct la_whole *whole, struct la_outbox *const outboxes[], unsigned n,
                 la_whole_tell *tell_fn, void *ctx)
{
    struct collection c = {
        .whole = whole, .outboxes = outboxes, .n = n, .tell = tell_fn, .ctx = ctx};
    struct la_copies copies = {0};
    for (unsigned i = 0; i < n; i++) {
        la_copies_add(&copies, &outboxes[i]->copies);
        whole->is_incomplete |= outboxes[i]->is_incomplete;
    }
    c.doubles = la_artefacts_are_doubles(&copies);
    for (unsigned part = play(&c); c.packet_n[part] != UINT64_MAX; part = play_again(&c, part))
        take(&c, part, &outboxes[part]->notes[c.next[part]++]);
    for (unsigned i = 0; i < n; i++)
        la_outbox_empty(outboxes[i]);
}

void
la_whole_finish(struct la_whole *whole, const struct la_intake *intake,
                const struct la_part parts[], unsigned n)
{
    struct la_explain *explain = whole->explain;
    explain->file = intake->file;
    explain->back_ns_max = intake->back_ns_max;
    explain->now_ns = intake->now_ns;
    for (unsigned i = 0; i < n; i++)
        la_artefacts_add(explain, parts[i].explain);
    la_artefacts_finish(explain);
    la_servers_finish(explain);
}

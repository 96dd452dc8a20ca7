/* SPDX-License-Identifier: MIT
 *
 * outbox.c - what a part has to say of one batch
 */
#include "explain/share.h"

void
la_outbox_init(struct la_outbox *outbox, struct la_mem *mem)
{
    *outbox = (struct la_outbox){.mem = mem};
}

void
la_outbox_fini(struct la_outbox *outbox)
{
    struct la_mem *mem = outbox->mem;
    la_mem_give(mem, outbox->notes, outbox->notes_cap * sizeof(outbox->notes[0]));
    la_mem_give(mem, outbox->told, outbox->told_cap * sizeof(outbox->told[0]));
    la_mem_give(mem, outbox->transitions, outbox->transitions_cap * sizeof(outbox->transitions[0]));
    la_mem_give(mem, outbox->amounts, outbox->amounts_cap * sizeof(outbox->amounts[0]));
    la_mem_give(mem, outbox->findings, outbox->findings_cap * sizeof(outbox->findings[0]));
    *outbox = (struct la_outbox){0};
}

/* An array with room for n items: the one that is there, or a larger copy. NULL: no memory. */
static void *
roomy(struct la_outbox *outbox, void *items, size_t item_bytes, size_t n, size_t *cap)
{
    enum { CAP_MIN = 64 };
    if (n <= *cap)
        return items;
    size_t grown_cap = n * 2 > CAP_MIN ? n * 2 : CAP_MIN;
    void *grown = la_mem_take(outbox->mem, grown_cap * item_bytes);
    if (grown == NULL) {
        outbox->is_incomplete = true;
        return NULL;
    }
    if (*cap > 0)
        memcpy(grown, items, *cap * item_bytes);
    la_mem_give(outbox->mem, items, *cap * item_bytes);
    *cap = grown_cap;
    return grown;
}

struct la_note *
la_outbox_note(struct la_explain *part, const struct la_track *track, enum la_note_kind kind,
               int64_t at_ns)
{
    struct la_outbox *outbox = part->outbox;
    struct la_note *notes =
        roomy(outbox, outbox->notes, sizeof(*notes), outbox->notes_n + 1, &outbox->notes_cap);
    if (notes == NULL)
        return NULL;
    outbox->notes = notes;
    struct la_note *note = &notes[outbox->notes_n++];
    note->packet_n = part->packet_n;
    note->order = part->note_order;
    note->at_ns = at_ns;
    note->track = track->idx;
    note->ending = 0;
    note->kind = (uint8_t)kind;
    note->by_syn = false;
    note->conn = NONE;
    return note;
}

static bool
tell_amounts(struct la_outbox *outbox, const struct la_explain_conn *conn)
{
    for (unsigned end = 0; end < 2; end++) {
        const struct la_explain_direction *d = &conn->direction[end];
        size_t n = d->throughput != NULL ? d->throughput_n : 0;
        uint64_t *amounts = roomy(outbox, outbox->amounts, sizeof(*amounts), outbox->amounts_n + n,
                                  &outbox->amounts_cap);
        if (n == 0)
            continue;
        if (amounts == NULL)
            return false;
        outbox->amounts = amounts;
        memcpy(amounts + outbox->amounts_n, d->throughput, n * sizeof(*amounts));
        outbox->amounts_n += n;
    }
    return true;
}

bool
la_outbox_tell(struct la_outbox *outbox, const struct la_explain_conn *conn, uint32_t *idx)
{
    struct la_told *told =
        roomy(outbox, outbox->told, sizeof(*told), outbox->told_n + 1, &outbox->told_cap);
    if (told == NULL)
        return false;
    outbox->told = told;
    size_t transitions_n = outbox->transitions_n + conn->transitions_n;
    struct la_explain_transition *transitions = roomy(
        outbox, outbox->transitions, sizeof(*transitions), transitions_n, &outbox->transitions_cap);
    if (transitions == NULL && transitions_n > 0)
        return false;
    outbox->transitions = transitions;
    size_t findings_n = outbox->findings_n + conn->findings_n;
    struct la_explain_finding *findings =
        roomy(outbox, outbox->findings, sizeof(*findings), findings_n, &outbox->findings_cap);
    if (findings == NULL && findings_n > 0)
        return false;
    outbox->findings = findings;
    size_t amounts_at = outbox->amounts_n;
    if (!tell_amounts(outbox, conn))
        return false;
    told[outbox->told_n] =
        (struct la_told){*conn, outbox->transitions_n, outbox->findings_n, amounts_at};
    if (conn->transitions_n > 0)
        memcpy(transitions + outbox->transitions_n, conn->transitions,
               conn->transitions_n * sizeof(*transitions));
    if (conn->findings_n > 0)
        memcpy(findings + outbox->findings_n, conn->findings, conn->findings_n * sizeof(*findings));
    outbox->transitions_n = transitions_n;
    outbox->findings_n = findings_n;
    *idx = (uint32_t)outbox->told_n++;
    return true;
}

void
la_outbox_empty(struct la_outbox *outbox)
{
    outbox->amounts_n = outbox->notes_n = outbox->told_n = outbox->transitions_n =
        outbox->findings_n = 0;
    outbox->is_incomplete = false;
}

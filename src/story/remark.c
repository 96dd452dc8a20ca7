/* SPDX-License-Identifier: MIT
 *
 * remark.c - what is said of a segment as one line of text, for the comments of captures
 *
 * The words are those of the ladder's notes. What a call or a timer caused has no segment of its
 * own: it waits for the next one that the same end sends. A segment that no row stands for (another
 * protocol's, an unknown connection's) has remarks all the same.
 */
#include "story/story.h"

#include <stdlib.h>
#include <string.h>

/* At an end that sends nothing any more; the oldest goes. */
enum { WAITING_N_MAX = 16 };

struct remark {
    struct remark *next;
    char line[];
};

/* The ladder's signs, as one types them into a filter. */
static const struct {
    const char *sign, *typed;
} plain[] = {{"→", "->"}, {"←", "<-"}, {" · ", ", "}};

static void
add_plain(struct text *out, const char *words)
{
    while (*words != 0) {
        size_t nearest_n = strlen(words), which = COUNT_OF(plain);
        for (size_t i = 0; i < COUNT_OF(plain); i++) {
            const char *at = strstr(words, plain[i].sign);
            if (at != NULL && (size_t)(at - words) < nearest_n) {
                nearest_n = (size_t)(at - words);
                which = i;
            }
        }
        la_text_add(out, "%.*s", (int)nearest_n, words);
        words += nearest_n;
        if (which == COUNT_OF(plain))
            return;
        la_text_add(out, "%s", plain[which].typed);
        words += strlen(plain[which].sign);
    }
}

static void
wait_for_segment(struct la_story *st, struct conn_end *end, const struct text *line)
{
    struct remark *remark = la_story_take(st, sizeof(*remark) + line->n + 1);
    if (remark == NULL)
        return;
    memcpy(remark->line, line->p, line->n + 1);
    struct remark **link = &end->waiting;
    uint32_t n = 0;
    for (; *link != NULL; n++)
        link = &(*link)->next;
    *link = remark;
    if (n < WAITING_N_MAX)
        return;
    struct remark *oldest = end->waiting;
    end->waiting = oldest->next;
    free(oldest);
}

struct text
la_remark_line(const char *words, const char *cite)
{
    struct text line = text_empty();
    add_plain(&line, words);
    if (cite != NULL)
        la_text_add(&line, " (%s)", cite);
    return line;
}

void
la_remark_segment(struct la_story *st, uint64_t id, const char *words, const char *cite)
{
    if (st->cfg.remark == NULL || id == 0)
        return;
    struct text line = la_remark_line(words, cite);
    st->cfg.remark(st->cfg.remark_ctx, id, line.p);
}

void
la_remark_row(struct la_story *st, const struct row *row, const struct note *head,
              const char *words)
{
    la_remark_segment(st, row->id, words, head->cite);
    if (st->cfg.remark == NULL || row->id != 0 || row->conn == NULL)
        return;
    struct text line = la_remark_line(words, head->cite);
    wait_for_segment(st, &row->conn->end[head->side], &line);
}

void
la_remark_sent(struct la_story *st, struct conn_end *end, uint64_t id)
{
    for (struct remark *remark; id != 0 && (remark = end->waiting) != NULL;) {
        end->waiting = remark->next;
        st->cfg.remark(st->cfg.remark_ctx, id, remark->line);
        free(remark);
    }
}

void
la_remark_forget(struct conn_end *end)
{
    for (struct remark *remark; (remark = end->waiting) != NULL;) {
        end->waiting = remark->next;
        free(remark);
    }
}

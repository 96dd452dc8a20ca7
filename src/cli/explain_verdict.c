/* SPDX-License-Identifier: MIT
 *
 * explain_verdict.c - what happened, in words: what befell servers, the connections with most
 * trouble, then all in figures, then the capture itself
 *
 * The worst connections are kept until the end; memory is bounded by how many are asked for.
 */
#include "cli/explain_prose.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "capture/captures.h"
#include "cli/explain_worst.h"

struct kept {
    struct la_explain_conn conn; /* its transitions are not kept */
    struct la_explain_finding findings[];
};

struct totals {
    uint64_t conns_n, bytes, segments, again;
    uint64_t by_close[LA_CLOSE_KIND_COUNT];
    uint64_t unanswered; /* and not in by_close: the capture ended too early */
};

struct verdict {
    struct totals totals;
    struct la_worst worst; /* of struct kept */
    struct la_worst_item room[];
};

/* ---- a connection ---------------------------------------------------------------------- */

/* What happened to it; free(). NULL: no memory. */
static char *
story_of(const struct la_explain_conn *conn)
{
    struct la_prose p;
    if (!la_prose_begin(&p))
        return NULL;
    la_explain_say_conn(p.stream, conn);
    return la_prose_take(&p);
}

static void
tell(struct la_explain_out *out, const struct la_explain_conn *conn, const char *story)
{
    char client[LA_EXPLAIN_WORD_BYTES], server[LA_EXPLAIN_WORD_BYTES];
    const char *bold = out->args->colour ? "\033[1m" : "",
               *plain = out->args->colour ? "\033[0m" : "";
    (void)fprintf(out->file, "%s#%" PRIu64 "  %s %s %s%s\n", bold, conn->id,
                  la_explain_endpoint(&conn->at[LA_END_CLIENT], client),
                  out->args->ascii ? "->" : "→",
                  la_explain_endpoint(&conn->at[LA_END_SERVER], server), plain);
    la_prose_wrap(out->file, story, out->args->width);
    if (out->args->stats)
        la_explain_figures(out->file, conn);
}

/* ---- the worst -------------------------------------------------------------------------- */

static bool
verdict_begin(struct la_explain_out *out)
{
    size_t n = out->args->worst_n;
    struct verdict *v = calloc(1, sizeof(*v) + n * sizeof(v->room[0]));
    if (v != NULL)
        la_worst_init(&v->worst, v->room, n);
    out->view = v;
    return v != NULL;
}

static void
count(struct totals *totals, const struct la_explain_conn *conn)
{
    totals->conns_n++;
    if (conn->close.kind == LA_CLOSE_OPEN && conn->open.kind == LA_OPEN_UNANSWERED)
        totals->unanswered++;
    else
        totals->by_close[conn->close.kind < LA_CLOSE_KIND_COUNT ? conn->close.kind : 0]++;
    totals->again += la_explain_lost(conn);
    for (unsigned end = 0; end < 2; end++) {
        totals->bytes += conn->direction[end].bytes_unique;
        totals->segments += conn->direction[end].segments;
    }
}

/* With its findings. NULL: no memory. */
static struct kept *
copy(const struct la_explain_conn *conn)
{
    size_t bytes = conn->findings_n * sizeof(conn->findings[0]);
    struct kept *kept = malloc(sizeof(*kept) + bytes);
    if (kept == NULL)
        return NULL;
    kept->conn = *conn;
    if (bytes > 0)
        memcpy(kept->findings, conn->findings, bytes);
    kept->conn.findings = kept->findings;
    kept->conn.transitions = NULL;
    kept->conn.transitions_n = 0;
    return kept;
}

/* What is counted of all, and how much trouble the worst of them had: one that had less than these
 * is not among the worst of all shares. */
struct share {
    struct totals totals;
    struct la_worst worst; /* of nothing */
    struct la_worst_item room[];
};

static void *
verdict_share_new(const struct la_explain_args *args)
{
    size_t n = args->worst_n;
    struct share *share = calloc(1, sizeof(*share) + n * sizeof(share->room[0]));
    if (share != NULL)
        la_worst_init(&share->worst, share->room, n);
    return share;
}

static bool
verdict_share_conn(void *ctx, const struct la_explain_conn *conn)
{
    struct share *share = ctx;
    uint64_t trouble = la_explain_trouble(conn);
    count(&share->totals, conn);
    if (!la_worst_wants(&share->worst, trouble))
        return false;
    (void)la_worst_keep(&share->worst, trouble, NULL);
    return true;
}

static void
verdict_share_end(struct la_explain_out *out, const void *ctx)
{
    struct verdict *v = out->view;
    const struct totals *from = &((const struct share *)ctx)->totals;
    v->totals.conns_n += from->conns_n;
    v->totals.bytes += from->bytes;
    v->totals.segments += from->segments;
    v->totals.again += from->again;
    for (unsigned i = 0; i < LA_CLOSE_KIND_COUNT; i++)
        v->totals.by_close[i] += from->by_close[i];
    v->totals.unanswered += from->unanswered;
}

static void
verdict_conn(struct la_explain_out *out, const struct la_explain_conn *conn)
{
    struct verdict *v = out->view;
    uint64_t trouble = la_explain_trouble(conn);
    if (!la_worst_wants(&v->worst, trouble))
        return;
    struct kept *kept = copy(conn);
    if (kept == NULL)
        out->failed = true;
    else
        free(la_worst_keep(&v->worst, trouble, kept));
}

/* ---- the end ---------------------------------------------------------------------------- */

static void
say_totals(struct la_explain_out *out, const struct totals *t)
{
    char a[LA_EXPLAIN_WORD_BYTES], b[LA_EXPLAIN_WORD_BYTES], c[LA_EXPLAIN_WORD_BYTES];
    struct la_prose p;
    bool some = false;
    if (!la_prose_begin(&p)) {
        out->failed = true;
        return;
    }
    (void)fprintf(p.stream, "%s connection%s, %s octet%s in %s segment%s",
                  la_explain_count(t->conns_n, a), la_prose_plural(t->conns_n),
                  la_explain_count(t->bytes, b), la_prose_plural(t->bytes),
                  la_explain_count(t->segments, c), la_prose_plural(t->segments));
    if (t->again > 0)
        (void)fprintf(p.stream, ", %s of them again", la_explain_count(t->again, a));
    for (unsigned i = 0; i < LA_CLOSE_KIND_COUNT; i++)
        la_prose_item(p.stream, &some, t->by_close[i], la_close_kind_name((enum la_close_kind)i));
    la_prose_item(p.stream, &some, t->unanswered, "unanswered");
    (void)fputs(".", p.stream);
    out->failed |= !la_prose_end(&p, out->file, out->args->width);
}

static void
say_capture(struct la_explain_out *out, const struct la_explain_file *file,
            struct la_captures *captures)
{
    char a[LA_EXPLAIN_WORD_BYTES], b[LA_EXPLAIN_WORD_BYTES];
    struct la_prose p;
    if (!la_prose_begin(&p)) {
        out->failed = true;
        return;
    }
    (void)fprintf(p.stream, "The capture: %s packet%s, %s of TCP",
                  la_explain_count(file->packets, a), la_prose_plural(file->packets),
                  la_explain_count(file->segments, b));
    if (file->packets > 0)
        (void)fprintf(p.stream, ", from %s", la_explain_time(file->first_at, a));
    if (la_instant_diff_us(file->last_at, file->first_at) > 0)
        (void)fprintf(p.stream, " on for %s",
                      la_explain_duration(la_instant_diff_us(file->last_at, file->first_at), a));
    (void)fputs(". ", p.stream);
    if (la_captures_filtered_n(captures) > 0)
        (void)fprintf(p.stream, "The filter left out %s. ",
                      la_explain_count(la_captures_filtered_n(captures), a));
    if (file->evicted > 0)
        (void)fprintf(p.stream,
                      "%s connection%s ended early for lack of memory (--memory gives more). ",
                      la_explain_count(file->evicted, a), file->evicted == 1 ? " was" : "s were");
    for (size_t i = 0; i < file->findings_n; i++)
        if (!la_explain_is_of_servers(&file->findings[i]))
            la_explain_say_finding(p.stream, &file->findings[i]);
    out->failed |= !la_prose_end(&p, out->file, out->args->width);
}

static const struct la_explain_conn *
kept_conn(const struct verdict *v, size_t i)
{
    return &((const struct kept *)v->worst.items[i].what)->conn;
}

/* Those from `i` on of which the same is to be said; figures are of one. Returns the next one. */
static size_t
say_alike(struct la_explain_out *out, const struct verdict *v, size_t i, const char *story)
{
    struct la_prose p;
    size_t first = i;
    if (out->args->stats || !la_prose_begin(&p))
        return i;
    for (; i < v->worst.n; i++) {
        char *next = story_of(kept_conn(v, i));
        bool same = next != NULL && strcmp(next, story) == 0;
        free(next);
        if (!same)
            break;
        (void)fprintf(p.stream, "%s#%" PRIu64, i == first ? "The same of " : ", ",
                      kept_conn(v, i)->id);
    }
    (void)fputs(i > first ? "." : "", p.stream);
    out->failed |= !la_prose_end(&p, out->file, out->args->width);
    return i;
}

static void
say_worst(struct la_explain_out *out, const struct verdict *v)
{
    size_t n = v->worst.n;
    for (size_t i = 0; i < n;) {
        char *story = story_of(kept_conn(v, i));
        if (story == NULL) {
            out->failed = true;
            return;
        }
        tell(out, kept_conn(v, i), story);
        i = say_alike(out, v, i + 1, story);
        (void)fputc('\n', out->file);
        free(story);
    }
    if (v->totals.conns_n > n && n == 1)
        (void)fputs("This is the one with most trouble; --worst N shows more.\n\n", out->file);
    else if (v->totals.conns_n > n && n > 1)
        (void)fprintf(out->file, "These are the %zu with most trouble; --worst N shows more.\n\n",
                      n);
    if (n < 2)
        return;
    la_explain_table_header(out);
    for (size_t i = 0; i < n; i++)
        la_explain_table_row(out, kept_conn(v, i));
    (void)fputc('\n', out->file);
}

static void
verdict_end(struct la_explain_out *out, const struct la_explain_file *file,
            struct la_captures *captures)
{
    struct verdict *v = out->view;
    la_worst_sort(&v->worst);
    out->failed |= !la_explain_say_servers(out, file);
    say_worst(out, v);
    if (v->totals.conns_n == 0)
        la_explain_none(out, file);
    else
        say_totals(out, &v->totals);
    say_capture(out, file, captures);
}

static void
verdict_fini(struct la_explain_out *out)
{
    struct verdict *v = out->view;
    for (size_t i = 0; v != NULL && i < v->worst.n; i++)
        free(v->worst.items[i].what);
}

const struct la_explain_view la_explain_verdict = {
    .name = "verdict",
    .share_new = verdict_share_new,
    .share_conn = verdict_share_conn,
    .share_end = verdict_share_end,
    .begin = verdict_begin,
    .conn = verdict_conn,
    .end = verdict_end,
    .fini = verdict_fini,
};

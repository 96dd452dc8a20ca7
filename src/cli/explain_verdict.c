/* SPDX-License-Identifier: MIT
 *
 * explain_verdict.c - what happened, in words: the connections with most trouble, then all in
 * figures, then the capture itself
 *
 * The worst connections are kept until the end; memory is bounded by how many are asked for.
 */
#include "cli/explain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "capture/captures.h"

struct kept {
    struct la_explain_conn conn; /* its findings are its own, its transitions are not kept */
    uint64_t trouble;
};

struct totals {
    uint64_t conns_n, bytes, segments, again;
    uint64_t by_close[LA_CLOSE_KIND_COUNT];
};

struct verdict {
    struct kept *kept; /* the most trouble first */
    size_t kept_n;
    struct totals totals;
};

/* ---- text ------------------------------------------------------------------------------- */

struct prose {
    FILE *stream;
    char *text;
    size_t n;
};

static bool
prose_begin(struct prose *p)
{
    *p = (struct prose){0};
    p->stream = open_memstream(&p->text, &p->n);
    return p->stream != NULL;
}

/* Octets of a character in UTF-8 take no column of their own behind its first one. */
static size_t
columns(const char *word, size_t n)
{
    size_t columns_n = 0;
    for (size_t i = 0; i < n; i++)
        columns_n += ((unsigned char)word[i] & 0xc0) != 0x80;
    return columns_n;
}

/* Words in lines of at most `width` columns, each two columns in. */
static void
wrap(FILE *out, const char *text, uint32_t width)
{
    size_t at = 0;
    while (*text != 0) {
        size_t n = strcspn(text, " "), word = columns(text, n);
        if (at > 0 && at + 1 + word > width) {
            (void)fputc('\n', out);
            at = 0;
        }
        (void)fputs(at == 0 ? "  " : " ", out);
        at += (at == 0 ? 2 : 1) + word;
        (void)fwrite(text, 1, n, out);
        text += n;
        text += strspn(text, " ");
    }
    (void)fputc('\n', out);
}

static void
prose_end(struct prose *p, FILE *out, uint32_t width)
{
    if (fclose(p->stream) == 0)
        wrap(out, p->text, width);
    free(p->text);
}

/* ---- sentences -------------------------------------------------------------------------- */

static const char *
the_end(unsigned end)
{
    return end == LA_END_CLIENT ? "the client" : "the server";
}

static const char *
The_end(unsigned end)
{
    return end == LA_END_CLIENT ? "The client" : "The server";
}

static const char *
The_who(enum la_who who)
{
    switch (who) {
    case LA_WHO_CLIENT:
        return "The client";
    case LA_WHO_SERVER:
        return "The server";
    case LA_WHO_BOTH:
        return "Both ends";
    case LA_WHO_THIRD:
        return "Somebody on the path";
    case LA_WHO_NONE:
    case LA_WHO_UNKNOWN:
    case LA_WHO_COUNT:
        break;
    }
    return "It is not known who";
}

static const char *
plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void
say_certainty(FILE *out, enum la_certainty certainty)
{
    if (certainty == LA_CERTAINTY_INFERRED)
        (void)fputs(" (inferred)", out);
    else if (certainty == LA_CERTAINTY_UNKNOWN)
        (void)fputs(" (not certain)", out);
}

static void
say_opening(FILE *out, const struct la_explain_conn *conn)
{
    const struct la_explain_open *open = &conn->open;
    char rtt[LA_EXPLAIN_WORD_BYTES];
    static const char *const words[LA_OPEN_KIND_COUNT] = {
        [LA_OPEN_MID_STREAM] = "Its beginning is not in the capture",
        [LA_OPEN_THREE_WAY] = "Opened by the client",
        [LA_OPEN_FAST_OPEN] = "Opened by the client with text in its SYN (TCP Fast Open)",
        [LA_OPEN_SIMULTANEOUS] = "Opened by both ends at once",
        [LA_OPEN_SPLIT] = "Opened by the client, and answered with ACK and SYN apart",
        [LA_OPEN_HALF_OPEN] =
            "The server answered the SYN; the client never completed the handshake",
        [LA_OPEN_UNANSWERED] = "Nobody answered the SYN",
        [LA_OPEN_REFUSED] = "Refused: the SYN was answered with RST",
        [LA_OPEN_UNREACHABLE] = "The SYN was answered with an ICMP error",
    };
    (void)fputs(open->kind < LA_OPEN_KIND_COUNT ? words[open->kind] : "Opened", out);
    if (open->rtt_us >= 0)
        (void)fprintf(out, " in %s", la_explain_duration(open->rtt_us, rtt));
    (void)fputs(". ", out);
}

static void
say_volume(FILE *out, const struct la_explain_conn *conn)
{
    char lasted[LA_EXPLAIN_WORD_BYTES], sent[LA_EXPLAIN_WORD_BYTES], got[LA_EXPLAIN_WORD_BYTES];
    uint64_t from_client = conn->direction[LA_END_CLIENT].bytes_unique;
    uint64_t from_server = conn->direction[LA_END_SERVER].bytes_unique;
    (void)la_explain_duration(la_instant_diff_us(conn->last_at, conn->first_at), lasted);
    if (from_client == 0 && from_server == 0)
        (void)fprintf(out, "No text passed within %s. ", lasted);
    else
        (void)fprintf(out, "Within %s the client sent %s octet%s, the server %s. ", lasted,
                      la_explain_count(from_client, sent), plural(from_client),
                      la_explain_count(from_server, got));
}

static void
say_part(FILE *out, bool *some, uint64_t n, const char *what)
{
    char count[LA_EXPLAIN_WORD_BYTES];
    if (n == 0)
        return;
    (void)fprintf(out, "%s%s %s", *some ? ", " : ": ", la_explain_count(n, count), what);
    *some = true;
}

static void
say_loss(FILE *out, const struct la_explain_conn *conn, unsigned end)
{
    const struct la_explain_direction *d = &conn->direction[end];
    const struct la_explain_retransmissions *r = &d->retransmissions;
    char again[LA_EXPLAIN_WORD_BYTES], all[LA_EXPLAIN_WORD_BYTES];
    bool some = false;
    if (r->total == r->syn) /* of SYNs sent again there is a finding */
        return;
    (void)fprintf(out, "%s sent %s of %s segment%s again", The_end(end),
                  la_explain_count(r->total, again), la_explain_count(d->segments, all),
                  plural(d->segments));
    say_part(out, &some, r->fast, "when acknowledgements showed a loss");
    say_part(out, &some, r->rto, "after a timeout");
    say_part(out, &some, r->tail_probe,
             r->tail_probe == 1 ? "tail loss probe" : "tail loss probes");
    say_part(out, &some, r->syn, "of its SYN");
    say_part(out, &some, r->fin, "of its FIN");
    say_part(out, &some, r->unknown, "for a cause that the capture leaves open");
    if (r->spurious > 0)
        (void)fprintf(out, "; %s had arrived already", la_explain_count(r->spurious, again));
    (void)fputs(". ", out);
}

static void
say_path(FILE *out, const struct la_explain_conn *conn, unsigned end)
{
    const struct la_explain_direction *d = &conn->direction[end];
    char n[LA_EXPLAIN_WORD_BYTES], us[LA_EXPLAIN_WORD_BYTES];
    if (d->zero_window_us > 0)
        (void)fprintf(out, "%s could not send for %s, because the other's window was shut. ",
                      The_end(end), la_explain_duration((int64_t)d->zero_window_us, us));
    if (d->reordered > 0)
        (void)fprintf(out, "%s segment%s from %s came out of order. ",
                      la_explain_count(d->reordered, n), plural(d->reordered), the_end(end));
    if (d->network_duplicates > 0)
        (void)fprintf(out, "The network doubled %s segment%s from %s. ",
                      la_explain_count(d->network_duplicates, n), plural(d->network_duplicates),
                      the_end(end));
}

static void
say_control(FILE *out, const struct la_explain_conn *conn, unsigned end)
{
    const struct la_explain_congestion *c = &conn->direction[end].congestion;
    static const char *const words[LA_CONGESTION_FAMILY_COUNT] = {
        [LA_CONGESTION_RENO] = "Reno's",
        [LA_CONGESTION_CUBIC] = "CUBIC's",
        [LA_CONGESTION_BBR] = "BBR's",
    };
    if (c->family == LA_CONGESTION_UNKNOWN || c->family >= LA_CONGESTION_FAMILY_COUNT)
        return;
    (void)fprintf(out, "%s's congestion window behaves like %s", The_end(end), words[c->family]);
    if (c->kept_percent > 0)
        (void)fprintf(out, ": after a loss it keeps %u %%", (unsigned)c->kept_percent);
    (void)fprintf(out, " (inferred, %u %% sure). ", (unsigned)c->confidence_percent);
}

/* What held the direction with more text back for most of its time. */
static void
say_limit(FILE *out, const struct la_explain_conn *conn)
{
    static const char *const words[LA_LIMIT_COUNT] = {
        [LA_LIMIT_APPLICATION] = "it had nothing to send",
        [LA_LIMIT_RECEIVER] = "the receiver's window held it back",
        [LA_LIMIT_SEND_BUFFER] = "its send buffer held it back",
        [LA_LIMIT_CONGESTION] = "its congestion window held it back",
        [LA_LIMIT_PATH] = "it sent as fast as the path carries",
    };
    unsigned end =
        conn->direction[LA_END_SERVER].bytes_unique > conn->direction[LA_END_CLIENT].bytes_unique
            ? LA_END_SERVER
            : LA_END_CLIENT;
    const uint64_t *us = conn->direction[end].limit_us;
    uint64_t sum = 0;
    unsigned most = 0;
    if (!conn->direction[end].limits_told)
        return;
    for (unsigned i = 0; i < LA_LIMIT_COUNT; i++) {
        sum += us[i];
        most = us[i] > us[most] ? i : most;
    }
    if (sum > 0)
        (void)fprintf(out, "For %u %% of the time of %s, %s. ", (unsigned)(us[most] * 100 / sum),
                      the_end(end), words[most]);
    say_control(out, conn, end);
}

static const char *
reset_words(enum la_reset_cause cause)
{
    static const char *const words[LA_RESET_CAUSE_COUNT] = {
        [LA_RESET_UNKNOWN] = "why is not known",
        [LA_RESET_REFUSED] = "nobody listens there",
        [LA_RESET_BACKLOG] = "its accept queue was full",
        [LA_RESET_UNREAD_DATA] = "it closed with received text unread",
        [LA_RESET_LINGER_ABORT] = "it aborted (SO_LINGER with 0, or the program died)",
        [LA_RESET_DATA_AFTER_CLOSE] = "text came for a program that had closed",
        [LA_RESET_HALF_OPEN_PEER] = "it knows nothing of the connection: crashed or restarted",
        [LA_RESET_TIMEOUT] = "it gave up waiting",
        [LA_RESET_MIDDLEBOX] = "a box on the path made it",
        [LA_RESET_INJECTED] = "forged: the end it speaks for went on",
        [LA_RESET_STRAY] = "an answer to a segment that fits no connection",
    };
    return cause < LA_RESET_CAUSE_COUNT && words[cause] != NULL ? words[cause] : "";
}

static void
say_reset(FILE *out, const struct la_explain_conn *conn)
{
    const struct la_explain_reset *reset = &conn->close.reset;
    if (reset->cause == LA_RESET_NONE)
        return;
    (void)fprintf(out, "%s sent a RST: %s", The_who((enum la_who)reset->by),
                  reset_words((enum la_reset_cause)reset->cause));
    if (reset->or_cause != LA_RESET_NONE)
        (void)fprintf(out, ", or %s (the capture leaves it open)",
                      reset_words((enum la_reset_cause)reset->or_cause));
    else
        say_certainty(out, (enum la_certainty)reset->certainty);
    (void)fputs(". ", out);
}

static void
say_closing(FILE *out, const struct la_explain_conn *conn)
{
    const struct la_explain_close *close = &conn->close;
    const char *who = The_who((enum la_who)close->by);
    char us[LA_EXPLAIN_WORD_BYTES];
    switch ((enum la_close_kind)close->kind) {
    case LA_CLOSE_FOUR_SEGMENT:
        (void)fprintf(out, "%s closed first; four segments ended it. ", who);
        break;
    case LA_CLOSE_THREE_SEGMENT:
        (void)fprintf(out, "%s closed first, and the other at once: its FIN carried the ACK. ",
                      who);
        break;
    case LA_CLOSE_SIMULTANEOUS:
        (void)fputs("Both ends closed at the same time. ", out);
        break;
    case LA_CLOSE_OPEN:
        (void)fputs("It is open when the capture ends. ", out);
        break;
    case LA_CLOSE_SYN_TIMEOUT:
        (void)fputs("The client gave up. ", out);
        break;
    case LA_CLOSE_TIMEOUT:
        (void)fputs("It ended by a timeout: no answer came any more. ", out);
        break;
    case LA_CLOSE_HALF_OPEN:
        (void)fputs("One end is left with a connection that the other does not have. ", out);
        break;
    case LA_CLOSE_FIN_THEN_RESET:
        (void)fprintf(out, "%s closed first; a RST ended the rest. ", who);
        break;
    case LA_CLOSE_RESET:
    case LA_CLOSE_REFUSED:
    case LA_CLOSE_UNREACHABLE:
    case LA_CLOSE_KIND_COUNT:
        break;
    }
    if (close->half_close_by != LA_WHO_NONE && close->half_close_us >= 0)
        (void)fprintf(out, "Half-closed for %s. ", la_explain_duration(close->half_close_us, us));
    say_reset(out, conn);
}

static void
say_findings(FILE *out, const struct la_explain_finding *findings, size_t n)
{
    char text[LA_EXPLAIN_TEXT_BYTES];
    for (size_t i = 0; i < n; i++) {
        const struct la_explain_finding *f = &findings[i];
        const char *requirement = la_finding_requirement((enum la_finding)f->id);
        (void)la_explain_finding_text(f, text, sizeof(text));
        if (text[0] >= 'a' && text[0] <= 'z')
            text[0] = (char)(text[0] - 'a' + 'A');
        (void)fputs(text, out);
        say_certainty(out, (enum la_certainty)f->certainty);
        if (requirement[0] != 0)
            (void)fprintf(out, " [%s, %s]", la_finding_section((enum la_finding)f->id),
                          requirement);
        (void)fputs(". ", out);
    }
}

/* ---- a connection ---------------------------------------------------------------------- */

static void
tell(struct la_explain_out *out, const struct la_explain_conn *conn)
{
    struct prose p;
    char client[LA_EXPLAIN_WORD_BYTES], server[LA_EXPLAIN_WORD_BYTES];
    const char *bold = out->args->colour ? "\033[1m" : "",
               *plain = out->args->colour ? "\033[0m" : "";
    (void)fprintf(out->file, "%s#%" PRIu64 "  %s %s %s%s\n", bold, conn->id,
                  la_explain_endpoint(&conn->at[LA_END_CLIENT], client),
                  out->args->ascii ? "->" : "→",
                  la_explain_endpoint(&conn->at[LA_END_SERVER], server), plain);
    if (!prose_begin(&p)) {
        out->failed = true;
        return;
    }
    say_opening(p.stream, conn);
    say_volume(p.stream, conn);
    for (unsigned end = 0; end < 2; end++)
        say_loss(p.stream, conn, end);
    for (unsigned end = 0; end < 2; end++)
        say_path(p.stream, conn, end);
    say_limit(p.stream, conn);
    say_closing(p.stream, conn);
    say_findings(p.stream, conn->findings, conn->findings_n);
    prose_end(&p, out->file, out->args->width);
    if (out->args->stats)
        la_explain_figures(out->file, conn);
}

/* ---- the worst -------------------------------------------------------------------------- */

static bool
verdict_begin(struct la_explain_out *out)
{
    struct verdict *v = calloc(1, sizeof(*v));
    out->view = v;
    if (v == NULL)
        return false;
    v->kept = calloc(out->args->worst_n + 1, sizeof(*v->kept));
    return v->kept != NULL;
}

static void
count(struct totals *totals, const struct la_explain_conn *conn)
{
    totals->conns_n++;
    totals->by_close[conn->close.kind < LA_CLOSE_KIND_COUNT ? conn->close.kind : 0]++;
    totals->again += la_explain_lost(conn);
    for (unsigned end = 0; end < 2; end++) {
        totals->bytes += conn->direction[end].bytes_unique;
        totals->segments += conn->direction[end].segments;
    }
}

/* Findings of its own. False: no memory. */
static bool
keep(struct kept *kept, const struct la_explain_conn *conn, uint64_t trouble)
{
    struct la_explain_finding *findings = NULL;
    if (conn->findings_n > 0) {
        findings = malloc(conn->findings_n * sizeof(*findings));
        if (findings == NULL)
            return false;
        memcpy(findings, conn->findings, conn->findings_n * sizeof(*findings));
    }
    *kept = (struct kept){*conn, trouble};
    kept->conn.findings = findings;
    kept->conn.transitions = NULL;
    kept->conn.transitions_n = 0;
    return true;
}

static void
let_go(struct kept *kept)
{
    free((void *)(uintptr_t)kept->conn.findings);
}

/* What is counted of all, and how much trouble the worst of them had: one that had less than these
 * is not among the worst of all shares. */
struct share {
    struct totals totals;
    uint32_t worst_n, worst_n_max;
    uint64_t worst[]; /* the most trouble first */
};

static void *
verdict_share_new(const struct la_explain_args *args)
{
    struct share *share =
        calloc(1, sizeof(*share) + (args->worst_n + (size_t)1) * sizeof(share->worst[0]));
    if (share != NULL)
        share->worst_n_max = args->worst_n;
    return share;
}

static bool
verdict_share_conn(void *ctx, const struct la_explain_conn *conn)
{
    struct share *share = ctx;
    uint64_t trouble = la_explain_trouble(conn);
    count(&share->totals, conn);
    uint32_t at = share->worst_n;
    while (at > 0 && share->worst[at - 1] < trouble)
        at--;
    if (at == share->worst_n_max)
        return false;
    memmove(share->worst + at + 1, share->worst + at,
            (share->worst_n - at) * sizeof(share->worst[0]));
    share->worst[at] = trouble;
    share->worst_n += share->worst_n < share->worst_n_max;
    return true;
}

static void
verdict_share_end(struct la_explain_out *out, void *ctx)
{
    struct verdict *v = out->view;
    const struct totals *from = &((const struct share *)ctx)->totals;
    v->totals.conns_n += from->conns_n;
    v->totals.bytes += from->bytes;
    v->totals.segments += from->segments;
    v->totals.again += from->again;
    for (unsigned i = 0; i < LA_CLOSE_KIND_COUNT; i++)
        v->totals.by_close[i] += from->by_close[i];
    free(ctx);
}

static void
verdict_conn(struct la_explain_out *out, const struct la_explain_conn *conn)
{
    struct verdict *v = out->view;
    uint64_t trouble = la_explain_trouble(conn);
    size_t at = v->kept_n;
    while (at > 0 && v->kept[at - 1].trouble < trouble)
        at--;
    if (at == out->args->worst_n)
        return;
    struct kept fresh;
    if (!keep(&fresh, conn, trouble)) {
        out->failed = true;
        return;
    }
    memmove(v->kept + at + 1, v->kept + at, (v->kept_n - at) * sizeof(*v->kept));
    v->kept[at] = fresh;
    if (v->kept_n == out->args->worst_n)
        let_go(&v->kept[v->kept_n]);
    else
        v->kept_n++;
}

/* ---- the end ---------------------------------------------------------------------------- */

static void
say_totals(struct la_explain_out *out, const struct totals *t)
{
    char a[LA_EXPLAIN_WORD_BYTES], b[LA_EXPLAIN_WORD_BYTES], c[LA_EXPLAIN_WORD_BYTES];
    struct prose p;
    bool some = false;
    if (!prose_begin(&p)) {
        out->failed = true;
        return;
    }
    (void)fprintf(p.stream, "%s connection%s, %s octets in %s segments",
                  la_explain_count(t->conns_n, a), plural(t->conns_n),
                  la_explain_count(t->bytes, b), la_explain_count(t->segments, c));
    if (t->again > 0)
        (void)fprintf(p.stream, ", %s of them again", la_explain_count(t->again, a));
    for (unsigned i = 0; i < LA_CLOSE_KIND_COUNT; i++)
        say_part(p.stream, &some, t->by_close[i], la_close_kind_name((enum la_close_kind)i));
    (void)fputs(".", p.stream);
    prose_end(&p, out->file, out->args->width);
}

static void
say_capture(struct la_explain_out *out, const struct la_explain_file *file,
            struct la_captures *captures)
{
    char a[LA_EXPLAIN_WORD_BYTES], b[LA_EXPLAIN_WORD_BYTES];
    struct prose p;
    if (!prose_begin(&p)) {
        out->failed = true;
        return;
    }
    (void)fprintf(p.stream, "The capture: %s packet%s, %s of TCP",
                  la_explain_count(file->packets, a), plural(file->packets),
                  la_explain_count(file->segments, b));
    if (file->packets > 0)
        (void)fprintf(p.stream, ", from %s", la_explain_time(file->first_at, a));
    if (file->packets > 0)
        (void)fprintf(p.stream, " on for %s",
                      la_explain_duration(la_instant_diff_us(file->last_at, file->first_at), a));
    (void)fputs(". ", p.stream);
    if (la_captures_filtered_n(captures) > 0)
        (void)fprintf(p.stream, "The filter left out %s. ",
                      la_explain_count(la_captures_filtered_n(captures), a));
    if (file->evicted > 0)
        (void)fprintf(p.stream,
                      "%s connections were ended early for lack of memory (--memory gives more). ",
                      la_explain_count(file->evicted, a));
    say_findings(p.stream, file->findings, file->findings_n);
    prose_end(&p, out->file, out->args->width);
}

static void
verdict_end(struct la_explain_out *out, const struct la_explain_file *file,
            struct la_captures *captures)
{
    struct verdict *v = out->view;
    for (size_t i = 0; i < v->kept_n; i++) {
        tell(out, &v->kept[i].conn);
        (void)fputc('\n', out->file);
    }
    if (v->totals.conns_n > v->kept_n && v->kept_n > 0)
        (void)fprintf(out->file, "These are the %zu with most trouble; --worst N shows more.\n\n",
                      v->kept_n);
    if (v->kept_n > 1) {
        la_explain_table_header(out);
        for (size_t i = 0; i < v->kept_n; i++)
            la_explain_table_row(out, &v->kept[i].conn);
        (void)fputc('\n', out->file);
    }
    if (v->totals.conns_n == 0)
        la_explain_none(out, file);
    else
        say_totals(out, &v->totals);
    say_capture(out, file, captures);
    for (size_t i = 0; i < v->kept_n; i++)
        let_go(&v->kept[i]);
    free(v->kept);
    free(v);
}

const struct la_explain_view la_explain_verdict = {
    .name = "verdict",
    .share_new = verdict_share_new,
    .share_conn = verdict_share_conn,
    .share_end = verdict_share_end,
    .begin = verdict_begin,
    .conn = verdict_conn,
    .end = verdict_end,
};

/* SPDX-License-Identifier: MIT
 *
 * explain_sentences.c - what happened to a connection, in words
 */
#include "cli/explain_prose.h"

#include <inttypes.h>

#include "base/time.h"
#include "explain/words.h"

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

static void
say_certainty(FILE *out, enum la_certainty certainty)
{
    if (certainty == LA_CERTAINTY_INFERRED)
        (void)fputs(" (inferred)", out);
    else if (certainty == LA_CERTAINTY_UNKNOWN)
        (void)fputs(" (not certain)", out);
}

static const struct la_explain_finding *
finding_of(const struct la_explain_conn *conn, enum la_finding id)
{
    for (size_t i = 0; i < conn->findings_n; i++)
        if (conn->findings[i].id == id)
            return &conn->findings[i];
    return NULL;
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
    const struct la_explain_finding *icmp = finding_of(conn, LA_FINDING_ICMP_ANSWER);
    if (open->kind == LA_OPEN_UNREACHABLE && icmp != NULL)
        (void)fprintf(out, ": %s (type %" PRId64 ", code %" PRId64 ")",
                      la_explain_icmp_words(icmp->values[0], icmp->values[1], icmp->values[2]),
                      icmp->values[1], icmp->values[2]);
    if (open->rtt_us >= 0 && open->kind != LA_OPEN_MID_STREAM)
        (void)fprintf(out, " in %s", la_explain_duration(open->rtt_us, rtt));
    (void)fputs(". ", out);
}

/* The end that nothing was captured of, though its peer heard it; 2: there is none. */
static unsigned
unheard_end(const struct la_explain_conn *conn)
{
    for (unsigned end = 0; end < 2; end++) {
        bool was_heard = conn->open.kind == LA_OPEN_THREE_WAY ||
                         conn->open.kind == LA_OPEN_FAST_OPEN ||
                         conn->direction[end].bytes_missing > 0;
        if (conn->direction[end].segments == 0 && was_heard)
            return end;
    }
    return 2;
}

static void
say_volume_of_one(FILE *out, const struct la_explain_conn *conn, unsigned end)
{
    char lasted[LA_EXPLAIN_WORD_BYTES], sent[LA_EXPLAIN_WORD_BYTES];
    uint64_t bytes = conn->direction[end].bytes_unique;
    (void)fprintf(
        out,
        "Only what %s sent was captured, and of the other end what that tells: %s octet%s "
        "within %s. ",
        the_end(end), la_explain_count(bytes, sent), la_prose_plural(bytes),
        la_explain_duration(la_instant_diff_us(conn->last_at, conn->first_at), lasted));
}

static void
say_volume(FILE *out, const struct la_explain_conn *conn)
{
    char lasted[LA_EXPLAIN_WORD_BYTES], sent[LA_EXPLAIN_WORD_BYTES], got[LA_EXPLAIN_WORD_BYTES];
    uint64_t from_client = conn->direction[LA_END_CLIENT].bytes_unique;
    uint64_t from_server = conn->direction[LA_END_SERVER].bytes_unique;
    int64_t lasted_us = la_instant_diff_us(conn->last_at, conn->first_at);
    unsigned unheard = unheard_end(conn);
    if (unheard < 2) {
        say_volume_of_one(out, conn, 1 - unheard);
        return;
    }
    (void)la_explain_duration(lasted_us, lasted);
    if (from_client == 0 && from_server == 0 && lasted_us == 0)
        (void)fputs("No text passed. ", out);
    else if (from_client == 0 && from_server == 0)
        (void)fprintf(out, "No text passed within %s. ", lasted);
    else if (lasted_us == 0)
        (void)fprintf(out, "The client sent %s octet%s, the server %s. ",
                      la_explain_count(from_client, sent), la_prose_plural(from_client),
                      la_explain_count(from_server, got));
    else
        (void)fprintf(out, "Within %s the client sent %s octet%s, the server %s. ", lasted,
                      la_explain_count(from_client, sent), la_prose_plural(from_client),
                      la_explain_count(from_server, got));
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
                  la_prose_plural(d->segments));
    la_prose_item(out, &some, r->fast, "when acknowledgements showed a loss");
    la_prose_item(out, &some, r->rto, "after a timeout");
    la_prose_item(out, &some, r->tail_probe,
                  r->tail_probe == 1 ? "tail loss probe" : "tail loss probes");
    la_prose_item(out, &some, r->syn, "of its SYN");
    la_prose_item(out, &some, r->fin, "of its FIN");
    la_prose_item(out, &some, r->unknown, "for a cause that the capture leaves open");
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
    if (d->bytes_missing > 0)
        (void)fprintf(out, "Of what %s sent, %s octet%s %s acknowledged and not captured. ",
                      the_end(end), la_explain_count(d->bytes_missing, n),
                      la_prose_plural(d->bytes_missing), d->bytes_missing == 1 ? "was" : "were");
    if (d->reordered > 0)
        (void)fprintf(out, "%s segment%s from %s came out of order. ",
                      la_explain_count(d->reordered, n), la_prose_plural(d->reordered),
                      the_end(end));
    if (d->network_duplicates > 0)
        (void)fprintf(out, "The network doubled %s segment%s from %s. ",
                      la_explain_count(d->network_duplicates, n),
                      la_prose_plural(d->network_duplicates), the_end(end));
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
        [LA_LIMIT_APPLICATION] = "%s had nothing to send for %u %% of its time. ",
        [LA_LIMIT_RECEIVER] = "%s waited for the other's window for %u %% of its time. ",
        [LA_LIMIT_SEND_BUFFER] = "%s was held back by its send buffer for %u %% of its time. ",
        [LA_LIMIT_CONGESTION] = "%s was held back by its congestion window for %u %% of its time. ",
        [LA_LIMIT_PATH] = "%s sent as fast as the path carries for %u %% of its time. ",
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
    /* Who says little in a moment was held back by nobody. */
    if (sum > 0 && (most != LA_LIMIT_APPLICATION || sum >= LA_US_PER_S))
        (void)fprintf(out, words[most], The_end(end), (unsigned)(us[most] * 100 / sum));
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
say_three_segments(FILE *out, const struct la_explain_conn *conn)
{
    const struct la_explain_finding *merged = finding_of(conn, LA_FINDING_ACK_AND_FIN_MERGED);
    char us[LA_EXPLAIN_WORD_BYTES];
    (void)fprintf(out, "%s closed first, and the other ", The_who((enum la_who)conn->close.by));
    if (merged != NULL)
        (void)fprintf(out,
                      "%s after the FIN passed, before it had acknowledged it: one segment was "
                      "its ACK and its FIN. ",
                      la_explain_duration(merged->values[0], us));
    else
        (void)fputs("at once: one segment was its ACK and its FIN. ", out);
}

static void
say_half_close(FILE *out, const struct la_explain_conn *conn)
{
    const struct la_explain_close *close = &conn->close;
    const struct la_explain_finding *half = finding_of(conn, LA_FINDING_HALF_CLOSED);
    char us[LA_EXPLAIN_WORD_BYTES], n[LA_EXPLAIN_WORD_BYTES];
    if (close->half_close_by == LA_WHO_NONE || close->half_close_us < 0)
        return;
    (void)fprintf(out, "Half-closed for %s", la_explain_duration(close->half_close_us, us));
    if (half != NULL)
        (void)fprintf(out, ", in which the other end sent %s octet%s more",
                      la_explain_count((uint64_t)half->values[0], n),
                      la_prose_plural((uint64_t)half->values[0]));
    (void)fputs(". ", out);
}

static void
say_closing(FILE *out, const struct la_explain_conn *conn)
{
    const struct la_explain_close *close = &conn->close;
    const char *who = The_who((enum la_who)close->by);
    switch ((enum la_close_kind)close->kind) {
    case LA_CLOSE_FOUR_SEGMENT:
        (void)fprintf(out, "%s closed first; four segments ended it. ", who);
        break;
    case LA_CLOSE_THREE_SEGMENT:
        say_three_segments(out, conn);
        break;
    case LA_CLOSE_SIMULTANEOUS:
        (void)fputs("Both ends closed at the same time. ", out);
        break;
    case LA_CLOSE_OPEN:
        (void)fputs(conn->open.kind == LA_OPEN_UNANSWERED
                        ? "The capture ends before the SYN would go again. "
                        : "It is open when the capture ends. ",
                    out);
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
    say_half_close(out, conn);
    say_reset(out, conn);
}

void
la_explain_say_finding(FILE *out, const struct la_explain_finding *f)
{
    char text[LA_EXPLAIN_TEXT_BYTES];
    const char *requirement = la_finding_requirement((enum la_finding)f->id);
    (void)la_explain_finding_text(f, text, sizeof(text));
    if (text[0] >= 'a' && text[0] <= 'z')
        text[0] = (char)(text[0] - 'a' + 'A');
    (void)fputs(text, out);
    /* Whose the SYNs are goes without saying, and who answers. */
    if (f->id >= LA_FINDING_FIN_REPEATED && f->id != LA_FINDING_SLOW_ANSWER &&
        (f->who == LA_WHO_CLIENT || f->who == LA_WHO_SERVER))
        (void)fprintf(out, " (%s)", la_who_name((enum la_who)f->who));
    say_certainty(out, (enum la_certainty)f->certainty);
    if (requirement[0] != 0)
        (void)fprintf(out, " [%s, %s]", la_finding_section((enum la_finding)f->id), requirement);
    (void)fputs(". ", out);
}

/* Do the sentences about opening and closing hold all that it says? */
static bool
is_told(const struct la_explain_conn *conn, const struct la_explain_finding *finding)
{
    const struct la_explain_close *close = &conn->close;
    return (finding->id == LA_FINDING_CLOSED_SIMULTANEOUSLY &&
            close->kind == LA_CLOSE_SIMULTANEOUS) ||
           (finding->id == LA_FINDING_OPEN_SIMULTANEOUS &&
            conn->open.kind == LA_OPEN_SIMULTANEOUS) ||
           (finding->id == LA_FINDING_ACK_AND_FIN_MERGED &&
            close->kind == LA_CLOSE_THREE_SEGMENT) ||
           (finding->id == LA_FINDING_ICMP_ANSWER && conn->open.kind == LA_OPEN_UNREACHABLE) ||
           (finding->id == LA_FINDING_HALF_CLOSED && close->half_close_by != LA_WHO_NONE &&
            close->half_close_us >= 0);
}

void
la_explain_say_findings(FILE *stream, const struct la_explain_conn *conn)
{
    for (size_t i = 0; i < conn->findings_n; i++)
        if (!is_told(conn, &conn->findings[i]))
            la_explain_say_finding(stream, &conn->findings[i]);
}

void
la_explain_say_conn(FILE *stream, const struct la_explain_conn *conn)
{
    say_opening(stream, conn);
    say_volume(stream, conn);
    for (unsigned end = 0; end < 2; end++)
        say_loss(stream, conn, end);
    for (unsigned end = 0; end < 2; end++)
        say_path(stream, conn, end);
    say_limit(stream, conn);
    say_closing(stream, conn);
    la_explain_say_findings(stream, conn);
}

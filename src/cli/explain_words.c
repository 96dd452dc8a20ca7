/* SPDX-License-Identifier: MIT
 *
 * explain_words.c - names, numbers and times of `lastack explain`
 */
#include "cli/explain.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/time.h"

const char *
la_explain_endpoint(const struct la_endpoint *at, char out[LA_EXPLAIN_WORD_BYTES])
{
    char addr[LA_ADDR_TEXT_BYTES];
    bool v4 = la_addr_is_v4(&at->addr);
    (void)snprintf(out, LA_EXPLAIN_WORD_BYTES, v4 ? "%s:%u" : "[%s]:%u",
                   la_addr_format(&at->addr, addr), at->port);
    return out;
}

/* The two kinds of SYN-RECEIVED have one name. */
static bool
is_named_before(uint16_t set, unsigned state, enum la_names names)
{
    const char *name = la_tcp_state_name((enum la_tcp_state)state, names);
    for (unsigned s = 0; s < state; s++)
        if ((set >> s & 1) != 0 &&
            strcmp(la_tcp_state_name((enum la_tcp_state)s, names), name) == 0)
            return true;
    return false;
}

const char *
la_explain_states(uint16_t set, uint32_t names, char out[LA_EXPLAIN_TEXT_BYTES])
{
    const uint16_t all = (uint16_t)((1u << LA_TCP_STATE_COUNT) - 1) & ~1u;
    size_t n = 0;
    out[0] = 0;
    if ((set & all) == all)
        return "any";
    for (unsigned s = 0; s < LA_TCP_STATE_COUNT && n < LA_EXPLAIN_TEXT_BYTES; s++) {
        if ((set >> s & 1) == 0 || is_named_before(set, s, (enum la_names)names))
            continue;
        n += (size_t)snprintf(out + n, LA_EXPLAIN_TEXT_BYTES - n, "%s%s", n == 0 ? "" : "|",
                              la_tcp_state_name((enum la_tcp_state)s, (enum la_names)names));
    }
    return n == 0 ? "-" : out;
}

const char *
la_explain_duration(int64_t us, char out[LA_EXPLAIN_WORD_BYTES])
{
    double ms = (double)us / 1000;
    if (us < 0)
        (void)snprintf(out, LA_EXPLAIN_WORD_BYTES, "-");
    else if (us < LA_US_PER_MS)
        (void)snprintf(out, LA_EXPLAIN_WORD_BYTES, "%" PRId64 " us", us);
    else if (us < 100 * LA_US_PER_MS)
        (void)snprintf(out, LA_EXPLAIN_WORD_BYTES, "%.1f ms", ms);
    else if (us < LA_US_PER_S)
        (void)snprintf(out, LA_EXPLAIN_WORD_BYTES, "%.0f ms", ms);
    else if (us < 60 * LA_US_PER_S)
        (void)snprintf(out, LA_EXPLAIN_WORD_BYTES, "%.2f s", ms / 1000);
    else if (us < 3600 * LA_US_PER_S)
        (void)snprintf(out, LA_EXPLAIN_WORD_BYTES, "%" PRId64 " min %" PRId64 " s",
                       us / (60 * LA_US_PER_S), us / LA_US_PER_S % 60);
    else if (us >= 48 * 3600 * LA_US_PER_S)
        (void)snprintf(out, LA_EXPLAIN_WORD_BYTES, "%" PRId64 " days %" PRId64 " h",
                       us / (24 * 3600 * LA_US_PER_S), us / (3600 * LA_US_PER_S) % 24);
    else
        (void)snprintf(out, LA_EXPLAIN_WORD_BYTES, "%" PRId64 " h %" PRId64 " min",
                       us / (3600 * LA_US_PER_S), us / (60 * LA_US_PER_S) % 60);
    return out;
}

const char *
la_explain_count(uint64_t n, char out[LA_EXPLAIN_WORD_BYTES])
{
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n), at = 0;
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

const char *
la_explain_time(la_instant at, char out[LA_EXPLAIN_WORD_BYTES])
{
    struct tm tm;
    time_t s = (time_t)(at.ns / LA_NS_PER_S);
    if (la_instant_is_never(at) || gmtime_r(&s, &tm) == NULL)
        return "-";
    size_t n = strftime(out, LA_EXPLAIN_WORD_BYTES, "%Y-%m-%d %H:%M:%S", &tm);
    (void)snprintf(out + n, LA_EXPLAIN_WORD_BYTES - n, ".%06" PRId64,
                   at.ns % LA_NS_PER_S / LA_NS_PER_US);
    return out;
}

const char *
la_explain_limit_name(enum la_limit limit)
{
    static const char *const names[LA_LIMIT_COUNT] = {
        [LA_LIMIT_APPLICATION] = "application",
        [LA_LIMIT_RECEIVER] = "receiver",
        [LA_LIMIT_SEND_BUFFER] = "send_buffer",
        [LA_LIMIT_CONGESTION] = "congestion",
        [LA_LIMIT_PATH] = "path",
    };
    return limit < LA_LIMIT_COUNT ? names[limit] : "unknown";
}

uint64_t
la_explain_lost(const struct la_explain_conn *conn)
{
    return conn->direction[0].retransmissions.total + conn->direction[1].retransmissions.total;
}

/* By what a person would look at first: connections that never were, that ended badly, that
 * stalled; then by the share of what went again. */
uint64_t
la_explain_trouble(const struct la_explain_conn *conn)
{
    static const uint16_t by_close[LA_CLOSE_KIND_COUNT] = {
        [LA_CLOSE_TIMEOUT] = 1000,       [LA_CLOSE_UNREACHABLE] = 900, [LA_CLOSE_SYN_TIMEOUT] = 900,
        [LA_CLOSE_REFUSED] = 800,        [LA_CLOSE_HALF_OPEN] = 700,   [LA_CLOSE_RESET] = 600,
        [LA_CLOSE_FIN_THEN_RESET] = 400,
    };
    uint64_t trouble = conn->close.kind < LA_CLOSE_KIND_COUNT ? by_close[conn->close.kind] : 0;
    uint64_t segments = conn->direction[0].segments + conn->direction[1].segments;
    uint64_t again = la_explain_lost(conn);
    uint64_t stalled_us = conn->direction[0].zero_window_us + conn->direction[1].zero_window_us;
    if (again > 0)
        trouble += 100 + (segments == 0 ? 0 : 2000 * again / segments);
    trouble += stalled_us / 10000 < 500 ? stalled_us / 10000 : 500;
    for (size_t i = 0; i < conn->findings_n; i++) {
        const char *requirement = la_finding_requirement((enum la_finding)conn->findings[i].id);
        trouble += requirement[0] != 0 ? 300 : 10;
    }
    return trouble;
}

void
la_explain_none(const struct la_explain_out *out, const struct la_explain_file *file)
{
    char count[LA_EXPLAIN_WORD_BYTES];
    if (file->connections == 0)
        (void)fprintf(out->file, "no TCP connection in %s packet%s\n",
                      la_explain_count(file->packets, count), file->packets == 1 ? "" : "s");
    else if (out->args->conn < file->connections && out->args->filter == NULL)
        (void)fprintf(out->file,
                      "nothing of connection %llu can be drawn: what was captured of it "
                      "is damaged\n",
                      (unsigned long long)out->args->conn);
    else if (out->args->conn != UINT64_MAX && out->args->filter == NULL)
        (void)fprintf(out->file, "there is no connection %llu: the capture has %s%s\n",
                      (unsigned long long)out->args->conn,
                      file->connections == 1 ? "number 0 alone" : "numbers 0 to ",
                      file->connections == 1 ? "" : la_explain_count(file->connections - 1, count));
    else
        (void)fprintf(out->file, "the filter holds for none of %s connections\n",
                      la_explain_count(file->connections, count));
}

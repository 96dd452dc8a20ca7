/* SPDX-License-Identifier: MIT
 *
 * explain_servers.c - what befell servers, not one connection: floods, full queues, scans
 *
 * Said before the connections, which are many then, and each no more than one of them.
 */
#include "cli/explain_prose.h"

bool
la_explain_is_of_servers(const struct la_explain_finding *finding)
{
    return finding->id >= LA_FINDING_SYN_FLOOD;
}

static bool
is_about(const struct la_explain_finding *finding, const struct la_explain_listener *listener)
{
    return (finding->id == LA_FINDING_SYN_FLOOD && listener->is_flooded) ||
           (finding->id == LA_FINDING_SYN_COOKIES && listener->has_cookies) ||
           (finding->id == LA_FINDING_ACCEPT_QUEUE_FULL && listener->is_full) ||
           (finding->id == LA_FINDING_PORT_SCAN && listener->is_scanned);
}

/* Who scans whom. */
static void
say_scan(const struct la_explain_out *out, const struct la_explain_listener *listener)
{
    char from[LA_ADDR_TEXT_BYTES], to[LA_ADDR_TEXT_BYTES];
    (void)fprintf(out->file, "%s %s %s", la_addr_format(&listener->scanner, from),
                  out->args->ascii ? "->" : "→", la_addr_format(&listener->at.addr, to));
}

/* Another port of a scan that the listeners before it belong to. */
static bool
is_of_known_scan(const struct la_explain_out *out, const struct la_explain_listener *listener,
                 size_t before)
{
    struct la_explain_listener other;
    for (size_t i = 0; i < before && la_explain_listener_get(out->explain, i, &other); i++)
        if (other.is_scanned && la_addr_equal(&other.at.addr, &listener->at.addr) &&
            la_addr_equal(&other.scanner, &listener->scanner))
            return true;
    return false;
}

/* The server that the n-th finding of its kind is about: they are told in the order of servers.
 * With the last one there may be more, of which no more is said. */
static void
say_name(const struct la_explain_out *out, const struct la_explain_finding *finding, size_t nth)
{
    struct la_explain_listener listener;
    char name[LA_EXPLAIN_WORD_BYTES];
    size_t n = 0;
    if (finding->id == LA_FINDING_SYN_SPRAY) {
        (void)fputs("Many servers", out->file);
        return;
    }
    for (size_t i = 0; la_explain_listener_get(out->explain, i, &listener); i++) {
        bool is_scan = finding->id == LA_FINDING_PORT_SCAN;
        if (!is_about(finding, &listener) || (is_scan && is_of_known_scan(out, &listener, i)))
            continue;
        if (n == nth && is_scan)
            say_scan(out, &listener);
        else if (n == nth)
            (void)fputs(la_explain_endpoint(&listener.at, name), out->file);
        n++;
        if (n > nth && nth + 1 < LA_EXPLAIN_TOLD_SERVERS_MAX)
            return;
    }
    if (n > nth + 1)
        (void)fprintf(out->file, ", and %zu more", n - nth - 1);
}

/* How many findings of that kind stand before it. */
static size_t
place_of(const struct la_explain_file *file, size_t idx)
{
    size_t n = 0;
    for (size_t i = 0; i < idx; i++)
        n += file->findings[i].id == file->findings[idx].id;
    return n;
}

bool
la_explain_say_servers(const struct la_explain_out *out, const struct la_explain_file *file)
{
    const char *bold = out->args->colour ? "\033[1m" : "",
               *plain = out->args->colour ? "\033[0m" : "";
    for (size_t i = 0; i < file->findings_n; i++) {
        struct la_prose p;
        if (!la_explain_is_of_servers(&file->findings[i]))
            continue;
        if (!la_prose_begin(&p))
            return false;
        (void)fputs(bold, out->file);
        say_name(out, &file->findings[i], place_of(file, i));
        (void)fprintf(out->file, "%s\n", plain);
        la_explain_say_finding(p.stream, &file->findings[i]);
        if (!la_prose_end(&p, out->file, out->args->width))
            return false;
        (void)fputc('\n', out->file);
    }
    return true;
}

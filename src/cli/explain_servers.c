/* SPDX-License-Identifier: MIT
 *
 * explain_servers.c - what befell servers, not one connection: floods, full queues, scans
 *
 * Said before the connections, which are many then, and each no more than one of them.
 */
#include "cli/explain_prose.h"

#include <inttypes.h>

enum { NAMES_N_MAX = 3 };

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

/* The first servers that it is about, and how many more. */
static void
say_names(const struct la_explain_out *out, const struct la_explain_finding *finding)
{
    struct la_explain_listener listener;
    char name[LA_EXPLAIN_WORD_BYTES];
    uint64_t n = 0;
    for (size_t i = 0; la_explain_listener_get(out->explain, i, &listener); i++) {
        if (!is_about(finding, &listener))
            continue;
        if (finding->id == LA_FINDING_PORT_SCAN) {
            say_scan(out, &listener);
            return;
        }
        if (n++ < NAMES_N_MAX)
            (void)fprintf(out->file, "%s%s", n == 1 ? "" : ", ",
                          la_explain_endpoint(&listener.at, name));
    }
    if (n > NAMES_N_MAX)
        (void)fprintf(out->file, " and %" PRIu64 " more", n - NAMES_N_MAX);
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
        say_names(out, &file->findings[i]);
        (void)fprintf(out->file, "%s\n", plain);
        la_explain_say_finding(p.stream, &file->findings[i]);
        if (!la_prose_end(&p, out->file, out->args->width))
            return false;
        (void)fputc('\n', out->file);
    }
    return true;
}

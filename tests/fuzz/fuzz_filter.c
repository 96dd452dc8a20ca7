/* SPDX-License-Identifier: MIT
 *
 * fuzz_filter.c - any text as a connection filter
 *
 * One that is understood holds for a connection exactly when "not (...)" of it does not; what is
 * wrong with another is said in one line.
 */
#include "cli/conn_filter.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1 << 13, CONNS_N = 3 };

static void
must(bool ok)
{
    if (!ok)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static char text[TEXT_BYTES], negated[TEXT_BYTES + 8];
    static struct la_conn_filter filter, opposite;
    static const struct la_explain_finding finding = {.id = 1};
    static const struct la_explain_conn conns[CONNS_N] = {
        {.open.rtt_us = -1},
        {.id = 1,
         .at = {{{{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}}, 5000},
                {{{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2}}, 443}},
         .first_at = {1000000000},
         .last_at = {5000000000},
         .open = {.kind = LA_OPEN_THREE_WAY, .complete = true, .rtt_us = 10000},
         .close = {.kind = LA_CLOSE_RESET, .by = LA_WHO_SERVER},
         .proven = {4, 8},
         .direction = {{.segments = 3, .flags = 0x12}, {.segments = 4, .flags = 4}},
         .findings = &finding,
         .findings_n = 1},
        {.id = UINT64_MAX,
         .at = {{{{0x20, 1}}, 0}, {{{0xff}}, 65535}},
         .first_at = {INT64_MAX},
         .direction = {{.bytes = UINT64_MAX}}},
    };
    char error[LA_EXPR_ERROR_BYTES];
    n = n < TEXT_BYTES - 1 ? n : TEXT_BYTES - 1;
    memcpy(text, data, n);
    text[n] = '\0';
    bool understood = la_conn_filter_parse(text, &filter, error);
    must(understood == (error[0] == '\0'));
    must(memchr(error, '\0', sizeof(error)) != NULL);
    (void)snprintf(negated, sizeof(negated), "not (%s)", text);
    if (!understood || !la_conn_filter_parse(negated, &opposite, error))
        return 0; /* no room for more, or quotes that nothing closed */
    for (unsigned i = 0; i < CONNS_N; i++)
        must(la_conn_filter_holds(&filter, &conns[i], (la_instant){0}) !=
             la_conn_filter_holds(&opposite, &conns[i], (la_instant){0}));
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * fuzz_ss.c - what `lastack ss` reads: filters of its command line, and answers of instances
 *
 * The first octet chooses. A filter that is understood holds for a socket exactly when "not (...)"
 * of it does not. An answer that is understood means the same when it is written and read again,
 * and its words have their place.
 */
#include "cli/ss.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1 << 14, SOCKETS_N = 4 };

static void
must(bool ok)
{
    if (!ok)
        abort();
}

/* ---- filters --------------------------------------------------------------------------------- */

static void
fuzz_filter(struct fuzz_in *in)
{
    static char text[TEXT_BYTES];
    static struct la_ss_filter filter, opposite;
    char error[LA_SS_FILTER_ERROR_BYTES];
    char *word = text, *negated[] = {(char[]){"not ("}, text, (char[]){")"}};
    size_t n = in->n < sizeof(text) - 1 ? in->n : sizeof(text) - 1;
    memcpy(text, in->p, n);
    text[n] = '\0';
    bool understood = la_ss_filter_parse(&word, 1, &filter, error);
    must(understood == (error[0] == '\0'));
    must(memchr(error, '\0', sizeof(error)) != NULL);
    if (!understood || filter.states != 0 || !filter.has_expression ||
        !la_ss_filter_parse(negated, 3, &opposite, error))
        return; /* it is no expression alone, or there is no room for more of it */
    const struct la_endpoint ends[SOCKETS_N] = {{la_addr_v4(10, 0, 0, 1), 80},
                                                {la_addr_v4(127, 0, 0, 1), 65535},
                                                {{{0x20, 1, 0xd, 0xb8, [15] = 1}}, 443},
                                                {{{0}}, 0}};
    for (unsigned i = 0; i < SOCKETS_N * SOCKETS_N; i++) {
        const struct la_endpoint *a = &ends[i / SOCKETS_N], *b = &ends[i % SOCKETS_N];
        must(la_ss_filter_holds(&filter, a, b) != la_ss_filter_holds(&opposite, a, b));
    }
}

/* ---- answers --------------------------------------------------------------------------------- */

static void
check_words(const struct la_report *report)
{
    static struct la_ss_words words;
    struct la_ss_cfg cfg = {.numeric = true, .processes = true, .timers = true, .info = true};
    char endpoint[LA_ADDR_TEXT_BYTES + 16];
    words.n = 0;
    la_ss_words_brief(&cfg, report, &words);
    if (report->kind == LA_REPORT_CONNECTION) {
        la_ss_words_info(report, &words);
        la_ss_endpoint(&cfg, &report->u.conn.local, false, endpoint, sizeof(endpoint));
        must(memchr(endpoint, '\0', sizeof(endpoint)) != NULL);
    }
    must(words.n <= LA_SS_WORDS_MAX);
    for (unsigned i = 0; i < words.n; i++)
        must(memchr(words.word[i], '\0', LA_SS_WORD_BYTES) != NULL);
}

static char *
written(const struct la_report *report)
{
    json_t *object = la_report_encode(report, (la_instant){0});
    must(object != NULL);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    must(text != NULL);
    return text;
}

static void
fuzz_answer(struct fuzz_in *in)
{
    static struct la_report report, again;
    json_t *object = json_loadb((const char *)in->p, in->n, 0, NULL);
    if (object == NULL)
        return;
    if (la_report_decode(object, &report)) {
        check_words(&report);
        char *text = written(&report);
        json_t *back = json_loads(text, 0, NULL);
        must(back != NULL && la_report_decode(back, &again));
        char *text_again = written(&again);
        must(strcmp(text, text_again) == 0);
        free(text);
        free(text_again);
        json_decref(back);
    }
    json_decref(object);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_in in = {data, n};
    if ((fuzz_u8(&in) & 1) == 0)
        fuzz_filter(&in);
    else
        fuzz_answer(&in);
    return 0;
}

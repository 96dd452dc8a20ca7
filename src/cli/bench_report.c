/* SPDX-License-Identifier: MIT
 *
 * bench_report.c - results as a table or as JSON
 *
 * The JSON object has "version" (1), "bench" and one number per result. Keys are only ever added.
 */
#include "cli/bench.h"

#include <stdio.h>

#include "base/assert.h"
#include "cli/cli.h"

void
la_bench_report_add(struct la_bench_report *report, struct la_bench_result result)
{
    LA_ASSERT(report->n < LA_BENCH_RESULTS_MAX);
    report->results[report->n++] = result;
}

static void
print_json(const struct la_bench_report *report)
{
    printf("{\"version\": 1, \"bench\": \"%s\"", report->noun);
    for (size_t i = 0; i < report->n; i++) {
        const struct la_bench_result *r = &report->results[i];
        printf(", \"%s\": %.*f", r->key, r->decimals, r->value);
    }
    puts("}");
}

static void
print_table(const struct la_bench_report *report)
{
    for (size_t i = 0; i < report->n; i++) {
        const struct la_bench_result *r = &report->results[i];
        if (r->text != NULL)
            printf("%16.*f  %s\n", r->decimals, r->value, r->text);
    }
}

void
la_bench_report_print(const struct la_bench_report *report, bool json)
{
    if (json)
        print_json(report);
    else
        print_table(report);
}

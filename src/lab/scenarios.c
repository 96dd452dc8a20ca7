/* SPDX-License-Identifier: MIT
 *
 * scenarios.c - the table of scenarios
 */
#include "lab/scenario.h"

#include <string.h>

const struct la_scenario *const la_scenarios[] = {
    &la_scenario_layers,
    &la_scenario_sockets,
    &la_scenario_binding,
    &la_scenario_handshake,
    &la_scenario_open_simultaneous,
    &la_scenario_old_syn,
    &la_scenario_fast_open,
    &la_scenario_mss,
    &la_scenario_options,
    &la_scenario_transfer,
    &la_scenario_nagle,
    &la_scenario_close,
    &la_scenario_close_merged,
    &la_scenario_close_finack,
    &la_scenario_close_simultaneous,
    &la_scenario_half_close,
    &la_scenario_time_wait,
    &la_scenario_refused,
    &la_scenario_abort,
    &la_scenario_linger,
    &la_scenario_half_open,
    &la_scenario_rst_attack,
    &la_scenario_syn_timeout,
    &la_scenario_backlog,
    &la_scenario_syn_queue,
    &la_scenario_syn_flood,
    &la_scenario_syn_cookies,
    &la_scenario_keepalive,
    &la_scenario_rto,
    &la_scenario_fast_retransmit,
    &la_scenario_sack,
    &la_scenario_rack,
    &la_scenario_spurious,
    &la_scenario_congestion,
    &la_scenario_ecn,
    &la_scenario_accecn,
    &la_scenario_pmtu,
    &la_scenario_zero_window,
    &la_scenario_silly_window,
    &la_scenario_window_scale,
    &la_scenario_urgent,
    NULL,
};

const struct la_scenario *
la_scenario_find(const char *name)
{
    for (size_t i = 0; la_scenarios[i] != NULL; i++)
        if (strcmp(la_scenarios[i]->name, name) == 0)
            return la_scenarios[i];
    return NULL;
}

enum { NAME_BYTES_MAX = 32, DISTANCE_FAR = 4, PART_BYTES_MIN = 3 };

static size_t
least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* How many letters must be added, left out or changed (Levenshtein). */
static size_t
distance(const char *a, const char *b)
{
    size_t row[NAME_BYTES_MAX + 1];
    size_t b_n = strlen(b);
    for (size_t j = 0; j <= b_n; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != 0; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_n; j++) {
            size_t changed = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = least(changed, row[j] + 1, row[j + 1] + 1);
        }
    }
    return row[b_n];
}

const struct la_scenario *
la_scenario_suggest(const char *name)
{
    const struct la_scenario *nearest = NULL;
    size_t nearest_at = DISTANCE_FAR;
    size_t n = strlen(name);
    if (n == 0 || n > NAME_BYTES_MAX)
        return NULL;
    for (size_t i = 0; n >= PART_BYTES_MIN && la_scenarios[i] != NULL; i++)
        if (strncmp(la_scenarios[i]->name, name, n) == 0)
            return la_scenarios[i];
    for (size_t i = 0; la_scenarios[i] != NULL; i++) {
        const char *known = la_scenarios[i]->name;
        size_t far = distance(name, known), known_n = strlen(known);
        if (far < nearest_at && 2 * far <= (known_n > n ? known_n : n)) {
            nearest = la_scenarios[i];
            nearest_at = far;
        }
    }
    /* Nothing near: the first part of a longer name ("simultaneous" has two). */
    for (size_t i = 0; nearest == NULL && n >= PART_BYTES_MIN && la_scenarios[i] != NULL; i++)
        if (strstr(la_scenarios[i]->name, name) != NULL)
            nearest = la_scenarios[i];
    return nearest;
}

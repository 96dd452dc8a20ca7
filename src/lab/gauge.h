/* SPDX-License-Identifier: MIT
 *
 * gauge.h - how full a listener's queues were, over time
 *
 * A scenario reads the gauge at instants of its choice; below the ladder the readings stand as a
 * table with a bar, as somebody would see them who asks `lastack ss -l -i` again and again.
 */
#ifndef LA_LAB_GAUGE_H
#define LA_LAB_GAUGE_H

#include <lastack/stack.h>
#include <lastack/story.h>
#include "lab/lab.h"

enum { LA_LAB_GAUGE_N_MAX = 48 };

struct la_lab_gauge {
    struct {
        la_instant at;
        struct la_listener_status status;
        const char *words; /* what has just happened; NULL: nothing */
    } reading[LA_LAB_GAUGE_N_MAX];
    size_t n;
};

/* A reading of the server's listener; `words` must live as long as the gauge. */
void la_lab_gauge_read(struct la_lab_gauge *gauge, struct la_lab *lab, const char *words);
/* So many of them, `ms` apart, as time passes. */
void la_lab_gauge_run(struct la_lab_gauge *gauge, struct la_lab *lab, size_t n, uint32_t ms);
void la_lab_gauge_put(const struct la_lab_gauge *gauge, const struct la_story_cfg *story);

#endif

/* SPDX-License-Identifier: MIT
 *
 * live.h - two real stacks on a real wire, in virtual time, telling their story
 */
#ifndef LA_TESTS_STORY_LIVE_H
#define LA_TESTS_STORY_LIVE_H

#include <lastack/link.h>

enum live_act {
    LIVE_TRANSFER, /* the client sends, both close */
    LIVE_REFUSED,  /* nobody listens */
    LIVE_ABORT,    /* the client aborts half-way */
    LIVE_SLOW      /* the server reads late: zero window */
};

struct live_cfg {
    enum live_act act;
    uint64_t seed;
    size_t octets;
    struct la_impair impair; /* both ways */
};

/* False: it did not come to its end within ten minutes of virtual time. */
bool live_run(const struct live_cfg *cfg, const struct la_trace *trace);

#endif

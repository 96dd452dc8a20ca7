/* SPDX-License-Identifier: MIT
 *
 * drill.h - plays a packet script on one stack in virtual time
 *
 * One script, one stack, no clock: the same script gives the same result, octet for octet.
 */
#ifndef LA_DRILL_DRILL_H
#define LA_DRILL_DRILL_H

#include <lastack/event.h>
#include "drill/origin.h"

enum la_drill_outcome {
    LA_DRILL_PASSED,
    LA_DRILL_FAILED,   /* the stack did something else than the script says */
    LA_DRILL_UNREADABLE /* the script is wrong */
};

struct la_drill_result {
    uint8_t outcome; /* enum la_drill_outcome */
    struct la_drill_mistake mistake;
    char expected[LA_DRILL_MESSAGE_BYTES], came[LA_DRILL_MESSAGE_BYTES]; /* empty: nothing to say */
    char hint[LA_DRILL_MESSAGE_BYTES]; /* what may be behind it */
    struct la_drill_origin origin;
    int64_t time_us;   /* virtual: when it ended */
    uint32_t events_n; /* that were played */
};

/* `hears` (zeroed: nobody) gets the stack's story. The script is only read. */
void la_drill_play(struct la_drill_script *script, const struct la_trace *hears,
                   struct la_drill_result *result);

#endif

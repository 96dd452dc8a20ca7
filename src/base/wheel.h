/* SPDX-License-Identifier: MIT
 *
 * wheel.h - one hierarchical timer wheel per instance
 *
 * Nodes are named by a 31-bit index (a record's index in its pool); their links lie in the record,
 * reached through `link_of`. One node per record: its earliest deadline. Re-arming later is lazy:
 * the owner moves only its own deadline, and when the wheel fires early the owner arms again. A
 * tick is 2^16 ns (65.5 us); the levels reach 4.2 ms, 268 ms, 17 s, 18 min, 20 h and 39 h, half the
 * time that the ticks of a node wrap in: farther deadlines come up early as well.
 */
#ifndef LA_BASE_WHEEL_H
#define LA_BASE_WHEEL_H

#include <lastack/base.h>

#define LA_WHEEL_NONE UINT32_MAX
#define LA_WHEEL_HEAD UINT32_C(0x80000000)
#define LA_WHEEL_AHEAD_MAX UINT32_C(0x7fffffff) /* ticks */
enum { LA_WHEEL_TICK_SHIFT = 16, LA_WHEEL_LEVELS = 6, LA_WHEEL_SLOTS = 64 };

struct la_wheel_link {
    uint32_t next;
    uint32_t prev; /* a node index, or slot | LA_WHEEL_HEAD when first of its slot; LA_WHEEL_NONE:
                      it is not armed */
    uint32_t tick; /* when it is armed for, modulo 2^32 */
};

typedef struct la_wheel_link *la_wheel_link_fn(void *ctx, uint32_t idx);

struct la_wheel {
    uint64_t tick_now;
    uint64_t occupied[LA_WHEEL_LEVELS]; /* a bit per slot */
    uint32_t slot[LA_WHEEL_LEVELS][LA_WHEEL_SLOTS];
    uint32_t expired;                   /* list of nodes that are due, first come first */
    uint32_t expired_last;
    la_wheel_link_fn *link_of;
    void *ctx;
};

void la_wheel_init(struct la_wheel *w, la_wheel_link_fn *link_of, void *ctx, la_instant now);
void la_wheel_link_init(struct la_wheel_link *link);
/* Arms idx for `at` (rounded up to a tick), or LA_WHEEL_AHEAD_MAX ticks from now when that is
 * earlier; an armed node is moved. NEVER disarms it. O(1). */
void la_wheel_arm(struct la_wheel *w, uint32_t idx, la_instant at);
/* The same, but a node that is armed for an earlier tick stays there: it will come up early, and
 * its owner arms it again. */
void la_wheel_arm_lazy(struct la_wheel *w, uint32_t idx, la_instant at);
void la_wheel_disarm(struct la_wheel *w, uint32_t idx);
bool la_wheel_is_armed(const struct la_wheel_link *link);
/* When it is armed for, rounded up to a tick; NEVER when it is not. */
la_instant la_wheel_at(const struct la_wheel *w, const struct la_wheel_link *link);
/* Next node that is due at `now`, disarmed; LA_WHEEL_NONE when there is none. Amortised O(1). */
uint32_t la_wheel_next_due(struct la_wheel *w, la_instant now);
/* When la_wheel_next_due() can next have something, a bound that may be early (cascade), never
 * late; NEVER when empty. O(levels). */
la_instant la_wheel_deadline(const struct la_wheel *w);
/* Asserts the invariants. O(nodes). */
void la_wheel_check(const struct la_wheel *w);

#endif

/* SPDX-License-Identifier: MIT
 *
 * test_scoreboard.c - ranges in flight against a model with one entry per octet
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lastack/host.h>
#include "base/mem.h"
#include "base/rng.h"
#include "base/time.h"
#include "tcp/scoreboard.h"

enum { OCTETS_MAX = 20000 };

static bool memory_fails;

static void *
take(void *ctx, size_t n)
{
    (void)ctx;
    return memory_fails ? NULL : malloc(n);
}

static void
give(void *ctx, void *bytes, size_t n)
{
    (void)ctx;
    (void)n;
    free(bytes);
}

/* What is known of each octet. */
static struct {
    int64_t sent_at_ns;
    unsigned sent_n;
} model[OCTETS_MAX];

static struct la_mem *mem;
static struct la_tcp_scoreboard board;
static la_seq first;
static uint32_t una, nxt;

static la_seq
seq(uint32_t off)
{
    return la_seq_add(first, off);
}

/* What is sent within one instant, but not in the order of its numbers, counts as sent later. */
static int64_t
stamp_ns(uint32_t end, la_instant now)
{
    static int64_t last_ns;
    static uint32_t last_end;
    if (nxt == 0)
        last_ns = -1; /* a new board */
    if (last_ns < now.ns)
        last_ns = now.ns;
    else if (board.row.n > 0 && end <= last_end)
        last_ns++;
    last_end = end;
    return last_ns;
}

static void
sent(uint32_t n, la_instant now)
{
    int64_t at_ns = stamp_ns(nxt + n, now);
    la_tcp_scoreboard_sent(&board, mem, seq(nxt), seq(nxt + n), now);
    for (uint32_t i = 0; i < n; i++, nxt++) {
        model[nxt].sent_at_ns = at_ns;
        model[nxt].sent_n = 1;
    }
}

static void
resent(uint32_t from, uint32_t to, bool exact, la_instant now)
{
    unsigned most = 1;
    for (uint32_t i = from; i < to; i++)
        most = model[i].sent_n > most ? model[i].sent_n : most;
    int64_t at_ns = stamp_ns(to, now);
    uint8_t before = la_tcp_scoreboard_resent(&board, mem, seq(from), seq(to), now);
    if (exact)
        assert_int_equal(before, most > UINT8_MAX ? UINT8_MAX : most);
    for (uint32_t i = from; i < to; i++) {
        model[i].sent_at_ns = at_ns;
        model[i].sent_n++;
    }
}

static void
acked(uint32_t to, bool exact)
{
    la_instant sent_at;
    la_tcp_scoreboard_acked(&board, seq(to), &sent_at);
    bool once = to > una;
    bool real = false;
    for (uint32_t i = una; i < to; i++) {
        once &= model[i].sent_n == 1;
        real |= model[i].sent_n == 1 && model[i].sent_at_ns == sent_at.ns;
    }
    if (exact && once)
        assert_int_equal(sent_at.ns, model[to - 1].sent_at_ns);
    if (exact && !once)
        assert_true(la_instant_is_never(sent_at)); /* Karn */
    if (!la_instant_is_never(sent_at))
        assert_true(real); /* lost perhaps, never invented */
    una = to;
}

static void
run(uint64_t s, bool failing)
{
    struct la_rng rng;
    struct la_seed seed = {{s}};
    la_rng_init(&rng, &seed, "scoreboard");
    first = la_seq_of((uint32_t)la_rng_below(&rng, UINT32_MAX));
    una = nxt = 0;
    memory_fails = false;
    la_instant now = la_instant_of_ns(0);
    for (unsigned i = 0; i < 400; i++) {
        now.ns += (int64_t)la_rng_below(&rng, 2);
        memory_fails = failing && la_rng_below(&rng, 2) == 0;
        uint64_t what = la_rng_below(&rng, 10);
        uint32_t flight = nxt - una;
        if (what < 5 && nxt + 40 < OCTETS_MAX) {
            sent(1 + (uint32_t)la_rng_below(&rng, 40), now);
        } else if (what < 8 && flight > 0) {
            uint32_t from = una + (uint32_t)la_rng_below(&rng, flight);
            uint32_t left = nxt - from;
            resent(from, from + 1 + (uint32_t)la_rng_below(&rng, left < 50 ? left : 50), !failing,
                   now);
        } else if (flight > 0) {
            acked(una + (uint32_t)la_rng_below(&rng, flight + 1), !failing);
        }
        la_tcp_scoreboard_check(&board, seq(una), seq(nxt));
        assert_true(board.cap <= LA_TCP_SCOREBOARD_MAX);
    }
    la_tcp_scoreboard_fini(&board, mem);
}

static void
test_scoreboard__against_a_model(void **state)
{
    (void)state;
    for (uint64_t s = 1; s <= 300; s++)
        run(s, false);
}

static void
test_scoreboard__when_memory_fails(void **state)
{
    (void)state;
    for (uint64_t s = 1; s <= 300; s++)
        run(s, true);
}

/* ---- lost, SACKed, sent again ----------------------------------------------------------- */

static bool lost[OCTETS_MAX], sacked[OCTETS_MAX];

static uint32_t
lost_n(void)
{
    uint32_t n = 0;
    for (uint32_t i = una; i < nxt; i++)
        n += lost[i] && !sacked[i];
    return n;
}

static void
lose_one(struct la_rng *rng)
{
    unsigned i = (unsigned)la_rng_below(rng, board.row.n);
    struct la_tcp_sent *range = la_tcp_scoreboard_at(&board, i);
    if (range->lost_bytes > 0)
        return;
    for (uint32_t k = (uint32_t)la_seq_diff(range->first, first);
         k < (uint32_t)la_seq_diff(range->end, first); k++)
        lost[k] = !sacked[k];
    la_tcp_scoreboard_lose(&board, range);
}

static void
arrive(uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (!sacked[i])
            la_tcp_scoreboard_arrived(&board, (struct la_range){seq(i), seq(i + 1)});
}

static void
sack(uint32_t from, uint32_t to)
{
    arrive(from, to);
    memset(sacked + from, true, to - from);
    assert_true(la_ranges_add(&board.sacked, (struct la_range){seq(from), seq(to)}));
    la_tcp_scoreboard_sacked(&board, (struct la_range){seq(from), seq(to)});
}

/* What is lost is counted as octet by octet; ranges that are SACKed whole are few. */
static void
lose_and_sack(uint64_t s)
{
    struct la_rng rng;
    static struct la_range room[OCTETS_MAX];
    la_rng_init(&rng, &(struct la_seed){{s}}, "scoreboard lost");
    first = la_seq_of((uint32_t)la_rng_below(&rng, UINT32_MAX));
    una = nxt = 0;
    memset(lost, 0, sizeof(lost));
    memset(sacked, 0, sizeof(sacked));
    la_ranges_init(&board.sacked, room, OCTETS_MAX);
    la_instant now = la_instant_of_ns(0);
    for (unsigned step = 0; step < 300; step++, now.ns += (int64_t)la_rng_below(&rng, 2)) {
        uint32_t flight = nxt - una;
        uint32_t from = una + (uint32_t)la_rng_below(&rng, flight + 1);
        uint32_t to = from + (uint32_t)la_rng_below(&rng, nxt - from + 1);
        uint64_t what = la_rng_below(&rng, 12);
        if (flight == 0 || what < 4) {
            sent(1 + (uint32_t)la_rng_below(&rng, 30), now);
        } else if (what < 6) {
            lose_one(&rng);
        } else if (what < 8 && from > una && to > from) {
            sack(from, to);
        } else if (what == 8) {
            while (from < nxt && sacked[from])
                from++;
            for (to = from; to < nxt && !sacked[to] && to < from + 20;)
                to++;
            if (to == from)
                continue;
            resent(from, to, false, now);
            memset(lost + from, false, to - from);
        } else if (what == 9) {
            while (from < nxt && sacked[from])
                from++;
            arrive(una, from);
            la_instant sent_at;
            la_tcp_scoreboard_acked(&board, seq(from), &sent_at);
            la_ranges_remove_below(&board.sacked, seq(from));
            una = from;
        } else if (what == 10 && la_rng_below(&rng, 8) == 0) {
            la_tcp_scoreboard_lose_none(&board);
            memset(lost, 0, sizeof(lost));
        }
        la_tcp_scoreboard_check(&board, seq(una), seq(nxt));
        assert_int_equal(board.lost_bytes, lost_n());
        unsigned whole_n = 0;
        for (unsigned i = 0; i < board.row.n; i++) {
            const struct la_tcp_sent *r = la_tcp_scoreboard_at(&board, i);
            whole_n += la_ranges_contains(&board.sacked, (struct la_range){r->first, r->end});
        }
        assert_true(whole_n <= 3 * board.sacked.row.n); /* one, and what was cut off at its ends */
    }
    la_ranges_init(&board.sacked, NULL, 0);
    la_tcp_scoreboard_fini(&board, mem);
}

static void
test_scoreboard__lost_and_sacked(void **state)
{
    (void)state;
    for (uint64_t s = 1; s <= 300; s++)
        lose_and_sack(s);
}

/* However the peer acknowledges, memory is bounded. */
static void
test_scoreboard__is_bounded(void **state)
{
    (void)state;
    first = la_seq_of(0);
    una = nxt = 0;
    la_instant now = la_instant_of_ns(0);
    for (uint32_t i = 0; i < 40000; i++, now.ns++)
        la_tcp_scoreboard_sent(&board, mem, seq(2 * i), seq(2 * i + 2), now);
    assert_int_equal(board.row.n, LA_TCP_SCOREBOARD_MAX);
    for (uint32_t i = 0; i < 80000; i += 4)
        (void)la_tcp_scoreboard_resent(&board, mem, seq(i), seq(i + 1), now);
    assert_int_equal(board.row.n, LA_TCP_SCOREBOARD_MAX);
    la_tcp_scoreboard_check(&board, seq(0), seq(80000));
    la_instant sent_at;
    la_tcp_scoreboard_acked(&board, seq(80000), &sent_at);
    assert_int_equal(board.row.n, 0);
    la_tcp_scoreboard_fini(&board, mem);
}

static int
setup(void **state)
{
    (void)state;
    static const struct la_alloc alloc = {take, give, NULL};
    mem = la_mem_new(&alloc, 0);
    return mem == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    la_mem_unref(mem);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scoreboard__against_a_model),
        cmocka_unit_test(test_scoreboard__when_memory_fails),
        cmocka_unit_test(test_scoreboard__lost_and_sacked),
        cmocka_unit_test(test_scoreboard__is_bounded),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: MIT
 *
 * test_scoreboard.c - ranges in flight against a model with one entry per octet
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <lastack/host.h>

#include "base/rng.h"
#include "base/time.h"
#include "tcp/scoreboard.h"

enum { SPAN = 400 };

struct model {
    la_instant sent_at[SPAN];
    uint8_t sent_n[SPAN];
    uint32_t una, nxt;
};

static la_seq
seq_at(uint32_t i)
{
    return la_seq_of(UINT32_MAX - 150 + i); /* across the wrap */
}

static la_instant
model_acked(struct model *m, uint32_t una)
{
    la_instant newest = LA_INSTANT_NEVER;
    bool ambiguous = false;
    for (uint32_t i = m->una; i < una; i++) {
        ambiguous |= m->sent_n[i] > 1;
        newest = m->sent_at[i];
    }
    m->una = una;
    return ambiguous ? LA_INSTANT_NEVER : newest;
}

static void
one_run(uint64_t seed, struct la_mem *mem)
{
    struct la_rng rng;
    struct la_seed s = {{seed}};
    la_rng_init(&rng, &s, "scoreboard");
    struct la_tcp_scoreboard board = {0};
    struct model m = {.nxt = 0};
    for (int64_t t = 1; m.una < SPAN - 40; t += (int64_t)la_rng_below(&rng, 2)) {
        la_instant now = la_instant_of_ns(t);
        uint64_t what = la_rng_below(&rng, 3);
        if (what == 0 && m.nxt < SPAN - 20) {
            uint32_t n = 1 + (uint32_t)la_rng_below(&rng, 20);
            la_tcp_scoreboard_sent(&board, mem, seq_at(m.nxt), seq_at(m.nxt + n), now);
            for (uint32_t i = m.nxt; i < m.nxt + n; i++) {
                m.sent_at[i] = now;
                m.sent_n[i] = 1;
            }
            m.nxt += n;
        } else if (what == 1 && m.nxt > m.una) {
            uint32_t first = m.una + (uint32_t)la_rng_below(&rng, m.nxt - m.una);
            uint32_t n = 1 + (uint32_t)la_rng_below(&rng, m.nxt - first);
            uint8_t before = 0;
            for (uint32_t i = first; i < first + n; i++) {
                before = m.sent_n[i] > before ? m.sent_n[i] : before;
                m.sent_at[i] = now;
                m.sent_n[i]++;
            }
            assert_int_equal(
                la_tcp_scoreboard_resent(&board, mem, seq_at(first), seq_at(first + n), now),
                before);
        } else if (m.nxt > m.una) {
            uint32_t una = m.una + 1 + (uint32_t)la_rng_below(&rng, m.nxt - m.una);
            la_instant sent_at;
            la_tcp_scoreboard_acked(&board, seq_at(una), &sent_at);
            assert_int_equal(sent_at.ns, model_acked(&m, una).ns);
        }
        la_tcp_scoreboard_check(&board, seq_at(m.una), seq_at(m.nxt));
    }
    la_tcp_scoreboard_fini(&board, mem);
}

static void
test_scoreboard__equals_a_model(void **state)
{
    (void)state;
    struct la_mem *mem = la_mem_new(la_host_alloc(), 0);
    for (uint64_t seed = 1; seed <= 500; seed++)
        one_run(seed, mem);
    la_mem_unref(mem);
}

/* A retransmission that fills a hole draws an acknowledgement for newer octets too: measured from
 * those, it would look like a long round trip. */
static void
test_scoreboard__no_sample_across_a_repair(void **state)
{
    (void)state;
    struct la_mem *mem = la_mem_new(la_host_alloc(), 0);
    struct la_tcp_scoreboard board = {0};
    la_instant sent_at;
    la_tcp_scoreboard_sent(&board, mem, seq_at(0), seq_at(10), la_instant_of_ns(100));
    la_tcp_scoreboard_sent(&board, mem, seq_at(10), seq_at(20), la_instant_of_ns(200));
    (void)la_tcp_scoreboard_resent(&board, mem, seq_at(0), seq_at(10), la_instant_of_ns(900));
    la_tcp_scoreboard_acked(&board, seq_at(20), &sent_at);
    assert_true(la_instant_is_never(sent_at));
    la_tcp_scoreboard_fini(&board, mem);
    la_mem_unref(mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scoreboard__equals_a_model),
        cmocka_unit_test(test_scoreboard__no_sample_across_a_repair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

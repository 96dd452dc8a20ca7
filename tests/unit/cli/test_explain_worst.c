/* SPDX-License-Identifier: MIT
 *
 * test_explain_worst.c - those with most trouble, against a sorted list of all
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/rng.h"
#include "cli/explain_worst.h"

enum { N = 200 };

struct one {
    uint64_t trouble;
    size_t ordinal;
};

static int
worse(const void *a, const void *b)
{
    const struct one *x = a, *y = b;
    if (x->trouble != y->trouble)
        return x->trouble > y->trouble ? -1 : 1;
    return x->ordinal < y->ordinal ? -1 : 1;
}

/* Trouble below `kinds_n`, so that there are ties. Each goes once: when it is not wanted, when it
 * is pushed out, or when it is among the worst. */
static void
compare_with_all(uint64_t seed, size_t n_max, uint64_t kinds_n)
{
    struct one all[N];
    struct la_worst_item room[N + 1];
    struct la_worst worst;
    struct la_rng rng;
    size_t gone_n = 0;
    const struct la_seed from = {{seed}};
    la_rng_init(&rng, &from, "worst");
    la_worst_init(&worst, room, n_max);
    for (size_t i = 0; i < N; i++) {
        all[i] = (struct one){la_rng_next(&rng) % kinds_n, i};
        if (la_worst_wants(&worst, all[i].trouble))
            gone_n += la_worst_keep(&worst, all[i].trouble, &all[i]) != NULL;
        else
            gone_n++;
    }
    la_worst_sort(&worst);
    assert_int_equal(worst.n, n_max < N ? n_max : N);
    assert_int_equal(gone_n + worst.n, N);
    struct one kept[N];
    for (size_t i = 0; i < worst.n; i++)
        kept[i] = *(const struct one *)worst.items[i].what;
    qsort(all, N, sizeof(all[0]), worse);
    for (size_t i = 0; i < worst.n; i++)
        assert_int_equal(kept[i].ordinal, all[i].ordinal);
}

static void
test_worst__are_those_of_all(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 3, 20, N - 1, N, N + 1};
    for (uint64_t seed = 1; seed <= 20; seed++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            compare_with_all(seed, sizes[i], 1);
            compare_with_all(seed, sizes[i], 10);
            compare_with_all(seed, sizes[i], UINT64_MAX);
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worst__are_those_of_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

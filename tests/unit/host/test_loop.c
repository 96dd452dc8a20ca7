/* SPDX-License-Identifier: MIT
 *
 * test_loop.c - watches that are removed and freed by each other, and time-outs
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <lastack/host.h>

#include "host/loop.h"

enum { WATCHES_N = 10 };

struct one {
    struct la_watch watch;
    struct la_loop *loop;
    struct one **all;
    unsigned *served_n;
};

/* Ends every other watch and frees it: none of them may be served any more. */
static void
end_the_others(struct la_watch *watch, uint32_t events)
{
    struct one *o = (struct one *)watch;
    (void)events;
    ++*o->served_n;
    for (unsigned i = 0; i < WATCHES_N; i++) {
        if (o->all[i] == o || o->all[i] == NULL)
            continue;
        la_loop_close(o->loop, &o->all[i]->watch);
        free(o->all[i]);
        o->all[i] = NULL;
    }
}

static void
test_loop__a_watch_may_end_others_of_its_batch(void **state)
{
    struct la_loop loop;
    struct one *all[WATCHES_N] = {0};
    unsigned served_n = 0;
    (void)state;
    assert_int_equal(la_loop_init(&loop), 0);
    for (unsigned i = 0; i < WATCHES_N; i++) {
        all[i] = calloc(1, sizeof(*all[i]));
        assert_non_null(all[i]);
        *all[i] = (struct one){
            .watch = {-1, end_the_others}, .loop = &loop, .all = all, .served_n = &served_n};
        int fd = eventfd(1, EFD_CLOEXEC);
        assert_int_equal(la_loop_add(&loop, &all[i]->watch, fd, EPOLLIN), 0);
    }
    assert_int_equal(la_loop_wait(&loop, 0), WATCHES_N);
    la_loop_serve(&loop);
    assert_int_equal(served_n, 1);
    assert_int_equal(la_loop_wait(&loop, 0), 1);
    la_loop_serve(&loop);
    assert_int_equal(served_n, 2);
    for (unsigned i = 0; i < WATCHES_N; i++) {
        if (all[i] != NULL)
            la_loop_close(&loop, &all[i]->watch);
        free(all[i]);
    }
    la_loop_fini(&loop);
}

static void
test_loop__waits_in_nanoseconds(void **state)
{
    struct la_loop loop;
    (void)state;
    assert_int_equal(la_loop_init(&loop), 0);
    int64_t began = la_host_now().ns;
    assert_int_equal(la_loop_wait(&loop, 200000), 0);
    assert_true(la_host_now().ns - began >= 200000);
    la_loop_fini(&loop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop__a_watch_may_end_others_of_its_batch),
        cmocka_unit_test(test_loop__waits_in_nanoseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

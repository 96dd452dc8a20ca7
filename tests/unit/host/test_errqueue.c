/* SPDX-License-Identifier: MIT
 *
 * test_errqueue.c - what a socket's error queue tells, and what an epoll descriptor reports
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/net_tstamp.h>
#include <stdlib.h>

#include "host/errqueue.h"
#include "host/interests.h"

enum { SENDS_N = 5000 };

static struct la_conn_status
status(uint64_t acked, uint32_t queued, uint32_t unsent)
{
    struct la_conn_status s = {.state = LA_TCP_ESTABLISHED};
    s.bytes_acked = acked;
    s.send_queue_bytes = queued;
    s.unsent_bytes = unsent;
    return s;
}

static void
expect(struct la_errqueue *q, uint8_t origin, uint32_t info, uint32_t data, int64_t at_ns)
{
    struct la_errqueue_entry *entry = la_errqueue_take(q);
    assert_non_null(entry);
    assert_int_equal(entry->ee.ee_origin, origin);
    assert_int_equal(entry->ee.ee_info, info);
    assert_int_equal(entry->ee.ee_data, data);
    assert_int_equal(entry->stamped ? entry->at.ns : 0, at_ns);
    free(entry);
}

static void
test_errqueue__off_remembers_nothing(void **state)
{
    struct la_errqueue q = {0};
    struct la_conn_status s = status(0, 100, 0);
    (void)state;
    assert_true(la_errqueue_sent(&q, true, &s));
    s = status(100, 0, 0);
    assert_false(la_errqueue_look(&q, &s, (la_instant){1}));
    assert_null(la_errqueue_take(&q));
}

static void
test_errqueue__stamps_when_octets_leave_and_are_acknowledged(void **state)
{
    struct la_errqueue q = {0};
    struct la_conn_status s = status(1000, 0, 0);
    (void)state;
    assert_false(la_errqueue_stamps_set(&q, SOF_TIMESTAMPING_OPT_ID, NULL));
    assert_false(la_errqueue_stamps_set(&q, -1, &s));
    assert_true(la_errqueue_stamps_set(&q,
                                       SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK |
                                           SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID,
                                       &s));
    s = status(1000, 500, 200); /* the last 200 octets wait */
    assert_true(la_errqueue_sent(&q, false, &s));
    assert_false(la_errqueue_look(&q, &s, (la_instant){10}));
    s = status(1000, 500, 0);
    assert_true(la_errqueue_look(&q, &s, (la_instant){20}));
    assert_false(la_errqueue_look(&q, &s, (la_instant){30}));
    s = status(1500, 0, 0);
    assert_true(la_errqueue_look(&q, &s, (la_instant){40}));
    expect(&q, SO_EE_ORIGIN_TIMESTAMPING, SCM_TSTAMP_SND, 499, 20);
    expect(&q, SO_EE_ORIGIN_TIMESTAMPING, SCM_TSTAMP_ACK, 499, 40);
    assert_null(la_errqueue_take(&q));
}

/* Notifications that follow each other are one; what nobody waits for any more is given back. */
static void
test_errqueue__zerocopy_tells_each_number_once(void **state)
{
    struct la_errqueue q = {.zerocopy = true};
    struct la_conn_status s;
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        s = status(0, 100 * (i + 1), 0);
        assert_true(la_errqueue_sent(&q, true, &s));
    }
    s = status(200, 100, 0);
    assert_true(la_errqueue_look(&q, &s, (la_instant){1}));
    expect(&q, SO_EE_ORIGIN_ZEROCOPY, 0, 1, 0);
    assert_true(la_errqueue_look(&q, NULL, (la_instant){1}));
    expect(&q, SO_EE_ORIGIN_ZEROCOPY, 2, 2, 0);
    assert_null(la_errqueue_take(&q));
}

static void
test_errqueue__is_bounded(void **state)
{
    struct la_errqueue q = {.zerocopy = true};
    struct la_conn_status s = status(0, 1, 0);
    unsigned taken = 0;
    (void)state;
    while (taken < SENDS_N && la_errqueue_sent(&q, true, &s))
        taken++;
    assert_true(taken > 0 && taken < SENDS_N);
    la_errqueue_fini(&q);
}

static uint32_t
mask_of(void *of, int fd)
{
    const uint32_t *masks = of;
    return masks[fd];
}

static void
test_interests__edge_oneshot_and_level(void **state)
{
    struct la_interest *list = NULL;
    struct epoll_event event = {.events = EPOLLIN}, came[4];
    uint32_t masks[8] = {[4] = EPOLLIN, [5] = EPOLLIN | EPOLLOUT, [6] = EPOLLHUP};
    (void)state;
    assert_int_equal(la_interest_ctl(&list, EPOLL_CTL_DEL, 4, NULL), -ENOENT);
    assert_int_equal(la_interest_ctl(&list, EPOLL_CTL_ADD, 4, NULL), -EFAULT);
    assert_int_equal(la_interest_ctl(&list, 99, 4, &event), -EINVAL);
    assert_int_equal(la_interest_ctl(&list, EPOLL_CTL_ADD, 4, &event), 0);
    assert_int_equal(la_interest_ctl(&list, EPOLL_CTL_ADD, 4, &event), -EEXIST);
    event.events = EPOLLIN | EPOLLET;
    assert_int_equal(la_interest_ctl(&list, EPOLL_CTL_ADD, 5, &event), 0);
    event.events = EPOLLONESHOT;
    assert_int_equal(la_interest_ctl(&list, EPOLL_CTL_ADD, 6, &event), 0);
    assert_int_equal(la_interest_take(list, mask_of, masks, came, 2), 2); /* no room for more */
    assert_int_equal(came[1].events, EPOLLIN);
    assert_int_equal(la_interest_take(list, mask_of, masks, came, 4), 2);
    assert_int_equal(came[1].events, EPOLLHUP);
    assert_int_equal(la_interest_take(list, mask_of, masks, came, 4), 1); /* 4, which is level */
    la_interest_touch(list, 5);
    la_interest_touch(list, 6);
    assert_int_equal(la_interest_take(list, mask_of, masks, came, 4), 2);
    assert_int_equal(la_interest_ctl(&list, EPOLL_CTL_DEL, 4, NULL), 0);
    la_interest_drop(&list, 5);
    assert_int_equal(la_interest_ctl(&list, EPOLL_CTL_MOD, 5, &event), -ENOENT);
    assert_int_equal(la_interest_ctl(&list, EPOLL_CTL_MOD, 6, &event), 0);
    assert_int_equal(la_interest_take(list, mask_of, masks, came, 4), 1);
    la_interest_drop(&list, -1);
    assert_null(list);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errqueue__off_remembers_nothing),
        cmocka_unit_test(test_errqueue__stamps_when_octets_leave_and_are_acknowledged),
        cmocka_unit_test(test_errqueue__zerocopy_tells_each_number_once),
        cmocka_unit_test(test_errqueue__is_bounded),
        cmocka_unit_test(test_interests__edge_oneshot_and_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

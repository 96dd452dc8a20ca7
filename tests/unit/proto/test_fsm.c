/* SPDX-License-Identifier: MIT
 *
 * test_fsm.c - the state figure, all pairs: states x events
 *
 * Read first: RFC 9293 figure 5, 3.10.1, 3.10.4, 3.10.5, 3.10.7, 3.10.8. The arrows are written
 * here once more, one row of the matrix per state; a pair that is not listed must be impossible.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/tcp_fsm.h"

/* Letters of the states in the matrix. */
static const char letters[LA_TCP_STATE_COUNT + 1] = "?CLSRAE12WGKT";

/* Rows: where each event leads from the states in the order of `letters` ('.' = impossible). */
static const struct {
    enum la_tcp_event event;
    const char *to;
} rows[] = {
    {LA_TCP_EV_OPEN_PASSIVE, "L..........."}, /* figure 5: passive OPEN, create TCB */
    {LA_TCP_EV_OPEN_ACTIVE, "SS.........."},  /* active OPEN; SEND in LISTEN */
    {LA_TCP_EV_CLOSE, ".CC111..K..."},        /* 3.10.4 */
    {LA_TCP_EV_ABORT, ".CCCCCCCCCCC"},        /* 3.10.5 */
    {LA_TCP_EV_RCV_SYN, ".RA........."},      /* LISTEN; SYN-SENT without ACK */
    {LA_TCP_EV_RCV_SYN_ACK, "..E........."},
    {LA_TCP_EV_ACK_OF_SYN, "...EE......."},
    {LA_TCP_EV_RCV_FIN, ".....WGTWGKT"},            /* 3.10.7.4 eighth */
    {LA_TCP_EV_ACK_OF_FIN, "......2..TC."},         /* 3.10.7.4 fifth */
    {LA_TCP_EV_RCV_FIN_ACK_OF_FIN, "......T....."}, /* figure 5, note 2 */
    {LA_TCP_EV_RCV_RST, "..CCCCCCCCCC"},            /* 3.10.7.4 second; RFC 7413 */
    {LA_TCP_EV_RCV_RST_TO_LISTEN, "...L........"},  /* figure 5, note 1 */
    {LA_TCP_EV_RCV_SYN_REUSE, "...L.......C"},      /* 3.10.7.4 fourth; 3.6.1 MAY-2 */
    {LA_TCP_EV_RCV_UNACCEPTABLE, "...CCCCCCCCC"}, /* 3.6.1: text after the release; RFC 5961 4.1 */
    {LA_TCP_EV_ICMP_HARD_ERROR, "..CCC......."},  /* 3.9.2.2; RFC 5927 */
    {LA_TCP_EV_TIMEOUT_2MSL, "...........C"},
    {LA_TCP_EV_TIMEOUT_USER, "..CCCCCCCCC."},       /* 3.10.8 */
    {LA_TCP_EV_TIMEOUT_R2, "..CCCCC.CCC."},         /* D1: something can be unacknowledged */
    {LA_TCP_EV_TIMEOUT_FIN_WAIT_2, ".......C...."}, /* D2 */
    {LA_TCP_EV_TIMEOUT_KEEPALIVE, ".....CCCCCC."},  /* 3.8.4: synchronised, not TIME-WAIT */
    {LA_TCP_EV_FORGET, "...C.......C"},             /* D3 */
};

static unsigned
state_of(char letter)
{
    const char *at = strchr(letters + 1, letter);
    return at == NULL ? 0 : (unsigned)(at - letters);
}

static void
test_fsm__every_pair(void **state)
{
    (void)state;
    assert_int_equal(sizeof(rows) / sizeof(rows[0]), LA_TCP_EV_COUNT);
    bool seen[LA_TCP_EV_COUNT] = {false};
    for (size_t i = 0; i < LA_TCP_EV_COUNT; i++) {
        assert_int_equal(strlen(rows[i].to), LA_TCP_STATE_COUNT - 1);
        assert_false(seen[rows[i].event]);
        seen[rows[i].event] = true;
        for (unsigned from = LA_TCP_CLOSED; from < LA_TCP_STATE_COUNT; from++) {
            unsigned want = state_of(rows[i].to[from - 1]);
            const struct la_tcp_edge *edge =
                la_tcp_fsm_edge((enum la_tcp_state)from, rows[i].event);
            if (edge->to != want)
                fail_msg("%s in %s leads to %s", la_tcp_event_name(rows[i].event),
                         la_tcp_state_name((enum la_tcp_state)from, LA_NAMES_RFC),
                         la_tcp_state_name((enum la_tcp_state)edge->to, LA_NAMES_RFC));
            assert_int_equal(strncmp(edge->section, "RFC ", 4) == 0, want != 0);
        }
    }
}

static void
test_fsm__other_values_are_impossible(void **state)
{
    (void)state;
    assert_int_equal(la_tcp_fsm_edge((enum la_tcp_state)0, LA_TCP_EV_CLOSE)->to, 0);
    assert_int_equal(la_tcp_fsm_edge(LA_TCP_STATE_COUNT, LA_TCP_EV_CLOSE)->to, 0);
    assert_int_equal(la_tcp_fsm_edge((enum la_tcp_state)255, LA_TCP_EV_CLOSE)->to, 0);
    assert_int_equal(la_tcp_fsm_edge(LA_TCP_LISTEN, LA_TCP_EV_COUNT)->to, 0);
    assert_int_equal(la_tcp_fsm_edge(LA_TCP_LISTEN, (enum la_tcp_event)9999)->to, 0);
}

/* Every set of states, every event: the union of what the single states do. */
static void
test_fsm__sets(void **state)
{
    (void)state;
    for (unsigned event = 0; event < LA_TCP_EV_COUNT; event++)
        for (unsigned set = 0; set <= LA_TCP_STATES_ALL; set += 2) {
            unsigned want = 0;
            for (unsigned from = LA_TCP_CLOSED; from < LA_TCP_STATE_COUNT; from++) {
                unsigned to =
                    la_tcp_fsm_edge((enum la_tcp_state)from, (enum la_tcp_event)event)->to;
                if ((set >> from & 1) != 0 && to != 0)
                    want |= 1u << to;
            }
            assert_int_equal(la_tcp_fsm_step_set((uint16_t)set, (enum la_tcp_event)event), want);
        }
    assert_int_equal(la_tcp_fsm_step_set(LA_TCP_STATES_ALL, LA_TCP_EV_COUNT), 0);
}

/* From CLOSED every state can be reached, and from every state CLOSED. */
static void
test_fsm__nothing_is_a_trap(void **state)
{
    (void)state;
    for (unsigned from = LA_TCP_CLOSED; from < LA_TCP_STATE_COUNT; from++) {
        uint16_t reached = LA_TCP_STATE_BIT(from);
        for (unsigned round = 0; round < LA_TCP_STATE_COUNT; round++)
            for (unsigned event = 0; event < LA_TCP_EV_COUNT; event++)
                reached |= la_tcp_fsm_step_set(reached, (enum la_tcp_event)event);
        assert_int_equal(reached, LA_TCP_STATES_ALL);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fsm__every_pair),
        cmocka_unit_test(test_fsm__other_values_are_impossible),
        cmocka_unit_test(test_fsm__sets),
        cmocka_unit_test(test_fsm__nothing_is_a_trap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * test_names.c - the vocabulary in words: every value has its own, every spelling is understood
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <lastack/event.h>

static void
test_names__states(void **state)
{
    (void)state;
    static const char *const rfc[] = {
        "CLOSED",     "LISTEN",     "SYN-SENT",   "SYN-RECEIVED", "SYN-RECEIVED", "ESTABLISHED",
        "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",      "LAST-ACK",     "TIME-WAIT",
    };
    static const char *const linux_names[] = {
        "CLOSE",     "LISTEN",    "SYN_SENT",   "SYN_RECV", "SYN_RECV", "ESTABLISHED",
        "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "CLOSING",  "LAST_ACK", "TIME_WAIT",
    };
    static const char *const bsd[] = {
        "CLOSED",     "LISTEN",     "SYN_SENT",   "SYN_RCVD", "SYN_RCVD", "ESTABLISHED",
        "FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING",  "LAST_ACK", "TIME_WAIT",
    };
    for (unsigned s = LA_TCP_CLOSED; s < LA_TCP_STATE_COUNT; s++) {
        assert_string_equal(la_tcp_state_name((enum la_tcp_state)s, LA_NAMES_BSD), bsd[s - 1]);
        assert_string_equal(la_tcp_state_name((enum la_tcp_state)s, LA_NAMES_RFC), rfc[s - 1]);
        assert_string_equal(la_tcp_state_name((enum la_tcp_state)s, LA_NAMES_LINUX),
                            linux_names[s - 1]);
    }
    assert_string_equal(la_tcp_state_name((enum la_tcp_state)0, LA_NAMES_RFC), "?");
    assert_string_equal(la_tcp_state_name(LA_TCP_STATE_COUNT, LA_NAMES_LINUX), "?");
    assert_string_equal(la_tcp_state_name((enum la_tcp_state) - 1, LA_NAMES_RFC), "?");
}

static void
test_names__spellings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum la_tcp_state state;
    } cases[] = {
        /* RFC 9293 */
        {"CLOSED", LA_TCP_CLOSED},
        {"LISTEN", LA_TCP_LISTEN},
        {"SYN-SENT", LA_TCP_SYN_SENT},
        {"SYN-RECEIVED", LA_TCP_SYN_RECEIVED},
        {"ESTABLISHED", LA_TCP_ESTABLISHED},
        {"FIN-WAIT-1", LA_TCP_FIN_WAIT_1},
        {"FIN-WAIT-2", LA_TCP_FIN_WAIT_2},
        {"CLOSE-WAIT", LA_TCP_CLOSE_WAIT},
        {"CLOSING", LA_TCP_CLOSING},
        {"LAST-ACK", LA_TCP_LAST_ACK},
        {"TIME-WAIT", LA_TCP_TIME_WAIT},
        /* ss, and /proc in words */
        {"ESTAB", LA_TCP_ESTABLISHED},
        {"SYN-RECV", LA_TCP_SYN_RECEIVED},
        {"UNCONN", LA_TCP_CLOSED},
        {"CLOSE", LA_TCP_CLOSED},
        {"TIME_WAIT", LA_TCP_TIME_WAIT},
        {"FIN_WAIT1", LA_TCP_FIN_WAIT_1},
        {"FIN-WAIT-1", LA_TCP_FIN_WAIT_1},
        {"FIN-WAIT2", LA_TCP_FIN_WAIT_2},
        {"SYN_SENT", LA_TCP_SYN_SENT},
        {"LAST_ACK", LA_TCP_LAST_ACK},
        {"CLOSE_WAIT", LA_TCP_CLOSE_WAIT},
        /* BSD's netstat */
        {"SYN_RCVD", LA_TCP_SYN_RECEIVED},
        {"FIN_WAIT_1", LA_TCP_FIN_WAIT_1},
        {"FIN_WAIT_2", LA_TCP_FIN_WAIT_2},
        {"LISTENING", LA_TCP_LISTEN},
        /* any case */
        {"established", LA_TCP_ESTABLISHED},
        {"Time-Wait", LA_TCP_TIME_WAIT},
        {"syn_recv", LA_TCP_SYN_RECEIVED},
        /* and none of these */
        {"", (enum la_tcp_state)0},
        {"SYN", (enum la_tcp_state)0},
        {"CLOSEDX", (enum la_tcp_state)0},
        {"FIN-WAIT-3", (enum la_tcp_state)0},
        {"?", (enum la_tcp_state)0},
        {"ESTABLISHE", (enum la_tcp_state)0},
        {" LISTEN", (enum la_tcp_state)0},
        {"TIME WAIT", (enum la_tcp_state)0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(la_tcp_state_parse(cases[i].text), cases[i].state);
    for (unsigned s = LA_TCP_CLOSED; s < LA_TCP_STATE_COUNT; s++) {
        enum la_tcp_state want =
            s == LA_TCP_SYN_RECEIVED_ACTIVE ? LA_TCP_SYN_RECEIVED : (enum la_tcp_state)s;
        for (int names = LA_NAMES_RFC; names < LA_NAMES_COUNT; names++)
            assert_int_equal(
                la_tcp_state_parse(la_tcp_state_name((enum la_tcp_state)s, (enum la_names)names)),
                want);
    }
}

static void
test_names__groups(void **state)
{
    (void)state;
    const uint32_t half_open = 1u << LA_TCP_SYN_RECEIVED | 1u << LA_TCP_SYN_RECEIVED_ACTIVE;
    const uint32_t listen = 1u << LA_TCP_LISTEN, closed = 1u << LA_TCP_CLOSED;
    uint32_t all = 0;
    for (unsigned s = LA_TCP_CLOSED; s < LA_TCP_STATE_COUNT; s++)
        all |= 1u << s;
    assert_int_equal(la_tcp_states_parse("all"), all);
    assert_int_equal(la_tcp_states_parse("Connected"), all & ~(listen | closed));
    assert_int_equal(la_tcp_states_parse("synchronized"),
                     all & ~(listen | closed | 1u << LA_TCP_SYN_SENT));
    assert_int_equal(la_tcp_states_parse("bucket"), half_open | 1u << LA_TCP_TIME_WAIT);
    assert_int_equal(la_tcp_states_parse("big"), all & ~(half_open | 1u << LA_TCP_TIME_WAIT));
    /* A state by any name is itself; SYN-RECEIVED is both of them. */
    assert_int_equal(la_tcp_states_parse("syn-received"), half_open);
    assert_int_equal(la_tcp_states_parse("SYN_RCVD"), half_open);
    assert_int_equal(la_tcp_states_parse("syn-recv"), half_open);
    assert_int_equal(la_tcp_states_parse("listening"), listen);
    assert_int_equal(la_tcp_states_parse("unconn"), closed);
    assert_int_equal(la_tcp_states_parse("everything"), 0);
    assert_int_equal(la_tcp_states_parse(""), 0);
}

static void
test_names__namings(void **state)
{
    (void)state;
    enum la_names names = LA_NAMES_COUNT;
    assert_true(la_names_parse("rfc", &names));
    assert_int_equal(names, LA_NAMES_RFC);
    assert_true(la_names_parse("Linux", &names));
    assert_int_equal(names, LA_NAMES_LINUX);
    assert_true(la_names_parse("bsd", &names));
    assert_int_equal(names, LA_NAMES_BSD);
    assert_false(la_names_parse("solaris", &names));
    assert_false(la_names_parse("", &names));
    assert_int_equal(names, LA_NAMES_BSD);
}

/* A name: capitals, digits and '_'. */
static void
is_name(const char *text)
{
    assert_non_null(text);
    assert_true(strlen(text) > 1);
    assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), strlen(text));
}

/* A sentence without its full stop. */
static void
is_text(const char *text)
{
    assert_non_null(text);
    assert_true(strlen(text) > 2);
    assert_int_not_equal(text[strlen(text) - 1], '.');
    assert_null(strchr(text, '\n'));
}

typedef const char *name_fn(unsigned value);

static void
all_differ(name_fn *name, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        is_name(name(i));
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(name(i), name(k));
    }
    assert_string_equal(name(count), "?");
    assert_string_equal(name(UINT32_MAX), "?");
}

#define NAME_FN(fn, type)                                                                          \
    static const char *fn##_of(unsigned value)                                                     \
    {                                                                                              \
        return fn((enum type)value);                                                               \
    }
NAME_FN(la_tcp_event_name, la_tcp_event)
NAME_FN(la_reason_name, la_reason)
NAME_FN(la_event_kind_name, la_event_kind)
NAME_FN(la_cause_name, la_cause)
NAME_FN(la_timer_name, la_timer_kind)
NAME_FN(la_call_name, la_call)
NAME_FN(la_cc_phase_name, la_cc_phase)
NAME_FN(la_cc_why_name, la_cc_why)

static void
test_names__every_value_has_its_own(void **state)
{
    (void)state;
    all_differ(la_tcp_event_name_of, LA_TCP_EV_COUNT);
    all_differ(la_reason_name_of, LA_REASON_COUNT);
    all_differ(la_event_kind_name_of, LA_EVENT_KIND_COUNT);
    all_differ(la_cause_name_of, LA_CAUSE_COUNT);
    all_differ(la_timer_name_of, LA_TIMER_COUNT);
    all_differ(la_call_name_of, LA_CALL_COUNT);
    all_differ(la_cc_phase_name_of, LA_CC_PHASE_COUNT);
    all_differ(la_cc_why_name_of, LA_CC_WHY_COUNT);
    for (unsigned fate = LA_WIRE_DELIVERED; fate <= LA_WIRE_REORDERED; fate++)
        is_name(la_wire_fate_name((enum la_wire_fate)fate));
    assert_string_equal(la_wire_fate_name((enum la_wire_fate)0), "?");
    assert_string_equal(la_wire_fate_name((enum la_wire_fate)99), "?");
}

static void
test_names__every_entry_has_a_text(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LA_TCP_EV_COUNT; i++)
        is_text(la_tcp_event_text((enum la_tcp_event)i));
    for (unsigned i = 1; i < LA_REASON_COUNT; i++) {
        const char *section = la_reason_section((enum la_reason)i);
        is_text(la_reason_text((enum la_reason)i));
        assert_true(strcmp(section, "-") == 0 || strncmp(section, "RFC ", 4) == 0);
    }
    for (unsigned i = 0; i < LA_CAUSE_COUNT; i++)
        is_text(la_cause_text((enum la_cause)i));
    assert_string_equal(la_reason_text(LA_REASON_COUNT), "?");
    assert_string_equal(la_reason_section(LA_REASON_COUNT), "?");
    assert_string_equal(la_cause_text(LA_CAUSE_COUNT), "?");
    assert_string_equal(la_tcp_event_text(LA_TCP_EV_COUNT), "?");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names__states),
        cmocka_unit_test(test_names__spellings),
        cmocka_unit_test(test_names__groups),
        cmocka_unit_test(test_names__namings),
        cmocka_unit_test(test_names__every_value_has_its_own),
        cmocka_unit_test(test_names__every_entry_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * test_control.c - the control socket: its answers, and clients that mean no good
 */
#include "control_support.h"

enum { CONNS_N = 3000 };

static void
open_conns(unsigned n)
{
    struct la_endpoint local = {{{0}}, 0}, remote = {la_addr_v4(10, 0, 0, 2), 0};
    for (unsigned i = 0; i < n; i++) {
        la_handle conn;
        remote.port = (uint16_t)(i + 1);
        assert_int_equal(la_conn_open(stack, &local, &remote, NULL, &conn, now), LA_OK);
        assert_int_equal(la_conn_user_set(stack, conn, i + 1), LA_OK);
    }
}

/* Until it rests. */
static void
serve(void)
{
    unsigned n = 0;
    while (is_ready()) {
        assert_true(n++ < SERVES_N_MAX);
        la_control_serve(control, now);
    }
}

/* ---- answers ----------------------------------------------------------------------------- */

static void
test_control__status(void **state)
{
    (void)state;
    la_handle udp, listener;
    struct la_endpoint at = {la_addr_v4(10, 0, 0, 1), 80};
    open_conns(5);
    assert_int_equal(la_udp_open(stack, &at, false, &udp), LA_OK);
    assert_int_equal(la_listener_open(stack, &at, 4, NULL, &listener, now), LA_OK);
    assert_int_equal(start(), 0);
    (void)ask("lastack 1 status near\n");
    assert_int_equal(count("\"kind\":\"INSTANCE\""), 1);
    assert_non_null(strstr(answer, "\"program\":\"prog -x\""));
    assert_int_equal(count("\"kind\":\"CONNECTION\""), 5);
    assert_int_equal(count("\"state\":\"SYN-SENT\""), 5);
    assert_int_equal(count("\"kind\":\"LISTENER\""), 1);
    assert_int_equal(count("\"kind\":\"UDP\""), 1);
    assert_int_equal(count("\"process\":\"owner\""), 5);
    assert_int_equal(count("\"kind\":\"COUNTERS\""), 1);
    assert_int_equal(count("\n"), 10);
    assert_non_null(strstr(answer, "\"kind\":\"END\""));
    assert_non_null(strstr(answer, "\"lines_n\":9}"));
    /* Both ends without a name, none that this instance does not have. */
    (void)ask("lastack 1 status\r\n");
    assert_int_equal(count("\"kind\":\"CONNECTION\""), 10);
    assert_int_equal(count("\"end\":\"far\""), 8);
    (void)ask("lastack 1 status elsewhere\n");
    assert_int_equal(count("\n"), 2);
    (void)ask("lastack 1 counters far\n");
    assert_int_equal(count("\n"), 3);
    assert_int_equal(count("\"kind\":\"COUNTERS\""), 1);
}

static void
test_control__mistakes(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "\n",
        " \n",
        "hello\n",
        "lastack\n",
        "lastack 1\n",
        "lastack 2 status\n",
        "lastack 1 everything\n",
        "GET / HTTP/1.1\r\n\r\n",
        "\x01\xff\xfe\n",
        "lastack  \n",
    };
    open_conns(3);
    assert_int_equal(start(), 0);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        (void)ask(requests[i]);
        assert_int_equal(count("\n"), 1);
        assert_int_equal(count("\"kind\":\"ERROR\""), 1);
    }
}

/* More than any buffer holds, read in one go and bit by bit. */
static void
test_control__large(void **state)
{
    (void)state;
    open_conns(CONNS_N);
    assert_int_equal(start(), 0);
    size_t n = ask("lastack 1 status near\n");
    assert_true(n > 500 * CONNS_N);
    assert_int_equal(count("\"kind\":\"CONNECTION\""), CONNS_N);
    int fd = client_new();
    say(fd, "lastack 1 status near\n");
    serve(); /* rests, since nobody reads */
    assert_false(is_ready());
    bool ended;
    size_t m = receive(fd, &ended);
    assert_true(ended);
    assert_int_equal(count("\"kind\":\"CONNECTION\""), CONNS_N);
    assert_true(m > n - CONNS_N && m < n + CONNS_N);
    (void)close(fd);
}

/* ---- clients that mean no good ----------------------------------------------------------- */

static void
test_control__a_line_without_end(void **state)
{
    (void)state;
    char much[4096];
    memset(much, 'x', sizeof(much));
    assert_int_equal(start(), 0);
    int fd = client_new();
    bool ended;
    assert_int_equal(send(fd, much, sizeof(much), MSG_NOSIGNAL), sizeof(much));
    (void)receive(fd, &ended);
    assert_true(ended);
    assert_int_equal(count("\"kind\":\"ERROR\""), 1);
    (void)close(fd);
    (void)ask("lastack 1 counters\n");
    assert_int_equal(count("\"kind\":\"END\""), 1);
}

static void
test_control__clients_that_leave(void **state)
{
    (void)state;
    open_conns(CONNS_N);
    assert_int_equal(start(), 0);
    for (unsigned i = 0; i < 50; i++) {
        int fd = client_new();
        if (i % 3 > 0)
            say(fd, i % 3 == 1 ? "lastack 1 sta" : "lastack 1 status\n");
        if (i % 2 == 0)
            la_control_serve(control, now);
        if (i % 5 == 0)
            assert_int_equal(shutdown(fd, SHUT_WR), 0);
        la_control_serve(control, now);
        (void)close(fd);
        serve();
        assert_true(la_control_deadline(control).ns == LA_INSTANT_NEVER.ns);
    }
    /* One that shuts its sending side down gets its answer. */
    int fd = client_new();
    bool ended;
    say(fd, "lastack 1 counters\n");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    (void)receive(fd, &ended);
    assert_true(ended);
    assert_int_equal(count("\"kind\":\"END\""), 1);
    (void)close(fd);
}

static void
test_control__clients_that_stay(void **state)
{
    (void)state;
    enum { N = 8 };
    int fd[N], extra;
    bool ended;
    open_conns(CONNS_N);
    assert_int_equal(start(), 0);
    for (unsigned i = 0; i < N; i++) {
        fd[i] = client_new();
        if (i % 2 == 0)
            say(fd[i], "lastack 1 status\n"); /* and never reads */
        serve();
    }
    extra = client_new();
    (void)receive(extra, &ended);
    assert_true(ended); /* no room for it */
    (void)close(extra);
    assert_false(is_ready());
    /* Their time comes, and then there is room again. */
    la_instant at = la_control_deadline(control);
    assert_true(at.ns > now.ns && at.ns != LA_INSTANT_NEVER.ns);
    now.ns = at.ns - 1;
    la_control_serve(control, now);
    assert_true(la_control_deadline(control).ns == at.ns);
    now.ns = at.ns;
    la_control_serve(control, now);
    assert_true(la_control_deadline(control).ns == LA_INSTANT_NEVER.ns);
    (void)ask("lastack 1 counters\n");
    assert_int_equal(count("\"kind\":\"END\""), 1);
    for (unsigned i = 0; i < N; i++)
        (void)close(fd[i]);
}

/* One octet now and then is no progress: only a whole portion is. */
static void
test_control__drip(void **state)
{
    (void)state;
    char octet;
    open_conns(CONNS_N);
    assert_int_equal(start(), 0);
    int fd = client_new();
    say(fd, "lastack 1 status\n");
    serve();
    for (unsigned i = 0; i < 100 && la_control_deadline(control).ns != LA_INSTANT_NEVER.ns; i++) {
        assert_int_equal(recv(fd, &octet, 1, MSG_DONTWAIT), 1);
        now.ns += INT64_C(1000000000);
        la_control_serve(control, now);
    }
    assert_true(la_control_deadline(control).ns == LA_INSTANT_NEVER.ns);
    (void)close(fd);
    /* Nor is a request that comes octet by octet. */
    fd = client_new();
    for (unsigned i = 0; i < 20; i++) {
        (void)send(fd, "x", 1, MSG_NOSIGNAL);
        now.ns += INT64_C(1000000000);
        la_control_serve(control, now);
    }
    assert_true(la_control_deadline(control).ns == LA_INSTANT_NEVER.ns);
    (void)close(fd);
}

/* A client with a large answer takes its share of each piece of work, and no more. */
static void
test_control__shares(void **state)
{
    (void)state;
    static char octets[1 << 20];
    int greedy[4];
    open_conns(CONNS_N);
    assert_int_equal(start(), 0);
    for (unsigned i = 0; i < 4; i++) {
        greedy[i] = client_new();
        say(greedy[i], "lastack 1 status\n");
        la_control_serve(control, now);
    }
    int fd = client_new();
    say(fd, "lastack 1 counters\n");
    size_t n = 0;
    unsigned turns = 0;
    while (n == 0 || memchr(answer, '\n', n) == NULL || strstr(answer, "END") == NULL) {
        assert_true(turns++ < 20);
        la_control_serve(control, now);
        for (unsigned i = 0; i < 4; i++)
            (void)recv(greedy[i], octets, sizeof(octets), MSG_DONTWAIT);
        ssize_t got = recv(fd, answer + n, sizeof(answer) - 1 - n, MSG_DONTWAIT);
        n += got > 0 ? (size_t)got : 0;
        answer[n] = '\0';
    }
    for (unsigned i = 0; i < 4; i++)
        (void)close(greedy[i]);
    (void)close(fd);
}

/* Without a descriptor for a client nobody is woken again and again. */
static void
test_control__no_descriptors(void **state)
{
    (void)state;
    struct rlimit before, few;
    assert_int_equal(start(), 0);
    int fd = client_new();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 3; /* what is open stays open */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_true(is_ready());
    la_control_serve(control, now);
    bool rests = !is_ready();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(rests);
    la_instant at = la_control_deadline(control);
    assert_true(at.ns > now.ns && at.ns != LA_INSTANT_NEVER.ns);
    now = at;
    la_control_serve(control, now);
    bool ended;
    say(fd, "lastack 1 counters\n");
    (void)receive(fd, &ended);
    assert_true(ended);
    assert_int_equal(count("\"kind\":\"END\""), 1);
    (void)close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_control__status),
        CASE(test_control__mistakes),
        CASE(test_control__large),
        CASE(test_control__a_line_without_end),
        CASE(test_control__clients_that_leave),
        CASE(test_control__clients_that_stay),
        CASE(test_control__drip),
        CASE(test_control__shares),
        CASE(test_control__no_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

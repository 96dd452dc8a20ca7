/* SPDX-License-Identifier: MIT
 *
 * test_control.c - the control socket: its answers, its place, and clients that mean no good
 *
 * The control takes the time as an argument, so that its patience is tested without waiting.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/control.h"
#include "host/control_dir.h"
#include <lastack/host.h>

enum { CONNS_N = 3000, ANSWER_BYTES = 16 << 20, SERVES_N_MAX = 100000 };

static char dir[64], runtime[96];
static struct la_mem *mem;
static struct la_stack *stack;
static struct la_control *control;
static la_instant now;
static char *argv[] = {(char[]){"prog"}, (char[]){"-x"}, NULL};
static char answer[ANSWER_BYTES];

/* ---- a place and an instance ------------------------------------------------------------- */

static void
remove_all(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d != NULL)
        (void)closedir(d);
    if (rmdir(path) != 0)
        (void)unlink(path);
}

static int
begin(void **state)
{
    (void)state;
    now = (la_instant){INT64_C(1000000000)};
    (void)strcpy(dir, "/tmp/lastack-control-XXXXXX");
    assert_non_null(mkdtemp(dir));
    (void)snprintf(runtime, sizeof(runtime), "%s/lastack", dir);
    assert_int_equal(setenv("XDG_RUNTIME_DIR", dir, 1), 0);
    assert_int_equal(setenv("TMPDIR", dir, 1), 0);
    mem = la_mem_new(la_host_alloc(), 0);
    struct la_stack_cfg cfg;
    la_stack_cfg_init(&cfg);
    cfg.mem = mem;
    assert_int_equal(la_stack_new(&cfg, now, &stack), LA_OK);
    struct la_iface_cfg iface = {.caps = {.layer = LA_LINK_IP, .mtu_bytes = 1500}};
    struct la_addr own = la_addr_v4(10, 0, 0, 1);
    int number;
    assert_int_equal(la_stack_iface_add(stack, &iface, &number), LA_OK);
    assert_int_equal(la_stack_addr_add(stack, number, &own, 24), LA_OK);
    return 0;
}

static int
end(void **state)
{
    char other[128];
    (void)state;
    la_control_free(control);
    control = NULL;
    la_stack_free(stack);
    la_mem_unref(mem);
    remove_all(runtime);
    (void)snprintf(other, sizeof(other), "%s/lastack-%lu", dir, (unsigned long)geteuid());
    remove_all(other);
    assert_int_equal(rmdir(dir), 0);
    return 0;
}

static void
owner(void *ctx, uint64_t user, struct la_report_owner *out)
{
    (void)ctx;
    out->pid = (uint32_t)user;
    (void)strcpy(out->process, "owner");
}

static int
start(void)
{
    struct la_control_cfg cfg = {
        .command = "run",
        .argv = argv,
        .end = {{"near", stack, owner, NULL}, {"far", stack, NULL, NULL}},
        .end_n = 2,
    };
    return la_control_new(&cfg, now, &control);
}

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

/* ---- clients ----------------------------------------------------------------------------- */

static int
client_new(void)
{
    char name[LA_CONTROL_NAME_BYTES];
    int dir_fd = la_control_dir_open(0, false);
    assert_true(dir_fd >= 0);
    (void)snprintf(name, sizeof(name), "%d.sock", (int)getpid());
    int fd = la_control_dir_connect(dir_fd, name);
    assert_true(fd >= 0);
    (void)close(dir_fd);
    return fd;
}

static void
say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Has the control something to do at once? */
static bool
is_ready(void)
{
    struct pollfd p = {.fd = la_control_descriptor(control), .events = POLLIN};
    return poll(&p, 1, 0) == 1;
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

/* All that comes to the client, and whether it is its end. */
static size_t
receive(int fd, bool *ended)
{
    size_t n = 0;
    *ended = false;
    for (unsigned turn = 0; turn < SERVES_N_MAX && !*ended; turn++) {
        if (is_ready())
            la_control_serve(control, now);
        ssize_t got = recv(fd, answer + n, sizeof(answer) - 1 - n, MSG_DONTWAIT);
        *ended = got == 0 || (got < 0 && errno != EAGAIN);
        n += got > 0 ? (size_t)got : 0;
        if (got < 0 && !is_ready())
            break;
    }
    answer[n] = '\0';
    return n;
}

static size_t
ask(const char *request)
{
    bool ended;
    int fd = client_new();
    say(fd, request);
    size_t n = receive(fd, &ended);
    assert_true(ended);
    (void)close(fd);
    return n;
}

static unsigned
count(const char *text)
{
    unsigned n = 0;
    for (const char *at = answer; (at = strstr(at, text)) != NULL; at++)
        n++;
    return n;
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

/* ---- its place --------------------------------------------------------------------------- */

static mode_t
mode_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 ? st.st_mode : 0;
}

static unsigned
sockets_in(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    unsigned n = 0;
    while (d != NULL && (e = readdir(d)) != NULL)
        n += e->d_name[0] != '.';
    if (d != NULL)
        (void)closedir(d);
    return n;
}

static void
test_control__place(void **state)
{
    (void)state;
    char other[128];
    assert_int_equal(start(), 0);
    assert_int_equal(mode_of(runtime), S_IFDIR | 0700);
    assert_int_equal(sockets_in(runtime), 1);
    la_control_free(control);
    control = NULL;
    assert_int_equal(mode_of(runtime), 0); /* it leaves nothing behind */
    /* Without $XDG_RUNTIME_DIR, or with one that is not there. */
    (void)snprintf(other, sizeof(other), "%s/lastack-%lu", dir, (unsigned long)geteuid());
    for (int i = 0; i < 3; i++) {
        if (i == 0)
            assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
        else
            assert_int_equal(setenv("XDG_RUNTIME_DIR", i == 1 ? "/no/such/place" : "here", 1), 0);
        assert_int_equal(start(), 0);
        assert_int_equal(mode_of(other), S_IFDIR | 0700);
        la_control_free(control);
        control = NULL;
        assert_int_equal(mode_of(other), 0);
    }
}

/* What somebody else could have put there first. */
static void
test_control__place_that_is_a_trap(void **state)
{
    (void)state;
    char trap[128];
    (void)snprintf(trap, sizeof(trap), "%s/trap", dir);
    assert_int_equal(mkdir(trap, 0700), 0);
    assert_int_equal(symlink(trap, runtime), 0);
    assert_int_equal(la_control_dir_open(0, true), -EPERM);
    assert_int_equal(start(), 0); /* in the second place */
    assert_int_equal(sockets_in(trap), 0);
    la_control_free(control);
    control = NULL;
    assert_int_equal(unlink(runtime), 0);
    assert_int_equal(rmdir(trap), 0);
    /* A file; a directory of ours that is open to others, which is put right. */
    int fd = open(runtime, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(la_control_dir_open(0, true), -EPERM);
    assert_int_equal(unlink(runtime), 0);
    assert_int_equal(mkdir(runtime, 0700), 0);
    assert_int_equal(chmod(runtime, 0777), 0);
    fd = la_control_dir_open(0, false);
    assert_true(fd >= 0);
    assert_int_equal(mode_of(runtime), S_IFDIR | 0700);
    (void)close(fd);
    if (geteuid() != 0)
        return;
    /* Another user's directory. */
    assert_int_equal(chown(runtime, 65534, 65534), 0);
    assert_int_equal(la_control_dir_open(0, true), -EPERM);
}

/* A socket whose process is dead. */
static void
leave_socket(const char *name)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s", runtime, name);
    assert_int_equal(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(listen(fd, 1), 0);
    (void)close(fd);
}

static void
test_control__stale_sockets(void **state)
{
    (void)state;
    char own[LA_CONTROL_NAME_BYTES], dead[LA_CONTROL_NAME_BYTES];
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    int dir_fd = la_control_dir_open(0, true);
    assert_true(dir_fd >= 0);
    (void)snprintf(own, sizeof(own), "%d.sock", (int)getpid());
    (void)snprintf(dead, sizeof(dead), "%d.sock", (int)child);
    leave_socket(own);
    leave_socket(dead);
    leave_socket("1.sock"); /* this number lives */
    leave_socket("stranger");
    assert_int_equal(start(), 0);
    /* Of our own number: replaced. Of a dead one: removed. Others are left until somebody asks. */
    assert_int_equal(faccessat(dir_fd, dead, F_OK, 0), -1);
    assert_int_equal(faccessat(dir_fd, "1.sock", F_OK, 0), 0);
    assert_int_equal(la_control_dir_connect(dir_fd, "1.sock"), -ECONNREFUSED);
    assert_int_equal(faccessat(dir_fd, "1.sock", F_OK, 0), -1);
    assert_int_equal(faccessat(dir_fd, "stranger", F_OK, 0), 0);
    (void)ask("lastack 1 counters\n");
    assert_int_equal(count("\"kind\":\"END\""), 1);
    (void)close(dir_fd);
}

/* Two with one number (of different PID namespaces): neither takes the other's place. */
static void
test_control__same_number(void **state)
{
    (void)state;
    char name[LA_CONTROL_NAME_BYTES];
    uint32_t pid;
    assert_int_equal(start(), 0);
    struct la_control *first = control;
    assert_int_equal(start(), 0);
    assert_int_equal(sockets_in(runtime), 2);
    (void)snprintf(name, sizeof(name), "%d.1.sock", (int)getpid());
    assert_true(la_control_name_pid(name, &pid));
    assert_int_equal(pid, getpid());
    int dir_fd = la_control_dir_open(0, false);
    int fd = la_control_dir_connect(dir_fd, name);
    assert_true(fd >= 0);
    (void)close(fd);
    (void)close(dir_fd);
    la_control_free(control);
    control = first;
    assert_int_equal(sockets_in(runtime), 1);
    (void)ask("lastack 1 counters\n");
    assert_int_equal(count("\"kind\":\"END\""), 1);
}

static void
test_control__names(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      ".sock",
                                      "x.sock",
                                      "0.sock",
                                      "12",
                                      "12.soc",
                                      "12.sockx",
                                      "12.x.sock",
                                      "12..sock",
                                      "12.0.sock",
                                      "-1.sock",
                                      ".12",
                                      "99999999999.sock",
                                      "12.1.1.sock",
                                      "123456789012345678901234567890.sock"};
    uint32_t pid;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (la_control_name_pid(bad[i], &pid))
            fail_msg("'%s' is taken for a name", bad[i]);
    assert_true(la_control_name_pid("4711.sock", &pid));
    assert_int_equal(pid, 4711);
    assert_true(la_control_name_pid("4711.15.sock", &pid));
    assert_int_equal(pid, 4711);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
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
        CASE(test_control__place),
        CASE(test_control__place_that_is_a_trap),
        CASE(test_control__stale_sockets),
        CASE(test_control__same_number),
        cmocka_unit_test(test_control__names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

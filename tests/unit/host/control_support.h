/* SPDX-License-Identifier: MIT
 *
 * control_support.h - an instance with a control socket in a folder of its own, and clients of it
 *
 * The control takes the time as an argument, so that its patience is tested without waiting.
 */
#ifndef TESTS_CONTROL_SUPPORT_H
#define TESTS_CONTROL_SUPPORT_H

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

enum { ANSWER_BYTES = 16 << 20, SERVES_N_MAX = 100000 };

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

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif

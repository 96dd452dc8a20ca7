/* SPDX-License-Identifier: MIT
 *
 * fuzz_control.c - clients of the control socket that ask anything, at any pace
 *
 * The input is a list of what clients do: come, write a piece of a request or noise, read or do
 * not, close one direction or both; and of time. Properties: every line of an answer is an object
 * that `lastack ss` understands; none follows the last one; a client that is gone is forgotten.
 */
#include "fuzz.h"
#include "host/control.h"
#include "host/control_dir.h"

#include <lastack/host.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS_N = 10, STEPS_MAX = 200, CONNS_N = 40, SERVES_MAX = 1000, IO_BYTES = 65536 };

struct client {
    int fd; /* -1: none */
    bool finished;
    size_t line_n; /* of the line that has come in part */
    char line[LA_REPORT_LINE_BYTES + 1];
};

/* One instance for all inputs: a place in the file system is slow to make. */
static struct la_stack *stack;
static struct la_control *control;
static la_instant now = {INT64_C(1000000000)};
static char program[] = "program";
static char *const argv[] = {program, NULL};
static char dir[] = "/tmp/lastack-fuzz-XXXXXX";
static struct client clients[CLIENTS_N];

static void
must(bool ok)
{
    if (!ok)
        abort();
}

/* ---- the instance ---------------------------------------------------------------------------- */

static void
instance_end(void)
{
    char path[sizeof(dir) + 16];
    struct la_mem *mem = la_mem_ref(la_stack_mem(stack));
    la_control_free(control);
    la_stack_free(stack);
    la_mem_unref(mem);
    (void)snprintf(path, sizeof(path), "%s/lastack", dir);
    (void)rmdir(path);
    (void)rmdir(dir);
}

static void
sockets_open(void)
{
    struct la_endpoint any = {{{0}}, 0}, at = {la_addr_v4(10, 0, 0, 1), 80};
    la_handle handle;
    for (uint16_t i = 0; i < CONNS_N; i++) {
        struct la_endpoint to = {la_addr_v4(10, 0, 0, 2), (uint16_t)(i + 1)};
        must(la_conn_open(stack, &any, &to, NULL, &handle, now) == LA_OK);
    }
    must(la_listener_open(stack, &at, 4, NULL, &handle, now) == LA_OK);
    must(la_udp_open(stack, &at, false, &handle) == LA_OK);
}

static void
instance_begin(void)
{
    struct la_mem *mem = la_mem_new(la_host_alloc(), 0);
    struct la_stack_cfg cfg;
    struct la_iface_cfg iface = {.caps = {.layer = LA_LINK_IP, .mtu_bytes = 1500}};
    struct la_addr own = la_addr_v4(10, 0, 0, 1);
    int idx;
    must(mkdtemp(dir) != NULL && setenv("XDG_RUNTIME_DIR", dir, 1) == 0);
    la_stack_cfg_init(&cfg);
    cfg.mem = mem;
    must(mem != NULL && la_stack_new(&cfg, now, &stack) == LA_OK);
    la_mem_unref(mem);
    must(la_stack_iface_add(stack, &iface, &idx) == LA_OK);
    must(la_stack_addr_add(stack, idx, &own, 24) == LA_OK);
    sockets_open();
    struct la_control_cfg control_cfg = {
        .command = "run",
        .argv = argv,
        .end = {{"near", stack, NULL, NULL}, {"far", stack, NULL, NULL}},
        .end_n = 2};
    must(la_control_new(&control_cfg, now, &control) == 0);
    for (unsigned i = 0; i < CLIENTS_N; i++)
        clients[i].fd = -1;
    must(atexit(instance_end) == 0);
}

/* ---- a client -------------------------------------------------------------------------------- */

static void
client_connect(struct client *c)
{
    char name[LA_CONTROL_NAME_BYTES];
    if (c->fd >= 0)
        return;
    int dir_fd = la_control_dir_open(0, false);
    must(dir_fd >= 0);
    (void)snprintf(name, sizeof(name), "%d.sock", (int)getpid());
    c->fd = la_control_dir_connect(dir_fd, name);
    (void)close(dir_fd);
    c->finished = false;
    c->line_n = 0;
}

static void
client_write(struct client *c, struct fuzz_in *in)
{
    static const char *const pieces[8] = {"lastack ", "1 ",   "status", " near",
                                          " far",     "\r\n", "\n",     "counters"};
    uint8_t how = fuzz_u8(in), noise[256];
    size_t n = how & 0x7f;
    if (c->fd < 0)
        return;
    if ((how & 0x80) != 0) {
        const char *piece = pieces[how & 7];
        (void)send(c->fd, piece, strlen(piece), MSG_NOSIGNAL | MSG_DONTWAIT);
        return;
    }
    for (size_t i = 0; i < n; i++)
        noise[i] = fuzz_u8(in);
    (void)send(c->fd, noise, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
take_line(struct client *c)
{
    static struct la_report report;
    json_t *object = json_loadb(c->line, c->line_n, 0, NULL);
    must(!c->finished && object != NULL && la_report_decode(object, &report));
    c->finished = report.kind == LA_REPORT_END || report.kind == LA_REPORT_ERROR;
    json_decref(object);
    c->line_n = 0;
}

static void
client_close(struct client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
}

static void
client_read(struct client *c, size_t want_n)
{
    static char octets[IO_BYTES];
    if (c->fd < 0)
        return;
    ssize_t n = recv(c->fd, octets, want_n < IO_BYTES ? want_n : IO_BYTES, MSG_DONTWAIT);
    for (ssize_t i = 0; i < n; i++) {
        must(c->line_n < LA_REPORT_LINE_BYTES);
        if (octets[i] == '\n')
            take_line(c);
        else
            c->line[c->line_n++] = octets[i];
    }
    if (n == 0 || (n < 0 && errno != EAGAIN))
        client_close(c);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void
act(struct fuzz_in *in)
{
    uint8_t what = fuzz_u8(in);
    struct client *c = &clients[(what >> 3) % CLIENTS_N];
    switch (what & 7) {
    case 0:
        client_connect(c);
        break;
    case 1:
    case 2:
        client_write(c, in);
        break;
    case 3:
        client_read(c, (size_t)fuzz_u8(in) << 9);
        break;
    case 4:
        client_close(c);
        break;
    case 5:
        if (c->fd >= 0)
            (void)shutdown(c->fd, SHUT_WR);
        break;
    case 6:
        now.ns += (int64_t)fuzz_u8(in) * 100000000;
        break;
    default:
        break;
    }
    la_control_serve(control, now);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_in in = {data, n};
    if (control == NULL)
        instance_begin();
    for (unsigned i = 0; i < STEPS_MAX && in.n > 0; i++)
        act(&in);
    for (unsigned i = 0; i < CLIENTS_N; i++)
        client_close(&clients[i]);
    for (unsigned i = 0; la_control_deadline(control).ns != LA_INSTANT_NEVER.ns; i++) {
        must(i < SERVES_MAX);
        la_control_serve(control, now);
    }
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * echo.c - a client and an echo server in one process, over a lossy wire, in virtual time
 *
 *     cc echo.c $(pkg-config --cflags --libs lastack)
 *
 * Status 0 when every octet came back and both ends closed in good order.
 */
#include <lastack/host.h>
#include <lastack/link.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OCTETS = 5000, PORT = 7 };

static uint8_t sent[OCTETS];
static size_t back_n;

static void
must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "echo: failed: %s\n", what);
        exit(1);
    }
}

static struct la_stack *
host_new(struct la_mem *mem, uint8_t end_id, struct la_addr addr)
{
    struct la_stack_cfg cfg;
    la_stack_cfg_init(&cfg);
    cfg.mem = mem;
    cfg.end_id = end_id;
    cfg.seed[0] = end_id; /* the same run every time; la_host_seed() where it matters */
    struct la_iface_cfg iface = {.caps = {.layer = LA_LINK_IP, .mtu_bytes = 1500}};
    struct la_stack *host = NULL;
    int idx = 0;
    must(la_stack_new(&cfg, (la_instant){0}, &host) == LA_OK, "an instance");
    must(la_stack_iface_add(host, &iface, &idx) == LA_OK, "an interface");
    must(la_stack_addr_add(host, idx, &addr, 24) == LA_OK, "an address");
    return host;
}

/* Sends back what is readable; closes when the client has closed. */
static void
serve(struct la_stack *server, la_handle conn, la_instant now)
{
    la_ssize n;
    uint8_t octets[1024];
    while ((n = la_conn_receive(server, conn, (struct la_room){octets, sizeof(octets)}, now)) > 0)
        must(la_conn_send(server, conn, (struct la_bytes){octets, (size_t)n}, false, now) == n,
             "send at the server");
    must(n != 0 || la_conn_release(server, conn, now) == LA_OK, "release at the server");
}

/* Looks at what came back where it lies, without copying it. LA_OK: the server has closed. */
static la_err
read_back(struct la_stack *client, la_handle conn, la_instant now)
{
    struct la_bytes pieces[8];
    size_t pieces_n;
    for (;;) {
        la_err err = la_conn_peek(client, conn, pieces, 8, &pieces_n);
        if (err != LA_OK || pieces_n == 0)
            return err;
        size_t n = 0;
        for (size_t i = 0; i < pieces_n; n += pieces[i++].n)
            must(pieces[i].n <= OCTETS - back_n - n &&
                     memcmp(pieces[i].p, sent + back_n + n, pieces[i].n) == 0,
                 "the same octets");
        must(la_conn_consume(client, conn, n, now) == LA_OK, "consume"); /* pieces end here */
        back_n += n;
    }
}

/* Sends all and closes its direction; reads until the server closes the other. */
static void
use(struct la_stack *client, la_handle conn, bool open, la_instant now)
{
    struct la_conn_status status;
    struct la_bytes all = {sent, OCTETS};
    must(!open || la_conn_send(client, conn, all, false, now) == OCTETS, "send at the client");
    must(!open || la_conn_close(client, conn, now) == LA_OK, "half-close");
    if (read_back(client, conn, now) != LA_OK)
        return;
    must(la_conn_status(client, conn, &status) == LA_OK, "status");
    printf("%zu octets came back, %u segments were sent again, %s after %lld ms\n", back_n,
           status.retransmissions_n, la_tcp_state_name(status.state, LA_NAMES_RFC),
           (long long)(now.ns / 1000000));
    must(status.state == LA_TCP_TIME_WAIT && status.err == LA_OK, "an orderly close");
    must(la_conn_release(client, conn, now) == LA_OK, "release at the client");
}

int
main(void)
{
    struct la_mem *mem = la_mem_new(la_host_alloc(), 0);
    struct la_endpoint any = {{{0}}, 0}, to = {la_addr_v4(10, 0, 0, 2), PORT};
    struct la_stack *client = host_new(mem, 0, la_addr_v4(10, 0, 0, 1));
    struct la_stack *server = host_new(mem, 1, to.addr);
    struct la_impair bad = {.delay_ns = 10000000, .loss = 0.1};
    struct la_wire_cfg cfg = {.mem = mem, .seed = 7, .impair = {bad, bad}};
    cfg.caps = (struct la_link_caps){.layer = LA_LINK_IP, .mtu_bytes = 1500};
    struct la_wire *wire = NULL;
    must(la_wire_new(&cfg, &wire) == LA_OK, "a wire");

    for (size_t i = 0; i < OCTETS; i++)
        sent[i] = (uint8_t)(i * 7 + i / 256);
    la_instant now = {0};
    la_handle listener, conn, accepted;
    must(la_listener_open(server, &to, 8, NULL, &listener, now) == LA_OK, "listen");
    must(la_conn_open(client, &any, &to, NULL, &conn, now) == LA_OK, "open");
    /* Until nothing more can happen: both ends have closed and TIME-WAIT is over. */
    for (; now.ns != LA_INSTANT_NEVER.ns; now = la_wire_next(wire, client, server)) {
        struct la_stack_event ev;
        la_wire_pump(wire, client, server, now);
        while (la_stack_next_event(server, &ev))
            if (ev.kind == LA_STACK_EV_CONN)
                serve(server, ev.handle, now);
            else if (la_listener_accept(server, listener, &accepted, now) == LA_OK)
                serve(server, accepted, now);
        while (la_stack_next_event(client, &ev))
            if (back_n < OCTETS || (ev.ready & LA_READY_END) != 0)
                use(client, conn, (ev.ready & LA_READY_OPEN) != 0, now);
        la_wire_pump(wire, client, server, now);
    }
    must(back_n == OCTETS, "all octets");
    la_wire_free(wire);
    la_stack_free(client);
    la_stack_free(server);
    la_mem_unref(mem);
    return 0;
}

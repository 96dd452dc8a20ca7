/* SPDX-License-Identifier: MIT
 *
 * subject.c - one stack in virtual time, told what to do line by line
 *
 * The lastack side of differ.py: reads a line, does it, answers with one line. A stack answers for
 * 10.99.0.1; packets are in hexadecimal.
 *
 *     new SEED                        a fresh stack; what was before is dropped
 *     packet HEX                      arrives
 *     listen | accept | connect HOST PORT | send OFFSET N | urgent OFFSET N | receive N
 *     shutdown HOW | close | linger | nodelay | error
 *     state PORT                      of the connection to this port of the peer
 *
 * Answer: RESULT [PACKET...], RESULT being a number, octets after "=", a name of a state, or the
 * name of an errno value. Each line takes a millisecond of the stack's time.
 */
#include <lastack/host.h>
#include <lastack/sock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MTU = 1500, OCTETS_MAX = 65536, LINE_MAX_BYTES = 2 * OCTETS_MAX + 64, MS = 1000000 };

struct subject {
    struct la_mem *mem;
    struct la_stack *stack;
    struct la_socks *socks;
    la_sock first, accepted; /* calls go to the accepted one once there is one */
    la_instant now;
};

static const char *
errno_name(la_ssize err)
{
    switch (err) {
#define ERR(name, value, errno_name, text)                                                         \
    case (value):                                                                                  \
        return #errno_name;
#include <lastack/err.def>
#undef ERR
    }
    return "OK";
}

static void
must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "subject: failed: %s\n", what);
        exit(2);
    }
}

static void
end(struct subject *s)
{
    if (s->stack == NULL)
        return;
    la_socks_free(s->socks);
    la_stack_free(s->stack);
    la_mem_unref(s->mem);
    *s = (struct subject){0};
}

/* No timer is due within a script, and ACKs are not delayed, as differ.py has it on the kernel's
 * side; the window is about the kernel's. */
static void
begin(struct subject *s, uint64_t seed)
{
    end(s);
    s->mem = la_mem_new(la_host_alloc(), 0);
    must(s->mem != NULL, "memory");
    struct la_stack_cfg cfg;
    la_stack_cfg_init(&cfg);
    cfg.mem = s->mem;
    cfg.seed[0] = seed;
    cfg.tcp.rto_us_min = cfg.tcp.rto_us_initial = 10000000;
    cfg.tcp.delayed_ack_us = 0;
    cfg.tcp.rcvbuf_bytes = 65536;
    struct la_iface_cfg iface = {.caps = {.layer = LA_LINK_IP, .mtu_bytes = MTU}};
    struct la_addr addr = la_addr_v4(10, 99, 0, 1);
    int idx = 0;
    s->now.ns = 1000 * MS;
    must(la_stack_new(&cfg, s->now, &s->stack) == LA_OK, "an instance");
    must(la_stack_iface_add(s->stack, &iface, &idx) == LA_OK, "an interface");
    must(la_stack_addr_add(s->stack, idx, &addr, 16) == LA_OK, "an address");
    must(la_socks_new(s->stack, &s->socks) == LA_OK, "sockets");
    must(la_sock_open(s->socks, LA_SOCK_IPV4, LA_SOCK_STREAM, &s->first) == LA_OK, "a socket");
}

static int
digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static void
arrive(struct subject *s, const char *hex)
{
    static uint8_t octets[OCTETS_MAX];
    size_t n = 0;
    for (; hex[0] > ' ' && hex[1] > ' ' && n < sizeof(octets); hex += 2)
        octets[n++] = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
    struct la_frame *frame = la_frame_from_bytes(s->mem, (struct la_bytes){octets, n});
    must(frame != NULL, "a frame");
    la_stack_input(s->stack, 0, &frame, 1, s->now);
}

static void
print_octets(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%02x", p[i]);
}

static void
print_output(struct subject *s)
{
    static uint8_t octets[OCTETS_MAX];
    struct la_frame *frame;
    while (la_stack_output(s->stack, 0, &frame, 1, s->now) == 1) {
        putchar(' ');
        print_octets(octets, la_frame_copy_out(frame, 0, octets, sizeof(octets)));
        la_frame_free(frame);
    }
}

/* The application's stream: subjects.py has the same. */
static la_ssize
send_octets(struct subject *s, la_sock sock, bool urgent, unsigned off, unsigned n)
{
    static uint8_t octets[OCTETS_MAX];
    if (n > sizeof(octets))
        n = sizeof(octets);
    for (unsigned i = 0; i < n; i++)
        octets[i] = (uint8_t)((off + i) * 7 + (off + i) / 256);
    struct la_bytes bytes = {octets, n};
    return urgent ? la_sock_send_urgent(s->socks, sock, bytes, s->now)
                  : la_sock_send(s->socks, sock, bytes, false, NULL, s->now);
}

static la_ssize
receive(struct subject *s, la_sock sock, unsigned n)
{
    static uint8_t octets[OCTETS_MAX];
    struct la_room room = {octets, n < sizeof(octets) ? n : sizeof(octets)};
    la_ssize got = la_sock_receive(s->socks, sock, room, NULL, NULL, s->now);
    if (got >= 0) {
        putchar('=');
        print_octets(octets, (size_t)got);
    }
    return got;
}

static const char *
state_name(const struct la_stack *stack, unsigned port)
{
    uint32_t cursor = 0;
    la_handle conn;
    while (la_conn_next(stack, &cursor, &conn)) {
        struct la_conn_status status;
        if (conn != 0 && la_conn_status(stack, conn, &status) == LA_OK &&
            status.remote.port == port && status.state != LA_TCP_CLOSED)
            return la_tcp_state_name(status.state, LA_NAMES_RFC);
    }
    return "CLOSED";
}

static la_ssize
accept_one(struct subject *s)
{
    la_sock sock;
    la_err err = la_sock_accept(s->socks, s->first, &sock, NULL, s->now);
    if (err == LA_OK)
        s->accepted = sock;
    return err;
}

static la_ssize
listen_there(struct subject *s)
{
    struct la_endpoint local = {la_addr_v4(10, 99, 0, 1), 5000};
    la_err err = la_sock_bind(s->socks, s->first, &local);
    return err == LA_OK ? la_sock_listen(s->socks, s->first, 8, s->now) : err;
}

static la_ssize
connect_to(struct subject *s, const char *host, unsigned port)
{
    struct la_endpoint local = {la_addr_v4(10, 99, 0, 1), 5000};
    struct la_endpoint remote = {.port = (uint16_t)port};
    must(la_addr_parse(host, &remote.addr), "an address to connect to");
    la_err err = la_sock_bind(s->socks, s->first, &local);
    return err == LA_OK ? la_sock_connect(s->socks, s->first, &remote, s->now) : err;
}

/* The calls on the connection; BAD_ARGUMENT for a word that it does not know. */
static la_ssize
call(struct subject *s, const char *word, const char *host, unsigned a, unsigned b)
{
    la_sock sock = s->accepted != 0 ? s->accepted : s->first;
    if (strcmp(word, "listen") == 0)
        return listen_there(s);
    if (strcmp(word, "accept") == 0)
        return accept_one(s);
    if (strcmp(word, "connect") == 0)
        return connect_to(s, host, b);
    if (strcmp(word, "send") == 0 || strcmp(word, "urgent") == 0)
        return send_octets(s, sock, word[0] == 'u', a, b);
    if (strcmp(word, "receive") == 0)
        return receive(s, sock, a);
    if (strcmp(word, "shutdown") == 0)
        return la_sock_shutdown(s->socks, sock, (enum la_shutdown)a, s->now);
    if (strcmp(word, "linger") == 0)
        return la_sock_option_set(s->socks, sock, LA_SO_LINGER_S, 0, s->now);
    if (strcmp(word, "nodelay") == 0)
        return la_sock_option_set(s->socks, sock, LA_SO_NODELAY, 1, s->now);
    if (strcmp(word, "error") == 0)
        return la_sock_error_take(s->socks, sock);
    if (strcmp(word, "close") == 0)
        return la_sock_close(s->socks, sock, s->now);
    return LA_ERR_BAD_ARGUMENT;
}

static void
answer(struct subject *s, const char *line)
{
    char word[16] = "", host[LA_ADDR_TEXT_BYTES] = "";
    unsigned a = 0, b = 0;
    must(sscanf(line, "%15s", word) == 1, "a word in the line");
    if (strcmp(word, "new") == 0) {
        begin(s, strtoull(line + 4, NULL, 10));
        printf("OK");
    } else if (strcmp(word, "packet") == 0) {
        arrive(s, line + 7);
        printf("OK");
    } else if (strcmp(word, "state") == 0) {
        must(sscanf(line, "%*s %u", &a) == 1, "a port");
        printf("%s", state_name(s->stack, a));
    } else {
        if (sscanf(line, "%*s %u %u", &a, &b) < 2)
            (void)sscanf(line, "%*s %45s %u", host, &b);
        la_ssize result = call(s, word, host, a, b);
        if (strcmp(word, "receive") != 0 || result < 0)
            result > 0 ? (void)printf("%lld", (long long)result)
                       : (void)printf("%s", errno_name(result));
    }
}

int
main(void)
{
    static char line[LINE_MAX_BYTES];
    struct subject s = {0};
    while (fgets(line, sizeof(line), stdin) != NULL) {
        s.now.ns += MS;
        if (s.stack != NULL)
            la_stack_run(s.stack, s.now, 1000);
        answer(&s, line);
        struct la_sock_event event;
        while (la_sock_next_event(s.socks, &event)) {
        }
        print_output(&s);
        putchar('\n');
        fflush(stdout);
    }
    end(&s);
    return 0;
}

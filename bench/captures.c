/* SPDX-License-Identifier: MIT
 *
 * captures.c - captures of any size for the benchmark of `explain`
 *
 * Two stacks talk TCP over a wire with delay, a rate and loss in virtual time, and a tap at one end
 * writes pcap: the segments are those of a real TCP, with its options, recoveries and
 * closes. `bulk` is a few connections that carry data for ever; `short` is many that carry one
 * request and one response, some of them reset. Same arguments: the same file, octet for octet.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lastack/host.h>
#include <lastack/link.h>

enum { CLIENT, SERVER };
enum { SERVER_PORT = 8000, SERVER_PORTS_N = 64, BULK_CONNS_N = 8, SHORT_LIVE_N = 400 };
enum { ETHERNET_BYTES = 14, FILE_BUFFER_BYTES = 1 << 20, CHUNK_BYTES = 1 << 16 };
enum { REQUEST_BYTES_MIN = 80, RESPONSE_BYTES_MIN = 100, RESPONSE_BYTES_SPAN = 6000 };
enum { CONNS_ROOM = 64 };
/* 2026-01-01 00:00:00 UTC. */
#define BEGIN_NS (INT64_C(1767225600) * 1000000000)
#define MS INT64_C(1000000)

/* One request and its response. Both ends know from the number what is to come. */
struct talk {
    la_handle handle[2];
    uint32_t number;
    uint32_t to_send[2], to_receive[2];
    bool live;
};

/* What passes the client's end of the wire goes into the file. */
struct tap {
    struct la_link link; /* first: a link is cast back to its tap */
    struct la_link *inner;
    struct maker *maker;
};

struct maker {
    struct la_mem *mem;
    struct la_stack *stack[2];
    struct la_wire *wire;
    struct tap tap;
    la_handle listeners[SERVER_PORTS_N];
    la_instant now;
    FILE *file;
    uint32_t snap_bytes;
    uint64_t packets_n, octets;
    bool bulk;
    uint64_t want_n; /* bulk: packets; short: connections */
    uint32_t begun_n, ended_n, live_n;
    struct talk *talks;
    size_t talks_n;
    uint8_t octets_room[CHUNK_BYTES];
};

/* ---- the file ----------------------------------------------------------------------------- */

static void
put32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}

/* Classic pcap with nanoseconds, in this machine's order. */
static void
file_begin(struct maker *m)
{
    uint8_t head[24] = {0};
    uint16_t version[2] = {2, 4};
    put32(head, 0xa1b23c4d);
    memcpy(head + 4, version, sizeof(version));
    put32(head + 16, m->snap_bytes);
    put32(head + 20, 1); /* LINKTYPE_ETHERNET */
    fwrite(head, 1, sizeof(head), m->file);
}

static void
file_packet(struct maker *m, const struct la_frame *frame)
{
    static uint8_t octets[CHUNK_BYTES];
    uint8_t head[16];
    size_t len = la_frame_len(frame);
    size_t kept = len < m->snap_bytes ? len : m->snap_bytes;
    int64_t at_ns = BEGIN_NS + m->now.ns;
    kept = la_frame_copy_out(frame, 0, octets, kept < sizeof(octets) ? kept : sizeof(octets));
    put32(head, (uint32_t)(at_ns / 1000000000));
    put32(head + 4, (uint32_t)(at_ns % 1000000000));
    put32(head + 8, (uint32_t)kept);
    put32(head + 12, (uint32_t)len);
    fwrite(head, 1, sizeof(head), m->file);
    fwrite(octets, 1, kept, m->file);
    m->packets_n++;
    m->octets += len;
}

/* ---- the tap ------------------------------------------------------------------------------ */

static size_t
tap_send(struct la_link *link, struct la_frame **take_frames, size_t n, la_instant now)
{
    struct tap *tap = (struct tap *)link;
    for (size_t i = 0; i < n; i++) /* a memory wire takes every frame */
        file_packet(tap->maker, take_frames[i]);
    return la_link_send(tap->inner, take_frames, n, now);
}

static size_t
tap_receive(struct la_link *link, struct la_frame **frames, size_t max, la_instant now)
{
    struct tap *tap = (struct tap *)link;
    size_t n = la_link_receive(tap->inner, frames, max, now);
    for (size_t i = 0; i < n; i++)
        file_packet(tap->maker, frames[i]);
    return n;
}

static la_instant
tap_deadline(const struct la_link *link)
{
    return la_link_deadline(((const struct tap *)link)->inner);
}

static int
tap_descriptor(const struct la_link *link)
{
    (void)link;
    return -1;
}

static void
tap_free(struct la_link *link)
{
    (void)link;
}

static const struct la_link_ops tap_ops = {tap_send, tap_receive, tap_deadline, tap_descriptor,
                                           tap_free};

/* ---- two stacks and a wire ---------------------------------------------------------------- */

static struct la_addr
addr_of(int end)
{
    return la_addr_v4(10, 0, 0, (uint8_t)(end + 1));
}

static la_err
stack_begin(struct maker *m, int end, const struct la_link_caps *caps)
{
    struct la_iface_cfg iface = {.caps = *caps, .mac = {0x02, [5] = (uint8_t)(end + 1)}};
    struct la_addr addr = addr_of(end);
    struct la_stack_cfg cfg;
    int idx;
    la_stack_cfg_init(&cfg);
    cfg.mem = m->mem;
    cfg.seed[0] = (uint64_t)end + 1;
    cfg.end_id = (uint8_t)end;
    cfg.port_ephemeral_min = 1024;
    /* Those in TIME-WAIT are among them. */
    cfg.conns_n_max = m->bulk ? CONNS_ROOM : (uint32_t)m->want_n + CONNS_ROOM;
    cfg.checksum = la_host_checksum();
    la_err err = la_stack_new(&cfg, m->now, &m->stack[end]);
    if (err == LA_OK)
        err = la_stack_iface_add(m->stack[end], &iface, &idx);
    return err == LA_OK ? la_stack_addr_add(m->stack[end], idx, &addr, 24) : err;
}

static la_err
network_begin(struct maker *m)
{
    struct la_link_caps caps = {.layer = LA_LINK_ETHERNET, .mtu_bytes = 1500};
    struct la_impair impair = {
        .delay_ns = 5 * MS, .rate_bps = 1000000000, .queue_n = 2000, .loss = 0.0005};
    struct la_wire_cfg wire = {.mem = m->mem, .seed = 1, .caps = caps, .impair = {impair, impair}};
    la_err err = la_wire_new(&wire, &m->wire);
    for (int end = CLIENT; err == LA_OK && end <= SERVER; end++)
        err = stack_begin(m, end, &caps);
    if (err != LA_OK)
        return err;
    struct la_link *inner = la_wire_end(m->wire, CLIENT);
    m->tap = (struct tap){{&tap_ops, inner->caps}, inner, m};
    la_wire_outer_set(m->wire, CLIENT, &m->tap.link);
    for (uint16_t i = 0; err == LA_OK && i < SERVER_PORTS_N; i++) {
        struct la_endpoint local = {addr_of(SERVER), (uint16_t)(SERVER_PORT + i)};
        err = la_listener_open(m->stack[SERVER], &local, 4096, NULL, &m->listeners[i], m->now);
    }
    return err;
}

/* ---- what they talk about ----------------------------------------------------------------- */

/* Any function of the number will do that spreads. */
static uint32_t
spread(uint32_t number)
{
    return number * UINT32_C(2654435761) >> 8;
}

static struct talk *
talk_at(struct maker *m, uint64_t user)
{
    return user != 0 && user <= m->talks_n ? &m->talks[user - 1] : NULL;
}

static void
talk_begin(struct maker *m)
{
    struct la_endpoint any = {{{0}}, 0};
    struct la_endpoint to = {addr_of(SERVER),
                             (uint16_t)(SERVER_PORT + m->begun_n % SERVER_PORTS_N)};
    uint64_t user = 1;
    while (user <= m->talks_n && m->talks[user - 1].live)
        user++;
    struct talk *talk = talk_at(m, user);
    if (talk == NULL)
        return;
    uint32_t number = m->begun_n++;
    *talk = (struct talk){.number = number, .live = true};
    talk->to_send[CLIENT] = REQUEST_BYTES_MIN + spread(number) % 400;
    talk->to_send[SERVER] =
        m->bulk ? UINT32_MAX : RESPONSE_BYTES_MIN + spread(number + 1) % RESPONSE_BYTES_SPAN;
    talk->to_receive[CLIENT] = talk->to_send[SERVER];
    talk->to_receive[SERVER] = talk->to_send[CLIENT];
    if (la_conn_open(m->stack[CLIENT], &any, &to, NULL, &talk->handle[CLIENT], m->now) != LA_OK) {
        talk->live = false;
        m->ended_n++;
        return;
    }
    la_conn_user_set(m->stack[CLIENT], talk->handle[CLIENT], user);
    m->live_n++;
}

/* The first 8 octets of a request say whose it is. */
static void
talk_send(struct maker *m, struct talk *talk, int end)
{
    while (talk->to_send[end] > 0) {
        uint32_t n = talk->to_send[end] < CHUNK_BYTES ? talk->to_send[end] : CHUNK_BYTES;
        uint64_t user = (uint64_t)(talk - m->talks) + 1;
        memcpy(m->octets_room, &user, sizeof(user));
        la_ssize sent = la_conn_send(m->stack[end], talk->handle[end],
                                     (struct la_bytes){m->octets_room, n}, false, m->now);
        if (sent <= 0)
            return;
        talk->to_send[end] -= m->bulk && end == SERVER ? 0 : (uint32_t)sent;
    }
}

static void
talk_receive(struct maker *m, struct talk *talk, int end)
{
    struct la_room room = {m->octets_room, sizeof(m->octets_room)};
    la_ssize n;
    while ((n = la_conn_receive(m->stack[end], talk->handle[end], room, m->now)) > 0)
        if (!m->bulk || end == SERVER)
            talk->to_receive[end] -= (uint32_t)n;
}

static void
end_release(struct maker *m, struct talk *talk, int end, bool abort)
{
    if (talk->handle[end] == 0)
        return;
    if (abort)
        la_conn_abort(m->stack[end], talk->handle[end], m->now);
    la_conn_release(m->stack[end], talk->handle[end], m->now);
    talk->handle[end] = 0;
    if (end == SERVER && talk->handle[CLIENT] != 0)
        return;
    if (end == CLIENT && talk->handle[SERVER] != 0)
        return;
    talk->live = false;
    m->live_n--;
    m->ended_n++;
}

/* One end is done: it closes. The first to be done is the server in half of the cases, because it
 * closes behind its response; one in sixteen clients aborts instead. */
static void
talk_step(struct maker *m, struct talk *talk, int end, uint32_t ready)
{
    talk_receive(m, talk, end);
    if (end == CLIENT || talk->to_receive[SERVER] == 0)
        talk_send(m, talk, end);
    bool over = (ready & (LA_READY_ERROR | LA_READY_END)) != 0;
    bool done = talk->to_send[end] == 0 && talk->to_receive[end] == 0;
    bool waits = end == SERVER && talk->number % 2 == 0;
    if (over || (done && !waits))
        end_release(m, talk, end, end == CLIENT && talk->number % 16 == 0);
}

/* ---- the course of it --------------------------------------------------------------------- */

/* A connection that was accepted is known by what it says first. */
static void
server_greets(struct maker *m, la_handle handle, uint32_t ready)
{
    struct la_bytes piece;
    size_t n;
    uint64_t user;

    if (la_conn_peek(m->stack[SERVER], handle, &piece, 1, &n) == LA_OK && n > 0 &&
        piece.n >= sizeof(user)) {
        memcpy(&user, piece.p, sizeof(user));
        struct talk *talk = talk_at(m, user);
        if (talk != NULL && talk->live) {
            talk->handle[SERVER] = handle;
            la_conn_user_set(m->stack[SERVER], handle, user);
            talk_step(m, talk, SERVER, ready);
            return;
        }
    }
    if ((ready & (LA_READY_ERROR | LA_READY_END)) != 0)
        la_conn_release(m->stack[SERVER], handle, m->now);
}

static bool
serve(struct maker *m, int end)
{
    struct la_stack_event ev;
    bool some = false;
    while (la_stack_next_event(m->stack[end], &ev)) {
        struct talk *talk = talk_at(m, ev.user);
        la_handle handle;
        some = true;
        if (ev.kind == LA_STACK_EV_LISTENER) {
            while (la_listener_accept(m->stack[end], ev.handle, &handle, m->now) == LA_OK)
                server_greets(m, handle, 0);
        } else if (ev.kind == LA_STACK_EV_CONN && ev.user == 0) {
            server_greets(m, ev.handle, ev.ready);
        } else if (ev.kind == LA_STACK_EV_CONN && talk != NULL && talk->handle[end] == ev.handle) {
            talk_step(m, talk, end, ev.ready);
        }
    }
    return some;
}

static bool
is_over(const struct maker *m)
{
    return m->bulk ? m->packets_n >= m->want_n : m->ended_n >= m->want_n;
}

static void
settle(struct maker *m)
{
    do {
        la_wire_pump(m->wire, m->stack[CLIENT], m->stack[SERVER], m->now);
    } while (serve(m, CLIENT) | serve(m, SERVER));
}

/* True: all that was wanted has happened. */
static bool
play(struct maker *m)
{
    uint64_t begin_n = m->bulk ? BULK_CONNS_N : m->want_n;
    while (!is_over(m)) {
        if (m->live_n < m->talks_n && m->begun_n < begin_n)
            talk_begin(m);
        settle(m);
        la_instant next = la_wire_next(m->wire, m->stack[CLIENT], m->stack[SERVER]);
        bool may_begin = m->live_n < m->talks_n && m->begun_n < begin_n;
        int64_t soon_ns = m->now.ns + MS / 20;
        if (may_begin && next.ns > soon_ns)
            next.ns = soon_ns;
        if (next.ns == LA_INSTANT_NEVER.ns)
            return false;
        m->now = next;
    }
    return true;
}

/* Both ends of what is still open say goodbye, and the last segments pass. */
static void
part(struct maker *m)
{
    for (size_t i = 0; i < m->talks_n; i++)
        for (int end = CLIENT; end <= SERVER; end++)
            if (m->talks[i].live)
                end_release(m, &m->talks[i], end, end == CLIENT);
    int64_t until_ns = m->now.ns + 1000 * MS;
    for (;;) {
        settle(m);
        la_instant next = la_wire_next(m->wire, m->stack[CLIENT], m->stack[SERVER]);
        if (next.ns > until_ns)
            break;
        m->now = next;
    }
}

static int
make(struct maker *m)
{
    m->talks_n = m->bulk ? BULK_CONNS_N : SHORT_LIVE_N;
    m->mem = la_mem_new(la_host_alloc(), 0);
    m->talks = calloc(m->talks_n, sizeof(*m->talks));
    la_err err = m->mem == NULL || m->talks == NULL ? LA_ERR_NO_MEMORY : network_begin(m);
    if (err != LA_OK) {
        fprintf(stderr, "bench-captures: %s\n", la_strerror(err));
        return 1;
    }
    file_begin(m);
    bool done = play(m);
    part(m);
    printf("packets %" PRIu64 " connections %u octets %" PRIu64 " virtual_ms %" PRId64 "\n",
           m->packets_n, m->begun_n, m->octets, m->now.ns / MS);
    if (!done)
        fprintf(stderr, "bench-captures: it came to rest before its end\n");
    return done ? 0 : 1;
}

static void
maker_fini(struct maker *m)
{
    if (m->wire != NULL)
        la_wire_outer_set(m->wire, CLIENT, NULL);
    la_wire_free(m->wire);
    la_stack_free(m->stack[CLIENT]);
    la_stack_free(m->stack[SERVER]);
    la_mem_unref(m->mem);
    free(m->talks);
}

static int
usage(void)
{
    fprintf(stderr, "usage: bench-captures bulk PACKETS FILE [SNAP]\n"
                    "       bench-captures short CONNECTIONS FILE [SNAP]\n"
                    "SNAP: octets kept of each packet (default 65535)\n");
    return 2;
}

int
main(int argc, char **argv)
{
    static struct maker m;
    if (argc < 4 || argc > 5)
        return usage();
    m.bulk = strcmp(argv[1], "bulk") == 0;
    m.want_n = strtoull(argv[2], NULL, 10);
    m.snap_bytes = argc == 5 ? (uint32_t)strtoul(argv[4], NULL, 10) : 65535;
    if ((!m.bulk && strcmp(argv[1], "short") != 0) || m.want_n == 0 || m.want_n > UINT32_MAX / 2 ||
        m.snap_bytes < ETHERNET_BYTES)
        return usage();
    m.file = fopen(argv[3], "wb");
    if (m.file == NULL) {
        fprintf(stderr, "bench-captures: %s: %s\n", argv[3], strerror(errno));
        return 1;
    }
    setvbuf(m.file, NULL, _IOFBF, FILE_BUFFER_BYTES);
    int status = make(&m);
    maker_fini(&m);
    if (fclose(m.file) != 0) {
        fprintf(stderr, "bench-captures: %s: %s\n", argv[3], strerror(errno));
        return 1;
    }
    return status;
}

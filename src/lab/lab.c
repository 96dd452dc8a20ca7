/* SPDX-License-Identifier: MIT
 *
 * lab.c - the hands of a scenario: opening, sending, waiting
 */
#include "lab/lab.h"

#include <stdio.h>

#include "base/time.h"
#include "lab/packet.h"

enum { AWAIT_S = 1800, CHUNK_BYTES = 4096 };

/* ---- the octets ------------------------------------------------------------------------- */

/* What stands at `off` of the stream that `end` sends: printable, and telling places apart. */
static uint8_t
octet_at(int end, uint64_t off)
{
    return (uint8_t)('!' + (off * 7 + off / 94 + (uint64_t)end * 31) % 94);
}

/* The next octets of `end`, at most n. False: no room now, or the connection is over, which ERROR
 * tells. */
static bool
send_chunk(struct la_lab *lab, int end, uint64_t n, bool urgent)
{
    struct la_lab_end *e = &lab->end[end];
    struct la_stack *stack = lab->bed->stack[end];
    uint8_t octets[CHUNK_BYTES];
    struct la_bytes bytes = {octets, n < sizeof(octets) ? (size_t)n : sizeof(octets)};
    for (size_t i = 0; i < bytes.n; i++)
        octets[i] = octet_at(end, e->sent_n + i);
    la_ssize taken_n = urgent ? la_conn_send_urgent(stack, e->conn, bytes, lab->bed->now)
                              : la_conn_send(stack, e->conn, bytes, false, lab->bed->now);
    if (taken_n <= 0)
        return false;
    e->sent_n += (uint64_t)taken_n;
    e->to_send_n -= (uint64_t)taken_n;
    return true;
}

static void
send_more(struct la_lab *lab, int end)
{
    struct la_lab_end *e = &lab->end[end];
    while (e->to_send_n != 0 && send_chunk(lab, end, e->to_send_n, false)) {
    }
}

/* One RECEIVE of at most n_max octets; what it returned. */
static la_ssize
read_some(struct la_lab *lab, int end, size_t n_max)
{
    struct la_lab_end *e = &lab->end[end];
    uint8_t octets[CHUNK_BYTES];
    la_ssize n = la_conn_receive(
        lab->bed->stack[end], e->conn,
        (struct la_room){octets, n_max < sizeof(octets) ? n_max : sizeof(octets)}, lab->bed->now);
    for (size_t i = 0; n > 0 && i < (size_t)n; i++)
        e->wrong |= octets[i] != octet_at(1 - end, e->received_n + i);
    e->received_n += n > 0 ? (uint64_t)n : 0;
    return n;
}

static void
read_all(struct la_lab *lab, int end)
{
    struct la_lab_end *e = &lab->end[end];
    const struct la_stack *stack = lab->bed->stack[end];
    la_ssize urgent = la_conn_urgent(stack, e->conn), n;
    while ((n = read_some(lab, end, CHUNK_BYTES)) > 0) {
        if (urgent == n)
            e->urgent_end = e->received_n;
        urgent = la_conn_urgent(stack, e->conn);
    }
    if (n != 0 || e->end_read)
        return;
    e->end_read = true;
    if (e->closes)
        la_lab_expect(lab, la_conn_close(lab->bed->stack[end], e->conn, lab->bed->now) == LA_OK,
                      "the %s could not CLOSE", la_lab_end_name(end));
}

/* ---- what the bed tells ----------------------------------------------------------------- */

static void
hear(void *ctx, const struct la_event *event)
{
    struct la_lab *lab = ctx;
    struct la_lab_end *e = &lab->end[event->end & 1u];
    if (lab->hides != NULL && lab->hides(lab, event))
        return;
    if (event->kind == LA_EVENT_STATE && event->u.state.from == LA_TCP_CLOSED)
        *e = (struct la_lab_end){
            .conn = event->conn, .remote = event->remote, .reads = e->reads, .closes = e->closes};
    /* A half-open connection that is complete gets another handle. */
    if (event->kind == LA_EVENT_STATE && event->u.state.from == LA_TCP_SYN_RECEIVED &&
        e->state == LA_TCP_SYN_RECEIVED && e->remote.port == event->remote.port)
        e->conn = event->conn;
    if (event->conn != e->conn)
        return;
    if (event->kind == LA_EVENT_STATE)
        e->state = event->u.state.to;
    else if (event->kind == LA_EVENT_ERROR && !event->u.error.soft)
        e->err = event->u.error.err;
}

/* What an accepted connection has to say follows as an event of its own. */
static void
accept_all(struct la_lab *lab)
{
    la_handle conn;
    while (lab->accepts && la_listener_accept(lab->bed->stack[LA_SERVER], lab->listener, &conn,
                                              lab->bed->now) == LA_OK)
        ;
}

static void
ready(void *ctx, int end, const struct la_stack_event *event)
{
    struct la_lab *lab = ctx;
    struct la_lab_end *e = &lab->end[end];
    if (event->kind == LA_STACK_EV_LISTENER)
        accept_all(lab);
    if (event->kind != LA_STACK_EV_CONN || event->handle != e->conn)
        return;
    send_more(lab, end);
    if (e->reads)
        read_all(lab, end);
}

static bool
pick(void *ctx, const struct la_frame *frame, uint64_t ordinal)
{
    struct la_lab_pick *p = ctx;
    struct la_lab_packet packet;
    (void)ordinal;
    if (!la_lab_packet_of_frame(&packet, frame) || (packet.seg.flags & p->flags_mask) != p->flags ||
        packet.seg.text_bytes < p->text_bytes_min || packet.seg.text_bytes > p->text_bytes_max)
        return false;
    p->seen_n++;
    if (p->seen_n <= p->spare_n || p->lost_n >= p->times_n ||
        (p->seen_n - p->spare_n - 1) % (p->between_n + 1) != 0)
        return false;
    p->lost_n++;
    return true;
}

void
la_lab_init(struct la_lab *lab, struct la_bed_cfg *cfg)
{
    *lab = (struct la_lab){.accepts = true, .end = {{.reads = true}, {.reads = true}}};
    cfg->app = (struct la_bed_app){.ready = ready, .ctx = lab};
    cfg->hears[0] =
        (struct la_trace){hear, lab, LA_EVENT_BIT(LA_EVENT_STATE) | LA_EVENT_BIT(LA_EVENT_ERROR)};
}

/* ---- doing ------------------------------------------------------------------------------ */

const char *
la_lab_end_name(int end)
{
    return end == LA_CLIENT ? "client" : "server";
}

struct la_endpoint
la_lab_server(bool v6)
{
    return (struct la_endpoint){la_bed_addr(LA_SERVER, v6), LA_LAB_PORT};
}

/* A user call that the scenario is sure of. */
static void
call(struct la_lab *lab, const char *what, la_err err)
{
    la_lab_expect(lab, err == LA_OK, "%s failed: %s", what, la_strerror(err));
    la_bed_settle(lab->bed);
}

void
la_lab_listen(struct la_lab *lab, uint32_t backlog_n)
{
    struct la_endpoint local = {.port = LA_LAB_PORT};
    call(lab, "passive OPEN",
         la_listener_open(lab->bed->stack[LA_SERVER], &local, backlog_n, NULL, &lab->listener,
                          lab->bed->now));
}

void
la_lab_open(struct la_lab *lab, int end, uint16_t port, const struct la_endpoint *remote)
{
    struct la_endpoint local = {.port = port};
    la_handle conn;
    call(lab, "active OPEN",
         la_conn_open(lab->bed->stack[end], &local, remote, NULL, &conn, lab->bed->now));
}

void
la_lab_establish(struct la_lab *lab)
{
    struct la_endpoint server = la_lab_server(false);
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    la_lab_open(lab, LA_CLIENT, 0, &server);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_ESTABLISHED);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_ESTABLISHED);
}

void
la_lab_send(struct la_lab *lab, int end, uint64_t n)
{
    lab->end[end].to_send_n += n;
    send_more(lab, end);
    la_bed_settle(lab->bed);
}

void
la_lab_send_urgent(struct la_lab *lab, int end, uint64_t n)
{
    lab->end[end].to_send_n = n;
    while (lab->end[end].to_send_n != 0 && lab->failure[0] == 0)
        la_lab_expect(lab, send_chunk(lab, end, lab->end[end].to_send_n, true),
                      "the %s could not send urgent data", la_lab_end_name(end));
    la_bed_settle(lab->bed);
}

void
la_lab_close(struct la_lab *lab, int end)
{
    call(lab, "CLOSE", la_conn_close(lab->bed->stack[end], lab->end[end].conn, lab->bed->now));
}

void
la_lab_send_close(struct la_lab *lab, int end, uint64_t n)
{
    lab->end[end].to_send_n += n;
    send_more(lab, end);
    la_lab_close(lab, end);
}

void
la_lab_abort(struct la_lab *lab, int end)
{
    call(lab, "ABORT", la_conn_abort(lab->bed->stack[end], lab->end[end].conn, lab->bed->now));
}

void
la_lab_reads(struct la_lab *lab, int end, bool reads)
{
    lab->end[end].reads = reads;
    if (reads)
        read_all(lab, end);
    la_bed_settle(lab->bed);
}

void
la_lab_read(struct la_lab *lab, int end, size_t n)
{
    la_ssize got_n = read_some(lab, end, n);
    la_lab_expect(lab, got_n == (la_ssize)n, "the %s read %lld octets, not %zu",
                  la_lab_end_name(end), (long long)got_n, n);
    la_bed_settle(lab->bed);
}

void
la_lab_accepts(struct la_lab *lab)
{
    lab->accepts = true;
    accept_all(lab);
    la_bed_settle(lab->bed);
}

void
la_lab_lose(struct la_lab *lab, int from_end, struct la_lab_pick chosen)
{
    lab->pick[from_end] = chosen;
    la_wire_drop_set(lab->bed->wire, from_end, pick, &lab->pick[from_end]);
}

void
la_lab_set(struct la_lab *lab, enum la_setting setting, int64_t value)
{
    call(lab, "a setting", la_stack_setting_set(lab->bed->stack[LA_SERVER], setting, value));
}

struct la_listener_status
la_lab_queues(struct la_lab *lab)
{
    struct la_listener_status status = {.backlog_n = 0};
    la_err err = la_listener_status(lab->bed->stack[LA_SERVER], lab->listener, &status);
    la_lab_expect(lab, err == LA_OK, "there is no listener: %s", la_strerror(err));
    return status;
}

/* ---- waiting ---------------------------------------------------------------------------- */

void
la_lab_run(struct la_lab *lab, uint32_t ms)
{
    (void)la_bed_run(lab->bed, NULL, NULL, la_instant_add_ns(lab->bed->now, ms * LA_NS_PER_MS));
}

struct wait {
    struct la_lab *lab;
    int end;
    unsigned what; /* a state, or a detail */
    enum la_event_kind kind;
    uint64_t n;
};

bool
la_lab_await(struct la_lab *lab, la_bed_done *done, void *ctx)
{
    return lab->failure[0] == 0 &&
           la_bed_run(lab->bed, done, ctx, la_instant_add_ns(lab->bed->now, AWAIT_S * LA_NS_PER_S));
}

static bool
state_reached(void *ctx)
{
    const struct wait *wait = ctx;
    return wait->lab->end[wait->end].state == wait->what;
}

void
la_lab_await_state(struct la_lab *lab, int end, enum la_tcp_state state)
{
    struct wait wait = {.lab = lab, .end = end, .what = state};
    bool reached = la_lab_await(lab, state_reached, &wait);
    enum la_tcp_state now = (enum la_tcp_state)lab->end[end].state;
    la_lab_expect(lab, reached, "the %s should have come to %s and is in %s", la_lab_end_name(end),
                  la_tcp_state_name(state, LA_NAMES_RFC),
                  now == 0 ? "no state" : la_tcp_state_name(now, LA_NAMES_RFC));
}

static bool
octets_received(void *ctx)
{
    const struct wait *wait = ctx;
    return wait->lab->end[wait->end].received_n >= wait->n;
}

void
la_lab_await_octets(struct la_lab *lab, int end, uint64_t received_n)
{
    struct wait wait = {.lab = lab, .end = end, .n = received_n};
    bool all = la_lab_await(lab, octets_received, &wait);
    la_lab_expect(lab, all, "the %s should have received %llu octets and has %llu",
                  la_lab_end_name(end), (unsigned long long)received_n,
                  (unsigned long long)lab->end[end].received_n);
}

static bool
counted(void *ctx)
{
    const struct wait *wait = ctx;
    return la_lab_count(wait->lab, wait->end, wait->kind, wait->what) >= wait->n;
}

void
la_lab_await_count(struct la_lab *lab, int end, enum la_event_kind kind, unsigned detail, size_t n)
{
    struct wait wait = {.lab = lab, .end = end, .kind = kind, .what = detail, .n = n};
    bool all = la_lab_await(lab, counted, &wait);
    la_lab_expect(lab, all, "%zu times %s at the %s was waited for, %zu came", n,
                  la_event_kind_name(kind), la_lab_end_name(end),
                  la_lab_count(lab, end, kind, detail));
}

static bool
is_quiet(void *ctx)
{
    const struct la_bed *bed = ctx;
    return la_instant_is_never(
        la_wire_next(bed->wire, bed->stack[LA_CLIENT], bed->stack[LA_SERVER]));
}

void
la_lab_await_quiet(struct la_lab *lab)
{
    bool quiet = la_lab_await(lab, is_quiet, lab->bed);
    la_lab_expect(lab, quiet, "after half an hour it had not come to rest");
}

/* SPDX-License-Identifier: MIT
 *
 * explore_world.c - what may happen next to two ends, and what comes of it
 *
 * Read first: RFC 9293 3.10. Each end is a record of src/tcp with an environment of its own; what
 * src/stack does around such a record (finding it, LISTEN, RST, the end) is done here in its
 * simplest form. Time is not a number here: a timer that is armed may expire at any moment, before
 * or after any other one.
 */
#include "sim/explore_world.h"

#include <stdio.h>
#include <string.h>

#include "base/frame.h"
#include "base/time.h"
#include "proto/tcp_fsm.h"
#include "tcp/arrive.h"
#include "tcp/congestion.h"
#include "tcp/open.h"
#include "tcp/out.h"
#include "tcp/receive.h"
#include "tcp/segment.h"
#include "tcp/tally.h"
#include "tcp/timeout.h"
#include "tcp/user.h"

enum { MTU_BYTES = 576, PORT = 1000 };

/* The first numbers: text crosses 2^32 in one direction and 2^31 in the other. A new incarnation
 * begins where a clock would have got to. */
static const uint32_t first_iss[2] = {UINT32_C(0xfffffffe), UINT32_C(0x7ffffffe)};
enum { ISS_STEP = 0x20000 };

uint32_t
la_world_first_iss(unsigned end)
{
    return first_iss[end];
}

/* ---- ends ------------------------------------------------------------------------------- */

static struct la_tcp_todo
todo_of(struct la_world_end *end)
{
    return (struct la_tcp_todo){.env = &end->env, .now = end->now};
}

static void
note_edge(void *ctx, const struct la_tcp_conn *conn, struct la_event *event)
{
    (void)conn;
    struct la_explore_result *result = ((struct la_world_ctx *)ctx)->result;
    if (event->kind == LA_EVENT_STATE)
        result->edges[event->u.state.from][event->u.state.to]++;
}

static void
fresh(struct la_world_ctx *ctx, unsigned e)
{
    struct la_world_end *end = &ctx->world->end[e];
    uint8_t incarnation = (uint8_t)(end->app.incarnation + 1);
    memset(&end->app, 0, sizeof(end->app)); /* the holes, too: it is part of the state */
    end->app.incarnation = incarnation;
    struct la_tcp_open open = {
        .cfg = &ctx->tcp,
        .iss = la_seq_of(first_iss[e] + (uint32_t)(incarnation - 1) * ISS_STEP),
        .mtu_bytes = MTU_BYTES,
        .cc = ctx->control,
    };
    la_tcp_conn_init(&end->conn, &open, end->now);
    end->live = true;
}

static bool
is_over(const struct la_world_end *end)
{
    return end->conn.state == LA_TCP_CLOSED || end->conn.state == LA_TCP_LISTEN;
}

/* The sender's count, in full, beside the segment that has three bits of it. */
static void
note_told(const struct la_world_end *end, struct la_world_seg *at)
{
    const struct la_tcp_accecn *a = end->live ? la_tcp_accecn(&end->conn, &end->env) : NULL;
    if (a == NULL || (at->seg.flags & (LA_TCP_SYN | LA_TCP_RST)) != 0)
        return;
    at->told = a->r;
    at->counted = la_tcp_ace(at->seg.flags) == (a->r.cep & 7u);
}

static void
put(struct la_world_ctx *ctx, unsigned from, struct la_frame *take_frame, enum la_ip_ecn ecn)
{
    struct la_world_net *net = &ctx->world->net[1 - from];
    struct la_tcp_view view;
    bool good = la_tcp_view_init(&view, (struct la_bytes){take_frame->head, take_frame->head_n});
    struct la_world_seg *at = &net->at[net->n];
    uint32_t text_n = take_frame->payload.len;
    if (!good || text_n > LA_WORLD_TEXT_MAX) {
        la_world_violated(ctx->world, from, "a segment that is none, or longer than the queue");
    } else if (net->n < LA_WORLD_NET_N + LA_WORLD_RST_ROOM) {
        memset(at, 0, sizeof(*at));
        la_tcp_seg_judge(&at->seg, &view, text_n);
        la_chain_copy_out(&take_frame->payload, 0, at->text, text_n);
        at->ecn = (uint8_t)ecn;
        note_told(&ctx->world->end[from], at);
        net->n++;
        la_world_check_sent(ctx, from, &at->seg);
    }
    la_frame_free(take_frame);
}

/* A RST is on its way at once; where the network is full it is lost, as any of them may be. */
static void
send_rst(struct la_world_ctx *ctx, unsigned e, const struct la_tcp_conn *conn,
         struct la_tcp_todo *todo)
{
    todo->rst = false;
    struct la_frame *f = la_tcp_rst_frame(conn, PORT, PORT, todo);
    if (f != NULL)
        put(ctx, e, f, LA_IP_NOT_ECT);
}

/* Reads all that there is; the application learns the end, or the error. */
static void
read_all(struct la_world_ctx *ctx, unsigned e)
{
    struct la_world_end *end = &ctx->world->end[e];
    uint8_t octets[LA_WORLD_TEXT_MAX];
    la_ssize n = la_tcp_readable(&end->conn, &end->env);
    if (n > 0) {
        struct la_tcp_busy *busy = la_tcp_busy(&end->conn, &end->env);
        size_t copied = la_chain_copy_out(&busy->rcvq, 0, octets, sizeof(octets));
        la_world_check_read(ctx, e, octets, (unsigned)copied);
        la_tcp_receive_consumed(&end->conn, &end->env, (uint32_t)copied);
        la_tcp_busy_settle(&end->conn, &end->env);
    } else if (n == 0) {
        end->app.saw_end = true;
        la_world_check_read(ctx, e, NULL, 0);
    }
}

static void
over(struct la_world_ctx *ctx, unsigned e)
{
    struct la_world_end *end = &ctx->world->end[e];
    const struct la_world_end *peer = &ctx->world->end[1 - e];
    la_err err = end->conn.err;
    if (la_world_may_read(ctx, e) && !end->app.aborted && end->conn.state == LA_TCP_CLOSED)
        read_all(ctx, e);
    bool reset = err == LA_ERR_CONNECTION_RESET || err == LA_ERR_CONNECTION_REFUSED;
    if (reset && !peer->disturbed && !end->disturbed)
        la_world_violated(ctx->world, e, "a reset that nobody had a reason for");
    if (err != LA_OK)
        end->disturbed = true;
    la_tcp_conn_fini(&end->conn, &end->env);
    end->live = false;
}

static void
settle(struct la_world_ctx *ctx, unsigned e, struct la_tcp_todo *todo)
{
    struct la_world_end *end = &ctx->world->end[e];
    if (todo->rst) {
        bool asked = end->app.aborted || end->app.released;
        if (todo->rst_cause == LA_CAUSE_RST_ABORT && !asked)
            la_world_violated(ctx->world, e, "a connection in use sends RST");
        end->disturbed = true;
        send_rst(ctx, e, &end->conn, todo);
    }
    if (is_over(end))
        over(ctx, e);
}

/* ---- segments --------------------------------------------------------------------------- */

static void
no_connection(struct la_world_ctx *ctx, unsigned e, const struct la_world_seg *s)
{
    struct la_world_end *end = &ctx->world->end[e];
    const struct la_tcp_seg *seg = &s->seg;
    struct la_tcp_todo todo = todo_of(end);
    todo.ecn = s->ecn;
    if (!end->listens) {
        la_tcp_closed_state(seg, &todo);
    } else if (la_tcp_listen_state(seg, &todo)) {
        fresh(ctx, e);
        la_tcp_open_passive(&end->conn, seg, false, &todo);
    }
    if (todo.rst) {
        end->disturbed = true;
        send_rst(ctx, e, NULL, &todo);
    }
}

/* What the peer allows, as far as it has arrived. */
static void
note_peer_edge(struct la_world_end *end, const struct la_tcp_seg *seg)
{
    struct la_world_app *app = &end->app;
    bool ours = (seg->flags & (LA_TCP_ACK | LA_TCP_RST)) == LA_TCP_ACK &&
                la_seq_ge(seg->ack, end->conn.iss) &&
                la_seq_le(seg->ack, la_seq_add(end->conn.snd_nxt, 1));
    la_seq edge = la_seq_add(seg->ack, seg->wnd);
    if (ours && (!app->peer_edge_known || la_seq_gt(edge, app->peer_edge))) {
        app->peer_edge_known = true;
        app->peer_edge = edge;
    }
}

static void
deliver(struct la_world_ctx *ctx, unsigned e, const struct la_world_seg *s)
{
    struct la_world_end *end = &ctx->world->end[e];
    if (!end->live) {
        no_connection(ctx, e, s);
        return;
    }
    struct la_chain text = {0};
    struct la_bytes octets = {s->text, s->seg.text_bytes};
    if (octets.n > 0 && la_chain_append_bytes(&text, ctx->mem, octets) != octets.n)
        la_world_violated(ctx->world, e, "the arena is too small");
    struct la_tcp_todo todo = todo_of(end);
    todo.text = &text;
    todo.segment_id = 1;
    todo.segments_n = 1;
    todo.piece_bytes = s->seg.text_bytes;
    todo.ecn = s->ecn;
    note_peer_edge(end, &s->seg);
    struct la_world_marks before = la_world_marks_before(end);
    end->app.marked_n = (uint8_t)(end->app.marked_n + (s->ecn == LA_IP_CE));
    la_tcp_arrive(&end->conn, &s->seg, &todo);
    la_world_check_heard(ctx, e, s, &before);
    la_chain_clear(&text);
    la_seq snd_nxt = end->conn.snd_nxt;
    settle(ctx, e, &todo);
    if (!todo.reuse)
        return;
    no_connection(ctx, e, s);
    if (end->live)
        la_tcp_open_beyond(&end->conn, snd_nxt);
}

static void
take_out(struct la_world_net *net, unsigned idx)
{
    memmove(&net->at[idx], &net->at[idx + 1], (net->n - idx - 1) * sizeof(net->at[0]));
    net->n--;
}

/* What an end wants to send goes on its way, as far as there is room. */
static void
pull(struct la_world_ctx *ctx, unsigned e)
{
    struct la_world_end *end = &ctx->world->end[e];
    const struct la_world_net *net = &ctx->world->net[1 - e];
    while (end->live && net->n < LA_WORLD_NET_N && la_tcp_has_output(&end->conn)) {
        struct la_frame *frames[LA_WORLD_NET_N];
        struct la_tcp_out out = {.frames = frames, .max = 1, .src_port = PORT, .dst_port = PORT};
        struct la_tcp_todo todo = todo_of(end);
        (void)la_tcp_output(&end->conn, &out, &todo);
        for (size_t i = 0; i < out.n; i++)
            put(ctx, e, frames[i], (out.ect >> i & 1) != 0 ? LA_IP_ECT_0 : LA_IP_NOT_ECT);
        settle(ctx, e, &todo);
        if (out.n == 0)
            break;
    }
}

/* ---- timers ----------------------------------------------------------------------------- */

static void
push_back(la_instant *at, la_instant now)
{
    if (la_instant_le(*at, now))
        *at = la_instant_add_ns(now, 1);
}

/* One timer alone expires: the others that were due come later. */
static void
expire(struct la_world_ctx *ctx, unsigned e, bool ack_timer)
{
    struct la_world_end *end = &ctx->world->end[e];
    struct la_tcp_conn *c = &end->conn;
    struct la_tcp_busy *busy = la_tcp_busy(c, &end->env);
    la_instant at = ack_timer ? la_tcp_ack_at(busy) : c->timer_at;
    end->now = la_instant_max(end->now, at);
    if (ack_timer)
        push_back(&c->timer_at, end->now);
    else if (busy != NULL)
        push_back(&busy->owed.at, end->now);
    struct la_tcp_todo todo = todo_of(end);
    la_tcp_timeout(c, &todo);
    settle(ctx, e, &todo);
}

/* ---- calls ------------------------------------------------------------------------------ */

static void
call_send(struct la_world_ctx *ctx, unsigned e, struct la_tcp_todo *todo)
{
    struct la_world_end *end = &ctx->world->end[e];
    uint8_t octet = la_world_octet(e, end->app.incarnation, end->app.sent_n);
    la_ssize n = la_tcp_send(&end->conn, (struct la_bytes){&octet, 1}, false, todo);
    if (n != 1)
        la_world_violated(ctx->world, e, "SEND takes no octet");
    end->app.sent_n++;
}

static void
note_close(struct la_world_end *end)
{
    end->app.closed = true;
    end->closed_behind[end->app.incarnation % LA_WORLD_INCARNATIONS] =
        (uint8_t)(end->app.sent_n + 1);
}

static void
crash(struct la_world_ctx *ctx, unsigned e)
{
    struct la_world_end *end = &ctx->world->end[e];
    la_tcp_conn_fini(&end->conn, &end->env);
    end->live = false;
    end->disturbed = true;
    end->opened = false;
    ctx->world->crashes_n--;
}

static void
call(struct la_world_ctx *ctx, unsigned e, enum la_step_kind kind)
{
    struct la_world_end *end = &ctx->world->end[e];
    struct la_tcp_todo todo = todo_of(end);
    switch (kind) {
    case LA_STEP_OPEN:
        fresh(ctx, e);
        end->opened = true;
        la_tcp_open_active(&end->conn, &ctx->tcp, &todo);
        break;
    case LA_STEP_SEND:
        call_send(ctx, e, &todo);
        break;
    case LA_STEP_READ:
        read_all(ctx, e);
        break;
    case LA_STEP_CLOSE:
        note_close(end);
        la_tcp_close(&end->conn, &todo);
        break;
    case LA_STEP_RELEASE:
        note_close(end);
        end->app.released = true;
        la_tcp_release(&end->conn, &todo);
        break;
    case LA_STEP_ABORT:
        end->app.aborted = end->disturbed = true;
        ctx->world->aborts_n--;
        la_tcp_abort(&end->conn, &todo);
        break;
    case LA_STEP_CRASH:
    case LA_STEP_DELIVER:
    case LA_STEP_LOSE:
    case LA_STEP_DOUBLE:
    case LA_STEP_MARK:
    case LA_STEP_TIMER:
    case LA_STEP_ACK_TIMER:
        break; /* no calls */
    }
    settle(ctx, e, &todo);
}

/* ---- a step ----------------------------------------------------------------------------- */

void
la_world_do(struct la_world_ctx *ctx, struct la_step step)
{
    struct la_world *w = ctx->world;
    struct la_world_net *net = &w->net[step.end];
    struct la_world_seg seg = net->at[step.idx];
    switch ((enum la_step_kind)step.kind) {
    case LA_STEP_DELIVER:
        take_out(net, step.idx);
        deliver(ctx, step.end, &seg);
        break;
    case LA_STEP_LOSE:
        take_out(net, step.idx);
        w->lost_n--;
        break;
    case LA_STEP_DOUBLE:
        net->at[net->n++] = seg;
        w->doubled_n--;
        break;
    case LA_STEP_MARK:
        net->at[step.idx].ecn = LA_IP_CE;
        w->marked_n--;
        break;
    case LA_STEP_TIMER:
        if (!la_world_is_quiet(w) && w->early_n > 0)
            w->early_n--;
        expire(ctx, step.end, false);
        break;
    case LA_STEP_ACK_TIMER:
        expire(ctx, step.end, true);
        break;
    case LA_STEP_CRASH:
        crash(ctx, step.end);
        break;
    case LA_STEP_OPEN:
    case LA_STEP_SEND:
    case LA_STEP_READ:
    case LA_STEP_CLOSE:
    case LA_STEP_RELEASE:
    case LA_STEP_ABORT:
        call(ctx, step.end, (enum la_step_kind)step.kind);
        break;
    }
    pull(ctx, 0);
    pull(ctx, 1);
    la_world_check(ctx);
}

/* ---- life ------------------------------------------------------------------------------- */

static void
set_tcp(struct la_world_ctx *ctx)
{
    const uint32_t rto_us = 1000000;
    ctx->tcp = (struct la_tcp_cfg){
        .sndbuf_bytes = LA_WORLD_TEXT_MAX,
        .rcvbuf_bytes = ctx->cfg->window_bytes,
        .mss_option = true,
        .sack = ctx->cfg->sack,
        .rack = ctx->cfg->rack,
        .rto_us_initial = rto_us,
        .rto_us_min = rto_us,
        .rto_us_max = 60 * rto_us,
        .delayed_ack_us = 40000,
        .r1_n = 1,
        .r2_n = ctx->cfg->r2_n,
        .r2_syn_n = ctx->cfg->r2_n,
        .fin_wait_2_ms = 60000,
        .msl_ms = 30000,
        .ttl_hops = 64,
        .initial_window_n = 10,
        .ecn = ctx->cfg->marked_n > 0 ? LA_ECN_ACCURATE_ASK : LA_ECN_OFF,
        .accecn_option = LA_ACCECN_OPTION_CHANGES,
        .ecn_fallback = true,
        .syn_ecn_n = 1,
    };
}

bool
la_world_init(struct la_world_ctx *ctx)
{
    memset(ctx->world, 0, sizeof(*ctx->world));
    set_tcp(ctx);
    ctx->mem = la_mem_new_arena(ctx->arena, LA_WORLD_ARENA_BYTES);
    if (ctx->mem == NULL)
        return false;
    for (unsigned e = 0; e < 2; e++) {
        struct la_world_end *end = &ctx->world->end[e];
        end->env = (struct la_tcp_env){
            .mem = ctx->mem,
            .cfg = &ctx->tcp,
            .stats = &end->stats,
            .trace_mask = LA_EVENT_BIT(LA_EVENT_STATE),
            .emit = note_edge,
            .ctx = ctx,
        };
        la_pool_init(&end->env.busy, ctx->mem, sizeof(struct la_tcp_busy), 0, 2);
        la_pool_init(&end->env.tallies, ctx->mem, sizeof(struct la_tcp_tally), 0, 2);
        la_pool_init(&end->env.accecns, ctx->mem, sizeof(struct la_tcp_accecn), 0, 2);
        end->now = la_instant_of_ns(LA_NS_PER_S);
    }
    ctx->world->end[1].listens = ctx->cfg->open == LA_EXPLORE_PASSIVE;
    ctx->world->lost_n = ctx->cfg->lost_n;
    ctx->world->doubled_n = ctx->cfg->doubled_n;
    ctx->world->early_n = ctx->cfg->early_n;
    ctx->world->aborts_n = ctx->cfg->aborts_n;
    ctx->world->crashes_n = ctx->cfg->crashes_n;
    ctx->world->marked_n = ctx->cfg->marked_n;
    return true;
}

void
la_world_violated(struct la_world *world, unsigned end, const char *law)
{
    if (world->violation[0] == '\0')
        (void)snprintf(world->violation, sizeof(world->violation), "%c: %s", end == 0 ? 'A' : 'B',
                       law);
}

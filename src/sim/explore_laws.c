/* SPDX-License-Identifier: MIT
 *
 * explore_laws.c - what must hold at every point of an exploration
 *
 * Read first: RFC 9293 3.3.1, 3.4, 3.8.6 (the right edge), 3.10.3 and 3.10.4 (what applications
 * learn). That each state change is an edge of the figure is asserted by la_tcp_enter().
 */
#include "sim/explore_world.h"

#include "base/mem.h"
#include "tcp/out.h"
#include "tcp/tally.h"

/* What is in flight, or waits for the peer, is looked after by a timer. */
static void
check_timers(struct la_world_ctx *ctx, unsigned e)
{
    const struct la_world_end *end = &ctx->world->end[e];
    const struct la_tcp_conn *c = &end->conn;
    bool timer = c->timer != LA_TCP_TIMER_NONE;
    if (la_tcp_has_output(c) || timer)
        return;
    const struct la_tcp_busy *busy = la_tcp_busy(c, &end->env);
    if (la_tcp_flight(c) > 0)
        la_world_violated(ctx->world, e, "something is in flight, and no timer runs");
    else if (busy != NULL && busy->sndq.len > 0 && la_tcp_can_send(c))
        la_world_violated(ctx->world, e, "octets wait, and no timer runs");
    else if (end->app.released)
        la_world_violated(ctx->world, e, "nobody owns it, and no timer ends it");
}

/* RFC 9768 3.2: nobody counts marks that were not made, nor knows of more than the peer counts. */
static void
check_marks(struct la_world_ctx *ctx, unsigned e)
{
    const struct la_world_end *end = &ctx->world->end[e], *peer = &ctx->world->end[1 - e];
    const struct la_tcp_accecn *a = la_tcp_accecn(&end->conn, &end->env);
    if (a == NULL)
        return;
    if (a->r.cep - LA_TCP_CEP_FIRST > end->app.marked_n)
        la_world_violated(ctx->world, e, "counts marks that did not come");
    const struct la_tcp_accecn *b = peer->live ? la_tcp_accecn(&peer->conn, &peer->env) : NULL;
    if (b == NULL || !la_seq_eq(peer->conn.iss, end->conn.irs))
        return;
    if (a->s.cep > b->r.cep || a->s.ceb > b->r.ceb || a->s.e0b > b->r.e0b)
        la_world_violated(ctx->world, e, "knows of marks that its peer has not counted");
}

struct la_world_marks
la_world_marks_before(const struct la_world_end *end)
{
    const struct la_tcp_accecn *a = la_tcp_accecn(&end->conn, &end->env);
    if (a == NULL || !la_tcp_is_synchronised(&end->conn))
        return (struct la_world_marks){.known = false};
    return (struct la_world_marks){true, end->conn.snd_una, a->s};
}

/* Fewer than eight marks are made: what acknowledges text leaves what its sender had counted. What
 * acknowledges our FIN is no news (accecn.c). */
void
la_world_check_heard(struct la_world_ctx *ctx, unsigned e, const struct la_world_seg *seg,
                     const struct la_world_marks *before)
{
    const struct la_world_end *end = &ctx->world->end[e];
    const struct la_tcp_accecn *a = la_tcp_accecn(&end->conn, &end->env);
    if (!before->known || a == NULL || a->deaf || la_tcp_fin_is_acked(&end->conn))
        return;
    bool text = la_seq_gt(end->conn.snd_una, before->snd_una);
    bool told = seg->counted && a->s.cep == seg->told.cep;
    if (text ? !told : a->s.cep != before->s.cep && !told)
        la_world_violated(ctx->world, e, "does not know what its peer has counted");
}

void
la_world_check(struct la_world_ctx *ctx)
{
    struct la_mem_stats stats;
    la_mem_stats_get(ctx->mem, &stats);
    if (stats.failed_n > 0)
        la_world_violated(ctx->world, 0, "the arena is too small");
    for (unsigned e = 0; e < 2; e++) {
        const struct la_world_end *end = &ctx->world->end[e];
        if (!end->live)
            continue;
        la_tcp_conn_check(&end->conn, &end->env);
        check_timers(ctx, e);
        check_marks(ctx, e);
    }
}

/* The right edge never moves left, and nothing is sent beyond the peer's but one probing octet. */
void
la_world_check_sent(struct la_world_ctx *ctx, unsigned e, const struct la_tcp_seg *seg)
{
    struct la_world_app *app = &ctx->world->end[e].app;
    if ((seg->flags & LA_TCP_RST) != 0)
        return;
    if ((seg->flags & LA_TCP_ACK) != 0) {
        la_seq edge = la_seq_add(seg->ack, seg->wnd);
        if (app->edge_known && la_seq_lt(edge, app->edge))
            la_world_violated(ctx->world, e, "the right window edge moves left");
        app->edge = edge;
        app->edge_known = true;
    }
    if (seg->text_bytes == 0)
        return;
    la_seq end = la_seq_add(seg->seq, seg->text_bytes);
    bool probe =
        seg->text_bytes == 1 && app->peer_edge_known && la_seq_eq(seg->seq, app->peer_edge);
    if (!probe && (!app->peer_edge_known || la_seq_gt(end, app->peer_edge)))
        la_world_violated(ctx->world, e, "text beyond the peer's window");
}

/* Did the peer, in some incarnation, close behind what was read? */
static bool
ends_there(const struct la_world_end *peer, const struct la_world_app *reader)
{
    for (unsigned i = 0; i < LA_WORLD_INCARNATIONS; i++) {
        bool other = reader->read_n > 0 && i != reader->reads_of;
        if (!other && peer->closed_behind[i] == reader->read_n + 1u)
            return true;
    }
    return false;
}

/* Every octet once, in order, all of one incarnation of the peer; the end where it closed. */
void
la_world_check_read(struct la_world_ctx *ctx, unsigned e, const uint8_t *octets, unsigned n)
{
    struct la_world_app *app = &ctx->world->end[e].app;
    const struct la_world_end *peer = &ctx->world->end[1 - e];
    for (unsigned i = 0; i < n; i++) {
        if (app->read_n == 0)
            app->reads_of = la_world_incarnation(octets[i]);
        bool wanted = octets[i] == la_world_octet(1 - e, app->reads_of, app->read_n) &&
                      app->read_n < ctx->cfg->octets[1 - e];
        if (!wanted)
            la_world_violated(ctx->world, e, "octets that were not sent there");
        app->read_n++;
    }
    if (n == 0 && !peer->disturbed && !ends_there(peer, app))
        la_world_violated(ctx->world, e, "the end of the stream before the peer's");
}

void
la_world_check_over(struct la_world_ctx *ctx)
{
    struct la_mem_stats stats;
    la_mem_stats_get(ctx->mem, &stats);
    for (unsigned e = 0; e < 2; e++) {
        if (ctx->world->end[e].live)
            la_world_violated(ctx->world, e, "it stays for ever");
        const struct la_tcp_env *env = &ctx->world->end[e].env;
        if (env->busy.live_n != 0 || env->tallies.live_n != 0 || env->accecns.live_n != 0)
            la_world_violated(ctx->world, e, "a record leaks");
    }
    if (stats.frames_live_n != 0 || stats.blocks_live_n != 0)
        la_world_violated(ctx->world, 0, "frames or blocks leak");
}

/* SPDX-License-Identifier: MIT
 *
 * app.c - the applications of a connection: they open, write, read, close and give up
 *
 * Like any program they are told of readiness once and then write and read until AGAIN, unless they
 * take their time. What they were told and what they did is what the laws compare.
 */
#include "sim/laws.h"

enum { BUF_BYTES = 4096, PIECES_N = 3, TRIES_N_MAX = 240 };
#define RETRY_NS (500 * LA_NS_PER_MS)

/* ---- helpers ---------------------------------------------------------------------------- */

struct seat {
    struct la_sim_world *world;
    struct la_sim_conn *conn;
    struct la_sim_app *app, *peer;
    struct la_sim_host *host;
    unsigned index, end;
};

static struct seat
seat_of(struct la_sim_world *world, unsigned index)
{
    struct la_sim_conn *conn = &world->conn[index / 2];
    struct la_sim_app *app = &conn->app[index % 2];
    return (struct seat){world, conn,     app, &conn->app[1 - index % 2], &world->host[app->host],
                         index, index % 2};
}

static void
wake_at(const struct seat *s, int64_t at_ns)
{
    if (s->app->wake_ns > s->world->now_ns && s->app->wake_ns <= at_ns)
        return;
    s->app->wake_ns = at_ns;
    la_sim_put(s->world, at_ns, LA_SIM_I_APP, s->index, NULL);
}

static void
release(const struct seat *s)
{
    struct la_sim_app *app = s->app;
    bool forgotten = s->world->env.mutant == LA_SIM_MUTANT_NEVER_ENDS && s->index == 1;
    app->released = true;
    app->is_over = true;
    if (app->is_open && !app->aborted && !app->crashed && !forgotten)
        (void)la_conn_release(s->host->stack, app->handle, la_sim_host_now(s->host));
}

static void
fail(const struct seat *s, la_err err)
{
    la_sim_law_error(s->world, s->index / 2, s->end, err);
    s->app->err = err;
    release(s);
}

/* ---- opens ------------------------------------------------------------------------------ */

static void
learn_port(const struct seat *s)
{
    struct la_conn_status status;
    if (la_conn_status(s->host->stack, s->app->handle, &status) == LA_OK)
        s->conn->at[s->end] = status.local;
}

static void
take_handle(const struct seat *s, la_handle handle)
{
    s->app->handle = handle;
    s->app->is_open = true;
    (void)la_conn_user_set(s->host->stack, handle, s->index + 1u);
}

static void write_some(const struct seat *s);

static void
open_active(const struct seat *s)
{
    la_handle handle;
    la_err err = LA_ERR_AGAIN;
    if (s->host->stack != NULL)
        err = la_conn_open(s->host->stack, &s->conn->at[s->end], &s->conn->at[1 - s->end], NULL,
                           &handle, la_sim_host_now(s->host));
    if (err == LA_OK) {
        take_handle(s, handle);
        learn_port(s);
        if (s->host->cfg.tcp.fast_open) /* before its SYN has left */
            write_some(s);
        return;
    }
    bool again = err == LA_ERR_NO_MEMORY || err == LA_ERR_ADDRESS_IN_USE || err == LA_ERR_AGAIN;
    if (!again || ++s->app->tries_n > TRIES_N_MAX || s->world->closing) {
        s->conn->never_opens = true;
        s->app->is_over = true;
        return;
    }
    wake_at(s, s->world->now_ns + RETRY_NS);
}

/* By a copy of its SYN, or by one whose SYN,ACK found no memory yet (RFC 7413) and by which alone
 * the tracker would know it: the peer may take it for what it has opened. */
static void
give_away(const struct la_sim_host *host, const struct la_endpoint *local,
          const struct la_endpoint *remote)
{
    struct la_sim_world *world = host->world;
    for (unsigned i = 0; i < world->conns_n; i++) {
        struct la_sim_conn *c = &world->conn[i];
        if (la_sim_track_is_end(c, 1, host->index, local, remote))
            c->view[0].fooled = c->view[1].fooled = true;
    }
}

void
la_sim_app_accept(struct la_sim_host *host)
{
    struct la_sim_world *world = host->world;
    la_handle handle;
    while (la_listener_accept(host->stack, host->listener, &handle, la_sim_host_now(host)) ==
           LA_OK) {
        struct la_conn_status status = {.user = 0};
        unsigned end = 1;
        (void)la_conn_status(host->stack, handle, &status);
        uint8_t conn = la_sim_track_find(world, host->index, &status.local, &status.remote, &end);
        if (world->env.mutant == LA_SIM_MUTANT_ACCEPTED_TWICE && conn != LA_SIM_NO_CONN)
            world->conn[conn].accepted = true;
        la_sim_law_accepted(world, conn);
        if (la_sim_is_over(world))
            return;
        /* Forged, or of another connection than it seems: nobody wants it. */
        bool unheard = status.state == LA_TCP_SYN_RECEIVED && status.segments_sent == 0;
        if (conn == LA_SIM_NO_CONN || world->conn[conn].accepted || unheard) {
            if (conn != LA_SIM_NO_CONN || host->cfg.tcp.fast_open_n_max != 0)
                give_away(host, &status.local, &status.remote);
            (void)la_conn_release(host->stack, handle, la_sim_host_now(host));
            continue;
        }
        struct seat s = seat_of(world, conn * 2u + end);
        s.conn->accepted = true;
        take_handle(&s, handle);
        s.app->is_up = true;
        la_sim_app_run(world, s.index);
    }
}

/* ---- writes ----------------------------------------------------------------------------- */

/* How many octets it may have written by now, by what the conversation is about. */
static uint64_t
write_limit(const struct seat *s)
{
    const struct la_sim_app *app = s->app;
    uint64_t limit = app->send_n;
    if (app->ask_n != 0) {
        uint64_t turns =
            s->end == 0 ? 1 + app->received_n / app->answer_n : app->received_n / app->ask_n;
        uint64_t asked = turns * (s->end == 0 ? app->ask_n : app->answer_n);
        return asked < limit ? asked : limit;
    }
    bool waits = s->conn->step->a[1] == LA_SIM_W_HALF_CLOSE && s->end == 1 && !app->ended &&
                 !app->read_closed;
    return waits ? 0 : limit;
}

/* Of urgent workloads each third piece is urgent. */
static la_ssize
write_piece(const struct seat *s, struct la_bytes piece, bool more)
{
    struct la_sim_app *app = s->app;
    la_instant now = la_sim_host_now(s->host);
    bool urgent = s->conn->step->a[1] == LA_SIM_W_URGENT && app->writes_n++ % 3 == 1;
    if (!urgent)
        return la_conn_send(s->host->stack, app->handle, piece, more, now);
    la_ssize took = la_conn_send_urgent(s->host->stack, app->handle, piece, now);
    if (took > 0)
        app->urgent_n = app->sent_n + (uint64_t)took;
    return took;
}

static void
write_some(const struct seat *s)
{
    struct la_sim_app *app = s->app;
    while (!app->is_over && !app->close_called && app->sent_n < write_limit(s)) {
        if (app->next_write_ns > s->world->now_ns) {
            wake_at(s, app->next_write_ns);
            return;
        }
        uint64_t left = write_limit(s) - app->sent_n;
        size_t n = left < app->write_max ? (size_t)left : app->write_max;
        const uint8_t *p = la_sim_octets(s->conn, s->end, app->sent_n, &n);
        bool more = app->write_pace_ns == 0 && (s->conn->start[s->end] & 6) == 6 && n < left;
        la_ssize took = write_piece(s, (struct la_bytes){p, n}, more);
        if (took == LA_ERR_AGAIN)
            return;
        if (took == LA_ERR_NO_MEMORY) {
            wake_at(s, s->world->now_ns + RETRY_NS);
            return;
        }
        if (took < 0) {
            fail(s, (la_err)took);
            return;
        }
        app->sent_n += (uint64_t)took;
        if (app->write_pace_ns != 0)
            app->next_write_ns = s->world->now_ns + app->write_pace_ns;
    }
}

/* ---- reads ------------------------------------------------------------------------------ */

/* Lies to the laws about what was read. */
static la_ssize
lie(const struct seat *s, uint8_t *p, la_ssize n)
{
    struct la_sim_app *app = s->app;
    switch ((int)s->world->env.mutant) {
    case LA_SIM_MUTANT_OCTET_CHANGED:
        if (n > 0)
            p[n / 2] ^= 1;
        return n;
    case LA_SIM_MUTANT_OCTET_TWICE:
        app->received_n -= n > 0 && app->received_n > 0;
        return n;
    case LA_SIM_MUTANT_OCTET_MISSING:
        app->received_n += n > 0 && app->received_n > 0;
        return n;
    case LA_SIM_MUTANT_OTHER_CONN:
        s->conn->start[1 - s->end] += n > 0;
        return n;
    case LA_SIM_MUTANT_EARLY_END:
        return n == LA_ERR_AGAIN ? 0 : n;
    case LA_SIM_MUTANT_RESET_UNSEEN:
        return n == LA_ERR_AGAIN ? LA_ERR_CONNECTION_RESET : n;
    default:
        return n;
    }
}

static la_ssize
read_borrowed(const struct seat *s, size_t max)
{
    struct la_bytes pieces[PIECES_N];
    size_t n = 0, total = 0;
    la_err err = la_conn_peek(s->host->stack, s->app->handle, pieces, PIECES_N, &n);
    if (err != LA_OK)
        return err;
    for (size_t i = 0; i < n && i < PIECES_N && total < max; i++) {
        if (pieces[i].n > max - total)
            pieces[i].n = max - total;
        la_sim_law_prefix(s->world, s->index / 2, s->end, pieces[i]);
        s->app->received_n += pieces[i].n;
        total += pieces[i].n;
    }
    if (total != 0)
        (void)la_conn_consume(s->host->stack, s->app->handle, total, la_sim_host_now(s->host));
    return (la_ssize)total;
}

static la_ssize
read_copied(const struct seat *s, size_t max)
{
    uint8_t buf[BUF_BYTES];
    la_ssize n = la_conn_receive(s->host->stack, s->app->handle, (struct la_room){buf, max},
                                 la_sim_host_now(s->host));
    if (s->world->env.mutant != LA_SIM_MUTANT_NONE)
        n = lie(s, buf, n);
    if (n > 0) {
        la_sim_law_prefix(s->world, s->index / 2, s->end, (struct la_bytes){buf, (size_t)n});
        s->app->received_n += (uint64_t)n;
    }
    return n;
}

static void
at_end(const struct seat *s)
{
    la_sim_law_end_of_stream(s->world, s->index / 2, s->end);
    s->app->ended = true;
    if (s->world->env.mutant == LA_SIM_MUTANT_END_UNREAD && s->app->received_n > 0)
        s->app->received_n--;
}

static void
look_for_urgent(const struct seat *s)
{
    la_ssize unread = la_conn_urgent(s->host->stack, s->app->handle);
    if (unread >= 0 && s->world->env.mutant == LA_SIM_MUTANT_URGENT_BEYOND)
        unread += 1 << 20;
    if (unread >= 0)
        la_sim_law_urgent(s->world, s->index / 2, s->end, (uint64_t)unread);
}

static void
read_some(const struct seat *s)
{
    struct la_sim_app *app = s->app;
    bool borrows = (s->conn->start[s->end] & 1) != 0 && s->world->env.mutant == 0;
    if (s->conn->step->a[1] == LA_SIM_W_URGENT && !app->ended && !app->read_closed)
        look_for_urgent(s);
    while (!app->is_over && !app->ended && !app->read_closed && !la_sim_is_over(s->world)) {
        if (app->next_read_ns > s->world->now_ns) {
            wake_at(s, app->next_read_ns);
            return;
        }
        size_t max = app->read_max < BUF_BYTES ? app->read_max : (size_t)BUF_BYTES;
        la_ssize n = borrows ? read_borrowed(s, max) : read_copied(s, max);
        if (n == LA_ERR_AGAIN)
            return;
        if (n < 0) {
            fail(s, (la_err)n);
            return;
        }
        if (n == 0) {
            at_end(s);
            return;
        }
        if (app->read_pace_ns != 0)
            app->next_read_ns = s->world->now_ns + app->read_pace_ns;
        if (app->received_n >= app->rude_at_n || app->received_n >= app->abort_at_n ||
            app->received_n >= app->deaf_at_n)
            return;
    }
}

/* ---- ends ------------------------------------------------------------------------------- */

static void
abort_now(const struct seat *s)
{
    s->app->aborted = true;
    s->app->is_over = true;
    (void)la_conn_abort(s->host->stack, s->app->handle, la_sim_host_now(s->host));
}

static bool
wants_close(const struct seat *s)
{
    const struct la_sim_app *app = s->app;
    /* Who is not asked any more has nothing to say. */
    bool asked = app->ask_n == 0 || !(app->ended || app->read_closed);
    bool sent = app->sent_n == (asked ? app->send_n : write_limit(s));
    if (app->close_called || !sent || !app->is_up)
        return false; /* CLOSE in SYN-SENT gives the connection up (RFC 9293 3.10.4) */
    switch ((enum la_sim_close)app->close_when) {
    case LA_SIM_WHEN_SENT:
        return true;
    case LA_SIM_WHEN_ENDED:
        return app->ended || app->read_closed;
    case LA_SIM_WHEN_HEARD:
        return app->received_n >= app->expect_n || app->ended || app->read_closed;
    case LA_SIM_NEVER:
        break;
    }
    return false;
}

static void
end_some(const struct seat *s)
{
    struct la_sim_app *app = s->app;
    if (app->received_n + app->sent_n >= app->abort_at_n) {
        abort_now(s);
        return;
    }
    if (app->received_n >= app->rude_at_n) {
        release(s);
        return;
    }
    if (app->received_n >= app->deaf_at_n && !app->read_closed) {
        app->read_closed = true;
        (void)la_conn_close_read(s->host->stack, app->handle, la_sim_host_now(s->host));
    }
    if (wants_close(s)) {
        if (app->close_at_ns > s->world->now_ns) {
            wake_at(s, app->close_at_ns);
            return;
        }
        app->close_called = true;
        (void)la_conn_close(s->host->stack, app->handle, la_sim_host_now(s->host));
    }
    if (!app->close_called || !(app->ended || app->read_closed))
        return;
    if (app->done_at_ns == 0)
        app->done_at_ns = s->world->now_ns + app->hold_ns;
    if (app->done_at_ns <= s->world->now_ns)
        release(s);
    else
        wake_at(s, app->done_at_ns);
}

void
la_sim_app_run(struct la_sim_world *world, unsigned index)
{
    struct seat s = seat_of(world, index);
    if (s.app->is_over || la_sim_is_over(world))
        return;
    if (!s.app->is_open) {
        if (s.app->opens && !s.app->crashed && world->now_ns >= s.app->next_write_ns)
            open_active(&s);
        return;
    }
    if (world->closing) {
        release(&s);
        return;
    }
    bool vanishes = s.conn->step->a[1] == LA_SIM_W_VANISH && s.end == 0;
    if (vanishes && s.app->close_at_ns > world->now_ns) {
        wake_at(&s, s.app->close_at_ns);
        return;
    }
    write_some(&s);
    if (!s.app->is_over)
        read_some(&s);
    if (!s.app->is_over) /* what was read may be asked about */
        write_some(&s);
    if (!s.app->is_over && !la_sim_is_over(world))
        end_some(&s);
}

void
la_sim_app_ready(struct la_sim_host *host, const struct la_stack_event *event)
{
    if (event->user == 0 || event->user > host->world->conns_n * 2u)
        return;
    struct seat s = seat_of(host->world, (unsigned)event->user - 1);
    s.app->is_up |= (event->ready & LA_READY_OPEN) != 0 && s.app->handle == event->handle;
    if (s.app->is_open && s.app->handle == event->handle)
        la_sim_app_run(host->world, s.index);
}

void
la_sim_app_crash(struct la_sim_world *world, unsigned index)
{
    struct seat s = seat_of(world, index);
    s.conn->view[s.end].broken |= s.conn->view[s.end].begun;
    if (!s.app->is_open)
        return; /* it opens when the host is there again */
    s.app->crashed = true;
    s.app->is_over = true;
}

void
la_sim_app_act(struct la_sim_world *world, const struct la_sim_step *step)
{
    unsigned index = 0, end = (uint32_t)step->a[1] % 2;
    while (index < world->conns_n && world->conn[index].step->id != step->a[0])
        index++;
    if (index == world->conns_n)
        return;
    struct seat s = seat_of(world, index * 2 + end);
    struct la_sim_app *app = s.app;
    la_instant now = la_sim_host_now(s.host);
    if (!app->is_open || app->is_over || s.host->stack == NULL)
        return;
    world->counts.step[LA_SIM_ACT]++;
    switch ((enum la_sim_call)step->a[3]) {
    case LA_SIM_C_CLOSE:
        app->send_n = app->sent_n;
        app->close_when = LA_SIM_WHEN_SENT;
        break;
    case LA_SIM_C_ABORT:
        abort_now(&s);
        return;
    case LA_SIM_C_RELEASE:
        release(&s);
        return;
    case LA_SIM_C_CLOSE_READ:
        app->deaf_at_n = 0;
        break;
    case LA_SIM_C_RELEASE_RESETS:
        (void)la_conn_option_set(s.host->stack, app->handle, LA_OPT_RELEASE_RESETS, 1, now);
        break;
    case LA_SIM_C_RCVBUF_SMALLER:
        (void)la_conn_option_set(s.host->stack, app->handle, LA_OPT_RCVBUF_BYTES, 4096, now);
        break;
    case LA_SIM_C_RCVBUF_LARGER:
        (void)la_conn_option_set(s.host->stack, app->handle, LA_OPT_RCVBUF_BYTES, 1 << 20, now);
        break;
    case LA_SIM_CALLS:
        break;
    }
    la_sim_app_run(world, s.index);
}

bool
la_sim_apps_are_over(const struct la_sim_world *world)
{
    for (unsigned i = 0; i < world->conns_n; i++) {
        const struct la_sim_app *client = &world->conn[i].app[0], *server = &world->conn[i].app[1];
        bool server_over = server->is_over || (!server->is_open && !server->opens);
        if (!client->is_over || !server_over)
            return false;
    }
    return true;
}

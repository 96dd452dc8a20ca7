/* SPDX-License-Identifier: MIT
 *
 * talk.c - what the two applications of a connection say to each other
 */
#include "base/rng.h"
#include "sim/world.h"

enum { PERIOD = 65521 };
#define HOLD_NS_MAX (3 * LA_NS_PER_S)

/* ---- octets ----------------------------------------------------------------------------- */

/* Every direction of every connection begins elsewhere in the same octets: one that is delivered
 * elsewhere, or at another place, is seen. Twice the period, so that a piece is contiguous. */
static uint8_t octets[2 * PERIOD];

static void
octets_init(void)
{
    struct la_rng rng;
    struct la_seed seed = {{PERIOD}};
    if (octets[0] != 0)
        return;
    la_rng_init(&rng, &seed, "octets");
    for (size_t i = 0; i < PERIOD; i++)
        octets[i] = octets[i + PERIOD] = (uint8_t)la_rng_next(&rng);
    octets[0] = octets[PERIOD] = 1;
}

const uint8_t *
la_sim_octets(const struct la_sim_conn *conn, unsigned end, uint64_t off, size_t *n)
{
    uint64_t at = (conn->start[end] + off) % PERIOD;
    if (*n > PERIOD)
        *n = PERIOD;
    return &octets[at];
}

/* ---- conversations ---------------------------------------------------------------------- */

static void
set_exchange(struct la_sim_conn *conn, uint64_t draw)
{
    uint32_t turns = 1 + (uint32_t)(draw % 12);
    uint32_t ask_n = (uint32_t)conn->app[0].send_n / turns + 1;
    uint32_t answer_n = (uint32_t)conn->app[1].send_n / turns + 1;
    for (unsigned end = 0; end < 2; end++) {
        conn->app[end].ask_n = ask_n;
        conn->app[end].answer_n = answer_n;
    }
    conn->app[0].send_n = conn->app[1].expect_n = (uint64_t)ask_n * turns;
    conn->app[1].send_n = conn->app[0].expect_n = (uint64_t)answer_n * turns;
    conn->app[0].close_when = LA_SIM_WHEN_HEARD;
}

/* What differs from two ends that send what they have and close. */
static void
set_workload(struct la_sim_world *world, struct la_sim_conn *conn, int64_t pace_ns)
{
    struct la_sim_app *client = &conn->app[0], *server = &conn->app[1];
    uint64_t draw = la_sim_draw(world, conn->step->id, 1);
    struct la_sim_app *one = &conn->app[draw / 16 % 2];
    uint64_t part = draw / 32 % (client->send_n + server->send_n + 1);
    int64_t at_ns = client->next_write_ns;
    switch ((enum la_sim_workload)conn->step->a[1]) {
    case LA_SIM_W_BULK:
    case LA_SIM_W_HALF_CLOSE:
    case LA_SIM_W_CROSSED_OPEN:
    case LA_SIM_WORKLOADS:
        break;
    case LA_SIM_W_BOTH:
        server->close_when = LA_SIM_WHEN_SENT;
        break;
    case LA_SIM_W_EXCHANGE:
        set_exchange(conn, draw);
        break;
    case LA_SIM_W_URGENT:
        client->write_pace_ns = server->write_pace_ns = draw % 2 == 0 ? 0 : pace_ns;
        client->write_max = server->write_max = 1 + (uint32_t)(draw / 2 % 500);
        break;
    case LA_SIM_W_TINY:
        client->write_max = server->write_max = 1 + (uint32_t)(draw % 40);
        client->write_pace_ns = server->write_pace_ns = pace_ns;
        break;
    case LA_SIM_W_IDLE:
    case LA_SIM_W_SILENT:
        client->write_pace_ns = server->write_pace_ns = pace_ns * 1000;
        client->write_max = (uint32_t)client->send_n / 3 + 1;
        server->write_max = (uint32_t)server->send_n / 3 + 1;
        break;
    case LA_SIM_W_SLOW_READER:
        one->read_pace_ns = pace_ns * 10 + 50 * LA_NS_PER_MS;
        one->read_max = 200 + (uint32_t)(draw % 3000);
        break;
    case LA_SIM_W_CROSSED_CLOSE:
        server->close_when = LA_SIM_WHEN_SENT;
        client->close_at_ns = server->close_at_ns = at_ns + pace_ns + 100 * LA_NS_PER_MS;
        break;
    case LA_SIM_W_ABORT:
        one->abort_at_n = part;
        break;
    case LA_SIM_W_RUDE:
        one->rude_at_n = part;
        break;
    case LA_SIM_W_DEAF:
        one->deaf_at_n = part;
        break;
    case LA_SIM_W_VANISH:
        client->close_at_ns = at_ns + pace_ns;
        client->rude_at_n = draw % 2 == 0 ? 0 : UINT64_MAX;
        client->abort_at_n = draw % 2 == 0 ? UINT64_MAX : 0;
        conn->never_opens = true;
        break;
    case LA_SIM_W_LINGER:
        server->close_when = LA_SIM_NEVER;
        server->send_n = 1 + server->send_n % 2000;
        client->rude_at_n = client->expect_n = server->send_n;
        break;
    case LA_SIM_W_REFUSED:
        conn->at[1].port = LA_SIM_SERVER_PORT + 1;
        conn->never_opens = true;
        break;
    }
}

static uint16_t
port_of(const struct la_sim_world *world, const struct la_sim_step *conn)
{
    for (uint32_t i = 0; i < world->plan->n; i++) {
        const struct la_sim_step *step = &world->plan->step[i];
        if (step->kind == LA_SIM_PORT && step->a[0] == conn->id)
            return (uint16_t)step->a[1];
    }
    return 0;
}

void
la_sim_conn_init(struct la_sim_world *world, const struct la_sim_step *step)
{
    unsigned index = world->conns_n++;
    struct la_sim_conn *conn = &world->conn[index];
    uint8_t client = step->a[0] == 2 && world->route[2][1] != LA_SIM_NO_PIPE ? 2 : 0;
    int64_t at_ns = (int64_t)(step->a[2] < 0 ? 0 : step->a[2]) * LA_NS_PER_MS;
    int64_t pace_ns = (int64_t)(step->a[5] < 0 ? 0 : step->a[5]) * LA_NS_PER_US;
    octets_init();
    conn->step = step;
    conn->at[0] = (struct la_endpoint){la_sim_addr(client, world->ipv6), port_of(world, step)};
    conn->at[1] = (struct la_endpoint){la_sim_addr(1, world->ipv6), LA_SIM_SERVER_PORT};
    world->counts.step[LA_SIM_CONN]++;
    world->counts.step[LA_SIM_PORT] += conn->at[0].port != 0;
    world->counts.workload[(uint32_t)step->a[1] % LA_SIM_WORKLOADS]++;
    for (unsigned end = 0; end < 2; end++) {
        struct la_sim_app *app = &conn->app[end];
        uint64_t draw = la_sim_draw(world, step->id, 2 + end);
        conn->start[end] = draw % PERIOD;
        conn->view[end].wscale_sent = conn->view[end].wscale_seen = conn->view[end].syn_wscale =
            255;
        *app = (struct la_sim_app){
            .host = end == 0 ? client : 1,
            .close_when = end == 0 ? LA_SIM_WHEN_SENT : LA_SIM_WHEN_ENDED,
            .opens = end == 0 || step->a[1] == LA_SIM_W_CROSSED_OPEN,
            .write_max = 1 + (uint32_t)(draw / PERIOD % 8000),
            .read_max = 1 + (uint32_t)(draw / PERIOD / 8000 % 8000),
            .send_n = (uint32_t)(step->a[3 + end] < 0 ? 0 : step->a[3 + end]),
            .abort_at_n = UINT64_MAX,
            .rude_at_n = UINT64_MAX,
            .deaf_at_n = UINT64_MAX,
            .next_write_ns = at_ns,
            .hold_ns = draw / 7 % 4 == 0 ? (int64_t)(draw / 28 % (uint64_t)HOLD_NS_MAX) : 0,
        };
    }
    conn->app[0].expect_n = conn->app[1].send_n;
    conn->app[1].expect_n = conn->app[0].send_n;
    set_workload(world, conn, pace_ns);
    la_sim_put(world, at_ns, LA_SIM_I_APP, index * 2, NULL);
    if (!conn->app[1].opens)
        return;
    if (conn->at[0].port == 0)
        conn->at[0].port = (uint16_t)(30000 + step->id);
    conn->at[1].port = (uint16_t)(20000 + step->id);
    conn->app[1].next_write_ns = at_ns + pace_ns;
    la_sim_put(world, at_ns + pace_ns, LA_SIM_I_APP, index * 2 + 1, NULL);
}

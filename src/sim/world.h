/* SPDX-License-Identifier: MIT
 *
 * world.h - one run: hosts, pipes between nodes, applications, and the time
 *
 * Nodes 0 to 2 are hosts, 3 and 4 routers or the box. Everything that happens comes from the
 * agenda, from a host's own timers, or from both at one instant; nothing here reads a clock or an
 * address, so a plan gives the same run wherever it is run.
 */
#ifndef LA_SIM_WORLD_H
#define LA_SIM_WORLD_H

#include <lastack/stack.h>

#include "base/hash.h"
#include "base/time.h"
#include "link/fate.h"
#include "sim/agenda.h"
#include "sim/clock.h"
#include "sim/counts.h"
#include "sim/memory.h"
#include "sim/sim.h"
#include "sim/track.h"

enum { LA_SIM_NODES = 5, LA_SIM_BOX_NODE = 4 /* where there is one */ };
enum { LA_SIM_PIPES = 8, LA_SIM_NO_PIPE = 255, LA_SIM_SERVER_PORT = 80 };
enum { LA_SIM_HANDLES = 64, LA_SIM_BURST_N = 32 };

/* ---- pipes and nodes -------------------------------------------------------------------- */

/* A step that concerns a pipe or the box, made ready. */
struct la_sim_fault {
    const struct la_sim_step *step;
    int64_t from_ns, to_ns;
    struct la_wire_faults faults;
    struct la_wire_fate_keys keys;
    struct la_wire_flow flow;
    uint64_t seen_n;   /* packets that it was asked about */
    int64_t next_ns;   /* the box: when it acts again */
};

struct la_sim_pipe {
    uint8_t from, to;
    int64_t delay_ns, jitter_ns;
    uint64_t rate_bps;
    uint32_t queue_n;
    int64_t free_at_ns; /* the rate: when the next packet can begin */
    int64_t last_ns;    /* arrival of the latest packet that was not held back */
    int64_t slowest_ns; /* what the slowest packet took */
    uint64_t passed_n;
};

enum { LA_SIM_SEEN = 64 };

/* The middlebox's memory (box*.c). */
struct la_sim_box {
    struct la_sim_packet *held; /* LA_SIM_MERGE: waits for its continuation */
    struct la_sim_packet *seen[LA_SIM_SEEN]; /* LA_SIM_REPLAY: copies of what came by */
    uint32_t seen_n;
    la_seq nxt[LA_SIM_CONNS][2]; /* behind the highest octet that came by, from that end */
    bool known[LA_SIM_CONNS][2];
    uint32_t shift_by;           /* LA_SIM_SHIFT; 0 = none */
    bool shift_sack;
    struct la_tcp_seg last[LA_SIM_CONNS][2];
};

/* ---- hosts ------------------------------------------------------------------------------ */

struct la_sim_host {
    struct la_sim_world *world;
    struct la_stack *stack; /* NULL: it is down */
    struct la_mem *mem;
    struct la_sim_memory memory;
    struct la_sim_clock clock;
    struct la_stack_cfg cfg;
    uint64_t budget_bytes;
    uint32_t backlog_n;
    bool piecemeal, listens_all;
    la_handle listener;
    uint32_t boots_n;
    uint64_t crashes_n;
    uint8_t index;
    struct {
        la_handle conn;
        uint8_t state;
    } handle[LA_SIM_HANDLES]; /* states by the events */
    uint32_t handles_n;
};

/* ---- applications ----------------------------------------------------------------------- */

enum la_sim_close {
    LA_SIM_WHEN_SENT,  /* when all was sent */
    LA_SIM_WHEN_ENDED, /* when all was sent and the peer has closed */
    LA_SIM_WHEN_HEARD, /* when all was sent and all that is expected has come */
    LA_SIM_NEVER
};

struct la_sim_app {
    uint8_t host;
    uint8_t close_when; /* enum la_sim_close */
    bool is_open;       /* `handle` is its own */
    bool is_up;         /* the connection has been ESTABLISHED */
    bool is_over;       /* nothing is left to do */
    bool close_called, read_closed, aborted, released, crashed, ended;
    bool opens;         /* OPEN is active */
    la_handle handle;
    la_err err;
    uint32_t write_max, read_max, ask_n, answer_n;
    int64_t write_pace_ns, read_pace_ns;
    uint64_t send_n, expect_n; /* what it is to send, what it waits for */
    uint64_t abort_at_n;       /* octets sent or received; UINT64_MAX = never */
    uint64_t rude_at_n;
    uint64_t deaf_at_n;
    uint64_t sent_n, received_n;
    uint64_t urgent_n;         /* the latest urgent data that it sent end here */
    uint32_t writes_n;
    int64_t next_write_ns, next_read_ns, wake_ns;
    int64_t close_at_ns; /* not before */
    int64_t hold_ns;     /* so long it keeps the handle of what is finished */
    int64_t done_at_ns;
    uint32_t tries_n;
};

struct la_sim_conn {
    const struct la_sim_step *step;
    struct la_endpoint at[2];
    struct la_sim_app app[2]; /* [0] is the client's */
    struct la_sim_view view[2];
    uint64_t start[2];        /* where in the octets each direction begins */
    uint64_t lost_n;          /* packets of it that did not arrive as they were sent */
    uint64_t moved;           /* la_sim_law_progress() */
    bool never_opens, optimistic;
    bool misled; /* a made-up ACK of what was never sent, or old text: an observer may believe it */
    bool accepted;
};

/* ---- the world -------------------------------------------------------------------------- */

struct la_explain;

struct la_sim_world {
    const struct la_sim_plan *plan;
    struct la_sim_env env;
    int64_t now_ns;
    int64_t heal_ns;
    uint64_t bound_ns;       /* la_sim_law_progress() */
    uint8_t shape;           /* enum la_sim_shape */
    bool ipv6;
    bool closing;            /* whoever still holds a handle gives it up */
    struct la_sim_agenda agenda;
    struct la_sim_packets packets;
    struct la_sim_host host[LA_SIM_HOSTS];
    struct la_sim_pipe pipe[LA_SIM_PIPES];
    uint32_t pipes_n;
    uint8_t route[LA_SIM_NODES][LA_SIM_HOSTS]; /* the pipe that leads on */
    struct la_sim_fault fault[LA_SIM_STEPS_MAX];
    uint32_t faults_n;
    struct la_sim_box box;
    struct la_sim_conn conn[LA_SIM_CONNS];
    uint32_t conns_n;
    uint64_t begun_n;
    uint64_t strangers_n; /* forged ACKs that may have ended a handshake which nobody began */
    struct la_key key; /* of draws */
    uint64_t steps_n;  /* events so far, a bound against runs without end */
    struct la_sim_result *result;
    struct la_sim_counts counts;
    struct la_explain *observer; /* tap.c; NULL: nobody watches, or no memory */
    uint8_t tap_host;            /* at whose link it stands */
};

/* A draw that hangs on the plan's seed, a step's number and n alone. */
static inline uint64_t
la_sim_draw(const struct la_sim_world *world, unsigned id, uint64_t n)
{
    return la_hash2(&world->key, id, n);
}

static inline bool
la_sim_is_active(const struct la_sim_world *world, const struct la_sim_fault *fault)
{
    return world->now_ns >= fault->from_ns && world->now_ns < fault->to_ns;
}

static inline bool
la_sim_is_over(const struct la_sim_world *world)
{
    return world->result->law != LA_SIM_L_NONE;
}

static inline la_instant
la_sim_host_now(const struct la_sim_host *host)
{
    return la_sim_clock_read(&host->clock, host->world->now_ns);
}

/* A law was broken. The first one counts. conn: LA_SIM_NO_CONN = none. */
void la_sim_violate(struct la_sim_world *world, enum la_sim_law law, unsigned conn,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Puts it on the agenda; without memory the run has failed. */
void la_sim_put(struct la_sim_world *world, int64_t at_ns, enum la_sim_item_kind kind,
                unsigned index, struct la_sim_packet *take_packet);
/* Enters the hash over all events and packets. */
void la_sim_mix(struct la_sim_world *world, const void *p, size_t n);
void la_sim_struck(struct la_sim_world *world, const struct la_sim_fault *fault);
struct la_addr la_sim_addr(unsigned host, bool ipv6);

/* ---- pipe.c, router.c, box.c ------------------------------------------------------------ */

void la_sim_pipes_build(struct la_sim_world *world);
/* Takes the packet. */
void la_sim_pipe_send(struct la_sim_world *world, unsigned pipe, struct la_sim_packet *take_packet);
/* Towards its destination from `node`; takes the packet. */
void la_sim_route(struct la_sim_world *world, unsigned node, struct la_sim_packet *take_packet);
/* At a router or the box; takes the packet. */
void la_sim_router(struct la_sim_world *world, unsigned node, struct la_sim_packet *take_packet);
/* Tells the sender of `about` by ICMP; enum la_sim_icmp. */
void la_sim_icmp_send(struct la_sim_world *world, unsigned node, const struct la_sim_packet *about,
                      enum la_sim_icmp kind, uint32_t mtu_bytes);
/* Is one of the nodes a box? Without, steps about it do nothing: a plan that is made smaller may
 * have lost its topology. */
static inline bool
la_sim_is_boxed(const struct la_sim_world *world)
{
    return world->shape == LA_SIM_BOXED || world->shape == LA_SIM_BOXED_FAR;
}

/* The box: takes the packet and sends on what becomes of it. */
void la_sim_box(struct la_sim_world *world, unsigned node, struct la_sim_packet *take_packet);
/* What it holds goes, what it has to inject is injected; at LA_SIM_I_BOX. */
void la_sim_box_wake(struct la_sim_world *world);
void la_sim_box_fini(struct la_sim_world *world);
/* What became of a packet, for whoever hears, and for the excuses of its connection. */
void la_sim_tell_fate(struct la_sim_world *world, const struct la_sim_packet *packet,
                      enum la_wire_fate fate, enum la_reason reason);
void la_sim_tell_segment(struct la_sim_world *world, unsigned host,
                         const struct la_sim_packet *packet, enum la_event_kind kind);

/* tap.c: an observer (the analyser) at one host's link. */
void la_sim_tap_init(struct la_sim_world *world);
void la_sim_tap_fini(struct la_sim_world *world);
/* A packet leaves a host, or reaches it sound. */
void la_sim_tap_show(struct la_sim_world *world, unsigned host, const struct la_sim_packet *packet);

/* setup.c: everything that the plan says, but no host has started. */
void la_sim_setup(struct la_sim_world *world);
/* isn.c: before the hosts start. */
void la_sim_isn_set(struct la_sim_world *world, const struct la_sim_step *step);

/* ---- box_edit.c, box_forge.c ------------------------------------------------------------ */

/* Change the packet itself; false: there was nothing to change. */
bool la_sim_box_strip(struct la_sim_packet *packet, unsigned kinds);
bool la_sim_box_shuffle(struct la_sim_packet *packet);
void la_sim_box_shift(struct la_sim_world *world, struct la_sim_packet *packet);
/* Two of one, which stays the caller's. False: it cannot be split. */
bool la_sim_box_split(struct la_sim_world *world, const struct la_sim_packet *packet,
                      struct la_sim_packet *out[2]);
/* One of two, which stay the caller's. NULL: they do not fit. */
struct la_sim_packet *la_sim_box_merge(struct la_sim_world *world,
                                       const struct la_sim_packet *first,
                                       const struct la_sim_packet *second);
/* Remembers what came by, for what it makes up. */
void la_sim_box_learn(struct la_sim_world *world, const struct la_sim_packet *packet);
void la_sim_box_inject(struct la_sim_world *world, struct la_sim_fault *fault);

/* ---- host.c, app.c ---------------------------------------------------------------------- */

void la_sim_host_init(struct la_sim_world *world, unsigned index);
void la_sim_host_boot(struct la_sim_host *host);
void la_sim_host_crash(struct la_sim_host *host);
/* Is there a record of this connection? What cookies are about (track_cookie.c). */
bool la_sim_host_has_conn(const struct la_sim_host *host, const struct la_endpoint *local,
                          const struct la_endpoint *remote);
/* The server listens, or listens no more. */
la_err la_sim_host_listen(struct la_sim_host *host);
void la_sim_host_shut(struct la_sim_host *host);
/* The host is gone for good: memory is counted. */
void la_sim_host_fini(struct la_sim_host *host);
void la_sim_host_input(struct la_sim_host *host, struct la_sim_packet **take_packets, size_t n);
void la_sim_host_timers(struct la_sim_host *host);
/* Serves applications and sends what is to be sent. Call it after anything that was done. */
void la_sim_host_settle(struct la_sim_host *host);

void la_sim_conn_init(struct la_sim_world *world, const struct la_sim_step *step);
/* The application that `index` names (conn * 2 + end) does what it can do now. */
void la_sim_app_run(struct la_sim_world *world, unsigned index);
void la_sim_app_ready(struct la_sim_host *host, const struct la_stack_event *event);
void la_sim_app_accept(struct la_sim_host *host);
void la_sim_app_act(struct la_sim_world *world, const struct la_sim_step *step);
/* Its host has crashed. */
void la_sim_app_crash(struct la_sim_world *world, unsigned index);
bool la_sim_apps_are_over(const struct la_sim_world *world);
/* What `end` sends, from offset `off` on: at most *n octets in one piece. */
const uint8_t *la_sim_octets(const struct la_sim_conn *conn, unsigned end, uint64_t off, size_t *n);

#endif

/* SPDX-License-Identifier: MIT
 *
 * explore_world.h - two ends, what is between them, and what their applications know
 *
 * All of it lies in struct la_world and in its arena, which stay at one address: a copy of both is
 * a copy of the state, and copying back returns to it.
 */
#ifndef LA_SIM_EXPLORE_WORLD_H
#define LA_SIM_EXPLORE_WORLD_H

#include <lastack/conn.h>
#include "sim/explore.h"
#include "tcp/conn.h"
#include "wire/tcp.h"

enum {
    LA_WORLD_NET_N = 2,  /* segments on the way, each way */
    LA_WORLD_RST_ROOM = 1,
    LA_WORLD_TEXT_MAX = 16,
    LA_WORLD_ARENA_BYTES = 1 << 16,
    LA_WORLD_STEPS_MAX = 64,
    LA_WORLD_INCARNATIONS = 8 /* that are told apart */
};

/* A segment on the way. */
struct la_world_seg {
    struct la_tcp_seg seg;
    uint8_t text[LA_WORLD_TEXT_MAX];
    struct la_tcp_marks told; /* what its sender had counted, with `counted` */
    uint8_t ecn;              /* enum la_ip_ecn */
    bool counted;             /* accurate ECN was agreed, and its ACE field is a count */
    uint8_t unused[2];
};

struct la_world_net {
    struct la_world_seg at[LA_WORLD_NET_N + LA_WORLD_RST_ROOM];
    uint8_t n;
};

/* What has happened to one end's present connection, as its application and a tap see it. */
struct la_world_app {
    uint8_t sent_n;        /* octets that SEND accepted */
    uint8_t read_n;
    uint8_t incarnation;
    uint8_t marked_n;      /* segments that it was given as CE */
    uint8_t reads_of;      /* incarnation of the peer whose octets it has read */
    bool closed, released, aborted;
    bool saw_end;
    bool edge_known;       /* an acknowledgement was sent */
    bool peer_edge_known;  /* and one has arrived */
    la_seq edge;           /* highest right edge offered */
    la_seq peer_edge;      /* highest one that has arrived */
};

struct la_world_end {
    struct la_tcp_conn conn;
    struct la_tcp_env env;
    struct la_stack_stats stats;
    struct la_world_app app;
    la_instant now;
    uint8_t closed_behind[LA_WORLD_INCARNATIONS]; /* octets before its FIN, and 1; 0: none */
    bool live;      /* there is a connection record */
    bool listens;
    bool opened;    /* its one OPEN was made */
    bool disturbed; /* it aborted, crashed, gave up or released: its peer may see a RST */
};

/* When its delayed acknowledgement is due. */
static inline la_instant
la_world_ack_at(const struct la_world_end *end)
{
    return la_tcp_ack_at(la_tcp_busy(&end->conn, &end->env));
}

struct la_world {
    struct la_world_end end[2];
    struct la_world_net net[2]; /* [i]: towards end i */
    uint8_t lost_n, doubled_n, early_n, aborts_n, crashes_n, marked_n; /* left */
    char violation[200];
};

enum la_step_kind {
    LA_STEP_OPEN,
    LA_STEP_SEND,
    LA_STEP_READ,
    LA_STEP_CLOSE,
    LA_STEP_RELEASE,
    LA_STEP_ABORT,
    LA_STEP_CRASH,
    LA_STEP_DELIVER,
    LA_STEP_LOSE,
    LA_STEP_DOUBLE,
    LA_STEP_MARK,
    LA_STEP_TIMER,    /* retransmission, persist, FIN-WAIT-2 or TIME-WAIT */
    LA_STEP_ACK_TIMER /* delayed acknowledgement */
};

struct la_step {
    uint8_t kind; /* enum la_step_kind */
    uint8_t end;  /* whose; for segments, towards whom */
    uint8_t idx;  /* of the segment */
};

struct la_world_ctx {
    struct la_world *world;
    void *arena;              /* LA_WORLD_ARENA_BYTES, aligned to 64 */
    struct la_mem *mem;       /* inside it */
    struct la_tcp_cfg tcp;
    const struct la_explore_cfg *cfg;
    struct la_explore_result *result;
    bool healed;              /* nothing is lost any more */
    uint8_t control;          /* the congestion control of both ends */
};

/* The beginning: both ends CLOSED, B perhaps listening. False: the arena is too small. */
bool la_world_init(struct la_world_ctx *ctx);
/* What may happen next; at most LA_WORLD_STEPS_MAX. */
unsigned la_world_steps(const struct la_world_ctx *ctx, struct la_step *steps);
/* Is there something, the end of the stream included, that the application has not been told? */
bool la_world_may_read(const struct la_world_ctx *ctx, unsigned end);
/* Nothing is on the way. */
bool la_world_is_quiet(const struct la_world *world);
/* The octet before the first one that an end sends, in its first incarnation. */
uint32_t la_world_first_iss(unsigned end);
/* Lets it happen, and everything that follows at once. Looks at the laws. */
void la_world_do(struct la_world_ctx *ctx, struct la_step step);
/* The next step of a network that loses nothing more, with applications that read and then close.
 * False: everything has ended. */
bool la_world_fair_step(const struct la_world_ctx *ctx, struct la_step *step);
/* Notes the first violation. */
void la_world_violated(struct la_world *world, unsigned end, const char *law);
/* "A: timer", with the segment if there is one. */
void la_world_tell_step(FILE *out, const struct la_world *world, struct la_step step);

/* 128 bits that stand for the state (explore_key.c). */
struct la_world_key {
    uint64_t w[2];
};
struct la_world_key la_world_key(const struct la_world_ctx *ctx);

/* The laws (explore_laws.c): after each step, when a segment leaves, when everything is over. */
void la_world_check(struct la_world_ctx *ctx);
/* Around the arrival of a segment: what is known of marks; what is known afterwards. */
struct la_world_marks {
    bool known; /* accurate ECN is agreed, and the handshake over */
    la_seq snd_una;
    struct la_tcp_marks s;
};
struct la_world_marks la_world_marks_before(const struct la_world_end *end);
void la_world_check_heard(struct la_world_ctx *ctx, unsigned end, const struct la_world_seg *seg,
                          const struct la_world_marks *before);
void la_world_check_sent(struct la_world_ctx *ctx, unsigned end, const struct la_tcp_seg *seg);
void la_world_check_read(struct la_world_ctx *ctx, unsigned end, const uint8_t *octets, unsigned n);
void la_world_check_over(struct la_world_ctx *ctx);

/* The octet that stands at `off` of what `end` sends in an incarnation. */
static inline uint8_t
la_world_octet(unsigned end, unsigned incarnation, unsigned off)
{
    return (uint8_t)(end << 7 | (incarnation % LA_WORLD_INCARNATIONS) << 4 | (off & 15));
}

static inline uint8_t
la_world_incarnation(uint8_t octet)
{
    return octet >> 4 & 7;
}

#endif

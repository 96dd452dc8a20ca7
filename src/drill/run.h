/* SPDX-License-Identifier: MIT
 *
 * run.h - the inside of a script that is being played
 *
 * Numbers: "live" ones stand on the wire, the others are the script's. A flow knows the difference:
 * our initial sequence number and timestamp become known with our first SYN, the peer's initial
 * sequence number is the script's choice.
 */
#ifndef LA_DRILL_RUN_H
#define LA_DRILL_RUN_H

#include <lastack/sock.h>
#include "drill/drill.h"
#include "host/errqueue.h"
#include "host/interests.h"
#include "host/option_rows.h"
#include "ways/ways.h"
#include "wire/tcp.h"

enum {
    LA_DRILL_FDS_N = 1024,
    LA_DRILL_FLOWS_N = 1024,
    LA_DRILL_PACKET_BYTES = 65535 + 60, /* IPv6's header is not counted by its length */
    LA_DRILL_SENT_N_MAX = 65536,
    LA_DRILL_VARIABLES_N = 64
};

/* A timestamp of ours as the script has it, and as it was. */
struct la_drill_clock_pair {
    uint32_t script, live;
    struct la_drill_clock_pair *next;
};

struct la_drill_flow {
    struct la_endpoint local, remote;
    bool iss_known, irs_known, ts_known;
    struct la_drill_clock_pair *clocks; /* of our timestamps, the latest first */
    bool fresh;            /* the peer's SYN with another number came: ours will be another, too */
    bool own_text;         /* the script chose octets of what comes in: they follow no pattern */
    uint32_t iss, irs;     /* the script's */
    uint32_t irs_next;     /* of the fresh SYN */
    uint32_t local_offset; /* live minus script, of our sequence numbers */
    uint32_t ts_offset;    /* the same of our timestamps */
    uint8_t *written;      /* what the application gave us to send */
    size_t written_n, written_room;
    uint64_t read_n;       /* what it has read */
};

enum la_drill_fd_kind {
    LA_DRILL_FD_SOCKET,
    LA_DRILL_FD_EPOLL,
    LA_DRILL_FD_FILE /* zeros without end: none of the host's is read */
};

struct la_drill_fd {
    uint8_t kind; /* enum la_drill_fd_kind */
    bool open, nonblocking, datagram, v6;
    bool listens;
    bool tells_queue; /* TCP_INQ */
    bool fast_open; /* TCP_FASTOPEN was set */
    int32_t connect_s; /* TCP_KEEPINIT; 0: as the stack has it */
    int32_t kept[LA_OPTIONS_KEPT_N]; /* of options that are hints */
    la_sock sock;
    struct la_errqueue errors;
    struct la_interest *interests; /* of an epoll descriptor */
};

/* A packet that the stack has sent and no line has taken yet. */
struct la_drill_sent {
    int64_t at_us;
    size_t n;
    struct la_drill_sent *next;
    uint8_t bytes[];
};

/* What %{ name = value }% has left behind. */
struct la_drill_variable {
    char name[32];
    int64_t value;
};

struct la_drill_run {
    struct la_drill_script *script;
    struct la_drill_result *result;
    struct la_ways ways;  /* what settings have made of the stack's */
    uint8_t key[LA_FAST_OPEN_KEY_BYTES]; /* of cookies, as settings told it */
    uint32_t forgets_n; /* of ways that were followed */
    struct la_mem *mem;
    struct la_stack *stack;
    struct la_socks *socks;
    int64_t now_us;       /* since the script began */
    int64_t event_us;     /* when the latest event was due */
    uint64_t steps_n;
    bool failed;
    bool strict;          /* judged as lastack's own scripts are, not as packetdrill judges */
    bool segments_strict; /* each packet has a line */
    bool listens_anew;    /* the next SYN is another peer's, as with packetdrill */
    uint16_t peers_n;     /* that there have been so */
    uint32_t line;        /* of the event that is being played */
    struct la_drill_fd fds[LA_DRILL_FDS_N];
    uint32_t fds_n; /* that have ever been open */
    struct la_drill_flow *flows[LA_DRILL_FLOWS_N];
    uint32_t flows_n;
    struct la_drill_flow *flow; /* the one that lines without ports mean */
    la_handle conn;       /* the one that checks mean, */
    bool listener;        /* or a listener, which has none */
    struct la_drill_variable variables[LA_DRILL_VARIABLES_N];
    uint32_t variables_n;
    struct la_drill_sent *sent_first, *sent_last;
    uint32_t sent_n;
    const struct la_drill_event *pending; /* a call that has not returned */
    uint64_t moved_n;     /* octets that it has moved */
    uint64_t syn_n;       /* of those: that went with a SYN that is not answered */
    bool opened;          /* it has begun the connection that it writes to */
    int64_t pending_end_us, pending_from_us;
    bool settling;
};

la_instant la_drill_now(const struct la_drill_run *run);
/* The first one stands; stops the script. Returns false. */
__attribute__((format(printf, 2, 3))) bool la_drill_fail(struct la_drill_run *run,
                                                        const char *format, ...);
/* Beside the sentence: what the script says and what came. */
void la_drill_fail_came(struct la_drill_run *run, const char *came);
/* Lets the stack send what it can. False: failed. */
bool la_drill_move(struct la_drill_run *run);
/* Does all that can be done now. False: failed. */
bool la_drill_settle(struct la_drill_run *run);

/* ---- the stack (stack.c) ---------------------------------------------------------------- */

/* False: failed. Either way la_drill_stack_end() follows. */
bool la_drill_stack_make(struct la_drill_run *run, const struct la_trace *hears);
/* Gives the stack what run->ways has become. False: it refuses. */
bool la_drill_stack_follow(struct la_drill_run *run);
void la_drill_stack_end(struct la_drill_run *run);

/* ---- flows (flow.c) --------------------------------------------------------------------- */

struct la_addr la_drill_addr(const struct la_drill_cfg *cfg, bool local);
/* The flow between these two, made when it is new; NULL: too many. */
struct la_drill_flow *la_drill_flow_get(struct la_drill_run *run, const struct la_endpoint *local,
                                        const struct la_endpoint *remote);
void la_drill_flow_free(struct la_drill_flow *flow);
/* What to add to the script's numbers, of a SYN or of another segment, to have those of the wire:
 * to the peer's, and to ours. Where packetdrill's judgement counts, only SYNs have the script's
 * initial sequence numbers, and all others count from 0 as packetdrill's do. */
uint32_t la_drill_peer_offset(const struct la_drill_run *run, const struct la_drill_flow *flow,
                              bool syn);
uint32_t la_drill_local_offset(const struct la_drill_run *run, const struct la_drill_flow *flow,
                               bool syn);
/* The octet `at` of the stream that comes in (or that goes out). */
uint8_t la_drill_octet(bool out, uint64_t at);
/* Remembers, and finds, what a timestamp of the script is on the wire. */
bool la_drill_flow_clock(struct la_drill_run *run, struct la_drill_flow *flow, uint32_t script,
                         uint32_t live);
uint32_t la_drill_flow_clock_live(const struct la_drill_flow *flow, uint32_t script);
/* Appends what was written; NULL: pattern. False: no memory. */
bool la_drill_flow_wrote(struct la_drill_flow *flow, const uint8_t *octets, size_t n);

/* ---- packets in (make.c) ---------------------------------------------------------------- */

/* The octets of an inbound line; 0: does not fit. */
size_t la_drill_make(struct la_drill_run *run, struct la_drill_flow *flow,
                     const struct la_drill_packet *packet, struct la_room room);
/* A script's options as octets, padded; false: more than 40. */
bool la_drill_make_options(const struct la_drill_run *run, const struct la_drill_flow *flow,
                           const struct la_drill_packet *packet, uint8_t out[], size_t *n);

/* ---- packets out (look.c, match.c) ------------------------------------------------------ */

/* What the stack sent, taken apart. */
struct la_drill_seen {
    struct la_endpoint src, dst;
    uint8_t protocol; /* enum la_ip_protocol */
    uint8_t dscp_ecn, ttl;
    bool checksum_ok;
    struct la_tcp_view tcp;
    struct la_tcp_seg seg;
    struct la_bytes l4, text; /* text: behind the header */
};
/* False: no packet that it knows. */
bool la_drill_look(struct la_drill_seen *seen, struct la_bytes packet);
/* One line in the script's language. */
void la_drill_show(const struct la_drill_run *run, const struct la_drill_flow *flow,
                   const struct la_drill_seen *seen, char out[LA_DRILL_MESSAGE_BYTES]);
/* One option in the script's language. */
void la_drill_show_option(const struct la_drill_run *run, const struct la_drill_flow *flow,
                          const struct la_tcp_option *option, char out[LA_DRILL_MESSAGE_BYTES]);
/* Is it what the line says? False: failed, and said why. */
bool la_drill_match(struct la_drill_run *run, const struct la_drill_event *event,
                    const struct la_drill_seen *seen);

/* ---- several for one line (gather.c) ---------------------------------------------------- */

/* Takes what the stack sends until `until_us`: a packet, or, unless segments are compared one by
 * one, as many as make the length of the line, put together. *taken lies in `seen`'s text and is
 * the caller's, to be given to free(). False: failed, and said why. */
bool la_drill_gather(struct la_drill_run *run, const struct la_drill_event *event, int64_t until_us,
                     struct la_drill_seen *seen, int64_t *at_us, void **taken);
/* How far from its time something may be that comes so long after what was before it. */
int64_t la_drill_tolerance_us(const struct la_drill_run *run, int64_t after_us);
/* Lets time pass until then, or until something was sent. */
bool la_drill_advance(struct la_drill_run *run, int64_t until_us, bool stop_at_sent);

/* ---- calls (calls.c) and checks (check.c) ------------------------------------------------ */

struct la_drill_answer {
    int64_t value;
    const char *error; /* NULL: none */
    bool blocked;      /* it would wait */
};
/* Does the call, or goes on with it. False: failed (no such call, arguments). */
bool la_drill_do(struct la_drill_run *run, const struct la_drill_event *event,
                 struct la_drill_answer *answer);
/* Takes what has happened to sockets (ready.c). True: something has. */
bool la_drill_heard(struct la_drill_run *run);
/* What a descriptor has beside its socket. */
void la_drill_fd_fini(struct la_drill_fd *fd);
bool la_drill_check(struct la_drill_run *run, const struct la_drill_event *event);
/* What stands between backquotes (command.c). */
bool la_drill_command(struct la_drill_run *run, const struct la_drill_event *event);

#endif

/* SPDX-License-Identifier: MIT
 *
 * lastack/stack.h - one instance of the TCP/IP stack, without I/O of its own
 *
 * The embedder moves frames and time:
 *
 *     n = read frames from the device;      la_stack_input(s, iface, frames, n, now);
 *     n = la_stack_output(s, iface, frames, max, now);      write frames to the device;
 *     la_stack_run(s, now, budget);         when la_stack_deadline(s) is reached;
 *     while (la_stack_next_event(s, &ev))   serve the application;
 *
 * User calls (la_conn_*, RFC 9293 3.9.1) never block and never send: what they cause comes out of
 * the next la_stack_output(). One thread at a time per instance; instances share nothing, except
 * a struct la_mem where the embedder wants it. `now` never goes back.
 *
 * Errors: a function that takes a handle says LA_ERR_BAD_HANDLE when it names nothing of that kind
 * that lives in this instance. Otherwise a function returns what stands at it (without LA_ERR_),
 * and an la_err of nothing else is LA_OK.
 *
 * Cost: a call costs the same however many connections there are, and what is proportional to its
 * arguments. Exceptions: la_stack_free(), la_listener_close() (by its queues), and la_conn_open()
 * when most ephemeral ports towards that remote endpoint are taken (by their number).
 */
#ifndef LASTACK_STACK_H
#define LASTACK_STACK_H

#include <lastack/conn.h>
#include <lastack/event.h>
#include <lastack/frame.h>
#include <lastack/iface.h>

LA_API_BEGIN

struct la_stack;

/* ---- the instance ----------------------------------------------------------------------- */

/* SYN cookies: half-open connections that are answered, but not remembered (RFC 4987 3.6). A client
 * that uses timestamps notices no difference; one that does not gets no window scale and no SACK. A
 * forwarder that decides before the SYN,ACK never uses them. */
enum la_syn_cookies {
    LA_SYN_COOKIES_NEVER,     /* a SYN that finds the SYN queue full is dropped */
    LA_SYN_COOKIES_WHEN_FULL,
    LA_SYN_COOKIES_ALWAYS     /* nothing is ever remembered */
};

struct la_stack_cfg {
    struct la_mem *mem;          /* required; the instance takes a reference */
    uint64_t seed[4];            /* entropy: ISNs, ports and hash keys come from it */
    uint8_t end_id;              /* stands in events; 0 = client side by convention, 1 = server */
    uint32_t conns_n_max;        /* connections in all states but those that no handle owns in
                                    TIME-WAIT; at most 512 Mi; default 16 Mi */
    uint32_t syn_queue_n_max;    /* half-open per listener; default 1024 */
    uint32_t accept_queue_n_max; /* upper bound of a listener's backlog; default 4096 */
    uint8_t syn_cookies;         /* enum la_syn_cookies; default LA_SYN_COOKIES_WHEN_FULL */
    bool abort_on_overflow;      /* the end of a handshake that finds the accept queue full is
                                    answered with RST; default: dropped, so that it comes again */
    uint32_t requests_n_max;     /* forwarder requests not yet answered; default 1024 */
    uint32_t time_wait_n_max;    /* connections in TIME-WAIT; beyond it the oldest goes, counted as
                                    TIME_WAIT_FULL; default 256 Ki */
    uint32_t neighbour_reachable_ms; /* Ethernet: a neighbour that is used is asked again so long
                                    after it was confirmed; 0 .. 3600000, default 30000 */
    uint16_t port_ephemeral_min; /* RFC 6056; default 49152 .. 65535 */
    uint16_t port_ephemeral_max;
    bool checksum_verify;        /* default true; false only for wires that cannot corrupt */
    uint16_t (*checksum)(const uint8_t *p, size_t n); /* NULL = portable; host rooms offer faster */
    struct la_tcp_cfg tcp;
    struct la_trace trace;
};

/* Fills in every default; set mem and seed afterwards. */
void la_stack_cfg_init(struct la_stack_cfg *cfg);
/* NO_MEMORY, BAD_ARGUMENT (a field out of its range, an unknown congestion control). */
la_err la_stack_new(const struct la_stack_cfg *cfg, la_instant now,
                    struct la_stack **out) LA_MUST_CHECK;
/* Everything is dropped without a word to any peer. NULL is allowed. */
void la_stack_free(struct la_stack *stack);
/* The latest `now` that it was told. */
la_instant la_stack_now(const struct la_stack *stack);
/* The memory it was made with; borrowed. */
struct la_mem *la_stack_mem(const struct la_stack *stack);
/* The seed it was made with, for streams of its users. */
void la_stack_seed(const struct la_stack *stack, uint64_t out[4]);
/* Who hears events from now on; copied. A zeroed trace: nobody. */
void la_stack_trace_set(struct la_stack *stack, const struct la_trace *trace);

/* ---- interfaces ------------------------------------------------------------------------- */

/* *out: its number, from 0 on. LIMIT (8), BAD_ARGUMENT (a layer or an MTU that no link has). */
la_err la_stack_iface_add(struct la_stack *stack, const struct la_iface_cfg *cfg,
                          int *out) LA_MUST_CHECK;
/* An address of this host with its on-link prefix (which also becomes a route); the same address
 * again: the later prefix counts. LIMIT (32), BAD_ARGUMENT (no such interface, no unicast address,
 * a prefix longer than it: 0 .. 32 or 128). */
la_err la_stack_addr_add(struct la_stack *stack, int iface, const struct la_addr *addr,
                         unsigned prefix_len) LA_MUST_CHECK;
/* gateway NULL: on-link. prefix_len 0: the default route. The longest prefix decides; of two with
 * the same prefix and interface the later counts. LIMIT (64), BAD_ARGUMENT (as above, or a gateway
 * of the other family). */
la_err la_stack_route_add(struct la_stack *stack, int iface, const struct la_addr *prefix,
                          unsigned prefix_len, const struct la_addr *gateway) LA_MUST_CHECK;

/* Is it an address of this host (not: one that any_address takes)? */
bool la_stack_addr_is_local(const struct la_stack *stack, const struct la_addr *addr);
/* Settings that may change while it runs. */
enum la_setting {
    LA_SETTING_SOMAXCONN,        /* accept_queue_n_max; for la_listener_open() and _backlog_set()
                                    from now on, from 1 */
    LA_SETTING_MAX_SYN_BACKLOG,  /* syn_queue_n_max; at once, from 0 */
    LA_SETTING_SYN_COOKIES,      /* enum la_syn_cookies; at once */
    LA_SETTING_ABORT_ON_OVERFLOW, /* 0, 1; at once */
    LA_SETTING_MAX_TIME_WAIT,    /* time_wait_n_max; at once, from 1: what is too much goes */
    LA_SETTING_CONGESTION,       /* la_congestion_find(); for what is opened from now on without a
                                    configuration of its own */
    LA_SETTING_SLOW_START_AFTER_IDLE, /* 0, 1; at once */
    /* la_tcp_cfg.rcvbuf and .sndbuf (tcp_rmem, tcp_wmem); for what is opened from now on, the most
     * and the least at once */
    LA_SETTING_RMEM_MIN, LA_SETTING_RMEM_DEFAULT, LA_SETTING_RMEM_MAX,
    LA_SETTING_WMEM_MIN, LA_SETTING_WMEM_DEFAULT, LA_SETTING_WMEM_MAX
};
/* NO_SUCH_OPTION, BAD_ARGUMENT. */
la_err la_stack_setting_set(struct la_stack *stack, enum la_setting setting, int64_t value);
la_err la_stack_setting_get(const struct la_stack *stack, enum la_setting setting, int64_t *out);
/* The defaults of a connection, as configured. */
const struct la_tcp_cfg *la_stack_tcp_cfg(const struct la_stack *stack);
/* Others from now on: for connections and listeners that begin later, and at once what is the
 * instance's (struct la_tcp_cfg). BAD_ARGUMENT, and the old ones stay. */
la_err la_stack_tcp_cfg_set(struct la_stack *stack, const struct la_tcp_cfg *cfg) LA_MUST_CHECK;

/* ---- frames and time -------------------------------------------------------------------- */

/* Takes n frames (all of them, whatever they hold). */
void la_stack_input(struct la_stack *stack, int iface, struct la_frame **take_frames, size_t n,
                    la_instant now);
/* Up to `max` frames to be sent now on `iface`; the caller owns them. Call until it returns less
 * than `max`; a caller that stops earlier is called back-pressure and loses nothing. */
size_t la_stack_output(struct la_stack *stack, int iface, struct la_frame **frames, size_t max,
                       la_instant now);
/* True when la_stack_output() could return something for some interface now. */
bool la_stack_has_output(const struct la_stack *stack);
/* When la_stack_run() is next needed; NEVER when no timer runs. May be early, never late. */
la_instant la_stack_deadline(const struct la_stack *stack);
/* Serves at most budget_n expired timers; true when more are due. */
bool la_stack_run(struct la_stack *stack, la_instant now, uint32_t budget_n);

/* ---- events for the application --------------------------------------------------------- */

enum la_stack_event_kind {
    LA_STACK_EV_CONN = 1,  /* .handle is a connection, .ready what became true since the last one */
    LA_STACK_EV_LISTENER,  /* .handle is a listener with a connection to accept */
    LA_STACK_EV_REQUEST,   /* .handle is a forwarder request (la_forward_*) */
    LA_STACK_EV_REQUEST_GONE, /* the peer gave up a request; the handle is dead */
    LA_STACK_EV_UDP        /* .handle is a UDP socket with something to receive */
};

struct la_stack_event {
    uint8_t kind;    /* enum la_stack_event_kind */
    uint32_t ready;  /* LA_READY_* */
    la_handle handle;
    uint64_t user;   /* the value of la_conn_user_set() */
};

/* One event per handle at a time, edge-triggered: after one, read or write until AGAIN. */
bool la_stack_next_event(struct la_stack *stack, struct la_stack_event *out);

/* ---- connections: RFC 9293 3.9.1 -------------------------------------------------------- */

/* OPEN, active. local.addr any: chosen by the route; local.port 0: chosen at random (RFC 6056).
 * Out of an any_address interface, local.addr may be any unicast address.
 * NO_ROUTE, ADDRESS_IN_USE, ADDRESS_NOT_AVAILABLE, BAD_ARGUMENT (remote not unicast, port 0),
 * LIMIT, NO_MEMORY. `cfg` NULL: the instance's defaults. */
la_err la_conn_open(struct la_stack *stack, const struct la_endpoint *local,
                    const struct la_endpoint *remote, const struct la_tcp_cfg *cfg,
                    la_handle *out, la_instant now) LA_MUST_CHECK;
/* SEND: copies as much as the send buffer takes; returns octets, AGAIN (no room), NOT_CONNECTED,
 * CLOSING (after CLOSE), the connection's error, BAD_HANDLE. Before ESTABLISHED it queues.
 * `more` keeps a partial segment back for a short while (MSG_MORE); otherwise data is pushed. */
la_ssize la_conn_send(struct la_stack *stack, la_handle conn, struct la_bytes bytes, bool more,
                      la_instant now);
/* SEND with the URGENT flag: what is taken, and everything accepted before it that was not yet
 * acknowledged, becomes urgent data that ends here (MSG_OOB, but any length). It stays part of the
 * stream; the peer is told about it ahead of it, even while its window is zero. When not all is
 * taken, send the rest by the same call. New protocols should do without (RFC 9293 SHLD-13):
 * middleboxes clear the pointer, and other stacks treat one octet at most as urgent. */
la_ssize la_conn_send_urgent(struct la_stack *stack, la_handle conn, struct la_bytes bytes,
                             la_instant now);
/* What has been queued ends a record (MSG_EOR): no segment holds octets of it and of what is sent
 * later. The peer is told nothing. NO_MEMORY (nothing was marked), BAD_HANDLE. */
la_err la_conn_end_record(struct la_stack *stack, la_handle conn, la_instant now);
/* The same without a copy: room of 1 .. want_n octets inside the send buffer, then how much was
 * written there (n <= room->n; 0 gives it back), with no other call on this connection in between.
 * BAD_ARGUMENT (want_n 0), and what la_conn_send() returns. */
la_err la_conn_reserve(struct la_stack *stack, la_handle conn, size_t want_n,
                       struct la_room *room) LA_MUST_CHECK;
la_err la_conn_commit(struct la_stack *stack, la_handle conn, size_t n, bool more, la_instant now);
/* RECEIVE: octets, 0 at the end of the stream (peer's FIN), AGAIN, the error, BAD_HANDLE. Urgent
 * data is in line; one call (or peek) ends where it ends, even if more is there. */
la_ssize la_conn_receive(struct la_stack *stack, la_handle conn, struct la_room room,
                         la_instant now);
/* The same without a copy: up to `max` pieces of what is readable; *n_out 0 at the end of the
 * stream. Valid until the next call on this connection. Then consume what was used. Errors as of
 * la_conn_receive(); of consume: BAD_ARGUMENT (n is more than can be read). */
la_err la_conn_peek(struct la_stack *stack, la_handle conn, struct la_bytes *pieces, size_t max,
                    size_t *n_out) LA_MUST_CHECK;
la_err la_conn_consume(struct la_stack *stack, la_handle conn, size_t n, la_instant now);
/* How many octets up to the peer's urgent pointer have not been read, whether they have arrived or
 * not (RFC 9293 MUST-33); the last of them is the one that MSG_OOB marks. 0: no urgent data.
 * BAD_HANDLE. LA_READY_URGENT says when it grows from 0, or the pointer advances. */
la_ssize la_conn_urgent(const struct la_stack *stack, la_handle conn);
/* CLOSE: no more to send; receiving goes on (half-close, shutdown(SHUT_WR)). Before the SYN was
 * answered it ends the connection. Again, or after the end: OK, and nothing happens. */
la_err la_conn_close(struct la_stack *stack, la_handle conn, la_instant now);
/* The application will not read any more: what arrives is acknowledged and discarded
 * (shutdown(SHUT_RD) as Linux has it). */
la_err la_conn_close_read(struct la_stack *stack, la_handle conn, la_instant now);
/* ABORT: RST to the peer, everything discarded; the handle is dead. */
la_err la_conn_abort(struct la_stack *stack, la_handle conn, la_instant now);
/* Gives the handle up, as close() does: CLOSE if that was not done, RST instead of FIN when unread
 * data is there (RFC 1122 4.2.2.13), and timers end what remains. */
la_err la_conn_release(struct la_stack *stack, la_handle conn, la_instant now);

/* How text met congestion, where accurate ECN is agreed (RFC 9768 3.2): packets that were marked
 * (CE), and octets of text by IP's ECN field. Modulo 2^32. */
struct la_conn_marks {
    uint32_t ce_n, ce_bytes, ect_0_bytes, ect_1_bytes;
};

/* STATUS. Fields are only ever added at the end. */
struct la_conn_status {
    struct la_endpoint local, remote;
    uint8_t state;              /* enum la_tcp_state */
    bool passive;
    la_err err;                 /* why it ended; LA_OK = it did not, or orderly */
    la_err err_soft;            /* latest ICMP advice (RFC 1122 4.2.3.9) */
    uint32_t ready;             /* LA_READY_* as of now, level */
    uint32_t mss_send, mss_receive;
    uint32_t snd_wnd, rcv_wnd;
    uint8_t wscale_send, wscale_receive; /* 255 = no scaling */
    bool timestamps, sack, ecn;
    uint32_t send_queue_bytes;  /* accepted, not yet acknowledged */
    uint32_t unsent_bytes;      /* accepted, never sent */
    uint32_t receive_queue_bytes;
    uint32_t out_of_order_bytes;
    uint32_t cwnd_bytes, ssthresh_bytes, flight_bytes;
    uint32_t srtt_us, rttvar_us, rto_us, rtt_us_min;
    uint64_t bytes_sent, bytes_acked, bytes_received, bytes_retransmitted;
    uint32_t segments_sent, segments_received, retransmissions_n, rto_n, fast_retransmits_n,
        duplicate_acks_n;
    uint8_t backoff_n;
    uint8_t timer;              /* enum la_timer_kind that runs, 255 = none */
    la_instant timer_at;
    uint64_t user;
    uint32_t urgent_unread_bytes;  /* la_conn_urgent() */
    uint32_t urgent_unacked_bytes; /* accepted up to SND.UP, not yet acknowledged */
    la_instant ack_at;          /* when the delayed ACK goes out; NEVER = none, or at once */
    la_instant keepalive_at;    /* the next probe; NEVER = off */
    la_instant heard_at;        /* the latest segment of the peer */
    uint32_t sndbuf_bytes, rcvbuf_bytes;
    uint8_t keepalive_sent_n;   /* probes without an answer */
    uint8_t phase;              /* enum la_cc_phase */
    bool owned;                 /* the application holds the handle */
    bool half_open;             /* stands in a listener's SYN queue */
    bool accept_waits;          /* complete, in a listener's accept queue */
    char congestion_control[16];
    uint32_t stalled_ms;        /* octets wait, and for so long none was acknowledged */
    /* How it gets on. The times begin anew after a rest: nothing was queued or in flight. */
    uint64_t bytes_delivered;   /* acknowledged or SACKed */
    uint64_t delivery_rate;     /* octets/s delivered in the latest round trip; 0: unknown */
    uint64_t pacing_rate;       /* octets/s at which segments may leave; 0: as the window allows */
    uint64_t busy_us;           /* text was queued or in flight */
    uint64_t rwnd_limited_us;   /* of that, the peer's window was the limit */
    uint64_t sndbuf_limited_us; /* of that, all was sent, and a writer waited for room */
    uint32_t lost_bytes;        /* in flight, found lost, and not sent again yet */
    uint32_t reordering_us;     /* RACK waits so long for what may only be late (RFC 8985 6) */
    uint32_t user_timeout_ms;   /* in force; 0 = R2 alone */
    bool reordering;            /* the path has reordered */
    bool disordered;            /* a duplicate or selective ACK came, and no recovery began */
    bool reduced;               /* cwnd, for a mark of congestion in the window of data in flight */
    uint32_t again_bytes;       /* sent again, not arrived: of the first 64 ranges of the board */
    uint32_t reorder_bytes;     /* what was SACKed came so far behind what had been */
    la_instant text_at;         /* text came, or our SYN was answered; NEVER: it is forgotten */
    uint16_t mss_received;      /* of text: the largest segment of the peer */
    la_instant sent_at;         /* the latest text sent, to a millisecond */
    uint64_t pacing_rate_max;   /* the application's bound; 0: none */
    bool fast_opened;           /* text went with the SYN and was taken (RFC 7413) */
    bool accurate_ecn;          /* RFC 9768 is agreed, */
    bool sends_ect;             /* and new text goes as ECT(0): so it does with RFC 3168 */
    struct la_conn_marks marked_in, marked_out; /* what we received, and what the peer has */
};
/* Of a connection that rests in TIME-WAIT without an owner, state, endpoints, timer, RCV.WND and
 * what was agreed are known; the rest is 0, and heard_at NEVER. */
la_err la_conn_status(const struct la_stack *stack, la_handle conn, struct la_conn_status *out);

/* The congestion controls, numbered from 0 on in no order that stays. -1, NULL: there is none. */
int la_congestion_find(const char *name);
const char *la_congestion_name(int control);

/* TCP Fast Open (RFC 7413), active. With la_tcp_cfg.fast_open a connection that was just opened
 * takes text that is sent (la_conn_send()) before the next la_stack_output(): that goes with the
 * SYN, up to so many octets; 0: no cookie is known, or the SYN has gone. The rest follows as ever,
 * and so does what the peer does not take. BAD_HANDLE. */
la_err la_conn_fast_open_room(const struct la_stack *stack, la_handle conn, uint32_t *out);
/* Is there a cookie for that address, which may be used now? */
bool la_stack_fast_open_known(const struct la_stack *stack, const struct la_addr *remote);
/* Forgets the cookies that peers have given us, and which peers do without. */
void la_stack_fast_open_forget(struct la_stack *stack);
/* Passive: the key of cookies, as Linux has it (TCP_FASTOPEN_KEY), so that hosts behind one address
 * can share it. Cookies of the key before it still count. Without, keys are drawn, and change every
 * 12 hours. */
enum { LA_FAST_OPEN_KEY_BYTES = 16 };
void la_stack_fast_open_key_set(struct la_stack *stack, const uint8_t key[LA_FAST_OPEN_KEY_BYTES]);

enum la_conn_option {
    LA_OPT_NAGLE,            /* 0, 1 */
    LA_OPT_KEEPALIVE,        /* 0, 1 */
    LA_OPT_KEEPALIVE_IDLE_S,
    LA_OPT_KEEPALIVE_INTERVAL_S,
    LA_OPT_KEEPALIVE_PROBES_N,
    LA_OPT_SNDBUF_BYTES,
    LA_OPT_RCVBUF_BYTES,     /* growing takes effect at once, shrinking never moves the edge left */
    LA_OPT_USER_TIMEOUT_MS,
    LA_OPT_R2_N,
    LA_OPT_TTL_HOPS,
    LA_OPT_DSCP_ECN,         /* best set once: changing it reorders segments (RFC 9293 SHLD-23) */
    LA_OPT_CORK,             /* 1: send only full segments; 0 pushes */
    LA_OPT_QUICK_ACK,        /* 1: no delayed ACKs */
    LA_OPT_MSS_MAX,          /* before OPEN */
    LA_OPT_RELEASE_RESETS,   /* 1: la_conn_release() aborts (SO_LINGER with 0 seconds) */
    LA_OPT_CONGESTION,       /* la_congestion_find(); at any time, the window stays */
    LA_OPT_PACING_RATE_MAX,  /* octets/s at most, kept to a thousandth; 0: no bound */
    LA_OPT_NOTSENT_LOWAT_BYTES, /* no room while so much is unsent; 0: tcp.notsent_lowat_bytes */
    LA_OPT_R2_SYN_N,         /* retransmissions of the SYN, also while it is on its way */
    LA_OPT_COUNT
};
/* NO_SUCH_OPTION, BAD_ARGUMENT (out of range), BAD_HANDLE. Values out of a sensible range that
 * other stacks clamp are clamped. */
la_err la_conn_option_set(struct la_stack *stack, la_handle conn, enum la_conn_option opt,
                          int64_t value, la_instant now);
la_err la_conn_option_get(const struct la_stack *stack, la_handle conn, enum la_conn_option opt,
                          int64_t *out);
la_err la_conn_user_set(struct la_stack *stack, la_handle conn, uint64_t user);
/* Walks all connections, half-open and TIME-WAIT ones too: start with *cursor 0; false at the end.
 * One call looks at 256 records at most: *out is 0 when it met no connection, and the walk goes on.
 * Connections may come and go in between; one that stays as it is is met once. Handles of those
 * that the application does not hold (released, or not yet accepted) serve la_conn_status() and
 * la_conn_option_get() alone; the handle of a half-open one ends when it is complete, that of one
 * that was released when it rests in TIME-WAIT, where another names what is left of it. */
bool la_conn_next(const struct la_stack *stack, uint32_t *cursor, la_handle *out);
/* How many connections are in each state (array of LA_TCP_STATE_COUNT). O(1). */
void la_stack_state_counts(const struct la_stack *stack, uint32_t *out);

/* ---- listeners -------------------------------------------------------------------------- */

/* OPEN, passive. local.addr any: every address of this host; local.port 0: a random free one.
 * backlog is clamped to 1 .. accept_queue_n_max. `cfg` NULL: the instance's defaults; copied.
 * ADDRESS_IN_USE, ADDRESS_NOT_AVAILABLE, BAD_ARGUMENT (cfg), LIMIT, NO_MEMORY. */
la_err la_listener_open(struct la_stack *stack, const struct la_endpoint *local, uint32_t backlog,
                        const struct la_tcp_cfg *cfg, la_handle *out, la_instant now) LA_MUST_CHECK;
/* The same with more to say. */
struct la_listener_cfg {
    struct la_endpoint local;
    uint32_t backlog;
    const struct la_tcp_cfg *tcp; /* NULL: the instance's defaults */
    bool v6only;                  /* :: takes no IPv4 */
    bool shared; /* with other shared ones at the same address and port: the four-tuple of a new
                    connection decides which of them it goes to */
};
la_err la_listener_open_cfg(struct la_stack *stack, const struct la_listener_cfg *cfg,
                            la_handle *out, la_instant now) LA_MUST_CHECK;
/* A connection in ESTABLISHED (or further), the oldest; AGAIN when there is none. */
la_err la_listener_accept(struct la_stack *stack, la_handle listener, la_handle *out,
                          la_instant now) LA_MUST_CHECK;
/* Clamped as for la_listener_open(); those beyond it that are complete stay. */
la_err la_listener_backlog_set(struct la_stack *stack, la_handle listener, uint32_t backlog);
/* How connections begin whose SYN comes later. BAD_ARGUMENT, BAD_HANDLE. */
la_err la_listener_tcp_cfg_set(struct la_stack *stack, la_handle listener,
                               const struct la_tcp_cfg *cfg);
la_err la_listener_user_set(struct la_stack *stack, la_handle listener, uint64_t user);
/* Connections not yet accepted, half-open ones too, are reset. */
la_err la_listener_close(struct la_stack *stack, la_handle listener, la_instant now);
struct la_listener_status {
    struct la_endpoint local;
    uint32_t backlog_n, accept_queue_n, syn_queue_n;
    uint64_t accepted_n, syn_dropped_n, accept_dropped_n;
    uint32_t syn_queue_n_max;
    uint64_t user;
    uint64_t cookies_sent_n, cookies_taken_n, cookies_bad_n; /* SYN cookies */
    uint64_t fast_opens_n;      /* TCP Fast Open: opened by a cookie, */
    uint32_t fast_open_pending_n; /* and how many of these count towards fast_open_n_max now */
};
la_err la_listener_status(const struct la_stack *stack, la_handle listener,
                          struct la_listener_status *out);
/* Walks all listeners, as la_conn_next() does connections. */
bool la_listener_next(const struct la_stack *stack, uint32_t *cursor, la_handle *out);

/* ---- the forwarder: any address, any port, decided before the SYN,ACK ------------------- */

/* Interfaces with any_address announce each new SYN that no listener takes as
 * LA_STACK_EV_REQUEST. Repeated SYNs are absorbed, a RST cancels it. */
struct la_forward_request {
    struct la_endpoint local;  /* where the peer wanted to go */
    struct la_endpoint remote; /* the peer */
};
enum la_forward_answer {
    LA_FORWARD_RESET,              /* connection refused */
    LA_FORWARD_SILENCE,            /* as if filtered: the peer will time out */
    LA_FORWARD_HOST_UNREACHABLE,   /* ICMP */
    LA_FORWARD_NET_UNREACHABLE,
    LA_FORWARD_PROHIBITED          /* ICMP, administratively prohibited */
};
/* Whose request it is. */
la_err la_forward_request(const struct la_stack *stack, la_handle request,
                          struct la_forward_request *out);
/* SYN,ACK is sent now; the connection becomes ESTABLISHED later (LA_READY_OPEN). The request's
 * handle is dead. BAD_ARGUMENT (cfg), and the request waits on. */
la_err la_forward_accept(struct la_stack *stack, la_handle request, const struct la_tcp_cfg *cfg,
                         la_handle *out, la_instant now) LA_MUST_CHECK;
/* The request's handle is dead. */
la_err la_forward_reject(struct la_stack *stack, la_handle request, enum la_forward_answer answer,
                         la_instant now);
/* Walks all requests that wait for an answer, as la_conn_next() does connections. */
bool la_forward_next(const struct la_stack *stack, uint32_t *cursor, la_handle *out);

/* ---- UDP -------------------------------------------------------------------------------- */

/* local.port 0: a random free one. local.port 0 with `any_port` on an any_address interface:
 * every datagram that no other socket takes (the forwarder's side). ADDRESS_IN_USE,
 * ADDRESS_NOT_AVAILABLE, BAD_ARGUMENT (any_port with an address or a port), LIMIT, NO_MEMORY. */
la_err la_udp_open(struct la_stack *stack, const struct la_endpoint *local, bool any_port,
                   la_handle *out) LA_MUST_CHECK;
/* Where datagrams go to and may come from; remote NULL: anywhere again. NO_ROUTE, BAD_FAMILY,
 * BAD_ARGUMENT (port 0, an any_port socket). */
la_err la_udp_connect(struct la_stack *stack, la_handle udp, const struct la_endpoint *remote);
/* Returns octets. remote NULL: the connected one. local NULL (or any): by the route; an any_port
 * socket must say its port. A datagram is never fragmented. MESSAGE_TOO_BIG (for the MTU), AGAIN
 * (the interface has its queue full), NO_DESTINATION, NO_ROUTE, BAD_ARGUMENT (port 0), BAD_FAMILY,
 * ADDRESS_NOT_AVAILABLE, NO_MEMORY; a pending ICMP error of a connected socket, once. */
la_ssize la_udp_send(struct la_stack *stack, la_handle udp, const struct la_endpoint *local,
                     const struct la_endpoint *remote, struct la_bytes bytes, la_instant now);
/* The next datagram, cut to room.n; *full_n its true length. AGAIN; PORT_UNREACHABLE and other ICMP
 * errors of a connected socket are reported once. */
la_ssize la_udp_receive(struct la_stack *stack, la_handle udp, struct la_room room, size_t *full_n,
                        struct la_udp_from *from);
/* Tells the sender of the last datagram received that nobody is there (ICMP port unreachable). */
la_err la_udp_refuse(struct la_stack *stack, la_handle udp, const struct la_udp_from *to,
                     la_instant now);
/* RFC 1122 4.1.4. NO_SUCH_OPTION, BAD_ARGUMENT, BAD_HANDLE. */
la_err la_udp_option_set(struct la_stack *stack, la_handle udp, enum la_udp_option opt,
                         int64_t value);
/* Is there a datagram, or an error, to receive now? */
bool la_udp_readable(const struct la_stack *stack, la_handle udp);
la_err la_udp_local(const struct la_stack *stack, la_handle udp, struct la_endpoint *out);
la_err la_udp_user_set(struct la_stack *stack, la_handle udp, uint64_t user);
la_err la_udp_status(const struct la_stack *stack, la_handle udp, struct la_udp_status *out);
/* Walks all UDP sockets, as la_conn_next() does connections. */
bool la_udp_next(const struct la_stack *stack, uint32_t *cursor, la_handle *out);
la_err la_udp_close(struct la_stack *stack, la_handle udp);

/* ---- counters --------------------------------------------------------------------------- */

/* Valid as long as the instance; counts go on. */
const struct la_stack_stats *la_stack_stats(const struct la_stack *stack);

LA_API_END

#endif

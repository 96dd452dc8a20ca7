/* SPDX-License-Identifier: MIT
 *
 * lab.h - the hands of a scenario: it opens, sends, waits, and checks what it has shown
 *
 * A scenario plays on a fresh bed. Its applications are simple: each end has one connection at a
 * time, reads what arrives unless told not to, and knows which octets the other end sends. Calls
 * come back when everything that could happen at that instant has happened; time passes only in
 * la_lab_run() and la_lab_await_*().
 *
 * The first thing that goes wrong is kept in `failure`; from then on nothing waits any more, so
 * that a scenario needs no error handling of its own.
 */
#ifndef LA_LAB_LAB_H
#define LA_LAB_LAB_H

#include "lab/bed.h"

enum { LA_LAB_PORT = 4242, LA_LAB_BACKLOG_N = 8, LA_LAB_TEXT_BYTES = 240 };

/* Which packets of one end the wire loses. Zeroed: none. */
struct la_lab_pick {
    uint16_t flags_mask, flags; /* (SEG flags & flags_mask) == flags */
    uint32_t text_bytes_min;   /* carries at least so many octets … */
    uint32_t text_bytes_max;   /* … and at most so many; UINT32_MAX = any */
    uint32_t spare_n;          /* the first so many that fit are let through */
    uint32_t times_n;          /* then so many are lost; UINT32_MAX = all */
    uint32_t between_n;        /* and so many let through between two of them */
    uint32_t seen_n, lost_n;   /* what came of it */
};

struct la_lab_end {
    la_handle conn;      /* the latest connection, 0 = none yet */
    struct la_endpoint remote; /* its peer */
    uint8_t state;       /* enum la_tcp_state of it, as its events tell */
    bool reads;          /* takes what arrives at once; default on */
    bool closes;         /* CLOSE as soon as the peer's FIN was read; default off */
    bool end_read;       /* the peer's FIN was read */
    bool wrong;          /* something was received that had not been sent */
    uint64_t to_send_n;  /* octets not yet taken by SEND */
    uint64_t sent_n;     /* octets taken by SEND */
    uint64_t received_n;
    uint64_t urgent_end; /* received_n when urgent data was last all read, 0 = never */
    la_err err;          /* the error that ended it */
};

struct la_lab;

/* Is it an event that the ladder does not show? The lab's applications have nothing to do with a
 * connection whose changes of state are hidden. It sees every event, in order. */
typedef bool la_lab_hides(const struct la_lab *lab, const struct la_event *event);

struct la_lab {
    struct la_bed *bed;
    la_handle listener;
    bool accepts;        /* the server takes connections as they come; default on */
    struct la_lab_end end[2];
    struct la_lab_pick pick[2];
    void *own;           /* the part's own notes, for its words below the ladder */
    size_t mark;         /* checks look at events from here on */
    la_lab_hides *hides; /* NULL: nobody */
    char failure[LA_LAB_TEXT_BYTES]; /* empty: none */
};

/* The lab's own ear and application, which the bed's configuration needs: call it before
 * la_bed_new(), and set lab->bed after it. */
void la_lab_init(struct la_lab *lab, struct la_bed_cfg *cfg);

/* ---- lab.c: doing ----------------------------------------------------------------------- */

/* "client" or "server". */
const char *la_lab_end_name(int end);
/* The server's endpoint. */
struct la_endpoint la_lab_server(bool v6);

/* Passive OPEN at LA_LAB_PORT of any address of the server. */
void la_lab_listen(struct la_lab *lab, uint32_t backlog_n);
/* Active OPEN of `end` from `port` (0 = any) to `remote`. */
void la_lab_open(struct la_lab *lab, int end, uint16_t port, const struct la_endpoint *remote);
/* Listens, opens from the client, and waits until both ends are in ESTABLISHED. */
void la_lab_establish(struct la_lab *lab);

/* SEND of n octets: what is not taken now is handed over as there is room. */
void la_lab_send(struct la_lab *lab, int end, uint64_t n);
/* SEND of n urgent octets; there must be room for them. */
void la_lab_send_urgent(struct la_lab *lab, int end, uint64_t n);
void la_lab_close(struct la_lab *lab, int end);
/* SEND and CLOSE at once: the FIN can travel with the octets. */
void la_lab_send_close(struct la_lab *lab, int end, uint64_t n);
void la_lab_abort(struct la_lab *lab, int end);
/* The application begins to read (and reads all there is), or stops. */
void la_lab_reads(struct la_lab *lab, int end, bool reads);
/* One RECEIVE of n octets (up to 4096), which must be there. */
void la_lab_read(struct la_lab *lab, int end, size_t n);
/* The server takes all connections that wait, and those to come. */
void la_lab_accepts(struct la_lab *lab);
/* From now on, in place of the previous choice. */
void la_lab_lose(struct la_lab *lab, int from_end, struct la_lab_pick pick);

/* Of the server's stack. */
void la_lab_set(struct la_lab *lab, enum la_setting setting, int64_t value);
/* The queues of the server's listener. */
struct la_listener_status la_lab_queues(struct la_lab *lab);

/* ---- lab.c: waiting --------------------------------------------------------------------- */

void la_lab_run(struct la_lab *lab, uint32_t ms);
/* Until `done` says so; false when it has not in half an hour, or something failed before. These
 * below fail then. */
bool la_lab_await(struct la_lab *lab, la_bed_done *done, void *ctx);
void la_lab_await_state(struct la_lab *lab, int end, enum la_tcp_state state);
void la_lab_await_octets(struct la_lab *lab, int end, uint64_t received_n);
/* So many events of that kind and detail (see la_lab_count()) at `end` since the mark. */
void la_lab_await_count(struct la_lab *lab, int end, enum la_event_kind kind, unsigned detail,
                        size_t n);
/* Until nothing can happen any more: all timers are over, TIME-WAIT too. */
void la_lab_await_quiet(struct la_lab *lab);

/* ---- check.c: was it shown? ------------------------------------------------------------- */

/* The first failure is kept. */
void la_lab_expect(struct la_lab *lab, bool ok, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Checks look only at what happens from now on. */
void la_lab_mark(struct la_lab *lab);
/* The states of a connection, from the one before its first event to the last, 0 at the end. */
void la_lab_expect_path(struct la_lab *lab, int end, la_handle conn, const uint8_t *path);
/* All segments in the order in which they were sent: "C:S S:SA C:A", FIN F, RST R, PSH P. */
void la_lab_expect_flow(struct la_lab *lab, const char *flow);
/* What `end` has received: n octets, those that were sent. */
void la_lab_expect_octets(struct la_lab *lab, int end, uint64_t n);

/* Was there so much time between two events? A timer may be a little late, never early: the
 * wheel behind it has ticks. */
bool la_lab_apart(const struct la_event *before, const struct la_event *after, int64_t us);

/* Matches any detail in la_lab_count() and la_lab_find(). */
enum { LA_LAB_ANY = 0xffff };
/* Events of `end`: SEGMENT_SENT by cause, DROP by reason, WIRE by fate, TIMER by kind, WINDOW by
 * `ours`, STATE by the state entered, ECN by step, LOSS by
 * rule. */
size_t la_lab_count(const struct la_lab *lab, int end, enum la_event_kind kind, unsigned detail);
/* The nth of them, from 0; NULL when there are fewer. */
const struct la_event *la_lab_find(const struct la_lab *lab, int end, enum la_event_kind kind,
                                   unsigned detail, size_t nth);
/* The nth segment that `end` sent whose flags under `mask` are `flags`. */
const struct la_event *la_lab_sent(const struct la_lab *lab, int end, uint16_t mask, uint16_t flags,
                                   size_t nth);

#endif

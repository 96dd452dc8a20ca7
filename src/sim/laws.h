/* SPDX-License-Identifier: MIT
 *
 * laws.h - what holds at every event of every run (law.def), one function per law
 *
 * Each is given what has just happened and compares it with what the run knows from elsewhere: what
 * applications sent, what was on the wire (track.h), what was done to it. conn and end name whose
 * end something happened at; end 0 is the client.
 */
#ifndef LA_SIM_LAWS_H
#define LA_SIM_LAWS_H

#include "sim/world.h"

/* ---- what several laws ask --------------------------------------------------------------- */

static inline const char *
la_sim_end_name(unsigned end)
{
    return end == 0 ? "client" : "server";
}

static inline void
la_sim_checked(struct la_sim_world *world, enum la_sim_law law)
{
    world->counts.checked[law]++;
}

/* Does the server take text that comes with a SYN? */
static inline bool
la_sim_takes_early(const struct la_sim_world *world, const struct la_sim_conn *c)
{
    return world->host[c->app[1].host].cfg.tcp.fast_open_n_max != 0;
}

/* Has a listener's queue been full? Then a SYN may be left without an answer. */
static inline bool
la_sim_was_full(const struct la_sim_host *host)
{
    if (host->stack == NULL)
        return false;
    const uint64_t *reason = la_stack_stats(host->stack)->reason;
    return reason[LA_REASON_SYN_QUEUE_FULL] + reason[LA_REASON_ACCEPT_QUEUE_FULL] != 0;
}

/* n octets were read. */
void la_sim_law_prefix(struct la_sim_world *world, unsigned conn, unsigned end,
                       struct la_bytes octets);
/* A listener handed out a connection; conn as the tracker knows it, LA_SIM_NO_CONN = not at all. */
void la_sim_law_accepted(struct la_sim_world *world, unsigned conn);
void la_sim_law_end_of_stream(struct la_sim_world *world, unsigned conn, unsigned end);
/* The stack said that so many octets up to the urgent pointer are not read yet. */
void la_sim_law_urgent(struct la_sim_world *world, unsigned conn, unsigned end, uint64_t unread_n);
void la_sim_law_error(struct la_sim_world *world, unsigned conn, unsigned end, la_err err);
/* A stack told a change of state; `before` is what it told last for that handle, 0 = nothing. */
void la_sim_law_edge(struct la_sim_host *host, const struct la_event *event, unsigned before);
/* The same change of state, as the observer has to allow for it (tap.c). */
void la_sim_law_possible(struct la_sim_host *host, const struct la_event *event);
/* After everything a host did. */
void la_sim_law_memory(struct la_sim_host *host);
/* The host's memory is gone: nothing is left. */
void la_sim_law_memory_end(struct la_sim_host *host, const struct la_mem_stats *left);

/* ---- law_sent.c ------------------------------------------------------------------------- */

/* A RST is sent. What an earlier connection of the same ports is owed may leave late, and has other
 * numbers. */
void la_sim_law_reset(struct la_sim_world *world, unsigned conn, unsigned end,
                      const struct la_tcp_seg *seg);
/* A segment with ACK is sent that offers a window up to `edge`. */
void la_sim_law_right_edge(struct la_sim_world *world, unsigned conn, unsigned end,
                           const struct la_tcp_seg *seg, la_seq edge);
/* A segment that takes up sequence space is sent. */
void la_sim_law_in_window(struct la_sim_world *world, unsigned conn, unsigned end,
                          const struct la_tcp_seg *seg);
void la_sim_law_sequence(struct la_sim_world *world, unsigned conn, unsigned end,
                         const struct la_tcp_seg *seg);
/* An acknowledgement is sent that takes up no sequence space. */
void la_sim_law_quiet(struct la_sim_world *world, unsigned conn, unsigned end);

/* ---- law_marks.c: accurate ECN ----------------------------------------------------------- */

/* What the record that a packet is for said before its burst arrived. */
struct la_sim_marks_before {
    bool known;  /* there is one, and accurate ECN is agreed */
    bool up;     /* behind the handshake */
    bool gap;    /* text waits behind RCV.NXT for what lacks */
    uint16_t smss;
    la_seq iss, snd_una, rcv_nxt;
    uint32_t flight_bytes;
    struct la_tcp_marks r, s;
};
/* Of each packet of a burst, before it is given to the stack, and afterwards. */
void la_sim_law_marks_before(const struct la_sim_host *host,
                             struct la_sim_packet *const *packets, size_t n,
                             struct la_sim_marks_before *before);
void la_sim_law_marks_after(const struct la_sim_host *host, struct la_sim_packet *const *packets,
                            size_t n, const struct la_sim_marks_before *before);
/* A packet leaves; notes in it what its sender had counted. */
void la_sim_law_marks_sent(struct la_sim_host *host, struct la_sim_packet *packet);

/* ---- law_end.c -------------------------------------------------------------------------- */

/* Nobody holds a handle and nothing is under way any more. */
void la_sim_law_ends(struct la_sim_host *host);
/* Every `bound_ns` since the network has healed. */
void la_sim_law_progress(struct la_sim_world *world);
/* All applications are done. */
void la_sim_law_complete(struct la_sim_world *world);

/* Has something happened to it that an orderly end need not be expected after? */
bool la_sim_is_disturbed(const struct la_sim_world *world, const struct la_sim_conn *conn);

#endif

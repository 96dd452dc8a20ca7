/* SPDX-License-Identifier: MIT
 *
 * lastack/tcp.h - the vocabulary of TCP: states, events of the figure, reasons
 *
 * The state figure (RFC 9293 figure 5) is data, shared by the stack that does TCP and by the
 * analyser that watches it.
 */
#ifndef LASTACK_TCP_H
#define LASTACK_TCP_H

#include <lastack/wire.h>

LA_API_BEGIN

/* RFC 9293 3.3.2. Values are stable (they stand in captures and JSON by name only). */
enum la_tcp_state {
    LA_TCP_CLOSED = 1,
    LA_TCP_LISTEN,
    LA_TCP_SYN_SENT,
    LA_TCP_SYN_RECEIVED,         /* from a passive OPEN */
    LA_TCP_SYN_RECEIVED_ACTIVE,  /* from an active OPEN (simultaneous open); prints SYN-RECEIVED */
    LA_TCP_ESTABLISHED,
    LA_TCP_FIN_WAIT_1,
    LA_TCP_FIN_WAIT_2,
    LA_TCP_CLOSE_WAIT,
    LA_TCP_CLOSING,
    LA_TCP_LAST_ACK,
    LA_TCP_TIME_WAIT,
    LA_TCP_STATE_COUNT
};

/* What moves a connection along the figure. */
enum la_tcp_event {
#define EVENT(name, text) LA_TCP_EV_##name,
#include <lastack/tcp_event.def>
#undef EVENT
    LA_TCP_EV_COUNT
};

/* Why a segment was dropped, ignored, answered specially or remarked upon. */
enum la_reason {
    LA_REASON_NONE = 0,
#define REASON(name, section, text) LA_REASON_##name,
#include <lastack/reason.def>
#undef REASON
    LA_REASON_COUNT
};

/* Whose spelling of the states: SYN-RECEIVED, SYN_RECV or SYN_RCVD. */
enum la_names { LA_NAMES_RFC, LA_NAMES_LINUX, LA_NAMES_BSD, LA_NAMES_COUNT };

/* "SYN-RECEIVED" or "SYN_RECV"; "?" for a value that is no state. Pure, never NULL. */
const char *la_tcp_state_name(enum la_tcp_state state, enum la_names names);
/* Every spelling of RFC, Linux and BSD tools, any case, '-' and '_' alike. 0 = not a state. */
enum la_tcp_state la_tcp_state_parse(const char *text);
/* The same, or a group of ss(8): all, connected (neither LISTEN nor CLOSED), synchronized (those
 * but SYN-SENT), bucket (SYN-RECEIVED and TIME-WAIT), big (all but bucket). Bits 1 << state; 0 =
 * neither a state nor a group. */
uint32_t la_tcp_states_parse(const char *text);
/* "rfc", "linux" or "bsd". False: none of them. */
bool la_names_parse(const char *text, enum la_names *out);
/* "RCV_SYN_ACK" and a sentence: "a SYN,ACK arrives". */
const char *la_tcp_event_name(enum la_tcp_event event);
const char *la_tcp_event_text(enum la_tcp_event event);
/* "SEQ_OUTSIDE_WINDOW", "RFC 9293 3.10.7.4 first", "segment outside the receive window". */
const char *la_reason_name(enum la_reason reason);
const char *la_reason_section(enum la_reason reason);
const char *la_reason_text(enum la_reason reason);

LA_API_END

#endif

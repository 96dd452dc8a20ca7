/* SPDX-License-Identifier: MIT
 *
 * script.h - a packet script as it was read: configuration, events, values
 *
 * docs/drill.md is the language. Everything here lies in the script's own memory, which is bounded,
 * and ends with it. Reading never touches a stack: it is a function of the text and the defines.
 */
#ifndef LA_DRILL_SCRIPT_H
#define LA_DRILL_SCRIPT_H

#include <lastack/base.h>

enum {
    LA_DRILL_TEXT_BYTES_MAX = 1 << 20,   /* of a script */
    LA_DRILL_MEMORY_BYTES_MAX = 16 << 20, /* that reading one may take */
    LA_DRILL_EVENTS_N_MAX = 20000,
    LA_DRILL_OPTIONS_BYTES_MAX = 40,
    LA_DRILL_DEPTH_MAX = 16,             /* of nested values */
    LA_DRILL_PAYLOAD_BYTES_MAX = 65000,  /* of one packet */
    LA_DRILL_CALL_BYTES_MAX = 64 << 20,  /* that one call may move */
    LA_DRILL_MESSAGE_BYTES = 512
};

/* ---- memory and mistakes ---------------------------------------------------------------- */

struct la_drill_arena {
    struct la_drill_piece *pieces;
    size_t left_n;  /* in the first piece */
    size_t taken_n;
};

/* Zeroed; NULL when the bound or the memory is reached. */
void *la_drill_take(struct la_drill_arena *arena, size_t n);
void la_drill_arena_fini(struct la_drill_arena *arena);

/* Where and what: one line, without line end. */
struct la_drill_mistake {
    uint32_t line;
    char text[LA_DRILL_MESSAGE_BYTES];
};

/* ---- values of calls -------------------------------------------------------------------- */

enum la_drill_value_kind {
    LA_DRILL_ELLIPSIS, /* ... */
    LA_DRILL_INT,      /* a number, a name, or several joined by | */
    LA_DRILL_STRING,
    LA_DRILL_LIST,     /* [a, b] */
    LA_DRILL_STRUCT,   /* {a = 1, b = 2}, also {a, 2}: then without names */
    LA_DRILL_WRAPPED   /* htons(8080), inet_addr("1.2.3.4"): name and one value */
};

struct la_drill_value {
    uint8_t kind; /* enum la_drill_value_kind */
    int64_t number;
    struct la_bytes text;  /* STRING: octets; WRAPPED: its name; INT: as written */
    const char *field;     /* inside a STRUCT: its name, or NULL */
    struct la_drill_value *first; /* LIST, STRUCT, WRAPPED */
    struct la_drill_value *next;
    uint32_t count;        /* of what `first` begins */
};

/* ---- events ----------------------------------------------------------------------------- */

enum la_drill_clock {
    LA_DRILL_RELATIVE, /* +0.1 */
    LA_DRILL_ABSOLUTE, /* 0.1 */
    LA_DRILL_ANY       /* * */
};

struct la_drill_when {
    uint8_t clock;    /* enum la_drill_clock */
    bool has_range;   /* A~B: anywhere between */
    bool has_end;     /* A...B: a call that begins at A and returns at B */
    int64_t from_us;
    int64_t until_us; /* of a range, or the return */
};

struct la_drill_call {
    const char *name;
    struct la_drill_value *args; /* list */
    uint32_t args_n;
    bool any_result;             /* = ... or none given */
    int64_t result;
    const char *error;           /* "EAGAIN", NULL = none */
};

enum la_drill_option_kind {
    LA_DRILL_OPT_MSS,
    LA_DRILL_OPT_NOP,
    LA_DRILL_OPT_EOL,
    LA_DRILL_OPT_WSCALE,
    LA_DRILL_OPT_SACK_OK,
    LA_DRILL_OPT_SACK,
    LA_DRILL_OPT_TS,
    LA_DRILL_OPT_RAW /* octets as written */
};

struct la_drill_option {
    uint8_t kind; /* enum la_drill_option_kind */
    uint8_t sack_n;
    uint32_t a, b; /* the number; TS: val, ecr */
    uint32_t left[4], right[4];
    struct la_bytes raw;
    struct la_drill_option *next;
};

enum la_drill_protocol { LA_DRILL_TCP, LA_DRILL_UDP, LA_DRILL_ICMP };

struct la_drill_packet {
    bool out;          /* > : the stack sends it */
    uint8_t protocol;  /* enum la_drill_protocol */
    bool has_ports, has_ack, has_win, has_urg, any_options, has_ecn, has_ttl, bad_checksum, has_tos;
    bool has_seq;      /* ICMP: of the quoted segment */
    bool any_ecn;      /* ECT(0) or ECT(1) */
    uint16_t src_port, dst_port;
    uint8_t ecn, tos, ttl;
    uint16_t flags;    /* LA_TCP_* */
    uint8_t reserved;  /* four bits, the lowest of them AE */
    uint8_t icmp_type, icmp_code;
    uint32_t seq, len, ack, mtu;
    uint32_t echo_id, echo_seq; /* of an ICMP echo */
    uint16_t win, urg;
    struct la_drill_option *options;
    bool has_text;     /* "octets" were written; else the stream's own */
    struct la_bytes text;
};

enum la_drill_event_kind { LA_DRILL_PACKET, LA_DRILL_CALL, LA_DRILL_CHECK, LA_DRILL_COMMAND };

struct la_drill_event {
    uint8_t kind; /* enum la_drill_event_kind */
    uint32_t line;
    struct la_drill_when when;
    struct la_drill_packet *packet;
    struct la_drill_call *call;
    struct la_bytes code; /* CHECK, COMMAND: what stands between %{ and }%, or backquotes */
    struct la_bytes source; /* as written, for messages */
    struct la_drill_event *next;
};

/* ---- configuration ---------------------------------------------------------------------- */

struct la_drill_define {
    const char *name, *value;
    struct la_drill_define *next;
};

enum la_drill_strict {
    LA_DRILL_STRICT_BY_ORIGIN, /* scripts for other stacks are judged as packetdrill does */
    LA_DRILL_STRICT,
    LA_DRILL_LENIENT
};

struct la_drill_cfg {
    bool v6;
    bool mapped; /* packets are of IPv4, sockets of IPv6 */
    struct la_addr local, remote;
    bool has_local, has_remote;
    uint16_t bind_port, connect_port, peer_port;
    uint32_t mtu_bytes;
    int64_t tolerance_us;
    uint8_t strict;            /* enum la_drill_strict */
    bool strict_segments;      /* each packet has a line */
    int32_t tolerance_permill; /* of the time since the event before; -1: as strict says */
    int32_t tick_us;           /* of our timestamps; 0: not compared; -1: as strict says */
    uint32_t peer_isn; /* what the peer's sequence number 0 is on the wire */
    char as[16];         /* profile of the stack, when the script names none; empty: recognised */
    char congestion[16]; /* control; empty: the stack's default */
    uint64_t seed;
    bool has_key;
    uint8_t key[16]; /* of Fast Open cookies */
};

struct la_drill_script {
    struct la_drill_arena arena;
    const char *path;
    struct la_bytes text; /* borrowed */
    struct la_drill_cfg cfg;
    struct la_drill_define *defines;
    struct la_bytes settings; /* of the first backquoted block, before any event */
    uint32_t settings_line;
    struct la_drill_event *events;
    uint32_t events_n;
};

/* Every default. */
void la_drill_cfg_init(struct la_drill_cfg *cfg);
/* One option without its dashes, name and value (NULL: none). False: *mistake says what to do. */
bool la_drill_cfg_take(struct la_drill_cfg *cfg, const char *name, const char *value,
                       struct la_drill_mistake *mistake);
/* Is it an option that has no value? */
bool la_drill_cfg_is_flag(const char *name);
/* NAME=VALUE for names in values. False: malformed, or no memory. */
bool la_drill_define(struct la_drill_script *script, const char *text);

/* Reads `text` (which must outlive it) into `script`, whose cfg and defines may have been set
 * before. False: *mistake. */
bool la_drill_read(struct la_drill_script *script, struct la_bytes text,
                   struct la_drill_mistake *mistake);
void la_drill_script_fini(struct la_drill_script *script);

#endif

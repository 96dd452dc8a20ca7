/* SPDX-License-Identifier: MIT
 *
 * tap.h - two ends whose segments pass a tap, for tests of the analyser
 */
#ifndef LA_TEST_EXPLAIN_TAP_H
#define LA_TEST_EXPLAIN_TAP_H

#include <lastack/explain.h>

#include "wire/tcp.h"

struct tap {
    struct la_explain *explain;
    struct la_mem *mem;
    uint64_t frame;
    int64_t now_ns;
    uint8_t ttl_hops[2];
    uint16_t port; /* of the client; the server's is 80 */
    uint8_t host;  /* added to the last octet of the server's address */
    uint8_t net;   /* the first octet of the client's address; 0: 10 */
    bool sums;     /* all checksums are filled in */
};

/* A segment by what is unusual about it; numbers count from each end's ISN. */
struct line {
    unsigned from;
    uint16_t flags;
    uint32_t seq, ack;
    uint32_t text_n;
    uint32_t has;
    uint16_t wnd;      /* 0: 60000; see closed */
    bool closed;       /* the window is 0 */
    uint32_t after_ms; /* since the last one; 0: 1 ms */
    uint16_t ip_id;    /* 0: the packet's number; see no_id */
    bool no_id;        /* the identification is 0 */
    uint32_t ts_val;   /* with LA_TCP_HAS_TIMESTAMPS */
    uint32_t ts_ecr;
    bool sum;         /* the checksum is filled in */
    bool damaged;     /* the same, and wrong */
    uint16_t flip;    /* or these bits of it are */
    uint8_t ip_ecn;   /* IP's ECN field */
    uint8_t last;     /* the last octet of the text; the others are 0 */
    uint32_t sack[2]; /* of the peer's numbers; the second one 0: no block */
};

enum { C = LA_END_CLIENT, S = LA_END_SERVER };
enum { ISN_CLIENT = 1000, ISN_SERVER = 900000 };

/* budget_bytes 0: none. */
void tap_open(struct tap *tap, const struct la_explain_cfg *cfg, uint64_t budget_bytes);
void tap_close(struct tap *tap);
void tap_send(struct tap *tap, const struct line *line);
void tap_lines(struct tap *tap, const struct line *lines, size_t n);
/* SYN, SYN,ACK, ACK; 10 ms on the server's side. */
void tap_handshake(struct tap *tap);
/* The capture ends; the first connection that is told. */
struct la_explain_conn tap_result(struct tap *tap);
/* "SYN-SENT ESTABLISHED FIN-WAIT-1": where an end's transitions led, decided ones only. */
const char *tap_states(const struct la_explain_conn *conn, unsigned end);
const struct la_explain_finding *tap_finding(const struct la_explain_conn *conn,
                                             enum la_finding id);

#define TAP_LINES(tap, ...)                                                                        \
    tap_lines(tap, (const struct line[]){__VA_ARGS__},                                             \
              sizeof((const struct line[]){__VA_ARGS__}) / sizeof(struct line))

#endif

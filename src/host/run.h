/* SPDX-License-Identifier: MIT
 *
 * run.h - an unmodified program on the stack instead of the kernel's TCP (for the command line)
 *
 * Addresses inside: 10.77.0.2/24 and fd77::2/64; the far side has .1 and ::1. Whatever the program
 * connects to is dialled by the host's sockets. Or there is a device in place of the wire: then the
 * stack has the addresses that are given, and the peers are real.
 */
#ifndef LA_HOST_RUN_H
#define LA_HOST_RUN_H

#include <lastack/link.h>

enum { LA_VIA_ADDRS_MAX = 4, LA_VIA_NAME_BYTES = 32 };

/* A device instead of the wire and the far side: what is behind it is the peer. */
struct la_via {
    enum la_link_layer layer;     /* LA_LINK_IP: a TUN; LA_LINK_ETHERNET: a TAP */
    char name[LA_VIA_NAME_BYTES]; /* of the interface */
    struct {
        struct la_addr addr;
        unsigned prefix_len;
    } addr[LA_VIA_ADDRS_MAX];
    unsigned addr_n;
    struct la_addr gateway4, gateway6; /* TAP; any = none */
};

/* Connections to the host's port are the program's, at its own port. */
struct la_publish_rule {
    bool any;           /* all addresses of the host, both families */
    struct la_addr addr;
    uint16_t host_port; /* 0: any free one, which is said */
    uint16_t port;
};

struct la_run_cfg {
    char *const *argv;            /* the program and its arguments, ends with NULL */
    struct la_impair impair[2];   /* [0] what the program sends, [1] what it receives */
    uint32_t mtu_bytes;
    uint64_t seed;                /* of the wire's faults and of both stacks */
    enum la_ecn ecn;              /* of the program's connections */
    const char *congestion;       /* the control of both stacks; NULL: the default */
    const struct la_via *via;     /* impair, mtu and seed are not used then; NULL: the wire */
    const struct la_publish_rule *publish;
    unsigned publish_n;
    bool publish_all;             /* each listener also at the same port of the host's loopback */
    int64_t linger_ns;            /* how long open connections are waited for after the program */
    bool wait_all;                /* wait for all descendants, too */
    bool udp;                     /* datagram sockets go through the stack as well */
    bool trace_calls;             /* one line per refused call */
    struct la_trace trace;        /* hears both stacks (ends 0 and 1) and the wire */
    struct la_capture_writer *capture; /* a tap at the program's end; NULL: none */
    uint32_t capture_iface;       /* its interface number there */
    void (*idle)(void *ctx, la_instant now); /* before each wait, for live views; NULL: none */
    void *idle_ctx;
};

struct la_run_result {
    int exit_code;      /* of the program (128 + signal), or LA_EXIT_* */
    bool started;       /* false: the program never ran */
    bool interrupted;   /* a second Ctrl-C ended it */
    uint64_t connections_n, segments_n, retransmissions_n; /* of the program's side */
    struct la_wire_stats wire[2];
};

/* Runs the program to its end. Everything that goes wrong is said on standard error. */
void la_run(const struct la_run_cfg *cfg, struct la_run_result *out);

#endif

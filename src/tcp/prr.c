/* SPDX-License-Identifier: MIT
 *
 * prr.c - proportional rate reduction
 *
 * Read first: RFC 9937 6 (RFC 6937 3).
 */
#include "tcp/prr.h"

#include "base/extremes.h"
#include "tcp/again.h"

static uint32_t
less(uint32_t a, uint32_t b)
{
    return a > b ? a - b : 0;
}

void
la_tcp_prr_begin(struct la_tcp_busy *busy, uint32_t flight_bytes)
{
    busy->prr = (struct la_tcp_prr){.recover_fs = flight_bytes == 0 ? 1 : flight_bytes};
}

void
la_tcp_prr_acked(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t delivered_bytes,
                 bool safe)
{
    struct la_tcp_prr *prr = &busy->prr;
    uint32_t pipe = la_tcp_pipe(c, busy);
    uint32_t send;
    prr->delivered += min32(delivered_bytes, UINT32_MAX - prr->delivered);
    if (pipe > c->ssthresh_bytes) {
        uint64_t share = (uint64_t)prr->delivered * c->ssthresh_bytes + prr->recover_fs - 1;
        send = less((uint32_t)(share / prr->recover_fs), prr->out);
    } else {
        uint32_t owed = less(prr->delivered, prr->out);
        send = owed > delivered_bytes ? owed : delivered_bytes; /* conservation of packets */
        if (safe)
            send += c->smss; /* slow start up to ssthresh */
        send = min32(send, c->ssthresh_bytes - pipe);
    }
    if (prr->out == 0 && send < c->smss)
        send = c->smss; /* the retransmission that begins the recovery */
    c->cwnd_bytes = pipe + send;
}

void
la_tcp_prr_sent(struct la_tcp_busy *busy, uint32_t n)
{
    busy->prr.out += min32(n, UINT32_MAX - busy->prr.out);
}

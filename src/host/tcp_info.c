/* SPDX-License-Identifier: MIT
 *
 * tcp_info.c - TCP_INFO as Linux writes it
 *
 * Read first: tcp(7); include/uapi/linux/tcp.h. Counts of octets there are of segments here and
 * there; what this stack does not measure stays 0.
 */
#include "host/tcp_info.h"

#include "host/supervisor.h"

#include <linux/tcp.h>
#include <string.h>

#include "base/time.h"

enum { REORDERING_MIN = 3 }; /* tcp_reordering */
/* What the kernel writes before there was any loss (TCP_INFINITE_SSTHRESH). */
enum { SSTHRESH_NONE = 0x7fffffff };

/* The kernel's numbers of the states (include/net/tcp_states.h). */
static uint8_t
linux_state(uint8_t state)
{
    static const uint8_t numbers[LA_TCP_STATE_COUNT] = {
        [LA_TCP_CLOSED] = 7,
        [LA_TCP_LISTEN] = 10,
        [LA_TCP_SYN_SENT] = 2,
        [LA_TCP_SYN_RECEIVED] = 3,
        [LA_TCP_SYN_RECEIVED_ACTIVE] = 3,
        [LA_TCP_ESTABLISHED] = 1,
        [LA_TCP_FIN_WAIT_1] = 4,
        [LA_TCP_FIN_WAIT_2] = 5,
        [LA_TCP_CLOSE_WAIT] = 8,
        [LA_TCP_CLOSING] = 11,
        [LA_TCP_LAST_ACK] = 9,
        [LA_TCP_TIME_WAIT] = 6,
    };
    return state < LA_TCP_STATE_COUNT ? numbers[state] : 7;
}

/* The kernel's states of congestion avoidance; slow start is none of them there. */
static uint8_t
linux_phase(const struct la_conn_status *s)
{
    return s->phase == LA_CC_RECOVERY ? TCP_CA_Recovery
           : s->phase == LA_CC_LOSS   ? TCP_CA_Loss
           : s->reduced               ? TCP_CA_CWR
           : s->disordered            ? TCP_CA_Disorder
                                      : TCP_CA_Open;
}

void
la_tcp_info_of(const struct la_conn_status *s, la_instant now, struct tcp_info *out)
{
    uint32_t mss = s->mss_send != 0 ? s->mss_send : 1;
    out->tcpi_state = linux_state(s->state);
    out->tcpi_ca_state = linux_phase(s);
    out->tcpi_backoff = s->backoff_n;
    out->tcpi_retransmits = s->timer == LA_TIMER_RETRANSMIT ? s->backoff_n : 0;
    out->tcpi_probes = s->timer == LA_TIMER_PERSIST ? s->backoff_n : s->keepalive_sent_n;
    out->tcpi_last_ack_recv = (uint32_t)((now.ns - s->heard_at.ns) / 1000000);
    out->tcpi_options =
        (uint8_t)((s->timestamps ? TCPI_OPT_TIMESTAMPS : 0) | (s->sack ? TCPI_OPT_SACK : 0) |
                  (s->wscale_send != 255 ? TCPI_OPT_WSCALE : 0) | (s->ecn ? TCPI_OPT_ECN : 0) |
                  (s->fast_opened ? TCPI_OPT_SYN_DATA : 0));
    unsigned send_scale = s->wscale_send != 255 ? s->wscale_send : 0;
    unsigned receive_scale = s->wscale_receive != 255 ? s->wscale_receive : 0;
    out->tcpi_snd_wscale = send_scale & 0xfu;
    out->tcpi_rcv_wscale = receive_scale & 0xfu;
    out->tcpi_rto = s->rto_us;
    out->tcpi_snd_mss = s->mss_send;
    out->tcpi_rcv_mss = s->mss_received;
    out->tcpi_advmss = s->mss_receive;
    out->tcpi_unacked = (s->flight_bytes + mss - 1) / mss;
    out->tcpi_rtt = s->srtt_us;
    out->tcpi_rttvar = s->rttvar_us;
    out->tcpi_min_rtt = s->rtt_us_min;
    out->tcpi_snd_ssthresh =
        s->ssthresh_bytes == UINT32_MAX ? SSTHRESH_NONE : s->ssthresh_bytes / mss;
    out->tcpi_snd_cwnd = s->cwnd_bytes / mss;
    out->tcpi_rcv_space = s->rcv_wnd;
    out->tcpi_total_retrans = s->retransmissions_n;
    out->tcpi_bytes_acked = s->bytes_acked;
    out->tcpi_bytes_received = s->bytes_received;
    out->tcpi_bytes_sent = s->bytes_sent;
    out->tcpi_bytes_retrans = s->bytes_retransmitted;
    out->tcpi_segs_out = s->segments_sent;
    out->tcpi_segs_in = s->segments_received;
    out->tcpi_notsent_bytes = s->unsent_bytes;
    out->tcpi_snd_wnd = s->snd_wnd;
    /* What was lost counts there until it has arrived. */
    out->tcpi_retrans = (s->again_bytes + mss - 1) / mss;
    bool recovers = s->phase == LA_CC_RECOVERY || s->phase == LA_CC_LOSS;
    out->tcpi_lost = (s->lost_bytes + mss - 1) / mss + (recovers ? out->tcpi_retrans : 0);
    out->tcpi_sacked = (uint32_t)((s->bytes_delivered - s->bytes_acked + mss - 1) / mss);
    uint32_t behind_n = (s->reorder_bytes + mss - 1) / mss;
    out->tcpi_reordering = behind_n < REORDERING_MIN ? (uint32_t)REORDERING_MIN : behind_n;
    out->tcpi_reord_seen = s->reordering;
    /* The kernel counts packets, the SYN among them; with text of ours it is one. */
    bool syn = s->state >= LA_TCP_ESTABLISHED && (s->passive || !s->fast_opened);
    out->tcpi_delivered = (uint32_t)((s->bytes_delivered + mss - 1) / mss) + syn;
    out->tcpi_delivered_ce = s->marked_out.ce_n;
    out->tcpi_delivery_rate = s->delivery_rate;
    out->tcpi_pacing_rate =
        s->pacing_rate != 0 ? s->pacing_rate : UINT64_MAX; /* as unpaced there */
    out->tcpi_max_pacing_rate = s->pacing_rate_max != 0 ? s->pacing_rate_max : UINT64_MAX;
    out->tcpi_busy_time = s->busy_us;
    out->tcpi_rwnd_limited = s->rwnd_limited_us;
    out->tcpi_sndbuf_limited = s->sndbuf_limited_us;
    if (!la_instant_is_never(s->text_at))
        out->tcpi_last_data_recv = (uint32_t)((now.ns - s->text_at.ns) / 1000000);
    out->tcpi_last_data_sent = (uint32_t)((now.ns - s->sent_at.ns) / 1000000);
}

void
la_tcp_info_fill(const struct la_psock *ps, struct tcp_info *out)
{
    memset(out, 0, sizeof(*out));
    out->tcpi_state = ps->state == LA_PSOCK_LISTENING ? 10 : 7;
    struct la_conn_status status;
    la_handle conn = la_sock_conn(ps->run->socks, ps->sock);
    if (conn != 0 && la_conn_status(ps->run->near_stack, conn, &status) == LA_OK)
        la_tcp_info_of(&status, ps->run->now, out);
}

/* SPDX-License-Identifier: MIT
 *
 * ss_words.c - what `lastack ss` says behind and below a row, in the words of ss(8)
 */
#include "cli/ss.h"

#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t second_us = INT64_C(1000000);

__attribute__((format(printf, 2, 3))) static void
add(struct la_ss_words *words, const char *format, ...)
{
    if (words->n == LA_SS_WORDS_MAX)
        return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words->word[words->n++], LA_SS_WORD_BYTES, format, args);
    va_end(args);
}

void
la_ss_clean(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < 0x20 || *text >= 0x7f)
            *text = '?';
    }
}

/* ---- endpoints ------------------------------------------------------------------------------- */

/* The name of a service is looked for once; "" is none. */
static const char *
service(uint16_t port, bool udp)
{
    static char *names[2][UINT16_MAX + 1];
    char **name = &names[udp][port];
    if (*name == NULL) {
        const struct servent *s =
            getservbyport((port & 0xff) << 8 | port >> 8, udp ? "udp" : "tcp");
        *name = strdup(s != NULL ? s->s_name : "");
    }
    return *name != NULL ? *name : "";
}

void
la_ss_endpoint(const struct la_ss_cfg *cfg, const struct la_endpoint *e, bool udp, char *out,
               size_t bytes)
{
    char addr[LA_ADDR_TEXT_BYTES], port[24] = "*";
    if (e->port != 0)
        (void)snprintf(port, sizeof(port), "%u", e->port);
    if (e->port != 0 && !cfg->numeric && service(e->port, udp)[0] != '\0')
        (void)snprintf(port, sizeof(port), "%.23s", service(e->port, udp));
    (void)snprintf(out, bytes, la_addr_is_v4(&e->addr) ? "%s:%s" : "[%s]:%s",
                   la_addr_format(&e->addr, addr), port);
}

/* ---- timers ---------------------------------------------------------------------------------- */

/* "204ms", "1.2sec", "59sec", "1min30sec", "119min". */
static void
duration(int64_t us, char out[24])
{
    int64_t ms = us / 1000, s = us / second_us;
    if (s < 1)
        (void)snprintf(out, 24, "%dms", (int)ms);
    else if (s < 10)
        (void)snprintf(out, 24, "%d.%dsec", (int)s, (int)(ms % 1000 / 100));
    else if (s < 60)
        (void)snprintf(out, 24, "%dsec", (int)s);
    else if (s < 600)
        (void)snprintf(out, 24, "%dmin%02dsec", (int)(s / 60), (int)(s % 60));
    else
        (void)snprintf(out, 24, "%lldmin", (long long)(s / 60));
}

static void
add_timer(struct la_ss_words *words, const char *name, la_instant at, unsigned n)
{
    char text[24];
    if (at.ns == LA_INSTANT_NEVER.ns)
        return;
    duration(at.ns / 1000, text);
    add(words, "timer:(%s,%s,%u)", name, text, n);
}

static void
add_timers(const struct la_conn_status *s, struct la_ss_words *words)
{
    static const char *const names[LA_TIMER_COUNT] = {
        [LA_TIMER_RETRANSMIT] = "on",       [LA_TIMER_PERSIST] = "persist",
        [LA_TIMER_DELAYED_ACK] = "delack",  [LA_TIMER_KEEPALIVE] = "keepalive",
        [LA_TIMER_FIN_WAIT_2] = "finwait2", [LA_TIMER_TIME_WAIT] = "timewait",
        [LA_TIMER_USER] = "user",
    };
    if (s->timer < LA_TIMER_COUNT)
        add_timer(words, names[s->timer], s->timer_at, s->backoff_n);
    add_timer(words, names[LA_TIMER_DELAYED_ACK], s->ack_at, 0);
    add_timer(words, names[LA_TIMER_KEEPALIVE], s->keepalive_at, s->keepalive_sent_n);
}

void
la_ss_words_brief(const struct la_ss_cfg *cfg, const struct la_report *r, struct la_ss_words *out)
{
    out->n = 0;
    if (r->kind == LA_REPORT_LISTENER)
        add(out, "half-open:%u/%u", r->u.listener.syn_queue_n, r->u.listener.syn_queue_n_max);
    if (r->kind == LA_REPORT_CONNECTION && cfg->timers)
        add_timers(&r->u.conn, out);
    if (cfg->processes && r->owner.pid != 0) {
        char name[LA_REPORT_NAME_BYTES];
        memcpy(name, r->owner.process, sizeof(name));
        la_ss_clean(name);
        add(out, "users:((\"%s\",pid=%u))", name, r->owner.pid);
    }
}

/* ---- -i -------------------------------------------------------------------------------------- */

static void
add_agreed(const struct la_conn_status *s, struct la_ss_words *words)
{
    if (s->timestamps)
        add(words, "ts");
    if (s->sack)
        add(words, "sack");
    if (s->ecn)
        add(words, s->accurate_ecn ? "accecn" : "ecn");
    if (s->fast_opened)
        add(words, "fastopen");
    if (s->congestion_control[0] != 0) {
        add(words, "%s", s->congestion_control);
        la_ss_clean(words->word[words->n - 1]);
    }
    if (s->wscale_send != UINT8_MAX)
        add(words, "wscale:%u,%u", s->wscale_send, s->wscale_receive);
}

static void
add_times(const struct la_conn_status *s, struct la_ss_words *words)
{
    add(words, "rto:%.0f", s->rto_us / 1e3);
    if (s->backoff_n != 0)
        add(words, "backoff:%u", s->backoff_n);
    if (s->srtt_us != 0)
        add(words, "rtt:%.3g/%.3g", s->srtt_us / 1e3, s->rttvar_us / 1e3);
    if (s->rtt_us_min != 0)
        add(words, "minrtt:%.3g", s->rtt_us_min / 1e3);
}

/* Windows in segments where ss has them so. */
static void
add_windows(const struct la_conn_status *s, struct la_ss_words *words)
{
    uint32_t mss = s->mss_send != 0 ? s->mss_send : 1;
    add(words, "mss:%u", s->mss_send);
    add(words, "advmss:%u", s->mss_receive);
    add(words, "cwnd:%u", s->cwnd_bytes / mss);
    if (s->ssthresh_bytes != UINT32_MAX)
        add(words, "ssthresh:%u", s->ssthresh_bytes / mss);
    static const char *const phases[LA_CC_PHASE_COUNT] = {
        [LA_CC_SLOW_START] = "slow-start",      [LA_CC_AVOIDANCE] = "avoidance",
        [LA_CC_RECOVERY] = "recovery",          [LA_CC_LOSS] = "loss",
        [LA_CC_BBR_STARTUP] = "startup",        [LA_CC_BBR_DRAIN] = "drain",
        [LA_CC_BBR_DOWN] = "probe-bw-down",     [LA_CC_BBR_CRUISE] = "probe-bw-cruise",
        [LA_CC_BBR_REFILL] = "probe-bw-refill", [LA_CC_BBR_UP] = "probe-bw-up",
        [LA_CC_BBR_PROBE_RTT] = "probe-rtt",
    };
    if (s->phase < LA_CC_PHASE_COUNT)
        add(words, "%s", phases[s->phase]);
    add(words, "snd_wnd:%u", s->snd_wnd);
    add(words, "rcv_wnd:%u", s->rcv_wnd);
}

static void
add_count(struct la_ss_words *words, const char *name, uint64_t n)
{
    if (n != 0)
        add(words, "%s:%llu", name, (unsigned long long)n);
}

static void
add_counts(const struct la_conn_status *s, struct la_ss_words *words)
{
    uint32_t mss = s->mss_send != 0 ? s->mss_send : 1;
    add_count(words, "bytes_sent", s->bytes_sent);
    add_count(words, "bytes_retrans", s->bytes_retransmitted);
    add_count(words, "bytes_acked", s->bytes_acked);
    add_count(words, "bytes_received", s->bytes_received);
    add_count(words, "segs_out", s->segments_sent);
    add_count(words, "segs_in", s->segments_received);
    add_count(words, "unacked", (s->flight_bytes + mss - 1) / mss);
    add_count(words, "notsent", s->unsent_bytes);
    add_count(words, "ooo", s->out_of_order_bytes);
    add_count(words, "urgent_unread", s->urgent_unread_bytes);
    add_count(words, "urgent_unacked", s->urgent_unacked_bytes);
    add_count(words, "retrans", s->retransmissions_n);
    add_count(words, "timeouts", s->rto_n);
    add_count(words, "fast_retrans", s->fast_retransmits_n);
    add_count(words, "dupacks", s->duplicate_acks_n);
    add_count(words, "delivered_ce", s->marked_out.ce_n);
    add_count(words, "received_ce", s->marked_in.ce_n);
    if (s->heard_at.ns != LA_INSTANT_NEVER.ns)
        add(words, "lastrcv:%lld", (long long)(-s->heard_at.ns / 1000000));
}

static void
add_rate(struct la_ss_words *words, const char *name, uint64_t octets)
{
    if (octets != 0)
        add(words, "%s %.6gMbps", name, (double)octets * 8 / 1e6);
}

/* A share of the busy time, as ss has it. */
static void
add_limit(struct la_ss_words *words, const char *name, uint64_t us, uint64_t of_us)
{
    if (us >= 1000)
        add(words, "%s:%llums(%.1f%%)", name, (unsigned long long)(us / 1000),
            (double)us * 100 / (double)of_us);
}

static void
add_progress(const struct la_conn_status *s, struct la_ss_words *words)
{
    uint32_t mss = s->mss_send != 0 ? s->mss_send : 1;
    add_rate(words, "delivery_rate", s->delivery_rate);
    if (s->busy_us >= 1000)
        add(words, "busy:%llums", (unsigned long long)(s->busy_us / 1000));
    add_limit(words, "rwnd_limited", s->rwnd_limited_us, s->busy_us);
    add_limit(words, "sndbuf_limited", s->sndbuf_limited_us, s->busy_us);
    add_count(words, "lost", (s->lost_bytes + mss - 1) / mss);
    if (s->reordering)
        add(words, "reordering:%.3g", s->reordering_us / 1e3);
    add_count(words, "user_timeout", s->user_timeout_ms);
}

static void
add_place(const struct la_conn_status *s, struct la_ss_words *words)
{
    if (s->half_open)
        add(words, "in-syn-queue");
    else if (s->accept_waits)
        add(words, "in-accept-queue");
    else if (!s->owned)
        add(words, "orphan");
    if (s->err != LA_OK)
        add(words, "err:%s", la_err_name(s->err));
    if (s->err_soft != LA_OK)
        add(words, "soft-err:%s", la_err_name(s->err_soft));
}

void
la_ss_words_info(const struct la_report *r, struct la_ss_words *out)
{
    out->n = 0;
    if (r->kind == LA_REPORT_CONNECTION) {
        const struct la_conn_status *s = &r->u.conn;
        add_agreed(s, out);
        if (s->mss_send != 0) { /* it does not only rest in TIME-WAIT */
            add_times(s, out);
            add_windows(s, out);
        }
        add_counts(s, out);
        add_progress(s, out);
        add_place(s, out);
    } else if (r->kind == LA_REPORT_LISTENER) {
        const struct la_listener_status *l = &r->u.listener;
        add_count(out, "accepted", l->accepted_n);
        add_count(out, "syn-drops", l->syn_dropped_n);
        add_count(out, "accept-drops", l->accept_dropped_n);
    } else if (r->kind == LA_REPORT_UDP) {
        add_count(out, "datagrams", r->u.udp.receive_queue_n);
    }
}

/* SPDX-License-Identifier: MIT
 *
 * options.c - getsockopt and setsockopt
 *
 * Values have Linux's units. They are kept in the socket, become the configuration of the
 * connection that it opens or accepts, and are set on a connection that exists.
 */
#include "sock/set.h"

enum { BUFFER_BYTES_MIN = 4608, BUFFER_BYTES_MAX = 1 << 29 };

/* Options of a connection, with the range that Linux allows. */
struct rule {
    int64_t min, max;
    int16_t conn_option; /* enum la_conn_option, -1 = kept here alone */
};

static const struct rule rules[LA_SO_COUNT] = {
    [LA_SO_REUSEADDR] = {INT32_MIN, INT32_MAX, -1},
    [LA_SO_KEEPALIVE] = {INT32_MIN, INT32_MAX, LA_OPT_KEEPALIVE},
    [LA_SO_LINGER_S] = {-1, INT32_MAX, -1},
    [LA_SO_SNDBUF] = {INT32_MIN, INT32_MAX, LA_OPT_SNDBUF_BYTES},
    [LA_SO_RCVBUF] = {INT32_MIN, INT32_MAX, LA_OPT_RCVBUF_BYTES},
    [LA_SO_BROADCAST] = {INT32_MIN, INT32_MAX, -1},
    [LA_SO_V6ONLY] = {INT32_MIN, INT32_MAX, -1},
    [LA_SO_TTL] = {1, 255, LA_OPT_TTL_HOPS},
    [LA_SO_TOS] = {0, 255, LA_OPT_DSCP_ECN},
    [LA_SO_NODELAY] = {INT32_MIN, INT32_MAX, LA_OPT_NAGLE},
    [LA_SO_CORK] = {INT32_MIN, INT32_MAX, LA_OPT_CORK},
    [LA_SO_QUICKACK] = {INT32_MIN, INT32_MAX, LA_OPT_QUICK_ACK},
    [LA_SO_MAXSEG] = {88, 32767, LA_OPT_MSS_MAX},
    [LA_SO_KEEPIDLE] = {1, 32767, LA_OPT_KEEPALIVE_IDLE_S},
    [LA_SO_KEEPINTVL] = {1, 32767, LA_OPT_KEEPALIVE_INTERVAL_S},
    [LA_SO_KEEPCNT] = {1, 127, LA_OPT_KEEPALIVE_PROBES_N},
    [LA_SO_USER_TIMEOUT] = {0, INT32_MAX, LA_OPT_USER_TIMEOUT_MS},
    [LA_SO_SYNCNT] = {1, 127, LA_OPT_R2_SYN_N},
    [LA_SO_REUSEPORT] = {INT32_MIN, INT32_MAX, -1},
    [LA_SO_CONGESTION] = {0, INT32_MAX, LA_OPT_CONGESTION},
    [LA_SO_FASTOPEN] = {0, INT32_MAX, -1},
    [LA_SO_FASTOPEN_CONNECT] = {0, 1, -1},
    [LA_SO_MAX_PACING_RATE] = {-1, INT64_MAX, LA_OPT_PACING_RATE_MAX},
    [LA_SO_NOTSENT_LOWAT] = {INT32_MIN, UINT32_MAX, LA_OPT_NOTSENT_LOWAT_BYTES},
    [LA_SO_NOOPT] = {INT32_MIN, INT32_MAX, -1},
};

/* Options that are on or off. */
static bool
is_switch(enum la_sock_option opt)
{
    return rules[opt].min == INT32_MIN && opt != LA_SO_SNDBUF && opt != LA_SO_RCVBUF &&
           opt != LA_SO_NOTSENT_LOWAT;
}

void
la_sk_options_init(struct la_sk *sk, const struct la_tcp_cfg *d)
{
    int64_t *o = sk->options;
    o[LA_SO_KEEPALIVE] = d->keepalive;
    o[LA_SO_LINGER_S] = -1;
    o[LA_SO_SNDBUF] = d->sndbuf_bytes;
    o[LA_SO_RCVBUF] = d->rcvbuf_bytes;
    o[LA_SO_TTL] = d->ttl_hops;
    o[LA_SO_TOS] = d->dscp_ecn;
    o[LA_SO_NODELAY] = !d->nagle;
    o[LA_SO_FASTOPEN] = d->fast_open_n_max;
    o[LA_SO_KEEPIDLE] = d->keepalive_idle_s;
    o[LA_SO_KEEPINTVL] = d->keepalive_interval_s;
    o[LA_SO_KEEPCNT] = d->keepalive_probes_n;
    o[LA_SO_USER_TIMEOUT] = d->user_timeout_ms;
    o[LA_SO_SYNCNT] = d->r2_syn_n;
    o[LA_SO_CONGESTION] = la_congestion_find(d->congestion_control);
    o[LA_SO_MAX_PACING_RATE] = d->pacing_rate_max != 0 ? (int64_t)d->pacing_rate_max : -1;
}

/* The value that the connection's option takes. */
static int64_t
conn_value(enum la_sock_option opt, int64_t value)
{
    if (opt == LA_SO_MAX_PACING_RATE)
        return value < 0 ? 0 : value;
    return opt == LA_SO_NODELAY ? value == 0 : value;
}

/* `from` is one that la_tcp_cfg has room for. */
static void
set_name(char *to, const char *from)
{
    do
        *to++ = *from;
    while (*from++ != 0);
}

/* Nothing is offered and nothing agreed to. */
static void
no_options(struct la_tcp_cfg *cfg)
{
    cfg->mss_option = cfg->window_scale = cfg->timestamps = cfg->sack = false;
    cfg->fast_open = cfg->user_timeout_option = false;
    cfg->fast_open_n_max = 0;
    cfg->accecn_option = LA_ACCECN_OPTION_OFF;
}

struct la_tcp_cfg
la_sk_cfg(const struct la_socks *set, const struct la_sk *sk)
{
    struct la_tcp_cfg cfg = *la_stack_tcp_cfg(set->stack);
    const int64_t *o = sk->options;
    cfg.keepalive = o[LA_SO_KEEPALIVE] != 0;
    cfg.sndbuf_bytes = (uint32_t)o[LA_SO_SNDBUF];
    cfg.rcvbuf_bytes = (uint32_t)o[LA_SO_RCVBUF];
    cfg.ttl_hops = (uint8_t)o[LA_SO_TTL];
    cfg.dscp_ecn = (uint8_t)o[LA_SO_TOS];
    cfg.nagle = o[LA_SO_NODELAY] == 0;
    cfg.keepalive_idle_s = (uint32_t)o[LA_SO_KEEPIDLE];
    cfg.keepalive_interval_s = (uint32_t)o[LA_SO_KEEPINTVL];
    cfg.keepalive_probes_n = (uint32_t)o[LA_SO_KEEPCNT];
    cfg.user_timeout_ms = (uint32_t)o[LA_SO_USER_TIMEOUT];
    cfg.r2_syn_n = (uint32_t)o[LA_SO_SYNCNT];
    int64_t fast_open = o[LA_SO_FASTOPEN];
    cfg.fast_open_n_max = (uint16_t)(fast_open < UINT16_MAX ? fast_open : UINT16_MAX);
    cfg.pacing_rate_max = (uint64_t)conn_value(LA_SO_MAX_PACING_RATE, o[LA_SO_MAX_PACING_RATE]);
    set_name(cfg.congestion_control, la_congestion_name((int)o[LA_SO_CONGESTION]));
    if (o[LA_SO_MAXSEG] != 0)
        cfg.mss_bytes_max = (uint16_t)o[LA_SO_MAXSEG];
    if (o[LA_SO_NOOPT] != 0)
        no_options(&cfg);
    return cfg;
}

void
la_sk_options_apply(struct la_socks *set, const struct la_sk *sk, la_instant now)
{
    static const uint8_t late[] = {LA_SO_CORK, LA_SO_QUICKACK, LA_SO_NODELAY,      LA_SO_KEEPALIVE,
                                   LA_SO_TTL,  LA_SO_TOS,      LA_SO_NOTSENT_LOWAT};
    for (size_t i = 0; i < sizeof(late); i++) {
        enum la_sock_option opt = (enum la_sock_option)late[i];
        la_err err =
            la_conn_option_set(set->stack, sk->handle, (enum la_conn_option)rules[opt].conn_option,
                               conn_value(opt, sk->options[opt]), now);
        (void)err; /* values were checked when they were set */
    }
    if (sk->options[LA_SO_LINGER_S] == 0) {
        la_err err = la_conn_option_set(set->stack, sk->handle, LA_OPT_RELEASE_RESETS, 1, now);
        (void)err;
    }
}

/* Linux doubles what is asked for, and never goes below its minimum. */
static int64_t
buffer_value(int64_t value)
{
    if (value < 0 || value > BUFFER_BYTES_MAX / 2)
        value = BUFFER_BYTES_MAX / 2;
    return 2 * value < BUFFER_BYTES_MIN ? BUFFER_BYTES_MIN : 2 * value;
}

/* What of a datagram socket is the stack's. */
static la_err
set_on_datagram(struct la_socks *set, const struct la_sk *sk, enum la_sock_option opt)
{
    if (sk->handle == 0 || (opt != LA_SO_TTL && opt != LA_SO_TOS))
        return LA_OK; /* la_sk_datagram_options() comes with bind() */
    return la_udp_option_set(set->stack, sk->handle,
                             opt == LA_SO_TTL ? LA_UDP_TTL_HOPS : LA_UDP_DSCP_ECN,
                             sk->options[opt]);
}

la_err
la_sk_datagram_options(struct la_socks *set, const struct la_sk *sk)
{
    la_err err = set_on_datagram(set, sk, LA_SO_TTL);
    return err == LA_OK ? set_on_datagram(set, sk, LA_SO_TOS) : err;
}

static la_err
set_on_conn(struct la_socks *set, const struct la_sk *sk, enum la_sock_option opt, la_instant now)
{
    bool stream = sk->phase == LA_SK_CONNECTED || sk->phase == LA_SK_CONNECTING;
    if (sk->phase == LA_SK_LISTENING) { /* connections that come later inherit it */
        struct la_tcp_cfg cfg = la_sk_cfg(set, sk);
        return la_listener_tcp_cfg_set(set->stack, sk->handle, &cfg);
    }
    if (sk->phase == LA_SK_DATAGRAM)
        return set_on_datagram(set, sk, opt);
    if (!stream)
        return LA_OK;
    if (opt == LA_SO_LINGER_S)
        return la_conn_option_set(set->stack, sk->handle, LA_OPT_RELEASE_RESETS,
                                  sk->options[opt] == 0, now);
    if (rules[opt].conn_option < 0)
        return LA_OK;
    return la_conn_option_set(set->stack, sk->handle, (enum la_conn_option)rules[opt].conn_option,
                              conn_value(opt, sk->options[opt]), now);
}

la_err
la_sock_option_set(struct la_socks *set, la_sock s, enum la_sock_option opt, int64_t value,
                   la_instant now)
{
    struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    if ((unsigned)opt >= LA_SO_COUNT)
        return LA_ERR_NO_SUCH_OPTION;
    if (value < rules[opt].min || value > rules[opt].max)
        return LA_ERR_BAD_ARGUMENT;
    if (opt == LA_SO_FASTOPEN_CONNECT && !la_stack_tcp_cfg(set->stack)->fast_open)
        return LA_ERR_NOT_SUPPORTED;
    if (opt == LA_SO_CONGESTION && la_congestion_name((int)value) == NULL)
        return LA_ERR_BAD_ARGUMENT;
    if (is_switch(opt))
        value = value != 0;
    if (opt == LA_SO_NOTSENT_LOWAT) /* an int there, and there -1 is the most */
        value = (uint32_t)value;
    if (opt == LA_SO_SNDBUF || opt == LA_SO_RCVBUF)
        value = buffer_value(value);
    sk->options[opt] = value;
    return set_on_conn(set, sk, opt, now);
}

/* Nobody has set it: what it is now, or will begin with. */
static la_err
tuned_buffer(const struct la_socks *set, const struct la_sk *sk, enum la_sock_option opt,
             int64_t *out)
{
    const struct la_tcp_cfg *cfg = la_stack_tcp_cfg(set->stack);
    *out = opt == LA_SO_SNDBUF ? cfg->sndbuf.bytes_initial : cfg->rcvbuf.bytes_initial;
    if (sk->phase != LA_SK_CONNECTED && sk->phase != LA_SK_CONNECTING)
        return LA_OK;
    return la_conn_option_get(set->stack, sk->handle, (enum la_conn_option)rules[opt].conn_option,
                              out);
}

la_err
la_sock_option_get(const struct la_socks *set, la_sock s, enum la_sock_option opt, int64_t *out)
{
    const struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    if ((unsigned)opt >= LA_SO_COUNT)
        return LA_ERR_NO_SUCH_OPTION;
    *out = sk->options[opt];
    if ((opt == LA_SO_SNDBUF || opt == LA_SO_RCVBUF) && *out == 0)
        return tuned_buffer(set, sk, opt, out);
    struct la_conn_status status;
    if (opt == LA_SO_MAXSEG && sk->phase == LA_SK_CONNECTED &&
        la_conn_status(set->stack, sk->handle, &status) == LA_OK)
        *out = status.mss_send;
    else if (opt == LA_SO_MAXSEG && *out == 0)
        *out = sk->family == LA_SOCK_IPV4 ? 536 : 1220; /* RFC 9293 3.7.1 */
    return LA_OK;
}

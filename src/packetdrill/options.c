/* SPDX-License-Identifier: MIT
 *
 * options.c - getsockopt and setsockopt, by the same rows as `lastack run` (host/option_rows.h)
 */
#include "packetdrill/calls.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "host/errors.h"
#include "host/tcp_info.h"

#ifndef TCP_INQ
#define TCP_INQ 36
#endif

/* packetdrill's own struct tcp_info is newer than many systems'. */
enum { INFO_BYTES = 512, CC_NAME_BYTES = 16 };
enum { STATE_CLOSE = 7, STATE_LISTEN = 10 }; /* of TCP_INFO */

static bool
is_level(const struct la_pd_fd *f, int level)
{
    return level == SOL_SOCKET || level == IPPROTO_IP ||
           (level == IPPROTO_IPV6 && f->family == AF_INET6) ||
           level == (f->datagram ? IPPROTO_UDP : IPPROTO_TCP);
}

/* `lastack run` refuses it, where programs would gain nothing by it. */
static bool
is_zerocopy(int level, int name)
{
    return level == SOL_SOCKET && name == SO_ZEROCOPY;
}

/* ---- getsockopt ----------------------------------------------------------------------------- */

static int64_t
give(void *value, socklen_t *n, const void *from, size_t from_n)
{
    socklen_t len = *n < from_n ? *n : (socklen_t)from_n;
    memcpy(value, from, len);
    *n = len;
    return 0;
}

/* An octet is enough at the IP level, for a value that fits (ip(7)). */
static int64_t
give_int(int level, void *value, socklen_t *n, int64_t v)
{
    int32_t i = (int32_t)v;
    uint8_t octet = (uint8_t)v;
    if (level == IPPROTO_IP && *n > 0 && *n < sizeof(i) && v >= 0 && v <= UINT8_MAX)
        return give(value, n, &octet, sizeof(octet));
    return give(value, n, &i, sizeof(i));
}

/* What the kernel's struct has of accurate ECN, behind members that older headers lack, too. */
static void
put_marks(const struct la_conn_status *s, uint8_t *room)
{
    enum { AT = offsetof(struct tcp_info, tcpi_snd_wnd) + 5 * sizeof(uint32_t) };
    const uint32_t marks[] = {
        s->marked_in.ce_n,      s->marked_out.ect_1_bytes, s->marked_out.ect_0_bytes,
        s->marked_out.ce_bytes, s->marked_in.ect_1_bytes,  s->marked_in.ect_0_bytes,
        s->marked_in.ce_bytes,
    };
    memcpy(room + AT, marks, sizeof(marks));
}

static int64_t
give_info(struct la_pd *pd, const struct la_pd_fd *f, void *value, socklen_t *n)
{
    union {
        struct tcp_info info;
        uint8_t room[INFO_BYTES];
    } out = {.room = {0}};
    struct la_conn_status status;
    la_pd_move(pd); /* what counts time is as old as the stack's clock */
    if (la_pd_fd_status(pd, f, &status)) {
        la_tcp_info_of(&status, pd->now, &out.info);
        put_marks(&status, out.room);
    } else {
        out.info.tcpi_state = f->listening ? STATE_LISTEN : STATE_CLOSE;
    }
    return give(value, n, out.room, sizeof(out.room));
}

static int64_t
give_memory(struct la_pd *pd, const struct la_pd_fd *f, void *value, socklen_t *n)
{
    uint32_t vars[SK_MEMINFO_VARS] = {0};
    struct la_conn_status s;
    if (la_pd_fd_status(pd, f, &s)) {
        vars[SK_MEMINFO_RMEM_ALLOC] = s.receive_queue_bytes + s.out_of_order_bytes;
        vars[SK_MEMINFO_RCVBUF] = s.rcvbuf_bytes;
        vars[SK_MEMINFO_SNDBUF] = s.sndbuf_bytes;
        vars[SK_MEMINFO_WMEM_QUEUED] = s.send_queue_bytes;
    }
    return give(value, n, vars, sizeof(vars));
}

static int64_t
give_linger(struct la_pd *pd, const struct la_pd_fd *f, void *value, socklen_t *n)
{
    int64_t seconds = -1;
    (void)la_sock_option_get(pd->socks, f->sock, LA_SO_LINGER_S, &seconds);
    struct linger l = {.l_onoff = seconds >= 0, .l_linger = seconds >= 0 ? (int)seconds : 0};
    return give(value, n, &l, sizeof(l));
}

static int64_t
give_rate(struct la_pd *pd, const struct la_pd_fd *f, void *value, socklen_t *n)
{
    int64_t rate = -1;
    uint8_t octets[LA_OPTION_RATE_BYTES];
    (void)la_sock_option_get(pd->socks, f->sock, LA_SO_MAX_PACING_RATE, &rate);
    return give(value, n, octets, la_option_rate_write(rate, octets, *n));
}

static int64_t
give_special(struct la_pd *pd, struct la_pd_fd *f, const struct la_option_row *r, void *value,
             socklen_t *n)
{
    if (r->level == IPPROTO_TCP && r->name == TCP_INFO)
        return give_info(pd, f, value, n);
    if (r->level == IPPROTO_TCP) { /* TCP_CONGESTION */
        int64_t control = 0;
        char text[CC_NAME_BYTES] = {0};
        (void)la_sock_option_get(pd->socks, f->sock, LA_SO_CONGESTION, &control);
        (void)snprintf(text, sizeof(text), "%s", la_congestion_name((int)control));
        return give(value, n, text, CC_NAME_BYTES);
    }
    if (r->level != SOL_SOCKET)
        return give_int(r->level, value, n, pd->settings.mtu_bytes); /* IP_MTU, IPV6_MTU */
    switch (r->name) {
    case SO_TYPE:
        return give_int(r->level, value, n, f->datagram ? SOCK_DGRAM : SOCK_STREAM);
    case SO_DOMAIN:
        return give_int(r->level, value, n, f->family);
    case SO_PROTOCOL:
        return give_int(r->level, value, n, f->datagram ? IPPROTO_UDP : IPPROTO_TCP);
    case SO_ERROR:
        return give_int(r->level, value, n,
                        la_err_to_errno(la_sock_error_take(pd->socks, f->sock)));
    case SO_LINGER:
        return give_linger(pd, f, value, n);
    case SO_MAX_PACING_RATE:
        return give_rate(pd, f, value, n);
    default:
        return -ENOPROTOOPT;
    }
}

static int64_t
give_timeout(const struct la_pd_fd *f, int name, void *value, socklen_t *n)
{
    int64_t us = name == SO_RCVTIMEO ? f->receive_timeout_us : f->send_timeout_us;
    struct timeval tv = {us / 1000000, us % 1000000};
    return give(value, n, &tv, sizeof(tv));
}

/* What is no row of `lastack run`. */
static int64_t
give_other(struct la_pd *pd, const struct la_pd_fd *f, int level, int name, void *value,
           socklen_t *n)
{
    if (level == SOL_SOCKET && name == SO_MEMINFO)
        return give_memory(pd, f, value, n);
    if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
        return give_timeout(f, name, value, n);
    if (level == IPPROTO_TCP && name == TCP_CC_INFO) {
        *n = 0; /* no control here has figures of its own */
        return 0;
    }
    if (level == IPPROTO_TCP && name == TCP_FASTOPEN_KEY && pd->keyed)
        return give(value, n, pd->key, sizeof(pd->key));
    if (level == IPPROTO_TCP && name == TCP_INQ)
        return give_int(level, value, n, f->tells_queue);
    if (level == SOL_SOCKET && name == SO_TIMESTAMPING)
        return give_int(level, value, n, (int32_t)f->errors.stamps);
    if (is_zerocopy(level, name))
        return give_int(level, value, n, f->errors.zerocopy);
    return is_level(f, level) ? -ENOPROTOOPT : -EOPNOTSUPP;
}

int64_t
la_pd_getsockopt(struct la_pd *pd, int fd, int level, int name, void *value, socklen_t *n)
{
    struct la_pd_fd *f = la_pd_fd_of(pd, fd);
    if (f == NULL || f->sock == 0)
        return -EBADF;
    if (n == NULL || value == NULL)
        return -EFAULT;
    if (*n > INT32_MAX)
        return -EINVAL;
    const struct la_option_row *r = is_level(f, level) ? la_option_find(level, name) : NULL;
    if (r == NULL || r->kind == LA_OPTION_NATIVE || is_zerocopy(level, name))
        return give_other(pd, f, level, name, value, n);
    int64_t v = r->first;
    if (r->kind == LA_OPTION_SPECIAL)
        return give_special(pd, f, r, value, n);
    if (r->kind == LA_OPTION_REFUSE)
        return -ENOPROTOOPT;
    if (r->kind == LA_OPTION_KEPT)
        v = f->kept[r->arg];
    la_err err = LA_OK;
    if (r->kind == LA_OPTION_STACK)
        err = la_sock_option_get(pd->socks, f->sock, (enum la_sock_option)r->arg, &v);
    return err != LA_OK ? -la_err_to_errno(err) : give_int(level, value, n, v);
}

/* ---- setsockopt ----------------------------------------------------------------------------- */

static int64_t
read_int(int level, const void *value, socklen_t n, int64_t *out)
{
    int32_t i;
    uint8_t octet;
    if (n >= sizeof(i)) {
        memcpy(&i, value, sizeof(i));
        *out = i;
        return 0;
    }
    if (n == 0 || level != IPPROTO_IP)
        return -EINVAL;
    memcpy(&octet, value, sizeof(octet));
    *out = octet;
    return 0;
}

static int64_t
set_stack(struct la_pd *pd, struct la_pd_fd *f, enum la_sock_option opt, int64_t v)
{
    if (opt == LA_SO_TTL && v == -1)
        v = pd->settings.ways.cfg.tcp.ttl_hops;
    la_err err = la_sock_option_set(pd->socks, f->sock, opt, v, pd->now);
    if (err == LA_OK)
        f->stack_set |= UINT32_C(1) << (unsigned)opt;
    la_pd_turn(pd);
    return -la_err_to_errno(err);
}

static int64_t
set_linger(struct la_pd *pd, struct la_pd_fd *f, const void *value, socklen_t n)
{
    struct linger l;
    if (n < sizeof(l))
        return -EINVAL;
    memcpy(&l, value, sizeof(l));
    return set_stack(pd, f, LA_SO_LINGER_S,
                     l.l_onoff == 0   ? -1
                     : l.l_linger < 0 ? INT32_MAX
                                      : l.l_linger);
}

/* A control of the stack's, by its name. */
static int64_t
set_congestion(struct la_pd *pd, struct la_pd_fd *f, const void *value, socklen_t n)
{
    char name[CC_NAME_BYTES] = {0};
    memcpy(name, value, n < sizeof(name) ? n : sizeof(name) - 1);
    int control = la_congestion_find(name);
    return control < 0 ? -ENOENT : set_stack(pd, f, LA_SO_CONGESTION, control);
}

static int64_t
set_timeout(struct la_pd_fd *f, int name, const void *value, socklen_t n)
{
    struct timeval tv;
    if (n < sizeof(tv))
        return -EINVAL;
    memcpy(&tv, value, sizeof(tv));
    if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
        return -EDOM;
    int64_t us = tv.tv_sec < 0 || tv.tv_sec > INT32_MAX ? 0 : tv.tv_sec * 1000000 + tv.tv_usec;
    *(name == SO_RCVTIMEO ? &f->receive_timeout_us : &f->send_timeout_us) = us;
    return 0;
}

/* One key, or one and the one before it. */
static int64_t
set_fast_open_key(struct la_pd *pd, const uint8_t *value, socklen_t n)
{
    if (n != LA_FAST_OPEN_KEY_BYTES && n != 2 * LA_FAST_OPEN_KEY_BYTES)
        return -EINVAL;
    if (n > LA_FAST_OPEN_KEY_BYTES)
        la_pd_key(pd, value + LA_FAST_OPEN_KEY_BYTES);
    la_pd_key(pd, value);
    return 0;
}

static int64_t
set_stamps(const struct la_pd *pd, struct la_pd_fd *f, const void *value, socklen_t n)
{
    struct la_conn_status status;
    int64_t flags, err = read_int(SOL_SOCKET, value, n, &flags);
    if (err != 0)
        return err;
    bool has = la_pd_fd_status(pd, f, &status);
    return la_errqueue_stamps_set(&f->errors, flags, has ? &status : NULL) ? 0 : -EINVAL;
}

static int64_t
set_other(const struct la_pd *pd, struct la_pd_fd *f, int level, int name, const void *value,
          socklen_t n)
{
    int64_t v;
    if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
        return set_timeout(f, name, value, n);
    if (level == SOL_SOCKET && name == SO_TIMESTAMPING && !f->datagram)
        return set_stamps(pd, f, value, n);
    bool zerocopy = is_zerocopy(level, name);
    if (zerocopy || (level == IPPROTO_TCP && name == TCP_INQ)) {
        int64_t err = read_int(level, value, n, &v);
        if (err == 0 && v != 0 && v != 1)
            err = -EINVAL;
        bool *at = zerocopy ? &f->errors.zerocopy : &f->tells_queue;
        *at = err == 0 ? v == 1 : *at;
        return err;
    }
    return is_level(f, level) ? -ENOPROTOOPT : -EOPNOTSUPP;
}

int64_t
la_pd_setsockopt(struct la_pd *pd, int fd, int level, int name, const void *value, socklen_t n)
{
    struct la_pd_fd *f = la_pd_fd_of(pd, fd);
    int64_t v;
    if (f == NULL || f->sock == 0)
        return -EBADF;
    if (n > INT32_MAX)
        return -EINVAL;
    if (value == NULL)
        return -EFAULT;
    if (!la_pd_ready(pd))
        return -ENOMEM;
    if (level == IPPROTO_TCP && name == TCP_FASTOPEN_KEY && !f->datagram)
        return set_fast_open_key(pd, value, n);
    const struct la_option_row *r = is_level(f, level) ? la_option_find(level, name) : NULL;
    if (r == NULL || r->kind == LA_OPTION_NATIVE || is_zerocopy(level, name))
        return set_other(pd, f, level, name, value, n);
    if (r->kind == LA_OPTION_REFUSE)
        return -r->arg;
    if (r->level == SOL_SOCKET && r->name == SO_LINGER)
        return set_linger(pd, f, value, n);
    if (r->level == SOL_SOCKET && r->name == SO_MAX_PACING_RATE)
        return n < sizeof(uint32_t)
                   ? -EINVAL
                   : set_stack(pd, f, LA_SO_MAX_PACING_RATE, la_option_rate_read(value, n));
    if (r->level == IPPROTO_TCP && r->name == TCP_CONGESTION)
        return set_congestion(pd, f, value, n);
    if (r->kind == LA_OPTION_SPECIAL || r->kind == LA_OPTION_FIXED)
        return -ENOPROTOOPT;
    int64_t err = read_int(level, value, n, &v);
    if (err != 0)
        return err;
    if (r->kind == LA_OPTION_STACK)
        return set_stack(pd, f, (enum la_sock_option)r->arg, v);
    f->kept[r->arg] = (int32_t)v;
    return 0;
}

void
la_pd_options_copy(struct la_pd *pd, const struct la_pd_fd *f, la_sock from, la_sock to)
{
    for (unsigned i = 0; i < LA_SO_COUNT; i++) {
        int64_t v;
        enum la_sock_option opt = (enum la_sock_option)i;
        if ((f->stack_set >> i & 1) == 0 || la_sock_option_get(pd->socks, from, opt, &v) != LA_OK)
            continue;
        if (opt == LA_SO_SNDBUF || opt == LA_SO_RCVBUF)
            v /= 2; /* setting doubles */
        (void)la_sock_option_set(pd->socks, to, opt, v, pd->now);
    }
}

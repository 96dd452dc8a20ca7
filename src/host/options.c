/* SPDX-License-Identifier: MIT
 *
 * options.c - socket options: whose they are and what they are worth
 *
 * Read first: socket(7), ip(7), ipv6(7), tcp(7).
 *
 * Every option is a row of one table. Some belong to the stack; some live on the unix socket, where
 * the kernel obeys them (time-outs, low-water mark, urgent data in line); some are hints that are
 * kept and read back; the rest is refused with ENOPROTOOPT, since silence would be a lie. What is
 * refused, --trace shows.
 */
#include "host/options.h"

#include "host/calls.h"
#include "host/errors.h"
#include "host/names.h"
#include "host/supervisor.h"
#include "host/tcp_info.h"

#include <errno.h>
#include <linux/in6.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum kind {
    STACK,  /* arg: enum la_sock_option */
    KEPT,   /* a hint; arg: slot, first: its default */
    NATIVE, /* the kernel obeys it on the unix socket */
    FIXED,  /* read only; first: the value */
    REFUSE, /* arg: an errno value */
    SPECIAL /* has a function below */
};

struct row {
    int16_t level, name;
    uint8_t kind;
    uint8_t arg;
    int32_t first;
};

/* Slots of what is kept. */
enum {
    DEBUG_,
    DONTROUTE_,
    NO_CHECK_,
    PRIORITY_,
    MARK_,
    BUSY_POLL_,
    RECVERR_,
    MTU_DISCOVER_,
    FREEBIND_,
    BIND_NO_PORT_,
    MCAST_TTL_,
    MCAST_LOOP_,
    RECVERR6_,
    MTU_DISCOVER6_,
    MCAST_HOPS_,
    MCAST_LOOP6_,
    ADDR_PREF_,
    FLOWLABEL_,
    LINGER2_,
    DEFER_ACCEPT_,
    FASTOPEN_,
    NOTSENT_LOWAT_,
    THIN_,
    THIN_DUPACK_,
    WINDOW_CLAMP_,
    DONTFRAG_,
    MCAST_ALL_,
    PKTINFO_,
    PKTINFO6_
};

static const struct row table[] = {
    {SOL_SOCKET, SO_REUSEADDR, STACK, LA_SO_REUSEADDR, 0},
    {SOL_SOCKET, SO_KEEPALIVE, STACK, LA_SO_KEEPALIVE, 0},
    {SOL_SOCKET, SO_BROADCAST, STACK, LA_SO_BROADCAST, 0},
    {SOL_SOCKET, SO_SNDBUF, STACK, LA_SO_SNDBUF, 0},
    {SOL_SOCKET, SO_RCVBUF, STACK, LA_SO_RCVBUF, 0},
    {SOL_SOCKET, SO_SNDBUFFORCE, STACK, LA_SO_SNDBUF, 0},
    {SOL_SOCKET, SO_RCVBUFFORCE, STACK, LA_SO_RCVBUF, 0},
    {SOL_SOCKET, SO_DEBUG, KEPT, DEBUG_, 0},
    {SOL_SOCKET, SO_DONTROUTE, KEPT, DONTROUTE_, 0},
    {SOL_SOCKET, SO_OOBINLINE, NATIVE, 0, 0},
    {SOL_SOCKET, SO_NO_CHECK, KEPT, NO_CHECK_, 0},
    {SOL_SOCKET, SO_PRIORITY, KEPT, PRIORITY_, 0},
    {SOL_SOCKET, SO_REUSEPORT, STACK, LA_SO_REUSEPORT, 0},
    {SOL_SOCKET, SO_MARK, KEPT, MARK_, 0},
    {SOL_SOCKET, SO_BUSY_POLL, KEPT, BUSY_POLL_, 0},
    {SOL_SOCKET, SO_INCOMING_CPU, FIXED, 0, -1},
    {SOL_SOCKET, SO_RCVLOWAT, NATIVE, 0, 0},
    {SOL_SOCKET, SO_RCVTIMEO_OLD, NATIVE, 0, 0},
    {SOL_SOCKET, SO_SNDTIMEO_OLD, NATIVE, 0, 0},
    {SOL_SOCKET, SO_RCVTIMEO_NEW, NATIVE, 0, 0},
    {SOL_SOCKET, SO_SNDTIMEO_NEW, NATIVE, 0, 0},
    {SOL_SOCKET, SO_COOKIE, NATIVE, 0, 0},
    {SOL_SOCKET, SO_TYPE, SPECIAL, 0, 0},
    {SOL_SOCKET, SO_DOMAIN, SPECIAL, 0, 0},
    {SOL_SOCKET, SO_PROTOCOL, SPECIAL, 0, 0},
    {SOL_SOCKET, SO_ACCEPTCONN, SPECIAL, 0, 0},
    {SOL_SOCKET, SO_ERROR, SPECIAL, 0, 0},
    {SOL_SOCKET, SO_LINGER, SPECIAL, 0, 0},
    {SOL_SOCKET, SO_PEERNAME, SPECIAL, 0, 0},
    {SOL_SOCKET, SO_BINDTODEVICE, SPECIAL, 0, 0},
    {SOL_SOCKET, SO_ZEROCOPY, REFUSE, EOPNOTSUPP, 0},
    {IPPROTO_IP, IP_TOS, STACK, LA_SO_TOS, 0},
    {IPPROTO_IP, IP_TTL, STACK, LA_SO_TTL, 0},
    {IPPROTO_IP, IP_RECVERR, KEPT, RECVERR_, 0},
    {IPPROTO_IP, IP_MTU_DISCOVER, KEPT, MTU_DISCOVER_, 1},
    {IPPROTO_IP, IP_MTU, SPECIAL, 0, 0},
    {IPPROTO_IP, IP_FREEBIND, KEPT, FREEBIND_, 0},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, KEPT, BIND_NO_PORT_, 0},
    {IPPROTO_IP, IP_MULTICAST_TTL, KEPT, MCAST_TTL_, 1},
    {IPPROTO_IP, IP_MULTICAST_LOOP, KEPT, MCAST_LOOP_, 1},
    {IPPROTO_IP, IP_MULTICAST_ALL, KEPT, MCAST_ALL_, 1},
    {IPPROTO_IP, IP_PKTINFO, KEPT, PKTINFO_, 0},
    {IPPROTO_IP, IP_ADD_MEMBERSHIP, REFUSE, ENODEV, 0},
    {IPPROTO_IP, IP_TRANSPARENT, REFUSE, EPERM, 0},
    {IPPROTO_IPV6, IPV6_V6ONLY, STACK, LA_SO_V6ONLY, 0},
    {IPPROTO_IPV6, IPV6_TCLASS, STACK, LA_SO_TOS, 0},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, STACK, LA_SO_TTL, 0},
    {IPPROTO_IPV6, IPV6_RECVERR, KEPT, RECVERR6_, 0},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER, KEPT, MTU_DISCOVER6_, 1},
    {IPPROTO_IPV6, IPV6_MTU, SPECIAL, 0, 0},
    {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, KEPT, MCAST_HOPS_, 1},
    {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, KEPT, MCAST_LOOP6_, 1},
    {IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, KEPT, ADDR_PREF_, 2},
    {IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, KEPT, FLOWLABEL_, 0},
    {IPPROTO_IPV6, IPV6_DONTFRAG, KEPT, DONTFRAG_, 0},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO, KEPT, PKTINFO6_, 0},
    {IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, REFUSE, ENODEV, 0},
    {IPPROTO_IPV6, IPV6_TRANSPARENT, REFUSE, EPERM, 0},
    {IPPROTO_TCP, TCP_NODELAY, STACK, LA_SO_NODELAY, 0},
    {IPPROTO_TCP, TCP_MAXSEG, STACK, LA_SO_MAXSEG, 0},
    {IPPROTO_TCP, TCP_CORK, STACK, LA_SO_CORK, 0},
    {IPPROTO_TCP, TCP_KEEPIDLE, STACK, LA_SO_KEEPIDLE, 0},
    {IPPROTO_TCP, TCP_KEEPINTVL, STACK, LA_SO_KEEPINTVL, 0},
    {IPPROTO_TCP, TCP_KEEPCNT, STACK, LA_SO_KEEPCNT, 0},
    {IPPROTO_TCP, TCP_SYNCNT, STACK, LA_SO_SYNCNT, 0},
    {IPPROTO_TCP, TCP_QUICKACK, STACK, LA_SO_QUICKACK, 0},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, STACK, LA_SO_USER_TIMEOUT, 0},
    {IPPROTO_TCP, TCP_LINGER2, KEPT, LINGER2_, 60},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, KEPT, DEFER_ACCEPT_, 0},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP, KEPT, WINDOW_CLAMP_, 0},
    {IPPROTO_TCP, TCP_FASTOPEN, KEPT, FASTOPEN_, 0},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, KEPT, NOTSENT_LOWAT_, 0},
    {IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, KEPT, THIN_, 0},
    {IPPROTO_TCP, TCP_THIN_DUPACK, KEPT, THIN_DUPACK_, 0},
    {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, REFUSE, EOPNOTSUPP, 0},
    {IPPROTO_TCP, TCP_ULP, REFUSE, ENOENT, 0},
    {IPPROTO_TCP, TCP_INFO, SPECIAL, 0, 0},
    {IPPROTO_TCP, TCP_CONGESTION, SPECIAL, 0, 0},
};

enum { ROWS_N = sizeof(table) / sizeof(table[0]) };

static const struct row *
find(const struct la_visit *v)
{
    int level = (int)(uint32_t)v->call.args[1];
    int name = (int)(uint32_t)v->call.args[2];
    if ((level == IPPROTO_TCP && v->ps->datagram) ||
        (level == IPPROTO_IPV6 && v->ps->family == AF_INET))
        return NULL;
    for (size_t i = 0; i < ROWS_N; i++) {
        if (table[i].level == level && table[i].name == name)
            return &table[i];
    }
    return NULL;
}

/* Linux says EOPNOTSUPP where no protocol knows the level. */
static bool
is_level(const struct la_visit *v)
{
    int level = (int)(uint32_t)v->call.args[1];
    return level == SOL_SOCKET || level == IPPROTO_IP ||
           (level == IPPROTO_IPV6 && v->ps->family == AF_INET6) ||
           level == (v->ps->datagram ? IPPROTO_UDP : IPPROTO_TCP);
}

void
la_options_init(struct la_options *options)
{
    memset(options, 0, sizeof(*options));
    for (size_t i = 0; i < ROWS_N; i++) {
        if (table[i].kind == KEPT)
            options->kept[table[i].arg] = table[i].first;
    }
}

void
la_options_restore(struct la_psock *ps)
{
    for (unsigned i = 0; i < LA_SO_COUNT; i++) {
        if ((ps->options.stack_set >> i & 1) != 0)
            (void)la_sock_option_set(ps->run->socks, ps->sock, (enum la_sock_option)i,
                                     ps->options.stack[i], ps->run->now);
    }
}

bool
la_options_packet_info(const struct la_options *options, int family)
{
    return options->kept[family == AF_INET6 ? PKTINFO6_ : PKTINFO_] != 0;
}

static void
refuse(struct la_visit *v, int error)
{
    char what[64];
    (void)snprintf(what, sizeof(what), "%s(level %d, option %d)",
                   v->call.nr == SYS_getsockopt ? "getsockopt" : "setsockopt",
                   (int)(uint32_t)v->call.args[1], (int)(uint32_t)v->call.args[2]);
    la_run_refused(v->run, &v->call, what, error);
    la_syscall_fail(&v->call, error);
}

/* ---- getsockopt ---------------------------------------------------------------------------- */

/* Writes the value, cut to the room that *optlen says, and the length there. */
static void
give(struct la_visit *v, const void *value, size_t n)
{
    int32_t room_n;
    int error = la_process_read(v->call.tid, v->call.args[4], &room_n, sizeof(room_n));
    if (error == 0 && room_n < 0)
        error = EINVAL;
    int32_t len = 0;
    if (error == 0) {
        len = room_n < (int32_t)n ? room_n : (int32_t)n;
        error = la_process_write(v->call.tid, v->call.args[3], value, (size_t)len);
    }
    if (error == 0)
        error = la_process_write(v->call.tid, v->call.args[4], &len, sizeof(len));
    la_syscall_fail(&v->call, error);
}

static void
give_int(struct la_visit *v, int64_t value)
{
    int32_t i = (int32_t)value;
    give(v, &i, sizeof(i));
}

static void
give_error(struct la_visit *v)
{
    /* The unix socket has an error of its own to swallow (ECONNRESET): else the next read says
     * it. */
    int native = 0;
    socklen_t n = sizeof(native);
    (void)getsockopt(v->fd, SOL_SOCKET, SO_ERROR, &native, &n);
    int error = v->ps->error != 0 ? v->ps->error : native;
    v->ps->error = 0;
    give_int(v, error);
}

static void
give_linger(struct la_visit *v)
{
    int64_t seconds = -1;
    (void)la_sock_option_get(v->run->socks, v->ps->sock, LA_SO_LINGER_S, &seconds);
    struct linger l = {.l_onoff = seconds >= 0, .l_linger = seconds >= 0 ? (int)seconds : 0};
    give(v, &l, sizeof(l));
}

static void
give_peer_name(struct la_visit *v)
{
    struct la_endpoint peer;
    struct sockaddr_storage sa;
    if (v->ps->state == LA_PSOCK_ESTABLISHED && la_name_peer(v->ps, &peer))
        give(v, &sa, la_name_encode(v->ps->family, &peer, &sa));
    else
        la_syscall_fail(&v->call, ENOTCONN);
}

static void
give_special(struct la_visit *v, const struct row *r)
{
    const struct la_psock *ps = v->ps;
    if (r->level == IPPROTO_TCP && r->name == TCP_INFO) {
        struct tcp_info info;
        la_tcp_info_fill(ps, &info);
        give(v, &info, sizeof(info));
    } else if (r->level == IPPROTO_TCP) {
        give(v, "reno\0\0\0\0\0\0\0\0\0\0\0", 16); /* TCP_CONGESTION */
    } else if (r->level != SOL_SOCKET) {
        give_int(v, v->run->cfg->mtu_bytes); /* IP_MTU, IPV6_MTU */
    } else if (r->name == SO_TYPE) {
        give_int(v, ps->datagram ? SOCK_DGRAM : SOCK_STREAM);
    } else if (r->name == SO_DOMAIN) {
        give_int(v, ps->family);
    } else if (r->name == SO_PROTOCOL) {
        give_int(v, ps->datagram ? IPPROTO_UDP : IPPROTO_TCP);
    } else if (r->name == SO_ACCEPTCONN) {
        give_int(v, ps->state == LA_PSOCK_LISTENING);
    } else if (r->name == SO_ERROR) {
        give_error(v);
    } else if (r->name == SO_LINGER) {
        give_linger(v);
    } else if (r->name == SO_PEERNAME) {
        give_peer_name(v);
    } else {
        give(v, "", 0); /* SO_BINDTODEVICE: none */
    }
}

static void
give_stack(struct la_visit *v, const struct row *r)
{
    int64_t value = 0;
    la_err err =
        la_sock_option_get(v->run->socks, v->ps->sock, (enum la_sock_option)r->arg, &value);
    if (err != LA_OK)
        refuse(v, la_err_to_errno(err));
    else
        give_int(v, value);
}

void
la_syscall_getsockopt(struct la_visit *v)
{
    const struct row *r = find(v);
    if (r == NULL) {
        refuse(v, is_level(v) ? ENOPROTOOPT : EOPNOTSUPP);
        return;
    }
    switch ((enum kind)r->kind) {
    case STACK:
        give_stack(v, r);
        break;
    case KEPT:
        give_int(v, v->ps->options.kept[r->arg]);
        break;
    case FIXED:
        give_int(v, r->first);
        break;
    case NATIVE:
        la_syscall_continue(&v->call);
        break;
    case REFUSE:
        refuse(v, ENOPROTOOPT);
        break;
    case SPECIAL:
        give_special(v, r);
        break;
    }
}

/* ---- setsockopt ---------------------------------------------------------------------------- */

/* At the IP level an octet may stand for an int (ip(7)). */
static int
read_int(const struct la_visit *v, const struct row *r, int64_t *out)
{
    uint64_t len = v->call.args[4];
    int32_t value = 0;
    uint8_t octet = 0;
    int error = EINVAL;
    if (len >= sizeof(value) && len <= INT32_MAX) {
        error = la_process_read(v->call.tid, v->call.args[3], &value, sizeof(value));
    } else if (len >= 1 && len < sizeof(value) && r->level == IPPROTO_IP) {
        error = la_process_read(v->call.tid, v->call.args[3], &octet, sizeof(octet));
        value = octet;
    }
    *out = value;
    return error;
}

static int
set_stack(struct la_visit *v, const struct row *r, int64_t value)
{
    struct la_psock *ps = v->ps;
    if (r->arg == LA_SO_TTL && value == -1)
        value = 64;
    la_err err = la_sock_option_set(v->run->socks, ps->sock, (enum la_sock_option)r->arg, value,
                                    v->run->now);
    if (err == LA_OK) {
        ps->options.stack[r->arg] = value;
        ps->options.stack_set |= UINT32_C(1) << r->arg;
    }
    return la_err_to_errno(err);
}

static int
set_linger(struct la_visit *v)
{
    struct linger l;
    if (v->call.args[4] < sizeof(l))
        return EINVAL;
    int error = la_process_read(v->call.tid, v->call.args[3], &l, sizeof(l));
    if (error != 0)
        return error;
    static const struct row row = {SOL_SOCKET, SO_LINGER, STACK, LA_SO_LINGER_S, 0};
    return set_stack(v, &row, l.l_onoff != 0 ? (l.l_linger < 0 ? INT32_MAX : l.l_linger) : -1);
}

/* Reads a name; names of interfaces that the host has are accepted without effect. */
static int
set_by_name(struct la_visit *v, const struct row *r)
{
    char name[64] = {0};
    uint64_t len = v->call.args[4] < sizeof(name) ? v->call.args[4] : sizeof(name) - 1;
    int error = la_process_read(v->call.tid, v->call.args[3], name, len);
    if (error != 0)
        return error;
    if (r->level == IPPROTO_TCP)
        return strcmp(name, "reno") == 0 ? 0 : ENOENT;
    return name[0] == '\0' || if_nametoindex(name) != 0 ? 0 : ENODEV;
}

static int
set_special(struct la_visit *v, const struct row *r)
{
    if (r->level == SOL_SOCKET && r->name == SO_LINGER)
        return set_linger(v);
    if ((r->level == SOL_SOCKET && r->name == SO_BINDTODEVICE) ||
        (r->level == IPPROTO_TCP && r->name == TCP_CONGESTION))
        return set_by_name(v, r);
    return ENOPROTOOPT;
}

void
la_syscall_setsockopt(struct la_visit *v)
{
    const struct row *r = find(v);
    int64_t value = 0;
    int error = ENOPROTOOPT;
    if (r != NULL && r->kind == NATIVE) {
        la_syscall_continue(&v->call);
        return;
    }
    if (r != NULL && r->kind == SPECIAL)
        error = set_special(v, r);
    else if (r != NULL && r->kind == REFUSE)
        error = r->arg;
    else if (r != NULL && r->kind != FIXED)
        error = read_int(v, r, &value);
    if (r != NULL && error == 0 && r->kind == STACK)
        error = set_stack(v, r, value);
    else if (r != NULL && error == 0 && r->kind == KEPT)
        v->ps->options.kept[r->arg] = (int32_t)value;
    if (error == 0)
        la_syscall_return(&v->call, 0);
    else
        refuse(v, error);
}

/* SPDX-License-Identifier: MIT
 *
 * options.c - socket options: whose they are and what they are worth
 *
 * Read first: socket(7), ip(7), ipv6(7), tcp(7).
 *
 * Every option is a row of one table (option_rows.h). Some belong to the stack; some live on the
 * unix socket, where the kernel obeys them (time-outs, low-water mark, urgent data in line); some
 * are hints that are kept and read back; the rest is refused with ENOPROTOOPT, since silence would
 * be a lie. What is refused, --trace shows.
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

enum { CONGESTION_BYTES = 16 }; /* as the kernel has it: TCP_CA_NAME_MAX */

static const struct la_option_row *
find(const struct la_visit *v)
{
    int level = (int)(uint32_t)v->call.args[1];
    int name = (int)(uint32_t)v->call.args[2];
    if ((level == IPPROTO_TCP && v->ps->datagram) ||
        (level == IPPROTO_IPV6 && v->ps->family == AF_INET))
        return NULL;
    return la_option_find(level, name);
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
    la_option_kept_init(options->kept);
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
    const struct la_option_row *r = family == AF_INET6
                                        ? la_option_find(IPPROTO_IPV6, IPV6_RECVPKTINFO)
                                        : la_option_find(IPPROTO_IP, IP_PKTINFO);
    return options->kept[r->arg] != 0;
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
give_congestion(struct la_visit *v)
{
    int64_t control = 0;
    char name[CONGESTION_BYTES] = {0};
    (void)la_sock_option_get(v->run->socks, v->ps->sock, LA_SO_CONGESTION, &control);
    (void)snprintf(name, sizeof(name), "%s", la_congestion_name((int)control));
    give(v, name, sizeof(name));
}

static void
give_rate(struct la_visit *v)
{
    int64_t rate = -1;
    int32_t room_n = 0;
    uint8_t octets[LA_OPTION_RATE_BYTES];
    (void)la_sock_option_get(v->run->socks, v->ps->sock, LA_SO_MAX_PACING_RATE, &rate);
    /* give() says what is wrong with it. */
    (void)la_process_read(v->call.tid, v->call.args[4], &room_n, sizeof(room_n));
    give(v, octets, la_option_rate_write(rate, octets, room_n > 0 ? (size_t)room_n : 0));
}

static void
give_special(struct la_visit *v, const struct la_option_row *r)
{
    const struct la_psock *ps = v->ps;
    if (r->level == IPPROTO_TCP && r->name == TCP_INFO) {
        struct tcp_info info;
        la_tcp_info_fill(ps, &info);
        give(v, &info, sizeof(info));
    } else if (r->level == IPPROTO_TCP) {
        give_congestion(v);
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
    } else if (r->name == SO_MAX_PACING_RATE) {
        give_rate(v);
    } else {
        give(v, "", 0); /* SO_BINDTODEVICE: none */
    }
}

static void
give_stack(struct la_visit *v, const struct la_option_row *r)
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
    const struct la_option_row *r = find(v);
    if (r == NULL) {
        refuse(v, is_level(v) ? ENOPROTOOPT : EOPNOTSUPP);
        return;
    }
    switch ((enum la_option_kind)r->kind) {
    case LA_OPTION_STACK:
        give_stack(v, r);
        break;
    case LA_OPTION_KEPT:
        give_int(v, v->ps->options.kept[r->arg]);
        break;
    case LA_OPTION_FIXED:
        give_int(v, r->first);
        break;
    case LA_OPTION_NATIVE:
        la_syscall_continue(&v->call);
        break;
    case LA_OPTION_REFUSE:
        refuse(v, ENOPROTOOPT);
        break;
    case LA_OPTION_SPECIAL:
        give_special(v, r);
        break;
    }
}

/* ---- setsockopt ---------------------------------------------------------------------------- */

/* At the IP level an octet may stand for an int (ip(7)). */
static int
read_int(const struct la_visit *v, const struct la_option_row *r, int64_t *out)
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
set_stack(struct la_visit *v, const struct la_option_row *r, int64_t value)
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
    static const struct la_option_row row = {SOL_SOCKET, SO_LINGER, LA_OPTION_STACK, LA_SO_LINGER_S,
                                             0};
    return set_stack(v, &row, l.l_onoff != 0 ? (l.l_linger < 0 ? INT32_MAX : l.l_linger) : -1);
}

static int
set_rate(struct la_visit *v)
{
    static const struct la_option_row row = {SOL_SOCKET, SO_MAX_PACING_RATE, LA_OPTION_STACK,
                                             LA_SO_MAX_PACING_RATE, 0};
    uint8_t octets[LA_OPTION_RATE_BYTES];
    size_t n = v->call.args[4] >= sizeof(octets) ? sizeof(octets) : sizeof(uint32_t);
    if (v->call.args[4] < n)
        return EINVAL;
    int error = la_process_read(v->call.tid, v->call.args[3], octets, n);
    return error != 0 ? error : set_stack(v, &row, la_option_rate_read(octets, n));
}

static int
set_congestion(struct la_visit *v, const char *name)
{
    static const struct la_option_row row = {IPPROTO_TCP, TCP_CONGESTION, LA_OPTION_STACK,
                                             LA_SO_CONGESTION, 0};
    int control = la_congestion_find(name);
    return control < 0 ? ENOENT : set_stack(v, &row, control);
}

/* Reads a name; names of interfaces that the host has are accepted without effect. */
static int
set_by_name(struct la_visit *v, const struct la_option_row *r)
{
    char name[64] = {0};
    uint64_t len = v->call.args[4] < sizeof(name) ? v->call.args[4] : sizeof(name) - 1;
    int error = la_process_read(v->call.tid, v->call.args[3], name, len);
    if (error != 0)
        return error;
    if (r->level == IPPROTO_TCP)
        return set_congestion(v, name);
    return name[0] == '\0' || if_nametoindex(name) != 0 ? 0 : ENODEV;
}

static int
set_special(struct la_visit *v, const struct la_option_row *r)
{
    if (r->level == SOL_SOCKET && r->name == SO_LINGER)
        return set_linger(v);
    if (r->level == SOL_SOCKET && r->name == SO_MAX_PACING_RATE)
        return set_rate(v);
    if ((r->level == SOL_SOCKET && r->name == SO_BINDTODEVICE) ||
        (r->level == IPPROTO_TCP && r->name == TCP_CONGESTION))
        return set_by_name(v, r);
    return ENOPROTOOPT;
}

void
la_syscall_setsockopt(struct la_visit *v)
{
    const struct la_option_row *r = find(v);
    int64_t value = 0;
    int error = ENOPROTOOPT;
    if (r != NULL && r->kind == LA_OPTION_NATIVE) {
        la_syscall_continue(&v->call);
        return;
    }
    if (r != NULL && r->kind == LA_OPTION_SPECIAL)
        error = set_special(v, r);
    else if (r != NULL && r->kind == LA_OPTION_REFUSE)
        error = r->arg;
    else if (r != NULL && r->kind != LA_OPTION_FIXED)
        error = read_int(v, r, &value);
    if (r != NULL && error == 0 && r->kind == LA_OPTION_STACK)
        error = set_stack(v, r, value);
    else if (r != NULL && error == 0 && r->kind == LA_OPTION_KEPT)
        v->ps->options.kept[r->arg] = (int32_t)value;
    if (error == 0)
        la_syscall_return(&v->call, 0);
    else
        refuse(v, error);
}

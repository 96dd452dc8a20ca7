/* SPDX-License-Identifier: MIT
 *
 * names.c - the names of the socket interface: constants, errors, options
 */
#include "drill/names.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* ---- constants -------------------------------------------------------------------------- */

struct constant {
    const char *name;
    int64_t value;
};

/* clang-format off */
#define IS(name) {#name, name}
static const struct constant constants[] = {
    IS(AF_INET), IS(AF_INET6), IS(PF_INET), IS(PF_INET6), IS(AF_UNSPEC),
    IS(SOCK_STREAM), IS(SOCK_DGRAM), IS(SOCK_NONBLOCK), IS(SOCK_CLOEXEC),
    IS(IPPROTO_IP), IS(IPPROTO_TCP), IS(IPPROTO_UDP), IS(IPPROTO_IPV6), IS(INADDR_ANY),
    IS(SOL_SOCKET), {"SOL_TCP", IPPROTO_TCP}, {"SOL_IP", IPPROTO_IP}, {"SOL_IPV6", IPPROTO_IPV6},
    IS(SO_REUSEADDR), IS(SO_REUSEPORT), IS(SO_KEEPALIVE), IS(SO_LINGER), IS(SO_SNDBUF),
    IS(SO_RCVBUF), IS(SO_ERROR), IS(SO_BROADCAST), IS(SO_OOBINLINE),
    IS(SO_MAX_PACING_RATE),
    IS(IP_TTL), IS(IP_TOS), IS(IP_MTU_DISCOVER), IS(IPV6_V6ONLY), IS(IPV6_UNICAST_HOPS),
    IS(IPV6_TCLASS),
    IS(TCP_NODELAY), IS(TCP_CORK), IS(TCP_QUICKACK), IS(TCP_MAXSEG), IS(TCP_KEEPIDLE),
    IS(TCP_KEEPINTVL), IS(TCP_KEEPCNT), IS(TCP_USER_TIMEOUT), IS(TCP_SYNCNT),
    IS(TCP_CONGESTION), IS(TCP_FASTOPEN), IS(TCP_FASTOPEN_CONNECT),
    IS(MSG_OOB), IS(MSG_PEEK), IS(MSG_DONTWAIT), IS(MSG_WAITALL), IS(MSG_NOSIGNAL), IS(MSG_MORE),
    IS(MSG_TRUNC), IS(MSG_CTRUNC), IS(MSG_EOR), IS(MSG_FASTOPEN),
    IS(O_RDONLY), IS(O_WRONLY), IS(O_RDWR), IS(O_NONBLOCK), IS(F_GETFL), IS(F_SETFL),
    IS(SHUT_RD), IS(SHUT_WR), IS(SHUT_RDWR),
    IS(POLLIN), IS(POLLPRI), IS(POLLOUT), IS(POLLERR), IS(POLLHUP), IS(POLLNVAL), IS(POLLRDHUP),
    IS(FIONREAD), IS(SIOCINQ), IS(SIOCOUTQ), IS(SIOCOUTQNSD), IS(SIOCATMARK),
    {"NULL", 0},
};
#undef IS

#define IS(name) {#name, name}
static const struct constant errors[] = {
    IS(EAGAIN), IS(EWOULDBLOCK), IS(EINPROGRESS), IS(EALREADY), IS(ENOBUFS), IS(ENOMEM),
    IS(ENETUNREACH), IS(EHOSTUNREACH), IS(ECONNREFUSED), IS(ECONNRESET), IS(ECONNABORTED),
    IS(ETIMEDOUT), IS(EADDRINUSE), IS(EADDRNOTAVAIL), IS(ENOTCONN), IS(EISCONN), IS(EPIPE),
    IS(EMSGSIZE), IS(ENOPROTOOPT), IS(ENFILE), IS(EIO), IS(EINVAL), IS(EBADF), IS(EOPNOTSUPP),
    IS(EAFNOSUPPORT), IS(EDESTADDRREQ), IS(EFAULT), IS(EMFILE), IS(EPROTO), IS(EPROTONOSUPPORT),
    IS(ENOTTY), IS(EINTR),
};
#undef IS

#define INT(level, name, option) {level, name, option, LA_DRILL_VALUE_INT}
static const struct la_drill_sockopt sockopts[] = {
    INT(SOL_SOCKET, SO_REUSEADDR, LA_SO_REUSEADDR),
    INT(SOL_SOCKET, SO_REUSEPORT, LA_SO_REUSEPORT),
    INT(SOL_SOCKET, SO_KEEPALIVE, LA_SO_KEEPALIVE),
    {SOL_SOCKET, SO_LINGER, LA_SO_LINGER_S, LA_DRILL_VALUE_LINGER},
    INT(SOL_SOCKET, SO_SNDBUF, LA_SO_SNDBUF),
    INT(SOL_SOCKET, SO_RCVBUF, LA_SO_RCVBUF),
    INT(SOL_SOCKET, SO_BROADCAST, LA_SO_BROADCAST),
    INT(SOL_SOCKET, SO_MAX_PACING_RATE, LA_SO_MAX_PACING_RATE),
    {SOL_SOCKET, SO_ERROR, LA_SO_COUNT, LA_DRILL_VALUE_ERROR},
    INT(IPPROTO_IP, IP_TTL, LA_SO_TTL),
    INT(IPPROTO_IP, IP_TOS, LA_SO_TOS),
    INT(IPPROTO_IPV6, IPV6_V6ONLY, LA_SO_V6ONLY),
    INT(IPPROTO_IPV6, IPV6_UNICAST_HOPS, LA_SO_TTL),
    INT(IPPROTO_IPV6, IPV6_TCLASS, LA_SO_TOS),
    INT(IPPROTO_TCP, TCP_NODELAY, LA_SO_NODELAY),
    INT(IPPROTO_TCP, TCP_CORK, LA_SO_CORK),
    INT(IPPROTO_TCP, TCP_QUICKACK, LA_SO_QUICKACK),
    INT(IPPROTO_TCP, TCP_MAXSEG, LA_SO_MAXSEG),
    INT(IPPROTO_TCP, TCP_KEEPIDLE, LA_SO_KEEPIDLE),
    INT(IPPROTO_TCP, TCP_KEEPINTVL, LA_SO_KEEPINTVL),
    INT(IPPROTO_TCP, TCP_KEEPCNT, LA_SO_KEEPCNT),
    INT(IPPROTO_TCP, TCP_USER_TIMEOUT, LA_SO_USER_TIMEOUT),
    INT(IPPROTO_TCP, TCP_SYNCNT, LA_SO_SYNCNT),
    INT(IPPROTO_TCP, TCP_FASTOPEN, LA_SO_FASTOPEN),
    INT(IPPROTO_TCP, TCP_FASTOPEN_CONNECT, LA_SO_FASTOPEN_CONNECT),
    {IPPROTO_TCP, TCP_CONGESTION, LA_SO_CONGESTION, LA_DRILL_VALUE_CONGESTION},
};
#undef INT
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct constant *
find(const struct constant *table, size_t n, struct la_bytes name)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(table[i].name) == name.n && memcmp(table[i].name, name.p, name.n) == 0)
            return &table[i];
    return NULL;
}

bool
la_drill_name_value(struct la_bytes name, int64_t *out)
{
    const struct constant *c = find(constants, COUNT(constants), name);
    if (c == NULL)
        c = find(errors, COUNT(errors), name);
    if (c != NULL)
        *out = c->value;
    return c != NULL;
}

bool
la_drill_is_errno(const char *name)
{
    struct la_bytes bytes = {(const uint8_t *)name, strlen(name)};
    return find(errors, COUNT(errors), bytes) != NULL;
}

const char *
la_drill_errno_name(la_err err)
{
    switch (err) {
    case LA_OK:
        return "";
#define ERR(name, value, errno_name, text)                                                         \
    case (value):                                                                                  \
        return #errno_name;
#include <lastack/err.def>
#undef ERR
    default:
        return "EIO";
    }
}

int64_t
la_drill_errno_value(la_err err)
{
    switch (err) {
    case LA_OK:
        return 0;
#define ERR(name, value, errno_name, text)                                                         \
    case (value):                                                                                  \
        return errno_name;
#include <lastack/err.def>
#undef ERR
    default:
        return EIO;
    }
}

const struct la_drill_sockopt *
la_drill_sockopt_find(int64_t level, int64_t name)
{
    for (size_t i = 0; i < COUNT(sockopts); i++)
        if (sockopts[i].level == level && sockopts[i].name == name)
            return &sockopts[i];
    return NULL;
}

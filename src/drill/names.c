/* SPDX-License-Identifier: MIT
 *
 * names.c - the names of the socket interface: constants, errors
 */
#include "drill/names.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <linux/errqueue.h>

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
    IS(SO_MAX_PACING_RATE), IS(SO_MARK), IS(SO_PRIORITY), IS(SO_DEBUG), IS(SO_DONTROUTE),
    IS(SO_RCVLOWAT), IS(SO_RCVTIMEO), IS(SO_SNDTIMEO), IS(SO_BUSY_POLL), IS(SO_TYPE), IS(SO_DOMAIN),
    IS(SO_PROTOCOL), IS(SO_ACCEPTCONN), IS(SO_SNDBUFFORCE), IS(SO_RCVBUFFORCE), IS(SO_ZEROCOPY),
    IS(SO_TIMESTAMPING), IS(SO_INCOMING_CPU), IS(SO_BINDTODEVICE),
    IS(IP_RECVERR), IS(IP_FREEBIND), IS(IP_TRANSPARENT), IS(IP_MTU), IS(IP_PKTINFO),
    IS(IP_BIND_ADDRESS_NO_PORT), IS(IP_PMTUDISC_DONT), IS(IP_PMTUDISC_WANT), IS(IP_PMTUDISC_DO),
    IS(IP_PMTUDISC_PROBE), IS(IPV6_RECVERR), IS(IPV6_MTU), IS(IPV6_MTU_DISCOVER),
    IS(IPTOS_LOWDELAY), IS(IPTOS_THROUGHPUT), IS(IPTOS_RELIABILITY), IS(IPTOS_MINCOST),
    IS(IPTOS_DSCP_EF), IS(IPTOS_DSCP_AF11), IS(IPTOS_DSCP_AF21), IS(IPTOS_DSCP_AF41),
    {"IPTOS_DSCP_CS0", 0x00}, {"IPTOS_DSCP_CS1", 0x20}, {"IPTOS_DSCP_CS2", 0x40},
    {"IPTOS_DSCP_CS3", 0x60}, {"IPTOS_DSCP_CS4", 0x80}, {"IPTOS_DSCP_CS5", 0xa0},
    {"IPTOS_DSCP_CS6", 0xc0}, {"IPTOS_DSCP_CS7", 0xe0},
    IS(TCP_NOTSENT_LOWAT), IS(TCP_FASTOPEN_KEY), IS(TCP_DEFER_ACCEPT), IS(TCP_LINGER2),
    IS(TCP_WINDOW_CLAMP), IS(TCP_THIN_LINEAR_TIMEOUTS), IS(TCP_THIN_DUPACK), IS(TCP_INFO),
    IS(TCP_CC_INFO), IS(TCP_ULP), IS(TCP_MD5SIG), IS(TCP_INQ), IS(TCP_CM_INQ), IS(TCP_TX_DELAY),
    IS(MSG_ZEROCOPY), IS(MSG_ERRQUEUE), IS(MSG_CMSG_CLOEXEC),
    IS(O_CLOEXEC), IS(F_GETFD), IS(F_SETFD),
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
    IS(EPOLLIN), IS(EPOLLPRI), IS(EPOLLOUT), IS(EPOLLERR), IS(EPOLLHUP), IS(EPOLLRDHUP),
    IS(EPOLLET), IS(EPOLLONESHOT), IS(EPOLLEXCLUSIVE), IS(EPOLLWAKEUP), IS(EPOLL_CTL_ADD),
    IS(EPOLL_CTL_MOD), IS(EPOLL_CTL_DEL), IS(EPOLL_CLOEXEC), IS(EPOLLRDNORM), IS(EPOLLWRNORM),
    IS(SO_EE_ORIGIN_NONE), IS(SO_EE_ORIGIN_LOCAL), IS(SO_EE_ORIGIN_ICMP), IS(SO_EE_ORIGIN_ICMP6),
    IS(SO_EE_ORIGIN_ZEROCOPY), IS(SO_EE_ORIGIN_TIMESTAMPING), IS(SO_EE_CODE_ZEROCOPY_COPIED),
    {"SCM_TIMESTAMPING", SO_TIMESTAMPING}, IS(SCM_TSTAMP_SND), IS(SCM_TSTAMP_SCHED),
    IS(SCM_TSTAMP_ACK), IS(SOF_TIMESTAMPING_TX_HARDWARE), IS(SOF_TIMESTAMPING_TX_SOFTWARE),
    IS(SOF_TIMESTAMPING_RX_HARDWARE), IS(SOF_TIMESTAMPING_RX_SOFTWARE),
    IS(SOF_TIMESTAMPING_SOFTWARE), IS(SOF_TIMESTAMPING_RAW_HARDWARE), IS(SOF_TIMESTAMPING_OPT_ID),
    IS(SOF_TIMESTAMPING_TX_SCHED), IS(SOF_TIMESTAMPING_TX_ACK), IS(SOF_TIMESTAMPING_OPT_CMSG),
    IS(SOF_TIMESTAMPING_OPT_TSONLY), IS(SOF_TIMESTAMPING_OPT_STATS),
    {"TCP_KEEPINIT", LA_DRILL_TCP_KEEPINIT}, {"TCP_NOOPT", LA_DRILL_TCP_NOOPT},
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
    IS(ENOTTY), IS(EINTR), IS(ENODEV), IS(EPERM), IS(EACCES), IS(ENOENT), IS(EEXIST), IS(EDOM),
    IS(ESOCKTNOSUPPORT), IS(ENOMSG), IS(ENOTSOCK), IS(EBUSY), IS(E2BIG), IS(ENOSPC), IS(EMLINK),
};
#undef IS

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

bool
la_drill_same_errno(const char *one, const char *other)
{
    int64_t a = 0, b = -1;
    return la_drill_name_value((struct la_bytes){(const uint8_t *)one, strlen(one)}, &a) &&
           la_drill_name_value((struct la_bytes){(const uint8_t *)other, strlen(other)}, &b) &&
           a == b;
}

const char *
la_drill_errno_of(int64_t value)
{
    for (size_t i = 0; i < COUNT(errors); i++)
        if (errors[i].value == value)
            return errors[i].name;
    return "EIO";
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

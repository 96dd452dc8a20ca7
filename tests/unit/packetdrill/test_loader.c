/* SPDX-License-Identifier: MIT
 *
 * test_loader.c - plays packetdrill: loads the module and drives it by its table
 *
 * usage: test_packetdrill_loader liblastack-packetdrill.so
 *
 * The peer is made here, packet by packet. Time is the module's, so hours cost nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lab/packet.h"
#include "packetdrill/interface.h"

enum { HOST_PORT = 8080, PEER_PORT = 5000, PEER_ISS = 1000, US_PER_S = 1000000, TICKS_US = 2000 };
enum { SYN = LA_TCP_SYN, ACK = LA_TCP_ACK, FIN = LA_TCP_FIN, PSH = LA_TCP_PSH };

typedef void init_fn(const char *flags, struct la_pd_interface *out);

static init_fn *init;

/* One run of the module, and the peer's end of one connection. */
struct drill {
    struct la_pd_interface ifc;
    struct la_endpoint host, peer;
    la_seq snd_nxt, rcv_nxt; /* the peer's */
    struct la_lab_packet got;
    uint8_t bytes[65536];
    long long got_at_us;
};

static void
start(struct drill *d, const char *flags)
{
    memset(d, 0, sizeof(*d));
    init(flags, &d->ifc);
    d->host = (struct la_endpoint){la_addr_v4(192, 168, 0, 2), HOST_PORT};
    d->peer = (struct la_endpoint){la_addr_v4(192, 0, 2, 1), PEER_PORT};
    d->snd_nxt = la_seq_of(PEER_ISS);
}

static void
stop(struct drill *d)
{
    d->ifc.free(d->ifc.ctx);
}

static long long
clock_us(const struct drill *d)
{
    struct timeval tv;
    assert_int_equal(d->ifc.gettimeofday(d->ifc.ctx, &tv, NULL), 0);
    return (long long)tv.tv_sec * US_PER_S + tv.tv_usec;
}

/* ---- packets -------------------------------------------------------------------------------- */

static void
say(struct drill *d, uint8_t flags, const void *text, size_t n)
{
    static uint8_t bytes[65536];
    struct la_lab_packet packet = {
        .src = d->peer,
        .dst = d->host,
        .seg = {.seq = d->snd_nxt, .ack = d->rcv_nxt, .flags = flags, .wnd = 32768},
        .text = {text, n},
    };
    if ((flags & SYN) != 0) {
        packet.seg.has = LA_TCP_HAS_MSS;
        packet.seg.mss = 1000;
    }
    size_t bytes_n = la_lab_packet_make(&packet, (struct la_room){bytes, sizeof(bytes)});
    assert_true(bytes_n > 0);
    assert_int_equal(d->ifc.netdev_send(d->ifc.ctx, bytes, bytes_n), 0);
    d->snd_nxt = la_seq_add(d->snd_nxt, (uint32_t)n + ((flags & SYN) != 0) + ((flags & FIN) != 0));
}

/* The next packet that the module sends, which must have these flags. */
static const struct la_lab_packet *
hear(struct drill *d, uint8_t flags)
{
    size_t n = sizeof(d->bytes);
    assert_int_equal(d->ifc.netdev_receive(d->ifc.ctx, d->bytes, &n, &d->got_at_us), 0);
    assert_true(n > 0);
    assert_true(la_lab_packet_read(&d->got, (struct la_bytes){d->bytes, n}));
    assert_int_equal(d->got.seg.flags, flags);
    d->host = d->got.src;
    d->rcv_nxt = la_seq_add(d->got.seg.seq,
                            (uint32_t)d->got.text.n + ((flags & SYN) != 0) + ((flags & FIN) != 0));
    return &d->got;
}

static void
hear_nothing(struct drill *d)
{
    size_t n = sizeof(d->bytes);
    assert_int_equal(d->ifc.netdev_receive(d->ifc.ctx, d->bytes, &n, &d->got_at_us), 0);
    assert_int_equal(n, 0);
}

/* ---- sockets -------------------------------------------------------------------------------- */

static struct sockaddr_in
name(uint8_t a, uint8_t b, uint8_t c, uint8_t last, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl((uint32_t)a << 24 | (uint32_t)b << 16 | (uint32_t)c << 8 | last)};
}

static int
listener(const struct drill *d, int type)
{
    struct sockaddr_in sa = name(192, 168, 0, 2, HOST_PORT);
    int fd = d->ifc.socket(d->ifc.ctx, AF_INET, type, IPPROTO_TCP);
    assert_true(fd >= 0);
    assert_int_equal(d->ifc.bind(d->ifc.ctx, fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(d->ifc.listen(d->ifc.ctx, fd, 1), 0);
    return fd;
}

static void
shake_hands(struct drill *d)
{
    say(d, SYN, NULL, 0);
    (void)hear(d, SYN | ACK);
    say(d, ACK, NULL, 0);
}

static int
accepted(const struct drill *d, int listener_fd)
{
    struct sockaddr_in sa;
    socklen_t n = sizeof(sa);
    int fd = d->ifc.accept(d->ifc.ctx, listener_fd, (struct sockaddr *)&sa, &n);
    assert_true(fd >= 0);
    assert_int_equal(n, sizeof(sa));
    assert_int_equal(ntohs(sa.sin_port), PEER_PORT);
    assert_int_equal(ntohl(sa.sin_addr.s_addr), 0xc0000201);
    return fd;
}

/* ---- tests ---------------------------------------------------------------------------------- */

/* packetdrill calls without looking. */
static void
test_every_member_is_there(void **state)
{
    (void)state;
    struct drill d;
    start(&d, NULL);
    const unsigned char *p = (const unsigned char *)&d.ifc;
    for (size_t i = 0; i < sizeof(d.ifc); i += sizeof(void *)) {
        void *member;
        memcpy(&member, p + i, sizeof(member));
        assert_non_null(member);
    }
    assert_int_equal(sizeof(d.ifc), 33 * sizeof(void *));
    stop(&d);
}

static void
test_server(void **state)
{
    (void)state;
    struct drill d;
    char text[8] = "";
    start(&d, "profile=bsd65535");
    int l = listener(&d, SOCK_STREAM | SOCK_NONBLOCK);
    assert_int_equal(d.ifc.accept(d.ifc.ctx, l, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    say(&d, SYN, NULL, 0);
    const struct la_lab_packet *syn_ack = hear(&d, SYN | ACK);
    assert_int_equal(syn_ack->seg.wnd, 65535);
    assert_int_equal(syn_ack->seg.mss, 1460);
    say(&d, ACK, NULL, 0);
    int c = accepted(&d, l);
    assert_int_equal(d.ifc.recv(d.ifc.ctx, c, text, sizeof(text), MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    say(&d, ACK | PSH, "hello", 5);
    int queued_n = 0;
    assert_int_equal(d.ifc.ioctl(d.ifc.ctx, c, SIOCINQ, &queued_n), 0);
    assert_int_equal(queued_n, 5);
    assert_int_equal(d.ifc.recv(d.ifc.ctx, c, text, sizeof(text), MSG_PEEK), 5);
    assert_int_equal(d.ifc.read(d.ifc.ctx, c, text, sizeof(text)), 5);
    assert_memory_equal(text, "hello", 5);
    struct iovec pieces[2] = {{text, 2}, {text + 2, 3}};
    assert_int_equal(d.ifc.writev(d.ifc.ctx, c, pieces, 2), 5);
    assert_int_equal(hear(&d, ACK | PSH)->text.n, 5);
    assert_memory_equal(d.got.text.p, "hello", 5);
    say(&d, ACK | FIN, NULL, 0);
    (void)hear(&d, ACK); /* at once, as the BSDs */
    assert_int_equal(d.ifc.read(d.ifc.ctx, c, text, sizeof(text)), 0);
    assert_int_equal(d.ifc.close(d.ifc.ctx, c), 0);
    (void)hear(&d, ACK | FIN);
    say(&d, ACK, NULL, 0);
    assert_int_equal(d.ifc.close(d.ifc.ctx, c), -1);
    assert_int_equal(errno, EBADF);
    hear_nothing(&d);
    stop(&d);
}

/* Retransmissions of a SYN come at their times, and the clock says so, without any waiting. */
static void
test_time_is_virtual(void **state)
{
    (void)state;
    struct drill d;
    start(&d, "rto_initial_us=1000000,r2_syn=3");
    struct sockaddr_in sa = name(192, 0, 2, 1, PEER_PORT);
    int c = d.ifc.socket(d.ifc.ctx, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(d.ifc.fcntl(d.ifc.ctx, c, F_GETFL), O_RDWR);
    assert_int_equal(d.ifc.fcntl(d.ifc.ctx, c, F_SETFL, O_RDWR | O_NONBLOCK), 0);
    assert_int_equal(d.ifc.connect(d.ifc.ctx, c, (struct sockaddr *)&sa, sizeof(sa)), -1);
    assert_int_equal(errno, EINPROGRESS);
    (void)hear(&d, SYN);
    long long first_us = d.got_at_us;
    (void)hear(&d, SYN);
    assert_in_range(d.got_at_us - first_us, 1000000, 1000000 + TICKS_US);
    (void)hear(&d, SYN);
    assert_in_range(d.got_at_us - first_us, 3000000, 3000000 + TICKS_US);
    (void)hear(&d, SYN);
    hear_nothing(&d);
    assert_in_range(clock_us(&d) - first_us, 15000000, 15000000 + TICKS_US);
    int error = 0;
    socklen_t n = sizeof(error);
    assert_int_equal(d.ifc.getsockopt(d.ifc.ctx, c, SOL_SOCKET, SO_ERROR, &error, &n), 0);
    assert_int_equal(error, ETIMEDOUT);
    long long before_us = clock_us(&d);
    assert_int_equal(d.ifc.usleep(d.ifc.ctx, 250000), 0);
    assert_in_range(clock_us(&d) - before_us, 250001, 250001 + TICKS_US);
    stop(&d);
}

struct blocked {
    struct drill *d;
    int fd;
    int64_t result;
    long long returned_us;
    bool reads;
    atomic_int tid;
};

static void *
block(void *arg)
{
    struct blocked *b = arg;
    char text[16];
    atomic_store(&b->tid, gettid());
    b->result = b->reads ? b->d->ifc.read(b->d->ifc.ctx, b->fd, text, sizeof(text))
                         : b->d->ifc.accept(b->d->ifc.ctx, b->fd, NULL, NULL);
    b->returned_us = clock_us(b->d);
    return NULL;
}

/* Waits until the kernel says that the thread sleeps, as packetdrill does. */
static void
await_sleep(struct blocked *b)
{
    char path[64], line[256], *after = NULL;
    do {
        (void)sched_yield();
        (void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)atomic_load(&b->tid));
        FILE *file = atomic_load(&b->tid) == 0 ? NULL : fopen(path, "r");
        if (file == NULL)
            continue;
        after = fgets(line, sizeof(line), file) == NULL ? NULL : strrchr(line, ')');
        (void)fclose(file);
    } while (after == NULL || after[2] != 'S');
}

/* A call returns at the instant of what it waited for, though the main thread sleeps on. */
static void
test_calls_block(void **state)
{
    (void)state;
    struct drill d;
    start(&d, NULL);
    struct blocked b = {.d = &d, .fd = listener(&d, SOCK_STREAM)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, block, &b), 0);
    await_sleep(&b);
    assert_int_equal(d.ifc.usleep(d.ifc.ctx, 3 * US_PER_S), 0);
    shake_hands(&d);
    long long at_us = clock_us(&d);
    assert_int_equal(d.ifc.usleep(d.ifc.ctx, 5 * US_PER_S), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(b.result >= 0);
    assert_in_range(b.returned_us, at_us - TICKS_US, at_us);

    b = (struct blocked){.d = &d, .fd = (int)b.result, .reads = true};
    assert_int_equal(pthread_create(&thread, NULL, block, &b), 0);
    await_sleep(&b);
    say(&d, ACK | PSH, "late", 4);
    at_us = clock_us(&d);
    assert_int_equal(d.ifc.usleep(d.ifc.ctx, 5 * US_PER_S), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(b.result, 4);
    assert_in_range(b.returned_us, at_us - TICKS_US, at_us);
    stop(&d);
}

/* Time-outs end at their virtual time; a main thread that blocks moves it itself. */
static void
test_timeouts(void **state)
{
    (void)state;
    struct drill d;
    char text[8];
    start(&d, NULL);
    int l = listener(&d, SOCK_STREAM);
    shake_hands(&d);
    int c = accepted(&d, l);
    struct timeval tv = {2, 500000};
    assert_int_equal(d.ifc.setsockopt(d.ifc.ctx, c, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    long long before_us = clock_us(&d);
    assert_int_equal(d.ifc.read(d.ifc.ctx, c, text, sizeof(text)), -1);
    assert_int_equal(errno, EAGAIN);
    assert_in_range(clock_us(&d) - before_us, 2500000, 2500000 + TICKS_US);
    struct pollfd p = {.fd = c, .events = POLLIN | POLLOUT};
    assert_int_equal(d.ifc.poll(d.ifc.ctx, &p, 1, 1000), 1);
    assert_int_equal(p.revents, POLLOUT);
    p.events = POLLIN;
    before_us = clock_us(&d);
    assert_int_equal(d.ifc.poll(d.ifc.ctx, &p, 1, 1000), 0);
    assert_in_range(clock_us(&d) - before_us, 1000000, 1000000 + TICKS_US);
    stop(&d);
}

static void
test_epoll(void **state)
{
    (void)state;
    struct drill d;
    char text[2];
    start(&d, NULL);
    int l = listener(&d, SOCK_STREAM);
    shake_hands(&d);
    int c = accepted(&d, l);
    int e = d.ifc.epoll_create(d.ifc.ctx, 1);
    struct epoll_event want = {.events = EPOLLIN | EPOLLET, .data.u64 = 42}, got = {0};
    assert_int_equal(d.ifc.epoll_ctl(d.ifc.ctx, e, EPOLL_CTL_ADD, c, &want), 0);
    assert_int_equal(d.ifc.epoll_ctl(d.ifc.ctx, e, EPOLL_CTL_ADD, c, &want), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(d.ifc.epoll_wait(d.ifc.ctx, e, &got, 1, 0), 0);
    say(&d, ACK | PSH, "data", 4);
    assert_int_equal(d.ifc.epoll_wait(d.ifc.ctx, e, &got, 1, 0), 1);
    assert_int_equal(got.events, EPOLLIN);
    assert_int_equal(got.data.u64, 42);
    assert_int_equal(d.ifc.read(d.ifc.ctx, c, text, sizeof(text)), 2);
    assert_int_equal(d.ifc.epoll_wait(d.ifc.ctx, e, &got, 1, 0), 0); /* the edge was told */
    say(&d, ACK | PSH, "more", 4);
    assert_int_equal(d.ifc.epoll_wait(d.ifc.ctx, e, &got, 1, 0), 1);
    want.events = EPOLLIN | EPOLLONESHOT;
    assert_int_equal(d.ifc.epoll_ctl(d.ifc.ctx, e, EPOLL_CTL_MOD, c, &want), 0);
    assert_int_equal(d.ifc.epoll_wait(d.ifc.ctx, e, &got, 1, 0), 1);
    assert_int_equal(d.ifc.epoll_wait(d.ifc.ctx, e, &got, 1, 0), 0);
    assert_int_equal(d.ifc.epoll_ctl(d.ifc.ctx, e, EPOLL_CTL_DEL, c, NULL), 0);
    assert_int_equal(d.ifc.close(d.ifc.ctx, e), 0);
    stop(&d);
}

/* Splice between the stack and a pipe, both ways. */
static void
test_splice(void **state)
{
    (void)state;
    struct drill d;
    int fds[2];
    char text[8];
    start(&d, NULL);
    int l = listener(&d, SOCK_STREAM);
    shake_hands(&d);
    int c = accepted(&d, l);
    assert_int_equal(d.ifc.pipe(d.ifc.ctx, fds), 0);
    say(&d, ACK | PSH, "spliced", 7);
    (void)hear(&d, ACK);
    assert_int_equal(d.ifc.splice(d.ifc.ctx, c, NULL, fds[1], NULL, 100, 0), 7);
    assert_int_equal(d.ifc.splice(d.ifc.ctx, fds[0], NULL, c, NULL, 3, 0), 3);
    assert_int_equal(hear(&d, ACK | PSH)->text.n, 3);
    assert_int_equal(d.ifc.read(d.ifc.ctx, fds[0], text, sizeof(text)), 4);
    assert_memory_equal(text, "iced", 4);
    assert_int_equal(d.ifc.close(d.ifc.ctx, fds[0]), 0);
    assert_int_equal(d.ifc.close(d.ifc.ctx, fds[1]), 0);
    stop(&d);
}

static void
test_options(void **state)
{
    (void)state;
    struct drill d;
    start(&d, "profile=linux");
    int l = listener(&d, SOCK_STREAM), v = 1000;
    socklen_t n = sizeof(v);
    assert_int_equal(d.ifc.setsockopt(d.ifc.ctx, l, SOL_SOCKET, SO_SNDBUF, &v, n), 0);
    shake_hands(&d);
    int c = accepted(&d, l);
    assert_int_equal(d.ifc.getsockopt(d.ifc.ctx, c, SOL_SOCKET, SO_SNDBUF, &v, &n), 0);
    assert_int_equal(v, 4608);
    uint8_t tos = 0x10;
    assert_int_equal(d.ifc.setsockopt(d.ifc.ctx, c, IPPROTO_IP, IP_TOS, &tos, 1), 0);
    tos = 0;
    n = 1;
    assert_int_equal(d.ifc.getsockopt(d.ifc.ctx, c, IPPROTO_IP, IP_TOS, &tos, &n), 0);
    assert_int_equal(tos, 0x10);
    assert_int_equal(n, 1);
    uint32_t rate = 1 << 20;
    uint64_t wide = 0;
    n = sizeof(rate);
    assert_int_equal(d.ifc.setsockopt(d.ifc.ctx, c, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, 3), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(d.ifc.setsockopt(d.ifc.ctx, c, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, n), 0);
    n = sizeof(wide);
    assert_int_equal(d.ifc.getsockopt(d.ifc.ctx, c, SOL_SOCKET, SO_MAX_PACING_RATE, &wide, &n), 0);
    assert_int_equal(wide, 1 << 20);
    assert_int_equal(n, sizeof(wide));
    uint8_t info[512];
    n = 280;
    assert_int_equal(d.ifc.getsockopt(d.ifc.ctx, c, IPPROTO_TCP, TCP_INFO, info, &n), 0);
    assert_int_equal(n, 280);
    struct tcp_info known;
    memcpy(&known, info, sizeof(known));
    assert_int_equal(known.tcpi_state, TCP_ESTABLISHED);
    assert_int_equal(known.tcpi_snd_ssthresh, 0x7fffffff); /* no loss yet, as the kernel says it */
    assert_int_equal(d.ifc.setsockopt(d.ifc.ctx, c, IPPROTO_TCP, TCP_NODELAY, NULL, 4), -1);
    assert_int_equal(errno, EFAULT);
    assert_int_equal(d.ifc.getsockopt(d.ifc.ctx, c, SOL_SOCKET, 9999, &v, &n), -1);
    assert_int_equal(errno, ENOPROTOOPT);
    assert_int_equal(d.ifc.write(d.ifc.ctx, c, NULL, 10), -1);
    assert_int_equal(errno, EFAULT);
    stop(&d);
}

/* How many lines of the file of states hold all of `words`? */
static int
lines_with(const char *path, const char *first, const char *second)
{
    char line[256];
    int n = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL)
        n += strstr(line, first) != NULL && strstr(line, second) != NULL;
    (void)fclose(file);
    return n;
}

static void
test_states_are_told(void **state)
{
    (void)state;
    struct drill d;
    char path[] = "/tmp/lastack-states-XXXXXX", flags[64];
    int file = mkstemp(path);
    assert_true(file >= 0);
    (void)close(file);
    (void)snprintf(flags, sizeof(flags), "states=%s", path);
    start(&d, flags);
    int l = listener(&d, SOCK_STREAM | SOCK_NONBLOCK);
    assert_int_equal(lines_with(path, "tcp4 192.168.0.2:8080 *:* ", "LISTEN"), 1);
    say(&d, SYN, NULL, 0);
    assert_int_equal(lines_with(path, " 192.168.0.2:8080 192.0.2.1:5000 ", "SYN_RCVD"), 1);
    (void)hear(&d, SYN | ACK);
    say(&d, ACK, NULL, 0);
    int c = accepted(&d, l);
    assert_int_equal(lines_with(path, "SYN_RCVD", ""), 0);
    assert_int_equal(lines_with(path, "packetdrill", "ESTABLISHED"), 1);
    assert_int_equal(d.ifc.shutdown(d.ifc.ctx, c, SHUT_WR), 0);
    (void)hear(&d, FIN | ACK);
    assert_int_equal(lines_with(path, "packetdrill", "FIN_WAIT_1"), 1);
    assert_int_equal(d.ifc.shutdown(d.ifc.ctx, l, SHUT_RD), 0);
    assert_int_equal(lines_with(path, "LISTEN", ""), 0);
    (void)unlink(path);
    stop(&d);
}

/* Two runs with one script are one run: numbers, ports and times. */
static void
test_runs_repeat(void **state)
{
    (void)state;
    struct drill d[2];
    for (int i = 0; i < 2; i++) {
        start(&d[i], "seed=7");
        (void)listener(&d[i], SOCK_STREAM);
        say(&d[i], SYN, NULL, 0);
        (void)hear(&d[i], SYN | ACK);
        (void)hear(&d[i], SYN | ACK);
        stop(&d[i]);
    }
    assert_true(la_seq_eq(d[0].got.seg.seq, d[1].got.seg.seq));
    assert_int_equal(d[0].got_at_us, d[1].got_at_us);
}

/* The numbers of what was acknowledged, first to last; -1: none. */
static void
assert_done(const struct drill *d, int fd, int first, int last)
{
    uint8_t room[128] = {0};
    struct msghdr msg = {.msg_control = room, .msg_controllen = sizeof(room)};
    ssize_t n = d->ifc.recvmsg(d->ifc.ctx, fd, &msg, MSG_ERRQUEUE);
    assert_int_equal(n, first < 0 ? -1 : 0);
    if (first < 0) {
        assert_int_equal(errno, EAGAIN);
        return;
    }
    struct sock_extended_err ee;
    const struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
    assert_int_equal(msg.msg_flags, MSG_ERRQUEUE);
    assert_int_equal(cmsg->cmsg_level, SOL_IP);
    assert_int_equal(cmsg->cmsg_type, IP_RECVERR);
    memcpy(&ee, CMSG_DATA(cmsg), sizeof(ee));
    assert_int_equal(ee.ee_origin, SO_EE_ORIGIN_ZEROCOPY);
    assert_int_equal(ee.ee_code, SO_EE_CODE_ZEROCOPY_COPIED);
    assert_int_equal(ee.ee_info, first);
    assert_int_equal(ee.ee_data, last);
}

/* MSG_ZEROCOPY: told when it was acknowledged, in ranges, and that it was copied. */
static void
test_zerocopy(void **state)
{
    (void)state;
    struct drill d;
    static const char text[1000];
    int on = 1;
    start(&d, "profile=linux");
    int l = listener(&d, SOCK_STREAM);
    assert_int_equal(d.ifc.setsockopt(d.ifc.ctx, l, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)), 0);
    shake_hands(&d);
    int c = accepted(&d, l);
    assert_done(&d, c, -1, -1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(d.ifc.send(d.ifc.ctx, c, text, sizeof(text), MSG_ZEROCOPY), sizeof(text));
    assert_int_equal(d.ifc.send(d.ifc.ctx, c, text, sizeof(text), 0), sizeof(text));
    struct pollfd ready = {.fd = c, .events = POLLOUT};
    assert_int_equal(d.ifc.poll(d.ifc.ctx, &ready, 1, 0), 1);
    assert_int_equal(ready.revents, POLLOUT);
    (void)hear(&d, ACK | PSH);
    (void)hear(&d, ACK | PSH);
    say(&d, ACK, NULL, 0); /* two of them */
    assert_int_equal(d.ifc.poll(d.ifc.ctx, &ready, 1, 0), 1);
    assert_int_equal(ready.revents, POLLOUT | POLLERR);
    assert_done(&d, c, 0, 1);
    assert_done(&d, c, -1, -1);
    (void)hear(&d, ACK | PSH);
    (void)hear(&d, ACK | PSH);
    say(&d, ACK, NULL, 0);
    assert_done(&d, c, 2, 2); /* the fourth was an ordinary one */
    assert_done(&d, c, -1, -1);
    stop(&d);
}

int
main(int argc, char **argv)
{
    void *module = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) : NULL;
    void *door = module == NULL ? NULL : dlsym(module, "packetdrill_interface_init");
    if (door == NULL) {
        (void)fprintf(stderr, "usage: %s liblastack-packetdrill.so (%s)\n", argv[0],
                      argc == 2 ? dlerror() : "one argument");
        return 2;
    }
    memcpy(&init, &door, sizeof(init));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_member_is_there),
        cmocka_unit_test(test_server),
        cmocka_unit_test(test_time_is_virtual),
        cmocka_unit_test(test_zerocopy),
        cmocka_unit_test(test_calls_block),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_epoll),
        cmocka_unit_test(test_splice),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_states_are_told),
        cmocka_unit_test(test_runs_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

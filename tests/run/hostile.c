/* SPDX-License-Identifier: MIT
 *
 * hostile.c - a program that makes socket calls without sense
 *
 * usage: hostile SEED CALLS PORT
 *
 * Threads and a child make random calls with random arguments on random descriptors, interrupted by
 * signals, and close each other's sockets. Nothing of it may crash, hang or leak the supervisor.
 * Says "done".
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FD_MIN = 10, FD_N = 24, THREADS_N = 3 };

static uint16_t port;
static long calls_n;

struct rng {
    uint64_t s;
};

static uint32_t
draw(struct rng *r, uint32_t n)
{
    r->s = r->s * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(r->s >> 33) % n;
}

/* An address that is right, wrong or unreadable. */
static uint64_t
address(struct rng *r, void *room)
{
    static const uint16_t families[] = {AF_INET, AF_INET, AF_INET, AF_INET6, AF_UNSPEC, AF_UNIX};
    struct sockaddr_in6 *sa = room;
    memset(room, 0, 128);
    sa->sin6_family = families[draw(r, 6)];
    sa->sin6_port = htons(draw(r, 3) == 0 ? (uint16_t)draw(r, 65536) : draw(r, 2) ? port : 0);
    if (sa->sin6_family == AF_INET)
        ((struct sockaddr_in *)room)->sin_addr.s_addr = htonl(INADDR_LOOPBACK + draw(r, 2));
    else if (draw(r, 2) == 0)
        sa->sin6_addr = in6addr_loopback;
    return draw(r, 20) == 0 ? 8 : (uint64_t)(uintptr_t)room;
}

static int
some_fd(struct rng *r)
{
    return FD_MIN + (int)draw(r, FD_N);
}

static long
open_socket(struct rng *r)
{
    int type = draw(r, 3) == 0 ? SOCK_DGRAM : SOCK_STREAM;
    /* Mostly non-blocking: what blocks is interrupted by the timer. */
    type |= draw(r, 6) != 0 ? SOCK_NONBLOCK : 0;
    int fd = socket(draw(r, 4) == 0 ? AF_INET6 : AF_INET, type, 0);
    if (fd < 0)
        return -1;
    struct timeval tv = {.tv_usec = 20000};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    (void)dup2(fd, some_fd(r));
    return close(fd);
}

static long
message_call(struct rng *r, int fd, uint8_t *room)
{
    struct iovec iov[3] = {{room, draw(r, 300)}, {room + 300, draw(r, 40000)}, {(void *)8, 1}};
    struct msghdr m = {.msg_iov = draw(r, 30) == 0 ? (void *)8 : iov,
                       .msg_iovlen = draw(r, 30) == 0 ? 2000 : draw(r, draw(r, 9) ? 3 : 4),
                       .msg_control = room + 60000,
                       .msg_controllen = draw(r, 4) == 0 ? 64 : 0};
    uint8_t name[128];
    if (draw(r, 2) == 0) {
        m.msg_name = (void *)(uintptr_t)address(r, name);
        m.msg_namelen = draw(r, 128);
    }
    struct mmsghdr v[3] = {{m, 0}, {m, 0}, {m, 0}};
    int flags = (int)draw(r, 4) == 0 ? (int)draw(r, 0x10000) | MSG_DONTWAIT : MSG_DONTWAIT;
    memset(&m.msg_control, 0, sizeof(m.msg_control));
    m.msg_controllen = 0;
    switch (draw(r, 4)) {
    case 0:
        return sendmsg(fd, &m, flags | MSG_NOSIGNAL);
    case 1:
        return recvmsg(fd, &m, flags);
    case 2:
        return sendmmsg(fd, v, draw(r, 4), flags | MSG_NOSIGNAL);
    default:
        return recvmmsg(fd, v, draw(r, 4), flags, NULL);
    }
}

static long
name_call(struct rng *r, int fd)
{
    static const int calls[] = {SYS_connect,     SYS_connect,     SYS_bind,
                                SYS_getsockname, SYS_getpeername, SYS_accept};
    uint8_t room[128];
    uint32_t len = draw(r, 140);
    uint64_t addr = address(r, room);
    int nr = calls[draw(r, 6)];
    if (nr == SYS_connect || nr == SYS_bind)
        return syscall(nr, fd, addr, draw(r, 10) == 0 ? len : draw(r, 2) ? 16 : 28);
    long got = syscall(nr, fd, addr, draw(r, 20) == 0 ? 8 : (uint64_t)(uintptr_t)&len, 0);
    if (nr == SYS_accept && got >= 0) {
        (void)dup2((int)got, some_fd(r));
        return close((int)got);
    }
    return got;
}

static long
option_call(struct rng *r, int fd)
{
    static const int levels[] = {SOL_SOCKET,   IPPROTO_IP,  IPPROTO_TCP,
                                 IPPROTO_IPV6, IPPROTO_UDP, 77};
    uint8_t value[64];
    socklen_t n = draw(r, 64);
    int level = levels[draw(r, 6)], option = (int)draw(r, 75);
    for (size_t i = 0; i < sizeof(value); i++)
        value[i] = draw(r, 3) == 0 ? (uint8_t)draw(r, 256) : 0;
    /* Blocking for ever would not end the test. */
    if (level == SOL_SOCKET &&
        (option == SO_RCVTIMEO || option == SO_SNDTIMEO || option == SO_RCVLOWAT || option > 60))
        return 0;
    if (draw(r, 2) == 0)
        return setsockopt(fd, level, option, draw(r, 20) ? (void *)value : (void *)8, n);
    return getsockopt(fd, level, option, value, draw(r, 20) ? &n : (socklen_t *)8);
}

static long
data_call(struct rng *r, int fd, uint8_t *room)
{
    uint8_t name[128];
    uint32_t len = 128;
    switch (draw(r, 6)) {
    case 0:
        return send(fd, room, draw(r, 60000), MSG_DONTWAIT | MSG_NOSIGNAL);
    case 1:
        return recv(fd, room, draw(r, 60000), MSG_DONTWAIT);
    case 2:
        return syscall(SYS_sendto, fd, room, draw(r, 60000), MSG_DONTWAIT | MSG_NOSIGNAL,
                       address(r, name), draw(r, 40));
    case 3:
        return syscall(SYS_recvfrom, fd, room, draw(r, 60000), (int)draw(r, 2) * MSG_DONTWAIT,
                       address(r, name), draw(r, 9) ? (uint64_t)(uintptr_t)&len : 8);
    case 4: {
        struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
        return poll(&p, 1, 1);
    }
    default:
        return shutdown(fd, (int)draw(r, 4));
    }
}

static void *
run(void *ctx)
{
    struct rng r = {*(const uint64_t *)ctx};
    uint8_t *room = calloc(1, 70000);
    for (long i = 0; room != NULL && i < calls_n; i++) {
        int fd = some_fd(&r);
        switch (draw(&r, 12)) {
        case 0:
        case 1:
            (void)open_socket(&r);
            break;
        case 2:
            (void)(draw(&r, 2) ? close(fd) : dup2(some_fd(&r), fd));
            break;
        case 3:
            (void)listen(fd, (int)draw(&r, 10) - 1);
            break;
        case 4:
        case 5:
        case 6:
            (void)name_call(&r, fd);
            break;
        case 7:
            (void)option_call(&r, fd);
            break;
        case 8:
            (void)message_call(&r, fd, room);
            break;
        default:
            (void)data_call(&r, fd, room);
            break;
        }
    }
    free(room);
    return NULL;
}

static void
on_signal(int number)
{
    (void)number;
}

int
main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    uint64_t seeds[THREADS_N];
    pthread_t threads[THREADS_N];
    calls_n = atol(argv[2]);
    port = (uint16_t)atoi(argv[3]);
    struct sigaction sa = {.sa_handler = on_signal};
    (void)sigaction(SIGALRM, &sa, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    pid_t child = fork();
    struct itimerval timer = {{0, 3000}, {0, 3000}};
    (void)setitimer(ITIMER_REAL, &timer, NULL);
    for (unsigned i = 0; i < THREADS_N; i++) {
        seeds[i] = (uint64_t)atol(argv[1]) * 100 + i + (child == 0 ? 50 : 0);
        if (pthread_create(&threads[i], NULL, run, &seeds[i]) != 0)
            return 1;
    }
    for (unsigned i = 0; i < THREADS_N; i++)
        (void)pthread_join(threads[i], NULL);
    if (child == 0)
        _exit(0);
    while (waitpid(child, NULL, 0) != child)
        ;
    puts("done");
    return 0;
}

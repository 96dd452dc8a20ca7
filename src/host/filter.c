/* SPDX-License-Identifier: MIT
 *
 * filter.c - which system calls of the program are announced to the supervisor
 *
 * Read first: seccomp(2), seccomp_unotify(2). The program (classic BPF) sees numbers: the call, the
 * architecture and the six argument words, never what a pointer points at. Whatever can be excluded
 * here costs nothing; a notified call costs 7-50 us.
 *
 * The kernel caches calls whose answer does not depend on arguments, so that read(), write() and
 * the like pay nothing at all.
 */
#include "host/filter.h"

#include <lastack/base.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCH_NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH_NATIVE AUDIT_ARCH_AARCH64
#else
#error "lastack run knows the system call numbers of x86-64 and arm64 only"
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { LOW = 0, HIGH = 4 };
#else
enum { LOW = 4, HIGH = 0 };
#endif

/* i386: socketcall, then socket .. shutdown each by itself. */
enum { I386_SOCKETCALL = 102, I386_SOCKET = 359, I386_SHUTDOWN = 373 };
enum { X32_BIT = 0x40000000 };
enum { TYPE_MASK = 0xf }; /* of socket()'s second argument: without SOCK_CLOEXEC, SOCK_NONBLOCK */

static void
emit(struct la_filter *f, unsigned short code, uint32_t k, uint8_t jump_true, uint8_t jump_false)
{
    if (f->n >= LA_FILTER_INS_N_MAX)
        la_assert_failed(__FILE__, __LINE__, "the filter fits");
    f->ins[f->n++] = (struct sock_filter){code, jump_true, jump_false, k};
}

static void
load(struct la_filter *f, size_t off)
{
    emit(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)off, 0, 0);
}

static void
load_arg(struct la_filter *f, unsigned idx, unsigned half)
{
    load(f, offsetof(struct seccomp_data, args) + idx * 8 + half);
}

static void
answer(struct la_filter *f, uint32_t action)
{
    emit(f, BPF_RET | BPF_K, action, 0, 0);
}

/* When the accumulator is `value`, `action` is the answer; otherwise goes on. */
static void
answer_if(struct la_filter *f, uint32_t value, uint32_t action)
{
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    answer(f, action);
}

/* Opens a block for one call; end_block() makes other calls jump over it. */
static unsigned short
begin_call(struct la_filter *f, uint32_t nr)
{
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 0);
    return (unsigned short)(f->n - 1);
}

static void
end_call(struct la_filter *f, unsigned short at)
{
    f->ins[at].jf = (uint8_t)(f->n - at - 1);
}

/* i386 multiplexes everything through socketcall() and passes pointers to arguments: not served.
 * Its network calls are notified all the same, so that the supervisor can say so in one line
 * instead of letting the program slip past the stack. */
static void
foreign_architecture(struct la_filter *f)
{
    load(f, offsetof(struct seccomp_data, arch));
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, ARCH_NATIVE, 0, 0);
    unsigned short native = (unsigned short)(f->n - 1);
    load(f, offsetof(struct seccomp_data, nr));
    answer_if(f, I386_SOCKETCALL, SECCOMP_RET_USER_NOTIF);
    answer_if(f, SYS_io_uring_setup, SECCOMP_RET_ERRNO | ENOSYS);
    emit(f, BPF_JMP | BPF_JGE | BPF_K, I386_SOCKET, 0, 2);
    emit(f, BPF_JMP | BPF_JGT | BPF_K, I386_SHUTDOWN, 1, 0);
    answer(f, SECCOMP_RET_USER_NOTIF);
    answer(f, SECCOMP_RET_ALLOW);
    f->ins[native].jt = (uint8_t)(f->n - native - 1);
    f->ins[native].jf = 0;
}

static void
socket_call(struct la_filter *f, bool udp)
{
    unsigned short at = begin_call(f, SYS_socket);
    load_arg(f, 0, LOW);
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0);
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0);
    answer(f, SECCOMP_RET_ALLOW);
    if (!udp) {
        load_arg(f, 1, LOW);
        emit(f, BPF_ALU | BPF_AND | BPF_K, TYPE_MASK, 0, 0);
        emit(f, BPF_JMP | BPF_JEQ | BPF_K, SOCK_STREAM, 1, 0);
        answer(f, SECCOMP_RET_ALLOW);
    }
    answer(f, SECCOMP_RET_USER_NOTIF);
    end_call(f, at);
}

/* send() and recv() of C libraries are sendto() and recvfrom() with a null address: only those with
 * an address concern us, the others stay native. */
static void
addressed_call(struct la_filter *f, uint32_t nr)
{
    unsigned short at = begin_call(f, nr);
    load_arg(f, 4, LOW);
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
    answer(f, SECCOMP_RET_USER_NOTIF);
    load_arg(f, 4, HIGH);
    answer_if(f, 0, SECCOMP_RET_ALLOW);
    answer(f, SECCOMP_RET_USER_NOTIF);
    end_call(f, at);
}

/* A process that makes itself undumpable (ssh-agent, gpg) could no longer be served without
 * privilege: pidfd_getfd() and process_vm_readv() ask the same permission as ptrace. It is told
 * that it succeeded. */
static void
prctl_call(struct la_filter *f)
{
    unsigned short at = begin_call(f, SYS_prctl);
    load_arg(f, 0, LOW);
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, PR_SET_DUMPABLE, 1, 0);
    answer(f, SECCOMP_RET_ALLOW);
    load_arg(f, 1, LOW);
    answer_if(f, 0, SECCOMP_RET_ERRNO | 0);
    answer(f, SECCOMP_RET_ALLOW);
    end_call(f, at);
}

void
la_filter_build(struct la_filter *f, bool udp)
{
    static const uint32_t always[] = {
        SYS_connect,     SYS_accept4,    SYS_bind,       SYS_listen,   SYS_getsockname,
        SYS_getpeername, SYS_getsockopt, SYS_setsockopt, SYS_shutdown, SYS_accept};
    static const uint32_t messages[] = {SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg, SYS_recvmmsg};
    /* An io_uring performs socket calls that no filter sees. Programs fall back when it is
     * absent. */
    static const uint32_t absent[] = {SYS_io_uring_setup, SYS_io_uring_enter,
                                      SYS_io_uring_register};

    f->n = 0;
    foreign_architecture(f);
    load(f, offsetof(struct seccomp_data, nr));
#if defined(__x86_64__)
    emit(f, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    answer(f, SECCOMP_RET_ERRNO | ENOSYS);
#endif
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        answer_if(f, always[i], SECCOMP_RET_USER_NOTIF);
    for (size_t i = 0; udp && i < sizeof(messages) / sizeof(messages[0]); i++)
        answer_if(f, messages[i], SECCOMP_RET_USER_NOTIF);
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
        answer_if(f, absent[i], SECCOMP_RET_ERRNO | ENOSYS);
    socket_call(f, udp);
    addressed_call(f, SYS_sendto);
    addressed_call(f, SYS_recvfrom);
    prctl_call(f);
    answer(f, SECCOMP_RET_ALLOW);
}

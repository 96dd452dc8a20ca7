/* SPDX-License-Identifier: MIT
 *
 * test_filter.c - which calls are notified: the filter run by an interpreter
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "host/filter.h"

#if defined(__x86_64__)
static const uint32_t native = AUDIT_ARCH_X86_64;
#else
static const uint32_t native = AUDIT_ARCH_AARCH64;
#endif

/* The instructions that the filter is made of, with the kernel's rules: jumps go forward. */
static uint32_t
interpret(const struct la_filter *f, const struct seccomp_data *data)
{
    uint32_t a = 0;
    for (unsigned pc = 0; pc < f->n; pc++) {
        const struct sock_filter *i = &f->ins[pc];
        bool jump = false;
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            assert_true(i->k + 4 <= sizeof(*data) && i->k % 4 == 0);
            memcpy(&a, (const uint8_t *)data + i->k, sizeof(a));
            continue;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= i->k;
            continue;
        case BPF_RET | BPF_K:
            return i->k;
        case BPF_JMP | BPF_JEQ | BPF_K:
            jump = a == i->k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            jump = a >= i->k;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            jump = a > i->k;
            break;
        default:
            fail();
        }
        pc += jump ? i->jt : i->jf;
    }
    fail();
    return 0;
}

static uint32_t
call(bool udp, int nr, const uint64_t args[6])
{
    struct la_filter f;
    struct seccomp_data data = {.nr = nr, .arch = native};
    la_filter_build(&f, udp);
    for (int i = 0; args != NULL && i < 6; i++)
        data.args[i] = args[i];
    return interpret(&f, &data);
}

#define ARGS(...) ((const uint64_t[6]){__VA_ARGS__})

static void
test_filter__sockets(void **state)
{
    (void)state;
    const uint64_t stream = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    assert_int_equal(call(true, SYS_socket, ARGS(AF_INET, stream)), SECCOMP_RET_USER_NOTIF);
    assert_int_equal(call(false, SYS_socket, ARGS(AF_INET6, stream)), SECCOMP_RET_USER_NOTIF);
    assert_int_equal(call(true, SYS_socket, ARGS(AF_INET, SOCK_DGRAM)), SECCOMP_RET_USER_NOTIF);
    assert_int_equal(call(false, SYS_socket, ARGS(AF_INET, SOCK_DGRAM)), SECCOMP_RET_ALLOW);
    assert_int_equal(call(true, SYS_socket, ARGS(AF_UNIX, stream)), SECCOMP_RET_ALLOW);
    assert_int_equal(call(true, SYS_socket, ARGS(AF_NETLINK, SOCK_RAW)), SECCOMP_RET_ALLOW);
    /* The kernel looks at 32 bits of an int argument. */
    assert_int_equal(call(true, SYS_socket, ARGS(UINT64_C(7) << 32 | AF_INET, stream)),
                     SECCOMP_RET_USER_NOTIF);
}

static void
test_filter__calls_with_addresses(void **state)
{
    (void)state;
    static const int both[] = {SYS_sendto, SYS_recvfrom};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(call(true, both[i], ARGS(3, 4096, 5, 0, 0, 0)), SECCOMP_RET_ALLOW);
        assert_int_equal(call(true, both[i], ARGS(3, 4096, 5, 0, 4096, 0)), SECCOMP_RET_USER_NOTIF);
        /* Either half of the pointer alone. */
        assert_int_equal(call(true, both[i], ARGS(3, 0, 5, 0, UINT64_C(1) << 32, 0)),
                         SECCOMP_RET_USER_NOTIF);
    }
}

static void
test_filter__always_and_never(void **state)
{
    (void)state;
    static const int always[] = {SYS_bind,       SYS_listen,      SYS_accept,      SYS_accept4,
                                 SYS_connect,    SYS_getsockname, SYS_getpeername, SYS_getsockopt,
                                 SYS_setsockopt, SYS_shutdown};
    static const int never[] = {SYS_read,       SYS_write,     SYS_close,    SYS_dup,
                                SYS_execve,     SYS_ioctl,     SYS_sendfile, SYS_epoll_ctl,
                                SYS_exit_group, SYS_socketpair};
    static const int messages[] = {SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg, SYS_recvmmsg};
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        assert_int_equal(call(i % 2 == 0, always[i], NULL), SECCOMP_RET_USER_NOTIF);
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        assert_int_equal(call(true, never[i], NULL), SECCOMP_RET_ALLOW);
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        assert_int_equal(call(true, messages[i], NULL), SECCOMP_RET_USER_NOTIF);
        assert_int_equal(call(false, messages[i], NULL), SECCOMP_RET_ALLOW);
    }
    assert_int_equal(call(true, SYS_io_uring_setup, NULL), SECCOMP_RET_ERRNO | ENOSYS);
    assert_int_equal(call(true, SYS_prctl, ARGS(PR_SET_DUMPABLE, 0)), SECCOMP_RET_ERRNO | 0);
    assert_int_equal(call(true, SYS_prctl, ARGS(PR_SET_DUMPABLE, 1)), SECCOMP_RET_ALLOW);
    assert_int_equal(call(true, SYS_prctl, ARGS(PR_SET_NAME, 0)), SECCOMP_RET_ALLOW);
}

static void
test_filter__other_architectures(void **state)
{
    struct la_filter f;
    struct seccomp_data data = {.arch = AUDIT_ARCH_I386};
    (void)state;
    la_filter_build(&f, true);
    static const struct {
        int nr;
        uint32_t action;
    } i386[] = {
        {102, SECCOMP_RET_USER_NOTIF},     {359, SECCOMP_RET_USER_NOTIF},
        {373, SECCOMP_RET_USER_NOTIF},     {358, SECCOMP_RET_ALLOW},
        {374, SECCOMP_RET_ALLOW},          {4, SECCOMP_RET_ALLOW},
        {425, SECCOMP_RET_ERRNO | ENOSYS},
    };
    for (size_t i = 0; i < sizeof(i386) / sizeof(i386[0]); i++) {
        data.nr = i386[i].nr;
        assert_int_equal(interpret(&f, &data), i386[i].action);
    }
#if defined(__x86_64__)
    /* x32 has the architecture of x86-64 and a bit in the number. */
    assert_int_equal(call(true, SYS_socket | 0x40000000, ARGS(AF_INET, SOCK_STREAM)),
                     SECCOMP_RET_ERRNO | ENOSYS);
#endif
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter__sockets),
        cmocka_unit_test(test_filter__calls_with_addresses),
        cmocka_unit_test(test_filter__always_and_never),
        cmocka_unit_test(test_filter__other_architectures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * test_private.c - pairs and listeners that nobody else can reach
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/private.h"

static int
fresh(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static ino_t
inode(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

static void
test_private__a_pair_keeps_the_inode(void **state)
{
    struct la_private p;
    char octet = 0;
    (void)state;
    assert_int_equal(la_private_init(&p), 0);
    int theirs = fresh();
    ino_t before = inode(theirs);
    int copy = dup(theirs);
    int ours = la_private_pair(&p, theirs);
    assert_true(ours >= 0);
    assert_int_equal(inode(theirs), before);
    /* A copy that was made earlier is connected, too. */
    assert_int_equal(write(copy, "x", 1), 1);
    assert_int_equal(read(ours, &octet, 1), 1);
    assert_int_equal(octet, 'x');
    assert_int_equal(la_private_pair(&p, theirs), -EISCONN);
    (void)close(theirs);
    (void)close(copy);
    (void)close(ours);
    la_private_fini(&p);
}

static void
test_private__a_listener_shows_who_connected(void **state)
{
    char name[8], shown[8];
    (void)state;
    int listener = fresh();
    int path_fd = la_private_listen(listener, 4);
    assert_true(path_fd >= 0);
    assert_true(la_private_is_listening(path_fd));
    int ours = la_private_connect(path_fd, name);
    assert_true(ours >= 0);
    struct sockaddr_un sa;
    socklen_t n = sizeof(sa);
    int accepted = accept(listener, (struct sockaddr *)&sa, &n);
    assert_true(accepted >= 0);
    la_private_name_of(&sa, n, shown);
    assert_memory_equal(name, shown, sizeof(name));
    assert_true(name[0] != '\0');
    (void)close(ours);
    (void)close(accepted);
    (void)close(listener);
    assert_false(la_private_is_listening(path_fd));
    assert_int_equal(la_private_connect(path_fd, name), -ECONNREFUSED);
    (void)close(path_fd);
}

static void
test_private__a_full_backlog_says_so(void **state)
{
    int fds[8], n = 0;
    char name[8];
    (void)state;
    int listener = fresh();
    int path_fd = la_private_listen(listener, 2);
    while (n < 8 && (fds[n] = la_private_connect(path_fd, name)) >= 0)
        n++;
    assert_int_equal(n, 3);
    assert_int_equal(fds[3], -EAGAIN);
    assert_true(la_private_is_listening(path_fd));
    while (n > 0)
        (void)close(fds[--n]);
    (void)close(listener);
    (void)close(path_fd);
}

static void
test_private__names_of_others(void **state)
{
    char name[8];
    struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "/tmp/x"};
    (void)state;
    la_private_name_of(&path, sizeof(path), name);
    assert_int_equal(name[0], '\0');
    la_private_name_of(&path, sizeof(sa_family_t), name);
    assert_int_equal(name[0], '\0');
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_private__a_pair_keeps_the_inode),
        cmocka_unit_test(test_private__a_listener_shows_who_connected),
        cmocka_unit_test(test_private__a_full_backlog_says_so),
        cmocka_unit_test(test_private__names_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

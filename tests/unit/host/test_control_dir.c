/* SPDX-License-Identifier: MIT
 *
 * test_control_dir.c - where control sockets stand: traps, sockets of the dead, names
 */
#include "control_support.h"

static mode_t
mode_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 ? st.st_mode : 0;
}

static unsigned
sockets_in(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    unsigned n = 0;
    while (d != NULL && (e = readdir(d)) != NULL)
        n += e->d_name[0] != '.';
    if (d != NULL)
        (void)closedir(d);
    return n;
}

static void
test_control_dir__place(void **state)
{
    (void)state;
    char other[128];
    assert_int_equal(start(), 0);
    assert_int_equal(mode_of(runtime), S_IFDIR | 0700);
    assert_int_equal(sockets_in(runtime), 1);
    la_control_free(control);
    control = NULL;
    assert_int_equal(mode_of(runtime), 0); /* it leaves nothing behind */
    /* Without $XDG_RUNTIME_DIR, or with one that is not there. */
    (void)snprintf(other, sizeof(other), "%s/lastack-%lu", dir, (unsigned long)geteuid());
    for (int i = 0; i < 3; i++) {
        if (i == 0)
            assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
        else
            assert_int_equal(setenv("XDG_RUNTIME_DIR", i == 1 ? "/no/such/place" : "here", 1), 0);
        assert_int_equal(start(), 0);
        assert_int_equal(mode_of(other), S_IFDIR | 0700);
        la_control_free(control);
        control = NULL;
        assert_int_equal(mode_of(other), 0);
    }
}

/* What somebody else could have put there first. */
static void
test_control_dir__place_that_is_a_trap(void **state)
{
    (void)state;
    char trap[128];
    (void)snprintf(trap, sizeof(trap), "%s/trap", dir);
    assert_int_equal(mkdir(trap, 0700), 0);
    assert_int_equal(symlink(trap, runtime), 0);
    assert_int_equal(la_control_dir_open(0, true), -EPERM);
    assert_int_equal(start(), 0); /* in the second place */
    assert_int_equal(sockets_in(trap), 0);
    la_control_free(control);
    control = NULL;
    assert_int_equal(unlink(runtime), 0);
    assert_int_equal(rmdir(trap), 0);
    /* A file; a directory of ours that is open to others, which is put right. */
    int fd = open(runtime, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(la_control_dir_open(0, true), -EPERM);
    assert_int_equal(unlink(runtime), 0);
    assert_int_equal(mkdir(runtime, 0700), 0);
    assert_int_equal(chmod(runtime, 0777), 0);
    fd = la_control_dir_open(0, false);
    assert_true(fd >= 0);
    assert_int_equal(mode_of(runtime), S_IFDIR | 0700);
    (void)close(fd);
    if (geteuid() != 0)
        return;
    /* Another user's directory. */
    assert_int_equal(chown(runtime, 65534, 65534), 0);
    assert_int_equal(la_control_dir_open(0, true), -EPERM);
}

/* A socket whose process is dead. */
static void
leave_socket(const char *name)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s", runtime, name);
    assert_int_equal(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(listen(fd, 1), 0);
    (void)close(fd);
}

static void
test_control_dir__stale_sockets(void **state)
{
    (void)state;
    char own[LA_CONTROL_NAME_BYTES], dead[LA_CONTROL_NAME_BYTES];
    char hidden[LA_CONTROL_NAME_BYTES];
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    int dir_fd = la_control_dir_open(0, true);
    assert_true(dir_fd >= 0);
    (void)snprintf(own, sizeof(own), "%d.sock", (int)getpid());
    (void)snprintf(dead, sizeof(dead), "%d.sock", (int)child);
    leave_socket(own);
    leave_socket(dead);
    (void)snprintf(hidden, sizeof(hidden), ".%d", (int)child);
    leave_socket(hidden);
    leave_socket("1.sock"); /* this number lives */
    leave_socket("stranger");
    assert_int_equal(start(), 0);
    /* Of our own number: replaced. Of a dead one: removed. Others are left until somebody asks. */
    assert_int_equal(faccessat(dir_fd, dead, F_OK, 0), -1);
    assert_int_equal(faccessat(dir_fd, hidden, F_OK, 0), -1);
    assert_int_equal(faccessat(dir_fd, "1.sock", F_OK, 0), 0);
    assert_int_equal(la_control_dir_connect(dir_fd, "1.sock"), -ECONNREFUSED);
    assert_int_equal(faccessat(dir_fd, "1.sock", F_OK, 0), -1);
    assert_int_equal(faccessat(dir_fd, "stranger", F_OK, 0), 0);
    (void)ask("lastack 1 counters\n");
    assert_int_equal(count("\"kind\":\"END\""), 1);
    (void)close(dir_fd);
}

/* Two with one number (of different PID namespaces): neither takes the other's place. */
static void
test_control_dir__same_number(void **state)
{
    (void)state;
    char name[LA_CONTROL_NAME_BYTES];
    uint32_t pid;
    assert_int_equal(start(), 0);
    struct la_control *first = control;
    assert_int_equal(start(), 0);
    assert_int_equal(sockets_in(runtime), 2);
    (void)snprintf(name, sizeof(name), "%d.1.sock", (int)getpid());
    assert_true(la_control_name_pid(name, &pid));
    assert_int_equal(pid, getpid());
    int dir_fd = la_control_dir_open(0, false);
    int fd = la_control_dir_connect(dir_fd, name);
    assert_true(fd >= 0);
    (void)close(fd);
    (void)close(dir_fd);
    la_control_free(control);
    control = first;
    assert_int_equal(sockets_in(runtime), 1);
    (void)ask("lastack 1 counters\n");
    assert_int_equal(count("\"kind\":\"END\""), 1);
}

static void
test_control_dir__names(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      ".sock",
                                      "x.sock",
                                      "0.sock",
                                      "12",
                                      "12.soc",
                                      "12.sockx",
                                      "12.x.sock",
                                      "12..sock",
                                      "12.0.sock",
                                      "-1.sock",
                                      ".12",
                                      "99999999999.sock",
                                      "12.1.1.sock",
                                      "123456789012345678901234567890.sock"};
    uint32_t pid;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (la_control_name_pid(bad[i], &pid))
            fail_msg("'%s' is taken for a name", bad[i]);
    assert_true(la_control_name_pid("4711.sock", &pid));
    assert_int_equal(pid, 4711);
    assert_true(la_control_name_pid("4711.15.sock", &pid));
    assert_int_equal(pid, 4711);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_control_dir__place),         CASE(test_control_dir__place_that_is_a_trap),
        CASE(test_control_dir__stale_sockets), CASE(test_control_dir__same_number),
        CASE(test_control_dir__names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * test_settings.c - --so_flags and sysctls
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "packetdrill/settings.h"

static struct la_pd_settings
parsed(const char *flags)
{
    struct la_pd_settings s;
    char error[LA_PD_ERROR_BYTES];
    la_pd_settings_init(&s);
    assert_true(la_pd_settings_parse(&s, flags, error));
    return s;
}

static void
assert_refused(const char *flags, const char *says)
{
    struct la_pd_settings s;
    char error[LA_PD_ERROR_BYTES] = "";
    la_pd_settings_init(&s);
    assert_false(la_pd_settings_parse(&s, flags, error));
    assert_non_null(strstr(error, says));
    assert_null(strchr(error, '\n'));
}

static void
test_nothing_is_the_defaults(void **state)
{
    (void)state;
    struct la_stack_cfg stack;
    la_stack_cfg_init(&stack);
    stack.tcp.mtu_probing = false; /* but for this, which scripts do not expect */
    struct la_pd_settings s = parsed(NULL);
    assert_memory_equal(&s.ways.cfg.tcp, &stack.tcp, sizeof(s.ways.cfg.tcp));
    assert_int_equal(s.mtu_bytes, 1500);
    s = parsed("");
    assert_memory_equal(&s.ways.cfg.tcp, &stack.tcp, sizeof(s.ways.cfg.tcp));
}

/* Keys of each width; the last word wins. */
static void
test_keys(void **state)
{
    (void)state;
    struct la_pd_settings s =
        parsed("rcvbuf=65535,nagle=0,ecn=2,initial_window=4,rto_min_us=1000000,rto_min_us=30000,"
               "mtu=576,seed=0x10,local=192.0.2.7,local=fd00::7,congestion_control=reno");
    struct la_addr local4 = la_addr_v4(192, 0, 2, 7), local6;
    assert_true(la_addr_parse("fd00::7", &local6));
    assert_int_equal(s.ways.cfg.tcp.rcvbuf_bytes, 65535);
    assert_false(s.ways.cfg.tcp.nagle);
    assert_int_equal(s.ways.cfg.tcp.ecn, LA_ECN_ASK);
    assert_int_equal(s.ways.cfg.tcp.initial_window_n, 4);
    assert_int_equal(s.ways.cfg.tcp.rto_us_min, 30000);
    assert_int_equal(s.mtu_bytes, 576);
    assert_int_equal(s.seed, 16);
    assert_true(la_addr_equal(&s.local4, &local4));
    assert_true(la_addr_equal(&s.local6, &local6));
}

static void
test_profiles_are_valid(void **state)
{
    (void)state;
    static const char *const flags[] = {"profile=default", "profile=linux", "profile=bsd65535",
                                        "profile=freebsd"};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        (void)parsed(flags[i]);
    assert_false(parsed("profile=bsd65535").ways.cfg.tcp.window_scale);
    assert_false(parsed("profile=bsd65535,layout=linux").ways.layout_bsd);
    assert_int_equal(parsed("profile=linux,delayed_ack_us=7").ways.cfg.tcp.delayed_ack_us, 7);
}

static void
test_what_is_refused(void **state)
{
    (void)state;
    assert_refused("frobnicate=1", "there is no 'frobnicate'");
    assert_refused("layout=plan9", "'plan9' is not a value of layout");
    assert_refused("rcvbuf_whole=x", "'x' is not a value of rcvbuf_whole");
    assert_refused("profile=plan9", "'plan9' is not a value of profile");
    assert_refused("mtu=67", "'67' is not a value of mtu");
    assert_refused("ttl=256", "'256' is not a value of ttl");
    assert_refused("ttl=-1", "'-1' is not a value of ttl");
    assert_refused("ttl=1x", "'1x' is not a value of ttl");
    assert_refused("ttl", "is not a value of ttl");
    assert_refused("local=0.0.0.0", "is not a value of local");
    assert_refused("congestion_control=a-name-that-is-too-long", "congestion_control");
}

static void
test_sysctls_of_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/lastack-sysctls-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "net.ipv4.tcp_sack=0\nnet.ipv4.tcp_ecn = 1\n"
                               "net.ipv4.tcp_wmem=\"4096 30000 4194304\"\nkernel.nothing=1\n"
                               "net.ipv4.tcp_fin_timeout=9999999999\nno line\n"
                               "net.ipv4.tcp_sack=1\nnet.ipv4.tcp_timestamps=0\n";
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    (void)close(fd);
    char flags[64];
    (void)snprintf(flags, sizeof(flags), "sysctls=%s", path);
    struct la_pd_settings s = parsed(flags);
    la_pd_settings_follow(&s);
    assert_true(s.ways.cfg.tcp.sack);
    assert_false(s.ways.cfg.tcp.timestamps);
    assert_int_equal(s.ways.cfg.tcp.ecn, LA_ECN_ASK);
    assert_int_equal(s.ways.cfg.tcp.sndbuf.bytes_initial, 30000);
    assert_int_equal(s.ways.cfg.tcp.sndbuf.bytes_max, 4194304);
    assert_int_equal(s.ways.cfg.tcp.fin_wait_2_ms, 60000); /* does not fit: stays */
    (void)unlink(path);
    la_pd_settings_follow(&s); /* gone: nothing changes */
    assert_false(s.ways.cfg.tcp.timestamps);
}

/* By the path of its file. */
static void
test_sysctls_by_path(void **state)
{
    (void)state;
    struct la_pd_settings s = parsed("profile=freebsd");
    la_pd_settings_sysctl(&s, "net.inet.tcp.rfc1323", "0");
    assert_false(s.ways.cfg.tcp.timestamps);
    la_pd_settings_sysctl(&s, "/proc/sys/net/ipv4/tcp_timestamps", "1");
    assert_true(s.ways.cfg.tcp.timestamps);
    la_pd_settings_sysctl(&s, "net.ipv4.tcp_sack", "many"); /* no value: nothing changes */
    assert_true(s.ways.cfg.tcp.sack);
}

static void
put(const char *tree, const char *name, const char *value)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/net/ipv4/%s", tree, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(value, file);
    (void)fclose(file);
}

static void
test_sysctls_of_a_tree(void **state)
{
    (void)state;
    char tree[] = "/tmp/lastack-proc-XXXXXX", path[128], flags[64];
    assert_non_null(mkdtemp(tree));
    (void)snprintf(path, sizeof(path), "%s/net", tree);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/net/ipv4", tree);
    assert_int_equal(mkdir(path, 0700), 0);
    put(tree, "tcp_rmem", "4096\t131072\t6291456\n");
    put(tree, "tcp_ecn", "0\n");
    (void)snprintf(flags, sizeof(flags), "sysctls=%s", tree);
    struct la_pd_settings s = parsed(flags);
    la_pd_settings_follow(&s);
    assert_int_equal(s.ways.cfg.tcp.rcvbuf.bytes_max, 6291456);
    assert_int_equal(s.ways.cfg.tcp.ecn, LA_ECN_OFF);
    put(tree, "tcp_ecn", "2\n");
    la_pd_settings_follow(&s);
    assert_int_equal(s.ways.cfg.tcp.ecn, LA_ECN_ACCEPT);
    (void)snprintf(path, sizeof(path), "rm -r %s", tree);
    assert_int_equal(system(path), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_the_defaults), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_profiles_are_valid),      cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_sysctls_of_a_file),       cmocka_unit_test(test_sysctls_of_a_tree),
        cmocka_unit_test(test_sysctls_by_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

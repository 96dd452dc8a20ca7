/* SPDX-License-Identifier: MIT
 *
 * test_layout.c - options of a SYN in the BSDs' order
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/checksum.h"
#include "ways/layout.h"
#include "wire/tcp.h"

enum { IP4_BYTES = 20, IP6_BYTES = 40, PACKET_BYTES_MAX = 120 };

/* An IP header that says TCP, a TCP header with these flags and options; sums to 0 from TCP on. */
static size_t
packet_of(uint8_t *packet, bool v6, uint8_t flags, const uint8_t *options, size_t n)
{
    size_t at = v6 ? IP6_BYTES : IP4_BYTES;
    memset(packet, 0, PACKET_BYTES_MAX);
    packet[0] = v6 ? 0x60 : 0x45;
    packet[v6 ? 6 : 9] = 6;
    uint8_t *tcp = packet + at;
    tcp[12] = (uint8_t)((LA_TCP_HEADER_BYTES + n) / 4 << 4);
    tcp[13] = flags;
    memcpy(tcp + LA_TCP_HEADER_BYTES, options, n);
    la_put16(tcp + 16, (uint16_t)~la_sum_portable(tcp, LA_TCP_HEADER_BYTES + n));
    return at + LA_TCP_HEADER_BYTES + n;
}

static void
expect(uint8_t flags, const char *before, const char *after, size_t n)
{
    uint8_t packet[PACKET_BYTES_MAX];
    for (int v6 = 0; v6 <= 1; v6++) {
        size_t all = packet_of(packet, v6 == 1, flags, (const uint8_t *)before, n);
        la_ways_layout_bsd(packet, all);
        assert_memory_equal(packet + all - n, after, n);
        assert_int_equal(
            la_sum_portable(packet + all - n - LA_TCP_HEADER_BYTES, LA_TCP_HEADER_BYTES + n),
            0xffff);
    }
}

#define MSS "\2\4\5\xb4"
#define STAMPS "\10\12abcdEFGH"

static void
test_syn(void **state)
{
    (void)state;
    expect(LA_TCP_SYN, MSS, MSS, 4);
    expect(LA_TCP_SYN, MSS "\1\1\4\2", MSS "\4\2\0\0", 8);
    expect(LA_TCP_SYN | LA_TCP_ACK, MSS "\4\2" STAMPS "\1\3\3\6", MSS "\1\3\3\6\4\2" STAMPS, 20);
    expect(LA_TCP_SYN, MSS "\1\1" STAMPS "\1\3\3\6", MSS "\1\3\3\6\1\1" STAMPS, 20);
    expect(LA_TCP_SYN, MSS "\4\2" STAMPS, MSS "\4\2" STAMPS, 16);
}

/* Other segments, other options, other protocols and pieces of packets stay as they are. */
static void
test_left_alone(void **state)
{
    (void)state;
    uint8_t packet[PACKET_BYTES_MAX], same[PACKET_BYTES_MAX];
    expect(LA_TCP_ACK, MSS "\1\1\4\2", MSS "\1\1\4\2", 8);
    expect(LA_TCP_SYN, MSS "\34\4\1\1\1\1\4\2", MSS "\34\4\1\1\1\1\4\2", 12);
    size_t n = packet_of(packet, false, LA_TCP_SYN, (const uint8_t *)(MSS "\1\1\4\2"), 8);
    memcpy(same, packet, sizeof(same));
    for (size_t cut = 0; cut < n; cut++)
        la_ways_layout_bsd(packet, cut);
    packet[9] = 17;
    same[9] = 17;
    la_ways_layout_bsd(packet, n);
    assert_memory_equal(packet, same, sizeof(same));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syn),
        cmocka_unit_test(test_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

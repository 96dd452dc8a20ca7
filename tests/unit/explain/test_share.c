/* SPDX-License-Identifier: MIT
 *
 * test_share.c - flows that are few are spread evenly over the parts
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <lastack/host.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/link_type.h"
#include "base/mem.h"
#include "explain/share.h"

enum { FLOWS_N = 8, ROUNDS_N = 32, PACKET_BYTES = 54, PARTS_MAX = 4 };

/* Ethernet, IPv4, TCP; in one direction or the other. */
static void
packet_make(uint8_t p[PACKET_BYTES], unsigned flow, bool back)
{
    uint16_t client = (uint16_t)(20000 + 977 * flow), server = 8000;
    memset(p, 0, PACKET_BYTES);
    la_put16(p + 12, 0x0800);
    p[14] = 0x45;
    la_put16(p + 16, PACKET_BYTES - 14);
    p[23] = 6;
    la_put32(p + 26, back ? 0x0a000002 : 0x0a000001);
    la_put32(p + 30, back ? 0x0a000001 : 0x0a000002);
    la_put16(p + 34, back ? server : client);
    la_put16(p + 36, back ? client : server);
    p[46] = 5 << 4;
    p[47] = 0x10;
}

static void
spread_over(unsigned parts_n)
{
    struct la_mem *mem = la_mem_new(la_host_alloc(), 64 << 20);
    struct la_intake *intake = calloc(1, sizeof(*intake));
    struct la_batch *batch = calloc(1, sizeof(*batch));
    uint8_t octets[PACKET_BYTES], share[FLOWS_N];
    uint64_t given_n[PARTS_MAX] = {0};
    assert_true(mem != NULL && intake != NULL && batch != NULL);
    assert_true(la_intake_init(intake, mem, parts_n));
    la_batch_begin(batch, intake);
    for (unsigned i = 0; i < FLOWS_N * ROUNDS_N; i++) {
        unsigned flow = i % FLOWS_N;
        packet_make(octets, flow, i / FLOWS_N % 2 != 0);
        const struct la_explain_packet packet = {.bytes = {octets, sizeof(octets)},
                                                 .wire_bytes = sizeof(octets),
                                                 .link_type = LA_LINKTYPE_ETHERNET,
                                                 .frame = i + 1,
                                                 .at = {i}};
        assert_true(la_intake_take(intake, batch, &packet));
        assert_true(batch->share[i] < parts_n);
        if (i < FLOWS_N)
            share[flow] = batch->share[i];
        assert_int_equal(batch->share[i], share[flow]); /* both directions, for ever */
        given_n[batch->share[i]]++;
    }
    for (unsigned i = 0; i < parts_n; i++)
        assert_int_equal(given_n[i], FLOWS_N * ROUNDS_N / parts_n);
    la_batch_fini(batch, intake);
    la_intake_fini(intake);
    free(batch);
    free(intake);
    la_mem_unref(mem);
}

static void
test_two(void **state)
{
    (void)state;
    spread_over(2);
}

static void
test_four(void **state)
{
    (void)state;
    spread_over(4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two), cmocka_unit_test(test_four)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * test_flow.c - flows are told apart, counted, and named without the client's port
 */
#include "support.h"

#include "link/flow.h"

struct flows {
    struct test_alloc alloc;
    struct la_mem *mem;
    struct la_wire_flows table;
};

static void
flows_init(struct flows *flows, uint32_t records_n_max)
{
    flows->alloc = (struct test_alloc){0};
    flows->mem = test_mem_new(&flows->alloc);
    la_wire_flows_init(&flows->table, flows->mem, 1, records_n_max);
}

static void
flows_fini(struct flows *flows)
{
    la_wire_flows_fini(&flows->table);
    test_mem_free(flows->mem, &flows->alloc);
}

/* Client 10.0.0.1:client_port at end 0, server 10.0.0.2:server_port at end 1. */
static struct la_wire_packet
tcp(uint16_t client_port, uint16_t server_port, unsigned from, uint8_t flags, uint32_t seq)
{
    const struct la_endpoint client = {la_addr_v4(10, 0, 0, 1), client_port};
    const struct la_endpoint server = {la_addr_v4(10, 0, 0, 2), server_port};
    return (struct la_wire_packet){.src = from == 0 ? client : server,
                                   .dst = from == 0 ? server : client,
                                   .protocol = LA_IP_TCP,
                                   .tcp_flags = flags,
                                   .tcp_seq = seq};
}

static uint64_t
opened(struct flows *flows, uint16_t client_port, uint16_t server_port)
{
    const struct la_wire_packet syn = tcp(client_port, server_port, 0, LA_TCP_SYN, client_port);
    struct la_wire_flow *flow = la_wire_flows_count(&flows->table, &syn, 0);
    assert_non_null(flow);
    assert_int_equal(flow->side[0].packets_n, 1);
    return flow->id;
}

static void
test_flow__identity_without_client_port(void **state)
{
    (void)state;
    struct flows a, b;
    flows_init(&a, 100);
    flows_init(&b, 100);
    uint64_t first = opened(&a, 50000, 80), second = opened(&a, 50001, 80);
    uint64_t other = opened(&a, 50002, 443);
    assert_int_not_equal(first, second);
    assert_int_not_equal(first, other);
    /* Other ports, and a flow to another server in between: the same names. */
    assert_int_equal(opened(&b, 61000, 80), first);
    assert_int_equal(opened(&b, 61001, 443), other);
    assert_int_equal(opened(&b, 61002, 80), second);
    flows_fini(&a);
    flows_fini(&b);
}

static void
test_flow__counts_each_side(void **state)
{
    (void)state;
    struct flows flows;
    struct la_wire_flow *flow = NULL;
    flows_init(&flows, 100);
    uint64_t id = opened(&flows, 50000, 80);
    for (unsigned i = 0; i < 10; i++) {
        const struct la_wire_packet back = tcp(50000, 80, 1, LA_TCP_ACK, i);
        flow = la_wire_flows_count(&flows.table, &back, 1);
        assert_non_null(flow);
        assert_int_equal(flow->side[1].packets_n, i + 1);
        assert_int_equal(flow->id, id);
    }
    assert_int_equal(flow->side[0].packets_n, 1);
    flows_fini(&flows);
}

/* A repeated SYN is the same flow; a SYN with another number is a new one; a simultaneous open is
 * one flow. */
static void
test_flow__incarnations(void **state)
{
    (void)state;
    struct flows flows;
    flows_init(&flows, 100);
    struct la_wire_packet syn = tcp(50000, 80, 0, LA_TCP_SYN, 1);
    struct la_wire_packet crossing = tcp(50000, 80, 1, LA_TCP_SYN, 99);
    uint64_t id = la_wire_flows_count(&flows.table, &syn, 0)->id;
    struct la_wire_flow *flow = la_wire_flows_count(&flows.table, &crossing, 1);
    assert_int_equal(flow->id, id);
    flow = la_wire_flows_count(&flows.table, &syn, 0);
    assert_int_equal(flow->id, id);
    assert_int_equal(flow->side[0].packets_n, 2);
    syn.tcp_seq = 2;
    flow = la_wire_flows_count(&flows.table, &syn, 0);
    assert_int_not_equal(flow->id, id);
    assert_int_equal(flow->side[0].packets_n, 1);
    assert_int_equal(flow->side[1].packets_n, 0);
    flows_fini(&flows);
}

/* Joined in the middle, whichever end speaks first, the lower port is the server's. */
static void
test_flow__joined_in_the_middle(void **state)
{
    (void)state;
    struct flows a, b;
    flows_init(&a, 100);
    flows_init(&b, 100);
    const struct la_wire_packet there = tcp(50000, 80, 0, LA_TCP_ACK, 1);
    const struct la_wire_packet back = tcp(50007, 80, 1, LA_TCP_ACK, 1);
    uint64_t id = la_wire_flows_count(&a.table, &there, 0)->id;
    assert_int_equal(la_wire_flows_count(&b.table, &back, 1)->id, id);
    /* A SYN on ports that were in use is a new flow, whatever its number. */
    const struct la_wire_packet syn = tcp(50000, 80, 0, LA_TCP_SYN, 0);
    assert_int_not_equal(la_wire_flows_count(&a.table, &syn, 0)->id, id);
    flows_fini(&a);
    flows_fini(&b);
}

/* Full: who was silent for longest goes, who speaks stays. */
static void
test_flow__bounded(void **state)
{
    (void)state;
    struct flows flows;
    flows_init(&flows, 64);
    uint64_t id = opened(&flows, 50000, 80);
    for (uint16_t i = 1; i <= 5000; i++) {
        const struct la_wire_packet again = tcp(50000, 80, 0, LA_TCP_ACK, 1);
        struct la_wire_flow *flow;
        (void)opened(&flows, (uint16_t)(50000 + i), (uint16_t)(1000 + i % 7));
        flow = la_wire_flows_count(&flows.table, &again, 0);
        assert_int_equal(flow->id, id);
        assert_int_equal(flow->side[0].packets_n, i + 1);
        assert_true(flows.table.records.live_n <= 64);
    }
    const struct la_wire_packet gone = tcp(50001, 1001, 0, LA_TCP_ACK, 1);
    assert_int_equal(la_wire_flows_count(&flows.table, &gone, 0)->side[0].packets_n, 1);
    flows_fini(&flows);
}

static void
test_flow__no_memory(void **state)
{
    (void)state;
    for (uint64_t fail_from = 2; fail_from < 12; fail_from++) {
        struct flows flows;
        unsigned served_n = 0;
        flows_init(&flows, 4096);
        flows.alloc.fail_from = fail_from;
        for (uint16_t i = 0; i < 2000; i++) {
            const struct la_wire_packet syn = tcp((uint16_t)(2000 + i), 80, 0, LA_TCP_SYN, i);
            served_n += la_wire_flows_count(&flows.table, &syn, 0) != NULL;
        }
        assert_true(served_n < 2000);
        flows.alloc.fail_from = 0;
        assert_int_not_equal(opened(&flows, 60000, 80), 0);
        flows_fini(&flows);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flow__identity_without_client_port),
        cmocka_unit_test(test_flow__counts_each_side),
        cmocka_unit_test(test_flow__incarnations),
        cmocka_unit_test(test_flow__joined_in_the_middle),
        cmocka_unit_test(test_flow__bounded),
        cmocka_unit_test(test_flow__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * test_reassembly.c - packets that come in pieces: in any order, too late, and such that disagree
 */
#include "support.h"

enum { UDP_PORT = 53, ID = 77, ROUNDS = 300 };

/* ---- pieces ----------------------------------------------------------------------------- */

/* What a piece's header says besides its place. */
struct says {
    uint32_t id;
    uint8_t ecn;
    bool v6;
    bool link_broadcast;
};

/* Octets [from, to) of what the packet `whole` holds, as a packet of its own. */
static struct pkt
piece_of(const struct pkt *whole, const struct says *says, size_t from, size_t to, bool more)
{
    struct pkt p;
    size_t h = says->v6 ? 40 : 20, extra = says->v6 ? 8 : 0;
    memcpy(p.b, whole->b, h);
    memset(p.b + h, 0, extra);
    memcpy(p.b + h + extra, whole->b + h + from, to - from);
    p.n = h + extra + to - from;
    if (says->v6) {
        p.b[1] = (uint8_t)(says->ecn << 4);
        la_put16(p.b + 4, (uint16_t)(p.n - 40));
        p.b[6] = 44;
        p.b[40] = whole->b[6];
        la_put16(p.b + 42, (uint16_t)(from | more));
        la_put32(p.b + 44, says->id);
        return p;
    }
    p.b[1] = says->ecn;
    la_put16(p.b + 2, (uint16_t)p.n);
    la_put16(p.b + 4, (uint16_t)says->id);
    la_put16(p.b + 6, (uint16_t)((from / 8) | (more ? 0x2000 : 0)));
    pkt_ip4_checksum(&p);
    return p;
}

/* A datagram of n octets with its header; the text tells each octet from the others. */
static void
datagram(struct pkt *p, bool v6, size_t n)
{
    static uint8_t l4[65535];
    la_put16(l4, 4000);
    la_put16(l4 + 2, UDP_PORT);
    la_put16(l4 + 4, (uint16_t)n);
    for (size_t i = 8; i < n; i++)
        l4[i] = (uint8_t)(i * 7 + i / 256);
    pkt_ip(p, v6 ? "2001:db8::2" : "10.0.0.2", v6 ? "2001:db8::1" : "10.0.0.1", 17, l4, n);
}

static la_handle
udp_open(struct host *h)
{
    struct la_endpoint local = end_of("::", UDP_PORT);
    la_handle udp;
    assert_int_equal(la_net_udp_open(h->net, &local, false, &udp), LA_OK);
    return udp;
}

/* The datagram that `whole` holds is what was received, and nothing else was. */
static void
expect_received(struct host *h, la_handle udp, const struct pkt *whole, bool v6)
{
    static uint8_t octets[65536];
    size_t off = v6 ? 48 : 28;
    la_ssize n =
        la_net_udp_receive(h->net, udp, (struct la_room){octets, sizeof octets}, NULL, NULL);
    assert_int_equal(n, whole->n - off);
    assert_memory_equal(octets, whole->b + off, (size_t)n);
    assert_false(la_net_udp_readable(h->net, udp));
}

static void
give(struct host *h, const struct pkt *whole, const struct says *says, size_t from, size_t to)
{
    size_t end = whole->n - (says->v6 ? 40 : 20);
    struct pkt p = piece_of(whole, says, from, to, to < end);
    assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
}

static void
refuse(struct host *h, const struct pkt *p)
{
    expect_drop(h, 0, p, LA_REASON_IP_FRAGMENT);
    expect_silence(h);
}

static uint64_t
random_next(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

/* ---- whole ------------------------------------------------------------------------------ */

/* Cut anywhere, in any order, some of it doubled. */
/* LEDGER: RFC1122-I10, RFC8200-2, RFC791-1 */
static void
test_reassembly__in_any_order(void **state)
{
    struct host *h = *state;
    uint64_t s = 88172645463325252u;
    la_handle udp = udp_open(h);
    static struct pkt whole;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct says says = {.id = round, .v6 = round % 2 != 0};
        size_t n = 9 + random_next(&s) % (round % 10 == 0 ? 60000 : 4000), cut[101] = {0},
               pieces = 0;
        datagram(&whole, says.v6, n);
        while (cut[pieces] < n) {
            size_t most = pieces == 99 ? n : 8 + random_next(&s) % (n / 8 + 1);
            size_t to = (cut[pieces] + most) & ~(size_t)7;
            cut[pieces + 1] = to > cut[pieces] && to < n && pieces < 99 ? to : n;
            pieces++;
        }
        size_t order[100];
        for (size_t i = 0; i < pieces; i++) {
            size_t j = random_next(&s) % (i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        for (size_t i = 0; i < pieces; i++) {
            assert_false(la_net_udp_readable(h->net, udp));
            give(h, &whole, &says, cut[order[i]], cut[order[i] + 1]);
            if (random_next(&s) % 4 == 0 && i + 1 < pieces)
                give(h, &whole, &says, cut[order[i]], cut[order[i] + 1]);
        }
        expect_received(h, udp, &whole, says.v6);
    }
    expect_silence(h);
}

/* The largest that there can be, and TCP's segments with their checksums. */
/* LEDGER: RFC1122-I11, RFC8200-2 */
static void
test_reassembly__the_largest(void **state)
{
    struct host *h = *state;
    la_handle udp = udp_open(h);
    static struct pkt whole;
    static const size_t sizes4[] = {576 - 20, 1500 - 20, 65535 - 20}, sizes6[] = {1500, 65535};
    for (size_t i = 0; i < 5; i++) {
        struct says says = {.id = (uint32_t)i, .v6 = i > 2};
        size_t n = i > 2 ? sizes6[i - 3] : sizes4[i];
        datagram(&whole, says.v6, n);
        for (size_t off = 0; off < n; off += 504)
            give(h, &whole, &says, off, off + 504 < n ? off + 504 : n);
        expect_received(h, udp, &whole, says.v6);
    }
    char text[1001];
    memset(text, 'x', 1000);
    text[1000] = 0;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct says says = {.id = ID, .v6 = v6 != 0};
        pkt_tcp(&whole, v6 ? "2001:db8::2" : "10.0.0.2", v6 ? "2001:db8::1" : "10.0.0.1", text);
        give(h, &whole, &says, 8, 1020);
        struct pkt p = piece_of(&whole, &says, 0, 8, true); /* tiny: the ports and SEQ alone */
        assert_int_equal(host_input(h, 0, &p), LA_NET_TCP);
        assert_int_equal(la_frame_len(h->frame), 1020);
        assert_true(la_net_l4_checksum_ok(h->net, &h->in, h->frame));
        assert_int_equal(h->in.protocol, 6);
        assert_int_equal(h->in.iface, 0);
    }
}

/* Pieces with another name are of another packet. */
/* LEDGER: RFC791-1 */
static void
test_reassembly__pieces_are_not_mixed(void **state)
{
    struct host *h = *state;
    la_handle udp = udp_open(h);
    static struct pkt whole, other;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct says says = {.id = ID, .v6 = v6 != 0};
        datagram(&whole, says.v6, 1600);
        give(h, &whole, &says, 0, 800);
        for (unsigned i = 0; i < (v6 ? 3 : 4); i++) { /* the other half, of something else */
            other = whole;
            struct says another = says;
            if (i == 0)
                another.id = v6 ? ID + 65536 : ID + 1;
            else if (i == 1)
                other.b[v6 ? 23 : 15] ^= 4; /* another source */
            else if (i == 2)
                memcpy(other.b + (v6 ? 24 : 16),
                       v6 ? addr_of("2001:db8:1::1").b : (const uint8_t *)"\xac\x10\0\x01",
                       v6 ? 16 : 4); /* another address of ours */
            else
                other.b[9] = 6; /* IPv4 alone: another protocol */
            give(h, &other, &another, 800, 1600);
            assert_false(la_net_udp_readable(h->net, udp));
        }
        give(h, &whole, &says, 800, 1600);
        expect_received(h, udp, &whole, says.v6);
    }
}

/* What is in the first piece's header holds for the packet, and errors quote it as it were whole.
 */
static void
test_reassembly__the_header(void **state)
{
    struct host *h = *state;
    static struct pkt whole, out;
    struct says says = {.id = ID};
    datagram(&whole, false, 400);
    whole.b[8] = 33;
    struct pkt first = piece_of(&whole, &says, 0, 160, true);
    memmove(first.b + 24, first.b + 20, first.n - 20); /* with an option, router alert */
    memcpy(first.b + 20, "\x94\x04\0\0", 4);
    first.b[0] = 0x46;
    first.n += 4;
    la_put16(first.b + 2, (uint16_t)first.n);
    pkt_ip4_checksum(&first);
    give(h, &whole, &says, 160, 400);
    expect_drop(h, 0, &first, LA_REASON_UDP_NO_PORT);
    assert_true(host_output(h, 0, &out));
    assert_memory_equal(out.b + 20, "\x03\x03", 2);
    const uint8_t *quoted = out.b + 28;
    assert_int_equal(quoted[0], 0x46);
    assert_int_equal(la_get16(quoted + 2), 424);
    assert_int_equal(la_get16(quoted + 4), ID);
    assert_int_equal(la_get16(quoted + 6), 0);
    assert_int_equal(quoted[8], 33);
    assert_int_equal(test_sum(0, quoted, 24), 0xffff);
    assert_memory_equal(quoted + 20, "\x94\x04\0\0", 4);
    assert_memory_equal(quoted + 24, whole.b + 20, 100);
    expect_checksums(&out, 0);
}

/* RFC 3168 5.3. */
/* LEDGER: RFC3168-13, RFC3168-14 */
static void
test_reassembly__marks(void **state)
{
    struct host *h = *state;
    static struct pkt whole;
    enum { NOT_ECT, ECT_1, ECT_0, CE, DROPPED };
    static const uint8_t table[][3] = {
        {NOT_ECT, NOT_ECT, NOT_ECT},
        {ECT_0, ECT_0, ECT_0},
        {ECT_1, ECT_1, ECT_1},
        {CE, CE, CE},
        {ECT_0, CE, CE},
        {CE, ECT_1, CE},
        {NOT_ECT, CE, DROPPED},
        {CE, NOT_ECT, DROPPED},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (unsigned v6 = 0; v6 < 2; v6++) {
            struct says first = {.id = (uint32_t)i, .ecn = table[i][0], .v6 = v6 != 0};
            struct says second = {.id = (uint32_t)i, .ecn = table[i][1], .v6 = v6 != 0};
            pkt_tcp(&whole, v6 ? "2001:db8::2" : "10.0.0.2", v6 ? "2001:db8::1" : "10.0.0.1",
                    "some text for two pieces");
            give(h, &whole, &second, 16, 44);
            struct pkt p = piece_of(&whole, &first, 0, 16, true);
            if (table[i][2] == DROPPED) {
                refuse(h, &p);
                continue;
            }
            assert_int_equal(host_input(h, 0, &p), LA_NET_TCP);
            assert_int_equal(h->in.dscp_ecn, table[i][2]);
        }
    }
}

/* ---- pieces that disagree --------------------------------------------------------------- */

/* Overlaps, and ends that cannot both be true: nothing of the packet is taken any more. */
/* LEDGER: RFC5722-1, RFC815-1 */
static void
test_reassembly__disagreement_ruins_the_packet(void **state)
{
    struct host *h = *state;
    la_handle udp = udp_open(h);
    static struct pkt whole;
    static const struct {
        size_t from, to;
        bool more;
    } bad[] = {
        {80, 160, true},   /* begins inside of the one that is there, which is 0 to 160 */
        {80, 240, true},   /* or crosses its end */
        {0, 80, true},     /* or is a part of it */
        {0, 240, true},    /* or covers it */
        {160, 240, false}, /* is where one is, but says that it is the last */
        {480, 560, false}, /* and behind the end, which is at 480 */
        {480, 560, true},  /* with more to come */
        {400, 480, true},  /* the end, but more is to come */
        {400, 472, false}, /* an end before the end */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (unsigned v6 = 0; v6 < 2; v6++) {
            struct says says = {.id = (uint32_t)i, .v6 = v6 != 0};
            datagram(&whole, says.v6, 560);
            struct pkt first = piece_of(&whole, &says, 0, 160, true),
                       last = piece_of(&whole, &says, 400, 480, false);
            assert_int_equal(host_input(h, 0, &first), LA_NET_TAKEN);
            if (i >= 5)
                assert_int_equal(host_input(h, 0, &last), LA_NET_TAKEN);
            struct pkt wrong = piece_of(&whole, &says, bad[i].from, bad[i].to, bad[i].more);
            if (i == 4)
                give(h, &whole, &says, 160, 240);
            refuse(h, &wrong);
            struct pkt rest = piece_of(&whole, &says, 160, 400, true);
            refuse(h, &rest);
            refuse(h, &first);
            refuse(h, &last);
            assert_false(la_net_udp_readable(h->net, udp));
        }
    }
    h->now = la_instant_add_us(h->now, 60 * LA_US_PER_S); /* in silence */
    la_net_run(h->net, h->now);
    expect_silence(h);
    assert_int_equal(h->reason[LA_REASON_IP_FRAGMENT_TIMEOUT], 0);
    struct says says = {.id = 0};
    datagram(&whole, false, 560); /* and then the name is free again */
    give(h, &whole, &says, 0, 160);
    give(h, &whole, &says, 160, 560);
    expect_received(h, udp, &whole, false);
}

/* Pieces that cannot be are dropped alone. */
static void
test_reassembly__pieces_that_cannot_be(void **state)
{
    struct host *h = *state;
    la_handle udp = udp_open(h);
    static struct pkt whole, p, out;
    datagram(&whole, false, 400);
    struct says says = {.id = ID};
    give(h, &whole, &says, 0, 160);
    p = piece_of(&whole, &says, 160, 167, true); /* not a multiple of 8 */
    refuse(h, &p);
    p = piece_of(&whole, &says, 160, 160, true); /* nothing */
    refuse(h, &p);
    p = piece_of(&whole, &says, 160, 400, false);
    la_put16(p.b + 6, 0x1fff); /* ends behind 65535 */
    pkt_ip4_checksum(&p);
    refuse(h, &p);
    give(h, &whole, &says, 160, 400);
    expect_received(h, udp, &whole, false);

    datagram(&whole, true, 400);
    says.v6 = true;
    give(h, &whole, &says, 0, 160);
    p = piece_of(&whole, &says, 160, 160, true);
    refuse(h, &p);
    p = piece_of(&whole, &says, 160, 167, true);
    expect_drop(h, 0, &p, LA_REASON_IP_FRAGMENT); /* RFC 8200 4.5: told, with the field */
    assert_true(host_output(h, 0, &out));
    assert_memory_equal(out.b + 40, "\x04\0", 2);
    assert_int_equal(la_get32(out.b + 44), 4);
    assert_memory_equal(out.b + 48, p.b, p.n);
    p = piece_of(&whole, &says, 160, 400, false);
    la_put16(p.b + 42, 0xfff8);
    expect_drop(h, 0, &p, LA_REASON_IP_FRAGMENT);
    assert_true(host_output(h, 0, &out));
    assert_memory_equal(out.b + 40, "\x04\0", 2);
    assert_int_equal(la_get32(out.b + 44), 42);
    give(h, &whole, &says, 160, 400);
    expect_received(h, udp, &whole, true);
}

/* Extension headers in front of the pieces and inside of them; pieces inside of pieces; neighbour
 * discovery, which never comes in pieces (RFC 6980 5). */
static void
test_reassembly__what_ip6_packets_hold(void **state)
{
    struct host *h = *state;
    la_handle udp = udp_open(h);
    static struct pkt whole, p, plain;
    struct says says = {.id = ID, .v6 = true};
    datagram(&plain, true, 400);
    whole = plain; /* destination options, which belong to what was cut */
    memmove(whole.b + 48, whole.b + 40, whole.n - 40);
    memcpy(whole.b + 40, "\x11\0\x01\x04\0\0\0\0", 8);
    whole.b[6] = 60;
    whole.n += 8;
    give(h, &whole, &says, 160, 408);
    p = piece_of(&whole, &says, 0, 160, true);
    memmove(p.b + 48, p.b + 40, p.n - 40); /* hop-by-hop options, which each piece has */
    memcpy(p.b + 40, "\x2c\0\x01\x04\0\0\0\0", 8);
    p.b[6] = 0;
    p.n += 8;
    la_put16(p.b + 4, (uint16_t)(p.n - 40));
    assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
    expect_received(h, udp, &plain, true);

    static const uint8_t inside[] = {17, 0, 0, 1, 0, 0, 0, 9};
    memcpy(whole.b + 40, inside, 8);
    whole.b[6] = 44;
    give(h, &whole, &says, 160, 408);
    p = piece_of(&whole, &says, 0, 160, true);
    refuse(h, &p);
    memcpy(whole.b + 40, "\x11\0\x9e\0\0\0\0\0", 8); /* an option that nobody knows: as ever */
    whole.b[6] = 60;
    give(h, &whole, &says, 160, 408);
    p = piece_of(&whole, &says, 0, 160, true);
    expect_drop(h, 0, &p, LA_REASON_IP_EXTENSION);
    assert_true(host_output(h, 0, &p));
    assert_memory_equal(p.b + 40, "\x04\x02", 2);

    uint8_t l4[32] = {135};
    pkt_ip(&whole, "2001:db8::2", "2001:db8::1", 58, l4, sizeof l4);
    whole.b[7] = 255;
    give(h, &whole, &says, 16, 32);
    p = piece_of(&whole, &says, 0, 16, true);
    refuse(h, &p);
}

/* ---- bounds ----------------------------------------------------------------------------- */

static void
later(struct host *h, int64_t us)
{
    h->now = la_instant_add_us(h->now, us);
    la_net_run(h->net, h->now);
}

/* RFC 1122 3.3.2, RFC 8200 4.5: 60 s from the first that came; Time Exceeded if the first of the
 * packet is there, to nobody else. */
/* LEDGER: RFC1122-I13, RFC1122-I14, RFC8200-2 */
static void
test_reassembly__time_is_up(void **state)
{
    struct host *h = *state;
    la_handle udp = udp_open(h);
    static struct pkt whole, out;
    assert_true(la_instant_is_never(la_net_deadline(h->net)));
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct says says = {.id = ID, .v6 = v6 != 0};
        datagram(&whole, says.v6, 400);
        give(h, &whole, &says, 160, 400);
        assert_int_equal(la_net_deadline(h->net).ns, h->now.ns + 60 * LA_NS_PER_S);
        later(h, 60 * LA_US_PER_S - 1);
        give(h, &whole, &says, 0, 160);
        expect_received(h, udp, &whole, says.v6);

        give(h, &whole, &says, 160, 400); /* the first is missing */
        later(h, 60 * LA_US_PER_S);
        expect_silence(h);
        struct pkt first = piece_of(&whole, &says, 0, 160, true);
        assert_int_equal(host_input(h, 0, &first), LA_NET_TAKEN);
        assert_false(la_net_udp_readable(h->net, udp));
        later(h, 60 * LA_US_PER_S - 1);
        expect_silence(h);
        later(h, 1); /* the last is */
        assert_true(host_output(h, 0, &out));
        if (says.v6)
            assert_memory_equal(out.b + 40, "\x03\x01", 2);
        else
            assert_memory_equal(out.b + 20, "\x0b\x01", 2);
        assert_memory_equal(out.b + (v6 ? 48 : 28), first.b, 100);
        expect_checksums(&out, 0);
        give(h, &whole, &says, 160, 400);
        assert_false(la_net_udp_readable(h->net, udp));
        later(h, 60 * LA_US_PER_S);
        expect_silence(h);
        assert_int_equal(h->reason[LA_REASON_IP_FRAGMENT_TIMEOUT], 3 * (v6 + 1));
    }
    assert_true(la_instant_is_never(la_net_deadline(h->net)));
    datagram(&whole, false, 400); /* about what was sent to many, nothing is said */
    memcpy(whole.b + 16, "\xff\xff\xff\xff", 4);
    give(h, &whole, &(struct says){.id = ID}, 0, 160);
    later(h, 60 * LA_US_PER_S);
    expect_silence(h);
}

/* A piece of an unknown protocol draws no error by itself. */
/* LEDGER: RFC1122-C8 */
static void
test_reassembly__errors_are_about_packets(void **state)
{
    struct host *h = *state;
    static struct pkt whole, p, out;
    uint8_t l4[64] = {1, 2, 3};
    pkt_ip(&whole, "10.0.0.2", "10.0.0.1", 132, l4, sizeof l4);
    struct says says = {.id = ID};
    give(h, &whole, &says, 32, 64);
    expect_silence(h);
    p = piece_of(&whole, &says, 0, 32, true);
    expect_drop(h, 0, &p, LA_REASON_IP_PROTOCOL_UNKNOWN);
    assert_true(host_output(h, 0, &out));
    assert_memory_equal(out.b + 20, "\x03\x02", 2);
    expect_silence(h);
}

/* However many packets are begun, the memory that they keep is bounded, and the oldest goes. */
/* LEDGER: RFC815-1 */
static void
test_reassembly__many_packets(void **state)
{
    struct host *h = *state;
    la_handle udp = udp_open(h);
    static struct pkt whole;
    struct la_room room;
    datagram(&whole, false, 2000);
    for (uint32_t i = 0; i < 5000; i++) { /* as a device with 64 KiB buffers reads them */
        struct pkt p = piece_of(&whole, &(struct says){.id = i}, 0, i % 2 ? 8 : 1000, true);
        struct la_frame *frame = la_frame_with_room(h->mem, 65000, &room);
        memcpy(room.p, p.b, p.n);
        la_frame_commit(frame, p.n);
        assert_int_equal(la_net_input(h->net, 0, frame, &h->in, h->now), LA_NET_TAKEN);
        h->now = la_instant_add_us(h->now, 1);
    }
    struct la_mem_stats stats;
    la_mem_trim(h->mem);
    la_mem_stats_get(h->mem, &stats);
    assert_in_range(stats.used_bytes, 1, 512 * 1024);
    assert_int_equal(h->reason[LA_REASON_IP_FRAGMENT_LIMIT], 5000 - 64);
    for (uint32_t i = 5000 - 64; i < 5000; i++) { /* the newest are all there */
        give(h, &whole, &(struct says){.id = i}, i % 2 ? 8 : 1000, 2000);
        expect_received(h, udp, &whole, false);
    }
    give(h, &whole, &(struct says){.id = 4000}, 1000, 2000);
    assert_false(la_net_udp_readable(h->net, udp));
}

/* Large packets make room by age; one packet in too many pieces is given up. */
/* LEDGER: RFC815-1 */
static void
test_reassembly__much_memory(void **state)
{
    struct host *h = *state;
    la_handle udp = udp_open(h);
    static struct pkt whole;
    struct la_mem_stats stats;
    datagram(&whole, false, 65000);
    for (uint32_t i = 0; i < 40; i++) {
        for (size_t off = 0; off < 63000; off += 1400)
            give(h, &whole, &(struct says){.id = i}, off, off + 1400);
        h->now = la_instant_add_us(h->now, 1);
    }
    la_mem_stats_get(h->mem, &stats);
    assert_in_range(stats.used_bytes, 1, 1024 * 1024);
    give(h, &whole, &(struct says){.id = 39}, 63000, 65000);
    expect_received(h, udp, &whole, false);
    for (size_t off = 0; off < 256 * 8; off += 8)
        give(h, &whole, &(struct says){.id = 50}, off, off + 8);
    struct pkt p = piece_of(&whole, &(struct says){.id = 50}, 256 * 8, 257 * 8, true);
    refuse(h, &p);
    give(h, &whole, &(struct says){.id = 50}, 2048, 65000);
    assert_false(la_net_udp_readable(h->net, udp));
}

static void
test_reassembly__without_memory(void **state)
{
    struct host *h = *state;
    static struct pkt whole;
    la_handle udp = udp_open(h);
    for (uint64_t k = 1;; k++) {
        struct says says = {.id = (uint32_t)k, .v6 = k % 2 != 0};
        datagram(&whole, says.v6, 1200);
        la_mem_trim(h->mem);
        uint64_t before = h->alloc.calls_n;
        h->alloc.fail_at = before + k;
        for (size_t off = 0; off < 1200; off += 400) {
            struct pkt p = piece_of(&whole, &says, off, off + 400, off < 800);
            struct la_frame *frame = la_frame_from_bytes(h->mem, (struct la_bytes){p.b, p.n});
            if (frame)
                (void)la_net_input(h->net, 0, frame, &h->in, h->now);
        }
        bool failed = h->alloc.calls_n >= h->alloc.fail_at;
        h->alloc.fail_at = 0;
        if (!failed) {
            expect_received(h, udp, &whole, says.v6);
            break;
        }
        assert_in_range(k, 1, 100);
        uint8_t octets[2000];
        while (la_net_udp_receive(h->net, udp, (struct la_room){octets, 2000}, NULL, NULL) > 0) {
        }
    }
}

#define T(name) cmocka_unit_test_setup_teardown(test_reassembly__##name, host_setup, host_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(in_any_order),
        T(the_largest),
        T(pieces_are_not_mixed),
        T(the_header),
        T(marks),
        T(disagreement_ruins_the_packet),
        T(pieces_that_cannot_be),
        T(what_ip6_packets_hold),
        T(time_is_up),
        T(errors_are_about_packets),
        T(many_packets),
        T(much_memory),
        T(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

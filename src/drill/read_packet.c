/* SPDX-License-Identifier: MIT
 *
 * read_packet.c - packet lines: ports, IP marks, flags, numbers, options, UDP
 *
 * Read first: RFC 9293 3.1 (header), 3.2 (options).
 */
#include "drill/scan.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "wire/tcp.h"

enum { ACCECN_BYTES_MAX = 2 + 3 * LA_TCP_ACCECN_FIELDS };

/* ---- options ---------------------------------------------------------------------------- */

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* raw 0204: octets in hexadecimal. */
static bool
read_raw(struct la_drill_scan *s, struct la_drill_option *option)
{
    struct la_bytes word = la_drill_word(s);
    const char *defined = la_drill_defined(s->script, word);
    if (defined != NULL)
        word = (struct la_bytes){(const uint8_t *)defined, strlen(defined)};
    uint8_t *octets = la_drill_scan_take(s, word.n / 2 + 1);
    if (octets == NULL)
        return false;
    if (word.n == 0 || word.n % 2 != 0 || word.n > 2 * (size_t)LA_DRILL_OPTIONS_BYTES_MAX)
        return la_drill_wrong(s, "raw needs 1 to %d octets in hexadecimal",
                              LA_DRILL_OPTIONS_BYTES_MAX);
    for (size_t i = 0; i < word.n; i += 2) {
        int high = hex_value((char)word.p[i]), low = hex_value((char)word.p[i + 1]);
        if (high < 0 || low < 0)
            return la_drill_wrong(s, "raw needs hexadecimal digits");
        octets[i / 2] = (uint8_t)(high << 4 | low);
    }
    option->raw = (struct la_bytes){octets, word.n / 2};
    return true;
}

static bool
at_defined(const struct la_drill_scan *s)
{
    struct la_drill_scan at = *s;
    return la_drill_defined(s->script, la_drill_word(&at)) != NULL;
}

/* FO 0102…: a Fast Open cookie; FO alone asks for one. */
static bool
read_cookie(struct la_drill_scan *s, bool experimental, struct la_drill_option *option)
{
    static const uint8_t head[] = {LA_TCP_OPT_FAST_OPEN, 0};
    static const uint8_t head_experimental[] = {254, 0, 0xf9, 0x89}; /* RFC 6994; RFC 7413 B */
    size_t head_n = experimental ? sizeof(head_experimental) : sizeof(head);
    la_drill_skip(s);
    bool asks = la_drill_at_end(s) || (hex_value((char)*s->p) < 0 && !at_defined(s));
    struct la_drill_option cookie = {.raw = {NULL, 0}};
    if (!asks && !read_raw(s, &cookie))
        return false;
    uint8_t *octets = la_drill_scan_take(s, cookie.raw.n + head_n);
    if (octets == NULL)
        return false;
    memcpy(octets, experimental ? head_experimental : head, head_n);
    octets[1] = (uint8_t)(cookie.raw.n + head_n);
    if (cookie.raw.n > 0)
        memcpy(octets + head_n, cookie.raw.p, cookie.raw.n);
    option->raw = (struct la_bytes){octets, cookie.raw.n + head_n};
    return true;
}

/* ECN e0b 1 ceb 0 e1b 1: accurate ECN's (RFC 9768 3.2.3), its fields in that order or the other
 * way round, as many as there are; none: the empty one of kind 172. */
static bool
read_accecn(struct la_drill_scan *s, struct la_drill_option *option)
{
    static const char *const orders[2][LA_TCP_ACCECN_FIELDS] = {{"e0b", "ceb", "e1b"},
                                                                {"e1b", "ceb", "e0b"}};
    uint8_t *octets = la_drill_scan_take(s, ACCECN_BYTES_MAX);
    if (octets == NULL)
        return false;
    size_t n = 2;
    unsigned order = 0;
    for (unsigned i = 0; i < LA_TCP_ACCECN_FIELDS; i++) {
        uint32_t value;
        bool there = la_drill_try_word(s, orders[order][i]);
        if (!there && i == 0)
            there = la_drill_try_word(s, orders[++order][i]);
        if (!there) {
            order = i == 0 ? 0 : order;
            break;
        }
        if (!la_drill_u32(s, &value))
            return false;
        octets[n++] = (uint8_t)(value >> 16);
        octets[n++] = (uint8_t)(value >> 8);
        octets[n++] = (uint8_t)value;
    }
    octets[0] = order == 0 ? LA_TCP_OPT_ACCECN_0 : LA_TCP_OPT_ACCECN_1;
    octets[1] = (uint8_t)n;
    option->raw = (struct la_bytes){octets, n};
    return true;
}

static bool
read_blocks(struct la_drill_scan *s, struct la_drill_option *option)
{
    for (;;) {
        la_drill_skip(s);
        if (la_drill_at_end(s) || *s->p < '0' || *s->p > '9')
            return option->sack_n != 0 || la_drill_wrong(s, "sack needs LEFT:RIGHT");
        if (option->sack_n == LA_TCP_SACK_MAX)
            return la_drill_wrong(s, "a segment has room for %d SACK blocks", LA_TCP_SACK_MAX);
        unsigned i = option->sack_n++;
        if (!la_drill_u32(s, &option->left[i]) || !la_drill_need(s, ":") ||
            !la_drill_u32(s, &option->right[i]))
            return false;
    }
}

static bool
read_one_option(struct la_drill_scan *s, struct la_drill_option *option)
{
    int64_t number = 0;
    if (la_drill_try_word(s, "nop")) {
        option->kind = LA_DRILL_OPT_NOP;
        return true;
    }
    if (la_drill_try_word(s, "eol")) {
        option->kind = LA_DRILL_OPT_EOL;
        return true;
    }
    if (la_drill_try_word(s, "sackOK")) {
        option->kind = LA_DRILL_OPT_SACK_OK;
        return true;
    }
    if (la_drill_try_word(s, "mss")) {
        option->kind = LA_DRILL_OPT_MSS;
        bool good = la_drill_number(s, 0, UINT16_MAX, &number);
        option->a = (uint32_t)number;
        return good;
    }
    if (la_drill_try_word(s, "wscale")) {
        option->kind = LA_DRILL_OPT_WSCALE;
        bool good = la_drill_number(s, 0, UINT8_MAX, &number);
        option->a = (uint32_t)number;
        return good;
    }
    if (la_drill_try_word(s, "sack")) {
        option->kind = LA_DRILL_OPT_SACK;
        return read_blocks(s, option);
    }
    if (la_drill_try_word(s, "raw")) {
        option->kind = LA_DRILL_OPT_RAW;
        return read_raw(s, option);
    }
    if (la_drill_try_word(s, "ECN")) {
        option->kind = LA_DRILL_OPT_RAW;
        return read_accecn(s, option);
    }
    bool experimental = la_drill_try_word(s, "FOEXP");
    if (experimental || la_drill_try_word(s, "FO")) {
        option->kind = LA_DRILL_OPT_RAW;
        return read_cookie(s, experimental, option);
    }
    if (la_drill_try_word(s, "TS")) {
        option->kind = LA_DRILL_OPT_TS;
        return la_drill_need(s, "val") && la_drill_u32(s, &option->a) && la_drill_need(s, "ecr") &&
               la_drill_u32(s, &option->b);
    }
    struct la_bytes word = la_drill_word(s);
    return la_drill_wrong(
        s, "no option '%.*s': mss, wscale, sackOK, sack, TS, ECN, FO, FOEXP, nop, eol, raw HEX are",
        (int)word.n, (const char *)word.p);
}

static bool
read_options(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    struct la_drill_option **tail = &packet->options;
    if (la_drill_try(s, "...")) {
        packet->any_options = true;
        if (!packet->out)
            return la_drill_wrong(s, "<...> is for packets that come out; say what it carries");
        return la_drill_need(s, ">");
    }
    unsigned options_n = 0;
    do {
        struct la_drill_option *option = la_drill_scan_take(s, sizeof(*option));
        if (option == NULL || !read_one_option(s, option))
            return false;
        if (++options_n > LA_DRILL_OPTIONS_BYTES_MAX)
            return la_drill_wrong(s, "options have room for %d octets", LA_DRILL_OPTIONS_BYTES_MAX);
        *tail = option;
        tail = &option->next;
    } while (la_drill_try(s, ","));
    return la_drill_need(s, ">");
}

/* ---- what stands before the protocol ---------------------------------------------------- */

static bool
read_mark(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    static const char *const names[] = {"noecn", "ect1", "ect0", "ce"};
    int64_t number = 0;
    for (uint8_t i = 0; i < 4; i++)
        if (la_drill_try_word(s, names[i])) {
            packet->has_ecn = true;
            packet->ecn = i;
            return true;
        }
    if (la_drill_try_word(s, "ect01")) {
        packet->has_ecn = packet->any_ecn = true;
        packet->ecn = LA_IP_ECT_0;
        return true;
    }
    if (la_drill_try_word(s, "tos")) {
        packet->has_tos = la_drill_number(s, 0, UINT8_MAX, &number);
        packet->tos = (uint8_t)number;
        return packet->has_tos;
    }
    if (la_drill_try_word(s, "ttl")) {
        packet->has_ttl = la_drill_number(s, 0, UINT8_MAX, &number);
        packet->ttl = (uint8_t)number;
        return packet->has_ttl;
    }
    if (la_drill_try_word(s, "bad_checksum")) {
        packet->bad_checksum = true;
        return !packet->out || la_drill_wrong(s, "bad_checksum is for packets that come in");
    }
    if (la_drill_try_word(s, "reserved")) {
        bool good = la_drill_number(s, 0, 15, &number);
        packet->reserved = (uint8_t)number;
        return good;
    }
    return la_drill_wrong(s, "in [] stand noecn, ect0, ect1, ect01, ce, tos N, ttl N, reserved N "
                             "and bad_checksum");
}

static bool
read_marks(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    if (la_drill_try(s, "["))
        do {
            if (!read_mark(s, packet))
                return false;
        } while (la_drill_try(s, ",") || !la_drill_try(s, "]"));
    return true;
}

/* SRC > DST */
static bool
read_ports(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    int64_t src = 0, dst = 0;
    la_drill_skip_blanks(s);
    if (la_drill_at_end(s) || *s->p < '0' || *s->p > '9')
        return true;
    packet->has_ports = la_drill_number(s, 0, UINT16_MAX, &src) && la_drill_need(s, ">") &&
                        la_drill_number(s, 0, UINT16_MAX, &dst);
    packet->src_port = (uint16_t)src;
    packet->dst_port = (uint16_t)dst;
    return packet->has_ports;
}

/* ---- TCP -------------------------------------------------------------------------------- */

enum { ACE_UNIT = LA_TCP_ECE }; /* the lowest bit of AE, CWR, ECE (RFC 9768 3.2.2) */

static bool
read_flags(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    static const char letters[] = "FSRP.UEWA";
    bool any = false;
    if (la_drill_try(s, "-"))
        return true;
    la_drill_skip(s);
    for (; !la_drill_at_end(s) && *s->p != ' ' && *s->p != '\t'; s->p++) {
        const char *letter = *s->p == 0 ? NULL : strchr(letters, *s->p);
        if (letter != NULL)
            packet->flags |= (uint16_t)(1u << (letter - letters));
        else if (*s->p >= '0' && *s->p <= '7')
            packet->flags |= (uint16_t)(ACE_UNIT * (*s->p - '0'));
        else
            return la_drill_wrong(s,
                                  "flags are F S R P . (ACK) U E W A, 0 to 7 for the ACE field, "
                                  "or - for none, not '%c'",
                                  *s->p);
        any = true;
    }
    return any || la_drill_wrong(s, "the flags are missing");
}

bool
la_drill_read_sequence(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    uint32_t last;
    if (!la_drill_u32(s, &packet->seq) || !la_drill_need(s, ":") || !la_drill_u32(s, &last) ||
        !la_drill_need(s, "(") || !la_drill_u32(s, &packet->len) || !la_drill_need(s, ")"))
        return false;
    if (packet->seq + packet->len != last)
        return la_drill_wrong(s, "%u:%u is not %u octets long", packet->seq, last, packet->len);
    packet->has_seq = true;
    if (packet->len > LA_DRILL_PAYLOAD_BYTES_MAX)
        return la_drill_wrong(s, "a packet has at most %d octets", LA_DRILL_PAYLOAD_BYTES_MAX);
    return true;
}

static bool
read_text(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    la_drill_skip_blanks(s);
    if (la_drill_at_end(s) || *s->p != '"')
        return true;
    s->p++;
    packet->has_text = la_drill_string(s, &packet->text);
    if (packet->has_text && packet->text.n != packet->len)
        return la_drill_wrong(s, "the string has %zu octets, the packet %u", packet->text.n,
                              packet->len);
    return packet->has_text;
}

/* Is `<` here the beginning of options, and not of the next packet on a line without a time? */
static bool
options_follow(struct la_drill_scan *s)
{
    la_drill_skip_blanks(s);
    return !la_drill_at_end(s) && *s->p == '<';
}

static bool
read_tcp(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    int64_t number = 0;
    if (!read_flags(s, packet) || !la_drill_read_sequence(s, packet))
        return false;
    if (la_drill_try_word(s, "ack")) {
        packet->has_ack = la_drill_u32(s, &packet->ack);
        if (!packet->has_ack)
            return false;
    }
    if (la_drill_try_word(s, "win")) {
        packet->has_win = la_drill_number(s, 0, UINT16_MAX, &number);
        packet->win = (uint16_t)number;
        if (!packet->has_win)
            return false;
    }
    if (la_drill_try_word(s, "urg")) {
        packet->has_urg = la_drill_number(s, 0, UINT16_MAX, &number);
        packet->urg = (uint16_t)number;
        if (!packet->has_urg)
            return false;
    }
    if (options_follow(s)) {
        s->p++;
        if (!read_options(s, packet))
            return false;
    }
    return read_text(s, packet);
}

/* ---- ICMP and UDP ----------------------------------------------------------------------- */

/* [first:last(len)] before the word icmp, as packetdrill had it first. */
static bool
read_quoted(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    struct la_drill_scan at = *s;
    la_drill_skip_blanks(s);
    if (la_drill_try(s, "[") && !la_drill_at_end(s) && isdigit((unsigned char)*s->p))
        return la_drill_read_sequence(s, packet) && la_drill_need(s, "]");
    *s = at;
    return true;
}

static bool
read_udp(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    packet->protocol = LA_DRILL_UDP;
    return la_drill_need(s, "(") && la_drill_u32(s, &packet->len) && la_drill_need(s, ")") &&
           (packet->len <= LA_DRILL_PAYLOAD_BYTES_MAX ||
            la_drill_wrong(s, "a packet has at most %d octets", LA_DRILL_PAYLOAD_BYTES_MAX)) &&
           read_text(s, packet);
}

bool
la_drill_read_packet(struct la_drill_scan *s, bool out, struct la_drill_packet **result)
{
    struct la_drill_packet *packet = la_drill_scan_take(s, sizeof(*packet));
    *result = packet;
    if (packet == NULL)
        return false;
    packet->out = out;
    if (!read_quoted(s, packet) || !read_marks(s, packet) || !read_ports(s, packet))
        return false;
    if (la_drill_try_word(s, "icmp") || la_drill_try_word(s, "icmpv4") ||
        la_drill_try_word(s, "icmpv6"))
        return la_drill_read_icmp(s, packet);
    if (la_drill_try_word(s, "udp"))
        return read_udp(s, packet);
    packet->protocol = LA_DRILL_TCP;
    return read_tcp(s, packet);
}

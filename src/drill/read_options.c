/* SPDX-License-Identifier: MIT
 *
 * read_options.c - options of packet lines, between < and >
 *
 * Read first: RFC 9293 3.2.
 */
#include "drill/scan.h"

#include <stdio.h>
#include <string.h>

#include "wire/tcp.h"

enum { ACCECN_BYTES_MAX = 2 + 3 * LA_TCP_ACCECN_FIELDS };

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

bool
la_drill_read_options(struct la_drill_scan *s, struct la_drill_packet *packet)
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

/* SPDX-License-Identifier: MIT
 *
 * addr.c - addresses: classes, text to address and back
 *
 * Read first: RFC 4291 2.2 (text forms), RFC 5952 4 (the one form that we write), RFC 6943 3.1.1
 * (why an IPv4 octet may have neither a leading zero nor a base).
 */
#include "base/addr.h"

#include <string.h>

/* ---- classes ---------------------------------------------------------------------------- */

struct la_addr
la_addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct la_addr){{[10] = 0xff, [11] = 0xff, [12] = a, [13] = b, [14] = c, [15] = d}};
}

bool
la_addr_is_v4(const struct la_addr *addr)
{
    return la_addr_is_mapped(addr);
}

bool
la_addr_equal(const struct la_addr *a, const struct la_addr *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool
la_endpoint_equal(const struct la_endpoint *a, const struct la_endpoint *b)
{
    return a->port == b->port && la_addr_equal(&a->addr, &b->addr);
}

bool
la_addr_is_any(const struct la_addr *addr)
{
    static const struct la_addr any_v6 = {{0}};
    static const struct la_addr any_v4 = {{[10] = 0xff, [11] = 0xff}};
    return la_addr_equal(addr, &any_v6) || la_addr_equal(addr, &any_v4);
}

bool
la_addr_is_multicast(const struct la_addr *addr)
{
    if (la_addr_is_v4(addr))
        return (la_addr_v4_bytes(addr)[0] & 0xf0) == 0xe0;
    return addr->b[0] == 0xff;
}

bool
la_addr_is_broadcast(const struct la_addr *addr)
{
    const struct la_addr broadcast = la_addr_v4(255, 255, 255, 255);
    return la_addr_equal(addr, &broadcast);
}

bool
la_addr_is_loopback(const struct la_addr *addr)
{
    static const struct la_addr loopback_v6 = {{[15] = 1}};
    if (la_addr_is_v4(addr))
        return la_addr_v4_bytes(addr)[0] == 127;
    return la_addr_equal(addr, &loopback_v6);
}

bool
la_addr_is_link_local(const struct la_addr *addr)
{
    if (la_addr_is_v4(addr))
        return la_addr_v4_bytes(addr)[0] == 169 && la_addr_v4_bytes(addr)[1] == 254;
    return addr->b[0] == 0xfe && (addr->b[1] & 0xc0) == 0x80;
}

bool
la_addr_in_prefix(const struct la_addr *addr, const struct la_addr *prefix, unsigned prefix_len)
{
    bool v4 = la_addr_is_v4(prefix);
    if (la_addr_is_v4(addr) != v4 || prefix_len > (v4 ? 32U : 128U))
        return false;
    const uint8_t *a = v4 ? la_addr_v4_bytes(addr) : addr->b;
    const uint8_t *p = v4 ? la_addr_v4_bytes(prefix) : prefix->b;
    unsigned whole_n = prefix_len / 8;
    if (memcmp(a, p, whole_n) != 0)
        return false;
    unsigned rest_n = prefix_len % 8;
    return rest_n == 0 || ((a[whole_n] ^ p[whole_n]) >> (8 - rest_n)) == 0;
}

/* ---- text to address -------------------------------------------------------------------- */

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One decimal octet at *text, which moves behind it. */
static bool
parse_octet(const char **text, uint8_t *out)
{
    const char *s = *text;
    unsigned v = 0;
    unsigned digits_n = 0;
    for (; s[digits_n] >= '0' && s[digits_n] <= '9'; digits_n++) {
        if (digits_n == 3)
            return false;
        v = v * 10 + (unsigned)(s[digits_n] - '0');
    }
    if (digits_n == 0 || v > 255 || (digits_n > 1 && s[0] == '0'))
        return false;
    *text = s + digits_n;
    *out = (uint8_t)v;
    return true;
}

/* Exactly four octets. Returns the end of the text, NULL when that is not what stands there. */
static const char *
parse_v4(const char *text, uint8_t out[4])
{
    for (int i = 0; i < 4; i++) {
        if (i > 0 && *text++ != '.')
            return NULL;
        if (!parse_octet(&text, &out[i]))
            return NULL;
    }
    return *text == 0 ? text : NULL;
}

/* One group of 1 to 4 hexadecimal digits; returns how many. */
static unsigned
parse_group(const char *text, uint8_t out[2])
{
    unsigned v = 0;
    unsigned digits_n = 0;
    for (int digit; digits_n < 4 && (digit = hex_digit(text[digits_n])) >= 0; digits_n++)
        v = v << 4 | (unsigned)digit;
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
    return digits_n;
}

struct v6_text {
    uint8_t b[16];
    unsigned n;  /* octets filled */
    int gap_off; /* where "::" stood, -1 = nowhere */
};

/* Reads what stands between separators; `text` is not at a separator. Returns the place behind it,
 * NULL when it is neither a group nor a final dotted quad. */
static const char *
parse_v6_part(struct v6_text *t, const char *text)
{
    if (t->n + 2 > sizeof(t->b))
        return NULL;
    unsigned digits_n = parse_group(text, t->b + t->n);
    if (digits_n > 0 && text[digits_n] != '.') {
        t->n += 2;
        return text + digits_n;
    }
    if (t->n + 4 > sizeof(t->b))
        return NULL;
    text = parse_v4(text, t->b + t->n);
    t->n += 4;
    return text;
}

static bool
parse_v6(const char *text, struct la_addr *out)
{
    struct v6_text t = {.gap_off = -1};
    if (text[0] == ':') {
        if (text[1] != ':')
            return false;
        t.gap_off = 0;
        text += 2;
    }
    while (*text) {
        text = parse_v6_part(&t, text);
        if (!text)
            return false;
        if (*text == 0)
            break;
        if (*text++ != ':')
            return false;
        if (*text == ':') {
            if (t.gap_off >= 0)
                return false;
            t.gap_off = (int)t.n;
            text++;
        } else if (*text == 0) {
            return false;
        }
    }
    /* "::" stands for at least one group (RFC 4291 2.2). */
    if (t.gap_off < 0 ? t.n != sizeof(t.b) : t.n == sizeof(t.b))
        return false;
    size_t before_n = t.gap_off < 0 ? t.n : (size_t)t.gap_off;
    size_t after_n = t.n - before_n;
    *out = (struct la_addr){{0}};
    memcpy(out->b, t.b, before_n);
    memcpy(out->b + sizeof(out->b) - after_n, t.b + before_n, after_n);
    return true;
}

bool
la_addr_parse(const char *text, struct la_addr *out)
{
    uint8_t v4[4];
    if (parse_v4(text, v4)) {
        *out = la_addr_from_v4(v4);
        return true;
    }
    return parse_v6(text, out);
}

/* ---- address to text -------------------------------------------------------------------- */

static char *
put_octet(char *s, uint8_t v)
{
    if (v >= 100)
        *s++ = (char)('0' + v / 100);
    if (v >= 10)
        *s++ = (char)('0' + v / 10 % 10);
    *s++ = (char)('0' + v % 10);
    return s;
}

/* Lower case, no leading zeros (RFC 5952 4.1 and 4.3). */
static char *
put_group(char *s, unsigned v)
{
    static const char digits[] = "0123456789abcdef";
    for (int shift = 12; shift >= 0; shift -= 4) {
        if (v >> shift || shift == 0)
            *s++ = digits[v >> shift & 15];
    }
    return s;
}

struct run {
    int first;
    int n;
};

/* The longest run of at least two zero groups, the first of equals (RFC 5952 4.2). */
static struct run
longest_zero_run(const unsigned group[8])
{
    struct run best = {-1, 1};
    for (int i = 0; i < 8;) {
        int n = 0;
        while (i + n < 8 && group[i + n] == 0)
            n++;
        if (n > best.n)
            best = (struct run){i, n};
        i += n ? n : 1;
    }
    return best;
}

static char *
put_v4(char *s, const uint8_t *v4)
{
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            *s++ = '.';
        s = put_octet(s, v4[i]);
    }
    return s;
}

static char *
put_v6(char *s, const struct la_addr *addr)
{
    unsigned group[8];
    for (int i = 0; i < 8; i++)
        group[i] = (unsigned)addr->b[2 * i] << 8 | addr->b[2 * i + 1];
    struct run zeros = longest_zero_run(group);
    for (int i = 0; i < 8;) {
        if (i == zeros.first) {
            *s++ = ':';
            *s++ = ':';
            i += zeros.n;
            continue;
        }
        if (i > 0 && i != zeros.first + zeros.n)
            *s++ = ':';
        s = put_group(s, group[i++]);
    }
    return s;
}

char *
la_addr_format(const struct la_addr *addr, char out[LA_ADDR_TEXT_BYTES])
{
    char *end = la_addr_is_v4(addr) ? put_v4(out, la_addr_v4_bytes(addr)) : put_v6(out, addr);
    *end = 0;
    return out;
}

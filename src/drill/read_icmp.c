/* SPDX-License-Identifier: MIT
 *
 * read_icmp.c - what stands behind the word icmp: type, code, numbers, the segment it is about
 *
 * Read first: RFC 792; RFC 4443.
 */
#include "drill/scan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "wire/icmp4.h"
#include "wire/icmp6.h"

struct icmp_name {
    const char *name;
    uint8_t v6, type, code;
};

/* Names of types, and of errors that are a type and a code. */
static const struct icmp_name icmp_names[] = {
    {"net_unreachable", 0, LA_ICMP4_UNREACHABLE, LA_ICMP4_NET},
    {"host_unreachable", 0, LA_ICMP4_UNREACHABLE, LA_ICMP4_HOST},
    {"protocol_unreachable", 0, LA_ICMP4_UNREACHABLE, LA_ICMP4_PROTOCOL},
    {"port_unreachable", 0, LA_ICMP4_UNREACHABLE, LA_ICMP4_PORT},
    {"frag_needed", 0, LA_ICMP4_UNREACHABLE, LA_ICMP4_FRAGMENTATION_NEEDED},
    {"source_route_failed", 0, LA_ICMP4_UNREACHABLE, LA_ICMP4_SOURCE_ROUTE_FAILED},
    {"net_unknown", 0, LA_ICMP4_UNREACHABLE, LA_ICMP4_NET_UNKNOWN},
    {"host_unknown", 0, LA_ICMP4_UNREACHABLE, LA_ICMP4_HOST_UNKNOWN},
    {"net_prohibited", 0, LA_ICMP4_UNREACHABLE, LA_ICMP4_NET_PROHIBITED},
    {"host_prohibited", 0, LA_ICMP4_UNREACHABLE, LA_ICMP4_HOST_PROHIBITED},
    {"net_unreachable_for_tos", 0, LA_ICMP4_UNREACHABLE, LA_ICMP4_NET_TOS},
    {"host_unreachable_for_tos", 0, LA_ICMP4_UNREACHABLE, LA_ICMP4_HOST_TOS},
    {"comm_prohibited", 0, LA_ICMP4_UNREACHABLE, LA_ICMP4_PROHIBITED},
    {"packet_filtered", 0, LA_ICMP4_UNREACHABLE, LA_ICMP4_PROHIBITED},
    {"source_host_isolated", 0, LA_ICMP4_UNREACHABLE, 8}, /* RFC 1122 3.2.2.1; RFC 1812 5.2.7.1 */
    {"precedence_violation", 0, LA_ICMP4_UNREACHABLE, 14},
    {"precedence_cutoff", 0, LA_ICMP4_UNREACHABLE, 15},
    {"unreachable", 0, LA_ICMP4_UNREACHABLE, 0},
    {"redirect", 0, LA_ICMP4_REDIRECT, 0},
    {"source_quench", 0, LA_ICMP4_SOURCE_QUENCH, 0},
    {"time_exceeded", 0, LA_ICMP4_TIME_EXCEEDED, 0},
    {"reassembly_time_exceeded", 0, LA_ICMP4_TIME_EXCEEDED, 1},
    {"parameter_problem", 0, LA_ICMP4_PARAMETER, 0},
    {"echo_reply", 0, LA_ICMP4_ECHO_REPLY, 0},
    {"echo_request", 0, LA_ICMP4_ECHO, 0},
    {"timestamp_request", 0, 13, 0}, /* RFC 792 */
    {"timestamp_reply", 0, 14, 0},
    {"information_request", 0, 15, 0},
    {"information_reply", 0, 16, 0},
    {"address_mask_request", 0, 17, 0},
    {"address_mask_reply", 0, 18, 0},
    {"unreachable", 1, LA_ICMP6_UNREACHABLE, 0},
    {"not_neighbour", 1, LA_ICMP6_UNREACHABLE, LA_ICMP6_BEYOND_SCOPE},
    {"no_route", 1, LA_ICMP6_UNREACHABLE, LA_ICMP6_NO_ROUTE},
    {"admin_prohibited", 1, LA_ICMP6_UNREACHABLE, LA_ICMP6_PROHIBITED},
    {"beyond_scope", 1, LA_ICMP6_UNREACHABLE, LA_ICMP6_BEYOND_SCOPE},
    {"address_unreachable", 1, LA_ICMP6_UNREACHABLE, LA_ICMP6_ADDRESS},
    {"port_unreachable", 1, LA_ICMP6_UNREACHABLE, LA_ICMP6_PORT},
    {"packet_too_big", 1, LA_ICMP6_TOO_BIG, 0},
    {"time_exceeded", 1, LA_ICMP6_TIME_EXCEEDED, 0},
    {"reassembly_time_exceeded", 1, LA_ICMP6_TIME_EXCEEDED, 1},
    {"parameter_problem", 1, LA_ICMP6_PARAMETER, 0},
    {"echo_request", 1, LA_ICMP6_ECHO, 0},
    {"echo_reply", 1, LA_ICMP6_ECHO_REPLY, 0},
};

/* type_3, code_255 */
static bool
is_numbered(struct la_bytes word, const char *begins, uint8_t *out)
{
    char digits[4] = {0}, *end;
    size_t n = strlen(begins);
    if (word.n <= n || word.n - n >= sizeof(digits) || memcmp(word.p, begins, n) != 0)
        return false;
    memcpy(digits, word.p + n, word.n - n);
    unsigned long number = strtoul(digits, &end, 10);
    if (*end != 0 || number > UINT8_MAX)
        return false;
    *out = (uint8_t)number;
    return true;
}

/* packetdrill's names of codes, behind that of the type. */
static bool
find_icmp_code(struct la_bytes word, struct la_drill_packet *packet)
{
    static const struct {
        const char *name;
        uint8_t code;
    } names[] = {{"ttl_exceeded_in_transit", 0},
                 {"frag_reass_exceeded", 1},
                 {"exceeded_hop_limit", 0},
                 {"exceeded_frag_time", 1},
                 {"header_field", 0},
                 {"unknown_next_header", LA_ICMP6_NEXT_HEADER},
                 {"unknown_option", 2}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i].name) == word.n && memcmp(names[i].name, word.p, word.n) == 0) {
            packet->icmp_code = names[i].code;
            return true;
        }
    }
    return is_numbered(word, "code_", &packet->icmp_code);
}

static bool
find_icmp_name(const struct la_drill_scan *s, struct la_bytes word, struct la_drill_packet *packet)
{
    const char *defined = la_drill_defined(s->script, word);
    if (defined != NULL)
        word = (struct la_bytes){(const uint8_t *)defined, strlen(defined)};
    for (size_t i = 0; i < sizeof(icmp_names) / sizeof(icmp_names[0]); i++) {
        const struct icmp_name *name = &icmp_names[i];
        if ((name->v6 != 0) == s->script->cfg.v6 && strlen(name->name) == word.n &&
            memcmp(name->name, word.p, word.n) == 0) {
            packet->icmp_type = name->type;
            packet->icmp_code = name->code;
            return true;
        }
    }
    return is_numbered(word, "type_", &packet->icmp_type);
}

/* The name of a type, and perhaps that of a code. */
static bool
read_icmp_names(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    struct la_bytes word = la_drill_word(s);
    if (!find_icmp_name(s, word, packet))
        return la_drill_wrong(s, "ICMP%s has no '%.*s': docs/drill.md lists the names",
                              s->script->cfg.v6 ? "v6" : "", (int)word.n, (const char *)word.p);
    la_drill_skip_blanks(s);
    struct la_drill_scan at = *s;
    if (la_drill_at_end(s) || !isalpha((unsigned char)*s->p))
        return true;
    word = la_drill_word(s);
    uint8_t type = packet->icmp_type;
    if (find_icmp_code(word, packet) ||
        (find_icmp_name(s, word, packet) && packet->icmp_type == type))
        return true;
    packet->icmp_type = type;
    *s = at;
    return true;
}

/* icmp TYPE [CODE] [mtu N] [id N] [seq N] [first:last(len)]; type N code N in place of names. */
bool
la_drill_read_icmp(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    int64_t type = 0, code = 0;
    packet->protocol = LA_DRILL_ICMP;
    if (la_drill_try_word(s, "type")) {
        if (!la_drill_number(s, 0, UINT8_MAX, &type) || !la_drill_need(s, "code") ||
            !la_drill_number(s, 0, UINT8_MAX, &code))
            return false;
        packet->icmp_type = (uint8_t)type;
        packet->icmp_code = (uint8_t)code;
    } else if (!read_icmp_names(s, packet)) {
        return false;
    }
    if (la_drill_try_word(s, "mtu") && !la_drill_u32(s, &packet->mtu))
        return false;
    if (la_drill_try_word(s, "id") && !la_drill_u32(s, &packet->echo_id))
        return false;
    if (la_drill_try_word(s, "seq") && !la_drill_u32(s, &packet->echo_seq))
        return false;
    return !la_drill_try(s, "[") || (la_drill_read_sequence(s, packet) && la_drill_need(s, "]"));
}

/* SPDX-License-Identifier: MIT
 *
 * icmp_words.c - ICMP errors in words
 *
 * Read first: RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1; RFC 4443 3.
 */
#include "explain/words.h"

#include <stddef.h>
#include <stdint.h>

#include "wire/icmp4.h"
#include "wire/icmp6.h"

enum { ANY_CODE = -1 };

struct meaning {
    int16_t type, code;
    const char *words;
};

static const struct meaning v4[] = {
    {LA_ICMP4_UNREACHABLE, LA_ICMP4_NET, "network unreachable"},
    {LA_ICMP4_UNREACHABLE, LA_ICMP4_HOST, "host unreachable"},
    {LA_ICMP4_UNREACHABLE, LA_ICMP4_PROTOCOL, "protocol unreachable"},
    {LA_ICMP4_UNREACHABLE, LA_ICMP4_PORT, "port unreachable"},
    {LA_ICMP4_UNREACHABLE, LA_ICMP4_FRAGMENTATION_NEEDED, "packet too big"},
    {LA_ICMP4_UNREACHABLE, LA_ICMP4_SOURCE_ROUTE_FAILED, "source route failed"},
    {LA_ICMP4_UNREACHABLE, LA_ICMP4_NET_UNKNOWN, "network unknown"},
    {LA_ICMP4_UNREACHABLE, LA_ICMP4_HOST_UNKNOWN, "host unknown"},
    {LA_ICMP4_UNREACHABLE, LA_ICMP4_NET_PROHIBITED, "network prohibited by an administrator"},
    {LA_ICMP4_UNREACHABLE, LA_ICMP4_HOST_PROHIBITED, "host prohibited by an administrator"},
    {LA_ICMP4_UNREACHABLE, LA_ICMP4_NET_TOS, "network unreachable for this type of service"},
    {LA_ICMP4_UNREACHABLE, LA_ICMP4_HOST_TOS, "host unreachable for this type of service"},
    {LA_ICMP4_UNREACHABLE, LA_ICMP4_PROHIBITED, "prohibited by an administrator"},
    {LA_ICMP4_UNREACHABLE, ANY_CODE, "destination unreachable"},
    {LA_ICMP4_SOURCE_QUENCH, ANY_CODE, "source quench"},
    {LA_ICMP4_TIME_EXCEEDED, 0, "time to live exceeded"},
    {LA_ICMP4_TIME_EXCEEDED, ANY_CODE, "time to put fragments together exceeded"},
    {LA_ICMP4_PARAMETER, ANY_CODE, "a parameter problem"},
};

static const struct meaning v6[] = {
    {LA_ICMP6_UNREACHABLE, LA_ICMP6_NO_ROUTE, "no route"},
    {LA_ICMP6_UNREACHABLE, LA_ICMP6_PROHIBITED, "prohibited by an administrator"},
    {LA_ICMP6_UNREACHABLE, LA_ICMP6_BEYOND_SCOPE, "beyond the scope of the source address"},
    {LA_ICMP6_UNREACHABLE, LA_ICMP6_ADDRESS, "address unreachable"},
    {LA_ICMP6_UNREACHABLE, LA_ICMP6_PORT, "port unreachable"},
    {LA_ICMP6_UNREACHABLE, LA_ICMP6_SOURCE_POLICY, "source address refused by a policy"},
    {LA_ICMP6_UNREACHABLE, LA_ICMP6_REJECT_ROUTE, "route rejected"},
    {LA_ICMP6_UNREACHABLE, ANY_CODE, "destination unreachable"},
    {LA_ICMP6_TOO_BIG, ANY_CODE, "packet too big"},
    {LA_ICMP6_TIME_EXCEEDED, 0, "hop limit exceeded"},
    {LA_ICMP6_TIME_EXCEEDED, ANY_CODE, "time to put fragments together exceeded"},
    {LA_ICMP6_PARAMETER, ANY_CODE, "a parameter problem"},
};

static const char *
words_of(const struct meaning *meanings, size_t n, int64_t type, int64_t code)
{
    for (size_t i = 0; i < n; i++)
        if (meanings[i].type == type && (meanings[i].code == code || meanings[i].code == ANY_CODE))
            return meanings[i].words;
    return "an unknown error";
}

const char *
la_explain_icmp_words(int64_t version, int64_t type, int64_t code)
{
    return version == 6 ? words_of(v6, sizeof(v6) / sizeof(v6[0]), type, code)
                        : words_of(v4, sizeof(v4) / sizeof(v4[0]), type, code);
}

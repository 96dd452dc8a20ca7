/* SPDX-License-Identifier: MIT
 *
 * publish.c - the value of -p: a port of the host, and the port inside behind it
 */
#include "cli/publish.h"

#include <string.h>

#include "cli/number.h"

static bool
port_parse(const char *text, uint16_t *out)
{
    uint64_t n;
    if (!la_number_parse(text, 0, UINT16_MAX, &n))
        return false;
    *out = (uint16_t)n;
    return true;
}

/* An IPv6 address is written in brackets, because of its colons. */
static bool
address_parse(char *text, struct la_addr *out)
{
    size_t n = strlen(text);
    bool v6 = n > 2 && text[0] == '[' && text[n - 1] == ']';
    if (v6) {
        text[n - 1] = '\0';
        text++;
    }
    return la_addr_parse(text, out) && la_addr_is_v4(out) != v6;
}

/* Cuts off what is behind the last colon; NULL: there is none. */
static char *
cut_last(char *text)
{
    char *colon = strrchr(text, ':');
    if (colon == NULL)
        return NULL;
    *colon = '\0';
    return colon + 1;
}

bool
la_publish_parse(const char *text, struct la_publish_rule *out)
{
    char word[LA_ADDR_TEXT_BYTES + 16];
    *out = (struct la_publish_rule){.any = true};
    if (strlen(text) >= sizeof(word))
        return false;
    memcpy(word, text, strlen(text) + 1);
    char *inside = cut_last(word);
    if (inside == NULL) /* the same on both sides */
        return port_parse(word, &out->port) && (out->host_port = out->port) != 0;
    char *host = cut_last(word);
    out->any = host == NULL;
    if (host == NULL)
        host = word;
    else if (!address_parse(word, &out->addr))
        return false;
    return port_parse(host, &out->host_port) && port_parse(inside, &out->port) && out->port != 0;
}

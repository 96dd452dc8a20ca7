/* SPDX-License-Identifier: MIT
 *
 * via.c - the value of --via: a device, addresses, gateways
 */
#include "cli/via.h"

#include "cli/prefix.h"

#include <string.h>

enum { WORD_BYTES = 64 };

/* Up to the next comma. False: it does not fit. */
static bool
word_take(const char **text, char *out, size_t room_n)
{
    size_t n = strcspn(*text, ",");
    if (n >= room_n)
        return false;
    memcpy(out, *text, n);
    out[n] = '\0';
    *text += n + ((*text)[n] == ',');
    return true;
}

static bool
gateway_take(const char *word, struct la_via *out)
{
    struct la_addr addr;
    if (out->layer != LA_LINK_ETHERNET || !la_addr_parse(word, &addr) || la_addr_is_any(&addr))
        return false;
    *(la_addr_is_v4(&addr) ? &out->gateway4 : &out->gateway6) = addr;
    return true;
}

static bool
address_take(const char *word, struct la_via *out)
{
    if (strchr(word, '/') == NULL)
        return gateway_take(word, out);
    return out->addr_n < LA_VIA_ADDRS_MAX &&
           la_prefix_parse(word, &out->addr[out->addr_n].addr,
                           &out->addr[out->addr_n].prefix_len) &&
           ++out->addr_n > 0;
}

static void
addresses_default(struct la_via *out)
{
    static const char *const addrs[] = {"10.77.0.2/24", "fd77::2/64"};
    static const char *const gateways[] = {"10.77.0.1", "fd77::1"};
    for (size_t i = 0; i < 2; i++) {
        (void)address_take(addrs[i], out);
        (void)gateway_take(gateways[i], out); /* a TUN takes none */
    }
}

bool
la_via_parse(const char *text, struct la_via *out, const char **out_word)
{
    char word[WORD_BYTES];
    *out = (struct la_via){.layer = LA_LINK_IP};
    *out_word = text;
    if (strncmp(text, "tap:", 4) == 0)
        out->layer = LA_LINK_ETHERNET;
    else if (strncmp(text, "tun:", 4) != 0)
        return false;
    text += 4;
    if (!word_take(&text, out->name, sizeof(out->name)) || out->name[0] == '\0')
        return false;
    if (*text == '\0')
        addresses_default(out);
    while (*text != '\0') {
        *out_word = text;
        if (!word_take(&text, word, sizeof(word)) || !address_take(word, out))
            return false;
    }
    return out->addr_n > 0;
}

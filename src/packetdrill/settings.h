/* SPDX-License-Identifier: MIT
 *
 * settings.h - what --so_flags and sysctls say
 */
#ifndef LA_PACKETDRILL_SETTINGS_H
#define LA_PACKETDRILL_SETTINGS_H

#include "ways/ways.h"

enum { LA_PD_ERROR_BYTES = 160, LA_PD_PATH_BYTES = 256 };

struct la_pd_settings {
    struct la_ways ways;
    struct la_addr local4, local6; /* used where the script does not bind */
    uint32_t mtu_bytes;
    uint64_t seed;
    char sysctls[LA_PD_PATH_BYTES]; /* a file of NAME=VALUE lines, or a tree such as /proc/sys */
    char states[LA_PD_PATH_BYTES];  /* a file that says what connections there are (states.h) */
};

void la_pd_settings_init(struct la_pd_settings *settings);
/* "key=value,key=value"; NULL is empty. False, and `error` says in one line what is wrong and what
 * could stand there. */
bool la_pd_settings_parse(struct la_pd_settings *settings, const char *flags,
                          char error[LA_PD_ERROR_BYTES]);
/* Looks into `sysctls`, where scripts change them as they go. What is not there, or has no
 * counterpart here, changes nothing. */
void la_pd_settings_follow(struct la_pd_settings *settings);
/* One sysctl by its name with dots, such as net.ipv4.tcp_sack. */
void la_pd_settings_sysctl(struct la_pd_settings *settings, const char *name, const char *value);

#endif

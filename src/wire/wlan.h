/* SPDX-License-Identifier: MIT
 *
 * wlan.h - the 802.11 MAC header of data frames (IEEE 802.11 9.2, 9.3.2) and the radiotap header
 *
 * Of radiotap only its length and the flags are looked at; it is read, never written.
 */
#ifndef LA_WIRE_WLAN_H
#define LA_WIRE_WLAN_H

#include "base/bytes.h"

enum { LA_WLAN_BYTES_MIN = 24, LA_WLAN_BYTES_MAX = 36, LA_RADIOTAP_BYTES_MIN = 8 };

enum la_wlan_flag {
    LA_WLAN_TO_DS = 0x01,
    LA_WLAN_FROM_DS = 0x02,
    LA_WLAN_MORE_FRAGMENTS = 0x04,
    LA_WLAN_PROTECTED = 0x40,
    LA_WLAN_ORDER = 0x80 /* of a QoS frame: an HT control field is there */
};

enum { LA_WLAN_NULL = 4, LA_WLAN_QOS = 8 }; /* bits of a data frame's subtype */
enum { LA_WLAN_QOS_AMSDU = 0x80 };          /* of `qos`: several packets in the frame */

struct la_wlan {
    uint8_t subtype; /* 4 bits */
    uint8_t flags;   /* enum la_wlan_flag and others */
    uint16_t duration;
    uint8_t addr[4][6]; /* the fourth with TO_DS and FROM_DS */
    uint16_t sequence;  /* fragment number in the low 4 bits */
    uint16_t qos;       /* with LA_WLAN_QOS */
    uint32_t ht;        /* with LA_WLAN_QOS and LA_WLAN_ORDER */
};

enum la_wlan_judged { LA_WLAN_DATA, LA_WLAN_NO_DATA, LA_WLAN_SHORT };

/* NO_DATA: a management or control frame, or another protocol version. */
enum la_wlan_judged la_wlan_judge(struct la_wlan *wlan, struct la_bytes bytes);
size_t la_wlan_header_bytes(const struct la_wlan *wlan);
/* The inverse; room.n at least the above. Returns octets written. */
size_t la_wlan_emit(const struct la_wlan *wlan, struct la_room room);

struct la_radiotap {
    uint16_t header_bytes;
    bool padded; /* the frame's header is padded to 4 octets */
};

/* False: too few octets, or another version. */
bool la_radiotap_judge(struct la_radiotap *radiotap, struct la_bytes bytes);

#endif

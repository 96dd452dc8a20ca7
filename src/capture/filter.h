/* SPDX-License-Identifier: MIT
 *
 * filter.h - libpcap's filter language ('tcp port 443') on packets of any link type
 *
 * Read first: pcap-filter(7).
 */
#ifndef LA_CAPTURE_FILTER_H
#define LA_CAPTURE_FILTER_H

#include "capture/reader.h"

struct la_capture_filter;

/* NULL: the text is not understood, which sets *is_mistaken; libpcap or memory is missing, which
 * does not. One line in `error`. */
struct la_capture_filter *la_capture_filter_new(const char *text, bool *is_mistaken,
                                                char error[LA_CAPTURE_LINE_BYTES]) LA_MUST_CHECK;
const char *la_capture_filter_text(const struct la_capture_filter *filter);
/* Does it hold? When it means nothing for the packet's link type it does not, and *error, NULL
 * before, is the reason: a line that lives as long as the filter. */
bool la_capture_filter_holds(struct la_capture_filter *filter,
                             const struct la_capture_packet *packet, const char **error);
void la_capture_filter_free(struct la_capture_filter *filter);

#endif

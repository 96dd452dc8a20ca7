/* SPDX-License-Identifier: MIT
 *
 * map.h - mapped files that may shrink
 *
 * Reading where a mapped file no longer reaches raises SIGBUS. Whoever cuts a capture off while it
 * is read must not end the program: with each map a handler is installed, if it is not, that puts
 * zeros there and remembers it. Signals for anything else go to whom they went before.
 */
#ifndef LA_CAPTURE_MAP_H
#define LA_CAPTURE_MAP_H

#include <lastack/base.h>

/* The first n > 0 octets of a regular file, to be read once from front to back. NULL: it cannot be
 * mapped, or too many files are: read it instead. */
const uint8_t *la_capture_map_new(int fd, size_t n);
/* Maps the pages of [off, to) at once, which costs a fraction of a fault for each. False: the file
 * does not reach there, or has not reached somewhere since it was mapped. */
bool la_capture_map_on(const uint8_t *map, size_t off, size_t to);
void la_capture_map_free(const uint8_t *map, size_t n);

#endif

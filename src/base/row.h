/* SPDX-License-Identifier: MIT
 *
 * row.h - where things of one size stand in a row, with free places at both ends
 *
 * What is put in or taken out in the middle moves the shorter side, so that a row which is used at
 * its ends costs nothing for its length. The places are the caller's; a row says which are taken.
 */
#ifndef LA_BASE_ROW_H
#define LA_BASE_ROW_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed: no place. `room` below has cap places of `width` octets, those from head on are taken. */
struct la_row {
    uint32_t cap, head, n;
};

/* Makes place number i, from 0 to n, free for a thing more; n must be less than cap. */
void la_row_open(struct la_row *row, void *room, size_t width, uint32_t i);
/* Takes the k things from number i on out. */
void la_row_close(struct la_row *row, void *room, size_t width, uint32_t i, uint32_t k);

#endif

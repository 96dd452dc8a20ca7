/* SPDX-License-Identifier: MIT
 *
 * row.c - things in a row, with free places at both ends
 */
#include "base/row.h"

#include <string.h>

#include "base/assert.h"

/* Moves things [from, from + n), counted in places, so that they begin at `to`. */
static void
move(void *room, size_t width, uint32_t to, uint32_t from, uint32_t n)
{
    unsigned char *bytes = room;
    if (n > 0)
        memmove(bytes + to * width, bytes + from * width, n * width);
}

/* Free places at both ends, half of them at each: so moving all is rare. */
static void
centre(struct la_row *row, void *room, size_t width)
{
    uint32_t head = (row->cap - row->n) / 2;
    move(room, width, head, row->head, row->n);
    row->head = head;
}

void
la_row_open(struct la_row *row, void *room, size_t width, uint32_t i)
{
    LA_ASSERT(i <= row->n && row->n < row->cap);
    bool front = i < row->n - i;
    if (front ? row->head == 0 : row->head + row->n == row->cap)
        centre(row, room, width);
    if (front && row->head == 0) /* there is one free place, at the end */
        front = false;
    if (front) {
        move(room, width, row->head - 1, row->head, i);
        row->head--;
    } else {
        move(room, width, row->head + i + 1, row->head + i, row->n - i);
    }
    row->n++;
}

void
la_row_close(struct la_row *row, void *room, size_t width, uint32_t i, uint32_t k)
{
    LA_ASSERT(i <= row->n && k <= row->n - i);
    uint32_t behind = row->n - i - k;
    if (i < behind) {
        move(room, width, row->head + k, row->head, i);
        row->head += k;
    } else {
        move(room, width, row->head + i, row->head + i + k, behind);
    }
    row->n -= k;
    if (row->n == 0)
        row->head = 0;
}

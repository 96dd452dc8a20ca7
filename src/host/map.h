/* SPDX-License-Identifier: MIT
 *
 * map.h - from a 64-bit key to a pointer
 *
 * Open addressing with linear probing; a removal moves later entries back, so there are no
 * tombstones and a look-up is bounded by the longest run. Keys are mixed, not secret: they are
 * numbers that the kernel or our own stack chose (socket cookies, handles, thread ids).
 */
#ifndef LA_HOST_MAP_H
#define LA_HOST_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct la_map_entry {
    uint64_t key;
    void *value; /* NULL: the slot is free */
};

struct la_map {
    struct la_map_entry *entries;
    size_t cap_n; /* a power of two, or 0 */
    size_t live_n;
};

/* A zero-initialised map is empty. */
void la_map_fini(struct la_map *map);
/* NULL: not there. */
void *la_map_get(const struct la_map *map, uint64_t key);
/* value is not NULL; an entry of the same key is replaced. False: no memory, nothing changed. */
bool la_map_put(struct la_map *map, uint64_t key, void *value);
/* Returns what was there, or NULL. */
void *la_map_take(struct la_map *map, uint64_t key);
/* Walks all entries: start with *cursor 0; NULL at the end. The map may not change meanwhile. */
void *la_map_next(const struct la_map *map, size_t *cursor);

#endif

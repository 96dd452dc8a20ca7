/* SPDX-License-Identifier: MIT
 *
 * map.c - from a 64-bit key to a pointer
 */
#include "host/map.h"

#include <stdlib.h>

enum { CAP_MIN = 64 };

static size_t
slot_of(const struct la_map *map, uint64_t key)
{
    /* Fibonacci hashing: consecutive numbers spread over the table. */
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (map->cap_n - 1);
}

static struct la_map_entry *
find(const struct la_map *map, uint64_t key)
{
    if (map->cap_n == 0)
        return NULL;
    size_t i = slot_of(map, key);
    while (map->entries[i].value != NULL && map->entries[i].key != key)
        i = (i + 1) & (map->cap_n - 1);
    return &map->entries[i];
}

static bool
grow(struct la_map *map)
{
    struct la_map bigger = {.cap_n = map->cap_n != 0 ? map->cap_n * 2 : CAP_MIN};
    bigger.entries = calloc(bigger.cap_n, sizeof(*bigger.entries));
    if (bigger.entries == NULL)
        return false;
    for (size_t i = 0; i < map->cap_n; i++) {
        if (map->entries[i].value != NULL)
            *find(&bigger, map->entries[i].key) = map->entries[i];
    }
    bigger.live_n = map->live_n;
    free(map->entries);
    *map = bigger;
    return true;
}

void
la_map_fini(struct la_map *map)
{
    free(map->entries);
    *map = (struct la_map){0};
}

void *
la_map_get(const struct la_map *map, uint64_t key)
{
    const struct la_map_entry *e = find(map, key);
    return e != NULL ? e->value : NULL;
}

bool
la_map_put(struct la_map *map, uint64_t key, void *value)
{
    if ((map->live_n + 1) * 2 > map->cap_n && !grow(map))
        return false;
    struct la_map_entry *e = find(map, key);
    if (e->value == NULL)
        map->live_n++;
    *e = (struct la_map_entry){.key = key, .value = value};
    return true;
}

void *
la_map_take(struct la_map *map, uint64_t key)
{
    struct la_map_entry *e = find(map, key);
    if (e == NULL || e->value == NULL)
        return NULL;
    void *value = e->value;
    e->value = NULL;
    map->live_n--;
    /* Entries behind the hole that could not be found across it move into it. */
    size_t hole = (size_t)(e - map->entries);
    size_t mask = map->cap_n - 1;
    for (size_t i = (hole + 1) & mask; map->entries[i].value != NULL; i = (i + 1) & mask) {
        size_t home = slot_of(map, map->entries[i].key);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->entries[hole] = map->entries[i];
            map->entries[i].value = NULL;
            hole = i;
        }
    }
    return value;
}

void *
la_map_next(const struct la_map *map, size_t *cursor)
{
    while (*cursor < map->cap_n) {
        void *value = map->entries[(*cursor)++].value;
        if (value != NULL)
            return value;
    }
    return NULL;
}

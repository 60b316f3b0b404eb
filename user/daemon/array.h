/* SPDX-License-Identifier: GPL-2.0 */
/* An array that grows up to a bound, and can be sorted and searched. */
#ifndef SLOWCLOSE_ARRAY_H
#define SLOWCLOSE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct array {
	char *items;
	size_t item_size, count, room, most;
	unsigned long left_out; /* items that came when it was full */
	bool no_memory; /* an item is missing for it */
};

typedef int (*array_compare_fn)(const void *a, const void *b);

/* What such functions are made of. */
static inline int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

void array_init(struct array *array, size_t item_size, size_t most);

/* Forgets all items and gives the memory back. */
void array_clear(struct array *array);

/* Copies the item; a failure is noted in the array. */
void array_add(struct array *array, const void *item);

/* The item at the index, which may be count: behind the last. */
void *array_at(const struct array *array, size_t i);

void array_sort(struct array *array, array_compare_fn compare);

/* Of a sorted array: the index of the first item that is not before the wanted one. */
size_t array_first(const struct array *array, const void *wanted, array_compare_fn compare);

#endif

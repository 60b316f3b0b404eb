// SPDX-License-Identifier: GPL-2.0
#include "array.h"

#include <stdlib.h>
#include <string.h>

void array_init(struct array *array, size_t item_size, size_t most)
{
	memset(array, 0, sizeof(*array));
	array->item_size = item_size;
	array->most = most;
}

void array_clear(struct array *array)
{
	free(array->items);
	array_init(array, array->item_size, array->most);
}

void array_add(struct array *array, const void *item)
{
	if (array->count == array->most) {
		array->left_out++;
		return;
	}
	if (array->count == array->room) {
		size_t room = array->room ? 2 * array->room : 256;
		char *items = reallocarray(array->items, room, array->item_size);

		if (!items) {
			array->no_memory = true;
			return;
		}
		array->items = items;
		array->room = room;
	}
	memcpy(array->items + array->count++ * array->item_size, item, array->item_size);
}

void *array_at(const struct array *array, size_t i)
{
	/* An empty one has no memory, which nothing may be added to. */
	return i ? array->items + i * array->item_size : array->items;
}

void array_sort(struct array *array, array_compare_fn compare)
{
	if (array->count) /* else there is no memory to sort */
		qsort(array->items, array->count, array->item_size, compare);
}

size_t array_first(const struct array *array, const void *wanted, array_compare_fn compare)
{
	size_t low = 0, high = array->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(array_at(array, middle), wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

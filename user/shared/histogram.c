// SPDX-License-Identifier: GPL-2.0
#include "histogram.h"

#include <stdlib.h>
#include <string.h>

/* A cell more for each array: the allocator's own. */
static size_t cost(size_t room)
{
	return room ? room + 1 : 0;
}

/* Returns false, and changes nothing, if the budget or the memory does not allow it. */
static bool resize(struct histogram *histogram, struct histogram_budget *budget, size_t room)
{
	size_t used = budget->used - cost(histogram->room) + cost(room);
	struct histogram_cell *cells;

	if (used > budget->max && room > histogram->room)
		return false;
	cells = reallocarray(histogram->cells, room, sizeof(*cells));
	if (!cells)
		return false;
	budget->used = used;
	histogram->cells = cells;
	histogram->room = (uint16_t)room;
	return true;
}

/* Always odd: with the allocator's word, whole units of 16 bytes. */
static bool grow(struct histogram *histogram, struct histogram_budget *budget)
{
	return resize(histogram, budget, (histogram->room + histogram->room / 2 + 2) | 1);
}

/*
 * The first cell that is not before the bucket. No further from either end than the buckets are, it
 * is among as many cells as buckets are empty, mostly few. No branch depends on what is in them.
 */
static size_t place_of_bucket(const struct histogram *histogram, uint32_t bucket)
{
	const struct histogram_cell *cells = histogram->cells;
	size_t used = histogram->used, first = 0, n, from_end;

	if (!used || bucket <= cells[0].bucket)
		return 0;
	if (bucket > cells[used - 1].bucket)
		return used;
	from_end = cells[used - 1].bucket - bucket + 1;
	if (from_end < used)
		first = used - from_end;
	n = bucket - cells[0].bucket + 1;
	n = (n < used ? n : used) - first;
	while (n > 1) {
		size_t half = n / 2;

		first += -(size_t)(cells[first + half - 1].bucket < bucket) & half;
		n -= half;
	}
	return first;
}

void histogram_add(struct histogram *histogram, struct histogram_budget *budget, uint32_t bucket,
		   uint64_t count)
{
	size_t place = place_of_bucket(histogram, bucket);
	struct histogram_cell *cell;

	if (place < histogram->used && histogram->cells[place].bucket == bucket) {
		histogram->cells[place].count += count;
		return;
	}
	if (bucket >= BUCKETS || (histogram->used == histogram->room && !grow(histogram, budget))) {
		histogram->missing += count;
		return;
	}
	cell = histogram->cells + place;
	memmove(cell + 1, cell, (histogram->used++ - place) * sizeof(*cell));
	*cell = (struct histogram_cell){.bucket = bucket, .count = count};
}

/* How many buckets have something in the one or the other. */
static size_t count_together(const struct histogram *histogram, const struct histogram *other)
{
	size_t i = 0, j = 0, n = 0;

	for (; i < histogram->used && j < other->used; n++) {
		uint32_t one = histogram->cells[i].bucket, two = other->cells[j].bucket;

		i += one <= two;
		j += two <= one;
	}
	return n + (histogram->used - i) + (other->used - j);
}

/* Into its own array, which has room for all n: from the end, so that nothing is overwritten. */
static void merge_cells(struct histogram *histogram, const struct histogram *other, size_t n)
{
	struct histogram_cell *cells = histogram->cells;
	size_t i = histogram->used, j = other->used;

	histogram->used = (uint16_t)n;
	while (j) {
		struct histogram_cell last = other->cells[j - 1];

		if (i && cells[i - 1].bucket > last.bucket) {
			cells[--n] = cells[--i];
			continue;
		}
		if (i && cells[i - 1].bucket == last.bucket)
			last.count += cells[--i].count;
		cells[--n] = last;
		j--;
	}
}

void histogram_merge(struct histogram *histogram, struct histogram *other,
		     struct histogram_budget *budget)
{
	size_t together = count_together(histogram, other);

	histogram->missing += other->missing;
	other->missing = 0;
	if (!histogram->room) {
		histogram->cells = other->cells;
		histogram->used = other->used;
		histogram->room = other->room;
		*other = (struct histogram){0};
		return;
	}
	/* What other has is given back, so this is never over the budget. */
	budget->used -= cost(other->room);
	if (together <= histogram->room || resize(histogram, budget, together | 1)) {
		merge_cells(histogram, other, together);
	} else {
		for (size_t i = 0; i < other->used; i++)
			histogram_add(histogram, budget, other->cells[i].bucket,
				      other->cells[i].count);
	}
	budget->used += cost(other->room);
	histogram_free(other, budget);
}

void histogram_free(struct histogram *histogram, struct histogram_budget *budget)
{
	budget->used -= cost(histogram->room);
	free(histogram->cells);
	*histogram = (struct histogram){0};
}

uint64_t histogram_count(const struct histogram *histogram)
{
	uint64_t count = histogram->missing;

	for (size_t i = 0; i < histogram->used; i++)
		count += histogram->cells[i].count;
	return count;
}

void spread_clear(struct spread *spread)
{
	memset(spread->buckets + spread->first, 0,
	       (spread->end - spread->first) * sizeof(spread->buckets[0]));
	spread->count = 0;
	spread->missing = 0;
	spread->first = 0;
	spread->end = 0;
}

void spread_add(struct spread *spread, const struct histogram *histogram)
{
	const struct histogram_cell *cells = histogram->cells;
	size_t used = histogram->used;

	spread->count += histogram->missing;
	spread->missing += histogram->missing;
	if (!used)
		return;
	if (!spread->end || cells[0].bucket < spread->first)
		spread->first = cells[0].bucket;
	if (cells[used - 1].bucket >= spread->end)
		spread->end = cells[used - 1].bucket + 1;
	for (size_t i = 0; i < used; i++) {
		spread->buckets[cells[i].bucket] += cells[i].count;
		spread->count += cells[i].count;
	}
}

uint64_t bucket_middle(uint32_t bucket)
{
	uint64_t from = bucket_from(bucket), last = bucket_from(bucket + 1) - 1;

	return from + (last - from) / 2;
}

static int64_t to_signed(uint64_t ns)
{
	return ns <= INT64_MAX ? (int64_t)ns : INT64_MAX;
}

int64_t spread_percentile(const struct spread *spread, unsigned int percent, uint64_t max_ns)
{
	uint64_t known = spread->count - spread->missing, before = 0, rank;

	if (!known || spread->missing > spread->count / 100)
		return UNKNOWN;
	rank = known / 100 * percent + (known % 100 * percent + 99) / 100;
	if (rank == spread->count)
		return to_signed(max_ns);
	for (uint32_t bucket = spread->first; bucket < spread->end; bucket++) {
		before += spread->buckets[bucket];
		if (before >= rank) {
			uint64_t ns = bucket_middle(bucket);

			return to_signed(ns < max_ns ? ns : max_ns);
		}
	}
	return UNKNOWN;
}

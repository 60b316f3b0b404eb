/* SPDX-License-Identifier: GPL-2.0 */
/* Histograms over the buckets of slowclose/bucket.h: small ones to keep, wide ones to add up in. */
#ifndef SLOWCLOSE_HISTOGRAM_H
#define SLOWCLOSE_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "slowclose/bucket.h"

/* Memory that many histograms share, in cells of 8 bytes. */
struct histogram_budget {
	size_t used;
	size_t max;
};

struct histogram_cell {
	uint64_t bucket : 16;
	uint64_t count : 48;
};

/* Only the buckets that have something, in order. All zero is an empty one. */
struct histogram {
	struct histogram_cell *cells;
	uint64_t missing; /* counted without a cell, as the budget or the memory was used up */
	uint16_t used, room; /* cells */
};

/* A bucket that is none is counted as missing. */
void histogram_add(struct histogram *histogram, struct histogram_budget *budget, uint32_t bucket,
		   uint64_t count);

/* Adds what is in other, which is empty afterwards; never fails, as histogram_add(). */
void histogram_merge(struct histogram *histogram, struct histogram *other,
		     struct histogram_budget *budget);

/* Gives the cells back; the histogram is empty afterwards. */
void histogram_free(struct histogram *histogram, struct histogram_budget *budget);

/* Of everything that was added, the missing ones too. */
uint64_t histogram_count(const struct histogram *histogram);

/* The sum of many histograms: an array of all buckets, 15 KiB. Begins with spread_clear(). */
struct spread {
	uint64_t count; /* the missing ones too */
	uint64_t missing;
	uint32_t first, end; /* only buckets from first to before end have anything */
	uint64_t buckets[BUCKETS];
};

/* All zero is clear as well; this takes less time where little was added. */
void spread_clear(struct spread *spread);
void spread_add(struct spread *spread, const struct histogram *histogram);

/*
 * By nearest rank, percent from 1 to 100: the middle of the bucket that it is in, within 1.6 % of
 * the exact one, but never above max_ns, the exact maximum, and that itself where it is the largest
 * one. UNKNOWN where nothing was added or more than 1 % is missing.
 */
int64_t spread_percentile(const struct spread *spread, unsigned int percent, uint64_t max_ns);

/* The middle of what is in a bucket. */
uint64_t bucket_middle(uint32_t bucket);

#endif

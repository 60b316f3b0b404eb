/* SPDX-License-Identifier: GPL-2.0 */
/* Counts of durations by powers of two, as bars on a terminal. */
#ifndef SLOWCLOSE_HISTOGRAM_H
#define SLOWCLOSE_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define HISTOGRAM_GROUPS 64

/* Group n counts durations from 2^n nanoseconds to below twice that; group 0 also 0. */
struct histogram {
	uint64_t counts[HISTOGRAM_GROUPS];
};

/* Adds a bucket of the daemon: count durations between these two. */
void histogram_add(struct histogram *histogram, int64_t from_ns, int64_t below_ns, uint64_t count);

/*
 * One line for each group from the first to the last that has something; all below a microsecond
 * are one. Lines have at most columns columns. With colour, bars from slow_ns on are marked.
 */
void histogram_print(FILE *out, const struct histogram *histogram, int columns, int64_t slow_ns,
		     bool colour);

#endif

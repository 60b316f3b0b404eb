/* SPDX-License-Identifier: GPL-2.0 */
/* Counts of durations by powers of two, as bars on a terminal. */
#ifndef SLOWCLOSE_CLI_BARS_H
#define SLOWCLOSE_CLI_BARS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define BARS_GROUPS 64

/* Group n counts durations from 2^n nanoseconds to below twice that; group 0 also 0. */
struct bars {
	uint64_t counts[BARS_GROUPS];
};

/* Adds a bucket of the daemon: count durations between these two. */
void bars_add(struct bars *bars, int64_t from_ns, int64_t below_ns, uint64_t count);

/*
 * One line for each group from the first to the last that has something; all below a microsecond
 * are one. Lines have at most columns columns. With colour, bars from slow_ns on are marked.
 */
void bars_print(FILE *out, const struct bars *bars, int columns, int64_t slow_ns, bool colour);

#endif

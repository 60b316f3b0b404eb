/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rows of metrics with labels: at most so many, and one, `other`, for the rest. What is counted
 * comes from sources that come, go and change their labels: a row of the statistics, a listener.
 * Of each source only what was added since the last scrape goes to its row, so that counters never
 * fall nor jump, whichever row a source has. Of one that is older than the daemon the first scrape
 * that has it adds nothing.
 *
 * A row stays with its labels. Where none is free, a source with something notable takes one that
 * had nothing notable for an hour, and one that is in use one that was not for an hour; what the
 * row had is forgotten.
 *
 * now_ns is CLOCK_MONOTONIC.
 */
#ifndef SLOWCLOSE_METRICS_ROWS_H
#define SLOWCLOSE_METRICS_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METRICS_LABELS_SIZE 192
#define METRICS_COUNTERS_MAX 48
#define METRICS_GAUGES_MAX 12

/* The first notable_counters, if they have grown, and notable_gauges are what is notable. */
struct metrics_rows_options {
	size_t rows_max; /* beside `other` */
	const char *other_labels;
	size_t counters, notable_counters;
	size_t gauges, notable_gauges;
	size_t maxima; /* of the gauges, the last so many: of several sources the largest counts,
			* else their sum */
	bool inherits; /* what a source had that is gone is in that of `other` from then on */
};

/* What a source has at one moment. */
struct metrics_source {
	uint64_t id[2]; /* no other's, before or after */
	char labels[METRICS_LABELS_SIZE]; /* "": it is in `other`, always */
	uint64_t counters[METRICS_COUNTERS_MAX]; /* since its beginning */
	bool older; /* than the daemon: what it has when it comes is not new */
	uint64_t gauges[METRICS_GAUGES_MAX];
};

struct metrics_row {
	char labels[METRICS_LABELS_SIZE];
	uint64_t hash; /* of the labels */
	bool present; /* has a source */
	int64_t used_ns, notable_ns; /* the last time */
	uint64_t counters[METRICS_COUNTERS_MAX];
	uint64_t begun[METRICS_COUNTERS_MAX]; /* as they were before this scrape */
	uint64_t gauges[METRICS_GAUGES_MAX];
};

struct metrics_rows;

/* Returns NULL when there is no memory. */
struct metrics_rows *metrics_rows_new(const struct metrics_rows_options *options);
void metrics_rows_free(struct metrics_rows *rows);

/* A scrape: begin, all sources that there are, end. Returns 0, or -ENOMEM: it does not count. */
void metrics_rows_begin(struct metrics_rows *rows, int64_t now_ns);
void metrics_rows_add(struct metrics_rows *rows, const struct metrics_source *source);
int metrics_rows_end(struct metrics_rows *rows);

/*
 * The next row that is to be shown: *i is 0 at first. The last is `other`, once there was need of
 * it. NULL: no more.
 */
const struct metrics_row *metrics_rows_next(const struct metrics_rows *rows, size_t *i);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* The statistics of one window, added up by what is asked for; as /v1/summary in docs/api.md. */
#ifndef SLOWCLOSE_SUMMARY_H
#define SLOWCLOSE_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "count.h"
#include "event.h"
#include "histogram.h"
#include "stats.h"
#include "summary_words.h"

struct summary_measure {
	struct spread spread; /* spread.count: of how many connections it is known */
	struct sum sum; /* nanoseconds */
	uint64_t max_ns;
};

/* One row. What it is of is 0, "" or NULL where it is of many, or not known. */
struct summary_row {
	bool other; /* what had no row; neither this nor of anything: the total */
	enum conn_role role;
	uint32_t netns;
	uint16_t port;
	uint32_t pid;
	char comm[16]; /* any bytes, not always terminated */
	const char *unit;
	enum conn_family family; /* of address; 0: none */
	__u8 address[16];
	struct counts counts;
	bool has_waiting; /* waiting is known: by service, port and unit */
	struct waiting_counts waiting;
	struct summary_measure measures[MEASURE_COUNT];
};

struct summary {
	enum window window;
	enum summary_by by;
	int64_t time_ns, since_ns; /* CLOCK_REALTIME: end and beginning of the window */
	struct stats_view view; /* and the thresholds */
	const struct row **rows; /* those that are shown as one after another */
	size_t row_count, next;
	struct summary_row row; /* the last that was asked for */
};

/*
 * Begins a summary at now_ns, CLOCK_MONOTONIC; realtime_offset_ns is CLOCK_REALTIME less that. It
 * hands out one row at a time, since all rows with their histograms would take megabytes. It is
 * good until something is added to stats. Returns NULL when there is no memory.
 */
struct summary *summary_new(struct stats *stats, enum window window, enum summary_by by,
			    int64_t now_ns, int64_t realtime_offset_ns);
void summary_free(struct summary *summary);

/*
 * Each returns the row asked for, which is good until the next one is asked for. summary_next()
 * hands out the rows in no order, leaving out those of which nothing has ended in the window and
 * nothing waits, then NULL. summary_other() is what had no row, or NULL if nothing.
 * summary_total() is everything, its counts.undetailed what is in no row by process and by peer.
 */
const struct summary_row *summary_next(struct summary *summary);
const struct summary_row *summary_other(struct summary *summary);
const struct summary_row *summary_total(struct summary *summary);

/* In nanoseconds, or UNKNOWN: nothing is known, or the histogram lacks more than 1 % of it. */
int64_t summary_percentile(const struct summary_measure *measure, unsigned int percent);

/* Whether there is anything to tell a person: slow ones that ended in the window, or some wait. */
bool summary_row_is_notable(const struct summary_row *row);

/*
 * Writes the whole summary as one JSON object on one line; with the counts of each bucket if
 * histogram. Row by row, so that it takes no memory beside what out takes; begins with the first
 * row, whatever was asked for before. Returns 0, -ENOMEM, or -EIO when out failed.
 */
int json_summary(FILE *out, struct summary *summary, bool histogram);

/* How long the window is. */
static inline int64_t summary_length_ns(const struct summary *summary)
{
	return summary->time_ns - summary->since_ns;
}

/*
 * Writes one row of the summary as a line for people, without its end: of a service, of what had no
 * row, or of everything. No byte of a name can break the line.
 */
void text_summary_line(FILE *out, const struct summary *summary, const struct summary_row *row);

#endif

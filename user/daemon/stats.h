/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Statistics of ended connections, by service, by process and by peer, over the last minute, five
 * minutes, hour, and since the start; and what waits now, by service. summary.h shows them.
 *
 * Memory is bounded: what has no row is counted in the row `other` of its table, and what has no
 * cell in a histogram is counted without its percentiles. No function fails, and nothing is lost:
 * the sum of all rows and `other` is always exact.
 *
 * now_ns is CLOCK_MONOTONIC. A connection belongs to the moment at which it is added; a time before
 * the latest one counts as that.
 */
#ifndef SLOWCLOSE_STATS_H
#define SLOWCLOSE_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "slowclose/record.h"

struct stats;
struct table;

struct stats_options {
	struct thresholds thresholds;
	size_t rows_max; /* of each table; 0: 1,000 */
	size_t cells_max; /* of all histograms, 8 bytes each; 0: 12 MiB of them */
	uint64_t seed; /* random, so that no peer can choose addresses that hash alike */
};

/* Returns NULL when there is no memory. */
struct stats *stats_new(const struct stats_options *options, int64_t now_ns);
void stats_free(struct stats *stats);

/* For what is added from now on. */
void stats_set_thresholds(struct stats *stats, const struct thresholds *thresholds);

/*
 * Adds a connection that has ended; events of another kind are passed over.
 *
 * Its service is named by its owner. A server's connection without a known owner, such as one that
 * was never accepted, goes to the one named service of its network namespace and port; where there
 * is none, or more than one, to a row of that port without a name, or with that of who closed it,
 * which becomes that of the first owner that is seen there.
 */
void stats_add(struct stats *stats, const struct event *event, int64_t now_ns);

/* Adds connections that the kernel has only counted: to their service, no process and no peer. */
void stats_add_folded(struct stats *stats, const struct fold_record *record, int64_t now_ns);

/*
 * What waits now: begin, one add for each connection of a full look, end. Until end the look before
 * is shown. A connection that waits makes a row for its service as one that ends does; one without
 * an owner can be named by those who hold it, or by who called listen().
 */
void stats_waiting_begin(struct stats *stats, int64_t now_ns);
void stats_waiting_add(struct stats *stats, const struct event *event);
void stats_waiting_end(struct stats *stats);

enum stats_table {
	STATS_SERVICES,
	STATS_PROCESSES,
	STATS_PEERS,
	STATS_TABLES,
};

/* What is in use. */
struct stats_usage {
	size_t rows[STATS_TABLES];
	size_t rows_max; /* of each */
	size_t cells; /* of histograms */
	size_t cells_max;
};

void stats_usage(const struct stats *stats, struct stats_usage *usage);

/* What summary.c adds up: all rows, brought to now_ns. */
struct stats_view {
	const struct table *tables; /* [STATS_TABLES] */
	int64_t start_ns; /* when tick 0 began; row.h has the width of a tick */
	uint64_t tick; /* of now_ns */
	unsigned int shown; /* which of a row's two looks at what waits */
	struct thresholds thresholds;
};

void stats_view(struct stats *stats, int64_t now_ns, struct stats_view *view);

#endif

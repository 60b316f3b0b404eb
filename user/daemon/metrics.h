/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The node's metrics, as /metrics in docs/api.md, from the statistics, the listeners, accept() that
 * failed, the findings and the state of the daemon. Rows with labels are bounded (metrics_rows.h):
 * what has none is in the row `other`.
 */
#ifndef SLOWCLOSE_METRICS_H
#define SLOWCLOSE_METRICS_H

#include <stdint.h>
#include <stdio.h>

#include "array.h"
#include "diagnose.h"
#include "event.h"
#include "hooks.h"
#include "stats.h"

#define METRICS_SERVICES_MAX 100
#define METRICS_LISTENERS_MAX 100
#define METRICS_FAILURES_MAX 50
#define METRICS_FINDINGS_MAX 128

/* What is kept from one scrape to the next. */
struct metrics;

/* Returns NULL when there is no memory. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

/* The daemon itself. Numbers that are UNKNOWN are left out. */
struct metrics_health {
	const char *backend;
	struct thresholds slow;
	struct hooks_counts counts;
	uint64_t read; /* of counts.records */
	uint64_t events_lost; /* by subscribers */
	uint64_t subscribers;
	uint64_t tracked, tracked_max;
	int64_t look_ns; /* how long the last look took */
	unsigned int unseen_namespaces;
	struct stats_usage usage;
	int64_t resident_bytes;
	int64_t cpu_ns;
	int64_t started_ns; /* CLOCK_REALTIME */
	struct array programs; /* struct hooks_program */
};

/*
 * A scrape at now_ns, CLOCK_MONOTONIC: begin; all listeners, all results of accept(), with the name
 * of their process or NULL, and all findings; print. metrics_print() returns 0, -ENOMEM, or -EIO
 * when out failed.
 */
void metrics_begin(struct metrics *metrics, int64_t now_ns);
void metrics_add_listener(struct metrics *metrics, const struct listener_event *event);
void metrics_add_accepts(struct metrics *metrics, const struct accept_record *record,
			 const char comm[16]);
void metrics_add_finding(struct metrics *metrics, const struct evidence *evidence,
			 const struct finding *finding);
int metrics_print(FILE *out, struct metrics *metrics, struct stats *stats,
		  const struct metrics_health *health);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* The answer of /v1/summary, read from its JSON. */
#ifndef SLOWCLOSE_CLI_SUMMARY_H
#define SLOWCLOSE_CLI_SUMMARY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "field.h"
#include "bars.h"

struct summary_measure {
	int64_t p99_ns; /* or UNKNOWN */
	int64_t max_ns; /* or UNKNOWN */
	uint64_t count;
	struct bars bars; /* if it was asked for */
};

struct summary_row {
	char name[192]; /* what it is of, safe for a terminal */
	uint64_t ended;
	uint64_t slow_accepts;
	uint64_t slow_closes;
	uint64_t causes[CAUSE_COUNT]; /* of the slow ones; CAUSE_NONE: not proven */
	struct summary_measure accept_wait;
	struct summary_measure close_wait;
	bool waiting_known; /* else what follows is not */
	uint64_t in_accept_queue;
	uint64_t in_close_wait;
	int64_t oldest_ns; /* or UNKNOWN: nothing waits */
};

struct summary {
	int64_t time_ns; /* the window's end, CLOCK_REALTIME; its beginning: */
	int64_t since_ns;
	int64_t close_wait_threshold_ns; /* or UNKNOWN */
	int64_t accept_wait_threshold_ns;
	uint64_t undetailed;
	char window[16];
	char by[16];
	struct summary_row *rows;
	size_t row_count;
	struct summary_row other;
	bool has_other;
	struct summary_row total;
};

/*
 * Returns 0 with summary to be given to summary_free(); -ENOMEM; -EINVAL with *error saying what
 * is wrong with it. What is null or missing is unknown, or 0 of a count.
 */
int summary_from_json(struct summary *summary, const json_t *object, struct field_error *error);

void summary_free(struct summary *summary);

#endif

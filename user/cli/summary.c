// SPDX-License-Identifier: GPL-2.0
#include "summary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define ROWS_MAX 65536 /* far over what a daemon keeps */

static uint64_t count_of(struct field_error *error, const json_t *object, const char *field)
{
	int64_t n = field_number(error, object, field, INT64_MAX);

	return n == UNKNOWN ? 0 : (uint64_t)n;
}

/* Text of the daemon, safe for a terminal; "-" where there is none. */
static const char *safe_text(struct field_error *error, const json_t *row, const char *field,
			     char *buf, size_t size)
{
	return text_or(field_text(error, row, field), "-", buf, size);
}

/* In front of what is connected to from here. */
static const char *arrow_of(struct field_error *error, const json_t *json)
{
	const char *role = field_text(error, json, "role");

	return role && strcmp(role, "client") == 0 ? ">" : "";
}

static void set_service_name(struct summary_row *row, struct field_error *error, const json_t *json,
			     bool with_comm)
{
	int64_t port = field_number(error, json, "port", UINT16_MAX);
	char comm[TEXT_COMM_SIZE], digits[24] = "-";

	if (port != UNKNOWN)
		snprintf(digits, sizeof(digits), "%" PRId64, port);
	snprintf(row->name, sizeof(row->name), "%s%s%s%s", arrow_of(error, json), digits,
		 with_comm ? "/" : "",
		 with_comm ? safe_text(error, json, "comm", comm, sizeof(comm)) : "");
}

static void set_process_name(struct summary_row *row, struct field_error *error, const json_t *json)
{
	uint32_t pid = field_u32(error, json, "pid");
	char comm[TEXT_COMM_SIZE];

	if (pid)
		snprintf(row->name, sizeof(row->name), "%s/%" PRIu32,
			 safe_text(error, json, "comm", comm, sizeof(comm)), pid);
	else
		snprintf(row->name, sizeof(row->name), "-");
}

static void set_name(struct summary_row *row, struct field_error *error, const json_t *json,
		     const char *by)
{
	char buf[sizeof(row->name)];

	if (strcmp(by, "process") == 0)
		set_process_name(row, error, json);
	else if (strcmp(by, "unit") == 0)
		snprintf(row->name, sizeof(row->name), "%s",
			 safe_text(error, json, "unit", buf, sizeof(buf)));
	else if (strcmp(by, "peer") == 0)
		snprintf(row->name, sizeof(row->name), "%s%s", arrow_of(error, json),
			 safe_text(error, json, "address", buf, sizeof(buf)));
	else
		set_service_name(row, error, json, strcmp(by, "port") != 0);
}

static int64_t bucket_bound(const json_t *bucket, size_t index)
{
	double ms = json_number_value(json_array_get(bucket, index));

	return ms >= 0 && ms < (double)(INT64_MAX / NSEC_PER_MSEC) ? (int64_t)(ms * 1e6) : -1;
}

static void read_buckets(struct bars *bars, struct field_error *error, const json_t *measure)
{
	const json_t *buckets = field_array(error, measure, "buckets");
	json_t *bucket;
	size_t i;

	json_array_foreach (buckets, i, bucket) {
		int64_t from = bucket_bound(bucket, 0), below = bucket_bound(bucket, 1);
		json_int_t count = json_integer_value(json_array_get(bucket, 2));

		if (json_array_size(bucket) < 3 || from < 0 || below < 0 || count < 0)
			field_fail(error, "buckets", "an array of [from_ms, below_ms, count]");
		else
			bars_add(bars, from, below, (uint64_t)count);
	}
}

static void read_measure(struct summary_measure *measure, struct field_error *error,
			 const json_t *row, const char *field)
{
	const json_t *object = field_object(error, row, field);

	measure->count = count_of(error, object, "count");
	measure->p99_ns = field_milliseconds(error, object, "p99_ms");
	measure->max_ns = field_milliseconds(error, object, "max_ms");
	read_buckets(&measure->bars, error, object);
}

static void read_causes(struct summary_row *row, struct field_error *error, const json_t *json)
{
	const json_t *object = field_object(error, json, "causes");

	for (int cause = CAUSE_NONE; cause < CAUSE_COUNT; cause++) {
		const char *name = cause_name((enum conn_cause)cause);

		row->causes[cause] = count_of(error, object, name ? name : "unknown");
	}
}

static void read_row(struct summary_row *row, struct field_error *error, const json_t *json)
{
	const json_t *waiting = field_object(error, json, "waiting");

	row->ended = count_of(error, json, "ended");
	row->slow_accepts = count_of(error, json, "slow_accepts");
	row->slow_closes = count_of(error, json, "slow_closes");
	read_causes(row, error, json);
	read_measure(&row->accept_wait, error, json, "accept_wait");
	read_measure(&row->close_wait, error, json, "close_wait");
	row->waiting_known = waiting != NULL;
	row->in_accept_queue = count_of(error, waiting, "accept_queue");
	row->in_close_wait = count_of(error, waiting, "close_wait");
	row->oldest_ns = field_milliseconds(error, waiting, "oldest_ms");
}

static int by_name(const void *a, const void *b)
{
	const struct summary_row *const *one = a, *const *other = b;

	return strcmp((*one)->name, (*other)->name);
}

/* Behind a name that others have, too: the network namespace, which is what differs then. */
static void add_netns(struct summary_row *row, const json_t *json)
{
	json_int_t netns = json_integer_value(json_object_get(json, "netns"));
	size_t used = strlen(row->name);

	if (netns > 0)
		snprintf(row->name + used, sizeof(row->name) - used, "@%" JSON_INTEGER_FORMAT,
			 netns);
}

static int tell_apart(struct summary *summary, const json_t *rows)
{
	struct summary_row **sorted = calloc(summary->row_count + 1, sizeof(struct summary_row *));
	bool *same = calloc(summary->row_count + 1, sizeof(bool));
	int r = sorted && same ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < summary->row_count; i++)
		sorted[i] = &summary->rows[i];
	if (r == 0)
		qsort(sorted, summary->row_count, sizeof(sorted[0]), by_name);
	for (size_t i = 1; r == 0 && i < summary->row_count; i++) {
		if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
			same[sorted[i - 1] - summary->rows] = same[sorted[i] - summary->rows] =
				true;
	}
	for (size_t i = 0; r == 0 && i < summary->row_count; i++) {
		if (same[i])
			add_netns(&summary->rows[i], json_array_get(rows, i));
	}
	free(sorted);
	free(same);
	return r;
}

static int read_rows(struct summary *summary, struct field_error *error, const json_t *object)
{
	const json_t *rows = field_array(error, object, "rows");

	summary->row_count = json_array_size(rows);
	if (summary->row_count > ROWS_MAX) {
		field_fail(error, "rows", "as short as those of slowclosed");
		summary->row_count = 0;
	}
	summary->rows = calloc(summary->row_count + 1, sizeof(struct summary_row));
	if (!summary->rows)
		return -ENOMEM;
	for (size_t i = 0; i < summary->row_count; i++) {
		const json_t *row = json_array_get(rows, i);

		if (!json_is_object(row))
			field_fail(error, "rows", "an array of objects");
		set_name(&summary->rows[i], error, row, summary->by);
		read_row(&summary->rows[i], error, row);
	}
	return tell_apart(summary, rows);
}

static void read_window(struct summary *summary, struct field_error *error, const json_t *object)
{
	const char *window = field_required(error, object, "window");
	const char *by = field_required(error, object, "by");

	summary->time_ns = field_time(error, object, "time");
	summary->since_ns = field_time(error, object, "since");
	text_safe(window, strlen(window), summary->window, sizeof(summary->window));
	text_safe(by, strlen(by), summary->by, sizeof(summary->by));
	summary->close_wait_threshold_ns =
		field_milliseconds(error, object, "close_wait_threshold_ms");
	summary->accept_wait_threshold_ns =
		field_milliseconds(error, object, "accept_wait_threshold_ms");
	summary->undetailed = count_of(error, object, "undetailed");
}

int summary_from_json(struct summary *summary, const json_t *object, struct field_error *error)
{
	const json_t *other, *total;
	int r;

	memset(summary, 0, sizeof(*summary));
	error->text[0] = '\0';
	read_window(summary, error, object);
	r = read_rows(summary, error, object);
	other = field_object(error, object, "other");
	summary->has_other = other != NULL;
	read_row(&summary->other, error, other);
	snprintf(summary->other.name, sizeof(summary->other.name), "(others)");
	total = field_object(error, object, "total");
	if (!total)
		field_fail(error, "total", "an object");
	read_row(&summary->total, error, total);
	snprintf(summary->total.name, sizeof(summary->total.name), "total");
	if (r == 0 && error->text[0])
		r = -EINVAL;
	if (r < 0)
		summary_free(summary);
	return r;
}

void summary_free(struct summary *summary)
{
	free(summary->rows);
	summary->rows = NULL;
	summary->row_count = 0;
}

// SPDX-License-Identifier: GPL-2.0
#include "summary.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>

#include "json.h"
#include "json_part.h"
#include "render.h"

static json_t *integer(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* null for 0, which is what is not known of a row. */
static json_t *known(uint64_t n)
{
	return n ? integer(n) : json_null();
}

static json_t *comm(const struct summary_row *row)
{
	return row->comm[0] ? json_comm(row->comm) : json_null();
}

static json_t *address(const struct summary_row *row)
{
	char text[RENDER_ADDRESS_SIZE];

	if (!row->family)
		return json_null();
	return json_string(render_address(row->family, row->address, text));
}

static json_t *ends(const struct counts *counts)
{
	json_t *object = json_object();

	for (int i = 0; i < END_COUNT; i++)
		json_object_set_new(object, i ? end_name(i) : "unknown", integer(counts->ends[i]));
	return object;
}

static json_t *causes(const uint64_t counts[CAUSE_COUNT])
{
	json_t *object = json_object();

	for (int i = 0; i < CAUSE_COUNT; i++)
		json_object_set_new(object, i ? cause_name(i) : "unknown", integer(counts[i]));
	return object;
}

/* To microseconds, as json_milliseconds(), unless it is more than these have room for. */
static json_t *sum_milliseconds(const struct sum *sum)
{
	if (sum->high)
		return json_real((ldexp((double)sum->high, 64) + (double)sum->low) / 1e6);
	return json_real((double)(sum->low / 1000) / 1000.0);
}

/* The first number above those of a bucket, in nanoseconds. */
static double below(uint32_t bucket)
{
	return bucket + 1 < BUCKETS ? (double)bucket_from(bucket + 1) : ldexp(1, 64);
}

static json_t *buckets(const struct spread *spread)
{
	json_t *array = json_array();

	for (uint32_t i = spread->first; i < spread->end; i++) {
		if (!spread->buckets[i])
			continue;
		json_array_append_new(array,
				      json_pack("[f, f, I]", (double)bucket_from(i) / 1e6,
						below(i) / 1e6, (json_int_t)spread->buckets[i]));
	}
	return array;
}

static json_t *measure(const struct summary_measure *measure, bool histogram)
{
	uint64_t count = measure->spread.count;
	json_t *object;

	object = json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "count", (json_int_t)count, "sum_ms",
			   count ? sum_milliseconds(&measure->sum) : json_null(), "p50_ms",
			   json_milliseconds(summary_percentile(measure, 50)), "p90_ms",
			   json_milliseconds(summary_percentile(measure, 90)), "p99_ms",
			   json_milliseconds(summary_percentile(measure, 99)), "max_ms",
			   json_milliseconds(count ? (int64_t)measure->max_ns : UNKNOWN));
	if (histogram && json_object_set_new(object, "buckets", buckets(&measure->spread))) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *waiting(const struct summary_row *row)
{
	const struct waiting_counts *waiting = &row->waiting;
	bool any = waiting->accept_queue || waiting->close_wait;

	if (!row->has_waiting)
		return json_null();
	return json_pack("{s:I, s:I, s:o, s:o}", "accept_queue", (json_int_t)waiting->accept_queue,
			 "close_wait", (json_int_t)waiting->close_wait, "causes",
			 causes(waiting->causes), "oldest_ms",
			 json_milliseconds(any ? waiting->oldest_ns : UNKNOWN));
}

static json_t *identity_and_counts(const struct summary_row *row)
{
	const struct counts *counts = &row->counts;

	return json_pack(
		"{s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:I, s:I, s:o, s:I, s:I}", "role",
		row->role ? role_name(row->role) : NULL, "netns", known(row->netns), "port",
		known(row->port), "comm", comm(row), "unit", json_place(row->unit ? row->unit : ""),
		"pid", known(row->pid), "address", address(row), "ended", (json_int_t)counts->ended,
		"ends", ends(counts), "slow_accepts", (json_int_t)counts->slow_accepts,
		"slow_closes", (json_int_t)counts->slow_closes, "causes", causes(counts->causes),
		"rx_bytes", (json_int_t)counts->rx_bytes, "tx_bytes", (json_int_t)counts->tx_bytes);
}

static json_t *measures_and_waiting(const struct summary_row *row, bool histogram)
{
	const struct summary_measure *measures = row->measures;

	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "accept_wait",
			 measure(&measures[MEASURE_ACCEPT_WAIT], histogram), "close_wait",
			 measure(&measures[MEASURE_CLOSE_WAIT], histogram), "lifetime",
			 measure(&measures[MEASURE_LIFETIME], histogram), "until_fin",
			 measure(&measures[MEASURE_UNTIL_FIN], histogram), "waiting", waiting(row));
}

/* Takes over the object. */
static int print(FILE *out, json_t *object, size_t flags)
{
	int err;

	if (!object)
		return -ENOMEM;
	err = json_print(out, object, flags);
	json_decref(object);
	if (ferror(out))
		return -EIO;
	return err ? -ENOMEM : 0;
}

static int print_row(FILE *out, const struct summary_row *row, bool histogram)
{
	int err;

	if (!row)
		return print(out, json_null(), JSON_ENCODE_ANY);
	fputc('{', out);
	err = print(out, identity_and_counts(row), JSON_EMBED);
	fputc(',', out);
	if (!err)
		err = print(out, measures_and_waiting(row, histogram), JSON_EMBED);
	fputc('}', out);
	return err;
}

static int print_head(FILE *out, const struct summary *summary)
{
	const struct thresholds *thresholds = &summary->view.thresholds;
	char time[RENDER_TIME_SIZE], since[RENDER_TIME_SIZE];

	return print(out,
		     json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "time",
			       render_time(summary->time_ns, time), "since",
			       render_time(summary->since_ns, since), "window",
			       summary_window_name(summary->window), "by",
			       summary_by_name(summary->by), "close_wait_threshold_ms",
			       json_milliseconds(thresholds->close_wait_ns),
			       "accept_wait_threshold_ms",
			       json_milliseconds(thresholds->accept_wait_ns)),
		     JSON_EMBED);
}

static int print_rows(FILE *out, struct summary *summary, bool histogram)
{
	const struct summary_row *row;
	int err = 0;

	summary->next = 0;
	fputs(",\"rows\":[", out);
	for (size_t i = 0; !err && (row = summary_next(summary)); i++) {
		if (i)
			fputc(',', out);
		err = print_row(out, row, histogram);
	}
	fputs("],\"other\":", out);
	return err ? err : print_row(out, summary_other(summary), histogram);
}

int json_summary(FILE *out, struct summary *summary, bool histogram)
{
	const struct summary_row *total;
	int err;

	fputc('{', out);
	err = print_head(out, summary);
	if (!err)
		err = print_rows(out, summary, histogram);
	if (err)
		return err;
	total = summary_total(summary);
	fputs(",\"total\":", out);
	err = print_row(out, total, histogram);
	if (err)
		return err;
	fprintf(out, ",\"undetailed\":%" PRIu64 "}\n", total->counts.undetailed);
	return ferror(out) ? -EIO : 0;
}

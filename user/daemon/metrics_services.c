// SPDX-License-Identifier: GPL-2.0
/* Metrics of services: those of one role, port and command, in all network namespaces. */
#include <string.h>

#include "metrics_part.h"
#include "prometheus.h"
#include "table.h"

/*
 * The upper bounds of the buckets, and how they are written. They are no bounds of the buckets of
 * the statistics: one that is cut counts to the next bound, so that nothing is below a bound that
 * is not, and what is less than 3.2 % below it may count as above.
 */
static const struct bound {
	uint64_t ns;
	const char *label;
} bounds[] = {
	{100000, "le=\"0.0001\""},    {1000000, "le=\"0.001\""},      {10000000, "le=\"0.01\""},
	{50000000, "le=\"0.05\""},    {100000000, "le=\"0.1\""},      {250000000, "le=\"0.25\""},
	{500000000, "le=\"0.5\""},    {1000000000, "le=\"1\""},	      {2500000000, "le=\"2.5\""},
	{5000000000, "le=\"5\""},     {10000000000, "le=\"10\""},     {60000000000, "le=\"60\""},
	{300000000000, "le=\"300\""}, {3600000000000, "le=\"3600\""},
};

#define BOUNDS (sizeof(bounds) / sizeof(bounds[0]))

/* Of a histogram. */
enum {
	BUCKET, /* and the others: not cumulative, and without what is above all bounds */
	COUNT = BUCKET + BOUNDS,
	SUM_US,
	HISTOGRAM_COUNTERS,
};

/* What is notable is first. */
enum counter {
	SLOW_ACCEPTS,
	SLOW_CLOSES,
	NOTABLE_COUNTERS,
	ENDED = NOTABLE_COUNTERS,
	CAUSES, /* [CAUSE_COUNT] */
	ACCEPT_WAIT = CAUSES + CAUSE_COUNT, /* [HISTOGRAM_COUNTERS] */
	CLOSE_WAIT = ACCEPT_WAIT + HISTOGRAM_COUNTERS,
	COUNTERS = CLOSE_WAIT + HISTOGRAM_COUNTERS,
};

enum gauge {
	WAITING_CAUSES, /* [CAUSE_COUNT] */
	NOTABLE_GAUGES = WAITING_CAUSES + CAUSE_COUNT,
	IN_ACCEPT_QUEUE = NOTABLE_GAUGES,
	IN_CLOSE_WAIT,
	OLDEST_NS,
	GAUGES,
};

_Static_assert(COUNTERS <= (int)METRICS_COUNTERS_MAX, "a source has room");
_Static_assert(GAUGES <= (int)METRICS_GAUGES_MAX, "a source has room");

struct metrics_rows *metrics_services_new(void)
{
	static const struct metrics_rows_options options = {
		.rows_max = METRICS_SERVICES_MAX,
		.other_labels = "role=\"other\",port=\"other\",process=\"other\"",
		.counters = COUNTERS,
		.notable_counters = NOTABLE_COUNTERS,
		.gauges = GAUGES,
		.notable_gauges = NOTABLE_GAUGES,
		.maxima = 1,
		.inherits = true, /* table_add() */
	};

	return metrics_rows_new(&options);
}

/* Both are in order. */
static void add_measure(uint64_t *counters, const struct slot_measure *measure)
{
	const struct histogram *histogram = &measure->histogram;
	const struct sum *sum = &measure->sum;
	size_t cell = 0;

	for (size_t i = 0; i < BOUNDS; i++) {
		uint32_t end = bucket_of(bounds[i].ns);

		for (; cell < histogram->used && histogram->cells[cell].bucket < end; cell++)
			counters[BUCKET + i] += histogram->cells[cell].count;
	}
	counters[COUNT] += histogram_count(histogram);
	counters[SUM_US] += (uint64_t)(((unsigned __int128)sum->high << 64 | sum->low) / 1000);
}

static void add_slot(struct metrics *metrics, struct metrics_source *source,
		     const struct slot *slot)
{
	const struct counts *counts = &slot->counts;

	source->counters[SLOW_ACCEPTS] += counts->slow_accepts;
	source->counters[SLOW_CLOSES] += counts->slow_closes;
	source->counters[ENDED] += counts->ended;
	for (int i = 0; i < CAUSE_COUNT; i++)
		source->counters[CAUSES + i] += counts->causes[i];
	for (int i = 0; i < END_COUNT; i++)
		metrics->ends[i] += counts->ends[i];
	add_measure(source->counters + ACCEPT_WAIT, &slot->measures[MEASURE_ACCEPT_WAIT]);
	add_measure(source->counters + CLOSE_WAIT, &slot->measures[MEASURE_CLOSE_WAIT]);
}

static void set_waiting(struct metrics_source *source, const struct waiting_counts *waiting)
{
	for (int i = 0; i < CAUSE_COUNT; i++)
		source->gauges[WAITING_CAUSES + i] = waiting->causes[i];
	source->gauges[IN_ACCEPT_QUEUE] = waiting->accept_queue;
	source->gauges[IN_CLOSE_WAIT] = waiting->close_wait;
	source->gauges[OLDEST_NS] = (uint64_t)waiting->oldest_ns;
}

static void add_row(struct metrics *metrics, const struct row *row, const struct stats_view *view)
{
	const struct service_key *key = &row->key.service;
	struct metrics_source source = {.id = {row->number}};
	const struct slot *slot;
	size_t i = 0;

	if (row->number)
		metrics_service_labels(source.labels, key->role, key->port, key->comm);
	while ((slot = row_next_slot(row, WINDOW_START, &i)))
		add_slot(metrics, &source, slot);
	set_waiting(&source, &row->waiting[view->shown]);
	metrics_rows_add(metrics->services, &source);
}

void metrics_services_add(struct metrics *metrics, struct stats *stats)
{
	const struct table *table;
	struct stats_view view;

	stats_view(stats, metrics->now_ns, &view);
	memset(metrics->ends, 0, sizeof(metrics->ends));
	table = &view.tables[STATS_SERVICES];
	for (size_t i = 0; i < table->count; i++)
		add_row(metrics, &table->rows[i], &view);
	add_row(metrics, &table->other, &view);
}

/* Of a client only what is in CLOSE_WAIT can wait. */
static bool is_client(const struct metrics_row *row)
{
	return strncmp(row->labels, "role=\"client\"", strlen("role=\"client\"")) == 0;
}

/* servers: of those alone. */
static void print_counter(FILE *out, const struct metrics *metrics, const char *name,
			  enum counter counter, bool servers, const char *help)
{
	const struct metrics_row *row;

	prometheus_family(out, name, "counter", help);
	for (size_t i = 0; (row = metrics_rows_next(metrics->services, &i));) {
		if (!servers || !is_client(row))
			prometheus_count(out, name, row->labels, NULL, row->counters[counter]);
	}
}

static void print_histogram(FILE *out, const struct metrics *metrics, const char *name,
			    enum counter first, bool servers, const char *help)
{
	char bucket_name[64], sum_name[64], count_name[64];
	const struct metrics_row *row;

	snprintf(bucket_name, sizeof(bucket_name), "%s_bucket", name);
	snprintf(sum_name, sizeof(sum_name), "%s_sum", name);
	snprintf(count_name, sizeof(count_name), "%s_count", name);
	prometheus_family(out, name, "histogram", help);
	for (size_t i = 0; (row = metrics_rows_next(metrics->services, &i));) {
		const uint64_t *counters = row->counters + first;
		uint64_t below = 0;

		if (servers && is_client(row))
			continue;
		for (size_t j = 0; j < BOUNDS; j++) {
			below += counters[BUCKET + j];
			prometheus_count(out, bucket_name, row->labels, bounds[j].label, below);
		}
		prometheus_count(out, bucket_name, row->labels, "le=\"+Inf\"", counters[COUNT]);
		prometheus_microseconds(out, sum_name, row->labels, NULL, counters[SUM_US]);
		prometheus_count(out, count_name, row->labels, NULL, counters[COUNT]);
	}
}

/* One sample for each cause, of the numbers from first on. */
static void print_causes(FILE *out, const char *name, const struct metrics_row *row,
			 const uint64_t *first)
{
	char cause[48];

	for (int i = 0; i < CAUSE_COUNT; i++) {
		if (i == CAUSE_NEVER_ACCEPTED && is_client(row))
			continue;
		snprintf(cause, sizeof(cause), "cause=\"%s\"", i ? cause_name(i) : "unknown");
		prometheus_count(out, name, row->labels, cause, first[i]);
	}
}

static void print_waiting(FILE *out, const struct metrics *metrics)
{
	static const char *const waiting = "slowclose_connections_waiting";
	static const char *const slow = "slowclose_slow_connections_waiting";
	static const char *const oldest = "slowclose_oldest_wait_seconds";
	const struct metrics_row *row;

	prometheus_family(out, waiting, "gauge",
			  "Connections that wait now; one that is in both states counts in both.");
	for (size_t i = 0; (row = metrics_rows_next(metrics->services, &i));) {
		if (!is_client(row))
			prometheus_count(out, waiting, row->labels, "state=\"accept-queue\"",
					 row->gauges[IN_ACCEPT_QUEUE]);
		prometheus_count(out, waiting, row->labels, "state=\"close-wait\"",
				 row->gauges[IN_CLOSE_WAIT]);
	}
	prometheus_family(out, slow, "gauge",
			  "Connections that have waited for longer than the threshold by now.");
	for (size_t i = 0; (row = metrics_rows_next(metrics->services, &i));)
		print_causes(out, slow, row, row->gauges + WAITING_CAUSES);
	prometheus_family(out, oldest, "gauge",
			  "The longest wait of the connections that wait now; 0: none does.");
	for (size_t i = 0; (row = metrics_rows_next(metrics->services, &i));)
		prometheus_nanoseconds(out, oldest, row->labels, NULL, row->gauges[OLDEST_NS]);
}

static void print_ends(FILE *out, const struct metrics *metrics)
{
	static const char *const name = "slowclose_connection_ends_total";
	char end[48];

	prometheus_family(out, name, "counter", "Connections that have ended, by how.");
	for (int i = 0; i < END_COUNT; i++) {
		snprintf(end, sizeof(end), "end=\"%s\"", i ? end_name(i) : "unknown");
		prometheus_count(out, name, end, NULL, metrics->ends[i]);
	}
}

void metrics_services_print(FILE *out, const struct metrics *metrics)
{
	static const char *const causes = "slowclose_slow_connections_total";
	const struct metrics_row *row;

	print_counter(out, metrics, "slowclose_connections_ended_total", ENDED, false,
		      "Connections that have ended.");
	print_counter(out, metrics, "slowclose_slow_accepts_total", SLOW_ACCEPTS, true,
		      "Ended connections whose accept wait was over the threshold.");
	print_counter(out, metrics, "slowclose_slow_closes_total", SLOW_CLOSES, false,
		      "Ended connections whose close wait was over the threshold.");
	prometheus_family(out, causes, "counter",
			  "Ended connections that were slow, by what the application did not do.");
	for (size_t i = 0; (row = metrics_rows_next(metrics->services, &i));)
		print_causes(out, causes, row, row->counters + CAUSES);
	print_histogram(out, metrics, "slowclose_accept_wait_seconds", ACCEPT_WAIT, true,
			"Time in the accept queue, of ended connections.");
	print_histogram(out, metrics, "slowclose_close_wait_seconds", CLOSE_WAIT, false,
			"Time in CLOSE_WAIT, of ended connections.");
	print_waiting(out, metrics);
	print_ends(out, metrics);
}

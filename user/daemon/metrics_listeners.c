// SPDX-License-Identifier: GPL-2.0
/* Metrics of accept queues, and of accept() that failed. */
#include <string.h>

#include "metrics_part.h"
#include "prometheus.h"
#include "render.h"

enum gauge {
	CROWDED, /* half full at least: notable */
	QUEUED,
	LIMIT,
	SOCKETS,
	USAGE, /* millionths: the fullest queue */
	GAUGES,
};

struct metrics_rows *metrics_listeners_new(void)
{
	static const struct metrics_rows_options options = {
		.rows_max = METRICS_LISTENERS_MAX,
		.other_labels = "address=\"other\",port=\"other\",process=\"other\"",
		.counters = 1, /* drops */
		.notable_counters = 1,
		.gauges = GAUGES,
		.notable_gauges = 1,
		.maxima = 1,
	};

	return metrics_rows_new(&options);
}

struct metrics_rows *metrics_failures_new(void)
{
	static const struct metrics_rows_options options = {
		.rows_max = METRICS_FAILURES_MAX,
		.other_labels = "process=\"other\",errno=\"other\"",
		.counters = 1,
		.notable_counters = 1,
	};

	return metrics_rows_new(&options);
}

/* Its first holder's command, as everywhere; else that of who called listen(). */
static const char *comm_of(const struct listener_event *event)
{
	return event->holder_count ? event->holders[0].comm : event->record->listener.owner.comm;
}

static void set_labels(struct metrics_source *source, const struct listener_event *event)
{
	const struct listener *listener = &event->record->listener;
	char address[RENDER_ADDRESS_SIZE], process[PROMETHEUS_ESCAPED_SIZE(16)];

	snprintf(source->labels, sizeof(source->labels),
		 "address=\"%s\",port=\"%u\",process=\"%s\"",
		 render_address(listener->family, listener->addr, address), listener->port,
		 prometheus_escape(comm_of(event), 16, process));
}

void metrics_add_listener(struct metrics *metrics, const struct listener_event *event)
{
	const struct listener_record *record = event->record;
	uint64_t usage = record->queued * UINT64_C(1000000) / (record->limit + UINT64_C(1));
	struct metrics_source source = {
		.id = {record->sock, record->listener.since_ns},
		.counters = {record->drops},
		.older = !record->listener.since_ns,
		.gauges = {[CROWDED] = usage >= 500000,
			   [QUEUED] = record->queued,
			   [LIMIT] = record->limit,
			   [SOCKETS] = 1,
			   [USAGE] = usage},
	};

	set_labels(&source, event);
	metrics_rows_add(metrics->listeners, &source);
}

void metrics_add_accepts(struct metrics *metrics, const struct accept_record *record,
			 const char comm[16])
{
	const struct accept_key *key = &record->key;
	struct metrics_source source = {
		.id = {key->pid, key->error},
		.counters = {record->count.count},
	};
	char process[PROMETHEUS_ESCAPED_SIZE(16)];

	if (!key->error)
		return;
	prometheus_escape(comm ? comm : "", 16, process);
	snprintf(source.labels, sizeof(source.labels), "process=\"%s\",errno=\"%s\"", process,
		 error_name(key->error));
	metrics_rows_add(metrics->failures, &source);
}

static void print_gauge(FILE *out, const struct metrics *metrics, const char *name,
			enum gauge gauge, const char *help)
{
	const struct metrics_row *row;

	prometheus_family(out, name, "gauge", help);
	for (size_t i = 0; (row = metrics_rows_next(metrics->listeners, &i));)
		prometheus_count(out, name, row->labels, NULL, row->gauges[gauge]);
}

void metrics_listeners_print(FILE *out, const struct metrics *metrics)
{
	static const char *const usage = "slowclose_accept_queue_usage_ratio";
	static const char *const drops = "slowclose_accept_queue_drops_total";
	static const char *const failures = "slowclose_accept_failures_total";
	const struct metrics_row *row;

	print_gauge(out, metrics, "slowclose_listening_sockets", SOCKETS,
		    "Listening sockets of this address, port and process.");
	print_gauge(out, metrics, "slowclose_accept_queue_length", QUEUED,
		    "Connections in their accept queues now.");
	print_gauge(out, metrics, "slowclose_accept_queue_limit", LIMIT,
		    "Limit of their accept queues; each holds one more.");
	prometheus_family(out, usage, "gauge", "How full the fullest of their queues is, 0 to 1.");
	for (size_t i = 0; (row = metrics_rows_next(metrics->listeners, &i));)
		prometheus_millionths(out, usage, row->labels, NULL, row->gauges[USAGE]);
	prometheus_family(out, drops, "counter",
			  "Connections not taken, by a full queue for the most part.");
	for (size_t i = 0; (row = metrics_rows_next(metrics->listeners, &i));)
		prometheus_count(out, drops, row->labels, NULL, row->counters[0]);
	prometheus_family(out, failures, "counter",
			  "Calls of accept() that failed, other than for want of a connection.");
	for (size_t i = 0; (row = metrics_rows_next(metrics->failures, &i));)
		prometheus_count(out, failures, row->labels, NULL, row->counters[0]);
}

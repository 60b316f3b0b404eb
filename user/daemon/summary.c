// SPDX-License-Identifier: GPL-2.0
#include "summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

static enum stats_table table_of(enum summary_by by)
{
	if (by == BY_PROCESS)
		return STATS_PROCESSES;
	return by == BY_PEER ? STATS_PEERS : STATS_SERVICES;
}

/* By port: netns, port and role are the first word of the key. */
static int compare_ports(const void *a, const void *b)
{
	const struct row *const *one = a, *const *other = b;
	uint64_t port = (*one)->key.words[0], other_port = (*other)->key.words[0];

	return (port > other_port) - (port < other_port);
}

static int compare_units(const void *a, const void *b)
{
	const struct row *const *one = a, *const *other = b;

	return strcmp((*one)->unit, (*other)->unit);
}

/* Rows that compare equal are shown as one; NULL: none are. */
static int (*comparison(enum summary_by by))(const void *a, const void *b)
{
	if (by == BY_PORT)
		return compare_ports;
	return by == BY_UNIT ? compare_units : NULL;
}

static bool has_anything(const struct summary *summary, const struct row *row)
{
	const struct waiting_counts *waiting = &row->waiting[summary->view.shown];
	size_t i = 0;

	return waiting->accept_queue || waiting->close_wait ||
	       row_next_slot(row, summary->window, &i);
}

static const struct table *own_table(const struct summary *summary)
{
	return &summary->view.tables[table_of(summary->by)];
}

static int collect_rows(struct summary *summary)
{
	const struct table *table = own_table(summary);

	summary->rows = calloc(table->count + 1, sizeof(struct row *)); /* never of nothing */
	if (!summary->rows)
		return -ENOMEM;
	for (size_t i = 0; i < table->count; i++) {
		if (has_anything(summary, &table->rows[i]))
			summary->rows[summary->row_count++] = &table->rows[i];
	}
	if (comparison(summary->by))
		qsort(summary->rows, summary->row_count, sizeof(struct row *),
		      comparison(summary->by));
	return 0;
}

struct summary *summary_new(struct stats *stats, enum window window, enum summary_by by,
			    int64_t now_ns, int64_t realtime_offset_ns)
{
	struct summary *summary = calloc(1, sizeof(*summary));
	int64_t since_ns;

	if (!summary)
		return NULL;
	stats_view(stats, now_ns, &summary->view);
	since_ns = summary->view.start_ns +
		   (int64_t)window_begin(window, summary->view.tick) * TICK_NS;
	summary->window = window;
	summary->by = by;
	summary->time_ns = now_ns + realtime_offset_ns;
	summary->since_ns = since_ns + realtime_offset_ns;
	if (collect_rows(summary)) {
		summary_free(summary);
		return NULL;
	}
	return summary;
}

void summary_free(struct summary *summary)
{
	if (!summary)
		return;
	free(summary->rows);
	free(summary);
}

static struct summary_row *begin_row(struct summary *summary, enum stats_table table)
{
	struct summary_row *row = &summary->row;

	for (int i = 0; i < MEASURE_COUNT; i++)
		spread_clear(&row->measures[i].spread);
	memset(row, 0, offsetof(struct summary_row, measures));
	for (int i = 0; i < MEASURE_COUNT; i++) {
		row->measures[i].sum = (struct sum){0};
		row->measures[i].max_ns = 0;
	}
	row->has_waiting = table == STATS_SERVICES;
	return row;
}

static void add_slot(struct summary_row *row, const struct slot *slot)
{
	counts_add(&row->counts, &slot->counts);
	for (int i = 0; i < MEASURE_COUNT; i++) {
		const struct slot_measure *from = &slot->measures[i];
		struct summary_measure *to = &row->measures[i];

		spread_add(&to->spread, &from->histogram);
		sum_add(&to->sum, from->sum.low, from->sum.high);
		if (from->max_ns > to->max_ns)
			to->max_ns = from->max_ns;
	}
}

static void add_row(struct summary *summary, const struct row *row)
{
	const struct slot *slot;
	size_t i = 0;

	while ((slot = row_next_slot(row, summary->window, &i)))
		add_slot(&summary->row, slot);
	waiting_counts_add(&summary->row.waiting, &row->waiting[summary->view.shown]);
}

static void set_service(struct summary_row *row, const struct row *of)
{
	row->role = of->key.service.role;
	row->netns = of->key.service.netns;
	row->port = of->key.service.port;
}

static void set_process(struct summary_row *row, const struct row *of)
{
	row->pid = of->key.process.pid;
	memcpy(row->comm, of->key.process.comm, sizeof(row->comm));
}

static void set_peer(struct summary_row *row, const struct row *of)
{
	row->role = of->key.peer.role;
	row->family = of->key.peer.family;
	memcpy(row->address, of->key.peer.address, sizeof(row->address));
}

static void set_identity(struct summary_row *row, enum summary_by by, const struct row *of)
{
	if (by != BY_PORT)
		row->unit = of->unit;
	switch (by) {
	case BY_SERVICE:
		set_service(row, of);
		memcpy(row->comm, of->key.service.comm, sizeof(row->comm));
		break;
	case BY_PORT:
		set_service(row, of);
		break;
	case BY_PROCESS:
		set_process(row, of);
		break;
	case BY_PEER:
		set_peer(row, of);
		break;
	case BY_UNIT:
	case BY_COUNT:
		break;
	}
}

const struct summary_row *summary_next(struct summary *summary)
{
	int (*compare)(const void *a, const void *b) = comparison(summary->by);
	const struct row **first = &summary->rows[summary->next];
	struct summary_row *row;

	if (summary->next == summary->row_count)
		return NULL;
	row = begin_row(summary, table_of(summary->by));
	set_identity(row, summary->by, *first);
	do {
		add_row(summary, summary->rows[summary->next++]);
	} while (compare && summary->next < summary->row_count &&
		 compare(first, &summary->rows[summary->next]) == 0);
	return row;
}

const struct summary_row *summary_other(struct summary *summary)
{
	const struct table *table = own_table(summary);

	if (!has_anything(summary, &table->other))
		return NULL;
	begin_row(summary, table_of(summary->by))->other = true;
	add_row(summary, &table->other);
	return &summary->row;
}

const struct summary_row *summary_total(struct summary *summary)
{
	const struct table *table = &summary->view.tables[STATS_SERVICES];

	begin_row(summary, table_of(summary->by));
	for (size_t i = 0; i < table->count; i++)
		add_row(summary, &table->rows[i]);
	add_row(summary, &table->other);
	return &summary->row;
}

int64_t summary_percentile(const struct summary_measure *measure, unsigned int percent)
{
	return spread_percentile(&measure->spread, percent, measure->max_ns);
}

bool summary_row_is_notable(const struct summary_row *row)
{
	return row->counts.slow_accepts || row->counts.slow_closes || row->waiting.accept_queue ||
	       row->waiting.close_wait;
}

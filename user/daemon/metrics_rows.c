// SPDX-License-Identifier: GPL-2.0
#include "metrics_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "event.h"
#include "mix.h"

#define IDLE_NS (3600 * NSEC_PER_SEC)
#define NEVER (-IDLE_NS - 1) /* longer ago than that, however short the node is up */

/* What a source had. Only as many counters are kept as there are. */
struct seen {
	uint64_t id[2];
	uint64_t counters[METRICS_COUNTERS_MAX];
};

struct metrics_rows {
	struct metrics_rows_options options;
	struct metrics_row *rows;
	size_t count;
	struct metrics_row other;
	int64_t now_ns;
	struct array seen, before; /* struct seen: in this scrape; in the last, sorted */
};

struct metrics_rows *metrics_rows_new(const struct metrics_rows_options *options)
{
	size_t seen_size = offsetof(struct seen, counters) + options->counters * sizeof(uint64_t);
	struct metrics_rows *rows = calloc(1, sizeof(*rows));

	if (!rows)
		return NULL;
	rows->options = *options;
	strcpy(rows->other.labels, options->other_labels);
	array_init(&rows->seen, seen_size, SIZE_MAX);
	array_init(&rows->before, seen_size, SIZE_MAX);
	rows->rows = calloc(options->rows_max, sizeof(*rows->rows));
	if (!rows->rows) {
		metrics_rows_free(rows);
		return NULL;
	}
	return rows;
}

void metrics_rows_free(struct metrics_rows *rows)
{
	if (!rows)
		return;
	array_clear(&rows->seen);
	array_clear(&rows->before);
	free(rows->rows);
	free(rows);
}

static void begin_row(struct metrics_row *row)
{
	row->present = false;
	memcpy(row->begun, row->counters, sizeof(row->begun));
	memset(row->gauges, 0, sizeof(row->gauges));
}

void metrics_rows_begin(struct metrics_rows *rows, int64_t now_ns)
{
	bool other_shown = rows->other.present;

	rows->now_ns = now_ns;
	array_clear(&rows->seen);
	for (size_t i = 0; i < rows->count; i++)
		begin_row(&rows->rows[i]);
	begin_row(&rows->other);
	rows->other.present = other_shown;
}

static int compare_seen(const void *a, const void *b)
{
	const struct seen *one = a, *other = b;
	int first = compare_u64(one->id[0], other->id[0]);

	return first ? first : compare_u64(one->id[1], other->id[1]);
}

static const struct seen *find_before(const struct metrics_rows *rows, const struct seen *seen)
{
	size_t i = array_first(&rows->before, seen, compare_seen);
	const struct seen *found = array_at(&rows->before, i);

	return i < rows->before.count && compare_seen(found, seen) == 0 ? found : NULL;
}

/* What is new since the last scrape. A histogram that ran out of memory can have less than then. */
static void set_growth(struct metrics_rows *rows, const struct metrics_source *source,
		       uint64_t growth[METRICS_COUNTERS_MAX])
{
	struct seen seen = {.id = {source->id[0], source->id[1]}};
	const struct seen *before = find_before(rows, &seen);

	memcpy(seen.counters, source->counters, sizeof(seen.counters));
	array_add(&rows->seen, &seen);
	if (!before && source->older)
		before = &seen;
	for (size_t i = 0; i < rows->options.counters; i++) {
		uint64_t had = before ? before->counters[i] : 0;

		growth[i] = source->counters[i] > had ? source->counters[i] - had : 0;
	}
}

static uint64_t hash_labels(const char *labels)
{
	uint64_t hash = 0;

	while (*labels)
		hash = mix(hash, (unsigned char)*labels++);
	return hash;
}

static struct metrics_row *find_row(struct metrics_rows *rows, const char *labels, uint64_t hash)
{
	for (size_t i = 0; i < rows->count; i++) {
		struct metrics_row *row = &rows->rows[i];

		if (row->hash == hash && strcmp(row->labels, labels) == 0)
			return row;
	}
	return NULL;
}

static bool any(const uint64_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (numbers[i])
			return true;
	}
	return false;
}

/* The one that may be taken and was not in use, or not notable, for the longest time; or NULL. */
static struct metrics_row *find_idle(struct metrics_rows *rows, bool notable)
{
	struct metrics_row *idle = NULL;
	int64_t idle_ns = rows->now_ns - IDLE_NS;

	for (size_t i = 0; i < rows->count; i++) {
		struct metrics_row *row = &rows->rows[i];

		if (row->notable_ns >= idle_ns || (!notable && row->used_ns >= idle_ns))
			continue;
		if (!idle || row->used_ns < idle->used_ns)
			idle = row;
	}
	return idle;
}

static void add_gauges(const struct metrics_rows *rows, uint64_t *to, const uint64_t *from)
{
	size_t sums = rows->options.gauges - rows->options.maxima;

	for (size_t i = 0; i < sums; i++)
		to[i] += from[i];
	for (size_t i = sums; i < rows->options.gauges; i++)
		to[i] = from[i] > to[i] ? from[i] : to[i];
}

/* What came to the row in this scrape goes to `other`. */
static void take_from(struct metrics_rows *rows, const struct metrics_row *row)
{
	struct metrics_row *other = &rows->other;

	if (!row->present)
		return;
	other->present = true;
	for (size_t i = 0; i < rows->options.counters; i++)
		other->counters[i] += row->counters[i] - row->begun[i];
	add_gauges(rows, other->gauges, row->gauges);
}

/* A row for these labels; NULL: there is none. */
static struct metrics_row *make_row(struct metrics_rows *rows, const char *labels, uint64_t hash,
				    bool used, bool notable)
{
	struct metrics_row *row = NULL;

	if (rows->count < rows->options.rows_max) {
		row = &rows->rows[rows->count++];
	} else if (used || notable) {
		row = find_idle(rows, notable);
		if (row)
			take_from(rows, row);
	}
	if (!row)
		return NULL;
	*row = (struct metrics_row){.hash = hash, .used_ns = NEVER, .notable_ns = NEVER};
	strcpy(row->labels, labels);
	return row;
}

void metrics_rows_add(struct metrics_rows *rows, const struct metrics_source *source)
{
	const struct metrics_rows_options *options = &rows->options;
	uint64_t growth[METRICS_COUNTERS_MAX], hash = hash_labels(source->labels);
	struct metrics_row *row = NULL;
	bool used, notable;

	set_growth(rows, source, growth);
	used = any(growth, options->counters) || any(source->gauges, options->gauges);
	notable = any(growth, options->notable_counters) ||
		  any(source->gauges, options->notable_gauges);
	if (source->labels[0]) {
		row = find_row(rows, source->labels, hash);
		if (!row)
			row = make_row(rows, source->labels, hash, used, notable);
	}
	if (!row)
		row = &rows->other;
	row->present |= row != &rows->other || source->labels[0] || used;
	if (used)
		row->used_ns = rows->now_ns;
	if (notable)
		row->notable_ns = rows->now_ns;
	for (size_t i = 0; i < options->counters; i++)
		row->counters[i] += growth[i];
	add_gauges(rows, row->gauges, source->gauges);
}

/* What came to `other` from sources that are gone was counted already. */
static void take_inherited(struct metrics_rows *rows)
{
	struct metrics_row *other = &rows->other;

	for (size_t i = 0; i < rows->before.count; i++) {
		const struct seen *gone = array_at(&rows->before, i);
		size_t at = array_first(&rows->seen, gone, compare_seen);

		if (at < rows->seen.count && compare_seen(array_at(&rows->seen, at), gone) == 0)
			continue;
		for (size_t j = 0; j < rows->options.counters; j++) {
			uint64_t grown = other->counters[j] - other->begun[j];

			other->counters[j] -= gone->counters[j] < grown ? gone->counters[j] : grown;
		}
	}
}

static void undo(struct metrics_row *row)
{
	memcpy(row->counters, row->begun, sizeof(row->counters));
}

int metrics_rows_end(struct metrics_rows *rows)
{
	struct array before = rows->before;

	if (rows->seen.no_memory) {
		for (size_t i = 0; i < rows->count; i++)
			undo(&rows->rows[i]);
		undo(&rows->other);
		return -ENOMEM;
	}
	array_sort(&rows->seen, compare_seen);
	if (rows->options.inherits)
		take_inherited(rows);
	rows->before = rows->seen;
	rows->seen = before;
	array_clear(&rows->seen);
	return 0;
}

const struct metrics_row *metrics_rows_next(const struct metrics_rows *rows, size_t *i)
{
	while (*i < rows->count) {
		const struct metrics_row *row = &rows->rows[(*i)++];

		if (row->present)
			return row;
	}
	return (*i)++ == rows->count && rows->other.present ? &rows->other : NULL;
}

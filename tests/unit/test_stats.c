// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "distribution.h"
#include "ended.h"
#include "row.h"

static int allocations_left = -1; /* negative: any number */

static bool may_allocate(void)
{
	if (allocations_left == 0)
		return false;
	allocations_left -= allocations_left > 0;
	return true;
}

/* Only of what is linked here: see CMakeLists.txt. */
void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	return may_allocate() ? __real_reallocarray(memory, count, size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return may_allocate() ? __real_calloc(count, size) : NULL;
}

static struct summary *since_start(struct stats *stats, enum summary_by by)
{
	struct summary *summary = summary_new(stats, WINDOW_START, by, START_NS, 0);

	assert_non_null(summary);
	return summary;
}

static void assert_measure(const struct summary_row *row, enum measure measure, uint64_t count,
			   uint64_t sum_ns, uint64_t max_ns)
{
	assert_int_equal(row->measures[measure].spread.count, count);
	assert_int_equal(row->measures[measure].sum.low, sum_ns);
	assert_int_equal(row->measures[measure].max_ns, max_ns);
}

/* Three connections, each with another end and another fault. */
static void add_three(struct stats *stats)
{
	struct record record = ended_record(80, 1, "nginx");

	add_record(stats, &record, START_NS);
	record.conn.end = END_RESET_BY_PEER;
	record.conn.accepted_ns = START_NS + 100 * NSEC_PER_MSEC; /* exactly the threshold */
	record.conn.close_wait_ns = 0;
	record.end_ns = START_NS + 200 * NSEC_PER_MSEC;
	add_record(stats, &record, START_NS);
	record.conn.end = END_COUNT; /* none that is known */
	record.conn.accepted_ns = START_NS + 1;
	record.conn.close_wait_ns = START_NS + 3;
	record.conn.flags &= ~CONN_FIN_READ;
	record.end_ns = START_NS + 3 + 2000 * NSEC_PER_MSEC;
	add_record(stats, &record, START_NS);
}

static void assert_three(const struct summary_row *row)
{
	const struct counts *counts = &row->counts;

	assert_int_equal(counts->ended, 3);
	assert_int_equal(counts->ends[END_CLOSE], 1);
	assert_int_equal(counts->ends[END_RESET_BY_PEER], 1);
	assert_int_equal(counts->ends[END_UNKNOWN], 1);
	assert_int_equal(counts->slow_accepts, 1);
	assert_int_equal(counts->slow_closes, 1);
	assert_int_equal(counts->causes[CAUSE_NONE], 1);
	assert_int_equal(counts->causes[CAUSE_NOT_READING], 1);
	assert_int_equal(counts->causes[CAUSE_NEVER_ACCEPTED], 0);
	assert_int_equal(counts->rx_bytes, 300);
	assert_int_equal(counts->tx_bytes, 600);
	assert_int_equal(counts->undetailed, 0);
	assert_measure(row, MEASURE_ACCEPT_WAIT, 3, 101 * NSEC_PER_MSEC + 1, 100 * NSEC_PER_MSEC);
	assert_measure(row, MEASURE_CLOSE_WAIT, 2, 2004 * NSEC_PER_MSEC, 2000 * NSEC_PER_MSEC);
	assert_measure(row, MEASURE_LIFETIME, 3, 2207 * NSEC_PER_MSEC + 3,
		       2000 * NSEC_PER_MSEC + 3);
	assert_measure(row, MEASURE_UNTIL_FIN, 2, 3 * NSEC_PER_MSEC + 3, 3 * NSEC_PER_MSEC);
}

static void counts(void **state)
{
	struct stats *stats = new_stats();

	(void)state;
	add_three(stats);
	for (int by = 0; by < BY_COUNT; by++) {
		struct summary *summary = since_start(stats, by);

		assert_three(summary_next(summary));
		assert_null(summary_next(summary));
		assert_null(summary_other(summary));
		assert_three(summary_total(summary));
		summary_free(summary);
	}
	stats_free(stats);
}

/* Only a connection that has ended is one. */
static void other_kinds(void **state)
{
	struct stats *stats = new_stats();
	struct record record = ended_record(80, 1, "nginx");
	struct summary *summary;

	(void)state;
	record.kind = RECORD_WAITING;
	add_record(stats, &record, START_NS);
	record.kind = RECORD_ACCEPTED_LATE;
	add_record(stats, &record, START_NS);
	summary = since_start(stats, BY_SERVICE);
	assert_null(summary_next(summary));
	assert_int_equal(summary_total(summary)->counts.ended, 0);
	summary_free(summary);
	stats_free(stats);
}

/* The measures that are left of a slow connection with these flags; it counts whatever they are. */
static void assert_measured(uint8_t flags, bool accept_wait, bool close_wait, bool others)
{
	struct stats *stats = new_stats();
	struct record record = ended_record(80, 1, "nginx");
	const struct summary_row *row;
	struct summary *summary;

	record.conn.flags |= flags;
	record.conn.accepted_ns = START_NS + 100 * NSEC_PER_MSEC;
	record.conn.close_wait_ns = record.conn.accepted_ns;
	record.end_ns = START_NS + 2000 * NSEC_PER_MSEC;
	add_record(stats, &record, START_NS);
	summary = since_start(stats, BY_SERVICE);
	row = summary_next(summary);
	assert_int_equal(row->counts.ended, 1);
	assert_int_equal(row->counts.slow_accepts, 1);
	assert_int_equal(row->counts.slow_closes, 1);
	assert_int_equal(row->counts.causes[CAUSE_NOT_CLOSING], 1);
	assert_int_equal(row->measures[MEASURE_ACCEPT_WAIT].spread.count, accept_wait);
	assert_int_equal(row->measures[MEASURE_CLOSE_WAIT].spread.count, close_wait);
	assert_int_equal(row->measures[MEASURE_LIFETIME].spread.count, others);
	assert_int_equal(row->measures[MEASURE_UNTIL_FIN].spread.count, others);
	summary_free(summary);
	stats_free(stats);
}

static void lower_bounds(void **state)
{
	(void)state;
	assert_measured(0, true, true, true);
	assert_measured(CONN_OLD, false, true, false);
	assert_measured(CONN_OLD | CONN_OLD_FIN, false, false, false);
}

static void unknown(void **state)
{
	struct stats *stats = new_stats();
	struct record record = ended_record(80, 1, "nginx");
	const struct summary_row *row;
	struct summary *summary;

	(void)state;
	record.conn.established_ns = 0;
	record.conn.accepted_ns = 0;
	record.conn.flags |= CONN_NO_BYTES;
	add_record(stats, &record, START_NS);
	summary = since_start(stats, BY_SERVICE);
	row = summary_next(summary);
	assert_int_equal(row->counts.rx_bytes, 0);
	assert_int_equal(row->counts.tx_bytes, 0);
	assert_measure(row, MEASURE_ACCEPT_WAIT, 0, 0, 0);
	assert_measure(row, MEASURE_LIFETIME, 0, 0, 0);
	assert_measure(row, MEASURE_UNTIL_FIN, 0, 0, 0);
	assert_measure(row, MEASURE_CLOSE_WAIT, 1, 4 * NSEC_PER_MSEC, 4 * NSEC_PER_MSEC);
	summary_free(summary);
	stats_free(stats);
}

/* Sums of more than 64 bits: a million connections that lived for a month. */
static void large_sums(void **state)
{
	struct stats *stats = new_stats();
	struct record record = ended_record(80, 1, "nginx");
	uint64_t month = UINT64_C(30) * 86400 * NSEC_PER_SEC;
	struct summary *summary;
	struct sum sum;

	(void)state;
	record.end_ns = START_NS + month;
	for (int i = 0; i < 1000000; i++)
		add_record(stats, &record, START_NS + i * NSEC_PER_MSEC);
	summary = since_start(stats, BY_SERVICE);
	sum = summary_total(summary)->measures[MEASURE_LIFETIME].sum;
	/* 2,592,000 s * 1e6 * 1e9 = 140 * 2^64 + … */
	assert_int_equal(sum.high, 140);
	assert_int_equal(sum.low, month * 1000000);
	summary_free(summary);
	stats_free(stats);
}

static void assert_percentiles(const struct summary_measure *measure, const uint64_t *sorted,
			       size_t count)
{
	static const unsigned int percents[] = {50, 90, 99};

	assert_int_equal(measure->spread.count, count);
	assert_int_equal(measure->max_ns, sorted[count - 1]);
	for (size_t i = 0; i < 3; i++) {
		double exact = (double)exact_percentile(sorted, count, percents[i]);
		double shown = (double)summary_percentile(measure, percents[i]);

		assert_true(fabs(shown - exact) <= 0.03 * exact);
		assert_true(shown <= (double)measure->max_ns);
	}
}

#define WAITS 100000

/* 100,000 waits over an hour and a half, in all levels of slots. */
static void percentiles(void **state)
{
	static uint64_t waits[WAITS];

	(void)state;
	for (size_t i = 0; i < DISTRIBUTIONS; i++) {
		struct stats *stats = new_stats();
		struct event event;
		struct record record = ended_record(80, 1, "nginx");
		struct summary *summary;
		uint64_t random = 88172645463325252u;

		event = event_of(&record);
		for (size_t j = 0; j < WAITS; j++) {
			waits[j] = (uint64_t)distributions[i].wait(&random);
			event.close_wait_ns = (int64_t)waits[j];
			stats_add(stats, &event, START_NS + (int64_t)j * 54 * NSEC_PER_MSEC);
		}
		qsort(waits, WAITS, sizeof(waits[0]), compare_waits);
		for (int by = 0; by < BY_COUNT; by++) {
			summary = since_start(stats, by);
			assert_percentiles(&summary_next(summary)->measures[MEASURE_CLOSE_WAIT],
					   waits, WAITS);
			assert_percentiles(&summary_total(summary)->measures[MEASURE_CLOSE_WAIT],
					   waits, WAITS);
			summary_free(summary);
		}
		stats_free(stats);
	}
}

/* What was added, and when: statistics of any window can be made from it. */
#define ADDED_MAX 30000

struct added {
	int64_t now_ns;
	uint16_t port;
	uint64_t wait_ns;
};

static struct added added[ADDED_MAX];
static size_t added_count;

static const struct {
	int64_t ns, slot_ns;
} windows[] = {
	[WINDOW_1M] = {60 * NSEC_PER_SEC, 15 * NSEC_PER_SEC},
	[WINDOW_5M] = {300 * NSEC_PER_SEC, 60 * NSEC_PER_SEC},
	[WINDOW_1H] = {3600 * NSEC_PER_SEC, 600 * NSEC_PER_SEC},
	[WINDOW_START] = {INT64_MAX / 2, 0},
};

/* The beginning is where the window asks for it, or up to a slot before. */
static void assert_since(const struct summary *summary, enum window window)
{
	int64_t since_ns = summary->since_ns, from_ns = summary->time_ns - windows[window].ns;

	if (from_ns < START_NS)
		from_ns = START_NS;
	assert_true(since_ns <= from_ns);
	assert_true(since_ns >= START_NS);
	assert_true(since_ns == START_NS || since_ns > from_ns - windows[window].slot_ns);
	if (window == WINDOW_START)
		assert_int_equal(since_ns, START_NS);
}

/* By the model: of one port, or of all with port 0. */
static void assert_model(const struct summary_row *row, uint16_t port, int64_t since_ns)
{
	uint64_t count = 0, sum_ns = 0, max_ns = 0;

	for (size_t i = 0; i < added_count; i++) {
		if (added[i].now_ns < since_ns || (port && added[i].port != port))
			continue;
		count++;
		sum_ns += added[i].wait_ns;
		if (added[i].wait_ns > max_ns)
			max_ns = added[i].wait_ns;
	}
	assert_int_equal(row->counts.ended, count);
	assert_int_equal(row->counts.ends[END_CLOSE], count);
	assert_int_equal(row->counts.rx_bytes, 100 * count);
	assert_measure(row, MEASURE_CLOSE_WAIT, count, sum_ns, max_ns);
}

static void assert_window(struct stats *stats, enum window window, int64_t now_ns)
{
	struct summary *summary = summary_new(stats, window, BY_SERVICE, now_ns, 0);
	const struct summary_row *row;
	uint64_t count = 0;

	assert_int_equal(summary->time_ns, now_ns);
	assert_since(summary, window);
	while ((row = summary_next(summary))) {
		assert_model(row, row->port, summary->since_ns);
		assert_true(row->counts.ended > 0);
		count += row->counts.ended;
	}
	assert_null(summary_other(summary));
	row = summary_total(summary);
	assert_model(row, 0, summary->since_ns);
	assert_int_equal(row->counts.ended, count);
	summary_free(summary);
}

/* Mostly fractions of a slot, at times minutes or hours, and exact edges of slots. */
static int64_t random_step(uint64_t *random)
{
	uint64_t n = random_number(random);

	switch (n % 200) {
	case 0:
		return (int64_t)(n % (5 * 3600)) * NSEC_PER_SEC;
	case 1:
	case 2:
		return (int64_t)(n % 900) * NSEC_PER_SEC;
	case 3:
		return 15 * NSEC_PER_SEC;
	default:
		return (int64_t)(n % (3 * NSEC_PER_SEC));
	}
}

static void random_add(struct stats *stats, uint64_t *random, int64_t now_ns, unsigned int ports)
{
	struct record record = ended_record(1 + random_number(random) % ports, 1, "nginx");
	struct added *one = &added[added_count++];

	one->now_ns = now_ns;
	one->port = record.conn.local_port;
	one->wait_ns = (uint64_t)wait_log_normal(random);
	record.end_ns = record.conn.close_wait_ns + one->wait_ns;
	add_record(stats, &record, now_ns);
}

/* Each connection is in a window exactly if it ended since its beginning, whatever the clock does.
 */
static void windows_are_exact(void **state)
{
	uint64_t random = 4;

	(void)state;
	for (int i = 0; i < 10; i++) {
		struct stats *stats = new_stats();
		int64_t now_ns = START_NS;

		for (added_count = 0; added_count < ADDED_MAX / 10;) {
			now_ns += random_step(&random);
			random_add(stats, &random, now_ns, 5);
			if (random_number(&random) % 20)
				continue;
			if (random_number(&random) % 4 == 0)
				now_ns += random_step(&random);
			for (int window = 0; window < WINDOW_COUNT; window++)
				assert_window(stats, window, now_ns);
		}
		stats_free(stats);
	}
}

/* Slot by slot, at the very edges. */
static void window_edges(void **state)
{
	struct stats *stats = new_stats();

	(void)state;
	added_count = 0;
	for (int64_t at_ns = START_NS; at_ns < START_NS + 3 * 3600 * NSEC_PER_SEC;
	     at_ns += 15 * NSEC_PER_SEC) {
		uint64_t random = 3;

		random_add(stats, &random, at_ns, 1);
		for (int window = 0; window < WINDOW_COUNT; window++)
			assert_window(stats, window, at_ns);
		random_add(stats, &random, at_ns + 15 * NSEC_PER_SEC - 1, 1);
		for (int window = 0; window < WINDOW_COUNT; window++)
			assert_window(stats, window, at_ns + 15 * NSEC_PER_SEC - 1);
	}
	stats_free(stats);
}

/* A time before the latest counts as that, not as one before the start. */
static void clock_that_goes_back(void **state)
{
	struct stats *stats = new_stats();
	struct record record = ended_record(80, 1, "nginx");
	struct summary *summary;

	(void)state;
	add_record(stats, &record, START_NS + 7200 * NSEC_PER_SEC);
	add_record(stats, &record, START_NS);
	add_record(stats, &record, 0);
	summary = summary_new(stats, WINDOW_1M, BY_PEER, START_NS, 0);
	assert_int_equal(summary_next(summary)->counts.ended, 3);
	summary_free(summary);
	stats_free(stats);
}

static void set_peer(struct record *record, uint32_t peer)
{
	memcpy(record->conn.remote_addr, &peer, sizeof(peer));
}

/* Of the rows of a table, `other` included. */
static uint64_t count_ended(struct summary *summary)
{
	const struct summary_row *row = summary_other(summary);
	uint64_t count = row ? row->counts.ended : 0;

	summary->next = 0;
	while ((row = summary_next(summary)))
		count += row->counts.ended;
	return count;
}

static void many_rows(void **state)
{
	const struct stats_options options = {.thresholds = thresholds, .rows_max = 10};
	struct stats *stats = stats_new(&options, START_NS);
	struct stats_usage usage;

	(void)state;
	for (unsigned int i = 0; i < 300; i++) {
		struct record record = ended_record(1 + i % 100, 1 + i % 100, "nginx");

		set_peer(&record, i % 100);
		add_record(stats, &record, START_NS + i * NSEC_PER_SEC);
	}
	stats_usage(stats, &usage);
	assert_int_equal(usage.rows_max, 10);
	for (int i = 0; i < STATS_TABLES; i++)
		assert_int_equal(usage.rows[i], 10);
	for (int by = 0; by < BY_COUNT; by++) {
		struct summary *summary = since_start(stats, by);

		assert_int_equal(count_rows(summary), by == BY_UNIT ? 1 : 10);
		assert_int_equal(summary_other(summary)->counts.ended, 270);
		assert_int_equal(count_ended(summary), 300);
		assert_int_equal(summary_total(summary)->counts.ended, 300);
		summary_free(summary);
	}
	stats_free(stats);
}

/* Memory for slots is bounded as well: what has none is in `other`, and comes back with time. */
static void slots_used_up(void **state)
{
	const struct stats_options options = {.thresholds = thresholds, .rows_max = 40};
	struct stats *stats = stats_new(&options, START_NS);
	int64_t now_ns = START_NS;
	struct summary *summary;

	(void)state;
	for (int i = 0; i < 300; i++, now_ns += 15 * NSEC_PER_SEC) {
		for (uint16_t port = 1; port <= 40; port++) {
			struct record record = ended_record(port, 1, "nginx");

			add_record(stats, &record, now_ns);
		}
	}
	summary = summary_new(stats, WINDOW_START, BY_SERVICE, now_ns, 0);
	assert_int_equal(count_rows(summary), 40);
	assert_true(summary_other(summary)->counts.ended > 0);
	assert_int_equal(count_ended(summary), 300 * 40);
	summary_free(summary);
	now_ns += 2 * 3600 * NSEC_PER_SEC;
	for (int i = 0; i < 2000; i++, now_ns += 15 * NSEC_PER_SEC) {
		struct record record = ended_record(1, 1, "nginx");

		add_record(stats, &record, now_ns);
		summary = summary_new(stats, WINDOW_1H, BY_SERVICE, now_ns, 0);
		assert_null(summary_other(summary));
		summary_free(summary);
	}
	stats_free(stats);
}

/* After five minutes the row that was idle for the longest time makes room; one in use never does.
 */
static void idle_rows(void **state)
{
	const struct stats_options options = {.thresholds = thresholds, .rows_max = 2};
	struct stats *stats = stats_new(&options, START_NS);
	struct record record = ended_record(80, 1, "first");
	int64_t now_ns = START_NS;
	struct summary *summary;

	(void)state;
	add_record(stats, &record, now_ns);
	record.conn.owner = task_named(2, "second");
	add_record(stats, &record, now_ns);
	record.conn.owner = task_named(1, "first");
	now_ns += 150 * NSEC_PER_SEC;
	add_record(stats, &record, now_ns);
	record.conn.owner = task_named(3, "third");
	now_ns += 150 * NSEC_PER_SEC;
	add_record(stats, &record, now_ns); /* the second was idle for so long, not more */
	now_ns += 15 * NSEC_PER_SEC;
	add_record(stats, &record, now_ns);
	record.conn.owner = task_named(4, "fourth");
	add_record(stats, &record, now_ns);
	for (int by = BY_SERVICE; by < BY_COUNT; by += BY_PROCESS) {
		summary = summary_new(stats, WINDOW_START, by, now_ns, 0);
		assert_int_equal(find_comm(summary, "first")->counts.ended, 2);
		assert_int_equal(find_comm(summary, "third")->counts.ended, 1);
		assert_null(find_comm(summary, "second"));
		assert_int_equal(summary_other(summary)->counts.ended, 3);
		assert_int_equal(count_ended(summary), 6);
		assert_int_equal(summary_total(summary)->counts.ended, 6);
		summary_free(summary);
	}
	stats_free(stats);
}

/* Rows come and go, and all windows of all tables stay exact. */
static void rows_that_are_reused(void **state)
{
	const struct stats_options options = {.thresholds = thresholds, .rows_max = 3};
	struct stats *stats = stats_new(&options, START_NS);
	int64_t now_ns = START_NS;
	uint64_t random = 11;

	(void)state;
	for (added_count = 0; added_count < 5000;) {
		struct record record = ended_record(1 + random_number(&random) % 8,
						    1 + random_number(&random) % 8, "nginx");

		now_ns += random_step(&random) / 2;
		set_peer(&record, random_number(&random) % 8);
		added[added_count++] = (struct added){
			.now_ns = now_ns,
			.wait_ns = record.end_ns - record.conn.close_wait_ns,
		};
		add_record(stats, &record, now_ns);
		if (added_count % 10)
			continue;
		for (int window = 0; window < WINDOW_COUNT; window++) {
			for (int by = 0; by < BY_COUNT; by++) {
				struct summary *summary = summary_new(stats, window, by, now_ns, 0);
				uint64_t count = count_ended(summary);

				assert_true(count_rows(summary) <= 3);
				assert_model(summary_total(summary), 0, summary->since_ns);
				assert_int_equal(summary_total(summary)->counts.ended, count);
				summary_free(summary);
			}
		}
	}
	stats_free(stats);
}

/* Without cells all but the percentiles is exact. */
static void cells_used_up(void **state)
{
	const struct stats_options options = {.thresholds = thresholds, .cells_max = 64};
	struct stats *stats = stats_new(&options, START_NS);
	struct record record = ended_record(80, 1, "nginx");
	struct event event = event_of(&record);
	const struct summary_row *row;
	struct summary *summary;
	struct stats_usage usage;
	uint64_t sum_ns = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		event.lifetime_ns = 1000 + 1000 * i;
		sum_ns += (uint64_t)event.lifetime_ns;
		stats_add(stats, &event, START_NS);
		stats_usage(stats, &usage);
		assert_true(usage.cells <= 64);
	}
	assert_int_equal(usage.cells_max, 64);
	summary = since_start(stats, BY_SERVICE);
	row = summary_next(summary);
	assert_int_equal(row->counts.ended, 1000);
	assert_measure(row, MEASURE_LIFETIME, 1000, sum_ns, 1000000);
	assert_true(summary_percentile(&row->measures[MEASURE_LIFETIME], 50) == UNKNOWN);
	/* which has a cell, as it is always the same */
	assert_true(summary_percentile(&row->measures[MEASURE_CLOSE_WAIT], 50) != UNKNOWN);
	summary_free(summary);
	stats_free(stats);
}

/* However few allocations succeed, what is counted is exact; the last is in each step of time. */
static void no_memory(void **state)
{
	struct stats *stats;
	int needed;

	(void)state;
	for (needed = 0;; needed++) {
		allocations_left = needed;
		stats = new_stats();
		allocations_left = -1;
		if (stats)
			break;
	}
	assert_in_range(needed, 30, 100);
	stats_free(stats);
	for (int n = 0; n < 200; n++) {
		struct record record = ended_record(80, 1, "nginx");
		struct summary *summary;
		int64_t now_ns = START_NS;

		stats = new_stats();
		allocations_left = n;
		for (added_count = 0; added_count < 40; added_count++) {
			now_ns += 40 * NSEC_PER_SEC;
			record.conn.owner.pid = added_count % 3 + 1;
			added[added_count].now_ns = now_ns;
			added[added_count].wait_ns = 1000 * (1 + added_count);
			record.end_ns = record.conn.close_wait_ns + added[added_count].wait_ns;
			add_record(stats, &record, now_ns);
		}
		assert_null(n == 0 ? summary_new(stats, WINDOW_START, BY_PEER, now_ns, 0) : NULL);
		allocations_left = -1;
		for (int window = 0; window < WINDOW_COUNT; window++) {
			for (int by = 0; by < BY_COUNT; by++) {
				summary = summary_new(stats, window, by, now_ns, 0);
				assert_model(summary_total(summary), 0, summary->since_ns);
				assert_int_equal(count_ended(summary),
						 summary_total(summary)->counts.ended);
				summary_free(summary);
			}
		}
		stats_free(stats);
	}
}

/* The kernel's way of counting one connection, as in bpf/conn.bpf.h. */
static void fold_one(struct stats *stats, const struct event *event, enum fold_measure measure,
		     int64_t ns, uint8_t detail)
{
	const struct conn *conn = &event->conn;
	struct fold_record record = {
		.key = {.service = {.netns = conn->netns,
				    .port = conn->local_port,
				    .role = conn->role},
			.bucket = bucket_of((uint64_t)ns),
			.measure = measure,
			.detail = detail},
		.sums = {.count = 1, .ns = (uint64_t)ns},
	};

	memcpy(record.key.service.comm, conn->owner.comm, sizeof(conn->owner.comm));
	if (measure == FOLD_LIFETIME) {
		record.sums.rx_bytes = (uint64_t)event->rx_bytes;
		record.sums.tx_bytes = (uint64_t)event->tx_bytes;
	}
	stats_add_folded(stats, &record, START_NS);
}

static void fold(struct stats *stats, const struct event *event)
{
	uint8_t cause = event->cause;

	if (event->slow && cause == CAUSE_NONE)
		cause = FOLD_SLOW_WITHOUT_CAUSE;
	fold_one(stats, event, FOLD_LIFETIME, event->lifetime_ns,
		 (uint8_t)(event->conn.end | cause << FOLD_CAUSE_SHIFT));
	fold_one(stats, event, FOLD_ACCEPT_WAIT, event->accept_wait_ns,
		 event->accept_wait_ns >= thresholds.accept_wait_ns);
	fold_one(stats, event, FOLD_CLOSE_WAIT, event->close_wait_ns,
		 event->close_wait_ns >= thresholds.close_wait_ns);
	fold_one(stats, event, FOLD_UNTIL_FIN,
		 (int64_t)(event->conn.close_wait_ns - event->conn.established_ns), 0);
}

static struct record random_record(uint64_t *random)
{
	struct record record = ended_record(80 + random_number(random) % 3, 1, "nginx");
	struct conn *conn = &record.conn;

	conn->accepted_ns = conn->queued_ns + (uint64_t)wait_bimodal(random);
	conn->close_wait_ns = conn->established_ns + (uint64_t)wait_log_normal(random);
	if (random_number(random) % 3 == 0)
		conn->flags &= ~CONN_FIN_READ;
	record.end_ns = conn->close_wait_ns + (uint64_t)wait_bimodal(random);
	conn->end = random_number(random) % END_COUNT;
	return record;
}

static void assert_same_measure(const struct summary_measure *one,
				const struct summary_measure *other)
{
	assert_int_equal(one->spread.count, other->spread.count);
	assert_memory_equal(&one->sum, &other->sum, sizeof(one->sum));
	assert_true(fabs((double)one->max_ns - (double)other->max_ns) <=
		    0.03 * (double)other->max_ns);
	for (unsigned int percent = 1; percent <= 100; percent++) {
		double ns = (double)summary_percentile(one, percent);
		double other_ns = (double)summary_percentile(other, percent);

		assert_true(fabs(ns - other_ns) <= 0.03 * other_ns);
	}
}

/* All folded, or one half of them, is the same as all streamed, but for the maximum. */
static void folded(void **state)
{
	struct stats *stats[2] = {new_stats(), new_stats()};
	struct summary *summaries[2];
	const struct summary_row *row, *other;
	uint64_t random = 6;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct record record = random_record(&random);
		struct event event = event_of(&record);

		if (i % 2)
			fold(stats[0], &event);
		else
			stats_add(stats[0], &event, START_NS);
		stats_add(stats[1], &event, START_NS);
	}
	for (int i = 0; i < 2; i++)
		summaries[i] = since_start(stats[i], BY_SERVICE);
	assert_int_equal(summaries[0]->row_count, 3);
	for (int i = 0; i < 4; i++) {
		struct counts counts;

		row = i < 3 ? summary_next(summaries[0]) : summary_total(summaries[0]);
		other = i < 3 ? summary_next(summaries[1]) : summary_total(summaries[1]);
		counts = row->counts;
		assert_true(counts.undetailed > 0 && counts.undetailed < counts.ended);
		assert_true(counts.causes[CAUSE_NONE] > 0);
		assert_true(counts.causes[CAUSE_NOT_READING] > 0);
		counts.undetailed = 0;
		assert_memory_equal(&counts, &other->counts, sizeof(counts));
		for (int j = 0; j < MEASURE_COUNT; j++)
			assert_same_measure(&row->measures[j], &other->measures[j]);
	}
	assert_int_equal(summary_total(summaries[0])->counts.undetailed, 10000);
	for (int i = 0; i < 2; i++)
		summary_free(summaries[i]);
	for (int by = BY_PROCESS; by <= BY_PEER; by++) {
		summaries[0] = since_start(stats[0], by);
		assert_int_equal(count_ended(summaries[0]), 10000);
		assert_int_equal(summary_total(summaries[0])->counts.ended, 20000);
		assert_int_equal(summary_total(summaries[0])->counts.undetailed, 10000);
		summary_free(summaries[0]);
	}
	stats_free(stats[0]);
	stats_free(stats[1]);
}

/* Whatever the kernel's side says, it is counted once, and nothing breaks. */
static void odd_folded(void **state)
{
	struct stats *stats = new_stats();
	struct fold_record record = {
		.key = {.measure = FOLD_LIFETIME, .detail = 0xff, .bucket = FOLD_NO_BUCKET},
		.sums = {.count = 5, .ns = 7},
	};
	const struct summary_row *row;
	struct summary *summary;

	(void)state;
	stats_add_folded(stats, &record, START_NS); /* what had no room in the kernel */
	record.key.bucket = BUCKETS;
	stats_add_folded(stats, &record, START_NS);
	record.key.measure = FOLD_ACCEPT_WAIT;
	stats_add_folded(stats, &record, START_NS);
	record.key.measure = 99;
	record.key.bucket = 3;
	stats_add_folded(stats, &record, START_NS);
	summary = since_start(stats, BY_SERVICE);
	assert_null(summary_next(summary));
	row = summary_other(summary);
	assert_int_equal(row->counts.ended, 10);
	assert_int_equal(row->counts.ends[END_UNKNOWN], 10);
	assert_int_equal(row->counts.causes[CAUSE_NONE], 0);
	assert_int_equal(row->counts.slow_accepts, 5);
	for (int i = 0; i < MEASURE_COUNT; i++)
		assert_measure(row, i, 0, 0, 0);
	summary_free(summary);
	stats_free(stats);
}

/* How many ended in the service's row since the start; -1: it has none. */
static int64_t ended_of(struct stats *stats, const char *comm)
{
	struct summary *summary = since_start(stats, BY_SERVICE);
	const struct summary_row *row = find_comm(summary, comm);
	int64_t ended = row ? (int64_t)row->counts.ended : -1;

	summary_free(summary);
	return ended;
}

static void add_owned(struct stats *stats, uint16_t port, const char *comm)
{
	struct record record = ended_record(port, 7, comm);

	add_record(stats, &record, START_NS);
}

/* What the owner's fields have without a pid is nothing. */
static void add_never_accepted(struct stats *stats, uint16_t port)
{
	struct record record = ended_record(port, 0, "junk");

	record.conn.flags &= ~CONN_ACCEPTED;
	record.conn.accepted_ns = 0;
	add_record(stats, &record, START_NS);
}

/* What nobody has accepted is the one service's of that port, before and after it is known. */
static void without_owner(void **state)
{
	struct stats *stats = new_stats();

	(void)state;
	add_never_accepted(stats, 80);
	assert_int_equal(ended_of(stats, ""), 1);
	add_owned(stats, 81, "apache");
	assert_int_equal(ended_of(stats, ""), 1);
	add_owned(stats, 80, "nginx");
	assert_int_equal(ended_of(stats, ""), -1);
	assert_int_equal(ended_of(stats, "nginx"), 2);
	add_never_accepted(stats, 80);
	assert_int_equal(ended_of(stats, "nginx"), 3);
	assert_int_equal(ended_of(stats, "apache"), 1);
	/* two share the port: it can be either's */
	add_owned(stats, 80, "node");
	add_never_accepted(stats, 80);
	assert_int_equal(ended_of(stats, ""), 1);
	add_owned(stats, 80, "third");
	assert_int_equal(ended_of(stats, ""), 1);
	add_never_accepted(stats, 80);
	assert_int_equal(ended_of(stats, ""), 2);
	assert_int_equal(ended_of(stats, "nginx"), 3);
	assert_int_equal(ended_of(stats, "node"), 1);
	assert_int_equal(ended_of(stats, "third"), 1);
	stats_free(stats);
}

/* Older than the daemon: who closed what was accepted has had it; who ended a listener has not. */
static void without_owner_but_closer(void **state)
{
	struct stats *stats = new_stats();
	struct record record = ended_record(80, 0, "");

	(void)state;
	record.conn.closer = task_named(7, "java");
	add_record(stats, &record, START_NS);
	assert_int_equal(ended_of(stats, "java"), 1);
	record.conn.local_port = 81;
	record.conn.flags &= ~CONN_ACCEPTED;
	record.conn.accepted_ns = 0;
	add_record(stats, &record, START_NS);
	assert_int_equal(ended_of(stats, "java"), 1);
	assert_int_equal(ended_of(stats, ""), 1);
	/* who accepts is the service, whoever closes */
	add_owned(stats, 80, "nginx");
	record = ended_record(80, 0, "");
	record.conn.closer = task_named(7, "sh");
	add_record(stats, &record, START_NS);
	assert_int_equal(ended_of(stats, "nginx"), 3);
	stats_free(stats);
}

/* Another network namespace is another service, and a client of unknown owner nobody's. */
static void without_owner_elsewhere(void **state)
{
	struct stats *stats = new_stats();
	struct record record = ended_record(80, 0, "");

	(void)state;
	add_owned(stats, 80, "nginx");
	record.conn.netns = 5;
	add_record(stats, &record, START_NS);
	assert_int_equal(ended_of(stats, ""), 1);
	stats_free(stats);

	stats = new_stats();
	record = ended_record(40000, 7, "curl");
	record.conn.role = ROLE_CLIENT;
	add_record(stats, &record, START_NS);
	record.conn.owner.pid = 0;
	add_record(stats, &record, START_NS);
	assert_int_equal(ended_of(stats, "curl"), 1);
	assert_int_equal(ended_of(stats, ""), 1);
	stats_free(stats);
}

/* Nor do those that only share a chain of the hash table. */
static void without_owner_in_a_chain(void **state)
{
	const struct stats_options options = {.thresholds = thresholds, .rows_max = 2};

	(void)state;
	for (uint16_t i = 0; i < 32; i++) {
		struct stats *stats = stats_new(&options, START_NS);
		struct record record = ended_record(40000, 7, "");
		char comm[16];

		add_owned(stats, 80, "nginx");
		add_never_accepted(stats, 81 + i);
		assert_int_equal(ended_of(stats, "nginx"), 1);
		assert_int_equal(ended_of(stats, ""), 1);
		stats_free(stats);

		stats = stats_new(&options, START_NS);
		snprintf(comm, sizeof(comm), "curl%u", i);
		record.conn.role = ROLE_CLIENT;
		record.conn.owner = task_named(7, comm);
		add_record(stats, &record, START_NS);
		record.conn.owner.pid = 0;
		add_record(stats, &record, START_NS);
		assert_int_equal(ended_of(stats, comm), 1);
		assert_int_equal(ended_of(stats, ""), 1);
		stats_free(stats);
	}
}

/* Folded ones find the same rows. */
static void folded_without_owner(void **state)
{
	struct stats *stats = new_stats();
	struct record record = ended_record(80, 1, "nginx");
	struct event owned = event_of(&record), unowned = owned;

	(void)state;
	memset(&unowned.conn.owner, 0, sizeof(unowned.conn.owner));
	fold(stats, &unowned);
	assert_int_equal(ended_of(stats, ""), 1);
	fold(stats, &owned);
	assert_int_equal(ended_of(stats, "nginx"), 2);
	fold(stats, &unowned);
	assert_int_equal(ended_of(stats, "nginx"), 3);
	assert_int_equal(ended_of(stats, ""), -1);
	stats_free(stats);
}

/* Of a client the service is the remote port, wherever it is. */
static void clients(void **state)
{
	struct stats *stats = new_stats();
	struct record record = ended_record(40000, 7, "curl");
	const struct summary_row *row;
	struct summary *summary;

	(void)state;
	record.conn.role = ROLE_CLIENT;
	record.conn.remote_port = 443;
	add_record(stats, &record, START_NS);
	record.conn.local_port = 40001;
	record.conn.netns = 5;
	add_record(stats, &record, START_NS);
	record.conn.owner = task_named(8, "wget");
	add_record(stats, &record, START_NS);
	summary = since_start(stats, BY_SERVICE);
	assert_int_equal(count_rows(summary), 2);
	row = find_comm(summary, "curl");
	assert_int_equal(row->counts.ended, 2);
	assert_int_equal(row->role, ROLE_CLIENT);
	assert_int_equal(row->netns, 0);
	assert_int_equal(row->port, 443);
	summary_free(summary);
	stats_free(stats);
}

/* A name of 16 bytes has no end; what is behind the end of a shorter one is no part of it. */
static void comm_bytes(void **state)
{
	struct stats *stats = new_stats();
	struct record record = ended_record(80, 1, "nginx");
	struct summary *summary;

	(void)state;
	memcpy(record.conn.owner.comm, "nginx\0garbage!!!", 16);
	add_record(stats, &record, START_NS);
	memcpy(record.conn.owner.comm, "nginx\0other", 12);
	add_record(stats, &record, START_NS);
	memcpy(record.conn.owner.comm, "\xff\n\033[2J3456789abc", 16);
	add_record(stats, &record, START_NS);
	record.conn.owner.comm[15] = 'd';
	add_record(stats, &record, START_NS);
	for (int by = BY_SERVICE; by < BY_COUNT; by += BY_PROCESS) {
		summary = since_start(stats, by);
		assert_int_equal(count_rows(summary), 3);
		assert_int_equal(find_comm(summary, "nginx")->counts.ended, 2);
		assert_memory_equal(find_comm(summary, "nginx")->comm, "nginx\0\0\0\0\0\0\0\0\0\0",
				    16);
		assert_int_equal(find_comm(summary, "\xff\n\033[2J3456789abc")->counts.ended, 1);
		summary_free(summary);
	}
	stats_free(stats);
}

static struct event waiting_event(uint16_t port, uint32_t pid, const char *comm)
{
	struct record record = ended_record(port, pid, comm);

	record.kind = RECORD_WAITING;
	record.end_ns = START_NS + 2000 * NSEC_PER_MSEC;
	if (!pid) {
		record.conn.flags &= ~CONN_ACCEPTED;
		record.conn.accepted_ns = 0;
	}
	return event_of(&record);
}

static struct waiting_counts waiting_of(struct stats *stats, const char *comm)
{
	struct summary *summary = since_start(stats, BY_SERVICE);
	const struct summary_row *row = find_comm(summary, comm);
	struct waiting_counts counts = {.oldest_ns = -1};

	if (row)
		counts = row->waiting;
	summary_free(summary);
	return counts;
}

static void waiting(void **state)
{
	struct stats *stats = new_stats();
	struct event accepted = waiting_event(80, 7, "nginx"), queued = waiting_event(80, 0, "");
	struct waiting_counts counts;

	(void)state;
	queued.conn.close_wait_ns = 0;
	queued.close_wait_ns = UNKNOWN;
	queued.accept_wait_ns = 3000 * NSEC_PER_MSEC;
	stats_waiting_begin(stats, START_NS);
	stats_waiting_add(stats, &accepted);
	stats_waiting_add(stats, &queued);
	assert_int_equal(waiting_of(stats, "nginx").oldest_ns, -1); /* not before the end */
	stats_waiting_end(stats);
	counts = waiting_of(stats, "nginx");
	assert_int_equal(counts.accept_queue, 1);
	assert_int_equal(counts.close_wait, 1);
	assert_int_equal(counts.causes[CAUSE_NOT_CLOSING], 1);
	assert_int_equal(counts.causes[CAUSE_NEVER_ACCEPTED], 1);
	assert_int_equal(counts.oldest_ns, 3000 * NSEC_PER_MSEC);
	assert_int_equal(ended_of(stats, "nginx"), 0);

	/* the next look replaces it as a whole; one that is in both counts in both */
	queued = waiting_event(80, 0, "");
	stats_waiting_begin(stats, START_NS);
	stats_waiting_add(stats, &queued);
	assert_int_equal(waiting_of(stats, "nginx").oldest_ns, 3000 * NSEC_PER_MSEC);
	stats_waiting_end(stats);
	counts = waiting_of(stats, "nginx");
	assert_int_equal(counts.accept_queue, 1);
	assert_int_equal(counts.close_wait, 1);
	assert_int_equal(counts.causes[CAUSE_NOT_CLOSING], 0);
	assert_int_equal(counts.causes[CAUSE_NEVER_ACCEPTED], 1);
	assert_int_equal(counts.oldest_ns, 2000 * NSEC_PER_MSEC);

	/* reset in the queue: it waits there only */
	queued.conn.flags |= CONN_CLOSED;
	stats_waiting_begin(stats, START_NS);
	stats_waiting_add(stats, &queued);
	stats_waiting_end(stats);
	assert_int_equal(waiting_of(stats, "nginx").accept_queue, 1);
	assert_int_equal(waiting_of(stats, "nginx").close_wait, 0);

	/* a fast one has no cause, and not an unknown one */
	queued.slow = false;
	queued.cause = CAUSE_NONE;
	stats_waiting_begin(stats, START_NS);
	stats_waiting_add(stats, &queued);
	stats_waiting_end(stats);
	assert_int_equal(waiting_of(stats, "nginx").accept_queue, 1);
	assert_int_equal(waiting_of(stats, "nginx").causes[CAUSE_NONE], 0);

	stats_waiting_begin(stats, START_NS);
	stats_waiting_end(stats);
	assert_int_equal(waiting_of(stats, "nginx").oldest_ns, -1);
	stats_free(stats);
}

/* Where nobody accepts, those who could name the service: until somebody does. */
static void waiting_without_owner(void **state)
{
	static const struct listener_record listener = {
		.listener = {.owner = {.pid = 1, .comm = "systemd"}}};
	static const struct holder holders[] = {
		{.pid = 8, .comm = "java"}, {.pid = 9, .comm = "java"}, {.pid = 10, .comm = "sh"}};
	struct stats *stats = new_stats();
	struct event event = waiting_event(80, 0, "");

	(void)state;
	stats_waiting_begin(stats, START_NS);
	stats_waiting_add(stats, &event);
	event.listener = &listener;
	stats_waiting_add(stats, &event);
	stats_waiting_end(stats);
	assert_int_equal(waiting_of(stats, "").oldest_ns, -1);
	assert_int_equal(waiting_of(stats, "systemd").accept_queue, 2);
	add_never_accepted(stats, 80);
	assert_int_equal(ended_of(stats, "systemd"), 1);
	add_owned(stats, 80, "nginx");
	assert_int_equal(ended_of(stats, "systemd"), -1);
	assert_int_equal(ended_of(stats, "nginx"), 2);
	stats_waiting_begin(stats, START_NS);
	stats_waiting_add(stats, &event);
	stats_waiting_end(stats);
	assert_int_equal(waiting_of(stats, "nginx").accept_queue, 1);

	/* holders, unless they are not of one mind */
	event = waiting_event(81, 0, "");
	event.holders = holders;
	event.holder_count = 2;
	stats_waiting_begin(stats, START_NS);
	stats_waiting_add(stats, &event);
	event.conn.local_port = 82;
	event.holder_count = 3;
	stats_waiting_add(stats, &event);
	stats_waiting_end(stats);
	assert_int_equal(waiting_of(stats, "java").accept_queue, 1);
	assert_int_equal(waiting_of(stats, "").accept_queue, 1);

	/* two listeners of one port are two services */
	event = waiting_event(81, 0, "");
	event.listener = &listener;
	stats_waiting_begin(stats, START_NS);
	stats_waiting_add(stats, &event);
	event.holders = holders;
	event.holder_count = 1;
	stats_waiting_add(stats, &event);
	stats_waiting_end(stats);
	assert_int_equal(waiting_of(stats, "java").accept_queue, 1);
	assert_int_equal(waiting_of(stats, "systemd").accept_queue, 1);
	add_never_accepted(stats, 81);
	assert_int_equal(ended_of(stats, "systemd"), 0);
	assert_int_equal(ended_of(stats, "java"), 0);
	add_owned(stats, 81, "java");
	assert_int_equal(ended_of(stats, "java"), 1);
	assert_int_equal(ended_of(stats, "systemd"), 0);
	stats_free(stats);
}

/* A full table: what waits goes to `other`, and a service that waits is in use. */
static void waiting_without_row(void **state)
{
	const struct stats_options options = {.thresholds = thresholds, .rows_max = 1};
	struct stats *stats = stats_new(&options, START_NS);
	struct event stuck = waiting_event(80, 7, "stuck"), other = waiting_event(81, 8, "other");
	struct record third = ended_record(82, 7, "third");
	int64_t now_ns = START_NS;
	struct summary *summary;

	(void)state;
	for (int i = 0; i < 3; i++) {
		stats_waiting_begin(stats, now_ns);
		stats_waiting_add(stats, &stuck);
		stats_waiting_add(stats, &other);
		stats_waiting_end(stats);
		now_ns += 3600 * NSEC_PER_SEC;
	}
	add_record(stats, &third, START_NS);
	summary = since_start(stats, BY_SERVICE);
	assert_int_equal(find_comm(summary, "stuck")->waiting.close_wait, 1);
	assert_int_equal(summary_other(summary)->waiting.close_wait, 1);
	assert_int_equal(summary_other(summary)->counts.ended, 1);
	assert_int_equal(summary_total(summary)->waiting.close_wait, 2);
	summary_free(summary);
	/* no look for so long that another takes its row */
	now_ns += 3600 * NSEC_PER_SEC;
	add_record(stats, &third, now_ns);
	summary = summary_new(stats, WINDOW_START, BY_SERVICE, now_ns, 0);
	assert_int_equal(find_comm(summary, "third")->counts.ended, 1);
	assert_int_equal(summary_other(summary)->waiting.close_wait, 2);
	summary_free(summary);
	summary = since_start(stats, BY_PEER);
	assert_false(summary_total(summary)->has_waiting);
	summary_free(summary);
	stats_free(stats);
}

static void new_thresholds(void **state)
{
	const struct thresholds lower = {.close_wait_ns = 1, .accept_wait_ns = 1};
	struct stats *stats = new_stats();
	struct record record = ended_record(80, 1, "nginx");
	struct event event;
	struct summary *summary;

	(void)state;
	stats_set_thresholds(stats, &lower);
	event_from_record(&event, &record, &lower, 0);
	stats_add(stats, &event, START_NS);
	summary = since_start(stats, BY_SERVICE);
	assert_int_equal(summary_total(summary)->counts.slow_accepts, 1);
	assert_int_equal(summary_total(summary)->counts.slow_closes, 1);
	assert_int_equal(summary->view.thresholds.close_wait_ns, 1);
	summary_free(summary);
	stats_free(stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(other_kinds),
		cmocka_unit_test(lower_bounds),
		cmocka_unit_test(unknown),
		cmocka_unit_test(large_sums),
		cmocka_unit_test(percentiles),
		cmocka_unit_test(windows_are_exact),
		cmocka_unit_test(window_edges),
		cmocka_unit_test(clock_that_goes_back),
		cmocka_unit_test(many_rows),
		cmocka_unit_test(slots_used_up),
		cmocka_unit_test(idle_rows),
		cmocka_unit_test(rows_that_are_reused),
		cmocka_unit_test(cells_used_up),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(folded),
		cmocka_unit_test(odd_folded),
		cmocka_unit_test(without_owner),
		cmocka_unit_test(without_owner_but_closer),
		cmocka_unit_test(without_owner_elsewhere),
		cmocka_unit_test(without_owner_in_a_chain),
		cmocka_unit_test(folded_without_owner),
		cmocka_unit_test(clients),
		cmocka_unit_test(comm_bytes),
		cmocka_unit_test(waiting),
		cmocka_unit_test(waiting_without_owner),
		cmocka_unit_test(waiting_without_row),
		cmocka_unit_test(new_thresholds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

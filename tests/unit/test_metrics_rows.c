// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "metrics_rows.h"

#define HOUR_NS (3600 * NSEC_PER_SEC)

/* Two rows; a counter that is notable and one that is not; a gauge that is summed, one of maxima.
 */
static const struct metrics_rows_options options = {
	.rows_max = 2,
	.other_labels = "other",
	.counters = 2,
	.notable_counters = 1,
	.gauges = 2,
	.maxima = 1,
};

enum { SLOW, ALL };

static bool no_memory;

void *__real_reallocarray(void *items, size_t count, size_t size);
void *__wrap_reallocarray(void *items, size_t count, size_t size);

void *__wrap_reallocarray(void *items, size_t count, size_t size)
{
	return no_memory ? NULL : __real_reallocarray(items, count, size);
}

static void add(struct metrics_rows *rows, uint64_t id, const char *labels, uint64_t slow,
		uint64_t all)
{
	struct metrics_source source = {.id = {id, 1}, .counters = {slow, all}};

	strcpy(source.labels, labels);
	metrics_rows_add(rows, &source);
}

/* A scrape of sources that are all of this count, with labels "1", "2" and so on. */
static void scrape(struct metrics_rows *rows, int64_t now_ns, int count, uint64_t all)
{
	char labels[16];

	metrics_rows_begin(rows, now_ns);
	for (int i = 1; i <= count; i++) {
		snprintf(labels, sizeof(labels), "%d", i);
		add(rows, 100 - (uint64_t)i, labels, 0, all); /* in no order */
	}
	assert_int_equal(metrics_rows_end(rows), 0);
}

static const struct metrics_row *find(struct metrics_rows *rows, const char *labels)
{
	const struct metrics_row *row;

	for (size_t i = 0; (row = metrics_rows_next(rows, &i));) {
		if (strcmp(row->labels, labels) == 0)
			return row;
	}
	return NULL;
}

static void assert_all(struct metrics_rows *rows, const char *labels, uint64_t all)
{
	const struct metrics_row *row = find(rows, labels);

	assert_non_null(row);
	assert_int_equal(row->counters[ALL], all);
}

static void adds_up_sources_of_the_same_labels(void **state)
{
	struct metrics_rows *rows = metrics_rows_new(&options);
	struct metrics_source source = {.id = {1}, .labels = "a", .gauges = {3, 5}};
	size_t i = 0;

	(void)state;
	metrics_rows_begin(rows, 0);
	metrics_rows_add(rows, &source);
	source.id[1] = 1;
	source.gauges[1] = 4;
	source.counters[ALL] = 7;
	metrics_rows_add(rows, &source);
	assert_int_equal(metrics_rows_end(rows), 0);
	assert_all(rows, "a", 7);
	assert_int_equal(find(rows, "a")->gauges[0], 6);
	assert_int_equal(find(rows, "a")->gauges[1], 5);
	assert_non_null(metrics_rows_next(rows, &i));
	assert_null(metrics_rows_next(rows, &i)); /* there is no need of `other` */
	assert_null(metrics_rows_next(rows, &i));
	metrics_rows_free(rows);
}

static void a_row_is_gone_with_its_sources_and_comes_back_with_its_counters(void **state)
{
	struct metrics_rows *rows = metrics_rows_new(&options);

	(void)state;
	scrape(rows, 0, 1, 5);
	scrape(rows, 1, 0, 0);
	assert_null(find(rows, "1"));
	scrape(rows, 2, 1, 2); /* another source, of the same labels */
	assert_all(rows, "1", 7);
	metrics_rows_free(rows);
}

static void a_source_with_other_labels_takes_nothing_along(void **state)
{
	struct metrics_rows *rows = metrics_rows_new(&options);

	(void)state;
	metrics_rows_begin(rows, 0);
	add(rows, 1, "port", 0, 10);
	metrics_rows_end(rows);
	metrics_rows_begin(rows, 1);
	add(rows, 1, "port of a", 0, 12);
	metrics_rows_end(rows);
	assert_all(rows, "port of a", 2);
	assert_null(find(rows, "port"));
	metrics_rows_free(rows);
}

static void counters_never_fall(void **state)
{
	struct metrics_rows *rows = metrics_rows_new(&options);

	(void)state;
	scrape(rows, 0, 1, 10);
	scrape(rows, 1, 1, 8);
	assert_all(rows, "1", 10);
	scrape(rows, 2, 1, 9);
	assert_all(rows, "1", 11);
	metrics_rows_free(rows);
}

static void the_rest_is_in_other(void **state)
{
	struct metrics_rows *rows = metrics_rows_new(&options);

	(void)state;
	scrape(rows, 0, 5, 10);
	assert_all(rows, "1", 10);
	assert_all(rows, "2", 10);
	assert_null(find(rows, "3"));
	assert_all(rows, "other", 30);
	scrape(rows, 1, 5, 11);
	assert_all(rows, "1", 11);
	assert_all(rows, "other", 33);
	scrape(rows, 2, 2, 11); /* it stays */
	assert_all(rows, "other", 33);
	metrics_rows_free(rows);
}

/* As a row of the statistics that makes room: what it had is in their row `other` then. */
static void what_is_inherited_counts_once(void **state)
{
	struct metrics_rows_options inheriting = options;
	struct metrics_rows *rows;

	(void)state;
	inheriting.inherits = true;
	rows = metrics_rows_new(&inheriting);
	metrics_rows_begin(rows, 0);
	add(rows, 0, "", 0, 100);
	add(rows, 1, "1", 0, 40);
	metrics_rows_end(rows);
	assert_all(rows, "other", 100);
	metrics_rows_begin(rows, 1);
	add(rows, 0, "", 0, 100 + 40 + 2 + 3); /* 2 it got before it went, 3 came to `other` */
	metrics_rows_end(rows);
	assert_all(rows, "other", 105);
	metrics_rows_free(rows);
}

static void what_is_notable_gets_a_row_at_once_and_keeps_it(void **state)
{
	struct metrics_rows *rows = metrics_rows_new(&options);

	(void)state;
	metrics_rows_begin(rows, 0);
	add(rows, 1, "1", 0, 10);
	add(rows, 2, "2", 0, 20);
	add(rows, 3, "3", 1, 30);
	add(rows, 4, "4", 1, 40);
	add(rows, 5, "5", 1, 50);
	metrics_rows_end(rows);
	assert_all(rows, "3", 30);
	assert_all(rows, "4", 40);
	assert_all(rows, "other", 10 + 20 + 50); /* nothing is lost */
	metrics_rows_begin(rows, HOUR_NS);
	add(rows, 3, "3", 1, 31);
	add(rows, 4, "4", 2, 41);
	add(rows, 5, "5", 2, 51);
	metrics_rows_end(rows);
	assert_all(rows, "3", 31); /* an hour is not over */
	assert_all(rows, "other", 81);
	metrics_rows_begin(rows, HOUR_NS + 1);
	add(rows, 3, "3", 1, 32);
	add(rows, 4, "4", 2, 42);
	add(rows, 5, "5", 3, 52);
	metrics_rows_end(rows);
	assert_null(find(rows, "3"));
	assert_all(rows, "4", 42);
	assert_all(rows, "5", 1);
	assert_all(rows, "other", 82);
	metrics_rows_free(rows);
}

static void what_is_in_use_gets_the_row_of_what_is_not(void **state)
{
	struct metrics_rows *rows = metrics_rows_new(&options);

	(void)state;
	scrape(rows, 0, 3, 10);
	assert_all(rows, "2", 10);
	metrics_rows_begin(rows, HOUR_NS + 1);
	add(rows, 99, "1", 0, 11);
	add(rows, 98, "2", 0, 10);
	add(rows, 97, "3", 0, 10); /* is not in use either */
	metrics_rows_end(rows);
	assert_all(rows, "2", 10);
	assert_null(find(rows, "3"));
	metrics_rows_begin(rows, HOUR_NS + 2);
	add(rows, 99, "1", 0, 11);
	add(rows, 98, "2", 0, 10);
	add(rows, 97, "3", 0, 11);
	metrics_rows_end(rows);
	assert_all(rows, "1", 11);
	assert_null(find(rows, "2"));
	assert_all(rows, "3", 1);
	metrics_rows_free(rows);
}

static void a_scrape_without_memory_does_not_count(void **state)
{
	struct metrics_rows *rows = metrics_rows_new(&options);

	(void)state;
	scrape(rows, 0, 3, 10);
	metrics_rows_begin(rows, 1);
	no_memory = true;
	add(rows, 99, "1", 0, 12);
	add(rows, 97, "3", 0, 12);
	no_memory = false;
	assert_int_equal(metrics_rows_end(rows), -ENOMEM);
	scrape(rows, 2, 3, 13);
	assert_all(rows, "1", 13);
	assert_all(rows, "other", 13);
	metrics_rows_free(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_up_sources_of_the_same_labels),
		cmocka_unit_test(a_row_is_gone_with_its_sources_and_comes_back_with_its_counters),
		cmocka_unit_test(a_source_with_other_labels_takes_nothing_along),
		cmocka_unit_test(counters_never_fall),
		cmocka_unit_test(the_rest_is_in_other),
		cmocka_unit_test(what_is_inherited_counts_once),
		cmocka_unit_test(what_is_notable_gets_a_row_at_once_and_keeps_it),
		cmocka_unit_test(what_is_in_use_gets_the_row_of_what_is_not),
		cmocka_unit_test(a_scrape_without_memory_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "distribution.h"
#include "histogram.h"

#define COUNT 100000

static int allocations_left = -1; /* negative: any number */

/* Only of what is linked here: see CMakeLists.txt. */
void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	if (allocations_left == 0)
		return NULL;
	allocations_left -= allocations_left > 0;
	return __real_reallocarray(memory, count, size);
}

static void assert_within_3_percent(int64_t ns, uint64_t exact)
{
	assert_true(fabs((double)ns - (double)exact) <= 0.03 * (double)exact);
}

/* Each number is in its bucket, and the buckets are one after another. */
static void buckets(void **state)
{
	(void)state;
	for (uint32_t bucket = 0; bucket < BUCKETS; bucket++) {
		uint64_t from = bucket_from(bucket), last = bucket_from(bucket + 1) - 1;
		uint64_t middle = bucket_middle(bucket);

		assert_int_equal(bucket_of(from), bucket);
		assert_int_equal(bucket_of(last), bucket);
		assert_int_equal(bucket_of(middle), bucket);
		assert_true(middle - from <= last - middle);
		assert_true(last - middle <= middle - from + 1);
	}
	assert_int_equal(bucket_of(UINT64_MAX), BUCKETS - 1);
	assert_int_equal(bucket_of(0), 0);
}

static void percentiles(void **state)
{
	static const unsigned int percents[] = {1, 25, 50, 90, 99, 100};
	static uint64_t waits[COUNT];
	static struct spread spread;

	(void)state;
	for (size_t i = 0; i < DISTRIBUTIONS; i++) {
		struct histogram_budget budget = {.max = SIZE_MAX};
		struct histogram histogram = {0};
		uint64_t random = 88172645463325252u;

		for (size_t j = 0; j < COUNT; j++) {
			waits[j] = (uint64_t)distributions[i].wait(&random);
			histogram_add(&histogram, &budget, bucket_of(waits[j]), 1);
		}
		qsort(waits, COUNT, sizeof(waits[0]), compare_waits);
		spread_clear(&spread);
		spread_add(&spread, &histogram);
		assert_int_equal(spread.count, COUNT);
		for (size_t j = 0; j < sizeof(percents) / sizeof(percents[0]); j++)
			assert_within_3_percent(
				spread_percentile(&spread, percents[j], waits[COUNT - 1]),
				exact_percentile(waits, COUNT, percents[j]));
		histogram_free(&histogram, &budget);
		assert_int_equal(budget.used, 0);
	}
}

static int64_t percentile_of(const struct histogram *histogram, unsigned int percent, uint64_t max)
{
	static struct spread spread;

	spread_clear(&spread);
	spread_add(&spread, histogram);
	return spread_percentile(&spread, percent, max);
}

/* Ranks are exact where each number is its own bucket. */
static void nearest_rank(void **state)
{
	struct histogram_budget budget = {.max = SIZE_MAX};
	struct histogram histogram = {0};

	(void)state;
	assert_true(percentile_of(&histogram, 50, 0) == UNKNOWN);
	histogram_add(&histogram, &budget, 10, 1);
	assert_int_equal(percentile_of(&histogram, 1, 10), 10);
	assert_int_equal(percentile_of(&histogram, 100, 10), 10);
	histogram_add(&histogram, &budget, 20, 1);
	assert_int_equal(percentile_of(&histogram, 50, 20), 10);
	assert_int_equal(percentile_of(&histogram, 51, 20), 20);
	histogram_add(&histogram, &budget, 5, 8);
	assert_int_equal(percentile_of(&histogram, 80, 20), 5);
	assert_int_equal(percentile_of(&histogram, 81, 20), 10);
	assert_int_equal(percentile_of(&histogram, 90, 20), 10);
	assert_int_equal(percentile_of(&histogram, 91, 20), 20);
	histogram_free(&histogram, &budget);
}

static void never_above_the_maximum(void **state)
{
	struct histogram_budget budget = {.max = SIZE_MAX};
	struct histogram histogram = {0};
	uint64_t from = bucket_from(900);

	(void)state;
	histogram_add(&histogram, &budget, 900, 1);
	histogram_add(&histogram, &budget, 900, 1);
	assert_int_equal(percentile_of(&histogram, 50, from), from);
	assert_int_equal(percentile_of(&histogram, 50, UINT64_MAX), bucket_middle(900));
	/* the largest of all is the maximum itself */
	assert_int_equal(percentile_of(&histogram, 51, bucket_middle(900) + 1),
			 bucket_middle(900) + 1);
	histogram_add(&histogram, &budget, BUCKETS - 1, 300);
	assert_true(percentile_of(&histogram, 99, UINT64_MAX) == INT64_MAX);
	histogram_free(&histogram, &budget);
}

/* Whatever the order, all cells are there, in order, with what was added. */
static void assert_holds(const struct histogram *histogram, const uint64_t *counts)
{
	size_t used = 0;

	for (uint32_t bucket = 0; bucket < BUCKETS; bucket++) {
		if (!counts[bucket])
			continue;
		assert_true(used < histogram->used);
		assert_int_equal(histogram->cells[used].bucket, bucket);
		assert_int_equal(histogram->cells[used].count, counts[bucket]);
		used++;
	}
	assert_int_equal(histogram->used, used);
}

static void random_fill(struct histogram *histogram, struct histogram_budget *budget,
			uint64_t *random, uint64_t *counts)
{
	size_t n = random_number(random) % 3000, range = 1 + random_number(random) % BUCKETS;

	for (size_t i = 0; i < n; i++) {
		uint32_t bucket = random_number(random) % range;
		uint64_t count = 1 + random_number(random) % UINT32_MAX;

		histogram_add(histogram, budget, bucket, count);
		counts[bucket] += count;
	}
}

static void merges(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct histogram_budget budget = {.max = SIZE_MAX};
		struct histogram histogram = {0}, other = {0};
		uint64_t counts[BUCKETS] = {0}, count = 0;

		random_fill(&histogram, &budget, &random, counts);
		assert_holds(&histogram, counts);
		random_fill(&other, &budget, &random, counts);
		other.missing = 7;
		histogram_merge(&histogram, &other, &budget);
		assert_holds(&histogram, counts);
		for (uint32_t bucket = 0; bucket < BUCKETS; bucket++)
			count += counts[bucket];
		assert_int_equal(histogram_count(&histogram), count + 7);
		assert_int_equal(histogram.missing, 7);
		assert_int_equal(histogram_count(&other), 0);
		assert_null(other.cells);
		histogram_free(&histogram, &budget);
		assert_int_equal(budget.used, 0);
	}
}

/* The array of n cells costs n + 1, and nothing is over the budget. */
static void budget_is_kept(void **state)
{
	struct histogram_budget budget = {.max = 1000};
	struct histogram histograms[3] = {0};
	uint64_t random = 5, added = 0, count = 0;
	size_t cost = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		histogram_add(&histograms[i % 3], &budget, random_number(&random) % BUCKETS, 2);
		added += 2;
		assert_true(budget.used <= budget.max);
	}
	for (int i = 0; i < 3; i++) {
		cost += histograms[i].room + 1;
		count += histogram_count(&histograms[i]);
		assert_true(histograms[i].missing > 0);
	}
	assert_int_equal(budget.used, cost);
	assert_int_equal(count, added);
	histogram_merge(&histograms[0], &histograms[1], &budget);
	histogram_merge(&histograms[0], &histograms[2], &budget);
	assert_true(budget.used <= budget.max);
	assert_int_equal(budget.used, histograms[0].room + 1);
	assert_int_equal(histogram_count(&histograms[0]), added);
	histogram_free(&histograms[0], &budget);
	assert_int_equal(budget.used, 0);
}

/* Up to 1 % may be missing. */
static void missing_makes_unknown(void **state)
{
	struct histogram_budget budget = {.max = 4};
	struct histogram histogram = {0};

	(void)state;
	histogram_add(&histogram, &budget, 1, 98);
	histogram_add(&histogram, &budget, 2, 1);
	histogram_add(&histogram, &budget, 3, 99);
	histogram_add(&histogram, &budget, 4, 2);
	assert_int_equal(histogram.missing, 2);
	assert_int_equal(percentile_of(&histogram, 50, 4), 2);
	assert_int_equal(percentile_of(&histogram, 100, 4), 3); /* and not 4: that has no cell */
	histogram_add(&histogram, &budget, 0, 1);
	assert_true(percentile_of(&histogram, 50, 4) == UNKNOWN);
	histogram_add(&histogram, &budget, 3, 97);
	assert_true(percentile_of(&histogram, 50, 4) == UNKNOWN);
	histogram_add(&histogram, &budget, 3, 2);
	assert_int_equal(percentile_of(&histogram, 50, 4), 3);
	histogram_free(&histogram, &budget);
}

static void no_such_bucket(void **state)
{
	struct histogram_budget budget = {.max = SIZE_MAX};
	struct histogram histogram = {0};

	(void)state;
	histogram_add(&histogram, &budget, BUCKETS, 3);
	histogram_add(&histogram, &budget, UINT32_MAX, 3);
	assert_int_equal(histogram.used, 0);
	assert_int_equal(histogram_count(&histogram), 6);
}

/* With any number of allocations nothing is lost, added or merged. */
static void no_memory(void **state)
{
	(void)state;
	for (int n = 0; n < 30; n++) {
		struct histogram_budget budget = {.max = SIZE_MAX};
		struct histogram histogram = {0}, other = {0};
		uint64_t counts[BUCKETS] = {0}, random = 9, count = 0;

		allocations_left = n;
		random_fill(&histogram, &budget, &random, counts);
		random_fill(&other, &budget, &random, counts);
		allocations_left = n < 15 ? 0 : 1;
		histogram_merge(&histogram, &other, &budget);
		allocations_left = -1;
		for (uint32_t bucket = 0; bucket < BUCKETS; bucket++)
			count += counts[bucket];
		assert_int_equal(histogram_count(&histogram), count);
		assert_int_equal(histogram_count(&other), 0);
		assert_int_equal(budget.used, histogram.room ? histogram.room + 1 : 0);
		histogram_free(&histogram, &budget);
		assert_int_equal(budget.used, 0);
	}
}

/* What was added before is gone. */
static void spread_is_cleared(void **state)
{
	static struct spread spread, zero;
	struct histogram_budget budget = {.max = SIZE_MAX};
	struct histogram histogram = {0}, other = {0};

	(void)state;
	histogram_add(&histogram, &budget, 0, 1);
	histogram_add(&histogram, &budget, 70, 1);
	histogram_add(&other, &budget, BUCKETS - 1, 1);
	histogram_add(&other, &budget, BUCKETS, 1);
	spread_add(&spread, &histogram);
	spread_add(&spread, &other);
	assert_int_equal(spread.count, 4);
	assert_int_equal(spread.missing, 1);
	assert_int_equal(spread.buckets[70], 1);
	spread_clear(&spread);
	assert_memory_equal(&spread, &zero, sizeof(spread));
	histogram_free(&histogram, &budget);
	histogram_free(&other, &budget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets),
		cmocka_unit_test(percentiles),
		cmocka_unit_test(nearest_rank),
		cmocka_unit_test(never_above_the_maximum),
		cmocka_unit_test(merges),
		cmocka_unit_test(budget_is_kept),
		cmocka_unit_test(missing_makes_unknown),
		cmocka_unit_test(no_such_bucket),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(spread_is_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

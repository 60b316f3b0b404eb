// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ranking.h"

static void add(struct ranking *ranking, int64_t key, const char *line)
{
	if (ranking_wants(ranking, key))
		assert_int_equal(ranking_add(ranking, key, strdup(line)), 0);
}

static void assert_prints(struct ranking *ranking, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ranking_print(ranking, out);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void greatest_first(void **state)
{
	struct ranking ranking = {.limit = 10};

	(void)state;
	assert_int_equal(ranking_least(&ranking), INT64_MIN);
	add(&ranking, 2, "b\n");
	add(&ranking, INT64_MIN, "d\n");
	add(&ranking, 3, "a\n");
	add(&ranking, 2, "c\n"); /* the same as b, but later */
	assert_int_equal(ranking_least(&ranking), INT64_MIN);
	assert_prints(&ranking, "a\nb\nc\nd\n");
	assert_prints(&ranking, "");
}

static void bounded(void **state)
{
	struct ranking ranking = {.limit = 3};
	char line[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int key = i * 7 % 1000; /* each from 0 to 999 once */

		snprintf(line, sizeof(line), "%d ", key);
		add(&ranking, key, line);
		assert_true(ranking.count <= 3);
	}
	assert_int_equal(ranking.seen, 1000);
	assert_int_equal(ranking_least(&ranking), 997);
	add(&ranking, 997, "late");
	assert_prints(&ranking, "999 998 997 ");
}

/* Against sorting, with many of the same key. */
static void many(void **state)
{
	struct ranking ranking = {.limit = 5000};
	int64_t last = INT64_MAX;
	char *text = NULL, *at;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	char line[32];
	int count = 0;

	(void)state;
	srand(1);
	for (int i = 0; i < 5000; i++) {
		int key = rand() % 100;

		snprintf(line, sizeof(line), "%d\n", key * 10000 + 9999 - i);
		add(&ranking, key, line);
	}
	ranking_print(&ranking, out);
	fclose(out);
	for (at = text; *at; at = strchr(at, '\n') + 1, count++) {
		int64_t n = atoll(at);

		assert_true(n < last);
		last = n;
	}
	assert_int_equal(count, 5000);
	free(text);
}

static void no_line(void **state)
{
	struct ranking ranking = {.limit = 3};

	(void)state;
	add(&ranking, 1, "a");
	assert_int_equal(ranking_add(&ranking, 2, NULL), -ENOMEM);
	assert_prints(&ranking, "a");
	ranking_free(&ranking);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(greatest_first),
		cmocka_unit_test(bounded),
		cmocka_unit_test(many),
		cmocka_unit_test(no_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

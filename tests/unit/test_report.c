// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "line.h"
#include "report.h"

static const struct table_style narrow = {.columns = 80};
static const struct table_style no_terminal;

#define MEASURE(count, p99, max)                                                                   \
	"{\"count\":" #count ",\"sum_ms\":1.0,\"p50_ms\":1.0,\"p90_ms\":1.0,\"p99_ms\":" #p99      \
	",\"max_ms\":" #max ",\"buckets\":[[0.0,0.0,1],[1.0,1.03,6],[1.03,1.06,4],[2.2,2.3,5]]}"

#define ROW(what, ended, accepts, closes, accept_wait, close_wait, waiting)                        \
	"{" what ",\"ended\":" #ended ",\"ends\":{\"close\":" #ended                               \
	"},\"slow_accepts\":" #accepts ",\"slow_closes\":" #closes                                 \
	",\"causes\":{\"not-reading\":2,\"unknown\":1},"                                           \
	"\"accept_wait\":" accept_wait ",\"close_wait\":" close_wait ",\"waiting\":" waiting "}"

#define NGINX "\"role\":\"server\",\"netns\":1,\"port\":443,\"comm\":\"nginx\",\"unit\":null"
#define PYTHON "\"role\":\"client\",\"netns\":null,\"port\":5432,\"comm\":\"python3\""
#define NOTHING "{\"count\":0,\"p99_ms\":null,\"max_ms\":null}"

#define SUMMARY(by, window, rows, other)                                                           \
	"{\"time\":\"2026-01-02T03:04:05.000000Z\",\"since\":\"2026-01-02T02:59:07.500000Z\","     \
	"\"window\":\"" window "\",\"by\":\"" by "\",\"close_wait_threshold_ms\":1000.0,"          \
	"\"accept_wait_threshold_ms\":100.0,\"rows\":[" rows "],\"other\":" other                  \
	",\"total\":" ROW("\"role\":null", 1234570, 12, 345678, MEASURE(1234567, 1.27, 4.41),      \
			  MEASURE(1234570, 108.0, 374.0),                                          \
			  "{\"accept_queue\":86,\"close_wait\":30124,"                             \
			  "\"oldest_ms\":1.2e7}") ",\"undetailed\":0}"

static const char two_rows[] = SUMMARY(
	"service", "5m",
	ROW(PYTHON, 3, 0, 0, NOTHING, MEASURE(3, 186.0, 642.0), "null") "," ROW(
		NGINX, 1234567, 12, 345678, MEASURE(1234567, 1.27, 4.41),
		MEASURE(1234567, 108.0, 374.0),
		"{\"accept_queue\":86,\"close_wait\":30123,\"causes\":{},\"oldest_ms\":1.2e7}"),
	"null");

static void read_summary(struct summary *summary, const char *text)
{
	json_error_t where;
	json_t *object = json_loads(text, 0, &where);
	struct field_error error;

	if (!object)
		fail_msg("%s: %s", where.text, text + where.position - 10);
	if (summary_from_json(summary, object, &error) != 0)
		fail_msg("%s", error.text);
	json_decref(object);
}

static char *report(const char *json, const char *sort, size_t rows, bool histogram,
		    const struct table_style *style)
{
	struct summary summary;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	read_summary(&summary, json);
	report_print(out, &summary, sort, rows, histogram, style);
	summary_free(&summary);
	fclose(out);
	return text;
}

static void assert_fits(const char *text, int columns)
{
	char *copy = strdup(text), *rest = copy, *line;

	while ((line = strsep(&rest, "\n"))) {
		if (line_width(line) > columns)
			fail_msg("%d columns: %s", line_width(line), line);
	}
	free(copy);
}

static void table(void **state)
{
	char *text = report(two_rows, NULL, 20, false, &narrow);

	(void)state;
	assert_string_equal(
		text,
		"                                    SLOW   ACCEPT WAIT    CLOSE WAIT     WAITING\n"
		"SERVICE               ENDED ACCEPT CLOSE    P99    MAX    P99    MAX QUEUE CLOSE\n"
		"443/nginx           1234567     12  345k 1.27ms 4.41ms  108ms  374ms    86 30123\n"
		">5432/python3             3      0     0      -      -  186ms  642ms     -     -\n"
		"total               1234570     12  345k 1.27ms 4.41ms  108ms  374ms    86 30124\n"
		"\n"
		"Causes of the slow ones: 2 not-reading, 1 accepted late or not proven.\n"
		"Slow is an accept wait from 100ms, a close wait from 1s.\n"
		"Window: 4m57s up to 03:04:05, of 5m. WAITING is now.\n");
	free(text);
}

static void fewer_rows(void **state)
{
	char *text = report(two_rows, "name", 1, false, &narrow);

	(void)state;
	assert_non_null(strstr(text, "\n443/nginx "));
	assert_null(strstr(text, "python3"));
	assert_non_null(strstr(text, "\n1 more row; -n 2 shows all.\n"));
	free(text);
}

static void empty(void **state)
{
	char *text = report(SUMMARY("peer", "start", "", "null"), NULL, 20, true, &no_terminal);

	(void)state;
	assert_non_null(strstr(text, "\nPEER  "));
	assert_non_null(strstr(text, "Window: 4m57s up to 03:04:05, since slowclosed started."));
	free(text);
}

static void sorts(void **state)
{
	static const char *const words[] = {"slow",	  "ended",	"slow-accepts",
					    "accept-p99", "accept-max", "slow-closes",
					    "queue",	  "close-wait", "name"};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char *text = report(two_rows, words[i], 20, false, &narrow);

		assert_true(strstr(text, "443/nginx") < strstr(text, ">5432/python3"));
		assert_true(table_has_sort(words[i]));
		assert_non_null(strstr(TABLE_SORTS, words[i]));
		free(text);
	}
	char *text = report(two_rows, "close-p99", 20, false, &narrow);

	assert_true(strstr(text, "443/nginx") > strstr(text, ">5432/python3"));
	free(text);
	assert_false(table_has_sort("colour"));
}

static void assert_named(const char *by, const char *what, const char *name)
{
	char *json = NULL, *text;

	assert_true(
		asprintf(&json,
			 "{\"time\":\"2026-01-02T03:04:05Z\",\"since\":\"2026-01-02T03:04:05Z\","
			 "\"window\":\"1m\",\"by\":\"%s\",\"rows\":[{%s}],\"total\":{}}",
			 by, what) > 0);
	text = report(json, NULL, 20, false, &no_terminal);
	if (!strstr(text, name))
		fail_msg("%s: no %s in\n%s", by, name, text);
	free(text);
	free(json);
}

static void names(void **state)
{
	(void)state;
	assert_named("service", "\"role\":\"server\",\"port\":80,\"comm\":null", "\n80/- ");
	assert_named("service", "\"role\":\"client\",\"port\":80,\"comm\":\"curl\"", "\n>80/curl ");
	assert_named("service", "\"port\":80,\"comm\":\"a\\u001b[2J\"", "\n80/a\\x1b[2J ");
	assert_named("port", "\"role\":\"client\",\"port\":80,\"comm\":null", "\n>80 ");
	assert_named("process", "\"pid\":812,\"comm\":\"nginx\"", "\nnginx/812 ");
	assert_named("process", "\"pid\":null,\"comm\":null", "\n- ");
	assert_named("unit", "\"unit\":\"nginx.service\"", "\nnginx.service ");
	assert_named("unit", "\"unit\":\"\\u202eevil\"", "\n\\xe2\\x80\\xaeevil ");
	assert_named("peer", "\"role\":\"server\",\"address\":\"192.0.2.1\"", "\n192.0.2.1 ");
	assert_named("peer", "\"role\":\"client\",\"address\":\"192.0.2.1\"", "\n>192.0.2.1 ");
	assert_named("peer", "\"address\":\"2001:db8:1111:2222:3333:4444:5555:6666\"",
		     "\n2001:db8:1111:2222:3333:4444:5555:6666 ");
}

/* Services of two containers, which differ in nothing but their network namespace. */
static const char same_names[] = SUMMARY(
	"service", "5m",
	ROW("\"port\":8080,\"comm\":\"java\",\"netns\":4026532201", 9, 0, 0, NOTHING, NOTHING,
	    "null") "," ROW("\"port\":8080,\"comm\":\"java\",\"netns\":4026532305", 8, 0, 0,
			    NOTHING, NOTHING,
			    "null") "," ROW(NGINX, 7, 0, 0, NOTHING, NOTHING, "null"),
	"null");

static void names_that_are_the_same(void **state)
{
	char *text = report(same_names, NULL, 20, false, &no_terminal);

	(void)state;
	assert_non_null(strstr(text, "8080/java@4026532201 "));
	assert_non_null(strstr(text, "8080/java@4026532305 "));
	assert_null(strstr(text, "nginx@"));
	free(text);
	text = report(same_names, NULL, 20, false, &narrow);
	assert_fits(text, 80);
	assert_non_null(strstr(text, "\n8080/jav..026532201 "));
	assert_non_null(strstr(text, "\n8080/jav..026532305 "));
	free(text);
}

/* Large numbers and long names, as they come: 80 columns are enough on a terminal. */
static void fits_80_columns(void **state)
{
	static const char json[] =
		SUMMARY("service", "1h",
			ROW("\"role\":\"client\",\"port\":65535,\"comm\":\"123456789012345\"",
			    9223372036854775807, 9223372036854775807, 123456,
			    MEASURE(1, 8639999.9, 8639999.9),
			    MEASURE(9223372036854775807, 863999999.9, 863999999.9),
			    "{\"accept_queue\":100000,\"close_wait\":1048576,\"oldest_ms\":1e9}"),
			ROW("\"role\":null", 99999999, 1, 1, NOTHING, NOTHING, "null"));
	char *text = report(json, NULL, 20, true, &narrow);

	(void)state;
	assert_fits(text, 80);
	assert_non_null(strstr(text, "\n>65535/1..789012345 "));
	assert_non_null(strstr(text, "\n(others) "));
	free(text);
}

static void counts(void **state)
{
	static const struct {
		uint64_t count;
		int width;
		const char *text;
	} cases[] = {
		{0, 5, "0"},
		{99999, 5, "99999"},
		{100000, 5, "100k"},
		{999999, 5, "999k"},
		{1000000, 5, "1000k"},
		{9999999, 5, "9999k"},
		{12345678, 5, "12M"},
		{123456, 4, "123k"},
		{1234567, 4, "1.2M"},
		{9999999, 7, "9999999"},
		{UINT64_MAX, 5, "18E"},
		{UINT64_MAX, 7, "18446P"},
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(table_count(cases[i].count, cases[i].width, buf, sizeof(buf)),
				    cases[i].text);
}

static char *bars_text(const struct bars *bars, int columns, bool colour)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	bars_print(out, bars, columns, 4 * NSEC_PER_MSEC, colour);
	fclose(out);
	return text;
}

static void histograms(void **state)
{
	struct bars bars = {.counts = {0}};
	char *text;

	(void)state;
	text = bars_text(&bars, 80, false);
	assert_string_equal(text, "");
	free(text);
	bars_add(&bars, 0, 0, 1);
	bars_add(&bars, 1000, 1024, 2); /* under a microsecond: one group */
	bars_add(&bars, 1 << 20, 17 << 16, 1000);
	/* cut to microseconds, so that its lower bound belongs to the group before */
	bars_add(&bars, (1 << 22) - 300, 4300000, 300);
	text = bars_text(&bars, 47, false);
	assert_fits(text, 47);
	assert_non_null(strstr(text, "      0s - 1.02us        3 #\n"));
	assert_non_null(strstr(text, "  524us - 1.04ms        0\n"));
	assert_non_null(strstr(text, " 1.04ms - 2.09ms     1000 ####################\n"));
	assert_non_null(strstr(text, " 2.09ms - 4.19ms        0\n"));
	assert_non_null(strstr(text, " 4.19ms - 8.38ms      300 ######\n"));
	free(text);
	text = bars_text(&bars, 47, true);
	assert_non_null(strstr(text, "     1000 ####################\n"));
	assert_non_null(strstr(text, "      300 \033[33m######\033[0m\n"));
	free(text);
}

/* Any duration has its group, any count its bar. */
static void extreme_histogram(void **state)
{
	struct bars bars = {.counts = {0}};
	char *text;

	(void)state;
	bars_add(&bars, INT64_MAX, INT64_MAX, INT64_MAX);
	bars_add(&bars, 2000, 2000, 1);
	text = bars_text(&bars, 80, false);
	assert_non_null(strstr(text, "        1 #\n"));
	free(text);
}

static void shown_with_bars(void **state)
{
	char *text = report(two_rows, NULL, 20, true, &no_terminal);

	(void)state;
	assert_fits(text, 80);
	assert_non_null(strstr(text, "\n443/nginx, accept wait of 1234567:\n"));
	assert_non_null(strstr(text, "\n>5432/python3, close wait of 3:\n"));
	assert_null(strstr(text, "\n>5432/python3, accept wait"));
	assert_non_null(strstr(text, "\ntotal, close wait of 1234570:\n"));
	free(text);
}

/* However many there are, no line is too long. */
static void all_causes(void **state)
{
	struct summary summary;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	read_summary(&summary, two_rows);
	for (int cause = CAUSE_NONE; cause < CAUSE_COUNT; cause++)
		summary.total.causes[cause] = 10000;
	report_print(out, &summary, NULL, 20, false, &narrow);
	summary_free(&summary);
	fclose(out);
	assert_fits(text, 80);
	assert_non_null(strstr(
		text,
		"\nCauses of the slow ones: 10000 never-accepted, 10000 "
		"not-reading,\n10000 not-closing, 10000 still-sending, 10000 accepted late or not "
		"proven.\n"));
	free(text);
}

static bool tells_undetailed(const char *by)
{
	struct summary summary;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool told;

	read_summary(&summary, two_rows);
	summary.undetailed = 7;
	strcpy(summary.by, by);
	report_print(out, &summary, NULL, 20, false, &narrow);
	summary_free(&summary);
	fclose(out);
	told = strstr(text, "\n7 are in the total alone");
	free(text);
	return told;
}

/* By service, port and unit they are in the rows: docs/api.md. */
static void undetailed(void **state)
{
	(void)state;
	assert_true(tells_undetailed("process"));
	assert_true(tells_undetailed("peer"));
	assert_false(tells_undetailed("service"));
	assert_false(tells_undetailed("port"));
	assert_false(tells_undetailed("unit"));
}

static void colour(void **state)
{
	const struct table_style style = {.columns = 80, .colour = true};
	char *text = report(two_rows, NULL, 20, false, &style);

	(void)state;
	assert_non_null(strstr(text, "1234567     \033[33m12\033[0m  \033[33m345k\033[0m 1.27ms"));
	assert_non_null(strstr(text, "      3      0     0      -"));
	free(text);
}

static void garbage(void **state)
{
#define TIMES "\"time\":\"2026-01-02T03:04:05Z\",\"since\":\"2026-01-02T03:04:05Z\","
#define BEGIN "{" TIMES "\"window\":\"5m\",\"by\":\"service\","
	static const char *const cases[] = {
		"{}",
		BEGIN "\"rows\":[]}",
		BEGIN "\"rows\":{},\"total\":{}}",
		BEGIN "\"rows\":[7],\"total\":{}}",
		BEGIN "\"rows\":[],\"total\":7}",
		BEGIN "\"rows\":[],\"total\":{},\"other\":[]}",
		BEGIN "\"rows\":[{\"port\":65536}],\"total\":{}}",
		BEGIN "\"rows\":[{\"comm\":7}],\"total\":{}}",
		BEGIN "\"rows\":[{\"ended\":-1}],\"total\":{}}",
		BEGIN "\"rows\":[{\"ended\":1.5}],\"total\":{}}",
		BEGIN "\"rows\":[{\"waiting\":7}],\"total\":{}}",
		BEGIN "\"rows\":[{\"close_wait\":{\"p99_ms\":\"1\"}}],\"total\":{}}",
		BEGIN "\"rows\":[{\"close_wait\":{\"buckets\":[7]}}],\"total\":{}}",
		BEGIN "\"rows\":[{\"close_wait\":{\"buckets\":[[1,2]]}}],\"total\":{}}",
		BEGIN "\"rows\":[{\"close_wait\":{\"buckets\":[[1e300,2,3]]}}],\"total\":{}}",
		BEGIN "\"rows\":[{\"close_wait\":{\"buckets\":[[1,2,-3]]}}],\"total\":{}}",
		"{\"time\":7}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *object = json_loads(cases[i], 0, NULL);
		struct field_error error;
		struct summary summary;

		assert_non_null(object);
		if (summary_from_json(&summary, object, &error) != -EINVAL || !error.text[0])
			fail_msg("taken: %s", cases[i]);
		json_decref(object);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),	   cmocka_unit_test(fewer_rows),
		cmocka_unit_test(empty),	   cmocka_unit_test(sorts),
		cmocka_unit_test(names),	   cmocka_unit_test(names_that_are_the_same),
		cmocka_unit_test(fits_80_columns), cmocka_unit_test(counts),
		cmocka_unit_test(histograms),	   cmocka_unit_test(extreme_histogram),
		cmocka_unit_test(shown_with_bars), cmocka_unit_test(all_causes),
		cmocka_unit_test(undetailed),	   cmocka_unit_test(colour),
		cmocka_unit_test(garbage),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

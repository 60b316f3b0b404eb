// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

#define READING                                                                                    \
	"\"time\":\"2026-01-02T03:04:05.000000Z\",\"reading\":{\"connections_left_out\":0,"        \
	"\"services_left_out\":0,\"processes_left_out\":0}"

static const char found[] =
	"{" READING ",\"services\":["
	"{\"role\":\"server\",\"port\":80,\"comm\":\"we\\u001bb\",\"unit\":\"web.service\","
	"\"readings\":5,\"findings\":[{\"code\":\"fd-exhausted\",\"severity\":\"critical\","
	"\"confidence\":\"high\",\"since\":\"2026-01-02T03:03:51.000000Z\",\"at_least\":true,"
	"\"headline\":\"out of descriptors: accept() fails with EMFILE, 131 connections are not "
	"accepted, the oldest for 12s\",\"proof\":[\"accept() failed 85 times a second\"],"
	"\"now\":[\"raise the limit\"],\"for_good\":[]}],"
	"\"not\":[{\"code\":\"io-stall\",\"verdict\":\"ruled-out\",\"why\":\"no thread hangs in a "
	"disk, a file system or for memory (io pressure of the node: 0 %)\"},"
	"{\"code\":\"cpu-starved\",\"verdict\":\"not-decidable\",\"why\":\"not known\"}],"
	"\"evidence\":{\"processes\":[{\"pid\":812}]}},"
	"{\"role\":\"client\",\"port\":812,\"comm\":null,\"unit\":null,\"readings\":1,"
	"\"findings\":[],\"not\":[],\"evidence\":{\"processes\":[{\"pid\":7}]}}]}";

static char *explain_wanted(const char *json, const struct explain_wanted *wanted, bool verbose,
			    struct explain_counts *counts)
{
	json_t *object = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(object);
	*counts = explain_select(object, wanted);
	explain_print(out, object, wanted, counts, verbose);
	fclose(out);
	json_decref(object);
	return text;
}

static char *explain(const char *json, uint32_t number, bool verbose, struct explain_counts *counts)
{
	const struct explain_wanted wanted = {.number = number};

	return explain_wanted(json, &wanted, verbose, counts);
}

static void a_finding(void **state)
{
	struct explain_counts counts;
	char *text = explain(found, 0, false, &counts);

	(void)state;
	assert_string_equal(
		text,
		"fd-exhausted: we\\x1bb, server of port 80 (web.service), for 14s+ (critical,\n"
		"              confidence high)\n"
		"  out of descriptors: accept() fails with EMFILE, 131 connections are not\n"
		"  accepted, the oldest for 12s\n"
		"  Proof:\n"
		"    - accept() failed 85 times a second\n"
		"  Now:\n"
		"    - raise the limit\n"
		"  It is not:\n"
		"    - io-stall: no thread hangs in a disk, a file system or for memory (io\n"
		"                pressure of the node: 0 %)\n"
		"    - cpu-starved (cannot be told): not known\n");
	assert_int_equal(counts.services, 2);
	assert_int_equal(counts.findings, 1);
	assert_int_equal(counts.unsettled, 1);
	free(text);
}

static void no_line_is_wider_than_a_terminal(void **state)
{
	struct explain_counts counts;
	char *text = explain(found, 0, false, &counts);

	(void)state;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 80);
	free(text);
}

/* A port before a process: 812 is both. */
static void a_port_is_meant_before_a_process(void **state)
{
	struct explain_counts counts;

	(void)state;
	free(explain(found, 812, false, &counts));
	assert_int_equal(counts.services, 1);
	assert_int_equal(counts.findings, 0);
	free(explain(found, 80, false, &counts));
	assert_int_equal(counts.findings, 1);
	free(explain(found, 7, false, &counts));
	assert_int_equal(counts.services, 1);
	assert_int_equal(counts.findings, 0);
	free(explain(found, 8, false, &counts));
	assert_int_equal(counts.services, 0);
}

static void nothing_found(void **state)
{
	struct explain_counts counts;
	char *text = explain("{" READING ",\"services\":[]}", 0, false, &counts);

	(void)state;
	assert_string_equal(text, "Nothing found: nothing waits for longer than its threshold.\n");
	free(text);
	text = explain(found, 812, false, &counts);
	assert_string_equal(text, "Nothing found yet: 1 service has something waiting, looked at "
				  "only once so far.\n");
	free(text);
}

static void nothing_of_what_was_asked_for(void **state)
{
	struct explain_counts counts;
	char *text = explain("{" READING ",\"services\":[]}", 8080, false, &counts);

	(void)state;
	assert_string_equal(text, "Nothing found: of port or process 8080 nothing waits beyond its "
				  "threshold.\n");
	free(text);
}

#define UNSURE "It cannot be told whether of port or process 812 anything waits"

static void assert_unsure(const char *left_out, bool is_process, bool unsure)
{
	const struct explain_wanted wanted = {.number = 812, .is_process = is_process};
	struct explain_counts counts;
	char json[256], *text;

	snprintf(json, sizeof(json),
		 "{\"reading\":{\"%s\":1},\"services\":[{\"port\":80,\"evidence\":{\"processes\":["
		 "{\"pid\":7}]}}]}",
		 left_out);
	text = explain_wanted(json, &wanted, false, &counts);
	assert_int_equal(counts.unsure, unsure);
	assert_int_equal(strncmp(text, UNSURE, strlen(UNSURE)) == 0, unsure);
	/* Of a port the same question would have the same answer. */
	assert_int_equal(strstr(text, "slowclose list -L 812") != NULL, unsure);
	free(text);
}

/* That nothing waits is said only where all was looked at that can have it. */
static void what_was_not_looked_at_may_wait(void **state)
{
	const struct explain_wanted seen = {.number = 7, .is_process = true};
	const struct explain_wanted any = {.number = 0};
	struct explain_counts counts;

	(void)state;
	assert_unsure("services_in_part", true, true);
	assert_unsure("services_in_part", false, false); /* a port is in no other service */
	assert_unsure("services_left_out", false, true);
	assert_unsure("connections_left_out", false, true);
	assert_unsure("processes_left_out", true, false); /* but their services name them */
	free(explain_wanted("{\"reading\":{\"services_in_part\":1},\"services\":[{\"port\":80,"
			    "\"evidence\":{\"processes\":[{\"pid\":7}]}}]}",
			    &seen, false, &counts));
	assert_false(counts.unsure);
	free(explain_wanted("{\"reading\":{\"services_in_part\":1},\"services\":[]}", &any, false,
			    &counts));
	assert_false(counts.unsure);
}

#define SERVICE(port, severity, waits)                                                             \
	"{\"role\":\"server\",\"port\":" #port ",\"comm\":\"web\",\"in_close_wait\":" #waits       \
	",\"readings\":5,\"findings\":[{\"code\":\"a\",\"severity\":\"" severity                   \
	"\",\"confidence\":\"high\",\"headline\":\"h\",\"proof\":[\"p\"]}],\"not\":[{\"code\":"    \
	"\"b\",\"why\":\"c\"}]}"

static const char three[] = "{" READING ",\"services\":[" SERVICE(1, "info", 9) "," SERVICE(
	2, "critical", 1) "," SERVICE(3, "critical", 7) "]}";
static const char four[] = "{" READING ",\"services\":[" SERVICE(1, "info", 9) "," SERVICE(
	2, "critical", 1) "," SERVICE(3, "critical", 7) "," SERVICE(4, "warning", 2) "]}";

/* The first of these ports is told before the second. */
static void assert_order(const char *text, const char *first, const char *second)
{
	const char *one = strstr(text, first), *other = strstr(text, second);

	assert_non_null(one);
	assert_non_null(other);
	assert_true(one < other);
}

static void the_worst_comes_first(void **state)
{
	struct explain_counts counts;
	char *text = explain(four, 0, false, &counts);

	(void)state;
	assert_order(text, "port 3", "port 2");
	assert_order(text, "port 2", "port 4");
	assert_order(text, "port 4", "port 1");
	free(text);
}

static void many_are_told_in_short(void **state)
{
	struct explain_counts counts;
	char *text = explain(four, 0, false, &counts);

	(void)state;
	assert_null(strstr(text, "Proof:"));
	assert_null(strstr(text, "It is not:"));
	assert_non_null(strstr(text, "slowclose explain PORT\n"));
	free(text);
	text = explain(four, 0, true, &counts);
	assert_non_null(strstr(text, "Proof:"));
	free(text);
	text = explain(four, 4, false, &counts);
	assert_non_null(strstr(text, "Proof:"));
	free(text);
	text = explain(three, 0, false, &counts);
	assert_non_null(strstr(text, "Proof:"));
	assert_null(strstr(text, "slowclose explain PORT\n"));
	free(text);
}

static void verbose_shows_the_evidence(void **state)
{
	struct explain_counts counts;
	char *text = explain(found, 7, true, &counts);

	(void)state;
	assert_non_null(strstr(text, "-, client of port 812\n"));
	assert_non_null(strstr(text, "  Evidence:\n"));
	assert_non_null(strstr(text, "\"pid\": 7"));
	free(text);
}

#define LONG "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
#define LONGER LONG LONG LONG LONG LONG LONG LONG
#define FINDING(first)                                                                             \
	"\"findings\":[{\"code\":\"" first LONGER "\",\"severity\":\"" first LONGER                \
	"\",\"confidence\":\"" first LONGER "\"}]"
#define LONG_NAMES(first)                                                                          \
	"{\"services\":[{\"role\":\"" first LONGER "\",\"comm\":\"" first LONGER                   \
	"\",\"unit\":\"" first LONGER "\"," FINDING(first) ",\"not\":[{\"code\":\"" first LONGER   \
							   "\",\"verdict\":\"not-decidable\"}]}]}"

/* Each character has two bytes, and each name is cut: in one of the two in the middle. */
static void a_name_is_cut_between_characters(void **state)
{
	static const char *const texts[] = {LONG_NAMES(""), LONG_NAMES("x")};
	struct explain_counts counts;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *text = explain(texts[i], 0, false, &counts);
		json_t *string = json_string(text); /* NULL if it is no UTF-8 */

		assert_non_null(string);
		json_decref(string);
		free(text);
	}
}

/* A terminal shows nothing of DEL, and takes it for a command. */
static void evidence_is_escaped(void **state)
{
	struct explain_counts counts;
	char *text = explain("{\"services\":[{\"evidence\":{\"comm\":\"\x7f\\u001b\u00e9\"}}]}", 0,
			     true, &counts);

	(void)state;
	assert_non_null(strstr(text, "  Evidence:\n    {\n      \"comm\": "
				     "\"\\u007F\\u001B\\u00E9\"\n    }\n"));
	free(text);
}

static void what_is_left_out_is_said(void **state)
{
	struct explain_counts counts;
	char *text = explain("{\"reading\":{\"connections_left_out\":9},\"services\":[]}", 0, false,
			     &counts);

	(void)state;
	assert_non_null(
		strstr(text, "9 connections more wait, and are in none of these numbers.\n"));
	free(text);
}

/* A later daemon, or none: nothing breaks. */
static void what_is_of_another_type_is_left_out(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"{\"services\":7}",
		"{\"services\":[7,null,{}]}",
		"{\"services\":[{\"findings\":[7,{}],\"not\":{},\"evidence\":7}]}",
		"{\"services\":[{\"findings\":{\"a\":1},\"not\":[[]],\"port\":\"x\"}]}",
		"{\"services\":[{\"findings\":[{\"proof\":[7],\"since\":\"x\",\"code\":7}]}]}",
	};
	struct explain_counts counts;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		free(explain(texts[i], 0, true, &counts));
		free(explain(texts[i], 80, true, &counts));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_finding),
		cmocka_unit_test(no_line_is_wider_than_a_terminal),
		cmocka_unit_test(a_port_is_meant_before_a_process),
		cmocka_unit_test(nothing_found),
		cmocka_unit_test(nothing_of_what_was_asked_for),
		cmocka_unit_test(what_was_not_looked_at_may_wait),
		cmocka_unit_test(the_worst_comes_first),
		cmocka_unit_test(many_are_told_in_short),
		cmocka_unit_test(verbose_shows_the_evidence),
		cmocka_unit_test(a_name_is_cut_between_characters),
		cmocka_unit_test(evidence_is_escaped),
		cmocka_unit_test(what_is_left_out_is_said),
		cmocka_unit_test(what_is_of_another_type_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

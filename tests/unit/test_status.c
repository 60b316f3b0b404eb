// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

static char *status(const char *json)
{
	json_t *object = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(object);
	status_print(out, object);
	fclose(out);
	json_decref(object);
	return text;
}

static void full(void **state)
{
	char *text = status(
		"{\"version\":\"0.1.0\",\"pid\":812,\"started\":\"2026-01-02T03:04:05.000000Z\","
		"\"uptime_ms\":3723000.5,"
		"\"configuration\":{\"file\":\"/etc/c\",\"read\":\"2026-01-02T03:04:05.000000Z\","
		"\"error\":{\"text\":\"/etc/c:3: stream: it is given twice in this file; each key "
		"is allowed once\",\"file\":\"/etc/c\",\"line\":3,\"key\":\"stream\"},"
		"\"needs_restart\":[\"backend\",\"socket\"]},\"backend\":\"fentry\",\"backend_"
		"reason\":\"it attaches\","
		"\"unseen\":[\"failed accepts\",\"\\u001b[2J\"],\"stream\":\"all\","
		"\"close_wait_threshold_ms\":1000.0,\"accept_wait_threshold_ms\":100.0,"
		"\"programs\":[{\"name\":\"state\",\"runs\":1000,\"run_ms\":0.5,\"skipped\":2},"
		"{\"name\":\"close\",\"runs\":0,\"run_ms\":0.0,\"skipped\":0}],"
		"\"records\":5,\"folded\":6,"
		"\"losses\":{\"ring_full\":0,\"table_full\":7,\"of_later_versions\":8},"
		"\"connections\":{\"tracked\":512,\"limit\":1024},"
		"\"looks\":{\"last_ms\":1.5},"
		"\"subscribers\":[{\"id\":1,\"sent\":2,\"lost\":3,\"buffered_bytes\":1048576}],"
		"\"rows\":{\"service\":1,\"process\":2,\"peer\":3,\"limit\":1000},"
		"\"memory\":{\"resident_bytes\":1536,\"histogram_cells\":4,"
		"\"histogram_cells_limit\":5}}");

	(void)state;
	assert_string_equal(
		text,
		"slowclosed   0.1.0, process 812\n"
		"started      2026-01-02T03:04:05.000000Z, 1h02m ago\n"
		"not in use   /etc/c:3: stream: it is given twice in this file; each key is\n"
		"             allowed once\n"
		"restart for  backend: a new value\n"
		"             socket: a new value\n"
		"backend      fentry: it attaches\n"
		"not seen     failed accepts\n"
		"             \\x1b[2J\n"
		"stream       all\n"
		"slow         accept wait from 100ms, close wait from 1s\n"
		"records      5 connections that ended, and 6 only counted (folded)\n"
		"losses       7 table_full: not followed: the table was full (max_connections)\n"
		"             8 of_later_versions\n"
		"connections  512 of at most 1024 followed now (50.0 %)\n"
		"last look    1.5ms\n"
		"summary      1 services, 2 processes, 3 peers, of at most 1000 each\n"
		"memory       1.5 KiB resident; histograms: 4 of at most 5 cells\n"
		"programs     state: 1000 runs in 500us, 500ns each, skipped 2\n"
		"             close: 0 runs\n"
		"subscribers  #1: 2 sent, 3 lost, 1.0 MiB buffered\n");
	free(text);
}

/* What is longer than a terminal goes on below its beginning; a word is not broken. */
static void long_text(void **state)
{
	char *text =
		status("{\"unseen\":[\"who accepts through io_uring, and when: the backend sees "
		       "accept() by its system calls\",\"x "
		       "0123456789012345678901234567890123456789012345678901234567890123456789"
		       "\"],\"losses\":{\"ring_full\":18446744073709551}}");

	(void)state;
	assert_non_null(strstr(
		text,
		"\nnot seen     who accepts through io_uring, and when: the backend sees accept()\n"
		"             by its system calls\n"
		"             x\n"
		"             0123456789012345678901234567890123456789012345678901234567890"
		"123456789\n"
		"stream "));
	assert_non_null(strstr(text,
			       "\nlosses       18446744073709551 ring_full: in the summary, but "
			       "without an event:\n             the ring was full\n"));
	free(text);
}

static void nothing_lost(void **state)
{
	char *text = status("{\"losses\":{\"ring_full\":0,\"subscribers\":0},\"subscribers\":[],"
			    "\"programs\":[{\"name\":\"state\",\"runs\":null,\"run_ms\":null,"
			    "\"skipped\":0}]}");

	(void)state;
	assert_non_null(strstr(text, "\nlosses       no losses\n"));
	assert_non_null(strstr(text, "\nsubscribers  none\n"));
	assert_non_null(strstr(text, "\nprograms     state\n             (run times: sysctl "
				     "kernel.bpf_stats_enabled=1)\n"));
	free(text);
}

/* Nothing is taken for granted, and what is not known is not shown as 0. */
static void garbage(void **state)
{
	static const char *const cases[] = {
		"{}",
		"{\"version\":7,\"pid\":\"x\",\"started\":[],\"uptime_ms\":\"1\",\"backend\":{},"
		"\"unseen\":7,\"programs\":{},\"losses\":[],\"connections\":7,\"looks\":[],"
		"\"subscribers\":{},\"rows\":\"\",\"memory\":null}",
		"{\"losses\":null,\"connections\":{\"tracked\":null,\"limit\":0}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = status(cases[i]);

		assert_non_null(strstr(text, "slowclosed   -, process -\n"));
		assert_non_null(strstr(text, "\nlosses       -\n"));
		assert_non_null(strstr(text, "\nconnections  - of at most "));
		assert_non_null(strstr(text, "\nprograms     -\n"));
		assert_non_null(strstr(text, "\nsubscribers  -\n"));
		free(text);
	}
}

static void garbage_inside(void **state)
{
	char *text = status("{\"losses\":{\"a\\n\":\"x\"},\"programs\":[7,{\"runs\":-1}],"
			    "\"subscribers\":[null]}");

	(void)state;
	assert_non_null(strstr(text, "\nlosses       - a\\x0a\n"));
	assert_non_null(strstr(text, "\nsubscribers  #-: - sent, - lost, - buffered\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full),		  cmocka_unit_test(long_text),
		cmocka_unit_test(nothing_lost),	  cmocka_unit_test(garbage),
		cmocka_unit_test(garbage_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

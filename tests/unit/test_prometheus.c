// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "prometheus.h"

#define REPLACED "\xef\xbf\xbd"

static void assert_escapes(const char *text, const char *expected)
{
	char buf[PROMETHEUS_ESCAPED_SIZE(16)];

	assert_string_equal(prometheus_escape(text, 16, buf), expected);
}

static void escapes_what_a_label_cannot_hold(void **state)
{
	(void)state;
	assert_escapes("", "");
	assert_escapes("nginx: worker", "nginx: worker");
	assert_escapes("a\"b\\c", "a\\\"b\\\\c");
	assert_escapes("\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa7",
		       "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa7");
	assert_escapes("} 1\nx{", "} 1" REPLACED "x{");
	assert_escapes("\x1b[31m\x7f\r", REPLACED "[31m" REPLACED REPLACED);
	assert_escapes("\xc2\x9b"
		       "A",
		       REPLACED "A"); /* CSI of eight bits */
	assert_escapes("\xff"
		       "a\xc3",
		       REPLACED "a" REPLACED);
}

static void escapes_names_that_have_no_end(void **state)
{
	char expected[PROMETHEUS_ESCAPED_SIZE(16)] = "", text[17];

	(void)state;
	assert_escapes("0123456789abcdefXYZ", "0123456789abcdef");
	memset(text, 0x80, sizeof(text));
	for (int i = 0; i < 16; i++)
		strcat(expected, REPLACED);
	assert_escapes(text, expected);
}

static void writes_samples(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	prometheus_family(out, "a_seconds", "gauge", "What it is.");
	prometheus_count(out, "a", "", NULL, UINT64_MAX);
	prometheus_count(out, "a", "", "b=\"1\"", 0);
	prometheus_count(out, "a", "b=\"1\"", NULL, 7);
	prometheus_nanoseconds(out, "a", "b=\"1\"", "c=\"2\"", 12000000034);
	prometheus_microseconds(out, "a", "", NULL, 1000001);
	prometheus_millionths(out, "a", "", NULL, 500000);
	fclose(out);
	assert_string_equal(text, "# HELP a_seconds What it is.\n"
				  "# TYPE a_seconds gauge\n"
				  "a 18446744073709551615\n"
				  "a{b=\"1\"} 0\n"
				  "a{b=\"1\"} 7\n"
				  "a{b=\"1\",c=\"2\"} 12.000000034\n"
				  "a 1.000001\n"
				  "a 0.500000\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_what_a_label_cannot_hold),
		cmocka_unit_test(escapes_names_that_have_no_end),
		cmocka_unit_test(writes_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

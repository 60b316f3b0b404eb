// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "array_count.h"
#include "duration.h"

#define S INT64_C(1000000000)

static void parses(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{"0", 0},
		{"0s", 0},
		{"1ns", 1},
		{"1us", 1000},
		{"1ms", 1000000},
		{"1s", S},
		{"1m", 60 * S},
		{"1h", 3600 * S},
		{"1d", 86400 * S},
		{"500ms", S / 2},
		{"1.5s", 3 * S / 2},
		{"007s", 7 * S},
		{"1h30m", 5400 * S},
		{"1d1h1m1s1ms1us1ns", INT64_C(90061001001001)},
		{"0.000000001s", 1},
		{"0.3s", 300000000}, /* no double has 0.3 */
		{"9007199.254740993s", INT64_C(9007199254740993)}, /* 2^53 + 1 */
		{"1.50000000000000000000000000000000ns0s", -1}, /* half a nanosecond */
		{"1.00000000000000000000000000000000ns", 1},
		{"0.0000000000005d", -1}, /* 43.2 ns */
		{"0.000000000000625d", 54},
		{"36525d", 36525 * (86400 * S)}, /* exactly 100 years */
		{"36524d24h", 36525 * (86400 * S)},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t ns = -1;
		int err = duration_parse(cases[i].text, &ns);

		if (err != (cases[i].ns < 0 ? -EINVAL : 0) || ns != cases[i].ns)
			fail_msg("%s: %d, %lld", cases[i].text, err, (long long)ns);
	}
}

static void rejects(void **state)
{
	static const char *const texts[] = {
		"",	" ",	"s",	 "1",	       "00",   "0.0",	"-1s",	  "+1s",
		"1 s",	"1s ",	" 1s",	 "1.s",	       ".5s",  "1..5s", "1.5.5s", "1s1",
		"1e3s", "0x1s", "1S",	 "1sec",       "1s-",  "1s,1",	"1w",	  "inf",
		"nan",	"1,5s", "0.5ns", "1\xc2\xb5s", "1msm",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		int64_t ns = 77;

		if (duration_parse(texts[i], &ns) != -EINVAL || ns != 77)
			fail_msg("\"%s\" was taken", texts[i]);
	}
}

static void too_long(void **state)
{
	static const char *const texts[] = {
		"36525d1ns",
		"36525.1d",
		"36526d",
		"3155760000000000001ns",
		"9223372036854775807ns",
		"9223372036854775808ns", /* INT64_MAX + 1 */
		"18446744073709551617ns", /* 2^64 + 1 */
		"99999999999999999999999999999999999999d",
		"213503982334601d", /* 2^64 ns and a little, when it wraps */
		"20000d20000d",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		int64_t ns = 77;

		if (duration_parse(texts[i], &ns) != -ERANGE || ns != 77)
			fail_msg("\"%s\" was taken", texts[i]);
	}
}

static void formats(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{INT64_MIN, "-"},
		{-1, "-"},
		{0, "0s"},
		{1, "1ns"},
		{999, "999ns"},
		{1000, "1us"},
		{1050, "1.05us"},
		{1500, "1.5us"},
		{12345, "12.3us"},
		{410123456, "410ms"},
		{999999999, "999ms"}, /* not a second yet */
		{S, "1s"},
		{3200000000, "3.2s"},
		{3219999999, "3.21s"},
		{10040000000, "10s"},
		{59999999999, "59.9s"},
		{60 * S, "1m00s"},
		{125 * S, "2m05s"},
		{3600 * S - 1, "59m59s"},
		{3720 * S, "1h02m"},
		{86400 * S - 1, "23h59m"},
		{86400 * S, "1d00h"},
		{100 * 86400 * S - 1, "99d23h"},
		{100 * 86400 * S, "100d"},
		{36525 * (86400 * S), "36525d"},
		{INT64_MAX, "106751d"},
	};
	char buf[16];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_ptr_equal(duration_format(cases[i].ns, buf, sizeof(buf)), buf);
		assert_string_equal(buf, cases[i].text);
	}
}

static void formats_within_its_buffer(void **state)
{
	char buf[4] = "xyz";

	(void)state;
	duration_format(3720 * S, buf, 3);
	assert_memory_equal(buf, "1h\0", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(rejects),
		cmocka_unit_test(too_long),
		cmocka_unit_test(formats),
		cmocka_unit_test(formats_within_its_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

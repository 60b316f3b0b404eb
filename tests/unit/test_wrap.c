// SPDX-License-Identifier: GPL-2.0
/* Text that is broken between words, by the columns that it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "memory_file.h"
#include "wrap.h"

/* Of 60 columns, without the space behind it. */
#define TEN "123456789 "
#define SIXTY TEN TEN TEN TEN TEN "1234567890"
/* The same of characters of 2, 3 and 4 bytes. */
#define THREE "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9f"
#define TEN_UTF8 THREE THREE THREE " "
#define SIXTY_UTF8 TEN_UTF8 TEN_UTF8 TEN_UTF8 TEN_UTF8 TEN_UTF8 THREE THREE THREE "0"

static void expect(int column, int left, const char *text, const char *wanted)
{
	struct memory_file file;
	char *printed;

	assert_non_null(memory_file_begin(&file));
	wrap_print(file.out, column, left, text);
	printed = memory_file_end(&file, NULL);
	assert_non_null(printed);
	assert_string_equal(printed, wanted);
	free(printed);
}

static void between_words(void **state)
{
	(void)state;
	expect(0, 0, "", "\n");
	expect(0, 0, "one  two", "one  two\n");
	/* 80 columns, and one more */
	expect(0, 2, SIXTY " 1234567890 12345678", SIXTY " 1234567890 12345678\n");
	expect(0, 2, SIXTY " 1234567890 123456789", SIXTY " 1234567890\n  123456789\n");
}

static void behind_what_is_there(void **state)
{
	(void)state;
	expect(20, 4, SIXTY " " SIXTY " 123456789012345",
	       SIXTY "\n    " SIXTY " 123456789012345\n");
	expect(20, 4, SIXTY " " SIXTY " 1234567890123456",
	       SIXTY "\n    " SIXTY "\n    1234567890123456\n");
}

static void by_columns(void **state)
{
	(void)state;
	expect(10, 0, SIXTY_UTF8 " " THREE THREE THREE " more",
	       SIXTY_UTF8 " " THREE THREE THREE "\nmore\n");
}

/* They stay whole, and on the line where there is no other. */
static void long_words(void **state)
{
	(void)state;
	expect(75, 2, "1234567890 2", "1234567890\n  2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(between_words),
		cmocka_unit_test(behind_what_is_there),
		cmocka_unit_test(by_columns),
		cmocka_unit_test(long_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

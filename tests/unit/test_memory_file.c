// SPDX-License-Identifier: GPL-2.0
/* Text that is printed to memory: all of it, or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "memory_file.h"

/* The one that it asks for after so many is not given; the linker puts these in its way. */
static size_t allocations = SIZE_MAX;

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
FILE *__real_fopencookie(void *cookie, const char *mode, cookie_io_functions_t functions);
FILE *__wrap_fopencookie(void *cookie, const char *mode, cookie_io_functions_t functions);

static bool is_given(void)
{
	return allocations-- != 0;
}

void *__wrap_realloc(void *block, size_t size)
{
	return is_given() ? __real_realloc(block, size) : NULL;
}

FILE *__wrap_fopencookie(void *cookie, const char *mode, cookie_io_functions_t functions)
{
	return is_given() ? __real_fopencookie(cookie, mode, functions) : NULL;
}

#define LINES 10000

static void print_lines(FILE *out)
{
	for (int i = 0; i < LINES; i++)
		fprintf(out, "%08d\n", i);
}

static void nothing(void **state)
{
	struct memory_file file;
	size_t size = 1;
	char *text;

	(void)state;
	assert_non_null(memory_file_begin(&file));
	text = memory_file_end(&file, &size);
	assert_non_null(text);
	assert_string_equal(text, "");
	assert_int_equal(size, 0);
	free(text);
}

static void all_that_is_printed(void **state)
{
	struct memory_file file;
	char *text, line[16];
	size_t size;

	(void)state;
	assert_non_null(memory_file_begin(&file));
	print_lines(file.out);
	text = memory_file_end(&file, &size);
	assert_non_null(text);
	assert_int_equal(size, LINES * 9);
	assert_int_equal(strlen(text), size);
	for (int i = 0; i < LINES; i++) {
		snprintf(line, sizeof(line), "%08d\n", i);
		assert_memory_equal(text + i * 9, line, 9);
	}
	free(text);
}

static void any_byte(void **state)
{
	struct memory_file file;
	size_t size;
	char *text;

	(void)state;
	assert_non_null(memory_file_begin(&file));
	fwrite("a\0b", 1, 3, file.out);
	text = memory_file_end(&file, &size);
	assert_int_equal(size, 3);
	assert_memory_equal(text, "a\0b", 4);
	free(text);
}

/* Whenever there was none for a moment: nothing is given that lacks a part. */
static void without_memory(void **state)
{
	struct memory_file file;
	size_t given = 0;
	char *text = NULL;

	(void)state;
	for (; !text; given++) {
		allocations = given;
		if (memory_file_begin(&file))
			print_lines(file.out);
		text = memory_file_end(&file, NULL);
		allocations = SIZE_MAX;
		if (text)
			assert_int_equal(strlen(text), LINES * 9);
		assert_true(given < 100);
	}
	assert_true(given > 3); /* at the beginning, and in the middle */
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),
		cmocka_unit_test(all_that_is_printed),
		cmocka_unit_test(any_byte),
		cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

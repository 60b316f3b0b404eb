// SPDX-License-Identifier: GPL-2.0
/* Messages on standard error, be it the journal's or one that nobody reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

/* More than a pipe has room for. */
#define LINES 5000

/* A pipe in place of standard error, which is ours again afterwards. */
static struct {
	int own, reading;
	char said[1 << 20];
} error;

static int set_up(void **state)
{
	int ends[2];

	(void)state;
	error.own = dup(STDERR_FILENO);
	if (pipe2(ends, O_CLOEXEC) < 0 || dup2(ends[1], STDERR_FILENO) < 0)
		return -1;
	close(ends[1]);
	error.reading = ends[0];
	return fcntl(error.reading, F_SETFL, O_NONBLOCK);
}

static int tear_down(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	dup2(error.own, STDERR_FILENO);
	close(error.own);
	close(error.reading);
	return 0;
}

/* All that is in the pipe. */
static const char *said(void)
{
	size_t length = 0;
	ssize_t n;

	while ((n = read(error.reading, error.said + length, sizeof(error.said) - length - 1)) > 0)
		length += (size_t)n;
	error.said[length] = '\0';
	return error.said;
}

static void a_line(void **state)
{
	(void)state;
	log_info("%d is %s", 1, "one");
	assert_string_equal(said(), "slowclosed: 1 is one\n");
}

static void a_long_one_is_cut(void **state)
{
	(void)state;
	log_info("%5000d", 1);
	assert_int_equal(strlen(said()), 1024);
	assert_int_equal(strchr(error.said, '\n') - error.said, 1023);
}

/* As systemd does. */
static void the_journal_is_told_priorities(void **state)
{
	struct stat status;
	char stream[64];

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
		 (uintmax_t)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_error("it ends");
	log_warning("it goes on");
	log_info("it is ready");
	assert_string_equal(said(), "<3>slowclosed: it ends\n<4>slowclosed: it goes on\n"
				    "<6>slowclosed: it is ready\n");
}

/* Nothing waits for it. */
static void nobody_reads(void **state)
{
	unsigned long lines = 0, missing = 0;

	(void)state;
	for (int i = 0; i < LINES; i++)
		log_info("line %d of some length, which is in the pipe or is not", i);
	for (const char *at = said(); *at; at = strchr(at, '\n') + 1)
		lines += strncmp(at, "slowclosed: line ", 17) == 0;
	log_info("the last");
	assert_int_equal(sscanf(said(), "slowclosed: %lu lines are missing here", &missing), 1);
	assert_non_null(strstr(error.said, "slowclosed: the last\n"));
	assert_true(missing > 0);
	assert_int_equal(lines + missing, LINES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line),
		TEST(a_long_one_is_cut),
		TEST(the_journal_is_told_priorities),
		TEST(nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

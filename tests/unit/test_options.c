// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "options.h"

static void set_or_unset(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

/* With this descriptor as standard output, which the test itself goes on to need. */
static bool wants_colour(int out, const char *term, const char *no_color)
{
	int own = dup(STDOUT_FILENO);
	bool wants;

	set_or_unset("TERM", term);
	set_or_unset("NO_COLOR", no_color);
	assert_int_equal(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
	wants = options_wants_colour();
	dup2(own, STDOUT_FILENO);
	close(own);
	return wants;
}

static void colour(void **state)
{
	int controller = posix_openpt(O_RDWR | O_NOCTTY), terminal, pipe_ends[2];

	(void)state;
	assert_true(controller >= 0);
	assert_int_equal(unlockpt(controller), 0);
	terminal = open(ptsname(controller), O_RDWR | O_NOCTTY);
	assert_true(terminal >= 0);
	assert_int_equal(pipe(pipe_ends), 0);
	assert_true(wants_colour(terminal, "xterm", NULL));
	assert_true(wants_colour(terminal, "linux", "")); /* as no-color.org has it */
	assert_false(wants_colour(terminal, "xterm", "1"));
	assert_false(wants_colour(pipe_ends[1], "xterm", NULL));
	/* Where nothing is known of the terminal, and where it shows escapes as they are. */
	assert_false(wants_colour(terminal, NULL, NULL));
	assert_false(wants_colour(terminal, "", NULL));
	assert_false(wants_colour(terminal, "dumb", NULL));
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	close(terminal);
	close(controller);
}

static void counts(void **state)
{
	unsigned long count;

	(void)state;
	assert_int_equal(options_count("1", &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(options_count("18446744073709551615", &count), 0);
	assert_int_equal(options_count("18446744073709551616", &count), -EINVAL);
	assert_int_equal(options_count("0", &count), -EINVAL);
	assert_int_equal(options_count("", &count), -EINVAL);
	assert_int_equal(options_count("-1", &count), -EINVAL);
	assert_int_equal(options_count(" 1", &count), -EINVAL);
	assert_int_equal(options_count("1x", &count), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(colour),
		cmocka_unit_test(counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/* The parameters of the interface: what each path takes, and what it says of the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "query.h"

static const enum query_kind kinds[] = {QUERY_NOTHING, QUERY_EVENTS, QUERY_LISTENERS,
					QUERY_SUMMARY};

/* A value that is allowed and one that is not; NULL: none is given. */
static const struct {
	const char *name, *good, *bad, *allowed;
	bool events, listeners, summary;
} parameters[] = {
	{"pid", "4194304", "0", "process ID", true, false, false},
	{"comm", "123456789012345", "1234567890123456", "15 bytes", true, false, false},
	{"unit", "nginx.service", "", "systemd unit", true, false, false},
	{"lport", "80,443,8000-8100", "80,", "65535", true, true, false},
	{"rport", "1-65535", "65536", "65535", true, false, false},
	{"family", "6", "5", "4 or 6", true, true, false},
	{"role", "client", "Server", "server or client", true, false, false},
	{"netns", "4294967295", "4294967296", "inode number", true, true, false},
	{"min-close-wait", "1.5s", "1.5", "1.5s", true, false, false},
	{"min-accept-wait", "500ms", "-1s", "1.5s", true, false, false},
	{"all", NULL, "1", "no value", true, false, false},
	{"window", "1h", "2m", "1m, 5m, 1h or start", false, false, true},
	{"by", "peer", "", "unit or peer", false, false, true},
	{"histogram", NULL, "", "no value", false, false, true},
};

#define PARAMETERS (sizeof(parameters) / sizeof(parameters[0]))

static bool takes(enum query_kind kind, size_t i)
{
	return (kind == QUERY_EVENTS && parameters[i].events) ||
	       (kind == QUERY_LISTENERS && parameters[i].listeners) ||
	       (kind == QUERY_SUMMARY && parameters[i].summary);
}

static void assert_error(const struct query_error *error, const char *name, const char *value,
			 const char *message)
{
	assert_string_equal(error->parameter, name);
	assert_ptr_equal(error->value, value);
	assert_non_null(strstr(error->message, message));
	assert_non_null(error->allowed);
}

/* Each parameter on each path; where it is not taken, those that are get named. */
static void each_where_it_belongs(void **state)
{
	struct query query;
	struct query_error error;

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (size_t i = 0; i < PARAMETERS; i++) {
			const char *name = parameters[i].name, *value = parameters[i].good;

			query_init(&query, kinds[k]);
			if (takes(kinds[k], i)) {
				assert_int_equal(query_set(&query, name, value, &error), 0);
				continue;
			}
			assert_int_equal(query_set(&query, name, value, &error), -EINVAL);
			assert_error(&error, name, value, "no such parameter");
			for (size_t j = 0; j < PARAMETERS; j++) {
				if (takes(kinds[k], j))
					assert_non_null(strstr(error.allowed, parameters[j].name));
			}
		}
	}
}

static void bad_values(void **state)
{
	struct query query;
	struct query_error error;

	(void)state;
	for (size_t i = 0; i < PARAMETERS; i++) {
		const char *name = parameters[i].name, *bad = parameters[i].bad;

		query_init(&query, parameters[i].summary ? QUERY_SUMMARY : QUERY_EVENTS);
		assert_int_equal(query_set(&query, name, bad, &error), -EINVAL);
		assert_error(&error, name, bad, "not allowed");
		assert_non_null(strstr(error.allowed, parameters[i].allowed));
		if (!parameters[i].good)
			continue;
		query_init(&query, parameters[i].summary ? QUERY_SUMMARY : QUERY_EVENTS);
		assert_int_equal(query_set(&query, name, NULL, &error), -EINVAL);
		assert_error(&error, name, NULL, "not allowed");
	}
}

static void given_twice(void **state)
{
	struct query query;
	struct query_error error;

	(void)state;
	for (size_t i = 0; i < PARAMETERS; i++) {
		const char *name = parameters[i].name, *value = parameters[i].good;

		query_init(&query, parameters[i].summary ? QUERY_SUMMARY : QUERY_EVENTS);
		assert_int_equal(query_set(&query, name, value, &error), 0);
		assert_int_equal(query_set(&query, name, value, &error), -EINVAL);
		assert_error(&error, name, value, "twice");
	}
}

static void values_arrive(void **state)
{
	struct query query;
	struct query_error error;

	(void)state;
	query_init(&query, QUERY_SUMMARY);
	assert_int_equal(query.window, WINDOW_5M);
	assert_int_equal(query.by, BY_SERVICE);
	assert_false(query.histogram);
	assert_int_equal(query_set(&query, "window", "start", &error), 0);
	assert_int_equal(query_set(&query, "by", "unit", &error), 0);
	assert_int_equal(query_set(&query, "histogram", NULL, &error), 0);
	assert_int_equal(query.window, WINDOW_START);
	assert_int_equal(query.by, BY_UNIT);
	assert_true(query.histogram);

	query_init(&query, QUERY_EVENTS);
	assert_int_equal(query_set(&query, "pid", "7", &error), 0);
	assert_int_equal(query_set(&query, "role", "client", &error), 0);
	assert_int_equal(query_set(&query, "all", NULL, &error), 0);
	assert_int_equal(query.filter.pid, 7);
	assert_int_equal(query.filter.role, ROLE_CLIENT);
	assert_true(query.filter.all);
}

static void no_such_parameter(void **state)
{
	static const char *const names[] = {"", "Pid", "pid ", "lports", "min_close_wait"};
	struct query query;
	struct query_error error;

	(void)state;
	query_init(&query, QUERY_EVENTS);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(query_set(&query, names[i], "1", &error), -EINVAL);
		assert_string_equal(error.parameter, names[i]);
	}
	query_init(&query, QUERY_NOTHING);
	assert_int_equal(query_set(&query, "all", NULL, &error), -EINVAL);
	assert_string_equal(error.allowed, "no parameters");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_where_it_belongs), cmocka_unit_test(bad_values),
		cmocka_unit_test(given_twice),		 cmocka_unit_test(values_arrive),
		cmocka_unit_test(no_such_parameter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

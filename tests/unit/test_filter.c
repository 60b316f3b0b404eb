// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "array_count.h"
#include "duration.h"
#include "filter.h"

#define LONG_NAME "1234567890123456789012345678901234567890123456789012345678901234" /* 64 */

static struct event slow_event(void)
{
	struct event event = {
		.conn = {.owner = {.pid = 812, .tid = 813, .comm = "nginx"},
			 .closer = {.pid = 1, .tid = 1, .comm = "systemd"},
			 .local_port = 443,
			 .remote_port = 50000,
			 .family = FAMILY_IPV4,
			 .role = ROLE_SERVER},
		.accept_wait_ns = UNKNOWN,
		.close_wait_ns = 3 * NSEC_PER_SEC,
		.slow = true,
	};

	return event;
}

static bool shows(const char *name, const char *value, const struct event *event)
{
	struct filter filter = {.pid = 0};
	const char *allowed = NULL;

	assert_int_equal(filter_set(&filter, name, value, &allowed), 0);
	assert_null(allowed);
	return filter_match(&filter, event);
}

static void pid(void **state)
{
	struct event event = slow_event();

	(void)state;
	assert_true(shows("pid", "812", &event));
	assert_false(shows("pid", "813", &event)); /* the thread */
	assert_false(shows("pid", "1", &event)); /* the closer */
	event.conn.owner.pid = 4194304;
	assert_true(shows("pid", "4194304", &event));
}

static void comm(void **state)
{
	struct event event = slow_event();

	(void)state;
	assert_true(shows("comm", "nginx", &event));
	assert_false(shows("comm", "ngin", &event));
	assert_false(shows("comm", "nginxx", &event));
	assert_false(shows("comm", "systemd", &event));
	memcpy(event.conn.owner.comm, "123456789012345", 16);
	assert_true(shows("comm", "123456789012345", &event));
	/* unterminated */
	memcpy(event.conn.owner.comm, "1234567890123456", 16);
	assert_false(shows("comm", "123456789012345", &event));
}

static void unit(void **state)
{
	struct place place = {.unit = "nginx.service"};
	struct event event = slow_event();

	(void)state;
	assert_false(shows("unit", "nginx.service", &event)); /* not known */
	event.closer_place = &place;
	assert_false(shows("unit", "nginx.service", &event));
	event.owner_place = &place;
	assert_true(shows("unit", "nginx.service", &event));
	assert_false(shows("unit", "nginx", &event));
	assert_false(shows("unit", "nginx.services", &event));
	place.unit[0] = '\0';
	assert_false(shows("unit", "nginx.service", &event));
}

static void netns(void **state)
{
	struct event event = slow_event();

	(void)state;
	event.conn.netns = UINT32_MAX;
	assert_true(shows("netns", "4294967295", &event));
	assert_false(shows("netns", "4026531840", &event));
}

static void comm_is_replaced(void **state)
{
	struct event event = slow_event();
	struct filter filter = {.pid = 0};
	const char *allowed;

	(void)state;
	assert_int_equal(filter_set(&filter, "comm", "averylongname", &allowed), 0);
	assert_int_equal(filter_set(&filter, "comm", "nginx", &allowed), 0);
	assert_true(filter_match(&filter, &event));
}

static void ports(void **state)
{
	struct event event = slow_event();

	(void)state;
	assert_true(shows("lport", "443", &event));
	assert_true(shows("lport", "80,443", &event));
	assert_true(shows("lport", "443-443", &event));
	assert_true(shows("lport", "400-443,1", &event));
	assert_true(shows("lport", "443-444", &event));
	assert_true(shows("lport", "1-65535", &event));
	assert_false(shows("lport", "442", &event));
	assert_false(shows("lport", "1-442,444-65535", &event));
	assert_false(shows("lport", "50000", &event));
	assert_true(shows("rport", "50000", &event));
	assert_false(shows("rport", "443", &event));
}

/* "1,1,...": count times */
static const char *ones(char *buf, int count)
{
	buf[0] = '\0';
	for (int i = 0; i < count; i++)
		strcat(buf, i ? ",1" : "1");
	return buf;
}

static void port_count(void **state)
{
	struct filter filter = {.pid = 0};
	const char *allowed = NULL;
	char buf[256];

	(void)state;
	assert_int_equal(filter_set(&filter, "lport", ones(buf, 64), &allowed), 0);
	assert_int_equal(filter.local_ports.count, 64);
	assert_int_equal(filter_set(&filter, "lport", ones(buf, 65), &allowed), -EINVAL);
	assert_string_equal(allowed, FILTER_PORTS_ALLOWED);
	assert_int_equal(filter_set(&filter, "lport", "7", &allowed), 0);
	assert_int_equal(filter.local_ports.count, 1);
}

static void family_and_role(void **state)
{
	struct event event = slow_event();

	(void)state;
	assert_true(shows("family", "4", &event));
	assert_false(shows("family", "6", &event));
	assert_true(shows("role", "server", &event));
	assert_false(shows("role", "client", &event));
	event.conn.family = FAMILY_IPV6;
	event.conn.role = ROLE_CLIENT;
	assert_true(shows("family", "6", &event));
	assert_false(shows("family", "4", &event));
	assert_true(shows("role", "client", &event));
	assert_false(shows("role", "server", &event));
}

static void fast_ones(void **state)
{
	const struct filter zero = {.pid = 0};
	struct event event = slow_event();

	(void)state;
	assert_true(filter_match(&zero, &event));
	event.slow = false;
	assert_false(filter_match(&zero, &event));
	assert_true(shows("all", NULL, &event));
}

static void minimums(void **state)
{
	struct event event = slow_event();

	(void)state;
	assert_true(shows("min-close-wait", "3s", &event));
	assert_false(shows("min-close-wait", "3.000000001s", &event));
	event.slow = false; /* the threshold does not count then */
	assert_true(shows("min-close-wait", "3s", &event));
	assert_false(shows("min-accept-wait", "0", &event)); /* UNKNOWN */
	event.accept_wait_ns = 0;
	assert_true(shows("min-accept-wait", "0", &event));
	assert_false(shows("min-accept-wait", "1ns", &event));
}

static void one_minimum_is_enough(void **state)
{
	struct event event = slow_event();
	struct filter filter = {.all = true};
	const char *allowed;

	(void)state;
	assert_int_equal(filter_set(&filter, "min-close-wait", "4s", &allowed), 0);
	assert_int_equal(filter_set(&filter, "min-accept-wait", "20ms", &allowed), 0);
	assert_false(filter_match(&filter, &event));
	event.accept_wait_ns = 20 * NSEC_PER_MSEC;
	assert_true(filter_match(&filter, &event));
	event.accept_wait_ns = UNKNOWN;
	event.close_wait_ns = 4 * NSEC_PER_SEC;
	assert_true(filter_match(&filter, &event));
}

static void every_option_counts(void **state)
{
	struct event event = slow_event();
	struct filter filter = {.pid = 812};
	const char *allowed;

	(void)state;
	assert_int_equal(filter_set(&filter, "lport", "443", &allowed), 0);
	assert_true(filter_match(&filter, &event));
	assert_int_equal(filter_set(&filter, "rport", "1", &allowed), 0);
	assert_false(filter_match(&filter, &event));
}

static void bad_values(void **state)
{
	static const struct {
		const char *name, *value;
	} cases[] = {
		{"pid", ""},
		{"pid", "0"},
		{"pid", "4194305"},
		{"pid", "4294967297"}, /* 1, when it wraps */
		{"pid", "-1"},
		{"pid", " 1"},
		{"pid", "1 "},
		{"pid", NULL},
		{"comm", ""},
		{"comm", "1234567890123456"},
		{"comm", NULL},
		{"unit", ""},
		{"unit", NULL},
		{"unit", LONG_NAME LONG_NAME},
		{"netns", "0"},
		{"netns", "4294967296"},
		{"netns", "42949672960000000001"},
		{"netns", "net:[4026531840]"},
		{"netns", NULL},
		{"lport", ""},
		{"lport", "0"},
		{"lport", "65536"},
		{"lport", "1,"},
		{"lport", ",1"},
		{"lport", "1,,2"},
		{"lport", "1-"},
		{"lport", "-1"},
		{"lport", "2-1"},
		{"lport", "1-2-3"},
		{"lport", "1, 2"},
		{"lport", "http"},
		{"rport", "0-1"},
		{"family", ""},
		{"family", "ipv4"},
		{"family", "46"},
		{"role", "SERVER"},
		{"role", ""},
		{"min-close-wait", "3"},
		{"min-close-wait", "-1s"},
		{"min-accept-wait", "36526d"},
		{"min-accept-wait", NULL},
		{"all", ""},
		{"all", "1"},
	};
	const struct filter zero = {.pid = 0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct filter filter = {.pid = 0};
		const char *allowed = NULL;
		int err = filter_set(&filter, cases[i].name, cases[i].value, &allowed);

		if (err != -EINVAL || !allowed)
			fail_msg("case %zu: %s was taken", i, cases[i].name);
		assert_memory_equal(&filter, &zero, sizeof(filter));
	}
}

static void unknown_options(void **state)
{
	struct filter filter = {.pid = 0};
	const char *allowed = NULL;

	(void)state;
	assert_int_equal(filter_set(&filter, "", "1", &allowed), -ENOENT);
	assert_int_equal(filter_set(&filter, "pi", "1", &allowed), -ENOENT);
	assert_int_equal(filter_set(&filter, "pids", "1", &allowed), -ENOENT);
	assert_null(allowed);
}

static void says_what_is_allowed(void **state)
{
	struct filter filter = {.pid = 0};
	const char *allowed = NULL;

	(void)state;
	filter_set(&filter, "min-close-wait", "x", &allowed);
	assert_string_equal(allowed, DURATION_ALLOWED);
	filter_set(&filter, "rport", "x", &allowed);
	assert_string_equal(allowed, FILTER_PORTS_ALLOWED);
	filter_set(&filter, "role", "x", &allowed);
	assert_string_equal(allowed, "server or client");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pid),
		cmocka_unit_test(comm),
		cmocka_unit_test(unit),
		cmocka_unit_test(netns),
		cmocka_unit_test(comm_is_replaced),
		cmocka_unit_test(ports),
		cmocka_unit_test(port_count),
		cmocka_unit_test(family_and_role),
		cmocka_unit_test(fast_ones),
		cmocka_unit_test(minimums),
		cmocka_unit_test(one_minimum_is_enough),
		cmocka_unit_test(every_option_counts),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(unknown_options),
		cmocka_unit_test(says_what_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/* The walk at the start: however many network namespaces there are, it comes to an end in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "netns.h"
#include "scan.h"

#define NAMESPACES 1000
#define NOT_ALLOWED 10 /* to be entered, of these */

static struct {
	time_t now_s;
	time_t each_s; /* that the scan of a namespace takes */
	int not_allowed; /* the last ones */
	unsigned int scanned;
} fake;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	assert_int_equal(clock, CLOCK_MONOTONIC);
	*now = (struct timespec){.tv_sec = fake.now_s};
	return 0;
}

int netns_for_each(netns_fn fn, void *userdata)
{
	for (int i = 0; i < NAMESPACES; i++)
		fn(userdata, i < NAMESPACES - fake.not_allowed ? 0 : -EPERM);
	return 0;
}

/* A scan that tells nothing. */
int hooks_scan(struct hooks *hooks, enum scan scan)
{
	(void)hooks;
	assert_int_equal(scan, SCAN_EXISTING);
	fake.now_s += fake.each_s;
	fake.scanned++;
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int hooks_walk(struct hooks *hooks, enum scan scan, const void **elements, size_t *size)
{
	(void)hooks, (void)scan, (void)elements, (void)size;
	fail_msg("a scan with a descriptor is no walk");
	return 0;
}

static struct scan_unseen walk(time_t each_s, int not_allowed)
{
	struct scan_unseen unseen;

	fake.now_s = 1000;
	fake.each_s = each_s;
	fake.not_allowed = not_allowed;
	fake.scanned = 0;
	assert_int_equal(scan_existing(NULL, &unseen), 0);
	return unseen;
}

static void all_are_seen_in_time(void **state)
{
	struct scan_unseen unseen = walk(0, 0);

	(void)state;
	assert_int_equal(fake.scanned, NAMESPACES);
	assert_int_equal(unseen.count, 0);
}

/* Ten seconds: the scans that begin after 0, 4 and 8. */
static void what_is_left_then_is_unseen(void **state)
{
	struct scan_unseen unseen = walk(4, 0);

	(void)state;
	assert_int_equal(fake.scanned, 3);
	assert_int_equal(unseen.count, NAMESPACES - 3);
	assert_int_equal(unseen.error, -ETIME);
	assert_string_equal(scan_unseen_advice(&unseen), "");
}

/* The others are seen, and there is something to be done about it. */
static void what_cannot_be_entered_is_unseen(void **state)
{
	struct scan_unseen unseen = walk(0, NOT_ALLOWED);

	(void)state;
	assert_int_equal(fake.scanned, NAMESPACES - NOT_ALLOWED);
	assert_int_equal(unseen.count, NOT_ALLOWED);
	assert_int_equal(unseen.error, -EPERM);
	assert_non_null(strstr(scan_unseen_advice(&unseen), "CAP_SYS_ADMIN"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_seen_in_time),
		cmocka_unit_test(what_is_left_then_is_unseen),
		cmocka_unit_test(what_cannot_be_entered_is_unseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/* Which findings are told from one reading to the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "told.h"

#define SEC NSEC_PER_SEC

static struct told told[FINDINGS];
static struct diagnosis diagnosis;
static int64_t now_ns;

static int setup(void **state)
{
	(void)state;
	memset(told, 0, sizeof(told));
	now_ns = 100 * SEC;
	return 0;
}

/* A reading a second later: it proves these two, or nothing of one that is FINDINGS. */
static void reading(enum finding_code one, enum finding_code other)
{
	memset(&diagnosis, 0, sizeof(diagnosis));
	for (int code = 0; code < FINDINGS; code++) {
		diagnosis.findings[code].code = code;
		strcpy(diagnosis.findings[code].reason, "it is not");
		if (code == (int)one || code == (int)other)
			diagnosis.findings[code].verdict = VERDICT_PROVEN;
		diagnosis.findings[code].oldest_ns = (int64_t)(code + 1) * SEC;
	}
	now_ns += SEC;
	told_update(told, &diagnosis, now_ns, now_ns);
}

static void one_is_told_at_once_and_missed_once(void **state)
{
	(void)state;
	reading(FINDING_CPU_STARVED, FINDINGS);
	assert_true(told[FINDING_CPU_STARVED].shown);
	assert_int_equal(told[FINDING_CPU_STARVED].since_ns, 98 * SEC);
	reading(FINDINGS, FINDINGS);
	assert_true(told[FINDING_CPU_STARVED].shown);
	assert_string_equal(diagnosis.findings[FINDING_CPU_STARVED].reason, "");
	assert_string_equal(diagnosis.findings[FINDING_IO_STALL].reason, "it is not");
	reading(FINDING_CPU_STARVED, FINDINGS);
	assert_int_equal(told[FINDING_CPU_STARVED].since_ns, 98 * SEC);
	reading(FINDINGS, FINDINGS);
	assert_true(told[FINDING_CPU_STARVED].shown);
	reading(FINDINGS, FINDINGS);
	assert_false(told[FINDING_CPU_STARVED].shown);
	assert_string_equal(diagnosis.findings[FINDING_CPU_STARVED].reason, "it is not");
}

static void after_long_one_reading_is_enough(void **state)
{
	(void)state;
	reading(FINDING_CPU_STARVED, FINDINGS);
	now_ns += 4 * SEC;
	reading(FINDINGS, FINDINGS);
	assert_false(told[FINDING_CPU_STARVED].shown);
}

static void nothing_that_waits_is_a_reading_too(void **state)
{
	(void)state;
	reading(FINDING_CPU_STARVED, FINDINGS);
	told_update(told, NULL, 0, now_ns + SEC);
	assert_true(told[FINDING_CPU_STARVED].shown);
	told_update(told, NULL, 0, now_ns + 2 * SEC);
	assert_false(told[FINDING_CPU_STARVED].shown);
}

/* Nobody calls accept(), and it is called too seldom: both at once would be said of one queue. */
static void opposites_are_not_told_together(void **state)
{
	(void)state;
	reading(FINDING_ACCEPT_STALLED, FINDINGS);
	reading(FINDING_ACCEPT_SLOW, FINDINGS);
	assert_true(told[FINDING_ACCEPT_SLOW].shown);
	assert_false(told[FINDING_ACCEPT_STALLED].shown);
	reading(FINDING_ACCEPT_STALLED, FINDINGS);
	assert_false(told[FINDING_ACCEPT_SLOW].shown);
	reading(FINDING_IDLE_POOL, FINDINGS);
	reading(FINDING_CLOSE_LEAK, FINDINGS);
	assert_false(told[FINDING_IDLE_POOL].shown);
}

static void undetermined_has_to_be_so_twice(void **state)
{
	(void)state;
	reading(FINDING_UNDETERMINED, FINDINGS);
	assert_false(told[FINDING_UNDETERMINED].shown);
	reading(FINDING_UNDETERMINED, FINDINGS);
	assert_true(told[FINDING_UNDETERMINED].shown);
}

static void a_part_of_one_that_was_missed_is_no_news(void **state)
{
	const struct finding *slow = &diagnosis.findings[FINDING_ACCEPT_SLOW];

	(void)state;
	reading(FINDING_CPU_STARVED, FINDINGS);
	reading(FINDING_ACCEPT_SLOW, FINDING_FD_EXHAUSTED);
	assert_true(told[FINDING_CPU_STARVED].shown);
	assert_true(told[FINDING_FD_EXHAUSTED].shown); /* it is none of its parts */
	assert_false(told[FINDING_ACCEPT_SLOW].shown);
	assert_int_equal(slow->verdict, VERDICT_EXPLAINED);
	assert_int_equal(slow->explained_by, FINDING_CPU_STARVED);
	reading(FINDING_ACCEPT_SLOW, FINDINGS);
	assert_false(told[FINDING_CPU_STARVED].shown);
	assert_false(told[FINDING_ACCEPT_SLOW].shown); /* a part of fd-exhausted, missed once */
	reading(FINDING_ACCEPT_SLOW, FINDINGS);
	assert_true(told[FINDING_ACCEPT_SLOW].shown);
}

static void what_is_explained_goes_at_once(void **state)
{
	(void)state;
	reading(FINDING_ACCEPT_SLOW, FINDINGS);
	assert_true(told[FINDING_ACCEPT_SLOW].shown);
	memset(&diagnosis, 0, sizeof(diagnosis));
	diagnosis.findings[FINDING_CPU_STARVED].verdict = VERDICT_PROVEN;
	diagnosis.findings[FINDING_ACCEPT_SLOW].verdict = VERDICT_EXPLAINED;
	told_update(told, &diagnosis, now_ns, now_ns + SEC);
	assert_false(told[FINDING_ACCEPT_SLOW].shown);
}

static void what_is_proven_ends_that_nothing_is(void **state)
{
	(void)state;
	reading(FINDING_UNDETERMINED, FINDINGS);
	reading(FINDING_UNDETERMINED, FINDINGS);
	assert_true(told[FINDING_UNDETERMINED].shown);
	reading(FINDING_NOT_READING, FINDINGS);
	assert_true(told[FINDING_NOT_READING].shown);
	assert_false(told[FINDING_UNDETERMINED].shown);
}

static void what_comes_again_soon_is_not_new(void **state)
{
	int64_t since_ns;

	(void)state;
	reading(FINDING_CPU_STARVED, FINDINGS);
	since_ns = told[FINDING_CPU_STARVED].since_ns;
	reading(FINDINGS, FINDINGS);
	reading(FINDINGS, FINDINGS);
	assert_false(told[FINDING_CPU_STARVED].shown);
	now_ns += 6 * SEC;
	reading(FINDING_CPU_STARVED, FINDINGS);
	assert_true(told[FINDING_CPU_STARVED].shown);
	assert_int_equal(told[FINDING_CPU_STARVED].since_ns, since_ns);
	reading(FINDINGS, FINDINGS);
	reading(FINDINGS, FINDINGS);
	now_ns += 7 * SEC;
	reading(FINDING_CPU_STARVED, FINDINGS);
	assert_true(told[FINDING_CPU_STARVED].since_ns > since_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_is_told_at_once_and_missed_once, setup),
		cmocka_unit_test_setup(after_long_one_reading_is_enough, setup),
		cmocka_unit_test_setup(nothing_that_waits_is_a_reading_too, setup),
		cmocka_unit_test_setup(opposites_are_not_told_together, setup),
		cmocka_unit_test_setup(undetermined_has_to_be_so_twice, setup),
		cmocka_unit_test_setup(what_is_proven_ends_that_nothing_is, setup),
		cmocka_unit_test_setup(a_part_of_one_that_was_missed_is_no_news, setup),
		cmocka_unit_test_setup(what_is_explained_goes_at_once, setup),
		cmocka_unit_test_setup(what_comes_again_soon_is_not_new, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

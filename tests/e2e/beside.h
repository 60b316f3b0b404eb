/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests that do nothing but wait for most of their time: all run at once, each in a process of its
 * own, and are told one after another.
 */
#ifndef E2E_BESIDE_H
#define E2E_BESIDE_H

#include "suite.h"

#define BESIDE_MAX 32

/*
 * As cmocka_run_group_tests_name(). The setup is done before any of them begins, in this process.
 * Of a test that succeeds only the lines are shown that begin with a blank.
 */
int beside_run(const char *name, const struct CMUnitTest *tests, size_t count,
	       CMFixtureFunction setup, CMFixtureFunction teardown);

#endif

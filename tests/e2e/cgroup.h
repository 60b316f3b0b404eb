/* SPDX-License-Identifier: GPL-2.0 */
/* A cgroup with a small quota of CPU: version 2, or 1 of the CPU alone. */
#ifndef E2E_CGROUP_H
#define E2E_CGROUP_H

#include <stdbool.h>

/* Of 4 % of a CPU. Skips the test where there are none. */
void cgroup_make(void);

/* This process goes into it; false: it cannot. */
bool cgroup_enter(void);

/* Nobody may be left in it. */
void cgroup_remove(void);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Cgroups below the root: of version 2, or of one controller of version 1. */
#ifndef E2E_CGROUP_H
#define E2E_CGROUP_H

#include <stdbool.h>

struct cgroup {
	char directory[128];
};

/* Makes one, or takes one of that name. Skips the test where there are none. */
void cgroup_make(struct cgroup *cgroup, const char *controller, const char *name);

/* Nobody may be left in it. */
void cgroup_remove(const struct cgroup *cgroup);

/* This process goes into it, or to the root; false: it cannot. */
bool cgroup_enter(const struct cgroup *cgroup);
bool cgroup_leave(const struct cgroup *cgroup);

/* False, or -1: it has no such file, as each version has its own, or will not. */
bool cgroup_set(const struct cgroup *cgroup, const char *file, const char *text);
long long cgroup_number(const struct cgroup *cgroup, const char *file);

/* Of a cgroup of memory, in bytes; -1: no limit. False: it cannot. */
bool cgroup_limit_memory(const struct cgroup *cgroup, long long bytes);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* What keeps the threads of those that have what waits: a pipe, a socket, a lock. */
#ifndef SLOWCLOSE_RULE_BLOCKED_H
#define SLOWCLOSE_RULE_BLOCKED_H

#include "rule.h"

struct blocked {
	enum thread_wait wait; /* of most of them; THREAD_LOCK: any futex; THREAD_WAITS: none is */
	uint32_t count; /* threads in that */
	uint32_t stuck; /* of these: have not run since the last reading */
	uint32_t all; /* in any such wait */
	uint32_t threads; /* all that were looked at */
	bool left_out; /* others were not */
	uint32_t pid; /* the process that has most of those in that wait */
	const char *where; /* the kernel's function that one of these is in; "": not known */
};

struct blocked blocked_find(const struct evidence *evidence);

/* Whether they are half of all threads. */
bool blocked_are_most(const struct blocked *blocked);

/*
 * Whether most wait to write to a pipe, and have not run since the last reading: no answer takes
 * its time there.
 */
bool blocked_by_reader(const struct blocked *blocked);

/* What to look at behind it. */
void blocked_advise(struct finding *finding, const struct blocked *blocked);

#endif

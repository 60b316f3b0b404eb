/* SPDX-License-Identifier: GPL-2.0 */
/* What keeps the threads of those that have what waits: a pipe, a socket, a lock. */
#ifndef SLOWCLOSE_RULE_BLOCKED_H
#define SLOWCLOSE_RULE_BLOCKED_H

#include "rule.h"

struct blocked {
	enum thread_wait wait; /* of most of them; THREAD_LOCK: any futex; THREAD_WAITS: none is */
	uint32_t count; /* threads in that */
	uint32_t all; /* in any such wait */
	uint32_t threads; /* all that there are */
	uint32_t pid; /* the process that has most of those in that wait */
	const char *where; /* the kernel's function that one of these is in; "": not known */
};

struct blocked blocked_find(const struct evidence *evidence);

/* What to look at behind it. */
void blocked_advise(struct finding *finding, const struct blocked *blocked);

#endif

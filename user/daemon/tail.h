/* SPDX-License-Identifier: GPL-2.0 */
/* slowclosed --tail: events on the terminal, with no service behind it. */
#ifndef SLOWCLOSE_DAEMON_TAIL_H
#define SLOWCLOSE_DAEMON_TAIL_H

#include "filter.h"
#include "hooks.h"
#include "text.h"

struct tail_options {
	struct hooks_options hooks;
	struct filter filter;
	struct text_style style;
	bool json;
	unsigned long count; /* stop after so many events; 0: never */
};

/*
 * Prints events to stdout until a signal, the count or the end of the reader. SIGUSR1 prints the
 * counts, as does the end, to stderr. Returns 0 or -errno; failures are logged.
 */
int tail_run(const struct tail_options *options);

#endif

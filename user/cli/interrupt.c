// SPDX-License-Identifier: GPL-2.0
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t seen;

static void on_interrupt(int signal)
{
	(void)signal;
	seen = 1;
}

void interrupt_catch(void)
{
	/* Without SA_RESTART, so that a system call that waits returns. */
	const struct sigaction action = {.sa_handler = on_interrupt};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool interrupt_seen(void)
{
	return seen;
}

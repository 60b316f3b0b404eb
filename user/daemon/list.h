/* SPDX-License-Identifier: GPL-2.0 */
/* slowclosed --list: what waits now, with no service behind it. */
#ifndef SLOWCLOSE_DAEMON_LIST_H
#define SLOWCLOSE_DAEMON_LIST_H

#include "tail.h"

/*
 * Prints the connections that wait now and the listeners that have something queued or dropped
 * (JSON: all listeners), and ends. Nothing is followed, so ages are what the sockets themselves
 * tell: lower bounds. Returns 0 or -errno; failures are logged.
 */
int list_run(const struct tail_options *options);

#endif

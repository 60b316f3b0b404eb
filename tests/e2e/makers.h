/* SPDX-License-Identifier: GPL-2.0 */
/* Threads that make short connections as fast as they can: see connect_once(). */
#ifndef E2E_MAKERS_H
#define E2E_MAKERS_H

#include <pthread.h>
#include <stdatomic.h>

#include "sockets.h"

/* Each has a listener of its own, so that it accepts what it has connected. */
struct maker {
	struct listener listener;
	atomic_long wanted, made;
	pthread_t thread;
};

void makers_open(struct maker *makers, int count);
void makers_close(struct maker *makers, int count);

/* Each makes so many more, beside the others. Fails where one could not. */
void makers_make(struct maker *makers, int count, long each);

/* One that goes on until it is stopped. Fails where it could not. */
void maker_start(struct maker *maker);
void maker_stop(struct maker *maker);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Looks at what waits, one after another, in pieces between which the event loop goes round: the
 * ring is read and clients are answered while a host with 100,000 connections is looked at.
 */
#ifndef SLOWCLOSE_LOOK_H
#define SLOWCLOSE_LOOK_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "waiting.h"

struct looker;

/*
 * The look is done, or failed with -errno, which is for the callee to tell. waiting is what was
 * given to looker_add().
 */
typedef void (*look_done_fn)(void *userdata, struct waiting *waiting, int result);

/* Returns 0 or -errno. */
int looker_new(struct looker **ret, sd_event *loop);

/* Looks that are not done are never told. NULL is allowed. */
void looker_free(struct looker *looker);

/*
 * Puts a look behind those that are under way. waiting must live until done is called. Returns 0,
 * or -EBUSY when too many wait already.
 */
int looker_add(struct looker *looker, struct waiting *waiting,
	       const struct waiting_options *options, look_done_fn done, void *userdata);

/* How long the last one took from its begin to its end; 0: there was none yet. */
int64_t looker_last_ns(const struct looker *looker);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* What waits at one moment, joined with the listeners and with who holds the descriptors. */
#ifndef SLOWCLOSE_WAITING_H
#define SLOWCLOSE_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "hooks.h"

struct waiting;

/* Returns NULL when there is no memory. */
struct waiting *waiting_new(struct hooks *hooks);
void waiting_free(struct waiting *waiting);

/*
 * Looks at everything that waits, in pieces that each take a few milliseconds, so that an event
 * loop can go on in between: begin, then step until it returns 0 (done) or -errno; 1 asks for
 * another step. Holders and listeners are looked at only if something is to be told; with
 * all_listeners always. What was found before is forgotten at begin.
 */
int waiting_begin(struct waiting *waiting, bool all_listeners);
int waiting_step(struct waiting *waiting);

/* The event, its holders and its listener are valid during the call. */
typedef void (*waiting_event_fn)(void *userdata, const struct event *event);

/* Hands out what was found, in the order of the kernel's table; as event_from_record(). */
void waiting_for_each(struct waiting *waiting, const struct thresholds *thresholds,
		      int64_t realtime_offset_ns, waiting_event_fn fn, void *userdata);

/* The same for listeners. now_ns is CLOCK_MONOTONIC. */
typedef void (*waiting_listener_fn)(void *userdata, const struct listener_event *listener);

void waiting_for_each_listener(struct waiting *waiting, int64_t now_ns, waiting_listener_fn fn,
			       void *userdata);

/* Holders that were not kept, because a host can have any number of descriptors. */
unsigned long waiting_holders_left_out(const struct waiting *waiting);

#endif

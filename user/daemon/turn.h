/* SPDX-License-Identifier: GPL-2.0 */
/* Work that goes on in later turns of the event loop, and leaves the others theirs. */
#ifndef SLOWCLOSE_TURN_H
#define SLOWCLOSE_TURN_H

#include <systemd/sd-event.h>

/*
 * Calls handler once, in a turn of its own; again only if it is asked for again. *source is NULL at
 * first and is kept for the next call; the caller unrefs it in the end. A defer source that is
 * enabled again keeps its place in the queue, in front of all that has come since, so that nothing
 * else would run until it has done all its work: a new one goes behind them. Returns 0 or -errno.
 */
static inline int turn_ask(sd_event *loop, sd_event_source **source, sd_event_handler_t handler,
			   void *userdata)
{
	int enabled = SD_EVENT_OFF, r;

	if (*source)
		sd_event_source_get_enabled(*source, &enabled);
	if (enabled != SD_EVENT_OFF)
		return 0;
	*source = sd_event_source_unref(*source);
	r = sd_event_add_defer(loop, source, handler, userdata);
	return r < 0 ? r : 0;
}

#endif

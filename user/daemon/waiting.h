/* SPDX-License-Identifier: GPL-2.0 */
/* What waits at one moment, joined with the listeners and with who holds the descriptors. */
#ifndef SLOWCLOSE_WAITING_H
#define SLOWCLOSE_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "hooks.h"
#include "place.h"
#include "slowclose/record.h"

/* What is kept of each connection that waits, beside its holders: its record without the closer. */
#define WAITING_BYTES offsetof(struct record, conn.closer)

struct waiting;

struct waiting_options {
	struct scan_options scan;
	/* Called for what scan.most_counted tells, while the look is under way; it is not kept. */
	void (*on_counted)(void *userdata, const struct record *record);
	void *userdata;
	bool all_listeners; /* and their holders, even if no connection waits */
};

/* Returns NULL when there is no memory. */
struct waiting *waiting_new(struct hooks *hooks);
void waiting_free(struct waiting *waiting);

/*
 * Looks at everything that waits, in pieces that each take a few milliseconds, so that an event
 * loop can go on in between: begin, then step until it returns 0 (done) or -errno; 1 asks for
 * another step. Holders and listeners are looked at only if something is to be told. What was
 * found before is forgotten at begin. One look at a time: until it is done, no other may begin.
 */
int waiting_begin(struct waiting *waiting, const struct waiting_options *options);
int waiting_step(struct waiting *waiting);

/* Gives back the memory of what a look has found, which is then as if nothing waited. */
void waiting_forget(struct waiting *waiting);

/*
 * CLOCK_MONOTONIC of the moments at which all connections had been looked at, which is what their
 * waits are as of, and at which the look was done.
 */
int64_t waiting_walked_ns(const struct waiting *waiting);
int64_t waiting_time_ns(const struct waiting *waiting);

/*
 * CPU time that the look took, the kernel's part included: for the walk over all connections, and
 * for the rest.
 */
int64_t waiting_walk_cpu_ns(const struct waiting *waiting);
int64_t waiting_rest_cpu_ns(const struct waiting *waiting);

size_t waiting_count(const struct waiting *waiting);

/* Whether the connection i is due to be told, of a look that marks these. */
bool waiting_is_due(const struct waiting *waiting, size_t i);

/*
 * The connection i < count as event_from_record() makes it, in the order of the kernel's table,
 * with its listener, which lives as long as the look, and its holders, which do until another
 * connection or listener of it is asked for. place is where the owner's is put, of those that
 * places tells.
 */
void waiting_event(const struct waiting *waiting, size_t i, const struct thresholds *thresholds,
		   int64_t realtime_offset_ns, struct places *places, struct event *event,
		   struct place *place);

size_t waiting_listener_count(const struct waiting *waiting);

/* The listener i < listener_count, by network namespace and port: as it is alone, */
const struct listener *waiting_listener_at(const struct waiting *waiting, size_t i);

/* and with what is known of it; its holders as above. */
void waiting_listener(const struct waiting *waiting, size_t i, struct listener_event *event);

/* The results of accept() that were counted, of all processes, by pid; i < accept_count. */
size_t waiting_accept_count(const struct waiting *waiting);
const struct accept_record *waiting_accept(const struct waiting *waiting, size_t i);

/* The name of a process that holds any of these; NULL: it holds none. */
const char *waiting_comm(const struct waiting *waiting, uint32_t pid);

/* Holders that were not kept, because a host can have any number of descriptors. */
unsigned long waiting_holders_left_out(const struct waiting *waiting);

#endif

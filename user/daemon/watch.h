/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Watches the node's connections: hooks, ring and looks at what waits, in one event loop. What it
 * sees it tells to one sink, --tail or the service.
 */
#ifndef SLOWCLOSE_WATCH_H
#define SLOWCLOSE_WATCH_H

#include <systemd/sd-event.h>

#include "event.h"
#include "hooks.h"
#include "look.h"
#include "place.h"

struct watch_options {
	struct hooks_options hooks;
	struct thresholds tell; /* from where on a connection that waits is told */
};

/* At most how many of all that is over its threshold; none: what is new of it is enough. */
struct watch_wanted {
	uint64_t in_full, counted;
};

/* A look that is over. */
struct watch_looked {
	const struct waiting *all; /* during the call; NULL where it was not wanted */
	uint64_t slow; /* how many are over their thresholds, */
	uint64_t left_out; /* and how many of these were not told */
	int64_t told_cpu_ns; /* CPU time of telling all */
};

struct watch_sink {
	/* A connection has ended, was accepted late, or has crossed 1, 10, 100, … times its
	 * threshold. The event and what it points to are valid during the call. */
	void (*on_event)(void *userdata, const struct event *event);
	/* After some events, or none: what was told can be written out. */
	void (*on_pause)(void *userdata);
	/* Once a second what is over its threshold is looked at, and what is new of it is told as
	 * events. Is all of it wanted? Then so many are told by on_waiting(), and before them those
	 * beyond that by on_counted(), without holders. A look that fails is not over, but begins
	 * anew. All of these may be NULL, or none. */
	struct watch_wanted (*wants_all)(void *userdata);
	void (*on_counted)(void *userdata, const struct event *event);
	void (*on_waiting)(void *userdata, const struct event *event);
	void (*on_looked)(void *userdata, const struct watch_looked *looked);
	void *userdata;
};

struct watch;

/*
 * Attaches the hooks, finds the connections that are there already and prepares the event loop,
 * with the signals SIGINT and SIGTERM to end it. Failures are logged. Returns 0 or -errno.
 */
int watch_new(struct watch **ret, const struct watch_options *options,
	      const struct watch_sink *sink);

/* Detaches everything. NULL is allowed. */
void watch_free(struct watch *watch);

/* Reads all that the ring has at this moment. Returns 0 or -errno, logged. */
int watch_drain(struct watch *watch);

/* Reads a part of it, and the rest in later turns of the loop. Returns 0 or -errno, logged. */
int watch_read(struct watch *watch);

/* Records of ended connections that were read; hooks_counts() has how many were sent. */
uint64_t watch_ended(const struct watch *watch);

/*
 * Calls handler after so long, and for as long as the watch lives again whenever the handler has
 * set its next time. *source, unless source is NULL, is the loop's. Returns 0 or more, or -errno.
 */
int watch_add_timer(struct watch *watch, sd_event_source **source, uint64_t first_usec,
		    sd_event_time_handler_t handler, void *userdata);

/* How many of the looks that come once a second have succeeded, all that they found being told. */
uint64_t watch_looks(const struct watch *watch);

/* The parts, which live as long as the watch. */
sd_event *watch_loop(struct watch *watch);
struct hooks *watch_hooks(struct watch *watch);
struct looker *watch_looker(struct watch *watch);
struct places *watch_places(struct watch *watch);
const struct thresholds *watch_slow(const struct watch *watch);

/* What is slow, and is told, from here on. */
void watch_set_slow(struct watch *watch, const struct thresholds *slow);

/* CLOCK_MONOTONIC of the moment at which the ring was read last. */
int64_t watch_read_ns(const struct watch *watch);

/* Network namespaces that were not looked at, at the start: how many, and the last -errno. */
unsigned int watch_unseen(const struct watch *watch, int *error);

#endif

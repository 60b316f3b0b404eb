/* SPDX-License-Identifier: GPL-2.0 */
/* slowclosed as a service: statistics, events and what waits, for any number of clients. */
#ifndef SLOWCLOSE_SERVICE_H
#define SLOWCLOSE_SERVICE_H

#include <stdint.h>

#include "api.h"
#include "config.h"
#include "events.h"
#include "findings.h"
#include "journal.h"
#include "listing.h"
#include "metrics.h"
#include "reload.h"
#include "request.h"
#include "settings.h"
#include "stats.h"
#include "watch.h"

/* The parts, for those that answer questions about all of them. */
struct service {
	struct settings settings; /* those in use */
	struct reload reload;
	struct watch *watch;
	struct stats *stats;
	struct events *events;
	struct journal *journal;
	struct findings *findings;
	struct listings *listings;
	struct metrics *metrics;
	struct unsent unsent;
	struct api *api;
	struct api *metrics_api; /* NULL: nobody asked for it */
	int64_t started_ns; /* CLOCK_REALTIME, */
	int64_t since_ns; /* and CLOCK_MONOTONIC */
	sd_event_source *report; /* the journal's, its timer; off where there are none */
	struct listing *report_look; /* NULL: none is under way */
	bool watchdog; /* systemd waits for a sign of life */
	uint64_t fed_ended, fed_looks; /* watch_ended() and watch_looks() at the last one */
	int64_t summed_ns; /* CLOCK_MONOTONIC of the look that the statistics know; 0: of none */
	uint64_t folded; /* in the kernel, as of the last time they were taken over */
};

/* Runs until a signal ends it, with these settings, which came from source. Returns 0 or -errno;
 * failures are logged. */
int service_run(const struct settings *settings, const struct config_source *source);

/* Puts into use what can change while it runs: see settings_is_live(). */
void service_set(struct service *service, const struct settings *settings);

/* How many records of ended connections were sent up to now, read or not: see watch_ended(). */
uint64_t service_ended(const struct service *service);

/* Takes over what the kernel has folded up to now. Returns 0 or -errno, logged. */
int service_take_folded(struct service *service);

/*
 * Tells the statistics what waits, by a full look, unless they know that or a later one: all who
 * ask at the same time share one, and each connection of it takes some microseconds.
 */
void service_take_waiting(struct service *service, const struct waiting *waiting);

#endif

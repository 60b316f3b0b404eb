/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What waits, or the listeners, for clients and for the journal's report: as numbers, or as lines
 * of JSON, made as they are read, for the answer of 150,000 connections is 100 MB. Who asks at the
 * same time shares one look.
 */
#ifndef SLOWCLOSE_LISTING_H
#define SLOWCLOSE_LISTING_H

#include <sys/types.h>

#include "filter.h"
#include "waiting.h"
#include "watch.h"

struct listings;
struct listing;

enum listing_kind {
	LISTING_CONNECTIONS,
	LISTING_LISTENERS, /* of the filter local_ports, netns and family */
	LISTING_NUMBERS, /* nothing to be read: the look is given back as soon as it is counted, so
			    that who reads the others slowly keeps nobody from this */
};

/* Returns NULL when there is no memory. */
struct listings *listings_new(struct watch *watch);
/* All listings must be gone, and no look goes on afterwards. NULL is allowed. */
void listings_free(struct listings *listings);

/*
 * Begins to look, or has a part in a look that is ready already; else done is called once, later,
 * unless the listing is freed before, which done may do. Returns 0, -EBUSY when too many looks are
 * still being read, or there are so many connections in them that there is no memory for another;
 * or -ENOMEM.
 */
int listing_new(struct listing **ret, struct listings *listings, enum listing_kind kind,
		const struct filter *filter, void (*done)(void *userdata), void *userdata);
void listing_free(struct listing *listing);

/* Whether the look is done: 1, 0: not yet, or -errno if it failed. */
int listing_ready(const struct listing *listing);

/* Of one that is ready. */
const struct waiting *listing_waiting(const struct listing *listing);

/* Copies the next bytes. Returns how many, 0 at the end, or -ENOMEM. */
ssize_t listing_read(struct listing *listing, char *buf, size_t size);

#endif

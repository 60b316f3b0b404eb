/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events on their way to subscribers. An event that somebody wants is rendered once, into one log
 * of bounded size that all subscribers read from; who reads too slowly for it loses the oldest of
 * their events, which are counted and told. Nobody waits for anybody.
 *
 * now_ns is CLOCK_MONOTONIC.
 */
#ifndef SLOWCLOSE_EVENTS_H
#define SLOWCLOSE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "filter.h"

#define SUBSCRIBERS_MAX 128

struct events;
struct subscriber;

/*
 * The log's size is a power of two in bytes, of whole pages. It takes memory as it fills up, most
 * of which goes back when all was read, and none while nobody subscribes. Returns NULL when there
 * is no memory.
 */
struct events *events_new(size_t log_size);

/* With all its subscribers. NULL is allowed. */
void events_free(struct events *events);

/*
 * Adds a subscriber, which gets what matches from now on, and before it the text hello, one whole
 * line. Returns 0, -EBUSY when there are SUBSCRIBERS_MAX already, or -ENOMEM.
 */
int events_subscribe(struct events *events, const struct filter *filter, const char *hello,
		     int64_t now_ns, struct subscriber **ret);
void events_unsubscribe(struct subscriber *subscriber);

/* Hands an event to all whose filter it matches. */
void events_publish(struct events *events, const struct event *event);

/*
 * Copies what comes next to the subscriber: lines of JSON, of which the last may go on with the
 * next call. realtime_ns is the time for lines that are made here. Returns how many bytes; 0:
 * there is nothing now.
 */
size_t events_read(struct subscriber *subscriber, char *buf, size_t size, int64_t now_ns,
		   int64_t realtime_ns);

/* Whether events_read() would return something. */
bool events_ready(struct subscriber *subscriber, int64_t now_ns);

struct subscriber_counts {
	uint64_t id; /* from 1 on, and never another's */
	uint64_t sent; /* events that were read to their end */
	uint64_t lost;
	size_t buffered; /* bytes of the log that it has not read */
};

void events_counts(const struct subscriber *subscriber, struct subscriber_counts *counts);

/* Of all subscribers there ever were. */
uint64_t events_lost(const struct events *events);

typedef void (*events_subscriber_fn)(void *userdata, struct subscriber *subscriber);

void events_for_each(struct events *events, events_subscriber_fn fn, void *userdata);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections that are stuck in every way there is, each with what must be told of it. Numbers in
 * names are those of the scenarios.
 */
#ifndef E2E_STUCK_H
#define E2E_STUCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "child.h"
#include "expect.h"
#include "sockets.h"

/* One stuck connection. What is not set does not hold of it. */
struct stuck {
	struct pair pair;
	bool client; /* that end of the pair is stuck */
	const char *cause;
	const char *cause_if_older; /* where that is another: the proof is older than the daemon */
	bool queued; /* nobody has accepted it */
	bool open; /* the peer has not closed */
	int unread_bytes;
	bool fin_read;
	int sent_after_fin;
	pid_t owner, owner_tid;
	struct holding holders[3];
	size_t holder_count;
	uint64_t netns;
	int64_t made; /* by CLOCK_REALTIME: from when on all of this is true */
	/* Of the queue, where it is the only one of its port with anything in it: */
	const char *listener_address;
	unsigned int queue, limit;
};

/* In the accept queue of a listener that is there, with two bytes; the peer has closed, or not. */
void stuck_queue_up(struct stuck *stuck, const struct listener *listener, bool open);

/* The same, in that of a new one, alone. */
void stuck_queued_2(struct stuck *stuck, struct listener *listener, bool open);

/* Reset in the queue: in no table of the kernel's but the queue. */
void stuck_reset_9(struct stuck *stuck, struct listener *listener);

#define STOPPED 3

/*
 * A server that is stopped where it blocks in accept(): when it is continued it accepts so many,
 * and tells of each. Returns its descriptor of the listener.
 */
int stopped_server_start(struct child *child, struct listener *listener);

#define FULL_BACKLOG 4
#define FULL_QUEUE (FULL_BACKLOG + 1) /* the kernel's test is ">" */
#define FULL_LEFT_OUT 3

/* A queue that is full, and clients that it has no room for: they go on trying. */
struct full {
	struct listener listener;
	struct stuck stuck[FULL_QUEUE];
	struct pair left_out[FULL_LEFT_OUT];
};

void stuck_full_4(struct full *full);
void full_release(struct full *full);

#define SHARED_LISTENERS 3
#define SHARED_STUCK 2

/* Listeners of one port, each in a process of its own, of which the first does not accept. */
struct shared_port {
	struct listener listeners[SHARED_LISTENERS];
	struct child servers[SHARED_LISTENERS];
	struct stuck stuck[SHARED_STUCK];
};

void stuck_shared_port_17(struct shared_port *shared);
void shared_port_release(struct shared_port *shared);

/* One of each. */
struct stuck_all {
	struct stuck not_reading, not_closing, still_sending, idle_pool;
	struct stuck shared, passed, in_netns;
	struct child sharer, receiver, inhabitant;
	struct stuck queued, queued_closed, queued_ipv6, reset;
	struct listener queue, queue_closed, queue_ipv6, queue_reset;
	struct stuck stopped[STOPPED];
	struct child stopped_server;
	struct full full;
	struct shared_port shared_port;
};

void stuck_make_all(struct stuck_all *all);

/* What an event must say; older: the connection is older than the daemon. */
void stuck_expect(const struct stuck *stuck, json_t *event, bool older);

/* To be called where something of it has changed. */
void stuck_made(struct stuck *stuck);

/* The next waiting event of it that is not from a look before all was true; another will come. */
json_t *stuck_event(const struct stuck *stuck, struct daemon *daemon);
struct wanted stuck_wanted(const struct stuck *stuck);

/* Closes what the test holds of it. */
void stuck_release(struct stuck *stuck);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Connections that ended slowly in the last seconds: when their peers had hung up. */
#ifndef SLOWCLOSE_RECENT_H
#define SLOWCLOSE_RECENT_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"

/* What has ended longer ago says nothing of now. */
#define RECENT_NS (8 * NSEC_PER_SEC)

#define RECENT_MAX 1024

struct recent_close {
	int64_t end_ns; /* CLOCK_MONOTONIC */
	int64_t until_fin_ns;
	uint32_t netns;
	uint16_t port;
};

/* The latest, oldest overwritten. All zero is an empty one. */
struct recent {
	struct recent_close closes[RECENT_MAX];
	size_t next;
};

/*
 * Keeps what has ended here after a slow close wait, of a server that goes on: what ended with its
 * process was not worked off. Nor is it kept where the peer is still sent to, and so has not given
 * up; but it is where the peer has answered that with a reset. Other events are passed over.
 */
void recent_add(struct recent *recent, const struct event *event, const struct thresholds *slow,
		int64_t now_ns);

/* Copies the times until the FIN of a service's last seconds, at most so many. Returns how many. */
size_t recent_get(const struct recent *recent, uint32_t netns, uint16_t port, int64_t now_ns,
		  int64_t *until_fin_ns, size_t most);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is found of the node's services, kept up to date: while anything waits for longer than its
 * threshold, it is read who lets it wait and what these do, and the rules judge it.
 *
 * The readings are spread over many turns of the event loop, each of a few milliseconds, and come
 * so seldom that they take 1 % of a CPU at most; or, of tens of thousands that wait, one of them in
 * eight seconds.
 */
#ifndef SLOWCLOSE_FINDINGS_H
#define SLOWCLOSE_FINDINGS_H

#include <jansson.h>
#include <stdint.h>

#include "diagnose.h"
#include "watch.h"

struct findings;

/* To be called with all privileges. Returns 0 or -errno. */
int findings_new(struct findings **ret, struct watch *watch);
void findings_free(struct findings *findings);

/* A connection has ended. */
void findings_event(struct findings *findings, const struct event *event, int64_t now_ns);

/*
 * A look at what is over its threshold is to begin: how much of it is wanted, for a reading. What
 * follows, up to findings_looked(), is as in struct watch_sink (watch.h).
 */
struct watch_wanted findings_begin(struct findings *findings);
void findings_counted(struct findings *findings, const struct event *event);
void findings_waiting(struct findings *findings, const struct event *event);
void findings_looked(struct findings *findings, const struct watch_looked *looked);

/* Whether it is known in which of the kernel's functions threads wait: 0, or why not: -errno. */
int findings_unseen(const struct findings *findings);

/* A finding that is proven now. */
typedef void (*finding_fn)(void *userdata, const struct evidence *evidence,
			   const struct finding *finding, int64_t since_ns);

/* since_ns is CLOCK_REALTIME. */
void findings_for_each(const struct findings *findings, finding_fn fn, void *userdata);

/*
 * The answer of /v1/diagnosis, of the services of a port and a process; 0: of any. A new reference,
 * or NULL out of memory.
 */
json_t *findings_json(const struct findings *findings, uint16_t port, uint32_t pid);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Ended connections to make statistics of, and the rows that come out. */
#ifndef SLOWCLOSE_ENDED_H
#define SLOWCLOSE_ENDED_H

#include <string.h>

#include "event.h"
#include "stats.h"
#include "summary.h"

#define START_NS (1000 * NSEC_PER_SEC)

static const struct thresholds thresholds = {
	.close_wait_ns = 1000 * NSEC_PER_MSEC,
	.accept_wait_ns = 100 * NSEC_PER_MSEC,
};

static inline struct stats *new_stats(void)
{
	const struct stats_options options = {.thresholds = thresholds};

	return stats_new(&options, START_NS);
}

static inline struct conn_task task_named(uint32_t pid, const char *comm)
{
	struct conn_task task = {.pid = pid, .tid = pid};

	for (size_t i = 0; i < sizeof(task.comm) && comm[i]; i++)
		task.comm[i] = comm[i];
	return task;
}

/* A server's connection that was accepted after 1 ms, got a FIN 2 ms later and was closed after 4.
 */
static inline struct record ended_record(uint16_t port, uint32_t pid, const char *comm)
{
	return (struct record){
		.kind = RECORD_CLOSED,
		.end_ns = START_NS + 7 * NSEC_PER_MSEC,
		.conn = {.queued_ns = START_NS,
			 .established_ns = START_NS,
			 .accepted_ns = START_NS + 1 * NSEC_PER_MSEC,
			 .close_wait_ns = START_NS + 3 * NSEC_PER_MSEC,
			 .remote_addr = {198, 51, 100, 7},
			 .local_port = port,
			 .remote_port = 50000,
			 .netns = 4026531840u,
			 .owner = task_named(pid, comm),
			 .rx_bytes = 100,
			 .tx_bytes = 200,
			 .family = FAMILY_IPV4,
			 .role = ROLE_SERVER,
			 .flags = CONN_ACCEPTED | CONN_FIN | CONN_FIN_READ,
			 .end = END_CLOSE},
	};
}

static inline struct event event_of(const struct record *record)
{
	struct event event;

	event_from_record(&event, record, &thresholds, 0);
	return event;
}

static inline void add_record(struct stats *stats, const struct record *record, int64_t now_ns)
{
	struct event event = event_of(record);

	stats_add(stats, &event, now_ns);
}

/* The next row by service whose command is this, or NULL. */
static inline const struct summary_row *find_comm(struct summary *summary, const char *comm)
{
	const struct summary_row *row;

	summary->next = 0;
	while ((row = summary_next(summary))) {
		if (strncmp(row->comm, comm, sizeof(row->comm)) == 0)
			return row;
	}
	return NULL;
}

static inline size_t count_rows(struct summary *summary)
{
	size_t count = 0;

	for (summary->next = 0; summary_next(summary);)
		count++;
	return count;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* What users see of one connection: a record with its waits worked out. */
#ifndef SLOWCLOSE_EVENT_H
#define SLOWCLOSE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "slowclose/record.h"

#define NSEC_PER_SEC 1000000000LL
#define NSEC_PER_MSEC 1000000LL

/* A number of nanoseconds or of bytes that is not known. */
#define UNKNOWN INT64_MIN

enum cause {
	CAUSE_NONE, /* closed fast, or nothing proves a cause */
	CAUSE_NEVER_ACCEPTED,
	CAUSE_NOT_READING,
	CAUSE_NOT_CLOSING,
	CAUSE_STILL_SENDING,
};

enum tristate {
	NO = 0,
	YES = 1,
	MAYBE = -1, /* not known, or the question makes no sense */
};

/* From how long on a wait is slow, in nanoseconds. */
struct thresholds {
	int64_t close_wait_ns;
	int64_t accept_wait_ns;
};

struct event {
	struct conn conn;
	char id[17]; /* 16 hexadecimal digits, the same for all events of one connection */
	int64_t time_ns; /* CLOCK_REALTIME of the end */
	int64_t accept_wait_ns; /* this and the following: or UNKNOWN */
	int64_t close_wait_ns;
	int64_t lifetime_ns;
	int64_t rx_bytes;
	int64_t tx_bytes;
	int64_t tx_bytes_after_fin;
	int64_t unread_bytes;
	enum tristate accepted;
	enum tristate fin_read;
	enum cause cause;
	bool at_least; /* older than the hooks: the waits and the lifetime are lower bounds */
	bool slow; /* a wait is over its threshold */
};

/*
 * Works out the event of an ended connection. realtime_offset_ns is
 * CLOCK_REALTIME less CLOCK_MONOTONIC, now. A wait whose two ends were not
 * both seen is UNKNOWN, as is one that would be negative.
 */
void event_from_record(struct event *event, const struct record *record,
		       const struct thresholds *thresholds, int64_t realtime_offset_ns);

/* The words of the output; never NULL but for END_UNKNOWN and CAUSE_NONE. */
const char *cause_name(enum cause cause);
const char *end_name(enum conn_end end);
const char *role_name(enum conn_role role);
const char *family_name(enum conn_family family);

#endif

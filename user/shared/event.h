/* SPDX-License-Identifier: GPL-2.0 */
/* What users see of one connection: a record with its waits worked out. */
#ifndef SLOWCLOSE_EVENT_H
#define SLOWCLOSE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slowclose/record.h"

#define ACCEPT_ERRORS_MAX 8
#define ACCEPTORS_MAX 16

#define NSEC_PER_SEC 1000000000LL
#define NSEC_PER_MSEC 1000000LL

/* A number of nanoseconds or of bytes that is not known. */
#define UNKNOWN INT64_MIN

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

/* Where the service manager and the container runtime have put a process; "": not known, or none.
 */
struct place {
	char unit[128];
	char container[72];
};

struct event {
	enum record_kind kind;
	struct conn conn;
	/* Of a connection that waits: who has it open, and where it is queued. May be NULL. */
	const struct holder *holders; /* by process */
	size_t holder_count;
	size_t holders_left_out; /* descriptors beyond the first of each process */
	const struct listener_record *listener;
	const struct place *owner_place; /* or NULL */
	const struct place *closer_place; /* or NULL */
	uint64_t id; /* the same for all events of one connection */
	int64_t time_ns; /* CLOCK_REALTIME of the end; of the look, if it has not ended */
	int64_t accept_wait_ns; /* this and the following: or UNKNOWN */
	int64_t close_wait_ns;
	int64_t lifetime_ns;
	int64_t rx_bytes;
	int64_t tx_bytes;
	int64_t tx_bytes_after_fin;
	int64_t unread_bytes;
	enum tristate accepted;
	enum tristate fin_read;
	enum conn_cause cause;
	bool at_least; /* older than the hooks: the accept wait and the lifetime are lower bounds */
	bool close_wait_at_least; /* its FIN is: so is the close wait */
	bool slow; /* a wait is over its threshold */
};

/* A listener at one moment. */
struct listener_event {
	const struct listener_record *record;
	const struct holder *holders; /* as above */
	size_t holder_count;
	size_t holders_left_out;
	int64_t known; /* of those queued, how many are followed: the others were reset before the
			  start; UNKNOWN where several listeners of the port have some queued */
	bool accepts_seen; /* else what follows is not known */
	uint64_t accepts; /* by its holders on its port, since the start */
	int64_t last_accept_ns; /* how long ago; or UNKNOWN */
	/* Where there was none while some are queued, the last one on its port by a process that
	 * has nothing open any more that listens or waits: how long ago, or UNKNOWN. */
	int64_t gone_accept_ns;
	/* Holders that called accept(), with success or not: the last one first, the others in no
	 * order, at most so many. */
	uint32_t acceptors[ACCEPTORS_MAX];
	size_t acceptor_count;
	/* Failures of accept() of its holders, the most frequent first. */
	struct accept_error {
		int error;
		uint64_t count;
	} errors[ACCEPT_ERRORS_MAX];
	size_t error_count;
};

/*
 * Works out the event of an ended connection. realtime_offset_ns is
 * CLOCK_REALTIME less CLOCK_MONOTONIC, now. A wait whose two ends were not
 * both seen is UNKNOWN, as is one that would be negative.
 */
void event_from_record(struct event *event, const struct record *record,
		       const struct thresholds *thresholds, int64_t realtime_offset_ns);

/*
 * How much of the close wait the application is to blame for: what came before accept() it did not
 * know of. UNKNOWN as that.
 */
int64_t event_kept_ns(const struct event *event);

/* The words of the output; never NULL but for END_UNKNOWN and CAUSE_NONE. */
const char *kind_name(enum record_kind kind);
int kind_find(const char *name, size_t length); /* an enum record_kind; 0: it is the name of none */
const char *cause_name(enum conn_cause cause);
const char *end_name(enum conn_end end);
/*
 * What limits a listener's queue: "somaxconn", where they were equal, which a larger backlog is cut
 * to; else "backlog", that of listen(). NULL where somaxconn at that time is not known and was not
 * this, or where listen() may have been called again.
 */
const char *limit_name(const struct listener_record *record);
const char *error_name(int error); /* "EMFILE"; "other" for what the C library does not know */
const char *role_name(enum conn_role role);
const char *family_name(enum conn_family family);

#endif

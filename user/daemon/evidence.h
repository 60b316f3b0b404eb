/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is known of one service that has something waiting, at one moment: the facts that the
 * findings rest on. Rates and what is `before` or `stuck` come from two readings, interval_ns
 * apart. A number that is not known is UNKNOWN, a rate or a share NAN, so that no comparison with
 * it is true.
 */
#ifndef SLOWCLOSE_EVIDENCE_H
#define SLOWCLOSE_EVIDENCE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "thread.h"

#define EVIDENCE_LISTENERS_MAX 8
#define EVIDENCE_PROCESSES_MAX 16
#define EVIDENCE_INHERITORS_MAX 4

/*
 * What a server that drops an idle connection may say before: a close_notify of TLS (RFC
 * 8446, 6.1), a GOAWAY of HTTP/2 (RFC 9113, 6.8), the error message of a database. Nobody waits for
 * it.
 */
#define EVIDENCE_FAREWELL_BYTES 512

/* Times are alike within a tenth of them, or this. */
#define EVIDENCE_ALIKE_SHARE 10
#define EVIDENCE_ALIKE_NS (100 * NSEC_PER_MSEC)

/* Connections that wait longer than their threshold, of one cause. */
struct evidence_waits {
	uint64_t count;
	uint64_t before; /* how many there were at the reading before */
	uint64_t unread; /* of these: with data that was not taken, beside the FIN; of a client:
			    more than a farewell */
	int64_t oldest_ns; /* the longest of their waits; 0 without any */
	bool oldest_at_least; /* it is older than the daemon: that is a lower bound */
	int64_t oldest_before_ns;
};

struct evidence_error {
	int error; /* errno */
	uint64_t count; /* since the daemon's start */
	double rate; /* a second */
};

struct evidence_listener {
	enum conn_family family;
	__u8 address[16];
	uint16_t port;
	/* The process that called accept() last; else the last one that holds it, which is no
	 * master that leaves it to others; 0: not known. */
	uint32_t holder;
	char comm[16]; /* that process's */
	size_t holders; /* processes */
	uint32_t queued, queued_before;
	uint32_t limit; /* of the queue, which holds one more */
	const char *limit_by; /* "backlog", "somaxconn", or NULL where that cannot be told */
	uint32_t somaxconn;
	double drops; /* connections a second */
	uint64_t drops_while_full; /* since its queue was seen full; 0 where it is not */
	bool accepts_seen; /* else what follows is not known */
	double accepts; /* by its holders, a second */
	int64_t last_accept_ns; /* how long ago; UNKNOWN: none since the daemon's start */
	int64_t gone_accept_ns; /* where there was none: how long ago one of a process that does not
				   hold it, on its port; or UNKNOWN */
	struct evidence_error errors[ACCEPT_ERRORS_MAX];
	size_t error_count;
};

struct evidence_group {
	uint32_t count; /* threads */
	uint32_t before;
	uint32_t stuck; /* that have not run at all since the reading before */
	uint32_t awake; /* that run, as they did then, and have not slept in between */
	uint32_t tid; /* one of them, a stuck or awake one if there is any */
	char comm[16]; /* its name */
	char where[48]; /* the function of the kernel that it waits in; "": not known */
};

/* Shares of the time from one reading to the other, from 0 to 1. */
struct evidence_pressure {
	double some, full;
};

struct evidence_pressures {
	struct evidence_pressure cpu, io, memory;
};

struct evidence_process {
	uint32_t pid;
	char comm[16];
	char unit[128]; /* "": none, or not known */
	bool owns; /* connections in CLOSE_WAIT that wait */
	bool inherits; /* all of these: whoever accepted them has left them to it */
	uint32_t listens; /* the listeners that it holds: a bit for each, */
	bool accepts; /* and whether it has called accept() on any of them */
	int64_t fds;
	bool fds_at_least;
	int64_t fd_limit; /* the soft one, which holds; INT64_MAX: none */
	int64_t fd_limit_hard;
	bool threads_known;
	uint32_t threads;
	uint32_t threads_left_out; /* beyond those that are looked at */
	struct evidence_group groups[THREAD_WAITS];
	struct {
		bool known; /* else nothing of it is */
		enum thread_wait wait;
		bool stuck; /* as in groups */
	} main; /* its first thread, which in many programs does all the work */
	uint32_t cpus; /* that it may run on; 0: not known */
	double running; /* CPUs that its threads used, */
	double delayed; /* and CPUs that they waited for, on average */
	double delayed_most; /* the share of the time that one of them waited for a CPU */
	double spare; /* CPUs that it may use, and the service's processes did not */
	double throttled; /* share of the periods of its cgroup's quota that it had to stop in; 0:
			     there is no quota */
	double withheld; /* CPUs that it was kept from by that, on average */
	char throttled_by[128]; /* the cgroup with the quota; of a longer path "..." and its end */
	struct evidence_pressures pressures; /* of its cgroup */
};

struct evidence_node {
	struct evidence_pressures pressures;
	double stolen; /* share of the CPUs' time that other virtual machines took */
	char disk[32]; /* the busiest; "": none is known */
	double disk_busy; /* share of the time */
	double disk_ms; /* that an operation took; NAN: none was done */
	uint64_t disk_in_flight;
	int64_t files, files_limit; /* open, of all processes */
};

/* A descriptor of connections that somebody keeps open, and who else does. */
struct evidence_leak {
	uint32_t pid; /* 0: none is known */
	uint32_t fd;
	uint64_t held_by_others; /* connections that processes hold which do not own them */
	uint64_t left_to_others; /* of these: those that their owner holds no longer */
	uint64_t unseen; /* whose holders were not looked at: both are lower bounds then */
	struct {
		uint32_t pid;
		char comm[16];
	} inheritors[EVIDENCE_INHERITORS_MAX]; /* some of those processes */
	size_t inheritor_count;
};

/* From being established to the peer's FIN, of connections that are or just were slow to close. */
struct evidence_until_fin {
	size_t count;
	size_t closed; /* of these: those that this host has closed by now */
	int64_t p10_ns, p50_ns, p90_ns;
	/* Most of them, as near to each other as a timer's are: how many, how many of these have
	 * been closed, from and to when. */
	size_t alike, alike_closed;
	int64_t alike_from_ns, alike_to_ns;
};

struct evidence {
	int64_t time_ns; /* CLOCK_REALTIME */
	int64_t interval_ns; /* since the reading before; UNKNOWN: there was none */
	struct thresholds thresholds;
	enum conn_role role;
	uint32_t netns;
	uint16_t port; /* the local one of a server, the remote one of a client */
	char comm[16]; /* "": not known */
	char unit[128];
	struct evidence_waits waits[CAUSE_COUNT];
	uint64_t in_queue, in_close_wait; /* over their threshold, whatever the cause */
	double growth; /* of both together, a second; without those that still send */
	/* Of what was read to its end and not closed: how many readings found more, since one found
	 * fewer or for a minute none more; and how many were established after the FIN of the
	 * oldest, as long as that stays. */
	unsigned int growing;
	uint64_t younger;
	struct evidence_listener listeners[EVIDENCE_LISTENERS_MAX];
	size_t listener_count, listeners_left_out;
	struct evidence_process processes[EVIDENCE_PROCESSES_MAX];
	size_t process_count, processes_left_out; /* at least so many */
	struct evidence_node node;
	double overflows; /* ListenOverflows of the network namespace, a second */
	struct evidence_leak leak; /* of what has been taken in full and is not closed */
	struct evidence_leak fin_only; /* of a server's, of which only the FIN is left to be read */
	struct evidence_until_fin until_fin;
};

/* NULL: accept() never failed so. */
static inline const struct evidence_error *evidence_error(const struct evidence_listener *listener,
							  int error)
{
	for (size_t i = 0; i < listener->error_count; i++) {
		if (listener->errors[i].error == error)
			return &listener->errors[i];
	}
	return NULL;
}

struct reading; /* reading.h */

/* What service i of this reading shows, compared with the reading before. */
void evidence_make(struct evidence *evidence, const struct reading *reading,
		   const struct reading *before, size_t i, const struct thresholds *thresholds,
		   int64_t realtime_offset_ns);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that is read at one moment of what waits, of those it waits for and of the node: totals, of
 * which evidence.c takes the difference of two. Everything is bounded; what is left out is counted.
 */
#ifndef SLOWCLOSE_READING_H
#define SLOWCLOSE_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "evidence.h"
#include "place.h"
#include "proc.h"
#include "recent.h"
#include "symbols.h"
#include "waiting.h"

#define READING_SERVICES_MAX 64
#define READING_PROCESSES_MAX SCAN_PROCESSES_MAX
#define READING_SAMPLES_MAX 512
#define READING_LEFT_OUT_BITS 512

/* A process that has to do with a service. */
struct service_process {
	uint32_t pid;
	bool owns, accepts;
	uint32_t listens; /* the listeners that it holds: a bit for each */
	bool inherits; /* owns only what others have accepted, and left to it */
};

struct listener_reading {
	uint64_t sock;
	struct evidence_listener seen; /* its rates are not set */
	uint32_t drops;
	uint64_t accepts;
	/* Carried from reading to reading: */
	uint32_t drops_before_full; /* when its queue was not full the last time */
	bool full;
};

/* A server is its port; of a client there is one for each command. */
struct service_id {
	enum conn_role role;
	uint32_t netns;
	uint16_t port;
	char comm[16]; /* of a client; else empty */
};

struct service_reading {
	struct service_id id;
	char comm[16];
	char unit[128];
	struct evidence_waits waits[CAUSE_COUNT]; /* what is before is not set */
	uint64_t in_queue, in_close_wait;
	uint64_t kept; /* read to the end and not closed; of a client: idle ones */
	uint64_t all; /* each connection once, without those that still send */
	unsigned int growing; /* readings that found more kept ones, since one found fewer, */
	int64_t grown_ns; /* and when the last of them was */
	uint64_t oldest_fin_ns,
		oldest_fin_before_ns; /* of the kept ones, now and before; 0: none */
	uint64_t younger; /* kept ones that were established after that one's FIN */
	struct listener_reading listeners[EVIDENCE_LISTENERS_MAX];
	size_t listener_count, listeners_left_out;
	struct service_process processes[EVIDENCE_PROCESSES_MAX];
	size_t process_count, processes_left_out; /* at least so many, by a bit for each: */
	uint64_t left_out[READING_LEFT_OUT_BITS / 64];
	struct evidence_leak leak, fin_only;
	int64_t until_fin_ns[READING_SAMPLES_MAX];
	size_t until_fin_count, closed_count; /* the first of them have ended */
	bool overflows_known;
	uint64_t overflows;
};

struct process_reading {
	uint32_t pid;
	struct evidence_process seen; /* its rates are not set */
	/* Since the reading before, of its threads that were there then; timed: how many. */
	uint64_t run_ns, delay_ns, delay_most_ns;
	size_t timed;
	/* Those of them that did not sleep have waited for a CPU whenever they did not run. */
	size_t awake;
	uint64_t awake_run_ns, awake_run_least_ns;
	struct proc_throttles throttles; /* none: not known */
	struct proc_pressures pressures;
};

struct thread_reading {
	uint32_t tid;
	enum thread_wait wait;
	uint64_t switches, sleeps, run_ns, delay_ns;
};

struct node_reading {
	struct proc_pressures pressures;
	bool cpu_known;
	struct proc_cpu cpu;
	struct proc_disk disks[PROC_DISKS_MAX];
	size_t disk_count;
	bool files_known;
	int64_t files, files_limit;
};

struct reading {
	int64_t time_ns; /* CLOCK_MONOTONIC: what waited then; 0: there was no look */
	int64_t node_ns; /* of node */
	struct service_reading *services; /* [READING_SERVICES_MAX] */
	size_t service_count, services_left_out;
	const struct reading *before; /* up to reading_end() */
	uint64_t left_out; /* connections */
	struct process_reading processes[READING_PROCESSES_MAX]; /* by pid */
	size_t process_count, processes_left_out;
	int64_t threads_ns; /* CLOCK_MONOTONIC */
	struct array threads; /* struct thread_reading, sorted by tid when done */
	struct node_reading node;
};

/* Returns NULL when there is no memory. */
struct reading *reading_new(void);
void reading_free(struct reading *reading);

/* As if nothing had waited then. What its threads did is still known. */
void reading_forget(struct reading *reading);

/*
 * Takes over what a look found: begin, which forgets what was there, add or only count for each
 * connection, end with its listeners.
 */
void reading_begin(struct reading *reading, const struct reading *before);
void reading_count(struct reading *reading, const struct event *event);
void reading_add(struct reading *reading, const struct event *event);
void reading_end(struct reading *reading, const struct waiting *waiting,
		 const struct recent *recent, struct places *places);

/* Called by reading_end(): which processes are looked at, of those of all services. */
void reading_choose_processes(struct reading *reading);

/* The processes whose threads are to be read, in ascending order. Returns how many. */
size_t reading_pids(const struct reading *reading, uint32_t pids[READING_PROCESSES_MAX]);

/* Adds a thread of one of them. symbols is NULL where the kernel's are not known. */
void reading_add_thread(struct reading *reading, const struct reading *before,
			const struct thread_record *record, struct symbols *symbols);

/* All threads were added. */
void reading_end_threads(struct reading *reading, int64_t now_ns);

/* Reads what /proc and the cgroup tell of process i, of service i, and of the node. */
void reading_read_process(struct reading *reading, size_t i, const struct proc_mounts *mounts,
			  struct places *places);
void reading_read_service(struct reading *reading, size_t i);
void reading_read_node(struct reading *reading, int64_t now_ns);

bool service_id_is(const struct service_id *one, const struct service_id *other);

/* NULL: it is not in that reading. */
const struct service_reading *reading_find_service(const struct reading *reading,
						   const struct service_id *id);

#endif

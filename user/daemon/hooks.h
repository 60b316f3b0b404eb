/* SPDX-License-Identifier: GPL-2.0 */
/* The BPF programs: what the kernel can do, loading, attaching, reading. */
#ifndef SLOWCLOSE_HOOKS_H
#define SLOWCLOSE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "slowclose/record.h"

enum backend {
	BACKEND_AUTO, /* fentry if it attaches, else tracepoint */
	BACKEND_FENTRY,
	BACKEND_TRACEPOINT,
};

/* Connections that are followed at once, where nothing else is set: see room.h. */
#define CONNECTIONS_DEFAULT 1048576

struct hooks_options {
	bool scans_only; /* loaded and not attached: connections are not followed */
	enum backend backend;
	struct thresholds slow; /* a record over these wakes the reader at once */
	bool stream_slow; /* records of slow connections only; the others are folded */
	uint32_t max_connections; /* 0: the default */
};

struct hooks_counts {
	uint64_t records; /* sent through the ring */
	uint64_t folded; /* ended, and only counted: SCAN_FOLDS tells the sums */
	uint64_t losses[LOSS_COUNT];
	uint64_t skipped; /* program runs the kernel skipped, which the second look makes good;
			   * before 5.12 it does not count them */
};

struct hooks;

typedef void (*hooks_record_fn)(void *userdata, const struct record *record);

/*
 * Loads and attaches the programs; from here on connections are followed. Each failure is
 * logged, with what to do. Returns 0 with *ret to be freed by hooks_free(), or -errno.
 */
int hooks_attach(struct hooks **ret, const struct hooks_options *options, hooks_record_fn on_record,
		 void *userdata);

/* Detaches everything: the kernel is as before. NULL is allowed. */
void hooks_free(struct hooks *hooks);

/* Becomes readable when the kernel side wakes the reader. */
int hooks_fd(const struct hooks *hooks);

/* Hands records that wait to on_record, at most so many. Returns how many, or -errno. */
int hooks_consume(struct hooks *hooks, int most);

/* Since the start. */
void hooks_counts(const struct hooks *hooks, struct hooks_counts *counts);

/* Takes effect at once, for connections that end from here on. */
void hooks_set_slow(struct hooks *hooks, const struct thresholds *slow);

/* The same: whether records of slow connections only are sent. */
void hooks_set_stream(struct hooks *hooks, bool slow_only);

struct hooks_program {
	const char *name;
	bool timed; /* the kernel's statistics are on; else these two are 0 */
	uint64_t runs;
	uint64_t run_ns;
	uint64_t skipped;
};

typedef void (*hooks_program_fn)(void *userdata, const struct hooks_program *program);

/* Of each program that is attached. The kernel's statistics: sysctl kernel.bpf_stats_enabled. */
void hooks_for_each_program(const struct hooks *hooks, hooks_program_fn fn, void *userdata);

/* Connections in the tables as of the last look but one that was begun, and their room. */
uint64_t hooks_tracked(const struct hooks *hooks);
uint64_t hooks_tracked_max(const struct hooks *hooks);

/* What is there now; scan.h reads it. */
enum scan {
	SCAN_EXISTING, /* of this thread's network namespace: into the maps, tells nothing */
	SCAN_WAITING_SLOTS, /* struct record: what is in the first table of connections, */
	SCAN_WAITING, /* in the second, */
	SCAN_WAITING_MORE, /* and in the third */
	SCAN_LISTENERS, /* struct listener_record */
	SCAN_HOLDERS, /* struct holder: of what these three told, and of listeners */
	SCAN_ACCEPTS, /* struct accept_record */
	SCAN_FOLDS, /* struct fold_record: what was folded since the last of these scans */
	SCAN_FOLDS_OTHER, /* the same, of what had no room under its service */
	SCAN_THREADS, /* struct thread_record: of the processes of hooks_set_threads() */
	SCAN_COUNT,
};

struct scan_options {
	struct thresholds least; /* waits from here on */
	bool once; /* each at 1, 10, 100, … times these, and not again in between */
	bool mark; /* these are marked; of the others, too, at most so many are told: */
	uint64_t most; /* 0: all */
	uint64_t most_counted; /* and so many more are told as record.counted */
};

/* Whether connections and accept() are followed: not with scans_only. */
bool hooks_follow(const struct hooks *hooks);

/*
 * Begins a look at what waits: the scans of all three tables that are in use, which are asked one
 * after the other. A table is in use from when the one before has been full.
 */
void hooks_begin_look(struct hooks *hooks, const struct scan_options *options);
bool hooks_in_use(const struct hooks *hooks, enum scan scan);

/*
 * The processes whose threads SCAN_THREADS tells, in ascending order, at most SCAN_PROCESSES_MAX;
 * of each at most SCAN_THREADS_MAX. hooks_threads() tells how many there were of the process i.
 */
void hooks_set_threads(struct hooks *hooks, const uint32_t *pids, size_t count);
uint32_t hooks_threads(const struct hooks *hooks, size_t i);

/*
 * Of the last look: how many were over its thresholds, and how many it left out as there
 * were more than options.most and most_counted.
 */
uint64_t hooks_slow(const struct hooks *hooks);
uint64_t hooks_untold(const struct hooks *hooks);

/*
 * Begins a scan: a file descriptor to read() from and to close; HOOKS_WALK where it has none, and
 * hooks_walk() reads it instead; or -errno.
 */
#define HOOKS_WALK 0
int hooks_scan(struct hooks *hooks, enum scan scan);

/*
 * Reads a piece of a scan without a descriptor: *elements are *size bytes, until the next piece of
 * any scan. Returns 1: there is more; 0: that was all; -errno.
 */
int hooks_walk(struct hooks *hooks, enum scan scan, const void **elements, size_t *size);

/* "fentry" or "tracepoint", and why that one, for people. */
const char *hooks_backend(const struct hooks *hooks);
const char *hooks_backend_reason(const struct hooks *hooks);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* The BPF programs: what the kernel can do, loading, attaching, reading. */
#ifndef SLOWCLOSE_HOOKS_H
#define SLOWCLOSE_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "slowclose/record.h"

enum backend {
	BACKEND_AUTO, /* fentry if it attaches, else tracepoint */
	BACKEND_FENTRY,
	BACKEND_TRACEPOINT,
};

struct hooks_options {
	bool scans_only; /* loaded and not attached: connections are not followed */
	enum backend backend;
	struct thresholds wake; /* a record over these wakes the reader at once */
};

struct hooks_counts {
	uint64_t records; /* sent through the ring */
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

/* Hands all records that wait to on_record. Returns how many, or -errno. */
int hooks_consume(struct hooks *hooks);

/* Since the start. */
void hooks_counts(const struct hooks *hooks, struct hooks_counts *counts);

/* What is there now; scan.h reads it. */
enum scan {
	SCAN_EXISTING, /* of this thread's network namespace: into the maps, tells nothing */
	SCAN_WAITING, /* struct record */
	SCAN_LISTENERS, /* struct listener_record */
	SCAN_HOLDERS, /* struct holder: of what SCAN_WAITING tells, and of listeners */
	SCAN_ACCEPTS, /* struct accept_record */
	SCAN_COUNT,
};

struct scan_options {
	struct thresholds least; /* waits from here on */
	bool once; /* each at 1, 10, 100, … times these, and not again in between */
};

/* Whether connections and accept() are followed: not with scans_only. */
bool hooks_follow(const struct hooks *hooks);

/* For the scans that are begun from here on. */
void hooks_set_scan(struct hooks *hooks, const struct scan_options *options);

/* Begins a scan: a file descriptor to read() from and to close; or -errno. */
int hooks_scan(const struct hooks *hooks, enum scan scan);

/* "fentry" or "tracepoint", and why that one, for people. */
const char *hooks_backend(const struct hooks *hooks);
const char *hooks_backend_reason(const struct hooks *hooks);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Reads the scans: what is there now. */
#ifndef SLOWCLOSE_SCAN_H
#define SLOWCLOSE_SCAN_H

#include <stddef.h>

#include "hooks.h"

/*
 * One scan, read piece by piece: a piece is bounded by the kernel side, so that a caller with an
 * event loop can look after other things in between.
 */
struct scan_reader {
	struct hooks *hooks;
	enum scan scan;
	int fd; /* or HOOKS_WALK */
	size_t element_size;
};

typedef void (*scan_fn)(void *userdata, const void *element);

/* Returns 0 or -errno. scan_close() is for what was begun; it can be called twice. */
int scan_begin(struct scan_reader *reader, struct hooks *hooks, enum scan scan);
void scan_close(struct scan_reader *reader);

/*
 * Reads one piece, and hands its elements, of the type that enum scan tells, to on_element. Returns
 * 1: there is more; 0: that was all; -errno.
 */
int scan_read(struct scan_reader *reader, scan_fn on_element, void *userdata);

/* From begin to end. Returns 0 or -errno. */
int scan_run(struct hooks *hooks, enum scan scan, scan_fn on_element, void *userdata);

/* Network namespaces that were not looked at. */
struct scan_unseen {
	unsigned int count;
	int error; /* of the last one: -errno; -ETIME: those before had taken too long */
};

/*
 * Follows the connections and listeners that are there already, in every network namespace that has
 * a process or a name. To be called when the hooks are attached, so that nothing falls between.
 * Returns 0 or -errno; a namespace that cannot be entered is only counted, and so are those for
 * which no time is left.
 */
int scan_existing(struct hooks *hooks, struct scan_unseen *unseen);

/* What can be done about it, to be said after the error; or "". */
const char *scan_unseen_advice(const struct scan_unseen *unseen);

#endif

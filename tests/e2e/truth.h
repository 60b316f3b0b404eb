/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What waits, as others than slowclosed tell it. Each view is a set of lines, one for each
 * connection in CLOSE_WAIT or in an accept queue, with its addresses, Recv-Q and holders.
 */
#ifndef E2E_TRUTH_H
#define E2E_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define VIEW_LINE 256

struct view {
	char (*lines)[VIEW_LINE];
	size_t count, room;
};

/* Of the network namespace of the calling thread: /proc/net/tcp, tcp6, and the processes' fd. */
void view_read_proc(struct view *view);

/* The same by ss(8); false where there is none. */
bool view_read_ss(struct view *view);

/* An event of --list --json. */
void view_add_event(struct view *view, json_t *event);

/* Fails where a line is in one of them only; the names are for the message. */
void view_expect_same(struct view *one, const char *name, struct view *other,
		      const char *other_name);
void view_release(struct view *view);

#endif

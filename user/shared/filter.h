/* SPDX-License-Identifier: GPL-2.0 */
/* Which events a viewer wants to see. */
#ifndef SLOWCLOSE_FILTER_H
#define SLOWCLOSE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

#define FILTER_PORTS_MAX 64
#define FILTER_PORTS_ALLOWED                                                                       \
	"ports or ranges from 1 to 65535 with commas between, at most 64, such as "                \
	"80,443,8000-8100"

struct port_range {
	uint16_t first, last;
};

struct port_list {
	struct port_range ranges[FILTER_PORTS_MAX];
	unsigned int count; /* 0: any port */
};

/* All zero shows every slow event. */
struct filter {
	struct port_list local_ports;
	struct port_list remote_ports;
	char comm[16]; /* owner's command, exactly; empty: any */
	char unit[sizeof(((struct place *)0)->unit)]; /* the owner's, exactly; empty: any */
	uint32_t pid; /* owner's process; 0: any */
	uint32_t netns; /* inode number; 0: any */
	enum conn_family family; /* 0: any */
	enum conn_role role; /* 0: any */
	bool all; /* fast ones too */
	bool has_min_close_wait, has_min_accept_wait;
	int64_t min_close_wait_ns; /* shown from here on, instead of the thresholds; */
	int64_t min_accept_wait_ns; /* with both, one of the two is enough */
};

/*
 * Sets the option by its long name ("pid", "comm", "unit", "lport", "rport", "family",
 * "role", "netns", "min-close-wait", "min-accept-wait", "all") from text. Returns 0; -ENOENT: no
 * such option; -EINVAL with *allowed set to a text that says what a value may be.
 */
int filter_set(struct filter *filter, const char *name, const char *value, const char **allowed);

/* An event with owner_place NULL is of no unit. */
bool filter_match(const struct filter *filter, const struct event *event);

/* By local ports, network namespace and family alone. */
bool filter_match_listener(const struct filter *filter, const struct listener *listener);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* The path and the parameters of a request. */
#ifndef SLOWCLOSE_CLI_QUERY_H
#define SLOWCLOSE_CLI_QUERY_H

#include <stdbool.h>
#include <stddef.h>

/* The daemon takes 16 KiB with the header. */
#define QUERY_SIZE 8192

struct query {
	char text[QUERY_SIZE]; /* "/v1/events?lport=80" */
	size_t used;
	bool too_long; /* what did not fit is left out */
};

void query_begin(struct query *query, const char *path);

/* The value is escaped; NULL: a parameter without one. */
void query_add(struct query *query, const char *name, const char *value);

#endif

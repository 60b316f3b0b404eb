/* SPDX-License-Identifier: GPL-2.0 */
/* The path and the parameters of a request. */
#ifndef SLOWCLOSE_CLI_QUERY_H
#define SLOWCLOSE_CLI_QUERY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The daemon has 8 KiB for the request line, the header, what it notes of both and the header of
 * its answer: the half of it always fits.
 */
#define QUERY_SIZE 4096

struct query {
	char text[QUERY_SIZE]; /* "/v1/events?lport=80" */
	size_t used;
	bool too_long; /* what did not fit is left out */
};

void query_begin(struct query *query, const char *path);

/* The value is escaped; NULL: a parameter without one. */
void query_add(struct query *query, const char *name, const char *value);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* An answer of lines, as JSON or as one table: what list and listeners have in common. */
#ifndef SLOWCLOSE_CLI_LISTING_H
#define SLOWCLOSE_CLI_LISTING_H

#include "command.h"
#include "json_read.h"
#include "ranking.h"
#include "skipped.h"

/* A line for people is about 100 bytes. */
#define LISTING_LINES_MAX 500000

/* Begins with options and the limit of ranking. */
struct listing {
	const struct command_options *options;
	struct ranking ranking; /* of the table */
	struct json_read read;
	struct skipped skipped;
	unsigned long taken; /* lines, by whoever reads them */
};

/* What differs. */
struct listing_kind {
	const char *path;
	/* As of struct client_reader. */
	int (*line)(void *userdata, const char *line, size_t length);
	/* Prints the table, if it is not for JSON. */
	void (*print)(void *userdata);
};

/* Asks, and prints what is answered. Frees what the listing holds. Returns the exit status. */
int listing_run(struct listing *listing, const struct listing_kind *kind, void *userdata);

#endif

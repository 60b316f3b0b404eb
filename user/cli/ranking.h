/* SPDX-License-Identifier: GPL-2.0 */
/* Of any number of lines, those with the greatest keys. */
#ifndef SLOWCLOSE_CLI_RANKING_H
#define SLOWCLOSE_CLI_RANKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* All zero but limit, which is at least 1, is empty. */
struct ranking {
	size_t limit; /* how many lines are kept, at most */
	struct ranked *lines; /* a heap, the least of them first */
	size_t count;
	size_t size;
	uint64_t seen; /* how many there were */
};

/*
 * Whether a line with this key would be kept, so that no other need be made: then ranking_add()
 * must follow. Counts it either way.
 */
bool ranking_wants(struct ranking *ranking, int64_t key);

/* Takes over line, of malloc(), which may be NULL for no memory. Returns 0 or -ENOMEM. */
int ranking_add(struct ranking *ranking, int64_t key, char *line);

/* Prints the lines, the greatest key first, what came first among the same; and is empty then. */
void ranking_print(struct ranking *ranking, FILE *out);

/* The least key that is kept; INT64_MIN where nothing is. */
int64_t ranking_least(const struct ranking *ranking);

void ranking_free(struct ranking *ranking);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Lines of an answer that cannot be read. */
#ifndef SLOWCLOSE_CLI_SKIPPED_H
#define SLOWCLOSE_CLI_SKIPPED_H

#include <jansson.h>
#include <stddef.h>

#include "field.h"

/* All zero: none yet. */
struct skipped {
	unsigned long count;
};

/* Returns -EINVAL where the line is none that can be used; error says why. */
typedef int (*skipped_take_fn)(void *userdata, const json_t *object, const char *line,
			       size_t length);

/*
 * Reads a line and hands it to take. Returns what that does, but 0 where it is no JSON or take
 * cannot use it: then it is counted, and the first is told at once, with the error.
 */
int skipped_or_taken(struct skipped *skipped, const char *line, size_t length,
		     struct field_error *error, skipped_take_fn take, void *userdata);

/* Tells how many there were, and how many that were too long to be taken. Returns the sum. */
unsigned long skipped_tell(const struct skipped *skipped, unsigned long too_long);

#endif

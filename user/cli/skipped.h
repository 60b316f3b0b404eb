/* SPDX-License-Identifier: GPL-2.0 */
/* Lines of an answer that cannot be read. */
#ifndef SLOWCLOSE_SKIPPED_H
#define SLOWCLOSE_SKIPPED_H

/* All zero: none yet. */
struct skipped {
	unsigned long count;
};

/* Counts one; the first is told at once, with the error. */
void skipped_add(struct skipped *skipped, const char *error);

/* Tells how many there were, and how many that were too long to be taken. Returns the sum. */
unsigned long skipped_tell(const struct skipped *skipped, unsigned long too_long);

#endif

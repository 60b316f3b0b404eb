/* SPDX-License-Identifier: GPL-2.0 */
/* A diagnosis for people. */
#ifndef SLOWCLOSE_EXPLAIN_H
#define SLOWCLOSE_EXPLAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Which services: 0 is any. number is a port, or, where no service has it, a process. */
struct explain_wanted {
	uint32_t number;
};

struct explain_counts {
	size_t services; /* that have something waiting */
	size_t findings;
	size_t unsettled; /* services that were read only once so far */
};

/* Takes the services that are not wanted out of the diagnosis, and counts the others. */
struct explain_counts explain_select(json_t *diagnosis, const struct explain_wanted *wanted);

/*
 * Prints what was selected, in 80 columns: each finding with its proof, what it is not and what to
 * do; with verbose all evidence. What is missing or of another type is left out.
 */
void explain_print(FILE *out, const json_t *diagnosis, bool verbose);

#endif

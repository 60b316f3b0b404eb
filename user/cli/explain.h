/* SPDX-License-Identifier: GPL-2.0 */
/* A diagnosis for people. */
#ifndef SLOWCLOSE_CLI_EXPLAIN_H
#define SLOWCLOSE_CLI_EXPLAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Which services: 0 is any. number is a port, or, where no service has it, a process. */
struct explain_wanted {
	uint32_t number;
	bool is_process; /* there is one of this number */
};

struct explain_counts {
	size_t services; /* that have something waiting */
	size_t with_findings;
	size_t findings; /* of these */
	size_t unsettled; /* services that were read only once so far */
	bool unsure; /* there is none, and what was asked for may not have been looked at */
};

/*
 * Takes the services that are not wanted out of the diagnosis, puts the others in order, what is
 * critical and the most connections first, and counts them.
 */
struct explain_counts explain_select(json_t *diagnosis, const struct explain_wanted *wanted);

/*
 * Prints what explain_select() has left and counted, in 80 columns: each finding with its proof,
 * what it is not and what to do; with verbose all evidence. Of many services, without verbose, only
 * what each finding says. What is missing or of another type is left out.
 */
void explain_print(FILE *out, const json_t *diagnosis, const struct explain_wanted *wanted,
		   const struct explain_counts *counts, bool verbose);

#endif

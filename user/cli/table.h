/* SPDX-License-Identifier: GPL-2.0 */
/* Rows of a summary as a table for people. */
#ifndef SLOWCLOSE_CLI_TABLE_H
#define SLOWCLOSE_CLI_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "summary.h"

#define TABLE_SORTS                                                                                \
	"slow, ended, slow-accepts, slow-closes, accept-p99, accept-max, close-p99, close-max, "   \
	"queue, close-wait or name"

/* Whether it is one of these. */
bool table_has_sort(const char *value);

struct table_style {
	int columns; /* of the terminal, which longer names are cut for; 0: none are cut */
	int name_width; /* by table_fit() */
	bool colour;
};

/* The greatest first; names from A on. NULL: slow, which is what was slow and what waits now. */
void table_sort_rows(struct summary *summary, const char *sort);

/* Finds the width of the names of the first rows of that many. */
void table_fit(struct table_style *style, const struct summary *summary, size_t rows);

/* Two lines of heads; by, of the summary, is the head of the names. */
void table_head(FILE *out, const char *by, const struct table_style *style);

void table_row(FILE *out, const struct summary_row *row, const struct table_style *style);

/* A count in at most width columns, cut to "123k" or "1.2M" where it has more digits. */
const char *table_count(uint64_t count, int width, char *buf, size_t size);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* A summary for people. */
#ifndef SLOWCLOSE_CLI_REPORT_H
#define SLOWCLOSE_CLI_REPORT_H

#include <stdio.h>

#include "summary.h"
#include "table.h"

/*
 * Prints the first rows, sorted, the total and what the numbers rest on. style->columns is 0 where
 * there is no terminal.
 */
void report_print(FILE *out, struct summary *summary, const char *sort, size_t rows, bool histogram,
		  const struct table_style *style);

#endif

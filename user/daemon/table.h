/* SPDX-License-Identifier: GPL-2.0 */
/* A bounded table of rows: found by hash, reused when they are idle, and one row for the rest. */
#ifndef SLOWCLOSE_TABLE_H
#define SLOWCLOSE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "row.h"

struct table {
	struct row *rows;
	size_t count, max;
	uint64_t added; /* rows, since the start */
	struct row **heads; /* chains of rows */
	uint64_t mask;
	struct row *newest, *oldest; /* by when they were used last */
	struct row other; /* all that has no row */
	struct row_budget budget;
};

/* Returns 0 or -ENOMEM; either way table_free() is due. */
int table_init(struct table *table, size_t rows_max, size_t cells_max);
void table_free(struct table *table);

/* All rows of a hash, and some others, one after another; row is NULL at first. NULL: no more. */
struct row *table_next(const struct table *table, uint64_t hash, const struct row *row);

/* Returns NULL if there is none. */
struct row *table_find(const struct table *table, const union row_key *key, uint64_t hash);

/*
 * Adds a row. When the table is full, the one that was idle for the longest time, if that is
 * five minutes, is added to `other` and makes room. Returns NULL when there is none.
 */
struct row *table_add(struct table *table, const union row_key *key, uint64_t hash, uint64_t tick);

/* Says that the row is in use. */
void table_touch(struct table *table, struct row *row, uint64_t tick);

/* Brings all rows to a tick. */
void table_advance(struct table *table, uint64_t tick);

#endif

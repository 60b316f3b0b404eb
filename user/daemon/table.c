// SPDX-License-Identifier: GPL-2.0
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A row is idle after this, five minutes: who is new then is of more interest. */
#define IDLE_TICKS (TICKS_PER_HOUR / 12)

/* A bound of memory: all slots of half of the rows, and of ten more, at once. */
#define SLOTS_MAX(rows_max) (((rows_max) / 2 + 10) * ROW_SLOTS)

int table_init(struct table *table, size_t rows_max, size_t cells_max)
{
	size_t heads = 1;

	while (heads < 2 * rows_max)
		heads *= 2;
	table->max = rows_max;
	table->mask = heads - 1;
	table->budget.cells.max = cells_max;
	table->budget.slots_max = SLOTS_MAX(rows_max);
	table->rows = calloc(rows_max, sizeof(*table->rows));
	table->heads = calloc(heads, sizeof(*table->heads));
	if (!table->rows || !table->heads)
		return -ENOMEM;
	return row_fix(&table->other);
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		row_clear(&table->rows[i], &table->budget);
	row_clear(&table->other, &table->budget);
	free(table->rows);
	free(table->heads);
}

struct row *table_next(const struct table *table, uint64_t hash, const struct row *row)
{
	return row ? row->chained : table->heads[hash & table->mask];
}

static bool same_key(const union row_key *one, const union row_key *two)
{
	return one->words[0] == two->words[0] && one->words[1] == two->words[1] &&
	       one->words[2] == two->words[2];
}

struct row *table_find(const struct table *table, const union row_key *key, uint64_t hash)
{
	struct row *row = table->heads[hash & table->mask];

	while (row && !same_key(&row->key, key))
		row = row->chained;
	return row;
}

static void unlink_used(struct table *table, struct row *row)
{
	*(row->newer ? &row->newer->older : &table->newest) = row->older;
	*(row->older ? &row->older->newer : &table->oldest) = row->newer;
}

static void link_newest(struct table *table, struct row *row)
{
	row->newer = NULL;
	row->older = table->newest;
	*(table->newest ? &table->newest->newer : &table->oldest) = row;
	table->newest = row;
}

void table_touch(struct table *table, struct row *row, uint64_t tick)
{
	if (row->last_tick == tick)
		return;
	row->last_tick = tick;
	unlink_used(table, row);
	link_newest(table, row);
}

static void unchain(struct table *table, const struct row *row)
{
	struct row **at = &table->heads[row->hash & table->mask];

	while (*at != row)
		at = &(*at)->chained;
	*at = row->chained;
}

/* A row that is not used any more, or NULL. */
static struct row *find_room(struct table *table, uint64_t tick)
{
	struct row *row = table->oldest;

	if (table->count < table->max)
		return &table->rows[table->count++];
	if (!row || tick - row->last_tick <= IDLE_TICKS)
		return NULL;
	row_merge(&table->other, row, &table->budget);
	unchain(table, row);
	unlink_used(table, row);
	return row;
}

struct row *table_add(struct table *table, const union row_key *key, uint64_t hash, uint64_t tick)
{
	struct row *row = find_room(table, tick), **head = &table->heads[hash & table->mask];

	if (!row)
		return NULL;
	*row = (struct row){.key = *key,
			    .hash = hash,
			    .number = ++table->added,
			    .last_tick = tick,
			    .chained = *head};
	*head = row;
	link_newest(table, row);
	return row;
}

void table_advance(struct table *table, uint64_t tick)
{
	for (size_t i = 0; i < table->count; i++)
		row_advance(&table->rows[i], tick, &table->budget);
	row_advance(&table->other, tick, &table->budget);
}

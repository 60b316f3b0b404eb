// SPDX-License-Identifier: GPL-2.0
#include "row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNUSED UINT64_MAX /* the number of a slot of a fixed row that has nothing */

/* The slots of a level are a ring: each is in the place of its number, modulo their count. */
struct level {
	size_t first, count; /* places in a row */
	uint64_t width; /* ticks */
	uint64_t window; /* ticks, at least: what is older goes to the next level */
};

static const struct level levels[] = {
	[WINDOW_1M] = {.first = 0, .count = 5, .width = 1, .window = 4},
	[WINDOW_5M] = {.first = 5, .count = 5, .width = 4, .window = 20},
	[WINDOW_1H] = {.first = 10, .count = 7, .width = 40, .window = TICKS_PER_HOUR},
	[WINDOW_START] = {.first = 17, .count = 1, .width = UINT64_MAX, .window = UINT64_MAX},
};

/* Of the oldest slot that a level has. */
static uint64_t first_number(const struct level *level, uint64_t tick)
{
	return tick > level->window ? (tick - level->window) / level->width : 0;
}

uint64_t window_begin(enum window window, uint64_t tick)
{
	return first_number(&levels[window], tick) * levels[window].width;
}

static size_t place_of_number(const struct level *level, uint64_t number)
{
	return level->first + number % level->count;
}

static struct slot *slot_at(const struct row *row, size_t place)
{
	struct slot *slot = row->slots[place];

	return slot && slot->number != UNUSED ? slot : NULL;
}

static struct slot *take(struct row *row, size_t place, uint64_t number, struct row_budget *budget)
{
	struct slot *slot = row->slots[place];

	if (!slot) {
		if (budget->slots_used == budget->slots_max)
			return NULL;
		slot = calloc(1, sizeof(*slot));
		if (!slot)
			return NULL;
		budget->slots_used++;
		row->slots[place] = slot;
	}
	slot->number = number;
	return slot;
}

static void drop(struct row *row, size_t place, struct row_budget *budget)
{
	struct slot *slot = row->slots[place];

	for (int i = 0; i < MEASURE_COUNT; i++)
		histogram_free(&slot->measures[i].histogram, &budget->cells);
	if (row->fixed) {
		*slot = (struct slot){.number = UNUSED};
		return;
	}
	free(slot);
	budget->slots_used--;
	row->slots[place] = NULL;
}

int row_fix(struct row *row)
{
	row->fixed = true;
	for (size_t i = 0; i < ROW_SLOTS; i++) {
		row->slots[i] = calloc(1, sizeof(*row->slots[i]));
		if (!row->slots[i])
			return -ENOMEM;
		row->slots[i]->number = UNUSED;
	}
	return 0;
}

struct slot *row_slot(struct row *row, uint64_t tick, struct row_budget *budget)
{
	size_t place = place_of_number(&levels[0], tick);
	struct slot *slot = slot_at(row, place);

	return slot ? slot : take(row, place, tick, budget);
}

static void measure_add(struct slot_measure *measure, const struct sample_measure *sample,
			struct row_budget *budget)
{
	histogram_add(&measure->histogram, &budget->cells, sample->bucket, sample->count);
	sum_add(&measure->sum, sample->sum_ns, 0);
	if (sample->max_ns > measure->max_ns)
		measure->max_ns = sample->max_ns;
}

void slot_add(struct slot *slot, const struct sample *sample, struct row_budget *budget)
{
	counts_add(&slot->counts, &sample->counts);
	for (int i = 0; i < MEASURE_COUNT; i++) {
		if (sample->measures[i].count)
			measure_add(&slot->measures[i], &sample->measures[i], budget);
	}
}

/* Leaves the histograms of other empty. */
static void slot_merge(struct slot *slot, struct slot *other, struct row_budget *budget)
{
	counts_add(&slot->counts, &other->counts);
	for (int i = 0; i < MEASURE_COUNT; i++) {
		struct slot_measure *to = &slot->measures[i], *from = &other->measures[i];

		histogram_merge(&to->histogram, &from->histogram, &budget->cells);
		sum_add(&to->sum, from->sum.low, from->sum.high);
		if (from->max_ns > to->max_ns)
			to->max_ns = from->max_ns;
	}
}

/* To a place of the same row, which may have something already. */
static void move(struct row *row, size_t from, size_t to, uint64_t number,
		 struct row_budget *budget)
{
	struct slot *slot = slot_at(row, to);

	if (!slot && !row->fixed) {
		row->slots[to] = row->slots[from];
		row->slots[to]->number = number;
		row->slots[from] = NULL;
		return;
	}
	if (!slot)
		slot = take(row, to, number, budget);
	slot_merge(slot, row->slots[from], budget);
	drop(row, from, budget);
}

/* Where what began at a tick belongs, if no finer level than this has it. */
static const struct level *level_of(const struct level *level, uint64_t begin, uint64_t tick)
{
	while (begin / level->width < first_number(level, tick))
		level++;
	return level;
}

/* The coarse levels first, so that what comes into them finds only what stays there. */
void row_advance(struct row *row, uint64_t tick, struct row_budget *budget)
{
	for (size_t i = WINDOW_START; i-- > 0;) {
		const struct level *level = &levels[i];

		for (size_t j = level->first; j < level->first + level->count; j++) {
			const struct slot *slot = slot_at(row, j);
			const struct level *to;
			uint64_t number;

			if (!slot || slot->number >= first_number(level, tick))
				continue;
			to = level_of(level + 1, slot->number * level->width, tick);
			number = slot->number * level->width / to->width;
			move(row, j, place_of_number(to, number), number, budget);
		}
	}
}

void row_merge(struct row *row, struct row *other, struct row_budget *budget)
{
	for (size_t i = 0; i < ROW_SLOTS; i++) {
		struct slot *slot = slot_at(other, i);

		if (!slot)
			continue;
		slot_merge(take(row, i, slot->number, budget), slot, budget);
		drop(other, i, budget);
	}
	for (size_t i = 0; i < 2; i++)
		waiting_counts_add(&row->waiting[i], &other->waiting[i]);
}

void row_clear(struct row *row, struct row_budget *budget)
{
	for (size_t i = 0; i < ROW_SLOTS; i++) {
		if (!row->slots[i])
			continue;
		drop(row, i, budget);
		free(row->slots[i]); /* of a fixed row; else it is gone */
		row->slots[i] = NULL;
	}
}

const struct slot *row_next_slot(const struct row *row, enum window window, size_t *i)
{
	size_t end = levels[window].first + levels[window].count;

	while (*i < end) {
		const struct slot *slot = slot_at(row, (*i)++);

		if (slot)
			return slot;
	}
	return NULL;
}

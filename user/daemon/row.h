/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One row of the statistics: what has ended, in slots of time. Slots are fine at first; when they
 * leave the window that needs them fine, they are added to a coarser one, at last to the one that
 * has everything. So each connection is in one slot, and a window is whole slots: what has ended
 * since the beginning of its oldest.
 *
 * Time is counted in ticks since the start of the statistics, the width of the finest slots.
 */
#ifndef SLOWCLOSE_ROW_H
#define SLOWCLOSE_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "count.h"
#include "histogram.h"

#define TICK_NS (15 * NSEC_PER_SEC)
#define TICKS_PER_HOUR 240

#define ROW_SLOTS (5 + 5 + 7 + 1) /* row.c has what each is for */

struct slot_measure {
	struct histogram histogram;
	struct sum sum;
	uint64_t max_ns;
};

struct slot {
	uint64_t number; /* it begins at this times its width */
	struct counts counts;
	struct slot_measure measures[MEASURE_COUNT];
};

/* What a row is of; zero-filled, without implicit padding. */
union row_key {
	struct service_key service;
	struct {
		uint32_t pid; /* 0: not known */
		char comm[16];
		uint32_t padding;
	} process;
	struct {
		__u8 address[16];
		__u8 family; /* enum conn_family */
		__u8 role; /* enum conn_role */
		__u8 padding[6];
	} peer;
	uint64_t words[3];
};

_Static_assert(sizeof(union row_key) == 24, "keys are compared as words");

struct row {
	union row_key key;
	struct row *chained; /* the next one of the same hash */
	uint64_t number; /* of all rows there ever were in the table; 0: `other` */
	uint64_t last_tick; /* when it was used last */
	struct slot *slots[ROW_SLOTS]; /* NULL: nothing ended then */
	struct row *newer, *older; /* by last_tick */
	struct waiting_counts waiting[2]; /* of the last look, and of the one before or under way */
	uint64_t hash;
	bool fixed; /* has all its slots, always */
	bool presumed; /* a service: named by nobody, or by who called listen() */
	char unit[128]; /* of the last owner that had one; or "" */
};

/* Memory of the slots of many rows. */
struct row_budget {
	struct histogram_budget cells;
	size_t slots_used, slots_max;
};

/* One connection, or many folded ones, to be added to rows. */
struct sample {
	struct counts counts;
	struct sample_measure {
		uint64_t count; /* 0: not known, or a lower bound */
		uint64_t sum_ns;
		uint64_t max_ns;
		uint32_t bucket;
	} measures[MEASURE_COUNT];
};

/* Makes a row that always has slots, such as `other`. Returns 0 or -ENOMEM. */
int row_fix(struct row *row);

/* The slot of the present tick; NULL when the budget or the memory does not allow it. */
struct slot *row_slot(struct row *row, uint64_t tick, struct row_budget *budget);
void slot_add(struct slot *slot, const struct sample *sample, struct row_budget *budget);

/* Brings a row to the tick, from whichever it is at. */
void row_advance(struct row *row, uint64_t tick, struct row_budget *budget);

/* Adds what is in other to a row that was fixed and is at the same tick; other is empty then. */
void row_merge(struct row *row, struct row *other, struct row_budget *budget);

/* Gives the slots back. */
void row_clear(struct row *row, struct row_budget *budget);

/* The tick at which a window begins, at the present tick. */
uint64_t window_begin(enum window window, uint64_t tick);

/* The row's slots of a window, one after another: *i is 0 at first. NULL: no more. */
const struct slot *row_next_slot(const struct row *row, enum window window, size_t *i);

#endif

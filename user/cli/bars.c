// SPDX-License-Identifier: GPL-2.0
#include "bars.h"

#include <inttypes.h>

#include "duration.h"
#include "line.h"

#define MICROSECOND_GROUP 10 /* from 1.024 us on */

#define LABEL_COLUMNS 19 /* "  16.7ms - 33.5ms ", and the space before the bar */
#define COUNT_COLUMNS 8 /* at least */
#define BAR_MIN 10

void bars_add(struct bars *bars, int64_t from_ns, int64_t below_ns, uint64_t count)
{
	/* The middle, for the bounds may be cut to microseconds, and then belong elsewhere. */
	uint64_t middle = ((uint64_t)from_ns + (uint64_t)below_ns) / 2;

	bars->counts[middle ? 63 - __builtin_clzll(middle) : 0] += count;
}

static int64_t group_ns(int group)
{
	return group < 63 ? INT64_C(1) << group : INT64_MAX;
}

/* The groups that are shown, those under a microsecond added up in the one below it. */
struct shown {
	uint64_t counts[BARS_GROUPS];
	int first, last; /* last is -1 when there is nothing */
	uint64_t max;
};

static struct shown select_groups(const struct bars *bars)
{
	struct shown shown = {.first = BARS_GROUPS, .last = -1};

	for (int i = 0; i < BARS_GROUPS; i++) {
		int group = i < MICROSECOND_GROUP ? MICROSECOND_GROUP - 1 : i;

		shown.counts[group] += bars->counts[i];
		if (!shown.counts[group])
			continue;
		if (shown.first > group)
			shown.first = group;
		shown.last = group;
		if (shown.max < shown.counts[group])
			shown.max = shown.counts[group];
	}
	return shown;
}

/* At least one where there is anything. */
static int bar_length(uint64_t count, uint64_t max, int columns)
{
	int length = (int)((double)count / (double)max * columns);

	return count && !length ? 1 : length;
}

static void print_group(FILE *out, int group, uint64_t count, int digits, int bar,
			const char *colour)
{
	char from[32] = "0s", below[32];

	if (group >= MICROSECOND_GROUP)
		duration_format(group_ns(group), from, sizeof(from));
	duration_format(group_ns(group + 1), below, sizeof(below));
	fprintf(out, "  %6s - %-6s %*" PRIu64, from, below, digits, count);
	if (bar)
		fprintf(out, " %s", colour ? colour : "");
	for (int i = 0; i < bar; i++)
		fputc('#', out);
	fprintf(out, "%s\n", bar && colour ? COLOUR_RESET : "");
}

void bars_print(FILE *out, const struct bars *bars, int columns, int64_t slow_ns, bool colour)
{
	struct shown shown = select_groups(bars);
	int digits = snprintf(NULL, 0, "%*" PRIu64, COUNT_COLUMNS, shown.max);
	int widest = columns - LABEL_COLUMNS - digits;

	if (widest < BAR_MIN)
		widest = BAR_MIN;
	for (int i = shown.first; i <= shown.last; i++) {
		bool slow = colour && group_ns(i) >= slow_ns;

		print_group(out, i, shown.counts[i], digits,
			    bar_length(shown.counts[i], shown.max, widest),
			    slow ? COLOUR_YELLOW : NULL);
	}
}

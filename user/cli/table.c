// SPDX-License-Identifier: GPL-2.0
#include "table.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "array_count.h"
#include "duration.h"
#include "line.h"

#define CELL_SIZE 32
#define NAME_WIDTH 19

const char *table_count(uint64_t count, int width, char *buf, size_t size)
{
	static const char letters[] = " kMGTPE";
	uint64_t unit = 1;
	size_t letter = 0;
	int length = snprintf(buf, size, "%" PRIu64, count);

	while (length > width && letter + 1 < strlen(letters)) {
		unit *= 1000;
		letter++;
		length = snprintf(buf, size, "%" PRIu64 "%c", count / unit, letters[letter]);
	}
	/* A digit after the point, where there is room for it. */
	if (letter && count / unit < 10 && width >= 4)
		snprintf(buf, size, "%" PRIu64 ".%" PRIu64 "%c", count / unit,
			 count % unit / (unit / 10), letters[letter]);
	return buf;
}

/* What is sorted by; more is first. */
static int64_t at_most(uint64_t n)
{
	return n <= INT64_MAX ? (int64_t)n : INT64_MAX;
}

static int64_t ended(const struct summary_row *row)
{
	return at_most(row->ended);
}

static int64_t slow_accepts(const struct summary_row *row)
{
	return at_most(row->slow_accepts);
}

static int64_t slow_closes(const struct summary_row *row)
{
	return at_most(row->slow_closes);
}

static int64_t accept_p99(const struct summary_row *row)
{
	return row->accept_wait.p99_ns;
}

static int64_t accept_max(const struct summary_row *row)
{
	return row->accept_wait.max_ns;
}

static int64_t close_p99(const struct summary_row *row)
{
	return row->close_wait.p99_ns;
}

static int64_t close_max(const struct summary_row *row)
{
	return row->close_wait.max_ns;
}

static int64_t in_accept_queue(const struct summary_row *row)
{
	return row->waiting_known ? at_most(row->in_accept_queue) : UNKNOWN;
}

static int64_t in_close_wait(const struct summary_row *row)
{
	return row->waiting_known ? at_most(row->in_close_wait) : UNKNOWN;
}

static int64_t slow(const struct summary_row *row)
{
	return at_most(row->slow_accepts + row->slow_closes + row->in_accept_queue +
		       row->in_close_wait);
}

static const struct sort {
	const char *name;
	int64_t (*value)(const struct summary_row *row);
} sorts[] = {
	{"slow", slow}, /* the default */
	{"ended", ended},
	{"slow-accepts", slow_accepts},
	{"slow-closes", slow_closes},
	{"accept-p99", accept_p99},
	{"accept-max", accept_max},
	{"close-p99", close_p99},
	{"close-max", close_max},
	{"queue", in_accept_queue},
	{"close-wait", in_close_wait},
	{"name", NULL},
};

static const struct sort *find_sort(const char *name)
{
	for (size_t i = 0; i < COUNT(sorts); i++) {
		if (strcmp(sorts[i].name, name) == 0)
			return &sorts[i];
	}
	return NULL;
}

bool table_has_sort(const char *value)
{
	return find_sort(value) != NULL;
}

/* What is the same keeps an order, so that rows do not jump about when they are shown again. */
static int compare(const void *a, const void *b, void *userdata)
{
	const struct summary_row *one = a, *other = b;
	const struct sort *sort = userdata;
	int64_t left = sort->value ? sort->value(one) : 0;
	int64_t right = sort->value ? sort->value(other) : 0;

	if (left == right && sort->value) {
		left = ended(one);
		right = ended(other);
	}
	if (left == right)
		return strcmp(one->name, other->name);
	return left < right ? 1 : -1;
}

void table_sort_rows(struct summary *summary, const char *sort)
{
	const struct sort *found = sort ? find_sort(sort) : NULL;

	qsort_r(summary->rows, summary->row_count, sizeof(summary->rows[0]), compare,
		(void *)(found ? found : &sorts[0]));
}

/* Each column's cell is a count or a duration. */
static const struct column {
	const char *group; /* the upper head, over this column and those that follow without one */
	const char *head;
	int width;
	int64_t (*value)(const struct summary_row *row);
	bool is_duration;
	bool is_bad; /* when it is not 0 */
} columns[] = {
	{"", "ENDED", 7, ended, false, false},
	{"SLOW", "ACCEPT", 6, slow_accepts, false, true},
	{NULL, "CLOSE", 5, slow_closes, false, true},
	{"ACCEPT WAIT", "P99", 6, accept_p99, true, false},
	{NULL, "MAX", 6, accept_max, true, false},
	{"CLOSE WAIT", "P99", 6, close_p99, true, false},
	{NULL, "MAX", 6, close_max, true, false},
	{"WAITING", "QUEUE", 5, in_accept_queue, false, true},
	{NULL, "CLOSE", 5, in_close_wait, false, true},
};

/* Of all columns but the name. */
static int columns_width(void)
{
	int width = 0;

	for (size_t i = 0; i < COUNT(columns); i++)
		width += 1 + columns[i].width;
	return width;
}

void table_fit(struct table_style *style, const struct summary *summary, size_t rows)
{
	int room = style->columns - columns_width();
	int widest = NAME_WIDTH;

	for (size_t i = 0; i < rows && i < summary->row_count; i++) {
		int width = line_width(summary->rows[i].name);

		if (widest < width)
			widest = width;
	}
	if (style->columns && widest > room)
		widest = room > NAME_WIDTH ? room : NAME_WIDTH;
	style->name_width = widest;
}

/* Of the group that column i is the first of. */
static int group_width(size_t i)
{
	int width = columns[i++].width;

	for (; i < COUNT(columns) && !columns[i].group; i++)
		width += 1 + columns[i].width;
	return width;
}

void table_head(FILE *out, const char *by, const struct table_style *style)
{
	struct line line = {.out = out};
	char name[CELL_SIZE];

	snprintf(name, sizeof(name), "%s", by);
	for (char *c = name; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	line_cell(&line, "", NULL, style->name_width);
	for (size_t i = 0; i < COUNT(columns); i++) {
		if (columns[i].group)
			line_cell(&line, columns[i].group, NULL, group_width(i));
	}
	line_end(&line);
	line_cell(&line, name, NULL, -style->name_width);
	for (size_t i = 0; i < COUNT(columns); i++)
		line_cell(&line, columns[i].head, NULL, columns[i].width);
	line_end(&line);
}

/* Where the column after so many begins, in bytes. */
static size_t offset_of(const char *text, int skipped)
{
	size_t i = 0;

	for (; text[i]; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80 && skipped-- == 0)
			break;
	}
	return i;
}

/* Where it is too long: without its middle, for namespaces and addresses differ at their end. */
static const char *cut_name(const char *name, int width, char *buf, size_t size)
{
	int all = line_width(name), first = (width - 2) / 2;
	size_t used;

	if (all <= width)
		return name;
	used = offset_of(name, first);
	memcpy(buf, name, used);
	snprintf(buf + used, size - used, "..%s",
		 name + offset_of(name, all - (width - 2 - first)));
	return buf;
}

static const char *cell(const struct column *column, const struct summary_row *row, char *buf)
{
	int64_t value = column->value(row);

	if (value == UNKNOWN)
		return "-";
	if (column->is_duration)
		return duration_format(value, buf, CELL_SIZE);
	return table_count((uint64_t)value, column->width, buf, CELL_SIZE);
}

void table_row(FILE *out, const struct summary_row *row, const struct table_style *style)
{
	struct line line = {.out = out};
	char name[sizeof(row->name) + sizeof("..")], buf[CELL_SIZE];
	int width = style->columns ? style->name_width : (int)sizeof(name);

	line_cell(&line, cut_name(row->name, width, name, sizeof(name)), NULL, -style->name_width);
	for (size_t i = 0; i < COUNT(columns); i++) {
		const struct column *column = &columns[i];
		bool marked = style->colour && column->is_bad && column->value(row) > 0;

		line_cell(&line, cell(column, row, buf), marked ? COLOUR_YELLOW : NULL,
			  column->width);
	}
	line_end(&line);
}

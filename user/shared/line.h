/* SPDX-License-Identifier: GPL-2.0 */
/* One line of a table for people, cell by cell. */
#ifndef SLOWCLOSE_LINE_H
#define SLOWCLOSE_LINE_H

#include <stdio.h>

#define COLOUR_RED "\033[31m"
#define COLOUR_YELLOW "\033[33m"
#define COLOUR_DIM "\033[2m"
#define COLOUR_RESET "\033[0m"

/* How far a line is: what is written, and where the next cell belongs. Begins with out alone. */
struct line {
	FILE *out;
	int written;
	int wanted;
};

/* How many columns text takes; printf() would count the bytes of UTF-8. */
int line_width(const char *text);
int line_width_of(const char *text, size_t length);

/*
 * Adds a cell of width columns; a negative width puts it to the left. The spaces before a cell are
 * written with it, so that no line ends with them. A cell that is too wide takes from the spaces
 * that follow, so that the line is aligned again as soon as it can be. colour may be NULL.
 */
void line_cell(struct line *line, const char *text, const char *colour, int width);

/* Ends the line; the next one begins. */
void line_end(struct line *line);

#endif

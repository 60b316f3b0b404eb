/* SPDX-License-Identifier: GPL-2.0 */
/* Standard output: JSON for other programs, and whether anybody reads. */
#ifndef SLOWCLOSE_CLI_OUTPUT_H
#define SLOWCLOSE_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* To be called before anything is printed. */
void output_begin(void);

/*
 * Prints JSON so that any terminal shows it as text: what is no printable character of ASCII is
 * escaped. Each line begins with indent; flags are those of json_dumps().
 */
void output_escaped(FILE *out, const json_t *value, size_t flags, const char *indent);

/*
 * Prints a line of JSON as it came, without that it was read, if it is a connection's event and
 * goes to a pipe or a file. Returns false where it was not printed: it must be read.
 */
bool output_pass_on(const char *line, size_t length);

/*
 * Prints a line of JSON as it came; line is what object was read from. On a terminal it is escaped
 * as above.
 */
void output_json(const json_t *object, const char *line, size_t length);

/* The same without the line. */
void output_object(const json_t *object);

/* Writes out what was printed. Returns 0 or -errno; -EPIPE: nobody reads any more. */
int output_flush(void);

/*
 * The exit status after r, of output_flush() or a function that gives its errors on. Says why
 * nothing more can be written, unless nobody reads.
 */
int output_status(int r);

/* Of the terminal; 80 where there is none. */
int output_columns(void);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Text for people that is broken between words. */
#ifndef SLOWCLOSE_CLI_WRAP_H
#define SLOWCLOSE_CLI_WRAP_H

#include <stdio.h>

/*
 * Prints text, which is UTF-8, in 80 columns, and a newline. column is where its first line begins,
 * behind what was printed there already; the others begin behind left spaces.
 */
void wrap_print(FILE *out, int column, int left, const char *text);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Text that functions print to a FILE, as a string. */
#ifndef SLOWCLOSE_MEMORY_FILE_H
#define SLOWCLOSE_MEMORY_FILE_H

#include <stdio.h>

/* Stays where it is from memory_file_begin() to memory_file_end(), which must follow. */
struct memory_file {
	FILE *out;
	char *text;
	size_t size, room; /* of text */
};

/* Returns where to print, or NULL out of memory: then memory_file_end() returns NULL as well. */
FILE *memory_file_begin(struct memory_file *file);

/*
 * Returns what was printed, with a NUL behind it, to be freed; or NULL where any of it is missing,
 * for there was no memory. size is without the NUL, and may be NULL.
 */
char *memory_file_end(struct memory_file *file, size_t *size);

#endif

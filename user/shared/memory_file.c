// SPDX-License-Identifier: GPL-2.0
/* open_memstream() of glibc tells nobody that it ran out of memory: the text is cut then. */
#include "memory_file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* With the NUL behind it. */
static bool make_room(struct memory_file *file, size_t size)
{
	size_t wanted = file->size + size + 1;
	char *bigger;

	if (wanted <= file->room)
		return true;
	bigger = realloc(file->text, 2 * wanted);
	if (!bigger)
		return false;
	file->text = bigger;
	file->room = 2 * wanted;
	return true;
}

/* That nothing was written is an error of the FILE, and stays one. */
static ssize_t keep(void *userdata, const char *piece, size_t size)
{
	struct memory_file *file = userdata;

	if (!make_room(file, size))
		return 0;
	memcpy(file->text + file->size, piece, size);
	file->size += size;
	return (ssize_t)size;
}

FILE *memory_file_begin(struct memory_file *file)
{
	*file = (struct memory_file){.out = NULL};
	file->out = fopencookie(file, "w", (cookie_io_functions_t){.write = keep});
	return file->out;
}

char *memory_file_end(struct memory_file *file, size_t *size)
{
	bool well;

	if (!file->out)
		return NULL;
	well = fflush(file->out) == 0 && !ferror(file->out);
	well &= fclose(file->out) == 0 && make_room(file, 0);
	if (!well) {
		free(file->text);
		return NULL;
	}
	file->text[file->size] = '\0';
	if (size)
		*size = file->size;
	return file->text;
}

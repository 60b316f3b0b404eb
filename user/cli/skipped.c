// SPDX-License-Identifier: GPL-2.0
#include "skipped.h"

#include <errno.h>
#include <stdio.h>

#include "message.h"

int skipped_or_taken(struct skipped *skipped, const char *line, size_t length,
		     struct field_error *error, skipped_take_fn take, void *userdata)
{
	json_t *object = json_loadb(line, length, 0, NULL);
	int r = -EINVAL;

	if (object)
		r = take(userdata, object, line, length);
	else
		snprintf(error->text, sizeof(error->text), "it is no JSON");
	json_decref(object);
	if (r != -EINVAL)
		return r;
	if (skipped->count++ == 0)
		message("a line of slowclosed cannot be read and is skipped: %s", error->text);
	return 0;
}

unsigned long skipped_tell(const struct skipped *skipped, unsigned long too_long)
{
	if (skipped->count > 1)
		message("%lu lines of slowclosed were skipped", skipped->count);
	if (too_long)
		message("%lu lines of slowclosed were skipped, since they are over 1 MiB",
			too_long);
	return skipped->count + too_long;
}

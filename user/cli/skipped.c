// SPDX-License-Identifier: GPL-2.0
#include "skipped.h"

#include "message.h"

void skipped_add(struct skipped *skipped, const char *error)
{
	if (skipped->count++ == 0)
		message("a line of slowclosed cannot be read and is skipped: %s", error);
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

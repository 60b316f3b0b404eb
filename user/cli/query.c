// SPDX-License-Identifier: GPL-2.0
#include "query.h"

#include <stdio.h>
#include <string.h>

void query_begin(struct query *query, const char *path)
{
	query->too_long = false;
	query->used = (size_t)snprintf(query->text, sizeof(query->text), "%s", path);
}

/* What RFC 3986 leaves as it is; and the comma, so that lists of ports can be read. */
static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~,", c));
}

static void add_escaped(char *text, size_t size, size_t *used, const char *value)
{
	for (; *value && *used < size; value++)
		*used +=
			(size_t)snprintf(text + *used, size - *used,
					 is_plain(*value) ? "%c" : "%%%02X", (unsigned char)*value);
}

void query_add(struct query *query, const char *name, const char *value)
{
	size_t size = sizeof(query->text), used = query->used;
	char separator = strchr(query->text, '?') ? '&' : '?';

	used += (size_t)snprintf(query->text + used, size - used, "%c%s%s", separator, name,
				 value ? "=" : "");
	if (value && used < size)
		add_escaped(query->text, size, &used, value);
	if (used < size) {
		query->used = used;
	} else {
		query->too_long = true;
		query->text[query->used] = '\0';
	}
}

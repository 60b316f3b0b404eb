// SPDX-License-Identifier: GPL-2.0
#include "json.h"

#include <stdlib.h>
#include <string.h>

#include "json_part.h"
#include "render.h"

/* Cut to microseconds first, so that the nearest double prints with three decimals. */
json_t *json_milliseconds(int64_t ns)
{
	return ns == UNKNOWN ? json_null() : json_real((double)(ns / 1000) / 1000.0);
}

json_t *json_comm(const char comm[16])
{
	char text[16 * (sizeof(RENDER_REPLACEMENT) - 1)];
	size_t length = strnlen(comm, 16), used = 0;
	uint32_t code;

	for (size_t i = 0; i < length;) {
		size_t n = render_utf8(comm + i, length - i, &code);

		memcpy(text + used, n ? comm + i : RENDER_REPLACEMENT,
		       n ? n : strlen(RENDER_REPLACEMENT));
		used += n ? n : strlen(RENDER_REPLACEMENT);
		i += n ? n : 1;
	}
	return json_stringn(text, used);
}

json_t *json_place(const char *text)
{
	json_t *string = *text ? json_string(text) : NULL;

	return string ? string : json_null();
}

char *json_line(json_t *object, size_t *size)
{
	char *text = json_dumps(object, JSON_STYLE), *line;

	json_decref(object);
	if (!text)
		return NULL;
	*size = strlen(text) + 1;
	line = realloc(text, *size + 1);
	if (!line) {
		free(text);
		return NULL;
	}
	line[*size - 1] = '\n';
	line[*size] = '\0';
	return line;
}

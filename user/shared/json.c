// SPDX-License-Identifier: GPL-2.0
#include "json.h"

#include <stdlib.h>
#include <string.h>

#include "json_part.h"
#include "memory_file.h"
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

/* How many bytes come before a control character that jansson has left as it is. */
static size_t plain_length(const char *piece, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)piece[i];

		if (c == 0x7f || (c == 0xc2 && i + 1 < size && (unsigned char)piece[i + 1] <= 0x9f))
			return i;
	}
	return size;
}

int json_print_piece(const char *piece, size_t size, void *userdata)
{
	FILE *out = userdata;

	while (size) {
		size_t length = plain_length(piece, size);

		if (!length) {
			length = *piece == 0x7f ? 1 : 2;
			fprintf(out, JSON_CONTROL, (unsigned char)piece[length - 1]);
		} else {
			fwrite(piece, 1, length, out);
		}
		piece += length;
		size -= length;
	}
	return ferror(out) ? -1 : 0;
}

int json_print(FILE *out, const json_t *value, size_t flags)
{
	return json_dump_callback(value, json_print_piece, out, JSON_STYLE | flags);
}

char *json_line(json_t *object, size_t *size)
{
	struct memory_file file;
	FILE *out = memory_file_begin(&file);
	bool well = out && json_print(out, object, 0) == 0 && fputc('\n', out) != EOF;
	char *line = memory_file_end(&file, size);

	json_decref(object);
	if (well)
		return line;
	free(line);
	return NULL;
}

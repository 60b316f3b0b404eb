// SPDX-License-Identifier: GPL-2.0
#include "line.h"

#include <stdlib.h>
#include <string.h>

int line_width_of(const char *text, size_t length)
{
	int width = 0;

	for (size_t i = 0; i < length; i++)
		width += ((unsigned char)text[i] & 0xc0) != 0x80;
	return width;
}

int line_width(const char *text)
{
	return line_width_of(text, strlen(text));
}

void line_cell(struct line *line, const char *text, const char *colour, int width)
{
	int used = line_width(text);
	int spaces = line->wanted - line->written;

	if (width > used)
		spaces += width - used;
	if (line->written && spaces < 1)
		spaces = 1;
	fprintf(line->out, "%*s", spaces, "");
	if (colour)
		fprintf(line->out, "%s%s%s", colour, text, COLOUR_RESET);
	else
		fputs(text, line->out);
	line->written += spaces + used;
	line->wanted += abs(width) + 1;
}

void line_end(struct line *line)
{
	fputc('\n', line->out);
	line->written = 0;
	line->wanted = 0;
}

// SPDX-License-Identifier: GPL-2.0
#include "wrap.h"

#include <stdbool.h>
#include <string.h>

#include "line.h"

#define COLUMNS 80

void wrap_print(FILE *out, int column, int left, const char *text)
{
	bool begins = true; /* a line */

	while (*text) {
		size_t length = strcspn(text, " ");
		int width = line_width_of(text, length);

		if (!begins && column + 1 + width > COLUMNS) {
			fprintf(out, "\n%*s", left, "");
			column = left;
			begins = true;
		}
		fprintf(out, "%s%.*s", begins ? "" : " ", (int)length, text);
		column += !begins + width;
		begins = false;
		text += length;
		text += *text == ' ';
	}
	fputc('\n', out);
}

// SPDX-License-Identifier: GPL-2.0
#include "message.h"

#include <stdarg.h>
#include <stdio.h>

void message(const char *format, ...)
{
	char line[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fprintf(stderr, "slowclose: %s\n", line);
}

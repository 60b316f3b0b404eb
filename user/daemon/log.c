// SPDX-License-Identifier: GPL-2.0
#include "log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Two of these fit into a pipe that can be written to at all (PIPE_BUF, 4096 on Linux). */
#define LINE_BYTES 1024

bool log_debug_enabled;

/* Of a unit's process JOURNAL_STREAM is inherited; its standard error may have gone elsewhere. */
bool log_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat status;
	char own[64];

	if (!stream || fstat(STDERR_FILENO, &status) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(stream, own) == 0;
}

/* One that stopped in the middle would stop the daemon with it. */
static bool has_room(void)
{
	struct pollfd error = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&error, 1, 0) == 1;
}

static __attribute__((format(printf, 2, 0))) void write_line(int priority, const char *format,
							     va_list args)
{
	char line[LINE_BYTES];
	size_t used = 0;

	if (log_is_journal())
		used = (size_t)snprintf(line, sizeof(line), "<%d>", priority);
	used += (size_t)snprintf(line + used, sizeof(line) - used, "slowclosed: ");
	vsnprintf(line + used, sizeof(line) - used, format, args);
	used = strlen(line);
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0) /* nobody is left to be told */
		return;
}

static __attribute__((format(printf, 2, 3))) void write_one(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(priority, format, args);
	va_end(args);
}

void log_at(int priority, const char *format, ...)
{
	static unsigned long lost;
	va_list args;

	if (!has_room()) {
		lost++;
		return;
	}
	if (lost)
		write_one(LOG_WARNING, "%lu lines are missing here: nobody took them", lost);
	lost = 0;
	va_start(args, format);
	write_line(priority, format, args);
	va_end(args);
}

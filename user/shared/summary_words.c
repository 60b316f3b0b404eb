// SPDX-License-Identifier: GPL-2.0
#include "summary_words.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const by_names[BY_COUNT] = {
	[BY_SERVICE] = "service", [BY_PORT] = "port", [BY_UNIT] = "unit",
	[BY_PROCESS] = "process", [BY_PEER] = "peer",
};

static const char *const window_names[WINDOW_COUNT] = {
	[WINDOW_1M] = "1m",
	[WINDOW_5M] = "5m",
	[WINDOW_1H] = "1h",
	[WINDOW_START] = "start",
};

const char *summary_by_name(enum summary_by by)
{
	return (unsigned int)by < BY_COUNT ? by_names[by] : NULL;
}

const char *summary_window_name(enum window window)
{
	return (unsigned int)window < WINDOW_COUNT ? window_names[window] : NULL;
}

static int find_name(const char *const *names, int count, const char *name)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -EINVAL;
}

int summary_by_parse(const char *text, enum summary_by *by)
{
	int i = find_name(by_names, BY_COUNT, text);

	if (i < 0)
		return i;
	*by = i;
	return 0;
}

int summary_window_parse(const char *text, enum window *window)
{
	int i = find_name(window_names, WINDOW_COUNT, text);

	if (i < 0)
		return i;
	*window = i;
	return 0;
}

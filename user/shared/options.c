// SPDX-License-Identifier: GPL-2.0
#include "options.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *options_filter_name(int option, const char **value)
{
	switch (option) {
	case 'p':
		return "pid";
	case 'c':
		return "comm";
	case OPTION_UNIT:
		return "unit";
	case 'L':
		return "lport";
	case 'D':
		return "rport";
	case '4':
	case '6':
		*value = option == '4' ? "4" : "6";
		return "family";
	case OPTION_NETNS:
		return "netns";
	case OPTION_ROLE:
		return "role";
	case OPTION_MIN_CLOSE_WAIT:
		return "min-close-wait";
	case OPTION_MIN_ACCEPT_WAIT:
		return "min-accept-wait";
	default:
		return NULL;
	}
}

int options_count(const char *value, unsigned long *count)
{
	char *end;

	errno = 0;
	*count = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno || *count == 0)
		return -EINVAL;
	return 0;
}

bool options_wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term && *term &&
	       strcmp(term, "dumb") != 0;
}

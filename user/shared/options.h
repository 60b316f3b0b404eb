/* SPDX-License-Identifier: GPL-2.0 */
/* Options that slowclosed and slowclose both have. */
#ifndef SLOWCLOSE_OPTIONS_H
#define SLOWCLOSE_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

#define EXIT_USAGE 2 /* what was asked for is not allowed */

/* Options of one program alone count from here on. */
enum {
	OPTION_UNIT = 256,
	OPTION_NETNS,
	OPTION_ROLE,
	OPTION_MIN_CLOSE_WAIT,
	OPTION_MIN_ACCEPT_WAIT,
	OPTION_OWN,
};

/* For getopt_long(): the filters' letters, and their rows of the table of long options. */
#define OPTIONS_FILTER_LETTERS "p:c:L:D:46"
/* clang-format off */
#define OPTIONS_FILTER_ROWS                                                                        \
	{"pid", required_argument, NULL, 'p'},                                                     \
	{"comm", required_argument, NULL, 'c'},                                                    \
	{"unit", required_argument, NULL, OPTION_UNIT},                                            \
	{"lport", required_argument, NULL, 'L'},                                                   \
	{"rport", required_argument, NULL, 'D'},                                                   \
	{"netns", required_argument, NULL, OPTION_NETNS},                                          \
	{"role", required_argument, NULL, OPTION_ROLE},                                            \
	{"min-close-wait", required_argument, NULL, OPTION_MIN_CLOSE_WAIT},                        \
	{"min-accept-wait", required_argument, NULL, OPTION_MIN_ACCEPT_WAIT}
/* clang-format on */
#define OPTIONS_FILTER_USAGE                                                                       \
	"  -p, --pid PID              connections of this process\n"                               \
	"  -c, --comm COMMAND         of this command\n"                                           \
	"      --unit UNIT            of this systemd unit, such as nginx.service\n"               \
	"  -L, --lport PORTS          with these local ports, such as 80,443,8000-8100\n"          \
	"  -D, --rport PORTS          with these remote ports\n"                                   \
	"  -4, -6                     IPv4 or IPv6 only\n"                                         \
	"      --netns INODE          in this network namespace (lsns -t net)\n"                   \
	"      --role server|client   accepted here or connected from here\n"                      \
	"      --min-close-wait TIME  from this close wait on, instead of the slow ones\n"         \
	"      --min-accept-wait TIME from this accept wait on, instead of the slow ones\n"

/*
 * The name that filter_set() has for what getopt_long() returned, or NULL where that is no filter.
 * *value is its argument, and becomes the filter's value (that of -4 is "4").
 */
const char *options_filter_name(int option, const char **value);

#define OPTIONS_COUNT_ALLOWED "a number from 1 on"

/* Parses a count. Returns 0 or -EINVAL. */
int options_count(const char *value, unsigned long *count);

/* Colour belongs on a terminal that TERM says can show it, and never against NO_COLOR. */
bool options_wants_colour(void);

#endif

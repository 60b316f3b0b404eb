/* SPDX-License-Identifier: GPL-2.0 */
/* A subcommand, and the options that it is run with. */
#ifndef SLOWCLOSE_CLI_COMMAND_H
#define SLOWCLOSE_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "filter.h"
#include "options.h"
#include "query.h"
#include "socket_path.h"

#define COMMAND_FILTERS_MAX 16

enum {
	OPTION_SOCKET = OPTION_OWN,
	OPTION_JSON,
	OPTION_ALL,
	OPTION_WINDOW,
	OPTION_BY,
	OPTION_SORT,
	OPTION_HISTOGRAM,
	OPTION_VERSION,
};

/* A filter as it was given; that it is allowed is known. */
struct command_filter {
	const char *name;
	const char *value;
};

/* What a subcommand does not have stays 0. */
struct command_options {
	const char *socket;
	struct command_filter filters[COMMAND_FILTERS_MAX];
	size_t filter_count;
	const char *window;
	const char *by;
	const char *sort;
	unsigned long count; /* at most so many; 0: as many as there are, or as the default says */
	unsigned long delay_seconds;
	bool json;
	bool all;
	bool wide;
	bool no_time;
	bool histogram;
	bool verbose;
	const char *argument; /* or NULL */
};

struct command {
	const char *name;
	const char *summary;
	const char *usage; /* options and examples */
	bool takes_argument; /* one that is no option, if it is given */
	const char *letters; /* of getopt_long() */
	const struct option *long_options;
	int (*run)(const struct command_options *options); /* returns the exit status */
};

/* What every subcommand has. */
#define COMMAND_LETTERS "h"
/* clang-format off */
#define COMMAND_ROWS                                                                               \
	{"socket", required_argument, NULL, OPTION_SOCKET},                                        \
	{"help", no_argument, NULL, 'h'},                                                          \
	{NULL, 0, NULL, 0}
/* clang-format on */
#define COMMAND_USAGE                                                                              \
	"      --socket PATH          default " SOCKET_PATH_DEFAULT "\n"                           \
	"  -h, --help\n"

/*
 * Parses argv[1…] of the subcommand into options, which hold their defaults. Returns 1: go on; 0:
 * it was for help, which is printed; -EINVAL: it was told what is wrong.
 */
int command_parse(const struct command *command, struct command_options *options, int argc,
		  char **argv);

/* Checks and takes over the path of the socket. Returns 0, or -EINVAL: it was told why. */
int command_set_socket(struct command_options *options, const char *path);

/* Begins the query of a path with the filters that were given. */
void command_query(const struct command_options *options, struct query *query, const char *path);

extern const struct command tail_command;
extern const struct command report_command;
extern const struct command list_command;
extern const struct command listeners_command;
extern const struct command explain_command;
extern const struct command top_command;
extern const struct command status_command;

#endif

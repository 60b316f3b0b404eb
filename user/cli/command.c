// SPDX-License-Identifier: GPL-2.0
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "message.h"
#include "summary_words.h"
#include "table.h"

static int bad_value(const char *option, const char *value, const char *allowed)
{
	message("%s: \"%s\" is not allowed; it takes %s", option, value, allowed);
	return -EINVAL;
}

/* The last of one name counts, as it does in slowclosed; the daemon takes each once. */
static int set_filter(struct command_options *options, const char *name, const char *value)
{
	struct filter unused = {.pid = 0};
	const char *allowed = NULL;
	char option[32];
	size_t i;

	if (filter_set(&unused, name, value, &allowed) < 0) {
		snprintf(option, sizeof(option), "--%s", name);
		return bad_value(option, value, allowed);
	}
	for (i = 0; i < options->filter_count; i++) {
		if (strcmp(options->filters[i].name, name) == 0)
			break;
	}
	if (i == COMMAND_FILTERS_MAX)
		return -EINVAL;
	if (i == options->filter_count)
		options->filter_count++;
	options->filters[i] = (struct command_filter){name, value};
	return 0;
}

int command_set_socket(struct command_options *options, const char *path)
{
	if (!socket_path_is_allowed(path))
		return bad_value("--socket", path, SOCKET_PATH_ALLOWED);
	options->socket = path;
	return 0;
}

static int set_word(const char **word, const char *option, const char *value, bool is_allowed,
		    const char *allowed)
{
	if (!is_allowed)
		return bad_value(option, value, allowed);
	*word = value;
	return 0;
}

static int set_delay(unsigned long *seconds, const char *value)
{
	if (options_count(value, seconds) < 0 || *seconds > 3600)
		return bad_value("--delay", value, "a number of seconds from 1 to 3600");
	return 0;
}

static int set_option(struct command_options *options, int option, const char *value)
{
	const char *filter = options_filter_name(option, &value);
	enum window window;
	enum summary_by by;

	if (filter)
		return set_filter(options, filter, value);
	switch (option) {
	case OPTION_SOCKET:
		return command_set_socket(options, value);
	case OPTION_WINDOW:
		return set_word(&options->window, "--window", value,
				summary_window_parse(value, &window) == 0, SUMMARY_WINDOW_ALLOWED);
	case OPTION_BY:
		return set_word(&options->by, "--by", value, summary_by_parse(value, &by) == 0,
				SUMMARY_BY_ALLOWED);
	case OPTION_SORT:
		return set_word(&options->sort, "--sort", value, table_has_sort(value),
				TABLE_SORTS);
	case 'd':
		return set_delay(&options->delay_seconds, value);
	case 'n':
		if (options_count(value, &options->count) == 0)
			return 0;
		return bad_value("--count", value, OPTIONS_COUNT_ALLOWED);
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_ALL:
		options->all = true;
		return 0;
	case OPTION_HISTOGRAM:
		options->histogram = true;
		return 0;
	case 'v':
		options->verbose = true;
		return 0;
	case 'w':
		options->wide = true;
		return 0;
	case 'T':
		options->no_time = true;
		return 0;
	default:
		return -EINVAL;
	}
}

/* After the message of getopt, which names what is wrong. */
static void tell_options(const struct command *command)
{
	const struct option *option = command->long_options;
	char text[1024] = "";
	size_t used = 0;

	for (; option->name && used < sizeof(text); option++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " --%s", option->name);
	message("%s has these options:%s; see slowclose %s --help", command->name, text,
		command->name);
}

int command_parse(const struct command *command, struct command_options *options, int argc,
		  char **argv)
{
	int option;

	optind = 0; /* getopt begins anew */
	while ((option = getopt_long(argc, argv, command->letters, command->long_options, NULL)) !=
	       -1) {
		if (option == 'h') {
			printf("slowclose %s: %s\n\n%s", command->name, command->summary,
			       command->usage);
			return 0;
		}
		if (option == '?') {
			tell_options(command);
			return -EINVAL;
		}
		if (set_option(options, option, optarg) < 0)
			return -EINVAL;
	}
	if (command->takes_argument && optind + 1 == argc)
		options->argument = argv[optind++];
	if (optind == argc)
		return 1;
	message("\"%s\": %s takes no %s but options; see slowclose %s --help", argv[argc - 1],
		command->name, command->takes_argument ? "second argument" : "arguments",
		command->name);
	return -EINVAL;
}

void command_query(const struct command_options *options, struct query *query, const char *path)
{
	query_begin(query, path);
	for (size_t i = 0; i < options->filter_count; i++)
		query_add(query, options->filters[i].name, options->filters[i].value);
}

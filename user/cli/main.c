// SPDX-License-Identifier: GPL-2.0
/* slowclose: the subcommands. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array_count.h"
#include "command.h"
#include "message.h"
#include "output.h"
#include "standard_files.h"

static const struct command *const commands[] = {
	&explain_command,   &tail_command, &report_command, &list_command,
	&listeners_command, &top_command,  &status_command,
};

static const struct option long_options[] = {
	{"version", no_argument, NULL, OPTION_VERSION},
	COMMAND_ROWS,
};

static void print_usage(void)
{
	fputs("slowclose: which TCP connections applications accept or close slowly\n"
	      "\n",
	      stdout);
	for (size_t i = 0; i < COUNT(commands); i++)
		printf("  slowclose %-10s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n"
	      "  slowclose COMMAND --help explains each, with examples.\n"
	      "\n" COMMAND_USAGE "      --version\n",
	      stdout);
}

static void tell_commands(const char *wrong)
{
	char names[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < COUNT(commands); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
					 commands[i]->name);
	if (wrong)
		message("\"%s\": no such command; there are %s", wrong, names);
	else
		message("nothing to do; there are the commands %s, see --help", names);
}

/* Options before the command. Returns an exit status, or -1: go on. */
static int parse_own(struct command_options *options, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "+" COMMAND_LETTERS, long_options, NULL)) != -1) {
		switch (option) {
		case 'h':
			print_usage();
			return output_status(output_flush());
		case OPTION_VERSION:
			puts("slowclose " SLOWCLOSE_VERSION);
			return output_status(output_flush());
		case OPTION_SOCKET:
			if (command_set_socket(options, optarg) == 0)
				break;
			return EXIT_USAGE;
		default:
			message("before the command there can be --socket, --version and --help");
			return EXIT_USAGE;
		}
	}
	return -1;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; name && i < COUNT(commands); i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct command_options options = {.socket = SOCKET_PATH_DEFAULT};
	const struct command *command;
	int status;

	if (standard_files_hold() < 0)
		return EXIT_FAILURE;
	signal(SIGPIPE, SIG_IGN); /* that nobody reads any more is seen by writing */
	output_begin();
	/* getopt names the program in its messages as every other message does. */
	argv[0] = "slowclose";
	status = parse_own(&options, argc, argv);
	if (status >= 0)
		return status;
	argc -= optind;
	argv += optind;
	command = find_command(argv[0]);
	if (!command) {
		tell_commands(argv[0]);
		return EXIT_USAGE;
	}
	argv[0] = "slowclose";
	status = command_parse(command, &options, argc, argv);
	if (status <= 0)
		return status < 0 ? EXIT_USAGE : output_status(output_flush());
	return command->run(&options);
}

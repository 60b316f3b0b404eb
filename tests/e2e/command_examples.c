// SPDX-License-Identifier: GPL-2.0
/* The pipelines with jq that --help shows, as they stand there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "sockets.h"
#include "suite.h"

/* slowclose is the one that is tested; tail is ended by the first event of the port. */
static const char script[] = "slowclose() {\n"
			     "	[ \"$1\" != tail ] || set -- \"$@\" -n 1 -L \"$PORT\"\n"
			     "	\"$COMMAND\" --socket \"$SOCKET\" \"$@\"\n"
			     "}\n";

static struct program pipeline;

/* Starts the one in the help of a subcommand. */
static void start_example(const char *subcommand)
{
	static struct program help;
	const char *line, *jq;
	char text[512];

	assert_int_equal(command_run(&help, subcommand, "--help"), 0);
	jq = strstr(help.out.text, " | jq ");
	if (!jq)
		fail_msg("no example with jq in the help of %s", subcommand);
	for (line = jq; line[-1] != '\n'; line--)
		;
	snprintf(text, sizeof(text), "%s%.*s", script, (int)strcspn(line, "\n"), line);
	setenv("COMMAND", suite.command_path, 1);
	setenv("SOCKET", service.socket, 1);
	program_start(&pipeline, 0, (const char *const[]){"sh", "-c", text, NULL});
}

static void expect_printed(const char *text)
{
	int status = program_end(&pipeline);

	if (status || pipeline.err.length || !strstr(pipeline.out.text, text))
		fail_msg("exit %d, without \"%s\"; it said:\n%s%s", status, text, pipeline.out.text,
			 pipeline.err.text);
}

void command_examples_with_jq(void **state)
{
	struct listener listener;
	struct pair pair, queued[2];
	char text[32];

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 1);
	snprintf(text, sizeof(text), "%u", listener.port);
	setenv("PORT", text, 1);
	pair_open(&pair, &listener);
	pair_close_client(&pair);
	start_example("list");
	expect_printed("e2e\tnot-reading");

	command_wait_subscribers(0);
	start_example("tail");
	command_wait_subscribers(1);
	pass_ms(COMMAND_SLOW_MS);
	close(pair.server);
	expect_printed("not-reading\te2e\t");
	start_example("report");
	snprintf(text, sizeof(text), "\"port\": %u,", listener.port);
	expect_printed(text);

	/* One more than its limit. */
	pair_connect(&queued[0], &listener);
	pair_connect(&queued[1], &listener);
	start_example("listeners");
	snprintf(text, sizeof(text), "\"port\": %u\n", listener.port);
	expect_printed(text);
	start_example("status");
	expect_printed("\"subscribers\": 0");
	close(queued[0].client);
	close(queued[1].client);
	close(listener.fd);
}

// SPDX-License-Identifier: GPL-2.0
#include "list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "client.h"
#include "command.h"
#include "memory_file.h"
#include "message.h"
#include "output.h"
#include "skipped.h"

/* A line for people is about 100 bytes. */
#define LINES_MAX 500000

struct list {
	const struct command_options *options;
	struct text_style style;
	struct ranking ranking;
	struct json_read read;
	struct skipped skipped;
	unsigned long printed; /* as JSON */
};

/* The wait that goes on, the longer one of two. An accepted connection's accept wait is over. */
static int64_t longest_wait(const struct event *event)
{
	if (event->accepted == NO && event->accept_wait_ns > event->close_wait_ns)
		return event->accept_wait_ns;
	return event->close_wait_ns;
}

static char *line_of(const struct event *event, const struct text_style *style)
{
	struct memory_file file;
	FILE *out = memory_file_begin(&file);

	if (out)
		text_event(out, event, style);
	return memory_file_end(&file, NULL);
}

int list_rank(struct ranking *ranking, struct json_read *read, const json_t *object,
	      const struct text_style *style)
{
	struct event event;
	int r = event_from_json(&event, read, object);
	int64_t wait;

	if (r < 0)
		return r;
	wait = longest_wait(&event);
	if (!ranking_wants(ranking, wait))
		return 0;
	return ranking_add(ranking, wait, line_of(&event, style));
}

static int count_printed(struct list *list)
{
	return ++list->printed == list->options->count;
}

static int take(void *userdata, const json_t *object, const char *line, size_t length)
{
	struct list *list = userdata;

	if (!list->options->json)
		return list_rank(&list->ranking, &list->read, object, &list->style);
	output_json(object, line, length);
	return count_printed(list);
}

static int on_line(void *userdata, const char *line, size_t length)
{
	struct list *list = userdata;

	if (list->options->json && output_pass_on(line, length))
		return count_printed(list);
	return skipped_or_taken(&list->skipped, line, length, &list->read.error, take, list);
}

static int on_pause(void *userdata)
{
	(void)userdata;
	return output_flush();
}

static void print_table(struct list *list)
{
	struct ranking *ranking = &list->ranking;
	uint64_t more = ranking->seen - ranking->count;

	if (!ranking->seen) {
		puts(list->options->filter_count
			     ? "Nothing that the filters ask for waits."
			     : "Nothing waits: no connection in CLOSE_WAIT, none in an accept "
			       "queue.");
		return;
	}
	text_event_head(stdout, &list->style);
	ranking_print(ranking, stdout);
	if (more)
		printf("%" PRIu64 " more wait, none of them longer.\n", more);
}

static int list_run(const struct command_options *options)
{
	struct client client = {.socket = options->socket,
				.silence_ms = CLIENT_SILENCE_MS,
				.patience_ms = CLIENT_PATIENCE_MS};
	struct list list = {
		.options = options,
		.style = {.list = true, .colour = options_wants_colour()},
		.ranking = {.limit = options->count && options->count < LINES_MAX ? options->count
										  : LINES_MAX},
	};
	const struct client_reader reader = {on_line, on_pause, &list};
	unsigned long skipped;
	struct query query;
	int r;

	command_query(options, &query, "/v1/connections");
	r = client_lines(&client, &query, &reader);
	if (client.message[0])
		message("%s", client.message);
	skipped = skipped_tell(&list.skipped, client.long_lines);
	if (r == 0 && !options->json && (list.ranking.seen || !skipped))
		print_table(&list);
	ranking_free(&list.ranking);
	json_read_free(&list.read);
	if (client.message[0] || skipped)
		return EXIT_FAILURE;
	return output_status(r < 0 ? r : output_flush());
}

static const struct option long_options[] = {
	OPTIONS_FILTER_ROWS,
	{"count", required_argument, NULL, 'n'},
	{"json", no_argument, NULL, OPTION_JSON},
	COMMAND_ROWS,
};

const struct command list_command = {
	.name = "list",
	.summary = "all connections that wait now, the longest waits first",
	.usage = "  slowclose list                          what waits, and for how long\n"
		 "  slowclose list -n 20 -L 443             the 20 longest waits of a service\n"
		 "  slowclose list --unit nginx.service --min-close-wait 1m\n"
		 "  slowclose list --json | jq -r '[.owner.comm, .cause] | @tsv' | sort | uniq -c\n"
		 "\n" OPTIONS_FILTER_USAGE "  -n, --count COUNT          so many at most\n"
		 "      --json                 one JSON object a line, in no order\n" COMMAND_USAGE
		 "\n"
		 "TIME is a number and a unit: 500ms, 1.5s, 2m. FD is the descriptor that the\n"
		 "owner has open, - if others alone have it; 3.2s+ is at least that long.\n",
	.letters = OPTIONS_FILTER_LETTERS "n:" COMMAND_LETTERS,
	.long_options = long_options,
	.run = list_run,
};

// SPDX-License-Identifier: GPL-2.0
#include "listeners.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "client.h"
#include "command.h"
#include "memory_file.h"
#include "message.h"
#include "output.h"
#include "skipped.h"
#include "text.h"

#define LINES_MAX 500000

struct listeners {
	const struct command_options *options;
	struct ranking ranking;
	struct json_read read;
	struct skipped skipped;
	unsigned long total;
};

static char *line_of(const struct listener_event *event)
{
	struct memory_file file;
	FILE *out = memory_file_begin(&file);

	if (out)
		text_listener(out, event);
	return memory_file_end(&file, NULL);
}

int listeners_rank(struct ranking *ranking, struct json_read *read, const json_t *object, bool all)
{
	const struct listener_record *record;
	struct listener_event event;
	int64_t key, time_ns;
	int r = listener_from_json(&event, &time_ns, read, object);

	if (r < 0)
		return r;
	record = event.record;
	if (!all && !record->queued && !record->drops && !event.error_count)
		return 0;
	/* The fullest first; then what dropped most. */
	key = (int64_t)((uint64_t)record->queued << 31 | record->drops >> 1);
	if (!ranking_wants(ranking, key))
		return 0;
	return ranking_add(ranking, key, line_of(&event));
}

static int take(void *userdata, const json_t *object, const char *line, size_t length)
{
	struct listeners *listeners = userdata;
	int r = 0;

	if (listeners->options->json)
		output_json(object, line, length);
	else
		r = listeners_rank(&listeners->ranking, &listeners->read, object,
				   listeners->options->all);
	listeners->total += r == 0;
	return r;
}

static int on_line(void *userdata, const char *line, size_t length)
{
	struct listeners *listeners = userdata;

	return skipped_or_taken(&listeners->skipped, line, length, &listeners->read.error, take,
				listeners);
}

static int on_pause(void *userdata)
{
	(void)userdata;
	return output_flush();
}

static void print_table(struct listeners *listeners)
{
	unsigned long more = listeners->total - listeners->ranking.seen;

	if (listeners->ranking.seen) {
		text_listener_head(stdout);
		ranking_print(&listeners->ranking, stdout);
		if (more)
			printf("%lu more have nothing queued, dropped or failed (--all).\n", more);
	} else if (more) {
		printf("Nothing is queued, was dropped or failed: %lu listeners (--all).\n", more);
	} else {
		puts(listeners->options->filter_count ? "No listener is what the filters ask for."
						      : "There is no listener.");
	}
}

static int listeners_run(const struct command_options *options)
{
	struct client client = {.socket = options->socket,
				.silence_ms = CLIENT_SILENCE_MS,
				.patience_ms = CLIENT_PATIENCE_MS};
	struct listeners listeners = {.options = options, .ranking = {.limit = LINES_MAX}};
	const struct client_reader reader = {on_line, on_pause, &listeners};
	unsigned long skipped;
	struct query query;
	int r;

	command_query(options, &query, "/v1/listeners");
	r = client_lines(&client, &query, &reader);
	if (client.message[0])
		message("%s", client.message);
	skipped = skipped_tell(&listeners.skipped, client.long_lines);
	if (r == 0 && !options->json && (listeners.total || !skipped))
		print_table(&listeners);
	ranking_free(&listeners.ranking);
	json_read_free(&listeners.read);
	if (client.message[0] || skipped)
		return EXIT_FAILURE;
	return output_status(r < 0 ? r : output_flush());
}

static const struct option long_options[] = {
	{"lport", required_argument, NULL, 'L'},
	{"netns", required_argument, NULL, OPTION_NETNS},
	{"all", no_argument, NULL, OPTION_ALL},
	{"json", no_argument, NULL, OPTION_JSON},
	COMMAND_ROWS,
};

const struct command listeners_command = {
	.name = "listeners",
	.summary = "accept queues: how full, what was dropped, who accepts",
	.usage =
		"  slowclose listeners                  what is queued, dropped or failed\n"
		"  slowclose listeners --all -L 80,443  these two, whatever their state\n"
		"  slowclose listeners --json | jq 'select(.queued > .limit)'\n"
		"\n"
		"  -L, --lport PORTS          with these ports, such as 80,443,8000-8100\n"
		"  -4, -6                     IPv4 or IPv6 only\n"
		"      --netns INODE          in this network namespace (lsns -t net)\n"
		"      --all                  all, whatever their state\n"
		"      --json                 one JSON object a line, of all\n" COMMAND_USAGE "\n"
		"LIMIT is that of the queue, which holds one more, and what set it: backlog, the\n"
		"argument of listen(), or somaxconn. ACCEPTED is how long ago accept() returned a\n"
		"connection last; errors of accept() come before the holder, with their counts.\n",
	.letters = "L:46" COMMAND_LETTERS,
	.long_options = long_options,
	.run = listeners_run,
};

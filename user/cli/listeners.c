// SPDX-License-Identifier: GPL-2.0
#include "listeners.h"

#include <inttypes.h>

#include "listing.h"
#include "memory_file.h"
#include "output.h"
#include "text.h"

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
	struct listing *listing = userdata;
	int r = 0;

	if (listing->options->json)
		output_json(object, line, length);
	else
		r = listeners_rank(&listing->ranking, &listing->read, object,
				   listing->options->all);
	listing->taken += r == 0;
	return r;
}

static int on_line(void *userdata, const char *line, size_t length)
{
	struct listing *listing = userdata;

	return skipped_or_taken(&listing->skipped, line, length, &listing->read.error, take,
				listing);
}

static void print_table(void *userdata)
{
	struct listing *listing = userdata;
	unsigned long more = listing->taken - listing->ranking.seen;

	if (listing->ranking.seen) {
		text_listener_head(stdout);
		ranking_print(&listing->ranking, stdout);
		if (more)
			printf("%lu more have nothing queued, dropped or failed (--all).\n", more);
	} else if (more) {
		printf("Nothing is queued, was dropped or failed: %lu listeners (--all).\n", more);
	} else {
		puts(listing->options->filter_count ? "No listener is what the filters ask for."
						    : "There is no listener.");
	}
}

static int listeners_run(const struct command_options *options)
{
	static const struct listing_kind kind = {"/v1/listeners", on_line, print_table};
	struct listing listing = {.options = options, .ranking = {.limit = LISTING_LINES_MAX}};

	return listing_run(&listing, &kind, &listing);
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

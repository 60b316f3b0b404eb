// SPDX-License-Identifier: GPL-2.0
#include "list.h"

#include <inttypes.h>

#include "listing.h"
#include "memory_file.h"
#include "output.h"

struct list {
	struct listing listing;
	struct text_style style;
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

static int take(void *userdata, const json_t *object, const char *line, size_t length)
{
	struct list *list = userdata;
	struct listing *listing = &list->listing;
	int r = 0;

	if (listing->options->json)
		output_json(object, line, length);
	else
		r = list_rank(&listing->ranking, &listing->read, object, &list->style);
	listing->taken += r == 0;
	return r;
}

static int on_line(void *userdata, const char *line, size_t length)
{
	struct list *list = userdata;
	struct listing *listing = &list->listing;
	const struct command_options *options = listing->options;
	int r = 0;

	if (options->json && output_pass_on(line, length))
		listing->taken++;
	else
		r = skipped_or_taken(&listing->skipped, line, length, &listing->read.error, take,
				     list);
	if (r == 0 && options->json && options->count && listing->taken >= options->count)
		return 1;
	return r;
}

static void print_table(void *userdata)
{
	struct list *list = userdata;
	struct ranking *ranking = &list->listing.ranking;
	uint64_t more = ranking->seen - ranking->count;

	if (!ranking->seen) {
		puts(list->listing.options->filter_count
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
	static const struct listing_kind kind = {"/v1/connections", on_line, print_table};
	bool is_less = options->count && options->count < LISTING_LINES_MAX;
	struct list list = {
		.listing = {.options = options,
			    .ranking = {.limit = is_less ? options->count : LISTING_LINES_MAX}},
		.style = {.list = true, .colour = options_wants_colour()},
	};

	return listing_run(&list.listing, &kind, &list);
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

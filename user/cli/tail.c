// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "clock.h"
#include "command.h"
#include "duration.h"
#include "interrupt.h"
#include "json_read.h"
#include "message.h"
#include "output.h"
#include "skipped.h"
#include "text.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 2000

/* A burst that is too much is missed piece by piece; not each is told. */
#define MISSED_INTERVAL_NS NSEC_PER_SEC

struct tail {
	const struct command_options *options;
	struct text_style style;
	struct client client;
	struct json_read read;
	struct skipped skipped;
	unsigned long shown;
	uint64_t missed; /* and not told yet */
	int64_t missed_told_ns; /* CLOCK_MONOTONIC */
	bool reached; /* the daemon, once */
	char started[64]; /* the daemon, as it says; tells whether it is the same one */
	int64_t away_since_ns; /* CLOCK_MONOTONIC; 0: it is there */
	long backoff_ms;
};

/* Tells of the gap, if there was one. */
static void on_hello(struct tail *tail, const json_t *hello)
{
	const char *started = json_string_value(json_object_get(hello, "started"));
	char gap[32];
	bool same;

	if (!started)
		started = "";
	same = strcmp(tail->started, started) == 0;
	if (tail->away_since_ns) {
		duration_format(clock_monotonic_ns() - tail->away_since_ns, gap, sizeof(gap));
		if (same)
			message("slowclosed was out of reach for %s: what closed meanwhile is "
				"missing",
				gap);
		else
			message("slowclosed was away for %s (restarted): what closed meanwhile is "
				"missing",
				gap);
	} else if (!tail->reached && !tail->options->json) {
		text_event_head(stdout, &tail->style);
	}
	snprintf(tail->started, sizeof(tail->started), "%s", started);
	tail->reached = true;
	tail->away_since_ns = 0;
}

static void on_lost(struct tail *tail, const json_t *lost)
{
	int64_t count = json_integer_value(json_object_get(lost, "count"));

	if (count > 0)
		tail->missed += (uint64_t)count;
}

static void tell_missed(struct tail *tail)
{
	if (tail->missed)
		message("%" PRIu64 " events missed: they came faster than they were read here",
			tail->missed);
	tail->missed = 0;
	tail->missed_told_ns = clock_monotonic_ns();
}

/* Returns 0, -EINVAL or -ENOMEM. */
static int show_event(struct tail *tail, const json_t *object, const char *line, size_t length)
{
	struct event event;
	int r;

	if (tail->options->json) {
		output_json(object, line, length);
	} else {
		r = event_from_json(&event, &tail->read, object);
		if (r < 0)
			return r;
		text_event(stdout, &event, &tail->style);
	}
	tail->shown++;
	return 0;
}

/* Kinds that are not known come with later versions: passed over, or on. */
static int take(void *userdata, const json_t *object, const char *line, size_t length)
{
	struct tail *tail = userdata;
	const char *kind = json_string_value(json_object_get(object, "event"));

	if (!kind) {
		snprintf(tail->read.error.text, sizeof(tail->read.error.text),
			 "it is no object with an \"event\"");
		return -EINVAL;
	}
	if (strcmp(kind, "hello") == 0) {
		on_hello(tail, object);
		return 0;
	}
	if (strcmp(kind, "heartbeat") == 0)
		return 0;
	if (kind_find(kind, strlen(kind)))
		return show_event(tail, object, line, length);
	if (strcmp(kind, "lost") == 0)
		on_lost(tail, object);
	if (tail->options->json)
		output_json(object, line, length);
	return 0;
}

static int on_line(void *userdata, const char *line, size_t length)
{
	struct tail *tail = userdata;
	int r = 0;

	if (tail->options->json && output_pass_on(line, length))
		tail->shown++;
	else
		r = skipped_or_taken(&tail->skipped, line, length, &tail->read.error, take, tail);
	if (r == 0 && tail->options->count && tail->shown >= tail->options->count)
		return 1;
	return r;
}

static int on_pause(void *userdata)
{
	struct tail *tail = userdata;

	if (tail->missed && clock_monotonic_ns() - tail->missed_told_ns >= MISSED_INTERVAL_NS)
		tell_missed(tail);
	return interrupt_seen() ? 1 : output_flush();
}

/* Whether another try can help. */
static bool can_come_back(const struct tail *tail, int r)
{
	return tail->reached && r != -EINVAL && r != -ENOMEM;
}

/* What it says of itself is over; but where it fell silent, that began earlier. */
static void begin_outage(struct tail *tail, int r)
{
	if (tail->away_since_ns)
		return;
	tail->away_since_ns = r == -ETIMEDOUT ? tail->client.heard_ns : clock_monotonic_ns();
	message("slowclosed is away: %s. Waiting for it to come back",
		r == 0		  ? "it ended the stream"
		: r == -ETIMEDOUT ? "it has fallen silent"
				  : "the stream broke off");
}

static void wait_to_retry(struct tail *tail)
{
	const struct timespec delay = {.tv_sec = tail->backoff_ms / 1000,
				       .tv_nsec = tail->backoff_ms % 1000 * NSEC_PER_MSEC};

	nanosleep(&delay, NULL);
	tail->backoff_ms *= 2;
	if (tail->backoff_ms > BACKOFF_MAX_MS)
		tail->backoff_ms = BACKOFF_MAX_MS;
}

/* Until there is a reason to end: returns as client_lines(), or -EPIPE. */
static int follow(struct tail *tail, const struct query *query)
{
	const struct client_reader reader = {on_line, on_pause, tail};
	int r;

	for (;;) {
		int64_t begun_ns = clock_monotonic_ns();

		r = client_lines(&tail->client, query, &reader);
		if (interrupt_seen())
			return 1;
		if (r > 0 || (r < 0 && !tail->client.message[0]))
			return r; /* enough, or the output failed */
		if (!can_come_back(tail, r))
			return r;
		begin_outage(tail, r);
		/* One that ends as soon as it has begun is not asked for at full speed. */
		if (clock_monotonic_ns() - begun_ns > BACKOFF_MAX_MS * NSEC_PER_MSEC)
			tail->backoff_ms = BACKOFF_MIN_MS;
		wait_to_retry(tail);
		r = on_pause(tail);
		if (r)
			return r;
	}
}

static int tail_run(const struct command_options *options)
{
	struct tail tail = {
		.options = options,
		.style = {.wide = options->wide,
			  .no_time = options->no_time,
			  .colour = options_wants_colour()},
		.client = {.socket = options->socket, .silence_ms = CLIENT_SILENCE_MS},
		.backoff_ms = BACKOFF_MIN_MS,
	};
	struct query query;
	int r;

	command_query(options, &query, "/v1/events");
	if (options->all)
		query_add(&query, "all", NULL);
	interrupt_catch();
	r = follow(&tail, &query);
	tell_missed(&tail);
	skipped_tell(&tail.skipped, tail.client.long_lines);
	json_read_free(&tail.read);
	if (interrupt_seen())
		return EXIT_SUCCESS;
	if (r == 0 && !tail.reached) {
		message("what answers at %s is not slowclosed: it greets nobody", options->socket);
		return EXIT_FAILURE;
	}
	if (r < 0 && tail.client.message[0]) {
		message("%s", tail.client.message);
		return EXIT_FAILURE;
	}
	return output_status(r < 0 ? r : output_flush());
}

static const struct option long_options[] = {
	OPTIONS_FILTER_ROWS,
	{"all", no_argument, NULL, OPTION_ALL},
	{"count", required_argument, NULL, 'n'},
	{"json", no_argument, NULL, OPTION_JSON},
	{"wide", no_argument, NULL, 'w'},
	{"no-time", no_argument, NULL, 'T'},
	COMMAND_ROWS,
};

const struct command tail_command = {
	.name = "tail",
	.summary = "slow connections as they close and while they wait",
	.usage =
		"  slowclose tail                        all slow ones\n"
		"  slowclose tail -L 80,443 -w           of two services, with more columns\n"
		"  slowclose tail --unit nginx.service --min-close-wait 5s\n"
		"  slowclose tail --json | jq -r '[.cause, .owner.comm, .close_wait_ms] | @tsv'\n"
		"\n" OPTIONS_FILTER_USAGE "      --all                  fast ones too\n"
		"  -n, --count COUNT          end after so many\n"
		"      --json                 one JSON object a line\n"
		"  -w, --wide                 more columns than 80\n"
		"  -T, --no-time              no time stamps\n" COMMAND_USAGE "\n"
		"TIME is a number and a unit: 500ms, 1.5s, 2m. When slowclosed is restarted, this\n"
		"goes on with the new one, and says on stderr how long it was away.\n",
	.letters = OPTIONS_FILTER_LETTERS "n:wT" COMMAND_LETTERS,
	.long_options = long_options,
	.run = tail_run,
};

// SPDX-License-Identifier: GPL-2.0
#include "list.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "scan.h"
#include "waiting.h"

struct list_output {
	const struct tail_options *options;
	struct filter filter;
	struct text_style style;
	int64_t time_ns; /* CLOCK_REALTIME of the look */
	unsigned long shown;
	bool listeners_shown;
	int error;
};

/* Of text that was just written: what is told at the end is only of what is flushed then. */
static void note_failure(struct list_output *output)
{
	if (ferror(stdout) && !output->error)
		output->error = -errno;
}

static void show_event(struct list_output *output, const struct event *event)
{
	unsigned long most = output->options->count;

	if (output->error || (most && output->shown >= most) ||
	    !filter_match(&output->filter, event))
		return;
	if (output->options->json) {
		output->error = json_print_event(stdout, event);
	} else {
		if (!output->shown)
			text_event_head(stdout, &output->style);
		text_event(stdout, event, &output->style);
		note_failure(output);
	}
	output->shown++;
}

static void show_listener(struct list_output *output, const struct listener_event *event)
{
	if (output->error || !filter_match_listener(&output->filter, &event->record->listener))
		return;
	if (output->options->json) {
		output->error = json_print_listener(stdout, event, output->time_ns);
		return;
	}
	if (!event->record->queued && !event->record->drops)
		return;
	if (!output->listeners_shown) {
		if (output->shown)
			fputc('\n', stdout);
		text_listener_head(stdout);
	}
	output->listeners_shown = true;
	text_listener(stdout, event);
	note_failure(output);
}

static int look(struct waiting *waiting)
{
	const struct waiting_options options = {.all_listeners = true};
	int r = waiting_begin(waiting, &options);

	if (r < 0)
		return r;
	do {
		r = waiting_step(waiting);
	} while (r > 0);
	return r;
}

static void show_events(struct list_output *output, const struct waiting *waiting)
{
	static const struct thresholds everything; /* all that waits has a cause */
	struct places *places = places_new();
	struct place place;
	struct event event;

	if (!places) {
		output->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < waiting_count(waiting); i++) {
		waiting_event(waiting, i, &everything, output->time_ns - waiting_time_ns(waiting),
			      places, &event, &place);
		show_event(output, &event);
	}
	places_free(places);
}

static int show_all(struct list_output *output, const struct waiting *waiting)
{
	struct listener_event listener;

	output->time_ns = waiting_time_ns(waiting) + clock_realtime_offset_ns();
	show_events(output, waiting);
	for (size_t i = 0; i < waiting_listener_count(waiting); i++) {
		waiting_listener(waiting, i, &listener);
		show_listener(output, &listener);
	}
	if (!output->options->json && !output->shown && !output->listeners_shown)
		puts(waiting_count(waiting) ? "Nothing that the filters ask for waits."
					    : "Nothing waits: no connection in CLOSE_WAIT, none in "
					      "an accept queue.");
	if (fflush(stdout) == EOF && !output->error)
		output->error = -errno;
	return output->error == -EPIPE || output->error == -EIO ? 0 : output->error;
}

/* What there was no room for. */
static void tell_losses(const struct hooks *hooks)
{
	struct hooks_counts counts;
	uint64_t lost;

	hooks_counts(hooks, &counts);
	lost = counts.losses[LOSS_TABLE_FULL] + counts.losses[LOSS_NO_MEMORY];
	if (lost)
		log_warning("%" PRIu64 " connections that wait are not listed: no more than "
			    "--max-connections fit, or the kernel had no memory for them",
			    lost);
	if (counts.losses[LOSS_LISTENERS])
		log_warning("%" PRIu64
			    " listeners are not listed: there are more than are known at "
			    "once, or the kernel had no memory for them",
			    (uint64_t)counts.losses[LOSS_LISTENERS]);
}

int list_run(const struct tail_options *options)
{
	const struct hooks_options hooks_options = {
		.scans_only = true, .max_connections = options->hooks.max_connections};
	struct list_output output = {
		.options = options, .filter = options->filter, .style = options->style};
	struct waiting *waiting = NULL;
	struct scan_unseen unseen;
	struct hooks *hooks = NULL;
	int r;

	signal(SIGPIPE, SIG_IGN);
	output.filter.all = true;
	output.style.list = true;
	r = hooks_attach(&hooks, &hooks_options, NULL, NULL);
	if (r < 0) /* logged */
		return r;
	r = scan_existing(hooks, &unseen);
	if (r == 0 && unseen.count)
		log_warning("%u network namespaces were not looked at (%s)%s", unseen.count,
			    strerror(-unseen.error), scan_unseen_advice(&unseen));
	if (r == 0)
		tell_losses(hooks);
	waiting = waiting_new(hooks);
	if (r == 0)
		r = waiting ? look(waiting) : -ENOMEM;
	if (r == 0)
		r = show_all(&output, waiting);
	if (r < 0)
		log_error("cannot list what waits: %s", strerror(-r));
	waiting_free(waiting);
	hooks_free(hooks);
	return r;
}

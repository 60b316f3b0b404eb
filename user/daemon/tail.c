// SPDX-License-Identifier: GPL-2.0
#include "tail.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "json.h"
#include "log.h"
#include "watch.h"

struct tail {
	const struct tail_options *options;
	struct watch *watch;
	unsigned long shown;
	int output_error;
};

static bool enough_shown(const struct tail *tail)
{
	return tail->output_error || (tail->options->count && tail->shown >= tail->options->count);
}

static void show(struct tail *tail, const struct event *event)
{
	const struct tail_options *options = tail->options;

	if (options->json)
		tail->output_error = json_print_event(stdout, event);
	else
		text_event(stdout, event, &options->style);
	if (ferror(stdout) && !tail->output_error)
		tail->output_error = -errno;
	tail->shown++;
}

static void on_event(void *userdata, const struct event *event)
{
	struct tail *tail = userdata;

	if (!enough_shown(tail) && filter_match(&tail->options->filter, event))
		show(tail, event);
}

static void on_pause(void *userdata)
{
	struct tail *tail = userdata;

	if (fflush(stdout) == EOF && !tail->output_error)
		tail->output_error = -errno;
	if (enough_shown(tail))
		sd_event_exit(watch_loop(tail->watch), 0);
}

static void print_counts(const struct tail *tail)
{
	struct hooks_counts counts;
	uint64_t ring_full;

	hooks_counts(watch_hooks(tail->watch), &counts);
	ring_full = counts.losses[LOSS_RING_FULL] + counts.losses[LOSS_RING_FULL_LATE];
	log_info("%" PRIu64 " ended, %lu shown, lost %" PRIu64 " (ring full %" PRIu64
		 ", end unseen %" PRIu64 "), not followed %" PRIu64 " (table full %" PRIu64
		 ", no memory %" PRIu64 "), skipped %" PRIu64,
		 counts.records + counts.folded, tail->shown,
		 ring_full + counts.losses[LOSS_END_UNSEEN], ring_full,
		 (uint64_t)counts.losses[LOSS_END_UNSEEN],
		 counts.losses[LOSS_TABLE_FULL] + counts.losses[LOSS_NO_MEMORY],
		 counts.losses[LOSS_TABLE_FULL], counts.losses[LOSS_NO_MEMORY], counts.skipped);
}

static int on_counts_wanted(sd_event_source *source, const struct signalfd_siginfo *info,
			    void *userdata)
{
	(void)source, (void)info;
	print_counts(userdata);
	return 0;
}

static int on_reader_gone(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)fd, (void)events, (void)userdata;
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

/* A pipe whose reader is gone shows an error; a file cannot be watched, and need not be. */
static int prepare_loop(struct tail *tail)
{
	sd_event *loop = watch_loop(tail->watch);
	sigset_t signals;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	r = sd_event_add_signal(loop, NULL, SIGUSR1, on_counts_wanted, tail);
	if (r >= 0)
		r = sd_event_add_io(loop, NULL, STDOUT_FILENO, 0, on_reader_gone, tail);
	return r == -EPERM ? 0 : r;
}

/* What waits is told from where its end would be shown. */
static void set_watch(struct watch_options *watch, const struct tail_options *options)
{
	const struct filter *filter = &options->filter;

	*watch = (struct watch_options){.hooks = options->hooks, .tell = options->hooks.slow};
	if (filter->has_min_close_wait)
		watch->tell.close_wait_ns = filter->min_close_wait_ns;
	if (filter->has_min_accept_wait)
		watch->tell.accept_wait_ns = filter->min_accept_wait_ns;
}

static int show_until_end(struct tail *tail)
{
	const struct tail_options *options = tail->options;
	struct hooks *hooks = watch_hooks(tail->watch);
	int r;

	log_info("ready, backend %s: %s", hooks_backend(hooks), hooks_backend_reason(hooks));
	if (!options->json) {
		text_event_head(stdout, &options->style);
		fflush(stdout);
	}
	r = sd_event_loop(watch_loop(tail->watch));
	if (r >= 0 && !enough_shown(tail))
		r = watch_drain(tail->watch);
	if (r >= 0)
		print_counts(tail);
	if (tail->output_error && tail->output_error != -EPIPE && tail->output_error != -EIO) {
		log_error("cannot write the events: %s", strerror(-tail->output_error));
		r = tail->output_error;
	}
	return r;
}

int tail_run(const struct tail_options *options)
{
	struct tail tail = {.options = options};
	const struct watch_sink sink = {
		.on_event = on_event, .on_pause = on_pause, .userdata = &tail};
	struct watch_options watch_options;
	int r;

	signal(SIGPIPE, SIG_IGN);
	set_watch(&watch_options, options);
	r = watch_new(&tail.watch, &watch_options, &sink);
	if (r < 0) /* logged */
		return r;
	r = prepare_loop(&tail);
	if (r < 0)
		log_error("cannot prepare the event loop: %s", strerror(-r));
	else
		r = show_until_end(&tail);
	watch_free(tail.watch);
	return r;
}

// SPDX-License-Identifier: GPL-2.0
#include "tail.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "log.h"

/* How often the ring is looked at when nothing slow wakes the reader. */
#define LOOK_USEC (100 * 1000)

struct tail {
	const struct tail_options *options;
	struct hooks *hooks;
	sd_event *loop;
	unsigned long shown;
	int64_t realtime_offset_ns;
	int output_error;
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

static bool enough_shown(const struct tail *tail)
{
	return tail->output_error || (tail->options->count && tail->shown >= tail->options->count);
}

static void on_record(void *userdata, const struct record *record)
{
	struct tail *tail = userdata;
	const struct tail_options *options = tail->options;
	struct event event;

	if (enough_shown(tail))
		return;
	event_from_record(&event, record, &options->thresholds, tail->realtime_offset_ns);
	if (!filter_match(&options->filter, &event))
		return;
	if (options->json)
		tail->output_error = json_event_print(stdout, &event);
	else
		text_event(stdout, &event, &options->style);
	tail->shown++;
}

static int print_counts(const struct tail *tail)
{
	struct hooks_counts counts;
	int r = hooks_counts(tail->hooks, &counts);

	if (r < 0) {
		log_line("cannot read the counts: %s", strerror(-r));
		return r;
	}
	log_line("%" PRIu64 " ended, %lu shown, lost %" PRIu64 " (ring full %" PRIu64
		 "), not followed %" PRIu64 " (table full %" PRIu64 ", no memory %" PRIu64
		 "), skipped %" PRIu64,
		 counts.records + counts.losses[LOSS_RING_FULL], tail->shown,
		 counts.losses[LOSS_RING_FULL], counts.losses[LOSS_RING_FULL],
		 counts.losses[LOSS_TABLE_FULL] + counts.losses[LOSS_NO_MEMORY],
		 counts.losses[LOSS_TABLE_FULL], counts.losses[LOSS_NO_MEMORY], counts.skipped);
	return 0;
}

static void drain(struct tail *tail)
{
	int r;

	/* Taken anew each time: the wall clock can be set while this runs. */
	tail->realtime_offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	r = hooks_consume(tail->hooks);
	if (fflush(stdout) == EOF && !tail->output_error)
		tail->output_error = -errno;
	if (r < 0) {
		log_line("cannot read the ring buffer: %s", strerror(-r));
		sd_event_exit(tail->loop, r);
	} else if (enough_shown(tail)) {
		sd_event_exit(tail->loop, 0);
	}
}

static int on_wakeup(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source, (void)fd, (void)events;
	drain(userdata);
	return 0;
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)usec;
	drain(userdata);
	return sd_event_source_set_time_relative(source, LOOK_USEC);
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

static int loop_prepare(struct tail *tail)
{
	sd_event *loop = tail->loop;
	sd_event_source *look;
	sigset_t signals;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	/* Without a handler these two end the loop. */
	r = sd_event_add_signal(loop, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(loop, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(loop, NULL, SIGUSR1, on_counts_wanted, tail);
	if (r >= 0)
		r = sd_event_add_io(loop, NULL, hooks_fd(tail->hooks), EPOLLIN, on_wakeup, tail);
	if (r >= 0)
		r = sd_event_add_time_relative(loop, &look, CLOCK_MONOTONIC, LOOK_USEC, 0, on_look,
					       tail);
	if (r >= 0)
		r = sd_event_source_set_enabled(look, SD_EVENT_ON);
	if (r < 0)
		return r;

	/* A pipe whose reader is gone shows an error; a file cannot be watched, and need not be. */
	r = sd_event_add_io(loop, NULL, STDOUT_FILENO, 0, on_reader_gone, tail);
	return r == -EPERM ? 0 : r;
}

int tail_run(const struct tail_options *options)
{
	const struct hooks_options hooks_options = {
		.backend = options->backend,
		.wake = options->thresholds,
	};
	struct tail tail = {.options = options};
	int r;

	signal(SIGPIPE, SIG_IGN);
	r = sd_event_default(&tail.loop);
	if (r < 0) {
		log_line("cannot make an event loop: %s", strerror(-r));
		return r;
	}
	r = hooks_attach(&tail.hooks, &hooks_options, on_record, &tail);
	if (r < 0) /* logged */
		goto out;
	r = loop_prepare(&tail);
	if (r < 0) {
		log_line("cannot prepare the event loop: %s", strerror(-r));
		goto out;
	}
	log_line("ready, backend %s: %s", hooks_backend(tail.hooks),
		 hooks_backend_reason(tail.hooks));
	if (!options->json) {
		text_event_head(stdout, &options->style);
		fflush(stdout);
	}
	r = sd_event_loop(tail.loop);
	if (r >= 0) {
		if (!enough_shown(&tail))
			drain(&tail);
		r = print_counts(&tail);
	}
	if (tail.output_error && tail.output_error != -EPIPE && tail.output_error != -EIO) {
		log_line("cannot write the events: %s", strerror(-tail.output_error));
		r = tail.output_error;
	}
out:
	hooks_free(tail.hooks);
	sd_event_unref(tail.loop);
	return r;
}

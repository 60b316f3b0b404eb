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
#include "place.h"
#include "scan.h"
#include "waiting.h"

/* How often the ring is looked at when nothing slow wakes the reader. */
#define LOOK_USEC (100 * 1000)

/* How often everything that waits is looked at. */
#define TICK_USEC (1000 * 1000)

struct tail {
	const struct tail_options *options;
	struct hooks *hooks;
	struct waiting *waiting;
	sd_event *loop;
	sd_event_source *piece; /* enabled while a look at what waits is under way */
	unsigned long holders_left_out;
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

/* Taken anew each time: the wall clock can be set while this runs. */
static int64_t realtime_offset_ns(void)
{
	return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
}

static bool enough_shown(const struct tail *tail)
{
	return tail->output_error || (tail->options->count && tail->shown >= tail->options->count);
}

static void show(struct tail *tail, const struct event *event)
{
	const struct tail_options *options = tail->options;

	if (options->json)
		tail->output_error = json_print(stdout, json_event(event));
	else
		text_event(stdout, event, &options->style);
	tail->shown++;
}

static void on_record(void *userdata, const struct record *record)
{
	struct tail *tail = userdata;
	const struct tail_options *options = tail->options;
	struct place owner, closer;
	struct event event;

	if (enough_shown(tail))
		return;
	event_from_record(&event, record, &options->thresholds, tail->realtime_offset_ns);
	if (!filter_match(&options->filter, &event))
		return;
	if (event.slow) { /* fast ones come in any number */
		event.owner_place = place_of(event.conn.owner.pid, &owner);
		event.closer_place = place_of(event.conn.closer.pid, &closer);
	}
	show(tail, &event);
}

static void on_waiting(void *userdata, const struct event *event)
{
	struct tail *tail = userdata;

	if (!enough_shown(tail) && filter_match(&tail->options->filter, event))
		show(tail, event);
}

static void print_counts(const struct tail *tail)
{
	struct hooks_counts counts;

	hooks_counts(tail->hooks, &counts);
	log_line("%" PRIu64 " ended, %lu shown, lost %" PRIu64 " (ring full %" PRIu64
		 "), not followed %" PRIu64 " (table full %" PRIu64 ", no memory %" PRIu64
		 "), skipped %" PRIu64,
		 counts.records + counts.folded, tail->shown,
		 counts.losses[LOSS_RING_FULL] + counts.losses[LOSS_RING_FULL_LATE],
		 counts.losses[LOSS_RING_FULL] + counts.losses[LOSS_RING_FULL_LATE],
		 counts.losses[LOSS_TABLE_FULL] + counts.losses[LOSS_NO_MEMORY],
		 counts.losses[LOSS_TABLE_FULL], counts.losses[LOSS_NO_MEMORY], counts.skipped);
}

static void flush(struct tail *tail)
{
	if (fflush(stdout) == EOF && !tail->output_error)
		tail->output_error = -errno;
	if (enough_shown(tail))
		sd_event_exit(tail->loop, 0);
}

static void drain(struct tail *tail)
{
	int r;

	tail->realtime_offset_ns = realtime_offset_ns();
	r = hooks_consume(tail->hooks);
	if (r < 0) {
		log_line("cannot read the ring buffer: %s", strerror(-r));
		sd_event_exit(tail->loop, r);
	}
	flush(tail);
}

static void end_look(struct tail *tail)
{
	unsigned long left_out = waiting_holders_left_out(tail->waiting);

	waiting_for_each(tail->waiting, &tail->options->thresholds, realtime_offset_ns(),
			 on_waiting, tail);
	if (left_out > tail->holders_left_out)
		log_line("%lu descriptors were left out: holders may be incomplete", left_out);
	tail->holders_left_out = left_out;
	flush(tail);
}

/* One piece of the look at what waits; then the loop goes round, and the ring is read. */
static int on_piece(sd_event_source *source, void *userdata)
{
	struct tail *tail = userdata;
	int r = waiting_step(tail->waiting);

	if (r > 0)
		return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	if (r < 0)
		log_line("cannot look at what waits: %s", strerror(-r));
	else
		end_look(tail);
	return 0;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct tail *tail = userdata;
	int enabled, r;

	(void)usec;
	sd_event_source_get_enabled(tail->piece, &enabled);
	if (enabled == SD_EVENT_OFF) { /* else the last look is not over */
		r = waiting_begin(tail->waiting, false);
		if (r < 0)
			log_line("cannot look at what waits: %s", strerror(-r));
		else
			sd_event_source_set_enabled(tail->piece, SD_EVENT_ONESHOT);
	}
	return sd_event_source_set_time_relative(source, TICK_USEC);
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
	sd_event_source *look, *tick;
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
	if (r >= 0)
		r = sd_event_add_time_relative(loop, &tick, CLOCK_MONOTONIC, 0, 0, on_tick, tail);
	if (r >= 0)
		r = sd_event_source_set_enabled(tick, SD_EVENT_ON);
	if (r >= 0)
		r = sd_event_add_defer(loop, &tail->piece, on_piece, tail);
	if (r >= 0) /* what comes in through the ring goes first */
		r = sd_event_source_set_priority(tail->piece, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_enabled(tail->piece, SD_EVENT_OFF);
	if (r < 0)
		return r;

	/* A pipe whose reader is gone shows an error; a file cannot be watched, and need not be. */
	r = sd_event_add_io(loop, NULL, STDOUT_FILENO, 0, on_reader_gone, tail);
	return r == -EPERM ? 0 : r;
}

/* What waits is told from where its end would be shown. */
static void set_scan(struct tail *tail)
{
	const struct filter *filter = &tail->options->filter;
	struct scan_options scan = {.least = tail->options->thresholds, .once = true};

	if (filter->has_min_close_wait)
		scan.least.close_wait_ns = filter->min_close_wait_ns;
	if (filter->has_min_accept_wait)
		scan.least.accept_wait_ns = filter->min_accept_wait_ns;
	hooks_set_scan(tail->hooks, &scan);
}

static int follow_existing(struct tail *tail)
{
	struct scan_unseen unseen;
	int r = scan_existing(tail->hooks, &unseen);

	if (r < 0)
		log_line("cannot look at the connections that are there already: %s", strerror(-r));
	if (unseen.count)
		log_line("%u network namespaces cannot be entered (%s): what is older than this "
			 "start is not seen in them. Run as root, or with CAP_SYS_ADMIN",
			 unseen.count, strerror(-unseen.error));
	return r;
}

int tail_run(const struct tail_options *options)
{
	const struct hooks_options hooks_options = {
		.backend = options->backend,
		.slow = options->thresholds,
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
	set_scan(&tail);
	r = follow_existing(&tail);
	if (r < 0)
		goto out;
	tail.waiting = waiting_new(tail.hooks);
	r = tail.waiting ? loop_prepare(&tail) : -ENOMEM;
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
		print_counts(&tail);
	}
	if (tail.output_error && tail.output_error != -EPIPE && tail.output_error != -EIO) {
		log_line("cannot write the events: %s", strerror(-tail.output_error));
		r = tail.output_error;
	}
out:
	waiting_free(tail.waiting);
	hooks_free(tail.hooks);
	sd_event_unref(tail.loop);
	return r;
}

// SPDX-License-Identifier: GPL-2.0
#include "watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "array.h"
#include "clock.h"
#include "log.h"
#include "scan.h"
#include "turn.h"

/* How often the ring is looked at when nothing slow wakes the reader. */
#define LOOK_USEC (100 * 1000)

/* The same after it was woken: who wakes it does not do so again that soon. */
#define LOOK_AFTER_WAKEUP_USEC (10 * 1000)

/* How often everything that waits is looked at. */
#define TICK_USEC (1000 * 1000)

/* sd-event would else put timers off by up to 250 ms. */
#define ACCURACY_USEC 1000

/* Records that are read before the loop goes round: clients are served in between. */
#define BATCH 1024

/* Of what waits, so many are told before the loop goes round: some milliseconds. */
#define TELL_PIECE 500

/* Slow ones that end while a look is under way: as many as the ring holds, and some more. */
#define ENDED_MAX 65536

/* Of fast connections, so many processes are looked up in /proc a second; of slow ones all. */
#define PLACES_A_SECOND 200

struct watch {
	struct watch_options options;
	struct watch_sink sink;
	sd_event *loop;
	sd_event_source *look; /* the loop's */
	sd_event_source *more; /* the turn after a batch that left something in the ring */
	struct hooks *hooks;
	struct looker *looker;
	struct places *places;
	struct waiting *waiting; /* of the tick's look */
	bool looking; /* until all that was found is told */
	bool looks_at_all; /* not only at what is to be told */
	struct watch_looked looked; /* what is known of the look so far */
	size_t told;
	struct array ended_ids; /* uint64_t: of slow ones that ended since the look began; */
	size_t ended_sorted; /* so many of them are in order */
	sd_event_source *tell; /* the turn of what waits and is not told yet */
	unsigned int places_left;
	unsigned long holders_left_out;
	struct scan_unseen unseen;
	uint64_t looks; /* that have succeeded */
	uint64_t ended; /* records of ended connections that were read */
	int64_t now_ns; /* of this batch */
	int64_t realtime_offset_ns;
};

static const struct place *place_of(struct watch *watch, const struct event *event,
				    const struct conn_task *task, struct place *place)
{
	if (!task->pid)
		return NULL;
	if (!event->slow && !places_known(watch->places, task->pid, watch->now_ns)) {
		if (!watch->places_left)
			return NULL;
		watch->places_left--;
	}
	return places_of(watch->places, task->pid, watch->now_ns, place);
}

static void on_record(void *userdata, const struct record *record)
{
	struct watch *watch = userdata;
	struct place owner, closer;
	struct event event;

	event_from_record(&event, record, &watch->options.hooks.slow, watch->realtime_offset_ns);
	event.owner_place = place_of(watch, &event, &event.conn.owner, &owner);
	event.closer_place = place_of(watch, &event, &event.conn.closer, &closer);
	watch->ended += event.kind == RECORD_CLOSED;
	if (watch->looking && event.kind == RECORD_CLOSED && event.slow)
		array_add(&watch->ended_ids, &event.id);
	watch->sink.on_event(watch->sink.userdata, &event);
}

/* Returns whether the ring may have more; or -errno, logged. */
static int drain_batch(struct watch *watch)
{
	int r;

	watch->now_ns = clock_monotonic_ns();
	watch->realtime_offset_ns = clock_realtime_offset_ns();
	r = hooks_consume(watch->hooks, BATCH);
	if (r < 0)
		log_error("cannot read the ring buffer: %s", strerror(-r));
	watch->sink.on_pause(watch->sink.userdata);
	return r < 0 ? r : r == BATCH;
}

static int on_more(sd_event_source *source, void *userdata);

static int drain_some(struct watch *watch)
{
	int r = drain_batch(watch);

	if (r < 0)
		return sd_event_exit(watch->loop, r);
	return r ? turn_ask(watch->loop, &watch->more, on_more, watch) : 0;
}

static int on_more(sd_event_source *source, void *userdata)
{
	(void)source;
	return drain_some(userdata);
}

int watch_read(struct watch *watch)
{
	return drain_some(watch);
}

uint64_t watch_ended(const struct watch *watch)
{
	return watch->ended;
}

uint64_t watch_looks(const struct watch *watch)
{
	return watch->looks;
}

/* Not until the ring is empty: connections can end faster than they are read. */
int watch_drain(struct watch *watch)
{
	struct hooks_counts counts;
	int r;

	hooks_counts(watch->hooks, &counts);
	do {
		r = drain_batch(watch);
	} while (r > 0 && watch->ended < counts.records);
	return r < 0 ? r : 0;
}

static int on_wakeup(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct watch *watch = userdata;

	(void)source, (void)fd, (void)events;
	drain_some(watch);
	return sd_event_source_set_time_relative(watch->look, LOOK_AFTER_WAKEUP_USEC);
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)usec;
	drain_some(userdata);
	return sd_event_source_set_time_relative(source, LOOK_USEC);
}

static int compare_ids(const void *a, const void *b)
{
	const uint64_t *one = a, *other = b;

	return compare_u64(*one, *other);
}

/* Its end was told while the look was under way: that is the last that is heard of it. */
static bool has_ended(struct watch *watch, uint64_t id)
{
	size_t at = array_first(&watch->ended_ids, &id, compare_ids);

	return at < watch->ended_ids.count &&
	       compare_ids(array_at(&watch->ended_ids, at), &id) == 0;
}

/* One piece of what the look has found; then the loop goes round, and the ring is read. */
static int on_tell(sd_event_source *source, void *userdata)
{
	struct watch *watch = userdata;
	size_t count = waiting_count(watch->waiting), end = watch->told + TELL_PIECE;
	int64_t offset_ns = clock_realtime_offset_ns();
	int64_t cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	struct place place;
	struct event event;

	(void)source;
	if (watch->ended_sorted < watch->ended_ids.count)
		array_sort(&watch->ended_ids, compare_ids);
	watch->ended_sorted = watch->ended_ids.count;
	for (; watch->told < count && watch->told < end; watch->told++) {
		waiting_event(watch->waiting, watch->told, &watch->options.hooks.slow, offset_ns,
			      watch->places, &event, &place);
		if (waiting_is_due(watch->waiting, watch->told) && !has_ended(watch, event.id))
			watch->sink.on_event(watch->sink.userdata, &event);
		if (watch->looks_at_all)
			watch->sink.on_waiting(watch->sink.userdata, &event);
	}
	watch->looked.told_cpu_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	watch->sink.on_pause(watch->sink.userdata);
	watch->looking = watch->told < count;
	if (watch->looking)
		return turn_ask(watch->loop, &watch->tell, on_tell, watch);
	watch->looks++;
	if (watch->sink.on_looked)
		watch->sink.on_looked(watch->sink.userdata, &watch->looked);
	waiting_forget(watch->waiting); /* other looks may need the memory meanwhile */
	return 0;
}

static void on_tick_look_done(void *userdata, struct waiting *waiting, int result)
{
	unsigned long left_out = waiting_holders_left_out(waiting);
	struct watch *watch = userdata;

	if (result < 0) {
		log_warning("cannot look at what waits: %s", strerror(-result));
		watch->looking = false;
		return;
	}
	if (left_out > watch->holders_left_out)
		log_warning("%lu descriptors were left out: holders may be incomplete", left_out);
	watch->holders_left_out = left_out;
	watch->looked = (struct watch_looked){
		.all = watch->looks_at_all ? waiting : NULL,
		.slow = hooks_slow(watch->hooks),
		.left_out = hooks_untold(watch->hooks),
	};
	watch->told = 0;
	watch->looking = turn_ask(watch->loop, &watch->tell, on_tell, watch) == 0;
}

static void on_counted(void *userdata, const struct record *record)
{
	struct watch *watch = userdata;
	struct event event;

	event_from_record(&event, record, &watch->options.hooks.slow, watch->realtime_offset_ns);
	watch->sink.on_counted(watch->sink.userdata, &event);
}

static void begin_look(struct watch *watch)
{
	struct waiting_options options = {.scan = {.least = watch->options.tell},
					  .on_counted = on_counted,
					  .userdata = watch};
	struct watch_wanted wanted = {};

	if (watch->sink.wants_all)
		wanted = watch->sink.wants_all(watch->sink.userdata);
	watch->looks_at_all = wanted.in_full;
	array_clear(&watch->ended_ids);
	watch->ended_sorted = 0;
	options.scan.mark = watch->looks_at_all;
	options.scan.once = !watch->looks_at_all;
	options.scan.most = wanted.in_full;
	options.scan.most_counted = wanted.counted;
	watch->looking =
		!looker_add(watch->looker, watch->waiting, &options, on_tick_look_done, watch);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watch *watch = userdata;

	(void)usec;
	watch->places_left = PLACES_A_SECOND;
	if (!watch->looking) /* else the last look is not over */
		begin_look(watch);
	return sd_event_source_set_time_relative(source, TICK_USEC);
}

int watch_add_timer(struct watch *watch, sd_event_source **source, uint64_t first_usec,
		    sd_event_time_handler_t handler, void *userdata)
{
	sd_event_source *timer;
	int r = sd_event_add_time_relative(watch->loop, &timer, CLOCK_MONOTONIC, first_usec,
					   ACCURACY_USEC, handler, userdata);

	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(timer, SD_EVENT_ON);
	if (r >= 0)
		r = sd_event_source_set_floating(timer, true);
	if (source)
		*source = timer;
	sd_event_source_unref(timer);
	return r;
}

static int prepare_loop(struct watch *watch)
{
	sd_event *loop = watch->loop;
	sigset_t signals;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	/* Without a handler these two end the loop. */
	r = sd_event_add_signal(loop, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(loop, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_io(loop, NULL, hooks_fd(watch->hooks), EPOLLIN, on_wakeup, watch);
	if (r >= 0)
		r = watch_add_timer(watch, &watch->look, LOOK_USEC, on_look, watch);
	if (r >= 0)
		r = looker_new(&watch->looker, loop);
	if (r >= 0)
		r = watch_add_timer(watch, NULL, 0, on_tick, watch);
	return r;
}

static int follow_existing(struct watch *watch)
{
	const struct scan_unseen *unseen = &watch->unseen;
	int r = scan_existing(watch->hooks, &watch->unseen);

	if (r < 0)
		log_warning("cannot look at the connections that are there already: %s",
			    strerror(-r));
	if (unseen->count)
		log_warning(
			"%u network namespaces were not looked at (%s): what is older than this "
			"start is not seen in them%s",
			unseen->count, strerror(-unseen->error), scan_unseen_advice(unseen));
	return r;
}

int watch_new(struct watch **ret, const struct watch_options *options,
	      const struct watch_sink *sink)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	watch->options = *options;
	watch->sink = *sink;
	r = hooks_attach(&watch->hooks, &options->hooks, on_record, watch);
	if (r < 0) /* logged */
		goto out;
	r = follow_existing(watch);
	if (r < 0)
		goto out;
	watch->now_ns = clock_monotonic_ns(); /* there was nothing to be read so far */
	array_init(&watch->ended_ids, sizeof(uint64_t), ENDED_MAX);
	r = -ENOMEM;
	watch->places = places_new();
	watch->waiting = waiting_new(watch->hooks);
	if (watch->places && watch->waiting)
		r = sd_event_default(&watch->loop);
	if (r >= 0)
		r = prepare_loop(watch);
	if (r < 0) {
		log_error("cannot prepare the event loop: %s", strerror(-r));
		goto out;
	}
	*ret = watch;
	return 0;
out:
	watch_free(watch);
	return r;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	looker_free(watch->looker);
	waiting_free(watch->waiting);
	array_clear(&watch->ended_ids);
	places_free(watch->places);
	sd_event_source_disable_unref(watch->more);
	sd_event_source_disable_unref(watch->tell);
	sd_event_unref(watch->loop);
	hooks_free(watch->hooks);
	free(watch);
}

sd_event *watch_loop(struct watch *watch)
{
	return watch->loop;
}

struct hooks *watch_hooks(struct watch *watch)
{
	return watch->hooks;
}

struct looker *watch_looker(struct watch *watch)
{
	return watch->looker;
}

struct places *watch_places(struct watch *watch)
{
	return watch->places;
}

const struct thresholds *watch_slow(const struct watch *watch)
{
	return &watch->options.hooks.slow;
}

void watch_set_slow(struct watch *watch, const struct thresholds *slow)
{
	watch->options.hooks.slow = *slow;
	watch->options.tell = *slow;
	hooks_set_slow(watch->hooks, slow);
}

int64_t watch_read_ns(const struct watch *watch)
{
	return watch->now_ns;
}

unsigned int watch_unseen(const struct watch *watch, int *error)
{
	*error = watch->unseen.error;
	return watch->unseen.count;
}

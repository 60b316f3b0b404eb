// SPDX-License-Identifier: GPL-2.0
/* Looks that clients are slow to read: few are held at once, and not too many connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "listing.h"

/* Looks that find as many connections as a test wants. */
struct waiting {
	size_t count;
	int64_t time_ns;
	look_done_fn done;
	void *userdata;
};

#define FOLLOWED_MAX 1000

static struct {
	struct waiting *last; /* that was begun */
	size_t held;
} fake;

uint64_t hooks_tracked_max(const struct hooks *hooks)
{
	(void)hooks;
	return FOLLOWED_MAX;
}

struct waiting *waiting_new(struct hooks *hooks)
{
	(void)hooks;
	fake.held++;
	return calloc(1, sizeof(struct waiting));
}

void waiting_free(struct waiting *waiting)
{
	fake.held--;
	free(waiting);
}

size_t waiting_count(const struct waiting *waiting)
{
	return waiting->count;
}

int64_t waiting_time_ns(const struct waiting *waiting)
{
	return waiting->time_ns;
}

size_t waiting_listener_count(const struct waiting *waiting)
{
	(void)waiting;
	return 0;
}

int looker_add(struct looker *looker, struct waiting *waiting,
	       const struct waiting_options *options, look_done_fn done, void *userdata)
{
	(void)looker, (void)options;
	waiting->done = done;
	waiting->userdata = userdata;
	fake.last = waiting;
	return 0;
}

struct hooks *watch_hooks(struct watch *watch)
{
	(void)watch;
	return NULL;
}

struct looker *watch_looker(struct watch *watch)
{
	(void)watch;
	return NULL;
}

/* Nothing is read here. */
struct places *watch_places(struct watch *watch)
{
	(void)watch;
	fail();
	return NULL;
}

void waiting_event(const struct waiting *waiting, size_t i, const struct thresholds *thresholds,
		   int64_t realtime_offset_ns, struct places *places, struct event *event,
		   struct place *place)
{
	(void)waiting, (void)i, (void)thresholds, (void)realtime_offset_ns;
	(void)places, (void)event, (void)place;
	fail();
}

void waiting_listener(const struct waiting *waiting, size_t i, struct listener_event *event)
{
	(void)waiting, (void)i, (void)event;
	fail();
}

static void on_done(void *userdata)
{
	(void)userdata;
}

static int ask_kind(struct listing **listing, struct listings *listings, enum listing_kind kind)
{
	static const struct filter filter;

	return listing_new(listing, listings, kind, &filter, on_done, NULL);
}

static int ask(struct listing **listing, struct listings *listings)
{
	return ask_kind(listing, listings, LISTING_CONNECTIONS);
}

#define AGE_NS (10 * NSEC_PER_SEC) /* too old to be shared */

/* The look that was begun last found so many, so long ago. */
static void find(size_t connections, int64_t age_ns)
{
	fake.last->count = connections;
	fake.last->time_ns = clock_monotonic_ns() - age_ns;
	fake.last->done(fake.last->userdata, fake.last, 0);
}

/* A client gets a look of its own that finds so many, and does not read it to its end. */
static void hold(struct listing **listing, struct listings *listings, size_t connections)
{
	assert_int_equal(ask(listing, listings), 0);
	find(connections, AGE_NS);
}

static void clients_at_once_share_a_look(void **state)
{
	struct listings *listings = listings_new(NULL);
	struct listing *list[100];

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(ask(&list[i], listings), 0);
		assert_int_equal(listing_ready(list[i]), i > 50);
		if (i == 50)
			find(FOLLOWED_MAX, 0);
	}
	assert_int_equal(fake.held, 1);
	for (int i = 0; i < 100; i++)
		listing_free(list[i]);
	assert_int_equal(fake.held, 0);
	listings_free(listings);
}

static void looks_are_bounded(void **state)
{
	struct listings *listings = listings_new(NULL);
	struct listing *list[4];

	(void)state;
	for (int i = 0; i < 3; i++)
		hold(&list[i], listings, 1);
	assert_int_equal(ask(&list[3], listings), -EBUSY);
	listing_free(list[1]);
	hold(&list[1], listings, 1);
	for (int i = 0; i < 3; i++)
		listing_free(list[i]);
	assert_int_equal(fake.held, 0);
	listings_free(listings);
}

/* Half of those that can be followed, and those of the one look that was begun while there were
 * less. */
static void connections_are_bounded(void **state)
{
	struct listings *listings = listings_new(NULL);
	struct listing *list[3];

	(void)state;
	hold(&list[0], listings, FOLLOWED_MAX / 2);
	hold(&list[1], listings, 1);
	assert_int_equal(ask(&list[2], listings), -EBUSY);
	listing_free(list[1]);
	hold(&list[1], listings, FOLLOWED_MAX);
	listing_free(list[0]);
	assert_int_equal(ask(&list[0], listings), -EBUSY);
	listing_free(list[1]);
	assert_int_equal(ask(&list[1], listings), 0);
	listing_free(list[1]); /* before its look is done */
	find(FOLLOWED_MAX, AGE_NS);
	hold(&list[0], listings, 0);
	listing_free(list[0]);
	assert_int_equal(fake.held, 0);
	listings_free(listings);
}

/* Prometheus must not go without its numbers since an operator's terminal is slow. */
static void who_reads_keeps_nobody_from_numbers(void **state)
{
	struct listings *listings = listings_new(NULL);
	struct listing *list[3], *numbers, *late;

	(void)state;
	for (int i = 0; i < 3; i++)
		hold(&list[i], listings, i == 2 ? FOLLOWED_MAX : 0);
	assert_int_equal(ask_kind(&numbers, listings, LISTING_NUMBERS), 0);
	find(FOLLOWED_MAX, 0);
	/* Nor may a fourth come by that look. */
	assert_int_equal(ask(&late, listings), -EBUSY);
	assert_int_equal(ask_kind(&late, listings, LISTING_LISTENERS), -EBUSY);
	assert_int_equal(ask_kind(&late, listings, LISTING_NUMBERS), 0);
	listing_free(late);
	listing_free(numbers);
	for (int i = 0; i < 3; i++)
		listing_free(list[i]);
	assert_int_equal(fake.held, 0);
	listings_free(listings);
}

static void numbers_are_bounded_too(void **state)
{
	struct listings *listings = listings_new(NULL);
	struct listing *list[2], *numbers;

	(void)state;
	hold(&list[0], listings, FOLLOWED_MAX / 2);
	hold(&list[1], listings, FOLLOWED_MAX);
	assert_int_equal(ask_kind(&numbers, listings, LISTING_NUMBERS), -EBUSY);
	listing_free(list[0]);
	assert_int_equal(ask_kind(&numbers, listings, LISTING_NUMBERS), 0);
	listing_free(numbers);
	find(0, 0);
	listing_free(list[1]);
	assert_int_equal(fake.held, 0);
	listings_free(listings);
}

static void free_itself(void *userdata)
{
	struct listing **listing = userdata;

	assert_int_equal(listing_ready(*listing), 1);
	listing_free(*listing);
	*listing = NULL;
}

/* As the journal's report does, beside clients that still read. */
static void who_has_a_look_may_leave_it_at_once(void **state)
{
	static const struct filter filter;
	struct listings *listings = listings_new(NULL);
	struct listing *report, *client;

	(void)state;
	assert_int_equal(ask(&client, listings), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(listing_new(&report, listings, LISTING_NUMBERS, &filter,
					     free_itself, &report),
				 0);
		find(1, AGE_NS);
		assert_null(report);
		assert_int_equal(fake.held, i ? 0 : 1);
		if (i == 0)
			listing_free(client);
	}
	listings_free(listings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_at_once_share_a_look),
		cmocka_unit_test(looks_are_bounded),
		cmocka_unit_test(connections_are_bounded),
		cmocka_unit_test(who_reads_keeps_nobody_from_numbers),
		cmocka_unit_test(numbers_are_bounded_too),
		cmocka_unit_test(who_has_a_look_may_leave_it_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

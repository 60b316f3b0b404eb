// SPDX-License-Identifier: GPL-2.0
#include "listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "json.h"

/* Looks whose lines are still being read. */
#define READ_MAX 3

/* A look that is not older than this is good for another client. */
#define FRESH_NS (NSEC_PER_SEC / 2)

/* One look, for all that asked for it in time. It goes with the last of them. */
struct snapshot {
	struct listings *listings;
	struct waiting *waiting;
	struct listing *users;
	size_t readers; /* of these, that read lines */
	bool done;
	int result;
};

struct listings {
	struct watch *watch;
	struct snapshot *latest; /* or NULL */
	size_t read; /* looks that have readers */
	size_t connections; /* in all looks that are done */
};

struct listing {
	struct snapshot *snapshot;
	struct listing *next;
	enum listing_kind kind;
	struct filter filter;
	void (*done)(void *userdata);
	void *userdata;
	size_t at; /* what is rendered next */
	char *line; /* what was rendered, or NULL */
	size_t line_size, line_offset;
};

struct listings *listings_new(struct watch *watch)
{
	struct listings *listings = calloc(1, sizeof(*listings));

	if (listings)
		listings->watch = watch;
	return listings;
}

static void snapshot_free(struct snapshot *snapshot)
{
	struct listings *listings = snapshot->listings;

	if (listings->latest == snapshot)
		listings->latest = NULL;
	if (snapshot->done)
		listings->connections -= waiting_count(snapshot->waiting);
	waiting_free(snapshot->waiting);
	free(snapshot);
}

void listings_free(struct listings *listings)
{
	if (!listings)
		return;
	if (listings->latest) /* a look that is under way, and that nobody waits for any more */
		snapshot_free(listings->latest);
	free(listings);
}

static void on_look_done(void *userdata, struct waiting *waiting, int result)
{
	struct snapshot *snapshot = userdata;
	struct listing *next;

	snapshot->done = true;
	snapshot->result = result;
	snapshot->listings->connections += waiting_count(waiting);
	if (!snapshot->users) { /* all have gone meanwhile */
		snapshot_free(snapshot);
		return;
	}
	for (struct listing *user = snapshot->users; user; user = next) {
		next = user->next;
		user->done(user->userdata);
	}
}

static struct snapshot *snapshot_new(struct listings *listings)
{
	static const struct waiting_options options = {.all_listeners = true};
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		return NULL;
	snapshot->listings = listings;
	snapshot->waiting = waiting_new(watch_hooks(listings->watch));
	if (!snapshot->waiting || looker_add(watch_looker(listings->watch), snapshot->waiting,
					     &options, on_look_done, snapshot) < 0) {
		snapshot_free(snapshot);
		return NULL;
	}
	listings->latest = snapshot;
	return snapshot;
}

static bool reads(enum listing_kind kind)
{
	return kind != LISTING_NUMBERS;
}

/*
 * There is memory for two looks at all that is followed (room.c). Those that are read may take one
 * and a half.
 */
static bool has_room(const struct listings *listings, enum listing_kind kind)
{
	uint64_t most = hooks_tracked_max(watch_hooks(listings->watch));

	return listings->connections <= (reads(kind) ? most / 2 : most);
}

static bool may_read(const struct listings *listings, const struct snapshot *snapshot)
{
	return (snapshot && snapshot->readers) || listings->read < READ_MAX;
}

static bool is_good(const struct snapshot *snapshot)
{
	if (!snapshot->done)
		return true;
	return snapshot->result == 0 &&
	       clock_monotonic_ns() - waiting_time_ns(snapshot->waiting) < FRESH_NS;
}

static void add_user(struct snapshot *snapshot, struct listing *listing)
{
	listing->snapshot = snapshot;
	listing->next = snapshot->users;
	snapshot->users = listing;
	if (reads(listing->kind) && snapshot->readers++ == 0)
		snapshot->listings->read++;
}

static void remove_user(struct snapshot *snapshot, struct listing *listing)
{
	struct listing **user;

	for (user = &snapshot->users; *user != listing;)
		user = &(*user)->next;
	*user = listing->next;
	if (reads(listing->kind) && --snapshot->readers == 0)
		snapshot->listings->read--;
}

int listing_new(struct listing **ret, struct listings *listings, enum listing_kind kind,
		const struct filter *filter, void (*done)(void *userdata), void *userdata)
{
	struct snapshot *snapshot = listings->latest;
	struct listing *listing;

	if (snapshot && !is_good(snapshot))
		snapshot = NULL;
	if ((!snapshot && !has_room(listings, kind)) ||
	    (reads(kind) && !may_read(listings, snapshot)))
		return -EBUSY;
	if (!snapshot)
		snapshot = snapshot_new(listings);
	listing = calloc(1, sizeof(*listing));
	if (!snapshot || !listing) {
		free(listing);
		return -ENOMEM;
	}
	listing->kind = kind;
	listing->filter = *filter;
	listing->filter.all = true; /* what waits is shown whatever its threshold */
	listing->done = done;
	listing->userdata = userdata;
	add_user(snapshot, listing);
	*ret = listing;
	return 0;
}

void listing_free(struct listing *listing)
{
	struct snapshot *snapshot;

	if (!listing)
		return;
	snapshot = listing->snapshot;
	remove_user(snapshot, listing);
	if (!snapshot->users && snapshot->done)
		snapshot_free(snapshot);
	free(listing->line);
	free(listing);
}

int listing_ready(const struct listing *listing)
{
	if (!listing->snapshot->done)
		return 0;
	return listing->snapshot->result < 0 ? listing->snapshot->result : 1;
}

const struct waiting *listing_waiting(const struct listing *listing)
{
	return listing->snapshot->waiting;
}

/* Each renders a line, which is NULL out of memory, unless the filter does not want it. */
static bool render_connection(struct listing *listing, size_t i)
{
	static const struct thresholds everything; /* all that waits has a cause */
	struct place place;
	struct event event;

	waiting_event(listing_waiting(listing), i, &everything, clock_realtime_offset_ns(),
		      watch_places(listing->snapshot->listings->watch), &event, &place);
	if (!filter_match(&listing->filter, &event))
		return false;
	listing->line = json_event_line(&event, &listing->line_size);
	return true;
}

static bool render_listener(struct listing *listing, size_t i)
{
	const struct waiting *waiting = listing_waiting(listing);
	int64_t time_ns = waiting_time_ns(waiting) + clock_realtime_offset_ns();
	struct listener_event event;

	waiting_listener(waiting, i, &event);
	if (!filter_match_listener(&listing->filter, &event.record->listener))
		return false;
	listing->line = json_listener_line(&event, time_ns, &listing->line_size);
	return true;
}

/* Returns 1, or 0 if there is none any more, or -ENOMEM. */
static int next_line(struct listing *listing)
{
	const struct waiting *waiting = listing_waiting(listing);
	bool listeners = listing->kind == LISTING_LISTENERS;
	size_t count = listeners ? waiting_listener_count(waiting) : waiting_count(waiting);

	free(listing->line);
	listing->line = NULL;
	listing->line_offset = 0;
	while (listing->at < count) {
		size_t i = listing->at++;

		if (listeners ? render_listener(listing, i) : render_connection(listing, i))
			return listing->line ? 1 : -ENOMEM;
	}
	return 0;
}

ssize_t listing_read(struct listing *listing, char *buf, size_t size)
{
	size_t used = 0;

	while (used < size) {
		size_t left = listing->line ? listing->line_size - listing->line_offset : 0;
		size_t n = left < size - used ? left : size - used;
		int r;

		if (n) {
			memcpy(buf + used, listing->line + listing->line_offset, n);
			listing->line_offset += n;
			used += n;
			continue;
		}
		r = next_line(listing);
		if (r < 0)
			return r;
		if (r == 0)
			break;
	}
	return (ssize_t)used;
}

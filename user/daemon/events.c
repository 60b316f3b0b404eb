// SPDX-License-Identifier: GPL-2.0
#include "events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "json.h"
#include "render.h"

/* After so long without a line a subscriber gets one, so that a dead one is noticed. */
#define HEARTBEAT_NS (5 * NSEC_PER_SEC)

/* What the log keeps of its memory when all was read, for what comes next. */
#define KEPT_BYTES (1 << 20)

#define MASK_WORDS (SUBSCRIBERS_MAX / 64)

/* Entries are multiples of this, so that what is left before the log's end is one as well. */
#define ENTRY_ALIGN 32

/* An event in the log, before its text; never cut by the log's end. */
struct entry {
	uint64_t wanted[MASK_WORDS]; /* a bit for each subscriber; none: filled up to the end */
	uint32_t size; /* of the text */
	uint32_t room; /* of the entry, this included */
};

_Static_assert(sizeof(struct entry) <= ENTRY_ALIGN, "an entry without text fits anywhere");

struct subscriber {
	struct events *events;
	struct filter filter;
	uint64_t id;
	unsigned int number; /* its bit in entries, which is another's later */
	uint64_t at; /* position of the entry that comes next */
	uint32_t offset; /* in its text: that much was read */
	char *line; /* goes first: hello, lost, heartbeat, or the rest of an entry; or NULL */
	size_t line_size, line_offset;
	bool line_is_event;
	int64_t read_ns; /* when something was read last */
	uint64_t sent, lost, lost_told;
};

struct events {
	struct subscriber *subscribers[SUBSCRIBERS_MAX];
	char *log; /* NULL while nobody subscribes */
	size_t size;
	uint64_t head, tail; /* positions: where the next entry goes, and the oldest one */
	uint64_t start; /* the position that is at the beginning of the memory */
	uint64_t lost;
	uint64_t last_id;
};

/* Pages come as they are written to. Returns NULL when there is no room. */
static char *map_log(size_t size)
{
	void *log = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return log == MAP_FAILED ? NULL : log;
}

static void unmap_log(struct events *events)
{
	if (events->log)
		munmap(events->log, events->size);
	events->log = NULL;
}

struct events *events_new(size_t log_size)
{
	struct events *events = calloc(1, sizeof(*events));

	if (!events)
		return NULL;
	events->size = log_size;
	return events;
}

void events_free(struct events *events)
{
	if (!events)
		return;
	for (size_t i = 0; i < SUBSCRIBERS_MAX; i++) {
		if (events->subscribers[i])
			events_unsubscribe(events->subscribers[i]);
	}
	unmap_log(events);
	free(events);
}

static size_t offset_of(const struct events *events, uint64_t position)
{
	return (position - events->start) & (events->size - 1);
}

static struct entry *entry_at(const struct events *events, uint64_t position)
{
	return (struct entry *)(events->log + offset_of(events, position));
}

static const char *text_of(const struct entry *entry)
{
	return (const char *)(entry + 1);
}

static bool wants(const struct entry *entry, const struct subscriber *subscriber)
{
	return entry->wanted[subscriber->number / 64] >> subscriber->number % 64 & 1;
}

static void lose(struct subscriber *subscriber)
{
	subscriber->lost++;
	subscriber->events->lost++;
}

/* Takes over text, which can be NULL: then the line is left out. */
static void set_line(struct subscriber *subscriber, char *text, size_t size, bool is_event)
{
	free(subscriber->line);
	subscriber->line = text;
	subscriber->line_size = text ? size : 0;
	subscriber->line_offset = 0;
	subscriber->line_is_event = is_event;
}

int events_subscribe(struct events *events, const struct filter *filter, const char *hello,
		     int64_t now_ns, struct subscriber **ret)
{
	struct subscriber *subscriber;
	unsigned int number = 0;
	char *line;

	while (number < SUBSCRIBERS_MAX && events->subscribers[number])
		number++;
	if (number == SUBSCRIBERS_MAX)
		return -EBUSY;
	subscriber = calloc(1, sizeof(*subscriber));
	line = strdup(hello);
	if (!events->log)
		events->log = map_log(events->size);
	if (!subscriber || !line || !events->log) {
		free(subscriber);
		free(line);
		return -ENOMEM;
	}
	subscriber->events = events;
	subscriber->filter = *filter;
	subscriber->id = ++events->last_id;
	subscriber->number = number;
	subscriber->at = events->head;
	subscriber->read_ns = now_ns;
	set_line(subscriber, line, strlen(line), false);
	events->subscribers[number] = subscriber;
	*ret = subscriber;
	return 0;
}

static bool any_subscriber(const struct events *events)
{
	for (size_t i = 0; i < SUBSCRIBERS_MAX; i++) {
		if (events->subscribers[i])
			return true;
	}
	return false;
}

void events_unsubscribe(struct subscriber *subscriber)
{
	struct events *events = subscriber->events;

	events->subscribers[subscriber->number] = NULL;
	free(subscriber->line);
	free(subscriber);
	if (any_subscriber(events))
		return;
	unmap_log(events);
	events->tail = events->head;
}

/* The number is another's later, whose bit in older entries is not his: he begins behind them. */
static void leave_entry(struct subscriber *subscriber, const struct entry *entry)
{
	uint32_t rest = entry->size - subscriber->offset;
	char *copy;

	if (wants(entry, subscriber)) {
		if (!subscriber->offset) {
			lose(subscriber);
		} else { /* a line that was begun must be ended */
			copy = malloc(rest);
			if (copy)
				memcpy(copy, text_of(entry) + subscriber->offset, rest);
			else
				copy = strdup("\n"), rest = 1;
			set_line(subscriber, copy, rest, true);
		}
	}
	subscriber->offset = 0;
	subscriber->at += entry->room;
}

static void drop_oldest(struct events *events)
{
	const struct entry *entry = entry_at(events, events->tail);

	for (size_t i = 0; i < SUBSCRIBERS_MAX; i++) {
		struct subscriber *subscriber = events->subscribers[i];

		if (subscriber && subscriber->at == events->tail)
			leave_entry(subscriber, entry);
	}
	events->tail += entry->room;
}

static void make_room(struct events *events, size_t room)
{
	while (events->head + room - events->tail > events->size)
		drop_oldest(events);
}

/* Moves over entries of others. */
static const struct entry *next_entry(struct subscriber *subscriber)
{
	const struct events *events = subscriber->events;

	while (subscriber->at < events->head) {
		const struct entry *entry = entry_at(events, subscriber->at);

		if (wants(entry, subscriber))
			return entry;
		subscriber->at += entry->room;
	}
	return NULL;
}

/*
 * Nothing is unread: the log begins anew, in memory that it has used before. So it takes as much
 * as somebody once had not read, not all that it may.
 */
static void rewind_if_all_read(struct events *events)
{
	for (size_t i = 0; i < SUBSCRIBERS_MAX; i++) {
		if (events->subscribers[i] && next_entry(events->subscribers[i]))
			return;
	}
	if (events->size > KEPT_BYTES && events->head - events->start > KEPT_BYTES)
		madvise(events->log + KEPT_BYTES, events->size - KEPT_BYTES, MADV_DONTNEED);
	events->start = events->tail = events->head;
}

/* An entry is in one piece: where it would not be, what is left before the end is filled. */
static struct entry *add_entry(struct events *events, size_t text_size)
{
	size_t room =
		(sizeof(struct entry) + text_size + ENTRY_ALIGN - 1) / ENTRY_ALIGN * ENTRY_ALIGN;
	struct entry *entry;
	size_t to_end;

	to_end = events->size - offset_of(events, events->head);
	if (room > to_end) {
		make_room(events, to_end);
		entry = entry_at(events, events->head);
		memset(entry, 0, sizeof(*entry));
		entry->room = to_end;
		events->head += to_end;
	}
	make_room(events, room);
	entry = entry_at(events, events->head);
	memset(entry, 0, sizeof(*entry));
	entry->size = text_size;
	entry->room = room;
	events->head += room;
	return entry;
}

static void append(struct events *events, const uint64_t wanted[MASK_WORDS], const char *text,
		   size_t size)
{
	struct entry *entry;

	if (!text || size > events->size / 4) {
		for (size_t i = 0; i < SUBSCRIBERS_MAX; i++) {
			if (wanted[i / 64] >> i % 64 & 1)
				lose(events->subscribers[i]);
		}
		return;
	}
	entry = add_entry(events, size);
	memcpy(entry->wanted, wanted, sizeof(entry->wanted));
	memcpy(entry + 1, text, size);
}

void events_publish(struct events *events, const struct event *event)
{
	uint64_t wanted[MASK_WORDS] = {};
	bool any = false;
	size_t size;
	char *text;

	if (!events->log) /* nobody subscribes */
		return;
	for (size_t i = 0; i < SUBSCRIBERS_MAX; i++) {
		const struct subscriber *subscriber = events->subscribers[i];

		if (!subscriber || !filter_match(&subscriber->filter, event))
			continue;
		wanted[i / 64] |= UINT64_C(1) << i % 64;
		any = true;
	}
	if (!any)
		return;
	text = json_event_line(event, &size);
	append(events, wanted, text, size);
	free(text);
}

static void make_line(struct subscriber *subscriber, const char *event, int64_t realtime_ns,
		      uint64_t count)
{
	char time[RENDER_TIME_SIZE], counted[32] = "", *line;
	int size;

	if (count)
		snprintf(counted, sizeof(counted), ",\"count\":%" PRIu64, count);
	size = asprintf(&line, "{\"event\":\"%s\",\"time\":\"%s\"%s}\n", event,
			render_time(realtime_ns, time), counted);
	set_line(subscriber, size < 0 ? NULL : line, size < 0 ? 0 : (size_t)size, false);
}

static bool heartbeat_due(const struct subscriber *subscriber, int64_t now_ns)
{
	return now_ns - subscriber->read_ns >= HEARTBEAT_NS;
}

static void choose_line(struct subscriber *subscriber, int64_t now_ns, int64_t realtime_ns)
{
	if (subscriber->line || subscriber->offset)
		return;
	if (subscriber->lost > subscriber->lost_told) {
		make_line(subscriber, "lost", realtime_ns,
			  subscriber->lost - subscriber->lost_told);
		subscriber->lost_told = subscriber->lost;
	} else if (heartbeat_due(subscriber, now_ns) && !next_entry(subscriber)) {
		make_line(subscriber, "heartbeat", realtime_ns, 0);
	}
}

static size_t read_line(struct subscriber *subscriber, char *buf, size_t size)
{
	size_t left = subscriber->line_size - subscriber->line_offset;
	size_t n = left < size ? left : size;

	memcpy(buf, subscriber->line + subscriber->line_offset, n);
	subscriber->line_offset += n;
	if (n == left) {
		subscriber->sent += subscriber->line_is_event;
		set_line(subscriber, NULL, 0, false);
	}
	return n;
}

static size_t read_entry(struct subscriber *subscriber, const struct entry *entry, char *buf,
			 size_t size)
{
	size_t left = entry->size - subscriber->offset;
	size_t n = left < size ? left : size;

	memcpy(buf, text_of(entry) + subscriber->offset, n);
	subscriber->offset += n;
	if (n == left) {
		subscriber->sent++;
		subscriber->offset = 0;
		subscriber->at += entry->room;
	}
	return n;
}

size_t events_read(struct subscriber *subscriber, char *buf, size_t size, int64_t now_ns,
		   int64_t realtime_ns)
{
	const struct entry *entry;
	size_t used = 0;

	while (used < size) {
		choose_line(subscriber, now_ns, realtime_ns);
		if (subscriber->line) {
			used += read_line(subscriber, buf + used, size - used);
			subscriber->read_ns = now_ns;
			continue;
		}
		entry = next_entry(subscriber);
		if (!entry) {
			rewind_if_all_read(subscriber->events);
			break;
		}
		used += read_entry(subscriber, entry, buf + used, size - used);
		subscriber->read_ns = now_ns;
	}
	return used;
}

bool events_ready(struct subscriber *subscriber, int64_t now_ns)
{
	return subscriber->line || subscriber->lost > subscriber->lost_told ||
	       heartbeat_due(subscriber, now_ns) || next_entry(subscriber);
}

void events_counts(const struct subscriber *subscriber, struct subscriber_counts *counts)
{
	counts->id = subscriber->id;
	counts->sent = subscriber->sent;
	counts->lost = subscriber->lost;
	counts->buffered = subscriber->events->head - subscriber->at;
}

uint64_t events_lost(const struct events *events)
{
	return events->lost;
}

void events_for_each(struct events *events, events_subscriber_fn fn, void *userdata)
{
	for (size_t i = 0; i < SUBSCRIBERS_MAX; i++) {
		if (events->subscribers[i])
			fn(userdata, events->subscribers[i]);
	}
}

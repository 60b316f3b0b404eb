// SPDX-License-Identifier: GPL-2.0
#include "waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "clock.h"
#include "holders.h"
#include "scan.h"

/* 16 MiB of holders: a leak of descriptors must not become one of memory. */
#define HOLDERS_MAX (1 << 20)

/* What is looked at next. */
enum step {
	STEP_WAITING_SLOTS,
	STEP_WAITING,
	STEP_WAITING_MORE,
	STEP_HOLDERS,
	STEP_LISTENERS,
	STEP_ACCEPTS,
	STEP_DONE,
};

/* When a process that holds nothing any more has accepted something there. */
struct gone_accept {
	uint32_t netns;
	uint16_t port;
	uint64_t last_ns;
};

struct waiting {
	struct hooks *hooks;
	struct scan_reader reader;
	enum step step;
	struct waiting_options options;
	struct array records; /* struct record, of each WAITING_BYTES */
	struct array listeners; /* struct listener_record; sorted when done */
	struct array accepts; /* struct accept_record; sorted when done */
	struct array gone_accepts; /* struct gone_accept; the same */
	struct holders holders;
	int64_t walked_ns; /* of the end of its walk, */
	int64_t time_ns; /* and of its own */
	int64_t walk_cpu_ns, rest_cpu_ns;
	int64_t *known; /* of each listener: connections in its queue that are followed, or UNKNOWN
			 */
};

static const enum scan scans[] = {
	[STEP_WAITING_SLOTS] = SCAN_WAITING_SLOTS, [STEP_WAITING] = SCAN_WAITING,
	[STEP_WAITING_MORE] = SCAN_WAITING_MORE,   [STEP_HOLDERS] = SCAN_HOLDERS,
	[STEP_LISTENERS] = SCAN_LISTENERS,	   [STEP_ACCEPTS] = SCAN_ACCEPTS,
};

struct waiting *waiting_new(struct hooks *hooks)
{
	struct waiting *waiting = calloc(1, sizeof(*waiting));

	if (!waiting)
		return NULL;
	waiting->hooks = hooks;
	waiting->step = STEP_DONE;
	array_init(&waiting->records, WAITING_BYTES, SIZE_MAX);
	array_init(&waiting->listeners, sizeof(struct listener_record), SIZE_MAX);
	array_init(&waiting->accepts, sizeof(struct accept_record), SIZE_MAX);
	array_init(&waiting->gone_accepts, sizeof(struct gone_accept), SIZE_MAX);
	holders_init(&waiting->holders, HOLDERS_MAX);
	return waiting;
}

void waiting_forget(struct waiting *waiting)
{
	scan_close(&waiting->reader);
	array_clear(&waiting->records);
	array_clear(&waiting->listeners);
	array_clear(&waiting->accepts);
	array_clear(&waiting->gone_accepts);
	holders_clear(&waiting->holders);
	free(waiting->known);
	waiting->known = NULL;
}

void waiting_free(struct waiting *waiting)
{
	if (!waiting)
		return;
	waiting_forget(waiting);
	free(waiting);
}

/* That step, or the next one that has anything to look at. */
static enum step used_from(const struct waiting *waiting, enum step step)
{
	while (step < STEP_HOLDERS && !hooks_in_use(waiting->hooks, scans[step]))
		step++;
	return step;
}

int waiting_begin(struct waiting *waiting, const struct waiting_options *options)
{
	waiting_forget(waiting);
	waiting->options = *options;
	waiting->step = used_from(waiting, STEP_WAITING_SLOTS);
	waiting->walk_cpu_ns = waiting->rest_cpu_ns = 0;
	hooks_begin_look(waiting->hooks, &options->scan);
	return scan_begin(&waiting->reader, waiting->hooks, scans[waiting->step]);
}

static int compare_places(const struct listener *one, const struct listener *other)
{
	int order = compare_u64(one->netns, other->netns);

	if (!order)
		order = compare_u64(one->port, other->port);
	if (!order)
		order = compare_u64(one->family, other->family);
	return order ? order : memcmp(one->addr, other->addr, sizeof(one->addr));
}

/* Of those that share an address and port, the ones with an empty queue come last. */
static int compare_listeners(const void *a, const void *b)
{
	const struct listener_record *one = a, *other = b;
	int order = compare_places(&one->listener, &other->listener);

	return order ? order : !one->queued - !other->queued;
}

/* The addresses that a listener can have in whose queue a connection is. */
#define TAKERS_MAX 3

/* Of each such address the first listener that has something queued. */
struct takers {
	const struct listener_record *first[TAKERS_MAX];
	size_t count;
};

static bool is_beside(const struct waiting *waiting, const struct listener_record *record,
		      const struct listener_record *first)
{
	const struct listener_record *end = array_at(&waiting->listeners, waiting->listeners.count);

	return record < end && compare_listeners(record, first) == 0;
}

static void add_taker(struct takers *takers, const struct waiting *waiting,
		      const struct listener_record *wanted)
{
	size_t at = array_first(&waiting->listeners, wanted, compare_listeners);
	const struct listener_record *first = array_at(&waiting->listeners, at);

	if (is_beside(waiting, first, wanted))
		takers->first[takers->count++] = first;
}

/*
 * In IPv6, so that :: takes all; an IPv4 listener takes only its own family. A host can have
 * thousands of listeners on one port, and as many connections: they are searched, not walked.
 */
static void find_takers(struct takers *takers, const struct waiting *waiting,
			const struct conn *conn)
{
	struct listener_record wanted = {
		.listener = {.netns = conn->netns, .port = conn->local_port}, .queued = 1};
	struct listener *place = &wanted.listener;

	takers->count = 0;
	place->family = FAMILY_IPV6;
	add_taker(takers, waiting, &wanted);
	if (conn->family == FAMILY_IPV4) {
		place->family = FAMILY_IPV4;
		add_taker(takers, waiting, &wanted);
	}
	memcpy(place->addr, conn->local_addr, sizeof(place->addr));
	add_taker(takers, waiting, &wanted);
}

/*
 * The listener in whose queue the connection is. Several can share a port; then it is known only if
 * no more than one of them has anything queued.
 */
static const struct listener_record *only_taker(const struct waiting *waiting,
						const struct takers *takers)
{
	if (takers->count != 1 || is_beside(waiting, takers->first[0] + 1, takers->first[0]))
		return NULL;
	return takers->first[0];
}

static const struct listener_record *find_listener(const struct waiting *waiting,
						   const struct conn *conn)
{
	struct takers takers;

	find_takers(&takers, waiting, conn);
	return only_taker(waiting, &takers);
}

/* A connection in a queue is known to that listener; of several it can be any's. */
static void count_known(struct waiting *waiting, const struct conn *conn)
{
	const struct listener_record *listeners = array_at(&waiting->listeners, 0), *one;
	struct takers takers;

	find_takers(&takers, waiting, conn);
	one = only_taker(waiting, &takers);
	if (one) {
		if (waiting->known[one - listeners] != UNKNOWN)
			waiting->known[one - listeners]++;
		return;
	}
	for (size_t i = 0; i < takers.count; i++) {
		one = takers.first[i];
		if (waiting->known[one - listeners] == UNKNOWN) /* and so are those beside it */
			continue;
		for (; is_beside(waiting, one, takers.first[i]); one++)
			waiting->known[one - listeners] = UNKNOWN;
	}
}

/* By process; of each those that failed first, as these have no place. */
static int compare_accepts(const void *a, const void *b)
{
	const struct accept_record *one = a, *other = b;
	int order = compare_u64(one->key.pid, other->key.pid);

	if (!order)
		order = compare_u64(one->key.netns, other->key.netns);
	return order ? order : compare_u64(one->key.port, other->key.port);
}

/* By place; of each the latest first. */
static int compare_gone_accepts(const void *a, const void *b)
{
	const struct gone_accept *one = a, *other = b;
	int order = compare_u64(one->netns, other->netns);

	if (!order)
		order = compare_u64(one->port, other->port);
	return order ? order : compare_u64(other->last_ns, one->last_ns);
}

/* Those of processes that hold nothing, which are many where each connection has its own. */
static void find_gone_accepts(struct waiting *waiting)
{
	for (size_t i = 0; i < waiting->accepts.count; i++) {
		const struct accept_record *accept = array_at(&waiting->accepts, i);
		struct gone_accept gone = {.netns = accept->key.netns,
					   .port = accept->key.port,
					   .last_ns = accept->count.last_ns};

		if (!accept->key.error && !holders_comm(&waiting->holders, accept->key.pid))
			array_add(&waiting->gone_accepts, &gone);
	}
	array_sort(&waiting->gone_accepts, compare_gone_accepts);
}

/* Its closer is not there. */
static const struct record *kept_at(const struct waiting *waiting, size_t i)
{
	return array_at(&waiting->records, i);
}

/* Joins what the scans have found. */
static int finish(struct waiting *waiting)
{
	int r = holders_sort(&waiting->holders);

	waiting->time_ns = clock_monotonic_ns();
	array_sort(&waiting->accepts, compare_accepts);
	if (r < 0 || !waiting->listeners.count)
		return r;
	array_sort(&waiting->listeners, compare_listeners);
	find_gone_accepts(waiting);
	if (waiting->gone_accepts.no_memory)
		return -ENOMEM;
	waiting->known = calloc(waiting->listeners.count, sizeof(*waiting->known));
	if (!waiting->known)
		return -ENOMEM;
	for (size_t i = 0; i < waiting->records.count; i++) {
		const struct conn *conn = &kept_at(waiting, i)->conn;

		if (conn->queued_ns && !conn_is_accepted(conn))
			count_known(waiting, conn);
	}
	return 0;
}

static void take_record(struct waiting *waiting, const struct record *record)
{
	if (record->counted)
		waiting->options.on_counted(waiting->options.userdata, record);
	else
		array_add(&waiting->records, record);
}

static void take(void *userdata, const void *element)
{
	struct waiting *waiting = userdata;

	switch (waiting->step) {
	case STEP_WAITING_SLOTS:
	case STEP_WAITING:
	case STEP_WAITING_MORE:
		take_record(waiting, element);
		break;
	case STEP_HOLDERS:
		holders_add(&waiting->holders, element);
		break;
	case STEP_LISTENERS:
		array_add(&waiting->listeners, element);
		break;
	default:
		array_add(&waiting->accepts, element);
	}
}

static bool has_no_memory(const struct waiting *waiting)
{
	return waiting->records.no_memory || waiting->listeners.no_memory ||
	       waiting->accepts.no_memory;
}

static enum step step_after(const struct waiting *waiting)
{
	enum step next = used_from(waiting, waiting->step + 1);

	if (next == STEP_HOLDERS && !waiting->records.count && !waiting->options.all_listeners)
		return STEP_DONE;
	return next;
}

static int do_step(struct waiting *waiting)
{
	int r;

	if (waiting->step == STEP_DONE)
		return 0;
	r = scan_read(&waiting->reader, take, waiting);
	if (has_no_memory(waiting))
		r = -ENOMEM;
	if (r > 0)
		return 1;
	scan_close(&waiting->reader);
	if (r == 0) {
		waiting->step = step_after(waiting);
		if (waiting->step != STEP_DONE)
			r = scan_begin(&waiting->reader, waiting->hooks, scans[waiting->step]);
	}
	if (r < 0) {
		waiting->step = STEP_DONE;
		return r;
	}
	if (waiting->step != STEP_DONE)
		return 1;
	return finish(waiting);
}

int waiting_step(struct waiting *waiting)
{
	bool walks = waiting->step <= STEP_WAITING_MORE;
	int64_t cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	int r = do_step(waiting);

	cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	if (walks) {
		waiting->walk_cpu_ns += cpu_ns;
		waiting->walked_ns = clock_monotonic_ns();
	} else {
		waiting->rest_cpu_ns += cpu_ns;
	}
	return r;
}

int64_t waiting_walked_ns(const struct waiting *waiting)
{
	return waiting->walked_ns;
}

int64_t waiting_walk_cpu_ns(const struct waiting *waiting)
{
	return waiting->walk_cpu_ns;
}

int64_t waiting_rest_cpu_ns(const struct waiting *waiting)
{
	return waiting->rest_cpu_ns;
}

/* A connection older than the hooks, or one that nobody was seen to accept. */
static void set_owner_by_holders(struct event *event)
{
	const struct holder *holders = event->holders;

	if (event->conn.owner.pid || !event->holder_count)
		return;
	for (size_t i = 1; i < event->holder_count; i++) {
		if (holders[i].pid != holders[0].pid)
			return; /* any of them may be */
	}
	event->conn.owner.pid = holders[0].pid;
	memcpy(event->conn.owner.comm, holders[0].comm, sizeof(event->conn.owner.comm));
}

int64_t waiting_time_ns(const struct waiting *waiting)
{
	return waiting->time_ns;
}

size_t waiting_count(const struct waiting *waiting)
{
	return waiting->records.count;
}

bool waiting_is_due(const struct waiting *waiting, size_t i)
{
	return kept_at(waiting, i)->due;
}

void waiting_event(const struct waiting *waiting, size_t i, const struct thresholds *thresholds,
		   int64_t realtime_offset_ns, struct places *places, struct event *event,
		   struct place *place)
{
	struct record record = {};

	memcpy(&record, kept_at(waiting, i), WAITING_BYTES);
	event_from_record(event, &record, thresholds, realtime_offset_ns);
	event->holders = holders_of(&waiting->holders, record.sock, &event->holder_count,
				    &event->holders_left_out);
	set_owner_by_holders(event);
	event->owner_place = places_of(places, event->conn.owner.pid, waiting->time_ns, place);
	if (event->accepted == NO)
		event->listener = find_listener(waiting, &record.conn);
}

static void add_error(struct listener_event *event, int error, uint64_t count)
{
	for (size_t i = 0; i < event->error_count; i++) {
		if (event->errors[i].error == error) {
			event->errors[i].count += count;
			return;
		}
	}
	if (event->error_count < ACCEPT_ERRORS_MAX)
		event->errors[event->error_count++] = (struct accept_error){error, count};
}

static void add_accept(struct listener_event *event, const struct accept_record *accept,
		       int64_t now_ns)
{
	int64_t ago = now_ns - (int64_t)accept->count.last_ns;

	if (accept->key.error) {
		add_error(event, accept->key.error, accept->count.count);
		return;
	}
	event->accepts += accept->count.count;
	if (event->last_accept_ns == UNKNOWN || ago < event->last_accept_ns)
		event->last_accept_ns = ago;
}

/* last_ns: when the first of them called it. */
static void add_acceptor(struct listener_event *event, const struct accept_record *accept,
			 uint64_t *last_ns)
{
	uint32_t pid = accept->key.pid, *first = &event->acceptors[0];
	size_t i = 0;

	while (i < event->acceptor_count && event->acceptors[i] != pid)
		i++;
	if (i == ACCEPTORS_MAX)
		i--;
	else if (i == event->acceptor_count)
		event->acceptor_count++;
	event->acceptors[i] = pid;
	if (accept->count.last_ns < *last_ns)
		return;
	*last_ns = accept->count.last_ns;
	event->acceptors[i] = *first;
	*first = pid;
}

/* What accept() has given one process there. */
static void add_accepts_of(struct listener_event *event, const struct array *accepts,
			   const struct accept_key *key, int64_t now_ns, uint64_t *last_ns)
{
	const struct accept_record wanted = {.key = *key}, *accept;
	size_t at = array_first(accepts, &wanted, compare_accepts);

	for (; at < accepts->count; at++) {
		accept = array_at(accepts, at);
		if (compare_accepts(accept, &wanted) != 0)
			break;
		add_accept(event, accept, now_ns);
		add_acceptor(event, accept, last_ns);
	}
}

/*
 * What the processes that hold the listener have got from accept(): of a failure only the process
 * is known.
 */
static void add_accepts(struct listener_event *event, const struct array *accepts, int64_t now_ns)
{
	const struct listener *listener = &event->record->listener;
	uint64_t last_ns = 0;

	for (size_t i = 0; i < event->holder_count; i++) {
		struct accept_key key = {.pid = event->holders[i].pid};

		if (i && event->holders[i].pid == event->holders[i - 1].pid)
			continue;
		add_accepts_of(event, accepts, &key, now_ns, &last_ns);
		key.netns = listener->netns;
		key.port = listener->port;
		add_accepts_of(event, accepts, &key, now_ns, &last_ns);
	}
}

/* The last accept() on its port of a process that holds nothing, since it listens. */
static int64_t gone_accept_ns(const struct waiting *waiting, const struct listener *listener)
{
	const struct gone_accept wanted = {
		.netns = listener->netns, .port = listener->port, .last_ns = UINT64_MAX};
	size_t at = array_first(&waiting->gone_accepts, &wanted, compare_gone_accepts);
	const struct gone_accept *last;

	if (at == waiting->gone_accepts.count)
		return UNKNOWN;
	last = array_at(&waiting->gone_accepts, at);
	if (last->netns != wanted.netns || last->port != wanted.port ||
	    last->last_ns < listener->since_ns)
		return UNKNOWN;
	return waiting->time_ns - (int64_t)last->last_ns;
}

static int more_frequent(const void *a, const void *b)
{
	const struct accept_error *one = a, *other = b;

	return compare_u64(other->count, one->count);
}

size_t waiting_listener_count(const struct waiting *waiting)
{
	return waiting->listeners.count;
}

static const struct listener_record *listener_at(const struct waiting *waiting, size_t i)
{
	return array_at(&waiting->listeners, i);
}

const struct listener *waiting_listener_at(const struct waiting *waiting, size_t i)
{
	return &listener_at(waiting, i)->listener;
}

void waiting_listener(const struct waiting *waiting, size_t i, struct listener_event *event)
{
	uint64_t sock;

	memset(event, 0, sizeof(*event));
	event->record = listener_at(waiting, i);
	event->known = waiting->known[i];
	event->accepts_seen = hooks_follow(waiting->hooks);
	event->last_accept_ns = UNKNOWN;
	sock = event->record->mptcp ? event->record->mptcp : event->record->sock;
	event->holders =
		holders_of(&waiting->holders, sock, &event->holder_count, &event->holders_left_out);
	add_accepts(event, &waiting->accepts, waiting->time_ns);
	event->gone_accept_ns = UNKNOWN;
	if (event->last_accept_ns == UNKNOWN && event->record->queued)
		event->gone_accept_ns = gone_accept_ns(waiting, &event->record->listener);
	qsort(event->errors, event->error_count, sizeof(event->errors[0]), more_frequent);
}

size_t waiting_accept_count(const struct waiting *waiting)
{
	return waiting->accepts.count;
}

const struct accept_record *waiting_accept(const struct waiting *waiting, size_t i)
{
	return array_at(&waiting->accepts, i);
}

const char *waiting_comm(const struct waiting *waiting, uint32_t pid)
{
	return holders_comm(&waiting->holders, pid);
}

unsigned long waiting_holders_left_out(const struct waiting *waiting)
{
	return holders_left_out(&waiting->holders);
}

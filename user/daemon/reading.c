// SPDX-License-Identifier: GPL-2.0
/* The services of a reading: what a look found of each. */
#include "reading.h"

#include <stdlib.h>
#include <string.h>

/* What has not grown for so long does not grow. */
#define GROWN_NS (60 * NSEC_PER_SEC)

/* Threads of all processes together. */
#define THREADS_MAX (SCAN_PROCESSES_MAX * SCAN_THREADS_MAX)

struct reading *reading_new(void)
{
	struct reading *reading = calloc(1, sizeof(*reading));

	if (!reading)
		return NULL;
	array_init(&reading->threads, sizeof(struct thread_reading), THREADS_MAX);
	reading->services = calloc(READING_SERVICES_MAX, sizeof(*reading->services));
	if (!reading->services) {
		reading_free(reading);
		return NULL;
	}
	return reading;
}

void reading_free(struct reading *reading)
{
	if (!reading)
		return;
	array_clear(&reading->threads);
	free(reading->services);
	free(reading);
}

bool service_id_is(const struct service_id *one, const struct service_id *other)
{
	return one->role == other->role && one->netns == other->netns && one->port == other->port &&
	       memcmp(one->comm, other->comm, sizeof(one->comm)) == 0;
}

static struct service_reading *find_service(const struct reading *reading,
					    const struct service_id *id)
{
	for (size_t i = 0; i < reading->service_count; i++) {
		if (service_id_is(&reading->services[i].id, id))
			return &reading->services[i];
	}
	return NULL;
}

const struct service_reading *reading_find_service(const struct reading *reading,
						   const struct service_id *id)
{
	return find_service(reading, id);
}

/* NULL: there are too many. */
static struct service_reading *service_of(struct reading *reading, const struct conn *conn)
{
	struct service_id id = {.role = conn->role, .netns = conn->netns};
	const struct service_reading *last;
	struct service_reading *service;

	id.port = conn->role == ROLE_SERVER ? conn->local_port : conn->remote_port;
	if (conn->role == ROLE_CLIENT)
		memccpy(id.comm, conn->owner.comm, '\0', sizeof(id.comm));
	service = find_service(reading, &id);
	if (service)
		return service;
	if (reading->service_count == READING_SERVICES_MAX) {
		reading->services_left_out++;
		return NULL;
	}
	service = &reading->services[reading->service_count++];
	memset(service, 0, sizeof(*service));
	service->id = id;
	memcpy(service->comm, id.comm, sizeof(service->comm));
	last = reading_find_service(reading->before, &id);
	if (last)
		service->oldest_fin_before_ns = last->oldest_fin_ns;
	return service;
}

/* A process comes with each of its connections. */
static void leave_out(struct service_reading *service, uint32_t pid)
{
	uint64_t bit = 1ULL << (pid % 64),
		 *bits = &service->left_out[pid / 64 % (READING_LEFT_OUT_BITS / 64)];

	service->processes_left_out += !(*bits & bit);
	*bits |= bit;
}

static void add_process(struct service_reading *service, const struct service_process *wanted)
{
	struct service_process *process = service->processes;

	for (size_t i = 0; i < service->process_count; i++, process++) {
		if (process->pid == wanted->pid) {
			if (wanted->owns)
				process->inherits =
					wanted->inherits && (process->inherits || !process->owns);
			process->owns |= wanted->owns;
			process->listens |= wanted->listens;
			process->accepts |= wanted->accepts;
			return;
		}
	}
	if (service->process_count == EVIDENCE_PROCESSES_MAX)
		leave_out(service, wanted->pid);
	else
		service->processes[service->process_count++] = *wanted;
}

static void add_inheritor(struct evidence_leak *leak, const struct holder *holder)
{
	for (size_t i = 0; i < leak->inheritor_count; i++) {
		if (leak->inheritors[i].pid == holder->pid)
			return;
	}
	if (leak->inheritor_count == EVIDENCE_INHERITORS_MAX)
		return;
	leak->inheritors[leak->inheritor_count].pid = holder->pid;
	memcpy(leak->inheritors[leak->inheritor_count++].comm, holder->comm, 16);
}

static void add_holders(struct evidence_leak *leak, const struct event *event)
{
	uint32_t owner = event->conn.owner.pid; /* 0: not known */
	bool by_owner = false, by_other = false;

	for (size_t i = 0; i < event->holder_count; i++) {
		const struct holder *holder = &event->holders[i];
		bool owns = holder->pid == owner || !owner;

		if (!leak->pid || (holder->pid == owner && leak->pid != owner)) {
			leak->pid = holder->pid;
			leak->fd = holder->fd;
		}
		if (owns) {
			by_owner = true;
		} else {
			by_other = true;
			add_inheritor(leak, holder);
		}
	}
	leak->held_by_others += by_other;
	leak->left_to_others += by_other && !by_owner;
}

static void add_heirs(struct service_reading *service, const struct event *event)
{
	uint32_t owner = event->conn.owner.pid;

	for (size_t i = 0; i < event->holder_count; i++) {
		uint32_t pid = event->holders[i].pid;

		add_process(service,
			    &(struct service_process){.pid = pid, .owns = pid == owner || !owner});
	}
}

static void add_until_fin(struct service_reading *service, const struct conn *conn)
{
	if (service->until_fin_count < READING_SAMPLES_MAX && !(conn->flags & CONN_OLD) &&
	    conn->established_ns && conn->close_wait_ns >= conn->established_ns)
		service->until_fin_ns[service->until_fin_count++] =
			(int64_t)(conn->close_wait_ns - conn->established_ns);
}

/* With something that its program should take; how much is there may not be known. */
static bool is_unread(const struct event *event)
{
	int64_t most = event->conn.role == ROLE_CLIENT ? EVIDENCE_FAREWELL_BYTES : 0;

	return event->unread_bytes != UNKNOWN && event->unread_bytes > most;
}

/* Read to its end and not closed; of a client: idle, with nothing but a farewell to be read. */
static bool is_kept(const struct event *event)
{
	return event->cause == CAUSE_NOT_CLOSING ||
	       (event->conn.role == ROLE_CLIENT && event->cause == CAUSE_NOT_READING &&
		!is_unread(event));
}

static void add_kept(struct service_reading *service, const struct conn *conn)
{
	service->kept++;
	if (!service->oldest_fin_ns || conn->close_wait_ns < service->oldest_fin_ns)
		service->oldest_fin_ns = conn->close_wait_ns;
	/* When an old one was established is not known. */
	service->younger += service->oldest_fin_before_ns && !(conn->flags & CONN_OLD) &&
			    conn->established_ns > service->oldest_fin_before_ns;
}

static void add_wait(struct service_reading *service, const struct event *event)
{
	struct evidence_waits *waits = &service->waits[event->cause];
	int64_t wait_ns =
		event->cause == CAUSE_NEVER_ACCEPTED ? event->accept_wait_ns : event_kept_ns(event);

	waits->count++;
	waits->unread += is_unread(event);
	if (wait_ns > waits->oldest_ns) {
		waits->oldest_ns = wait_ns;
		waits->oldest_at_least = event->cause == CAUSE_NEVER_ACCEPTED
						 ? event->at_least
						 : event->close_wait_at_least;
	}
	service->all += event->cause != CAUSE_STILL_SENDING;
	if (is_kept(event))
		add_kept(service, &event->conn);
	service->in_queue += event->accepted == NO;
	service->in_close_wait += conn_is_in_close_wait(&event->conn);
}

/* Whether it is a process that lets it wait, which has it and is not done with it. */
static bool is_with_process(const struct event *event)
{
	return event->cause != CAUSE_NEVER_ACCEPTED && event->cause != CAUSE_STILL_SENDING;
}

/* Where it counts who has it open; NULL: that does not matter. */
static struct evidence_leak *leak_of(struct service_reading *service, const struct event *event)
{
	if (event->cause == CAUSE_NOT_CLOSING ||
	    (event->conn.role == ROLE_CLIENT && is_with_process(event)))
		return &service->leak;
	return event->cause == CAUSE_NOT_READING && event->unread_bytes == 0 ? &service->fin_only
									     : NULL;
}

/*
 * Whoever accepted it has handed it over, to a child or through a socket, and closed it: those that
 * have it are who does not read it. Of what was read to its end the others may be mere heirs.
 */
static bool is_handed_over(const struct event *event)
{
	if (event->cause != CAUSE_NOT_READING || !event->conn.owner.pid || !event->holder_count)
		return false;
	for (size_t i = 0; i < event->holder_count; i++) {
		if (event->holders[i].pid == event->conn.owner.pid)
			return false;
	}
	return true;
}

static struct service_reading *count_in(struct reading *reading, const struct event *event)
{
	struct service_reading *service = service_of(reading, &event->conn);
	const struct conn_task *owner = &event->conn.owner;

	if (!service)
		return NULL;
	add_wait(service, event);
	if (owner->pid && !service->comm[0])
		memccpy(service->comm, owner->comm, '\0', 16);
	if (!is_with_process(event))
		return service;
	if (owner->pid && !is_handed_over(event))
		add_process(service, &(struct service_process){.pid = owner->pid, .owns = true});
	if (event->conn.role == ROLE_SERVER)
		add_until_fin(service, &event->conn);
	return service;
}

void reading_count(struct reading *reading, const struct event *event)
{
	struct service_reading *service;
	struct evidence_leak *leak;

	/* A client's service has its process's name; of an old one, holders alone tell that. */
	if (event->conn.role == ROLE_CLIENT && !event->conn.owner.pid) {
		reading->left_out++;
		return;
	}
	service = count_in(reading, event);
	leak = service ? leak_of(service, event) : NULL;
	if (leak)
		leak->unseen++;
}

void reading_add(struct reading *reading, const struct event *event)
{
	struct service_reading *service = count_in(reading, event);
	struct evidence_leak *leak;

	if (!service)
		return;
	if (event->owner_place && !service->unit[0])
		memcpy(service->unit, event->owner_place->unit, sizeof(service->unit));
	leak = leak_of(service, event);
	if (leak)
		add_holders(leak, event);
	if (leak == &service->leak)
		add_heirs(service, event);
	if (!is_handed_over(event))
		return;
	for (size_t i = 0; i < event->holder_count; i++)
		add_process(service, &(struct service_process){.pid = event->holders[i].pid,
							       .owns = true,
							       .inherits = true});
}

static void set_listener(struct evidence_listener *seen, const struct listener_event *event)
{
	const struct listener_record *record = event->record;

	memset(seen, 0, sizeof(*seen));
	seen->family = record->listener.family;
	memcpy(seen->address, record->listener.addr, sizeof(seen->address));
	seen->port = record->listener.port;
	seen->queued = record->queued;
	seen->limit = record->limit;
	seen->limit_by = limit_name(record);
	seen->somaxconn = record->somaxconn;
	seen->accepts_seen = event->accepts_seen;
	seen->last_accept_ns = event->last_accept_ns;
	seen->gone_accept_ns = event->gone_accept_ns;
	for (size_t i = 0; i < event->holder_count; i++) {
		const struct holder *holder = &event->holders[i];

		seen->holders += i == 0 || holder->pid != event->holders[i - 1].pid;
		if (event->acceptor_count && seen->holder == event->acceptors[0])
			continue;
		seen->holder = holder->pid;
		memcpy(seen->comm, holder->comm, sizeof(seen->comm));
	}
	for (size_t i = 0; i < event->error_count; i++)
		seen->errors[i] = (struct evidence_error){.error = event->errors[i].error,
							  .count = event->errors[i].count};
	seen->error_count = event->error_count;
}

static const struct listener_reading *find_listener(const struct service_reading *service,
						    uint64_t sock)
{
	for (size_t i = 0; service && i < service->listener_count; i++) {
		if (service->listeners[i].sock == sock)
			return &service->listeners[i];
	}
	return NULL;
}

/* What it dropped before its queue was full is no news of a queue that is full. */
static void carry_full(struct listener_reading *listener, const struct listener_reading *before)
{
	listener->full = listener->seen.queued > listener->seen.limit;
	listener->drops_before_full = listener->drops;
	if (listener->full && before && before->full)
		listener->drops_before_full = before->drops_before_full;
}

/* The service that has something in the queue of a listener like this; or NULL. */
static struct service_reading *service_in_queue_of(const struct reading *reading,
						   const struct listener *listener)
{
	struct service_id id = {
		.role = ROLE_SERVER, .netns = listener->netns, .port = listener->port};
	struct service_reading *service = find_service(reading, &id);

	return service && service->in_queue ? service : NULL;
}

static void take_listener(struct reading *reading, struct service_reading *service,
			  const struct service_reading *before, const struct listener_event *event,
			  struct places *places)
{
	struct listener_reading *listener;
	struct place place;
	uint32_t bit;

	if (service->listener_count == EVIDENCE_LISTENERS_MAX) {
		service->listeners_left_out++;
		return;
	}
	bit = 1U << service->listener_count;
	listener = &service->listeners[service->listener_count++];
	listener->sock = event->record->sock;
	listener->drops = event->record->drops;
	listener->accepts = event->accepts;
	set_listener(&listener->seen, event);
	carry_full(listener, find_listener(before, listener->sock));
	if (!service->comm[0])
		memccpy(service->comm, listener->seen.comm, '\0', 16);
	if (!service->unit[0] && listener->seen.holder &&
	    places_of(places, listener->seen.holder, reading->time_ns, &place))
		memcpy(service->unit, place.unit, sizeof(service->unit));
	/* There may be more of them than are kept. */
	for (size_t i = 0; i < event->acceptor_count; i++)
		add_process(service, &(struct service_process){.pid = event->acceptors[i],
							       .listens = bit,
							       .accepts = true});
	for (size_t i = 0; i < event->holder_count; i++)
		add_process(service, &(struct service_process){.pid = event->holders[i].pid,
							       .listens = bit});
}

void reading_forget(struct reading *reading)
{
	reading->time_ns = 0;
	reading->service_count = reading->services_left_out = 0;
	reading->process_count = reading->processes_left_out = 0;
	reading->left_out = 0;
}

void reading_begin(struct reading *reading, const struct reading *before)
{
	array_clear(&reading->threads);
	reading_forget(reading);
	reading->before = before;
}

/* Ended ones first, then those that are in CLOSE_WAIT. */
static void take_recent(struct service_reading *service, const struct recent *recent,
			int64_t now_ns)
{
	int64_t ended[READING_SAMPLES_MAX];
	size_t count, room;

	if (service->id.role != ROLE_SERVER)
		return;
	count = recent_get(recent, service->id.netns, service->id.port, now_ns, ended,
			   READING_SAMPLES_MAX);
	room = READING_SAMPLES_MAX - count;
	if (service->until_fin_count > room)
		service->until_fin_count = room;
	memmove(service->until_fin_ns + count, service->until_fin_ns,
		service->until_fin_count * sizeof(ended[0]));
	memcpy(service->until_fin_ns, ended, count * sizeof(ended[0]));
	service->closed_count = count;
	service->until_fin_count += count;
}

static void finish_service(struct service_reading *service, const struct service_reading *before,
			   int64_t now_ns)
{
	if (service->oldest_fin_ns != service->oldest_fin_before_ns)
		service->younger = 0;
	if (!before || service->kept < before->kept)
		return;
	if (service->kept > before->kept) {
		service->growing = before->growing + 1;
		service->grown_ns = now_ns;
	} else if (now_ns - before->grown_ns < GROWN_NS) {
		service->growing = before->growing;
		service->grown_ns = before->grown_ns;
	}
}

void reading_end(struct reading *reading, const struct waiting *waiting,
		 const struct recent *recent, struct places *places)
{
	const struct reading *before = reading->before;
	struct service_reading *service;
	struct listener_event listener;

	reading->time_ns = waiting_walked_ns(waiting);
	for (size_t i = 0; i < waiting_listener_count(waiting); i++) {
		service = service_in_queue_of(reading, waiting_listener_at(waiting, i));
		if (!service) /* most: what follows takes longer */
			continue;
		waiting_listener(waiting, i, &listener);
		take_listener(reading, service, reading_find_service(before, &service->id),
			      &listener, places);
	}
	for (size_t i = 0; i < reading->service_count; i++) {
		service = &reading->services[i];
		take_recent(service, recent, reading->time_ns);
		finish_service(service, reading_find_service(before, &service->id),
			       reading->time_ns);
	}
	reading_choose_processes(reading);
}

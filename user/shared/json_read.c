// SPDX-License-Identifier: GPL-2.0
#include "json_read.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render.h"

#define NO_UTF8 '\xff' /* a byte that UTF-8 never has */

#define ERRNO_MAX 4095

static void read_comm(struct json_read *read, const json_t *object, char comm[16])
{
	const char *text = field_text(&read->error, object, "comm");
	size_t used = 0;

	memset(comm, 0, 16);
	while (text && *text) {
		bool replaced = strncmp(text, RENDER_REPLACEMENT, strlen(RENDER_REPLACEMENT)) == 0;

		if (used == 16) {
			field_fail(&read->error, "comm", "a process name of at most 16 bytes");
			return;
		}
		comm[used++] = replaced ? NO_UTF8 : *text;
		text += replaced ? strlen(RENDER_REPLACEMENT) : 1;
	}
}

static void read_name(struct json_read *read, const json_t *object, const char *field, char *name,
		      size_t size)
{
	const char *text = field_text(&read->error, object, field);

	if (text && strlen(text) >= size)
		field_fail(&read->error, field, "as short as such names are");
	snprintf(name, size, "%s", text ? text : "");
}

/* Returns place, or NULL where there is no such process. */
static const struct place *read_task(struct json_read *read, const json_t *event, const char *field,
				     struct conn_task *task, struct place *place)
{
	const json_t *object = field_object(&read->error, event, field);

	if (!object)
		return NULL;
	task->pid = field_u32(&read->error, object, "pid");
	task->tid = field_u32(&read->error, object, "tid");
	if (!task->pid)
		field_fail(&read->error, field, "a process");
	read_comm(read, object, task->comm);
	read_name(read, object, "unit", place->unit, sizeof(place->unit));
	read_name(read, object, "container", place->container, sizeof(place->container));
	return place;
}

static enum conn_family read_address(struct json_read *read, const json_t *object, __u8 address[16])
{
	const char *text = field_required(&read->error, object, "address");

	if (inet_pton(AF_INET, text, address) == 1)
		return FAMILY_IPV4;
	if (inet_pton(AF_INET6, text, address) != 1)
		field_fail(&read->error, "address", "an IP address");
	return FAMILY_IPV6;
}

static __u16 read_port(struct json_read *read, const json_t *object)
{
	int64_t port = field_number(&read->error, object, "port", UINT16_MAX);

	if (port == UNKNOWN)
		field_fail(&read->error, "port", "a number in its range");
	return port == UNKNOWN ? 0 : (__u16)port;
}

static void read_endpoint(struct json_read *read, const json_t *event, const char *field,
			  enum conn_family family, __u8 address[16], __u16 *port)
{
	const json_t *object = field_object(&read->error, event, field);

	if (!object)
		field_fail(&read->error, field, "an object");
	if (read_address(read, object, address) != family)
		field_fail(&read->error, field, "an address of its family");
	*port = read_port(read, object);
}

static enum conn_family read_family(struct json_read *read, const json_t *object)
{
	const char *text = field_required(&read->error, object, "family");

	if (strcmp(text, family_name(FAMILY_IPV4)) == 0)
		return FAMILY_IPV4;
	if (strcmp(text, family_name(FAMILY_IPV6)) != 0)
		field_fail(&read->error, "family", "ipv4 or ipv6");
	return FAMILY_IPV6;
}

static enum conn_role read_role(struct json_read *read, const json_t *object)
{
	const char *text = field_required(&read->error, object, "role");

	if (strcmp(text, role_name(ROLE_SERVER)) == 0)
		return ROLE_SERVER;
	if (strcmp(text, role_name(ROLE_CLIENT)) != 0)
		field_fail(&read->error, "role", "server or client");
	return ROLE_CLIENT;
}

static enum record_kind read_kind(struct json_read *read, const json_t *object)
{
	const char *text = field_required(&read->error, object, "event");
	int kind = kind_find(text, strlen(text));

	if (kind)
		return (enum record_kind)kind;
	field_fail(&read->error, "event", "a kind of event that a connection has");
	return RECORD_CLOSED;
}

static enum conn_cause read_cause(struct json_read *read, const json_t *object)
{
	const char *text = field_text(&read->error, object, "cause");

	for (int cause = CAUSE_NONE + 1; text && cause < CAUSE_COUNT; cause++) {
		if (strcmp(text, cause_name((enum conn_cause)cause)) == 0)
			return (enum conn_cause)cause;
	}
	return CAUSE_NONE;
}

static enum conn_end read_end(struct json_read *read, const json_t *object)
{
	const char *text = field_text(&read->error, object, "end");

	for (int end = END_UNKNOWN + 1; text && end < END_COUNT; end++) {
		if (strcmp(text, end_name((enum conn_end)end)) == 0)
			return (enum conn_end)end;
	}
	return END_UNKNOWN;
}

/* Room for count holders. */
static int reserve(struct json_read *read, size_t count)
{
	struct holder *holders;

	if (count <= read->holders_size)
		return 0;
	holders = reallocarray(read->holders, count, sizeof(*holders));
	if (!holders)
		return -ENOMEM;
	read->holders = holders;
	read->holders_size = count;
	return 0;
}

static int read_holders(struct json_read *read, const json_t *event, const struct holder **holders,
			size_t *count, size_t *left_out)
{
	const json_t *array = field_array(&read->error, event, "holders");
	int64_t number = field_number(&read->error, event, "holders_left_out", INT64_MAX);
	size_t i;
	json_t *object;

	*holders = NULL;
	*count = json_array_size(array);
	*left_out = number == UNKNOWN ? 0 : (size_t)number;
	if (reserve(read, *count) < 0)
		return -ENOMEM;
	json_array_foreach (array, i, object) {
		struct holder *holder = &read->holders[i];

		*holder = (struct holder){.pid = field_u32(&read->error, object, "pid"),
					  .fd = field_u32(&read->error, object, "fd")};
		if (!json_is_object(object))
			field_fail(&read->error, "holders", "an array of objects");
		read_comm(read, object, holder->comm);
	}
	*holders = read->holders;
	return 0;
}

static const struct listener_record *read_listener(struct json_read *read, const json_t *event)
{
	const json_t *object = field_object(&read->error, event, "listener");
	struct listener_record *record = &read->listener;

	if (!object)
		return NULL;
	memset(record, 0, sizeof(*record));
	record->listener.family = (__u8)read_address(read, object, record->listener.addr);
	record->listener.port = read_port(read, object);
	record->queued = field_u32(&read->error, object, "queued");
	record->limit = field_u32(&read->error, object, "limit");
	return record;
}

static void read_conn(struct json_read *read, const json_t *object, struct event *event)
{
	struct conn *conn = &event->conn;
	const char *state = field_text(&read->error, object, "state");

	conn->role = (__u8)read_role(read, object);
	conn->family = (__u8)read_family(read, object);
	read_endpoint(read, object, "local", (enum conn_family)conn->family, conn->local_addr,
		      &conn->local_port);
	read_endpoint(read, object, "remote", (enum conn_family)conn->family, conn->remote_addr,
		      &conn->remote_port);
	conn->netns = field_u32(&read->error, object, "netns");
	conn->end = (__u8)read_end(read, object);
	/* Whether it is seen is all that the output asks of this time. */
	conn->close_wait_ns = state && strcmp(state, "close-wait") == 0;
	event->owner_place = read_task(read, object, "owner", &conn->owner, &read->owner);
	event->closer_place = read_task(read, object, "closer", &conn->closer, &read->closer);
}

static void read_waits(struct json_read *read, const json_t *object, struct event *event)
{
	event->accept_wait_ns = field_milliseconds(&read->error, object, "accept_wait_ms");
	event->close_wait_ns = field_milliseconds(&read->error, object, "close_wait_ms");
	event->lifetime_ns = field_milliseconds(&read->error, object, "lifetime_ms");
	event->rx_bytes = field_number(&read->error, object, "rx_bytes", INT64_MAX);
	event->tx_bytes = field_number(&read->error, object, "tx_bytes", INT64_MAX);
	event->tx_bytes_after_fin =
		field_number(&read->error, object, "tx_bytes_after_fin", INT64_MAX);
	event->unread_bytes = field_number(&read->error, object, "unread_bytes", INT64_MAX);
	event->accepted = field_truth(&read->error, object, "accepted");
	event->fin_read = field_truth(&read->error, object, "fin_read");
	event->cause = read_cause(read, object);
	event->at_least = field_truth(&read->error, object, "at_least") == YES;
	event->close_wait_at_least =
		field_truth(&read->error, object, "close_wait_at_least") == YES;
}

static int begin(struct json_read *read, const json_t *object)
{
	read->error.text[0] = '\0';
	if (json_is_object(object))
		return 0;
	snprintf(read->error.text, sizeof(read->error.text), "it is no object");
	return -EINVAL;
}

static uint64_t read_id(struct json_read *read, const json_t *object)
{
	const char *text = field_required(&read->error, object, "id");
	char again[RENDER_ID_SIZE];
	uint64_t id = strtoull(text, NULL, 16);

	if (strcmp(text, render_id(id, again)) != 0)
		field_fail(&read->error, "id", "16 hexadecimal digits");
	return id;
}

int event_from_json(struct event *event, struct json_read *read, const json_t *object)
{
	int r = begin(read, object);

	if (r < 0)
		return r;
	memset(event, 0, sizeof(*event));
	event->kind = read_kind(read, object);
	event->time_ns = field_time(&read->error, object, "time");
	event->id = read_id(read, object);
	read_conn(read, object, event);
	read_waits(read, object, event);
	event->listener = read_listener(read, object);
	r = read_holders(read, object, &event->holders, &event->holder_count,
			 &event->holders_left_out);
	if (r < 0)
		return r;
	return read->error.text[0] ? -EINVAL : 0;
}

/* "other" is not the name of any, so it stays without one. */
static int error_of(const char *name)
{
	for (int error = 1; error <= ERRNO_MAX; error++) {
		if (strcmp(error_name(error), name) == 0)
			return error;
	}
	return ERRNO_MAX;
}

static void read_accepts(struct json_read *read, const json_t *object, struct listener_event *event)
{
	json_t *errors = (json_t *)field_object(&read->error, object, "accept_errors");
	int64_t accepts = field_number(&read->error, object, "accepts", INT64_MAX);
	const char *name;
	json_t *count;

	event->accepts_seen = accepts != UNKNOWN;
	event->accepts = accepts == UNKNOWN ? 0 : (uint64_t)accepts;
	event->last_accept_ns = field_milliseconds(&read->error, object, "last_accept_ms");
	json_object_foreach (errors, name, count) {
		if (event->error_count == ACCEPT_ERRORS_MAX)
			break;
		if (!json_is_integer(count) || json_integer_value(count) < 0)
			field_fail(&read->error, "accept_errors", "an object of numbers");
		event->errors[event->error_count++] = (struct accept_error){
			.error = error_of(name), .count = (uint64_t)json_integer_value(count)};
	}
}

/* A somaxconn, then and now, that gives the same name: JSON does not have the numbers. */
static void read_limit_by(struct json_read *read, const json_t *object,
			  struct listener_record *record)
{
	const char *by = field_text(&read->error, object, "limit_by");

	record->somaxconn = ~record->limit;
	if (by)
		record->listener.somaxconn = record->limit + (strcmp(by, "backlog") == 0);
}

int listener_from_json(struct listener_event *event, int64_t *time_ns, struct json_read *read,
		       const json_t *object)
{
	struct listener_record *record = &read->listener;
	struct listener *socket = &record->listener;
	int r = begin(read, object);

	if (r < 0)
		return r;
	memset(event, 0, sizeof(*event));
	memset(record, 0, sizeof(*record));
	event->record = record;
	if (strcmp(field_required(&read->error, object, "event"), "listener") != 0)
		field_fail(&read->error, "event", "listener");
	*time_ns = field_time(&read->error, object, "time");
	socket->family = (__u8)read_family(read, object);
	read_endpoint(read, object, "local", (enum conn_family)socket->family, socket->addr,
		      &socket->port);
	socket->netns = field_u32(&read->error, object, "netns");
	record->queued = field_u32(&read->error, object, "queued");
	record->limit = field_u32(&read->error, object, "limit");
	read_limit_by(read, object, record);
	record->drops = field_u32(&read->error, object, "drops");
	event->known = field_number(&read->error, object, "known", INT64_MAX);
	read_accepts(read, object, event);
	read_task(read, object, "owner", &socket->owner, &read->owner);
	r = read_holders(read, object, &event->holders, &event->holder_count,
			 &event->holders_left_out);
	if (r < 0)
		return r;
	return read->error.text[0] ? -EINVAL : 0;
}

void json_read_free(struct json_read *read)
{
	free(read->holders);
	read->holders = NULL;
	read->holders_size = 0;
}

// SPDX-License-Identifier: GPL-2.0
#include "json_reference.h"

#include <arpa/inet.h>

#include "json_part.h"
#include "render.h"

static json_t *number(int64_t n)
{
	return n == UNKNOWN ? json_null() : json_integer(n);
}

static json_t *truth(enum tristate value)
{
	return value == MAYBE ? json_null() : json_boolean(value == YES);
}

static json_t *task(const struct conn_task *task, const struct place *place)
{
	static const struct place nowhere;

	if (task->pid == 0)
		return json_null();
	if (!place)
		place = &nowhere;
	return json_pack("{s:I, s:o, s:o, s:o, s:o}", "pid", (json_int_t)task->pid, "tid",
			 task->tid ? json_integer(task->tid) : json_null(), "comm",
			 json_comm(task->comm), "unit", json_place(place->unit), "container",
			 json_place(place->container));
}

static json_t *holders(const struct holder *holders, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_pack("{s:I, s:o, s:I}", "pid",
						       (json_int_t)holders[i].pid, "comm",
						       json_comm(holders[i].comm), "fd",
						       (json_int_t)holders[i].fd));
	return array;
}

static json_t *listener(const struct listener_record *record)
{
	char text[INET6_ADDRSTRLEN];

	if (!record)
		return json_null();
	inet_ntop(record->listener.family == FAMILY_IPV4 ? AF_INET : AF_INET6,
		  record->listener.addr, text, sizeof(text));
	return json_pack("{s:s, s:i, s:I, s:I}", "address", text, "port",
			 (int)record->listener.port, "queued", (json_int_t)record->queued, "limit",
			 (json_int_t)record->limit);
}

/* Where the connection waits at this moment. */
static json_t *state(const struct event *event)
{
	if (event->kind != RECORD_WAITING)
		return json_null();
	if (event->conn.flags & CONN_CLOSED)
		return json_string("accept-queue");
	if (!event->conn.close_wait_ns || event->conn.flags & CONN_CLOSED)
		return json_string("accept-queue");
	return json_string("close-wait");
}

static json_t *endpoint(const struct conn *conn, const __u8 *address, __u16 port)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(conn->family == FAMILY_IPV4 ? AF_INET : AF_INET6, address, text, sizeof(text));
	return json_pack("{s:s, s:i}", "address", text, "port", (int)port);
}

/* Each part is an object to be merged, because the order of the fields is part of the format. */
static json_t *identity(const struct event *event)
{
	const struct conn *conn = &event->conn;
	char time[RENDER_TIME_SIZE], id[17];

	snprintf(id, sizeof(id), "%08x%08x", (unsigned int)(event->id >> 32),
		 (unsigned int)event->id);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:o}", "event",
			 kind_name(event->kind), "time", render_time(event->time_ns, time), "id",
			 id, "role", role_name(conn->role), "family", family_name(conn->family),
			 "local", endpoint(conn, conn->local_addr, conn->local_port), "remote",
			 endpoint(conn, conn->remote_addr, conn->remote_port), "netns",
			 (json_int_t)conn->netns, "state", state(event));
}

static json_t *waits(const struct event *event)
{
	return json_pack("{s:s?, s:o, s:o, s:o, s:o, s:b, s:b}", "cause", cause_name(event->cause),
			 "accepted", truth(event->accepted), "accept_wait_ms",
			 json_milliseconds(event->accept_wait_ns), "close_wait_ms",
			 json_milliseconds(event->close_wait_ns), "lifetime_ms",
			 json_milliseconds(event->lifetime_ns), "at_least", event->at_least,
			 "close_wait_at_least", event->close_wait_at_least);
}

static json_t *evidence(const struct event *event)
{
	const struct conn *conn = &event->conn;

	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:s?, s:o, s:o, s:o, s:o, s:o}", "unread_bytes",
		number(event->unread_bytes), "fin_read", truth(event->fin_read), "rx_bytes",
		number(event->rx_bytes), "tx_bytes", number(event->tx_bytes), "tx_bytes_after_fin",
		number(event->tx_bytes_after_fin), "end",
		event->kind == RECORD_CLOSED ? end_name(conn->end) : NULL, "owner",
		task(&conn->owner, event->owner_place), "closer",
		task(&conn->closer, event->closer_place), "holders",
		event->kind == RECORD_WAITING ? holders(event->holders, event->holder_count)
					      : json_null(),
		"holders_left_out",
		event->kind == RECORD_WAITING ? json_integer((json_int_t)event->holders_left_out)
					      : json_null(),
		"listener", listener(event->listener));
}

/* Takes over part. */
static int append(json_t *object, json_t *part)
{
	int err = object && part ? json_object_update(object, part) : -1;

	json_decref(part);
	return err;
}

json_t *json_reference(const struct event *event)
{
	json_t *object = identity(event);
	int err = append(object, waits(event));

	err |= append(object, evidence(event));
	if (err) {
		json_decref(object);
		return NULL;
	}
	return object;
}

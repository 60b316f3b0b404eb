// SPDX-License-Identifier: GPL-2.0
#include "json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "render.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static json_t *number(int64_t n)
{
	return n == UNKNOWN ? json_null() : json_integer(n);
}

/* Cut to microseconds first, so that the nearest double prints with three decimals. */
static json_t *milliseconds(int64_t ns)
{
	return ns == UNKNOWN ? json_null() : json_real((double)(ns / 1000) / 1000.0);
}

static json_t *truth(enum tristate value)
{
	return value == MAYBE ? json_null() : json_boolean(value == YES);
}

/* A process name can hold any byte; JSON can hold only UTF-8. */
static json_t *comm_string(const char comm[16])
{
	char text[16 * (sizeof(REPLACEMENT) - 1)];
	size_t length = strnlen(comm, 16), used = 0;
	uint32_t code;

	for (size_t i = 0; i < length;) {
		size_t n = render_utf8(comm + i, length - i, &code);

		memcpy(text + used, n ? comm + i : REPLACEMENT, n ? n : strlen(REPLACEMENT));
		used += n ? n : strlen(REPLACEMENT);
		i += n ? n : 1;
	}
	return json_stringn(text, used);
}

static json_t *task(const struct conn_task *task)
{
	if (task->pid == 0)
		return json_null();
	return json_pack("{s:I, s:I, s:o, s:n, s:n}", "pid", (json_int_t)task->pid, "tid",
			 (json_int_t)task->tid, "comm", comm_string(task->comm), "unit",
			 "container");
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
	char time[RENDER_TIME_SIZE];

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:n}", "event", "closed", "time",
			 render_time(event->time_ns, time), "id", event->id, "role",
			 role_name(conn->role), "family", family_name(conn->family), "local",
			 endpoint(conn, conn->local_addr, conn->local_port), "remote",
			 endpoint(conn, conn->remote_addr, conn->remote_port), "netns",
			 (json_int_t)conn->netns, "state");
}

static json_t *waits(const struct event *event)
{
	return json_pack("{s:s?, s:o, s:o, s:o, s:o, s:b}", "cause", cause_name(event->cause),
			 "accepted", truth(event->accepted), "accept_wait_ms",
			 milliseconds(event->accept_wait_ns), "close_wait_ms",
			 milliseconds(event->close_wait_ns), "lifetime_ms",
			 milliseconds(event->lifetime_ns), "at_least", event->at_least);
}

static json_t *evidence(const struct event *event)
{
	const struct conn *conn = &event->conn;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s?, s:o, s:o, s:n, s:n}", "unread_bytes",
			 number(event->unread_bytes), "fin_read", truth(event->fin_read),
			 "rx_bytes", number(event->rx_bytes), "tx_bytes", number(event->tx_bytes),
			 "tx_bytes_after_fin", number(event->tx_bytes_after_fin), "end",
			 end_name(conn->end), "owner", task(&conn->owner), "closer",
			 task(&conn->closer), "holders", "listener");
}

/* Takes over part. */
static int append(json_t *object, json_t *part)
{
	int err = object && part ? json_object_update(object, part) : -1;

	json_decref(part);
	return err;
}

json_t *json_event(const struct event *event)
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

int json_event_print(FILE *out, const struct event *event)
{
	json_t *object = json_event(event);
	int err;

	if (!object)
		return -ENOMEM;
	/* 15 digits is what a double always keeps: 410.123 stays 410.123. */
	err = json_dumpf(object, out, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(object);
	if (err && !ferror(out))
		return -ENOMEM;
	if (err || fputc('\n', out) == EOF)
		return -EIO;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Events and listeners as JSON, without building objects: all subscribers wait for an event, and a
 * node can have tens of thousands of them a second.
 */
#include "json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json_part.h"
#include "render.h"

#define EVENT_BEGIN "{\"event\":\""

/* A line with every name at its longest and escaped takes less, without its holders. */
#define EVENT_BYTES_MAX 4096
#define HOLDER_BYTES_MAX 192

/*
 * So many processes beside the owner are told of: as many as Apache forks by default. With a few
 * descriptors of each (holders.h) a line is less than a third of what a client has to take.
 */
#define HOLDING_PROCESSES_MAX 256

struct json_text {
	char *text;
	size_t size, room;
};

static void put(struct json_text *line, const char *text, size_t size)
{
	if (size > line->room - line->size) /* never: see above */
		size = line->room - line->size;
	memcpy(line->text + line->size, text, size);
	line->size += size;
}

static void put_text(struct json_text *line, const char *text)
{
	put(line, text, strlen(text));
}

static void put_key(struct json_text *line, const char *key)
{
	put_text(line, ",\"");
	put_text(line, key);
	put_text(line, "\":");
}

/* One of our own words, which needs no escapes. */
static void put_word(struct json_text *line, const char *word)
{
	if (!word) {
		put_text(line, "null");
		return;
	}
	put_text(line, "\"");
	put_text(line, word);
	put_text(line, "\"");
}

static void put_unsigned(struct json_text *line, uint64_t n)
{
	char digits[20], *at = digits + sizeof(digits);

	do {
		*--at = (char)('0' + n % 10);
	} while (n /= 10);
	put(line, at, (size_t)(digits + sizeof(digits) - at));
}

static void put_number(struct json_text *line, int64_t n)
{
	if (n == UNKNOWN) {
		put_text(line, "null");
		return;
	}
	if (n < 0)
		put_text(line, "-");
	put_unsigned(line, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

/* Whole microseconds, and as a double prints: no zeros at the end, but always one digit behind the
 * point. */
static void put_milliseconds(struct json_text *line, int64_t ns)
{
	int64_t us = ns / 1000;
	char point[4] = {'.', (char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10),
			 (char)('0' + us % 10)};
	size_t size = sizeof(point);

	if (ns < 0) { /* UNKNOWN is; nothing else ever */
		put_text(line, "null");
		return;
	}
	while (size > 2 && point[size - 1] == '0')
		size--;
	put_unsigned(line, (uint64_t)us / 1000);
	put(line, point, size);
}

static void put_truth(struct json_text *line, enum tristate value)
{
	put_text(line, value == MAYBE ? "null" : value == YES ? "true" : "false");
}

static void put_escaped(struct json_text *line, unsigned char code)
{
	static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',  ['\f'] = 'f',
				       ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\', [0x9f] = 0};
	char text[8] = {'\\', letters[code]};

	if (!letters[code])
		snprintf(text, sizeof(text), JSON_CONTROL, code);
	put_text(line, text);
}

/* Control characters all: JSON allows those from DEL on, but a terminal obeys them. */
static bool needs_escape(uint32_t code)
{
	return code < 0x20 || code == '"' || code == '\\' || (code >= 0x7f && code <= 0x9f);
}

/* Where bad is NULL, text is UTF-8; else bad stands for each byte that is not. */
static void put_string(struct json_text *line, const char *text, size_t length, const char *bad)
{
	uint32_t code;

	put_text(line, "\"");
	for (size_t i = 0; i < length;) {
		size_t n = render_utf8(text + i, length - i, &code);

		if (!n && bad)
			put_text(line, bad);
		else if (n && needs_escape(code))
			put_escaped(line, (unsigned char)code);
		else
			put(line, text + i, n);
		i += n ? n : 1;
	}
	put_text(line, "\"");
}

static void put_comm(struct json_text *line, const char comm[16])
{
	put_string(line, comm, strnlen(comm, 16), RENDER_REPLACEMENT);
}

static bool is_utf8(const char *text, size_t length)
{
	uint32_t code;
	size_t n;

	for (size_t i = 0; i < length; i += n) {
		n = render_utf8(text + i, length - i, &code);
		if (!n)
			return false;
	}
	return true;
}

static void put_place(struct json_text *line, const char *text)
{
	size_t length = strlen(text);

	if (length && is_utf8(text, length))
		put_string(line, text, length, NULL);
	else
		put_text(line, "null");
}

static void put_task(struct json_text *line, const struct conn_task *task,
		     const struct place *place)
{
	if (!task->pid) {
		put_text(line, "null");
		return;
	}
	put_text(line, "{\"pid\":");
	put_unsigned(line, task->pid);
	put_key(line, "tid");
	put_number(line, task->tid ? task->tid : UNKNOWN);
	put_key(line, "comm");
	put_comm(line, task->comm);
	put_key(line, "unit");
	put_place(line, place ? place->unit : "");
	put_key(line, "container");
	put_place(line, place ? place->container : "");
	put_text(line, "}");
}

/* Without the brace at its end. */
static void put_open_endpoint(struct json_text *line, enum conn_family family, const __u8 *address,
			      uint16_t port)
{
	char text[RENDER_ADDRESS_SIZE];

	put_text(line, "{\"address\":");
	put_word(line, render_address(family, address, text));
	put_key(line, "port");
	put_unsigned(line, port);
}

static void put_endpoint(struct json_text *line, const char *key, enum conn_family family,
			 const __u8 *address, uint16_t port)
{
	put_key(line, key);
	put_open_endpoint(line, family, address, port);
	put_text(line, "}");
}

static void put_holder(struct json_text *line, const struct holder *holder)
{
	put_text(line, "{\"pid\":");
	put_unsigned(line, holder->pid);
	put_key(line, "comm");
	put_comm(line, holder->comm);
	put_key(line, "fd");
	put_unsigned(line, holder->fd);
	put_text(line, "}");
}

/* By process; owner is shown wherever it comes. left_out are those that are missing already. */
static void put_holders(struct json_text *line, const struct holder *holders, size_t count,
			size_t left_out, uint32_t owner)
{
	size_t others = 0, shown = 0;

	put_key(line, "holders");
	put_text(line, "[");
	for (size_t i = 0; i < count; i++) {
		bool is_other = holders[i].pid != owner;

		others += is_other && (!i || holders[i].pid != holders[i - 1].pid);
		if (is_other && others > HOLDING_PROCESSES_MAX)
			continue;
		if (shown++)
			put_text(line, ",");
		put_holder(line, &holders[i]);
	}
	put_text(line, "]");
	put_key(line, "holders_left_out");
	put_unsigned(line, left_out + count - shown);
}

static void put_queue(struct json_text *line, const struct listener_record *record)
{
	if (!record) {
		put_text(line, "null");
		return;
	}
	put_open_endpoint(line, record->listener.family, record->listener.addr,
			  record->listener.port);
	put_key(line, "queued");
	put_unsigned(line, record->queued);
	put_key(line, "limit");
	put_unsigned(line, record->limit);
	put_text(line, "}");
}

static const char *state(const struct event *event)
{
	if (event->kind != RECORD_WAITING)
		return NULL;
	return conn_is_in_close_wait(&event->conn) ? "close-wait" : "accept-queue";
}

static void put_identity(struct json_text *line, const struct event *event)
{
	const struct conn *conn = &event->conn;
	char time[RENDER_TIME_SIZE], id[RENDER_ID_SIZE];

	put_text(line, EVENT_BEGIN);
	put_text(line, kind_name(event->kind));
	put_text(line, "\"");
	put_key(line, "time");
	put_word(line, render_time(event->time_ns, time));
	put_key(line, "id");
	put_word(line, render_id(event->id, id));
	put_key(line, "role");
	put_word(line, role_name(conn->role));
	put_key(line, "family");
	put_word(line, family_name(conn->family));
	put_endpoint(line, "local", conn->family, conn->local_addr, conn->local_port);
	put_endpoint(line, "remote", conn->family, conn->remote_addr, conn->remote_port);
	put_key(line, "netns");
	put_unsigned(line, conn->netns);
	put_key(line, "state");
	put_word(line, state(event));
}

static void put_waits(struct json_text *line, const struct event *event)
{
	put_key(line, "cause");
	put_word(line, cause_name(event->cause));
	put_key(line, "accepted");
	put_truth(line, event->accepted);
	put_key(line, "accept_wait_ms");
	put_milliseconds(line, event->accept_wait_ns);
	put_key(line, "close_wait_ms");
	put_milliseconds(line, event->close_wait_ns);
	put_key(line, "lifetime_ms");
	put_milliseconds(line, event->lifetime_ns);
	put_key(line, "at_least");
	put_truth(line, event->at_least ? YES : NO);
	put_key(line, "close_wait_at_least");
	put_truth(line, event->close_wait_at_least ? YES : NO);
}

static void put_evidence(struct json_text *line, const struct event *event)
{
	const struct conn *conn = &event->conn;

	put_key(line, "unread_bytes");
	put_number(line, event->unread_bytes);
	put_key(line, "fin_read");
	put_truth(line, event->fin_read);
	put_key(line, "rx_bytes");
	put_number(line, event->rx_bytes);
	put_key(line, "tx_bytes");
	put_number(line, event->tx_bytes);
	put_key(line, "tx_bytes_after_fin");
	put_number(line, event->tx_bytes_after_fin);
	put_key(line, "end");
	put_word(line, event->kind == RECORD_CLOSED ? end_name(conn->end) : NULL);
	put_key(line, "owner");
	put_task(line, &conn->owner, event->owner_place);
	put_key(line, "closer");
	put_task(line, &conn->closer, event->closer_place);
	if (event->kind == RECORD_WAITING)
		put_holders(line, event->holders, event->holder_count, event->holders_left_out,
			    conn->owner.pid);
	else
		put_text(line, ",\"holders\":null,\"holders_left_out\":null");
	put_key(line, "listener");
	put_queue(line, event->listener);
}

static bool json_text_begin(struct json_text *line, size_t holder_count)
{
	*line = (struct json_text){.room = EVENT_BYTES_MAX + holder_count * HOLDER_BYTES_MAX};
	line->text = malloc(line->room);
	return line->text;
}

static char *json_text_end(struct json_text *line, size_t *size)
{
	put_text(line, "}\n");
	*size = line->size;
	return line->text;
}

char *json_event_line(const struct event *event, size_t *size)
{
	struct json_text line;

	if (!json_text_begin(&line, event->holder_count))
		return NULL;
	put_identity(&line, event);
	put_waits(&line, event);
	put_evidence(&line, event);
	return json_text_end(&line, size);
}

static bool begins_with(const char *line, size_t length, const char *begin)
{
	return length >= strlen(begin) && memcmp(line, begin, strlen(begin)) == 0;
}

static bool begins_as_event(const char *line, size_t length)
{
	const char *kind, *end;

	if (!begins_with(line, length, EVENT_BEGIN))
		return false;
	kind = line + strlen(EVENT_BEGIN);
	end = memchr(kind, '"', length - strlen(EVENT_BEGIN));
	return end && kind_find(kind, (size_t)(end - kind)) &&
	       begins_with(end, length - (size_t)(end - line), "\",");
}

static bool has_control(const char *line, size_t length)
{
	bool has = false;

	for (size_t i = 0; i < length; i++) /* to the end, so that many can be compared at once */
		has |= (unsigned char)line[i] < 0x20;
	return has;
}

bool json_line_is_event(const char *line, size_t length)
{
	return begins_as_event(line, length) && line[length - 1] == '}' &&
	       !has_control(line, length);
}

static void put_accept_errors(struct json_text *line, const struct listener_event *event)
{
	put_text(line, "{");
	for (size_t i = 0; i < event->error_count; i++) {
		if (i)
			put_text(line, ",");
		put_word(line, error_name(event->errors[i].error));
		put_text(line, ":");
		put_unsigned(line, event->errors[i].count);
	}
	put_text(line, "}");
}

static void put_accepts(struct json_text *line, const struct listener_event *event)
{
	put_key(line, "accepts");
	put_number(line, event->accepts_seen ? (int64_t)event->accepts : UNKNOWN);
	put_key(line, "last_accept_ms");
	put_milliseconds(line, event->last_accept_ns);
	put_key(line, "accept_errors");
	if (event->accepts_seen)
		put_accept_errors(line, event);
	else
		put_text(line, "null");
}

static void put_listener(struct json_text *line, const struct listener_event *event,
			 int64_t time_ns)
{
	const struct listener_record *record = event->record;
	const struct listener *socket = &record->listener;
	char time[RENDER_TIME_SIZE];

	put_text(line, EVENT_BEGIN "listener\"");
	put_key(line, "time");
	put_word(line, render_time(time_ns, time));
	put_key(line, "family");
	put_word(line, family_name(socket->family));
	put_endpoint(line, "local", socket->family, socket->addr, socket->port);
	put_key(line, "netns");
	put_unsigned(line, socket->netns);
	put_key(line, "queued");
	put_unsigned(line, record->queued);
	put_key(line, "known");
	put_number(line, event->known);
	put_key(line, "limit");
	put_unsigned(line, record->limit);
	put_key(line, "limit_by");
	put_word(line, limit_name(record));
	put_key(line, "drops");
	put_unsigned(line, record->drops);
	put_accepts(line, event);
	put_key(line, "owner");
	put_task(line, &socket->owner, NULL);
	put_holders(line, event->holders, event->holder_count, event->holders_left_out,
		    socket->owner.pid);
}

char *json_listener_line(const struct listener_event *event, int64_t time_ns, size_t *size)
{
	struct json_text line;

	if (!json_text_begin(&line, event->holder_count))
		return NULL;
	put_listener(&line, event, time_ns);
	return json_text_end(&line, size);
}

/* Takes over the line. */
static int print_line(FILE *out, char *line, size_t size)
{
	int r = 0;

	if (!line)
		return -ENOMEM;
	if (fwrite(line, 1, size, out) != size)
		r = -errno;
	free(line);
	return r;
}

int json_print_event(FILE *out, const struct event *event)
{
	size_t size = 0;
	char *line = json_event_line(event, &size);

	return print_line(out, line, size);
}

int json_print_listener(FILE *out, const struct listener_event *event, int64_t time_ns)
{
	size_t size = 0;
	char *line = json_listener_line(event, time_ns, &size);

	return print_line(out, line, size);
}

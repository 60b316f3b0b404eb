// SPDX-License-Identifier: GPL-2.0
#include "text.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "duration.h"
#include "line.h"
#include "render.h"

/* The longest cell is a task: its name, a slash and a number. */
#define CELL_SIZE (TEXT_COMM_SIZE + sizeof("/4294967295"))

/*
 * Whether a terminal shows the character as a character: no control, nothing that breaks a
 * line or turns its direction, nothing invisible or private. iswprint() would depend on the locale.
 */
static bool is_printable(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{0x0000, 0x001f}, {0x007f, 0x009f},    {0x00ad, 0x00ad}, {0x061c, 0x061c},
		{0x180e, 0x180e}, {0x200b, 0x200f},    {0x2028, 0x202e}, {0x2060, 0x206f},
		{0xe000, 0xf8ff}, {0xfdd0, 0xfdef},    {0xfeff, 0xfeff}, {0xfff0, 0xfffb},
		{0xfffe, 0xffff}, {0xe0000, 0x10ffff},
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		if (code >= hidden[i].first && code <= hidden[i].last)
			return false;
	}
	return true;
}

const char *text_safe(const char *text, size_t length, char *buf, size_t size)
{
	size_t used = 0, n;
	char escape[sizeof("\\xNN")];
	uint32_t code;

	for (size_t i = 0; i < length; i += n) {
		const char *piece = text + i;
		size_t piece_length;

		n = render_utf8(piece, length - i, &code);
		piece_length = n;
		if (n == 0 || !is_printable(code)) {
			snprintf(escape, sizeof(escape), "\\x%02x", (unsigned char)text[i]);
			piece = escape;
			piece_length = strlen(escape);
			n = 1; /* the next bytes of an unprintable one are invalid on their own */
		}
		if (used + piece_length >= size)
			break;
		memcpy(buf + used, piece, piece_length);
		used += piece_length;
	}
	if (size)
		buf[used] = '\0';
	return buf;
}

const char *text_or(const char *text, const char *missing, char *buf, size_t size)
{
	if (!text || !*text)
		text = missing;
	return text_safe(text, strlen(text), buf, size);
}

const char *text_comm(const char comm[16], char *buf, size_t size)
{
	return text_safe(comm, strnlen(comm, 16), buf, size);
}

const char *text_address(enum conn_family family, const __u8 address[16], __u16 port, char *buf)
{
	char text[RENDER_ADDRESS_SIZE];

	snprintf(buf, TEXT_ADDRESS_SIZE, family == FAMILY_IPV4 ? "%s:%u" : "[%s]:%u",
		 render_address(family, address, text), port);
	return buf;
}

static const char *known_or_dash(const char *name)
{
	return name ? name : "-";
}

static const char *number(int64_t n, char *buf)
{
	if (n == UNKNOWN)
		return "-";
	snprintf(buf, CELL_SIZE, "%" PRId64, n);
	return buf;
}

static const char *task(const struct conn_task *task, char *buf)
{
	size_t length;

	if (task->pid == 0)
		return "-";
	text_comm(task->comm, buf, TEXT_COMM_SIZE);
	length = strlen(buf);
	snprintf(buf + length, CELL_SIZE - length, "/%" PRIu32, (uint32_t)task->pid);
	return buf;
}

static const char *time_of_day(const struct event *event, char *buf)
{
	time_t seconds = render_seconds(event->time_ns);
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(buf, CELL_SIZE, "%H:%M:%S", &tm);
	return buf;
}

static const char *full_time(const struct event *event, char *buf)
{
	return render_time(event->time_ns, buf);
}

/* "3.2s", or "3.2s+" where the wait began before anybody looked, or goes on. */
static const char *wait(int64_t ns, bool at_least, char *buf)
{
	duration_format(ns, buf, CELL_SIZE - 1);
	return ns != UNKNOWN && at_least ? strcat(buf, "+") : buf;
}

static const char *accept_wait(const struct event *event, char *buf)
{
	bool goes_on = event->kind == RECORD_WAITING && event->accepted == NO;

	return wait(event->accept_wait_ns, goes_on || event->at_least, buf);
}

static const char *close_wait(const struct event *event, char *buf)
{
	bool goes_on = event->kind == RECORD_WAITING;

	return wait(event->close_wait_ns, goes_on || event->close_wait_at_least, buf);
}

static const char *cause(const struct event *event, char *buf)
{
	(void)buf;
	return known_or_dash(cause_name(event->cause));
}

static const char *owner(const struct event *event, char *buf)
{
	return task(&event->conn.owner, buf);
}

static const char *local_port(const struct event *event, char *buf)
{
	return number(event->conn.local_port, buf);
}

static const char *remote(const struct event *event, char *buf)
{
	const struct conn *conn = &event->conn;

	return text_address(conn->family, conn->remote_addr, conn->remote_port, buf);
}

static const char *end(const struct event *event, char *buf)
{
	(void)buf;
	if (event->kind != RECORD_CLOSED)
		return kind_name(event->kind);
	return known_or_dash(end_name(event->conn.end));
}

static const char *local(const struct event *event, char *buf)
{
	const struct conn *conn = &event->conn;

	return text_address(conn->family, conn->local_addr, conn->local_port, buf);
}

static const char *closer(const struct event *event, char *buf)
{
	return task(&event->conn.closer, buf);
}

static const char *rx(const struct event *event, char *buf)
{
	return number(event->rx_bytes, buf);
}

static const char *tx(const struct event *event, char *buf)
{
	return number(event->tx_bytes, buf);
}

static const char *unread(const struct event *event, char *buf)
{
	return number(event->unread_bytes, buf);
}

/* Its owner's first, whoever else has inherited it; JSON has all. */
static const char *descriptor(const struct event *event, char *buf)
{
	for (size_t i = 0; i < event->holder_count; i++) {
		if (event->holders[i].pid == event->conn.owner.pid)
			return number(event->holders[i].fd, buf);
	}
	return number(UNKNOWN, buf);
}

static const char *role(const struct event *event, char *buf)
{
	(void)buf;
	return role_name(event->conn.role);
}

static const char *netns(const struct event *event, char *buf)
{
	return number(event->conn.netns, buf);
}

/* In which tables a column is. */
enum shown {
	NARROW = 1 << 0,
	WIDE = 1 << 1,
	LIST = 1 << 2,
	ALWAYS = NARROW | WIDE | LIST,
};

struct column {
	const char *head;
	int width; /* negative: to the left */
	const char *(*cell)(const struct event *event, char *buf);
	enum shown shown;
};

/*
 * Of 80 columns REMOTE has 20, and 21 in the list: as many as an IPv4 address and a port take. A
 * longer owner has the spaces there that the numbers behind it leave.
 */
static const struct column columns[] = {
	{"TIME", -8, time_of_day, NARROW},
	{"TIME", -27, full_time, WIDE},
	{"ACCEPT", 6, accept_wait, ALWAYS},
	{"CLOSE", 6, close_wait, ALWAYS},
	{"CAUSE", -14, cause, ALWAYS},
	{"OWNER", -15, owner, NARROW | WIDE},
	{"OWNER", -12, owner, LIST},
	{"FD", 3, descriptor, LIST},
	{"UNREAD", 6, unread, LIST},
	{"PORT", 5, local_port, ALWAYS},
	{"REMOTE", -21, remote, ALWAYS},
	{"END", -15, end, WIDE},
	{"LOCAL", -21, local, WIDE},
	{"CLOSER", -15, closer, WIDE},
	{"RX", 10, rx, WIDE},
	{"TX", 10, tx, WIDE},
	{"UNREAD", 8, unread, WIDE},
	{"ROLE", -6, role, WIDE},
	{"NETNS", 10, netns, WIDE},
};

static bool is_shown(const struct column *column, const struct text_style *style)
{
	if (column->cell == time_of_day || column->cell == full_time) {
		if (style->no_time)
			return false;
	}
	return column->shown & (style->list ? LIST : style->wide ? WIDE : NARROW);
}

static const char *colour_of(const struct column *column, const struct event *event)
{
	if (column->cell != cause)
		return NULL;
	switch (event->cause) {
	case CAUSE_NEVER_ACCEPTED:
		return COLOUR_RED;
	case CAUSE_NOT_READING:
	case CAUSE_NOT_CLOSING:
		return COLOUR_YELLOW;
	case CAUSE_STILL_SENDING:
		return COLOUR_DIM;
	case CAUSE_NONE:
	case CAUSE_COUNT:
		break;
	}
	return NULL;
}

/* One line: of the event, or the heads when there is none. */
static void put_line(FILE *out, const struct event *event, const struct text_style *style)
{
	struct line line = {.out = out};
	char buf[CELL_SIZE];

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		const struct column *column = &columns[i];
		const char *text = column->head, *colour = NULL;

		if (!is_shown(column, style))
			continue;
		if (event) {
			text = column->cell(event, buf);
			colour = style->colour ? colour_of(column, event) : NULL;
		}
		line_cell(&line, text, colour, column->width);
	}
	line_end(&line);
}

/* "4096 somaxconn": the longest is 20 characters. */
static const char *limit(const struct listener_record *record, char buf[CELL_SIZE])
{
	const char *by = limit_name(record);

	snprintf(buf, CELL_SIZE, "%u%s%s", record->limit, by ? " " : "", by ? by : "");
	return buf;
}

void text_listener_head(FILE *out)
{
	fprintf(out, "%-21s %6s %-15s %6s %8s %s\n", "LISTENER", "QUEUED", "LIMIT", "DROPS",
		"ACCEPTED", "ERRORS, HOLDER");
}

void text_listener(FILE *out, const struct listener_event *event)
{
	const struct listener_record *record = event->record;
	char address[TEXT_ADDRESS_SIZE], comm[TEXT_COMM_SIZE], limits[CELL_SIZE], ago[32] = "-";

	if (event->last_accept_ns != UNKNOWN)
		duration_format(event->last_accept_ns, ago, sizeof(ago));
	fprintf(out, "%-21s %6u %-15s %6u %8s ",
		text_address(record->listener.family, record->listener.addr, record->listener.port,
			     address),
		record->queued, limit(record, limits), record->drops, ago);
	/* First what matters more, where a narrow terminal cuts the line; most lines have none. */
	for (size_t i = 0; i < event->error_count; i++)
		fprintf(out, "%s:%" PRIu64 " ", error_name(event->errors[i].error),
			event->errors[i].count);
	if (event->holder_count)
		fprintf(out, "%s/%u\n", text_comm(event->holders[0].comm, comm, sizeof(comm)),
			event->holders[0].pid);
	else
		fputs("-\n", out);
}

void text_event_head(FILE *out, const struct text_style *style)
{
	put_line(out, NULL, style);
}

void text_event(FILE *out, const struct event *event, const struct text_style *style)
{
	put_line(out, event, style);
}

void text_event_line(FILE *out, const struct event *event)
{
	char buf[CELL_SIZE];

	fprintf(out, "%s %s: %s", kind_name(event->kind), known_or_dash(cause_name(event->cause)),
		role_name(event->conn.role));
	fprintf(out, " %s", local(event, buf));
	fprintf(out, " of %s", owner(event, buf));
	fprintf(out, ", peer %s", remote(event, buf));
	if (event->accept_wait_ns != UNKNOWN)
		fprintf(out, ", accept wait %s", accept_wait(event, buf));
	if (event->close_wait_ns != UNKNOWN)
		fprintf(out, ", close wait %s", close_wait(event, buf));
	if (event->kind == RECORD_CLOSED)
		fprintf(out, ", end %s", end(event, buf));
}

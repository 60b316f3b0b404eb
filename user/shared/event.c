// SPDX-License-Identifier: GPL-2.0
#include "event.h"

#include <string.h>

#include "mix.h"

static int64_t known(uint64_t n)
{
	return n <= INT64_MAX ? (int64_t)n : UNKNOWN;
}

static int64_t elapsed(uint64_t from, uint64_t to)
{
	if (from == 0 || to < from)
		return UNKNOWN;
	return known(to - from);
}

/* A connection that nobody accepted waited until its end. */
static int64_t accept_wait(const struct record *record)
{
	const struct conn *conn = &record->conn;

	if (conn->role != ROLE_SERVER)
		return UNKNOWN;
	if (conn_is_accepted(conn))
		return elapsed(conn->queued_ns, conn->accepted_ns);
	return elapsed(conn->queued_ns, record->end_ns);
}

static enum tristate accepted(const struct conn *conn)
{
	if (conn->role != ROLE_SERVER)
		return MAYBE;
	return conn_is_accepted(conn) ? YES : NO;
}

static enum tristate fin_read(const struct conn *conn)
{
	if (!(conn->flags & CONN_FIN) || conn->flags & CONN_NO_BYTES)
		return MAYBE;
	return conn->flags & CONN_FIN_READ ? YES : NO;
}

static void set_bytes(struct event *event, const struct record *record)
{
	const struct conn *conn = &record->conn;

	event->rx_bytes = UNKNOWN;
	event->tx_bytes = UNKNOWN;
	event->unread_bytes = UNKNOWN;
	event->tx_bytes_after_fin = UNKNOWN;
	if (conn->flags & CONN_NO_BYTES)
		return;
	event->rx_bytes = known(conn->rx_bytes);
	event->tx_bytes = known(conn->tx_bytes);
	event->unread_bytes = conn->unread_bytes;
	/* Where the FIN is older than the hooks, what was seen since is a lower bound. */
	if (conn->flags & CONN_FIN &&
	    (!(conn->flags & CONN_OLD_FIN) || record->tx_bytes_after_fin > 0))
		event->tx_bytes_after_fin = known(record->tx_bytes_after_fin);
}

/* Unknown is not over: a threshold can be 0. */
static bool over(int64_t wait_ns, int64_t threshold_ns)
{
	return wait_ns != UNKNOWN && wait_ns >= threshold_ns;
}

static uint64_t mix_address(uint64_t hash, const __u8 address[16])
{
	uint64_t halves[2];

	memcpy(halves, address, sizeof(halves));
	return mix(mix(hash, halves[0]), halves[1]);
}

/* Only of what does not change while the connection lives, so that every event of it agrees. */
static uint64_t id_of(const struct conn *conn)
{
	/* With Fast Open it can be queued, and told of, before it is established. */
	uint64_t hash = mix(0, conn->queued_ns ? conn->queued_ns : conn->established_ns);

	hash = mix(hash, (uint64_t)conn->netns << 32 | (uint64_t)conn->role);
	hash = mix(hash, (uint64_t)conn->local_port << 16 | conn->remote_port);
	hash = mix_address(hash, conn->local_addr);
	return mix_address(hash, conn->remote_addr);
}

void event_from_record(struct event *event, const struct record *record,
		       const struct thresholds *thresholds, int64_t realtime_offset_ns)
{
	const struct conn *conn = &record->conn;

	memset(event, 0, sizeof(*event));
	event->kind = record->kind;
	event->conn = *conn;
	/* Unsigned, so that no record can make it overflow. */
	event->time_ns = (int64_t)(record->end_ns + (uint64_t)realtime_offset_ns);
	event->accept_wait_ns = accept_wait(record);
	event->close_wait_ns = UNKNOWN;
	event->lifetime_ns = UNKNOWN;
	if (event->kind != RECORD_ACCEPTED_LATE) { /* which tells of the accept wait alone */
		event->close_wait_ns =
			elapsed(conn->close_wait_ns, conn_close_wait_end_ns(conn, record->end_ns));
		event->lifetime_ns = elapsed(conn->established_ns, record->end_ns);
	}
	event->at_least = conn->flags & CONN_OLD;
	event->close_wait_at_least = conn->flags & CONN_OLD_FIN;
	event->accepted = accepted(conn);
	event->fin_read = fin_read(conn);
	set_bytes(event, record);
	event->id = id_of(conn);
	event->slow = over(event->accept_wait_ns, thresholds->accept_wait_ns) ||
		      over(event->close_wait_ns, thresholds->close_wait_ns);
	if (event->slow)
		event->cause = conn_cause(conn, record->tx_bytes_after_fin,
					  over(event_kept_ns(event), thresholds->close_wait_ns));
	/* The peer has only closed its half, and does not take what it gets: it is waited for. */
	if (record->unacknowledged &&
	    (event->cause == CAUSE_NOT_READING || event->cause == CAUSE_NOT_CLOSING))
		event->cause = CAUSE_STILL_SENDING;
}

int64_t event_kept_ns(const struct event *event)
{
	const struct conn *conn = &event->conn;

	if (event->close_wait_ns == UNKNOWN)
		return UNKNOWN;
	return elapsed(conn_kept_since_ns(conn),
		       conn->close_wait_ns + (uint64_t)event->close_wait_ns);
}

const char *kind_name(enum record_kind kind)
{
	switch (kind) {
	case RECORD_WAITING:
		return "waiting";
	case RECORD_ACCEPTED_LATE:
		return "accepted-late";
	case RECORD_CLOSED:
		break;
	}
	return "closed";
}

int kind_find(const char *name, size_t length)
{
	for (int kind = RECORD_CLOSED; kind <= RECORD_ACCEPTED_LATE; kind++) {
		const char *one = kind_name((enum record_kind)kind);

		if (strlen(one) == length && memcmp(one, name, length) == 0)
			return kind;
	}
	return 0;
}

const char *cause_name(enum conn_cause cause)
{
	switch (cause) {
	case CAUSE_NEVER_ACCEPTED:
		return "never-accepted";
	case CAUSE_NOT_READING:
		return "not-reading";
	case CAUSE_NOT_CLOSING:
		return "not-closing";
	case CAUSE_STILL_SENDING:
		return "still-sending";
	case CAUSE_NONE:
	case CAUSE_COUNT:
		break;
	}
	return NULL;
}

const char *limit_name(const struct listener_record *record)
{
	__u32 then = record->listener.somaxconn, limit = record->limit;

	if (limit == (then ? then : record->somaxconn))
		return "somaxconn";
	return limit < then && limit != record->somaxconn ? "backlog" : NULL;
}

const char *end_name(enum conn_end end)
{
	static const char *const names[END_COUNT] = {
		[END_CLOSE] = "close",
		[END_SHUTDOWN] = "shutdown",
		[END_EXIT] = "exit",
		[END_RESET_BY_PEER] = "reset-by-peer",
		[END_RESET_UNREAD] = "reset-unread",
		[END_TIMEOUT] = "timeout",
		[END_LISTENER_CLOSED] = "listener-closed",
		[END_ABORTED] = "aborted",
	};

	return (unsigned int)end < END_COUNT ? names[end] : NULL;
}

const char *error_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "other";
}

const char *role_name(enum conn_role role)
{
	return role == ROLE_SERVER ? "server" : "client";
}

const char *family_name(enum conn_family family)
{
	return family == FAMILY_IPV4 ? "ipv4" : "ipv6";
}

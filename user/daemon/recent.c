// SPDX-License-Identifier: GPL-2.0
#include "recent.h"

/*
 * Its program has got to an end with it: has closed it, or has answered a peer that does not want
 * the answer any more, whose reset comes before the close. Peers, the kernel's timers and `ss -K`
 * end connections too, without the program.
 */
static bool is_worked_off(const struct event *event)
{
	switch (event->conn.end) {
	case END_CLOSE:
	case END_SHUTDOWN:
	case END_RESET_UNREAD:
		return event->cause != CAUSE_STILL_SENDING; /* its peer has not given up */
	case END_RESET_BY_PEER:
		return event->tx_bytes_after_fin > 0;
	default:
		return false;
	}
}

void recent_add(struct recent *recent, const struct event *event, const struct thresholds *slow,
		int64_t now_ns)
{
	const struct conn *conn = &event->conn;

	if (event->kind != RECORD_CLOSED || conn->role != ROLE_SERVER || conn->flags & CONN_OLD ||
	    event->close_wait_ns == UNKNOWN || event->close_wait_ns < slow->close_wait_ns ||
	    event->cause == CAUSE_NEVER_ACCEPTED || !is_worked_off(event) ||
	    !conn->established_ns || conn->close_wait_ns < conn->established_ns)
		return;
	recent->closes[recent->next] = (struct recent_close){
		.end_ns = now_ns,
		.until_fin_ns = (int64_t)(conn->close_wait_ns - conn->established_ns),
		.netns = conn->netns,
		.port = conn->local_port,
	};
	recent->next = (recent->next + 1) % RECENT_MAX;
}

size_t recent_get(const struct recent *recent, uint32_t netns, uint16_t port, int64_t now_ns,
		  int64_t *until_fin_ns, size_t most)
{
	size_t count = 0;

	for (size_t i = 0; i < RECENT_MAX && count < most; i++) {
		const struct recent_close *close = &recent->closes[i];

		if (close->end_ns && close->port == port && close->netns == netns &&
		    now_ns - close->end_ns < RECENT_NS)
			until_fin_ns[count++] = close->until_fin_ns;
	}
	return count;
}

// SPDX-License-Identifier: GPL-2.0
/* The rule about connections that are turned away. */
#include "rule_accept.h"

#include <inttypes.h>
#include <string.h>

static const struct evidence_listener *find_full(const struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->listener_count; i++) {
		const struct evidence_listener *listener = &evidence->listeners[i];
		bool refuses = listener->drops > 0 && !(evidence->overflows == 0);

		if (refuses || (listener->queued > listener->limit && listener->drops_while_full))
			return listener;
	}
	return NULL;
}

/* What cut the queue is known of the moment of listen(); net.core.somaxconn can be another by now.
 */
static void advise_full(struct finding *finding, const struct evidence_listener *listener)
{
	const char *by = listener->limit_by;

	rule_add(&finding->now,
		 "find why it is full: a queue that nobody empties fills at any size");
	if (!by)
		rule_add(&finding->for_good,
			 "bursts: raise what is smaller, the backlog that the service gives "
			 "listen() or net.core.somaxconn (%u now), then restart the service",
			 listener->somaxconn);
	else if (!strcmp(by, "backlog"))
		rule_add(&finding->for_good,
			 "bursts: raise the backlog that the service gives listen() (%u now; "
			 "net.core.somaxconn allows %u)",
			 listener->limit, listener->somaxconn);
	else if (listener->somaxconn > listener->limit)
		rule_add(&finding->for_good,
			 "bursts: restart the service: net.core.somaxconn cut the queue, is %u by "
			 "now, and is taken over by listen()",
			 listener->somaxconn);
	else
		rule_add(&finding->for_good,
			 "bursts: net.core.somaxconn (%u) cuts the queue; raise it, then restart "
			 "the service, as listen() takes it over",
			 listener->somaxconn);
}

void rule_backlog_full(const struct evidence *evidence, struct finding *finding)
{
	const struct evidence_listener *listener = find_full(evidence);
	char address[64];

	if (listener) {
		rule_prove(finding, SEVERITY_CRITICAL, CONFIDENCE_HIGH,
			   "the accept queue of %s is full: new connections are refused or come "
			   "late",
			   rule_address(listener, address));
		rule_add_queue(&finding->proof, listener);
		if (listener->drops > 0)
			rule_add(&finding->proof,
				 "%.1f attempts to connect a second were turned away",
				 listener->drops);
		if (listener->drops_while_full)
			rule_add(&finding->proof,
				 "%" PRIu64 " were turned away since it was seen full",
				 listener->drops_while_full);
		if (!isnan(evidence->overflows))
			rule_add(&finding->proof,
				 "ListenOverflows of its network namespace: %.1f a second",
				 evidence->overflows);
		advise_full(finding, listener);
		return;
	}
	if (!accept_has_queue(evidence, finding))
		return;
	listener = rule_fullest(evidence);
	rule_out(finding, "no connection was turned away: %u in the queue, whose limit is %u",
		 listener->queued, listener->limit);
}

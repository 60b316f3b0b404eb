// SPDX-License-Identifier: GPL-2.0
/* What must be told of a connection that is stuck. */
#include "stuck.h"
#include "suite.h"

struct wanted stuck_wanted(const struct stuck *stuck)
{
	return stuck->client ? wanted_client(&stuck->pair) : wanted_server(&stuck->pair);
}

json_t *stuck_event(const struct stuck *stuck, struct daemon *daemon)
{
	struct wanted wanted = stuck_wanted(stuck);
	json_t *event;

	wanted.event = "waiting";
	do {
		event = daemon_expect(daemon, &wanted);
	} while (event_time(event) < stuck->made);
	return event;
}

/* An older connection's is who alone holds it, if there is such a one; its thread is not known. */
static void expect_owner(const struct stuck *stuck, json_t *event, bool older)
{
	json_t *owner = json_object_get(event, "owner");
	bool alone = stuck->holder_count;

	if (!older && stuck->owner) {
		expect_task(event, "owner", stuck->owner, stuck->owner_tid);
		return;
	}
	for (size_t i = 1; i < stuck->holder_count; i++)
		alone &= stuck->holders[i].pid == stuck->holders[0].pid;
	if (!alone) {
		expect_null(event, "owner");
		return;
	}
	expect_number(owner, "pid", stuck->holders[0].pid);
	expect_null(owner, "tid");
}

/* Until now; of an older connection the wait may be told as any shorter one. */
static void expect_wait_up_to_now(json_t *event, const char *key, struct span since, bool older)
{
	struct span looked = {older ? since.before : since.after, now_ns()};

	expect_wait(event, key, since, looked);
}

static void expect_waits(const struct stuck *stuck, json_t *event, bool older)
{
	const struct pair *pair = &stuck->pair;

	if (stuck->queued)
		expect_wait_up_to_now(event, "accept_wait_ms", pair->queued, older);
	else if (stuck->client || older)
		expect_null(event, "accept_wait_ms");
	else
		expect_wait(event, "accept_wait_ms", pair->queued, pair->accepted);
	if (stuck->open)
		expect_null(event, "close_wait_ms");
	else
		expect_wait_up_to_now(event, "close_wait_ms", pair->fin, older);
	expect_truth(event, "at_least", older);
	expect_truth(event, "close_wait_at_least", older && !stuck->open);
}

static void expect_bytes(const struct stuck *stuck, json_t *event, bool older)
{
	expect_number(event, "unread_bytes", stuck->unread_bytes);
	if (stuck->open)
		expect_null(event, "fin_read");
	else
		expect_truth(event, "fin_read", stuck->fin_read);
	if (stuck->open || older)
		expect_null(event, "tx_bytes_after_fin");
	else
		expect_number(event, "tx_bytes_after_fin", stuck->sent_after_fin);
}

static void expect_queue(const struct stuck *stuck, json_t *event)
{
	json_t *listener = json_object_get(event, "listener");

	if (!stuck->listener_address) {
		expect_null(event, "listener");
		return;
	}
	expect_text(listener, "address", stuck->listener_address);
	expect_number(listener, "port", stuck->pair.server_port);
	expect_number(listener, "queued", stuck->queue);
	expect_number(listener, "limit", stuck->limit);
}

void stuck_expect(const struct stuck *stuck, json_t *event, bool older)
{
	expect_text(event, "role", stuck->client ? "client" : "server");
	expect_text(event, "state", stuck->open ? "accept-queue" : "close-wait");
	expect_text(event, "cause",
		    older && stuck->cause_if_older ? stuck->cause_if_older : stuck->cause);
	if (stuck->client)
		expect_null(event, "accepted");
	else
		expect_truth(event, "accepted", !stuck->queued);
	expect_waits(stuck, event, older);
	expect_bytes(stuck, event, older);
	expect_null(event, "end");
	expect_null(event, "closer");
	expect_number(event, "netns", (int64_t)stuck->netns);
	expect_owner(stuck, event, older);
	expect_holders(event, stuck->holders, stuck->holder_count);
	expect_queue(stuck, event);
}

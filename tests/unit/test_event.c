// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "event.h"

static const struct thresholds thresholds = {
	.close_wait_ns = 1000,
	.accept_wait_ns = 100,
};

/* Queued at 5000, accepted 50 later, in CLOSE_WAIT for 900 until 9000: fast. */
static struct record fast_record(void)
{
	struct record record = {
		.conn = {.queued_ns = 5000,
			 .established_ns = 4990,
			 .accepted_ns = 5050,
			 .close_wait_ns = 8100,
			 .local_addr = {192, 0, 2, 1},
			 .remote_addr = {198, 51, 100, 7},
			 .local_port = 443,
			 .remote_port = 50000,
			 .netns = 4026531840u,
			 .rx_bytes = 10,
			 .tx_bytes = 20,
			 .unread_bytes = 3,
			 .family = FAMILY_IPV4,
			 .role = ROLE_SERVER,
			 .end = END_CLOSE,
			 .flags = CONN_ACCEPTED | CONN_FIN | CONN_FIN_READ},
		.end_ns = 9000,
		.kind = RECORD_CLOSED,
	};

	return record;
}

static struct event event_of(const struct record *record)
{
	struct event event;

	memset(&event, 0xa5, sizeof(event));
	event_from_record(&event, record, &thresholds, 1000000);
	return event;
}

static void complete(void **state)
{
	struct record record = fast_record();
	struct event event = event_of(&record);

	(void)state;
	assert_int_equal(event.time_ns, 1009000);
	assert_int_equal(event.accept_wait_ns, 50);
	assert_int_equal(event.close_wait_ns, 900);
	assert_int_equal(event.lifetime_ns, 4010);
	assert_int_equal(event.rx_bytes, 10);
	assert_int_equal(event.tx_bytes, 20);
	assert_int_equal(event.unread_bytes, 3);
	assert_int_equal(event.tx_bytes_after_fin, 0);
	assert_int_equal(event.accepted, YES);
	assert_int_equal(event.fin_read, YES);
	assert_int_equal(event.cause, CAUSE_NONE);
	assert_false(event.slow);
	assert_memory_equal(&event.conn, &record.conn, sizeof(event.conn));
}

static void no_queued(void **state)
{
	struct record record = fast_record();
	struct event event;

	(void)state;
	record.conn.queued_ns = 0;
	event = event_of(&record);
	assert_true(event.accept_wait_ns == UNKNOWN);
	assert_int_equal(event.close_wait_ns, 900);
	assert_int_equal(event.lifetime_ns, 4010);
}

static void no_established(void **state)
{
	struct record record = fast_record();
	struct event event;

	(void)state;
	record.conn.established_ns = 0;
	event = event_of(&record);
	assert_int_equal(event.accept_wait_ns, 50);
	assert_int_equal(event.close_wait_ns, 900);
	assert_true(event.lifetime_ns == UNKNOWN);
}

static void no_accepted(void **state)
{
	struct record record = fast_record();
	struct event event;

	(void)state;
	record.conn.accepted_ns = 0;
	event = event_of(&record);
	assert_true(event.accept_wait_ns == UNKNOWN);
	assert_int_equal(event.accepted, YES);
	assert_false(event.slow);
	record.conn.flags &= ~CONN_ACCEPTED; /* then it waited to its end */
	event = event_of(&record);
	assert_int_equal(event.accept_wait_ns, 4000);
	assert_int_equal(event.accepted, NO);
}

static void no_close_wait(void **state)
{
	struct record record = fast_record();
	struct event event;

	(void)state;
	record.conn.close_wait_ns = 0;
	event = event_of(&record);
	assert_int_equal(event.accept_wait_ns, 50);
	assert_true(event.close_wait_ns == UNKNOWN);
	assert_int_equal(event.lifetime_ns, 4010);
}

static void no_end(void **state)
{
	struct record record = fast_record();
	struct event event;

	(void)state;
	record.end_ns = 0;
	event = event_of(&record);
	assert_int_equal(event.accept_wait_ns, 50);
	assert_true(event.close_wait_ns == UNKNOWN);
	assert_true(event.lifetime_ns == UNKNOWN);
	record.conn.flags &= ~CONN_ACCEPTED;
	record.conn.accepted_ns = 0;
	event = event_of(&record);
	assert_true(event.accept_wait_ns == UNKNOWN);
}

static void times_turned_round(void **state)
{
	struct record record = fast_record();
	struct event event;

	(void)state;
	record.conn.accepted_ns = 4999;
	record.conn.close_wait_ns = 9001;
	record.conn.established_ns = UINT64_MAX;
	event = event_of(&record);
	assert_true(event.accept_wait_ns == UNKNOWN);
	assert_true(event.close_wait_ns == UNKNOWN);
	assert_true(event.lifetime_ns == UNKNOWN);
	assert_false(event.slow);
}

static void no_time_at_all(void **state)
{
	struct record record = fast_record();
	struct event event;

	(void)state;
	record.conn.accepted_ns = 5000;
	record.conn.close_wait_ns = 9000;
	record.conn.established_ns = 9000;
	event = event_of(&record);
	assert_int_equal(event.accept_wait_ns, 0);
	assert_int_equal(event.close_wait_ns, 0);
	assert_int_equal(event.lifetime_ns, 0);
}

/* More than 63 bits hold is not known, and no threshold of 0 makes it slow. */
static void too_large(void **state)
{
	const struct thresholds zero = {.close_wait_ns = 0};
	struct record record = fast_record();
	struct event event;

	(void)state;
	record.conn.role = ROLE_CLIENT;
	record.conn.close_wait_ns = 1;
	record.end_ns = UINT64_MAX;
	record.conn.rx_bytes = UINT64_MAX;
	record.conn.tx_bytes = (uint64_t)INT64_MAX;
	event_from_record(&event, &record, &zero, 0);
	assert_true(event.close_wait_ns == UNKNOWN);
	assert_true(event.rx_bytes == UNKNOWN);
	assert_true(event.tx_bytes == INT64_MAX);
	assert_false(event.slow);
}

static void client(void **state)
{
	struct record record = fast_record();
	struct event event;

	(void)state;
	record.conn.role = ROLE_CLIENT;
	record.conn.flags = CONN_FIN;
	event = event_of(&record);
	assert_true(event.accept_wait_ns == UNKNOWN);
	assert_int_equal(event.accepted, MAYBE);
	assert_int_equal(event.close_wait_ns, 900);
	record.conn.close_wait_ns = 8000;
	event = event_of(&record);
	assert_int_equal(event.cause, CAUSE_NOT_READING);
}

static void no_bytes(void **state)
{
	struct record record = fast_record();
	struct event event;

	(void)state;
	record.conn.flags |= CONN_NO_BYTES;
	record.conn.close_wait_ns = 8000;
	record.tx_bytes_after_fin = 5;
	event = event_of(&record);
	assert_true(event.rx_bytes == UNKNOWN);
	assert_true(event.tx_bytes == UNKNOWN);
	assert_true(event.unread_bytes == UNKNOWN);
	assert_true(event.tx_bytes_after_fin == UNKNOWN);
	assert_int_equal(event.fin_read, MAYBE);
	assert_true(event.slow);
	assert_int_equal(event.cause, CAUSE_NONE);
}

static void no_fin(void **state)
{
	struct record record = fast_record();
	struct event event;

	(void)state;
	record.conn.flags = CONN_ACCEPTED | CONN_FIN_READ;
	record.conn.close_wait_ns = 8000;
	record.tx_bytes_after_fin = 5;
	event = event_of(&record);
	assert_int_equal(event.fin_read, MAYBE);
	assert_true(event.tx_bytes_after_fin == UNKNOWN);
	assert_int_equal(event.rx_bytes, 10);
	assert_int_equal(event.cause, CAUSE_NONE);
}

static void thresholds_are_reached(void **state)
{
	struct record record = fast_record();

	(void)state;
	record.conn.close_wait_ns = 8001;
	assert_false(event_of(&record).slow);
	record.conn.close_wait_ns = 8000;
	assert_true(event_of(&record).slow);
	record = fast_record();
	record.conn.accepted_ns = 5099;
	assert_false(event_of(&record).slow);
	record.conn.accepted_ns = 5100;
	assert_true(event_of(&record).slow);
	/* accepted late, but closed fast: nobody is at fault now */
	assert_int_equal(event_of(&record).cause, CAUSE_NONE);
}

static enum conn_cause cause_with(unsigned int flags, uint64_t sent_after_fin)
{
	struct record record = fast_record();

	record.conn.close_wait_ns = 8000;
	record.conn.accepted_ns = 0;
	record.conn.flags = (__u8)flags;
	record.tx_bytes_after_fin = sent_after_fin;
	return event_of(&record).cause;
}

static void causes(void **state)
{
	const unsigned int read = CONN_ACCEPTED | CONN_FIN | CONN_FIN_READ;

	(void)state;
	assert_int_equal(cause_with(read, 0), CAUSE_NOT_CLOSING);
	assert_int_equal(cause_with(read, 1), CAUSE_STILL_SENDING);
	assert_int_equal(cause_with(CONN_ACCEPTED | CONN_FIN, 0), CAUSE_NOT_READING);
	assert_int_equal(cause_with(CONN_ACCEPTED | CONN_FIN, 1), CAUSE_NOT_READING);
	assert_int_equal(cause_with(CONN_FIN, 1), CAUSE_NEVER_ACCEPTED);
	assert_int_equal(cause_with(0, 0), CAUSE_NEVER_ACCEPTED);
}

/* It hung, and took the FIN only to close. */
static void what_the_last_look_saw_tells(void **state)
{
	struct record record = fast_record();

	(void)state;
	record.conn.close_wait_ns = 8000;
	record.conn.flags = CONN_ACCEPTED | CONN_FIN | CONN_FIN_READ;
	record.conn.look = 7;
	assert_int_equal(event_of(&record).cause, CAUSE_NOT_CLOSING);
	record.conn.look = 7 | LOOK_UNREAD;
	assert_int_equal(event_of(&record).cause, CAUSE_NOT_READING);
	record.tx_bytes_after_fin = 1;
	assert_int_equal(event_of(&record).cause, CAUSE_STILL_SENDING);
	record.tx_bytes_after_fin = 0;
	record.conn.close_wait_ns = 8001; /* fast after all */
	assert_int_equal(event_of(&record).cause, CAUSE_NONE);
}

/* accept() leaves the flags alone. */
static void accepted_by_its_time_alone(void **state)
{
	struct record record = fast_record();

	(void)state;
	record.conn.flags &= ~CONN_ACCEPTED;
	assert_int_equal(event_of(&record).accepted, YES);
	assert_int_equal(event_of(&record).accept_wait_ns, 50);
}

/* Its peer has closed only its half, and takes its answer slowly. */
static void who_does_not_take_its_answer_is_waited_for(void **state)
{
	struct record record = fast_record();

	(void)state;
	record.kind = RECORD_WAITING;
	record.conn.flags = CONN_ACCEPTED | CONN_FIN;
	record.end_ns += 10000;
	assert_int_equal(event_of(&record).cause, CAUSE_NOT_READING);
	record.unacknowledged = 1;
	assert_int_equal(event_of(&record).cause, CAUSE_STILL_SENDING);
	record.conn.flags |= CONN_FIN_READ;
	assert_int_equal(event_of(&record).cause, CAUSE_STILL_SENDING);
	record.conn.flags = 0;
	record.conn.accepted_ns = 0;
	assert_int_equal(event_of(&record).cause, CAUSE_NEVER_ACCEPTED);
}

/* Its FIN came while it was in the queue: until accept() its process is not to blame. */
static void the_queue_is_no_fault_of_who_accepted(void **state)
{
	struct record record = fast_record();
	struct event event;

	(void)state;
	record.conn.close_wait_ns = 5001;
	record.conn.accepted_ns = 8001;
	event = event_of(&record);
	assert_true(event.slow);
	assert_int_equal(event.close_wait_ns, 3999);
	assert_int_equal(event_kept_ns(&event), 999);
	assert_int_equal(event.cause, CAUSE_NONE);
	record.conn.accepted_ns = 8000;
	event = event_of(&record);
	assert_int_equal(event.cause, CAUSE_NOT_CLOSING);
	/* Whoever has it was not seen to accept it. */
	record.conn.accepted_ns = 0;
	event = event_of(&record);
	assert_int_equal(event_kept_ns(&event), 3999);
	assert_int_equal(event.cause, CAUSE_NOT_CLOSING);
}

static void fast_and_never_accepted(void **state)
{
	struct record record = fast_record();
	struct event event;

	(void)state;
	record.conn.flags = 0;
	record.conn.accepted_ns = 0;
	record.conn.close_wait_ns = 0;
	record.end_ns = 5099;
	event = event_of(&record);
	assert_int_equal(event.accept_wait_ns, 99);
	assert_int_equal(event.cause, CAUSE_NONE);
}

/* Its waits are bounds; what it sent after a FIN that nobody saw is one too, and 0 is not known. */
static void older_than_the_hooks(void **state)
{
	struct record record = fast_record();
	struct event event;

	(void)state;
	record.tx_bytes_after_fin = 5;
	event = event_of(&record);
	assert_false(event.at_least);
	assert_int_equal(event.tx_bytes_after_fin, 5);
	record.conn.flags |= CONN_OLD;
	event = event_of(&record);
	assert_true(event.at_least);
	assert_false(event.close_wait_at_least);
	assert_int_equal(event.tx_bytes_after_fin, 5);
	record.conn.flags |= CONN_OLD_FIN;
	event = event_of(&record);
	assert_true(event.at_least);
	assert_true(event.close_wait_at_least);
	assert_int_equal(event.close_wait_ns, 900);
	assert_int_equal(event.tx_bytes_after_fin, 5);
	record.tx_bytes_after_fin = 0;
	event = event_of(&record);
	assert_true(event.tx_bytes_after_fin == UNKNOWN);
}

/* Told while it waits, a connection has waited until now; told late, only its accept wait is known.
 */
static void kinds(void **state)
{
	struct record record = fast_record();
	struct event event;

	(void)state;
	record.kind = RECORD_WAITING;
	event = event_of(&record);
	assert_int_equal(event.kind, RECORD_WAITING);
	assert_int_equal(event.close_wait_ns, 900);
	record.kind = RECORD_ACCEPTED_LATE;
	event = event_of(&record);
	assert_int_equal(event.accept_wait_ns, 50);
	assert_true(event.close_wait_ns == UNKNOWN);
	assert_true(event.lifetime_ns == UNKNOWN);
	assert_string_equal(kind_name(RECORD_CLOSED), "closed");
	assert_string_equal(kind_name(RECORD_WAITING), "waiting");
	assert_string_equal(kind_name(RECORD_ACCEPTED_LATE), "accepted-late");
}

static void limits(void **state)
{
	static const struct {
		uint32_t limit, then, now;
		const char *name;
	} cases[] = {
		{5, 4096, 4096, "backlog"},
		{4096, 4096, 4096, "somaxconn"},
		{128, 128, 4096, "somaxconn"}, /* was raised since */
		{5, 128, 4096, "backlog"},
		{4096, 4096, 128, "somaxconn"}, /* was lowered since */
		{511, 4096, 128, "backlog"},
		{128, 4096, 128, NULL}, /* from before, or listen() was called again */
		{200, 128, 4096, NULL}, /* was called again */
		{4096, 0, 4096, "somaxconn"}, /* older than the hooks */
		{5, 0, 4096, NULL},
		{4097, 0, 4096, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct listener_record record = {
			.listener.somaxconn = cases[i].then,
			.limit = cases[i].limit,
			.somaxconn = cases[i].now,
		};
		const char *name = limit_name(&record);

		if (!cases[i].name)
			assert_null(name);
		else
			assert_string_equal(name ? name : "", cases[i].name);
	}
}

static void id_stays(void **state)
{
	struct record record = fast_record();
	struct event first = event_of(&record), second;

	(void)state;
	/* all that can change while it lives, or by what was seen of it */
	record.conn.established_ns = 0; /* with Fast Open, up to the last ACK of the handshake */
	record.conn.accepted_ns = 0;
	record.conn.close_wait_ns++;
	record.conn.owner.pid = 5;
	record.conn.closer.pid = 5;
	record.conn.rx_bytes++;
	record.conn.state = 8;
	record.conn.flags = 0;
	record.conn.end = END_EXIT;
	record.end_ns++;
	second = event_of(&record);
	assert_true(first.id == second.id);
}

#define assert_new_id(change)                                                                      \
	do {                                                                                       \
		struct record record = fast_record();                                              \
		struct event first = event_of(&record), second;                                    \
		record.conn.change;                                                                \
		second = event_of(&record);                                                        \
		assert_true(first.id != second.id);                                                \
	} while (0)

static void id_differs(void **state)
{
	(void)state;
	assert_new_id(queued_ns++);
	assert_new_id(queued_ns = 0);
	assert_new_id(netns++);
	assert_new_id(role = ROLE_CLIENT);
	assert_new_id(local_port++);
	assert_new_id(remote_port++);
	assert_new_id(local_addr[0]++);
	assert_new_id(local_addr[15]++);
	assert_new_id(remote_addr[0]++);
	assert_new_id(remote_addr[15]++);
}

/* Loopback: the two ends of one connection have their addresses and ports exchanged. */
static void id_of_the_other_end(void **state)
{
	struct record record = fast_record();
	struct event first, second;

	(void)state;
	first = event_of(&record);
	memcpy(record.conn.local_addr, fast_record().conn.remote_addr, 16);
	memcpy(record.conn.remote_addr, fast_record().conn.local_addr, 16);
	second = event_of(&record);
	assert_true(first.id != second.id);
	record = fast_record();
	record.conn.local_port = 50000;
	record.conn.remote_port = 443;
	second = event_of(&record);
	assert_true(first.id != second.id);
}

/* A client, or a server's end that was there before the start. */
static void id_without_queued(void **state)
{
	struct record record = fast_record();
	struct event first, second;

	(void)state;
	record.conn.queued_ns = 0;
	first = event_of(&record);
	record.conn.established_ns++;
	second = event_of(&record);
	assert_true(first.id != second.id);
}

static void names(void **state)
{
	(void)state;
	assert_null(cause_name(CAUSE_NONE));
	assert_string_equal(cause_name(CAUSE_NEVER_ACCEPTED), "never-accepted");
	assert_string_equal(cause_name(CAUSE_NOT_READING), "not-reading");
	assert_string_equal(cause_name(CAUSE_NOT_CLOSING), "not-closing");
	assert_string_equal(cause_name(CAUSE_STILL_SENDING), "still-sending");
	assert_null(end_name(END_UNKNOWN));
	assert_string_equal(end_name(END_CLOSE), "close");
	assert_string_equal(end_name(END_SHUTDOWN), "shutdown");
	assert_string_equal(end_name(END_EXIT), "exit");
	assert_string_equal(end_name(END_RESET_BY_PEER), "reset-by-peer");
	assert_string_equal(end_name(END_RESET_UNREAD), "reset-unread");
	assert_string_equal(end_name(END_TIMEOUT), "timeout");
	assert_string_equal(end_name(END_LISTENER_CLOSED), "listener-closed");
	assert_string_equal(end_name(END_ABORTED), "aborted");
	assert_null(end_name(END_COUNT));
	assert_string_equal(role_name(ROLE_SERVER), "server");
	assert_string_equal(role_name(ROLE_CLIENT), "client");
	assert_string_equal(family_name(FAMILY_IPV4), "ipv4");
	assert_string_equal(family_name(FAMILY_IPV6), "ipv6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(complete),
		cmocka_unit_test(no_queued),
		cmocka_unit_test(no_established),
		cmocka_unit_test(no_accepted),
		cmocka_unit_test(no_close_wait),
		cmocka_unit_test(no_end),
		cmocka_unit_test(times_turned_round),
		cmocka_unit_test(no_time_at_all),
		cmocka_unit_test(too_large),
		cmocka_unit_test(client),
		cmocka_unit_test(no_bytes),
		cmocka_unit_test(no_fin),
		cmocka_unit_test(thresholds_are_reached),
		cmocka_unit_test(causes),
		cmocka_unit_test(what_the_last_look_saw_tells),
		cmocka_unit_test(accepted_by_its_time_alone),
		cmocka_unit_test(who_does_not_take_its_answer_is_waited_for),
		cmocka_unit_test(the_queue_is_no_fault_of_who_accepted),
		cmocka_unit_test(fast_and_never_accepted),
		cmocka_unit_test(older_than_the_hooks),
		cmocka_unit_test(kinds),
		cmocka_unit_test(limits),
		cmocka_unit_test(id_stays),
		cmocka_unit_test(id_differs),
		cmocka_unit_test(id_of_the_other_end),
		cmocka_unit_test(id_without_queued),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Scenario 21: all that is stuck when the daemon starts is told, by --list and at the first look of
 * --tail. Numbers in names are those of the scenarios that the connections are from.
 */
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "expect.h"
#include "stuck.h"
#include "suite.h"

/* All is older than these. */
static const char *const arguments[] = {"--all",	 "--close-wait", "1ms",
					"--accept-wait", "1ms",		 NULL};
static const char *const list[] = {"--list", "--json", NULL};

static struct stuck_all all;
static struct daemon lister;
static struct pair closed_later;

static void open_pair(struct pair *pair)
{
	struct listener listener;

	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	pair_open(pair, &listener);
	close(listener.fd);
	send_all(pair->client, "hello", 5);
	receive_all(pair->server, 5);
}

static int setup(void **state)
{
	(void)state;
	stuck_make_all(&all);
	open_pair(&closed_later);

	assert_int_equal(daemon_run(&lister, list), 0);
	daemon_start(&suite.daemon, suite.backend, arguments);
	suite.groups_begun++;
	return 0;
}

static int teardown(void **state)
{
	child_kill_all(); /* of tests that failed */
	return suite_teardown(state);
}

static void expect_told(const struct stuck *stuck)
{
	stuck_expect(stuck, stuck_event(stuck, &lister), true);
	stuck_expect(stuck, stuck_event(stuck, &suite.daemon), true);
}

static void existing_not_reading_6(void **state)
{
	struct stuck *stuck = &all.not_reading;
	struct span closed;
	json_t *event;

	(void)state;
	expect_told(stuck);
	closed = timed_close(stuck->pair.server);
	stuck->pair.server = -1;

	event = server_event(&stuck->pair);
	expect_truth(event, "at_least", true);
	expect_truth(event, "close_wait_at_least", true);
	expect_text(event, "end", "reset-unread");
	expect_task(event, "closer", getpid(), gettid());
	closed.before = stuck->pair.fin.after; /* a bound: any shorter wait is true as well */
	expect_wait(event, "close_wait_ms", stuck->pair.fin, closed);
}

static void existing_not_closing_7(void **state)
{
	(void)state;
	expect_told(&all.not_closing);
	stuck_release(&all.not_closing);
}

/* What it sent before the start proves nothing, what it sends from then on does. */
static void existing_still_sending_8(void **state)
{
	struct stuck *stuck = &all.still_sending;
	json_t *event;

	(void)state;
	expect_told(stuck);
	send_all(stuck->pair.server, "more", 4);
	stuck_release(stuck);
	event = server_event(&stuck->pair);
	expect_number(event, "tx_bytes_after_fin", 4);
	expect_text(event, "cause", "still-sending");
	expect_truth(event, "at_least", true);
}

static void existing_idle_pool_14(void **state)
{
	(void)state;
	expect_told(&all.idle_pool);
	stuck_release(&all.idle_pool);
}

/* Any of the two processes may be the owner. */
static void existing_shared_15(void **state)
{
	(void)state;
	expect_told(&all.shared);
	child_kill(&all.sharer);
	stuck_release(&all.shared);
}

static void existing_passed_15(void **state)
{
	pid_t child = all.receiver.pid;
	json_t *event;

	(void)state;
	expect_told(&all.passed);
	child_tell(&all.receiver, 0);
	child_hear(&all.receiver);
	event = server_event(&all.passed.pair);
	expect_task(event, "closer", child, child);
	child_kill(&all.receiver);
}

static void existing_in_netns_18(void **state)
{
	(void)state;
	expect_told(&all.in_netns);
	child_kill(&all.inhabitant);
	stuck_release(&all.in_netns);
}

static void existing_never_accepted_2(void **state)
{
	(void)state;
	expect_told(&all.queued);
	expect_told(&all.queued_closed);
	expect_told(&all.queued_ipv6);
	close(all.queue.fd);
	close(all.queue_closed.fd);
	close(all.queue_ipv6.fd);
	stuck_release(&all.queued);
	stuck_release(&all.queued_ipv6);
}

/* No table of the kernel has it, so nobody can find it. The queue's length shows that it is there.
 */
static void existing_reset_in_queue_9(void **state)
{
	struct wanted wanted = stuck_wanted(&all.reset);

	(void)state;
	wanted.event = "waiting";
	daemon_settle(&suite.daemon); /* behind the first look, which the tests before saw */
	assert_int_equal(daemon_count(&lister, &wanted), 0);
	assert_int_equal(daemon_count(&suite.daemon, &wanted), 0);
	close(all.queue_reset.fd);
}

static void existing_stopped_server_3(void **state)
{
	(void)state;
	for (int i = 0; i < STOPPED; i++)
		expect_told(&all.stopped[i]);
	child_kill(&all.stopped_server);
	for (int i = 0; i < STOPPED; i++)
		stuck_release(&all.stopped[i]);
}

static void existing_full_queue_4(void **state)
{
	(void)state;
	for (int i = 0; i < FULL_QUEUE; i++)
		expect_told(&all.full.stuck[i]);
	full_release(&all.full);
}

static void existing_shared_port_17(void **state)
{
	(void)state;
	for (int i = 0; i < SHARED_STUCK; i++)
		expect_told(&all.shared_port.stuck[i]);
	shared_port_release(&all.shared_port);
}

/* An established connection that is older: what happens from the start on is exact. */
static void existing_closed_later(void **state)
{
	struct pair *pair = &closed_later;
	struct span closed;
	json_t *event;

	(void)state;
	pair_close_client(pair);
	pass_ms(20);
	closed = timed_close(pair->server);

	event = server_event(pair);
	expect_truth(event, "at_least", true);
	expect_truth(event, "close_wait_at_least", false);
	expect_truth(event, "accepted", true);
	expect_null(event, "accept_wait_ms");
	expect_wait(event, "close_wait_ms", pair->fin, closed);
	expect_number(event, "rx_bytes", 5);
	expect_number(event, "tx_bytes_after_fin", 0);
	expect_text(event, "cause", "not-reading");
}

int run_existing(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(existing_not_reading_6),
		cmocka_unit_test(existing_not_closing_7),
		cmocka_unit_test(existing_still_sending_8),
		cmocka_unit_test(existing_idle_pool_14),
		cmocka_unit_test(existing_shared_15),
		cmocka_unit_test(existing_passed_15),
		cmocka_unit_test(existing_in_netns_18),
		cmocka_unit_test(existing_never_accepted_2),
		cmocka_unit_test(existing_reset_in_queue_9),
		cmocka_unit_test(existing_stopped_server_3),
		cmocka_unit_test(existing_full_queue_4),
		cmocka_unit_test(existing_shared_port_17),
		cmocka_unit_test(existing_closed_later),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

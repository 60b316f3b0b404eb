// SPDX-License-Identifier: GPL-2.0
/*
 * What is told of connections while they wait. All are made before the first test begins, so that
 * the looks that the daemon takes at them are waited for together. Numbers in names are those of
 * the scenarios.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "expect.h"
#include "stuck.h"
#include "suite.h"

/*
 * A look comes within a second after it, and ten times of it are longer: so a connection is told
 * at both, unless a look is late.
 */
#define THRESHOLD_NS 200000000LL

static const char *const arguments[] = {"--close-wait", "200ms", "--accept-wait", "200ms", NULL};

static struct stuck_all all;

static int setup(void **state)
{
	(void)state;
	daemon_start(&suite.daemon, suite.backend, arguments);
	stuck_make_all(&all);
	suite.groups_begun++;
	return 0;
}

static int teardown(void **state)
{
	child_kill_all(); /* of tests that failed */
	return suite_teardown(state);
}

static size_t told(const struct stuck *stuck)
{
	struct wanted wanted = stuck_wanted(stuck);

	wanted.event = "waiting";
	return daemon_count(&suite.daemon, &wanted);
}

/* Takes the next event of it, which must say all that is true. */
static json_t *expect_told(const struct stuck *stuck)
{
	json_t *event = stuck_event(stuck, &suite.daemon);

	stuck_expect(stuck, event, false);
	return event;
}

static json_t *expect_accepted_late(const struct stuck *stuck, struct span accepted, pid_t owner)
{
	struct wanted wanted = stuck_wanted(stuck);
	json_t *event;

	wanted.event = "accepted-late";
	event = daemon_expect(&suite.daemon, &wanted);
	expect_wait(event, "accept_wait_ms", stuck->pair.queued, accepted);
	expect_truth(event, "accepted", true);
	expect_task(event, "owner", owner, owner);
	expect_null(event, "end");
	expect_null(event, "close_wait_ms");
	return event;
}

/* Looked at no sooner than after that much of the wait. */
static void expect_waited(json_t *event, const char *key, struct span since, int64_t wait_ns)
{
	expect_wait(event, key, since, ((struct span){since.after + wait_ns, now_ns()}));
}

static void waiting_not_reading_6(void **state)
{
	struct stuck *stuck = &all.not_reading;
	json_t *event;

	(void)state;
	event = expect_told(stuck);
	expect_waited(event, "close_wait_ms", stuck->pair.fin, THRESHOLD_NS);
	expect_number(event, "rx_bytes", 2);
	stuck_release(stuck);
}

static size_t tellings_due(int64_t wait_ns)
{
	size_t due = 0;

	for (int64_t at = THRESHOLD_NS; at <= wait_ns; at *= 10)
		due++;
	return due;
}

/* It never closes: told at the threshold, and again at ten times of it. */
static void waiting_not_closing_7(void **state)
{
	struct stuck *stuck = &all.not_closing;
	json_t *first, *second;

	(void)state;
	first = expect_told(stuck);
	expect_waited(first, "close_wait_ms", stuck->pair.fin, THRESHOLD_NS);
	second = expect_told(stuck);
	expect_waited(second, "close_wait_ms", stuck->pair.fin, 10 * THRESHOLD_NS);
	expect_same_id(first, second);
	assert_in_range(told(stuck), 2, tellings_due(now_ns() - stuck->pair.fin.before));

	stuck_release(stuck);
	expect_same_id(first, server_event(&stuck->pair));
}

static void waiting_still_sending_8(void **state)
{
	(void)state;
	expect_told(&all.still_sending);
	stuck_release(&all.still_sending);
}

static void waiting_idle_pool_14(void **state)
{
	struct stuck *stuck = &all.idle_pool;

	(void)state;
	expect_waited(expect_told(stuck), "close_wait_ms", stuck->pair.fin, THRESHOLD_NS);
	stuck_release(stuck);
}

/* Every copy of the descriptor is told, of other processes as well. */
static void waiting_shared_15(void **state)
{
	(void)state;
	expect_told(&all.shared);
	child_kill(&all.sharer);
	stuck_release(&all.shared);
}

/* Accepted here, held by the child that it was passed to, and closed there. */
static void waiting_passed_15(void **state)
{
	struct stuck *stuck = &all.passed;
	struct message message;
	json_t *event;

	(void)state;
	expect_told(stuck);
	child_tell(&all.receiver, 0);
	message = child_hear(&all.receiver);
	event = server_event(&stuck->pair);
	expect_task(event, "owner", getpid(), gettid());
	expect_task(event, "closer", all.receiver.pid, all.receiver.pid);
	expect_wait(event, "close_wait_ms", stuck->pair.fin,
		    ((struct span){message.before, message.after}));
	child_kill(&all.receiver);
}

static void waiting_in_netns_18(void **state)
{
	(void)state;
	expect_told(&all.in_netns);
	child_kill(&all.inhabitant);
	stuck_release(&all.in_netns);
}

/* Told in the queue, then in CLOSE_WAIT, then when it is accepted. */
static void waiting_never_accepted_2(void **state)
{
	struct stuck *stuck = &all.queued;
	struct pair *pair = &stuck->pair;

	(void)state;
	expect_waited(expect_told(stuck), "accept_wait_ms", pair->queued, THRESHOLD_NS);
	pair_close_client(pair);
	stuck->open = false;
	stuck_made(stuck);
	expect_told(stuck);
	pair_accept(pair, &all.queue);
	expect_accepted_late(stuck, pair->accepted, getpid());
	stuck_release(stuck);
	close(all.queue.fd);
}

/* Both waits began before the first look: one event tells of both. */
static void waiting_never_accepted_closed_2(void **state)
{
	(void)state;
	expect_told(&all.queued_closed);
	close(all.queue_closed.fd);
}

static void waiting_never_accepted_ipv6_16(void **state)
{
	(void)state;
	expect_told(&all.queued_ipv6);
	stuck_release(&all.queued_ipv6);
	close(all.queue_ipv6.fd);
}

/* Reset in the queue it waits on. */
static void waiting_reset_in_queue_9(void **state)
{
	(void)state;
	expect_told(&all.reset);
	close(all.queue_reset.fd);
}

/* Each names the one queue; once the server goes on, each is told late, in the order it came. */
static void waiting_stopped_server_3(void **state)
{
	struct child *server = &all.stopped_server;
	struct span accepted;

	(void)state;
	for (int i = 0; i < STOPPED; i++)
		expect_told(&all.stopped[i]);
	accepted.before = now_ns();
	kill(server->pid, SIGCONT);
	for (int i = 0; i < STOPPED; i++) {
		accepted.after = child_hear(server).after;
		expect_accepted_late(&all.stopped[i], accepted, server->pid);
	}
	child_kill(server);
	for (int i = 0; i < STOPPED; i++)
		stuck_release(&all.stopped[i]);
}

/* What the queue has no room for is no connection of the server, and its client's does not wait. */
static void waiting_full_queue_4(void **state)
{
	struct full *full = &all.full;

	(void)state;
	for (int i = 0; i < FULL_QUEUE; i++)
		expect_told(&full->stuck[i]);
	for (int i = 0; i < FULL_LEFT_OUT; i++) {
		struct stuck none = {.pair = full->left_out[i]};

		assert_int_equal(socket_state(none.pair.server_port, none.pair.client_port),
				 STATE_GONE);
		assert_int_equal(told(&none), 0);
		none.client = true;
		assert_int_equal(told(&none), 0);
	}
	full_release(full);
}

/* One of three listeners of the port is stuck: that one is named. */
static void waiting_shared_port_17(void **state)
{
	(void)state;
	for (int i = 0; i < SHARED_STUCK; i++)
		expect_told(&all.shared_port.stuck[i]);
	shared_port_release(&all.shared_port);
}

int run_waiting(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waiting_not_reading_6),
		cmocka_unit_test(waiting_still_sending_8),
		cmocka_unit_test(waiting_idle_pool_14),
		cmocka_unit_test(waiting_shared_15),
		cmocka_unit_test(waiting_passed_15),
		cmocka_unit_test(waiting_in_netns_18),
		cmocka_unit_test(waiting_never_accepted_closed_2),
		cmocka_unit_test(waiting_never_accepted_ipv6_16),
		cmocka_unit_test(waiting_reset_in_queue_9),
		cmocka_unit_test(waiting_stopped_server_3),
		cmocka_unit_test(waiting_full_queue_4),
		cmocka_unit_test(waiting_shared_port_17),
		cmocka_unit_test(waiting_never_accepted_2),
		cmocka_unit_test(waiting_not_closing_7),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

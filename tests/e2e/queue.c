// SPDX-License-Identifier: GPL-2.0
/* The accept queue. Numbers in names are those of the scenarios. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "child.h"
#include "expect.h"
#include "suite.h"

#define BACKLOG 4
#define QUEUED (BACKLOG + 1) /* the kernel's test is ">" */

/*
 * Out of descriptors: accepts up to the limit it sets itself, says that it failed, and when told so
 * takes what is there. The test raises the limit from outside in between.
 */
static void starved_server(int channel, int listener)
{
	struct rlimit limit;
	int probe = fcntl(listener, F_DUPFD, 0);

	close(probe);
	if (getrlimit(RLIMIT_NOFILE, &limit))
		child_fail("getrlimit");
	limit.rlim_cur = (rlim_t)probe;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		child_fail("setrlimit");
	child_told(channel);
	if (accept(listener, NULL, NULL) >= 0)
		child_fail("accept succeeded");
	child_say(channel, errno, 0, 0);

	for (int i = 0; i < QUEUED; i++) {
		int64_t before;
		int fd;

		child_told(channel);
		before = now_ns();
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			child_fail("accept");
		child_say(channel, fd, before, now_ns());
		child_told(channel);
		before = now_ns();
		close(fd);
		child_say(channel, 0, before, now_ns());
	}
}

/* Leaves the child's copy of the listener as the only one. */
static void start_starved(struct child *child, struct pair pairs[QUEUED], bool keep,
			  struct listener *listener)
{
	listener_open(listener, AF_INET, "127.0.0.1", BACKLOG);
	child_start(child, starved_server, listener->fd);
	for (int i = 0; i < QUEUED; i++)
		pair_connect(&pairs[i], listener);
	child_tell(child, 0);
	assert_int_equal(child_hear(child).value, EMFILE);
	for (int i = 0; i < QUEUED; i++)
		pair_close_client(&pairs[i]);
	if (!keep)
		close(listener->fd);
}

static void queue_out_of_descriptors_2(void **state)
{
	struct rlimit limit = {64, 64};
	struct listener listener;
	struct pair pairs[QUEUED];
	struct child child;
	struct span closed[QUEUED];

	(void)state;
	start_starved(&child, pairs, true, &listener);
	pass_ms(150); /* over the threshold */
	assert_int_equal(prlimit(child.pid, RLIMIT_NOFILE, &limit, NULL), 0);
	for (int i = 0; i < QUEUED; i++) {
		struct message message;

		child_tell(&child, 0);
		message = child_hear(&child);
		pairs[i].accepted = (struct span){message.before, message.after};
		child_tell(&child, 0);
		message = child_hear(&child);
		closed[i] = (struct span){message.before, message.after};
	}

	for (int i = 0; i < QUEUED; i++) {
		json_t *event = server_event(&pairs[i]);

		expect_truth(event, "accepted", true);
		expect_wait(event, "accept_wait_ms", pairs[i].queued, pairs[i].accepted);
		expect_wait(event, "close_wait_ms", pairs[i].fin, closed[i]);
		expect_text(event, "end", "close");
		expect_task(event, "owner", child.pid, child.pid);
		expect_task(event, "closer", child.pid, child.pid);
		expect_client(client_event(&pairs[i]), &pairs[i], "close");
	}
	child_wait(&child);
	close(listener.fd);
	expect_one_each(&pairs[0]);
}

static void queue_out_of_descriptors_until_death_2(void **state)
{
	struct listener listener;
	struct pair pairs[QUEUED];
	struct child child;
	struct span died;

	(void)state;
	start_starved(&child, pairs, false, &listener);
	pass_ms(1100); /* over both thresholds */
	died.before = now_ns();
	child_kill(&child);
	died.after = now_ns();

	for (int i = 0; i < QUEUED; i++) {
		json_t *event = server_event(&pairs[i]);

		expect_truth(event, "accepted", false);
		expect_text(event, "cause", "never-accepted");
		expect_wait(event, "accept_wait_ms", pairs[i].queued, died);
		expect_wait(event, "close_wait_ms", pairs[i].fin, died);
		expect_text(event, "end", "listener-closed");
		expect_null(event, "owner");
		client_event(&pairs[i]);
	}
	for (int i = 0; i < QUEUED; i++)
		expect_one_each(&pairs[i]);
}

static void queue_reset_then_accepted_9(void **state)
{
	struct listener listener;
	struct pair pair;
	struct wanted wanted;
	json_t *event;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", BACKLOG);
	pair_connect(&pair, &listener);
	set_linger_0(pair.client);
	close(pair.client);
	wait_state(pair.server_port, pair.client_port, STATE_GONE);
	assert_int_equal(listener_queued(&listener), 1);

	/* It waits on: accept() will return it. */
	wanted = wanted_server(&pair);
	daemon_settle(&suite.daemon);
	assert_int_equal(daemon_count(&suite.daemon, &wanted), 0);
	pass_ms(150);
	pair_accept(&pair, &listener);

	event = server_event(&pair);
	expect_truth(event, "accepted", true);
	expect_text(event, "end", "reset-by-peer");
	expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
	expect_null(event, "close_wait_ms");
	expect_end(event, "local", "127.0.0.1", pair.server_port);
	expect_end(event, "remote", "127.0.0.1", pair.client_port);
	expect_task(event, "owner", getpid(), gettid());
	expect_null(event, "closer");
	close(pair.server);
	close(listener.fd);
	expect_client(client_event(&pair), &pair, "aborted");
	expect_one_each(&pair);
}

/* It stays in the queue, but not in CLOSE_WAIT. */
static void queue_reset_in_close_wait_9(void **state)
{
	struct listener listener;
	struct wanted wanted;
	struct pair pair;
	struct span reset;
	double waited_ms;
	json_t *event;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", BACKLOG);
	pair_connect(&pair, &listener);
	pair_shutdown_client(&pair);
	pass_ms(20);
	set_linger_0(pair.client);
	reset = timed_close(pair.client);
	wait_state(pair.server_port, pair.client_port, STATE_GONE);
	reset.after = now_ns();

	/* A look can have come before that, on a busy machine. */
	wanted = wanted_server(&pair);
	wanted.event = "waiting";
	event = daemon_expect(&suite.daemon, &wanted);
	waited_ms = json_number_value(json_object_get(event, "accept_wait_ms"));
	if (waited_ms * 1e6 > (double)(reset.after - pair.queued.before))
		expect_text(event, "state", "accept-queue");
	pass_ms(100);
	pair_accept(&pair, &listener);
	event = server_event(&pair);
	expect_text(event, "end", "reset-by-peer");
	expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
	expect_wait(event, "close_wait_ms", pair.fin, reset);
	expect_null(event, "closer");
	close(pair.server);
	close(listener.fd);
	client_event(&pair);
	expect_one_each(&pair);
}

static void queue_reset_then_listener_closed_9(void **state)
{
	struct listener listener;
	struct pair pair;
	struct span closed;
	json_t *event;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", BACKLOG);
	pair_connect(&pair, &listener);
	send_all(pair.client, "data", 4);
	set_linger_0(pair.client);
	close(pair.client);
	wait_state(pair.server_port, pair.client_port, STATE_GONE);
	pass_ms(150);
	closed = timed_close(listener.fd);

	event = server_event(&pair);
	expect_truth(event, "accepted", false);
	expect_text(event, "cause", "never-accepted");
	expect_text(event, "end", "reset-by-peer");
	expect_wait(event, "accept_wait_ms", pair.queued, closed);
	expect_number(event, "rx_bytes", 4);
	expect_null(event, "owner");
	client_event(&pair);
	expect_one_each(&pair);
}

static void queue_listener_closed_10(void **state)
{
	struct listener listener;
	struct pair open, closing;
	struct span closed;
	json_t *event;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", BACKLOG);
	pair_connect(&open, &listener);
	pair_connect(&closing, &listener);
	send_all(closing.client, "ab", 2);
	pair_close_client(&closing);
	pass_ms(20);
	closed = timed_close(listener.fd);
	wait_state(open.client_port, open.server_port, STATE_GONE);
	close(open.client);

	event = server_event(&open);
	expect_truth(event, "accepted", false);
	expect_text(event, "end", "listener-closed");
	expect_wait(event, "accept_wait_ms", open.queued, closed);
	expect_null(event, "close_wait_ms");
	expect_null(event, "owner");
	expect_client(client_event(&open), &open, "reset-by-peer");

	event = server_event(&closing);
	expect_truth(event, "accepted", false);
	expect_text(event, "end", "listener-closed");
	expect_wait(event, "accept_wait_ms", closing.queued, closed);
	expect_wait(event, "close_wait_ms", closing.fin, closed);
	expect_number(event, "unread_bytes", 2);
	expect_truth(event, "fin_read", false);
	expect_null(event, "owner");
	client_event(&closing);
	expect_one_each(&open);
	expect_one_each(&closing);
}

/* The client had closed long before: the close wait began in the queue. */
static void queue_accepted_in_close_wait(void **state)
{
	struct listener listener;
	struct pair pair;
	struct span closed;
	json_t *event;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", BACKLOG);
	pair_connect(&pair, &listener);
	pair_close_client(&pair);
	pass_ms(20);
	pair_accept(&pair, &listener);
	pass_ms(20);
	closed = timed_close(pair.server);
	close(listener.fd);

	event = server_event(&pair);
	expect_truth(event, "accepted", true);
	expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
	expect_wait(event, "close_wait_ms", pair.fin, closed);
	expect_text(event, "end", "close");
	expect_task(event, "owner", getpid(), gettid());
	client_event(&pair);
	expect_one_each(&pair);
}

int run_queue(void)
{
	const struct CMUnitTest queue[] = {
		scenario(queue_out_of_descriptors_2),
		scenario(queue_out_of_descriptors_until_death_2),
		scenario(queue_reset_then_accepted_9),
		scenario(queue_reset_in_close_wait_9),
		scenario(queue_reset_then_listener_closed_9),
		scenario(queue_listener_closed_10),
		scenario(queue_accepted_in_close_wait),
	};

	return cmocka_run_group_tests(queue, suite_setup_parity, suite_teardown);
}

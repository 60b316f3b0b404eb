// SPDX-License-Identifier: GPL-2.0
/* What is told of connections while they wait. Numbers in names are those of the scenarios. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "expect.h"
#include "netns.h"
#include "suite.h"

#define THRESHOLD_NS 100000000LL

static const char *const arguments[] = {"--close-wait", "100ms", "--accept-wait", "100ms", NULL};

static void open_pair(struct pair *pair)
{
	struct listener listener;

	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	pair_open(pair, &listener);
	close(listener.fd);
}

static json_t *event_of(struct wanted wanted, const char *event)
{
	wanted.event = event;
	return daemon_expect(&suite.daemon, &wanted);
}

static json_t *waiting_server(const struct pair *pair)
{
	return event_of(wanted_server(pair), "waiting");
}

/* When it was looked at: after that much of the wait, and before now. */
static struct span looked_after(struct span since, int64_t wait_ns)
{
	return (struct span){since.after + wait_ns, now_ns()};
}

static void expect_holder(json_t *event, pid_t pid, int fd)
{
	json_t *holders = json_object_get(event, "holders"), *holder;
	size_t i;

	json_array_foreach (holders, i, holder) {
		if (json_integer_value(json_object_get(holder, "pid")) == pid &&
		    json_integer_value(json_object_get(holder, "fd")) == fd)
			return;
	}
	fail_msg("pid %d, fd %d is no holder in %s", pid, fd, json_dumps(event, JSON_COMPACT));
}

static size_t holder_count(json_t *event)
{
	return json_array_size(json_object_get(event, "holders"));
}

static void expect_same_id(json_t *one, json_t *other)
{
	assert_string_equal(json_string_value(json_object_get(one, "id")),
			    json_string_value(json_object_get(other, "id")));
}

static void waiting_not_reading_6(void **state)
{
	struct pair pair;
	json_t *event;

	(void)state;
	open_pair(&pair);
	send_all(pair.client, "ab", 2);
	pair_close_client(&pair);

	event = waiting_server(&pair);
	expect_text(event, "state", "close-wait");
	expect_text(event, "cause", "not-reading");
	expect_number(event, "unread_bytes", 2);
	expect_number(event, "rx_bytes", 2);
	expect_truth(event, "fin_read", false);
	expect_truth(event, "accepted", true);
	expect_truth(event, "at_least", false);
	expect_null(event, "end");
	expect_null(event, "closer");
	expect_null(event, "listener");
	expect_wait(event, "close_wait_ms", pair.fin, looked_after(pair.fin, THRESHOLD_NS));
	expect_task(event, "owner", getpid(), gettid());
	expect_holder(event, getpid(), pair.server);
	assert_int_equal(holder_count(event), 1);
	close(pair.server);
}

/* It never closes: told at the threshold, and again at ten times of it. */
static void waiting_not_closing_7(void **state)
{
	struct pair pair;
	json_t *first, *second;
	struct wanted wanted;

	(void)state;
	open_pair(&pair);
	send_all(pair.client, "ab", 2);
	receive_all(pair.server, 2);
	pair_close_client(&pair);
	receive_end(pair.server);

	first = waiting_server(&pair);
	expect_text(first, "cause", "not-closing");
	expect_number(first, "unread_bytes", 0);
	expect_truth(first, "fin_read", true);
	expect_wait(first, "close_wait_ms", pair.fin, looked_after(pair.fin, THRESHOLD_NS));
	second = waiting_server(&pair);
	expect_wait(second, "close_wait_ms", pair.fin, looked_after(pair.fin, 10 * THRESHOLD_NS));
	expect_same_id(first, second);
	wanted = wanted_server(&pair);
	wanted.event = "waiting";
	assert_int_equal(daemon_count(&suite.daemon, &wanted), 2);

	close(pair.server);
	expect_same_id(first, server_event(&pair));
}

static void waiting_still_sending_8(void **state)
{
	struct pair pair;
	json_t *event;

	(void)state;
	open_pair(&pair);
	pair_shutdown_client(&pair);
	receive_end(pair.server);
	send_all(pair.server, "abc", 3);

	event = waiting_server(&pair);
	expect_text(event, "cause", "still-sending");
	expect_number(event, "tx_bytes_after_fin", 3);
	close(pair.server);
	close(pair.client);
}

static void waiting_never_accepted_2(void **state)
{
	struct listener listener;
	struct pair pair;
	json_t *event, *told;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	pair_connect(&pair, &listener);
	event = waiting_server(&pair);
	expect_text(event, "state", "accept-queue");
	expect_text(event, "cause", "never-accepted");
	expect_truth(event, "accepted", false);
	expect_wait(event, "accept_wait_ms", pair.queued, looked_after(pair.queued, THRESHOLD_NS));
	expect_null(event, "close_wait_ms");
	expect_null(event, "owner");
	assert_int_equal(holder_count(event), 0);
	told = json_object_get(event, "listener");
	expect_number(told, "port", listener.port);
	expect_text(told, "address", "127.0.0.1");
	expect_number(told, "queued", 1);
	expect_number(told, "limit", 4);

	pair_close_client(&pair);
	event = waiting_server(&pair);
	expect_text(event, "state", "close-wait");
	expect_text(event, "cause", "never-accepted");

	pair_accept(&pair, &listener);
	event = event_of(wanted_server(&pair), "accepted-late");
	expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
	expect_truth(event, "accepted", true);
	expect_task(event, "owner", getpid(), gettid());
	expect_null(event, "end");
	expect_null(event, "close_wait_ms");
	close(pair.server);
	close(listener.fd);
}

/* Reset in the queue it waits on, and is in no table of the kernel's but the queue. */
static void waiting_reset_in_queue_9(void **state)
{
	struct listener listener;
	struct pair pair;
	json_t *event;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	pair_connect(&pair, &listener);
	set_linger_0(pair.client);
	close(pair.client);
	wait_state(pair.server_port, pair.client_port, STATE_GONE);

	event = waiting_server(&pair);
	expect_text(event, "state", "accept-queue");
	expect_text(event, "cause", "never-accepted");
	expect_null(event, "end");
	expect_number(json_object_get(event, "listener"), "queued", 1);
	close(listener.fd);
}

static void waiting_idle_pool_14(void **state)
{
	struct pair pair;
	struct span fin;
	json_t *event;

	(void)state;
	open_pair(&pair);
	fin = timed_close(pair.server);
	wait_state(pair.client_port, pair.server_port, 8 /* TCP_CLOSE_WAIT */);
	fin.after = now_ns();

	event = event_of(wanted_client(&pair), "waiting");
	expect_null(event, "accepted");
	expect_null(event, "accept_wait_ms");
	expect_wait(event, "close_wait_ms", fin, looked_after(fin, THRESHOLD_NS));
	expect_task(event, "owner", getpid(), gettid());
	expect_holder(event, getpid(), pair.client);
	close(pair.client);
}

/* Every copy of the descriptor is told, of other processes as well. */
static void holding_child(int channel, int fd)
{
	/* Its own number of the one, and of the other in place of a time. */
	child_say(channel, fd, dup(fd), 0);
	child_told(channel);
}

static void waiting_holders_15(void **state)
{
	struct message message;
	struct child child;
	struct pair pair;
	json_t *event;

	(void)state;
	open_pair(&pair);
	child_start(&child, holding_child, pair.server);
	message = child_hear(&child);
	pair_close_client(&pair);

	event = waiting_server(&pair);
	expect_holder(event, getpid(), pair.server);
	expect_holder(event, child.pid, (int)message.value);
	expect_holder(event, child.pid, (int)message.before);
	assert_int_equal(holder_count(event), 3);
	child_tell(&child, 0);
	child_wait(&child);
	close(pair.server);
}

/* Older than the daemon: bounds that hold, owner by who holds it. */
static void existing_21(void **state)
{
	static const struct span ever;
	struct pair closing, queued, pooled, sending;
	struct listener listener;
	struct span pool_fin, closed;
	json_t *event;

	(void)state;
	suite_stop_daemon();
	open_pair(&closing);
	send_all(closing.client, "ab", 2);
	pair_close_client(&closing);
	open_pair(&pooled);
	pool_fin = timed_close(pooled.server);
	wait_state(pooled.client_port, pooled.server_port, 8 /* TCP_CLOSE_WAIT */);
	open_pair(&sending);
	pair_shutdown_client(&sending);
	receive_end(sending.server);
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	pair_connect(&queued, &listener);
	pass_ms(150);
	daemon_start(&suite.daemon, suite.backend, arguments);
	send_all(sending.server, "abc", 3);

	event = waiting_server(&closing);
	expect_text(event, "cause", "not-reading");
	expect_truth(event, "at_least", true);
	expect_truth(event, "accepted", true);
	expect_number(event, "unread_bytes", 2);
	expect_null(event, "accept_wait_ms");
	expect_null(event, "tx_bytes_after_fin");
	expect_wait(event, "close_wait_ms", closing.fin, looked_after(ever, 0));
	expect_number(json_object_get(event, "owner"), "pid", getpid());
	expect_null(json_object_get(event, "owner"), "tid");
	expect_holder(event, getpid(), closing.server);
	closed = timed_close(closing.server);
	event = server_event(&closing);
	expect_truth(event, "at_least", true);
	expect_text(event, "end", "reset-unread");
	expect_task(event, "closer", getpid(), gettid());
	assert_true(json_number_value(json_object_get(event, "close_wait_ms")) <=
		    (double)(closed.after - closing.fin.before) / 1e6);

	event = event_of(wanted_client(&pooled), "waiting");
	expect_truth(event, "at_least", true);
	expect_null(event, "accepted");
	expect_wait(event, "close_wait_ms", pool_fin, looked_after(ever, 0));
	close(pooled.client);

	event = waiting_server(&queued);
	expect_text(event, "cause", "never-accepted");
	expect_truth(event, "at_least", true);
	expect_wait(event, "accept_wait_ms", queued.queued, looked_after(ever, 0));
	expect_number(json_object_get(event, "listener"), "port", listener.port);
	close(listener.fd);

	event = waiting_server(&sending);
	expect_text(event, "cause", "still-sending");
	expect_number(event, "tx_bytes_after_fin", 3);
	close(sending.server);
	close(sending.client);
}

/* An established connection that is older: what happens from the start on is exact. */
static void existing_closed_later_21(void **state)
{
	struct span fin, closed;
	struct pair pair;
	json_t *event;

	(void)state;
	suite_stop_daemon();
	open_pair(&pair);
	send_all(pair.client, "hello", 5);
	receive_all(pair.server, 5);
	daemon_start(&suite.daemon, suite.backend, arguments);
	pair_close_client(&pair);
	fin = pair.fin;
	pass_ms(150);
	closed = timed_close(pair.server);

	event = server_event(&pair);
	expect_truth(event, "at_least", true);
	expect_truth(event, "accepted", true);
	expect_null(event, "accept_wait_ms");
	expect_wait(event, "close_wait_ms", fin, closed);
	expect_number(event, "rx_bytes", 5);
	expect_number(event, "tx_bytes_after_fin", 0);
	expect_text(event, "cause", "not-reading");
}

/* One way for a connection to wait each, in turn. */
enum way {
	NOT_READING,
	NOT_CLOSING,
	NEVER_ACCEPTED,
	POOLED,
	WAYS,
};

#define PER_NETNS 400
#define NETNS 3

struct made {
	struct pair pair;
	enum way way;
	uint64_t netns;
	bool listed;
};

static void wait_end(int fd)
{
	struct pollfd end = {.fd = fd, .events = POLLRDHUP};

	assert_int_equal(poll(&end, 1, 10000), 1);
}

static void make(struct made *made, const struct listener *accepting,
		 const struct listener *queueing)
{
	struct pair *pair = &made->pair;

	made->netns = netns_inode();
	if (made->way == NEVER_ACCEPTED)
		pair_connect(pair, queueing);
	else
		pair_open(pair, accepting);
	if (made->way == POOLED) {
		pair->fin = timed_close(pair->server);
		wait_end(pair->client);
		return;
	}
	send_all(pair->client, "abc", 3);
	if (made->way == NOT_CLOSING)
		receive_all(pair->server, 3);
	pair->fin = timed_close(pair->client);
	if (made->way != NEVER_ACCEPTED)
		wait_end(pair->server);
	if (made->way == NOT_CLOSING)
		receive_end(pair->server);
}

static void check(struct made *made, json_t *event, int64_t now)
{
	static const char *const causes[WAYS] = {"not-reading", "not-closing", "never-accepted",
						 "not-reading"};
	static const int unread[WAYS] = {3, 0, 3, 0};
	struct pair *pair = &made->pair;
	double most = (double)(now - pair->fin.before) / 1e6;

	assert_false(made->listed);
	made->listed = true;
	expect_text(event, "event", "waiting");
	expect_text(event, "state", "close-wait");
	expect_text(event, "cause", causes[made->way]);
	expect_number(event, "unread_bytes", unread[made->way]);
	expect_truth(event, "fin_read", made->way == NOT_CLOSING);
	expect_truth(event, "at_least", true);
	assert_true(json_number_value(json_object_get(event, "close_wait_ms")) <= most);
	assert_int_equal(holder_count(event), made->way != NEVER_ACCEPTED);
	if (made->way != NEVER_ACCEPTED)
		expect_holder(event, getpid(), made->way == POOLED ? pair->client : pair->server);
}

static struct made *find_made(struct made *mades, json_t *event)
{
	long netns = (long)json_integer_value(json_object_get(event, "netns"));
	long local =
		(long)json_integer_value(json_object_get(json_object_get(event, "local"), "port"));
	long remote =
		(long)json_integer_value(json_object_get(json_object_get(event, "remote"), "port"));

	for (size_t i = 0; i < PER_NETNS * NETNS; i++) {
		struct pair *pair = &mades[i].pair;
		bool client = mades[i].way == POOLED;

		if ((long)mades[i].netns == netns &&
		    local == (client ? pair->client_port : pair->server_port) &&
		    remote == (client ? pair->server_port : pair->client_port))
			return &mades[i];
	}
	return NULL;
}

/* A namespace is found by who lives in it. */
static void inhabitant(int channel, int fd)
{
	(void)fd;
	child_told(channel);
}

/* --list tells exactly those that wait, in every namespace, and no bound is above the truth. */
static void list_all_21(void **state)
{
	static const char *const list[] = {"--list", "--json", NULL};
	static struct made mades[PER_NETNS * NETNS];
	static struct daemon lister;
	struct listener accepting[NETNS], queueing[NETNS];
	struct child inhabitants[NETNS];
	size_t listeners = 0;
	int64_t now;

	(void)state;
	memset(mades, 0, sizeof(mades));
	for (size_t n = 0; n < NETNS; n++) {
		netns_enter_new();
		child_start(&inhabitants[n], inhabitant, -1);
		listener_open(&accepting[n], AF_INET, "127.0.0.1", 16);
		listener_open(&queueing[n], AF_INET, "127.0.0.1", PER_NETNS);
		for (size_t i = 0; i < PER_NETNS; i++) {
			mades[n * PER_NETNS + i].way = i % WAYS;
			make(&mades[n * PER_NETNS + i], &accepting[n], &queueing[n]);
		}
	}
	netns_leave();
	assert_int_equal(daemon_run(&lister, list), 0);
	now = now_ns();

	for (size_t i = 0; i < lister.count; i++) {
		json_t *event = lister.seen[i].json;
		struct made *made;

		if (!strcmp(lister.seen[i].event, "listener")) {
			for (size_t n = 0; n < NETNS; n++) {
				if (lister.seen[i].local_port != queueing[n].port)
					continue;
				expect_number(event, "queued", PER_NETNS / WAYS);
				expect_number(event, "known", PER_NETNS / WAYS);
				expect_text(event, "limit_by", "backlog");
				expect_holder(event, getpid(), queueing[n].fd);
				expect_null(event, "accepts"); /* nobody has watched */
				listeners++;
				break;
			}
			continue;
		}
		made = find_made(mades, event);
		if (made)
			check(made, event, now);
	}
	assert_true(listeners >= NETNS); /* ports of two namespaces can be the same */
	for (size_t i = 0; i < PER_NETNS * NETNS; i++) {
		struct pair *pair = &mades[i].pair;

		if (!mades[i].listed)
			fail_msg("connection %zu, way %d, is not listed", i, mades[i].way);
		if (mades[i].way == POOLED)
			close(pair->client);
		else if (mades[i].way != NEVER_ACCEPTED)
			close(pair->server);
	}
	for (size_t n = 0; n < NETNS; n++) {
		close(accepting[n].fd);
		close(queueing[n].fd);
		child_kill(&inhabitants[n]);
	}
}

static int setup(void **state)
{
	(void)state;
	daemon_start(&suite.daemon, suite.backend, arguments);
	suite.groups_begun++;
	return 0;
}

int run_waiting(void)
{
	const struct CMUnitTest waiting[] = {
		scenario(waiting_not_reading_6),    scenario(waiting_not_closing_7),
		scenario(waiting_still_sending_8),  scenario(waiting_never_accepted_2),
		scenario(waiting_reset_in_queue_9), scenario(waiting_idle_pool_14),
		scenario(waiting_holders_15),	    scenario(existing_21),
		scenario(existing_closed_later_21), scenario(list_all_21),
	};

	return cmocka_run_group_tests(waiting, setup, suite_teardown);
}

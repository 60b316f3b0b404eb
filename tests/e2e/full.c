// SPDX-License-Identifier: GPL-2.0
/* More than there is room for: what is followed stays right, and what is not is counted. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "expect.h"
#include "service.h"
#include "sockets.h"
#include "suite.h"

#define OLD 20 /* connections that are there before it is full */
#define NEW 50 /* and that are made when there is room again */

/* Connections that only take room; each has two ends here. */
struct crowd {
	struct listener listener;
	int clients[4000], servers[4000];
	size_t count;
};

#define CROWD (sizeof(((struct crowd *)NULL)->clients) / sizeof(int))

static void crowd_add(struct crowd *crowd)
{
	struct listener *listener = &crowd->listener;
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(client >= 0 && crowd->count < CROWD);
	if (connect(client, (const struct sockaddr *)&listener->address, listener->length))
		fail_msg("connection %zu: %s", crowd->count, strerror(errno));
	crowd->clients[crowd->count] = client;
	crowd->servers[crowd->count] = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(crowd->servers[crowd->count++] >= 0);
}

static void crowd_go(struct crowd *crowd)
{
	for (size_t i = 0; i < crowd->count; i++) {
		set_linger_0(crowd->clients[i]);
		close(crowd->clients[i]);
		close(crowd->servers[i]);
	}
	crowd->count = 0;
	close(crowd->listener.fd);
}

static void open_old(struct pair pairs[OLD], struct listener *listener)
{
	listener_open(listener, AF_INET, "127.0.0.1", OLD);
	for (int i = 0; i < OLD; i++)
		pair_open(&pairs[i], listener);
}

/* Each is there, by its ports, in CLOSE_WAIT. */
static void expect_old_wait(const struct pair pairs[OLD])
{
	json_t *lines = service_list("/v1/connections"), *line;
	size_t found = 0, i;

	json_array_foreach (lines, i, line) {
		for (int j = 0; j < OLD; j++)
			found += strcmp(text_at(line, "state"), "close-wait") == 0 &&
				 number_at(line, "local.port") == pairs[j].server_port &&
				 number_at(line, "remote.port") == pairs[j].client_port;
	}
	json_decref(lines);
	assert_int_equal(found, OLD);
}

/* All that began when there was room end as they should, and so does what begins now. */
static void expect_right_again(struct pair pairs[OLD], struct listener *listener)
{
	struct listener again;

	expect_old_wait(pairs);
	for (int i = 0; i < OLD; i++)
		close(pairs[i].server);
	service_expect_ended(listener->port, OLD);
	close(listener->fd);
	listener_open(&again, AF_INET, "127.0.0.1", 16);
	for (int i = 0; i < NEW; i++)
		assert_true(connect_once(&again));
	service_expect_ended(again.port, NEW);
	close(again.fd);
}

#define ROOM 2000
#define MORE_THAN_ROOM 1500 /* connections */
#define ONE_BY_ONE 20

/* Others of the host that go leave room, at any time: it is taken again. */
static void fill_up(struct crowd *crowd)
{
	long long full, before;

	do {
		before = service_number("losses.table_full");
		crowd_add(crowd);
		full = service_number("losses.table_full");
	} while (full - before < 2);
}

static long long count_one_by_one(const struct listener *listener)
{
	long long full = service_number("losses.table_full");

	for (int i = 0; i < ONE_BY_ONE; i++)
		assert_true(connect_once(listener));
	return service_number("losses.table_full") - full;
}

/*
 * Each that comes and goes while there is no room, though the kernel gives it the socket of the one
 * before.
 */
static void expect_counted_one_by_one(struct crowd *crowd)
{
	int64_t deadline = deadline_ns();
	struct listener listener;
	long long full;

	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	do {
		if (now_ns() > deadline)
			fail_msg("%lld of %d ends, one by one", full, 2 * ONE_BY_ONE);
		fill_up(crowd);
		full = count_one_by_one(&listener);
	} while (full < 2 * ONE_BY_ONE);
	close(listener.fd);
}

/* Other connections of the host take room, too: no more is said than holds with them. */
static void faults_table_full(void **state)
{
	static const char *const arguments[] = {"--max-connections", "2000", NULL};
	static struct crowd crowd;
	static struct pair old[OLD];
	struct listener listener;
	long long full;

	(void)state;
	crowd.count = 0;
	service_start(arguments);
	assert_int_equal(service_number("connections.limit"), ROOM);
	open_old(old, &listener);
	listener_open(&crowd.listener, AF_INET, "127.0.0.1", 16);
	for (int i = 0; i < MORE_THAN_ROOM; i++)
		crowd_add(&crowd);
	full = service_number("losses.table_full");
	print_message("           %lld of %d ends were not followed\n", full,
		      2 * (OLD + MORE_THAN_ROOM));
	assert_true(full >= 2 * (OLD + MORE_THAN_ROOM) - ROOM);
	expect_counted_one_by_one(&crowd);
	for (int i = 0; i < OLD; i++)
		pair_close_client(&old[i]);
	crowd_go(&crowd);
	expect_right_again(old, &listener);
	service_stop();
}

static size_t listed(const struct daemon *lister, const struct pair pairs[OLD])
{
	size_t found = 0;

	for (size_t i = 0; i < lister->count; i++) {
		for (int j = 0; j < OLD; j++)
			found += lister->seen[i].local_port == pairs[j].server_port &&
				 lister->seen[i].remote_port == pairs[j].client_port;
	}
	return found;
}

/* What does not wait takes no room in a list; what waits and has none is not left out silently. */
static void faults_list_without_room(void **state)
{
	static const char *const room[] = {"--list", "--json", "--max-connections", "1000", NULL};
	static const char *const none[] = {"--list", "--json", "--max-connections", "10", NULL};
	static struct daemon lister;
	static struct crowd crowd;
	static struct pair old[OLD];
	struct listener listener;

	(void)state;
	crowd.count = 0;
	open_old(old, &listener);
	listener_open(&crowd.listener, AF_INET, "127.0.0.1", 16);
	for (int i = 0; i < MORE_THAN_ROOM; i++)
		crowd_add(&crowd);
	for (int i = 0; i < OLD; i++)
		pair_close_client(&old[i]);
	assert_int_equal(daemon_run(&lister, room), 0);
	assert_int_equal(listed(&lister, old), OLD);
	assert_null(strstr(lister.said, "not listed"));
	assert_int_equal(daemon_run(&lister, none), 0);
	assert_true(listed(&lister, old) < OLD);
	assert_non_null(strstr(lister.said, "connections that wait are not listed"));
	for (int i = 0; i < OLD; i++)
		close(old[i].server);
	close(listener.fd);
	crowd_go(&crowd);
}

static struct cgroup group;

static long long memory_usage(void)
{
	long long usage = cgroup_number(&group, "memory.current");

	return usage >= 0 ? usage : cgroup_number(&group, "memory.usage_in_bytes");
}

/* What the kernel may still take at once, for each CPU, whatever the limit is. */
#define SLACK (512 * 1024)

/*
 * The tables are the daemon's memory: where its cgroup may have no more, there is no room for an
 * entry. It stands still meanwhile, so that it is not the daemon that the kernel refuses a page,
 * for then it would end it.
 */
static void faults_no_memory_for_the_table(void **state)
{
	/* The small table has its memory from the start, and holds no more than 1,000 of these. */
	static const char *const arguments[] = {"--max-connections", "16000", NULL};
	static struct crowd crowd;
	static struct pair old[OLD];
	struct listener listener;

	(void)state;
	crowd.count = 0;
	cgroup_make(&group, "memory", "slowclose-e2e-memory");
	if (!cgroup_limit_memory(&group, -1))
		skip_with_reason("no limit of memory");
	assert_true(cgroup_enter(&group));
	service_start(arguments);
	assert_true(cgroup_leave(&group));
	json_decref(service_get("/v1/summary"));
	open_old(old, &listener);
	listener_open(&crowd.listener, AF_INET, "127.0.0.1", 16);
	kill(service.daemon.pid, SIGSTOP);
	assert_true(memory_usage() > 0);
	assert_true(cgroup_limit_memory(&group, memory_usage() + SLACK));
	while (crowd.count < CROWD)
		crowd_add(&crowd);
	assert_true(cgroup_limit_memory(&group, -1));
	kill(service.daemon.pid, SIGCONT);
	print_message("           %lld of %zu ends were not followed\n",
		      service_number("losses.no_memory"), 2 * crowd.count);
	assert_true(service_number("losses.no_memory") > 0);
	assert_int_equal(service_number("losses.table_full"), 0);
	for (int i = 0; i < OLD; i++)
		pair_close_client(&old[i]);
	crowd_go(&crowd);
	expect_right_again(old, &listener);
	service_stop();
	cgroup_remove(&group);
}

int run_full(void)
{
	const struct CMUnitTest tests[] = {
		service_scenario(faults_table_full),
		service_scenario(faults_list_without_room),
		service_scenario(faults_no_memory_for_the_table),
	};

	return cmocka_run_group_tests(tests, service_setup, service_teardown);
}

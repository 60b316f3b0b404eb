// SPDX-License-Identifier: GPL-2.0
/* What --list tells of listeners. Numbers in names are those of the scenarios. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "expect.h"
#include "netns.h"
#include "stuck.h"
#include "suite.h"

static struct daemon lister;

static void look(void)
{
	static const char *const list[] = {"--list", "--json", NULL};

	assert_int_equal(daemon_run(&lister, list), 0);
}

static bool is_held_by(json_t *listener, pid_t pid)
{
	json_t *holder;
	size_t i;

	json_array_foreach (json_object_get(listener, "holders"), i, holder) {
		if (json_integer_value(json_object_get(holder, "pid")) == pid)
			return true;
	}
	return false;
}

/* The one listener of the port in the network namespace that the process holds. */
static json_t *listed_in(uint64_t netns, uint16_t port, pid_t holder)
{
	json_t *found = NULL;

	for (size_t i = 0; i < lister.count; i++) {
		json_t *json = lister.seen[i].json;

		if (strcmp(lister.seen[i].event, "listener") || lister.seen[i].local_port != port ||
		    json_integer_value(json_object_get(json, "netns")) != (json_int_t)netns ||
		    !is_held_by(json, holder))
			continue;
		if (found)
			fail_msg("port %u of pid %d is listed twice", port, holder);
		found = json;
	}
	if (!found)
		fail_msg("port %u of pid %d is not listed", port, holder);
	return found;
}

static json_t *listed(uint16_t port, pid_t holder)
{
	return listed_in(netns_inode(), port, holder);
}

static void expect_queue(json_t *event, unsigned int queued, unsigned int known, unsigned int limit)
{
	expect_number(event, "queued", queued);
	expect_number(event, "known", known);
	expect_number(event, "limit", limit);
	/* Of what went before, nobody has watched. */
	expect_null(event, "accepts");
	expect_null(event, "last_accept_ms");
	expect_null(event, "accept_errors");
	expect_null(event, "owner");
}

/* Nobody calls accept(), and connect() succeeds: the queue grows by one each. */
static void listener_stopped_server_3(void **state)
{
	struct stuck stuck[STOPPED];
	struct holding holdings[2];
	struct listener listener;
	struct child child;
	json_t *event;
	int fd;

	(void)state;
	fd = stopped_server_start(&child, &listener);
	holdings[0] = (struct holding){child.pid, fd};
	holdings[1] = (struct holding){getpid(), listener.fd};
	for (unsigned int i = 0; i < STOPPED; i++) {
		stuck_queue_up(&stuck[i], &listener, true);
		look();
		event = listed(listener.port, child.pid);
		expect_queue(event, i + 1, i + 1, 16);
		expect_holders(event, holdings, 2);
	}
	expect_text(event, "family", "ipv4");
	expect_end(event, "local", "127.0.0.1", listener.port);
	expect_null(event, "limit_by"); /* somaxconn may have been raised since */
	expect_number(event, "drops", 0);
	for (int i = 0; i < STOPPED; i++)
		stuck_release(&stuck[i]);
	close(listener.fd);
}

/* Of two, one by its port, and neither by another family. */
static void listeners_by_filter(void **state)
{
	struct listener wanted, other;
	char port[8];

	(void)state;
	listener_open(&wanted, AF_INET, "127.0.0.1", 4);
	listener_open(&other, AF_INET, "127.0.0.1", 4);
	snprintf(port, sizeof(port), "%u", wanted.port);
	assert_int_equal(
		daemon_run(&lister, (const char *const[]){"--list", "--json", "-L", port, NULL}),
		0);
	listed(wanted.port, getpid());
	assert_int_equal(lister.count, 1);
	assert_int_equal(daemon_run(&lister, (const char *const[]){"--list", "--json", "-6", "-L",
								   port, NULL}),
			 0);
	assert_int_equal(lister.count, 0);
	close(wanted.fd);
	close(other.fd);
}

static void wait_counter(const char *name, long value)
{
	int64_t deadline = deadline_ns();

	while (netns_counter(name) < value) {
		if (now_ns() > deadline)
			fail_msg("%s is %ld, not %ld", name, netns_counter(name), value);
		pass_ms(1);
	}
}

/* In a namespace of its own the kernel's counter is that of this one listener. */
static void listener_full_queue_4(void **state)
{
	struct listener other;
	struct full full;
	json_t *event;
	long before, drops;

	(void)state;
	netns_enter_new();
	listener_open(&other, AF_INET, "127.0.0.1", 4);
	stuck_full_4(&full);
	wait_counter("ListenOverflows", FULL_LEFT_OUT);
	before = netns_counter("ListenOverflows");
	look();
	event = listed(full.listener.port, getpid());
	expect_queue(event, FULL_QUEUE, FULL_QUEUE, FULL_BACKLOG);
	expect_null(event, "limit_by");
	drops = (long)json_integer_value(json_object_get(event, "drops"));
	assert_in_range(drops, before, netns_counter("ListenOverflows")); /* clients try again */

	event = listed(other.port, getpid());
	expect_queue(event, 0, 0, 4);
	expect_number(event, "drops", 0);
	full_release(&full);
	close(other.fd);
	netns_leave();
}

static void listener_limit_2(void **state)
{
	struct listener before, cut, own;
	struct holding holding = {getpid(), -1};
	json_t *event;

	(void)state;
	netns_enter_new();
	netns_set("core/somaxconn", "9");
	listener_open(&before, AF_INET, "127.0.0.1", 100);
	netns_set("core/somaxconn", "7");
	listener_open(&cut, AF_INET, "127.0.0.1", 100);
	listener_open(&own, AF_INET6, "::1", 4);
	look();

	event = listed(cut.port, getpid());
	expect_queue(event, 0, 0, 7);
	expect_text(event, "limit_by", "somaxconn");
	event = listed(own.port, getpid());
	expect_queue(event, 0, 0, 4);
	expect_null(event, "limit_by");
	expect_text(event, "family", "ipv6");
	expect_end(event, "local", "::1", own.port);
	holding.fd = own.fd;
	expect_holders(event, &holding, 1);
	/* The limit is that of listen(), whatever somaxconn is now. */
	event = listed(before.port, getpid());
	expect_queue(event, 0, 0, 9);
	expect_null(event, "limit_by");
	close(before.fd);
	close(cut.fd);
	close(own.fd);
	netns_leave();
}

/* As Java binds: it is IPv4's, as its connections are. */
static void listener_v4_mapped_16(void **state)
{
	struct listener listener;
	struct stuck stuck;
	json_t *event;

	(void)state;
	listener_open(&listener, AF_INET6, "::ffff:127.0.0.1", 4);
	stuck_queue_up(&stuck, &listener, true);
	stuck_made(&stuck);
	look();
	event = listed(listener.port, getpid());
	expect_queue(event, 1, 1, 4);
	expect_text(event, "family", "ipv4");
	expect_end(event, "local", "127.0.0.1", listener.port);
	event = json_object_get(stuck_event(&stuck, &lister), "listener");
	expect_text(event, "address", "127.0.0.1");
	stuck_release(&stuck);
	close(listener.fd);
}

/* A connection that was reset in the queue before is in it, but nothing else is known of it. */
static void listener_reset_in_queue_9(void **state)
{
	struct listener listener;
	struct stuck reset, open;
	json_t *event;

	(void)state;
	stuck_reset_9(&reset, &listener);
	look();
	expect_queue(listed(listener.port, getpid()), 1, 0, 4);

	stuck_queue_up(&open, &listener, true);
	look();
	event = listed(listener.port, getpid());
	expect_queue(event, 2, 1, 4);
	stuck_release(&open);
	close(listener.fd);
}

/* Each listener of the port by itself, with its own queue and holder. */
static void listener_shared_port_17(void **state)
{
	struct shared_port shared;
	uint16_t port;

	(void)state;
	stuck_shared_port_17(&shared);
	port = shared.listeners[0].port;
	look();
	for (int i = 0; i < SHARED_LISTENERS; i++) {
		json_t *event = listed(port, shared.servers[i].pid);
		unsigned int queued = i ? 0 : SHARED_STUCK;

		expect_queue(event, queued, queued, 16);
		assert_int_equal(json_array_size(json_object_get(event, "holders")), 1);
	}
	shared_port_release(&shared);
}

/* Of two with something queued nobody can tell whose a connection is: not known, which is not 0. */
static void listener_two_of_port_queued_17(void **state)
{
	enum { CLIENTS = 64, LISTENERS = 2 };
	struct listener listeners[LISTENERS];
	int clients[CLIENTS];
	size_t seen = 0;

	(void)state;
	for (int i = 0; i < LISTENERS; i++)
		listener_open_shared(&listeners[i], i ? &listeners[0] : NULL, CLIENTS);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(clients[i], (struct sockaddr *)&listeners[0].address,
					 listeners[0].length),
				 0);
	}
	/* The kernel chooses by the client's port: that all fall to one is 2^-63. */
	for (int i = 0; i < LISTENERS; i++)
		listener_wait_queued(&listeners[i], 1);
	look();
	for (size_t i = 0; i < lister.count; i++) {
		json_t *json = lister.seen[i].json;

		if (strcmp(lister.seen[i].event, "listener") ||
		    lister.seen[i].local_port != listeners[0].port ||
		    json_integer_value(json_object_get(json, "netns")) != (json_int_t)netns_inode())
			continue;
		assert_true(json_integer_value(json_object_get(json, "queued")) > 0);
		expect_null(json, "known");
		seen++;
	}
	assert_int_equal(seen, LISTENERS);
	for (int i = 0; i < CLIENTS; i++)
		close(clients[i]);
	for (int i = 0; i < LISTENERS; i++)
		close(listeners[i].fd);
}

/* Before the lister starts; its own place is another namespace. */
static void listener_in_netns_18(void **state)
{
	struct listener listener;
	struct child child;
	struct stuck stuck;

	(void)state;
	netns_enter_new();
	stuck_queued_2(&stuck, &listener, true);
	child_start(&child, child_idle, listener.fd);
	close(listener.fd);
	netns_leave();
	look();
	stuck_expect(&stuck, stuck_event(&stuck, &lister), true);
	assert_true(stuck.netns != netns_inode());
	expect_queue(listed_in(stuck.netns, listener.port, child.pid), 1, 1, 4);
	child_kill(&child);
	stuck_release(&stuck);
}

int run_listeners(void)
{
	const struct CMUnitTest listeners[] = {
		scenario(listener_stopped_server_3),
		scenario(listener_full_queue_4),
		scenario(listener_limit_2),
		scenario(listener_v4_mapped_16),
		scenario(listener_reset_in_queue_9),
		scenario(listener_shared_port_17),
		scenario(listener_two_of_port_queued_17),
		scenario(listener_in_netns_18),
		scenario(listeners_by_filter),
	};

	return cmocka_run_group_tests(listeners, suite_setup_unwatched, suite_teardown);
}

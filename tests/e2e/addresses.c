// SPDX-License-Identifier: GPL-2.0
/* Addresses, families and network namespaces, scenarios 16 and 18. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "expect.h"
#include "netns.h"
#include "suite.h"

static void expect_addresses(const struct pair *pair, const char *family, const char *server,
			     const char *client)
{
	json_t *event = server_event(pair);

	expect_text(event, "family", family);
	expect_end(event, "local", server, pair->server_port);
	expect_end(event, "remote", client, pair->client_port);
	expect_truth(event, "accepted", true);
	event = client_event(pair);
	expect_text(event, "family", family);
	expect_end(event, "local", client, pair->client_port);
	expect_end(event, "remote", server, pair->server_port);
	expect_one_each(pair);
}

static void open_and_close(struct pair *pair, struct listener *listener)
{
	pair_open(pair, listener);
	pair_close_client(pair);
	close(pair->server);
	close(listener->fd);
}

static void addresses_ipv4_16(void **state)
{
	struct listener listener;
	struct pair pair;

	(void)state;
	listener_open(&listener, AF_INET, "127.1.2.3", 4);
	open_and_close(&pair, &listener);
	expect_addresses(&pair, "ipv4", "127.1.2.3", "127.0.0.1");
}

static void addresses_ipv6_16(void **state)
{
	struct listener listener;
	struct pair pair;

	(void)state;
	need_ipv6();
	listener_open(&listener, AF_INET6, "::1", 4);
	open_and_close(&pair, &listener);
	expect_addresses(&pair, "ipv6", "::1", "::1");
}

/* An IPv4 client of a dual-stack listener: the server's socket is IPv6, its connection IPv4. */
static void addresses_v4_on_dual_stack_16(void **state)
{
	struct listener listener, reach;
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct pair pair;

	(void)state;
	need_ipv6();
	listener_open(&listener, AF_INET6, "::", 4);
	reach = listener;
	v4.sin_port = htons(listener.port);
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memset(&reach.address, 0, sizeof(reach.address));
	memcpy(&reach.address, &v4, sizeof(v4));
	reach.length = sizeof(v4);
	open_and_close(&pair, &reach);
	expect_addresses(&pair, "ipv4", "127.0.0.1", "127.0.0.1");
}

/* A client whose IPv6 socket connects to an IPv4 address. */
static void addresses_v4_mapped_client_16(void **state)
{
	struct listener listener, reach;
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
	struct pair pair;

	(void)state;
	need_ipv6();
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	reach = listener;
	mapped.sin6_port = htons(listener.port);
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
	memcpy(&reach.address, &mapped, sizeof(mapped));
	reach.length = sizeof(mapped);
	open_and_close(&pair, &reach);
	expect_addresses(&pair, "ipv4", "127.0.0.1", "127.0.0.1");
}

static void addresses_link_local_16(void **state)
{
	struct listener listener;
	struct pair pair;

	(void)state;
	need_ipv6();
	netns_enter_new();
	netns_add_v6("fe80::5c:1");
	listener_open(&listener, AF_INET6, "fe80::5c:1", 4);
	open_and_close(&pair, &listener);
	netns_leave();
	expect_addresses(&pair, "ipv6", "fe80::5c:1", "fe80::5c:1");
}

/* Enough of it to know that the whole address is shown, and in the short form. */
static void addresses_global_ipv6_16(void **state)
{
	struct listener listener;
	struct pair pair;

	(void)state;
	need_ipv6();
	netns_enter_new();
	netns_add_v6("2001:db8:0:42:8:9abc:def0:1234");
	listener_open(&listener, AF_INET6, "2001:db8:0:42:8:9abc:def0:1234", 4);
	open_and_close(&pair, &listener);
	netns_leave();
	expect_addresses(&pair, "ipv6", "2001:db8:0:42:8:9abc:def0:1234",
			 "2001:db8:0:42:8:9abc:def0:1234");
}

static void netns_is_told(bool started_before)
{
	struct listener listener;
	struct pair pair;
	uint64_t inode, home = netns_inode();
	json_t *event;
	int there;

	if (started_before)
		suite_stop_daemon();
	netns_enter_new();
	inode = netns_inode();
	assert_true(inode != home);
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	if (started_before) {
		/* The daemon's place is in the namespace of the host. */
		there = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		netns_leave();
		suite_start_daemon();
		assert_int_equal(setns(there, CLONE_NEWNET), 0);
		close(there);
	}
	pair_open(&pair, &listener);
	pair_close_client(&pair);
	close(pair.server);
	close(listener.fd);
	netns_leave();

	event = server_event(&pair);
	expect_number(event, "netns", (int64_t)inode);
	expect_task(event, "owner", getpid(), gettid());
	event = client_event(&pair);
	expect_number(event, "netns", (int64_t)inode);
	expect_one_each(&pair);
}

static void netns_made_after_start_18(void **state)
{
	(void)state;
	netns_is_told(false);
}

static void netns_made_before_start_18(void **state)
{
	(void)state;
	netns_is_told(true);
}

/* The same ports and addresses in two namespaces are two connections. */
static void netns_same_addresses_18(void **state)
{
	struct pair pairs[2];
	uint64_t inodes[2];
	char ids[2][32] = {};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in source = {.sin_family = AF_INET, .sin_port = htons(4444)};
		struct listener listener;

		netns_enter_new();
		netns_set("ipv4/ip_local_port_range", "5555 5555");
		inodes[i] = netns_inode();
		listener_open(&listener, AF_INET, "127.0.0.1", 4);
		memset(&pairs[i], 0, sizeof(pairs[i]));
		pairs[i].client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(pairs[i].client, (struct sockaddr *)&source, sizeof(source)),
				 0);
		assert_int_equal(connect(pairs[i].client, (struct sockaddr *)&listener.address,
					 listener.length),
				 0);
		pairs[i].client_port = 4444;
		pairs[i].server_port = listener.port;
		assert_int_equal(listener.port, 5555);
		pair_accept(&pairs[i], &listener);
		close(listener.fd);
	}
	netns_leave();
	for (int i = 0; i < 2; i++) {
		json_t *event;

		/*
		 * Both, before either is waited for: one that is left in FIN_WAIT2 mostly turns
		 * to TIME_WAIT at once, but is there for tcp_fin_timeout, a minute, where the
		 * peer's ACK came just while close() still held it (tcp_rcv_state_process(),
		 * Linux 6.18).
		 */
		close(pairs[i].server);
		close(pairs[i].client);
		event = server_event(&pairs[i]);
		expect_number(event, "netns", (int64_t)inodes[i]);
		strncpy(ids[i], json_string_value(json_object_get(event, "id")),
			sizeof(ids[i]) - 1);
		event = client_event(&pairs[i]);
		expect_number(event, "netns", (int64_t)inodes[i]);
	}
	assert_string_not_equal(ids[0], ids[1]);
}

int run_addresses(void)
{
	const struct CMUnitTest addresses[] = {
		scenario(addresses_ipv4_16),
		scenario(addresses_ipv6_16),
		scenario(addresses_v4_on_dual_stack_16),
		scenario(addresses_v4_mapped_client_16),
		scenario(addresses_link_local_16),
		scenario(addresses_global_ipv6_16),
		scenario(netns_made_after_start_18),
		scenario(netns_made_before_start_18),
		scenario(netns_same_addresses_18),
	};

	return cmocka_run_group_tests(addresses, suite_setup_parity, suite_teardown);
}

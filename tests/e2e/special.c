// SPDX-License-Identifier: GPL-2.0
/* Connections that begin in other ways, scenario 19. */
#include <errno.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expect.h"
#include "netns.h"
#include "suite.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* Client and server, both without a cookie. */
#define FASTOPEN_ALL "1543" /* 0x607 */

static void wait_for(int fd, short events)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};

	assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
}

/* Deaf, the client takes no answer: the server's end is queued, and not ESTABLISHED. */
static void fastopen_connect(struct pair *pair, struct listener *listener, bool deaf)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = {1, &nothing};
	int length = 16;

	netns_enter_new();
	netns_set("ipv4/tcp_fastopen", FASTOPEN_ALL);
	listener_open(listener, AF_INET, "127.0.0.1", 16);
	assert_int_equal(
		setsockopt(listener->fd, IPPROTO_TCP, TCP_FASTOPEN, &length, sizeof(length)), 0);
	memset(pair, 0, sizeof(*pair));
	pair->server = -1;
	pair->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (deaf)
		assert_int_equal(setsockopt(pair->client, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
					    sizeof(filter)),
				 0);
	pair->queued.before = now_ns();
	if (sendto(pair->client, "hello", 5, MSG_FASTOPEN | (deaf ? MSG_DONTWAIT : 0),
		   (struct sockaddr *)&listener->address, listener->length) != 5)
		fail_msg("MSG_FASTOPEN: %s", strerror(errno));
	listener_wait_queued(listener, 1);
	pair->client_port = local_port_of(pair->client);
	pair->server_port = listener->port;
	if (!deaf) /* the client's ACK can come later, and it lives from then on */
		wait_state(pair->server_port, pair->client_port, TCP_ESTABLISHED);
	pair->queued.after = now_ns();
	assert_int_equal(netns_counter("TCPFastOpenPassive"), 1); /* else this tests nothing */
}

static void special_fastopen_19(void **state)
{
	struct listener listener;
	struct pair pair;
	struct span closed;
	json_t *event;

	(void)state;
	fastopen_connect(&pair, &listener, false);
	pass_ms(20);
	pair_accept(&pair, &listener);
	receive_all(pair.server, 5);
	pair_close_client(&pair);
	receive_end(pair.server);
	pass_ms(20);
	closed = timed_close(pair.server);
	close(listener.fd);
	netns_leave();

	event = server_event(&pair);
	expect_truth(event, "accepted", true);
	expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
	expect_wait(event, "close_wait_ms", pair.fin, closed);
	expect_wait(event, "lifetime_ms", pair.queued, closed);
	expect_end(event, "local", "127.0.0.1", pair.server_port);
	expect_end(event, "remote", "127.0.0.1", pair.client_port);
	expect_number(event, "rx_bytes", 5);
	expect_text(event, "end", "close");
	expect_task(event, "owner", getpid(), gettid());
	event = client_event(&pair);
	expect_client(event, &pair, "close");
	expect_number(event, "tx_bytes", 5);
	expect_one_each(&pair);
}

/* The kernel has taken its port away when the end is seen. */
static void special_fastopen_ends_in_syn_recv_19(void **state)
{
	struct listener listener;
	struct pair pair;
	json_t *event;

	(void)state;
	fastopen_connect(&pair, &listener, true);
	pair_accept(&pair, &listener);
	assert_int_equal(socket_state(pair.server_port, pair.client_port), TCP_SYN_RECV);
	receive_all(pair.server, 5);
	set_linger_0(pair.server);
	close(pair.server);
	close(pair.client);
	close(listener.fd);
	netns_leave();

	event = server_event(&pair);
	expect_truth(event, "accepted", true);
	expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
	expect_end(event, "local", "127.0.0.1", pair.server_port);
	expect_end(event, "remote", "127.0.0.1", pair.client_port);
	expect_text(event, "end", "aborted");
	expect_task(event, "owner", getpid(), gettid());
	expect_task(event, "closer", getpid(), gettid());
}

/* The client has gone when the server's SYN-ACK comes again, and is answered by a reset. */
static void special_fastopen_reset_in_syn_recv_19(void **state)
{
	struct listener listener;
	struct pair pair;
	json_t *event;

	(void)state;
	fastopen_connect(&pair, &listener, true);
	close(pair.client);
	wait_state(pair.server_port, pair.client_port, STATE_GONE);
	pair_accept(&pair, &listener);
	receive_all(pair.server, 5); /* it is one, for its program */

	event = server_event(&pair);
	expect_truth(event, "accepted", true);
	expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
	expect_text(event, "end", "reset-by-peer");
	expect_end(event, "remote", "127.0.0.1", pair.client_port);
	expect_task(event, "owner", getpid(), gettid());
	expect_null(event, "closer");
	close(pair.server);
	close(listener.fd);
	netns_leave();
}

static void special_fastopen_never_accepted_19(void **state)
{
	struct listener listener;
	struct pair pair;
	struct span closed;
	json_t *event;

	(void)state;
	fastopen_connect(&pair, &listener, false);
	pair_close_client(&pair);
	pass_ms(20);
	closed = timed_close(listener.fd);
	netns_leave();

	event = server_event(&pair);
	expect_truth(event, "accepted", false);
	expect_wait(event, "accept_wait_ms", pair.queued, closed);
	expect_wait(event, "close_wait_ms", pair.fin, closed);
	expect_number(event, "unread_bytes", 5);
	expect_text(event, "end", "listener-closed");
	expect_null(event, "owner");
	client_event(&pair);
	expect_one_each(&pair);
}

/* The client hears again, so that its last ACK comes with what is sent anew. */
static struct span fastopen_hear(const struct pair *pair)
{
	struct span established = {.before = now_ns()};
	int unused = 0;

	assert_int_equal(
		setsockopt(pair->client, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)), 0);
	wait_state(pair->server_port, pair->client_port, TCP_ESTABLISHED);
	established.after = now_ns();
	return established;
}

/* It waits, is told of and is accepted before it is ESTABLISHED. */
static void special_fastopen_in_syn_recv_19(void **state)
{
	struct span closed, established;
	json_t *waiting, *late, *event;
	struct listener listener;
	struct wanted wanted;
	struct pair pair;

	(void)state;
	fastopen_connect(&pair, &listener, true);
	wanted = wanted_server(&pair);
	wanted.event = "waiting";
	waiting = daemon_expect(&suite.daemon, &wanted);
	expect_wait(waiting, "accept_wait_ms", pair.queued, ((struct span){0, now_ns()}));
	expect_truth(waiting, "accepted", false);
	expect_text(waiting, "cause", "never-accepted");
	expect_end(waiting, "remote", "127.0.0.1", pair.client_port);

	pair_accept(&pair, &listener);
	assert_int_equal(socket_state(pair.server_port, pair.client_port), TCP_SYN_RECV);
	established = fastopen_hear(&pair);
	wanted.event = "accepted-late";
	late = daemon_expect(&suite.daemon, &wanted);
	expect_wait(late, "accept_wait_ms", pair.queued, pair.accepted);
	expect_task(late, "owner", getpid(), gettid());
	expect_end(late, "remote", "127.0.0.1", pair.client_port);

	receive_all(pair.server, 5);
	pair_close_client(&pair);
	receive_end(pair.server);
	closed = timed_close(pair.server);
	close(listener.fd);
	netns_leave();
	event = server_event(&pair);
	expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
	expect_wait(event, "lifetime_ms", established, closed);
	expect_task(event, "owner", getpid(), gettid());
	expect_same_id(waiting, late);
	expect_same_id(waiting, event);
	client_event(&pair);
	expect_one_each(&pair);
}

static void special_syn_cookies_19(void **state)
{
	struct listener listener;
	struct pair pair;
	struct span closed;
	json_t *event;

	(void)state;
	netns_enter_new();
	netns_set("ipv4/tcp_syncookies", "2"); /* always */
	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	pair_connect(&pair, &listener);
	assert_int_equal(netns_counter("SyncookiesRecv"), 1);
	/* It is queued before that, and a busy machine can stop in between. */
	wait_state(pair.server_port, pair.client_port, TCP_ESTABLISHED);
	pair.queued.after = now_ns();
	pass_ms(20);
	pair_accept(&pair, &listener);
	pair_close_client(&pair);
	closed = timed_close(pair.server);
	close(listener.fd);
	netns_leave();

	event = server_event(&pair);
	expect_truth(event, "accepted", true);
	expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
	expect_wait(event, "close_wait_ms", pair.fin, closed);
	expect_end(event, "remote", "127.0.0.1", pair.client_port);
	expect_task(event, "owner", getpid(), gettid());
	expect_client(client_event(&pair), &pair, "close");
	expect_one_each(&pair);
}

/* It enters the queue with its first data, not with the handshake. */
static void special_defer_accept_19(void **state)
{
	struct listener listener;
	struct pair pair = {};
	int seconds = 30;
	json_t *event;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	assert_int_equal(
		setsockopt(listener.fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds)),
		0);
	pair.client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
		connect(pair.client, (struct sockaddr *)&listener.address, listener.length), 0);
	pair.client_port = local_port_of(pair.client);
	pair.server_port = listener.port;
	pass_ms(200);
	assert_int_equal(listener_queued(&listener), 0);
	pair.queued.before = now_ns();
	send_all(pair.client, "x", 1);
	listener_wait_queued(&listener, 1);
	pair.queued.after = now_ns();
	pass_ms(10);
	pair_accept(&pair, &listener);
	receive_all(pair.server, 1);
	pair_close_client(&pair);
	close(pair.server);
	close(listener.fd);

	event = server_event(&pair);
	expect_truth(event, "accepted", true);
	expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
	expect_client(client_event(&pair), &pair, "close");
	expect_one_each(&pair);
}

static void open_mptcp_listener(struct listener *listener)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);

	if (fd < 0)
		skip_with_reason("no MPTCP: %s", strerror(errno));
	close(fd);
	listener_open_protocol(listener, AF_INET, "127.0.0.1", 16, IPPROTO_MPTCP);
}

static void mptcp_connect(struct pair *pair, const struct listener *listener, int protocol)
{
	memset(pair, 0, sizeof(*pair));
	pair->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol);
	assert_true(pair->client >= 0);
	pair->queued.before = now_ns();
	assert_int_equal(connect(pair->client, (const struct sockaddr *)&listener->address,
				 listener->length),
			 0);
	wait_for(listener->fd, POLLIN);
	pair->queued.after = now_ns();
	pair->client_port = local_port_of(pair->client);
	pair->server_port = listener->port;
}

static void special_mptcp_19(void **state)
{
	struct listener listener;
	struct pair pair;
	struct span closed;
	json_t *event;

	(void)state;
	open_mptcp_listener(&listener);
	mptcp_connect(&pair, &listener, IPPROTO_MPTCP);
	pass_ms(20);
	pair_accept(&pair, &listener);
	/* The first data proves that both sides speak MPTCP, not TCP after a fallback. */
	send_all(pair.client, "hello", 5);
	receive_all(pair.server, 5);
	send_all(pair.server, "yes", 3);
	receive_all(pair.client, 3);
	pair.fin = timed_close(pair.client);
	/* The kernel notes the end before the state: recv() ends after both, since it takes the
	 * lock. */
	receive_end(pair.server);
	pair.fin.after = now_ns();
	pass_ms(50);
	closed = timed_close(pair.server);
	close(listener.fd);

	event = server_event(&pair);
	expect_text(event, "family", "ipv4");
	expect_end(event, "local", "127.0.0.1", pair.server_port);
	expect_end(event, "remote", "127.0.0.1", pair.client_port);
	expect_truth(event, "accepted", true);
	expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
	expect_wait(event, "close_wait_ms", pair.fin, closed);
	expect_null(event, "rx_bytes");
	expect_null(event, "tx_bytes");
	expect_null(event, "tx_bytes_after_fin");
	expect_null(event, "unread_bytes");
	expect_null(event, "fin_read");
	expect_text(event, "end", "close");
	expect_task(event, "owner", getpid(), gettid());
	event = client_event(&pair);
	expect_client(event, &pair, "close");
	expect_null(event, "close_wait_ms");
	expect_null(event, "rx_bytes");
	expect_one_each(&pair); /* no record of a subflow */
}

static void special_mptcp_listener_plain_client_19(void **state)
{
	struct listener listener;
	struct pair pair;
	struct span closed;
	json_t *event;

	(void)state;
	open_mptcp_listener(&listener);
	mptcp_connect(&pair, &listener, IPPROTO_TCP);
	pass_ms(20);
	pair_accept(&pair, &listener);
	send_all(pair.client, "hello", 5);
	receive_all(pair.server, 5);
	pair_close_client(&pair);
	receive_end(pair.server);
	pass_ms(20);
	closed = timed_close(pair.server);
	close(listener.fd);

	event = server_event(&pair);
	expect_truth(event, "accepted", true);
	expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
	expect_wait(event, "close_wait_ms", pair.fin, closed);
	expect_number(event, "rx_bytes", 5);
	expect_truth(event, "fin_read", true);
	expect_text(event, "end", "close");
	expect_task(event, "owner", getpid(), gettid());
	expect_client(client_event(&pair), &pair, "close");
	expect_one_each(&pair);
}

static void special_mptcp_never_accepted_19(void **state)
{
	struct listener listener;
	struct pair pair;
	struct span closed;
	json_t *event;

	(void)state;
	open_mptcp_listener(&listener);
	mptcp_connect(&pair, &listener, IPPROTO_MPTCP);
	pass_ms(20);
	closed = timed_close(listener.fd);
	wait_for(pair.client, POLLRDHUP);
	close(pair.client);

	event = server_event(&pair);
	closed.after = now_ns(); /* the kernel ends it some time after close() */
	expect_truth(event, "accepted", false);
	expect_wait(event, "accept_wait_ms", pair.queued, closed);
	expect_null(event, "owner");
	event = client_event(&pair);
	expect_null(event,
		    "end"); /* the peer's doing, not an abort here; the kernel keeps no error */
	expect_null(event, "closer");
	expect_one_each(&pair);
}

/* Closed with unread data the peer sends a fast close. */
static void special_mptcp_reset_19(void **state)
{
	struct listener listener;
	struct pair pair;
	json_t *event;

	(void)state;
	open_mptcp_listener(&listener);
	mptcp_connect(&pair, &listener, IPPROTO_MPTCP);
	pair_accept(&pair, &listener);
	send_all(pair.client, "hello", 5);
	wait_for(pair.server, POLLIN);
	set_linger_0(pair.server);
	close(pair.server);
	wait_for(pair.client, POLLERR);
	close(pair.client);
	close(listener.fd);

	event = server_event(&pair);
	expect_task(event, "closer", getpid(), gettid());
	event = client_event(&pair);
	expect_text(event, "end", "reset-by-peer");
	expect_null(event, "closer");
	expect_one_each(&pair);
}

int run_special(void)
{
	const struct CMUnitTest special[] = {
		scenario(special_fastopen_19),
		scenario(special_fastopen_in_syn_recv_19),
		scenario(special_fastopen_ends_in_syn_recv_19),
		scenario(special_fastopen_reset_in_syn_recv_19),
		scenario(special_fastopen_never_accepted_19),
		scenario(special_syn_cookies_19),
		scenario(special_defer_accept_19),
		scenario(special_mptcp_19),
		scenario(special_mptcp_listener_plain_client_19),
		scenario(special_mptcp_never_accepted_19),
		scenario(special_mptcp_reset_19),
	};

	return cmocka_run_group_tests(special, suite_setup_parity, suite_teardown);
}

// SPDX-License-Identifier: GPL-2.0
/* How connections end. Numbers in names are those of the scenarios. */
#include <errno.h>
#include <linux/icmp.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "expect.h"
#include "netns.h"
#include "suite.h"

static struct listener open_listener(void)
{
	struct listener listener;

	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	return listener;
}

static void wait_hangup(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLRDHUP};

	struct tcp_info info;
	socklen_t length = sizeof(info);

	assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
	/* poll() can be ahead of the change of state; this takes the socket's lock. */
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
}

/* The ordinary life, with every field looked at. */
static void end_close(void **state)
{
	struct listener listener = open_listener();
	struct pair pair;
	struct span closed;
	json_t *event;

	(void)state;
	pair_connect(&pair, &listener);
	pass_ms(20);
	pair_accept(&pair, &listener);
	send_all(pair.client, "hello", 5);
	receive_all(pair.server, 5);
	send_all(pair.server, "yes", 3);
	receive_all(pair.client, 3);
	pair_close_client(&pair);
	receive_end(pair.server);
	pass_ms(30);
	closed = timed_close(pair.server);
	close(listener.fd);

	event = server_event(&pair);
	expect_text(event, "event", "closed");
	expect_text(event, "role", "server");
	expect_text(event, "family", "ipv4");
	expect_end(event, "local", "127.0.0.1", pair.server_port);
	expect_end(event, "remote", "127.0.0.1", pair.client_port);
	expect_number(event, "netns", (int64_t)netns_inode());
	expect_null(event, "state");
	expect_truth(event, "accepted", true);
	expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
	expect_wait(event, "close_wait_ms", pair.fin, closed);
	expect_wait(event, "lifetime_ms", pair.queued, closed);
	expect_truth(event, "at_least", false);
	expect_number(event, "unread_bytes", 0);
	expect_truth(event, "fin_read", true);
	expect_number(event, "rx_bytes", 5);
	expect_number(event, "tx_bytes", 3);
	expect_number(event, "tx_bytes_after_fin", 0);
	expect_text(event, "end", "close");
	expect_task(event, "owner", getpid(), gettid());
	expect_task(event, "closer", getpid(), gettid());
	expect_null(event, "holders");
	expect_null(event, "listener");

	event = client_event(&pair);
	expect_client(event, &pair, "close");
	expect_null(event, "close_wait_ms");
	expect_end(event, "local", "127.0.0.1", pair.client_port);
	expect_end(event, "remote", "127.0.0.1", pair.server_port);
	expect_number(event, "rx_bytes", 3);
	expect_number(event, "tx_bytes", 5);
	expect_task(event, "closer", getpid(), gettid());
	expect_one_each(&pair);
}

/* 23, and 14 from the client's side: this server closes first, its client sits in CLOSE_WAIT. */
static void end_server_first_23(void **state)
{
	struct listener listener = open_listener();
	struct pair pair;
	struct span fin, closed;
	json_t *event;

	(void)state;
	pair_open(&pair, &listener);
	fin = timed_close(pair.server);
	wait_state(pair.client_port, pair.server_port, TCP_CLOSE_WAIT);
	fin.after = now_ns();
	receive_end(pair.client);
	pass_ms(30);
	closed = timed_close(pair.client);
	close(listener.fd);

	event = server_event(&pair);
	expect_null(event, "close_wait_ms");
	expect_null(event, "cause");
	expect_text(event, "end", "close");
	expect_task(event, "closer", getpid(), gettid());
	event = client_event(&pair);
	expect_client(event, &pair, "close");
	expect_wait(event, "close_wait_ms", fin, closed);
	expect_one_each(&pair);
}

/* Accepts one connection, says so, and keeps it up to its own end. */
static void keeping_server(int channel, int listener)
{
	int64_t before = now_ns();
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		child_fail("accept");
	child_say(channel, fd, before, now_ns());
	child_told(channel);
}

static void end_exit(bool killed)
{
	struct listener listener = open_listener();
	struct pair pair;
	struct child child;
	struct span died;
	pid_t pid;
	json_t *event;

	pair_connect(&pair, &listener);
	child_start(&child, keeping_server, listener.fd);
	pid = child.pid;
	child_hear(&child);
	pair_close_client(&pair);
	pass_ms(20);
	died.before = now_ns();
	if (killed) {
		child_kill(&child);
	} else {
		child_tell(&child, 0);
		child_wait(&child);
	}
	died.after = now_ns();
	close(listener.fd);

	event = server_event(&pair);
	expect_text(event, "end", "exit");
	expect_truth(event, "accepted", true);
	expect_wait(event, "close_wait_ms", pair.fin, died);
	expect_task(event, "owner", pid, pid);
	expect_task(event, "closer", pid, pid);
	client_event(&pair);
	expect_one_each(&pair);
}

static void end_killed_11(void **state)
{
	(void)state;
	end_exit(true);
}

static void end_exited_11(void **state)
{
	(void)state;
	end_exit(false);
}

/* The FIN of a dying process need not be the answer to another. */
static void end_killed_while_established(void **state)
{
	struct listener listener = open_listener();
	struct pair pair;
	struct child child;
	pid_t pid;
	json_t *event;

	(void)state;
	pair_connect(&pair, &listener);
	child_start(&child, keeping_server, listener.fd);
	pid = child.pid;
	child_hear(&child);
	child_kill(&child);
	wait_hangup(pair.client);
	close(pair.client);
	close(listener.fd);

	event = server_event(&pair);
	expect_text(event, "end", "exit");
	expect_null(event, "close_wait_ms");
	expect_task(event, "closer", pid, pid);
	expect_client(client_event(&pair), &pair, "close");
	expect_one_each(&pair);
}

static void end_reset_unread_12(void **state)
{
	struct listener listener = open_listener();
	struct pair pair;
	struct span closed;
	json_t *event;

	(void)state;
	pair_open(&pair, &listener);
	send_all(pair.client, "seven b", 7);
	pair_close_client(&pair);
	receive_all(pair.server, 3);
	pass_ms(10);
	closed = timed_close(pair.server);
	close(listener.fd);

	event = server_event(&pair);
	expect_text(event, "end", "reset-unread");
	expect_wait(event, "close_wait_ms", pair.fin, closed);
	expect_number(event, "unread_bytes", 4);
	expect_number(event, "rx_bytes", 7);
	expect_truth(event, "fin_read", false);
	expect_task(event, "closer", getpid(), gettid());
	client_event(&pair);
	expect_one_each(&pair);
}

static void end_reset_unread_before_fin_12(void **state)
{
	struct listener listener = open_listener();
	struct pair pair;
	struct pollfd data;
	json_t *event;

	(void)state;
	pair_open(&pair, &listener);
	send_all(pair.client, "two", 3);
	data = (struct pollfd){.fd = pair.server, .events = POLLIN};
	assert_int_equal(poll(&data, 1, PATIENCE_MS), 1);
	close(pair.server);
	wait_hangup(pair.client);
	close(pair.client);
	close(listener.fd);

	event = server_event(&pair);
	expect_text(event, "end", "reset-unread");
	expect_null(event, "close_wait_ms");
	expect_null(event, "fin_read");
	expect_null(event, "tx_bytes_after_fin");
	expect_number(event, "unread_bytes", 3);
	expect_task(event, "closer", getpid(), gettid());
	event = client_event(&pair);
	expect_client(event, &pair, "reset-by-peer");
	expect_null(event, "closer");
	expect_one_each(&pair);
}

static void end_shutdown_13(void **state)
{
	struct listener listener = open_listener();
	struct pair pair;
	struct span finished;
	json_t *event;

	(void)state;
	pair_open(&pair, &listener);
	pair_close_client(&pair);
	pass_ms(20);
	finished = timed_shutdown(pair.server, SHUT_WR);

	/* The descriptor is still open: the record does not wait for it. */
	event = server_event(&pair);
	expect_text(event, "end", "shutdown");
	expect_wait(event, "close_wait_ms", pair.fin, finished);
	expect_task(event, "closer", getpid(), gettid());
	close(pair.server);
	close(listener.fd);
	expect_client(client_event(&pair), &pair, "close");
	expect_one_each(&pair);
}

static void end_shutdown_first(void **state)
{
	struct listener listener = open_listener();
	struct pair pair;
	json_t *event;

	(void)state;
	pair_open(&pair, &listener);
	pair_shutdown_client(&pair);
	close(pair.server);
	receive_end(pair.client);
	close(pair.client);
	close(listener.fd);

	event = client_event(&pair);
	expect_client(event, &pair, "shutdown");
	expect_null(event, "close_wait_ms");
	expect_task(event, "closer", getpid(), gettid());
	expect_text(server_event(&pair), "end", "close");
	expect_one_each(&pair);
}

/* Only the reading half: nothing ends by it. */
static void end_not_by_shut_rd(void **state)
{
	struct listener listener = open_listener();
	struct pair pair;
	struct span closed;
	json_t *event;

	(void)state;
	pair_open(&pair, &listener);
	pair_close_client(&pair);
	shutdown(pair.server, SHUT_RD);
	pass_ms(10);
	closed = timed_close(pair.server);
	close(listener.fd);

	event = server_event(&pair);
	expect_text(event, "end", "close");
	expect_wait(event, "close_wait_ms", pair.fin, closed);
	client_event(&pair);
	expect_one_each(&pair);
}

static void end_linger_0(void **state)
{
	struct listener listener = open_listener();
	struct pair pair;
	struct span reset;
	json_t *event;

	(void)state;
	pair_open(&pair, &listener);
	set_linger_0(pair.client);
	pass_ms(10);
	reset = timed_close(pair.client);
	wait_hangup(pair.server);
	reset.after = now_ns();
	close(listener.fd);

	/* The server's descriptor is still open. */
	event = server_event(&pair);
	expect_text(event, "end", "reset-by-peer");
	expect_null(event, "close_wait_ms");
	expect_null(event, "closer");
	expect_wait(event, "lifetime_ms", pair.queued, reset);
	close(pair.server);
	event = client_event(&pair);
	expect_client(event, &pair, "aborted");
	expect_task(event, "closer", getpid(), gettid());
	expect_one_each(&pair);
}

static void end_reset_in_close_wait(void **state)
{
	struct listener listener = open_listener();
	struct pair pair;
	struct span reset;
	json_t *event;

	(void)state;
	pair_open(&pair, &listener);
	pair_shutdown_client(&pair);
	pass_ms(10);
	set_linger_0(pair.client);
	reset = timed_close(pair.client);
	wait_state(pair.server_port, pair.client_port, STATE_GONE);
	reset.after = now_ns();
	close(listener.fd);

	event = server_event(&pair);
	expect_text(event, "end", "reset-by-peer");
	expect_wait(event, "close_wait_ms", pair.fin, reset);
	expect_truth(event, "fin_read", false);
	expect_null(event, "closer");
	close(pair.server);
	/* Its FIN came by shutdown; what follows does not change that. */
	expect_client(client_event(&pair), &pair, "shutdown");
	expect_one_each(&pair);
}

/* The network is gone: what is sent is never acknowledged. */
static void end_timeout(void **state)
{
	struct listener listener;
	struct pair pair;
	struct span cut;
	unsigned int timeout_ms = 300;
	json_t *event;

	(void)state;
	netns_enter_new();
	listener = open_listener();
	pair_open(&pair, &listener);
	assert_int_equal(setsockopt(pair.client, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms,
				    sizeof(timeout_ms)),
			 0);
	netns_loopback(0);
	cut.before = now_ns();
	send_all(pair.client, "?", 1);
	wait_hangup(pair.client);
	cut.after = now_ns();

	event = client_event(&pair);
	expect_client(event, &pair, "timeout");
	expect_null(event, "close_wait_ms");
	expect_null(event, "closer");
	expect_wait(event, "lifetime_ms", pair.connected, cut);
	close(pair.client);
	set_linger_0(pair.server);
	close(pair.server);
	close(listener.fd);
	expect_text(server_event(&pair), "end", "aborted");
	netns_leave();
	expect_one_each(&pair);
}

/* What the socket sends next, by which a router tells it that it was not delivered. */
static uint32_t sequence_of(int fd)
{
	int on = TCP_REPAIR_ON, off = TCP_REPAIR_OFF_NO_WP, queue = TCP_SEND_QUEUE;
	socklen_t length = sizeof(uint32_t);
	uint32_t sequence;

	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)), 0);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &sequence, &length), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)), 0);
	return sequence;
}

/* RFC 792: with the headers of what it is about. */
static void send_unreachable(const struct pair *pair)
{
	struct {
		struct icmphdr icmp;
		struct iphdr ip;
		struct tcphdr tcp;
	} message = {
		.icmp = {.type = ICMP_DEST_UNREACH, .code = ICMP_HOST_UNREACH},
		.ip = {.version = 4, .ihl = 5, .protocol = IPPROTO_TCP},
		.tcp = {.source = htons(pair->server_port), .dest = htons(pair->client_port)},
	};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	const uint8_t *bytes = (const void *)&message;
	uint32_t sum = 0;

	message.ip.saddr = message.ip.daddr = to.sin_addr.s_addr;
	message.ip.tot_len = htons(sizeof(message.ip) + sizeof(message.tcp));
	message.tcp.seq = htonl(sequence_of(pair->server));
	for (size_t i = 0; i < sizeof(message); i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	message.icmp.checksum = htons((uint16_t) ~(sum + (sum >> 16)));
	assert_int_equal(
		sendto(fd, &message, sizeof(message), 0, (struct sockaddr *)&to, sizeof(to)),
		sizeof(message));
	close(fd);
}

/* With IP_RECVERR an error is left at the socket, and the connection lives. */
static void end_is_not_an_error_before(void **state)
{
	struct listener listener = open_listener();
	struct pollfd polled = {.events = POLLERR};
	struct pair pair;
	struct span closed;
	json_t *event;
	int on = 1;

	(void)state;
	pair_open(&pair, &listener);
	assert_int_equal(setsockopt(pair.server, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)), 0);
	send_unreachable(&pair);
	polled.fd = pair.server;
	assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
	send_all(pair.client, "?", 1);
	pair_shutdown_client(&pair);
	closed = timed_close(pair.server);
	close(pair.client);
	close(listener.fd);

	event = server_event(&pair);
	expect_text(event, "end", "reset-unread");
	expect_task(event, "closer", getpid(), gettid());
	expect_wait(event, "close_wait_ms", pair.fin, closed);
	client_event(&pair);
	expect_one_each(&pair);
}

/* One socket, two connections. */
static void end_disconnect_and_again(void **state)
{
	struct listener listener = open_listener();
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct pair first, second = {};
	json_t *event;

	(void)state;
	pair_open(&first, &listener);
	assert_int_equal(connect(first.client, &none, sizeof(none)), 0);
	event = client_event(&first);
	expect_client(event, &first, "aborted");
	expect_end(event, "local", "127.0.0.1", first.client_port);
	expect_end(event, "remote", "127.0.0.1", first.server_port);
	expect_task(event, "closer", getpid(), gettid());
	expect_text(server_event(&first), "end", "reset-by-peer");
	close(first.server);
	expect_one_each(&first);

	assert_int_equal(
		connect(first.client, (struct sockaddr *)&listener.address, listener.length), 0);
	second.client = first.client;
	second.client_port = local_port_of(first.client);
	second.server_port = listener.port;
	pair_accept(&second, &listener);
	pair_close_client(&second);
	close(second.server);
	close(listener.fd);
	expect_text(server_event(&second), "end", "close");
	expect_client(client_event(&second), &second, "close");
}

/* A refused connect never was a connection. */
static void end_refused_is_none(void **state)
{
	struct listener listener = open_listener();
	struct wanted wanted = {"client", 0, listener.port, NULL};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in any = {.sin_family = AF_INET};

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	wanted.local_port = local_port_of(fd);
	close(listener.fd);
	assert_int_equal(connect(fd, (struct sockaddr *)&listener.address, listener.length), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
	daemon_settle(&suite.daemon);
	assert_int_equal(daemon_count(&suite.daemon, &wanted), 0);
}

int run_ends(void)
{
	const struct CMUnitTest ends[] = {
		scenario(end_close),
		scenario(end_server_first_23),
		scenario(end_killed_11),
		scenario(end_exited_11),
		scenario(end_killed_while_established),
		scenario(end_reset_unread_12),
		scenario(end_reset_unread_before_fin_12),
		scenario(end_shutdown_13),
		scenario(end_shutdown_first),
		scenario(end_not_by_shut_rd),
		scenario(end_linger_0),
		scenario(end_reset_in_close_wait),
		scenario(end_timeout),
		scenario(end_is_not_an_error_before),
		scenario(end_disconnect_and_again),
		scenario(end_refused_is_none),
	};

	return cmocka_run_group_tests(ends, suite_setup_parity, suite_teardown);
}

// SPDX-License-Identifier: GPL-2.0
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "suite.h"

int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

void pass_ms(int ms)
{
	struct timespec left = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static void check_call(int result, const char *what)
{
	if (result < 0)
		fail_msg("%s: %s", what, strerror(errno));
}

int64_t deadline_ns(void)
{
	return now_ns() + PATIENCE_MS * 1000000LL;
}

static socklen_t make_address(struct sockaddr_storage *storage, int family, const char *text)
{
	struct sockaddr_in6 *v6 = (void *)storage;
	struct sockaddr_in *v4 = (void *)storage;

	memset(storage, 0, sizeof(*storage));
	storage->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		assert_int_equal(inet_pton(AF_INET, text, &v4->sin_addr), 1);
		return sizeof(*v4);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
	if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))
		v6->sin6_scope_id = if_nametoindex("lo");
	return sizeof(*v6);
}

uint16_t local_port_of(int fd)
{
	struct sockaddr_storage address = {};
	socklen_t length = sizeof(address);

	check_call(getsockname(fd, (struct sockaddr *)&address, &length), "getsockname");
	/* The port is at the same place in both families. */
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static void listener_socket(struct listener *listener, int family, int protocol)
{
	listener->type = SOCK_STREAM | SOCK_CLOEXEC;
	listener->protocol = protocol;
	listener->fd = socket(family, listener->type, protocol);
	check_call(listener->fd, "socket");
}

static void listener_listen(struct listener *listener, int backlog)
{
	check_call(bind(listener->fd, (struct sockaddr *)&listener->address, listener->length),
		   "bind");
	check_call(listen(listener->fd, backlog), "listen");
	check_call(
		getsockname(listener->fd, (struct sockaddr *)&listener->address, &listener->length),
		"getsockname");
	listener->port = local_port_of(listener->fd);
}

void listener_open_protocol(struct listener *listener, int family, const char *address, int backlog,
			    int protocol)
{
	listener_socket(listener, family, protocol);
	listener->length = make_address(&listener->address, family, address);
	listener_listen(listener, backlog);
}

void listener_open_shared(struct listener *listener, const struct listener *first, int backlog)
{
	const int one = 1;

	listener_socket(listener, AF_INET, IPPROTO_TCP);
	check_call(setsockopt(listener->fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)),
		   "SO_REUSEPORT");
	listener->length = make_address(&listener->address, AF_INET, "127.0.0.1");
	if (first)
		listener->address = first->address;
	listener_listen(listener, backlog);
}

void listener_open(struct listener *listener, int family, const char *address, int backlog)
{
	listener_open_protocol(listener, family, address, backlog, IPPROTO_TCP);
}

/* Of a listener TCP_INFO has the queue where others have the unacknowledged segments. */
unsigned int listener_queued(const struct listener *listener)
{
	struct tcp_info info = {};
	socklen_t length = sizeof(info);

	check_call(getsockopt(listener->fd, IPPROTO_TCP, TCP_INFO, &info, &length), "TCP_INFO");
	return info.tcpi_unacked;
}

void listener_wait_queued(const struct listener *listener, unsigned int count)
{
	int64_t deadline = deadline_ns();

	while (listener_queued(listener) < count) {
		if (now_ns() > deadline)
			fail_msg("the accept queue has %u, not %u", listener_queued(listener),
				 count);
		pass_ms(1);
	}
}

void pair_connect(struct pair *pair, const struct listener *listener)
{
	unsigned int queued = listener_queued(listener);

	memset(pair, 0, sizeof(*pair));
	pair->server = -1;
	pair->client = socket(listener->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	check_call(pair->client, "socket");
	pair->connected.before = now_ns();
	check_call(connect(pair->client, (const struct sockaddr *)&listener->address,
			   listener->length),
		   "connect");
	pair->connected.after = now_ns();

	/* connect() can return before its last ACK has reached the other side. */
	listener_wait_queued(listener, queued + 1);
	pair->queued.before = pair->connected.before;
	pair->queued.after = now_ns();
	pair->client_port = local_port_of(pair->client);
	pair->server_port = listener->port;
}

void pair_accept(struct pair *pair, const struct listener *listener)
{
	pair->accepted.before = now_ns();
	pair->server = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	check_call(pair->server, "accept4");
	pair->accepted.after = now_ns();
}

void pair_open(struct pair *pair, const struct listener *listener)
{
	pair_connect(pair, listener);
	pair_accept(pair, listener);
}

static int find_state(const char *path, uint16_t local_port, uint16_t remote_port)
{
	unsigned int local, remote, state;
	char line[512];
	FILE *file = fopen(path, "re");
	int found = STATE_GONE;

	if (!file)
		return STATE_GONE;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %*[^:]: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x %x", &local, &remote,
			   &state) == 3 &&
		    local == local_port && remote == remote_port)
			found = (int)state;
	}
	fclose(file);
	return found;
}

int socket_state(uint16_t local_port, uint16_t remote_port)
{
	int state = find_state("/proc/thread-self/net/tcp", local_port, remote_port);

	if (state == STATE_GONE)
		state = find_state("/proc/thread-self/net/tcp6", local_port, remote_port);
	return state;
}

void wait_state(uint16_t local_port, uint16_t remote_port, int state)
{
	int64_t deadline = deadline_ns();
	int now;

	while ((now = socket_state(local_port, remote_port)) != state) {
		if (now_ns() > deadline)
			fail_msg("the socket is in state %d, not %d", now, state);
		pass_ms(1);
	}
}

struct span timed_close(int fd)
{
	struct span span = {.before = now_ns()};

	check_call(close(fd), "close");
	span.after = now_ns();
	return span;
}

struct span timed_shutdown(int fd, int how)
{
	struct span span = {.before = now_ns()};

	check_call(shutdown(fd, how), "shutdown");
	span.after = now_ns();
	return span;
}

/* A table of the kernel's can be long: the sockets of all that runs on this machine are in it. */
static void wait_state_of(int fd, int state)
{
	int64_t deadline = deadline_ns();
	struct tcp_info info = {};
	socklen_t length = sizeof(info);

	for (;;) {
		check_call(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length), "TCP_INFO");
		if (info.tcpi_state == state)
			return;
		if (now_ns() > deadline)
			fail_msg("the socket is in state %d, not %d", info.tcpi_state, state);
		pass_ms(1);
	}
}

static void wait_fin(struct pair *pair)
{
	if (pair->server >= 0)
		wait_state_of(pair->server, TCP_CLOSE_WAIT);
	else
		wait_state(pair->server_port, pair->client_port, TCP_CLOSE_WAIT);
	pair->fin.after = now_ns();
}

void pair_close_client(struct pair *pair)
{
	pair->fin = timed_close(pair->client);
	pair->client = -1;
	wait_fin(pair);
}

void pair_shutdown_client(struct pair *pair)
{
	pair->fin = timed_shutdown(pair->client, SHUT_WR);
	wait_fin(pair);
}

bool connect_once(const struct listener *listener)
{
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server;

	if (connect(client, (const struct sockaddr *)&listener->address, listener->length)) {
		close(client);
		return false;
	}
	server = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	set_linger_0(client);
	close(client);
	close(server);
	return server >= 0;
}

struct wanted wanted_server(const struct pair *pair)
{
	return (struct wanted){"server", pair->server_port, pair->client_port, NULL};
}

struct wanted wanted_client(const struct pair *pair)
{
	return (struct wanted){"client", pair->client_port, pair->server_port, NULL};
}

void set_linger_0(int fd)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	check_call(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), "SO_LINGER");
}

void set_patience(int fd)
{
	static const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};

	check_call(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)),
		   "SO_RCVTIMEO");
}

void send_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = send(fd, at, size, MSG_NOSIGNAL);

		check_call((int)(n > 0 ? 1 : n), "send");
		at += n;
		size -= (size_t)n;
	}
}

void receive_all(int fd, size_t size)
{
	char buffer[16384];

	while (size) {
		ssize_t n = recv(fd, buffer, size < sizeof(buffer) ? size : sizeof(buffer), 0);

		check_call((int)(n > 0 ? 1 : -1), "recv");
		size -= (size_t)n;
	}
}

void receive_end(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

// SPDX-License-Identifier: GPL-2.0
/* Who accepted, connected and closed, scenario 15. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "child.h"
#include "expect.h"
#include "suite.h"

/* What any process may call itself, and what JSON must make of it. */
#define ODD_NAME "a\"\\\n\t\xff\x01z"
#define ODD_NAME_SHOWN "a\"\\\n\t\xef\xbf\xbd\x01z"

static const char *comm_of(json_t *event, const char *key)
{
	return json_string_value(json_object_get(json_object_get(event, key), "comm"));
}

static void close_when_told(int channel, int fd)
{
	int64_t before;

	child_told(channel);
	before = now_ns();
	close(fd);
	child_say(channel, 0, before, now_ns());
	child_told(channel);
}

static void owner_accepted_here_closed_in_child_15(void **state)
{
	struct listener listener;
	struct message message;
	struct wanted wanted;
	struct child child;
	struct pair pair;
	json_t *event;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	pair_open(&pair, &listener);
	child_start(&child, close_when_told, pair.server);
	pair_close_client(&pair);
	close(pair.server);

	/* The child still has it: nothing has ended. */
	wanted = wanted_server(&pair);
	daemon_settle(&suite.daemon);
	assert_int_equal(daemon_count(&suite.daemon, &wanted), 0);
	child_tell(&child, 0);
	message = child_hear(&child);

	event = server_event(&pair);
	expect_text(event, "end", "close");
	expect_wait(event, "close_wait_ms", pair.fin,
		    ((struct span){message.before, message.after}));
	expect_task(event, "owner", getpid(), gettid());
	expect_task(event, "closer", child.pid, child.pid);
	client_event(&pair);
	child_tell(&child, 0);
	child_wait(&child);
	close(listener.fd);
	expect_one_each(&pair);
}

static void receive_and_shut_down(int channel, int unused)
{
	int fd = child_receive_fd(channel);
	int64_t before = now_ns();

	(void)unused;
	shutdown(fd, SHUT_WR);
	child_say(channel, 0, before, now_ns());
	child_told(channel);
}

static void owner_passed_over_unix_socket_15(void **state)
{
	struct listener listener;
	struct message message;
	struct child child;
	struct pair pair;
	json_t *event;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	pair_open(&pair, &listener);
	pair_close_client(&pair);
	child_start(&child, receive_and_shut_down, -1);
	child_send_fd(&child, pair.server);
	close(pair.server);
	message = child_hear(&child);

	event = server_event(&pair);
	expect_text(event, "end", "shutdown");
	expect_wait(event, "close_wait_ms", pair.fin,
		    ((struct span){message.before, message.after}));
	expect_task(event, "owner", getpid(), gettid());
	expect_task(event, "closer", child.pid, child.pid);
	client_event(&pair);
	child_tell(&child, 0);
	child_wait(&child);
	close(listener.fd);
	expect_one_each(&pair);
}

/* A socket whose only descriptors are in its own queue, with the connection. */
static void leave_in_flight(int channel, int listener)
{
	int server = accept(listener, NULL, NULL), ends[2];
	struct child other;

	if (server < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		child_fail("accept");
	other.channel = ends[1];
	child_send_fd(&other, ends[0]);
	child_send_fd(&other, server);
	child_say(channel, 0, 0, 0);
	child_told(channel);
}

/* The kernel finds that nobody can reach it any more, when the next such socket is closed. */
static void owner_is_no_thread_of_the_kernel(void **state)
{
	struct listener listener;
	struct child child;
	struct pair pair;
	json_t *event, *closer;
	json_int_t closer_pid;
	int ends[2];
	pid_t pid;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	pair_connect(&pair, &listener);
	child_start(&child, leave_in_flight, listener.fd);
	child_hear(&child);
	close(listener.fd);
	pair_close_client(&pair);
	pid = child.pid;
	child_tell(&child, 0);
	child_wait(&child);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	close(ends[0]);
	close(ends[1]);

	event = server_event(&pair);
	expect_task(event, "owner", pid, pid);
	closer = json_object_get(event, "closer");
	closer_pid = json_integer_value(json_object_get(closer, "pid"));
	if (json_is_null(closer)) /* by a thread of its own, since 6.8 */
		expect_null(event, "end");
	else if (closer_pid != pid) /* who has left it finds that, or who closes one */
		expect_task(event, "closer", getpid(), gettid());
	client_event(&pair);
	expect_one_each(&pair);
}

static void accept_with_odd_name(int channel, int listener)
{
	int fd;

	prctl(PR_SET_NAME, ODD_NAME);
	child_told(channel);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		child_fail("accept");
	close(fd);
	child_say(channel, 0, 0, 0);
}

static void owner_with_odd_name(void **state)
{
	struct listener listener;
	struct child child;
	struct pair pair;
	json_t *event;
	pid_t pid;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	pair_connect(&pair, &listener);
	child_start(&child, accept_with_odd_name, listener.fd);
	pid = child.pid;
	child_tell(&child, 0);
	child_hear(&child);
	child_wait(&child);
	close(pair.client);
	close(listener.fd);

	event = server_event(&pair);
	expect_task(event, "owner", pid, pid);
	expect_task(event, "closer", pid, pid);
	assert_string_equal(comm_of(event, "owner"), ODD_NAME_SHOWN);
	assert_string_equal(comm_of(event, "closer"), ODD_NAME_SHOWN);
	client_event(&pair);
	expect_one_each(&pair);
}

/* A second descriptor of the same process, too. */
static void owner_closes_the_last_descriptor(void **state)
{
	struct listener listener;
	struct wanted wanted;
	struct pair pair;
	struct span closed;
	json_t *event;
	int copy;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	pair_open(&pair, &listener);
	copy = fcntl(pair.server, F_DUPFD_CLOEXEC, 0);
	pair_close_client(&pair);
	close(pair.server);
	wanted = wanted_server(&pair);
	daemon_settle(&suite.daemon);
	assert_int_equal(daemon_count(&suite.daemon, &wanted), 0);
	closed = timed_close(copy);
	close(listener.fd);

	event = server_event(&pair);
	expect_text(event, "end", "close");
	expect_wait(event, "close_wait_ms", pair.fin, closed);
	client_event(&pair);
	expect_one_each(&pair);
}

/* The listener is somebody else's than the client: each end has its own owner. */
static void accept_and_wait_for_end(int channel, int listener)
{
	char byte;
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		child_fail("accept");
	while (recv(fd, &byte, 1, 0) > 0)
		;
	close(fd);
	child_say(channel, 0, 0, 0);
}

static void owner_of_nonblocking_connect(void **state)
{
	struct listener listener;
	struct pollfd writable;
	struct pair pair = {};
	struct child child;
	json_t *event;
	pid_t pid;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	child_start(&child, accept_and_wait_for_end, listener.fd);
	pid = child.pid;
	pair.client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (connect(pair.client, (struct sockaddr *)&listener.address, listener.length))
		assert_int_equal(errno, EINPROGRESS);
	writable = (struct pollfd){.fd = pair.client, .events = POLLOUT};
	assert_int_equal(poll(&writable, 1, PATIENCE_MS), 1);
	pair.client_port = local_port_of(pair.client);
	pair.server_port = listener.port;
	close(pair.client);
	child_hear(&child);
	child_wait(&child);
	close(listener.fd);

	event = client_event(&pair);
	expect_client(event, &pair, "close");
	expect_task(event, "closer", getpid(), gettid());
	assert_string_equal(comm_of(event, "owner"), "e2e");
	event = server_event(&pair);
	expect_task(event, "owner", pid, pid);
	expect_task(event, "closer", pid, pid);
	expect_one_each(&pair);
}

int run_owners(void)
{
	const struct CMUnitTest owners[] = {
		scenario(owner_accepted_here_closed_in_child_15),
		scenario(owner_passed_over_unix_socket_15),
		scenario(owner_is_no_thread_of_the_kernel),
		scenario(owner_with_odd_name),
		scenario(owner_closes_the_last_descriptor),
		scenario(owner_of_nonblocking_connect),
	};

	return cmocka_run_group_tests(owners, suite_setup_parity, suite_teardown);
}

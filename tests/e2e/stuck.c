// SPDX-License-Identifier: GPL-2.0
#include "stuck.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "netns.h"
#include "suite.h"

#define CONNECTS_MAX 1000

/* An accepted pair whose server is stuck; its owner and holder is the test. */
static void begin(struct stuck *stuck)
{
	struct listener listener;

	memset(stuck, 0, sizeof(*stuck));
	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	pair_open(&stuck->pair, &listener);
	close(listener.fd);
	stuck->netns = netns_inode();
	stuck->owner = getpid();
	stuck->owner_tid = gettid();
	stuck->holders[0] = (struct holding){getpid(), stuck->pair.server};
	stuck->holder_count = 1;
}

void stuck_made(struct stuck *stuck)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	stuck->made = now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void not_reading_6(struct stuck *stuck)
{
	begin(stuck);
	stuck->cause = "not-reading";
	stuck->unread_bytes = 2;
	send_all(stuck->pair.client, "ab", 2);
	pair_close_client(&stuck->pair);
	stuck_made(stuck);
}

static void not_closing_7(struct stuck *stuck)
{
	begin(stuck);
	stuck->cause = "not-closing";
	stuck->fin_read = true;
	send_all(stuck->pair.client, "ab", 2);
	receive_all(stuck->pair.server, 2);
	pair_close_client(&stuck->pair);
	receive_end(stuck->pair.server);
	stuck_made(stuck);
}

static void still_sending_8(struct stuck *stuck)
{
	begin(stuck);
	stuck->cause = "still-sending";
	stuck->cause_if_older = "not-closing";
	stuck->fin_read = true;
	stuck->sent_after_fin = 3;
	pair_shutdown_client(&stuck->pair);
	receive_end(stuck->pair.server);
	send_all(stuck->pair.server, "abc", 3);
	stuck_made(stuck);
}

static void idle_pool_14(struct stuck *stuck)
{
	struct pair *pair = &stuck->pair;

	begin(stuck);
	stuck->client = true;
	stuck->cause = "not-reading";
	stuck->holders[0].fd = pair->client;
	pair->fin = timed_close(pair->server);
	pair->server = -1;
	wait_state(pair->client_port, pair->server_port, TCP_CLOSE_WAIT);
	pair->fin.after = now_ns();
	stuck_made(stuck);
}

static void share(int channel, int fd)
{
	/* Its own number of the one, and of the other in place of a time. */
	child_say(channel, fd, dup(fd), 0);
	child_told(channel);
}

/* Held here, and twice by a child. */
static void shared_15(struct stuck *stuck, struct child *child)
{
	struct message message;

	begin(stuck);
	stuck->cause = "not-reading";
	child_start(child, share, stuck->pair.server);
	message = child_hear(child);
	stuck->holders[1] = (struct holding){child->pid, (int)message.value};
	stuck->holders[2] = (struct holding){child->pid, (int)message.before};
	stuck->holder_count = 3;
	pair_close_client(&stuck->pair);
	stuck_made(stuck);
}

static void receive_and_close_when_told(int channel, int unused)
{
	int fd = child_receive_fd(channel);
	int64_t before;

	(void)unused;
	child_say(channel, fd, 0, 0);
	child_told(channel);
	before = now_ns();
	close(fd);
	child_say(channel, 0, before, now_ns());
	child_told(channel);
}

/* Accepted here, but the one descriptor is a child's, which closes it when told. */
static void passed_15(struct stuck *stuck, struct child *child)
{
	begin(stuck);
	stuck->cause = "not-reading";
	child_start(child, receive_and_close_when_told, -1);
	child_send_fd(child, stuck->pair.server);
	stuck->holders[0] = (struct holding){child->pid, (int)child_hear(child).value};
	close(stuck->pair.server);
	stuck->pair.server = -1;
	pair_close_client(&stuck->pair);
	stuck_made(stuck);
}

/* In a network namespace of its own, where the child lives. */
static void in_netns_18(struct stuck *stuck, struct child *child)
{
	netns_enter_new();
	child_start(child, child_idle, -1); /* a namespace is found by who lives in it */
	not_reading_6(stuck);
	netns_leave();
	assert_true(stuck->netns != netns_inode());
}

/* All that the client has sent is in the server's queue. */
static void wait_received(const struct pair *pair)
{
	int64_t deadline = deadline_ns();
	struct tcp_info info = {};
	socklen_t length = sizeof(info);

	for (;;) {
		assert_int_equal(getsockopt(pair->client, IPPROTO_TCP, TCP_INFO, &info, &length),
				 0);
		if (!info.tcpi_unacked)
			return;
		if (now_ns() > deadline)
			fail_msg("%u segments are not acknowledged", info.tcpi_unacked);
		pass_ms(1);
	}
}

void stuck_queue_up(struct stuck *stuck, const struct listener *listener, bool open)
{
	memset(stuck, 0, sizeof(*stuck));
	stuck->cause = "never-accepted";
	stuck->queued = true;
	stuck->open = open;
	stuck->unread_bytes = 2;
	stuck->netns = netns_inode();
	pair_connect(&stuck->pair, listener);
	send_all(stuck->pair.client, "ab", 2);
	if (open)
		wait_received(&stuck->pair);
	else
		pair_close_client(&stuck->pair);
}

static void set_queue(struct stuck *stuck, const char *address, unsigned int queue,
		      unsigned int limit)
{
	stuck->listener_address = address;
	stuck->queue = queue;
	stuck->limit = limit;
}

void stuck_queued_2(struct stuck *stuck, struct listener *listener, bool open)
{
	listener_open(listener, AF_INET, "127.0.0.1", 4);
	stuck_queue_up(stuck, listener, open);
	set_queue(stuck, "127.0.0.1", 1, 4);
	stuck_made(stuck);
}

static void queued_ipv6_16(struct stuck *stuck, struct listener *listener)
{
	listener_open(listener, AF_INET6, "::1", 4);
	stuck_queue_up(stuck, listener, true);
	set_queue(stuck, "::1", 1, 4);
	stuck_made(stuck);
}

void stuck_reset_9(struct stuck *stuck, struct listener *listener)
{
	stuck_queued_2(stuck, listener, true);
	set_linger_0(stuck->pair.client);
	close(stuck->pair.client);
	stuck->pair.client = -1;
	wait_state(stuck->pair.server_port, stuck->pair.client_port, STATE_GONE);
	stuck_made(stuck);
}

static void accept_and_tell(int channel, int listener)
{
	child_say(channel, listener, 0, 0);
	for (int i = 0; i < STOPPED; i++) {
		int64_t before = now_ns();
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			child_fail("accept");
		child_say(channel, fd, before, now_ns());
	}
	child_told(channel);
}

int stopped_server_start(struct child *child, struct listener *listener)
{
	int status, fd;

	listener_open(listener, AF_INET, "127.0.0.1", 16);
	child_start(child, accept_and_tell, listener->fd);
	fd = (int)child_hear(child).value;
	child_wait_asleep(child); /* in accept() */
	kill(child->pid, SIGSTOP);
	assert_int_equal(waitpid(child->pid, &status, WUNTRACED), child->pid);
	assert_true(WIFSTOPPED(status));
	return fd;
}

static void stopped_3(struct stuck stuck[STOPPED], struct child *child)
{
	struct listener listener;

	stopped_server_start(child, &listener);
	for (int i = 0; i < STOPPED; i++) {
		stuck_queue_up(&stuck[i], &listener, true);
		set_queue(&stuck[i], "127.0.0.1", STOPPED, 16);
	}
	close(listener.fd);
	for (int i = 0; i < STOPPED; i++)
		stuck_made(&stuck[i]);
}

static void connect_in_vain(struct pair *pair, const struct listener *listener)
{
	memset(pair, 0, sizeof(*pair));
	pair->server = -1;
	pair->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(pair->client, (const struct sockaddr *)&listener->address,
				 listener->length),
			 -1);
	assert_int_equal(errno, EINPROGRESS);
	pair->client_port = local_port_of(pair->client);
	pair->server_port = listener->port;
}

void stuck_full_4(struct full *full)
{
	listener_open(&full->listener, AF_INET, "127.0.0.1", FULL_BACKLOG);
	for (int i = 0; i < FULL_QUEUE; i++) {
		stuck_queue_up(&full->stuck[i], &full->listener, true);
		set_queue(&full->stuck[i], "127.0.0.1", FULL_QUEUE, FULL_BACKLOG);
	}
	for (int i = 0; i < FULL_LEFT_OUT; i++)
		connect_in_vain(&full->left_out[i], &full->listener);
	for (int i = 0; i < FULL_QUEUE; i++)
		stuck_made(&full->stuck[i]);
}

void full_release(struct full *full)
{
	for (int i = 0; i < FULL_LEFT_OUT; i++)
		close(full->left_out[i].client);
	for (int i = 0; i < FULL_QUEUE; i++)
		stuck_release(&full->stuck[i]);
	close(full->listener.fd);
}

/* The server closes first, so that nothing of it waits. */
static void serve(int channel, int listener)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			child_fail("accept");
		close(fd);
		child_say(channel, 0, 0, 0);
	}
}

static bool has_spoken(const struct child *child)
{
	struct pollfd fd = {.fd = child->channel, .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

/* Whether it has got into the queue of the first: the kernel chooses, and one of them gets it. */
static bool got_stuck(struct shared_port *shared, unsigned int queued)
{
	int64_t deadline = deadline_ns();

	for (;;) {
		if (listener_queued(&shared->listeners[0]) > queued)
			return true;
		for (int i = 1; i < SHARED_LISTENERS; i++) {
			if (has_spoken(&shared->servers[i])) {
				child_hear(&shared->servers[i]);
				return false;
			}
		}
		if (now_ns() > deadline)
			fail_msg("no listener of the port has got the connection");
		pass_ms(1);
	}
}

static void connect_shared(struct stuck *stuck, const struct listener *listener)
{
	struct pair *pair = &stuck->pair;

	memset(stuck, 0, sizeof(*stuck));
	stuck->cause = "never-accepted";
	stuck->queued = true;
	stuck->open = true;
	stuck->netns = netns_inode();
	set_queue(stuck, "127.0.0.1", SHARED_STUCK, 16);
	pair->server = -1;
	pair->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pair->queued.before = now_ns();
	assert_int_equal(connect(pair->client, (const struct sockaddr *)&listener->address,
				 listener->length),
			 0);
	pair->client_port = local_port_of(pair->client);
	pair->server_port = listener->port;
}

void stuck_shared_port_17(struct shared_port *shared)
{
	unsigned int stuck = 0;

	for (int i = 0; i < SHARED_LISTENERS; i++) {
		listener_open_shared(&shared->listeners[i], i ? &shared->listeners[0] : NULL, 16);
		child_start(&shared->servers[i], i ? serve : child_idle, shared->listeners[i].fd);
	}
	for (int i = 0; stuck < SHARED_STUCK && i < CONNECTS_MAX; i++) {
		struct stuck *next = &shared->stuck[stuck];

		connect_shared(next, &shared->listeners[0]);
		if (got_stuck(shared, stuck)) {
			next->pair.queued.after = now_ns();
			stuck++;
		} else {
			close(next->pair.client);
		}
	}
	assert_int_equal(stuck, SHARED_STUCK);
	for (int i = 0; i < SHARED_LISTENERS; i++)
		close(shared->listeners[i].fd);
	for (int i = 0; i < SHARED_STUCK; i++)
		stuck_made(&shared->stuck[i]);
}

void shared_port_release(struct shared_port *shared)
{
	for (int i = 0; i < SHARED_LISTENERS; i++)
		child_kill(&shared->servers[i]);
	for (int i = 0; i < SHARED_STUCK; i++)
		stuck_release(&shared->stuck[i]);
}

/*
 * A child holds all that is open here until it has closed its copies, and a look can fall into
 * that: so what needs children comes first, and what is held here as well is true from the last of
 * them on.
 */
void stuck_make_all(struct stuck_all *all)
{
	shared_15(&all->shared, &all->sharer);
	passed_15(&all->passed, &all->receiver);
	in_netns_18(&all->in_netns, &all->inhabitant);
	stopped_3(all->stopped, &all->stopped_server);
	stuck_shared_port_17(&all->shared_port);
	stuck_made(&all->shared);
	stuck_made(&all->in_netns);
	not_reading_6(&all->not_reading);
	not_closing_7(&all->not_closing);
	still_sending_8(&all->still_sending);
	idle_pool_14(&all->idle_pool);
	stuck_queued_2(&all->queued, &all->queue, true);
	stuck_queued_2(&all->queued_closed, &all->queue_closed, false);
	queued_ipv6_16(&all->queued_ipv6, &all->queue_ipv6);
	stuck_reset_9(&all->reset, &all->queue_reset);
	stuck_full_4(&all->full);
}

void stuck_release(struct stuck *stuck)
{
	if (stuck->pair.client >= 0)
		close(stuck->pair.client);
	if (stuck->pair.server >= 0)
		close(stuck->pair.server);
	stuck->pair.client = -1;
	stuck->pair.server = -1;
}

// SPDX-License-Identifier: GPL-2.0
/* The ways to accept, scenario 20. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.h"
#include "expect.h"
#include "suite.h"

#define THREADS 1000
#define STACK_SIZE 65536

struct acceptor {
	pthread_t thread;
	const struct listener *listener;
	atomic_int tid; /* once it is about to accept */
	uint16_t client_port;
	struct span accepted;
};

static void *acceptor_main(void *argument)
{
	struct acceptor *acceptor = argument;
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	int fd;

	acceptor->accepted.before = now_ns();
	acceptor->tid = gettid();
	fd = accept(acceptor->listener->fd, (struct sockaddr *)&peer, &length);
	acceptor->accepted.after = now_ns();
	acceptor->client_port = ntohs(peer.sin_port);
	close(fd);
	return NULL;
}

/* All that a thread sleeps in once its tid is known is accept(). */
static void start_acceptors(struct acceptor *acceptors, int count, const struct listener *listener)
{
	int64_t deadline = deadline_ns();
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (int i = 0; i < count; i++) {
		acceptors[i].listener = listener;
		acceptors[i].tid = 0;
		assert_int_equal(
			pthread_create(&acceptors[i].thread, &attr, acceptor_main, &acceptors[i]),
			0);
	}
	for (int i = 0; i < count; i++) {
		while (!acceptors[i].tid || !task_asleep(acceptors[i].tid)) {
			if (now_ns() > deadline)
				fail_msg("thread %d does not block in accept()", i);
			pass_ms(1);
		}
	}
	pthread_attr_destroy(&attr);
}

static void connect_to_threads(struct pair *pairs, int count, const struct listener *listener)
{
	for (int i = 0; i < count; i++) {
		struct pair *pair = &pairs[i];

		memset(pair, 0, sizeof(*pair));
		pair->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		pair->queued.before = now_ns();
		if (connect(pair->client, (const struct sockaddr *)&listener->address,
			    listener->length))
			fail_msg("connect: %s", strerror(errno));
		pair->client_port = local_port_of(pair->client);
		pair->server_port = listener->port;
	}
}

static struct acceptor *acceptor_of(struct acceptor *acceptors, int count, uint16_t client_port)
{
	for (int i = 0; i < count; i++) {
		if (acceptors[i].client_port == client_port)
			return &acceptors[i];
	}
	fail_msg("no thread has accepted port %u", client_port);
	return NULL;
}

/*
 * From 7.0 on the kernel skips a program on a system call's exit while a task that runs it is
 * preempted, and counts that: the tracepoint backend does not see every accept() of many threads.
 */
static bool accept_unseen(json_t *event)
{
	if (suite.fentry || !json_is_null(json_object_get(event, "owner")))
		return false;
	expect_truth(event, "accepted", true);
	expect_null(event, "accept_wait_ms");
	return true;
}

/* What was not seen is known to have been skipped. */
static void expect_counted(unsigned long long unseen)
{
	struct losses losses;

	if (!unseen)
		return;
	kill(suite.daemon.pid, SIGUSR1);
	daemon_expect_said(&suite.daemon, "skipped ");
	losses = daemon_losses(&suite.daemon);
	print_message("           %llu accepts were not seen, %llu runs skipped\n", unseen,
		      losses.skipped);
	assert_true(losses.known);
	assert_true(unseen <= losses.skipped);
}

/* Half of them blocked before the daemon attached its hooks. */
static void accepting_thousand_threads_20(void **state)
{
	static struct acceptor acceptors[THREADS];
	static struct pair pairs[THREADS];
	unsigned long long unseen = 0;
	struct listener listener;

	(void)state;
	memset(acceptors, 0, sizeof(acceptors));
	suite_stop_daemon();
	listener_open(&listener, AF_INET, "127.0.0.1", THREADS);
	start_acceptors(acceptors, THREADS / 2, &listener);
	suite_start_daemon();
	start_acceptors(acceptors + THREADS / 2, THREADS / 2, &listener);
	connect_to_threads(pairs, THREADS, &listener);
	for (int i = 0; i < THREADS; i++)
		pthread_join(acceptors[i].thread, NULL);
	for (int i = 0; i < THREADS; i++)
		close(pairs[i].client);
	close(listener.fd);

	for (int i = 0; i < THREADS; i++) {
		struct pair *pair = &pairs[i];
		struct acceptor *acceptor = acceptor_of(acceptors, THREADS, pair->client_port);
		json_t *event = server_event(pair);

		/* No more is known of when it was queued than that it was within this time. */
		pair->accepted.before = pair->queued.before;
		pair->accepted.after = acceptor->accepted.after;
		pair->queued.after = pair->accepted.after;
		if (accept_unseen(event)) {
			unseen++;
		} else {
			expect_truth(event, "accepted", true);
			expect_wait(event, "accept_wait_ms", pair->queued, pair->accepted);
			expect_task(event, "owner", getpid(), acceptor->tid);
		}
		expect_task(event, "closer", getpid(), acceptor->tid);
		expect_null(event, "close_wait_ms");
		client_event(pair);
	}
	expect_counted(unseen);
	expect_one_each(&pairs[0]);
	expect_one_each(&pairs[THREADS - 1]);
}

static void accepting_epoll_20(void **state)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct listener listener;
	struct pair pair;
	json_t *seen;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	fcntl(listener.fd, F_SETFL, O_NONBLOCK);
	assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, listener.fd, &event), 0);
	assert_int_equal(accept4(listener.fd, NULL, NULL, SOCK_NONBLOCK), -1);
	assert_int_equal(errno, EAGAIN);
	pair_connect(&pair, &listener);
	assert_int_equal(epoll_wait(epoll, &event, 1, PATIENCE_MS), 1);
	pass_ms(10);
	pair_accept(&pair, &listener);
	pair_close_client(&pair);
	close(pair.server);
	close(listener.fd);
	close(epoll);

	seen = server_event(&pair);
	expect_truth(seen, "accepted", true);
	expect_wait(seen, "accept_wait_ms", pair.queued, pair.accepted);
	expect_task(seen, "owner", getpid(), gettid());
	client_event(&pair);
	expect_one_each(&pair);
}

/* accept(), not accept4(): another system call. */
static void accepting_plain_20(void **state)
{
	struct listener listener;
	struct pair pair;
	json_t *event;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	pair_connect(&pair, &listener);
	pass_ms(10);
	pair.accepted.before = now_ns();
	pair.server = accept(listener.fd, NULL, NULL);
	pair.accepted.after = now_ns();
	assert_true(pair.server >= 0);
	close(listener.fd);
	pair_close_client(&pair);
	close(pair.server);

	event = server_event(&pair);
	expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
	expect_task(event, "owner", getpid(), gettid());
	client_event(&pair);
	expect_one_each(&pair);
}

/* As little of io_uring as one accept takes. */
struct uring {
	int fd;
	struct io_uring_params params;
	char *rings;
	size_t rings_size;
	struct io_uring_sqe *sqes;
};

static bool uring_open(struct uring *uring)
{
	size_t sq_size, cq_size;

	memset(uring, 0, sizeof(*uring));
	uring->fd = (int)syscall(__NR_io_uring_setup, 4, &uring->params);
	if (uring->fd < 0)
		return false;
	assert_true(uring->params.features & IORING_FEAT_SINGLE_MMAP);
	sq_size = uring->params.sq_off.array + uring->params.sq_entries * sizeof(uint32_t);
	cq_size =
		uring->params.cq_off.cqes + uring->params.cq_entries * sizeof(struct io_uring_cqe);
	uring->rings_size = sq_size > cq_size ? sq_size : cq_size;
	uring->rings = mmap(NULL, uring->rings_size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_POPULATE, uring->fd, IORING_OFF_SQ_RING);
	uring->sqes =
		mmap(NULL, uring->params.sq_entries * sizeof(*uring->sqes), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_POPULATE, uring->fd, IORING_OFF_SQES);
	assert_ptr_not_equal(uring->rings, MAP_FAILED);
	assert_ptr_not_equal(uring->sqes, MAP_FAILED);
	return true;
}

static void uring_close(struct uring *uring)
{
	munmap(uring->sqes, uring->params.sq_entries * sizeof(*uring->sqes));
	munmap(uring->rings, uring->rings_size);
	close(uring->fd);
}

static void uring_submit_accept(struct uring *uring, int listener)
{
	uint32_t *tail = (uint32_t *)(uring->rings + uring->params.sq_off.tail);
	uint32_t *array = (uint32_t *)(uring->rings + uring->params.sq_off.array);
	uint32_t index = *tail & (uring->params.sq_entries - 1);

	memset(&uring->sqes[index], 0, sizeof(uring->sqes[index]));
	uring->sqes[index].opcode = IORING_OP_ACCEPT;
	uring->sqes[index].fd = listener;
	array[index] = index;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	assert_int_equal(syscall(__NR_io_uring_enter, uring->fd, 1, 0, 0, NULL, 0), 1);
}

static int uring_wait(struct uring *uring)
{
	uint32_t *head = (uint32_t *)(uring->rings + uring->params.cq_off.head);
	struct io_uring_cqe *cqes = (void *)(uring->rings + uring->params.cq_off.cqes);
	int result;

	assert_int_equal(
		syscall(__NR_io_uring_enter, uring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0), 0);
	result = cqes[*head & (uring->params.cq_entries - 1)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

static void accepting_io_uring(bool armed_before)
{
	struct listener listener;
	struct uring uring;
	struct pair pair = {};
	json_t *event;

	if (!uring_open(&uring))
		skip_with_reason("io_uring_setup: %s", strerror(errno));
	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	if (armed_before) {
		uring_submit_accept(&uring, listener.fd);
		connect_to_threads(&pair, 1, &listener);
		pair.accepted.before = pair.queued.before;
		pair.server = uring_wait(&uring);
		pair.accepted.after = now_ns();
		pair.queued.after = pair.accepted.after;
	} else {
		pair_connect(&pair, &listener);
		pass_ms(10);
		pair.accepted.before = now_ns();
		uring_submit_accept(&uring, listener.fd);
		pair.server = uring_wait(&uring);
		pair.accepted.after = now_ns();
	}
	if (pair.server < 0)
		fail_msg("accept by io_uring: %s", strerror(-pair.server));
	pair_close_client(&pair);
	receive_end(pair.server);
	close(pair.server);
	close(listener.fd);
	uring_close(&uring);

	event = server_event(&pair);
	expect_truth(event, "accepted", true);
	expect_text(event, "end", "close");
	if (suite.fentry) {
		expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
		/* Else a worker of the kernel's may do it. */
		if (!armed_before)
			expect_task(event, "owner", getpid(), gettid());
	} else {
		/* No system call accepts, so this backend cannot know when it was. */
		expect_null(event, "accept_wait_ms");
		expect_null(event, "owner");
	}
	client_event(&pair);
	expect_one_each(&pair);
}

static void accepting_io_uring_queued_20(void **state)
{
	(void)state;
	accepting_io_uring(false);
}

static void accepting_io_uring_armed_20(void **state)
{
	(void)state;
	accepting_io_uring(true);
}

/* It is served for longer than an accept() should take: nobody waits. */
static void accepting_io_uring_served_20(void **state)
{
	struct listener listener, other;
	struct pair served = {}, queued = {};
	struct wanted waiting;
	struct uring uring;

	(void)state;
	if (!uring_open(&uring))
		skip_with_reason("io_uring_setup: %s", strerror(errno));
	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	pair_connect(&served, &listener);
	uring_submit_accept(&uring, listener.fd);
	served.server = uring_wait(&uring);
	assert_true(served.server >= 0);

	/* When a look has found what came later, it has passed the other. */
	listener_open(&other, AF_INET, "127.0.0.1", 16);
	pair_connect(&queued, &other);
	waiting = wanted_server(&queued);
	waiting.event = "waiting";
	daemon_expect(&suite.daemon, &waiting);
	waiting = wanted_server(&served);
	waiting.event = "waiting";
	assert_int_equal(daemon_count(&suite.daemon, &waiting), 0);

	pair_accept(&queued, &other);
	close(queued.client);
	close(queued.server);
	close(other.fd);
	close(served.client);
	close(served.server);
	close(listener.fd);
	uring_close(&uring);
	expect_one_each(&served);
}

/* Where its accept() goes unseen, the wait is not known; and it is not that it lived. */
static void accepting_io_uring_reset_20(void **state)
{
	struct listener listener;
	struct uring uring;
	struct pair pair;
	json_t *event;

	(void)state;
	if (!uring_open(&uring))
		skip_with_reason("io_uring_setup: %s", strerror(errno));
	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	pair_connect(&pair, &listener);
	set_linger_0(pair.client);
	close(pair.client);
	pair.accepted.before = now_ns();
	uring_submit_accept(&uring, listener.fd);
	pair.server = uring_wait(&uring);
	pair.accepted.after = now_ns();
	assert_true(pair.server >= 0);
	close(pair.server);
	close(listener.fd);
	uring_close(&uring);

	event = server_event(&pair);
	expect_truth(event, "accepted", true);
	expect_text(event, "end", "reset-by-peer");
	expect_null(event, "cause");
	if (suite.fentry)
		expect_wait(event, "accept_wait_ms", pair.queued, pair.accepted);
	else
		expect_null(event, "accept_wait_ms");
	client_event(&pair);
	expect_one_each(&pair);
}

int run_accepting(void)
{
	const struct CMUnitTest accepting[] = {
		scenario(accepting_plain_20),
		scenario(accepting_epoll_20),
		scenario(accepting_io_uring_queued_20),
		scenario(accepting_io_uring_armed_20),
		scenario(accepting_io_uring_served_20),
		scenario(accepting_io_uring_reset_20),
		scenario(accepting_thousand_threads_20),
	};

	return cmocka_run_group_tests(accepting, suite_setup, suite_teardown);
}

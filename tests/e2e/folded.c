// SPDX-License-Identifier: GPL-2.0
/* Connections that the kernel has only counted: the summary is exact, and says what it lacks. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "service.h"
#include "sockets.h"
#include "suite.h"

#define WORKERS 2

/* The ring has room for some 43,700 records, two of each connection. */
#define MORE_THAN_THE_RING (22500 / WORKERS) /* connections of each worker */

/* Each has a listener of its own, so that it accepts what it has connected. */
struct worker {
	struct listener listener;
	int wanted, made;
	pthread_t thread;
};

static void *make_many(void *argument)
{
	struct worker *worker = argument;

	while (worker->made < worker->wanted && connect_once(&worker->listener))
		worker->made++;
	return NULL;
}

static void open_listeners(struct worker workers[WORKERS])
{
	const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};

	for (int i = 0; i < WORKERS; i++) {
		listener_open(&workers[i].listener, AF_INET, "127.0.0.1", 16);
		setsockopt(workers[i].listener.fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			   sizeof(patience));
	}
}

static void make_all(struct worker workers[WORKERS], int wanted)
{
	for (int i = 0; i < WORKERS; i++) {
		workers[i].made = 0;
		workers[i].wanted = wanted;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, make_many, &workers[i]),
				 0);
	}
	for (int i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(workers[i].made, wanted);
}

static void close_listeners(struct worker workers[WORKERS])
{
	for (int i = 0; i < WORKERS; i++)
		close(workers[i].listener.fd);
}

static void expect_role_ended(json_t *summary, const char *role, uint16_t port, long long count)
{
	json_t *row = row_of(summary, role, port);

	assert_non_null(row);
	assert_int_equal(number_at(row, "ended"), count);
	assert_int_equal(number_at(row, "lifetime.count"), count);
}

static void expect_ended(json_t *summary, const struct worker *worker, long long count)
{
	expect_role_ended(summary, "server", worker->listener.port, count);
	expect_role_ended(summary, "client", worker->listener.port, count);
}

/* The reader stands still under load, for as long as it takes to fill the ring. */
static void api_ring_is_full(void **state)
{
	struct worker workers[WORKERS];
	json_t *summary, *status;
	long long folded;

	(void)state;
	service_start(NULL);
	open_listeners(workers);
	kill(service.daemon.pid, SIGSTOP);
	make_all(workers, MORE_THAN_THE_RING);
	kill(service.daemon.pid, SIGCONT);
	summary = service_get("/v1/summary?window=start");
	status = service_get("/v1/status");
	folded = number_at(status, "folded");
	print_message("           %lld of %lld connections were folded\n", folded,
		      folded + number_at(status, "records"));
	assert_true(folded > 0);
	assert_int_equal(number_at(status, "losses.ring_full"), folded);
	assert_int_equal(number_at(status, "losses.fold_full"), 0);
	assert_int_equal(number_at(summary, "undetailed"), folded);
	for (int i = 0; i < WORKERS; i++)
		expect_ended(summary, &workers[i], MORE_THAN_THE_RING);
	json_decref(summary);
	json_decref(status);
	close_listeners(workers);
	service_stop();
}

#define FAST 500
#define SLOW 5

static void make_slow(const struct listener *listener, struct pair pairs[SLOW])
{
	for (int i = 0; i < SLOW; i++) {
		pair_open(&pairs[i], listener);
		pair_close_client(&pairs[i]);
	}
	pass_ms(60);
	for (int i = 0; i < SLOW; i++)
		close(pairs[i].server);
}

/* With stream = slow the fast ones are counted in the kernel, and only the slow ones told. */
static void api_stream_of_the_slow(void **state)
{
	static const char *const arguments[] = {
		"--stream", "slow", "--close-wait", "50ms", "--accept-wait", "10m", NULL};
	struct worker workers[WORKERS], *worker = &workers[0];
	struct pair pairs[SLOW];
	json_t *summary, *status, *row, *event;
	struct http stream;
	char target[64];

	(void)state;
	service_start(arguments);
	open_listeners(workers);
	snprintf(target, sizeof(target), "/v1/events?all&lport=%u", worker->listener.port);
	service_subscribe(&stream, target);
	make_all(workers, FAST);
	make_slow(&worker->listener, pairs);
	for (int slow = 0; slow < SLOW;) {
		event = service_next(&stream);
		slow += !strcmp(text_at(event, "event"), "closed");
		if (strcmp(text_at(event, "event"), "heartbeat") != 0)
			assert_string_equal(text_at(event, "cause"), "not-reading");
		json_decref(event);
	}
	status = service_get("/v1/status");
	summary = service_get("/v1/summary?window=start");
	row = row_of(summary, "server", worker->listener.port);
	assert_string_equal(text_at(status, "stream"), "slow");
	assert_int_equal(number_at(status, "losses.ring_full"), 0);
	expect_ended(summary, &workers[0], FAST + SLOW);
	expect_ended(summary, &workers[1], FAST);
	assert_int_equal(number_at(row, "slow_closes"), SLOW);
	/* Where the reset comes late, close() is first. */
	assert_int_equal(number_at(row, "ends.reset-by-peer") + number_at(row, "ends.close"),
			 FAST + SLOW);
	assert_int_equal(number_at(row, "causes.not-reading"), SLOW);
	assert_true(number_at(summary, "undetailed") >= 4 * FAST + SLOW);
	json_decref(summary);
	json_decref(status);
	http_close(&stream);
	close_listeners(workers);
	service_stop();
}

int run_folded(void)
{
	const struct CMUnitTest folded[] = {
		service_scenario(api_ring_is_full),
		service_scenario(api_stream_of_the_slow),
	};

	return cmocka_run_group_tests(folded, service_setup, service_teardown);
}

// SPDX-License-Identifier: GPL-2.0
/* Connections that the kernel has only counted: the summary is exact, and says what it lacks. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "makers.h"
#include "service.h"
#include "sockets.h"
#include "suite.h"

#define MAKERS 2

/* The ring has room for some 43,700 records, two of each connection. */
#define MORE_THAN_THE_RING (22500 / MAKERS) /* connections of each maker */

/* The reader stands still under load, for as long as it takes to fill the ring. */
static void api_ring_is_full(void **state)
{
	struct maker makers[MAKERS];
	json_t *summary, *status;
	long long folded;

	(void)state;
	service_start(NULL);
	makers_open(makers, MAKERS);
	kill(service.daemon.pid, SIGSTOP);
	makers_make(makers, MAKERS, MORE_THAN_THE_RING);
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
	for (int i = 0; i < MAKERS; i++)
		summary_expect_ended(summary, makers[i].listener.port, MORE_THAN_THE_RING);
	json_decref(summary);
	json_decref(status);
	makers_close(makers, MAKERS);
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
	struct maker makers[MAKERS];
	struct pair pairs[SLOW];
	json_t *summary, *status, *row, *event;
	struct http stream;
	char target[64];

	(void)state;
	service_start(arguments);
	makers_open(makers, MAKERS);
	snprintf(target, sizeof(target), "/v1/events?all&lport=%u", makers[0].listener.port);
	service_subscribe(&stream, target);
	makers_make(makers, MAKERS, FAST);
	make_slow(&makers[0].listener, pairs);
	for (int slow = 0; slow < SLOW;) {
		event = service_next(&stream);
		slow += !strcmp(text_at(event, "event"), "closed");
		if (strcmp(text_at(event, "event"), "heartbeat") != 0)
			assert_string_equal(text_at(event, "cause"), "not-reading");
		json_decref(event);
	}
	status = service_get("/v1/status");
	summary = service_get("/v1/summary?window=start");
	row = row_of(summary, "server", makers[0].listener.port);
	assert_string_equal(text_at(status, "stream"), "slow");
	assert_int_equal(number_at(status, "losses.ring_full"), 0);
	summary_expect_ended(summary, makers[0].listener.port, FAST + SLOW);
	summary_expect_ended(summary, makers[1].listener.port, FAST);
	assert_int_equal(number_at(row, "slow_closes"), SLOW);
	/* Where the reset comes late, close() is first. */
	assert_int_equal(number_at(row, "ends.reset-by-peer") + number_at(row, "ends.close"),
			 FAST + SLOW);
	assert_int_equal(number_at(row, "causes.not-reading"), SLOW);
	assert_true(number_at(summary, "undetailed") >= 4 * FAST + SLOW);
	json_decref(summary);
	json_decref(status);
	http_close(&stream);
	makers_close(makers, MAKERS);
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

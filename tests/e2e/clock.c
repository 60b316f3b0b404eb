// SPDX-License-Identifier: GPL-2.0
/* The clock of the day is set: no wait depends on it, and what happens then has the new time. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "expect.h"
#include "service.h"
#include "sockets.h"
#include "suite.h"

#define HOUR_NS (3600 * 1000000000LL)

static int64_t day_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void set_day_ns(int64_t ns)
{
	const struct timespec to = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	if (clock_settime(CLOCK_REALTIME, &to))
		fail_msg("setting the clock: %s", strerror(errno));
}

static json_t *closed_of(struct http *stream, const struct pair *pair)
{
	int64_t deadline = deadline_ns();
	json_t *event = service_next(stream);

	while (strcmp(text_at(event, "event"), "closed") != 0 ||
	       strcmp(text_at(event, "role"), "server") != 0 ||
	       number_at(event, "local.port") != pair->server_port ||
	       number_at(event, "remote.port") != pair->client_port) {
		json_decref(event);
		if (now_ns() > deadline)
			fail_msg("no event of its end");
		event = service_next(stream);
	}
	return event;
}

/* A finding is there, and has begun when the connection's wait did, by the clock as it is now. */
static void expect_finding_since(const struct pair *pair)
{
	int64_t deadline = deadline_ns(), offset;
	json_t *diagnosis, *one, *finding, *found;
	size_t i, j;
	bool since = false;

	while (!since) {
		if (now_ns() > deadline)
			fail_msg("no finding has begun when the wait did");
		pass_ms(100);
		diagnosis = service_get("/v1/diagnosis");
		offset = day_ns() - now_ns();
		json_array_foreach (at(diagnosis, "services"), i, one) {
			found = number_at(one, "port") == pair->server_port ? at(one, "findings")
									    : NULL;
			json_array_foreach (found, j, finding) {
				int64_t ns = event_time_at(finding, "since") - offset;

				since |= ns >= pair->fin.before - 1000000000 &&
					 ns <= pair->fin.after + 1000000000;
			}
		}
		json_decref(diagnosis);
	}
}

/* One that waits while the clock is set by so much. */
static void wait_over(struct http *stream, int64_t step)
{
	struct listener listener;
	struct span closed;
	struct pair pair;
	int64_t before;
	json_t *event;

	listener_open(&listener, AF_INET, "127.0.0.1", 4); /* a service that has no finding yet */
	pair_open(&pair, &listener);
	pair_close_client(&pair);
	receive_end(pair.server);
	expect_finding_since(&pair);
	set_day_ns(day_ns() + step);
	before = day_ns();
	expect_finding_since(&pair);
	closed = timed_close(pair.server);
	event = closed_of(stream, &pair);
	expect_wait(event, "close_wait_ms", pair.fin, closed);
	/* By microseconds, of two clocks that are read one after the other. */
	assert_in_range(event_time(event) - before + 1000000, 0, day_ns() - before + 1000000);
	json_decref(event);
	close(listener.fd);
}

static void clock_is_set(void **state)
{
	static const char *const arguments[] = {"--close-wait", "100ms", NULL};
	int64_t begun = now_ns();
	struct http stream;
	json_t *summary;
	char target[64];
	double up;

	(void)state;
	service_start(arguments);
	snprintf(target, sizeof(target), "/v1/events?all&pid=%d", getpid());
	service_subscribe(&stream, target);
	wait_over(&stream, -HOUR_NS);
	wait_over(&stream, 2 * HOUR_NS);
	wait_over(&stream, 24 * 365 * HOUR_NS);
	wait_over(&stream, -24 * 365 * HOUR_NS - HOUR_NS);
	summary = service_get("/v1/summary?window=start&by=port");
	assert_true(event_time_at(summary, "since") <= event_time(summary));
	assert_true(event_time(summary) - event_time_at(summary, "since") <= now_ns() - begun);
	json_decref(summary);
	summary = service_get("/v1/status");
	up = json_number_value(at(summary, "uptime_ms")) * 1e6;
	assert_true(up > 0 && up <= (double)(now_ns() - begun));
	json_decref(summary);
	http_close(&stream);
	service_stop();
}

int run_clock(void)
{
	const struct CMUnitTest tests[] = {service_scenario(clock_is_set)};

	return cmocka_run_group_tests(tests, service_setup, service_teardown);
}

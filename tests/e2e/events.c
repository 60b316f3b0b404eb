// SPDX-License-Identifier: GPL-2.0
/* The stream of events, as several subscribers with filters of their own get it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expect.h"
#include "service.h"
#include "suite.h"

static const char *const arguments[] = {"--close-wait", "100ms", "--accept-wait", "100ms", NULL};

static void subscribe(struct http *stream, const char *format, uint16_t port)
{
	char target[128];

	snprintf(target, sizeof(target), format, port);
	service_subscribe(stream, target);
}

/* The next event of this kind and pair. What is passed over is of the same local port, too. */
static json_t *find(struct http *stream, const char *event, const struct pair *pair)
{
	json_t *json = service_next(stream);

	while (strcmp(text_at(json, "event"), event) != 0 ||
	       number_at(json, "remote.port") != pair->client_port) {
		if (strcmp(text_at(json, "event"), "heartbeat") != 0)
			assert_int_equal(number_at(json, "local.port"), pair->server_port);
		json_decref(json);
		json = service_next(stream);
	}
	return json;
}

static void expect_not_closing(struct http *stream, const struct listener *listener,
			       struct pair *pair)
{
	struct span closed;
	json_t *event;

	pair_open(pair, listener);
	pair_close_client(pair);
	receive_end(pair->server);
	/* A look between two of these steps tells of what was not done yet, and of this at 1 s. */
	event = find(stream, "waiting", pair);
	while (strcmp(text_at(event, "state"), "close-wait") != 0 ||
	       !json_is_string(at(event, "cause")) ||
	       strcmp(text_at(event, "cause"), "not-closing") != 0) {
		json_decref(event);
		event = find(stream, "waiting", pair);
	}
	expect_task(event, "owner", getpid(), gettid());
	json_decref(event);
	closed = timed_close(pair->server);
	event = find(stream, "closed", pair);
	expect_text(event, "cause", "not-closing");
	expect_text(event, "end", "close");
	expect_wait(event, "close_wait_ms", pair->fin, closed);
	json_decref(event);
}

static void expect_accepted_late(struct http *stream, const struct listener *listener,
				 struct pair *pair)
{
	json_t *event;

	pair_connect(pair, listener);
	event = find(stream, "waiting", pair);
	expect_text(event, "state", "accept-queue");
	expect_text(event, "cause", "never-accepted");
	expect_null(event, "owner");
	json_decref(event);
	pair_accept(pair, listener);
	event = find(stream, "accepted-late", pair);
	expect_wait(event, "accept_wait_ms", pair->queued, pair->accepted);
	json_decref(event);
	close(pair->server);
	close(pair->client);
	json_decref(find(stream, "closed", pair));
}

static void make_fast(const struct listener *listener, struct pair *pair)
{
	pair_open(pair, listener);
	set_linger_0(pair->client);
	close(pair->client);
	close(pair->server);
}

/* By now the first subscribers would have got what is not their own. */
static void expect_nothing(size_t count)
{
	json_t *status = service_get("/v1/status");

	for (size_t i = 0; i < count; i++) {
		json_t *subscriber = json_array_get(at(status, "subscribers"), i);

		assert_int_equal(number_at(subscriber, "sent"), 0);
		assert_int_equal(number_at(subscriber, "buffered_bytes"), 0);
	}
	json_decref(status);
}

static void api_events_with_filters(void **state)
{
	struct http server, client, own, slower, nobody, no_client;
	struct pair first, second, fast, last;
	struct listener listener;
	json_t *event;

	(void)state;
	service_start(arguments);
	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	subscribe(&nobody, "/v1/events?all&comm=nobody&lport=%u", listener.port);
	subscribe(&no_client, "/v1/events?all&role=client&lport=%u", listener.port);
	subscribe(&server, "/v1/events?lport=%u", listener.port);
	subscribe(&client, "/v1/events?all&rport=%u&role=client", listener.port);
	subscribe(&own, "/v1/events?comm=e2e&family=4&lport=1,%u", listener.port);
	subscribe(&slower, "/v1/events?min-close-wait=1ms&lport=%u", listener.port);

	expect_not_closing(&server, &listener, &first);
	expect_accepted_late(&server, &listener, &second);
	make_fast(&listener, &fast);
	pair_open(&last, &listener);
	pair_close_client(&last);
	receive_end(last.server);
	json_decref(find(&server, "waiting", &last)); /* what was fast is not before it */
	close(last.server);

	json_decref(find(&own, "closed", &first));
	json_decref(find(&own, "accepted-late", &second));
	json_decref(find(&slower, "closed", &first));
	event = find(&slower, "closed", &last);
	json_decref(event);
	for (int i = 0; i < 4;) { /* each client's end, fast or not */
		event = service_next(&client);
		i += !strcmp(text_at(event, "event"), "closed");
		if (strcmp(text_at(event, "event"), "heartbeat") != 0) {
			expect_text(event, "role", "client");
			assert_int_equal(number_at(event, "remote.port"), listener.port);
		}
		json_decref(event);
	}
	expect_nothing(2);
	http_close(&nobody);
	http_close(&no_client);
	http_close(&server);
	http_close(&client);
	http_close(&own);
	http_close(&slower);
	close(listener.fd);
	service_stop();
}

#define AT_ONCE 1000
#define ENDING 16000

/* Each waits for long enough to be told of, and ends whether a look is under way or not. */
static void wait_and_end(const struct listener *listener)
{
	static struct pair pairs[AT_ONCE];

	for (int i = 0; i < ENDING + AT_ONCE; i++) {
		struct pair *pair = &pairs[i % AT_ONCE];

		if (i >= AT_ONCE) {
			while (now_ns() - pair->fin.after < 200000000)
				pass_ms(1);
			close(pair->server);
		}
		if (i < ENDING) {
			pair_open(pair, listener);
			pair->fin = timed_close(pair->client);
		}
	}
}

/* Who keeps by its id what waits forgets it by its end, and never hears of it again. */
static void api_events_end_with_the_end(void **state)
{
	static uint64_t ended[UINT16_MAX + 1]; /* by the client's port */
	struct listener listener, other;
	long waiting = 0, late = 0;
	struct http stream;
	struct pair last;
	char target[64];
	json_t *event;

	(void)state;
	service_start(arguments);
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	listener_open(&other, AF_INET, "127.0.0.1", 4);
	snprintf(target, sizeof(target), "/v1/events?role=server&lport=%u,%u", listener.port,
		 other.port);
	service_subscribe(&stream, target);
	wait_and_end(&listener);
	pair_open(&last, &other);
	pair_close_client(&last);
	pass_ms(150);
	close(last.server);
	for (bool over = false; !over;) {
		event = service_next(&stream);
		if (strcmp(text_at(event, "event"), "heartbeat") != 0) {
			uint64_t id = strtoull(text_at(event, "id"), NULL, 16);
			uint64_t *known = &ended[number_at(event, "remote.port")];

			waiting += !strcmp(text_at(event, "event"), "waiting");
			late += *known == id;
			if (strcmp(text_at(event, "event"), "closed") == 0) {
				*known = id;
				over = number_at(event, "local.port") == other.port;
			}
		}
		json_decref(event);
	}
	print_message("           told of %ld that waited, of %ld after their end\n", waiting,
		      late);
	assert_true(waiting > 0);
	assert_int_equal(late, 0);
	http_close(&stream);
	close(listener.fd);
	close(other.fd);
	service_stop();
}

int run_events(void)
{
	const struct CMUnitTest events[] = {
		service_scenario(api_events_with_filters),
		service_scenario(api_events_end_with_the_end),
	};

	return cmocka_run_group_tests(events, service_setup, service_teardown);
}

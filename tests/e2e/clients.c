// SPDX-License-Identifier: GPL-2.0
/* Many clients at once, and those that do not behave: the others must not notice. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hidden.h"
#include "service.h"
#include "sockets.h"
#include "suite.h"

#define READERS 63
#define OTHERS 24 /* connections that only the stopped one wants, to each that all want */
#define ON_THEIR_WAY 400 /* rounds: less than the log holds */
#define ROUNDS_MAX 5000
#define ROUNDS_MIN 1100 /* with the others more than the log holds */

#define STORM_MAX 10000 /* what the ring holds, whoever reads it */

#define HIDDEN_PATIENCE_MS 10000

#define MIB (1024 * 1024)

/* What a subscriber has got: how many ends, a sum of their ids, and what it was told it lost. */
struct got {
	atomic_long ended;
	uint64_t ids;
	long lost;
};

struct readers {
	struct http streams[READERS];
	struct got got[READERS];
	atomic_long least; /* of their ends, those that were lost included */
	long wanted;
	atomic_bool stop;
};

static long between(long least, long n, long most)
{
	return n < least ? least : n > most ? most : n;
}

static void take_line(struct got *got, const char *line)
{
	const char *id = strstr(line, "\"id\":\"");

	if (strstr(line, "\"event\":\"closed\"") && id) {
		got->ids += strtoull(id + strlen("\"id\":\""), NULL, 16);
		got->ended++;
	} else if (strstr(line, "\"event\":\"lost\"")) {
		got->lost += strtol(strstr(line, "\"count\":") + strlen("\"count\":"), NULL, 10);
	}
}

static long told(const struct got *got)
{
	return got->ended + got->lost;
}

static void take_lines(struct http *stream, struct got *got)
{
	const char *line;

	while ((line = http_line_now(stream)))
		take_line(got, line);
}

static void *read_all(void *argument)
{
	struct readers *readers = argument;
	struct pollfd fds[READERS];

	for (int i = 0; i < READERS; i++)
		fds[i] = (struct pollfd){.fd = readers->streams[i].fd, .events = POLLIN};
	while (readers->least < readers->wanted && !readers->stop) {
		long least = readers->wanted;

		poll(fds, READERS, 100);
		for (int i = 0; i < READERS; i++) {
			if (fds[i].revents && !http_receive(&readers->streams[i]))
				return NULL;
			take_lines(&readers->streams[i], &readers->got[i]);
			if (told(&readers->got[i]) < least)
				least = told(&readers->got[i]);
		}
		readers->least = least;
	}
	return NULL;
}

/* As fast as those who read can follow, unless they get nothing for long. */
static void run_rounds(struct readers *readers, const struct listener *wanted,
		       const struct listener *other)
{
	for (long round = 0; round < readers->wanted; round++) {
		int64_t deadline = deadline_ns();

		while (round - readers->least > ON_THEIR_WAY) {
			if (now_ns() > deadline)
				return;
			pass_ms(1);
		}
		assert_true(connect_once(wanted));
		for (int i = 0; i < OTHERS; i++)
			assert_true(connect_once(other));
	}
}

/*
 * Until all were told of all, or for long nothing more, and ends their thread. Where no more is
 * missing than this host may hide, that is not waited for so long.
 */
static void wait_for_readers(struct readers *readers)
{
	int64_t deadline = deadline_ns();
	long before = readers->least;

	while (readers->least < readers->wanted && now_ns() < deadline) {
		pass_ms(1);
		if (readers->least != before)
			deadline = now_ns() + (hidden_explains(readers->wanted - readers->least)
						       ? HIDDEN_PATIENCE_MS
						       : PATIENCE_MS) *
						      1000000LL;
		before = readers->least;
	}
	readers->stop = true;
}

static void subscribe(struct http *stream, const char *format, int number)
{
	char target[64];

	snprintf(target, sizeof(target), format, number);
	service_subscribe(stream, target);
}

static long long resident(void)
{
	json_t *status = service_get("/v1/status");
	long long bytes = number_at(status, "memory.resident_bytes");

	json_decref(status);
	return bytes;
}

static void expect_all_got_all(const struct readers *readers)
{
	for (int i = 0; i < READERS; i++) {
		const struct got *got = &readers->got[i];

		if (!hidden_explains(readers->wanted - got->ended) || got->lost ||
		    got->ids != readers->got[0].ids)
			fail_msg("subscriber %d got %ld of %ld, and lost %ld; the ring lost %lld",
				 i, (long)got->ended, readers->wanted, got->lost,
				 service_number("losses.ring_full"));
	}
}

/* It goes on: what is still in the log and the count of what is not are all that there was. */
static void expect_loss_is_told(struct http *stopped, long all)
{
	struct got got = {};
	json_t *status, *one;
	const char *line;
	size_t i;
	bool found = false;

	while (got.ended + got.lost < all) {
		line = http_line(stopped);
		if (strstr(line, "\"event\":\"heartbeat\"")) /* there is no more */
			break;
		take_line(&got, line);
	}
	print_message("           the stopped one got %ld of %ld events\n", (long)got.ended, all);
	service_expect_count(got.ended + got.lost, all);
	assert_true(got.lost > 0);
	status = service_get("/v1/status");
	assert_int_equal(number_at(status, "losses.subscribers"), got.lost);
	assert_int_equal(json_array_size(at(status, "subscribers")), READERS + 1);
	json_array_foreach (at(status, "subscribers"), i, one)
		found |= number_at(one, "sent") == got.ended && number_at(one, "lost") == got.lost;
	assert_true(found);
	json_decref(status);
}

static void api_one_of_64_subscribers_is_stopped(void **state)
{
	/* So that there is one event of each end, however slow the machine is. */
	static const char *const arguments[] = {"--close-wait", "1h", "--accept-wait", "1h", NULL};
	static struct readers readers;
	struct listener wanted, other;
	struct http stopped;
	pthread_t thread;
	long long before;
	int64_t begun;

	(void)state;
	memset(&readers, 0, sizeof(readers));
	readers.wanted = between(ROUNDS_MIN, suite.connections / 9, ROUNDS_MAX);
	service_start(arguments);
	listener_open(&wanted, AF_INET, "127.0.0.1", 16);
	listener_open(&other, AF_INET, "127.0.0.1", 16);
	subscribe(&stopped, "/v1/events?all&pid=%d", getpid());
	for (int i = 0; i < READERS; i++)
		subscribe(&readers.streams[i], "/v1/events?all&lport=%d", wanted.port);
	before = resident();
	begun = now_ns();
	assert_int_equal(pthread_create(&thread, NULL, read_all, &readers), 0);
	run_rounds(&readers, &wanted, &other);
	wait_for_readers(&readers);
	pthread_join(thread, NULL);
	print_message("           %ld connections, %ld events to each of %d, in %.1f s\n",
		      readers.wanted * (1 + OTHERS), readers.wanted, READERS,
		      (double)(now_ns() - begun) / 1e9);
	expect_all_got_all(&readers);
	/* The log and the ring fill up once, whoever reads. */
	assert_true(!MEMORY_IS_ITS_OWN || resident() - before < 56LL * MIB);
	expect_loss_is_told(&stopped, readers.wanted * (1 + OTHERS) * 2);
	for (int i = 0; i < READERS; i++)
		http_close(&readers.streams[i]);
	http_close(&stopped);
	close(wanted.fd);
	close(other.fd);
	service_stop();
}

/*
 * All of them want the same, and nobody waits for them: whoever cannot follow is told exactly how
 * many he has missed.
 */
static void api_64_subscribers_of_a_storm(void **state)
{
	static const char *const arguments[] = {"--close-wait", "1h", "--accept-wait", "1h", NULL};
	static struct readers readers;
	struct got late = {};
	const char *line;
	struct listener listener;
	struct http stopped;
	pthread_t thread;
	int64_t begun;
	double seconds;
	long lost = 0;

	(void)state;
	memset(&readers, 0, sizeof(readers));
	readers.wanted = between(1, suite.connections / 4, STORM_MAX);
	service_start(arguments);
	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	subscribe(&stopped, "/v1/events?all&lport=%d", listener.port);
	for (int i = 0; i < READERS; i++)
		subscribe(&readers.streams[i], "/v1/events?all&lport=%d", listener.port);
	assert_int_equal(pthread_create(&thread, NULL, read_all, &readers), 0);
	begun = now_ns();
	for (long i = 0; i < readers.wanted; i++)
		assert_true(connect_once(&listener));
	seconds = (double)(now_ns() - begun) / 1e9;
	wait_for_readers(&readers);
	pthread_join(thread, NULL);
	for (int i = 0; i < READERS; i++) {
		service_expect_count(told(&readers.got[i]), readers.wanted);
		lost += readers.got[i].lost;
		http_close(&readers.streams[i]);
	}
	print_message("           %.0f connections a second; %ld of %ld events were lost\n",
		      (double)readers.wanted / seconds, lost, readers.wanted * READERS);
	while (told(&late) < readers.wanted) {
		line = http_line(&stopped);
		if (strstr(line, "\"event\":\"heartbeat\"")) /* there is no more */
			break;
		take_line(&late, line);
	}
	service_expect_count(told(&late), readers.wanted);
	http_close(&stopped);
	close(listener.fd);
	service_stop();
}

/* Whoever else is there, this one is answered; how long it took. */
static int64_t health_ns(void)
{
	int64_t begun = now_ns();
	json_t *json = service_get("/healthz");

	assert_string_equal(text_at(json, "status"), "ok");
	json_decref(json);
	return now_ns() - begun;
}

/* Nothing else for five seconds, and then a sign of life. */
static void expect_heartbeat(struct http *stream)
{
	json_t *event = service_next(stream);

	assert_string_equal(text_at(event, "event"), "heartbeat");
	assert_non_null(json_object_get(event, "time"));
	assert_int_equal(json_object_size(event), 2);
	json_decref(event);
}

#define IDLE 1000
#define IDLE_PATIENCE_NS 4000000000LL /* the service has 5 s */
#define OF_EACH 20

enum { RANDOM, HALF_LINE, HALF_HEADERS, HUGE, HALF_BODY, STREAM, LISTING, SUMMARY, KINDS };

/* Sends what such a client sends, and leaves the connection as it is then. */
static void misbehave(struct http *http, int kind, unsigned int *seed)
{
	static const char *const texts[KINDS] = {
		[HALF_LINE] = "GET /v1/eve",
		[HALF_HEADERS] = "GET /healthz HTTP/1.1\r\nHost: e2e\r\nAccept",
		[HALF_BODY] = "POST /healthz HTTP/1.1\r\nHost: e2e\r\nContent-Length: 9\r\n\r\nab",
		[STREAM] = "GET /v1/events?all HTTP/1.1\r\nHost: e2e\r\n\r\n",
		[LISTING] = "GET /v1/listeners HTTP/1.1\r\nHost: e2e\r\n\r\n",
		[SUMMARY] = "GET /v1/summary?histogram HTTP/1.1\r\nHost: e2e\r\n\r\n",
	};
	char bytes[4096];

	http_open(http);
	if (texts[kind]) {
		http_write(http, texts[kind], strlen(texts[kind]));
		return;
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(kind == HUGE ? 'x' : rand_r(seed));
	if (kind == HUGE)
		memcpy(bytes, "GET / HTTP/1.1\r\nHuge: ", 22);
	/* The service may end the connection before all is sent. */
	for (int i = 0; i < 4; i++)
		send(http->fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT);
}

#define LOOKS 6 /* more than are held at once */
#define LOOK_OLD_MS 600 /* no other client gets the same one any more */

/* Each has a look of its own begun, and goes before it has got anything. */
static void leave_looks(void)
{
	struct http http;

	for (int i = 0; i < LOOKS; i++) {
		misbehave(&http, i % 2 ? SUMMARY : LISTING, NULL);
		http_close(&http);
		pass_ms(LOOK_OLD_MS);
	}
}

static size_t subscribers(void)
{
	json_t *status = service_get("/v1/status");
	size_t count = json_array_size(at(status, "subscribers"));

	json_decref(status);
	return count;
}

/* Of those who have gone: descriptors, subscribers, and looks that somebody still reads. */
static void expect_nothing_left(size_t descriptors_before)
{
	int64_t deadline = deadline_ns();

	while (service_descriptors() > descriptors_before || subscribers() > 1) {
		if (now_ns() > deadline)
			fail_msg("%zu descriptors, %zu before; %zu subscribers, not 1",
				 service_descriptors(), descriptors_before, subscribers());
		pass_ms(10);
	}
	json_decref(service_list("/v1/listeners"));
	json_decref(service_get("/v1/summary"));
}

static void api_clients_that_do_not_behave(void **state)
{
	static struct http idle[IDLE], others[KINDS * OF_EACH], quiet;
	int64_t worst, took, begun;
	unsigned int seed = 1;
	size_t before, open;

	(void)state;
	service_start(NULL);
	health_ns();
	service_subscribe(&quiet, "/v1/events?comm=nobody");
	before = service_descriptors();
	begun = now_ns();
	for (int i = 0; i < IDLE; i++)
		http_open(&idle[i]);
	worst = health_ns(); /* after them, and not in place of some that were sent away */
	open = service_descriptors();
	if (now_ns() - begun < IDLE_PATIENCE_NS) /* else the first of them have gone */
		assert_true(open > IDLE);
	for (int i = 0; i < KINDS * OF_EACH; i++) {
		misbehave(&others[i], i % KINDS, &seed);
		took = health_ns();
		worst = took > worst ? took : worst;
	}
	print_message("           the slowest answer beside them took %.1f ms\n",
		      (double)worst / 1e6);
	for (int i = 0; i < KINDS * OF_EACH; i++)
		http_close(&others[i]);
	for (int i = 0; i < IDLE; i++)
		http_close(&idle[i]);
	leave_looks();
	expect_heartbeat(&quiet);
	expect_nothing_left(before);
	http_close(&quiet);
	service_stop();
}

int run_clients(void)
{
	const struct CMUnitTest clients[] = {
		service_scenario(api_clients_that_do_not_behave),
		service_scenario(api_one_of_64_subscribers_is_stopped),
		service_scenario(api_64_subscribers_of_a_storm),
	};

	return cmocka_run_group_tests(clients, service_setup, service_teardown);
}

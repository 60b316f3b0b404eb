// SPDX-License-Identifier: GPL-2.0
/* Subscribers and their one log: what each gets, in what order, and what it is told it lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "events.h"

#define HELLO "{\"event\":\"hello\"}\n"
#define SECOND NSEC_PER_SEC

/* A subscriber as its client sees it: lines, of which the last may not be whole yet. */
struct client {
	struct subscriber *subscriber;
	char text[1 << 20];
	size_t size, at;
	char line[8192]; /* the last one taken, without its newline */
};

static void subscribe(struct events *events, struct client *client, const char *port, int64_t now)
{
	struct filter filter = {.all = true};
	const char *allowed;

	memset(client, 0, sizeof(*client));
	if (port)
		assert_int_equal(filter_set(&filter, "lport", port, &allowed), 0);
	assert_int_equal(events_subscribe(events, &filter, HELLO, now, &client->subscriber), 0);
}

/* At most most bytes; returns how many. */
static size_t fetch(struct client *client, size_t most, int64_t now)
{
	size_t n;

	client->size -= client->at;
	memmove(client->text, client->text + client->at, client->size);
	client->at = 0;
	assert_true(client->size + most <= sizeof(client->text));
	n = events_read(client->subscriber, client->text + client->size, most, now, 0);
	assert_true(n <= most);
	client->size += n;
	return n;
}

/* The next whole line of those fetched, or NULL. */
static const char *next(struct client *client)
{
	const char *start = client->text + client->at;
	const char *end = memchr(start, '\n', client->size - client->at);
	size_t size = end ? (size_t)(end - start) : 0;

	if (!end)
		return NULL;
	assert_true(size < sizeof(client->line));
	memcpy(client->line, start, size);
	client->line[size] = '\0';
	client->at += size + 1;
	assert_int_equal(client->line[0], '{');
	assert_int_equal(client->line[size - 1], '}');
	return client->line;
}

static const char *fetch_line(struct client *client, int64_t now)
{
	const char *line = next(client);

	while (!line && fetch(client, 512, now))
		line = next(client);
	return line;
}

/* Every event has a number, which is shown as the bytes that it received. */
static int64_t number_of(const char *line)
{
	const char *found = line ? strstr(line, "\"rx_bytes\":") : NULL;

	return found ? strtoll(found + strlen("\"rx_bytes\":"), NULL, 10) : -1;
}

static int64_t count_of(const char *line)
{
	const char *found = line ? strstr(line, "\"count\":") : NULL;

	return found ? strtoll(found + strlen("\"count\":"), NULL, 10) : -1;
}

static void expect_event(struct client *client, int64_t number, int64_t now)
{
	assert_int_equal(number_of(fetch_line(client, now)), number);
}

static void expect_hello(struct client *client, int64_t now)
{
	assert_string_equal(fetch_line(client, now), "{\"event\":\"hello\"}");
}

static void expect_nothing(struct client *client, int64_t now)
{
	assert_false(events_ready(client->subscriber, now));
	assert_null(fetch_line(client, now));
}

static void publish_place(struct events *events, uint16_t port, int64_t number,
			  const struct place *place)
{
	struct event event = {
		.kind = RECORD_CLOSED,
		.conn = {.local_port = port,
			 .family = FAMILY_IPV4,
			 .role = ROLE_SERVER,
			 .owner = {.pid = 1}},
		.owner_place = place,
		.rx_bytes = number,
	};

	events_publish(events, &event);
}

static void publish(struct events *events, uint16_t port, int64_t number)
{
	publish_place(events, port, number, NULL);
}

static struct subscriber_counts counts_of(const struct client *client)
{
	struct subscriber_counts counts;

	events_counts(client->subscriber, &counts);
	return counts;
}

static struct client one, other, third;

static void each_gets_its_own_in_order(void **state)
{
	struct events *events = events_new(1 << 20);

	(void)state;
	subscribe(events, &one, "1", 0);
	subscribe(events, &other, "2", 0);
	subscribe(events, &third, NULL, 0);
	for (int n = 0; n < 300; n++)
		publish(events, (uint16_t)(n % 3), n);
	expect_hello(&one, 0);
	expect_hello(&other, 0);
	expect_hello(&third, 0);
	for (int n = 0; n < 300; n++) {
		if (n % 3)
			expect_event(n % 3 == 1 ? &one : &other, n, 0);
		expect_event(&third, n, 0);
	}
	expect_nothing(&one, 0);
	expect_nothing(&other, 0);
	expect_nothing(&third, 0);
	assert_int_equal(counts_of(&one).sent, 100);
	assert_int_equal(counts_of(&third).sent, 300);
	assert_int_equal(counts_of(&third).buffered, 0);
	assert_int_equal(events_lost(events), 0);
	events_free(events);
}

static void nothing_from_before(void **state)
{
	struct events *events = events_new(1 << 16);

	(void)state;
	subscribe(events, &one, NULL, 0);
	publish(events, 1, 1);
	subscribe(events, &other, NULL, 0);
	publish(events, 1, 2);
	expect_hello(&other, 0);
	expect_event(&other, 2, 0);
	expect_nothing(&other, 0);
	events_free(events);
}

/* The place of one that has gone is another's, whose events are not those still in the log. */
static void place_is_used_again(void **state)
{
	struct events *events = events_new(1 << 16);

	(void)state;
	subscribe(events, &one, "1", 0);
	subscribe(events, &other, "2", 0);
	publish(events, 1, 1);
	publish(events, 2, 2);
	events_unsubscribe(one.subscriber);
	subscribe(events, &third, "2", 0);
	assert_int_equal(counts_of(&other).id, 2);
	assert_int_equal(counts_of(&third).id, 3); /* which is not */
	publish(events, 2, 3);
	publish(events, 1, 4);
	expect_hello(&third, 0);
	expect_event(&third, 3, 0);
	expect_nothing(&third, 0);
	expect_hello(&other, 0);
	expect_event(&other, 2, 0);
	expect_event(&other, 3, 0);
	expect_nothing(&other, 0);
	events_free(events);
}

static void publish_with_unit(struct events *events, int64_t number, size_t unit_length)
{
	struct place place = {};

	memset(place.unit, 'u', unit_length);
	publish_place(events, 1, number, &place);
}

/* Many times round the log, with the reader an event behind and its pieces of every size. */
static void round_the_log(void **state)
{
	struct events *events = events_new(4096);

	(void)state;
	subscribe(events, &one, NULL, 0);
	expect_hello(&one, 0);
	publish_with_unit(events, 0, 0);
	for (int n = 0; n < 2000; n++) {
		publish_with_unit(events, n + 1, (size_t)n % 127);
		while (!memchr(one.text + one.at, '\n', one.size - one.at))
			assert_int_not_equal(fetch(&one, 1 + (size_t)n % 700, 0), 0);
		assert_int_equal(number_of(next(&one)), n);
	}
	expect_event(&one, 2000, 0);
	expect_nothing(&one, 0);
	assert_int_equal(events_lost(events), 0);
	events_free(events);
}

struct memory {
	long mapped, resident;
};

/* In bytes. */
static struct memory memory_now(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	struct memory memory = {};

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld %ld", &memory.mapped, &memory.resident), 2);
	fclose(file);
	memory.mapped *= sysconf(_SC_PAGESIZE);
	memory.resident *= sysconf(_SC_PAGESIZE);
	return memory;
}

static long resident_bytes(void)
{
	return memory_now().resident;
}

/* With readers that keep up, a log takes no more memory than it needs, however many come. */
static void readers_that_keep_up_take_little(void **state)
{
	const size_t log_size = 1 << 26;
	struct events *events = events_new(log_size);
	long before;

	(void)state;
	subscribe(events, &one, NULL, 0);
	subscribe(events, &other, "1", 0); /* gets none of them */
	expect_hello(&one, 0);
	expect_hello(&other, 0);
	before = resident_bytes();
	for (int64_t number = 0; number < 200000; number += 2) {
		publish(events, 80, number);
		publish(events, 80, number + 1);
		expect_event(&one, number, 0);
		expect_event(&one, number + 1, 0);
	}
	assert_true(!MEMORY_IS_ITS_OWN || resident_bytes() - before < (long)log_size / 8);
	expect_nothing(&other, 0);
	events_free(events);
}

/* What a burst has taken, for readers that come late, goes back when they have read it. */
static void burst_takes_memory_for_its_time(void **state)
{
	const long log_size = 1 << 24;
	struct events *events = events_new((size_t)log_size);
	int64_t number = 0, read = 0;
	long before;

	(void)state;
	subscribe(events, &one, NULL, 0);
	expect_hello(&one, 0);
	before = resident_bytes();
	while (counts_of(&one).buffered < (size_t)log_size * 3 / 4)
		publish(events, 80, number++);
	assert_true(!MEMORY_IS_ITS_OWN || resident_bytes() - before >= log_size / 2);
	while (read < number)
		expect_event(&one, read++, 0);
	expect_nothing(&one, 0);
	assert_true(!MEMORY_IS_ITS_OWN || resident_bytes() - before < log_size / 4);
	publish(events, 80, number);
	expect_event(&one, number, 0);
	events_free(events);
}

/* What is lost is the oldest, all else is there, and the loss is told first. */
static void slow_reader_is_told_its_loss(void **state)
{
	struct events *events = events_new(16384);
	int64_t lost;

	(void)state;
	subscribe(events, &one, "1", 0);
	subscribe(events, &other, "1", 0);
	expect_hello(&one, 0);
	expect_hello(&other, 0);
	for (int n = 0; n < 1000; n++) {
		publish(events, 1, n);
		expect_event(&other, n, 0);
	}
	assert_true(counts_of(&one).buffered <= 16384);
	lost = count_of(fetch_line(&one, 0));
	assert_non_null(strstr(one.line, "\"event\":\"lost\""));
	assert_in_range(lost, 950, 999);
	for (int64_t n = lost; n < 1000; n++)
		expect_event(&one, n, 0);
	expect_nothing(&one, 0);
	assert_int_equal(counts_of(&one).lost, lost);
	assert_int_equal(counts_of(&one).sent, 1000 - lost);
	assert_int_equal(counts_of(&other).lost, 0);
	assert_int_equal(events_lost(events), lost);
	events_unsubscribe(one.subscriber);
	assert_int_equal(events_lost(events), lost);
	events_free(events);
}

/* A line that was begun comes to its end, though its event has gone from the log. */
static void half_a_line_becomes_whole(void **state)
{
	struct events *events = events_new(16384);
	int64_t lost;

	(void)state;
	subscribe(events, &one, NULL, 0);
	expect_hello(&one, 0);
	publish(events, 1, 0);
	assert_int_equal(fetch(&one, 100, 0), 100);
	for (int n = 1; n < 1000; n++)
		publish(events, 1, n);
	expect_event(&one, 0, 0);
	lost = count_of(fetch_line(&one, 0));
	assert_in_range(lost, 950, 998);
	for (int64_t n = lost + 1; n < 1000; n++)
		expect_event(&one, n, 0);
	assert_int_equal(counts_of(&one).sent, 1000 - lost);
	events_free(events);
}

/* An event that would push out too many others is lost for those who want it. */
static void too_long_a_line(void **state)
{
	static struct holder holders[200];
	struct event large = {.kind = RECORD_WAITING,
			      .conn = {.local_port = 1, .family = FAMILY_IPV4},
			      .holders = holders,
			      .holder_count = 200};
	struct events *events = events_new(16384);

	(void)state;
	subscribe(events, &one, "1", 0);
	subscribe(events, &other, "2", 0);
	expect_hello(&one, 0);
	expect_hello(&other, 0);
	publish(events, 1, 6);
	assert_int_equal(fetch(&one, 100, 0), 100);
	events_publish(events, &large);
	publish(events, 1, 7);
	expect_event(&one, 6, 0); /* not torn by what is told of the loss */
	assert_int_equal(count_of(fetch_line(&one, 0)), 1);
	expect_event(&one, 7, 0);
	expect_nothing(&other, 0);
	assert_int_equal(events_lost(events), 1);
	events_free(events);
}

static void heartbeat(void **state)
{
	struct events *events = events_new(1 << 16);

	(void)state;
	subscribe(events, &one, "1", 0);
	expect_hello(&one, 0);
	expect_nothing(&one, 5 * SECOND - 1);
	assert_true(events_ready(one.subscriber, 5 * SECOND));
	assert_string_equal(fetch_line(&one, 5 * SECOND),
			    "{\"event\":\"heartbeat\",\"time\":\"1970-01-01T00:00:00.000000Z\"}");
	expect_nothing(&one, 10 * SECOND - 1);
	/* Another's event is nothing; its own is, and then no heartbeat is due. */
	publish(events, 2, 1);
	assert_true(events_ready(one.subscriber, 10 * SECOND));
	publish(events, 1, 2);
	expect_event(&one, 2, 10 * SECOND);
	expect_nothing(&one, 15 * SECOND - 1);
	assert_non_null(strstr(fetch_line(&one, 15 * SECOND), "heartbeat"));
	assert_int_equal(counts_of(&one).sent, 1);
	events_free(events);
}

static void too_many_subscribers(void **state)
{
	struct events *events = events_new(1 << 16);
	struct subscriber *subscribers[SUBSCRIBERS_MAX], *more;
	struct filter filter = {.all = true};
	char buf[1024];

	(void)state;
	for (int i = 0; i < SUBSCRIBERS_MAX; i++)
		assert_int_equal(events_subscribe(events, &filter, HELLO, 0, &subscribers[i]), 0);
	assert_int_equal(events_subscribe(events, &filter, HELLO, 0, &more), -EBUSY);
	publish(events, 1, 5);
	for (int i = 0; i < SUBSCRIBERS_MAX; i++)
		assert_true(events_read(subscribers[i], buf, sizeof(buf), 0, 0) > 500);
	events_unsubscribe(subscribers[77]);
	assert_int_equal(events_subscribe(events, &filter, HELLO, 0, &more), 0);
	assert_int_equal(events_subscribe(events, &filter, HELLO, 0, &subscribers[77]), -EBUSY);
	events_free(events);
}

/* The log against a list that keeps everything. */

#define MODEL_CLIENTS 6
#define MODEL_EVENTS 20000

struct model {
	struct client client;
	bool used;
	uint16_t port; /* 0: any */
	int64_t wanted[MODEL_EVENTS];
	size_t published, taken; /* of wanted */
	int64_t told; /* lost, since the last event */
};

static uint64_t seed = 7;

static size_t any(size_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (size_t)(seed >> 33) % below;
}

/* Between two events are exactly those that were told as lost. */
static void check_line(struct model *model, const char *line)
{
	if (strstr(line, "\"event\":\"hello\"")) {
		assert_int_equal(model->taken + (size_t)model->told, 0);
	} else if (strstr(line, "\"event\":\"lost\"")) {
		assert_true(count_of(line) > 0);
		model->told += count_of(line);
	} else {
		model->taken += (size_t)model->told;
		model->told = 0;
		assert_true(model->taken < model->published);
		assert_int_equal(number_of(line), model->wanted[model->taken++]);
	}
}

static void model_read(struct model *model, size_t most)
{
	const char *line;

	fetch(&model->client, most, 0);
	while ((line = next(&model->client)))
		check_line(model, line);
}

static void model_end(struct model *model)
{
	struct subscriber_counts counts;

	while (events_ready(model->client.subscriber, 0))
		model_read(model, 1 + any(3000));
	counts = counts_of(&model->client);
	assert_int_equal(model->taken + (size_t)model->told, model->published);
	assert_int_equal(counts.sent + counts.lost, model->published);
	assert_int_equal(counts.buffered, 0);
	events_unsubscribe(model->client.subscriber);
	model->used = false;
}

static void model_begin(struct events *events, struct model *model)
{
	char port[8];

	memset(model, 0, sizeof(*model));
	model->used = true;
	model->port = (uint16_t)any(4);
	snprintf(port, sizeof(port), "%u", model->port);
	subscribe(events, &model->client, model->port ? port : NULL, 0);
}

static void model_publish(struct events *events, struct model *models, int64_t number)
{
	struct place place = {};
	uint16_t port = (uint16_t)(1 + any(4));

	memset(place.unit, 'u', any(sizeof(place.unit)));
	publish_place(events, port, number, &place);
	for (int i = 0; i < MODEL_CLIENTS; i++) {
		if (models[i].used && (!models[i].port || models[i].port == port))
			models[i].wanted[models[i].published++] = number;
	}
}

static void random_against_a_list(void **state)
{
	static struct model models[MODEL_CLIENTS];
	struct events *events = events_new(16384);
	int64_t number = 0;

	(void)state;
	while (number < MODEL_EVENTS) {
		struct model *model = &models[any(MODEL_CLIENTS)];

		if (any(200) == 0)
			model->used ? model_end(model) : model_begin(events, model);
		else if (any(3) == 0 && model->used)
			model_read(model, 1 + any(any(4) ? 1500 : 20000));
		else
			model_publish(events, models, number++);
	}
	for (int i = 0; i < MODEL_CLIENTS; i++) {
		if (models[i].used)
			model_end(&models[i]);
	}
	assert_true(events_lost(events) > 0);
	events_free(events);
}

static void log_goes_with_the_last_subscriber(void **state)
{
	const long log_size = 1 << 26;
	struct events *events = events_new((size_t)log_size);
	long alone = memory_now().mapped;

	(void)state;
	for (int64_t round = 0; round < 2; round++) {
		subscribe(events, &one, NULL, 0);
		subscribe(events, &other, NULL, 0);
		assert_true(memory_now().mapped >= alone + log_size);
		events_unsubscribe(one.subscriber);
		publish(events, 80, 10 * round);
		expect_hello(&other, 0);
		expect_event(&other, 10 * round, 0);
		expect_nothing(&other, 0);
		events_unsubscribe(other.subscriber);
		assert_true(memory_now().mapped < alone + log_size / 2);
	}
	events_free(events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gets_its_own_in_order),
		cmocka_unit_test(nothing_from_before),
		cmocka_unit_test(place_is_used_again),
		cmocka_unit_test(round_the_log),
		cmocka_unit_test(readers_that_keep_up_take_little),
		cmocka_unit_test(burst_takes_memory_for_its_time),
		cmocka_unit_test(slow_reader_is_told_its_loss),
		cmocka_unit_test(half_a_line_becomes_whole),
		cmocka_unit_test(too_long_a_line),
		cmocka_unit_test(heartbeat),
		cmocka_unit_test(too_many_subscribers),
		cmocka_unit_test(log_goes_with_the_last_subscriber),
		cmocka_unit_test(random_against_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

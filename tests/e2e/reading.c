// SPDX-License-Identifier: GPL-2.0
/* What the application had taken and sent. Numbers in names are those of the scenarios. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "expect.h"
#include "suite.h"

#define SLOW_MS 1100 /* over the threshold of a close wait */

static void open_pair(struct pair *pair)
{
	struct listener listener;

	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	pair_open(pair, &listener);
	close(listener.fd);
}

static void reading_not_6(void **state)
{
	struct pair pair;
	struct span closed;
	json_t *event;

	(void)state;
	open_pair(&pair);
	send_all(pair.client, "ab", 2);
	pair_close_client(&pair);
	pass_ms(SLOW_MS);
	closed = timed_close(pair.server);

	event = server_event(&pair);
	expect_text(event, "cause", "not-reading");
	expect_number(event, "unread_bytes", 2);
	expect_truth(event, "fin_read", false);
	expect_wait(event, "close_wait_ms", pair.fin, closed);
	client_event(&pair);
	expect_one_each(&pair);
}

/* No bytes at all: the FIN alone was not taken. */
static void reading_not_even_fin_6(void **state)
{
	struct pair pair;
	json_t *event;

	(void)state;
	open_pair(&pair);
	pair_close_client(&pair);
	pass_ms(SLOW_MS);
	close(pair.server);

	event = server_event(&pair);
	expect_text(event, "cause", "not-reading");
	expect_text(event, "end", "close");
	expect_number(event, "unread_bytes", 0);
	expect_truth(event, "fin_read", false);
	client_event(&pair);
	expect_one_each(&pair);
}

static void reading_but_not_closing_7(void **state)
{
	struct pair pair;
	struct span closed;
	json_t *event;

	(void)state;
	open_pair(&pair);
	send_all(pair.client, "ab", 2);
	receive_all(pair.server, 2);
	pair_close_client(&pair);
	receive_end(pair.server);
	pass_ms(SLOW_MS);
	closed = timed_close(pair.server);

	event = server_event(&pair);
	expect_text(event, "cause", "not-closing");
	expect_number(event, "unread_bytes", 0);
	expect_truth(event, "fin_read", true);
	expect_wait(event, "close_wait_ms", pair.fin, closed);
	client_event(&pair);
	expect_one_each(&pair);
}

/* Nobody takes what came for so long that it is told while it waits. */
static void open_hanging(struct pair *pair)
{
	struct wanted wanted;

	open_pair(pair);
	send_all(pair->client, "ab", 2);
	pair_close_client(pair);
	wanted = wanted_server(pair);
	wanted.event = "waiting";
	expect_text(daemon_expect(&suite.daemon, &wanted), "cause", "not-reading");
}

/* What it does in its last moment is not what it waited for. */
static void reading_at_last_1(void **state)
{
	struct pair pair;
	json_t *event;

	(void)state;
	open_hanging(&pair);
	receive_all(pair.server, 2);
	receive_end(pair.server);
	close(pair.server);

	event = server_event(&pair);
	expect_text(event, "cause", "not-reading");
	expect_number(event, "unread_bytes", 0);
	expect_truth(event, "fin_read", true);
	client_event(&pair);
	expect_one_each(&pair);
}

/* The look that tells of another one since then has seen that this is read by now. */
static void reading_at_last_but_not_closing(void **state)
{
	struct pair pair, other;
	json_t *event;

	(void)state;
	open_hanging(&pair);
	receive_all(pair.server, 2);
	receive_end(pair.server);
	open_hanging(&other);
	close(pair.server);
	close(other.server);

	event = server_event(&pair);
	expect_text(event, "cause", "not-closing");
	client_event(&pair);
	event = server_event(&other);
	expect_text(event, "cause", "not-reading");
	expect_number(event, "unread_bytes", 2);
	client_event(&other);
	expect_one_each(&pair);
	expect_one_each(&other);
}

/* One read of data with the FIN behind it takes both, before any read has returned 0. */
static void reading_fin_with_data_7(void **state)
{
	struct span closed;
	struct pair pair;
	json_t *event;
	char buffer[16];

	(void)state;
	open_pair(&pair);
	send_all(pair.client, "ab", 2);
	pair_close_client(&pair);
	assert_int_equal(recv(pair.server, buffer, sizeof(buffer), 0), 2);
	closed = timed_close(pair.server);

	event = server_event(&pair);
	if (closed.after - pair.fin.before < 1000000000) /* else it was slow */
		expect_null(event, "cause");
	expect_text(event, "end", "close");
	expect_number(event, "unread_bytes", 0);
	expect_truth(event, "fin_read", true);
	client_event(&pair);
	expect_one_each(&pair);
}

static void reading_still_sending_8(void **state)
{
	enum { CHUNK = 1000, CHUNKS = 6 };
	static const char chunk[CHUNK];
	struct pair pair;
	struct span closed;
	json_t *event;

	(void)state;
	open_pair(&pair);
	send_all(pair.server, chunk, 77);
	send_all(pair.client, "get", 3);
	pair_shutdown_client(&pair);
	receive_all(pair.server, 3);
	receive_end(pair.server);
	for (int i = 0; i < CHUNKS; i++) {
		send_all(pair.server, chunk, CHUNK);
		receive_all(pair.client, i ? CHUNK : CHUNK + 77);
		pass_ms(SLOW_MS / CHUNKS + 1);
	}
	closed = timed_close(pair.server);
	receive_end(pair.client);
	close(pair.client);

	event = server_event(&pair);
	expect_text(event, "cause", "still-sending");
	expect_number(event, "tx_bytes_after_fin", CHUNK * CHUNKS);
	expect_number(event, "tx_bytes", CHUNK * CHUNKS + 77);
	expect_number(event, "rx_bytes", 3);
	expect_wait(event, "close_wait_ms", pair.fin, closed);
	expect_text(event, "end", "close");
	event = client_event(&pair);
	expect_client(event, &pair, "shutdown");
	expect_number(event, "rx_bytes", CHUNK * CHUNKS + 77);
	expect_number(event, "tx_bytes", 3);
	expect_one_each(&pair);
}

/* Over what a socket buffer holds, and with the last bytes still queued at the close. */
struct transfer {
	int fd;
	size_t size;
};

static void *receiver(void *argument)
{
	struct transfer *transfer = argument;
	static char buffer[65536];
	ssize_t n;

	while ((n = recv(transfer->fd, buffer, sizeof(buffer), 0)) > 0)
		transfer->size += (size_t)n;
	return NULL;
}

static void reading_many_bytes(void **state)
{
	enum { CHUNK = 100000, CHUNKS = 80 };
	char *chunk = calloc(1, CHUNK);
	struct transfer transfer = {};
	pthread_t thread;
	struct pair pair;
	json_t *event;

	(void)state;
	open_pair(&pair);
	transfer.fd = pair.client;
	pair_shutdown_client(&pair);
	receive_end(pair.server);
	assert_int_equal(pthread_create(&thread, NULL, receiver, &transfer), 0);
	for (int i = 0; i < CHUNKS; i++)
		send_all(pair.server, chunk, CHUNK);
	close(pair.server);
	pthread_join(thread, NULL);
	close(pair.client);
	free(chunk);
	assert_int_equal(transfer.size, CHUNK * CHUNKS);

	event = server_event(&pair);
	expect_number(event, "tx_bytes", CHUNK * CHUNKS);
	expect_number(event, "tx_bytes_after_fin", CHUNK * CHUNKS);
	event = client_event(&pair);
	expect_number(event, "rx_bytes", CHUNK * CHUNKS);
	expect_one_each(&pair);
}

int run_reading(void)
{
	const struct CMUnitTest reading[] = {
		scenario(reading_not_6),
		scenario(reading_not_even_fin_6),
		scenario(reading_but_not_closing_7),
		scenario(reading_at_last_1),
		scenario(reading_at_last_but_not_closing),
		scenario(reading_fin_with_data_7),
		scenario(reading_still_sending_8),
		scenario(reading_many_bytes),
	};

	return cmocka_run_group_tests(reading, suite_setup_parity, suite_teardown);
}

// SPDX-License-Identifier: GPL-2.0
/* The summary of connections whose every wait the test has bounded itself. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service.h"
#include "sockets.h"
#include "suite.h"

#define CONNECTIONS 300
#define THRESHOLD_NS 100000000LL
#define ERROR 0.03 /* of a percentile */

/* The bounds of each wait; sorted, of each rank. */
struct waits {
	int64_t least[CONNECTIONS], most[CONNECTIONS];
};

static void wait_fin(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLRDHUP};

	assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
}

/* Close waits of a few milliseconds to some hundred; each client sends as many bytes as its number.
 */
static void make_connections(const struct listener *listener, struct waits *waits)
{
	static struct pair pairs[CONNECTIONS];
	static char bytes[CONNECTIONS];

	for (int i = 0; i < CONNECTIONS; i++) {
		pair_open(&pairs[i], listener);
		if (i)
			send_all(pairs[i].client, bytes, (size_t)i);
		receive_all(pairs[i].server, (size_t)i);
	}
	for (int i = 0; i < CONNECTIONS; i++) {
		pairs[i].fin = timed_close(pairs[i].client);
		wait_fin(pairs[i].server);
		pairs[i].fin.after = now_ns();
	}
	for (int i = 0; i < CONNECTIONS; i++) {
		struct span closed;

		pass_ms(1);
		closed = timed_close(pairs[i].server);
		waits->least[i] = closed.before - pairs[i].fin.after;
		waits->most[i] = closed.after - pairs[i].fin.before;
	}
}

static int compare(const void *a, const void *b)
{
	int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;

	return (one > other) - (one < other);
}

static void sort(struct waits *waits)
{
	qsort(waits->least, CONNECTIONS, sizeof(int64_t), compare);
	qsort(waits->most, CONNECTIONS, sizeof(int64_t), compare);
}

/* The percentile is of the rank or one beside it, as people differ on that. */
static void expect_percentile(json_t *measure, const char *key, int percent,
			      const struct waits *waits)
{
	int rank = (CONNECTIONS * percent + 99) / 100 - 1;
	double least = (double)waits->least[rank > 0 ? rank - 1 : 0] / 1e6 * (1 - ERROR);
	double most = (double)waits->most[rank + 1 < CONNECTIONS ? rank + 1 : rank] / 1e6;
	double value = json_real_value(at(measure, key));

	if (value < least || value > most * (1 + ERROR))
		fail_msg("%s is %f, not from %f to %f", key, value, least, most * (1 + ERROR));
}

static void expect_close_waits(json_t *row, const struct waits *waits)
{
	json_t *measure = at(row, "close_wait");
	double least = 0, most = 0;
	int slow_least = 0, slow_most = 0;

	for (int i = 0; i < CONNECTIONS; i++) {
		least += (double)waits->least[i] / 1e6;
		most += (double)waits->most[i] / 1e6;
		slow_least += waits->least[i] >= THRESHOLD_NS;
		slow_most += waits->most[i] >= THRESHOLD_NS;
	}
	assert_int_equal(number_at(measure, "count"), CONNECTIONS);
	expect_percentile(measure, "p50_ms", 50, waits);
	expect_percentile(measure, "p90_ms", 90, waits);
	expect_percentile(measure, "p99_ms", 99, waits);
	assert_true(json_real_value(at(measure, "sum_ms")) >= least - 1);
	assert_true(json_real_value(at(measure, "sum_ms")) <= most + 1);
	assert_true(json_real_value(at(measure, "max_ms")) * 1e6 >=
		    (double)waits->least[CONNECTIONS - 1] - 1000);
	assert_true(json_real_value(at(measure, "max_ms")) * 1e6 <=
		    (double)waits->most[CONNECTIONS - 1]);
	assert_in_range(number_at(row, "slow_closes"), slow_least, slow_most);
}

/* Nobody reads the FIN, so that is the cause where it is slow. */
static void expect_server(json_t *row, const struct waits *waits)
{
	long long bytes = (long long)CONNECTIONS * (CONNECTIONS - 1) / 2;

	assert_non_null(row);
	assert_int_equal(number_at(row, "ended"), CONNECTIONS);
	assert_int_equal(number_at(row, "ends.close"), CONNECTIONS);
	assert_int_equal(number_at(row, "rx_bytes"), bytes);
	assert_int_equal(number_at(row, "tx_bytes"), 0);
	assert_int_equal(number_at(row, "causes.not-reading"), number_at(row, "slow_closes"));
	assert_int_equal(number_at(row, "accept_wait.count"), CONNECTIONS);
	assert_int_equal(number_at(row, "lifetime.count"), CONNECTIONS);
	assert_int_equal(number_at(row, "until_fin.count"), CONNECTIONS);
	expect_close_waits(row, waits);
}

static void expect_windows(const struct listener *listener, const struct waits *waits)
{
	static const char *const windows[] = {"1m", "5m", "1h", "start"};
	char target[64];

	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		json_t *summary;

		snprintf(target, sizeof(target), "/v1/summary?window=%s", windows[i]);
		summary = service_get(target);
		assert_string_equal(text_at(summary, "window"), windows[i]);
		expect_server(row_of(summary, "server", listener->port), waits);
		assert_string_equal(text_at(row_of(summary, "server", listener->port), "comm"),
				    "e2e");
		assert_int_equal(number_at(row_of(summary, "client", listener->port), "ended"),
				 CONNECTIONS);
		assert_int_equal(number_at(summary, "undetailed"), 0);
		assert_true(json_is_null(at(summary, "other")));
		json_decref(summary);
	}
}

/* Of that role, if one is given. */
static json_t *row_with(json_t *summary, const char *key, json_t *value, const char *role)
{
	json_t *row;
	size_t i;

	json_array_foreach (at(summary, "rows"), i, row) {
		if (json_equal(at(row, key), value) &&
		    (!role || strcmp(text_at(row, "role"), role) == 0))
			return row;
	}
	fail_msg("no row with that %s", key);
	return NULL;
}

/* Of this process are both ends; of the address 127.0.0.77 the servers alone. */
static void expect_by(const struct listener *listener, const struct waits *waits)
{
	json_t *summary = service_get("/v1/summary?by=port&window=1m"), *key;

	expect_server(row_of(summary, "server", listener->port), waits);
	json_decref(summary);

	summary = service_get("/v1/summary?by=process");
	key = json_integer(getpid());
	assert_int_equal(number_at(row_with(summary, "pid", key, NULL), "ended"), 2 * CONNECTIONS);
	assert_true(json_is_null(at(row_with(summary, "pid", key, NULL), "waiting")));
	json_decref(summary);
	json_decref(key);

	summary = service_get("/v1/summary?by=peer&window=1h");
	key = json_string("127.0.0.77");
	/* Others of this host can come from there; nobody else connects to it. */
	assert_int_equal(number_at(row_with(summary, "address", key, "client"), "ended"),
			 CONNECTIONS);
	json_decref(summary);
	json_decref(key);
}

/* The counts of the buckets are those of the whole, and each is where its waits are. */
static void expect_histogram(const struct listener *listener)
{
	json_t *summary = service_get("/v1/summary?histogram"), *bucket;
	json_t *row = row_of(summary, "server", listener->port);
	long long count = 0;
	double below = 0;
	size_t i;

	json_array_foreach (at(row, "close_wait.buckets"), i, bucket) {
		assert_true(json_number_value(json_array_get(bucket, 0)) >= below);
		below = json_number_value(json_array_get(bucket, 1));
		assert_true(json_integer_value(json_array_get(bucket, 2)) > 0);
		count += json_integer_value(json_array_get(bucket, 2));
	}
	assert_int_equal(count, CONNECTIONS);
	json_decref(summary);
}

static void api_summary_of_known_waits(void **state)
{
	static const char *const arguments[] = {"--close-wait", "100ms", "--accept-wait", "10m",
						NULL};
	static struct waits waits;
	struct listener listener;

	(void)state;
	service_start(arguments);
	listener_open(&listener, AF_INET, "127.0.0.77", 16);
	make_connections(&listener, &waits);
	sort(&waits);
	expect_windows(&listener, &waits);
	expect_by(&listener, &waits);
	expect_histogram(&listener);
	close(listener.fd);
	service_stop();
}

/* Outside a service the report goes to standard error: who is slow, and everything. */
static void api_report_on_standard_error(void **state)
{
	static const char *const arguments[] = {"--report-interval", "1s", "--close-wait", "50ms",
						NULL};
	struct listener listener;
	struct pair pair;
	char text[64];

	(void)state;
	service_start(arguments);
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	pair_open(&pair, &listener);
	pair_close_client(&pair);
	snprintf(text, sizeof(text), "slowclosed: e2e server port %u: 0 ended in ", listener.port);
	daemon_expect_said(&service.daemon, text);
	daemon_expect_said(&service.daemon, "1 in CLOSE_WAIT, oldest ");
	daemon_expect_said(&service.daemon, "slowclosed: all: ");
	pass_ms(50); /* it is slow, whenever that summary came */
	close(pair.server);
	snprintf(text, sizeof(text), "slowclosed: e2e server port %u: 1 ended in ", listener.port);
	daemon_expect_said(&service.daemon, text);
	close(listener.fd);
	service_stop();
}

#define SLOW_CLIENTS 3 /* as many as may hold a look */
#define MANY 1000 /* connections: more than a socket takes of them */
#define SHARED_MS 600 /* so long after a look nobody shares it any more */

/* Clients that read slowly hold their looks: another list is refused, the numbers are not. */
static void api_report_beside_slow_clients(void **state)
{
	static const char *const arguments[] = {"--report-interval", "1s", "--close-wait", "1h",
						NULL};
	static struct pair pairs[MANY + 1];
	struct http slow[SLOW_CLIENTS], refused;
	struct listener listener;
	char target[64], said[64];

	(void)state;
	service_start(arguments);
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	for (int i = 0; i < MANY; i++) {
		pair_open(&pairs[i], &listener);
		pair_close_client(&pairs[i]);
	}
	snprintf(target, sizeof(target), "/v1/connections?lport=%u", listener.port);
	for (int i = 0; i < SLOW_CLIENTS; i++) {
		http_open(&slow[i]);
		http_ask(&slow[i], "GET", target);
		http_read_head(&slow[i], false);
		assert_int_equal(slow[i].status, 200);
		pass_ms(SHARED_MS);
	}
	http_open(&refused);
	http_ask(&refused, "GET", target);
	http_read_head(&refused, false);
	assert_int_equal(refused.status, 503);
	http_close(&refused);
	pair_open(&pairs[MANY], &listener);
	pair_close_client(&pairs[MANY]);
	snprintf(said, sizeof(said), " %d in CLOSE_WAIT, oldest ", MANY + 1);
	daemon_expect_said(&service.daemon, said);
	for (int i = 0; i < SLOW_CLIENTS; i++) {
		int lines = 0;

		while (http_line(&slow[i]))
			lines++;
		assert_int_equal(lines, MANY);
		http_close(&slow[i]);
	}
	json_decref(service_list(target)); /* there is room again */
	for (int i = 0; i <= MANY; i++)
		close(pairs[i].server);
	close(listener.fd);
	service_stop();
}

int run_summary(void)
{
	const struct CMUnitTest summary[] = {
		service_scenario(api_summary_of_known_waits),
		service_scenario(api_report_on_standard_error),
		service_scenario(api_report_beside_slow_clients),
	};

	return cmocka_run_group_tests(summary, service_setup, service_teardown);
}

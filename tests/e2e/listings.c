// SPDX-License-Identifier: GPL-2.0
/* What waits and who listens, as the service answers it, against what the test has made. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "child.h"
#include "expect.h"
#include "netns.h"
#include "service.h"
#include "suite.h"

static const char *const arguments[] = {"--close-wait", "1ms", "--accept-wait", "1ms", NULL};

/* Clients that ask within half a second share a look, so the truth may need another. */
static json_t *list_until(size_t count, const char *format, unsigned int port)
{
	int64_t deadline = deadline_ns();
	char target[128];
	json_t *list;

	snprintf(target, sizeof(target), format, port);
	while (json_array_size(list = service_list(target)) != count) {
		if (now_ns() > deadline)
			fail_msg("%s has %zu lines, not %zu", target, json_array_size(list), count);
		json_decref(list);
		pass_ms(20);
	}
	return list;
}

static json_t *line_of(json_t *list, const struct pair *pair)
{
	json_t *line;
	size_t i;

	json_array_foreach (list, i, line) {
		if (number_at(line, "remote.port") == pair->client_port)
			return line;
	}
	fail_msg("no connection from port %u", pair->client_port);
	return NULL;
}

static void expect_line(json_t *list, const struct pair *pair, const char *state, const char *cause)
{
	json_t *line = line_of(list, pair), *holder;

	expect_text(line, "event", "waiting");
	expect_text(line, "state", state);
	expect_text(line, "cause", cause);
	expect_truth(line, "accepted", pair->server >= 0);
	assert_int_equal(json_array_size(at(line, "holders")), pair->server >= 0);
	if (pair->server < 0)
		return;
	holder = json_array_get(at(line, "holders"), 0);
	assert_int_equal(number_at(holder, "pid"), getpid());
	assert_int_equal(number_at(holder, "fd"), pair->server);
}

enum { NOT_READING, NOT_CLOSING, STILL_SENDING, QUEUED, QUEUED_FIN, PAIRS };

static void make_mix(struct pair pairs[PAIRS], const struct listener *listener)
{
	for (int i = 0; i < PAIRS; i++)
		i < QUEUED ? pair_open(&pairs[i], listener) : pair_connect(&pairs[i], listener);
	send_all(pairs[NOT_READING].client, "abc", 3);
	pair_close_client(&pairs[NOT_READING]);
	pair_close_client(&pairs[NOT_CLOSING]);
	receive_end(pairs[NOT_CLOSING].server);
	pair_shutdown_client(&pairs[STILL_SENDING]);
	receive_end(pairs[STILL_SENDING].server);
	send_all(pairs[STILL_SENDING].server, "abcde", 5);
	pair_close_client(&pairs[QUEUED_FIN]);
}

static void expect_mix(const struct pair pairs[PAIRS], const struct listener *listener)
{
	json_t *list = list_until(PAIRS, "/v1/connections?lport=%u", listener->port), *line;

	expect_line(list, &pairs[NOT_READING], "close-wait", "not-reading");
	expect_line(list, &pairs[NOT_CLOSING], "close-wait", "not-closing");
	expect_line(list, &pairs[STILL_SENDING], "close-wait", "still-sending");
	expect_line(list, &pairs[QUEUED], "accept-queue", "never-accepted");
	expect_line(list, &pairs[QUEUED_FIN], "close-wait", "never-accepted");
	line = line_of(list, &pairs[NOT_READING]);
	expect_number(line, "unread_bytes", 3);
	line = line_of(list, &pairs[STILL_SENDING]);
	expect_number(line, "tx_bytes_after_fin", 5);
	line = line_of(list, &pairs[QUEUED]);
	assert_int_equal(number_at(line, "listener.queued"), 2);
	assert_int_equal(number_at(line, "listener.limit"), 16);
	json_decref(list);
}

static void expect_waiting_in_summary(const struct listener *listener)
{
	json_t *summary = service_get("/v1/summary?by=port");
	json_t *row = row_of(summary, "server", listener->port), *waiting;

	assert_non_null(row);
	waiting = at(row, "waiting");
	assert_int_equal(number_at(row, "ended"), 0);
	assert_int_equal(number_at(waiting, "accept_queue"), 2);
	assert_int_equal(number_at(waiting, "close_wait"), 4);
	assert_int_equal(number_at(waiting, "causes.never-accepted"), 2);
	assert_int_equal(number_at(waiting, "causes.not-reading"), 1);
	assert_int_equal(number_at(waiting, "causes.not-closing"), 1);
	assert_int_equal(number_at(waiting, "causes.still-sending"), 1);
	json_decref(summary);
}

static void api_connections_in_a_mix(void **state)
{
	struct pair pairs[PAIRS];
	struct listener listener;

	(void)state;
	service_use(arguments);
	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	make_mix(pairs, &listener);
	expect_mix(pairs, &listener);
	expect_waiting_in_summary(&listener);
	json_decref(list_until(4, "/v1/connections?min-close-wait=1ms&lport=%u", listener.port));
	json_decref(list_until(0, "/v1/connections?min-close-wait=1h&lport=%u", listener.port));
	json_decref(list_until(0, "/v1/connections?min-accept-wait=1h&lport=%u", listener.port));
	json_decref(list_until(3, "/v1/connections?comm=e2e&lport=%u", listener.port));
	json_decref(list_until(0, "/v1/connections?comm=nobody&lport=%u", listener.port));
	json_decref(list_until(0, "/v1/connections?family=6&lport=%u", listener.port));
	json_decref(list_until(0, "/v1/connections?role=client&lport=%u", listener.port));
	for (int i = 0; i < PAIRS; i++) {
		close(pairs[i].client);
		close(pairs[i].server);
	}
	close(listener.fd);
	json_decref(list_until(0, "/v1/connections?lport=%u", listener.port));
}

/* Of itself accept() can be at no limit but that of descriptors: the connection is there. */
static void accept_without_descriptors(int channel, int fd)
{
	struct rlimit limit = {(rlim_t)fd + 1, (rlim_t)fd + 1};

	if (setrlimit(RLIMIT_NOFILE, &limit))
		child_fail("setrlimit");
	for (int i = 0; i < 3; i++) {
		if (accept4(fd, NULL, NULL, SOCK_CLOEXEC) >= 0 || errno != EMFILE)
			child_fail("accept4");
	}
	child_say(channel, 3, 0, 0);
	child_told(channel);
}

static json_t *listener_line(json_t *list, const struct listener *listener)
{
	json_t *line = json_array_get(list, 0);

	expect_text(line, "event", "listener");
	expect_text(line, "family", "ipv4");
	expect_end(line, "local", "127.0.0.1", listener->port);
	expect_task(line, "owner", getpid(), gettid());
	return line;
}

static void api_listener_accepts(void **state)
{
	struct span accepted = {.before = now_ns()}, looked;
	struct listener listener;
	struct pair pairs[4];
	json_t *list, *line;

	(void)state;
	service_use(arguments);
	listener_open(&listener, AF_INET, "127.0.0.1", 7);
	for (int i = 0; i < 4; i++)
		i < 3 ? pair_open(&pairs[i], &listener) : pair_connect(&pairs[i], &listener);
	accepted.after = now_ns();
	list = list_until(1, "/v1/listeners?lport=%u", listener.port);
	line = listener_line(list, &listener);
	expect_number(line, "accepts", 3);
	expect_number(line, "queued", 1);
	expect_number(line, "known", 1);
	expect_number(line, "limit", 7);
	expect_text(line, "limit_by", "backlog");
	expect_number(line, "drops", 0);
	looked = (struct span){.before = accepted.after, .after = now_ns()};
	expect_wait(line, "last_accept_ms", accepted, looked);
	assert_int_equal(json_object_size(at(line, "accept_errors")), 0);
	assert_int_equal(json_array_size(at(line, "holders")), 1);
	json_decref(list);
	json_decref(list_until(0, "/v1/listeners?family=6&lport=%u", listener.port));
	for (int i = 0; i < 4; i++) {
		close(pairs[i].client);
		close(pairs[i].server);
	}
	close(listener.fd);
}

/* Who has not called bind() gets a port only when listen() is almost done. */
static void api_listener_without_bind(void **state)
{
	struct listener listener = {.length = sizeof(listener.address), .type = SOCK_STREAM};
	struct pair pair;
	json_t *list;

	(void)state;
	service_use(arguments);
	listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(listen(listener.fd, 4), 0);
	listener.port = local_port_of(listener.fd);
	assert_int_equal(
		getsockname(listener.fd, (struct sockaddr *)&listener.address, &listener.length),
		0);
	pair_connect(&pair, &listener);
	list = list_until(1, "/v1/listeners?lport=%u", listener.port);
	expect_number(json_array_get(list, 0), "queued", 1);
	expect_number(json_array_get(list, 0), "known", 1);
	expect_end(json_array_get(list, 0), "local", "0.0.0.0", listener.port);
	json_decref(list);
	close(pair.client);
	close(listener.fd);
}

static void api_listener_accept_errors(void **state)
{
	struct listener listener;
	struct child child;
	struct pair pair;
	json_t *list, *line;

	(void)state;
	service_use(arguments);
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	pair_connect(&pair, &listener);
	child_start(&child, accept_without_descriptors, listener.fd);
	assert_int_equal(child_hear(&child).value, 3);
	list = list_until(1, "/v1/listeners?lport=%u", listener.port);
	line = listener_line(list, &listener);
	assert_int_equal(number_at(line, "accept_errors.EMFILE"), 3);
	assert_int_equal(json_object_size(at(line, "accept_errors")), 1);
	expect_number(line, "accepts", 0);
	expect_null(line, "last_accept_ms");
	assert_int_equal(json_array_size(at(line, "holders")), 2);
	json_decref(list);
	child_tell(&child, 0);
	child_wait(&child);
	close(pair.client);
	close(listener.fd);
}

static long somaxconn(void)
{
	FILE *file = fopen("/proc/sys/net/core/somaxconn", "re");
	long value = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld", &value), 1);
	fclose(file);
	return value;
}

static void expect_limit(const struct listener *listener, long limit, const char *by)
{
	json_t *list = list_until(1, "/v1/listeners?lport=%u", listener->port);
	json_t *line = listener_line(list, listener);

	expect_number(line, "limit", limit);
	if (by)
		expect_text(line, "limit_by", by);
	else
		expect_null(line, "limit_by");
	json_decref(list);
}

static void api_listener_limits(void **state)
{
	struct listener small, large;

	(void)state;
	service_use(arguments);
	listener_open(&small, AF_INET, "127.0.0.1", 1);
	listener_open(&large, AF_INET, "127.0.0.1", 1 << 24);
	expect_limit(&small, 1, "backlog");
	expect_limit(&large, somaxconn(), "somaxconn");
	close(small.fd);
	close(large.fd);
}

/* What cut it is known from the time of listen(), whatever somaxconn becomes. */
static void api_listener_limits_then(void **state)
{
	struct listener small, large;

	(void)state;
	service_use(arguments);
	netns_enter_new();
	netns_set("core/somaxconn", "9");
	listener_open(&small, AF_INET, "127.0.0.1", 5);
	listener_open(&large, AF_INET, "127.0.0.1", 100);
	netns_set("core/somaxconn", "20");
	expect_limit(&small, 5, "backlog");
	expect_limit(&large, 9, "somaxconn");
	netns_set("core/somaxconn", "4");
	expect_limit(&small, 5, "backlog");
	expect_limit(&large, 9, "somaxconn");
	netns_set("core/somaxconn", "5"); /* which listen() may have been called with again */
	expect_limit(&small, 5, NULL);
	netns_set("core/somaxconn", "20");
	assert_int_equal(listen(large.fd, 15), 0);
	expect_limit(&large, 15, NULL);
	close(small.fd);
	close(large.fd);
	netns_leave();
}

int run_listings(void)
{
	const struct CMUnitTest listings[] = {
		service_scenario(api_connections_in_a_mix),
		service_scenario(api_listener_accepts),
		service_scenario(api_listener_without_bind),
		service_scenario(api_listener_accept_errors),
		service_scenario(api_listener_limits),
		service_scenario(api_listener_limits_then),
	};

	return cmocka_run_group_tests(listings, service_setup, service_teardown);
}

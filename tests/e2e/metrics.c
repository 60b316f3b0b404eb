// SPDX-License-Identifier: GPL-2.0
/* /metrics: what the node's connections make of it, and who may see it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service.h"
#include "sockets.h"
#include "suite.h"

#define TYPE "text/plain; version=0.0.4; charset=utf-8"

static uint16_t port; /* of --metrics-listen */

/* Of a port that was free a moment ago. */
static const char *const *arguments(void)
{
	static char address[32];
	static const char *const all[] = {"--close-wait", "10ms", "--metrics-listen", address,
					  NULL};
	struct listener listener;

	if (port)
		return all;
	listener_open(&listener, AF_INET, "127.0.0.1", 1);
	port = listener.port;
	close(listener.fd);
	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	return all;
}

/* The answer, to be freed. */
static char *scrape(void)
{
	struct http http;
	char *text;

	http_open_tcp(&http, port);
	http_ask(&http, "GET", "/metrics");
	http_read_head(&http, false);
	assert_int_equal(http.status, 200);
	assert_string_equal(http.type, TYPE);
	text = strdup(http_body(&http));
	http_close(&http);
	return text;
}

/* The sample of this name and these labels. */
static void expect_sample(const char *text, const char *name, const char *labels, const char *value)
{
	char sample[512];

	snprintf(sample, sizeof(sample), "\n%s{%s} %s\n", name, labels, value);
	if (!strstr(text, sample))
		fail_msg("no%sin %s", sample, text);
}

struct sample {
	const char *name, *kind, *more, *value; /* labels before the port and behind the process */
};

static void expect_samples(const char *text, const struct sample *samples, size_t count,
			   uint16_t of_port, const char *process)
{
	char labels[256];

	for (size_t i = 0; i < count; i++) {
		snprintf(labels, sizeof(labels), "%s,port=\"%u\",process=\"%s\"%s", samples[i].kind,
			 of_port, process, samples[i].more);
		expect_sample(text, samples[i].name, labels, samples[i].value);
	}
}

#define SERVER "role=\"server\""
#define LOCALHOST "address=\"127.0.0.1\""

static const struct sample of_a_service[] = {
	{"slowclose_connections_ended_total", SERVER, "", "1"},
	{"slowclose_slow_closes_total", SERVER, "", "1"},
	{"slowclose_slow_connections_total", SERVER, ",cause=\"not-closing\"", "1"},
	{"slowclose_close_wait_seconds_bucket", SERVER, ",le=\"0.01\"", "0"},
	{"slowclose_close_wait_seconds_count", SERVER, "", "1"},
	{"slowclose_connections_waiting", SERVER, ",state=\"close-wait\"", "1"},
	{"slowclose_connections_waiting", SERVER, ",state=\"accept-queue\"", "2"},
	{"slowclose_accept_queue_length", LOCALHOST, "", "2"},
	{"slowclose_accept_queue_limit", LOCALHOST, "", "9"},
	{"slowclose_accept_queue_usage_ratio", LOCALHOST, "", "0.200000"},
};

/* As it is without any descriptor left. */
static void accept_nothing(const struct listener *listener)
{
	struct rlimit limit, none;

	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = (rlim_t)dup(listener->fd); /* the next one that there would be */
	close((int)none.rlim_cur);
	setrlimit(RLIMIT_NOFILE, &none);
	assert_int_equal(accept(listener->fd, NULL, NULL), -1);
	assert_int_equal(errno, EMFILE);
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* One was closed slowly, one is in CLOSE_WAIT, two are in the queue, and accept() has failed. */
static void metrics_of_a_service(void **state)
{
	struct pair slow, waiting, queued, another;
	struct listener listener;
	char *text;

	(void)state;
	service_use(arguments());
	prctl(PR_SET_NAME, "metrics-e2e");
	listener_open(&listener, AF_INET, "127.0.0.1", 9);
	pair_open(&slow, &listener);
	pair_close_client(&slow);
	receive_end(slow.server);
	pass_ms(20);
	close(slow.server);
	pair_open(&waiting, &listener);
	pair_close_client(&waiting);
	pair_connect(&queued, &listener);
	pair_connect(&another, &listener);
	accept_nothing(&listener);
	text = scrape();
	prctl(PR_SET_NAME, "e2e");
	expect_samples(text, of_a_service, sizeof(of_a_service) / sizeof(of_a_service[0]),
		       listener.port, "metrics-e2e");
	expect_sample(text, "slowclose_accept_failures_total",
		      "process=\"metrics-e2e\",errno=\"EMFILE\"", "1");
	free(text);
	close(waiting.server);
	close(queued.client);
	close(another.client);
	close(listener.fd);
}

/* A line of its own, a control sequence and bytes that are no text. */
static void metrics_of_a_hostile_name(void **state)
{
	struct listener listener;
	struct pair pair;
	char *text;

	(void)state;
	service_use(arguments());
	prctl(PR_SET_NAME, "\"} 1\n\\\x1b[m\xff");
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	pair_open(&pair, &listener);
	close(pair.client);
	close(pair.server);
	text = scrape();
	prctl(PR_SET_NAME, "e2e");
	expect_samples(text, of_a_service, 1, listener.port,
		       "\\\"} 1\xef\xbf\xbd\\\\\xef\xbf\xbd[m\xef\xbf\xbd");
	free(text);
	close(listener.fd);
}

static void expect_status(struct http *http, const char *method, const char *target, int status)
{
	http_ask(http, method, target);
	http_read_head(http, !strcmp(method, "HEAD"));
	if (http->status != status)
		fail_msg("%s %s: %d, not %d", method, target, http->status, status);
	http_body(http);
}

/* By TCP anybody may ask; by the unix socket those who may see all. */
static void metrics_and_nothing_else_by_tcp(void **state)
{
	static const char *const hidden[] = {"/v1/events",
					     "/v1/connections",
					     "/v1/listeners",
					     "/v1/summary",
					     "/v1/diagnosis",
					     "/v1/status",
					     "/"};
	struct http http;

	(void)state;
	service_use(arguments());
	http_open_tcp(&http, port);
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		expect_status(&http, "GET", hidden[i], 404);
		assert_non_null(strstr(http.body.data, "\"/metrics, /healthz\""));
	}
	expect_status(&http, "HEAD", "/metrics", 200);
	expect_status(&http, "GET", "/healthz", 200);
	expect_status(&http, "GET", "/metrics?all", 400);
	expect_status(&http, "POST", "/metrics", 405);
	http_close(&http);
	http_open(&http);
	expect_status(&http, "GET", "/metrics", 200);
	assert_string_equal(http.type, TYPE);
	expect_status(&http, "GET", "/v1/status", 200);
	http_close(&http);
}

/* As one that cannot be asked on its socket, and for the same reason. */
static void metrics_need_a_free_port(void **state)
{
	const char *wrong[] = {"--backend",	   suite.backend, "--socket", service.socket,
			       "--metrics-listen", NULL,	  NULL};
	static struct daemon daemon;
	struct listener listener;
	char address[32];
	int status;

	(void)state;
	if (daemon_running(&service.daemon))
		service_stop();
	listener_open(&listener, AF_INET, "127.0.0.1", 1);
	snprintf(address, sizeof(address), "127.0.0.1:%u", listener.port);
	wrong[5] = address;
	status = daemon_run(&daemon, wrong);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_non_null(strstr(daemon.said, address));
	assert_int_not_equal(access(service.socket, F_OK), 0);
	close(listener.fd);
}

/* It goes before the option, and outlives the daemon: what is queued meanwhile is answered. */
static void metrics_on_a_passed_socket(void **state)
{
	static char option[32];
	static const char *const both[] = {"--metrics-listen", option, NULL};
	struct listener listener, other;
	struct http early;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	listener_open(&other, AF_INET, "127.0.0.1", 4); /* is taken, which would be an error */
	snprintf(option, sizeof(option), "127.0.0.1:%u", other.port);
	daemon_pass(listener.fd, "metrics", 1);
	service_start(both);
	daemon_expect_said(&service.daemon, option);
	http_open_tcp(&early, listener.port);
	expect_status(&early, "GET", "/healthz", 200);
	http_close(&early);
	service_stop();

	http_open_tcp(&early, listener.port);
	service_start(NULL);
	expect_status(&early, "GET", "/metrics", 200);
	expect_status(&early, "GET", "/v1/status", 404);
	http_close(&early);
	service_stop();
	close(listener.fd);
	close(other.fd);
}

static void expect_not_taken(int fd, const char *name, int count, const char *said)
{
	const char *const arguments[] = {"--config", "/dev/null",    "--backend", suite.backend,
					 "--socket", service.socket, NULL};
	static struct daemon daemon;
	int status;

	daemon_pass(fd, name, count);
	status = daemon_run(&daemon, arguments);
	close(fd);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 1 || !strstr(daemon.said, said))
		fail_msg("wait status %#x without \"%s\"; it said:\n%s", status, said, daemon.said);
	assert_int_not_equal(access(service.socket, F_OK), 0);
}

static void metrics_on_no_other_socket(void **state)
{
	struct listener listener;
	int pair[2];

	(void)state;
	if (daemon_running(&service.daemon))
		service_stop();
	expect_not_taken(socket(AF_INET, SOCK_STREAM, 0), "metrics", 1, "no listening TCP");
	expect_not_taken(socket(AF_INET6, SOCK_DGRAM, 0), "metrics", 1, "no listening TCP");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	expect_not_taken(pair[0], "metrics", 1, "no listening TCP");
	expect_not_taken(pair[1], "metrics", 2, "more than one");
	listener_open(&listener, AF_INET, "127.0.0.1", 1);
	expect_not_taken(listener.fd, "slowclosed-metrics.socket", 1, "=metrics");
}

int run_metrics(void)
{
	const struct CMUnitTest metrics[] = {
		service_scenario(metrics_of_a_service),
		service_scenario(metrics_of_a_hostile_name),
		service_scenario(metrics_and_nothing_else_by_tcp),
		service_scenario(metrics_need_a_free_port),
		service_scenario(metrics_on_a_passed_socket),
		service_scenario(metrics_on_no_other_socket),
	};

	return cmocka_run_group_tests(metrics, service_setup, service_teardown);
}

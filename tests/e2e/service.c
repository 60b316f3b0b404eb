// SPDX-License-Identifier: GPL-2.0
/* The service as a process: its socket, its options, its end. */
#include "service.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "hidden.h"
#include "netns.h"
#include "sockets.h"
#include "suite.h"

struct service service;

int service_setup(void **state)
{
	(void)state;
	strcpy(service.directory, "/tmp/slowclose-e2e-XXXXXX");
	assert_non_null(mkdtemp(service.directory));
	snprintf(service.socket, sizeof(service.socket), "%s/socket", service.directory);
	suite.groups_begun++;
	return 0;
}

int service_teardown(void **state)
{
	(void)state;
	if (daemon_running(&service.daemon))
		service_stop();
	suite.groups_ended++;
	return rmdir(service.directory);
}

int service_clean(void **state)
{
	(void)state;
	netns_leave();
	child_kill_all();
	daemon_pass(-1, NULL, 0);
	return 0;
}

#define MAX_ARGUMENTS 16

void service_start(const char *const *arguments)
{
	const char *all[MAX_ARGUMENTS] = {"--socket", service.socket};
	size_t n = 2;

	if (daemon_running(&service.daemon)) /* another test's */
		service_stop();
	service.arguments = arguments;
	while (arguments && *arguments && n < MAX_ARGUMENTS - 1)
		all[n++] = *arguments++;
	daemon_start_service(&service.daemon, suite.backend, all);
}

void service_use(const char *const *arguments)
{
	if (!daemon_running(&service.daemon) || service.arguments != arguments)
		service_start(arguments);
}

void service_stop(void)
{
	struct losses losses;
	int status = daemon_stop(&service.daemon, &losses);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the service ended with wait status %#x; it said:\n%s", status,
			 service.daemon.said);
	assert_int_not_equal(access(service.socket, F_OK), 0);
}

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!json_is_object(json))
		fail_msg("not a JSON object: %s: %s", error.text, text);
	return json;
}

static void ask(struct http *http, const char *target)
{
	http_open(http);
	http_ask(http, "GET", target);
	http_read_head(http, false);
	if (http->status != 200)
		fail_msg("%s: %d: %s", target, http->status, http_body(http));
}

size_t service_descriptors(void)
{
	char path[32];
	size_t count = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", service.daemon.pid);
	directory = opendir(path);
	assert_non_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

void service_wait_descriptors(size_t most)
{
	int64_t deadline = deadline_ns();

	while (service_descriptors() > most) {
		if (now_ns() > deadline)
			fail_msg("%zu descriptors, %zu before", service_descriptors(), most);
		pass_ms(10);
	}
}

json_t *service_get(const char *target)
{
	struct http http;
	json_t *json;

	ask(&http, target);
	assert_string_equal(http.type, "application/json");
	json = parse(http_body(&http));
	http_close(&http);
	return json;
}

json_t *service_list(const char *target)
{
	json_t *array = json_array();
	struct http http;
	const char *line;

	ask(&http, target);
	assert_string_equal(http.type, "application/x-ndjson");
	while ((line = http_line(&http)))
		json_array_append_new(array, parse(line));
	http_close(&http);
	return array;
}

int64_t service_cpu_ns(void)
{
	unsigned long user, system;
	char path[32], text[1024];
	const char *end;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", service.daemon.pid);
	file = fopen(path, "re");
	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	end = strrchr(text, ')');
	assert_non_null(end);
	assert_int_equal(sscanf(end + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
				&user, &system),
			 2);
	return (int64_t)(user + system) * (1000000000 / sysconf(_SC_CLK_TCK));
}

long long service_number(const char *path)
{
	json_t *status = service_get("/v1/status");
	long long number = number_at(status, path);

	json_decref(status);
	return number;
}

void service_expect_count(long long seen, long long count)
{
	if (!hidden_explains(count - seen))
		fail_msg("%lld instead of %lld, of which this host may have hidden %lld:\n%s", seen,
			 count, hidden_transitions(), json_dumps(service_get("/v1/status"), 0));
	if (seen < count)
		print_message("           %lld instead of %lld: this host hides transitions\n",
			      seen, count);
}

void summary_expect_ended(json_t *summary, uint16_t port, long long count)
{
	static const char *const roles[] = {"server", "client"};

	for (size_t i = 0; i < 2; i++) {
		json_t *row = row_of(summary, roles[i], port);

		assert_non_null(row);
		service_expect_count(number_at(row, "ended"), count);
		service_expect_count(number_at(row, "lifetime.count"), count);
	}
}

void service_expect_ended(uint16_t port, long long count)
{
	json_t *summary = service_get("/v1/summary?window=start&by=port");

	summary_expect_ended(summary, port, count);
	json_decref(summary);
}

void service_subscribe(struct http *stream, const char *target)
{
	json_t *hello;

	ask(stream, target);
	assert_string_equal(stream->type, "application/x-ndjson");
	hello = service_next(stream);
	assert_string_equal(text_at(hello, "event"), "hello");
	json_decref(hello);
}

json_t *service_next(struct http *stream)
{
	const char *line = http_line(stream);

	assert_non_null(line);
	return parse(line);
}

json_t *at(json_t *object, const char *path)
{
	char key[64];
	const char *rest = path;

	while (*rest) {
		size_t length = strcspn(rest, ".");
		json_t *value;

		snprintf(key, sizeof(key), "%.*s", (int)length, rest);
		value = json_object_get(object, key);
		if (!value)
			fail_msg("no %s in %s", path, json_dumps(object, JSON_COMPACT));
		object = value;
		rest += length + (rest[length] == '.');
	}
	return object;
}

long long number_at(json_t *object, const char *path)
{
	json_t *value = at(object, path);

	if (!json_is_integer(value))
		fail_msg("%s is no number in %s", path, json_dumps(object, JSON_COMPACT));
	return json_integer_value(value);
}

const char *text_at(json_t *object, const char *path)
{
	json_t *value = at(object, path);

	return json_is_string(value) ? json_string_value(value) : "(null)";
}

static bool is_row_of(json_t *row, const char *role, uint16_t port)
{
	return json_integer_value(at(row, "port")) == port && !strcmp(text_at(row, "role"), role);
}

json_t *row_of(json_t *summary, const char *role, uint16_t port)
{
	json_t *row, *found = NULL;
	size_t i;

	json_array_foreach (at(summary, "rows"), i, row) {
		if (!is_row_of(row, role, port))
			continue;
		assert_null(found);
		found = row;
	}
	return found;
}

static void api_socket_is_private(void **state)
{
	struct stat stat;

	(void)state;
	service_use(NULL);
	assert_int_equal(lstat(service.socket, &stat), 0);
	assert_int_equal(stat.st_mode & 07777, 0660);
	assert_int_equal(stat.st_uid, 0);
}

static void api_one_service_to_a_socket(void **state)
{
	const char *const second[] = {"--backend", suite.backend, "--socket", service.socket, NULL};
	static struct daemon other;
	int status;

	(void)state;
	service_use(NULL);
	status = daemon_run(&other, second);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_non_null(strstr(other.said, "another slowclosed answers on "));
	json_decref(service_get("/healthz"));
}

/* What a daemon leaves that was killed does not keep the next one out. */
static void api_killed_service_is_replaced(void **state)
{
	(void)state;
	service_use(NULL);
	daemon_kill(&service.daemon);
	assert_int_equal(access(service.socket, F_OK), 0);
	service_start(NULL);
	json_decref(service_get("/healthz"));
}

/* SIGTERM comes first, or a request of each kind, or one in the middle of the other. */
static void api_ends_in_the_middle_of_requests(void **state)
{
	static const char *const targets[] = {"/v1/events?all", "/v1/connections", "/v1/listeners",
					      "/v1/summary",	"/v1/status",	   "/metrics",
					      "/healthz"};
	enum { TARGETS = sizeof(targets) / sizeof(targets[0]) };
	struct http clients[TARGETS];

	(void)state;
	for (int round = 0; round < 2; round++) {
		service_use(NULL);
		for (size_t i = 0; i < TARGETS; i++)
			http_open(&clients[i]);
		json_decref(service_get("/healthz")); /* so they were accepted */
		kill(service.daemon.pid, SIGSTOP);
		for (size_t i = 0; i < TARGETS; i++)
			http_ask(&clients[i], "GET", targets[i]);
		kill(service.daemon.pid, round % 2 ? SIGTERM : SIGCONT);
		kill(service.daemon.pid, round % 2 ? SIGCONT : SIGTERM);
		service_stop();
		for (size_t i = 0; i < TARGETS; i++) {
			assert_true(http_ends(&clients[i]));
			http_close(&clients[i]);
		}
	}
}

static void expect_refused(const char *option, const char *value, const char *allowed)
{
	const char *const arguments[] = {"--socket", service.socket, option, value, NULL};
	static struct daemon daemon;
	int status = daemon_run(&daemon, arguments);

	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 2 || !strstr(daemon.said, option) ||
	    !strstr(daemon.said, value) || !strstr(daemon.said, allowed))
		fail_msg("%s %s: exit %d, it said:\n%s", option, value, WEXITSTATUS(status),
			 daemon.said);
}

static void api_bad_options_of_the_service(void **state)
{
	(void)state;
	expect_refused("--stream", "x", "all or slow");
	expect_refused("--stream", "", "all or slow");
	expect_refused("--max-connections", "0", "from 1 to 16777216");
	expect_refused("--max-connections", "16777217", "from 1 to 16777216");
	expect_refused("--report-interval", "abc", "30s");
	expect_refused("--report-interval", "999ms", "from 1s on");
	expect_refused("--metrics-listen", "9811", "127.0.0.1:9811");
}

int run_service(void)
{
	const struct CMUnitTest process[] = {
		service_scenario(api_socket_is_private),
		service_scenario(api_one_service_to_a_socket),
		service_scenario(api_killed_service_is_replaced),
		service_scenario(api_ends_in_the_middle_of_requests),
		service_scenario(api_bad_options_of_the_service),
	};

	return cmocka_run_group_tests(process, service_setup, service_teardown);
}

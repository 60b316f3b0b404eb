// SPDX-License-Identifier: GPL-2.0
/* The interface as HTTP: paths, fields, api_errors, and what one connection can be used for. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service.h"
#include "sockets.h"
#include "suite.h"

/* The names of an object's fields, in order, with a space behind each. */
static void expect_fields(json_t *object, const char *expected)
{
	char names[2048] = "";
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		strncat(names, key, sizeof(names) - strlen(names) - 2);
		strcat(names, " ");
	}
	assert_string_equal(names, expected);
}

static void api_fields_of_status(void **state)
{
	json_t *status, *program;
	struct http stream;
	size_t i;

	(void)state;
	service_use(NULL);
	service_subscribe(&stream, "/v1/events");
	status = service_get("/v1/status");
	expect_fields(status, "version pid started uptime_ms configuration backend "
			      "backend_reason unseen stream close_wait_threshold_ms "
			      "accept_wait_threshold_ms programs records "
			      "folded losses connections looks subscribers rows memory ");
	assert_int_equal(number_at(status, "pid"), service.daemon.pid);
	assert_string_equal(text_at(status, "backend"), suite.backend);
	assert_string_equal(text_at(status, "stream"), "all");
	expect_fields(at(status, "losses"), "ring_full ring_full_late table_full no_memory "
					    "fold_full listeners end_unseen subscribers ");
	expect_fields(at(status, "connections"), "tracked limit ");
	expect_fields(at(status, "looks"), "last_ms ");
	expect_fields(at(status, "rows"), "service process peer limit ");
	expect_fields(at(status, "memory"),
		      "resident_bytes histogram_cells histogram_cells_limit ");
	assert_true(json_array_size(at(status, "subscribers")) >= 1);
	expect_fields(json_array_get(at(status, "subscribers"), 0), "id sent lost buffered_bytes ");
	assert_true(json_array_size(at(status, "programs")) >= 3);
	json_array_foreach (at(status, "programs"), i, program)
		expect_fields(program, "name runs run_ms skipped ");
	json_decref(status);
	http_close(&stream);
}

#define MEASURE "count sum_ms p50_ms p90_ms p99_ms max_ms "
#define ROW                                                                                        \
	"role netns port comm unit pid address ended ends slow_accepts slow_closes causes "        \
	"rx_bytes tx_bytes accept_wait close_wait lifetime until_fin waiting "

static void api_fields_of_summary(void **state)
{
	json_t *summary, *total;

	(void)state;
	service_use(NULL);
	summary = service_get("/v1/summary?histogram&window=start&by=port");
	expect_fields(summary, "time since window by close_wait_threshold_ms "
			       "accept_wait_threshold_ms rows other total undetailed ");
	assert_string_equal(text_at(summary, "window"), "start");
	assert_string_equal(text_at(summary, "by"), "port");
	total = at(summary, "total");
	expect_fields(total, ROW);
	expect_fields(at(total, "close_wait"), MEASURE "buckets ");
	expect_fields(at(total, "ends"), "unknown close shutdown exit reset-by-peer reset-unread "
					 "timeout listener-closed aborted ");
	expect_fields(at(total, "causes"),
		      "unknown never-accepted not-reading not-closing still-sending ");
	expect_fields(at(total, "waiting"), "accept_queue close_wait causes oldest_ms ");
	json_decref(summary);
	summary = service_get("/v1/summary");
	assert_string_equal(text_at(summary, "window"), "5m");
	assert_string_equal(text_at(summary, "by"), "service");
	expect_fields(at(summary, "total.lifetime"), MEASURE);
	json_decref(summary);
}

static void api_fields_of_connections_and_listeners(void **state)
{
	struct listener listener;
	json_t *list, *one;
	struct pair pair;
	char target[64];

	(void)state;
	service_use(NULL);
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	pair_connect(&pair, &listener);
	snprintf(target, sizeof(target), "/v1/connections?lport=%u", listener.port);
	list = service_list(target);
	assert_int_equal(json_array_size(list), 1);
	one = json_array_get(list, 0);
	expect_fields(one, "event time id role family local remote netns state cause accepted "
			   "accept_wait_ms close_wait_ms lifetime_ms at_least "
			   "close_wait_at_least unread_bytes fin_read rx_bytes tx_bytes "
			   "tx_bytes_after_fin end owner closer "
			   "holders holders_left_out listener ");
	expect_fields(at(one, "local"), "address port ");
	expect_fields(at(one, "listener"), "address port queued limit ");
	json_decref(list);
	snprintf(target, sizeof(target), "/v1/listeners?lport=%u", listener.port);
	list = service_list(target);
	assert_int_equal(json_array_size(list), 1);
	one = json_array_get(list, 0);
	expect_fields(one, "event time family local netns queued known limit limit_by drops "
			   "accepts last_accept_ms accept_errors owner holders "
			   "holders_left_out ");
	expect_fields(at(one, "owner"), "pid tid comm unit container ");
	expect_fields(json_array_get(at(one, "holders"), 0), "pid comm fd ");
	json_decref(list);
	close(pair.client);
	close(listener.fd);
}

static void api_hello_and_health(void **state)
{
	struct http stream;
	json_t *json;

	(void)state;
	service_use(NULL);
	json = service_get("/healthz");
	expect_fields(json, "status ");
	assert_string_equal(text_at(json, "status"), "ok");
	json_decref(json);
	http_open(&stream);
	http_ask(&stream, "GET", "/v1/events");
	http_read_head(&stream, false);
	json = service_next(&stream);
	expect_fields(json, "event time version started ");
	json_decref(json);
	http_close(&stream);
}

struct wrong {
	const char *method, *target;
	int status;
	const char *parameter, *value, *allowed; /* NULL: null; allowed: a part of it */
};

static const struct wrong wrongs[] = {
	{"GET", "/", 404, NULL, NULL, "/v1/events, "},
	{"GET", "/v1/events/", 404, NULL, NULL, "/healthz"},
	{"GET", "/v1/Events", 404, NULL, NULL, "/healthz"},
	{"GET", "/healthz%00", 404, NULL, NULL, "/healthz"},
	{"HEAD", "/nothing", 404, NULL, NULL, NULL},
	{"POST", "/healthz", 405, NULL, NULL, "GET, HEAD"},
	{"DELETE", "/v1/events", 405, NULL, NULL, "GET, HEAD"},
	{"OPTIONS", "/nothing", 405, NULL, NULL, "GET, HEAD"},
	{"GET", "/healthz?all", 400, "all", NULL, "no parameters"},
	{"GET", "/v1/status?pid=1", 400, "pid", "1", "no parameters"},
	{"GET", "/v1/events?window=1m", 400, "window", "1m", "pid, comm, "},
	{"GET", "/v1/listeners?all", 400, "all", NULL, "lport, family, netns"},
	{"GET", "/v1/summary?lport=80", 400, "lport", "80", "window, by, histogram"},
	{"GET", "/v1/events?lport=80,", 400, "lport", "80,", "80,443,8000-8100"},
	{"GET", "/v1/events?lport=1&lport=1", 400, "lport", "1", "once"},
	{"GET", "/v1/events?all&all", 400, "all", NULL, "once"},
	{"GET", "/v1/events?all=", 400, "all", "", "no value"},
	{"GET", "/v1/events?pid", 400, "pid", NULL, "process ID"},
	{"GET", "/v1/events?family=%34%20", 400, "family", "4 ", "4 or 6"},
	{"GET", "/v1/events?role=ser+ver", 400, "role", "ser ver", "server or client"},
	{"GET", "/v1/connections?comm=a%00b12345678901", 400, "comm", "a%00b12345678901", "15"},
	{"GET", "/v1/events?%00", 400, "%00", NULL, "pid, comm, "},
	{"GET", "/v1/summary?window=2m", 400, "window", "2m", "1m, 5m, 1h or start"},
	{"GET", "/v1/summary?by=%ff", 400, NULL, NULL, "service, process"},
	{"HEAD", "/v1/summary?by=x", 400, NULL, NULL, NULL},
};

static void expect_text_or_null(json_t *error, const char *key, const char *expected)
{
	if (expected)
		assert_string_equal(text_at(error, key), expected);
	else
		assert_true(json_is_null(at(error, key)));
}

static void expect_error(struct http *http, const struct wrong *wrong)
{
	json_t *json, *error;

	http_ask(http, wrong->method, wrong->target);
	http_read_head(http, !strcmp(wrong->method, "HEAD"));
	if (http->status != wrong->status)
		fail_msg("%s %s: %d, not %d", wrong->method, wrong->target, http->status,
			 wrong->status);
	assert_string_equal(http->type, "application/json");
	assert_string_equal(http->allow, wrong->status == 405 ? "GET, HEAD" : "");
	if (!wrong->allowed)
		return;
	json = json_loads(http_body(http), 0, NULL);
	error = at(json, "error");
	expect_fields(error, "message parameter value allowed ");
	expect_text_or_null(error, "parameter", wrong->parameter);
	expect_text_or_null(error, "value", wrong->value);
	assert_non_null(strstr(text_at(error, "allowed"), wrong->allowed));
	json_decref(json);
}

/* All on one connection: an error ends none. */
static void api_errors(void **state)
{
	struct http http;

	(void)state;
	service_use(NULL);
	http_open(&http);
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
		expect_error(&http, &wrongs[i]);
	http_close(&http);
}

static void expect_answer(struct http *http, const char *method, const char *target, int status)
{
	http_ask(http, method, target);
	http_read_head(http, !strcmp(method, "HEAD"));
	assert_int_equal(http->status, status);
	http_body(http);
}

static void api_many_requests_on_one_connection(void **state)
{
	static const char with_body[] = "POST /healthz HTTP/1.1\r\nHost: e2e\r\n"
					"Content-Length: 5\r\n\r\nhello";
	struct http http;

	(void)state;
	service_use(NULL);
	http_open(&http);
	expect_answer(&http, "GET", "/healthz", 200);
	expect_answer(&http, "HEAD", "/healthz", 200);
	expect_answer(&http, "HEAD", "/v1/events", 200);
	assert_string_equal(http.type, "application/x-ndjson");
	expect_answer(&http, "HEAD", "/v1/connections?lport=1", 200);
	expect_answer(&http, "GET", "/v1/connections?lport=1", 200);
	expect_answer(&http, "GET", "/v1/listeners?lport=1&family=6", 200);
	expect_answer(&http, "HEAD", "/v1/summary", 200);
	expect_answer(&http, "GET", "/v1/summary", 200);
	http_write(&http, with_body, strlen(with_body));
	http_read_head(&http, false);
	assert_int_equal(http.status, 405);
	http_body(&http);
	expect_answer(&http, "GET", "/v1%2fstat%75s", 200);
	expect_answer(&http, "GET", "/v1/connections?l%70ort=%38%30,443&family=4&comm=a+b%25", 200);
	assert_int_equal(http.in.size, 0);
	http_close(&http);
}

/* What a client sends of its own accord is answered, or the connection ends; no more. */
static void expect_refused(const char *text, size_t size, int status)
{
	struct http http;

	http_open(&http);
	http_write(&http, text, size);
	if (status) {
		http_read_head(&http, false);
		assert_int_equal(http.status, status);
	}
	assert_true(http_ends(&http));
	http_close(&http);
}

static void api_too_long_or_no_http(void **state)
{
	char text[16384];

	(void)state;
	service_use(NULL);
	memset(text, 'x', sizeof(text));
	memcpy(text, "GET /", 5);
	expect_refused(text, sizeof(text), 414);
	memcpy(text, "GET / HTTP/1.1\r\nHost: x\r\nA: ", 28);
	expect_refused(text, sizeof(text), 431);
	expect_refused("GET\r\n\r\n", 7, 0);
	json_decref(service_get("/healthz"));
}

int run_api(void)
{
	const struct CMUnitTest api[] = {
		service_scenario(api_fields_of_status),
		service_scenario(api_fields_of_summary),
		service_scenario(api_fields_of_connections_and_listeners),
		service_scenario(api_hello_and_health),
		service_scenario(api_errors),
		service_scenario(api_many_requests_on_one_connection),
		service_scenario(api_too_long_or_no_http),
	};

	return cmocka_run_group_tests(api, service_setup, service_teardown);
}

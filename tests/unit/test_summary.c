// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ended.h"

/* 1700000000 is 2023-11-14T22:13:20Z. */
#define OFFSET_NS (1700000000 * NSEC_PER_SEC - START_NS)

static struct summary *summary_of(struct stats *stats, enum summary_by by)
{
	struct summary *summary = summary_new(stats, WINDOW_START, by, START_NS, OFFSET_NS);

	assert_non_null(summary);
	return summary;
}

static char *print(struct stats *stats, enum summary_by by, bool histogram)
{
	struct summary *summary = summary_of(stats, by);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	summary_next(summary); /* which changes nothing */
	assert_int_equal(json_summary(out, summary, histogram), 0);
	fclose(out);
	summary_free(summary);
	assert_int_equal(strlen(text), size);
	assert_ptr_equal(strchr(text, '\n'), text + size - 1);
	assert_null(strstr(text, "\xc2\x9b"));
	return text;
}

static void assert_prints(struct stats *stats, enum summary_by by, const char *expected)
{
	char *text = print(stats, by, false);

	assert_string_equal(text, expected);
	free(text);
}

static json_t *parse(struct stats *stats, enum summary_by by, bool histogram)
{
	char *text = print(stats, by, histogram);
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(object);
	free(text);
	return object;
}

#define NO_ENDS                                                                                    \
	"{\"unknown\":0,\"close\":0,\"shutdown\":0,\"exit\":0,\"reset-by-peer\":0,"                \
	"\"reset-unread\":0,\"timeout\":0,\"listener-closed\":0,\"aborted\":0}"
#define NO_CAUSES                                                                                  \
	"{\"unknown\":0,\"never-accepted\":0,\"not-reading\":0,\"not-closing\":0,"                 \
	"\"still-sending\":0}"
#define NO_MEASURE                                                                                 \
	"{\"count\":0,\"sum_ms\":null,\"p50_ms\":null,\"p90_ms\":null,\"p99_ms\":null,"            \
	"\"max_ms\":null}"
#define HEAD(by)                                                                                   \
	"{\"time\":\"2023-11-14T22:13:20.000000Z\",\"since\":\"2023-11-14T22:13:20.000000Z\","     \
	"\"window\":\"start\",\"by\":\"" by "\",\"close_wait_threshold_ms\":1000.0,"               \
	"\"accept_wait_threshold_ms\":100.0,"
#define OF_NOTHING                                                                                 \
	"\"role\":null,\"netns\":null,\"port\":null,\"comm\":null,\"unit\":null,\"pid\":null,"     \
	"\"address\":null,"
#define NOTHING_COUNTED                                                                            \
	"\"ended\":0,\"ends\":" NO_ENDS ",\"slow_accepts\":0,\"slow_closes\":0,"                   \
	"\"causes\":" NO_CAUSES ",\"rx_bytes\":0,\"tx_bytes\":0,"                                  \
	"\"accept_wait\":" NO_MEASURE ",\"close_wait\":" NO_MEASURE ",\"lifetime\":" NO_MEASURE    \
	",\"until_fin\":" NO_MEASURE ","

static void nothing(void **state)
{
	struct stats *stats = new_stats();

	(void)state;
	assert_prints(
		stats, BY_SERVICE,
		HEAD("service") "\"rows\":[],\"other\":null,\"total\":{" OF_NOTHING NOTHING_COUNTED
				"\"waiting\":{\"accept_queue\":0,"
				"\"close_wait\":0,\"causes\":" NO_CAUSES
				",\"oldest_ms\":null}},\"undetailed\":0}\n");
	assert_prints(
		stats, BY_PEER,
		HEAD("peer") "\"rows\":[],\"other\":null,\"total\":{" OF_NOTHING NOTHING_COUNTED
			     "\"waiting\":null},\"undetailed\":0}\n");
	stats_free(stats);
}

#define ONE_MEASURE(ms)                                                                            \
	"{\"count\":1,\"sum_ms\":" ms ",\"p50_ms\":" ms ",\"p90_ms\":" ms ",\"p99_ms\":" ms        \
	",\"max_ms\":" ms "}"
#define ONE_COUNTED                                                                                \
	"\"ended\":1,\"ends\":{\"unknown\":0,\"close\":0,\"shutdown\":0,\"exit\":1,"               \
	"\"reset-by-peer\":0,\"reset-unread\":0,\"timeout\":0,\"listener-closed\":0,"              \
	"\"aborted\":0},\"slow_accepts\":0,\"slow_closes\":1,\"causes\":{\"unknown\":0,"           \
	"\"never-accepted\":0,\"not-reading\":0,\"not-closing\":1,\"still-sending\":0},"           \
	"\"rx_bytes\":100,\"tx_bytes\":200,\"accept_wait\":" ONE_MEASURE(                          \
		"0.001") ",\"close_wait\":" ONE_MEASURE("1500.007") ",\"lifetime\":" ONE_MEASURE("1503.007") ",\"until_fin\":" ONE_MEASURE("3.0") ","
#define ONE_WAITS                                                                                  \
	"\"waiting\":{\"accept_queue\":0,\"close_wait\":1,\"causes\":{\"unknown\":0,"              \
	"\"never-accepted\":0,\"not-reading\":0,\"not-closing\":1,\"still-sending\":0},"           \
	"\"oldest_ms\":1500.007}}"

/* One that has ended after 1500.007 ms, one that waits as long. */
static void add_one(struct stats *stats)
{
	struct record record = ended_record(443, 812, "nginx");
	struct place place = {.unit = "nginx.service"};
	struct event event;

	record.conn.accepted_ns = START_NS + 1000;
	record.conn.end = END_EXIT;
	record.end_ns = record.conn.close_wait_ns + 1500007 * 1000;
	event = event_of(&record);
	event.owner_place = &place;
	stats_add(stats, &event, START_NS);
	record.kind = RECORD_WAITING;
	event = event_of(&record);
	stats_waiting_begin(stats, START_NS);
	stats_waiting_add(stats, &event);
	stats_waiting_end(stats);
}

static void assert_one(struct stats *stats, enum summary_by by, const char *head,
		       const char *identity, const char *waits)
{
	char expected[8192];

	snprintf(expected, sizeof(expected),
		 "%s\"rows\":[{%s" ONE_COUNTED
		 "%s],\"other\":null,\"total\":{" OF_NOTHING ONE_COUNTED "%s,\"undetailed\":0}\n",
		 head, identity, waits, waits);
	assert_prints(stats, by, expected);
}

static void one(void **state)
{
	struct stats *stats = new_stats();

	(void)state;
	add_one(stats);
	assert_one(stats, BY_SERVICE, HEAD("service"),
		   "\"role\":\"server\",\"netns\":4026531840,\"port\":443,\"comm\":\"nginx\","
		   "\"unit\":\"nginx.service\",\"pid\":null,\"address\":null,",
		   ONE_WAITS);
	assert_one(stats, BY_PORT, HEAD("port"),
		   "\"role\":\"server\",\"netns\":4026531840,\"port\":443,\"comm\":null,"
		   "\"unit\":null,\"pid\":null,\"address\":null,",
		   ONE_WAITS);
	assert_one(stats, BY_UNIT, HEAD("unit"),
		   "\"role\":null,\"netns\":null,\"port\":null,\"comm\":null,"
		   "\"unit\":\"nginx.service\",\"pid\":null,\"address\":null,",
		   ONE_WAITS);
	assert_one(stats, BY_PROCESS, HEAD("process"),
		   "\"role\":null,\"netns\":null,\"port\":null,\"comm\":\"nginx\","
		   "\"unit\":\"nginx.service\",\"pid\":812,\"address\":null,",
		   "\"waiting\":null}");
	assert_one(stats, BY_PEER, HEAD("peer"),
		   "\"role\":\"server\",\"netns\":null,\"port\":null,\"comm\":null,\"unit\":null,"
		   "\"pid\":null,\"address\":\"198.51.100.7\",",
		   "\"waiting\":null}");
	stats_free(stats);
}

/* The time of the window, not that of the daemon. */
static void times(void **state)
{
	struct stats *stats = new_stats();
	struct summary *summary = summary_new(stats, WINDOW_1M, BY_SERVICE,
					      START_NS + 3607 * NSEC_PER_SEC + 1500, OFFSET_NS);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(json_summary(out, summary, false), 0);
	fclose(out);
	assert_non_null(strstr(text, "\"time\":\"2023-11-14T23:13:27.000001Z\","
				     "\"since\":\"2023-11-14T23:12:20.000000Z\","
				     "\"window\":\"1m\",\"by\":\"service\""));
	free(text);
	summary_free(summary);
	stats_free(stats);
}

static void add_service(struct stats *stats, uint16_t port, uint32_t netns, const char *comm,
			const char *unit)
{
	struct record record = ended_record(port, 1, comm);
	struct place place = {0};
	struct event event;

	snprintf(place.unit, sizeof(place.unit), "%s", unit);
	record.conn.netns = netns;
	event = event_of(&record);
	event.owner_place = &place;
	stats_add(stats, &event, START_NS);
	event.kind = RECORD_WAITING;
	event.owner_place = NULL; /* which changes nothing */
	stats_waiting_add(stats, &event);
}

/* Of the one row that has this number or word in this field. */
static json_int_t ended_by(json_t *summary, const char *field, const char *value)
{
	json_int_t ended = -1;
	json_t *row;
	size_t i;

	json_array_foreach (json_object_get(summary, "rows"), i, row) {
		char *text = json_dumps(json_object_get(row, field), JSON_ENCODE_ANY);

		if (strcmp(text, value) == 0) {
			assert_int_equal(ended, -1);
			ended = json_integer_value(json_object_get(row, "ended"));
		}
		free(text);
	}
	return ended;
}

/* Of each service as many wait as have ended. */
static void assert_waiting(json_t *summary)
{
	json_t *row;
	size_t i;

	json_array_foreach (json_object_get(summary, "rows"), i, row) {
		json_t *waiting = json_object_get(row, "waiting");

		assert_int_equal(json_integer_value(json_object_get(waiting, "close_wait")),
				 json_integer_value(json_object_get(row, "ended")));
	}
}

static void groups(void **state)
{
	struct stats *stats = new_stats();
	json_t *summary;

	(void)state;
	stats_waiting_begin(stats, START_NS);
	add_service(stats, 443, 1, "nginx", "nginx.service");
	add_service(stats, 443, 1, "envoy", "");
	add_service(stats, 80, 1, "nginx", "nginx.service");
	add_service(stats, 80, 2, "httpd", "web.service");
	add_service(stats, 81, 1, "nginx", "nginx.service");
	add_service(stats, 81, 1, "nginx", ""); /* known before */
	add_service(stats, 9000, 1, "php", "");
	stats_waiting_end(stats);
	summary = parse(stats, BY_PORT, false);
	assert_int_equal(json_array_size(json_object_get(summary, "rows")), 5);
	assert_waiting(summary);
	assert_int_equal(ended_by(summary, "port", "443"), 2);
	assert_int_equal(ended_by(summary, "netns", "2"), 1); /* another port 80 */
	assert_int_equal(ended_by(summary, "port", "81"), 2);
	assert_int_equal(ended_by(summary, "port", "9000"), 1);
	json_decref(summary);
	summary = parse(stats, BY_UNIT, false);
	assert_int_equal(json_array_size(json_object_get(summary, "rows")), 3);
	assert_waiting(summary);
	assert_int_equal(ended_by(summary, "unit", "\"nginx.service\""), 4);
	assert_int_equal(ended_by(summary, "unit", "\"web.service\""), 1);
	assert_int_equal(ended_by(summary, "unit", "null"), 2);
	json_decref(summary);
	stats_free(stats);
}

/* A row that has nothing in the window is not there, but for what waits. */
static void idle(void **state)
{
	struct stats *stats = new_stats();
	struct record record = ended_record(80, 1, "idle");
	struct summary *summary;

	(void)state;
	add_record(stats, &record, START_NS);
	stats_waiting_begin(stats, START_NS);
	add_service(stats, 81, 1, "waits", "");
	stats_waiting_end(stats);
	summary = summary_new(stats, WINDOW_1M, BY_SERVICE, START_NS + 120 * NSEC_PER_SEC, 0);
	assert_null(find_comm(summary, "idle"));
	assert_int_equal(find_comm(summary, "waits")->waiting.close_wait, 1);
	assert_int_equal(find_comm(summary, "waits")->counts.ended, 0);
	summary_free(summary);
	stats_free(stats);
}

/* The buckets of a measure have all that it counts, in order, each within its edges. */
static void histograms(void **state)
{
	struct stats *stats = new_stats();
	struct record record = ended_record(80, 1, "nginx");
	json_t *summary, *measure, *bucket;
	json_int_t count = 0;
	double below = 0;
	size_t i;

	(void)state;
	for (i = 1; i <= 50; i++) {
		record.end_ns = record.conn.close_wait_ns + i * i * NSEC_PER_MSEC;
		add_record(stats, &record, START_NS);
		add_record(stats, &record, START_NS);
	}
	summary = parse(stats, BY_SERVICE, true);
	measure =
		json_object_get(json_array_get(json_object_get(summary, "rows"), 0), "close_wait");
	json_array_foreach (json_object_get(measure, "buckets"), i, bucket) {
		double from = json_real_value(json_array_get(bucket, 0));
		json_int_t n = json_integer_value(json_array_get(bucket, 2));

		assert_int_equal(json_array_size(bucket), 3);
		assert_true(from >= below && n > 0);
		below = json_real_value(json_array_get(bucket, 1));
		assert_true(from < below && below <= from * 1.04);
		for (double ms = 1; ms <= 50; ms++)
			n -= ms * ms >= from && ms * ms < below ? 2 : 0;
		assert_int_equal(n, 0);
		count += json_integer_value(json_array_get(bucket, 2));
	}
	assert_int_equal(count, 100);
	assert_non_null(json_object_get(
		json_object_get(json_object_get(summary, "total"), "until_fin"), "buckets"));
	json_decref(summary);
	summary = parse(stats, BY_SERVICE, false);
	assert_null(json_object_get(json_object_get(json_object_get(summary, "total"), "until_fin"),
				    "buckets"));
	json_decref(summary);
	stats_free(stats);
}

/* What the largest bucket has is below 2^64 ns. */
static void last_bucket(void **state)
{
	struct stats *stats = new_stats();
	struct fold_record record = {.key = {.bucket = BUCKETS - 1},
				     .sums = {.count = 1, .ns = UINT64_MAX}};
	json_t *summary, *lifetime, *bucket;

	(void)state;
	stats_add_folded(stats, &record, START_NS);
	stats_add_folded(stats, &record, START_NS);
	summary = parse(stats, BY_SERVICE, true);
	lifetime = json_object_get(json_object_get(summary, "other"), "lifetime");
	bucket = json_array_get(json_object_get(lifetime, "buckets"), 0);
	assert_true(json_real_value(json_array_get(bucket, 1)) == 18446744073709.6); /* 2^64 ns */
	assert_true(json_real_value(json_object_get(lifetime, "sum_ms")) == 36893488147419.1);
	assert_true(json_real_value(json_object_get(lifetime, "max_ms")) > 9e12);
	json_decref(summary);
	stats_free(stats);
}

static void no_percentiles(void **state)
{
	const struct stats_options options = {.thresholds = thresholds, .cells_max = 4};
	struct stats *stats = stats_new(&options, START_NS);
	struct record record = ended_record(80, 1, "nginx");
	json_t *summary, *measure;

	(void)state;
	add_record(stats, &record, START_NS);
	summary = parse(stats, BY_SERVICE, false);
	measure = json_object_get(json_object_get(summary, "total"), "close_wait");
	assert_int_equal(json_integer_value(json_object_get(measure, "count")), 1);
	assert_true(json_real_value(json_object_get(measure, "sum_ms")) == 4);
	assert_true(json_real_value(json_object_get(measure, "max_ms")) == 4);
	assert_true(json_is_null(json_object_get(measure, "p50_ms")));
	assert_true(json_is_null(json_object_get(measure, "p90_ms")));
	assert_true(json_is_null(json_object_get(measure, "p99_ms")));
	json_decref(summary);
	stats_free(stats);
}

static void other_and_undetailed(void **state)
{
	const struct stats_options options = {.thresholds = thresholds, .rows_max = 1};
	struct stats *stats = stats_new(&options, START_NS);
	struct fold_record folded = {
		.key = {.service = {.role = ROLE_SERVER, .port = 80, .comm = "nginx"}},
		.sums = {.count = 4}};
	struct record record = ended_record(80, 1, "nginx");
	json_t *summary;

	(void)state;
	folded.key.service.netns = record.conn.netns;
	stats_add_folded(stats, &folded, START_NS);
	add_record(stats, &record, START_NS);
	record = ended_record(81, 2, "other");
	record.conn.remote_addr[15] = 1;
	record.conn.family = FAMILY_IPV6;
	add_record(stats, &record, START_NS);
	for (int by = 0; by < BY_COUNT; by++) {
		summary = parse(stats, by, false);
		assert_int_equal(ended_by(summary, "port", "80"), by <= BY_PORT ? 5 : -1);
		assert_int_equal(json_integer_value(json_object_get(
					 json_object_get(summary, "other"), "ended")),
				 1);
		assert_int_equal(json_integer_value(json_object_get(
					 json_object_get(summary, "total"), "ended")),
				 6);
		assert_int_equal(json_integer_value(json_object_get(summary, "undetailed")), 4);
		json_decref(summary);
	}
	stats_free(stats);
}

static void ipv6_peer(void **state)
{
	struct stats *stats = new_stats();
	struct record record = ended_record(40000, 1, "curl");
	char *text;

	(void)state;
	record.conn.role = ROLE_CLIENT;
	add_record(stats, &record, START_NS);
	record.conn.family = FAMILY_IPV6;
	add_record(stats, &record, START_NS);
	text = print(stats, BY_PEER, false);
	assert_non_null(strstr(text, "\"role\":\"client\""));
	assert_non_null(strstr(text, "\"address\":\"c633:6407::\""));
	assert_non_null(strstr(text, "\"address\":\"198.51.100.7\""));
	free(text);
	stats_free(stats);
}

#define R "\xef\xbf\xbd"

/* print() has seen that it is one line, and no CSI in it. */
static void hostile_names(void **state)
{
	struct stats *stats = new_stats();
	json_t *summary, *row;

	(void)state;
	stats_waiting_begin(stats, START_NS);
	add_service(stats, 80, 1, "a\n\"\\\033[2J\xff\xc0\xaf\xc2\x9b", "x\xff.service");
	stats_waiting_end(stats);
	for (int by = BY_SERVICE; by < BY_COUNT; by += BY_PROCESS) {
		summary = parse(stats, by, false);
		row = json_array_get(json_object_get(summary, "rows"), 0);
		assert_string_equal(json_string_value(json_object_get(row, "comm")),
				    "a\n\"\\\033[2J" R R R "\xc2\x9b");
		assert_true(json_is_null(json_object_get(row, "unit"))); /* no UTF-8 */
		json_decref(summary);
	}
	stats_free(stats);
}

static void full_device(void **state)
{
	struct stats *stats = new_stats();
	struct summary *summary = summary_of(stats, BY_SERVICE);
	FILE *out = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	assert_int_equal(json_summary(out, summary, false), -EIO);
	fclose(out);
	summary_free(summary);
	stats_free(stats);
}

static int budget; /* allocations until there is no memory */
static int live;

static void *limited_malloc(size_t size)
{
	if (budget-- <= 0)
		return NULL;
	live++;
	return malloc(size);
}

static void counted_free(void *memory)
{
	live -= memory != NULL;
	free(memory);
}

/* Whichever allocation fails: an error, no crash, no leak. */
static void no_memory(void **state)
{
	struct stats *stats = new_stats();
	struct summary *summary;
	int err = -ENOMEM, n;

	(void)state;
	add_one(stats);
	summary = summary_of(stats, BY_SERVICE);
	json_set_alloc_funcs(limited_malloc, counted_free);
	for (n = 0; n < 10000 && err; n++) {
		FILE *out = fopen("/dev/null", "w");

		live = 0;
		budget = n;
		err = json_summary(out, summary, true);
		if (err)
			assert_int_equal(err, -ENOMEM);
		assert_int_equal(live, 0);
		fclose(out);
	}
	json_set_alloc_funcs(malloc, free);
	assert_in_range(n, 100, 9999);
	summary_free(summary);
	stats_free(stats);
}

static void assert_line(const struct summary *summary, const struct summary_row *row,
			const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	text_summary_line(out, summary, row);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void lines(void **state)
{
	struct stats *stats = new_stats();
	struct record record = ended_record(22, 3, "sshd");
	const struct summary_row *row;
	struct summary *summary;

	(void)state;
	add_one(stats);
	add_record(stats, &record, START_NS);
	summary = summary_of(stats, BY_SERVICE);
	row = find_comm(summary, "nginx");
	assert_true(summary_row_is_notable(row));
	assert_line(summary, row,
		    "nginx server port 443 (nginx.service): 1 ended in 0s, 0 slow accepts, "
		    "1 slow closes, accept wait p99 1us max 1us, close wait p99 1.5s max 1.5s"
		    "; now 0 in accept queue, 1 in CLOSE_WAIT, oldest 1.5s");
	row = find_comm(summary, "sshd");
	assert_false(summary_row_is_notable(row));
	assert_line(summary, row,
		    "sshd server port 22: 1 ended in 0s, 0 slow accepts, 0 slow closes, "
		    "accept wait p99 1ms max 1ms, close wait p99 4ms max 4ms");
	assert_line(
		summary, summary_total(summary),
		"all: 2 ended in 0s, 0 slow accepts, 1 slow closes, accept wait p99 1ms max 1ms, "
		"close wait p99 1.5s max 1.5s; now 0 in accept queue, 1 in CLOSE_WAIT, "
		"oldest 1.5s");
	summary_free(summary);
	stats_free(stats);
}

static void hostile_lines(void **state)
{
	struct stats *stats = new_stats();
	struct summary *summary;

	(void)state;
	stats_waiting_begin(stats, START_NS);
	add_service(stats, 80, 1, "a\n\033[2J", "b\033[0m\n.service");
	add_service(stats, 81, 1, "", "");
	stats_waiting_end(stats);
	summary = summary_of(stats, BY_SERVICE);
	assert_line(summary, find_comm(summary, "a\n\033[2J"),
		    "a\\x0a\\x1b[2J server port 80 (b\\x1b[0m\\x0a.service): 1 ended in 0s, 0 slow "
		    "accepts, 0 slow closes, accept wait p99 1ms max 1ms, close wait p99 4ms max "
		    "4ms; now 0 in accept queue, 1 in CLOSE_WAIT, oldest 4ms");
	assert_line(summary, find_comm(summary, ""),
		    "- server port 81: 1 ended in 0s, 0 slow accepts, 0 slow closes, accept wait "
		    "p99 1ms "
		    "max 1ms, close wait p99 4ms max 4ms; now 0 in accept queue, 1 in CLOSE_WAIT, "
		    "oldest 4ms");
	summary_free(summary);
	stats_free(stats);
}

static void line_of_other(void **state)
{
	const struct stats_options options = {.thresholds = thresholds, .rows_max = 1};
	struct stats *stats = stats_new(&options, START_NS);
	struct summary *summary;

	(void)state;
	stats_waiting_begin(stats, START_NS);
	add_service(stats, 80, 1, "a", "");
	add_service(stats, 81, 1, "b", "");
	stats_waiting_end(stats);
	summary = summary_of(stats, BY_SERVICE);
	assert_line(
		summary, summary_other(summary),
		"other services: 1 ended in 0s, 0 slow accepts, 0 slow closes, accept wait p99 1ms "
		"max 1ms, close wait p99 4ms max 4ms; now 0 in accept queue, 1 in CLOSE_WAIT, "
		"oldest 4ms");
	assert_false(summary_total(summary)->other);
	summary_free(summary);
	stats_free(stats);
}

/* Each alone is worth a line. */
static void notable(void **state)
{
	struct summary_row row = {.counts = {.ended = 5}};

	(void)state;
	assert_false(summary_row_is_notable(&row));
	row.counts.slow_accepts = 1;
	assert_true(summary_row_is_notable(&row));
	row = (struct summary_row){.counts = {.slow_closes = 1}};
	assert_true(summary_row_is_notable(&row));
	row = (struct summary_row){.waiting = {.accept_queue = 1}};
	assert_true(summary_row_is_notable(&row));
	row = (struct summary_row){.waiting = {.close_wait = 1}};
	assert_true(summary_row_is_notable(&row));
}

static void words(void **state)
{
	enum summary_by by;
	enum window window;

	(void)state;
	for (int i = 0; i < BY_COUNT; i++) {
		assert_int_equal(summary_by_parse(summary_by_name(i), &by), 0);
		assert_int_equal(by, i);
		assert_non_null(strstr(SUMMARY_BY_ALLOWED, summary_by_name(i)));
	}
	for (int i = 0; i < WINDOW_COUNT; i++) {
		assert_int_equal(summary_window_parse(summary_window_name(i), &window), 0);
		assert_int_equal(window, i);
		assert_non_null(strstr(SUMMARY_WINDOW_ALLOWED, summary_window_name(i)));
	}
	assert_null(summary_by_name(BY_COUNT));
	assert_null(summary_window_name(WINDOW_COUNT));
	assert_int_equal(summary_by_parse("", &by), -EINVAL);
	assert_int_equal(summary_by_parse("services", &by), -EINVAL);
	assert_int_equal(summary_window_parse("2m", &window), -EINVAL);
	assert_int_equal(summary_window_parse("60s", &window), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),
		cmocka_unit_test(one),
		cmocka_unit_test(times),
		cmocka_unit_test(groups),
		cmocka_unit_test(idle),
		cmocka_unit_test(histograms),
		cmocka_unit_test(last_bucket),
		cmocka_unit_test(no_percentiles),
		cmocka_unit_test(other_and_undetailed),
		cmocka_unit_test(ipv6_peer),
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(full_device),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(lines),
		cmocka_unit_test(hostile_lines),
		cmocka_unit_test(line_of_other),
		cmocka_unit_test(notable),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ended.h"
#include "metrics.h"

static const struct metrics_health health = {
	.backend = "fentry",
	.slow = {.close_wait_ns = NSEC_PER_SEC, .accept_wait_ns = NSEC_PER_SEC / 10},
	.resident_bytes = UNKNOWN,
};

/* Of each test. */
static struct metrics *metrics;
static struct stats *stats;

static int set_up(void **state)
{
	(void)state;
	metrics = metrics_new();
	stats = new_stats();
	return metrics && stats ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	metrics_free(metrics);
	stats_free(stats);
	return 0;
}

/* What a scrape says, once what it is of was added. */
static char *print(const struct metrics_health *of)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(metrics_print(out, metrics, stats, of), 0);
	fclose(out);
	return text;
}

static char *scrape(void)
{
	metrics_begin(metrics, START_NS);
	return print(&health);
}

/* The value of a sample, by all that stands before it; NULL: there is none. Good until the next. */
static const char *value_of(const char *text, const char *sample)
{
	static char value[64];
	size_t length = strlen(sample);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, sample, length) == 0 && line[length] == ' ') {
			snprintf(value, sizeof(value), "%.*s",
				 (int)strcspn(line + length + 1, "\n"), line + length + 1);
			return value;
		}
	}
	return NULL;
}

static void assert_value(const char *text, const char *sample, const char *expected)
{
	const char *value = value_of(text, sample);

	if (!value || strcmp(value, expected) != 0)
		fail_msg("%s is %s, not %s, in\n%s", sample, value ? value : "missing", expected,
			 text);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Two samples of the same name and labels would make Prometheus refuse all. Returns how many. */
static size_t assert_no_duplicates(char *text)
{
	static char *lines[100000];
	size_t count = 0;
	char *save;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (*line == '#')
			continue;
		*strrchr(line, ' ') = '\0';
		lines[count++] = line;
	}
	qsort(lines, count, sizeof(lines[0]), compare_lines);
	for (size_t i = 1; i < count; i++)
		assert_string_not_equal(lines[i - 1], lines[i]);
	return count;
}

/* Samples that begin like this. */
static size_t count_of(const char *text, const char *begin)
{
	size_t count = 0;

	for (const char *line = text; line; line = strchr(line + 1, '\n'))
		count += strncmp(line + (*line == '\n'), begin, strlen(begin)) == 0;
	return count;
}

#define WEB "{role=\"server\",port=\"80\",process=\"web\""

/* A connection of which both waits are known. */
static void add_waits(uint64_t accept_ns, uint64_t close_ns)
{
	struct record record = ended_record(80, 7, "web");

	record.conn.accepted_ns = record.conn.queued_ns + accept_ns;
	record.conn.close_wait_ns = record.conn.accepted_ns;
	record.end_ns = record.conn.close_wait_ns + close_ns;
	add_record(stats, &record, START_NS);
}

static void counts_connections_of_a_service(void **state)
{
	char *text;

	(void)state;
	add_waits(1000, 1000);
	add_waits(200 * NSEC_PER_MSEC, 1500 * NSEC_PER_MSEC);
	add_waits(1000, 2 * NSEC_PER_SEC);
	text = scrape();
	assert_value(text, "slowclose_connections_ended_total" WEB "}", "3");
	assert_value(text, "slowclose_slow_accepts_total" WEB "}", "1");
	assert_value(text, "slowclose_slow_closes_total" WEB "}", "2");
	assert_value(text, "slowclose_slow_connections_total" WEB ",cause=\"not-closing\"}", "2");
	assert_value(text, "slowclose_slow_connections_total" WEB ",cause=\"not-reading\"}", "0");
	assert_value(text, "slowclose_slow_connections_total" WEB ",cause=\"unknown\"}", "0");
	assert_value(text, "slowclose_connection_ends_total{end=\"close\"}", "3");
	assert_value(text, "slowclose_connection_ends_total{end=\"timeout\"}", "0");
	free(text);
}

static void histograms_are_cumulative(void **state)
{
	char *text;

	(void)state;
	add_waits(20000, 2000 * NSEC_PER_SEC);
	add_waits(700000, 4000 * NSEC_PER_SEC);
	add_waits(700000, 4000 * NSEC_PER_SEC);
	text = scrape();
	assert_value(text, "slowclose_accept_wait_seconds_bucket" WEB ",le=\"0.0001\"}", "1");
	assert_value(text, "slowclose_accept_wait_seconds_bucket" WEB ",le=\"0.001\"}", "3");
	assert_value(text, "slowclose_accept_wait_seconds_bucket" WEB ",le=\"3600\"}", "3");
	assert_value(text, "slowclose_accept_wait_seconds_bucket" WEB ",le=\"+Inf\"}", "3");
	assert_value(text, "slowclose_accept_wait_seconds_sum" WEB "}", "0.001420");
	assert_value(text, "slowclose_accept_wait_seconds_count" WEB "}", "3");
	assert_value(text, "slowclose_close_wait_seconds_bucket" WEB ",le=\"300\"}", "0");
	assert_value(text, "slowclose_close_wait_seconds_bucket" WEB ",le=\"3600\"}", "1");
	assert_value(text, "slowclose_close_wait_seconds_bucket" WEB ",le=\"+Inf\"}", "3");
	assert_value(text, "slowclose_close_wait_seconds_sum" WEB "}", "10000.000000");
	free(text);
}

/* What is over a bound is never below it, and what is 3.2 % under it always is. */
static void assert_bound(const char *le, uint64_t bound_ns)
{
	char sample[160], *text;

	snprintf(sample, sizeof(sample), "slowclose_close_wait_seconds_bucket" WEB ",le=\"%s\"}",
		 le);
	add_waits(0, bound_ns + 1);
	text = scrape();
	assert_value(text, sample, "0");
	free(text);
	add_waits(0, bound_ns - bound_ns * 32 / 1000);
	text = scrape();
	assert_value(text, sample, "1");
	free(text);
}

static void bounds_are_what_they_say(void **state)
{
	static const char *const bounds[] = {"0.0001", "0.001", "0.01", "0.05", "0.1",
					     "0.25",   "0.5",	"1",	"2.5",	"5",
					     "10",     "60",	"300",	"3600"};
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		assert_bound(bounds[i], (uint64_t)(strtod(bounds[i], NULL) * 1e9 + 0.5));
		tear_down(state);
		set_up(state);
	}
	add_waits(0, 0);
	text = scrape();
	assert_int_equal(count_of(text, "slowclose_close_wait_seconds_bucket"),
			 sizeof(bounds) / sizeof(bounds[0]) + 1);
	free(text);
}

static void what_has_no_cell_is_in_the_count(void **state)
{
	const struct stats_options options = {.thresholds = thresholds, .cells_max = 1};
	char *text;

	(void)state;
	stats_free(stats);
	stats = stats_new(&options, START_NS);
	add_waits(1000, 1000);
	text = scrape();
	assert_value(text, "slowclose_accept_wait_seconds_bucket" WEB ",le=\"3600\"}", "0");
	assert_value(text, "slowclose_accept_wait_seconds_bucket" WEB ",le=\"+Inf\"}", "1");
	assert_value(text, "slowclose_accept_wait_seconds_count" WEB "}", "1");
	assert_value(text, "slowclose_accept_wait_seconds_sum" WEB "}", "0.000001");
	free(text);
}

static void a_client_has_no_accept_wait(void **state)
{
	struct record record = ended_record(50000, 9, "app");
	char *text;

	(void)state;
	record.conn.role = ROLE_CLIENT;
	record.conn.remote_port = 5432;
	add_record(stats, &record, START_NS);
	text = scrape();
	assert_value(text,
		     "slowclose_connections_ended_total{role=\"client\",port=\"5432\","
		     "process=\"app\"}",
		     "1");
	assert_value(text,
		     "slowclose_close_wait_seconds_count{role=\"client\",port=\"5432\","
		     "process=\"app\"}",
		     "1");
	assert_int_equal(count_of(text, "slowclose_accept_wait_seconds"), 0);
	assert_int_equal(count_of(text, "slowclose_slow_accepts_total"), 0);
	assert_null(strstr(text, "never-accepted"));
	assert_null(strstr(text, "accept-queue"));
	free(text);
}

/* Pods come and go, each with a network namespace; their series would stay. */
static void namespaces_are_one(void **state)
{
	struct record record = ended_record(80, 7, "web");
	char *text;

	(void)state;
	add_record(stats, &record, START_NS);
	record.conn.netns++;
	add_record(stats, &record, START_NS);
	text = scrape();
	assert_value(text, "slowclose_connections_ended_total" WEB "}", "2");
	free(text);
}

static void add_waiting(bool accepted, uint32_t netns, int64_t wait_ns)
{
	struct record record = ended_record(80, accepted ? 7 : 0, accepted ? "web" : "");
	struct event event;

	record.kind = RECORD_WAITING;
	record.end_ns = (uint64_t)(START_NS + wait_ns);
	record.conn.close_wait_ns = accepted ? START_NS : 0;
	record.conn.end = END_UNKNOWN;
	record.conn.netns = netns;
	if (!accepted) {
		record.conn.flags = 0;
		record.conn.accepted_ns = 0;
	}
	event = event_of(&record);
	stats_waiting_add(stats, &event);
}

static void tells_what_waits(void **state)
{
	char *text;

	(void)state;
	stats_waiting_begin(stats, START_NS);
	add_waiting(true, 1, 5 * NSEC_PER_SEC);
	add_waiting(true, 2, NSEC_PER_SEC / 2);
	add_waiting(false, 1, NSEC_PER_SEC / 2);
	stats_waiting_end(stats);
	text = scrape();
	assert_value(text, "slowclose_connections_waiting" WEB ",state=\"accept-queue\"}", "1");
	assert_value(text, "slowclose_connections_waiting" WEB ",state=\"close-wait\"}", "2");
	assert_value(text, "slowclose_slow_connections_waiting" WEB ",cause=\"not-closing\"}", "1");
	assert_value(text, "slowclose_slow_connections_waiting" WEB ",cause=\"never-accepted\"}",
		     "1");
	assert_value(text, "slowclose_oldest_wait_seconds" WEB "}", "5.000000000");
	free(text);
	stats_waiting_begin(stats, START_NS);
	stats_waiting_end(stats);
	text = scrape();
	assert_value(text, "slowclose_connections_waiting" WEB ",state=\"close-wait\"}", "0");
	assert_value(text, "slowclose_oldest_wait_seconds" WEB "}", "0.000000000");
	free(text);
}

/* After an hour, its row is another service's: what it had must not show up as the others'. */
static void a_service_that_makes_room_does_not_count_twice(void **state)
{
	const struct stats_options options = {.thresholds = thresholds, .rows_max = 1};
	int64_t later_ns = START_NS + 2 * 3600 * NSEC_PER_SEC;
	struct record record = ended_record(80, 7, "web");
	char *text;

	(void)state;
	stats_free(stats);
	stats = stats_new(&options, START_NS);
	add_record(stats, &record, START_NS);
	text = scrape();
	assert_value(text, "slowclose_connections_ended_total" WEB "}", "1");
	free(text);
	record.conn.local_port = 81;
	add_record(stats, &record, later_ns);
	metrics_begin(metrics, later_ns);
	text = print(&health);
	assert_null(value_of(text, "slowclose_connections_ended_total" WEB "}"));
	assert_value(text,
		     "slowclose_connections_ended_total{role=\"server\",port=\"81\","
		     "process=\"web\"}",
		     "1");
	assert_value(text,
		     "slowclose_connections_ended_total{role=\"other\",port=\"other\","
		     "process=\"other\"}",
		     "0");
	free(text);
}

/* The sum of all samples of one name. */
static uint64_t sum_of(const char *text, const char *name)
{
	uint64_t sum = 0;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == '{')
			sum += strtoull(strstr(line, "} ") + 2, NULL, 10);
	}
	return sum;
}

/* 5,000 services, of which the statistics keep 1,000: 100 of them have series of their own. */
static void services_are_bounded(void **state)
{
	size_t ended, all;
	char *text;

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (uint16_t port = 1; port <= 5000; port++) {
			struct record record = ended_record(port, 7, "web");

			if (port == 777) /* slow: it has a row, whoever else has none */
				record.end_ns += 10 * NSEC_PER_SEC;
			add_record(stats, &record, START_NS);
		}
		text = scrape();
		assert_int_equal(sum_of(text, "slowclose_connections_ended_total"),
				 5000 * (round + 1));
		assert_int_equal(sum_of(text, "slowclose_close_wait_seconds_count"),
				 5000 * (round + 1));
		ended = count_of(text, "slowclose_connections_ended_total{");
		assert_int_equal(ended, METRICS_SERVICES_MAX + 1);
		assert_value(text,
			     "slowclose_slow_closes_total{role=\"server\",port=\"777\","
			     "process=\"web\"}",
			     round ? "2" : "1");
		assert_non_null(value_of(text, "slowclose_connections_ended_total{role=\"other\","
					       "port=\"other\",process=\"other\"}"));
		all = assert_no_duplicates(text);
		assert_in_range(all, 1, 6000);
		free(text);
	}
}

/* Names that look the same are one: the second would be a duplicate. */
static void names_are_harmless(void **state)
{
	static const char *const names[] = {"a\"} 1\nb", "a\"} 1\033b", "\xff\xff",
					    "\x80\xfe",	 "other",	"\\"};
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct record record = ended_record(80, (uint32_t)i + 1, names[i]);

		add_record(stats, &record, START_NS);
	}
	text = scrape();
	assert_value(text,
		     "slowclose_connections_ended_total{role=\"server\",port=\"80\","
		     "process=\"a\\\"} 1\xef\xbf\xbd"
		     "b\"}",
		     "2");
	assert_value(text,
		     "slowclose_connections_ended_total{role=\"server\",port=\"80\","
		     "process=\"\xef\xbf\xbd\xef\xbf\xbd\"}",
		     "2");
	assert_value(text,
		     "slowclose_connections_ended_total{role=\"server\",port=\"80\","
		     "process=\"\\\\\"}",
		     "1");
	assert_no_duplicates(text);
	free(text);
}

static struct listener_record listener_at(uint16_t port, uint64_t sock)
{
	return (struct listener_record){
		.listener = {.since_ns = 1, .port = port, .family = FAMILY_IPV4},
		.sock = sock,
		.limit = 3,
	};
}

static void add_listener(const struct listener_record *record, uint32_t pid, const char *comm)
{
	struct holder holder = {.pid = pid};
	const struct listener_event event = {
		.record = record, .holders = &holder, .holder_count = 1};

	memcpy(holder.comm, comm, strlen(comm));
	metrics_add_listener(metrics, &event);
}

#define WEB_QUEUE "{address=\"0.0.0.0\",port=\"80\",process=\"web\"}"

/* Two sockets of one port, as SO_REUSEPORT allows. */
static void listeners_of_a_port_are_one(void **state)
{
	struct listener_record one = listener_at(80, 1), two = listener_at(80, 2);
	char *text;

	(void)state;
	one.queued = 4;
	one.drops = 10;
	two.queued = 1;
	two.drops = 5;
	metrics_begin(metrics, START_NS);
	add_listener(&one, 7, "web");
	add_listener(&two, 8, "web");
	text = print(&health);
	assert_value(text, "slowclose_listening_sockets" WEB_QUEUE, "2");
	assert_value(text, "slowclose_accept_queue_length" WEB_QUEUE, "5");
	assert_value(text, "slowclose_accept_queue_limit" WEB_QUEUE, "6");
	assert_value(text, "slowclose_accept_queue_usage_ratio" WEB_QUEUE, "1.000000");
	assert_value(text, "slowclose_accept_queue_drops_total" WEB_QUEUE, "15");
	free(text);
	two.drops = 6;
	metrics_begin(metrics, START_NS);
	add_listener(&two, 8, "web"); /* the other one was closed */
	text = print(&health);
	assert_value(text, "slowclose_accept_queue_drops_total" WEB_QUEUE, "16");
	assert_value(text, "slowclose_accept_queue_usage_ratio" WEB_QUEUE, "0.250000");
	free(text);
}

/* What it dropped before the daemon's start would be a peak at the daemon's start. */
static void older_listeners_begin_at_nothing(void **state)
{
	struct listener_record record = listener_at(80, 1), newer = listener_at(80, 2);
	char *text;

	(void)state;
	record.listener.since_ns = 0;
	record.drops = 1000;
	newer.drops = 2;
	metrics_begin(metrics, START_NS);
	add_listener(&record, 7, "web");
	add_listener(&newer, 7, "web");
	text = print(&health);
	assert_value(text, "slowclose_accept_queue_drops_total" WEB_QUEUE, "2");
	free(text);
	record.drops = 1003;
	metrics_begin(metrics, START_NS);
	add_listener(&record, 7, "web");
	add_listener(&newer, 7, "web");
	text = print(&health);
	assert_value(text, "slowclose_accept_queue_drops_total" WEB_QUEUE, "5");
	free(text);
}

static void listeners_have_their_address(void **state)
{
	struct listener_record record = listener_at(8080, 1);
	struct listener_event event = {.record = &record};
	char *text;

	(void)state;
	record.listener.family = FAMILY_IPV6;
	record.listener.addr[15] = 1;
	record.listener.owner = task_named(9, "systemd");
	record.limit = UINT32_MAX;
	metrics_begin(metrics, START_NS);
	metrics_add_listener(metrics, &event);
	text = print(&health);
	assert_value(text,
		     "slowclose_accept_queue_limit{address=\"::1\",port=\"8080\","
		     "process=\"systemd\"}",
		     "4294967295");
	free(text);
}

static void listeners_are_bounded(void **state)
{
	char *text;

	(void)state;
	metrics_begin(metrics, START_NS);
	for (uint16_t port = 1; port <= 5000; port++) {
		struct listener_record record = listener_at(port, port);

		record.drops = 1;
		record.queued = port == 4444 ? 2 : 0;
		add_listener(&record, port, "web");
	}
	text = print(&health);
	assert_int_equal(count_of(text, "slowclose_accept_queue_length{"),
			 METRICS_LISTENERS_MAX + 1);
	assert_int_equal(sum_of(text, "slowclose_listening_sockets"), 5000);
	assert_int_equal(sum_of(text, "slowclose_accept_queue_drops_total"), 5000);
	assert_no_duplicates(text);
	free(text);
}

static void add_accepts(uint32_t pid, const char *comm, uint16_t error, uint64_t count)
{
	const struct accept_record record = {
		.key = {.pid = pid, .port = error ? 0 : 80, .error = error},
		.count = {.count = count}};

	metrics_add_accepts(metrics, &record, comm);
}

static void counts_accepts_that_failed(void **state)
{
	static const char web[16] = "web";
	char *text;

	(void)state;
	metrics_begin(metrics, START_NS);
	add_accepts(7, web, 0, 100);
	add_accepts(7, web, EMFILE, 3);
	add_accepts(9, web, EMFILE, 4);
	add_accepts(9, web, ECONNABORTED, 1);
	add_accepts(8, NULL, EMFILE, 2); /* of one that holds nothing any more */
	text = print(&health);
	assert_value(text, "slowclose_accept_failures_total{process=\"web\",errno=\"EMFILE\"}",
		     "7");
	assert_value(text,
		     "slowclose_accept_failures_total{process=\"web\",errno=\"ECONNABORTED\"}",
		     "1");
	assert_value(text, "slowclose_accept_failures_total{process=\"\",errno=\"EMFILE\"}", "2");
	assert_int_equal(sum_of(text, "slowclose_accept_failures_total"), 10);
	free(text);
}

static void tells_findings(void **state)
{
	static const struct finding finding = {.code = FINDING_CLOSE_LEAK,
					       .severity = SEVERITY_CRITICAL};
	static const struct evidence evidence = {.role = ROLE_SERVER, .port = 80, .comm = "web"};
	char *text;

	(void)state;
	metrics_begin(metrics, START_NS);
	metrics_add_finding(metrics, &evidence, &finding);
	metrics_add_finding(metrics, &evidence, &finding); /* in another namespace */
	text = print(&health);
	assert_value(text,
		     "slowclose_findings{code=\"close-leak\",severity=\"critical\",role=\"server\","
		     "port=\"80\",process=\"web\"}",
		     "2");
	free(text);
	text = scrape();
	assert_int_equal(count_of(text, "slowclose_findings{"), 0);
	free(text);
}

static void tells_of_the_daemon(void **state)
{
	static const struct hooks_program program = {.name = "sc_state_1", .skipped = 4};
	struct metrics_health well = health;
	struct hooks_program timed = program;
	char *text;

	(void)state;
	timed.name = "sc_destroy";
	timed.timed = true;
	timed.run_ns = 5;
	well.counts = (struct hooks_counts){.records = 10, .folded = 6};
	well.counts.losses[LOSS_TABLE_FULL] = 3;
	well.counts.losses[LOSS_END_UNSEEN] = 4;
	well.events_lost = 8;
	well.read = 7;
	well.usage.rows[STATS_PEERS] = 2;
	well.resident_bytes = 4096;
	well.started_ns = 1700000000 * NSEC_PER_SEC;
	array_init(&well.programs, sizeof(program), SIZE_MAX);
	array_add(&well.programs, &program);
	array_add(&well.programs, &timed);
	metrics_begin(metrics, START_NS);
	text = print(&well);
	assert_value(text,
		     "slowclose_build_info{version=\"" SLOWCLOSE_VERSION "\",backend=\"fentry\"}",
		     "1");
	assert_value(text, "slowclose_accept_wait_threshold_seconds", "0.100000000");
	assert_value(text, "slowclose_records_total", "10");
	assert_value(text, "slowclose_ring_unread_records", "3");
	assert_value(text, "slowclose_folded_connections_total", "6");
	assert_value(text, "slowclose_losses_total{cause=\"table_full\"}", "3");
	assert_value(text, "slowclose_losses_total{cause=\"end_unseen\"}", "4");
	assert_value(text, "slowclose_losses_total{cause=\"ring_full\"}", "0");
	assert_value(text, "slowclose_losses_total{cause=\"subscribers\"}", "8");
	assert_value(text, "slowclose_statistics_rows{table=\"peer\"}", "2");
	assert_value(text, "slowclose_program_skipped_total{program=\"sc_state_1\"}", "4");
	assert_null(value_of(text, "slowclose_program_run_seconds_total{program=\"sc_state_1\"}"));
	assert_value(text, "slowclose_program_run_seconds_total{program=\"sc_destroy\"}",
		     "0.000000005");
	assert_value(text, "process_resident_memory_bytes", "4096");
	assert_value(text, "process_start_time_seconds", "1700000000.000000000");
	free(text);
	array_clear(&well.programs);
	text = scrape();
	assert_null(value_of(text, "process_resident_memory_bytes")); /* is not known */
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(counts_connections_of_a_service),
		TEST(histograms_are_cumulative),
		TEST(bounds_are_what_they_say),
		TEST(what_has_no_cell_is_in_the_count),
		TEST(a_client_has_no_accept_wait),
		TEST(namespaces_are_one),
		TEST(tells_what_waits),
		TEST(a_service_that_makes_room_does_not_count_twice),
		TEST(services_are_bounded),
		TEST(names_are_harmless),
		TEST(listeners_of_a_port_are_one),
		TEST(older_listeners_begin_at_nothing),
		TEST(listeners_have_their_address),
		TEST(listeners_are_bounded),
		TEST(counts_accepts_that_failed),
		TEST(tells_findings),
		TEST(tells_of_the_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

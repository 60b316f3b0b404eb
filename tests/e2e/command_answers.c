// SPDX-License-Identifier: GPL-2.0
/* slowclose report, list, listeners and status: what they say of connections that are known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "sockets.h"
#include "suite.h"

/* Connections to one listener. */
#define FAST 12
#define SLOW_ACCEPT 3
#define SLOW_CLOSE 5
#define ALL (FAST + SLOW_ACCEPT + SLOW_CLOSE)

/* Some may have been slow that were to be fast, on a machine that stood still. */
struct bound {
	int64_t least, most;
};

static void count_slow(struct bound *bound, struct span from, struct span to)
{
	bound->least += to.before - from.after >= COMMAND_SLOW_MS * 1000000LL;
	bound->most += to.after - from.before >= COMMAND_SLOW_MS * 1000000LL;
}

struct served {
	uint16_t port;
	struct bound slow_accepts, slow_closes;
};

/* The server closes first: no close wait. */
static void close_pair(struct pair *pair)
{
	close(pair->server);
	receive_end(pair->client);
	close(pair->client);
}

static void serve_fast(struct served *served, const struct listener *listener)
{
	struct pair pair;

	for (int i = 0; i < FAST; i++) {
		pair_open(&pair, listener);
		count_slow(&served->slow_accepts, pair.queued, pair.accepted);
		close_pair(&pair);
	}
}

static void serve_slow_accepts(struct served *served, const struct listener *listener)
{
	struct pair pairs[SLOW_ACCEPT];

	for (int i = 0; i < SLOW_ACCEPT; i++)
		pair_connect(&pairs[i], listener);
	pass_ms(COMMAND_SLOW_MS);
	for (int i = 0; i < SLOW_ACCEPT; i++) {
		pair_accept(&pairs[i], listener);
		count_slow(&served->slow_accepts, pairs[i].queued, pairs[i].accepted);
		close_pair(&pairs[i]);
	}
}

static void serve_slow_closes(struct served *served, const struct listener *listener)
{
	struct pair pairs[SLOW_CLOSE];

	for (int i = 0; i < SLOW_CLOSE; i++) {
		pair_open(&pairs[i], listener);
		count_slow(&served->slow_accepts, pairs[i].queued, pairs[i].accepted);
		pair_close_client(&pairs[i]);
	}
	pass_ms(COMMAND_SLOW_MS);
	for (int i = 0; i < SLOW_CLOSE; i++)
		count_slow(&served->slow_closes, pairs[i].fin, timed_close(pairs[i].server));
}

/* Until all have been told. */
static void wait_for_ends(uint16_t port)
{
	int64_t deadline = deadline_ns(), ended;
	static struct program report;

	do {
		json_t *summary = command_ask(&report, "report", "--json", "--by", "port");
		json_t *row = row_of(summary, "server", port);

		ended = row ? number_at(row, "ended") : 0;
		json_decref(summary);
		if (now_ns() > deadline)
			fail_msg("%lld have ended, not %d", (long long)ended, ALL);
	} while (ended != ALL);
}

static struct served served;

static int setup(void **state)
{
	struct listener listener;

	command_setup(state);
	listener_open(&listener, AF_INET, "127.0.0.1", ALL);
	memset(&served, 0, sizeof(served));
	served.port = listener.port;
	serve_fast(&served, &listener);
	serve_slow_accepts(&served, &listener);
	serve_slow_closes(&served, &listener);
	close(listener.fd);
	wait_for_ends(served.port);
	return 0;
}

static void expect_bound(json_t *row, const char *path, struct bound bound)
{
	assert_in_range(number_at(row, path), bound.least, bound.most);
}

static void expect_row(json_t *row)
{
	assert_non_null(row);
	assert_int_equal(number_at(row, "ended"), ALL);
	assert_int_equal(number_at(row, "accept_wait.count"), ALL);
	assert_int_equal(number_at(row, "close_wait.count"), SLOW_CLOSE);
	expect_bound(row, "slow_accepts", served.slow_accepts);
	expect_bound(row, "slow_closes", served.slow_closes);
	expect_bound(row, "causes.not-reading", served.slow_closes);
}

/* Every row counts, and the total has them all. */
static int64_t sum_of_rows(json_t *summary)
{
	json_t *rows = json_object_get(summary, "rows"), *row;
	json_t *other = json_object_get(summary, "other");
	int64_t sum = json_is_object(other) ? number_at(other, "ended") : 0;
	size_t i;

	json_array_foreach (rows, i, row)
		sum += number_at(row, "ended");
	return sum;
}

static void expect_summary(const char *by, const char *window)
{
	static struct program report;
	json_t *summary = command_ask(&report, "report", "--json", "--by", by, "--window", window);

	assert_string_equal(json_string_value(json_object_get(summary, "by")), by);
	assert_string_equal(json_string_value(json_object_get(summary, "window")), window);
	assert_true(number_at(summary, "total.ended") >= 2 * ALL);
	assert_int_equal(sum_of_rows(summary), number_at(summary, "total.ended"));
	if (!strcmp(by, "service") || !strcmp(by, "port")) {
		expect_row(row_of(summary, "server", served.port));
		assert_int_equal(number_at(row_of(summary, "client", served.port), "ended"), ALL);
	}
	json_decref(summary);
	assert_int_equal(command_run(&report, "report", "--by", by, "--window", window), 0);
	assert_string_equal(report.err.text, "");
	program_expect_out(&report, "SLOW   ACCEPT WAIT    CLOSE WAIT     WAITING\n");
	program_expect_out(&report, "\ntotal ");
	program_expect_out(&report, "Slow is an accept wait from 200ms, a close wait from 200ms.");
}

static void command_report_by_and_window(void **state)
{
	static const char *const bys[] = {"service", "process", "port", "unit", "peer"};
	static const char *const windows[] = {"1m", "5m", "1h", "start"};

	(void)state;
	/* The last minute first, while it is that. */
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
		expect_summary("service", windows[i]);
	for (size_t i = 0; i < sizeof(bys) / sizeof(bys[0]); i++)
		expect_summary(bys[i], "5m");
}

/* Both are in a line for people as well. */
static void command_report_for_people(void **state)
{
	static struct program report;
	char server[32], client[32];
	const char *line;
	long ended;

	(void)state;
	snprintf(server, sizeof(server), "%u/e2e ", served.port);
	snprintf(client, sizeof(client), "\n>%u/e2e ", served.port);
	assert_int_equal(command_run(&report, "report", "-n", "1000"), 0);
	program_expect_out(&report, client);
	line = strstr(report.out.text, server);
	assert_non_null(line);
	ended = strtol(line + strlen(server), NULL, 10);
	assert_int_equal(ended, ALL);
}

/* A table's row: its name, which can have spaces, and the first of its cells. */
struct row {
	char name[64];
	long ended;
};

#define CELLS 9

static bool read_row(const char *line, struct row *row)
{
	const char *at = line + strcspn(line, "\n");

	for (int i = 0; i < CELLS; i++) {
		while (at > line && at[-1] == ' ')
			at--;
		while (at > line && at[-1] != ' ')
			at--;
	}
	row->ended = strtol(at, NULL, 10);
	while (at > line && at[-1] == ' ')
		at--;
	snprintf(row->name, sizeof(row->name), "%.*s", (int)(at - line), line);
	return strcmp(row->name, "total") && strcmp(row->name, "(others)");
}

static size_t read_table(const char *text, struct row *rows, size_t size)
{
	size_t count = 0;

	text = strstr(text, "\nSERVICE") + 1;
	text += strcspn(text, "\n") + 1;
	while (count < size && read_row(text, &rows[count])) {
		text += strcspn(text, "\n") + 1;
		count++;
	}
	return count;
}

static void command_report_sorts(void **state)
{
	static struct program report;
	struct row rows[64];
	size_t count;

	(void)state;
	assert_int_equal(command_run(&report, "report", "--sort", "ended", "-n", "60"), 0);
	count = read_table(report.out.text, rows, 64);
	assert_true(count >= 2);
	for (size_t i = 1; i < count; i++)
		assert_true(rows[i - 1].ended >= rows[i].ended);
	assert_int_equal(command_run(&report, "report", "--sort", "name", "-n", "60"), 0);
	count = read_table(report.out.text, rows, 64);
	assert_true(count >= 2);
	for (size_t i = 1; i < count; i++)
		assert_true(strcmp(rows[i - 1].name, rows[i].name) < 0);
	assert_int_equal(command_run(&report, "report", "--sort", "close-max", "-n", "1"), 0);
	assert_int_equal(read_table(report.out.text, rows, 64), 1);
	program_expect_out(&report, "; -n ");
}

/* The bars' counts under this title, added up. */
static long sum_of_bars(const char *text, const char *title)
{
	long sum = 0, count;

	text = strstr(text, title);
	assert_non_null(text);
	text += strlen(title);
	while (sscanf(text, "  %*s - %*s %ld", &count) == 1) {
		assert_int_equal(strcspn(text, "#\n") < strcspn(text, "\n"), count > 0);
		sum += count;
		text += strcspn(text, "\n") + 1;
	}
	return sum;
}

static void command_report_histogram(void **state)
{
	static struct program report;
	char title[64];

	(void)state;
	assert_int_equal(command_run(&report, "report", "--histogram", "-n", "1000"), 0);
	snprintf(title, sizeof(title), "\n%u/e2e, accept wait of %d:\n", served.port, ALL);
	assert_int_equal(sum_of_bars(report.out.text, title), ALL);
	snprintf(title, sizeof(title), "\n%u/e2e, close wait of %d:\n", served.port, SLOW_CLOSE);
	assert_int_equal(sum_of_bars(report.out.text, title), SLOW_CLOSE);
}

/* Three that wait: in CLOSE_WAIT, in the queue, in CLOSE_WAIT. */
struct waiters {
	struct listener listener;
	struct pair pairs[3];
	char port[8];
};

static void make_waiters(struct waiters *waiters)
{
	struct listener *listener = &waiters->listener;

	listener_open(listener, AF_INET, "127.0.0.1", 4);
	snprintf(waiters->port, sizeof(waiters->port), "%u", listener->port);
	pair_open(&waiters->pairs[0], listener);
	pair_open(&waiters->pairs[2], listener);
	pair_close_client(&waiters->pairs[0]);
	pair_connect(&waiters->pairs[1], listener);
	pair_close_client(&waiters->pairs[2]);
}

static void end_waiters(struct waiters *waiters)
{
	close(waiters->pairs[0].server);
	close(waiters->pairs[1].client);
	close(waiters->pairs[2].server);
	close(waiters->listener.fd);
}

static size_t lines_in(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

/* In milliseconds; of waits that are no minute long. */
static double duration(const char *text)
{
	char *unit;
	double number = strtod(text, &unit);

	switch (*unit) {
	case 'n':
		return number / 1e6;
	case 'u':
		return number / 1e3;
	case 'm':
		return number;
	default:
		return number * 1e3;
	}
}

/* The wait that a line tells and that goes on. */
static double wait_of(const char *line)
{
	char accept_wait[16], close_wait[16], cause[32];

	assert_int_equal(sscanf(line, "%15s %15s %31s", accept_wait, close_wait, cause), 3);
	return duration(strcmp(cause, "never-accepted") ? close_wait : accept_wait);
}

/* So many of these, the longest wait first: each is looked at at a moment of its own. */
static void expect_listed(const struct program *list, const struct waiters *waiters, size_t count)
{
	const char *line = list->out.text;
	char remote[32];
	size_t found = 0;
	double wait, last = 1e9;

	assert_string_equal(list->err.text, "");
	command_expect_narrow(list->out.text);
	assert_int_equal(strncmp(line, "ACCEPT  CLOSE CAUSE          OWNER         FD UNREAD", 52),
			 0);
	for (size_t i = 0; i < 3; i++) {
		snprintf(remote, sizeof(remote), " 127.0.0.1:%u\n", waiters->pairs[i].client_port);
		found += strstr(line, remote) != NULL;
	}
	assert_int_equal(found, count);
	while (count--) {
		line = strchr(line, '\n') + 1;
		wait = wait_of(line);
		if (wait > last)
			fail_msg("a longer wait is behind a shorter one:\n%s", list->out.text);
		last = wait;
	}
}

static void command_list_longest_first(void **state)
{
	static struct program list;
	struct waiters waiters;
	char owner[32];

	(void)state;
	make_waiters(&waiters);
	assert_int_equal(command_run(&list, "list", "-L", waiters.port), 0);
	expect_listed(&list, &waiters, 3);
	assert_int_equal(lines_in(list.out.text), 4);
	snprintf(owner, sizeof(owner), " e2e/%d ", getpid());
	program_expect_out(&list, owner);
	program_expect_out(&list, " never-accepted - ");
	program_expect_out(&list, " not-reading ");

	assert_int_equal(command_run(&list, "list", "-L", waiters.port, "-n", "1"), 0);
	expect_listed(&list, &waiters, 1);
	program_expect_out(&list, "2 more wait, none of them longer.\n");
	assert_int_equal(lines_in(list.out.text), 3);
	assert_int_equal(command_run(&list, "list", "-L", waiters.port, "--min-close-wait", "1h"),
			 0);
	assert_string_equal(list.out.text, "Nothing that the filters ask for waits.\n");
	end_waiters(&waiters);
}

/* "9h0h0h…": longer than anything waits, in so many bytes. */
static const char *wait_of_size(char *wait, size_t size)
{
	for (size_t i = 0; i < size; i++)
		wait[i] = i % 2 ? 'h' : '0';
	wait[0] = '9';
	wait[size] = '\0';
	return wait;
}

/* What is asked for is answered, up to the longest; and what is longer is not asked for. */
static void command_list_with_long_filters(void **state)
{
	static struct program list;
	static char wait[16384 + 1];
	size_t fits = 2, not = sizeof(wait) - 1;

	(void)state;
	while (not -fits > 2) {
		size_t size = (fits + not ) / 4 * 2;

		if (command_run(&list, "list", "--min-close-wait", wait_of_size(wait, size)) == 0) {
			fits = size;
			assert_string_equal(list.out.text,
					    "Nothing that the filters ask for waits.\n");
			continue;
		}
		not = size;
		assert_string_equal(list.err.text,
				    "slowclose: the filters are too long to be asked for: give "
				    "fewer, or shorter ones\n");
	}
	assert_true(fits > 3000);
}

static void command_list_as_json(void **state)
{
	static struct program list;
	struct waiters waiters;
	json_t *lines, *one;
	uint64_t ports = 0;
	size_t i;

	(void)state;
	make_waiters(&waiters);
	assert_int_equal(command_run(&list, "list", "-L", waiters.port, "--json"), 0);
	lines = command_lines(&list);
	assert_int_equal(json_array_size(lines), 3);
	json_array_foreach (lines, i, one) {
		assert_string_equal(json_string_value(json_object_get(one, "event")), "waiting");
		assert_int_equal(number_at(one, "local.port"), waiters.listener.port);
		ports += (uint64_t)number_at(one, "remote.port");
	}
	for (i = 0; i < 3; i++)
		ports -= waiters.pairs[i].client_port;
	assert_int_equal(ports, 0);
	json_decref(lines);
	end_waiters(&waiters);
}

static void command_listeners(void **state)
{
	static struct program listeners;
	struct waiters waiters;
	char line[128];
	json_t *one;

	(void)state;
	make_waiters(&waiters);
	one = command_ask(&listeners, "listeners", "-L", waiters.port, "--json");
	assert_int_equal(number_at(one, "queued"), 1);
	assert_int_equal(number_at(one, "limit"), 4);
	json_decref(one);
	assert_int_equal(command_run(&listeners, "listeners", "-L", waiters.port), 0);
	assert_string_equal(listeners.err.text, "");
	command_expect_narrow(listeners.out.text);
	assert_int_equal(strncmp(listeners.out.text,
				 "LISTENER              QUEUED LIMIT            DROPS", 50),
			 0);
	snprintf(line, sizeof(line), "\n127.0.0.1:%-11s      1 4 backlog            0 ",
		 waiters.port);
	program_expect_out(&listeners, line);
	snprintf(line, sizeof(line), " e2e/%d\n", getpid());
	program_expect_out(&listeners, line);
	end_waiters(&waiters);

	/* What has nothing queued is shown only if it is asked for. */
	listener_open(&waiters.listener, AF_INET, "127.0.0.1", 4);
	snprintf(waiters.port, sizeof(waiters.port), "%u", waiters.listener.port);
	assert_int_equal(command_run(&listeners, "listeners", "-L", waiters.port), 0);
	assert_string_equal(listeners.out.text,
			    "Nothing is queued, was dropped or failed: 1 listeners (--all).\n");
	assert_int_equal(command_run(&listeners, "listeners", "-L", waiters.port, "--all"), 0);
	assert_int_equal(lines_in(listeners.out.text), 2);
	close(waiters.listener.fd);
}

static void command_status(void **state)
{
	static struct program status;
	char line[64];
	json_t *json;

	(void)state;
	json = command_ask(&status, "status", "--json");
	assert_int_equal(number_at(json, "pid"), service.daemon.pid);
	assert_true(number_at(json, "records") >= 2 * ALL);
	json_decref(json);
	assert_int_equal(command_run(&status, "status"), 0);
	assert_string_equal(status.err.text, "");
	command_expect_narrow(status.out.text);
	snprintf(line, sizeof(line), ", process %d\n", service.daemon.pid);
	program_expect_out(&status, line);
	snprintf(line, sizeof(line), "\nbackend      %s: ", suite.backend);
	program_expect_out(&status, line);
	program_expect_out(&status,
			   "\nslow         accept wait from 200ms, close wait from 200ms\n");
	program_expect_out(&status, "\nprograms     sc_state_1");
	program_expect_out(&status, "\nsubscribers  none\n");
}

int run_command_answers(void)
{
	const struct CMUnitTest tests[] = {
		command_scenario(command_report_by_and_window),
		command_scenario(command_report_for_people),
		command_scenario(command_report_sorts),
		command_scenario(command_report_histogram),
		command_scenario(command_list_longest_first),
		command_scenario(command_list_with_long_filters),
		command_scenario(command_list_as_json),
		command_scenario(command_listeners),
		command_scenario(command_status),
		command_scenario(command_examples_with_jq),
	};

	return cmocka_run_group_tests(tests, setup, command_teardown);
}

// SPDX-License-Identifier: GPL-2.0
/* What the service writes to the journal, with the fields that docs/api.md lists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "journald.h"
#include "netns.h"
#include "service.h"
#include "sockets.h"
#include "suite.h"

#define MANY 200
#define A_SECOND 20 /* slow closes that are written */

static const char *const arguments[] = {
	"--close-wait", "50ms", "--accept-wait", "1h", "--report-interval", "0s", NULL};

static void expect_field(json_t *entry, const char *name, const char *value)
{
	if (strcmp(journald_field(entry, name), value) != 0)
		fail_msg("%s is not %s in %s", name, value, json_dumps(entry, JSON_COMPACT));
}

static void expect_number_field(json_t *entry, const char *name, long long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", value);
	expect_field(entry, name, text);
}

static bool has(json_t *entry, const char *name, const char *value)
{
	const char *its = json_string_value(json_object_get(entry, name));

	return its && !strcmp(its, value);
}

/* The one of this kind that has a field with this value; others go. */
static json_t *next_with(const char *kind, const char *name, const char *value)
{
	json_t *entry;

	for (;;) {
		entry = journald_next();
		if (has(entry, "SLOWCLOSE_EVENT", kind) && has(entry, name, value))
			return entry;
		json_decref(entry);
	}
}

/* In milliseconds; between what was seen from outside, but for what is cut off. */
static void expect_wait_field(json_t *entry, const char *name, struct span from, struct span to)
{
	double ms = strtod(journald_field(entry, name), NULL);

	if (ms * 1e6 < (double)(to.before - from.after) - 1e3 ||
	    ms * 1e6 > (double)(to.after - from.before))
		fail_msg("%s is %s", name, journald_field(entry, name));
}

static void expect_harmless(const char *text)
{
	for (; *text; text++)
		assert_true((unsigned char)*text >= ' ' && *text != 0x7f);
}

static void expect_identity(json_t *entry, const struct pair *pair)
{
	char text[64];

	expect_field(entry, "SLOWCLOSE_ROLE", "server");
	expect_field(entry, "SLOWCLOSE_CAUSE", "not-reading");
	snprintf(text, sizeof(text), "127.0.0.1:%u", pair->client_port);
	expect_field(entry, "SLOWCLOSE_REMOTE", text);
	expect_number_field(entry, "SLOWCLOSE_NETNS", (long long)netns_inode());
	expect_number_field(entry, "SLOWCLOSE_OWNER_PID", getpid());
	/* A name can forge no field, nor do anything to a terminal. */
	expect_field(entry, "SLOWCLOSE_OWNER_COMM", "x\\x0aPRIORITY=0\\x0a\\x1b");
	expect_field(entry, "PRIORITY", "5");
	expect_harmless(journald_field(entry, "MESSAGE"));
	assert_non_null(strstr(journald_field(entry, "MESSAGE"), "not-reading"));
}

/* While it waits, and when it ends, as the same connection; from a process with a hostile name. */
static void journal_slow_close(void **state)
{
	struct listener listener;
	json_t *waiting, *closed;
	struct span closing;
	struct pair pair;
	char local[64];

	(void)state;
	prctl(PR_SET_NAME, "x\nPRIORITY=0\n\033");
	journald_start(arguments);
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	snprintf(local, sizeof(local), "127.0.0.1:%u", listener.port);
	pair_open(&pair, &listener);
	send_all(pair.client, "never read", 10);
	pair_close_client(&pair);
	waiting = next_with("waiting", "SLOWCLOSE_LOCAL", local);
	expect_identity(waiting, &pair);
	assert_null(json_object_get(waiting, "SLOWCLOSE_END"));
	closing = timed_close(pair.server);
	closed = next_with("closed", "SLOWCLOSE_LOCAL", local);
	expect_identity(closed, &pair);
	expect_field(closed, "SLOWCLOSE_ID", journald_field(waiting, "SLOWCLOSE_ID"));
	expect_field(closed, "SLOWCLOSE_END", "reset-unread");
	expect_wait_field(closed, "SLOWCLOSE_ACCEPT_WAIT_MS", pair.queued, pair.accepted);
	expect_wait_field(closed, "SLOWCLOSE_CLOSE_WAIT_MS", pair.fin, closing);
	expect_wait_field(closed, "SLOWCLOSE_LIFETIME_MS", pair.queued, closing);
	json_decref(waiting);
	json_decref(closed);
	close(listener.fd);
	journald_stop();
	prctl(PR_SET_NAME, "e2e");
}

struct told {
	long events; /* by the stream */
	long written, suppressed, lost; /* by the journal */
};

/* Whether one of the server's has ended. */
static bool take_event(struct told *told, const char *line)
{
	bool closed = strstr(line, "\"event\":\"closed\"");

	told->events += closed || strstr(line, "\"event\":\"waiting\"") ||
			strstr(line, "\"event\":\"accepted-late\"");
	return closed && strstr(line, "\"role\":\"server\"");
}

static long take_count(json_t *entry, const char *field)
{
	const char *count = journald_field(entry, field);

	assert_int_equal(strncmp(journald_field(entry, "MESSAGE"), count, strlen(count)), 0);
	return atol(count);
}

static void take_entry(struct told *told, json_t *entry)
{
	if (has(entry, "SLOWCLOSE_EVENT", "suppressed"))
		told->suppressed += take_count(entry, "SLOWCLOSE_SUPPRESSED");
	else if (has(entry, "SLOWCLOSE_EVENT", "lost"))
		told->lost += take_count(entry, "SLOWCLOSE_LOST");
	else
		told->written++;
	json_decref(entry);
}

/* Each is written, or counted as one that is not. */
static void expect_all_told(struct told *told, struct http *stream)
{
	int64_t deadline = deadline_ns();
	const char *line;
	json_t *entry;

	while (told->written + told->suppressed + told->lost != told->events) {
		if (now_ns() > deadline)
			fail_msg("%ld events, %ld written, %ld suppressed, %ld lost", told->events,
				 told->written, told->suppressed, told->lost);
		pass_ms(1);
		http_receive(stream);
		while ((line = http_line_now(stream)))
			take_event(told, line);
		while ((entry = journald_next_now()))
			take_entry(told, entry);
	}
}

/* All of them have ended when this returns. */
static void close_many_slowly(struct told *told, struct http *stream)
{
	static struct pair pairs[MANY];
	struct listener listener;

	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	for (int i = 0; i < MANY; i++) {
		pair_open(&pairs[i], &listener);
		pair_close_client(&pairs[i]);
	}
	pass_ms(50); /* the last one is slow */
	for (int i = 0; i < MANY; i++)
		close(pairs[i].server);
	for (int closed = 0; closed < MANY;)
		closed += take_event(told, http_line(stream));
	close(listener.fd);
}

static void journal_many_slow_closes(void **state)
{
	struct told told = {};
	struct http stream;
	int64_t begun, seconds;

	(void)state;
	journald_start(arguments);
	service_subscribe(&stream, "/v1/events"); /* what is slow, as the journal */
	begun = now_ns() / 1000000000;
	close_many_slowly(&told, &stream);
	expect_all_told(&told, &stream);
	seconds = now_ns() / 1000000000 - begun + 1;
	print_message("           %ld events: %ld written in %lld seconds, %ld suppressed\n",
		      told.events, told.written, (long long)seconds, told.suppressed);
	assert_true(told.suppressed > 0);
	assert_in_range(told.written, A_SECOND, A_SECOND * seconds);
	http_close(&stream);
	journald_stop();
}

/* As one whose disk hangs: clients are served meanwhile, and it is told what it has missed. */
static void journal_that_hangs(void **state)
{
	static const char *const all[] = {"--close-wait",
					  "50ms",
					  "--accept-wait",
					  "1h",
					  "--report-interval",
					  "0s",
					  "--journal-events",
					  "10000",
					  NULL};
	struct told told = {};
	struct http stream;

	(void)state;
	journald_start_hanging(all);
	service_subscribe(&stream, "/v1/events");
	close_many_slowly(&told, &stream);
	json_decref(service_get("/v1/status"));
	journald_go_on();
	expect_all_told(&told, &stream);
	print_message("           %ld events: %ld written, %ld lost\n", told.events, told.written,
		      told.lost);
	assert_true(told.written > 0);
	assert_true(told.lost > 0);
	assert_int_equal(told.suppressed, 0);
	http_close(&stream);
	journald_stop();
}

static void slow_close(const struct listener *listener)
{
	struct pair pair;

	pair_open(&pair, listener);
	pair_close_client(&pair);
	pass_ms(50);
	close(pair.server);
}

/* A line for the service, and one for everything. */
static void journal_summaries(void **state)
{
	static const char *const summaries[] = {
		"--close-wait", "50ms", "--accept-wait", "1h", "--report-interval", "1s", NULL};
	int64_t begun = now_ns();
	struct listener listener;
	struct pair pair;
	json_t *entry;
	char text[64];
	double ms;

	(void)state;
	journald_start(summaries);
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	for (int i = 0; i < 3; i++)
		slow_close(&listener);
	pair_open(&pair, &listener);
	pair_close_client(&pair);
	snprintf(text, sizeof(text), "e2e/%u", listener.port);
	do { /* the first ones may be from before the last connection */
		entry = next_with("summary", "SLOWCLOSE_SERVICE", text);
	} while (!has(entry, "SLOWCLOSE_ENDED", "3") ||
		 !has(entry, "SLOWCLOSE_IN_CLOSE_WAIT", "1"));
	expect_field(entry, "SLOWCLOSE_ROLE", "server");
	expect_number_field(entry, "SLOWCLOSE_PORT", listener.port);
	expect_field(entry, "SLOWCLOSE_OWNER_COMM", "e2e");
	ms = strtod(journald_field(entry, "SLOWCLOSE_WINDOW_MS"), NULL);
	assert_true(ms > 0 && ms * 1e6 <= (double)(now_ns() - begun));
	expect_field(entry, "SLOWCLOSE_SLOW_CLOSES", "3");
	expect_field(entry, "SLOWCLOSE_SLOW_ACCEPTS", "0");
	expect_field(entry, "SLOWCLOSE_IN_ACCEPT_QUEUE", "0");
	assert_true(strtod(journald_field(entry, "SLOWCLOSE_CLOSE_WAIT_P99_MS"), NULL) >= 48.5);
	journald_field(entry, "SLOWCLOSE_ACCEPT_WAIT_P99_MS");
	expect_field(entry, "PRIORITY", "6");
	expect_harmless(journald_field(entry, "MESSAGE"));
	json_decref(entry);
	while (!has(entry = journald_next(), "SLOWCLOSE_EVENT", "summary") ||
	       json_object_get(entry, "SLOWCLOSE_SERVICE"))
		json_decref(entry);
	assert_null(json_object_get(entry, "SLOWCLOSE_PORT"));
	assert_true(atol(journald_field(entry, "SLOWCLOSE_ENDED")) >= 6);
	assert_true(atol(journald_field(entry, "SLOWCLOSE_SLOW_CLOSES")) >= 3);
	assert_true(atol(journald_field(entry, "SLOWCLOSE_IN_CLOSE_WAIT")) >= 1);
	json_decref(entry);
	close(pair.server);
	close(listener.fd);
	journald_stop();
}

int run_journal(void)
{
	const struct CMUnitTest journal[] = {
		service_scenario(journal_slow_close),
		service_scenario(journal_many_slow_closes),
		service_scenario(journal_that_hangs),
		service_scenario(journal_summaries),
	};

	return cmocka_run_group_tests(journal, service_setup, service_teardown);
}

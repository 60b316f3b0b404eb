// SPDX-License-Identifier: GPL-2.0
#include "expect.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "suite.h"

/* What a number loses on its way: microseconds are cut off. */
#define CUT_MS 0.0011

static void expected(json_t *event, const char *key, const char *what, const char *file, int line)
{
	char *text = json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(15));

	print_error("%s:%d: \"%s\" is not %s in %s\n", file, line, key, what, text);
	free(text);
	_fail(file, line);
}

void expect_text_at(json_t *event, const char *key, const char *value, const char *file, int line)
{
	const char *text = json_string_value(json_object_get(event, key));

	if (!text || strcmp(text, value))
		expected(event, key, value, file, line);
}

void expect_null_at(json_t *event, const char *key, const char *file, int line)
{
	/* A field that is missing is not null. */
	if (!json_is_null(json_object_get(event, key)))
		expected(event, key, "null", file, line);
}

void expect_truth_at(json_t *event, const char *key, bool value, const char *file, int line)
{
	json_t *truth = json_object_get(event, key);

	if (!json_is_boolean(truth) || json_is_true(truth) != value)
		expected(event, key, value ? "true" : "false", file, line);
}

void expect_number_at(json_t *event, const char *key, int64_t value, const char *file, int line)
{
	json_t *number = json_object_get(event, key);
	char what[32];

	snprintf(what, sizeof(what), "%lld", (long long)value);
	if (!json_is_integer(number) || json_integer_value(number) != value)
		expected(event, key, what, file, line);
}

void expect_wait_at(json_t *event, const char *key, struct span from, struct span to,
		    const char *file, int line)
{
	json_t *number = json_object_get(event, key);
	double least = (double)(to.before - from.after) / 1e6 - CUT_MS;
	double most = (double)(to.after - from.before) / 1e6;
	double ms = json_number_value(number);
	char what[96];

	if (least < 0)
		least = 0;
	snprintf(what, sizeof(what), "between %.6f and %.6f", least, most);
	if (!json_is_number(number) || ms < least || ms > most)
		expected(event, key, what, file, line);
}

void expect_task_at(json_t *event, const char *key, pid_t pid, pid_t tid, const char *file,
		    int line)
{
	json_t *task = json_object_get(event, key);
	char what[64];

	snprintf(what, sizeof(what), "pid %d, tid %d", pid, tid);
	if (json_integer_value(json_object_get(task, "pid")) != pid ||
	    json_integer_value(json_object_get(task, "tid")) != tid ||
	    !json_is_string(json_object_get(task, "comm")))
		expected(event, key, what, file, line);
}

void expect_end_at(json_t *event, const char *key, const char *address, uint16_t port,
		   const char *file, int line)
{
	json_t *end = json_object_get(event, key);
	const char *text = json_string_value(json_object_get(end, "address"));
	char what[80];

	snprintf(what, sizeof(what), "%s, port %u", address, port);
	if (!text || strcmp(text, address) ||
	    json_integer_value(json_object_get(end, "port")) != port)
		expected(event, key, what, file, line);
}

int64_t event_time(json_t *event)
{
	return event_time_at(event, "time");
}

void expect_same_id(json_t *one, json_t *other)
{
	assert_string_equal(json_string_value(json_object_get(one, "id")),
			    json_string_value(json_object_get(other, "id")));
}

int64_t event_time_at(json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));
	struct tm tm = {};
	int us = -1;

	assert_non_null(text);
	assert_int_equal(sscanf(text, "%d-%d-%dT%d:%d:%d.%6dZ", &tm.tm_year, &tm.tm_mon,
				&tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &us),
			 7);
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return timegm(&tm) * 1000000000LL + us * 1000LL;
}

static bool holds(json_t *holders, const struct holding *holding)
{
	json_t *holder;
	size_t i;

	json_array_foreach (holders, i, holder) {
		if (json_integer_value(json_object_get(holder, "pid")) == holding->pid &&
		    json_integer_value(json_object_get(holder, "fd")) == holding->fd &&
		    json_is_string(json_object_get(holder, "comm")))
			return true;
	}
	return false;
}

void expect_holders_at(json_t *event, const struct holding *holdings, size_t count,
		       const char *file, int line)
{
	json_t *holders = json_object_get(event, "holders");
	char what[64];

	for (size_t i = 0; i < count; i++) {
		snprintf(what, sizeof(what), "with pid %d, fd %d", holdings[i].pid, holdings[i].fd);
		if (!holds(holders, &holdings[i]))
			expected(event, "holders", what, file, line);
	}
	snprintf(what, sizeof(what), "of %zu holders", count);
	if (!json_is_array(holders) || json_array_size(holders) != count)
		expected(event, "holders", what, file, line);
}

json_t *server_event(const struct pair *pair)
{
	struct wanted wanted = wanted_server(pair);

	return daemon_expect(&suite.daemon, &wanted);
}

json_t *client_event(const struct pair *pair)
{
	struct wanted wanted = wanted_client(pair);

	return daemon_expect(&suite.daemon, &wanted);
}

void expect_one_each(const struct pair *pair)
{
	struct wanted server = wanted_server(pair), client = wanted_client(pair);

	daemon_settle(&suite.daemon);
	assert_int_equal(daemon_count(&suite.daemon, &server), 1);
	assert_int_equal(daemon_count(&suite.daemon, &client), 1);
}

void expect_client(json_t *event, const struct pair *pair, const char *end)
{
	(void)pair;
	expect_text(event, "event", "closed");
	expect_text(event, "role", "client");
	expect_text(event, "end", end);
	expect_null(event, "accepted");
	expect_null(event, "accept_wait_ms");
	expect_task(event, "owner", getpid(), gettid());
}

// SPDX-License-Identifier: GPL-2.0
/* An event's line must not differ from that of the JSON library's object in a single byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "json_reference.h"

#define EVENTS 50000

/* 31 years: of more microseconds a double does not keep all digits. */
#define WAIT_MAX INT64_C(1000000000000000000)

static uint64_t seed = 1;

/* Small numbers, large ones and the limits, all often. */
static uint64_t any(void)
{
	static const uint64_t limits[] = {0, 1, UINT32_MAX, INT64_MAX, UINT64_MAX};

	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	if (seed >> 61 == 0)
		return limits[(seed >> 33) % 5];
	return (seed >> 33 ^ seed << 20) >> (seed >> 58);
}

static int64_t any_known(void)
{
	return any() % 4 ? (int64_t)(any() & INT64_MAX) : UNKNOWN;
}

static int64_t any_wait(void)
{
	return any() % 4 ? (int64_t)(any() % WAIT_MAX) : UNKNOWN;
}

/* Plain letters for the most part, else any bytes but the zero at the end. */
static void any_text(char *text, size_t size, bool terminated)
{
	size_t length = any() % size;

	memset(text, 0, size);
	if (!terminated && any() % 4 == 0)
		length = size;
	for (size_t i = 0; i < length; i++)
		text[i] = (char)(any() % 3 ? 'a' + any() % 26 : 1 + any() % 255);
	if (any() % 4 == 0 && length > 4)
		memcpy(text + length / 2 - 2, "\xf0\x9f\x90\xa7", 4);
	if (any() % 4 == 0 && length > 2) /* CSI as one character */
		memcpy(text + length - 2, "\xc2\x9b", 2);
}

static struct conn_task any_task(void)
{
	struct conn_task task = {.pid = (uint32_t)any(), .tid = (uint32_t)any()};

	any_text(task.comm, sizeof(task.comm), false);
	return task;
}

static void any_bytes(void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((char *)bytes)[i] = (char)any();
}

static struct conn any_conn(void)
{
	struct conn conn = {
		.close_wait_ns = any(),
		.local_port = (uint16_t)any(),
		.remote_port = (uint16_t)any(),
		.netns = (uint32_t)any(),
		.owner = any_task(),
		.closer = any_task(),
		.family = any() % 2 ? FAMILY_IPV4 : FAMILY_IPV6,
		.role = any() % 2 ? ROLE_SERVER : ROLE_CLIENT,
		.end = any() % END_COUNT,
	};

	any_bytes(conn.local_addr, sizeof(conn.local_addr));
	any_bytes(conn.remote_addr, sizeof(conn.remote_addr));
	return conn;
}

static struct event any_event(void)
{
	struct event event = {
		.kind = RECORD_CLOSED + any() % 3,
		.conn = any_conn(),
		.id = 0x0123456789abcdef,
		.time_ns = (int64_t)any(),
		.accept_wait_ns = any_wait(),
		.close_wait_ns = any_wait(),
		.lifetime_ns = any_wait(),
		.rx_bytes = any_known(),
		.tx_bytes = any_known(),
		.tx_bytes_after_fin = any_known(),
		.unread_bytes = any_known(),
		.accepted = (int)(any() % 3) - 1,
		.fin_read = (int)(any() % 3) - 1,
		.cause = any() % CAUSE_COUNT,
		.at_least = any() % 2,
		.close_wait_at_least = any() % 2,
	};

	return event;
}

static void assert_same(const struct event *event)
{
	size_t size, fast_size;
	char *line = json_line(json_reference(event), &size);
	char *fast = json_event_line(event, &fast_size);

	assert_non_null(line);
	assert_non_null(fast);
	fast = realloc(fast, fast_size + 1);
	fast[fast_size] = '\0';
	assert_string_equal(fast, line);
	assert_int_equal(fast_size, size);
	free(line);
	free(fast);
}

static void random_events(void **state)
{
	struct listener_record listener = {.listener = {.family = FAMILY_IPV6}};
	struct place owner, closer;
	struct holder holders[3];

	(void)state;
	for (int n = 0; n < EVENTS; n++) {
		struct event event = any_event();

		any_text(owner.unit, sizeof(owner.unit), true);
		any_text(owner.container, sizeof(owner.container), true);
		any_text(closer.unit, sizeof(closer.unit), true);
		any_text(closer.container, sizeof(closer.container), true);
		any_bytes(&listener.listener.addr, sizeof(listener.listener.addr));
		listener.listener.port = (uint16_t)any();
		listener.queued = (uint32_t)any();
		listener.limit = (uint32_t)any();
		event.owner_place = any() % 2 ? &owner : NULL;
		event.closer_place = any() % 2 ? &closer : NULL;
		event.listener = any() % 2 ? &listener : NULL;
		event.holders = holders;
		event.holder_count = any() % 4;
		event.holders_left_out = any() % 3;
		for (size_t i = 0; i < event.holder_count; i++) {
			holders[i] = (struct holder){.pid = (uint32_t)any(), .fd = (uint32_t)any()};
			any_text(holders[i].comm, sizeof(holders[i].comm), false);
		}
		assert_same(&event);
	}
}

/* Every digit that a wait can have. */
static void waits(void **state)
{
	struct event event = any_event();

	(void)state;
	event.accept_wait_ns = UNKNOWN;
	event.lifetime_ns = 0;
	for (int64_t us = 0; us < 20000; us++) {
		event.close_wait_ns = us * 1000 + 999;
		assert_same(&event);
	}
	for (int64_t ns = 1; ns < WAIT_MAX; ns *= 10) {
		event.close_wait_ns = ns;
		event.lifetime_ns = ns - 1;
		assert_same(&event);
	}
}

/* All that can be escaped is, with many holders: the longest line that there can be. */
static void longest(void **state)
{
	static struct holder holders[500];
	struct event event = any_event();
	struct place place;

	(void)state;
	memset(&place, 1, sizeof(place));
	place.unit[sizeof(place.unit) - 1] = '\0';
	place.container[sizeof(place.container) - 1] = '\0';
	memset(&event.conn, 0xff, sizeof(event.conn));
	memset(event.conn.owner.comm, 1, 16);
	memset(event.conn.closer.comm, 1, 16);
	event.owner_place = &place;
	event.closer_place = &place;
	event.holders = holders;
	event.holder_count = 500;
	for (size_t i = 0; i < 500; i++) {
		holders[i] = (struct holder){.pid = UINT32_MAX, .fd = UINT32_MAX};
		memset(holders[i].comm, 1, 16);
	}
	event.rx_bytes = event.tx_bytes = event.tx_bytes_after_fin = event.unread_bytes =
		INT64_MIN + 1;
	event.accept_wait_ns = event.close_wait_ns = event.lifetime_ns =
		INT64_C(999999999999999999);
	for (int kind = RECORD_CLOSED; kind <= RECORD_ACCEPTED_LATE; kind++) {
		event.kind = kind;
		assert_same(&event);
	}
}

#define HOLDING 1000 /* processes, */
#define EACH 8 /* with so many descriptors */
#define LINE_TAKEN_MAX (1 << 20) /* by a client: user/cli/client.h */

/* However many hold it, the line is one that a client takes; the owner is told of in any case. */
static void many_processes(void **state)
{
	static struct holder holders[HOLDING * EACH];
	struct event event = any_event();
	json_t *object, *seen;
	size_t size;
	char *line;

	(void)state;
	for (size_t i = 0; i < HOLDING * EACH; i++) {
		holders[i] =
			(struct holder){.pid = (uint32_t)(4000000000 + i / EACH), .fd = UINT32_MAX};
		memset(holders[i].comm, 1, 16);
	}
	event.kind = RECORD_WAITING;
	event.conn.owner.pid = holders[HOLDING * EACH - 1].pid;
	event.holders = holders;
	event.holder_count = HOLDING * EACH;
	event.holders_left_out = 3;
	line = json_event_line(&event, &size);
	assert_non_null(line);
	assert_true(size < LINE_TAKEN_MAX / 3);
	object = json_loadb(line, size, 0, NULL);
	seen = json_object_get(object, "holders");
	assert_int_equal(json_array_size(seen), 257 * EACH);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(seen, 257 * EACH - 1), "pid")),
		event.conn.owner.pid);
	assert_int_equal(json_integer_value(json_object_get(object, "holders_left_out")),
			 3 + (HOLDING - 257) * EACH);
	json_decref(object);
	free(line);
}

static bool is_event(const char *line)
{
	return json_line_is_event(line, strlen(line));
}

/* What may be passed on unread: what was written here, and nothing that is cut or is no event. */
static void lines_of_events(void **state)
{
	struct event event = any_event();
	struct listener_record record = {.limit = 1};
	const struct listener_event listener = {.record = &record};
	size_t size;
	char *line;

	(void)state;
	for (int kind = RECORD_CLOSED; kind <= RECORD_ACCEPTED_LATE; kind++) {
		event.kind = kind;
		line = json_event_line(&event, &size);
		assert_non_null(line);
		assert_true(json_line_is_event(line, size - 1));
		for (size_t length = 0; length < size - 1; length++) {
			if (line[length ? length - 1 : 0] != '}')
				assert_false(json_line_is_event(line, length));
		}
		line[size / 2] = '\x1b';
		assert_false(json_line_is_event(line, size - 1));
		free(line);
	}
	line = json_listener_line(&listener, 0, &size);
	assert_non_null(line);
	assert_false(json_line_is_event(line, size - 1));
	free(line);
	assert_true(is_event("{\"event\":\"closed\",\"time\":\"\"}"));
	assert_false(is_event("{\"event\":\"closed\"}"));
	assert_false(is_event("{\"event\":\"closed-late\",\"time\":\"\"}"));
	assert_false(is_event("{\"event\":\"hello\",\"time\":\"\"}"));
	assert_false(is_event(" {\"event\":\"closed\",\"time\":\"\"}"));
	assert_false(is_event("[]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_events),   cmocka_unit_test(waits),
		cmocka_unit_test(longest),	   cmocka_unit_test(many_processes),
		cmocka_unit_test(lines_of_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

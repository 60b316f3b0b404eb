// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "json_read.h"
#include "text.h"

static const struct holder two_holders[] = {
	{.pid = 7, .fd = 3, .comm = "a\xff"},
	{.pid = 4194304, .fd = 1048575, .comm = "1234567890123456"},
};
static const struct listener_record queue = {
	.listener = {.family = FAMILY_IPV6, .port = 443}, .queued = 129, .limit = 128};
static const struct place web = {.unit = "nginx.service", .container = "web"};

static struct event waiting_event(void)
{
	struct event event = {
		.kind = RECORD_WAITING,
		.conn = {.close_wait_ns = 1,
			 .local_addr = {192, 0, 2, 1},
			 .remote_addr = {198, 51, 100, 7},
			 .local_port = 443,
			 .remote_port = 65535,
			 .netns = UINT32_MAX,
			 .owner = {.pid = 812, .tid = 813, .comm = "h\xc3\xa9\xc3"},
			 .family = FAMILY_IPV4,
			 .role = ROLE_SERVER},
		.holders = two_holders,
		.holder_count = 2,
		.holders_left_out = 29998,
		.listener = &queue,
		.owner_place = &web,
		.id = 0x0123456789abcdef,
		.time_ns = 1700000000 * NSEC_PER_SEC + 1234567,
		.accept_wait_ns = 410123999,
		.close_wait_ns = 3000000000,
		.lifetime_ns = 86400 * NSEC_PER_SEC + 1000,
		.rx_bytes = INT64_MAX,
		.tx_bytes = 0,
		.tx_bytes_after_fin = UNKNOWN,
		.unread_bytes = 17,
		.accepted = YES,
		.fin_read = NO,
		.cause = CAUSE_NOT_READING,
		.at_least = true,
	};

	return event;
}

static struct event closed_event(void)
{
	struct event event = {
		.kind = RECORD_CLOSED,
		.conn = {.local_addr = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
			 .remote_addr = {0xfe, 0x80, [14] = 0xab, 0xcd},
			 .local_port = 1,
			 .remote_port = 443,
			 .owner = {.pid = 1,
				   .comm = "\xff\xff\xff\xff\xff\xff\xff\xff"
					   "\xff\xff\xff\xff\xff\xff\xff\xff"},
			 .closer = {.pid = 1, .tid = 2, .comm = "a\n\033[2J"},
			 .family = FAMILY_IPV6,
			 .role = ROLE_CLIENT,
			 .end = END_RESET_UNREAD},
		.id = UINT64_MAX,
		.time_ns = 0, /* Linux has no earlier time */
		.accept_wait_ns = UNKNOWN,
		.close_wait_ns = UNKNOWN,
		.lifetime_ns = INT64_C(36525) * 86400 * NSEC_PER_SEC - 1000, /* 100 years */
		.rx_bytes = UNKNOWN,
		.tx_bytes = UNKNOWN,
		.tx_bytes_after_fin = UNKNOWN,
		.unread_bytes = UNKNOWN,
		.accepted = MAYBE,
		.fin_read = MAYBE,
	};

	return event;
}

/* Terminated, and without its newline. */
static char *text_of(char *line, size_t size)
{
	assert_non_null(line);
	line[size - 1] = '\0';
	return line;
}

static char *event_text(const struct event *event)
{
	size_t size = 0;
	char *line = json_event_line(event, &size);

	return text_of(line, size);
}

static char *listener_text(const struct listener_event *event, int64_t time_ns)
{
	size_t size = 0;
	char *line = json_listener_line(event, time_ns, &size);

	return text_of(line, size);
}

static json_t *object_of(const struct event *event)
{
	char *text = event_text(event);
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(object);
	free(text);
	return object;
}

static void assert_round_trip(const struct event *event)
{
	char *first = event_text(event), *second;
	json_t *object = json_loads(first, 0, NULL);
	struct json_read read = {.holders = NULL};
	struct event again;

	assert_non_null(object);
	assert_int_equal(event_from_json(&again, &read, object), 0);
	assert_string_equal(read.error.text, "");
	second = event_text(&again);
	assert_string_equal(first, second);
	json_decref(object);
	json_read_free(&read);
	free(first);
	free(second);
}

static void round_trips(void **state)
{
	struct event event = waiting_event();

	(void)state;
	assert_round_trip(&event);
	event.conn.close_wait_ns = 0;
	event.listener = NULL;
	event.holder_count = 0;
	assert_round_trip(&event);
	event.kind = RECORD_ACCEPTED_LATE;
	assert_round_trip(&event);
	event = closed_event();
	assert_round_trip(&event);
	for (int end = END_UNKNOWN; end < END_COUNT; end++) {
		event.conn.end = (__u8)end;
		assert_round_trip(&event);
	}
	for (int cause = CAUSE_NONE; cause < CAUSE_COUNT; cause++) {
		event.cause = (enum conn_cause)cause;
		assert_round_trip(&event);
	}
}

/* Every microsecond of 36 years survives the way through a double. */
static void every_wait(void **state)
{
	struct event event = waiting_event();

	(void)state;
	srand(1);
	for (int i = 0; i < 10000; i++) {
		int64_t bits = (int64_t)rand() << 31 | rand();

		event.close_wait_ns = bits >> (2 + rand() % 59);
		event.time_ns = bits ^ rand();
		assert_round_trip(&event);
	}
}

static char *line(const struct event *event)
{
	const struct text_style style = {.wide = true};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	text_event(out, event, &style);
	fclose(out);
	return text;
}

/* What is shown is the same as where the event comes from, the mark of a lower bound as well. */
static void assert_same_line(const struct event *event)
{
	json_t *object = object_of(event);
	struct json_read read = {.holders = NULL};
	struct event again;
	char *first = line(event), *second;

	assert_int_equal(event_from_json(&again, &read, object), 0);
	second = line(&again);
	assert_string_equal(first, second);
	json_decref(object);
	json_read_free(&read);
	free(first);
	free(second);
}

static void same_lines(void **state)
{
	struct event event = waiting_event();

	(void)state;
	memcpy(event.conn.owner.comm, "nginx\0", 6);
	event.close_wait_at_least = true;
	assert_same_line(&event);
	event.kind = RECORD_CLOSED;
	assert_same_line(&event);
	event.close_wait_at_least = false; /* the FIN was seen */
	assert_same_line(&event);
	event.at_least = false;
	assert_same_line(&event);
}

static void place_is_known(void **state)
{
	struct event event = waiting_event(), again;
	json_t *object = object_of(&event);
	struct json_read read = {.holders = NULL};

	(void)state;
	assert_int_equal(event_from_json(&again, &read, object), 0);
	assert_string_equal(again.owner_place->unit, "nginx.service");
	assert_string_equal(again.owner_place->container, "web");
	assert_null(again.closer_place);
	json_decref(object);
	json_read_free(&read);
}

/* Fields, causes and ends that come with later versions. */
static void newer_daemon(void **state)
{
	struct event event = waiting_event(), again;
	json_t *object = object_of(&event);
	struct json_read read = {.holders = NULL};

	(void)state;
	json_object_set_new(object, "colour", json_string("blue"));
	json_object_set_new(object, "cause", json_string("not-paying"));
	json_object_set_new(object, "end", json_string("heat-death"));
	json_object_del(object, "unread_bytes");
	assert_int_equal(event_from_json(&again, &read, object), 0);
	assert_int_equal(again.cause, CAUSE_NONE);
	assert_int_equal(again.unread_bytes, UNKNOWN);
	json_decref(object);
	json_read_free(&read);
}

static void assert_refused(const char *text, const char *error)
{
	json_t *object = json_loads(text, JSON_DECODE_ANY, NULL);
	struct json_read read = {.holders = NULL};
	struct event event;

	assert_non_null(object);
	assert_int_equal(event_from_json(&event, &read, object), -EINVAL);
	assert_string_equal(read.error.text, error);
	json_decref(object);
	json_read_free(&read);
}

static void assert_field_refused(const char *field, const char *value)
{
	struct event event = waiting_event(), again;
	json_t *object = object_of(&event);
	struct json_read read = {.holders = NULL};

	json_object_set_new(object, field, json_loads(value, JSON_DECODE_ANY, NULL));
	if (event_from_json(&again, &read, object) != -EINVAL || !read.error.text[0])
		fail_msg("%s: %s was taken", field, value);
	json_decref(object);
	json_read_free(&read);
}

static void garbage(void **state)
{
	static const struct {
		const char *field, *value;
	} cases[] = {
		{"event", "null"},
		{"event", "\"hello\""},
		{"time", "\"\""},
		{"time", "\"2026-01-02 03:04:05Z\""},
		{"time", "\"2026-01-02T03:04:05\""},
		{"time", "\"9999-01-02T03:04:05Z\""},
		{"time", "\"1969-12-31T23:59:59.999999Z\""},
		{"time", "1"},
		{"id", "7"},
		{"id", "\"123456789abcdef\""},
		{"id", "\"0123456789ABCDEF\""},
		{"id", "\"-000000000000001\""},
		{"role", "\"both\""},
		{"family", "\"ipv5\""},
		{"family", "\"ipv6\""}, /* its addresses are of IPv4 */
		{"local", "null"},
		{"local", "[]"},
		{"local", "{\"address\":\"192.0.2.1\",\"port\":65536}"},
		{"local", "{\"address\":\"192.0.2.1\",\"port\":-1}"},
		{"local", "{\"address\":\"192.0.2.1\"}"},
		{"remote", "{\"address\":\"\\u001b[2J\",\"port\":1}"},
		{"netns", "4294967296"},
		{"netns", "1.5"},
		{"state", "{}"},
		{"cause", "[]"},
		{"end", "0"},
		{"accepted", "\"yes\""},
		{"accept_wait_ms", "\"1\""},
		{"close_wait_ms", "-0.001"},
		{"close_wait_ms", "1e300"},
		{"lifetime_ms", "9223372036855"},
		{"rx_bytes", "-1"},
		{"tx_bytes", "1.0"},
		{"owner", "{}"},
		{"owner", "{\"pid\":0}"},
		{"owner", "{\"pid\":1,\"comm\":\"12345678901234567\"}"},
		{"owner", "{\"pid\":1,\"comm\":null,\"unit\":7}"},
		{"closer", "\"init\""},
		{"holders", "{}"},
		{"holders", "[1]"},
		{"holders", "[{\"pid\":-1}]"},
		{"listener", "{}"},
		{"listener", "[]"},
	};

	(void)state;
	assert_refused("[]", "it is no object");
	assert_refused("7", "it is no object");
	assert_refused("null", "it is no object");
	assert_refused("{}", "\"event\" is not text");
	assert_refused("{\"event\":\"waiting\",\"time\":7}", "\"time\" is not text");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_field_refused(cases[i].field, cases[i].value);
}

static struct listener_event busy_listener(const struct listener_record *record)
{
	struct listener_event event = {
		.record = record,
		.holders = two_holders,
		.holder_count = 2,
		.known = 1,
		.accepts_seen = true,
		.accepts = 9,
		.last_accept_ns = 1500000,
		.errors = {{EMFILE, 12}, {100000, 1}},
		.error_count = 2,
	};

	return event;
}

static void assert_listener_round_trip(const struct listener_event *event)
{
	char *first = listener_text(event, 1700000000 * NSEC_PER_SEC), *second;
	json_t *object = json_loads(first, 0, NULL);
	struct json_read read = {.holders = NULL};
	struct listener_event again;
	int64_t time_ns;

	assert_int_equal(listener_from_json(&again, &time_ns, &read, object), 0);
	second = listener_text(&again, time_ns);
	assert_string_equal(first, second);
	json_decref(object);
	json_read_free(&read);
	free(first);
	free(second);
}

static void listeners(void **state)
{
	struct listener_record record = {
		.listener = {.family = FAMILY_IPV4,
			     .addr = {127, 0, 0, 1},
			     .port = 80,
			     .netns = 5,
			     .owner = {.pid = 8, .tid = 8, .comm = "nginx"}},
		.queued = 3,
		.limit = 128,
		.somaxconn = 128,
		.drops = 2,
	};
	struct listener_event event = busy_listener(&record);

	(void)state;
	assert_listener_round_trip(&event);
	record.somaxconn = 4096;
	assert_listener_round_trip(&event);
	record.somaxconn = 64;
	event.accepts_seen = false;
	event.last_accept_ns = UNKNOWN;
	event.error_count = 0;
	event.holder_count = 0;
	assert_listener_round_trip(&event);
}

static void listener_garbage(void **state)
{
	static const char *const cases[] = {
		"[]",
		"{}",
		"{\"event\":\"listener\"}",
		"{\"event\":\"waiting\",\"time\":\"2026-01-02T03:04:05Z\",\"family\":\"ipv4\","
		"\"local\":{\"address\":\"::\",\"port\":1}}",
		"{\"event\":\"listener\",\"time\":\"2026-01-02T03:04:05Z\",\"family\":\"ipv6\","
		"\"local\":{\"address\":\"::\",\"port\":1},\"accept_errors\":{\"EMFILE\":-1}}",
		"{\"event\":\"listener\",\"time\":\"2026-01-02T03:04:05Z\",\"family\":\"ipv6\","
		"\"local\":{\"address\":\"::\",\"port\":1},\"accept_errors\":[]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *object = json_loads(cases[i], 0, NULL);
		struct json_read read = {.holders = NULL};
		struct listener_event event;
		int64_t time_ns;

		assert_non_null(object);
		assert_int_equal(listener_from_json(&event, &time_ns, &read, object), -EINVAL);
		assert_string_not_equal(read.error.text, "");
		json_decref(object);
		json_read_free(&read);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips),	cmocka_unit_test(every_wait),
		cmocka_unit_test(same_lines),	cmocka_unit_test(place_is_known),
		cmocka_unit_test(newer_daemon), cmocka_unit_test(garbage),
		cmocka_unit_test(listeners),	cmocka_unit_test(listener_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* 1700000000 is 2023-11-14T22:13:20Z. */
static struct event full_event(void)
{
	struct event event = {
		.kind = RECORD_CLOSED,
		.conn = {.local_addr = {192, 0, 2, 1},
			 .remote_addr = {198, 51, 100, 7},
			 .local_port = 443,
			 .remote_port = 65535,
			 .netns = 4026531840u,
			 .owner = {.pid = 812, .tid = 813, .comm = "nginx"},
			 .closer = {.pid = 4194304, .tid = 4194303, .comm = "sh"},
			 .family = FAMILY_IPV4,
			 .role = ROLE_SERVER,
			 .end = END_RESET_BY_PEER},
		.id = 0x0123456789abcdef,
		.time_ns = 1700000000 * NSEC_PER_SEC + 1234567,
		.accept_wait_ns = 410123999,
		.close_wait_ns = 3000000000,
		.lifetime_ns = 86400 * NSEC_PER_SEC + 1000,
		.rx_bytes = 4294967296,
		.tx_bytes = INT64_MAX,
		.tx_bytes_after_fin = 0,
		.unread_bytes = 17,
		.accepted = YES,
		.fin_read = NO,
		.cause = CAUSE_NOT_READING,
		.slow = true,
	};

	return event;
}

static void assert_prints(const struct event *event, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(json_print_event(out, event), 0);
	fclose(out);
	assert_string_equal(text, expected);
	assert_int_equal(strlen(text), size);
	free(text);
}

static void full(void **state)
{
	struct event event = full_event();

	(void)state;
	assert_prints(&event,
		      "{\"event\":\"closed\",\"time\":\"2023-11-14T22:13:20.001234Z\","
		      "\"id\":\"0123456789abcdef\",\"role\":\"server\",\"family\":\"ipv4\","
		      "\"local\":{\"address\":\"192.0.2.1\",\"port\":443},"
		      "\"remote\":{\"address\":\"198.51.100.7\",\"port\":65535},"
		      "\"netns\":4026531840,\"state\":null,\"cause\":\"not-reading\","
		      "\"accepted\":true,\"accept_wait_ms\":410.123,\"close_wait_ms\":3000.0,"
		      "\"lifetime_ms\":86400000.001,\"at_least\":false,\"close_wait_at_least\":"
		      "false,\"unread_bytes\":17,"
		      "\"fin_read\":false,\"rx_bytes\":4294967296,\"tx_bytes\":9223372036854775807,"
		      "\"tx_bytes_after_fin\":0,\"end\":\"reset-by-peer\","
		      "\"owner\":{\"pid\":812,\"tid\":813,\"comm\":\"nginx\",\"unit\":null,"
		      "\"container\":null},"
		      "\"closer\":{\"pid\":4194304,\"tid\":4194303,\"comm\":\"sh\",\"unit\":null,"
		      "\"container\":null},"
		      "\"holders\":null,\"holders_left_out\":null,\"listener\":null}\n");
}

/* As little as can be known, of a client over IPv6. */
static void unknown(void **state)
{
	struct event event = {
		.conn = {.local_addr = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
			 .remote_addr = {0xfe, 0x80, [14] = 0xab, 0xcd},
			 .local_port = 1,
			 .remote_port = 443,
			 .netns = 1,
			 .family = FAMILY_IPV6,
			 .role = ROLE_CLIENT},
		.id = UINT64_MAX,
		.accept_wait_ns = UNKNOWN,
		.close_wait_ns = UNKNOWN,
		.lifetime_ns = UNKNOWN,
		.rx_bytes = UNKNOWN,
		.tx_bytes = UNKNOWN,
		.tx_bytes_after_fin = UNKNOWN,
		.unread_bytes = UNKNOWN,
		.accepted = MAYBE,
		.fin_read = MAYBE,
	};

	(void)state;
	assert_prints(&event,
		      "{\"event\":\"closed\",\"time\":\"1970-01-01T00:00:00.000000Z\","
		      "\"id\":\"ffffffffffffffff\",\"role\":\"client\",\"family\":\"ipv6\","
		      "\"local\":{\"address\":\"2001:db8::1\",\"port\":1},"
		      "\"remote\":{\"address\":\"fe80::abcd\",\"port\":443},"
		      "\"netns\":1,\"state\":null,\"cause\":null,"
		      "\"accepted\":null,\"accept_wait_ms\":null,\"close_wait_ms\":null,"
		      "\"lifetime_ms\":null,\"at_least\":false,\"close_wait_at_least\":false,"
		      "\"unread_bytes\":null,"
		      "\"fin_read\":null,\"rx_bytes\":null,\"tx_bytes\":null,"
		      "\"tx_bytes_after_fin\":null,\"end\":null,\"owner\":null,\"closer\":null,"
		      "\"holders\":null,\"holders_left_out\":null,\"listener\":null}\n");
}

static json_t *object_of(const struct event *event)
{
	size_t size;
	char *line = json_event_line(event, &size);
	json_t *object;

	assert_non_null(line);
	object = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	free(line);
	return object;
}

static const char *field(const struct event *event, const char *name, char *buf)
{
	json_t *object = object_of(event);

	snprintf(buf, 100, "%s", json_string_value(json_object_get(object, name)));
	json_decref(object);
	return buf;
}

static void times(void **state)
{
	struct event event = full_event();
	char buf[100];

	(void)state;
	event.time_ns = 1700000000 * NSEC_PER_SEC + 999999999;
	assert_string_equal(field(&event, "time", buf), "2023-11-14T22:13:20.999999Z");
	event.time_ns = -1;
	assert_string_equal(field(&event, "time", buf), "1969-12-31T23:59:59.999999Z");
	event.time_ns = INT64_MAX;
	assert_string_equal(field(&event, "time", buf), "2262-04-11T23:47:16.854775Z");
	event.time_ns = INT64_MIN;
	assert_string_equal(field(&event, "time", buf), "1677-09-21T00:12:43.145224Z");
}

static void milliseconds(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{0, "0.0"},
		{999, "0.0"},
		{1000, "0.001"},
		{100000, "0.1"},
		{1001000, "1.001"},
		{INT64_C(999999999999999000), "999999999999.999"}, /* 31 years */
		{INT64_MAX, "9223372036854.775"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event = full_event();
		char expected[64], *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		event.close_wait_ns = cases[i].ns;
		assert_int_equal(json_print_event(out, &event), 0);
		fclose(out);
		snprintf(expected, sizeof(expected), "\"close_wait_ms\":%s,", cases[i].text);
		assert_non_null(strstr(text, expected));
		free(text);
	}
}

/* What comm becomes, when printed and read again. */
static void assert_comm(const char *comm, size_t length, const char *expected)
{
	struct event event = full_event();
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	json_t *object;

	memset(event.conn.owner.comm, 0, 16);
	memcpy(event.conn.owner.comm, comm, length);
	event.conn.closer.pid = 0x41414141; /* follows in memory, and looks like text */
	assert_int_equal(json_print_event(out, &event), 0);
	fclose(out);
	/* one line, whatever is in it */
	assert_ptr_equal(strchr(text, '\n'), text + size - 1);
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\x7f'));
	assert_null(strstr(text, "\xc2\x80"));
	assert_null(strstr(text, "\xc2\x9f"));
	object = json_loads(text, 0, NULL);
	assert_non_null(object);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(object, "owner"), "comm")),
		expected);
	json_decref(object);
	free(text);
}

#define R "\xef\xbf\xbd"

static void hostile_comm(void **state)
{
	(void)state;
	assert_comm("", 0, "");
	assert_comm("a\nb\033[2J\"\\", 10, "a\nb\033[2J\"\\");
	assert_comm("1234567890123456", 16, "1234567890123456");
	assert_comm("\x7f\xc2\x80\xc2\x9f\xc2\xa0", 7, "\x7f\xc2\x80\xc2\x9f\xc2\xa0");
	assert_comm("h\xc3\xa9", 3, "h\xc3\xa9");
	assert_comm("\xf0\x9f\x90\xa7", 4, "\xf0\x9f\x90\xa7");
	assert_comm("a\xff\xfe", 3, "a" R R);
	assert_comm("\x80z", 2, R "z");
	assert_comm("\xc0\xaf", 2, R R); /* overlong */
	assert_comm("\xe0\x80\xaf", 3, R R R); /* overlong */
	assert_comm("\xf0\x80\x80\xaf", 4, R R R R); /* overlong */
	assert_comm("\xed\xa0\x80", 3, R R R); /* surrogate */
	assert_comm("\xf4\x90\x80\x80", 4, R R R R); /* over U+10FFFF */
	assert_comm("\xf8\x88\x80\x80\x80", 5, R R R R R); /* five bytes */
	assert_comm("\xf8\x90\x80\x80", 4, R R R R);
	assert_comm("a\xe2\x82", 3, "a" R R); /* cut off */
	assert_comm("123456789012345\xc3", 16, "123456789012345" R);
	assert_comm("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16,
		    R R R R R R R R R R R R R R R R);
}

/* Whatever an object has of names: as text on a terminal, and the same when it is read. */
static void control_characters(void **state)
{
	static const char name[] = "a\x7f\xc2\x80\xc2\x9b"
				   "2J\xc2\x9f\xc2\xa0\xc3\xbf\033";
	json_t *object = json_pack("{s:s, s:[s]}", name, "\x7f", "x", name), *again;
	size_t size;
	char *line;

	(void)state;
	line = json_line(json_incref(object), &size);
	assert_string_equal(line, "{\"a\\u007F\\u0080\\u009B2J\\u009F\xc2\xa0\xc3\xbf\\u001B\":"
				  "\"\\u007F\",\"x\":[\"a\\u007F\\u0080\\u009B2J\\u009F\xc2\xa0"
				  "\xc3\xbf\\u001B\"]}\n");
	assert_int_equal(size, strlen(line));
	again = json_loadb(line, size, 0, NULL);
	assert_true(json_equal(again, object));
	json_decref(again);
	json_decref(object);
	free(line);
	assert_null(json_line(NULL, &size));
}

static void full_device(void **state)
{
	struct event event = full_event();
	FILE *out = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	assert_int_equal(json_print_event(out, &event), -ENOSPC);
	fclose(out);
}

/* Who has it open, and where it is queued; its end is not known yet. */
static void waiting(void **state)
{
	static const struct holder holders[] = {
		{.pid = 7, .fd = 3, .comm = "a\xff"},
		{.pid = 8, .fd = 4, .comm = "b"},
	};
	static const struct listener_record listener = {
		.listener = {.family = FAMILY_IPV6, .port = 443}, .queued = 129, .limit = 128};
	struct place place = {.unit = "nginx.service", .container = "web"};
	struct event event = full_event();
	json_t *object, *one;

	(void)state;
	event.kind = RECORD_WAITING;
	event.conn.close_wait_ns = 1;
	event.holders = holders;
	event.holder_count = 2;
	event.listener = &listener;
	event.owner_place = &place;
	object = object_of(&event);
	assert_string_equal(json_string_value(json_object_get(object, "event")), "waiting");
	assert_string_equal(json_string_value(json_object_get(object, "state")), "close-wait");
	assert_true(json_is_null(json_object_get(object, "end")));
	one = json_object_get(object, "owner");
	assert_string_equal(json_string_value(json_object_get(one, "unit")), "nginx.service");
	assert_string_equal(json_string_value(json_object_get(one, "container")), "web");
	one = json_object_get(object, "holders");
	assert_int_equal(json_array_size(one), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(one, 0), "comm")),
			    "a\xef\xbf\xbd");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(one, 1), "fd")), 4);
	one = json_object_get(object, "listener");
	assert_string_equal(json_string_value(json_object_get(one, "address")), "::");
	assert_int_equal(json_integer_value(json_object_get(one, "port")), 443);
	assert_int_equal(json_integer_value(json_object_get(one, "queued")), 129);
	assert_int_equal(json_integer_value(json_object_get(one, "limit")), 128);
	json_decref(object);

	event.conn.close_wait_ns = 0;
	event.holder_count = 0;
	object = object_of(&event);
	assert_string_equal(json_string_value(json_object_get(object, "state")), "accept-queue");
	assert_int_equal(json_array_size(json_object_get(object, "holders")), 0);
	json_decref(object);
}

static void listeners(void **state)
{
	static const struct listener_record record = {
		.listener = {.family = FAMILY_IPV4, .addr = {127, 0, 0, 1}, .port = 80, .netns = 5},
		.queued = 3,
		.limit = 128,
		.somaxconn = 128,
		.drops = 2,
	};
	struct listener_event event = {
		.record = &record,
		.known = 1,
		.accepts_seen = true,
		.accepts = 9,
		.last_accept_ns = 1500000,
		.errors = {{EMFILE, 12}, {100000, 1}},
		.error_count = 2,
	};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(json_print_listener(out, &event, 1700000000 * NSEC_PER_SEC), 0);
	fclose(out);
	assert_string_equal(text,
			    "{\"event\":\"listener\",\"time\":\"2023-11-14T22:13:20.000000Z\","
			    "\"family\":\"ipv4\",\"local\":{\"address\":\"127.0.0.1\",\"port\":80},"
			    "\"netns\":5,\"queued\":3,\"known\":1,\"limit\":128,"
			    "\"limit_by\":\"somaxconn\",\"drops\":2,\"accepts\":9,"
			    "\"last_accept_ms\":1.5,\"accept_errors\":{\"EMFILE\":12,\"other\":1},"
			    "\"owner\":null,\"holders\":[],\"holders_left_out\":0}\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waiting),	cmocka_unit_test(listeners),
		cmocka_unit_test(full),		cmocka_unit_test(unknown),
		cmocka_unit_test(times),	cmocka_unit_test(milliseconds),
		cmocka_unit_test(hostile_comm), cmocka_unit_test(control_characters),
		cmocka_unit_test(full_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

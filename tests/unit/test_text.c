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
#include <time.h>

#include "text.h"

static const struct text_style narrow;

/* 22:13:20 UTC, which is 00:13:20 two hours further east */
static struct event slow_event(void)
{
	struct event event = {
		.kind = RECORD_CLOSED,
		.conn = {.local_addr = {192, 0, 2, 1},
			 .remote_addr = {198, 51, 100, 7},
			 .local_port = 443,
			 .remote_port = 50000,
			 .netns = 4026531840u,
			 .owner = {.pid = 812, .tid = 813, .comm = "nginx"},
			 .closer = {.pid = 9, .tid = 9, .comm = "sh"},
			 .family = FAMILY_IPV4,
			 .role = ROLE_SERVER,
			 .end = END_CLOSE},
		.time_ns = 1700000000 * NSEC_PER_SEC + 1234567,
		.accept_wait_ns = 410 * NSEC_PER_MSEC,
		.close_wait_ns = 3200 * NSEC_PER_MSEC,
		.rx_bytes = 10,
		.tx_bytes = 20,
		.unread_bytes = 3,
		.cause = CAUSE_NOT_READING,
	};

	return event;
}

static char *line(const struct event *event, const struct text_style *style)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	if (event)
		text_event(out, event, style);
	else
		text_event_head(out, style);
	fclose(out);
	return text;
}

static void assert_line(const struct event *event, const struct text_style *style,
			const char *expected)
{
	char *text = line(event, style);

	assert_string_equal(text, expected);
	free(text);
}

static void lines(void **state)
{
	struct event event = slow_event();

	(void)state;
	assert_line(NULL, &narrow,
		    "TIME     ACCEPT  CLOSE CAUSE          OWNER            PORT REMOTE\n");
	assert_line(&event, &narrow,
		    "00:13:20  410ms   3.2s not-reading    nginx/812         443 "
		    "198.51.100.7:50000\n");
}

static void at_least(void **state)
{
	struct event event = slow_event();

	(void)state;
	event.at_least = true;
	assert_line(&event, &narrow,
		    "00:13:20 410ms+   3.2s not-reading    nginx/812         443 "
		    "198.51.100.7:50000\n");
	event.close_wait_at_least = true;
	event.accept_wait_ns = UNKNOWN;
	event.close_wait_ns = 86399 * NSEC_PER_SEC;
	/* one too wide, aligned again behind it */
	assert_line(&event, &narrow,
		    "00:13:20      - 23h59m+ not-reading   nginx/812         443 "
		    "198.51.100.7:50000\n");
}

static void no_time(void **state)
{
	const struct text_style style = {.no_time = true};
	struct event event = slow_event();

	(void)state;
	assert_line(NULL, &style, "ACCEPT  CLOSE CAUSE          OWNER            PORT REMOTE\n");
	assert_line(&event, &style,
		    " 410ms   3.2s not-reading    nginx/812         443 198.51.100.7:50000\n");
}

static void unknown(void **state)
{
	struct event event = {
		.conn = {.remote_addr = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
			 .local_port = 7,
			 .remote_port = 80,
			 .family = FAMILY_IPV6},
		.accept_wait_ns = UNKNOWN,
		.close_wait_ns = UNKNOWN,
	};

	(void)state;
	assert_line(&event, &narrow,
		    "02:00:00      -      - -              -                   7 "
		    "[2001:db8::1]:80\n");
}

static void fits_80_columns(void **state)
{
	struct event event = slow_event();
	char *text;

	(void)state;
	event.cause = CAUSE_NEVER_ACCEPTED;
	event.conn.local_port = 65535;
	event.conn.owner.pid = 4194304;
	memcpy(event.conn.owner.comm, "mariadb", 8);
	memcpy(event.conn.remote_addr, "\xc0\xa8\xc8\xc8", 4); /* 192.168.200.200 */
	event.conn.remote_port = 1024;
	event.accept_wait_ns = 3599 * NSEC_PER_SEC;
	event.close_wait_ns = 86399 * NSEC_PER_SEC;
	text = line(&event, &narrow);
	assert_string_equal(text, "00:13:20 59m59s 23h59m never-accepted mariadb/4194304 65535 "
				  "192.168.200.200:1024\n");
	assert_int_equal(strlen(text), 80 + 1);
	free(text);
}

/* A child that has inherited it and the parent that has accepted it. */
static void a_descriptor_is_the_owners(void **state)
{
	static struct holder holders[] = {{.pid = 811, .fd = 4}, {.pid = 812, .fd = 57}};
	const struct text_style style = {.list = true};
	struct event event = slow_event();

	(void)state;
	event.holders = holders;
	event.holder_count = 2;
	assert_line(&event, &style,
		    " 410ms   3.2s not-reading    nginx/812     57      3   443 "
		    "198.51.100.7:50000\n");
	/* The parent has closed it: the number is not one to look for there. */
	event.holder_count = 1;
	assert_line(&event, &style,
		    " 410ms   3.2s not-reading    nginx/812      -      3   443 "
		    "198.51.100.7:50000\n");
}

/* Any peer of IPv4, with as much else as can be expected. */
static void a_list_fits_80_columns(void **state)
{
	static struct holder holders[] = {{.pid = 4194304, .fd = 1023}};
	const struct text_style style = {.list = true};
	struct event event = slow_event();

	(void)state;
	assert_line(NULL, &style,
		    "ACCEPT  CLOSE CAUSE          OWNER         FD UNREAD  PORT REMOTE\n");
	memset(event.conn.remote_addr, 255, 4);
	event.conn.remote_port = 65535;
	event.conn.local_port = 65535;
	event.accept_wait_ns = UNKNOWN;
	event.conn.owner.pid = 20412;
	memcpy(event.conn.owner.comm, "python3", 8);
	event.unread_bytes = 131072;
	assert_line(&event, &style,
		    "     -   3.2s not-reading    python3/20412  - 131072 65535 "
		    "255.255.255.255:65535\n");
	/* A longer owner takes from what follows. */
	event.conn.owner.pid = 4194304;
	memcpy(event.conn.owner.comm, "mariadb", 8);
	event.holders = holders;
	event.holder_count = 1;
	event.unread_bytes = 78;
	assert_line(&event, &style,
		    "     -   3.2s not-reading    mariadb/4194304 1023 78 65535 "
		    "255.255.255.255:65535\n");
}

static void wide(void **state)
{
	const struct text_style style = {.wide = true};
	const struct text_style both = {.wide = true, .no_time = true};
	struct event event = slow_event();

	(void)state;
	assert_line(
		NULL, &style,
		"TIME                        ACCEPT  CLOSE CAUSE          OWNER            PORT "
		"REMOTE                END             LOCAL                 CLOSER          "
		"        RX         TX   UNREAD ROLE        NETNS\n");
	assert_line(
		&event, &style,
		"2023-11-14T22:13:20.001234Z  410ms   3.2s not-reading    nginx/812         443 "
		"198.51.100.7:50000    close           192.0.2.1:443         sh/9            "
		"        10         20        3 server 4026531840\n");
	event.conn.end = END_UNKNOWN;
	event.conn.closer.pid = 0;
	event.rx_bytes = UNKNOWN;
	event.unread_bytes = UNKNOWN;
	assert_line(&event, &both,
		    " 410ms   3.2s not-reading    nginx/812         443 "
		    "198.51.100.7:50000    -               192.0.2.1:443         -               "
		    "         -         20        - server 4026531840\n");
}

static void assert_coloured(enum conn_cause cause, const char *expected)
{
	const struct text_style style = {.colour = true};
	struct event event = slow_event();
	char *text;

	event.cause = cause;
	text = line(&event, &style);
	assert_non_null(strstr(text, expected));
	free(text);
}

static void colours(void **state)
{
	(void)state;
	assert_coloured(CAUSE_NEVER_ACCEPTED, "3.2s \033[31mnever-accepted\033[0m nginx");
	assert_coloured(CAUSE_NOT_READING, "3.2s \033[33mnot-reading\033[0m    nginx");
	assert_coloured(CAUSE_NOT_CLOSING, "3.2s \033[33mnot-closing\033[0m    nginx");
	assert_coloured(CAUSE_STILL_SENDING, "3.2s \033[2mstill-sending\033[0m  nginx");
	assert_coloured(CAUSE_NONE, "3.2s -              nginx");
}

static void assert_comm(const char *comm, size_t length, const char *expected)
{
	char padded[16] = "", buf[TEXT_COMM_SIZE];

	memcpy(padded, comm, length);
	assert_ptr_equal(text_comm(padded, buf, sizeof(buf)), buf);
	assert_string_equal(buf, expected);
}

static void hostile_comm(void **state)
{
	(void)state;
	assert_comm("", 0, "");
	assert_comm(" ~", 2, " ~");
	assert_comm("a\nb\r\t", 5, "a\\x0ab\\x0d\\x09");
	assert_comm("\033[2J\x7f", 5, "\\x1b[2J\\x7f");
	assert_comm("1234567890123456", 16, "1234567890123456");
	assert_comm("h\xc3\xa9!", 4, "h\xc3\xa9!");
	assert_comm("\xf0\x9f\x90\xa7", 4, "\xf0\x9f\x90\xa7");
	assert_comm("a\xff", 2, "a\\xff");
	assert_comm("\xc2\x9b"
		    "2J",
		    4, "\\xc2\\x9b2J"); /* CSI in one character */
	assert_comm("\xe2\x80\xa8", 3, "\\xe2\\x80\\xa8"); /* line separator */
	assert_comm("\xe2\x80\xae"
		    "x",
		    4, "\\xe2\\x80\\xaex"); /* right to left */
	assert_comm("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* surrogate */
	assert_comm("\xc0\x8a", 2, "\\xc0\\x8a"); /* overlong newline */
	assert_comm("123456789012345\xc3", 16, "123456789012345\\xc3");
	assert_comm("\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01", 16,
		    "\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01"
		    "\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01");
}

/* Nothing is cut in its middle. */
static void comm_in_a_small_buffer(void **state)
{
	const char newline[16] = "abc\n", accent[16] = "ab\xc3\xa9";
	char buf[8] = "zzzzzzz";

	(void)state;
	assert_string_equal(text_comm(newline, buf, 7), "abc");
	assert_string_equal(text_comm(newline, buf, 8), "abc\\x0a");
	assert_string_equal(text_comm(accent, buf, 4), "ab");
	assert_string_equal(text_comm(accent, buf, 5), "ab\xc3\xa9");
	assert_string_equal(text_comm(accent, buf, 1), "");
	buf[0] = 'z';
	text_comm(accent, buf, 0);
	assert_int_equal(buf[0], 'z');
}

/* Always in the buffer, so that it can be used once more. */
static void text_that_can_be_missing(void **state)
{
	char buf[8] = "before";

	(void)state;
	assert_ptr_equal(text_or(NULL, "-", buf, sizeof(buf)), buf);
	assert_string_equal(buf, "-");
	assert_string_equal(text_or("", "none", buf, sizeof(buf)), "none");
	assert_string_equal(text_or(NULL, "", buf, sizeof(buf)), "");
	assert_string_equal(text_or("a\x1b", "-", buf, sizeof(buf)), "a\\x1b");
	assert_string_equal(text_or("too long", "-", buf, sizeof(buf)), "too lon");
}

static void hostile_line(void **state)
{
	struct event event = slow_event();

	(void)state;
	memcpy(event.conn.owner.comm, "a\n\033[2J\0", 8);
	assert_line(&event, &narrow,
		    "00:13:20  410ms   3.2s not-reading    a\\x0a\\x1b[2J/812  443 "
		    "198.51.100.7:50000\n");
	/* two bytes, one column */
	memcpy(event.conn.owner.comm, "h\xc3\xa9llo\0", 8);
	assert_line(&event, &narrow,
		    "00:13:20  410ms   3.2s not-reading    h\xc3\xa9llo/812         443 "
		    "198.51.100.7:50000\n");
	memset(event.conn.owner.comm, '\033', 16);
	event.conn.owner.pid = UINT32_MAX;
	assert_line(&event, &narrow,
		    "00:13:20  410ms   3.2s not-reading    "
		    "\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b"
		    "\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b/4294967295 443 "
		    "198.51.100.7:50000\n");
}

static void addresses(void **state)
{
	const __u8 v4[16] = {255, 255, 255, 255};
	const __u8 any[16] = {0};
	__u8 v6[16];
	char buf[TEXT_ADDRESS_SIZE];

	(void)state;
	memset(v6, 0xff, sizeof(v6));
	assert_string_equal(text_address(FAMILY_IPV4, v4, 65535, buf), "255.255.255.255:65535");
	assert_string_equal(text_address(FAMILY_IPV4, any, 0, buf), "0.0.0.0:0");
	assert_string_equal(text_address(FAMILY_IPV6, any, 1, buf), "[::]:1");
	assert_string_equal(text_address(FAMILY_IPV6, v6, 65535, buf),
			    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void assert_log_line(const struct event *event, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	text_event_line(out, event);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

/* For a log: one line whatever is in it, and nothing of what is not known. */
static void log_lines(void **state)
{
	struct event event = slow_event();

	(void)state;
	assert_log_line(&event,
			"closed not-reading: server 192.0.2.1:443 of nginx/812, peer "
			"198.51.100.7:50000, accept wait 410ms, close wait 3.2s, end close");
	memcpy(event.conn.owner.comm, "a\n\033[2J\0", 8);
	event.kind = RECORD_ACCEPTED_LATE;
	event.cause = CAUSE_NONE;
	event.close_wait_ns = UNKNOWN;
	assert_log_line(&event, "accepted-late -: server 192.0.2.1:443 of a\\x0a\\x1b[2J/812, peer "
				"198.51.100.7:50000, accept wait 410ms");
	memset(&event.conn.owner, 0, sizeof(event.conn.owner));
	event.kind = RECORD_WAITING;
	event.cause = CAUSE_NEVER_ACCEPTED;
	assert_log_line(&event, "waiting never-accepted: server 192.0.2.1:443 of -, peer "
				"198.51.100.7:50000, accept wait 410ms+");
}

static void assert_listener(const struct listener_event *event, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	text_listener(out, event);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void assert_listener_head(const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	text_listener_head(out);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

/*
 * Why accept() fails is in the 80 columns of a terminal, whoever holds it, and under a head that
 * says so.
 */
static void listeners(void **state)
{
	static const char head[] = "LISTENER              QUEUED LIMIT            DROPS ACCEPTED "
				   "ERRORS, HOLDER\n";
	static const struct holder holders[] = {{.pid = 4194304, .comm = "a-name-of-15-by"}};
	static const struct listener_record record = {
		.listener = {.addr = {127, 0, 0, 1},
			     .port = 18080,
			     .family = FAMILY_IPV4,
			     .somaxconn = 4096},
		.queued = 29,
		.limit = 64,
		.somaxconn = 4096,
		.drops = 7,
	};
	struct listener_event event = {.record = &record, .last_accept_ns = UNKNOWN};

	(void)state;
	assert_listener_head(head);
	assert_listener(&event, "127.0.0.1:18080           29 64 backlog           7        - -\n");
	event.holders = holders;
	event.holder_count = 1;
	event.errors[0] = (struct accept_error){EMFILE, 102};
	event.error_count = 1;
	event.last_accept_ns = 5120 * INT64_C(1000000);
	assert_listener(&event, "127.0.0.1:18080           29 64 backlog           7    5.12s "
				"EMFILE:102 a-name-of-15-by/4194304\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_lines),
		cmocka_unit_test(listeners),
		cmocka_unit_test(lines),
		cmocka_unit_test(no_time),
		cmocka_unit_test(unknown),
		cmocka_unit_test(fits_80_columns),
		cmocka_unit_test(a_list_fits_80_columns),
		cmocka_unit_test(at_least),
		cmocka_unit_test(a_descriptor_is_the_owners),
		cmocka_unit_test(wide),
		cmocka_unit_test(colours),
		cmocka_unit_test(hostile_comm),
		cmocka_unit_test(comm_in_a_small_buffer),
		cmocka_unit_test(text_that_can_be_missing),
		cmocka_unit_test(hostile_line),
		cmocka_unit_test(addresses),
	};

	setenv("TZ", "EAST-2", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

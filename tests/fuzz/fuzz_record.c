// SPDX-License-Identifier: GPL-2.0
/*
 * A record as it comes from the ring, made an event, and shown: whatever the bytes, its waits are
 * known or not but never negative, its JSON is one line, and its text harms no terminal.
 */
#include "fuzz.h"

#include "event.h"
#include "json.h"
#include "text.h"

static void check_wait(int64_t ns)
{
	CHECK(ns == UNKNOWN || ns >= 0);
}

static void check_event(const struct event *event, const struct thresholds *slow)
{
	check_wait(event->accept_wait_ns);
	check_wait(event->close_wait_ns);
	check_wait(event->lifetime_ns);
	check_wait(event->rx_bytes);
	check_wait(event->tx_bytes);
	check_wait(event->tx_bytes_after_fin);
	check_wait(event->unread_bytes);
	CHECK(event->slow || event->cause == CAUSE_NONE);
	CHECK(event->slow ==
	      ((event->accept_wait_ns != UNKNOWN &&
		event->accept_wait_ns >= slow->accept_wait_ns) ||
	       (event->close_wait_ns != UNKNOWN && event->close_wait_ns >= slow->close_wait_ns)));
}

static void check_text(const struct event *event)
{
	static const struct text_style styles[] = {
		{.wide = false}, {.wide = true}, {.list = true}, {.no_time = true}};
	struct memory memory;

	for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++) {
		memory_open(&memory);
		text_event(memory.out, event, &styles[i]);
		fclose(memory.out);
		check_line(memory.text, memory.size);
		free(memory.text);
	}
	memory_open(&memory);
	text_event_line(memory.out, event);
	memory_check_line(&memory);
}

static void check_json(const struct event *event)
{
	size_t size;
	char *text = json_event_line(event, &size);

	CHECK(text);
	json_decref(check_json_line(text, size));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct record record, later;
	struct thresholds slow;
	struct event event, next;
	int64_t offset_ns;

	take(&input, &record, sizeof(record));
	slow.close_wait_ns = take_number(&input) & INT64_MAX;
	slow.accept_wait_ns = take_number(&input) & INT64_MAX;
	offset_ns = take_number(&input);
	event_from_record(&event, &record, &slow, offset_ns);
	check_event(&event, &slow);
	check_text(&event);
	check_json(&event);

	later = record;
	later.end_ns += 1;
	later.conn.rx_bytes += 1;
	event_from_record(&next, &later, &slow, offset_ns);
	CHECK(next.id == event.id);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Any event: the fast writer gives the bytes that jansson gives, and what the command reads back is
 * the same event.
 */
#include "fuzz.h"

#include "event.h"
#include "json.h"
#include "json_read.h"
#include "json_reference.h"

#define HOLDERS 16

/* Years 1678 to 2261: nothing at the very ends can be given back. */
#define TIME_MAX (INT64_MAX - NSEC_PER_SEC)

struct source {
	struct event event;
	struct holder holders[HOLDERS];
	struct listener_record listener;
	struct place owner, closer;
};

static void take_place(struct input *input, struct place *place)
{
	take(input, place, sizeof(*place));
	place->unit[sizeof(place->unit) - 1] = '\0';
	place->container[sizeof(place->container) - 1] = '\0';
}

/* Not negative, as no event has it. */
static int64_t take_wait(struct input *input)
{
	int64_t ns = take_number(input);

	return ns >= 0 ? ns : UNKNOWN;
}

static void take_event(struct input *input, struct source *source)
{
	struct event *event = &source->event;

	memset(source, 0, sizeof(*source));
	take(input, &event->conn, sizeof(event->conn));
	event->kind = (enum record_kind)(1 + take_byte(input) % 3);
	event->cause = (enum conn_cause)(take_byte(input) % CAUSE_COUNT);
	event->accepted = (enum tristate)(take_byte(input) % 3 - 1);
	event->fin_read = (enum tristate)(take_byte(input) % 3 - 1);
	event->at_least = take_byte(input) & 1;
	event->close_wait_at_least = take_byte(input) & 1;
	event->id = take_number(input);
	event->time_ns = take_number(input);
	event->accept_wait_ns = take_wait(input);
	event->close_wait_ns = take_wait(input);
	event->lifetime_ns = take_wait(input);
	event->rx_bytes = take_number(input);
	event->tx_bytes = take_number(input);
	event->tx_bytes_after_fin = take_number(input);
	event->unread_bytes = take_number(input);
	event->holder_count = take_byte(input) % (HOLDERS + 1);
	event->holders = source->holders;
	event->holders_left_out = take_byte(input);
	if (take_byte(input) & 1) {
		take(input, &source->listener, sizeof(source->listener));
		event->listener = &source->listener;
	}
	for (size_t i = 0; i < event->holder_count; i++)
		take(input, &source->holders[i], sizeof(source->holders[i]));
	if (take_byte(input) & 1) {
		take_place(input, &source->owner);
		event->owner_place = &source->owner;
	}
	if (take_byte(input) & 1) {
		take_place(input, &source->closer);
		event->closer_place = &source->closer;
	}
}

static bool is_known_well(int64_t n)
{
	return n == UNKNOWN || n >= 0;
}

/* Microseconds in so many milliseconds have no more digits than JSON is given. */
static bool is_plain(int64_t ns)
{
	return ns == UNKNOWN || ns / 1000 < INT64_C(1000000000000000);
}

static bool waits_are_plain(const struct event *event)
{
	return is_plain(event->accept_wait_ns) && is_plain(event->close_wait_ns) &&
	       is_plain(event->lifetime_ns);
}

static bool can_be_read_back(const struct event *event)
{
	return event->time_ns >= 0 && event->time_ns < TIME_MAX && waits_are_plain(event) &&
	       is_known_well(event->rx_bytes) && is_known_well(event->tx_bytes) &&
	       is_known_well(event->tx_bytes_after_fin) && is_known_well(event->unread_bytes);
}

static void check_read_back(const char *text, size_t size)
{
	json_t *object = check_json_line(text, size);
	struct json_read read = {.holders = NULL};
	struct event event;
	size_t again_size;
	char *again;

	CHECK(event_from_json(&event, &read, object) == 0);
	again = json_event_line(&event, &again_size);
	CHECK(again && again_size == size && memcmp(again, text, size) == 0);
	free(again);
	json_read_free(&read);
	json_decref(object);
}

static void check_same(const struct event *event, const char *text, size_t size)
{
	size_t reference_size;
	char *reference = json_line(json_reference(event), &reference_size);

	CHECK(reference);
	CHECK(reference_size == size && memcmp(reference, text, size) == 0);
	free(reference);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct source source;
	size_t line_size;
	char *line;

	take_event(&input, &source);
	line = json_event_line(&source.event, &line_size);
	CHECK(line);
	json_decref(check_json_line(line, line_size));
	CHECK(json_line_is_event(line, line_size - 1));
	if (waits_are_plain(&source.event))
		check_same(&source.event, line, line_size);
	if (can_be_read_back(&source.event))
		check_read_back(line, line_size);
	free(line);
	return 0;
}

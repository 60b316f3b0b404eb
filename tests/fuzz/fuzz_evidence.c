// SPDX-License-Identifier: GPL-2.0
/*
 * Two readings of anything that waits, whoever holds it and whatever their threads do: each service
 * has a diagnosis, which can always be told as JSON.
 */
#include "fuzz.h"

#include "diagnose.h"
#include "evidence_json.h"
#include "json.h"
#include "reading.h"

#define EVENTS_MAX 32
#define HOLDERS_MAX 8
#define LISTENERS_MAX 4
#define THREADS_MAX 32

static const struct thresholds thresholds = {
	.close_wait_ns = NSEC_PER_SEC,
	.accept_wait_ns = NSEC_PER_SEC / 10,
};

static const char kernel[] = "0000000000000001 T __schedule\n0000000000000002 T futex_wait_queue\n"
			     "0000000000000003 T ep_poll\n0000000000000004 T inet_csk_accept\n"
			     "0000000000000005 T do_poll.constprop.0\n"
			     "0000000000000006 T io_schedule\n0000000000000007 T submit_bio_wait\n"
			     "0000000000000008 T shrink_node\n0000000000000009 T pipe_read\n"
			     "000000000000000a T do_exit\n";

/* The look at the listeners, whose kernel side is not here. */
static struct listener_record listeners[LISTENERS_MAX];
static struct listener_event listener_events[LISTENERS_MAX];
static struct holder listener_holders[LISTENERS_MAX][HOLDERS_MAX];
static size_t listener_count;

size_t waiting_listener_count(const struct waiting *waiting)
{
	(void)waiting;
	return listener_count;
}

const struct listener *waiting_listener_at(const struct waiting *waiting, size_t i)
{
	(void)waiting;
	return &listener_events[i].record->listener;
}

void waiting_listener(const struct waiting *waiting, size_t i, struct listener_event *event)
{
	(void)waiting;
	*event = listener_events[i];
}

int64_t waiting_walked_ns(const struct waiting *waiting)
{
	(void)waiting;
	return 0;
}

static size_t take_holders(struct input *input, struct holder holders[HOLDERS_MAX])
{
	size_t count = take_byte(input) % (HOLDERS_MAX + 1);

	for (size_t i = 0; i < count; i++)
		take(input, &holders[i], sizeof(holders[i]));
	return count;
}

static void take_listeners(struct input *input)
{
	listener_count = take_byte(input) % (LISTENERS_MAX + 1);
	for (size_t i = 0; i < listener_count; i++) {
		struct listener_event *event = &listener_events[i];

		take(input, &listeners[i], sizeof(listeners[i]));
		*event = (struct listener_event){
			.record = &listeners[i],
			.holders = listener_holders[i],
			.holder_count = take_holders(input, listener_holders[i]),
			.accepts_seen = take_byte(input) & 1,
			.accepts = take_byte(input),
			.last_accept_ns = UNKNOWN,
			.gone_accept_ns = take_byte(input) % 2 ? UNKNOWN : 0,
			.error_count = take_byte(input) % (ACCEPT_ERRORS_MAX + 1),
		};
		for (size_t j = 0; j < event->error_count; j++) {
			event->errors[j].error = take_byte(input);
			event->errors[j].count = take_byte(input);
		}
	}
}

static void add_events(struct reading *reading, struct input *input)
{
	struct holder holders[HOLDERS_MAX];
	struct place place;

	for (int i = take_byte(input) % EVENTS_MAX; i > 0; i--) {
		struct record record;
		struct event event;

		take(input, &record, sizeof(record));
		event_from_record(&event, &record, &thresholds, 0);
		event.holder_count = take_holders(input, holders);
		event.holders = holders;
		memset(&place, 0, sizeof(place));
		take(input, place.unit, 8);
		event.owner_place = &place;
		reading_add(reading, &event);
	}
}

/* What reading_read_process() and the like read of /proc. */
static void set_process(struct process_reading *process, struct input *input)
{
	process->seen.fds = take_byte(input) % 4 ? take_byte(input) : UNKNOWN;
	process->seen.fd_limit = take_byte(input) % 4 ? take_byte(input) : UNKNOWN;
	process->seen.fd_limit_hard = process->seen.fd_limit;
	take(input, process->throttles.path, sizeof(process->throttles.path) - 1);
	process->throttles.count = take_byte(input) % (PROC_LEVELS_MAX + 1);
	for (size_t i = 0; i < process->throttles.count; i++) {
		struct proc_level *level = &process->throttles.levels[i];

		level->length = take_byte(input);
		level->throttle.periods = take_byte(input);
		level->throttle.throttled = take_byte(input);
	}
	take(input, process->seen.unit, 8);
	take(input, &process->pressures, sizeof(process->pressures));
	process->pressures.cpu.known = take_byte(input) & 1;
	process->pressures.io.known = take_byte(input) & 1;
	process->pressures.memory.known = take_byte(input) & 1;
}

static void add_threads(struct reading *reading, const struct reading *before, struct input *input,
			struct symbols *symbols)
{
	struct thread_record record;

	for (int i = take_byte(input) % THREADS_MAX; i > 0; i--) {
		take(input, &record, sizeof(record));
		reading_add_thread(reading, before, &record, symbols);
	}
}

static void read_all(struct reading *reading, const struct reading *before, struct input *input,
		     struct symbols *symbols, struct places *places)
{
	static struct recent recent;

	reading_begin(reading, before);
	add_events(reading, input);
	take_listeners(input);
	/* No process is looked up: the holders of listeners are none that is known. */
	reading_end(reading, NULL, &recent, places);
	reading->time_ns = before->time_ns + NSEC_PER_SEC;
	add_threads(reading, before, input, symbols);
	reading_end_threads(reading, reading->time_ns);
	for (size_t i = 0; i < reading->process_count; i++)
		set_process(&reading->processes[i], input);
	reading->node_ns = reading->time_ns;
}

static void check_sentence(const char *text)
{
	CHECK(!strchr(text, '\n'));
	check_safe(text, strlen(text));
}

static void check_sentences(const struct finding_lines *lines)
{
	CHECK(lines->count <= FINDING_LINES);
	for (size_t i = 0; i < lines->count; i++)
		check_sentence(lines->text[i]);
}

static void check_service(const struct evidence *evidence)
{
	struct diagnosis *diagnosis = calloc(1, sizeof(*diagnosis));
	json_t *findings = json_array();
	size_t size;
	char *text;

	CHECK(diagnosis);
	diagnose(evidence, diagnosis);
	for (int code = 0; code < FINDINGS; code++) {
		const struct finding *finding = &diagnosis->findings[code];
		json_t *object;

		CHECK(finding->code == (enum finding_code)code);
		check_sentence(finding->reason);
		check_sentence(finding->headline);
		check_sentences(&finding->proof);
		check_sentences(&finding->now);
		check_sentences(&finding->for_good);
		if (finding->verdict != VERDICT_PROVEN)
			continue;
		CHECK(finding->headline[0]);
		object = json_finding(finding, 0);
		CHECK(object);
		json_array_append_new(findings, object);
	}
	text = json_line(json_service(evidence, diagnosis, findings, 2), &size);
	CHECK(text);
	json_decref(check_json_line(text, size));
	free(text);
	free(diagnosis);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct reading *before = reading_new(), *now = reading_new();
	struct symbols *symbols = symbols_new();
	struct places *places = places_new();
	struct evidence *evidence = calloc(1, sizeof(*evidence));

	CHECK(before && now && symbols && places && evidence);
	CHECK(symbols_add(symbols, kernel, strlen(kernel)) == (long)strlen(kernel));
	symbols_sort(symbols);
	read_all(before, now, &input, symbols, places);
	read_all(now, before, &input, symbols, places);
	CHECK(now->service_count <= READING_SERVICES_MAX);
	CHECK(now->process_count <= READING_PROCESSES_MAX);
	for (size_t i = 0; i < now->service_count; i++) {
		evidence_make(evidence, now, before, i, &thresholds, 0);
		check_service(evidence);
	}
	free(evidence);
	places_free(places);
	symbols_free(symbols);
	reading_free(now);
	reading_free(before);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics of any connections at any times, in few rows and cells: a summary is one line of JSON,
 * and nothing is lost between its rows and its total.
 */
#include "fuzz.h"

#include "stats.h"
#include "summary.h"

#define LOOK_MAX 8

/* So that sums stay within what JSON has. */
#define COUNT_MAX UINT32_MAX

static const struct thresholds thresholds = {
	.close_wait_ns = NSEC_PER_SEC,
	.accept_wait_ns = NSEC_PER_SEC / 10,
};

struct run {
	struct stats *stats;
	int64_t now_ns;
	uint64_t ended;
};

static void take_event(struct input *input, struct event *event, struct place *place)
{
	struct record record;

	take(input, &record, sizeof(record));
	record.conn.rx_bytes &= COUNT_MAX;
	record.conn.tx_bytes &= COUNT_MAX;
	event_from_record(event, &record, &thresholds, 0);
	memset(place, 0, sizeof(*place));
	take(input, place->unit, 8);
	if (take_byte(input) & 1)
		event->owner_place = place;
}

static void add_ended(struct run *run, struct input *input)
{
	struct event event;
	struct place place;

	take_event(input, &event, &place);
	stats_add(run->stats, &event, run->now_ns);
	run->ended += event.kind == RECORD_CLOSED;
}

static void add_folded(struct run *run, struct input *input)
{
	struct fold_record record;

	take(input, &record, sizeof(record));
	record.sums.count &= COUNT_MAX;
	record.sums.rx_bytes &= COUNT_MAX;
	record.sums.tx_bytes &= COUNT_MAX;
	stats_add_folded(run->stats, &record, run->now_ns);
	if (record.key.measure == FOLD_LIFETIME)
		run->ended += record.sums.count;
}

static void look(struct run *run, struct input *input)
{
	struct event event;
	struct place place;

	stats_waiting_begin(run->stats, run->now_ns);
	for (int i = take_byte(input) % LOOK_MAX; i > 0; i--) {
		take_event(input, &event, &place);
		stats_waiting_add(run->stats, &event);
	}
	stats_waiting_end(run->stats);
}

static void check_text(const struct summary *summary, const struct summary_row *row)
{
	struct memory memory;

	memory_open(&memory);
	text_summary_line(memory.out, summary, row);
	memory_check_line(&memory);
}

/* Of everything, what is in a row or in what had none. */
static uint64_t add_rows(struct summary *summary)
{
	const struct summary_row *row;
	uint64_t ended = 0;

	summary->next = 0;
	while ((row = summary_next(summary))) {
		ended += row->counts.ended;
		if (summary->by == BY_SERVICE)
			check_text(summary, row);
	}
	row = summary_other(summary);
	return ended + (row ? row->counts.ended : 0);
}

static void check_sums(const struct run *run, struct summary *summary)
{
	uint64_t ended = add_rows(summary);
	const struct summary_row *total = summary_total(summary);

	check_text(summary, total);
	if (summary->by == BY_PROCESS || summary->by == BY_PEER)
		ended += total->counts.undetailed;
	CHECK(total->counts.ended == ended);
	CHECK(total->counts.ended <= run->ended);
	if (summary->window == WINDOW_START)
		CHECK(total->counts.ended == run->ended);
}

static void summarize(const struct run *run, enum window window, enum summary_by by, bool histogram)
{
	struct summary *summary = summary_new(run->stats, window, by, run->now_ns, 0);
	struct memory memory;

	CHECK(summary);
	check_sums(run, summary);
	memory_open(&memory);
	CHECK(json_summary(memory.out, summary, histogram) == 0);
	fclose(memory.out);
	json_decref(check_json_line(memory.text, memory.size));
	free(memory.text);
	summary_free(summary);
}

static void step(struct run *run, struct input *input)
{
	uint8_t what = take_byte(input);

	switch (what % 5) {
	case 0:
		add_ended(run, input);
		break;
	case 1:
		add_folded(run, input);
		break;
	case 2:
		look(run, input);
		break;
	case 3: /* a quarter of a second up to days, and a little back */
		run->now_ns += (NSEC_PER_SEC << take_byte(input) % 20) / 4;
		run->now_ns -= take_byte(input);
		break;
	case 4:
		summarize(run, (enum window)(what / 5 % WINDOW_COUNT),
			  (enum summary_by)(what / 20 % BY_COUNT), what & 1);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct stats_options options = {
		.thresholds = thresholds,
		.rows_max = 1 + take_byte(&input) % 8,
		.cells_max = 1 + take_byte(&input),
	};
	struct run run = {.now_ns = 1000 * NSEC_PER_SEC};

	run.stats = stats_new(&options, run.now_ns);
	CHECK(run.stats);
	while (input.size)
		step(&run, &input);
	summarize(&run, WINDOW_START, BY_SERVICE, true);
	summarize(&run, WINDOW_START, BY_PEER, false);
	stats_free(run.stats);
	return 0;
}

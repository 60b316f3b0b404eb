// SPDX-License-Identifier: GPL-2.0
/*
 * What the command reads from whatever answers at the socket, as each of its answers: it is refused
 * with a reason, or shown without harm to a terminal.
 */
#include "fuzz.h"

#include <errno.h>

#include "client.h"
#include "explain.h"
#include "json_read.h"
#include "report.h"
#include "status.h"
#include "summary.h"
#include "text.h"

static void check_shown(struct memory *memory)
{
	fclose(memory->out);
	check_safe(memory->text, memory->size);
	free(memory->text);
}

static void check_error(int r, const struct field_error *error)
{
	CHECK(r == 0 || (r == -EINVAL && error->text[0]));
}

static void show_event(const json_t *object)
{
	static const struct text_style styles[] = {{.wide = true}, {.list = true}};
	struct json_read read = {.holders = NULL};
	struct event event;
	struct memory memory;
	int r = event_from_json(&event, &read, object);

	check_error(r, &read.error);
	for (size_t i = 0; r == 0 && i < sizeof(styles) / sizeof(styles[0]); i++) {
		memory_open(&memory);
		text_event(memory.out, &event, &styles[i]);
		fflush(memory.out);
		check_line(memory.text, memory.size);
		check_shown(&memory);
	}
	json_read_free(&read);
}

static void show_listener(const json_t *object)
{
	struct json_read read = {.holders = NULL};
	struct listener_event event;
	struct memory memory;
	int64_t time_ns;
	int r = listener_from_json(&event, &time_ns, &read, object);

	check_error(r, &read.error);
	if (r == 0) {
		memory_open(&memory);
		text_listener(memory.out, &event);
		fflush(memory.out);
		check_line(memory.text, memory.size);
		check_shown(&memory);
	}
	json_read_free(&read);
}

static void show_summary(const json_t *object)
{
	static const struct table_style styles[] = {{.columns = 0}, {.columns = 80}};
	struct field_error error;
	struct summary summary;
	struct memory memory;
	int r = summary_from_json(&summary, object, &error);

	check_error(r, &error);
	if (r < 0)
		return;
	for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++) {
		memory_open(&memory);
		report_print(memory.out, &summary, i ? "name" : NULL, summary.row_count, true,
			     &styles[i]);
		check_shown(&memory);
	}
	summary_free(&summary);
}

static void show_status(const json_t *object)
{
	struct memory memory;

	memory_open(&memory);
	status_print(memory.out, object);
	check_shown(&memory);
}

static void show_diagnosis(json_t *object)
{
	const struct explain_wanted all = {.number = 0}, wanted = {.number = 80};
	struct explain_counts counts = explain_select(object, &all);
	struct memory memory;

	for (int verbose = 0; verbose < 2; verbose++) {
		memory_open(&memory);
		explain_print(memory.out, object, &all, &counts, verbose);
		check_shown(&memory);
	}
	counts = explain_select(object, &wanted);
	memory_open(&memory);
	explain_print(memory.out, object, &wanted, &counts, false);
	check_shown(&memory);
}

static void show_error(const uint8_t *data, size_t size)
{
	char text[sizeof(((struct client *)0)->message)];

	CHECK(client_explain_answer(text, sizeof(text), 400, (const char *)data, size) < 0);
	CHECK(text[0] && !strchr(text, '\n'));
	check_safe(text, strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *object = json_loadb((const char *)data, size, 0, NULL);

	show_error(data, size);
	if (object) {
		show_event(object);
		show_listener(object);
	}
	/* client_get() lets nothing else through. */
	if (json_is_object(object)) {
		show_summary(object);
		show_status(object);
		show_diagnosis(object);
	}
	json_decref(object);
	return 0;
}

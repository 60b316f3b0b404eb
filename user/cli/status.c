// SPDX-License-Identifier: GPL-2.0
#include "status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "command.h"
#include "duration.h"
#include "event.h"
#include "field.h"
#include "message.h"
#include "output.h"
#include "text.h"
#include "wrap.h"

#define VALUE_SIZE 512
#define LINE_SIZE (2 * VALUE_SIZE + 128)

#define NAME_WIDTH 12

/* Each returns "-" where the value is missing or of another type. */
static const char *text_of(const json_t *value, char *buf)
{
	return text_or(json_string_value(value), "-", buf, VALUE_SIZE);
}

static const char *number_of(const json_t *value, char *buf)
{
	if (!json_is_integer(value))
		return "-";
	snprintf(buf, VALUE_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return buf;
}

static const char *duration_of(const json_t *object, const char *field, char *buf)
{
	struct field_error ignored = {.text = ""};

	return duration_format(field_milliseconds(&ignored, object, field), buf, VALUE_SIZE);
}

static const char *bytes_of(const json_t *value, char *buf)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	double bytes = (double)json_integer_value(value);
	size_t unit = 0;

	if (!json_is_integer(value))
		return "-";
	for (; bytes >= 1024 && unit < 4; unit++)
		bytes /= 1024;
	snprintf(buf, VALUE_SIZE, "%.*f %s", unit ? 1 : 0, bytes, units[unit]);
	return buf;
}

static const char *get_number(const json_t *object, const char *field, char *buf)
{
	return number_of(json_object_get(object, field), buf);
}

/* The name of a line, or none where one goes on. */
static void begin(FILE *out, const char *name)
{
	fprintf(out, "%-*s ", NAME_WIDTH, name);
}

/* Ends the line that was begun: words, on as many lines as they need. */
static void end(FILE *out, const char *words)
{
	wrap_print(out, NAME_WIDTH + 1, NAME_WIDTH + 1, words);
}

static void print_who(FILE *out, const json_t *status)
{
	char version[VALUE_SIZE], pid[VALUE_SIZE], started[VALUE_SIZE], uptime[VALUE_SIZE];

	begin(out, "slowclosed");
	fprintf(out, "%s, process %s\n", text_of(json_object_get(status, "version"), version),
		get_number(status, "pid", pid));
	begin(out, "started");
	fprintf(out, "%s, %s ago\n", text_of(json_object_get(status, "started"), started),
		duration_of(status, "uptime_ms", uptime));
}

/* Only what is not as the files have it. */
static void print_configuration(FILE *out, const json_t *status)
{
	const json_t *configuration = json_object_get(status, "configuration");
	const json_t *error = json_object_get(configuration, "error"), *key;
	char text[VALUE_SIZE], line[LINE_SIZE];
	const char *name = "restart for";
	size_t i;

	if (json_is_object(error)) {
		begin(out, "not in use");
		end(out, text_of(json_object_get(error, "text"), text));
	}
	json_array_foreach (json_object_get(configuration, "needs_restart"), i, key) {
		begin(out, name);
		snprintf(line, sizeof(line), "%s: a new value", text_of(key, text));
		end(out, line);
		name = "";
	}
}

static void print_backend(FILE *out, const json_t *status)
{
	const json_t *unseen = json_object_get(status, "unseen");
	char backend[VALUE_SIZE], reason[VALUE_SIZE], stream[VALUE_SIZE], line[LINE_SIZE];
	const char *name = "not seen";
	json_t *text;
	size_t i;

	begin(out, "backend");
	snprintf(line, sizeof(line), "%s: %s", text_of(json_object_get(status, "backend"), backend),
		 text_of(json_object_get(status, "backend_reason"), reason));
	end(out, line);
	json_array_foreach (unseen, i, text) {
		begin(out, name);
		end(out, text_of(text, reason));
		name = "";
	}
	begin(out, "stream");
	fprintf(out, "%s\n", text_of(json_object_get(status, "stream"), stream));
}

static void print_thresholds(FILE *out, const json_t *status)
{
	char close_wait[VALUE_SIZE], accept_wait[VALUE_SIZE];

	begin(out, "slow");
	fprintf(out, "accept wait from %s, close wait from %s\n",
		duration_of(status, "accept_wait_threshold_ms", accept_wait),
		duration_of(status, "close_wait_threshold_ms", close_wait));
}

/* What each loss is of; one that a later daemon adds shows by its name. */
static const char *loss_meaning(const char *name)
{
	static const struct {
		const char *name, *meaning;
	} meanings[] = {
		{"ring_full", ": in the summary, but without an event: the ring was full"},
		{"ring_full_late", ": late accepts without an event: the ring was full"},
		{"table_full", ": not followed: the table was full (max_connections)"},
		{"no_memory", ": not followed: the kernel had no memory"},
		{"fold_full", ": folded without their service: in the total and the others"},
		{"listeners", ": listeners not known: more than 16384, or no memory"},
		{"end_unseen", ": ended unseen: in no event and no sum"},
		{"subscribers", ": events that came faster than subscribers read"},
	};

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strcmp(meanings[i].name, name) == 0)
			return meanings[i].meaning;
	}
	return "";
}

static void print_losses(FILE *out, const json_t *status)
{
	json_t *losses = json_object_get(status, "losses"), *count;
	const char *line = "losses", *name;
	char number[VALUE_SIZE], safe_name[VALUE_SIZE], text[LINE_SIZE];

	if (!json_is_object(losses)) {
		begin(out, line);
		fputs("-\n", out);
		return;
	}
	json_object_foreach (losses, name, count) {
		if (json_is_integer(count) && json_integer_value(count) == 0)
			continue;
		begin(out, line);
		snprintf(text, sizeof(text), "%s %s%s", number_of(count, number),
			 text_safe(name, strlen(name), safe_name, sizeof(safe_name)),
			 loss_meaning(name));
		end(out, text);
		line = "";
	}
	if (*line) {
		begin(out, line);
		fputs("no losses\n", out);
	}
}

static void print_records(FILE *out, const json_t *status)
{
	char records[VALUE_SIZE], folded[VALUE_SIZE];

	begin(out, "records");
	fprintf(out, "%s connections that ended, and %s only counted (folded)\n",
		get_number(status, "records", records), get_number(status, "folded", folded));
}

static void print_table(FILE *out, const json_t *status)
{
	const json_t *connections = json_object_get(status, "connections");
	const json_t *looks = json_object_get(status, "looks");
	json_int_t tracked = json_integer_value(json_object_get(connections, "tracked"));
	json_int_t limit = json_integer_value(json_object_get(connections, "limit"));
	char one[VALUE_SIZE], other[VALUE_SIZE];

	begin(out, "connections");
	fprintf(out, "%s of at most %s followed now", get_number(connections, "tracked", one),
		get_number(connections, "limit", other));
	if (limit > 0)
		fprintf(out, " (%.1f %%)", 100.0 * (double)tracked / (double)limit);
	fputc('\n', out);
	begin(out, "last look");
	fprintf(out, "%s\n", duration_of(looks, "last_ms", one));
}

static void print_rows(FILE *out, const json_t *status)
{
	const json_t *rows = json_object_get(status, "rows");
	char service[VALUE_SIZE], process[VALUE_SIZE], peer[VALUE_SIZE], limit[VALUE_SIZE];

	begin(out, "summary");
	fprintf(out, "%s services, %s processes, %s peers, of at most %s each\n",
		get_number(rows, "service", service), get_number(rows, "process", process),
		get_number(rows, "peer", peer), get_number(rows, "limit", limit));
}

static void print_memory(FILE *out, const json_t *status)
{
	const json_t *memory = json_object_get(status, "memory");
	char resident[VALUE_SIZE], cells[VALUE_SIZE], limit[VALUE_SIZE];

	begin(out, "memory");
	fprintf(out, "%s resident; histograms: %s of at most %s cells\n",
		bytes_of(json_object_get(memory, "resident_bytes"), resident),
		get_number(memory, "histogram_cells", cells),
		get_number(memory, "histogram_cells_limit", limit));
}

static void print_program(FILE *out, const json_t *program)
{
	struct field_error ignored = {.text = ""};
	int64_t runs = field_number(&ignored, program, "runs", INT64_MAX);
	int64_t run_ns = field_milliseconds(&ignored, program, "run_ms");
	json_int_t skipped = json_integer_value(json_object_get(program, "skipped"));
	char name[VALUE_SIZE], total[VALUE_SIZE], each[VALUE_SIZE];

	fputs(text_of(json_object_get(program, "name"), name), out);
	if (runs > 0 && run_ns != UNKNOWN)
		fprintf(out, ": %" PRId64 " runs in %s, %s each", runs,
			duration_format(run_ns, total, sizeof(total)),
			duration_format(run_ns / runs, each, sizeof(each)));
	else if (runs != UNKNOWN)
		fprintf(out, ": %" PRId64 " runs", runs);
	if (skipped)
		fprintf(out, ", skipped %" JSON_INTEGER_FORMAT, skipped);
	fputc('\n', out);
}

static void print_programs(FILE *out, const json_t *status)
{
	const json_t *programs = json_object_get(status, "programs");
	const char *line = "programs";
	bool times_known = false;
	json_t *program;
	size_t i;

	json_array_foreach (programs, i, program) {
		begin(out, line);
		print_program(out, program);
		line = "";
		times_known |= json_is_number(json_object_get(program, "run_ms"));
	}
	if (*line) {
		begin(out, line);
		fputs("-\n", out);
	} else if (!times_known) {
		begin(out, line);
		fputs("(run times: sysctl kernel.bpf_stats_enabled=1)\n", out);
	}
}

static void print_subscribers(FILE *out, const json_t *status)
{
	const json_t *subscribers = json_object_get(status, "subscribers");
	char id[VALUE_SIZE], sent[VALUE_SIZE], lost[VALUE_SIZE], buffered[VALUE_SIZE];
	const char *line = "subscribers";
	json_t *one;
	size_t i;

	json_array_foreach (subscribers, i, one) {
		begin(out, line);
		fprintf(out, "#%s: %s sent, %s lost, %s buffered\n", get_number(one, "id", id),
			get_number(one, "sent", sent), get_number(one, "lost", lost),
			bytes_of(json_object_get(one, "buffered_bytes"), buffered));
		line = "";
	}
	if (*line) {
		begin(out, line);
		fprintf(out, "%s\n", json_is_array(subscribers) ? "none" : "-");
	}
}

void status_print(FILE *out, const json_t *status)
{
	print_who(out, status);
	print_configuration(out, status);
	print_backend(out, status);
	print_thresholds(out, status);
	print_records(out, status);
	print_losses(out, status);
	print_table(out, status);
	print_rows(out, status);
	print_memory(out, status);
	print_programs(out, status);
	print_subscribers(out, status);
}

static int status_run(const struct command_options *options)
{
	struct client client = {.socket = options->socket, .silence_ms = CLIENT_SILENCE_MS};
	struct query query;
	json_t *status;

	query_begin(&query, "/v1/status");
	if (client_get(&client, &query, &status) < 0) {
		message("%s", client.message);
		return EXIT_FAILURE;
	}
	if (options->json)
		output_object(status);
	else
		status_print(stdout, status);
	json_decref(status);
	return output_status(output_flush());
}

static const struct option long_options[] = {
	{"json", no_argument, NULL, OPTION_JSON},
	COMMAND_ROWS,
};

const struct command status_command = {
	.name = "status",
	.summary = "the daemon: how it looks, what it lost, what it uses",
	.usage = "  slowclose status\n"
		 "  slowclose status --json | jq .losses\n"
		 "\n"
		 "      --json                 one JSON object\n" COMMAND_USAGE,
	.letters = COMMAND_LETTERS,
	.long_options = long_options,
	.run = status_run,
};

// SPDX-License-Identifier: GPL-2.0
#include "explain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "command.h"
#include "duration.h"
#include "event.h"
#include "field.h"
#include "line.h"
#include "message.h"
#include "output.h"
#include "text.h"
#include "wrap.h"

#define TEXT_SIZE 512
#define HEAD_MAX 20

/* With findings: more than these are told in short. */
#define SERVICES_IN_FULL 3

/* How often it is asked again while services were read only once, with a second between. */
#define TRIES_MAX 5

#define EXIT_FINDINGS 1
#define EXIT_BLIND 2

/* Safe for a terminal, cut to what buf holds; "" where it is missing. */
static const char *text_of(const json_t *object, const char *field, char *buf, size_t size)
{
	return text_or(json_string_value(json_object_get(object, field)), "", buf, size);
}

/*
 * Each line behind indent spaces; the first has the head, beside which the others stay where it is
 * short.
 */
static void put_wrapped(FILE *out, int indent, const char *head, const char *text)
{
	int column = indent + line_width(head);

	fprintf(out, "%*s%s", indent, "", head);
	wrap_print(out, column, column <= indent + HEAD_MAX ? column : indent + 2, text);
}

static void put_list(FILE *out, const char *title, const json_t *lines)
{
	char safe[TEXT_SIZE];
	json_t *line;
	size_t i;

	if (json_array_size(lines))
		fprintf(out, "  %s\n", title);
	json_array_foreach (lines, i, line) {
		const char *text = json_string_value(line);

		if (text)
			put_wrapped(out, 4, "- ",
				    text_safe(text, strlen(text), safe, sizeof(safe)));
	}
}

/* How long ago, of a finding that is told now; UNKNOWN where a time is missing. */
static int64_t age_of(const json_t *diagnosis, const json_t *finding)
{
	struct field_error error = {.text = ""};
	int64_t now_ns = field_time(&error, diagnosis, "time");
	int64_t since_ns = field_time(&error, finding, "since");

	return error.text[0] || now_ns < since_ns ? UNKNOWN : now_ns - since_ns;
}

/* "python3, server of port 80 (web.service)" */
static const char *service_name(const json_t *service, char buf[TEXT_SIZE])
{
	char comm[65], role[17], unit[129];

	text_of(service, "comm", comm, sizeof(comm));
	text_of(service, "role", role, sizeof(role));
	text_of(service, "unit", unit, sizeof(unit));
	snprintf(buf, TEXT_SIZE, "%s, %s of port %d%s%s%s", *comm ? comm : "-", role,
		 (int)json_integer_value(json_object_get(service, "port")), *unit ? " (" : "", unit,
		 *unit ? ")" : "");
	return buf;
}

static void put_finding(FILE *out, const json_t *diagnosis, const json_t *service,
			const json_t *finding, bool in_full)
{
	char code[65], severity[65], confidence[65], name[TEXT_SIZE], age[32];
	char headline[TEXT_SIZE], title[2 * TEXT_SIZE];

	text_of(finding, "code", code, sizeof(code));
	text_of(finding, "severity", severity, sizeof(severity));
	text_of(finding, "confidence", confidence, sizeof(confidence));
	snprintf(title, sizeof(title), "%s, for %s%s (%s, confidence %s)",
		 service_name(service, name),
		 duration_format(age_of(diagnosis, finding), age, sizeof(age)),
		 json_is_true(json_object_get(finding, "at_least")) ? "+" : "", severity,
		 confidence);
	snprintf(name, sizeof(name), "%s: ", code);
	put_wrapped(out, 0, name, title);
	put_wrapped(out, 2, "", text_of(finding, "headline", headline, sizeof(headline)));
	if (!in_full)
		return;
	put_list(out, "Proof:", json_object_get(finding, "proof"));
	put_list(out, "Now:", json_object_get(finding, "now"));
	put_list(out, "For good:", json_object_get(finding, "for_good"));
}

/* What it is not, and why. */
static void put_others(FILE *out, const json_t *service)
{
	const json_t *others = json_object_get(service, "not");
	char code[65], verdict[65], why[TEXT_SIZE], head[TEXT_SIZE];
	json_t *other;
	size_t i;

	if (json_array_size(others))
		fputs("  It is not:\n", out);
	json_array_foreach (others, i, other) {
		text_of(other, "code", code, sizeof(code));
		text_of(other, "verdict", verdict, sizeof(verdict));
		snprintf(head, sizeof(head), "- %s%s: ", code,
			 strcmp(verdict, "not-decidable") == 0 ? " (cannot be told)" : "");
		put_wrapped(out, 4, head, text_of(other, "why", why, sizeof(why)));
	}
}

static void put_evidence(FILE *out, const json_t *service)
{
	const json_t *evidence = json_object_get(service, "evidence");

	fputs("  Evidence:\n", out);
	if (evidence)
		output_escaped(out, evidence,
			       JSON_INDENT(2) | JSON_REAL_PRECISION(9) | JSON_ENCODE_ANY, "    ");
}

static void put_service(FILE *out, const json_t *diagnosis, const json_t *service, bool in_full,
			bool verbose)
{
	const json_t *findings = json_object_get(service, "findings");
	char name[TEXT_SIZE];
	json_t *finding;
	size_t i;

	if (!json_array_size(findings))
		put_wrapped(out, 0, "", service_name(service, name));
	json_array_foreach (findings, i, finding)
		put_finding(out, diagnosis, service, finding, in_full);
	if (in_full)
		put_others(out, service);
	if (verbose)
		put_evidence(out, service);
}

static void put_services(FILE *out, const json_t *diagnosis, size_t with_findings, bool verbose)
{
	bool in_full = verbose || with_findings <= SERVICES_IN_FULL;
	json_t *service;
	size_t i, told = 0;

	json_array_foreach (json_object_get(diagnosis, "services"), i, service) {
		if (!verbose && !json_array_size(json_object_get(service, "findings")))
			continue;
		if (told++)
			fputc('\n', out);
		put_service(out, diagnosis, service, in_full, verbose);
	}
	if (!in_full)
		fputs("\nOf one, its proof and what to do: slowclose explain PORT\n", out);
}

static const char *kind_of(const struct explain_wanted *wanted)
{
	return wanted->number <= UINT16_MAX ? "port or process " : "process ";
}

static void put_unsure(FILE *out, const struct explain_wanted *wanted)
{
	char text[TEXT_SIZE], advice[64] = "Of one service: slowclose explain PORT";

	if (wanted->number <= UINT16_MAX) /* that would be this question again */
		snprintf(advice, sizeof(advice),
			 "Of a port all that waits: slowclose list -L %" PRIu32, wanted->number);
	snprintf(text, sizeof(text),
		 "It cannot be told whether of %s%" PRIu32
		 " anything waits: not all that waits was looked at, or not all of its processes. "
		 "%s",
		 kind_of(wanted), wanted->number, advice);
	put_wrapped(out, 0, "", text);
}

static void put_nothing(FILE *out, const struct explain_wanted *wanted,
			const struct explain_counts *counts)
{
	if (counts->unsure)
		put_unsure(out, wanted);
	else if (!counts->services && wanted->number)
		fprintf(out,
			"Nothing found: of %s%" PRIu32 " nothing waits beyond its threshold.\n",
			kind_of(wanted), wanted->number);
	else if (!counts->services)
		fputs("Nothing found: nothing waits for longer than its threshold.\n", out);
	else if (counts->unsettled)
		fprintf(out,
			"Nothing found yet: %zu service%s something waiting, looked at only once "
			"so far.\n",
			counts->services, counts->services == 1 ? " has" : "s have");
	else
		fprintf(out,
			"Nothing found: of %zu service%s something waits, and nothing proves a "
			"fault so far.\n-v shows what was ruled out, and what cannot be told.\n",
			counts->services, counts->services == 1 ? "" : "s");
}

static void put_left_out(FILE *out, const json_t *reading)
{
	static const struct {
		const char *field, *text;
	} kinds[] = {
		{"connections_left_out", "connections more wait, and are in none of these numbers"},
		{"services_left_out", "connections were of services beyond the limit"},
		{"processes_left_out", "processes were not looked at"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		json_int_t count = json_integer_value(json_object_get(reading, kinds[i].field));

		if (count > 0)
			fprintf(out, "%" JSON_INTEGER_FORMAT " %s.\n", count, kinds[i].text);
	}
}

void explain_print(FILE *out, const json_t *diagnosis, const struct explain_wanted *wanted,
		   const struct explain_counts *counts, bool verbose)
{
	if (!counts->findings)
		put_nothing(out, wanted, counts);
	put_services(out, diagnosis, counts->with_findings, verbose);
	put_left_out(out, json_object_get(diagnosis, "reading"));
}

/* Asks until each service was read twice, which takes a few seconds. Returns 0 or -errno, told. */
static int ask(const struct command_options *options, const struct explain_wanted *wanted,
	       json_t **diagnosis, struct explain_counts *counts)
{
	struct client client = {.socket = options->socket, .silence_ms = CLIENT_SILENCE_MS};
	struct query query;
	int r;

	query_begin(&query, "/v1/diagnosis");
	for (int i = 0; i < TRIES_MAX; i++) {
		if (i)
			nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
		r = client_get(&client, &query, diagnosis);
		if (r < 0) {
			message("%s", client.message);
			return r;
		}
		*counts = explain_select(*diagnosis, wanted);
		if (counts->findings || !counts->unsettled)
			return 0;
		if (i < TRIES_MAX - 1)
			json_decref(*diagnosis);
	}
	return 0;
}

/* What is no process, or a thread of the kernel's, which runs no program, can only be a port. */
static bool is_process(uint32_t number)
{
	char path[32], program[1];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", number);
	return number > UINT16_MAX || readlink(path, program, sizeof(program)) >= 0 ||
	       errno == EACCES;
}

static int explain_run(const struct command_options *options)
{
	struct explain_wanted wanted = {.number = 0};
	struct explain_counts counts;
	unsigned long number;
	json_t *diagnosis;

	if (options->argument) {
		if (options_count(options->argument, &number) < 0 || number > UINT32_MAX) {
			message("\"%s\" is not allowed; it takes a port or the number of a process",
				options->argument);
			return EXIT_USAGE;
		}
		wanted.number = (uint32_t)number;
		wanted.is_process = is_process(wanted.number);
	}
	if (ask(options, &wanted, &diagnosis, &counts) < 0)
		return EXIT_BLIND;
	if (options->json)
		output_object(diagnosis);
	else
		explain_print(stdout, diagnosis, &wanted, &counts, options->verbose);
	json_decref(diagnosis);
	if (output_status(output_flush()) != EXIT_SUCCESS || counts.unsure)
		return EXIT_BLIND;
	return counts.findings ? EXIT_FINDINGS : EXIT_SUCCESS;
}

static const struct option long_options[] = {
	{"verbose", no_argument, NULL, 'v'},
	{"json", no_argument, NULL, OPTION_JSON},
	COMMAND_ROWS,
};

const struct command explain_command = {
	.name = "explain",
	.summary = "why connections wait, and what to do about it",
	.usage = "  slowclose explain                       of all services\n"
		 "  slowclose explain 443                   of the service of a port\n"
		 "  slowclose explain 8121                  of a process, if no port is so\n"
		 "  slowclose explain -v                    with all that was looked at\n"
		 "  slowclose explain --json | jq -r '.services[].findings[].code'\n"
		 "\n"
		 "  -v, --verbose              all evidence\n"
		 "      --json                 one JSON object\n" COMMAND_USAGE "\n"
		 "Exits with 0: nothing found, 1: findings, 2: it could not look.\n",
	.letters = "v" COMMAND_LETTERS,
	.long_options = long_options,
	.takes_argument = true,
	.run = explain_run,
};

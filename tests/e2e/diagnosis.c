// SPDX-License-Identifier: GPL-2.0
#include "diagnosis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service.h"
#include "sockets.h"
#include "suite.h"

/* Readings that must agree after the finding has shown. */
#define AGREEING 2

/* A reading lasts for a second or longer; all who ask take the daemon's time for it. */
#define ASK_EVERY_MS 500

static json_t *ask(uint16_t port)
{
	char path[64];

	snprintf(path, sizeof(path), "/v1/diagnosis?port=%u", port);
	return service_get(path);
}

static const char *word_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static double seconds_since(int64_t begun)
{
	return (double)(now_ns() - begun) / 1e9;
}

/* The only service of the port that has the role; NULL: none. */
static const json_t *service_of(const json_t *answer, const char *role)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(answer, "services"), i, one) {
		if (strcmp(word_at(one, "role"), role) == 0)
			return one;
	}
	return NULL;
}

/* All of it, which is more than a message of failure holds. */
static void show(const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9));

	fprintf(stderr, "%s\n", text);
	free(text);
}

/*
 * The incidents run beside each other: on a machine that is too slow for that it is the truth.
 * Some or other thread waits for a CPU so much of the time then.
 */
#define STARVED_PRESSURE 0.4

static bool is_starved(const json_t *finding, const json_t *of)
{
	if (strcmp(word_at(finding, "code"), "cpu-starved") != 0)
		return false;
	return json_number_value(at((json_t *)of, "evidence.node.pressure.cpu.some")) >
	       STARVED_PRESSURE;
}

/* How many of the codes are found, and whether the machine is too slow. Fails of any other. */
static size_t count_wanted(const json_t *answer, const char *role, const char *const *codes,
			   bool *starved)
{
	const json_t *of = service_of(answer, role);
	const json_t *findings = json_object_get(of, "findings");
	size_t i, wanted = 0;
	json_t *finding;

	*starved = false;
	json_array_foreach (findings, i, finding) {
		const char *const *code = codes;

		while (*code && strcmp(*code, word_at(finding, "code")) != 0)
			code++;
		if (!*code && !is_starved(finding, of)) {
			show(answer);
			fail_msg("found %s", word_at(finding, "code"));
		}
		*starved |= !*code;
		wanted += *code != NULL;
	}
	return wanted;
}

static size_t count_of(const char *const *codes)
{
	size_t count = 0;

	while (codes[count])
		count++;
	return count;
}

json_t *diagnosis_expect(uint16_t port, const char *role, const char *const *codes)
{
	int64_t begun = now_ns(), deadline = begun + PATIENCE_MS * 1000000LL;
	char last[40] = "";
	int agreeing = 0;

	for (;;) {
		json_t *answer = ask(port);
		const char *read = word_at(json_object_get(answer, "reading"), "time");
		bool starved, all = count_wanted(answer, role, codes, &starved) == count_of(codes);

		if (all && !agreeing) {
			deadline = deadline_ns();
			print_message("           %s after %.1f s\n", codes[0],
				      seconds_since(begun));
		}
		if (starved) /* which explains others, so that they are not told beside it */
			agreeing = 0;
		if (agreeing && !all) {
			show(answer);
			fail_msg("%s has gone, while it is so", codes[0]);
		}
		if (all && strcmp(read, last) != 0 && ++agreeing > AGREEING)
			return answer;
		snprintf(last, sizeof(last), "%s", read);
		if (now_ns() > deadline) {
			show(answer);
			fail_msg("%s is not found", codes[0]);
		}
		json_decref(answer);
		pass_ms(ASK_EVERY_MS);
	}
}

void diagnosis_expect_end(uint16_t port, const char *role, const char *const *codes)
{
	int64_t begun = now_ns(), deadline = begun + PATIENCE_MS * 1000000LL;
	size_t found;
	bool starved;

	do {
		json_t *answer = ask(port);

		found = count_wanted(answer, role, codes, &starved);
		json_decref(answer);
		if (now_ns() > deadline)
			fail_msg("%s does not go", codes[0]);
		pass_ms(ASK_EVERY_MS);
	} while (found);
	print_message("           gone after %.1f s\n", seconds_since(begun));
}

void diagnosis_expect_nothing(uint16_t port, const char *role, int readings)
{
	int64_t deadline = deadline_ns();
	static const char *const nothing[] = {NULL};
	char last[40] = "";
	bool starved;

	while (readings > 0) {
		json_t *answer = ask(port);
		const char *read = word_at(json_object_get(answer, "reading"), "time");

		count_wanted(answer, role, nothing, &starved);
		if (service_of(answer, role) && strcmp(read, last) != 0) {
			deadline = deadline_ns();
			readings--;
		}
		snprintf(last, sizeof(last), "%s", read);
		json_decref(answer);
		if (now_ns() > deadline)
			fail_msg("nothing waits");
		pass_ms(ASK_EVERY_MS);
	}
}

void diagnosis_is_empty(uint16_t port)
{
	static const char *const nothing[] = {NULL};
	json_t *answer = ask(port);
	bool starved;

	count_wanted(answer, "server", nothing, &starved);
	count_wanted(answer, "client", nothing, &starved);
	json_decref(answer);
}

const json_t *diagnosis_evidence(const json_t *answer)
{
	const json_t *evidence = json_object_get(service_of(answer, "server"), "evidence");

	assert_non_null(evidence);
	return evidence;
}

/* The server's. */
static const json_t *finding_of(const json_t *answer, const char *code)
{
	json_t *finding;
	size_t i;

	json_array_foreach (json_object_get(service_of(answer, "server"), "findings"), i, finding) {
		if (strcmp(word_at(finding, "code"), code) == 0)
			return finding;
	}
	fail_msg("no %s", code);
	return NULL;
}

void diagnosis_says(const json_t *answer, const char *code, const char *text)
{
	char *all = json_dumps(finding_of(answer, code), 0);

	if (!strstr(all, text))
		fail_msg("\"%s\" is not in %s", text, all);
	free(all);
}

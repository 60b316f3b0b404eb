// SPDX-License-Identifier: GPL-2.0
/* Which services are told, and in which order. */
#include <stdlib.h>
#include <string.h>

#include "explain.h"

static bool has_port(const json_t *service, uint32_t port)
{
	return json_integer_value(json_object_get(service, "port")) == port;
}

static bool has_process(const json_t *service, uint32_t pid)
{
	const json_t *processes =
		json_object_get(json_object_get(service, "evidence"), "processes");
	json_t *process;
	size_t i;

	json_array_foreach (processes, i, process) {
		if (json_integer_value(json_object_get(process, "pid")) == pid)
			return true;
	}
	return false;
}

typedef bool has_fn(const json_t *service, uint32_t number);

static bool any_has(const json_t *services, has_fn *has, uint32_t number)
{
	json_t *service;
	size_t i;

	json_array_foreach (services, i, service) {
		if (has(service, number))
			return true;
	}
	return false;
}

static void keep_those(json_t *services, has_fn *has, uint32_t number)
{
	for (size_t i = json_array_size(services); i-- > 0;) {
		if (!has(json_array_get(services, i), number))
			json_array_remove(services, i);
	}
}

/* Of its worst finding; 0: it has none. */
static int severity(const json_t *service)
{
	static const char *const names[] = {"info", "warning", "critical"};
	int worst = 0;
	json_t *finding;
	size_t i;

	json_array_foreach (json_object_get(service, "findings"), i, finding) {
		const char *text = json_string_value(json_object_get(finding, "severity"));

		for (int j = 0; j < 3; j++) {
			if (text && j >= worst && strcmp(text, names[j]) == 0)
				worst = j + 1;
		}
	}
	return worst;
}

static json_int_t count_waiting(const json_t *service)
{
	return json_integer_value(json_object_get(service, "in_accept_queue")) +
	       json_integer_value(json_object_get(service, "in_close_wait"));
}

static int compare(const void *a, const void *b)
{
	const json_t *one = *(const json_t *const *)a, *other = *(const json_t *const *)b;
	json_int_t order = severity(other) - severity(one);

	if (!order)
		order = count_waiting(other) - count_waiting(one);
	return (order > 0) - (order < 0);
}

static void sort(json_t *services)
{
	size_t count = json_array_size(services);
	json_t **all = calloc(count + 1, sizeof(json_t *));

	if (!all)
		return;
	for (size_t i = 0; i < count; i++)
		all[i] = json_incref(json_array_get(services, i));
	qsort(all, count, sizeof(json_t *), compare);
	for (size_t i = 0; i < count; i++)
		json_array_set_new(services, i, all[i]);
	free(all);
}

static bool has_left_out(const json_t *reading, const char *field)
{
	return json_integer_value(json_object_get(reading, field)) > 0;
}

/* A process can be one of too many of a service; anything can be in what was not looked at at all.
 */
static bool may_have_been_missed(const json_t *reading, const struct explain_wanted *wanted)
{
	return (wanted->is_process && has_left_out(reading, "services_in_part")) ||
	       has_left_out(reading, "services_left_out") ||
	       has_left_out(reading, "connections_left_out");
}

struct explain_counts explain_select(json_t *diagnosis, const struct explain_wanted *wanted)
{
	json_t *services = json_object_get(diagnosis, "services"), *service;
	struct explain_counts counts = {.services = 0};
	size_t i;

	if (wanted->number)
		keep_those(services,
			   any_has(services, has_port, wanted->number) ? has_port : has_process,
			   wanted->number);
	sort(services);
	json_array_foreach (services, i, service) {
		json_t *readings = json_object_get(service, "readings");
		size_t findings = json_array_size(json_object_get(service, "findings"));

		counts.services++;
		counts.with_findings += findings > 0;
		counts.findings += findings;
		counts.unsettled += !findings && json_integer_value(readings) < 2;
	}
	counts.unsure = wanted->number && !counts.services &&
			may_have_been_missed(json_object_get(diagnosis, "reading"), wanted);
	return counts;
}

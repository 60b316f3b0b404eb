// SPDX-License-Identifier: GPL-2.0
#include "query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Which kinds of path take a parameter. */
enum taken_by {
	EVENTS = 1 << QUERY_EVENTS,
	LISTENERS = 1 << QUERY_LISTENERS,
	SUMMARY = 1 << QUERY_SUMMARY,
	DIAGNOSIS = 1 << QUERY_DIAGNOSIS,
};

static const char *const nothing_allowed = "no value";

/* Each returns what is allowed if value is not, else NULL. */
typedef const char *(*set_fn)(struct query *query, const char *name, const char *value);

static const char *set_filter(struct query *query, const char *name, const char *value)
{
	const char *allowed = NULL;

	return filter_set(&query->filter, name, value, &allowed) == 0 ? NULL : allowed;
}

static const char *set_window(struct query *query, const char *name, const char *value)
{
	(void)name;
	return value && summary_window_parse(value, &query->window) == 0 ? NULL
									 : SUMMARY_WINDOW_ALLOWED;
}

static const char *set_by(struct query *query, const char *name, const char *value)
{
	(void)name;
	return value && summary_by_parse(value, &query->by) == 0 ? NULL : SUMMARY_BY_ALLOWED;
}

static const char *set_histogram(struct query *query, const char *name, const char *value)
{
	(void)name;
	query->histogram = true;
	return value ? nothing_allowed : NULL;
}

static const char *set_port(struct query *query, const char *name, const char *value)
{
	char *end;
	unsigned long port = value ? strtoul(value, &end, 10) : 0;

	(void)name;
	if (port < 1 || port > UINT16_MAX || *end || *value < '0' || *value > '9')
		return "a port from 1 to 65535";
	query->port = (uint16_t)port;
	return NULL;
}

static const struct parameter {
	const char *name;
	unsigned int taken_by;
	set_fn set;
} parameters[] = {
	{"pid", EVENTS | DIAGNOSIS, set_filter},
	{"comm", EVENTS, set_filter},
	{"unit", EVENTS, set_filter},
	{"lport", EVENTS | LISTENERS, set_filter},
	{"rport", EVENTS, set_filter},
	{"family", EVENTS | LISTENERS, set_filter},
	{"role", EVENTS, set_filter},
	{"netns", EVENTS | LISTENERS, set_filter},
	{"min-close-wait", EVENTS, set_filter},
	{"min-accept-wait", EVENTS, set_filter},
	{"all", EVENTS, set_filter},
	{"window", SUMMARY, set_window},
	{"by", SUMMARY, set_by},
	{"histogram", SUMMARY, set_histogram},
	{"port", DIAGNOSIS, set_port},
};

#define PARAMETERS (sizeof(parameters) / sizeof(parameters[0]))

#define FILTER_NAMES                                                                               \
	"pid, comm, unit, lport, rport, family, role, netns, min-close-wait, min-accept-wait, all"

static const char *const names_allowed[] = {
	[QUERY_NOTHING] = "no parameters",
	[QUERY_EVENTS] = FILTER_NAMES,
	[QUERY_LISTENERS] = "lport, family, netns",
	[QUERY_SUMMARY] = "window, by, histogram",
	[QUERY_DIAGNOSIS] = "port, pid",
	[QUERY_METRICS] = "no parameters",
};

void query_init(struct query *query, enum query_kind kind)
{
	memset(query, 0, sizeof(*query));
	query->kind = kind;
	query->window = WINDOW_5M;
}

int query_set(struct query *query, const char *name, const char *value, struct query_error *error)
{
	size_t i = 0;

	*error = (struct query_error){.parameter = name, .value = value};
	while (i < PARAMETERS && strcmp(parameters[i].name, name) != 0)
		i++;
	if (i == PARAMETERS || !(parameters[i].taken_by & 1U << query->kind)) {
		error->message = "there is no such parameter here";
		error->allowed = names_allowed[query->kind];
		return -EINVAL;
	}
	if (query->given & 1UL << i) {
		error->message = "the parameter is given twice";
		error->allowed = "each parameter once";
		return -EINVAL;
	}
	query->given |= 1UL << i;
	error->allowed = parameters[i].set(query, name, value);
	if (!error->allowed)
		return 0;
	error->message = "the value is not allowed";
	return -EINVAL;
}

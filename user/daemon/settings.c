// SPDX-License-Identifier: GPL-2.0
#include "settings.h"

#include <errno.h>
#include <string.h>

#include "duration.h"
#include "options.h"

#define CONNECTIONS_MAX (1 << 24) /* 4.5 GiB of kernel memory */
#define JOURNAL_EVENTS_MAX 10000

struct setting {
	const char *name;
	const char *allowed;
	int (*set)(void *field, const char *value); /* returns 0 or -EINVAL */
	size_t offset, size; /* of its field */
	bool live;
};

static int set_duration(void *field, const char *value)
{
	return duration_parse(value, field) < 0 ? -EINVAL : 0;
}

/* Each report looks at all that waits, and writes a line for each service that is slow. */
static int set_report_interval(void *field, const char *value)
{
	int64_t ns;

	if (duration_parse(value, &ns) < 0 || (ns && ns < NSEC_PER_SEC))
		return -EINVAL;
	*(int64_t *)field = ns;
	return 0;
}

static int set_count(void *field, const char *value, unsigned long most)
{
	unsigned long count;

	if (options_count(value, &count) < 0 || count > most)
		return -EINVAL;
	*(uint32_t *)field = (uint32_t)count;
	return 0;
}

static int set_journal_events(void *field, const char *value)
{
	if (strcmp(value, "0") != 0)
		return set_count(field, value, JOURNAL_EVENTS_MAX);
	*(uint32_t *)field = 0;
	return 0;
}

static int set_stream(void *field, const char *value)
{
	bool *slow = field;

	*slow = strcmp(value, "slow") == 0;
	return *slow || strcmp(value, "all") == 0 ? 0 : -EINVAL;
}

static int set_backend(void *field, const char *value)
{
	enum backend *backend = field;

	if (strcmp(value, "auto") == 0)
		*backend = BACKEND_AUTO;
	else if (strcmp(value, "fentry") == 0)
		*backend = BACKEND_FENTRY;
	else if (strcmp(value, "tracepoint") == 0)
		*backend = BACKEND_TRACEPOINT;
	else
		return -EINVAL;
	return 0;
}

static int set_max_connections(void *field, const char *value)
{
	return set_count(field, value, CONNECTIONS_MAX);
}

/* Padded with zeros, so that the same paths are the same bytes. */
static int set_socket(void *field, const char *value)
{
	if (!socket_path_is_allowed(value))
		return -EINVAL;
	strncpy(field, value, SOCKET_PATH_SIZE);
	return 0;
}

static int set_metrics_listen(void *field, const char *value)
{
	if (strcmp(value, "off") != 0)
		return listen_parse(value, field);
	memset(field, 0, sizeof(struct listen_address));
	return 0;
}

#define FIELD(field) offsetof(struct settings, field), sizeof(((struct settings *)NULL)->field)

static const struct setting table[] = {
	{"close-wait", DURATION_ALLOWED, set_duration, FIELD(slow.close_wait_ns), true},
	{"accept-wait", DURATION_ALLOWED, set_duration, FIELD(slow.accept_wait_ns), true},
	{"report-interval",
	 "0 (never), or from 1s on a number and a unit (ms, s, m, h, d), such as 30s or 5m",
	 set_report_interval, FIELD(report_interval_ns), true},
	{"journal-events", "a number from 0 (none) to 10000", set_journal_events,
	 FIELD(journal_events), true},
	{"stream", "all or slow", set_stream, FIELD(stream_slow), true},
	{"backend", "auto, fentry or tracepoint", set_backend, FIELD(backend), false},
	{"max-connections", "a number from 1 to 16777216", set_max_connections,
	 FIELD(max_connections), false},
	{"socket", SOCKET_PATH_ALLOWED, set_socket, FIELD(socket_path), false},
	{"metrics-listen", "off, or ADDRESS:PORT, such as 127.0.0.1:9811 or [::1]:9811",
	 set_metrics_listen, FIELD(metrics_listen), false},
};

#define SETTINGS (sizeof(table) / sizeof(table[0]))

const char *settings_name(size_t i)
{
	return i < SETTINGS ? table[i].name : NULL;
}

const char *settings_names(void)
{
	return "close-wait, accept-wait, report-interval, journal-events, stream, backend, "
	       "max-connections, socket or metrics-listen";
}

int settings_find(const char *name)
{
	for (size_t i = 0; i < SETTINGS; i++) {
		if (strcmp(table[i].name, name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

void settings_init(struct settings *settings)
{
	*settings = (struct settings){
		.slow = {.close_wait_ns = NSEC_PER_SEC, .accept_wait_ns = 100 * NSEC_PER_MSEC},
		.report_interval_ns = 60 * NSEC_PER_SEC,
		.journal_events = 20,
		.socket_path = SOCKET_PATH_DEFAULT,
	};
}

static void *field_of(const struct settings *settings, size_t i)
{
	return (char *)settings + table[i].offset;
}

int settings_set(struct settings *settings, size_t i, const char *value)
{
	return table[i].set(field_of(settings, i), value);
}

const char *settings_allowed(size_t i)
{
	return table[i].allowed;
}

bool settings_is_live(size_t i)
{
	return table[i].live;
}

void settings_hooks(const struct settings *settings, struct hooks_options *hooks)
{
	*hooks = (struct hooks_options){
		.backend = settings->backend,
		.slow = settings->slow,
		.stream_slow = settings->stream_slow,
		.max_connections = settings->max_connections,
	};
}

bool settings_same(const struct settings *one, const struct settings *other, size_t i)
{
	return memcmp(field_of(one, i), field_of(other, i), table[i].size) == 0;
}

void settings_copy(struct settings *to, const struct settings *from, size_t i)
{
	memcpy(field_of(to, i), field_of(from, i), table[i].size);
}

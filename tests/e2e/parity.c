// SPDX-License-Identifier: GPL-2.0
#include "parity.h"

#include <stdlib.h>
#include <string.h>

#include "suite.h"

/* The event as a text that sorts, without what may differ. */
static char *without_times(json_t *event)
{
	static const char *const waits[] = {"accept_wait_ms", "close_wait_ms", "lifetime_ms"};
	json_t *copy = json_copy(event);
	char *text;

	json_object_del(copy, "time");
	json_object_del(copy, "id");
	json_object_del(copy, "cause");
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		if (!json_is_null(json_object_get(copy, waits[i])))
			json_object_set_new(copy, waits[i], json_string("known"));
	}
	text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(copy);
	assert_non_null(text);
	return text;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **sorted(const struct daemon *daemon)
{
	char **texts = calloc(daemon->count + 1, sizeof(*texts));
	size_t count = 0;

	assert_non_null(texts);
	for (size_t i = 0; i < daemon->count; i++) {
		/* Whether others came depends on the moment of a look. */
		if (daemon->seen[i].event && !strcmp(daemon->seen[i].event, "closed"))
			texts[count++] = without_times(daemon->seen[i].json);
	}
	qsort(texts, count, sizeof(*texts), compare);
	return texts;
}

static void release(char **texts)
{
	for (char **text = texts; *text; text++)
		free(*text);
	free(texts);
}

void parity_expect(const struct daemon *one, const struct daemon *other)
{
	char **ones = sorted(one), **others = sorted(other);
	size_t i = 0, j = 0, different = 0;

	while (ones[i] || others[j]) {
		int order = !ones[i] ? 1 : !others[j] ? -1 : strcmp(ones[i], others[j]);

		if (order < 0)
			print_error("only one backend told:   %s\n", ones[i]);
		else if (order > 0)
			print_error("only the other one told: %s\n", others[j]);
		different += order != 0;
		i += order <= 0;
		j += order >= 0;
	}
	assert_true(i > 0); /* at least the connections that settle */
	release(ones);
	release(others);
	if (different)
		fail_msg("%zu events are not the same; skipped %llu and %llu", different,
			 daemon_losses(one).skipped, daemon_losses(other).skipped);
}

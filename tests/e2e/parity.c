// SPDX-License-Identifier: GPL-2.0
#include "parity.h"

#include <stdlib.h>
#include <string.h>

#include "suite.h"

/* The event as a text that sorts, without what may differ. */
static char *as_text(json_t *event, bool with_accept)
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
	if (!with_accept) {
		json_object_del(copy, "accept_wait_ms");
		json_object_del(copy, "owner");
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

static char **sorted(const struct daemon *daemon, bool with_accepts)
{
	char **texts = calloc(daemon->count + 1, sizeof(*texts));
	size_t count = 0;

	assert_non_null(texts);
	for (size_t i = 0; i < daemon->count; i++) {
		/* Whether others came depends on the moment of a look. */
		if (daemon->seen[i].event && !strcmp(daemon->seen[i].event, "closed"))
			texts[count++] = as_text(daemon->seen[i].json, with_accepts);
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

/* How many events only one of them told. */
static size_t different(const struct daemon *one, const struct daemon *other, bool with_accepts)
{
	char **ones = sorted(one, with_accepts), **others = sorted(other, with_accepts);
	size_t i = 0, j = 0, count = 0;

	while (ones[i] || others[j]) {
		int order = !ones[i] ? 1 : !others[j] ? -1 : strcmp(ones[i], others[j]);

		if (order < 0)
			print_error("only one backend told:   %s\n", ones[i]);
		else if (order > 0)
			print_error("only the other one told: %s\n", others[j]);
		count += order != 0;
		i += order <= 0;
		j += order >= 0;
	}
	assert_true(i > 0); /* at least the connections that settle */
	release(ones);
	release(others);
	return count;
}

/* Each is one of either. */
static bool is_skipped(size_t events, const struct daemon *one, const struct daemon *other)
{
	return events <= 2 * (daemon_losses(one).skipped + daemon_losses(other).skipped);
}

void parity_expect(const struct daemon *one, const struct daemon *other)
{
	size_t count = different(one, other, true);

	if (count && (!is_skipped(count, one, other) || different(one, other, false)))
		fail_msg("%zu events are not the same; %llu and %llu runs were skipped", count,
			 daemon_losses(one).skipped, daemon_losses(other).skipped);
}

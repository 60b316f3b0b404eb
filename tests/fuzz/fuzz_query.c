// SPDX-License-Identifier: GPL-2.0
/*
 * The parameters of a request to the daemon, as libmicrohttpd hands them over: a digit, which says
 * what the path takes, and "name=value&name". One that is refused says so, and changes nothing.
 */
#include "fuzz.h"

#include <errno.h>

#include "query.h"

#define KINDS (QUERY_DIAGNOSIS + 1)

static void check_refused(const struct query_error *error, const char *name, const char *value)
{
	CHECK(error->message && error->allowed);
	CHECK(error->parameter == name && error->value == value);
}

static void set(struct query *query, const char *name, const char *value)
{
	const struct filter filter = query->filter;
	struct query_error error;
	unsigned long given = query->given;
	int r = query_set(query, name, value, &error);

	CHECK(r == 0 || r == -EINVAL);
	if (r == 0) {
		CHECK(__builtin_popcountl(query->given & ~given) == 1);
		CHECK(query_set(query, name, value, &error) == -EINVAL); /* twice */
	}
	if (r < 0 || query->kind == QUERY_SUMMARY)
		CHECK(memcmp(&filter, &query->filter, sizeof(filter)) == 0);
	if (r < 0)
		check_refused(&error, name, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of_input(data, size), *rest = text + 1, *parameter;
	struct query query;

	if (size) {
		query_init(&query, (enum query_kind)(data[0] % KINDS));
		while ((parameter = strsep(&rest, "&"))) {
			const char *name = strsep(&parameter, "=");

			set(&query, name, parameter);
		}
		CHECK(query.kind != QUERY_NOTHING || !query.given);
		CHECK(query.window < WINDOW_COUNT && query.by < BY_COUNT);
	}
	free(text);
	return 0;
}

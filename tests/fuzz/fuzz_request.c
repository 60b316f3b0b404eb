// SPDX-License-Identifier: GPL-2.0
/* What the command asks for, a line for each value: it can be taken apart again, and fits. */
#include "fuzz.h"

#include <curl/curl.h>

#include "query.h"

#define PATH "/v1/events"

/* The next parameter's value, which must be the line. Returns what follows it. */
static const char *check_value(CURL *curl, const char *at, const char *line)
{
	size_t end = strcspn(at, "&");
	char *escaped = text_of_input((const uint8_t *)at, end), *value;
	int length;

	CHECK(strncmp(escaped, "x=", 2) == 0);
	value = curl_easy_unescape(curl, escaped + 2, 0, &length);
	CHECK(value && (size_t)length == strlen(line) && strcmp(value, line) == 0);
	curl_free(value);
	free(escaped);
	return at + end + 1;
}

static bool is_text_of_url(const char *text)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text > '~')
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of_input(data, size), *rest = text, *line;
	char *copy = text_of_input(data, size), *rest_of_copy = copy;
	const char *at;
	struct query query;
	CURL *curl = curl_easy_init();

	query_begin(&query, PATH);
	while (!query.too_long && (line = strsep(&rest, "\n")))
		query_add(&query, "x", line);
	CHECK(query.used < QUERY_SIZE && strlen(query.text) == query.used);
	CHECK(is_text_of_url(query.text));
	at = query.text + strlen(PATH) + 1;
	while (at < query.text + query.used && (line = strsep(&rest_of_copy, "\n")))
		at = check_value(curl, at, line);
	if (!query.too_long)
		CHECK(!rest_of_copy);
	curl_easy_cleanup(curl);
	free(copy);
	free(text);
	return 0;
}

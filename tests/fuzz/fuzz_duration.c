// SPDX-License-Identifier: GPL-2.0
/* Durations: what is parsed is within bounds, what is written can be parsed and is never more. */
#include "fuzz.h"

#include <errno.h>

#include "duration.h"

#define NS_SECOND INT64_C(1000000000)
#define CENTURY (INT64_C(36525) * 86400 * NS_SECOND)

/* Within the three digits that are shown: a hundredth, of two units that the smaller one shows. */
static void check_written(int64_t ns)
{
	char text[32], again[32];
	int64_t back;

	duration_format(ns, text, sizeof(text));
	CHECK(strlen(text) <= 6);
	CHECK(duration_parse(text, &back) == 0);
	CHECK(back <= ns && back >= ns - ns / 10);
	CHECK(strcmp(duration_format(back, again, sizeof(again)), text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of_input(data, size), number[32];
	int64_t ns = -1, again;
	int r = duration_parse(text, &ns);

	CHECK(r == 0 || r == -EINVAL || r == -ERANGE);
	if (r == 0) {
		CHECK(ns >= 0 && ns <= CENTURY);
		check_written(ns);
		snprintf(number, sizeof(number), "%lldns", (long long)ns);
		CHECK(duration_parse(number, &again) == 0 && again == ns);
	} else {
		CHECK(ns == -1);
	}
	free(text);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Filters and counts of the command line, a line for each "name=value", or "name". What is refused
 * changes nothing, and what is taken can be taken again.
 */
#include "fuzz.h"

#include <errno.h>

#include "filter.h"
#include "options.h"

static void check_ports(const struct port_list *list)
{
	CHECK(list->count <= FILTER_PORTS_MAX);
	for (unsigned int i = 0; i < list->count; i++) {
		CHECK(list->ranges[i].first >= 1);
		CHECK(list->ranges[i].first <= list->ranges[i].last);
	}
}

static void check_filter(const struct filter *filter)
{
	check_ports(&filter->local_ports);
	check_ports(&filter->remote_ports);
	CHECK(memchr(filter->comm, '\0', sizeof(filter->comm)));
	CHECK(memchr(filter->unit, '\0', sizeof(filter->unit)));
	CHECK(filter->min_close_wait_ns >= 0 && filter->min_accept_wait_ns >= 0);
}

static void set(struct filter *filter, const char *name, const char *value)
{
	const struct filter before = *filter;
	struct filter again;
	const char *allowed = NULL;
	int r = filter_set(filter, name, value, &allowed);

	CHECK(r == 0 || r == -EINVAL || r == -ENOENT);
	CHECK((r == -EINVAL) == (allowed != NULL));
	if (r < 0) {
		CHECK(memcmp(&before, filter, sizeof(before)) == 0);
		return;
	}
	again = *filter;
	CHECK(filter_set(&again, name, value, &allowed) == 0);
	CHECK(memcmp(&again, filter, sizeof(again)) == 0);
}

static void count(const char *value)
{
	unsigned long n;

	if (options_count(value, &n) == 0) {
		CHECK(n >= 1);
		CHECK(strspn(value, "0123456789") == strlen(value));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of_input(data, size), *rest = text, *line;
	struct filter filter;

	memset(&filter, 0, sizeof(filter));
	while ((line = strsep(&rest, "\n"))) {
		const char *name = strsep(&line, "=");

		set(&filter, name, line);
		count(line ? line : name);
	}
	check_filter(&filter);
	free(text);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* The parameters of a request, as docs/api.md has them. */
#ifndef SLOWCLOSE_QUERY_H
#define SLOWCLOSE_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "filter.h"
#include "summary.h"

/* What a path takes. */
enum query_kind {
	QUERY_NOTHING,
	QUERY_EVENTS, /* the filter */
	QUERY_LISTENERS, /* of the filter local_ports, netns and family */
	QUERY_SUMMARY,
	QUERY_DIAGNOSIS,
	QUERY_METRICS, /* nothing */
};

struct query {
	enum query_kind kind;
	struct filter filter;
	enum window window;
	enum summary_by by;
	bool histogram;
	uint16_t port; /* of a diagnosis; 0: any */
	unsigned long given; /* a bit for each parameter that was set */
};

/* What is wrong with a request; the texts are those that were given, or constants. */
struct query_error {
	const char *message;
	const char *parameter;
	const char *value; /* or NULL */
	const char *allowed; /* or NULL */
};

void query_init(struct query *query, enum query_kind kind);

/* value is NULL where the parameter has none ("?all"). Returns 0, or -EINVAL with *error. */
int query_set(struct query *query, const char *name, const char *value, struct query_error *error);

#endif

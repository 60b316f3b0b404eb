/* SPDX-License-Identifier: GPL-2.0 */
/* Connections that wait now, as lines for people. */
#ifndef SLOWCLOSE_CLI_LIST_H
#define SLOWCLOSE_CLI_LIST_H

#include <jansson.h>

#include "json_read.h"
#include "ranking.h"
#include "text.h"

/* Adds a line of /v1/connections by how long it waits. Returns as event_from_json(). */
int list_rank(struct ranking *ranking, struct json_read *read, const json_t *object,
	      const struct text_style *style);

#endif

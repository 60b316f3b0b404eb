/* SPDX-License-Identifier: GPL-2.0 */
/* Listeners as lines for people. */
#ifndef SLOWCLOSE_CLI_LISTENERS_H
#define SLOWCLOSE_CLI_LISTENERS_H

#include <jansson.h>
#include <stdbool.h>

#include "json_read.h"
#include "ranking.h"

/*
 * Adds a line of /v1/listeners by how many are queued; unless all is wanted, only where something
 * is queued, was dropped or failed. Returns as listener_from_json().
 */
int listeners_rank(struct ranking *ranking, struct json_read *read, const json_t *object, bool all);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Events as JSON, as docs/api.md describes them. */
#ifndef SLOWCLOSE_JSON_H
#define SLOWCLOSE_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "event.h"

/* A new reference, or NULL out of memory. */
json_t *json_event(const struct event *event);

/* Writes one object on one line. Returns 0, -ENOMEM, or -EIO when out failed. */
int json_event_print(FILE *out, const struct event *event);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Events as JSON, as docs/api.md describes them. */
#ifndef SLOWCLOSE_JSON_H
#define SLOWCLOSE_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "event.h"

/* New references, or NULL out of memory. time_ns is CLOCK_REALTIME. */
json_t *json_event(const struct event *event);
json_t *json_listener(const struct listener_event *event, int64_t time_ns);

/*
 * One object on one line, with its newline, to be freed; takes the object over. Returns NULL out of
 * memory, or if object is NULL.
 */
char *json_line(json_t *object, size_t *size);

/*
 * The same as json_line(json_event(event), size), ten times as fast; not terminated by a zero byte.
 */
char *json_event_line(const struct event *event, size_t *size);

/*
 * Writes one object on one line and takes it over; NULL is one that there was no memory for.
 * Returns 0, -ENOMEM, or -EIO when out failed.
 */
int json_print(FILE *out, json_t *object);

#endif

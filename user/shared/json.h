/* SPDX-License-Identifier: GPL-2.0 */
/* Events as JSON, as docs/api.md describes them. */
#ifndef SLOWCLOSE_JSON_H
#define SLOWCLOSE_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "event.h"

/*
 * One object on one line, with its newline but no zero byte behind it, to be freed. time_ns is
 * CLOCK_REALTIME. Return NULL out of memory.
 */
char *json_event_line(const struct event *event, size_t *size);
char *json_listener_line(const struct listener_event *event, int64_t time_ns, size_t *size);

/*
 * Whether the length bytes are an event's line, without its newline: by how it begins and ends, and
 * without control characters. So a stream of them can be passed on; to read one as JSON takes ten
 * times as long as to write it.
 */
bool json_line_is_event(const char *line, size_t length);

/* Write such a line. Return 0, -ENOMEM, or -errno when out failed. */
int json_print_event(FILE *out, const struct event *event);
int json_print_listener(FILE *out, const struct listener_event *event, int64_t time_ns);

/*
 * Writes any JSON as json_dumpf(), with flags beside the style of all objects. What jansson leaves
 * of control characters, DEL and U+0080 to U+009F, is escaped: a terminal obeys it, and whoever can
 * name a process can put it there. Returns 0, or -1 as json_dumpf().
 */
int json_print(FILE *out, const json_t *value, size_t flags);

/* Any object as such a line; takes it over. Returns NULL out of memory, or if object is NULL. */
char *json_line(json_t *object, size_t *size);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Events read back from JSON: the other direction of json.h. */
#ifndef SLOWCLOSE_JSON_READ_H
#define SLOWCLOSE_JSON_READ_H

#include <jansson.h>

#include "event.h"
#include "field.h"

/* What an event that was read points to. All zero at first; the next call uses it again. */
struct json_read {
	struct place owner;
	struct place closer;
	struct listener_record listener;
	struct holder *holders;
	size_t holders_size;
	struct field_error error; /* after -EINVAL */
};

/*
 * Any JSON is allowed. What is null or missing is unknown, a field that is not known is passed
 * over, and a name of a cause or an end that is not known reads as none. event->slow and the times
 * of event->conn are not in JSON and stay 0. Where U+FFFD stands for a byte of a process name that
 * is no UTF-8, it becomes the byte 0xff. Returns 0; -EINVAL: it is no such event; -ENOMEM.
 */
int event_from_json(struct event *event, struct json_read *read, const json_t *object);

/* The same. *time_ns is CLOCK_REALTIME. */
int listener_from_json(struct listener_event *event, int64_t *time_ns, struct json_read *read,
		       const json_t *object);

void json_read_free(struct json_read *read);

#endif

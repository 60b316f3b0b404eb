/* SPDX-License-Identifier: GPL-2.0 */
/* An event as an object of the JSON library, to compare json_event_line() with. */
#ifndef TESTS_JSON_REFERENCE_H
#define TESTS_JSON_REFERENCE_H

#include <jansson.h>

#include "event.h"

/* A new reference. */
json_t *json_reference(const struct event *event);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Fields of JSON objects, of which anything can be wrong. */
#ifndef SLOWCLOSE_FIELD_H
#define SLOWCLOSE_FIELD_H

#include <jansson.h>
#include <stdint.h>

#include "event.h"

/* What is wrong of all that was read; "" if nothing. Holds nothing that was read. */
struct field_error {
	char text[96];
};

/* The first error stays, for the others may follow from it: "\"field\" is not allowed". */
void field_fail(struct field_error *error, const char *field, const char *allowed);

/*
 * Each returns the value of a field of an object, or what means unknown where it is null or
 * missing: NULL, UNKNOWN, MAYBE, 0 of field_u32(). Another type is an error, and unknown as well.
 */
const json_t *field_object(struct field_error *error, const json_t *object, const char *field);
const json_t *field_array(struct field_error *error, const json_t *object, const char *field);
const char *field_text(struct field_error *error, const json_t *object, const char *field);
int64_t field_number(struct field_error *error, const json_t *object, const char *field,
		     int64_t max);
uint32_t field_u32(struct field_error *error, const json_t *object, const char *field);
enum tristate field_truth(struct field_error *error, const json_t *object, const char *field);

/* Milliseconds as nanoseconds, to the microsecond. */
int64_t field_milliseconds(struct field_error *error, const json_t *object, const char *field);

/*
 * These two must be there; else they are an error, and "" or 0. A time is CLOCK_REALTIME, which
 * Linux cannot set before 1970: any two can be subtracted.
 */
const char *field_required(struct field_error *error, const json_t *object, const char *field);
int64_t field_time(struct field_error *error, const json_t *object, const char *field);

#endif

// SPDX-License-Identifier: GPL-2.0
#include "field.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MILLISECONDS_MAX (INT64_MAX / NSEC_PER_MSEC)

void field_fail(struct field_error *error, const char *field, const char *allowed)
{
	if (!error->text[0])
		snprintf(error->text, sizeof(error->text), "\"%s\" is not %s", field, allowed);
}

/* NULL: null, or missing. */
static const json_t *known(const json_t *object, const char *field)
{
	const json_t *value = json_object_get(object, field);

	return json_is_null(value) ? NULL : value;
}

const json_t *field_object(struct field_error *error, const json_t *object, const char *field)
{
	const json_t *value = known(object, field);

	if (value && !json_is_object(value)) {
		field_fail(error, field, "an object");
		return NULL;
	}
	return value;
}

const json_t *field_array(struct field_error *error, const json_t *object, const char *field)
{
	const json_t *value = known(object, field);

	if (value && !json_is_array(value)) {
		field_fail(error, field, "an array");
		return NULL;
	}
	return value;
}

const char *field_text(struct field_error *error, const json_t *object, const char *field)
{
	const json_t *value = known(object, field);

	if (value && !json_is_string(value))
		field_fail(error, field, "text");
	return json_string_value(value);
}

const char *field_required(struct field_error *error, const json_t *object, const char *field)
{
	const char *text = field_text(error, object, field);

	if (!text)
		field_fail(error, field, "text");
	return text ? text : "";
}

int64_t field_number(struct field_error *error, const json_t *object, const char *field,
		     int64_t max)
{
	const json_t *value = known(object, field);

	if (!value)
		return UNKNOWN;
	if (json_is_integer(value) && json_integer_value(value) >= 0 &&
	    json_integer_value(value) <= max)
		return json_integer_value(value);
	field_fail(error, field, "a number in its range");
	return UNKNOWN;
}

uint32_t field_u32(struct field_error *error, const json_t *object, const char *field)
{
	int64_t n = field_number(error, object, field, UINT32_MAX);

	return n == UNKNOWN ? 0 : (uint32_t)n;
}

/* JSON has microseconds, which a double cannot hit exactly. */
int64_t field_milliseconds(struct field_error *error, const json_t *object, const char *field)
{
	const json_t *value = known(object, field);
	double ms = json_number_value(value);

	if (!value)
		return UNKNOWN;
	if (json_is_number(value) && ms >= 0 && ms < (double)MILLISECONDS_MAX)
		return llround(ms * 1000) * 1000;
	field_fail(error, field, "a number of milliseconds");
	return UNKNOWN;
}

enum tristate field_truth(struct field_error *error, const json_t *object, const char *field)
{
	const json_t *value = known(object, field);

	if (!value)
		return MAYBE;
	if (!json_is_boolean(value))
		field_fail(error, field, "true or false");
	return json_is_true(value) ? YES : NO;
}

/* Digits after the point; the end of the number is left in *text. */
static int64_t fraction_ns(const char **text)
{
	int64_t ns = 0, unit = NSEC_PER_SEC / 10;

	if (**text == '.')
		(*text)++;
	for (; **text >= '0' && **text <= '9'; (*text)++) {
		ns += (**text - '0') * unit;
		unit /= 10;
	}
	return ns;
}

int64_t field_time(struct field_error *error, const json_t *object, const char *field)
{
	const char *text = field_required(error, object, field);
	struct tm tm = {.tm_isdst = 0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t ns = 0, time_ns = 0;

	if (end)
		ns = fraction_ns(&end);
	if (!end || strcmp(end, "Z") != 0 ||
	    __builtin_mul_overflow((int64_t)timegm(&tm), NSEC_PER_SEC, &time_ns) ||
	    __builtin_add_overflow(time_ns, ns, &time_ns) || time_ns < 0)
		field_fail(error, field, "a time such as 2026-01-02T03:04:05.123456Z");
	return time_ns;
}

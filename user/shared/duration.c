// SPDX-License-Identifier: GPL-2.0
#include "duration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NS_US INT64_C(1000)
#define NS_MS (1000 * NS_US)
#define NS_S (1000 * NS_MS)
#define NS_M (60 * NS_S)
#define NS_H (60 * NS_M)
#define NS_D (24 * NS_H)

/* 100 Julian years. */
#define DURATION_MAX (36525 * NS_D)

struct unit {
	const char *name;
	int64_t ns;
};

/* "ms" comes before "m", so that the first match is the longest. */
static const struct unit units[] = {
	{"ns", 1}, {"us", NS_US}, {"ms", NS_MS}, {"s", NS_S}, {"m", NS_M}, {"h", NS_H}, {"d", NS_D},
};

/* isdigit() depends on the locale, and is undefined for a negative char. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Stays at a value over DURATION_MAX, however many digits follow. */
static int64_t parse_whole(const char **text)
{
	int64_t n = 0;

	for (; is_digit(**text); (*text)++)
		n = n > DURATION_MAX / 10 ? DURATION_MAX + 1 : n * 10 + (**text - '0');
	return n;
}

static int64_t parse_unit(const char **text)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t length = strlen(units[i].name);

		if (strncmp(*text, units[i].name, length) == 0) {
			*text += length;
			return units[i].ns;
		}
	}
	return 0;
}

/*
 * The digits after the point, in units. From the last digit to the first nothing overflows,
 * and a remainder anywhere means that the whole is no integer: -1.
 */
static int64_t fraction_ns(const char *first, const char *end, int64_t unit)
{
	int64_t ns = 0;

	while (end > first) {
		ns += (*--end - '0') * unit;
		if (ns % 10)
			return -1;
		ns /= 10;
	}
	return ns;
}

/* One number with its unit, added to *sum. */
static int parse_term(const char **text, int64_t *sum)
{
	const char *fraction, *fraction_end;
	int64_t whole, part, unit;

	if (!is_digit(**text))
		return -EINVAL;
	whole = parse_whole(text);
	fraction = *text;
	if (**text == '.') {
		fraction = ++*text;
		if (!is_digit(**text))
			return -EINVAL;
	}
	while (is_digit(**text))
		(*text)++;
	fraction_end = *text;

	unit = parse_unit(text);
	if (!unit)
		return -EINVAL;
	part = fraction_ns(fraction, fraction_end, unit);
	if (part < 0)
		return -EINVAL;
	/* part is less than a unit, so only the sum with it can pass the limit, not wrap. */
	if (whole > (DURATION_MAX - *sum) / unit)
		return -ERANGE;
	*sum += whole * unit + part;
	return *sum > DURATION_MAX ? -ERANGE : 0;
}

int duration_parse(const char *text, int64_t *ns)
{
	int64_t sum = 0;

	if (strcmp(text, "0") != 0) {
		do {
			int err = parse_term(&text, &sum);

			if (err)
				return err;
		} while (*text);
	}
	*ns = sum;
	return 0;
}

/* Three digits, cut and not rounded: what reads "1s" has lasted a second. */
static void format_decimal(int64_t ns, const struct unit *unit, char *buf, size_t size)
{
	int64_t whole = ns / unit->ns;
	/* unit->ns is 1 or at least 1000 */
	int thousandths = unit->ns == 1 ? 0 : (int)(ns % unit->ns / (unit->ns / 1000));
	int digits = whole >= 100 ? 0 : whole >= 10 ? 1 : 2;
	int fraction = digits == 0 ? 0 : digits == 1 ? thousandths / 100 : thousandths / 10;

	if (digits == 2 && fraction % 10 == 0) {
		fraction /= 10;
		digits = 1;
	}
	if (fraction == 0)
		snprintf(buf, size, "%" PRId64 "%s", whole, unit->name);
	else
		snprintf(buf, size, "%" PRId64 ".%0*d%s", whole, digits, fraction, unit->name);
}

/* Two neighbouring units: 1h02m. */
static void format_pair(int64_t ns, const struct unit *small, char *buf, size_t size)
{
	const struct unit *big = small + 1;

	snprintf(buf, size, "%" PRId64 "%s%02d%s", ns / big->ns, big->name,
		 (int)(ns % big->ns / small->ns), small->name);
}

const char *duration_format(int64_t ns, char *buf, size_t size)
{
	size_t last = sizeof(units) / sizeof(units[0]) - 1;
	size_t i = 0;

	while (i < last && ns >= units[i + 1].ns)
		i++;
	if (ns < 0)
		snprintf(buf, size, "-");
	else if (ns == 0)
		snprintf(buf, size, "0s");
	else if (ns < NS_M)
		format_decimal(ns, &units[i], buf, size);
	else if (ns < 100 * NS_D)
		format_pair(ns, &units[i - 1], buf, size);
	else
		snprintf(buf, size, "%" PRId64 "d", ns / NS_D);
	return buf;
}

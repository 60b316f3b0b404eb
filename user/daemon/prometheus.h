/* SPDX-License-Identifier: GPL-2.0 */
/* Prometheus' text format 0.0.4. */
#ifndef SLOWCLOSE_PROMETHEUS_H
#define SLOWCLOSE_PROMETHEUS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Begins a family, whose samples follow; type is "gauge", "counter" or "histogram". */
void prometheus_family(FILE *out, const char *name, const char *type, const char *help);

/*
 * Writes a label's value as it stands between quotation marks, from at most length bytes of any
 * kind: escaped, and what is no UTF-8 or a control character, which a terminal might obey, is
 * U+FFFD. Values that look the same are the same bytes. buf is of PROMETHEUS_ESCAPED_SIZE.
 * Returns buf.
 */
const char *prometheus_escape(const char *text, size_t length, char *buf);

#define PROMETHEUS_ESCAPED_SIZE(length) (3 * (length) + 1)

/*
 * A sample. labels is `name="value"` and so on, escaped, or ""; more is another such list, or
 * NULL. What is a number of nanoseconds or microseconds is written in seconds, with all digits.
 */
void prometheus_count(FILE *out, const char *name, const char *labels, const char *more,
		      uint64_t count);
void prometheus_nanoseconds(FILE *out, const char *name, const char *labels, const char *more,
			    uint64_t ns);
void prometheus_microseconds(FILE *out, const char *name, const char *labels, const char *more,
			     uint64_t us);

/* A sample of millionths: 500000 is 0.5. */
#define prometheus_millionths prometheus_microseconds

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Durations as people write them: 500ms, 1.5s, 2m, 1h30m. */
#ifndef SLOWCLOSE_DURATION_H
#define SLOWCLOSE_DURATION_H

#include <stddef.h>
#include <stdint.h>

#define DURATION_ALLOWED "a number and a unit (ns, us, ms, s, m, h, d), such as 500ms or 1.5s"

/*
 * Parses a duration into nanoseconds, exactly. A bare 0 is allowed, any other
 * number needs its unit. Returns 0, -EINVAL, or -ERANGE over 100 years.
 */
int duration_parse(const char *text, int64_t *ns);

/*
 * Writes three significant digits or fewer, cut and not rounded ("3.2s", "410ms"); from a minute
 * on two units ("1h02m"), from 100 days on days. Negative: "-". Six characters up to 100 years.
 * Returns buf.
 */
const char *duration_format(int64_t ns, char *buf, size_t size);

#endif

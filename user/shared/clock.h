/* SPDX-License-Identifier: GPL-2.0 */
/* The two clocks, in nanoseconds. Modules that are tested take the time as an argument instead. */
#ifndef SLOWCLOSE_CLOCK_H
#define SLOWCLOSE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static inline int64_t clock_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/*
 * CLOCK_REALTIME less CLOCK_MONOTONIC. To be taken anew each time: the wall clock can be set while
 * this runs. Interrupted between the two it is too much: nothing is told to have been earlier than
 * it was.
 */
static inline int64_t clock_realtime_offset_ns(void)
{
	int64_t monotonic_ns = clock_monotonic_ns();

	return clock_ns(CLOCK_REALTIME) - monotonic_ns;
}

#endif

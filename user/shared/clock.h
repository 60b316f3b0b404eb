/* SPDX-License-Identifier: GPL-2.0 */
/* The two clocks, in nanoseconds. Most modules take the time as an argument instead. */
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

/* Two reads of a clock are seldom further apart, unless the task was interrupted between them. */
#define CLOCK_PAIR_NS 2000
#define CLOCK_PAIRS 8

/*
 * CLOCK_REALTIME less CLOCK_MONOTONIC. To be taken anew each time: the wall clock can be set while
 * this runs. Interrupted between the two it would be too much, by seconds on a busy machine: then
 * it is tried again. Too little it never is: nothing is told to have been earlier than it was.
 */
static inline int64_t clock_realtime_offset_ns(void)
{
	int64_t offset_ns = 0, least_ns = INT64_MAX;

	for (int i = 0; i < CLOCK_PAIRS && least_ns > CLOCK_PAIR_NS; i++) {
		int64_t before_ns = clock_monotonic_ns(), now_ns = clock_ns(CLOCK_REALTIME);
		int64_t apart_ns = clock_monotonic_ns() - before_ns;

		if (apart_ns >= least_ns)
			continue;
		least_ns = apart_ns;
		offset_ns = now_ns - before_ns;
	}
	return offset_ns;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Waits as services have them, the same ones in each run. */
#ifndef SLOWCLOSE_DISTRIBUTION_H
#define SLOWCLOSE_DISTRIBUTION_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

static inline uint64_t random_number(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* From 0, not included, to 1. */
static inline double random_fraction(uint64_t *state)
{
	return (double)((random_number(state) >> 11) + 1) / 9007199254740992.0;
}

static inline double log_normal(uint64_t *state, double median, double sigma)
{
	double radius = sqrt(-2 * log(random_fraction(state)));

	return median * exp(sigma * radius * cos(6.283185307179586 * random_fraction(state)));
}

static inline double wait_log_normal(uint64_t *state)
{
	return log_normal(state, 300e3, 1.5);
}

/* Most are fast, and one of twelve hangs for about 5 seconds. */
static inline double wait_bimodal(uint64_t *state)
{
	return random_number(state) % 12 ? log_normal(state, 50e3, 0.3)
					 : log_normal(state, 5e9, 0.05);
}

static inline double wait_constant(uint64_t *state)
{
	(void)state;
	return 1234567;
}

/* Pareto of 0.8: no mean; to 10 years. */
static inline double wait_heavy_tail(uint64_t *state)
{
	return fmin(1e4 * pow(random_fraction(state), -1 / 0.8), 3e17);
}

/* So short that each number is its own bucket. */
static inline double wait_tiny(uint64_t *state)
{
	return (double)(random_number(state) % 60);
}

static const struct distribution {
	const char *name;
	double (*wait)(uint64_t *state);
} distributions[] = {
	{"log-normal", wait_log_normal}, {"bimodal", wait_bimodal}, {"constant", wait_constant},
	{"heavy tail", wait_heavy_tail}, {"tiny", wait_tiny},
};

#define DISTRIBUTIONS (sizeof(distributions) / sizeof(distributions[0]))

static inline int compare_waits(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return (one > other) - (one < other);
}

/* The exact percentile, by nearest rank, of waits that are sorted. */
static inline uint64_t exact_percentile(const uint64_t *sorted, size_t count, unsigned int percent)
{
	return sorted[(count * percent + 99) / 100 - 1];
}

#endif

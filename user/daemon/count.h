/* SPDX-License-Identifier: GPL-2.0 */
/* What is counted of connections. */
#ifndef SLOWCLOSE_COUNT_H
#define SLOWCLOSE_COUNT_H

#include <stdint.h>

#include "slowclose/record.h"
#include "summary_words.h"

enum measure {
	MEASURE_ACCEPT_WAIT,
	MEASURE_CLOSE_WAIT,
	MEASURE_LIFETIME,
	MEASURE_UNTIL_FIN, /* from being established to the peer's FIN */
	MEASURE_COUNT,
};

/* Of connections that have ended. */
struct counts {
	uint64_t ended;
	uint64_t ends[END_COUNT]; /* [END_UNKNOWN]: not known how */
	uint64_t causes[CAUSE_COUNT]; /* of the slow ones; [CAUSE_NONE]: nothing proves one */
	uint64_t slow_accepts;
	uint64_t slow_closes;
	uint64_t undetailed; /* folded in the kernel: only the service is known */
	uint64_t rx_bytes; /* of those whose bytes are known */
	uint64_t tx_bytes;
};

/* Of connections that wait at one moment. */
struct waiting_counts {
	uint64_t accept_queue; /* one that is in both counts in both */
	uint64_t close_wait;
	uint64_t causes[CAUSE_COUNT]; /* as above: of the slow ones */
	int64_t oldest_ns; /* the longest of their waits; 0 if none waits */
};

/* Nanoseconds: a million connections that lived for a day are more than 64 bits. */
struct sum {
	uint64_t low;
	uint64_t high; /* times 2^64 */
};

static inline void sum_add(struct sum *sum, uint64_t low, uint64_t high)
{
	sum->low += low;
	sum->high += high + (sum->low < low);
}

static inline void counts_add(struct counts *counts, const struct counts *more)
{
	counts->ended += more->ended;
	for (int i = 0; i < END_COUNT; i++)
		counts->ends[i] += more->ends[i];
	for (int i = 0; i < CAUSE_COUNT; i++)
		counts->causes[i] += more->causes[i];
	counts->slow_accepts += more->slow_accepts;
	counts->slow_closes += more->slow_closes;
	counts->undetailed += more->undetailed;
	counts->rx_bytes += more->rx_bytes;
	counts->tx_bytes += more->tx_bytes;
}

static inline void waiting_counts_add(struct waiting_counts *counts,
				      const struct waiting_counts *more)
{
	counts->accept_queue += more->accept_queue;
	counts->close_wait += more->close_wait;
	for (int i = 0; i < CAUSE_COUNT; i++)
		counts->causes[i] += more->causes[i];
	if (more->oldest_ns > counts->oldest_ns)
		counts->oldest_ns = more->oldest_ns;
}

#endif

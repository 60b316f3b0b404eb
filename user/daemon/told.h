/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which findings of a service are told: each at once, and until it was not proven for a while,
 * since one reading can miss it by chance.
 */
#ifndef SLOWCLOSE_TOLD_H
#define SLOWCLOSE_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "diagnose.h"

/* Readings in a row without it after which a finding is gone. */
#define TOLD_ABSENT_MAX 2

/* Of one finding; all zero at first. */
struct told {
	bool shown;
	unsigned int proven; /* readings in a row */
	unsigned int absent; /* readings since it was proven last, */
	int64_t proven_ns; /* and when that was: CLOCK_MONOTONIC */
	int64_t since_ns; /* CLOCK_MONOTONIC: when the first that it spoke of then began to wait */
	struct finding finding; /* as it was proven last */
};

/*
 * Takes over what a reading has shown; diagnosis is NULL where the service had nothing that waits.
 * What it proves is marked as explained there where it is a part of one that is told still, and of
 * that one no reason is left there why it is not so. read_ns: what waited then is what it is about;
 * both are CLOCK_MONOTONIC.
 */
void told_update(struct told told[FINDINGS], struct diagnosis *diagnosis, int64_t read_ns,
		 int64_t now_ns);

#endif

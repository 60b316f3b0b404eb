/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Slow closes and summaries in the journal, with the fields that docs/api.md lists; on standard
 * error where that is not connected to the journal.
 */
#ifndef SLOWCLOSE_JOURNAL_H
#define SLOWCLOSE_JOURNAL_H

#include <stdint.h>

#include "diagnose.h"
#include "event.h"
#include "summary.h"

struct journal;

/* Returns NULL when there is no memory. */
struct journal *journal_new(void);
void journal_free(struct journal *journal);

/* So many slow connections are written in a second, none at first; more are counted; of 0 nothing.
 */
void journal_set_most(struct journal *journal, uint64_t most);

/* Writes a slow connection. Of others nothing is written. now_ns is CLOCK_MONOTONIC. */
void journal_event(struct journal *journal, const struct event *event, int64_t now_ns);

/*
 * Once a second or so: tells how many were not written in the seconds that are over, and what a
 * journal that hung did not take, for which nothing here waits.
 */
void journal_tick(struct journal *journal, int64_t now_ns);

/* A line for a finding of a service; since_ns is CLOCK_REALTIME, as is now_ns. */
void journal_finding(struct journal *journal, const struct evidence *evidence,
		     const struct finding *finding, int64_t since_ns, int64_t now_ns);

/* A line for each row that has anything slow or waiting, and one for everything. */
void journal_summary(struct journal *journal, struct summary *summary);

#endif

// SPDX-License-Identifier: GPL-2.0
/* The rules about connections that a process has and does not read to their end. */
#include "rule_close.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "duration.h"
#include "rule_blocked.h"

/*
 * Peers that hang up by a timer: so many alike, and at least half of all. (A peer that did not get
 * CPU in time hangs up later than it wanted to.)
 */
#define PEERS_MIN 5
#define PEERS_TIMEOUT_MIN_NS (200 * NSEC_PER_MSEC)

/* One connection that was not read for so many times the threshold is no accident; and by who is
 * stopped, held or frozen. */
#define HUNG_THRESHOLDS 10
#define HELD_UP_THRESHOLDS 3

static bool are_alike(const struct evidence_until_fin *until_fin)
{
	return until_fin->alike >= PEERS_MIN && 2 * until_fin->alike >= until_fin->count &&
	       until_fin->alike_from_ns >= PEERS_TIMEOUT_MIN_NS;
}

/* A service that is slow, and goes on: it closes or answers what its peers have given up. */
void rule_impatient_peers(const struct evidence *evidence, struct finding *finding)
{
	const struct evidence_until_fin *until_fin = &evidence->until_fin;
	char middle[32], low[32], high[32], waits[RULE_LIST_SIZE];

	if (evidence->role != ROLE_SERVER) {
		rule_out_silently(finding);
		return;
	}
	if (until_fin->count < PEERS_MIN) {
		rule_not_decidable(finding,
				   "too few accepted connections whose peer has hung up (%zu)",
				   until_fin->count);
		return;
	}
	duration_format(until_fin->p10_ns, low, sizeof(low));
	duration_format(until_fin->p90_ns, high, sizeof(high));
	if (!are_alike(until_fin)) {
		rule_out(finding, "peers hang up at different times (%s to %s)", low, high);
		return;
	}
	if (until_fin->alike_closed < CLOSED_LATE_MIN) {
		rule_out(finding, "the service does not get to an end with any of them");
		return;
	}
	duration_format(until_fin->alike_from_ns, middle, sizeof(middle));
	duration_format(until_fin->alike_to_ns, high, sizeof(high));
	rule_prove(finding, SEVERITY_WARNING, CONFIDENCE_HIGH,
		   "peers hang up %s after connecting, before this service is done with them",
		   middle);
	rule_add(&finding->proof,
		 "of %zu connections %zu got the peer's FIN between %s and %s after they began",
		 until_fin->count, until_fin->alike, middle, high);
	rule_add(&finding->proof,
		 "%zu of them this host got to an end with later: it works, and takes longer than "
		 "that",
		 until_fin->alike_closed);
	rule_add(&finding->proof, "now %s", rule_what_waits(evidence, waits));
	rule_add(&finding->now,
		 "see why answers take longer than %s (slow query, slow upstream), or "
		 "raise the peers' timeout",
		 middle);
	rule_add(&finding->for_good,
		 "notice the hang-up (EPOLLRDHUP) and drop the work: its answer "
		 "reaches nobody");
}

/* It gets to an end with others: they wait for their turn, or for an answer that takes long. */
static bool goes_on(const struct evidence *evidence)
{
	return evidence->until_fin.closed >= CLOSED_LATE_MIN ||
	       !rule_oldest_stays(evidence, CAUSE_NOT_READING);
}

/*
 * Whether the program looks at none of them: nothing but the end is left to be read, and one that
 * has them waits for something to do.
 */
static bool may_be_forgotten(const struct evidence *evidence)
{
	return evidence->role == ROLE_SERVER && !evidence->waits[CAUSE_NOT_READING].unread &&
	       !goes_on(evidence) && rule_owner(evidence, rule_is_free);
}

/*
 * Whether threads that are kept explain what is not read, be it that one waits for something to do:
 * they are as many as these, or half of all, behind which others queue. Who writes to a pipe is at
 * work for certain.
 */
static bool are_blocked(const struct evidence *evidence, const struct blocked *blocked)
{
	const struct evidence_waits *waits = &evidence->waits[CAUSE_NOT_READING];

	if (!blocked->count)
		return false;
	return blocked->all >= waits->count || strstr(blocked->where, "pipe_write") ||
	       ((waits->unread || blocked->left_out) && blocked_are_most(blocked));
}

/* A thread in futex or at a socket may have nothing to do, too. */
static bool may_be_idle(const struct blocked *blocked)
{
	return blocked->wait == THREAD_LOCK || blocked->wait == THREAD_SOCKET;
}

static void advise_forgotten(struct finding *finding, const struct evidence *evidence, bool free)
{
	rule_add(&finding->now,
		 "%s: see whether these are forgotten, and what they have in common: slowclose "
		 "list %s %u",
		 free ? "it waits for something to do" : "else", rule_port_option(evidence),
		 evidence->port);
	rule_add(&finding->for_good, "close() on each way out of a request, errors too: what was "
				     "answered and dropped is never read to its end");
}

static void advise_not_reading(struct finding *finding, const struct evidence *evidence)
{
	struct blocked blocked = blocked_find(evidence);
	bool are_kept = are_blocked(evidence, &blocked);

	if (2 * evidence->fin_only.left_to_others >= evidence->waits[CAUSE_NOT_READING].count) {
		close_advise_heirs(finding);
		return;
	}
	if (evidence->until_fin.closed >= CLOSED_LATE_MIN)
		rule_add(&finding->now,
			 "it gets to an end with them, but late (%zu just now): see why its "
			 "answers take so long",
			 evidence->until_fin.closed);
	if (are_kept)
		blocked_advise(finding, &blocked);
	if (may_be_forgotten(evidence) && (!are_kept || may_be_idle(&blocked)))
		advise_forgotten(finding, evidence, !are_kept);
	if (!finding->now.count)
		rule_add(&finding->now,
			 "see what the program does instead of reading: its log, its own dump of "
			 "threads, gdb -p");
	rule_add(&finding->for_good, "read (or poll for EPOLLRDHUP) while a request is worked on, "
				     "with a time limit for it");
}

/* Peers that hang up alike may only be impatient, and the service slow: its answers will tell. */
static bool may_be_impatience(const struct evidence *evidence)
{
	struct blocked blocked = blocked_find(evidence);

	if (blocked_by_reader(&blocked))
		return false;
	return are_alike(&evidence->until_fin) && !close_all_held_up(evidence) &&
	       !rule_is_long(evidence, CAUSE_NOT_READING, HUNG_THRESHOLDS);
}

void rule_not_reading(const struct evidence *evidence, struct finding *finding)
{
	const struct evidence_waits *waits = &evidence->waits[CAUSE_NOT_READING];
	bool held_up = close_all_held_up(evidence);
	char age[RULE_AGE_SIZE], count[40];

	if (!waits->count) {
		rule_out(finding, "what has come was read");
		return;
	}
	if (evidence->role == ROLE_CLIENT && !waits->unread && !held_up) {
		rule_out(finding, "nothing is left to be read but the end or a last message");
		return;
	}
	if (!rule_piles_up(evidence, CAUSE_NOT_READING,
			   held_up ? HELD_UP_THRESHOLDS : HUNG_THRESHOLDS)) {
		rule_out(finding, "few connections are not read, and not for long");
		return;
	}
	if (may_be_impatience(evidence)) {
		rule_not_decidable(finding,
				   "whether it hangs or is slow: all peers hung up after the "
				   "same time, and not long ago");
		return;
	}
	rule_prove(finding, SEVERITY_WARNING, held_up ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM,
		   "%s %s, and not read since the peer has closed; the oldest for %s",
		   rule_connections(waits->count, count),
		   evidence->role == ROLE_CLIENT ? "connected" : "accepted", rule_age(waits, age));
	rule_add(&finding->proof,
		 "with data that nobody takes: %" PRIu64 "; with only the FIN: %" PRIu64,
		 waits->unread, waits->count - waits->unread);
	close_add_holders(finding, &evidence->fin_only);
	if (may_be_forgotten(evidence)) {
		close_add_change(finding, evidence, CAUSE_NOT_READING);
		close_add_fds(finding, evidence);
	}
	rule_add_threads(&finding->proof, evidence, rule_foremost(evidence));
	if (!rule_advise_held_up(evidence, finding) || !held_up)
		advise_not_reading(finding, evidence);
}

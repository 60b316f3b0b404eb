// SPDX-License-Identifier: GPL-2.0
#include "diagnose.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rule.h"
#include "rule_blocked.h"

#define BIT(code) (1U << (code))

/* Of CLOSE_WAIT and accept queue alike: what a process that cannot go on brings about. */
#define OF_A_STALL                                                                                 \
	(BIT(FINDING_LOCK_STALL) | BIT(FINDING_ACCEPT_STALLED) | BIT(FINDING_BACKLOG_FULL) |       \
	 BIT(FINDING_ACCEPT_SLOW) | BIT(FINDING_IMPATIENT_PEERS) | BIT(FINDING_NOT_READING))

/* Waits that findings speak of. */
#define OF_QUEUE BIT(CAUSE_NEVER_ACCEPTED)
#define OF_UNREAD BIT(CAUSE_NOT_READING)
#define OF_UNCLOSED BIT(CAUSE_NOT_CLOSING)
#define OF_ANY (OF_QUEUE | OF_UNREAD | OF_UNCLOSED | BIT(CAUSE_NONE))

static const struct {
	const char *name;
	rule_fn rule;
	unsigned int explains; /* others that are true of it, and say less */
	unsigned int of, else_of; /* waits; the second where none of the first is there */
} findings[FINDINGS] = {
	/* A queue that is full of it is part of it. What leaks descriptors is not: it explains. */
	[FINDING_FD_EXHAUSTED] = {"fd-exhausted", rule_fd_exhausted,
				  BIT(FINDING_CPU_STARVED) | BIT(FINDING_ACCEPT_STALLED) |
					  BIT(FINDING_BACKLOG_FULL) | BIT(FINDING_ACCEPT_SLOW) |
					  BIT(FINDING_IMPATIENT_PEERS),
				  OF_QUEUE, 0},
	[FINDING_IO_STALL] = {"io-stall", rule_io_stall,
			      OF_A_STALL | BIT(FINDING_CPU_STARVED) | BIT(FINDING_CLOSE_LEAK) |
				      BIT(FINDING_IDLE_POOL),
			      OF_QUEUE | OF_UNREAD, OF_UNCLOSED},
	[FINDING_CPU_STARVED] = {"cpu-starved", rule_cpu_starved,
				 OF_A_STALL | BIT(FINDING_CLOSE_LEAK), OF_QUEUE | OF_UNREAD, 0},
	[FINDING_LOCK_STALL] = {"lock-stall", rule_lock_stall,
				(OF_A_STALL & ~BIT(FINDING_LOCK_STALL)) | BIT(FINDING_CLOSE_LEAK) |
					BIT(FINDING_IDLE_POOL),
				OF_QUEUE | OF_UNREAD, OF_UNCLOSED},
	/* That new connections are refused is news, whoever does not accept the others. */
	[FINDING_ACCEPT_STALLED] = {"accept-stalled", rule_accept_stalled,
				    BIT(FINDING_ACCEPT_SLOW) | BIT(FINDING_IMPATIENT_PEERS) |
					    BIT(FINDING_NOT_READING),
				    OF_QUEUE, 0},
	[FINDING_BACKLOG_FULL] = {"backlog-full", rule_backlog_full, BIT(FINDING_ACCEPT_SLOW),
				  OF_QUEUE, 0},
	[FINDING_ACCEPT_SLOW] = {"accept-slow", rule_accept_slow, BIT(FINDING_IMPATIENT_PEERS),
				 OF_QUEUE, 0},
	[FINDING_CLOSE_LEAK] = {"close-leak", rule_close_leak, 0, OF_UNCLOSED, OF_UNREAD},
	[FINDING_IMPATIENT_PEERS] = {"impatient-peers", rule_impatient_peers,
				     BIT(FINDING_NOT_READING), OF_UNREAD, OF_UNCLOSED},
	[FINDING_NOT_READING] = {"not-reading", rule_not_reading, BIT(FINDING_IDLE_POOL), OF_UNREAD,
				 0},
	[FINDING_IDLE_POOL] = {"idle-pool", rule_idle_pool, 0, OF_UNREAD | OF_UNCLOSED, 0},
	[FINDING_UNDETERMINED] = {"undetermined", NULL, 0, OF_ANY, 0},
};

const char *finding_name(enum finding_code code)
{
	return findings[code].name;
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_RULED_OUT] = "ruled-out",
		[VERDICT_NOT_DECIDABLE] = "not-decidable",
		[VERDICT_EXPLAINED] = "explained",
		[VERDICT_PROVEN] = "proven",
	};

	return names[verdict];
}

const char *confidence_name(enum confidence confidence)
{
	static const char *const names[] = {
		[CONFIDENCE_LOW] = "low",
		[CONFIDENCE_MEDIUM] = "medium",
		[CONFIDENCE_HIGH] = "high",
	};

	return names[confidence];
}

const char *severity_name(enum severity severity)
{
	static const char *const names[] = {
		[SEVERITY_INFO] = "info",
		[SEVERITY_WARNING] = "warning",
		[SEVERITY_CRITICAL] = "critical",
	};

	return names[severity];
}

void diagnosis_explain(struct diagnosis *diagnosis, enum finding_code code,
		       enum confidence confidence)
{
	unsigned int explains = findings[code].explains;

	/* What was forgotten for sure stays, whatever hangs beside it. */
	if (confidence != CONFIDENCE_HIGH &&
	    diagnosis->findings[FINDING_CLOSE_LEAK].confidence == CONFIDENCE_HIGH)
		explains &= ~BIT(FINDING_CLOSE_LEAK);
	for (int other = 0; other < FINDINGS; other++) {
		struct finding *finding = &diagnosis->findings[other];

		if (!(explains & BIT(other)) || other == (int)code ||
		    finding->verdict != VERDICT_PROVEN)
			continue;
		finding->verdict = VERDICT_EXPLAINED;
		finding->explained_by = code;
	}
}

/* What is explained by something that is explained itself is told of the first one. */
static void explain(struct diagnosis *diagnosis)
{
	for (int code = 0; code < FINDINGS; code++) {
		if (diagnosis->findings[code].verdict == VERDICT_PROVEN)
			diagnosis_explain(diagnosis, code, diagnosis->findings[code].confidence);
	}
}

/* So many that are not read, at two readings, are news, be it that they may only be slow. */
#define CROWD 10

/* What was not read or not closed for so long is a finding by itself. */
static bool is_worth_telling(const struct evidence *evidence)
{
	const struct evidence_waits *unread = &evidence->waits[CAUSE_NOT_READING];

	return rule_piles_up(evidence, CAUSE_NONE, 10) ||
	       rule_piles_up(evidence, CAUSE_NEVER_ACCEPTED, 10) ||
	       (unread->count >= CROWD && unread->before >= CROWD);
}

static void add_reasons(struct finding *finding, const struct diagnosis *diagnosis,
			enum verdict verdict, const char *lead, const char *trail)
{
	for (int code = 0; code < FINDING_UNDETERMINED; code++) {
		const struct finding *other = &diagnosis->findings[code];

		if (other->verdict == verdict && other->reason[0])
			rule_add(&finding->proof, "%s%s%s: %.190s", lead, finding_name(code), trail,
				 other->reason);
	}
}

/* Says what was looked at: the others have it as their reasons. What may still be it comes first.
 */
static void prove_undetermined(const struct evidence *evidence, const struct diagnosis *diagnosis,
			       struct finding *finding)
{
	struct blocked blocked = blocked_find(evidence);
	char waits[RULE_LIST_SIZE];

	rule_prove(finding, SEVERITY_WARNING, CONFIDENCE_LOW, "%s; nothing proves why",
		   rule_what_waits(evidence, waits));
	rule_add_threads(&finding->proof, evidence, rule_foremost(evidence));
	add_reasons(finding, diagnosis, VERDICT_NOT_DECIDABLE, "", " cannot be told");
	add_reasons(finding, diagnosis, VERDICT_RULED_OUT, "looked at, not ", "");
	if (blocked_are_most(&blocked))
		blocked_advise(finding, &blocked);
	rule_add(&finding->now,
		 "list the connections (slowclose list %s %u) and look at the program's own log",
		 rule_port_option(evidence), evidence->port);
}

static void find_undetermined(const struct evidence *evidence, struct diagnosis *diagnosis)
{
	struct finding *finding = &diagnosis->findings[FINDING_UNDETERMINED];
	char waits[RULE_LIST_SIZE];

	if (diagnosis_has_findings(diagnosis))
		rule_out_silently(finding);
	else if (is_worth_telling(evidence))
		prove_undetermined(evidence, diagnosis, finding);
	else if (*rule_what_waits(evidence, waits))
		rule_out(finding, "that may only be slow: %s", waits);
	else
		rule_out(finding, "what waits is still sent to");
}

/* Returns whether there is any of these. */
static bool set_oldest(struct finding *finding, const struct evidence *evidence,
		       unsigned int causes)
{
	for (int cause = 0; cause < CAUSE_COUNT; cause++) {
		const struct evidence_waits *waits = &evidence->waits[cause];

		if (!(causes & BIT(cause)) || waits->oldest_ns <= finding->oldest_ns)
			continue;
		finding->oldest_ns = waits->oldest_ns;
		finding->at_least = waits->oldest_at_least;
	}
	return finding->oldest_ns;
}

void diagnose(const struct evidence *evidence, struct diagnosis *diagnosis)
{
	memset(diagnosis, 0, sizeof(*diagnosis));
	for (int code = 0; code < FINDINGS; code++) {
		struct finding *finding = &diagnosis->findings[code];

		finding->code = code;
		if (!set_oldest(finding, evidence, findings[code].of))
			set_oldest(finding, evidence, findings[code].else_of);
		if (!findings[code].rule)
			continue;
		if (evidence->interval_ns == UNKNOWN)
			rule_not_decidable(finding, "there is only one reading so far");
		else
			findings[code].rule(evidence, finding);
	}
	explain(diagnosis);
	if (evidence->interval_ns == UNKNOWN)
		rule_not_decidable(&diagnosis->findings[FINDING_UNDETERMINED],
				   "there is only one reading so far");
	else
		find_undetermined(evidence, diagnosis);
}

bool diagnosis_has_findings(const struct diagnosis *diagnosis)
{
	for (int code = 0; code < FINDINGS; code++) {
		if (diagnosis->findings[code].verdict == VERDICT_PROVEN)
			return true;
	}
	return false;
}

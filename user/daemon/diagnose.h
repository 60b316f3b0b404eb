/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the evidence proves: one table of findings, each a pure function of the evidence of one
 * service. docs/incident.md says what each of them means.
 */
#ifndef SLOWCLOSE_DIAGNOSE_H
#define SLOWCLOSE_DIAGNOSE_H

#include "evidence.h"

/* In the order in which they are told: what explains most first. */
enum finding_code {
	FINDING_FD_EXHAUSTED,
	FINDING_IO_STALL,
	FINDING_CPU_STARVED,
	FINDING_LOCK_STALL,
	FINDING_ACCEPT_STALLED,
	FINDING_BACKLOG_FULL,
	FINDING_ACCEPT_SLOW,
	FINDING_CLOSE_LEAK,
	FINDING_IMPATIENT_PEERS,
	FINDING_NOT_READING,
	FINDING_IDLE_POOL,
	FINDING_UNDETERMINED,
	FINDINGS,
};

enum verdict {
	VERDICT_RULED_OUT,
	VERDICT_NOT_DECIDABLE, /* what it takes to tell is not known */
	VERDICT_EXPLAINED, /* true, and no more than what another finding brings about */
	VERDICT_PROVEN,
};

enum confidence {
	CONFIDENCE_LOW,
	CONFIDENCE_MEDIUM,
	CONFIDENCE_HIGH,
};

enum severity {
	SEVERITY_INFO, /* usually harmless */
	SEVERITY_WARNING,
	SEVERITY_CRITICAL, /* the service does not answer, or not all of its clients */
};

#define FINDING_LINES 8
#define FINDING_LINE_SIZE 224

struct finding_lines {
	char text[FINDING_LINES][FINDING_LINE_SIZE];
	size_t count;
};

/* Sentences for people, without a full stop at the end. */
struct finding {
	enum finding_code code;
	enum verdict verdict;
	enum confidence confidence;
	enum severity severity;
	enum finding_code explained_by;
	int64_t oldest_ns; /* how long the oldest that it speaks of has waited; 0: nothing waits */
	bool at_least; /* that one is older than the daemon */
	char reason[FINDING_LINE_SIZE]; /* not proven: why; "": there is nothing to say */
	char headline[FINDING_LINE_SIZE]; /* what is wrong */
	struct finding_lines proof; /* the numbers */
	struct finding_lines now; /* what to do at once, */
	struct finding_lines for_good; /* and so that it does not come again */
};

struct diagnosis {
	struct finding findings[FINDINGS]; /* by code */
};

/* Works out all of them. */
void diagnose(const struct evidence *evidence, struct diagnosis *diagnosis);

/* What is proven and what this one, with that confidence, brings about becomes explained by it. */
void diagnosis_explain(struct diagnosis *diagnosis, enum finding_code code,
		       enum confidence confidence);

/* Whether any is proven. */
bool diagnosis_has_findings(const struct diagnosis *diagnosis);

/* The words of the output: "fd-exhausted", …. */
const char *finding_name(enum finding_code code);
const char *verdict_name(enum verdict verdict);
const char *confidence_name(enum confidence confidence);
const char *severity_name(enum severity severity);

#endif

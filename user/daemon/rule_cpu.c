// SPDX-License-Identifier: GPL-2.0
/* The rule about processes that do not get CPU. */
#include "rule_stall.h"

#include <stdio.h>

/*
 * To lose this share of a CPU to others, and more than what is left, is starving; and so that
 * something waits for it, one thread has to lose as much: forty of which each waits a moment serve
 * all the same.
 */
#define STARVED_CPUS 0.2
#define THROTTLED_SHARE 0.5
#define STOLEN_SHARE 0.3

static double delayed(const struct evidence_process *process)
{
	return process->delayed;
}

static double wants_cpu(const struct evidence_process *process)
{
	return process->groups[THREAD_RUNNING].count;
}

/*
 * At both readings. Whoever sleeps at one has nothing to do, or waits for something else, whatever
 * its timers had to wait for.
 */
static bool wanted_cpu(const struct evidence_process *process)
{
	return process->groups[THREAD_RUNNING].count && process->groups[THREAD_RUNNING].before;
}

static bool is_throttled(const struct evidence_process *process)
{
	return process->throttled >= THROTTLED_SHARE && process->withheld >= STARVED_CPUS &&
	       wants_cpu(process) > 0;
}

/* CPUs that others took from it, at most: beyond these its own threads waited for each other. */
static double taken(const struct evidence_process *process)
{
	return process->spare < process->delayed ? process->spare : process->delayed;
}

static double starved(const struct evidence_process *process)
{
	double cpus = taken(process);

	if (is_throttled(process))
		return 1 + process->throttled;
	return wanted_cpu(process) && cpus >= STARVED_CPUS && cpus > process->running &&
			       process->delayed_most >= STARVED_CPUS
		       ? cpus
		       : 0;
}

static void advise_cpu(struct finding *finding, const struct evidence_process *process)
{
	if (is_throttled(process)) {
		rule_add(&finding->now,
			 "raise the quota of %s (systemctl set-property UNIT "
			 "CPUQuota=, or the container's limit), or move out who "
			 "uses it up",
			 process->throttled_by);
		rule_add(&finding->for_good,
			 "size the quota for peaks, not for the mean: it is enforced every 100 ms");
		return;
	}
	rule_add(&finding->now, "find who uses the CPUs (top, systemd-cgtop) and move or limit it");
	rule_add(&finding->for_good,
		 "give the service CPUWeight= over batch work, or a larger node");
}

/* Whether anything was accepted, or got to its end, or the oldest gave way to another. */
static bool goes_on(const struct evidence *evidence)
{
	bool accepts = false;

	for (size_t i = 0; i < evidence->listener_count; i++)
		accepts |= evidence->listeners[i].accepts > 0;
	return accepts || evidence->until_fin.closed ||
	       !(rule_oldest_stays(evidence, CAUSE_NEVER_ACCEPTED) ||
		 rule_oldest_stays(evidence, CAUSE_NOT_READING));
}

/*
 * Whether a thread of it never rests, and nothing comes of it: one that turns in a loop wants more
 * CPU than there is, as does one that has too much to do.
 */
static bool may_loop(const struct evidence *evidence, const struct evidence_process *process)
{
	return process->groups[THREAD_RUNNING].awake && !goes_on(evidence);
}

static void add_loop(struct finding *finding, const struct evidence_process *process)
{
	const struct evidence_group *running = &process->groups[THREAD_RUNNING];

	rule_add(&finding->proof,
		 "thread %u (%.16s) of it has not slept since the last reading, and nothing has "
		 "come of it: it may turn in a loop, which more CPU does not end",
		 running->tid, running->comm);
	rule_add(&finding->now,
		 "see whether it works or turns in a loop: perf top -t %u, or the runtime's "
		 "profiler",
		 running->tid);
}

static const char *of_one_thread(const struct evidence_process *process, char buf[40])
{
	buf[0] = '\0';
	if (process->threads > 1)
		snprintf(buf, 40, " (one of its threads %.0f ms)", 1000 * process->delayed_most);
	return buf;
}

static void prove_cpu(const struct evidence *evidence, struct finding *finding,
		      const struct evidence_process *process)
{
	char name[64], waits[RULE_LIST_SIZE], share[16], node[16], stolen[16], thread[40];
	bool loop = may_loop(evidence, process);

	rule_prove(finding, SEVERITY_CRITICAL, loop ? CONFIDENCE_MEDIUM : CONFIDENCE_HIGH,
		   "%s does not get CPU%s: %s", rule_process(process, name),
		   is_throttled(process) ? ", its quota is used up" : "",
		   rule_what_waits(evidence, waits));
	if (process->throttled > 0)
		rule_add(&finding->proof,
			 "%s was throttled in %s of its periods, which took %.0f ms of CPU from it "
			 "each second",
			 process->throttled_by, rule_percent(process->throttled, share),
			 1000 * process->withheld);
	if (!isnan(process->delayed))
		rule_add(&finding->proof,
			 "%s waited for a CPU %.0f ms of each second%s, and ran %.0f ms", name,
			 1000 * process->delayed, of_one_thread(process, thread),
			 1000 * process->running);
	rule_add(&finding->proof, "pressure of the node: cpu %s; stolen by other machines: %s",
		 rule_percent(evidence->node.pressures.cpu.some, node),
		 rule_percent(evidence->node.stolen, stolen));
	if (loop)
		add_loop(finding, process);
	advise_cpu(finding, process);
}

static void prove_stolen(const struct evidence *evidence, struct finding *finding)
{
	char waits[RULE_LIST_SIZE], stolen[16];

	rule_prove(finding, SEVERITY_CRITICAL, CONFIDENCE_MEDIUM,
		   "this machine does not get CPU from its host: %s",
		   rule_what_waits(evidence, waits));
	rule_add(&finding->proof, "%s of the CPUs' time was stolen",
		 rule_percent(evidence->node.stolen, stolen));
	rule_add(&finding->now, "move this machine, or ask whoever runs the host");
}

void rule_cpu_starved(const struct evidence *evidence, struct finding *finding)
{
	const struct evidence_process *process = rule_worst(evidence, starved);
	bool unread = rule_piles_up(evidence, CAUSE_NEVER_ACCEPTED, 5) ||
		      rule_piles_up(evidence, CAUSE_NOT_READING, 3);

	if (stall_cannot_tell(evidence, finding))
		return;
	if (process && unread) {
		prove_cpu(evidence, finding, process);
		return;
	}
	if (evidence->node.stolen >= STOLEN_SHARE && unread && rule_worst(evidence, wants_cpu)) {
		prove_stolen(evidence, finding);
		return;
	}
	process = rule_worst(evidence, delayed);
	if (!process)
		process = rule_foremost(evidence);
	if (!process || isnan(process->delayed))
		rule_not_decidable(finding, "how long the threads waited for a CPU is not known");
	else if (taken(process) < process->delayed)
		rule_out(finding,
			 "its threads wait for each other: the service leaves %.1f of the %u "
			 "CPUs that it may use",
			 process->spare, process->cpus);
	else if (process->delayed >= STARVED_CPUS && !wanted_cpu(process))
		rule_out(finding,
			 "its threads waited for a CPU %.0f ms of each second, but none of them at "
			 "both readings",
			 1000 * process->delayed);
	else if (process->delayed >= STARVED_CPUS && process->delayed_most < STARVED_CPUS)
		rule_out(finding,
			 "its threads waited for a CPU %.0f ms of each second together, and none "
			 "of them more than %.0f ms",
			 1000 * process->delayed, 1000 * process->delayed_most);
	else
		rule_out(finding, "its threads waited for a CPU %.0f ms of each second%s",
			 1000 * process->delayed,
			 process->throttled == 0 ? ", and no quota throttled them" : "");
}

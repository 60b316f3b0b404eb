// SPDX-License-Identifier: GPL-2.0
/* The rules about processes that a disk, memory or the CPU keeps from going on. */
#include "rule_stall.h"

#include <stdio.h>
#include <string.h>

/*
 * To lose this share of a CPU to others, and more than what is left, is starving; and so that
 * something waits for it, one thread has to lose as much: forty of which each waits a moment serve
 * all the same.
 */
#define STARVED_CPUS 0.2
#define THROTTLED_SHARE 0.5
#define STOLEN_SHARE 0.3

/* Pressure and a busy disk say more than a thread that happens to be there at both readings. */
#define PRESSED_SHARE 0.3
#define BUSY_SHARE 0.9

static const enum thread_wait io_waits[] = {THREAD_DISK, THREAD_PAGE_CACHE, THREAD_RECLAIM};

#define IO_WAITS (sizeof(io_waits) / sizeof(io_waits[0]))

static bool threads_known(const struct evidence *evidence)
{
	bool known = false;

	for (size_t i = 0; i < evidence->process_count; i++)
		known |= evidence->processes[i].threads_known;
	return known;
}

bool stall_sleep_unknown(const struct evidence *evidence, struct finding *finding)
{
	for (size_t i = 0; i < evidence->process_count; i++) {
		if (!evidence->processes[i].groups[THREAD_UNKNOWN].count)
			continue;
		rule_not_decidable(finding,
				   "the kernel does not tell what its threads sleep in "
				   "(kernel.kptr_restrict, CAP_SYSLOG), or it is in a module that "
				   "was loaded just now");
		return true;
	}
	return false;
}

static double io_stuck(const struct evidence_process *process)
{
	double stuck = 0;

	for (size_t i = 0; i < IO_WAITS; i++)
		stuck += process->groups[io_waits[i]].stuck;
	return stuck;
}

static double io_lasting(const struct evidence_process *process)
{
	uint32_t count = 0, before = 0;

	for (size_t i = 0; i < IO_WAITS; i++) {
		count += process->groups[io_waits[i]].count;
		before += process->groups[io_waits[i]].before;
	}
	return before ? count : 0;
}

static bool is_pressed(const struct evidence *evidence, const struct evidence_process *process)
{
	const struct evidence_pressures *node = &evidence->node.pressures;

	return node->io.some >= PRESSED_SHARE || node->memory.some >= PRESSED_SHARE ||
	       process->pressures.io.some >= PRESSED_SHARE ||
	       process->pressures.memory.some >= PRESSED_SHARE ||
	       evidence->node.disk_busy >= BUSY_SHARE;
}

/* Where most of its threads of these waits are. */
static const struct evidence_group *io_group(const struct evidence_process *process,
					     enum thread_wait *wait)
{
	const struct evidence_group *most = NULL;

	for (size_t i = 0; i < IO_WAITS; i++) {
		const struct evidence_group *group = &process->groups[io_waits[i]];

		if (!most || group->stuck > most->stuck ||
		    (group->stuck == most->stuck && group->count > most->count)) {
			most = group;
			*wait = io_waits[i];
		}
	}
	return most;
}

static void add_io_numbers(struct finding_lines *lines, const struct evidence *evidence,
			   const struct evidence_process *process)
{
	const struct evidence_node *node = &evidence->node;
	char io[16], memory[16], own_io[16], own_memory[16], busy[16];

	rule_add(lines, "pressure of the node: io %s, memory %s; of its cgroup: io %s, memory %s",
		 rule_percent(node->pressures.io.some, io),
		 rule_percent(node->pressures.memory.some, memory),
		 rule_percent(process->pressures.io.some, own_io),
		 rule_percent(process->pressures.memory.some, own_memory));
	if (!node->disk[0])
		return;
	if (isnan(node->disk_ms))
		rule_add(lines,
			 "the busiest disk is %s: %s busy, no operation done, %llu under way",
			 node->disk, rule_percent(node->disk_busy, busy),
			 (unsigned long long)node->disk_in_flight);
	else
		rule_add(lines, "the busiest disk is %s: %s busy, %.1f ms an operation", node->disk,
			 rule_percent(node->disk_busy, busy), node->disk_ms);
}

uint32_t stall_alive(const struct evidence_process *process)
{
	return process->threads - process->groups[THREAD_EXITING].count;
}

/*
 * One of many threads that hangs may have nothing to do with what waits (it writes a log), unless
 * it keeps the others: then half of them hang too, or none is left that waits for something to do.
 */
static bool keeps_all(const struct evidence_process *process, uint32_t stuck)
{
	return 2 * stuck >= stall_alive(process) ||
	       (!process->threads_left_out && !process->groups[THREAD_POLL].count &&
		!process->groups[THREAD_ACCEPT].count && !process->groups[THREAD_SOCKET].count);
}

bool stall_of_pool(const struct evidence *evidence)
{
	return evidence->role == ROLE_CLIENT && !evidence->waits[CAUSE_NOT_READING].unread;
}

static bool may_hang(const struct evidence_process *process)
{
	uint32_t stuck = (uint32_t)io_stuck(process);

	return stall_none_awake(process) || (stuck && keeps_all(process, stuck));
}

/* Whoever hangs does not look at his pool either. */
static bool pool_may_hang(const struct evidence *evidence)
{
	return stall_of_pool(evidence) && rule_owner(evidence, may_hang) &&
	       (rule_piles_up(evidence, CAUSE_NOT_READING, 3) ||
		rule_piles_up(evidence, CAUSE_NOT_CLOSING, 3));
}

bool stall_cannot_tell(const struct evidence *evidence, struct finding *finding)
{
	if (!rule_is_stalled(evidence) && !pool_may_hang(evidence))
		rule_out_silently(finding); /* what waits would not be of it */
	else if (!threads_known(evidence))
		rule_not_decidable(finding, "what the threads do is not known");
	else
		return false;
	return true;
}

static void advise_disk(struct finding *finding, const struct evidence_process *process,
			const struct evidence_group *group)
{
	rule_add(&finding->now,
		 "see which file it is: ls -l /proc/%u/fd; stack: "
		 "/proc/%u/task/%u/stack",
		 process->pid, process->pid, group->tid);
	rule_add(&finding->now, "look at that disk, mount or network storage (dmesg, iostat -x 1): "
				"the service goes on when it does");
	rule_add(&finding->for_good,
		 "keep synchronous writes (logs, fsync) out of the threads that "
		 "answer; give them a time limit or a queue");
}

/* Reclaim and swap are of a limit that is reached, or of a node that has no more. */
static void advise_memory(struct finding *finding, const struct evidence_process *process)
{
	rule_add(&finding->now,
		 "see whether its cgroup is at its limit (/proc/%u/cgroup, then memory.current, "
		 "memory.high and memory.max there) and raise that: systemctl set-property UNIT "
		 "MemoryHigh= MemoryMax=, or the container's limit",
		 process->pid);
	rule_add(&finding->now,
		 "else the node is short of memory: see who has it, and what is swapped in and out "
		 "(free -m, vmstat 1, systemd-cgtop -m)");
	rule_add(&finding->for_good, "find what grows (a leak, a cache without a bound), or size "
				     "memory and limit for peaks");
}

static void prove_io(const struct evidence *evidence, struct finding *finding,
		     const struct evidence_process *process)
{
	char name[64], waits[RULE_LIST_SIZE], some[64] = "";
	enum thread_wait wait = THREAD_DISK;
	const struct evidence_group *group = io_group(process, &wait);
	uint32_t stuck = (uint32_t)io_stuck(process);
	bool sure = stuck && keeps_all(process, stuck);

	rule_process(process, name);
	if (!sure)
		snprintf(some, sizeof(some), "%u of %u threads of ", group->count,
			 process->threads);
	rule_prove(finding, SEVERITY_CRITICAL, sure ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM,
		   "%s%s hang%s %s: %s", some, name, sure || group->count == 1 ? "s" : "",
		   thread_wait_text(wait), rule_what_waits(evidence, waits));
	rule_add(&finding->proof, "%u of %u threads of %s are there%s%s%s", group->count,
		 process->threads, name, group->where[0] ? ", in the kernel's " : "", group->where,
		 group->where[0] ? "()" : "");
	if (stuck)
		rule_add(&finding->proof,
			 "%u of them did not run at all since the last reading "
			 "(thread %u, %.16s)",
			 group->stuck, group->tid, group->comm);
	add_io_numbers(&finding->proof, evidence, process);
	if (wait == THREAD_RECLAIM)
		advise_memory(finding, process);
	else
		advise_disk(finding, process, group);
}

/*
 * One that was left what is not closed may work on it: all of it was read, with its end, whoever
 * has it. Sets the verdict.
 */
static bool heir_hangs(const struct evidence *evidence, struct finding *finding)
{
	char name[64];

	for (size_t i = 0; evidence->leak.left_to_others && i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (rule_has_part(process) || !(io_stuck(process) > 0))
			continue;
		rule_not_decidable(
			finding,
			"%s hangs in a disk, a file system or for memory: whether it "
			"works on what was left to it, or only inherited it, is not known",
			rule_process(process, name));
		return true;
	}
	return false;
}

void rule_io_stall(const struct evidence *evidence, struct finding *finding)
{
	const struct evidence_process *process = rule_worst(evidence, io_stuck);
	char io[16];

	if (stall_cannot_tell(evidence, finding))
		return;
	if (process) {
		prove_io(evidence, finding, process);
		return;
	}
	process = rule_worst(evidence, io_lasting);
	if (process && is_pressed(evidence, process)) {
		prove_io(evidence, finding, process);
		return;
	}
	if (stall_sleep_unknown(evidence, finding) || rule_left_out(evidence, finding) ||
	    heir_hangs(evidence, finding))
		return;
	rule_out(finding,
		 "no thread hangs in a disk, a file system or for memory (io pressure of "
		 "the node: %s)",
		 rule_percent(evidence->node.pressures.io.some, io));
}

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

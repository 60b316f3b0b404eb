// SPDX-License-Identifier: GPL-2.0
/* The rule about processes that a disk or memory keeps from going on. */
#include "rule_stall.h"

#include <stdio.h>
#include <string.h>

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

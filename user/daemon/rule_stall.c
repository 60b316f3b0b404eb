// SPDX-License-Identifier: GPL-2.0
/* The rules about processes that cannot go on: they explain what waits for them. */
#include "rule.h"

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

/* Threads that sleep nobody knows where can be anywhere. Sets the verdict. */
static bool sleep_unknown(const struct evidence *evidence, struct finding *finding)
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

static uint32_t alive(const struct evidence_process *process)
{
	return process->threads - process->groups[THREAD_EXITING].count;
}

/*
 * One of many threads that hangs may have nothing to do with what waits (it writes a log), unless
 * it keeps the others: then half of them hang too, or none is left that waits for something to do.
 */
static bool keeps_all(const struct evidence_process *process, uint32_t stuck)
{
	return 2 * stuck >= alive(process) ||
	       (!process->threads_left_out && !process->groups[THREAD_POLL].count &&
		!process->groups[THREAD_ACCEPT].count && !process->groups[THREAD_SOCKET].count);
}

/* In futex until they are woken: for a lock, or for something to do. */
static uint32_t asleep(const struct evidence_process *process)
{
	return process->groups[THREAD_LOCK].count + process->groups[THREAD_MUTEX].count;
}

static uint32_t asleep_stuck(const struct evidence_process *process)
{
	return process->groups[THREAD_LOCK].stuck + process->groups[THREAD_MUTEX].stuck;
}

/* A main thread beside others may only wait for them to end, as musl's pthread_join() does. */
static bool waits_for_mutex(const struct evidence_process *process)
{
	const struct evidence_group *mutex = &process->groups[THREAD_MUTEX];

	return mutex->stuck > 1 ||
	       (mutex->stuck && (mutex->tid != process->pid || alive(process) == 1));
}

/*
 * None has left its futex, but for those that sleep for a time: nobody is left that could take
 * anything. One that waits in epoll may be the runtime's own (Go has such a thread).
 */
static bool none_awake(const struct evidence_process *process)
{
	const struct evidence_group *groups = process->groups;

	return process->threads_known && !process->threads_left_out && asleep_stuck(process) &&
	       asleep(process) + groups[THREAD_TIMED_LOCK].count + groups[THREAD_SLEEP].count ==
		       alive(process);
}

static const struct evidence_process *find_owner(const struct evidence *evidence,
						 rule_process_is *is)
{
	for (size_t i = 0; i < evidence->process_count; i++) {
		if (evidence->processes[i].owns && is(&evidence->processes[i]))
			return &evidence->processes[i];
	}
	return NULL;
}

/* Whether it is a client's that nobody looks at: as long as that lasts, it lets nobody wait. */
static bool is_pool(const struct evidence *evidence)
{
	return evidence->role == ROLE_CLIENT && !evidence->waits[CAUSE_NOT_READING].unread;
}

static bool may_hang(const struct evidence_process *process)
{
	uint32_t stuck = (uint32_t)io_stuck(process);

	return none_awake(process) || (stuck && keeps_all(process, stuck));
}

/* Whoever hangs does not look at his pool either. */
static bool pool_may_hang(const struct evidence *evidence)
{
	return is_pool(evidence) && find_owner(evidence, may_hang) &&
	       (rule_piles_up(evidence, CAUSE_NOT_READING, 3) ||
		rule_piles_up(evidence, CAUSE_NOT_CLOSING, 3));
}

/* Sets the verdict where there is nothing to explain, or nothing to explain it with. */
static bool cannot_tell(const struct evidence *evidence, struct finding *finding)
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

	if (cannot_tell(evidence, finding))
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
	if (sleep_unknown(evidence, finding) || rule_left_out(evidence, finding) ||
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

	rule_prove(finding, SEVERITY_CRITICAL, CONFIDENCE_HIGH, "%s does not get CPU%s: %s",
		   rule_process(process, name),
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

	if (cannot_tell(evidence, finding))
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

/* Its main thread has slept all the time: no timer's, but maybe at work on what waits. */
static bool main_sleeps(const struct evidence_process *process)
{
	const struct evidence_group *sleep = &process->groups[THREAD_SLEEP];

	/* Not until a signal comes: pause(), sigwait(). */
	return sleep->stuck && sleep->tid == process->pid && strstr(sleep->where, "sleep");
}

/*
 * Some may be at work, and only sleep: the others then have nothing to do. (A sleep of Java and of
 * others is a futex with a timeout. What has run since is a timer.)
 */
static bool may_sleep_at_work(const struct evidence_process *process)
{
	return process->groups[THREAD_TIMED_LOCK].stuck || main_sleeps(process);
}

static bool all_locked(const struct evidence_process *process)
{
	return none_awake(process) && !may_sleep_at_work(process);
}

/* Some are free, and of the others none has run since: what these were given stays. */
static bool sleep_behind(const struct evidence_process *process, uint32_t free)
{
	const struct evidence_group *groups = process->groups;

	return process->threads_known && !process->threads_left_out && free && asleep(process) &&
	       asleep_stuck(process) == asleep(process) && !may_sleep_at_work(process) &&
	       asleep(process) + free + groups[THREAD_TIMED_LOCK].count +
			       groups[THREAD_SLEEP].count ==
		       alive(process);
}

static bool is_main_alone(const struct evidence_process *process, enum thread_wait one,
			  enum thread_wait other)
{
	const struct evidence_group *groups = process->groups;

	return groups[one].count + groups[other].count == 1 &&
	       groups[groups[one].count ? one : other].tid == process->pid;
}

/* Behind a thread that accepts. A main thread that sleeps alone waits for that one to end. */
static bool workers_sleep(const struct evidence_process *process)
{
	return sleep_behind(process, process->groups[THREAD_ACCEPT].count) &&
	       !is_main_alone(process, THREAD_LOCK, THREAD_MUTEX);
}

/*
 * Behind the main thread. Where workers take turns to accept, all but one of them wait for a mutex
 * too, and that one accepts or polls.
 */
static bool workers_locked(const struct evidence_process *process)
{
	return waits_for_mutex(process) && sleep_behind(process, 1) &&
	       is_main_alone(process, THREAD_ACCEPT, THREAD_POLL);
}

const struct evidence_process *rule_sleeping_workers(const struct evidence *evidence)
{
	return find_owner(evidence, workers_sleep);
}

/*
 * Whether nobody accepts, as far as all who hold the listener are known. One that it was left to
 * may have nothing to do with it.
 */
static bool all_listeners_locked(const struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->listener_count; i++) {
		if (rule_is_left_behind(&evidence->listeners[i]))
			return false;
	}
	for (size_t i = 0; i < evidence->process_count; i++) {
		if (evidence->processes[i].listens && !all_locked(&evidence->processes[i]))
			return false;
	}
	return !evidence->processes_left_out;
}

static bool accepted_last(const struct evidence *evidence, const struct evidence_process *process)
{
	for (size_t i = 0; process->accepts && i < evidence->listener_count; i++) {
		if (evidence->listeners[i].holder == process->pid)
			return true;
	}
	return false;
}

/*
 * One that hangs lets wait what it owns. What nobody has accepted is let wait by who accepts: a
 * child that has inherited the listener, or a connection, and has nothing to do, sleeps in futex
 * too.
 */
static const struct evidence_process *find_locked(const struct evidence *evidence, bool *all)
{
	*all = true;
	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		/* One that has a pool may have nothing to do. */
		if (all_locked(process) && (!is_pool(evidence) || waits_for_mutex(process)) &&
		    ((process->owns && !process->inherits) || accepted_last(evidence, process) ||
		     (process->listens && rule_lets_wait(evidence, process) &&
		      all_listeners_locked(evidence))))
			return process;
	}
	*all = false;
	return find_owner(evidence, workers_locked);
}

/* Another that is stopped may hold what it waits for: a lock that processes share. */
static const struct evidence_process *held_up_beside(const struct evidence *evidence,
						     const struct evidence_process *locked)
{
	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (process != locked && rule_has_part(process) && rule_is_process_held_up(process))
			return process;
	}
	return NULL;
}

static void prove_lock(const struct evidence *evidence, struct finding *finding,
		       const struct evidence_process *process, bool all)
{
	const struct evidence_group *mutex = &process->groups[THREAD_MUTEX];
	const struct evidence_group *lock = mutex->stuck ? mutex : &process->groups[THREAD_LOCK];
	char name[64], waits[RULE_LIST_SIZE], threads[RULE_LIST_SIZE];

	rule_prove(finding, SEVERITY_CRITICAL, all ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM,
		   "%s hangs in a lock: %s: %s", rule_process(process, name),
		   all ? "all its threads sleep in futex" : "its workers wait for a mutex",
		   rule_what_waits(evidence, waits));
	rule_add(&finding->proof, "%s: %s", name, rule_threads(process, threads));
	rule_add(&finding->proof,
		 "%u of them did not run at all since the last reading (thread "
		 "%u, %.16s)",
		 lock->stuck, lock->tid, lock->comm);
	rule_add(&finding->now,
		 "keep the evidence, then restart it: gdb -p %u -batch -ex 'thread "
		 "apply all bt' shows who holds the lock",
		 process->pid);
	rule_add(&finding->for_good, "find the two threads that wait for each other's lock, or the "
				     "wake-up that was lost, in those stacks");
}

void rule_lock_stall(const struct evidence *evidence, struct finding *finding)
{
	const struct evidence_process *process, *other;
	char threads[RULE_LIST_SIZE], name[64], other_name[64];
	bool all;

	if (cannot_tell(evidence, finding))
		return;
	process = find_locked(evidence, &all);
	other = process ? held_up_beside(evidence, process) : NULL;
	if (other) {
		rule_not_decidable(finding,
				   "%s sleeps in futex, and may wait for %s, which is held up",
				   rule_process(process, name), rule_process(other, other_name));
		return;
	}
	if (process) {
		prove_lock(evidence, finding, process, all);
		return;
	}
	if (sleep_unknown(evidence, finding) || rule_left_out(evidence, finding))
		return;
	if (rule_piles_up(evidence, CAUSE_NOT_CLOSING, 3) &&
	    (process = rule_sleeping_workers(evidence)) != NULL) {
		rule_not_decidable(finding,
				   "whether its workers hang in a lock or have nothing to do: "
				   "%s",
				   rule_threads(process, threads));
		return;
	}
	process = rule_foremost(evidence);
	if (process && none_awake(process)) {
		rule_not_decidable(finding,
				   "whether it hangs in a lock, or only sleeps or has nothing to "
				   "do: %s",
				   rule_threads(process, threads));
		return;
	}
	/* As a pool of workers does that has nothing to do. */
	if (process && asleep_stuck(process) && rule_piles_up(evidence, CAUSE_NOT_READING, 3)) {
		rule_not_decidable(finding,
				   "whether those of its threads that sleep in futex hang, or have "
				   "nothing to do: %s",
				   rule_threads(process, threads));
		return;
	}
	rule_out(finding, "not all threads sleep in futex: %s",
		 process ? rule_threads(process, threads) : "none of its processes is known");
}

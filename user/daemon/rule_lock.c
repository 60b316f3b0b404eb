// SPDX-License-Identifier: GPL-2.0
/* The rule about processes that hang in a lock. */
#include "rule_stall.h"

#include <stdio.h>
#include <string.h>

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
	       (mutex->stuck && (mutex->tid != process->pid || stall_alive(process) == 1));
}

bool stall_none_awake(const struct evidence_process *process)
{
	const struct evidence_group *groups = process->groups;

	return process->threads_known && !process->threads_left_out && asleep_stuck(process) &&
	       asleep(process) + groups[THREAD_TIMED_LOCK].count + groups[THREAD_SLEEP].count ==
		       stall_alive(process);
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
	return stall_none_awake(process) && !may_sleep_at_work(process);
}

/* Some are free, and of the others none has run since: what these were given stays. */
static bool sleep_behind(const struct evidence_process *process, uint32_t free)
{
	const struct evidence_group *groups = process->groups;

	return process->threads_known && !process->threads_left_out && free && asleep(process) &&
	       asleep_stuck(process) == asleep(process) && !may_sleep_at_work(process) &&
	       asleep(process) + free + groups[THREAD_TIMED_LOCK].count +
			       groups[THREAD_SLEEP].count ==
		       stall_alive(process);
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
	return rule_owner(evidence, workers_sleep);
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

/* Those that hang, of which each has its own part in what waits. */
struct locked {
	const struct evidence_process *processes[EVIDENCE_PROCESSES_MAX];
	size_t count;
	bool all; /* their threads; else their workers */
};

/*
 * One that hangs lets wait what it owns. What nobody has accepted is let wait by who accepts: a
 * child that has inherited the listener, or a connection, and has nothing to do, sleeps in futex
 * too.
 */
static bool hangs(const struct evidence *evidence, const struct evidence_process *process)
{
	/* One that has a pool may have nothing to do. */
	return all_locked(process) && (!stall_of_pool(evidence) || waits_for_mutex(process)) &&
	       ((process->owns && !process->inherits) || accepted_last(evidence, process) ||
		(process->listens && rule_lets_wait(evidence, process) &&
		 all_listeners_locked(evidence)));
}

static struct locked find_locked(const struct evidence *evidence)
{
	struct locked locked = {.all = true};

	for (size_t i = 0; i < evidence->process_count; i++) {
		if (hangs(evidence, &evidence->processes[i]))
			locked.processes[locked.count++] = &evidence->processes[i];
	}
	if (locked.count)
		return locked;
	locked.all = false;
	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (process->owns && workers_locked(process))
			locked.processes[locked.count++] = process;
	}
	return locked;
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

static const struct evidence_group *lock_of(const struct evidence_process *process)
{
	const struct evidence_group *mutex = &process->groups[THREAD_MUTEX];

	return mutex->stuck ? mutex : &process->groups[THREAD_LOCK];
}

static void add_locked(struct finding_lines *lines, const struct locked *locked)
{
	const struct evidence_group *first = lock_of(locked->processes[0]);
	char name[64], threads[RULE_LIST_SIZE];
	uint32_t stuck = 0;

	for (size_t i = 0; i < locked->count; i++) {
		if (i < 3)
			rule_add(lines, "%s: %s", rule_process(locked->processes[i], name),
				 rule_threads(locked->processes[i], threads));
		stuck += lock_of(locked->processes[i])->stuck;
	}
	rule_add(lines, "%u of them did not run at all since the last reading (thread %u, %.16s)",
		 stuck, first->tid, first->comm);
}

static void advise_lock(struct finding *finding, const struct locked *locked)
{
	char pids[RULE_PIDS_SIZE] = "";
	size_t used = 0;

	for (size_t i = 0; i < locked->count; i++)
		used += (size_t)snprintf(pids + used, sizeof(pids) - used, " %u",
					 locked->processes[i]->pid);
	if (locked->count > 1)
		rule_add(&finding->now,
			 "keep the evidence, then restart: for p in%s; do gdb -p $p -batch -ex "
			 "'thread apply all bt'; done",
			 pids);
	else
		rule_add(&finding->now,
			 "keep the evidence, then restart it: gdb -p%s -batch -ex 'thread apply "
			 "all bt' shows who holds the lock",
			 pids);
	rule_add(&finding->for_good, "find the two threads that wait for each other's lock, or the "
				     "wake-up that was lost, in those stacks");
}

static void prove_lock(const struct evidence *evidence, struct finding *finding,
		       const struct locked *locked)
{
	bool many = locked->count > 1;
	char name[64], waits[RULE_LIST_SIZE];

	if (many)
		snprintf(name, sizeof(name), "%zu processes", locked->count);
	else
		rule_process(locked->processes[0], name);
	rule_prove(finding, SEVERITY_CRITICAL, locked->all ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM,
		   "%s hang%s in a lock: %s %s: %s", name, many ? "" : "s",
		   locked->all ? (many ? "all their threads" : "all its threads")
			       : (many ? "their workers" : "its workers"),
		   locked->all ? "sleep in futex" : "wait for a mutex",
		   rule_what_waits(evidence, waits));
	add_locked(&finding->proof, locked);
	advise_lock(finding, locked);
}

/* Some hang, or have nothing to do. Sets the verdict where that is so. */
static bool say_what_is_not_decidable(const struct evidence *evidence, struct finding *finding,
				      const struct evidence_process *foremost)
{
	const struct evidence_process *process = rule_sleeping_workers(evidence);
	const char *whether;
	char threads[RULE_LIST_SIZE];

	if (process && rule_piles_up(evidence, CAUSE_NOT_CLOSING, 3)) {
		whether = "whether its workers hang in a lock or have nothing to do";
	} else if (!foremost) {
		return false;
	} else if (stall_none_awake(foremost)) {
		process = foremost;
		whether = "whether it hangs in a lock, or only sleeps or has nothing to do";
	} else if (asleep_stuck(foremost) && rule_piles_up(evidence, CAUSE_NOT_READING, 3)) {
		/* As a pool of workers does that has nothing to do. */
		process = foremost;
		whether = "whether those of its threads that sleep in futex hang, or have nothing "
			  "to do";
	} else {
		return false;
	}
	rule_not_decidable(finding, "%s: %s", whether, rule_threads(process, threads));
	return true;
}

void rule_lock_stall(const struct evidence *evidence, struct finding *finding)
{
	const struct evidence_process *other, *foremost = rule_foremost(evidence);
	char threads[RULE_LIST_SIZE], name[64], other_name[64];
	struct locked locked;

	if (stall_cannot_tell(evidence, finding))
		return;
	locked = find_locked(evidence);
	other = locked.count ? held_up_beside(evidence, locked.processes[0]) : NULL;
	if (other)
		rule_not_decidable(
			finding, "%s sleeps in futex, and may wait for %s, which is held up",
			rule_process(locked.processes[0], name), rule_process(other, other_name));
	else if (locked.count)
		prove_lock(evidence, finding, &locked);
	else if (!stall_sleep_unknown(evidence, finding) && !rule_left_out(evidence, finding) &&
		 !say_what_is_not_decidable(evidence, finding, foremost))
		rule_out(finding, "not all threads sleep in futex: %s",
			 foremost ? rule_threads(foremost, threads)
				  : "none of its processes is known");
}

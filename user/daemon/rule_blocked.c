// SPDX-License-Identifier: GPL-2.0
#include "rule_blocked.h"

#include <stdio.h>
#include <string.h>

/*
 * In what a thread can be kept while it is at work; THREAD_WAITS: it is at none, or has findings of
 * its own. A worker that has nothing to do is in futex, too, or waits for a client's next request.
 */
static enum thread_wait kind_of(enum thread_wait wait)
{
	switch (wait) {
	case THREAD_LOCK:
	case THREAD_MUTEX:
	case THREAD_TIMED_LOCK:
		return THREAD_LOCK;
	case THREAD_PIPE:
	case THREAD_SOCKET:
	case THREAD_SLEEP:
	case THREAD_CHILD:
		return wait;
	default:
		return THREAD_WAITS;
	}
}

static uint32_t count_kind(const struct evidence_process *process, enum thread_wait kind)
{
	uint32_t count = 0;

	for (int wait = 0; wait < THREAD_WAITS; wait++)
		count += kind_of(wait) == kind ? process->groups[wait].count : 0;
	return count;
}

static uint32_t count_all(const struct evidence *evidence, enum thread_wait kind)
{
	uint32_t count = 0;

	for (size_t i = 0; i < evidence->process_count; i++) {
		if (evidence->processes[i].owns)
			count += count_kind(&evidence->processes[i], kind);
	}
	return count;
}

static const struct evidence_process *most_of(const struct evidence *evidence,
					      enum thread_wait kind)
{
	const struct evidence_process *most = NULL;

	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (process->owns && (!most || count_kind(process, kind) > count_kind(most, kind)))
			most = process;
	}
	return most;
}

struct blocked blocked_find(const struct evidence *evidence)
{
	struct blocked blocked = {.wait = THREAD_WAITS, .where = ""};

	for (int wait = 0; wait < THREAD_WAITS; wait++) {
		uint32_t count =
			kind_of(wait) == (enum thread_wait)wait ? count_all(evidence, wait) : 0;

		blocked.all += count;
		if (count <= blocked.count)
			continue;
		blocked.wait = wait;
		blocked.count = count;
	}
	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (!process->owns)
			continue;
		blocked.threads += process->threads;
		blocked.left_out |= process->threads_left_out > 0;
		if (blocked.count)
			blocked.stuck += process->groups[blocked.wait].stuck;
	}
	if (blocked.count) {
		blocked.pid = most_of(evidence, blocked.wait)->pid;
		blocked.where = most_of(evidence, blocked.wait)->groups[blocked.wait].where;
	}
	return blocked;
}

static bool writes_to_pipe(const struct blocked *blocked)
{
	return blocked->wait == THREAD_PIPE && strstr(blocked->where, "pipe_write");
}

bool blocked_are_most(const struct blocked *blocked)
{
	return blocked->count && 2 * blocked->all >= blocked->threads;
}

bool blocked_by_reader(const struct blocked *blocked)
{
	return writes_to_pipe(blocked) && 2 * blocked->stuck >= blocked->threads;
}

/* "225 of 226 threads" */
static const char *threads_of(const struct blocked *blocked, char buf[48])
{
	snprintf(buf, 48, "%u of %u thread%s", blocked->count, blocked->threads,
		 blocked->threads == 1 ? "" : "s");
	return buf;
}

static void advise_pipe(struct finding *finding, const struct blocked *blocked)
{
	bool writes = writes_to_pipe(blocked);
	char threads[48];

	rule_add(&finding->now, "a pipe keeps %s: see why %s at its other end%s: lsof +E -p %u",
		 threads_of(blocked, threads), writes ? "nobody reads" : "nothing comes",
		 writes ? " (of standard output: whatever takes the log)" : "", blocked->pid);
	rule_add(&finding->for_good,
		 writes ? "keep the log out of the threads that answer: let it drop lines rather "
			  "than wait"
			: "a time limit for what comes through pipes");
}

void blocked_advise(struct finding *finding, const struct blocked *blocked)
{
	char threads[48];

	switch (blocked->wait) {
	case THREAD_PIPE:
		advise_pipe(finding, blocked);
		break;
	case THREAD_SOCKET:
		rule_add(&finding->now,
			 "a socket keeps %s: see which (ss -tnp | grep pid=%u,): an "
			 "upstream or a database that does not answer, or clients without a "
			 "request",
			 threads_of(blocked, threads), blocked->pid);
		rule_add(&finding->for_good, "a time limit for what is asked of others");
		break;
	case THREAD_CHILD:
		rule_add(&finding->now, "a child process keeps %s: see what it does: ps --ppid %u",
			 threads_of(blocked, threads), blocked->pid);
		rule_add(&finding->for_good, "a time limit for what children do");
		break;
	case THREAD_LOCK:
		rule_add(&finding->now,
			 "%s in futex: see whether it is a lock they hang in, or "
			 "nothing to do: gdb -p %u -batch -ex 'thread apply all bt'",
			 threads_of(blocked, threads), blocked->pid);
		break;
	default:
		rule_add(&finding->now,
			 "%s asleep for a time: see what for: gdb -p %u, or its own "
			 "dump of threads",
			 threads_of(blocked, threads), blocked->pid);
	}
}

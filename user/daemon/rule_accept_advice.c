// SPDX-License-Identifier: GPL-2.0
/* What to do where nobody calls accept(): it depends on what the process does instead. */
#include "rule_accept.h"

#include <stdio.h>

/*
 * Whether its main thread is kept in something else than events or accept(). What can be told of it
 * is told: other threads may be those that accept.
 */
static bool main_is_kept(const struct evidence_process *process)
{
	if (!process || !process->main.known || !process->main.stuck)
		return false;
	switch (process->main.wait) {
	case THREAD_PIPE:
	case THREAD_SOCKET:
	case THREAD_CHILD:
	case THREAD_LOCK:
	case THREAD_MUTEX:
	case THREAD_TIMED_LOCK:
	case THREAD_SLEEP:
		return true;
	default:
		return false;
	}
}

bool accept_waits_for_events(const struct evidence_process *process)
{
	return process && process->pid > 1 && process->groups[THREAD_POLL].count;
}

bool accept_is_busy(const struct evidence_process *process)
{
	return process && process->groups[THREAD_RUNNING].awake;
}

/* How many processes have accepted; 0 where one of them waits for something to do. */
static size_t workers_taken(const struct evidence *evidence)
{
	size_t taken = 0;

	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (process->accepts && rule_is_free(process))
			return 0;
		taken += process->accepts;
	}
	return taken;
}

static void advise_busy(struct finding *finding, const struct evidence_group *running)
{
	rule_add(&finding->now,
		 "thread %u (%.16s) of it runs all the time, and does not accept: see what it does "
		 "(perf top -t %u, or the runtime's profiler)",
		 running->tid, running->comm, running->tid);
	rule_add(&finding->for_good, "keep long work out of the thread that accepts");
}

/* How to see what its main thread waits for. */
static const char *look_at(const struct evidence_process *process, char buf[64])
{
	const char *what = "gdb -p ", *more = ", or the runtime's own dump";

	switch (process->main.wait) {
	case THREAD_PIPE:
		what = "the other end: lsof +E -p ";
		more = "";
		break;
	case THREAD_SOCKET:
		what = "the other end: ss -tnp | grep pid=";
		more = ",";
		break;
	case THREAD_CHILD:
		what = "that process: ps --ppid ";
		more = "";
		break;
	default:
		break;
	}
	snprintf(buf, 64, "%s%u%s", what, process->pid, more);
	return buf;
}

/* Where threads wait for events beside it, these may be who accepts. */
static void advise_main(struct finding *finding, const struct evidence_process *process)
{
	enum thread_wait wait = process->main.wait;
	bool alone = process->threads == 1;
	char look[64];

	rule_add(&finding->now,
		 "its %s thread is %s, and has not run since the last reading: %s%s. See %s",
		 alone ? "only" : "main", thread_wait_text(wait),
		 alone ? "" : "if that one accepts, ",
		 wait == THREAD_CHILD ? "a limit of children may be reached" : "it hangs there",
		 look_at(process, look));
	/* Nobody joins threads in a pipe. */
	if (accept_waits_for_events(process) && wait != THREAD_PIPE && wait != THREAD_SOCKET)
		rule_add(&finding->now,
			 "if another accepts, which waits for events: see whether a limit of its "
			 "own is reached (connections, workers)");
	rule_add(&finding->for_good,
		 "keep what waits for others (files, children, locks) out of the thread that "
		 "accepts, or give it a time limit");
}

static void advise_look(struct finding *finding, const struct evidence_listener *listener,
			const struct evidence_process *process)
{
	if (!listener->holder)
		rule_add(&finding->now, "find who holds it: ss -ltnp 'sport = :%u'",
			 listener->port);
	else if (listener->holder == 1) /* systemd, for a service that has not taken it */
		rule_add(&finding->now,
			 "see why the service behind this socket does not start: systemctl "
			 "list-sockets, then systemctl status");
	else
		rule_add(&finding->now,
			 "look at what its threads do (gdb -p %u, or the runtime's own dump): if "
			 "they hang, restart it; if they are at work, it has too few of them, or "
			 "each takes too long",
			 process ? process->pid : listener->holder);
	rule_add(&finding->for_good,
		 "accept in a thread of its own that does nothing else, so that "
		 "work cannot keep it");
}

void accept_advise_stalled(const struct evidence *evidence, struct finding *finding,
			   const struct evidence_listener *listener,
			   const struct evidence_process *process, bool any)
{
	size_t workers = workers_taken(evidence);

	if (rule_advise_held_up(evidence, finding))
		return;
	if (rule_is_left_behind(listener)) {
		rule_add(&finding->now,
			 "see whether it has only inherited it, from one that has ended: then end "
			 "it too; else why it does not accept");
		rule_add(&finding->for_good, "keep it from children: open it with SOCK_CLOEXEC, or "
					     "close it in them");
		return;
	}
	if (workers > 1) {
		rule_add(&finding->now,
			 "%s%zu processes accept here, and all of them are at work: see what they "
			 "wait for, or allow more of them",
			 evidence->processes_left_out ? "at least " : "", workers);
		rule_add(&finding->for_good,
			 "a time limit for what they wait for; as many as there are requests at "
			 "peak");
		return;
	}
	if (accept_is_busy(process)) {
		advise_busy(finding, &process->groups[THREAD_RUNNING]);
		return;
	}
	if (main_is_kept(process)) {
		advise_main(finding, process);
		return;
	}
	if (accept_waits_for_events(process)) {
		rule_add(&finding->now,
			 "%s not for this listener: see whether a limit of its own is reached "
			 "(connections, workers, children), and what those that it has wait for",
			 any ? "all that hold it wait for events, and one of them"
			     : "it waits for events, and");
		rule_add(&finding->for_good,
			 "a higher limit, or a time limit for what they wait for");
		return;
	}
	advise_look(finding, listener, process);
}

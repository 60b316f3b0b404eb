// SPDX-License-Identifier: GPL-2.0
/* The rules about accept() that is not called, or too seldom. */
#include "rule_accept.h"

#include <stdio.h>

#include "duration.h"

/* Up to this, a pause between two accept() may be the work that one thread does in between. */
#define PAUSE_MAX_NS (10 * NSEC_PER_SEC)

bool accept_has_queue(const struct evidence *evidence, struct finding *finding)
{
	if (!evidence->waits[CAUSE_NEVER_ACCEPTED].count)
		rule_out(finding, "no connection waits to be accepted");
	else if (!rule_fullest(evidence))
		rule_not_decidable(finding, "the listener in whose queue they are is not known");
	else
		return true;
	return false;
}

static double errors_rate(const struct evidence_listener *listener)
{
	double rate = 0;

	for (size_t i = 0; i < listener->error_count; i++)
		rate += listener->errors[i].rate > 0 ? listener->errors[i].rate : 0;
	return rate;
}

/*
 * Where one process has several listeners of a port, its accept() is of whichever. Where there was
 * none between two readings, nothing tells of which the last one was.
 */
static bool is_left_over(const struct evidence *evidence, const struct evidence_listener *listener)
{
	if (!(listener->accepts > 0))
		return false;
	for (size_t i = 0; i < evidence->listener_count; i++) {
		const struct evidence_listener *other = &evidence->listeners[i];

		if (other != listener && other->holder == listener->holder &&
		    other->queued < listener->queued)
			return listener->queued_before &&
			       listener->queued >= listener->queued_before;
	}
	return false;
}

/*
 * The queue is first in, first out. One that went on in its lifetime, and not long ago, is worked
 * off too slowly: the next accept() is only late.
 */
static bool is_paused(const struct evidence *evidence, const struct evidence_listener *listener)
{
	int64_t oldest_ns = evidence->waits[CAUSE_NEVER_ACCEPTED].oldest_ns;

	return listener->last_accept_ns != UNKNOWN && listener->last_accept_ns < PAUSE_MAX_NS &&
	       listener->last_accept_ns < oldest_ns / 2;
}

static const struct evidence_listener *find_stalled(const struct evidence *evidence)
{
	const struct evidence_listener *found = NULL;

	for (size_t i = 0; i < evidence->listener_count; i++) {
		const struct evidence_listener *listener = &evidence->listeners[i];
		bool silent = listener->accepts == 0 && !is_paused(evidence, listener) &&
			      (listener->last_accept_ns == UNKNOWN ||
			       listener->last_accept_ns >= ACCEPT_STALLED_NS);

		if (!listener->queued || errors_rate(listener) > 0)
			continue;
		if ((silent || is_left_over(evidence, listener)) &&
		    (!found || listener->queued > found->queued))
			found = listener;
	}
	return found;
}

static const struct evidence_process *holder_of(const struct evidence *evidence,
						const struct evidence_listener *listener)
{
	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (process->listens && process->pid == listener->holder)
			return process;
	}
	return NULL;
}

/*
 * Of those that hold it, one that is held up, which cannot have called accept() last; else the one
 * that did, unless that is free, and another is not. NULL: it is not known.
 */
static const struct evidence_process *who_stalls(const struct evidence *evidence,
						 const struct evidence_listener *listener)
{
	const struct evidence_process *last = holder_of(evidence, listener), *other = NULL;

	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (!(process->listens & 1U << (listener - evidence->listeners)) ||
		    !rule_lets_wait(evidence, process))
			continue;
		if (rule_is_process_held_up(process))
			return process;
		if ((process->accepts || process->owns) && process->threads_known &&
		    (accept_is_busy(process) || !rule_is_free(process)))
			other = process;
	}
	return other && last && rule_is_free(last) && !accept_is_busy(last) ? other : last;
}

/* The next accept() may only be late. */
static bool may_go_on(const struct evidence *evidence)
{
	return evidence->waits[CAUSE_NEVER_ACCEPTED].oldest_ns < PAUSE_MAX_NS &&
	       !rule_is_held_up(evidence);
}

/* "nginx/123", or "4 processes". */
static const char *stalled_name(const struct evidence_listener *listener,
				const struct evidence_process *process, bool any, char buf[64])
{
	if (any)
		snprintf(buf, 64, "%zu processes", listener->holders);
	else if (process)
		rule_process(process, buf);
	else
		rule_name(listener->comm, listener->holder, buf);
	return buf;
}

static void prove_stalled(const struct evidence *evidence, struct finding *finding,
			  const struct evidence_listener *listener)
{
	const struct evidence_waits *waits = &evidence->waits[CAUSE_NEVER_ACCEPTED];
	const struct evidence_process *process = who_stalls(evidence, listener);
	const struct evidence_process *user = accept_fd_user(evidence);
	char address[64], oldest[RULE_AGE_SIZE], last[32], count[40], name[64];
	bool left_over = is_left_over(evidence, listener);
	/* Each may accept on another of them. */
	bool any = left_over && listener->holders > 1 && accept_waits_for_events(process);

	rule_prove(finding, SEVERITY_CRITICAL,
		   may_go_on(evidence) ? CONFIDENCE_MEDIUM : CONFIDENCE_HIGH,
		   "nobody calls accept() on %s (held by %s): %s in its queue, the oldest for %s",
		   rule_address(listener, address), stalled_name(listener, process, any, name),
		   rule_connections(listener->queued, count), rule_age(waits, oldest));
	if (listener->last_accept_ns != UNKNOWN)
		rule_add(&finding->proof, "its last accept() was %s ago%s",
			 duration_format(listener->last_accept_ns, last, sizeof(last)),
			 left_over ? ", on another listener: this queue did not get shorter" : "");
	else
		rule_add(&finding->proof, "nobody who holds it has called accept() on it since "
					  "slowclosed runs");
	if (rule_is_left_behind(listener))
		rule_add(&finding->proof,
			 "a process that does not hold it called accept() on its port %s ago",
			 duration_format(listener->gone_accept_ns, last, sizeof(last)));
	rule_add_queue(&finding->proof, listener);
	rule_add_threads(&finding->proof, evidence, process);
	accept_advise_stalled(evidence, finding, listener, process, any);
	if (!user || !accept_is_at_limit(user))
		return;
	rule_add_fds(&finding->proof, user);
	accept_advise_limit(evidence, finding, user);
}

void rule_accept_stalled(const struct evidence *evidence, struct finding *finding)
{
	const struct evidence_listener *listener = find_stalled(evidence);
	const struct evidence_waits *waits = &evidence->waits[CAUSE_NEVER_ACCEPTED];
	char last[32];

	if (!accept_has_queue(evidence, finding))
		return;
	if (!evidence->listeners[0].accepts_seen) {
		rule_not_decidable(finding, "whether accept() is called is not seen");
		return;
	}
	/* First in, first out: where accept() is called, the oldest goes. (With several listeners,
	 * the oldest is of the stuck one.) */
	if (listener && rule_oldest_stays(evidence, CAUSE_NEVER_ACCEPTED) &&
	    waits->oldest_ns >= ACCEPT_STALLED_NS) {
		prove_stalled(evidence, finding, listener);
		return;
	}
	listener = rule_fullest(evidence);
	if (errors_rate(listener) > 0)
		rule_out(finding, "accept() is called: it fails %.0f times a second",
			 errors_rate(listener));
	else if (listener->accepts > 0)
		rule_out(finding, "accept() is called: %.1f times a second", listener->accepts);
	else if (is_paused(evidence, listener))
		rule_out(finding, "accept() is called: the last was %s ago, after the oldest came",
			 duration_format(listener->last_accept_ns, last, sizeof(last)));
	else
		rule_not_decidable(finding, "nothing has waited for long enough to tell whether "
					    "accept() is called");
}

void rule_accept_slow(const struct evidence *evidence, struct finding *finding)
{
	const struct evidence_listener *listener = rule_fullest(evidence);
	const struct evidence_waits *waits = &evidence->waits[CAUSE_NEVER_ACCEPTED];
	char oldest[RULE_AGE_SIZE], last[32], address[64], count[40];
	bool called;

	if (!accept_has_queue(evidence, finding))
		return;
	if (!listener->accepts_seen || isnan(listener->accepts)) {
		rule_not_decidable(finding, "how often accept() is called is not known");
		return;
	}
	called = listener->accepts > 0 ||
		 (is_paused(evidence, listener) && !(errors_rate(listener) > 0));
	if (!called || !rule_piles_up(evidence, CAUSE_NEVER_ACCEPTED, 5)) {
		rule_out(finding, called ? "few connections wait, and not for long"
					 : "accept() returns none at all");
		return;
	}
	rule_prove(finding, SEVERITY_WARNING, CONFIDENCE_MEDIUM,
		   "accept() is called too seldom on %s: %s in its queue, the oldest for %s",
		   rule_address(listener, address), rule_connections(listener->queued, count),
		   rule_age(waits, oldest));
	if (listener->accepts > 0)
		rule_add(&finding->proof, "accept() returned %.1f connections a second",
			 listener->accepts);
	else
		rule_add(&finding->proof,
			 "the last accept() was %s ago, after the oldest of them came",
			 duration_format(listener->last_accept_ns, last, sizeof(last)));
	rule_add_queue(&finding->proof, listener);
	rule_add_threads(&finding->proof, evidence, holder_of(evidence, listener));
	rule_add(&finding->now, "see what the threads do between two accept(): more of them, or "
				"less work in the one that accepts");
	rule_add(&finding->for_good, "accept until EAGAIN at each wake-up, or accept in more "
				     "threads or processes (SO_REUSEPORT)");
}

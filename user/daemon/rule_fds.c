// SPDX-License-Identifier: GPL-2.0
/* The rule about accept() that fails for want of descriptors. */
#include "rule_accept.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* Whether it fails more often now, or else did so before. */
static bool outweighs(const struct evidence_error *error, const struct evidence_error *other)
{
	double rate = error->rate > 0 ? error->rate : 0;
	double other_rate = other && other->rate > 0 ? other->rate : 0;

	if (!other || rate > other_rate)
		return true;
	return rate >= other_rate && error->count > other->count;
}

/* The failure of accept() for want of descriptors that weighs most; the listener that has it. */
static const struct evidence_error *find_exhaustion(const struct evidence *evidence,
						    const struct evidence_listener **listener)
{
	static const int errors[] = {EMFILE, ENFILE};
	const struct evidence_error *error, *most = NULL;

	for (size_t i = 0; i < evidence->listener_count; i++) {
		const struct evidence_listener *this = &evidence->listeners[i];

		for (size_t j = 0; this->queued && j < 2; j++) {
			error = evidence_error(this, errors[j]);
			if (!error || !outweighs(error, most))
				continue;
			most = error;
			*listener = this;
		}
	}
	return most;
}

bool accept_is_at_limit(const struct evidence_process *process)
{
	return process->fds != UNKNOWN && process->fd_limit != UNKNOWN &&
	       process->fds >= process->fd_limit;
}

/* Whether it leaves its listeners to another: a child that works on one connection. */
static bool leaves_accept(const struct evidence *evidence, const struct evidence_process *process)
{
	for (size_t i = 0; !process->accepts && i < evidence->process_count; i++) {
		const struct evidence_process *other = &evidence->processes[i];

		if (other->accepts && !(process->listens & ~other->listens))
			return true;
	}
	return false;
}

const struct evidence_process *accept_fd_user(const struct evidence *evidence)
{
	const struct evidence_process *most = NULL;

	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (!process->listens || process->fds == UNKNOWN ||
		    leaves_accept(evidence, process) || !rule_lets_wait(evidence, process))
			continue;
		if (!most || accept_is_at_limit(process) ||
		    (!accept_is_at_limit(most) && process->fds > most->fds))
			most = process;
	}
	return most;
}

/* Twice what it has, and not too little. */
static int64_t higher_limit(const struct evidence_process *process)
{
	const int64_t least = 65536;

	if (process->fd_limit == UNKNOWN || process->fd_limit == INT64_MAX ||
	    process->fd_limit < least / 2)
		return least;
	return 2 * process->fd_limit;
}

/* Behind a colon is the hard limit, which stays as it is; without one it would be lowered too. */
static const char *colon(const struct evidence_process *process, int64_t limit)
{
	return process->fd_limit_hard >= limit ? ":" : "";
}

static bool listens_at_limit(const struct evidence_process *process)
{
	return process->listens && accept_is_at_limit(process);
}

void accept_advise_limit(const struct evidence *evidence, struct finding *finding,
			 const struct evidence_process *process)
{
	int64_t limit = higher_limit(process);
	char pids[RULE_PIDS_SIZE];

	if (rule_pids(evidence, listens_at_limit, pids) > 1)
		rule_add(&finding->now,
			 "raise the limit of the running processes: for p in%s; do prlimit -p $p "
			 "-n%" PRId64 "%s; done",
			 pids, limit, colon(process, limit));
	else
		rule_add(&finding->now,
			 "raise the limit of the running process: prlimit --pid %u "
			 "--nofile=%" PRId64 "%s",
			 process->pid, limit, colon(process, limit));
}

static void advise_fds(const struct evidence *evidence, struct finding *finding,
		       const struct evidence_process *process, int error)
{
	if (error == ENFILE) {
		rule_add(&finding->now, "the whole node is out of files: raise fs.file-max "
					"(sysctl), and find who has most with lsof");
		return;
	}
	if (process)
		accept_advise_limit(evidence, finding, process);
	rule_add(&finding->for_good,
		 "set LimitNOFILE= in the unit, ulimit -n, or the server's own setting "
		 "(worker_rlimit_nofile) above connections + files at peak");
	rule_add(&finding->for_good, "if the number only ever grows, descriptors leak: compare "
				     "ls -l /proc/PID/fd now and later");
}

/* ENFILE is of the node. */
static void add_files(struct finding_lines *lines, const struct evidence_node *node)
{
	if (node->files != UNKNOWN)
		rule_add(lines, "the node has %" PRId64 " of %" PRId64 " files open (fs.file-max)",
			 node->files, node->files_limit);
}

static void prove_fds(const struct evidence *evidence, struct finding *finding,
		      const struct evidence_error *error, const struct evidence_listener *listener)
{
	const struct evidence_process *process = accept_fd_user(evidence);
	const struct evidence_waits *waits = &evidence->waits[CAUSE_NEVER_ACCEPTED];
	char oldest[RULE_AGE_SIZE], count[40];

	rule_prove(finding, SEVERITY_CRITICAL,
		   error->rate > 0 ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM,
		   "out of descriptors: accept() fails with %s, %s not accepted, the oldest for %s",
		   error_name(error->error), rule_connections(waits->count, count),
		   rule_age(waits, oldest));
	rule_add(&finding->proof,
		 "accept() failed %.0f times a second, %" PRIu64 " times since slowclosed runs",
		 error->rate > 0 ? error->rate : 0, error->count);
	if (error->error == ENFILE)
		add_files(&finding->proof, &evidence->node);
	else
		rule_add_fds(&finding->proof, process);
	rule_add_queue(&finding->proof, listener);
	advise_fds(evidence, finding, process, error->error);
}

/* Whether the oldest in the queue is the same one, and nobody is seen to call accept(). */
static bool stands_still(const struct evidence *evidence)
{
	return rule_oldest_stays(evidence, CAUSE_NEVER_ACCEPTED) &&
	       evidence->waits[CAUSE_NEVER_ACCEPTED].oldest_ns >= ACCEPT_STALLED_NS &&
	       !(rule_fullest(evidence)->accepts > 0);
}

/*
 * It waits for events at its limit, and no accept() was seen to fail. One by io_uring is not seen,
 * and a server that hears of each connection once does not try it again.
 */
static void prove_limit(const struct evidence *evidence, struct finding *finding,
			const struct evidence_process *process)
{
	const struct evidence_waits *waits = &evidence->waits[CAUSE_NEVER_ACCEPTED];
	char name[64], oldest[RULE_AGE_SIZE], count[40];

	rule_prove(finding, SEVERITY_CRITICAL, CONFIDENCE_MEDIUM,
		   "%s is at its limit of descriptors, and is not seen to call accept(): %s not "
		   "accepted, the oldest for %s",
		   rule_process(process, name), rule_connections(waits->count, count),
		   rule_age(waits, oldest));
	rule_add_fds(&finding->proof, process);
	rule_add(&finding->proof, "no accept() was seen to fail: one by io_uring is not seen, and "
				  "one that failed once may not be tried again (EPOLLET)");
	rule_add_queue(&finding->proof, rule_fullest(evidence));
	rule_add_threads(&finding->proof, evidence, process);
	advise_fds(evidence, finding, process, EMFILE);
}

void rule_fd_exhausted(const struct evidence *evidence, struct finding *finding)
{
	const struct evidence_process *process = accept_fd_user(evidence);
	const struct evidence_listener *listener = NULL;
	const struct evidence_error *error;
	struct finding_lines fds = {.count = 0};

	if (!accept_has_queue(evidence, finding))
		return;
	if (!evidence->listeners[0].accepts_seen) {
		rule_not_decidable(finding, "the results of accept() are not seen");
		return;
	}
	error = find_exhaustion(evidence, &listener);
	if (error && evidence->waits[CAUSE_NEVER_ACCEPTED].before &&
	    (error->rate > 0 ||
	     (process && accept_is_at_limit(process) && !(listener->accepts > 0)))) {
		prove_fds(evidence, finding, error, listener);
		return;
	}
	rule_add_fds(&fds, process);
	if (!process || !accept_is_at_limit(process) || !stands_still(evidence))
		rule_out(finding, "accept() does not fail for want of descriptors%s%.150s",
			 fds.count ? ": " : "", fds.count ? fds.text[0] : "");
	else if (process->groups[THREAD_POLL].count)
		prove_limit(evidence, finding, process);
	else
		rule_not_decidable(finding, "whether accept() would fail: %.150s", fds.text[0]);
}

// SPDX-License-Identifier: GPL-2.0
/* The rules about connections that a process has read and does not close. */
#include "rule_close.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rule_blocked.h"
#include "text.h"

/* So many readings that found more are no fluctuation, nor are so many new ones. */
#define GROWS 3

/*
 * After this, hardly an answer is still being worked out. Below, it may be: a proxy waits for what
 * is behind it, a peer that has closed only its half waits for both.
 */
#define LEAK_CERTAIN_NS (600 * NSEC_PER_SEC)

/* A service that goes on closes what was answered late before this. */
#define LEAK_LIKELY_NS (60 * NSEC_PER_SEC)

/* A pool whose server closes one after another grows too, but with none that is new. */
static bool grows(const struct evidence *evidence)
{
	return evidence->growing >= GROWS && evidence->younger >= GROWS;
}

/* Of a client: what its pool does not look at, with nothing to be read but the end. */
static uint64_t pooled(const struct evidence *evidence)
{
	const struct evidence_waits *unread = &evidence->waits[CAUSE_NOT_READING];

	return evidence->waits[CAUSE_NOT_CLOSING].count + unread->count - unread->unread;
}

/* The waits of which the oldest of these is. */
static const struct evidence_waits *oldest_pooled(const struct evidence *evidence)
{
	const struct evidence_waits *closing = &evidence->waits[CAUSE_NOT_CLOSING];
	const struct evidence_waits *reading = &evidence->waits[CAUSE_NOT_READING];

	return reading->oldest_ns > closing->oldest_ns ? reading : closing;
}

void close_add_holders(struct finding *finding, const struct evidence_leak *leak)
{
	const char *bound = leak->unseen ? "at least " : "";
	char comm[TEXT_COMM_SIZE], names[160] = "";
	size_t used = 0;

	if (leak->pid)
		rule_add(&finding->proof, "one of them is descriptor %u of process %u", leak->fd,
			 leak->pid);
	if (!leak->held_by_others)
		return;
	for (size_t i = 0; i < leak->inheritor_count && used < sizeof(names); i++) {
		text_comm(leak->inheritors[i].comm, comm, sizeof(comm));
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%.20s/%u",
					 i ? ", " : "", comm, leak->inheritors[i].pid);
	}
	rule_add(&finding->proof,
		 "%s%" PRIu64 " of them %s open in processes that did not accept them%s %s", bound,
		 leak->held_by_others, leak->held_by_others == 1 ? "is" : "are",
		 leak->inheritor_count == EVIDENCE_INHERITORS_MAX ? ", such as" : ":", names);
	if (leak->left_to_others)
		rule_add(&finding->proof,
			 "%s%" PRIu64 " of them the process that accepted them has closed: only "
			 "others keep them open",
			 bound, leak->left_to_others);
}

static bool nears_limit(const struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (process->owns && process->fds != UNKNOWN && process->fd_limit != UNKNOWN &&
		    process->fds >= process->fd_limit / 2)
			return true;
	}
	return false;
}

void close_add_fds(struct finding *finding, const struct evidence *evidence)
{
	size_t told = 0;

	for (size_t i = 0; i < evidence->process_count && told < 2; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (process->fds == UNKNOWN || !process->owns)
			continue;
		told++;
		rule_add_fds(&finding->proof, process);
	}
}

void close_add_change(struct finding *finding, const struct evidence *evidence,
		      enum conn_cause cause)
{
	const struct evidence_waits *waits = &evidence->waits[cause];
	double more = (double)waits->count - (double)waits->before;

	if (evidence->interval_ns > 0 && waits->count != waits->before)
		rule_add(&finding->proof, "their number changes by %+.1f a second",
			 more * 1e9 / (double)evidence->interval_ns);
}

void close_advise_heirs(struct finding *finding)
{
	rule_add(&finding->now,
		 "see what those that keep them do: they work on them (a child for each "
		 "connection), or have only inherited them, and can be ended");
	rule_add(&finding->for_good, "of what a child only inherits: close it there, or open it "
				     "with SOCK_CLOEXEC (accept4)");
}

static void advise_leak(struct finding *finding, const struct evidence *evidence, bool certain)
{
	const struct evidence_process *sleeping = rule_sleeping_workers(evidence);

	if (evidence->leak.left_to_others) {
		close_advise_heirs(finding);
		return;
	}
	/* A FIN that comes with the last data is taken with it: nobody needs to know of it yet. */
	if (sleeping)
		rule_add(&finding->now,
			 "see whether its workers hang in a lock, before they got to the end: gdb "
			 "-p %u -batch -ex 'thread apply all bt'",
			 sleeping->pid);
	rule_add(&finding->now, "see what they have in common: slowclose list %s %u",
		 rule_port_option(evidence), evidence->port);
	if (certain)
		rule_add(&finding->now, "restart the service before it is out of descriptors");
	else
		rule_add(&finding->now,
			 "see what it waits for, if it is still at work on them (ss -tnp lists "
			 "what it is connected to); look again in a minute");
	rule_add(&finding->for_good, "close() on each way out of a request, errors too; look for "
				     "the end while an answer is worked out (EPOLLRDHUP)");
}

/* A pool looks at none of them: nothing was read, nor need it be. */
static void prove_leak_of_client(const struct evidence *evidence, struct finding *finding,
				 bool certain)
{
	char age[RULE_AGE_SIZE], count[40];

	rule_prove(finding, SEVERITY_WARNING, certain ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM,
		   "%s to port %u kept, and more and more of them: the server has closed, and "
		   "nobody here uses or closes them; the oldest for %s",
		   rule_connections(pooled(evidence), count), evidence->port,
		   rule_age(oldest_pooled(evidence), age));
	rule_add(&finding->proof,
		 "nothing but the end or a last message is left to be read: %" PRIu64
		 "; connected since the oldest of them was closed: %" PRIu64,
		 pooled(evidence), evidence->younger);
	close_add_holders(finding, &evidence->leak);
	close_add_fds(finding, evidence);
	if (evidence->leak.left_to_others) {
		close_advise_heirs(finding);
		return;
	}
	rule_add(&finding->now, "see what they have in common: slowclose list %s %u",
		 rule_port_option(evidence), evidence->port);
	if (certain)
		rule_add(&finding->now, "restart the process before it is out of descriptors");
	else
		rule_add(&finding->now, "look again in a minute: a pool stops growing");
	rule_add(&finding->for_good,
		 "close each session and the body of each response, on errors too; share one pool "
		 "instead of opening one for each request");
}

static void prove_leak_of_server(const struct evidence *evidence, struct finding *finding,
				 bool certain)
{
	const struct evidence_waits *waits = &evidence->waits[CAUSE_NOT_CLOSING];
	char age[RULE_AGE_SIZE], connections[40];

	rule_connections(waits->count, connections);
	rule_age(waits, age);
	if (certain)
		rule_prove(finding, SEVERITY_WARNING,
			   rule_sleeping_workers(evidence) ? CONFIDENCE_MEDIUM : CONFIDENCE_HIGH,
			   "%s forgotten: the peer has closed, all was read, and nobody closes; "
			   "the oldest for %s",
			   connections, age);
	else
		rule_prove(finding, SEVERITY_WARNING, CONFIDENCE_MEDIUM,
			   "%s not closed: the peer has closed, and all was read; the oldest for "
			   "%s",
			   connections, age);
	rule_add(&finding->proof, "read to the end (Recv-Q 0): %" PRIu64 "%s%s", waits->count,
		 grows(evidence) ? ", more and more of them" : "",
		 rule_oldest_stays(evidence, CAUSE_NOT_CLOSING) ? ", and the oldest stays" : "");
	close_add_change(finding, evidence, CAUSE_NOT_CLOSING);
	close_add_holders(finding, &evidence->leak);
	close_add_fds(finding, evidence);
	if (!evidence->leak.left_to_others)
		rule_add_threads(&finding->proof, evidence, rule_foremost(evidence));
	advise_leak(finding, evidence, certain);
}

/* A pool may be closed by the servers at any time: only that it grows tells of a leak. */
static void find_leak_of_client(const struct evidence *evidence, struct finding *finding)
{
	if (grows(evidence))
		prove_leak_of_client(evidence, finding,
				     oldest_pooled(evidence)->oldest_ns >= LEAK_CERTAIN_NS);
	else
		rule_out(finding, "the number of idle ones does not keep growing");
}

/*
 * Whether requests queue behind these, and no more of these are left than threads that are kept:
 * they are what those threads are at work on.
 */
static bool may_be_at_work(const struct evidence *evidence)
{
	struct blocked blocked = blocked_find(evidence);

	return evidence->waits[CAUSE_NOT_READING].unread &&
	       evidence->waits[CAUSE_NOT_CLOSING].count <= blocked.all;
}

/*
 * Some programs read the end at once, and close when they are done with the answer. One that closes
 * others late may be such a one, until few would wait for an answer any more.
 */
static void find_leak_of_server(const struct evidence *evidence, struct finding *finding)
{
	int64_t oldest_ns = evidence->waits[CAUSE_NOT_CLOSING].oldest_ns;
	bool likely = oldest_ns >= LEAK_LIKELY_NS;
	size_t closed = evidence->until_fin.closed;

	if (!likely && !(rule_oldest_stays(evidence, CAUSE_NOT_CLOSING) &&
			 (grows(evidence) || rule_piles_up(evidence, CAUSE_NOT_CLOSING, 3))))
		rule_out(finding, "few were read to their end and stay, and not for long");
	else if (!likely && closed >= CLOSED_LATE_MIN)
		rule_not_decidable(finding,
				   "whether they are forgotten or only answered late: %zu others "
				   "were closed late just now",
				   closed);
	else if (!likely && may_be_at_work(evidence))
		rule_not_decidable(finding,
				   "whether they are forgotten or what its threads are at work on, "
				   "while others wait to be read");
	else
		prove_leak_of_server(evidence, finding, oldest_ns >= LEAK_CERTAIN_NS);
}

void rule_close_leak(const struct evidence *evidence, struct finding *finding)
{
	bool client = evidence->role == ROLE_CLIENT;

	if (client ? !pooled(evidence) : !evidence->waits[CAUSE_NOT_CLOSING].count)
		rule_out(finding, "no connection was read to its end and left open");
	else if (client)
		find_leak_of_client(evidence, finding);
	else
		find_leak_of_server(evidence, finding);
}

bool close_all_held_up(const struct evidence *evidence)
{
	size_t held_up = 0;

	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (process->owns && !rule_is_process_held_up(process))
			return false;
		held_up += process->owns;
	}
	return held_up && !evidence->processes_left_out;
}

void rule_idle_pool(const struct evidence *evidence, struct finding *finding)
{
	const struct evidence_waits *waits = evidence->waits;
	bool scarce = nears_limit(evidence), held_up = close_all_held_up(evidence);
	char age[RULE_AGE_SIZE], count[40];

	if (evidence->role != ROLE_CLIENT) {
		rule_out_silently(finding);
		return;
	}
	if (!pooled(evidence) ||
	    !(waits[CAUSE_NOT_CLOSING].before || waits[CAUSE_NOT_READING].before)) {
		rule_out(finding, "no idle connection to a server that has closed");
		return;
	}
	if (grows(evidence)) {
		rule_out(finding, "their number keeps growing");
		return;
	}
	rule_prove(finding, scarce || held_up ? SEVERITY_WARNING : SEVERITY_INFO, CONFIDENCE_MEDIUM,
		   "%s to port %u idle and closed by the server, the oldest %s ago: a pool, %s",
		   rule_connections(pooled(evidence), count), evidence->port,
		   rule_age(oldest_pooled(evidence), age),
		   scarce    ? "or a slow leak: descriptors get scarce"
		   : held_up ? "and its process is stopped, held or frozen"
			     : "usually harmless");
	rule_add(&finding->proof, "connected from here; at most a last message is left to be read");
	rule_add(&finding->proof,
		 "their number %s; connected since the oldest of them was closed: %" PRIu64,
		 evidence->growing ? "grows, but not for long or with few new ones"
				   : "does not keep growing",
		 evidence->younger);
	close_add_fds(finding, evidence);
	if (rule_advise_held_up(evidence, finding))
		return;
	if (scarce)
		rule_add(&finding->now,
			 "see whether there are more tomorrow; restart the process before it is "
			 "out of descriptors");
	else
		rule_add(&finding->now,
			 "nothing. The next use of one fails and must be tried again");
	rule_add(&finding->for_good,
		 "let the pool drop idle connections sooner than the server does "
		 "(its keep-alive timeout)");
}

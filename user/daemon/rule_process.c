// SPDX-License-Identifier: GPL-2.0
/* The processes of a service: which of them lets wait, and what their threads do. */
#include "rule.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

bool rule_has_part(const struct evidence_process *process)
{
	return process->owns || process->listens;
}

bool rule_lets_wait(const struct evidence *evidence, const struct evidence_process *process)
{
	uint32_t left = 0; /* listeners in whose queue something waits, without one that accepts */

	if (process->owns || process->accepts)
		return true;
	for (size_t i = 0; i < evidence->listener_count; i++)
		left |= evidence->listeners[i].queued ? 1U << i : 0;
	for (size_t i = 0; i < evidence->process_count; i++) {
		if (evidence->processes[i].accepts)
			left &= ~evidence->processes[i].listens;
	}
	return process->listens & left;
}

bool rule_is_free(const struct evidence_process *process)
{
	return process->groups[THREAD_ACCEPT].count || process->groups[THREAD_POLL].count;
}

const char *rule_name(const char comm[16], uint32_t pid, char buf[64])
{
	char text[TEXT_COMM_SIZE];

	snprintf(buf, 64, "%.40s/%u", text_comm(comm, text, sizeof(text)), pid);
	return buf;
}

const char *rule_process(const struct evidence_process *process, char buf[64])
{
	return rule_name(process->comm, process->pid, buf);
}

void rule_add_fds(struct finding_lines *lines, const struct evidence_process *process)
{
	const bool unlimited = process && process->fd_limit == INT64_MAX;
	char name[64], of_limit[32] = "";

	if (!process || process->fds == UNKNOWN)
		return;
	if (process->fd_limit != UNKNOWN && !unlimited)
		snprintf(of_limit, sizeof(of_limit), " of %" PRId64, process->fd_limit);
	rule_add(lines, "%s has %s%" PRId64 "%s descriptors open%s", rule_process(process, name),
		 process->fds_at_least ? "at least " : "", process->fds, of_limit,
		 unlimited ? ", and no limit" : "");
}

static enum thread_wait most_frequent(const struct evidence_process *process, uint32_t seen)
{
	enum thread_wait most = THREAD_WAITS;

	for (int i = 0; i < THREAD_WAITS; i++) {
		if (process->groups[i].count && !(seen & 1U << i) &&
		    (most == THREAD_WAITS ||
		     process->groups[i].count > process->groups[most].count))
			most = i;
	}
	return most;
}

const char *rule_threads(const struct evidence_process *process, char buf[RULE_LIST_SIZE])
{
	uint32_t seen = 0;
	bool fits = true;
	char of[48];

	if (!process->threads_known || !process->threads)
		return strcpy(buf, "what its threads do is not known");
	buf[0] = '\0';
	for (int i = 0; i < 4 && fits; i++) {
		enum thread_wait wait = most_frequent(process, seen);
		const struct evidence_group *group;

		if (wait == THREAD_WAITS)
			break;
		group = &process->groups[wait];
		snprintf(of, sizeof(of), " of %s%u thread%s",
			 process->threads_left_out ? "the first " : "", process->threads,
			 process->threads == 1 ? "" : "s");
		fits = rule_list(buf, "%u%s %s%s%s%s", group->count, seen ? "" : of,
				 thread_wait_text(wait), group->where[0] ? " (" : "", group->where,
				 group->where[0] ? ")" : "");
		seen |= 1U << wait;
	}
	return buf;
}

static void add_threads(struct finding_lines *lines, const struct evidence_process *process)
{
	char name[64], threads[RULE_LIST_SIZE];

	rule_add(lines, "%s: %s", rule_process(process, name), rule_threads(process, threads));
}

void rule_add_threads(struct finding_lines *lines, const struct evidence *evidence,
		      const struct evidence_process *first)
{
	size_t told = 0, more = evidence->processes_left_out;

	if (first) {
		add_threads(lines, first);
		told++;
	}
	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (process == first || !rule_has_part(process))
			continue;
		if (told == 3) {
			more++;
			continue;
		}
		told++;
		add_threads(lines, process);
	}
	if (more)
		rule_add(lines, "and %zu process%s more%s", more, more == 1 ? "" : "es",
			 evidence->processes_left_out ? ", or even more" : "");
}

const struct evidence_process *rule_owner(const struct evidence *evidence, rule_process_is *is)
{
	for (size_t i = 0; i < evidence->process_count; i++) {
		if (evidence->processes[i].owns && is(&evidence->processes[i]))
			return &evidence->processes[i];
	}
	return NULL;
}

/* Whether any of those that let it wait is so. */
static bool any_is(const struct evidence *evidence, rule_process_is *is)
{
	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (is(process) && rule_lets_wait(evidence, process))
			return true;
	}
	return false;
}

size_t rule_pids(const struct evidence *evidence, rule_process_is *is, char buf[RULE_PIDS_SIZE])
{
	size_t used = 0, count = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (!is(process) || !rule_lets_wait(evidence, process))
			continue;
		used += (size_t)snprintf(buf + used, RULE_PIDS_SIZE - used, " %" PRIu32,
					 process->pid);
		count++;
	}
	return count;
}

static bool has_stopped(const struct evidence_process *process)
{
	return process->groups[THREAD_STOPPED].count > 0;
}

static bool has_traced(const struct evidence_process *process)
{
	return process->groups[THREAD_TRACED].count > 0;
}

static bool has_frozen(const struct evidence_process *process)
{
	return process->groups[THREAD_FROZEN].count > 0;
}

bool rule_is_process_held_up(const struct evidence_process *process)
{
	return has_stopped(process) || has_traced(process) || has_frozen(process);
}

bool rule_is_held_up(const struct evidence *evidence)
{
	return any_is(evidence, rule_is_process_held_up);
}

bool rule_advise_held_up(const struct evidence *evidence, struct finding *finding)
{
	char pids[RULE_PIDS_SIZE];

	if (rule_pids(evidence, has_stopped, pids)) {
		rule_add(&finding->now, "let what is stopped go on: kill -CONT%s", pids);
		rule_add(&finding->for_good,
			 "find who stopped it: a script's kill -STOP, or a shell's job control");
	} else if (rule_pids(evidence, has_traced, pids)) {
		rule_add(&finding->now,
			 "end the debugger that holds it: grep TracerPid /proc/PID/status, PID:%s",
			 pids);
	} else if (rule_pids(evidence, has_frozen, pids)) {
		rule_add(&finding->now,
			 "thaw its cgroup (a paused container: docker unpause), of process%s",
			 pids);
	} else {
		return false;
	}
	return true;
}

const struct evidence_process *rule_foremost(const struct evidence *evidence)
{
	const struct evidence_process *foremost = NULL;

	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (!rule_has_part(process))
			continue;
		if (!foremost || process->owns > foremost->owns ||
		    (process->owns == foremost->owns && process->accepts > foremost->accepts))
			foremost = process;
	}
	return foremost;
}

bool rule_left_out(const struct evidence *evidence, struct finding *finding)
{
	char name[64];

	if (evidence->processes_left_out) {
		rule_not_decidable(finding, "%zu or more processes of it were not looked at",
				   evidence->processes_left_out);
		return true;
	}
	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (!rule_has_part(process) || !process->threads_left_out)
			continue;
		rule_not_decidable(finding, "%u threads of %s were not looked at",
				   process->threads_left_out, rule_process(process, name));
		return true;
	}
	return false;
}

const struct evidence_process *rule_worst(const struct evidence *evidence,
					  double (*value)(const struct evidence_process *))
{
	const struct evidence_process *worst = NULL;
	double most = 0;

	for (size_t i = 0; i < evidence->process_count; i++) {
		double this = value(&evidence->processes[i]);

		if (this > most && rule_lets_wait(evidence, &evidence->processes[i])) {
			most = this;
			worst = &evidence->processes[i];
		}
	}
	return worst;
}

// SPDX-License-Identifier: GPL-2.0
#include "rule.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "duration.h"
#include "text.h"

/* Names of threads and cgroups are any bytes, and a cut can take a character apart. */
static RULE_PRINTF(2, 0) void set(char *line, const char *format, va_list args)
{
	char text[2 * FINDING_LINE_SIZE];

	vsnprintf(text, sizeof(text), format, args);
	text_safe(text, strlen(text), line, FINDING_LINE_SIZE);
}

void rule_out(struct finding *finding, const char *format, ...)
{
	va_list args;

	finding->verdict = VERDICT_RULED_OUT;
	va_start(args, format);
	set(finding->reason, format, args);
	va_end(args);
}

void rule_not_decidable(struct finding *finding, const char *format, ...)
{
	va_list args;

	finding->verdict = VERDICT_NOT_DECIDABLE;
	va_start(args, format);
	set(finding->reason, format, args);
	va_end(args);
}

void rule_prove(struct finding *finding, enum severity severity, enum confidence confidence,
		const char *format, ...)
{
	va_list args;

	finding->verdict = VERDICT_PROVEN;
	finding->severity = severity;
	finding->confidence = confidence;
	va_start(args, format);
	set(finding->headline, format, args);
	va_end(args);
}

void rule_add(struct finding_lines *lines, const char *format, ...)
{
	va_list args;

	if (lines->count == FINDING_LINES)
		return;
	va_start(args, format);
	set(lines->text[lines->count++], format, args);
	va_end(args);
}

static int64_t threshold(const struct evidence *evidence, enum conn_cause cause)
{
	int64_t ns = cause == CAUSE_NEVER_ACCEPTED ? evidence->thresholds.accept_wait_ns
						   : evidence->thresholds.close_wait_ns;

	/* Thresholds of almost nothing are for looking at everything, not for judging it. */
	return ns > 10 * NSEC_PER_MSEC ? ns : 10 * NSEC_PER_MSEC;
}

bool rule_piles_up(const struct evidence *evidence, enum conn_cause cause, int thresholds)
{
	const struct evidence_waits *waits = &evidence->waits[cause];

	if (!waits->count || !waits->before)
		return false;
	return (waits->count >= RULE_MANY && waits->before >= RULE_MANY) ||
	       waits->oldest_ns >= thresholds * threshold(evidence, cause);
}

bool rule_oldest_stays(const struct evidence *evidence, enum conn_cause cause)
{
	const struct evidence_waits *waits = &evidence->waits[cause];

	return waits->before &&
	       waits->oldest_ns - waits->oldest_before_ns >= evidence->interval_ns * 9 / 10;
}

bool rule_is_stalled(const struct evidence *evidence)
{
	bool client = evidence->role == ROLE_CLIENT;

	if (rule_piles_up(evidence, CAUSE_NEVER_ACCEPTED, 5))
		return true;
	/* A client's pool is not read either; only data that nobody takes tells of a stall. */
	if (rule_piles_up(evidence, CAUSE_NOT_READING, 3))
		return !client || evidence->waits[CAUSE_NOT_READING].unread;
	return !client && rule_piles_up(evidence, CAUSE_NOT_CLOSING, 3);
}

const char *rule_age(const struct evidence_waits *waits, char buf[RULE_AGE_SIZE])
{
	char age[32];

	snprintf(buf, RULE_AGE_SIZE, "%s%s", waits->oldest_at_least ? "at least " : "",
		 duration_format(waits->oldest_ns, age, sizeof(age)));
	return buf;
}

const char *rule_what_waits(const struct evidence *evidence, char buf[FINDING_LINE_SIZE])
{
	static const struct {
		enum conn_cause cause;
		const char *text;
	} kinds[] = {
		{CAUSE_NEVER_ACCEPTED, "never accepted"},
		{CAUSE_NOT_READING, "not read"},
		{CAUSE_NOT_CLOSING, "not closed"},
		{CAUSE_NONE, "in CLOSE_WAIT"},
	};
	char oldest[32];
	int used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct evidence_waits *waits = &evidence->waits[kinds[i].cause];

		if (!waits->count || used >= FINDING_LINE_SIZE)
			continue;
		used += snprintf(buf + used, (size_t)(FINDING_LINE_SIZE - used),
				 "%s%" PRIu64 " connection%s %s for %s%s%s", used ? ", " : "",
				 waits->count, waits->count == 1 ? "" : "s", kinds[i].text,
				 waits->oldest_at_least ? "" : "up to ",
				 duration_format(waits->oldest_ns, oldest, sizeof(oldest)),
				 waits->oldest_at_least ? " or more" : "");
	}
	return buf;
}

const char *rule_process(const struct evidence_process *process, char buf[64])
{
	char comm[TEXT_COMM_SIZE];

	snprintf(buf, 64, "%.40s/%u", text_comm(process->comm, comm, sizeof(comm)), process->pid);
	return buf;
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

const char *rule_threads(const struct evidence_process *process, char buf[FINDING_LINE_SIZE])
{
	uint32_t seen = 0;
	int used = 0;

	if (!process->threads_known || !process->threads)
		return strcpy(buf, "what its threads do is not known");
	buf[0] = '\0';
	for (int i = 0; i < 4 && used < FINDING_LINE_SIZE; i++) {
		enum thread_wait wait = most_frequent(process, seen);
		const struct evidence_group *group;

		if (wait == THREAD_WAITS)
			break;
		group = &process->groups[wait];
		used += snprintf(buf + used, (size_t)(FINDING_LINE_SIZE - used),
				 "%s%u of %s%u thread%s %s", used ? ", " : "", group->count,
				 process->threads_left_out ? "the first " : "", process->threads,
				 process->threads == 1 ? "" : "s", thread_wait_text(wait));
		if (group->where[0] && used < FINDING_LINE_SIZE)
			used += snprintf(buf + used, (size_t)(FINDING_LINE_SIZE - used), " (%s)",
					 group->where);
		seen |= 1U << wait;
	}
	return buf;
}

void rule_add_threads(struct finding_lines *lines, const struct evidence *evidence)
{
	size_t told = 0, more = evidence->processes_left_out;
	char name[64], threads[FINDING_LINE_SIZE];

	for (size_t i = 0; i < evidence->process_count; i++) {
		if (!rule_has_part(&evidence->processes[i]))
			continue;
		if (told == 3) {
			more++;
			continue;
		}
		told++;
		rule_add(lines, "%s: %.150s", rule_process(&evidence->processes[i], name),
			 rule_threads(&evidence->processes[i], threads));
	}
	if (more)
		rule_add(lines, "and %zu process%s more%s", more, more == 1 ? "" : "es",
			 evidence->processes_left_out ? ", or even more" : "");
}

const char *rule_address(const struct evidence_listener *listener, char buf[64])
{
	char address[TEXT_ADDRESS_SIZE];

	snprintf(buf, 64, "%.60s",
		 text_address(listener->family, listener->address, listener->port, address));
	return buf;
}

void rule_add_queue(struct finding_lines *lines, const struct evidence_listener *listener)
{
	char address[64];

	rule_add(lines, "the accept queue of %s has %u, its limit is %u%s%s%s",
		 rule_address(listener, address), listener->queued, listener->limit,
		 listener->limit_by ? " by " : "", listener->limit_by ? listener->limit_by : "",
		 listener->queued > listener->limit ? ": full" : "");
}

const char *rule_port_option(const struct evidence *evidence)
{
	return evidence->role == ROLE_CLIENT ? "-D" : "-L";
}

const char *rule_connections(uint64_t count, char buf[40])
{
	snprintf(buf, 40, "%" PRIu64 " connection%s", count, count == 1 ? "" : "s");
	return buf;
}

const char *rule_percent(double share, char buf[16])
{
	if (isnan(share))
		return "unknown";
	snprintf(buf, 16, "%.0f %%", 100 * share);
	return buf;
}

bool rule_has_part(const struct evidence_process *process)
{
	return process->owns || process->listens;
}

size_t rule_pids(const struct evidence *evidence, rule_process_is *is, char buf[RULE_PIDS_SIZE])
{
	size_t used = 0, count = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if (!rule_has_part(process) || !is(process))
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

bool rule_is_held_up(const struct evidence *evidence)
{
	char pids[RULE_PIDS_SIZE];

	return rule_pids(evidence, has_stopped, pids) || rule_pids(evidence, has_traced, pids) ||
	       rule_pids(evidence, has_frozen, pids);
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

		if (this > most && rule_has_part(&evidence->processes[i])) {
			most = this;
			worst = &evidence->processes[i];
		}
	}
	return worst;
}

const struct evidence_listener *rule_fullest(const struct evidence *evidence)
{
	const struct evidence_listener *fullest = NULL;

	for (size_t i = 0; i < evidence->listener_count; i++) {
		const struct evidence_listener *listener = &evidence->listeners[i];

		if (listener->queued && (!fullest || listener->queued > fullest->queued))
			fullest = listener;
	}
	return fullest;
}

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

void rule_out_silently(struct finding *finding)
{
	finding->verdict = VERDICT_RULED_OUT;
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

bool rule_is_long(const struct evidence *evidence, enum conn_cause cause, int thresholds)
{
	/* Divided: a threshold can be a hundred years. */
	return evidence->waits[cause].oldest_ns / thresholds >= threshold(evidence, cause);
}

bool rule_piles_up(const struct evidence *evidence, enum conn_cause cause, int thresholds)
{
	const struct evidence_waits *waits = &evidence->waits[cause];

	if (!waits->count || !waits->before)
		return false;
	return (waits->count >= RULE_MANY && waits->before >= RULE_MANY) ||
	       rule_is_long(evidence, cause, thresholds);
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

bool rule_list(char list[RULE_LIST_SIZE], const char *format, ...)
{
	const char *comma = *list ? ", " : "";
	size_t used = strlen(list);
	char part[RULE_LIST_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(part, sizeof(part), format, args);
	va_end(args);
	if (used + strlen(comma) + strlen(part) + sizeof(", ...") > RULE_LIST_SIZE) {
		snprintf(list + used, RULE_LIST_SIZE - used, "%s...", comma);
		return false;
	}
	snprintf(list + used, RULE_LIST_SIZE - used, "%s%s", comma, part);
	return true;
}

const char *rule_what_waits(const struct evidence *evidence, char buf[RULE_LIST_SIZE])
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
	char oldest[32], count[40];
	bool fits = true;

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && fits; i++) {
		const struct evidence_waits *waits = &evidence->waits[kinds[i].cause];

		if (waits->count)
			fits = rule_list(buf, "%s %s for %s%s%s",
					 rule_connections(waits->count, count), kinds[i].text,
					 waits->oldest_at_least ? "" : "up to ",
					 duration_format(waits->oldest_ns, oldest, sizeof(oldest)),
					 waits->oldest_at_least ? " or more" : "");
	}
	return buf;
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

bool rule_is_left_behind(const struct evidence_listener *listener)
{
	return listener->last_accept_ns == UNKNOWN && listener->gone_accept_ns != UNKNOWN;
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

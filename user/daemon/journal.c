// SPDX-License-Identifier: GPL-2.0
#include "journal.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "duration.h"
#include "journal_entry.h"
#include "log.h"
#include "memory_file.h"
#include "render.h"
#include "text.h"

struct journal {
	bool connected; /* standard error is the journal's, so there is one */
	struct journal_socket socket; /* if connected */
	uint64_t most; /* events that are written in a second */
	int64_t second; /* CLOCK_MONOTONIC, in seconds */
	uint64_t written; /* events in it */
	uint64_t suppressed, lost; /* that are not told yet */
	struct journal_entry entry; /* that is put together */
};

/* Without a way to the journal it is told by standard error, as all else. */
struct journal *journal_new(void)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (journal)
		journal->connected = log_is_journal() && journal_socket_open(&journal->socket) == 0;
	return journal;
}

void journal_free(struct journal *journal)
{
	if (journal && journal->connected)
		journal_socket_close(&journal->socket);
	free(journal);
}

void journal_set_most(struct journal *journal, uint64_t most)
{
	journal->most = most;
}

/* Where there is no journal, the message is all that is told. */
static struct journal_entry *begin(struct journal *journal, const char *message, int priority)
{
	if (!journal->connected)
		log_at(priority, "%s", message);
	journal->entry.size = 0;
	entry_add(&journal->entry, "MESSAGE=%s", message);
	entry_add(&journal->entry, "PRIORITY=%d", priority);
	entry_add(&journal->entry, "SYSLOG_IDENTIFIER=slowclosed");
	return &journal->entry;
}

static bool send_entry(struct journal *journal)
{
	return !journal->connected || journal_socket_send(&journal->socket, &journal->entry);
}

static void send_or_count(struct journal *journal)
{
	if (!send_entry(journal))
		journal->lost++;
}

static void add_milliseconds(struct journal_entry *entry, const char *name, int64_t ns)
{
	if (ns != UNKNOWN)
		entry_add(entry, "%s=%lld.%03d", name, (long long)(ns / NSEC_PER_MSEC),
			  (int)(ns % NSEC_PER_MSEC / 1000));
}

static void add_connection(struct journal_entry *entry, const struct event *event)
{
	char address[TEXT_ADDRESS_SIZE], comm[TEXT_COMM_SIZE], id[RENDER_ID_SIZE];
	const struct conn *conn = &event->conn;

	entry_add(entry, "SLOWCLOSE_EVENT=%s", kind_name(event->kind));
	entry_add(entry, "SLOWCLOSE_ID=%s", render_id(event->id, id));
	entry_add(entry, "SLOWCLOSE_ROLE=%s", role_name(conn->role));
	if (cause_name(event->cause))
		entry_add(entry, "SLOWCLOSE_CAUSE=%s", cause_name(event->cause));
	if (event->kind == RECORD_CLOSED && end_name(conn->end))
		entry_add(entry, "SLOWCLOSE_END=%s", end_name(conn->end));
	add_milliseconds(entry, "SLOWCLOSE_ACCEPT_WAIT_MS", event->accept_wait_ns);
	add_milliseconds(entry, "SLOWCLOSE_CLOSE_WAIT_MS", event->close_wait_ns);
	add_milliseconds(entry, "SLOWCLOSE_LIFETIME_MS", event->lifetime_ns);
	entry_add(entry, "SLOWCLOSE_LOCAL=%s",
		  text_address(conn->family, conn->local_addr, conn->local_port, address));
	entry_add(entry, "SLOWCLOSE_REMOTE=%s",
		  text_address(conn->family, conn->remote_addr, conn->remote_port, address));
	entry_add(entry, "SLOWCLOSE_NETNS=%u", conn->netns);
	if (!conn->owner.pid)
		return;
	entry_add(entry, "SLOWCLOSE_OWNER_PID=%u", conn->owner.pid);
	entry_add(entry, "SLOWCLOSE_OWNER_COMM=%s",
		  text_comm(conn->owner.comm, comm, sizeof(comm)));
	if (event->owner_place && event->owner_place->unit[0])
		entry_add(entry, "SLOWCLOSE_OWNER_UNIT=%s", event->owner_place->unit);
}

/* To be freed. */
static char *event_line(const struct event *event)
{
	struct memory_file file;
	FILE *out = memory_file_begin(&file);

	if (out)
		text_event_line(out, event);
	return memory_file_end(&file, NULL);
}

static void write_event(struct journal *journal, const struct event *event)
{
	char *line = event_line(event);

	if (!line)
		return;
	add_connection(begin(journal, line, LOG_NOTICE), event);
	send_or_count(journal);
	free(line);
}

/* Of what is not there. It is told until the journal takes it, and is in no count itself. */
static void tell_count(struct journal *journal, uint64_t *count, const char *event,
		       const char *field, const char *what)
{
	struct journal_entry *entry;
	char line[128];

	if (!*count)
		return;
	snprintf(line, sizeof(line), "%" PRIu64 " %s", *count, what);
	entry = begin(journal, line, LOG_NOTICE);
	entry_add(entry, "SLOWCLOSE_EVENT=%s", event);
	entry_add(entry, "%s=%" PRIu64, field, *count);
	if (send_entry(journal))
		*count = 0;
}

void journal_tick(struct journal *journal, int64_t now_ns)
{
	int64_t second = now_ns / NSEC_PER_SEC;

	if (second == journal->second)
		return;
	tell_count(journal, &journal->suppressed, "suppressed", "SLOWCLOSE_SUPPRESSED",
		   "slow closes more are not written here");
	tell_count(journal, &journal->lost, "lost", "SLOWCLOSE_LOST",
		   "entries are missing here: the journal did not take them");
	journal->second = second;
	journal->written = 0;
}

void journal_event(struct journal *journal, const struct event *event, int64_t now_ns)
{
	if (!event->slow || !journal->most)
		return;
	journal_tick(journal, now_ns);
	if (journal->written >= journal->most) {
		journal->suppressed++;
		return;
	}
	journal->written++;
	write_event(journal, event);
}

static void add_row(struct journal_entry *entry, const struct summary *summary,
		    const struct summary_row *row)
{
	const struct counts *counts = &row->counts;
	char comm[TEXT_COMM_SIZE];

	entry_add(entry, "SLOWCLOSE_EVENT=summary");
	add_milliseconds(entry, "SLOWCLOSE_WINDOW_MS", summary_length_ns(summary));
	if (row->role) { /* else other, or everything */
		text_comm(row->comm, comm, sizeof(comm));
		entry_add(entry, "SLOWCLOSE_SERVICE=%s/%u", comm[0] ? comm : "-", row->port);
		entry_add(entry, "SLOWCLOSE_ROLE=%s", role_name(row->role));
		entry_add(entry, "SLOWCLOSE_PORT=%u", row->port);
		if (comm[0])
			entry_add(entry, "SLOWCLOSE_OWNER_COMM=%s", comm);
	}
	entry_add(entry, "SLOWCLOSE_ENDED=%" PRIu64, counts->ended);
	entry_add(entry, "SLOWCLOSE_SLOW_ACCEPTS=%" PRIu64, counts->slow_accepts);
	entry_add(entry, "SLOWCLOSE_SLOW_CLOSES=%" PRIu64, counts->slow_closes);
	if (row->has_waiting) {
		entry_add(entry, "SLOWCLOSE_IN_ACCEPT_QUEUE=%" PRIu64, row->waiting.accept_queue);
		entry_add(entry, "SLOWCLOSE_IN_CLOSE_WAIT=%" PRIu64, row->waiting.close_wait);
	}
	add_milliseconds(entry, "SLOWCLOSE_ACCEPT_WAIT_P99_MS",
			 summary_percentile(&row->measures[MEASURE_ACCEPT_WAIT], 99));
	add_milliseconds(entry, "SLOWCLOSE_CLOSE_WAIT_P99_MS",
			 summary_percentile(&row->measures[MEASURE_CLOSE_WAIT], 99));
}

static void write_row(struct journal *journal, const struct summary *summary,
		      const struct summary_row *row)
{
	struct memory_file file;
	FILE *out = memory_file_begin(&file);
	char *text;

	if (out)
		text_summary_line(out, summary, row);
	text = memory_file_end(&file, NULL);
	if (!text)
		return;
	add_row(begin(journal, text, LOG_INFO), summary, row);
	send_or_count(journal);
	free(text);
}

void journal_summary(struct journal *journal, struct summary *summary)
{
	const struct summary_row *row;

	while ((row = summary_next(summary))) {
		if (summary_row_is_notable(row))
			write_row(journal, summary, row);
	}
	row = summary_other(summary);
	if (row && summary_row_is_notable(row))
		write_row(journal, summary, row);
	write_row(journal, summary, summary_total(summary));
}

static int priority(enum severity severity)
{
	if (severity == SEVERITY_CRITICAL)
		return LOG_ERR;
	return severity == SEVERITY_WARNING ? LOG_WARNING : LOG_INFO;
}

static void add_finding(struct journal_entry *entry, const struct evidence *evidence,
			const struct finding *finding, const char *comm)
{
	entry_add(entry, "SLOWCLOSE_EVENT=finding");
	entry_add(entry, "SLOWCLOSE_FINDING=%s", finding_name(finding->code));
	entry_add(entry, "SLOWCLOSE_SEVERITY=%s", severity_name(finding->severity));
	entry_add(entry, "SLOWCLOSE_CONFIDENCE=%s", confidence_name(finding->confidence));
	entry_add(entry, "SLOWCLOSE_SERVICE=%s/%u", comm, evidence->port);
	entry_add(entry, "SLOWCLOSE_ROLE=%s", role_name(evidence->role));
	entry_add(entry, "SLOWCLOSE_PORT=%u", evidence->port);
	if (evidence->unit[0])
		entry_add(entry, "SLOWCLOSE_OWNER_UNIT=%s", evidence->unit);
	for (size_t i = 0; i < finding->proof.count; i++)
		entry_add(entry, "SLOWCLOSE_PROOF=%s", finding->proof.text[i]);
}

void journal_finding(struct journal *journal, const struct evidence *evidence,
		     const struct finding *finding, int64_t since_ns, int64_t now_ns)
{
	char comm[TEXT_COMM_SIZE], age[32], line[512];

	text_comm(evidence->comm[0] ? evidence->comm : "-", comm, sizeof(comm));
	snprintf(line, sizeof(line), "finding %s: %s %s port %u, for %s%s: %s",
		 finding_name(finding->code), comm, role_name(evidence->role), evidence->port,
		 duration_format(now_ns - since_ns, age, sizeof(age)), finding->at_least ? "+" : "",
		 finding->headline);
	add_finding(begin(journal, line, priority(finding->severity)), evidence, finding, comm);
	send_or_count(journal);
}

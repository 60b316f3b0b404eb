// SPDX-License-Identifier: GPL-2.0
#include "journal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>
/* Where in the source an entry comes from says nothing about a connection. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "duration.h"
#include "log.h"
#include "render.h"
#include "text.h"

#define EVENTS_A_SECOND 20
#define FIELDS_MAX 24

struct journal {
	bool connected; /* standard error is the journal's, so there is one */
	int64_t second; /* CLOCK_MONOTONIC, in seconds */
	unsigned int written; /* events in it */
	uint64_t suppressed; /* that are not told yet */
};

/* One entry of the journal while it is put together. */
struct fields {
	struct iovec items[FIELDS_MAX];
	int count;
};

/* Of a unit's process JOURNAL_STREAM is inherited; its standard error may have gone elsewhere. */
static bool is_connected(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat status;
	char own[64];

	if (!stream || fstat(STDERR_FILENO, &status) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(stream, own) == 0;
}

struct journal *journal_new(void)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (journal)
		journal->connected = is_connected();
	return journal;
}

void journal_free(struct journal *journal)
{
	free(journal);
}

/* A field for which there is no memory is missing. */
static __attribute__((format(printf, 2, 3))) void add(struct fields *fields, const char *format,
						      ...)
{
	va_list args;
	char *text;
	int length;

	if (fields->count == FIELDS_MAX)
		return;
	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length >= 0)
		fields->items[fields->count++] = (struct iovec){text, (size_t)length};
}

static void add_milliseconds(struct fields *fields, const char *name, int64_t ns)
{
	if (ns != UNKNOWN)
		add(fields, "%s=%lld.%03d", name, (long long)(ns / NSEC_PER_MSEC),
		    (int)(ns % NSEC_PER_MSEC / 1000));
}

static void send_fields(struct fields *fields)
{
	sd_journal_sendv(fields->items, fields->count);
	for (int i = 0; i < fields->count; i++)
		free(fields->items[i].iov_base);
}

static void add_connection(struct fields *fields, const struct event *event)
{
	char address[TEXT_ADDRESS_SIZE], comm[TEXT_COMM_SIZE], id[RENDER_ID_SIZE];
	const struct conn *conn = &event->conn;

	add(fields, "SLOWCLOSE_EVENT=%s", kind_name(event->kind));
	add(fields, "SLOWCLOSE_ID=%s", render_id(event->id, id));
	add(fields, "SLOWCLOSE_ROLE=%s", role_name(conn->role));
	if (cause_name(event->cause))
		add(fields, "SLOWCLOSE_CAUSE=%s", cause_name(event->cause));
	if (event->kind == RECORD_CLOSED && end_name(conn->end))
		add(fields, "SLOWCLOSE_END=%s", end_name(conn->end));
	add_milliseconds(fields, "SLOWCLOSE_ACCEPT_WAIT_MS", event->accept_wait_ns);
	add_milliseconds(fields, "SLOWCLOSE_CLOSE_WAIT_MS", event->close_wait_ns);
	add_milliseconds(fields, "SLOWCLOSE_LIFETIME_MS", event->lifetime_ns);
	add(fields, "SLOWCLOSE_LOCAL=%s",
	    text_address(conn->family, conn->local_addr, conn->local_port, address));
	add(fields, "SLOWCLOSE_REMOTE=%s",
	    text_address(conn->family, conn->remote_addr, conn->remote_port, address));
	add(fields, "SLOWCLOSE_NETNS=%u", conn->netns);
	if (!conn->owner.pid)
		return;
	add(fields, "SLOWCLOSE_OWNER_PID=%u", conn->owner.pid);
	add(fields, "SLOWCLOSE_OWNER_COMM=%s", text_comm(conn->owner.comm, comm, sizeof(comm)));
	if (event->owner_place && event->owner_place->unit[0])
		add(fields, "SLOWCLOSE_OWNER_UNIT=%s", event->owner_place->unit);
}

/* To be freed. */
static char *event_line(const struct event *event)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	text_event_line(out, event);
	fclose(out);
	return text;
}

static void write_event(const struct journal *journal, const struct event *event)
{
	struct fields fields = {.count = 0};
	char *line = event_line(event);

	if (!line)
		return;
	if (journal->connected) {
		add(&fields, "MESSAGE=%s", line);
		add(&fields, "PRIORITY=%d", LOG_NOTICE);
		add_connection(&fields, event);
		send_fields(&fields);
	} else {
		log_line("%s", line);
	}
	free(line);
}

static void tell_suppressed(struct journal *journal)
{
	struct fields fields = {.count = 0};

	if (!journal->suppressed)
		return;
	if (journal->connected) {
		add(&fields, "MESSAGE=%" PRIu64 " slow closes more are not written here",
		    journal->suppressed);
		add(&fields, "PRIORITY=%d", LOG_NOTICE);
		add(&fields, "SLOWCLOSE_EVENT=suppressed");
		add(&fields, "SLOWCLOSE_SUPPRESSED=%" PRIu64, journal->suppressed);
		send_fields(&fields);
	} else {
		log_line("%" PRIu64 " slow closes more are not written here", journal->suppressed);
	}
	journal->suppressed = 0;
}

void journal_tick(struct journal *journal, int64_t now_ns)
{
	int64_t second = now_ns / NSEC_PER_SEC;

	if (second == journal->second)
		return;
	tell_suppressed(journal);
	journal->second = second;
	journal->written = 0;
}

void journal_event(struct journal *journal, const struct event *event, int64_t now_ns)
{
	if (!event->slow)
		return;
	journal_tick(journal, now_ns);
	if (journal->written == EVENTS_A_SECOND) {
		journal->suppressed++;
		return;
	}
	journal->written++;
	write_event(journal, event);
}

static void add_row(struct fields *fields, const struct summary *summary,
		    const struct summary_row *row)
{
	const struct counts *counts = &row->counts;
	char comm[TEXT_COMM_SIZE];

	add(fields, "SLOWCLOSE_EVENT=summary");
	add_milliseconds(fields, "SLOWCLOSE_WINDOW_MS", summary_length_ns(summary));
	if (row->role) { /* else other, or everything */
		text_comm(row->comm, comm, sizeof(comm));
		add(fields, "SLOWCLOSE_SERVICE=%s/%u", comm[0] ? comm : "-", row->port);
		add(fields, "SLOWCLOSE_ROLE=%s", role_name(row->role));
		add(fields, "SLOWCLOSE_PORT=%u", row->port);
		if (comm[0])
			add(fields, "SLOWCLOSE_OWNER_COMM=%s", comm);
	}
	add(fields, "SLOWCLOSE_ENDED=%" PRIu64, counts->ended);
	add(fields, "SLOWCLOSE_SLOW_ACCEPTS=%" PRIu64, counts->slow_accepts);
	add(fields, "SLOWCLOSE_SLOW_CLOSES=%" PRIu64, counts->slow_closes);
	if (row->has_waiting) {
		add(fields, "SLOWCLOSE_IN_ACCEPT_QUEUE=%" PRIu64, row->waiting.accept_queue);
		add(fields, "SLOWCLOSE_IN_CLOSE_WAIT=%" PRIu64, row->waiting.close_wait);
	}
	add_milliseconds(fields, "SLOWCLOSE_ACCEPT_WAIT_P99_MS",
			 summary_percentile(&row->measures[MEASURE_ACCEPT_WAIT], 99));
	add_milliseconds(fields, "SLOWCLOSE_CLOSE_WAIT_P99_MS",
			 summary_percentile(&row->measures[MEASURE_CLOSE_WAIT], 99));
}

static void write_row(const struct journal *journal, const struct summary *summary,
		      const struct summary_row *row)
{
	struct fields fields = {.count = 0};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	text_summary_line(out, summary, row);
	fclose(out);
	if (!text)
		return;
	if (journal->connected) {
		add(&fields, "MESSAGE=%s", text);
		add(&fields, "PRIORITY=%d", LOG_INFO);
		add_row(&fields, summary, row);
		send_fields(&fields);
	} else {
		log_line("%s", text);
	}
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

static void add_finding(struct fields *fields, const struct evidence *evidence,
			const struct finding *finding, const char *comm)
{
	add(fields, "SLOWCLOSE_EVENT=finding");
	add(fields, "SLOWCLOSE_FINDING=%s", finding_name(finding->code));
	add(fields, "SLOWCLOSE_SEVERITY=%s", severity_name(finding->severity));
	add(fields, "SLOWCLOSE_CONFIDENCE=%s", confidence_name(finding->confidence));
	add(fields, "SLOWCLOSE_SERVICE=%s/%u", comm, evidence->port);
	add(fields, "SLOWCLOSE_ROLE=%s", role_name(evidence->role));
	add(fields, "SLOWCLOSE_PORT=%u", evidence->port);
	if (evidence->unit[0])
		add(fields, "SLOWCLOSE_OWNER_UNIT=%s", evidence->unit);
	for (size_t i = 0; i < finding->proof.count; i++)
		add(fields, "SLOWCLOSE_PROOF=%s", finding->proof.text[i]);
}

void journal_finding(struct journal *journal, const struct evidence *evidence,
		     const struct finding *finding, int64_t since_ns, int64_t now_ns)
{
	struct fields fields = {.count = 0};
	char comm[TEXT_COMM_SIZE], age[32], line[512];

	text_comm(evidence->comm[0] ? evidence->comm : "-", comm, sizeof(comm));
	snprintf(line, sizeof(line), "finding %s: %s %s port %u, for %s%s: %s",
		 finding_name(finding->code), comm, role_name(evidence->role), evidence->port,
		 duration_format(now_ns - since_ns, age, sizeof(age)), finding->at_least ? "+" : "",
		 finding->headline);
	if (!journal->connected) {
		log_line("%s", line);
		return;
	}
	add(&fields, "MESSAGE=%s", line);
	add(&fields, "PRIORITY=%d", priority(finding->severity));
	add_finding(&fields, evidence, finding, comm);
	send_fields(&fields);
}

// SPDX-License-Identifier: GPL-2.0
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "command.h"
#include "duration.h"
#include "line.h"
#include "message.h"
#include "output.h"
#include "render.h"
#include "summary_words.h"

#define ROWS_DEFAULT 20
#define WIDTH_DEFAULT 80
#define DURATION_SIZE 32

static void print_left_out(FILE *out, const struct summary *summary, size_t rows)
{
	size_t more = summary->row_count - rows;

	if (more)
		fprintf(out, "%zu more %s; -n %zu shows all.\n", more, more == 1 ? "row" : "rows",
			summary->row_count);
}

/* One of a list of them, on a new line where this one is full. Returns the column it ends in. */
static int print_cause(FILE *out, int column, uint64_t count, const char *name)
{
	static const char intro[] = "Causes of the slow ones:";
	int length = snprintf(NULL, 0, " %" PRIu64 " %s,", count, name);

	if (!count)
		return column;
	if (!column)
		column = fprintf(out, "%s", intro);
	else
		fputc(',', out);
	if (column + length >= WIDTH_DEFAULT) {
		fputc('\n', out);
		column = 0;
	}
	fprintf(out, "%s%" PRIu64 " %s", column ? " " : "", count, name);
	return column + length;
}

/* Why: of all that was slow. */
static void print_causes(FILE *out, const struct summary_row *total)
{
	int column = 0;

	for (int cause = CAUSE_NONE + 1; cause < CAUSE_COUNT; cause++)
		column = print_cause(out, column, total->causes[cause],
				     cause_name((enum conn_cause)cause));
	column = print_cause(out, column, total->causes[CAUSE_NONE], "accepted late or not proven");
	if (column)
		fputs(".\n", out);
}

static void print_thresholds(FILE *out, const struct summary *summary)
{
	char close_wait[DURATION_SIZE], accept_wait[DURATION_SIZE];

	if (summary->close_wait_threshold_ns == UNKNOWN ||
	    summary->accept_wait_threshold_ns == UNKNOWN)
		return;
	fprintf(out, "Slow is an accept wait from %s, a close wait from %s.\n",
		duration_format(summary->accept_wait_threshold_ns, accept_wait,
				sizeof(accept_wait)),
		duration_format(summary->close_wait_threshold_ns, close_wait, sizeof(close_wait)));
}

/* The true length: a daemon that has just been started has no hour behind it. */
static void print_window(FILE *out, const struct summary *summary)
{
	time_t seconds = render_seconds(summary->time_ns);
	char length[DURATION_SIZE], clock[DURATION_SIZE];
	bool is_start = strcmp(summary->window, "start") == 0;
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	duration_format(summary->time_ns - summary->since_ns, length, sizeof(length));
	fprintf(out, "Window: %s up to %s, %s%s. WAITING is now.\n", length, clock,
		is_start ? "since slowclosed started" : "of ", is_start ? "" : summary->window);
}

/* Of those that came without a record the service is all that is known: its rows have them. */
static void print_undetailed(FILE *out, const struct summary *summary)
{
	bool in_no_row = !strcmp(summary->by, "process") || !strcmp(summary->by, "peer");

	if (summary->undetailed && in_no_row)
		fprintf(out,
			"%" PRIu64 " are in the total alone: only their service is known "
			"(--by service).\n",
			summary->undetailed);
}

static void print_measure(FILE *out, const struct summary_row *row,
			  const struct summary_measure *measure, const char *name, int64_t slow_ns,
			  const struct table_style *style)
{
	int columns = style->columns ? style->columns : WIDTH_DEFAULT;
	int64_t marked_ns = slow_ns == UNKNOWN ? INT64_MAX : slow_ns;

	if (!measure->count)
		return;
	fprintf(out, "\n%s, %s of %" PRIu64 ":\n", row->name, name, measure->count);
	bars_print(out, &measure->bars, columns, marked_ns, style->colour);
}

static void print_histograms(FILE *out, const struct summary *summary,
			     const struct summary_row *row, const struct table_style *style)
{
	print_measure(out, row, &row->accept_wait, "accept wait", summary->accept_wait_threshold_ns,
		      style);
	print_measure(out, row, &row->close_wait, "close wait", summary->close_wait_threshold_ns,
		      style);
}

void report_print(FILE *out, struct summary *summary, const char *sort, size_t rows, bool histogram,
		  const struct table_style *style)
{
	struct table_style fitted = *style;

	if (rows > summary->row_count)
		rows = summary->row_count;
	table_sort_rows(summary, sort);
	table_fit(&fitted, summary, rows);
	table_head(out, summary->by, &fitted);
	for (size_t i = 0; i < rows; i++)
		table_row(out, &summary->rows[i], &fitted);
	if (summary->has_other)
		table_row(out, &summary->other, &fitted);
	table_row(out, &summary->total, &fitted);
	fputc('\n', out);
	print_left_out(out, summary, rows);
	print_undetailed(out, summary);
	print_causes(out, &summary->total);
	print_thresholds(out, summary);
	print_window(out, summary);
	for (size_t i = 0; histogram && i < rows; i++)
		print_histograms(out, summary, &summary->rows[i], style);
	if (histogram)
		print_histograms(out, summary, &summary->total, style);
}

static int print_summary(const struct command_options *options, const json_t *object)
{
	struct table_style style = {.columns = isatty(STDOUT_FILENO) ? output_columns() : 0,
				    .colour = options_wants_colour()};
	struct field_error error;
	struct summary summary;
	int r = summary_from_json(&summary, object, &error);

	if (r < 0) {
		message("the summary of slowclosed cannot be read: %s",
			r == -EINVAL ? error.text : strerror(-r));
		return EXIT_FAILURE;
	}
	report_print(stdout, &summary, options->sort,
		     options->count ? options->count : ROWS_DEFAULT, options->histogram, &style);
	summary_free(&summary);
	return output_status(output_flush());
}

static int report_run(const struct command_options *options)
{
	struct client client = {.socket = options->socket, .silence_ms = CLIENT_SILENCE_MS};
	struct query query;
	json_t *object;
	int status;

	query_begin(&query, "/v1/summary");
	if (options->window)
		query_add(&query, "window", options->window);
	if (options->by)
		query_add(&query, "by", options->by);
	if (options->histogram)
		query_add(&query, "histogram", NULL);
	if (client_get(&client, &query, &object) < 0) {
		message("%s", client.message);
		return EXIT_FAILURE;
	}
	if (options->json) {
		output_object(object);
		status = output_status(output_flush());
	} else {
		status = print_summary(options, object);
	}
	json_decref(object);
	return status;
}

static const struct option long_options[] = {
	{"window", required_argument, NULL, OPTION_WINDOW},
	{"by", required_argument, NULL, OPTION_BY},
	{"sort", required_argument, NULL, OPTION_SORT},
	{"histogram", no_argument, NULL, OPTION_HISTOGRAM},
	{"count", required_argument, NULL, 'n'},
	{"json", no_argument, NULL, OPTION_JSON},
	COMMAND_ROWS,
};

const struct command report_command = {
	.name = "report",
	.summary = "percentiles by " SUMMARY_BY_ALLOWED,
	.usage = "  slowclose report                        the last five minutes, by service\n"
		 "  slowclose report --window 1h --by unit  the last hour, by systemd unit\n"
		 "  slowclose report --sort close-p99 -n 5  where the last percent waits longest\n"
		 "  slowclose report --histogram            with bars of how long they waited\n"
		 "  slowclose report --json | jq '.rows[] | select(.slow_closes > 0)'\n"
		 "\n"
		 "      --window WINDOW        1m, 5m (default), 1h or start (of slowclosed)\n"
		 "      --by WHAT              service (default), process, port, unit or peer\n"
		 "      --sort COLUMN          slow (default: what was slow or waits now), ended,\n"
		 "                             slow-accepts, slow-closes, accept-p99, accept-max,\n"
		 "                             close-p99, close-max, queue, close-wait or name\n"
		 "      --histogram            how long they waited, of each row that is shown\n"
		 "  -n, --count COUNT          so many rows (default 20)\n"
		 "      --json                 all rows, as one JSON object\n" COMMAND_USAGE "\n"
		 "A service is a port and a command: 443/nginx; >5432/python3 connects from here\n"
		 "to port 5432, >192.0.2.1 to that peer. Behind @ is the network namespace, where\n"
		 "names are the same. QUEUE and CLOSE under WAITING are connections in the accept\n"
		 "queue and in CLOSE_WAIT.\n",
	.letters = "n:" COMMAND_LETTERS,
	.long_options = long_options,
	.run = report_run,
};

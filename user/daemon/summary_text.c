// SPDX-License-Identifier: GPL-2.0
#include "summary.h"

#include <inttypes.h>
#include <string.h>

#include "duration.h"
#include "text.h"

/* "nginx server port 443 (nginx.service)", "other services" or "all". */
static void put_service(FILE *out, const struct summary_row *row)
{
	char comm[TEXT_COMM_SIZE], unit[512];

	if (!row->role) {
		fputs(row->other ? "other services" : "all", out);
		return;
	}
	fprintf(out, "%s %s port %u", row->comm[0] ? text_comm(row->comm, comm, sizeof(comm)) : "-",
		role_name(row->role), row->port);
	if (row->unit && row->unit[0])
		fprintf(out, " (%s)", text_safe(row->unit, strlen(row->unit), unit, sizeof(unit)));
}

static void put_measure(FILE *out, const char *name, const struct summary_measure *measure)
{
	char p99[32], max[32];

	if (!measure->spread.count)
		return;
	fprintf(out, ", %s p99 %s max %s", name,
		duration_format(summary_percentile(measure, 99), p99, sizeof(p99)),
		duration_format((int64_t)measure->max_ns, max, sizeof(max)));
}

static void put_waiting(FILE *out, const struct waiting_counts *waiting)
{
	char oldest[32];

	if (!waiting->accept_queue && !waiting->close_wait)
		return;
	fprintf(out, "; now %" PRIu64 " in accept queue, %" PRIu64 " in CLOSE_WAIT, oldest %s",
		waiting->accept_queue, waiting->close_wait,
		duration_format(waiting->oldest_ns, oldest, sizeof(oldest)));
}

void text_summary_line(FILE *out, const struct summary *summary, const struct summary_row *row)
{
	char length[32];

	put_service(out, row);
	fprintf(out, ": %" PRIu64 " ended in %s, %" PRIu64 " slow accepts, %" PRIu64 " slow closes",
		row->counts.ended,
		duration_format(summary_length_ns(summary), length, sizeof(length)),
		row->counts.slow_accepts, row->counts.slow_closes);
	put_measure(out, "accept wait", &row->measures[MEASURE_ACCEPT_WAIT]);
	put_measure(out, "close wait", &row->measures[MEASURE_CLOSE_WAIT]);
	put_waiting(out, &row->waiting);
}

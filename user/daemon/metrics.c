// SPDX-License-Identifier: GPL-2.0
#include "metrics.h"

#include <errno.h>
#include <stdlib.h>

#include "metrics_part.h"
#include "prometheus.h"

static struct metrics_rows *findings_new(void)
{
	static const struct metrics_rows_options options = {
		.rows_max = METRICS_FINDINGS_MAX,
		.other_labels = "code=\"other\",severity=\"other\",role=\"other\",port=\"other\","
				"process=\"other\"",
		.gauges = 1,
		.notable_gauges = 1,
	};

	return metrics_rows_new(&options);
}

struct metrics *metrics_new(void)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));

	if (!metrics)
		return NULL;
	metrics->services = metrics_services_new();
	metrics->listeners = metrics_listeners_new();
	metrics->failures = metrics_failures_new();
	metrics->findings = findings_new();
	if (metrics->services && metrics->listeners && metrics->failures && metrics->findings)
		return metrics;
	metrics_free(metrics);
	return NULL;
}

void metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	metrics_rows_free(metrics->services);
	metrics_rows_free(metrics->listeners);
	metrics_rows_free(metrics->failures);
	metrics_rows_free(metrics->findings);
	free(metrics);
}

void metrics_service_labels(char labels[METRICS_SERVICE_LABELS_SIZE], enum conn_role role,
			    uint16_t port, const char comm[16])
{
	char process[PROMETHEUS_ESCAPED_SIZE(16)];

	snprintf(labels, METRICS_SERVICE_LABELS_SIZE, "role=\"%s\",port=\"%u\",process=\"%s\"",
		 role_name(role), port, prometheus_escape(comm, 16, process));
}

void metrics_begin(struct metrics *metrics, int64_t now_ns)
{
	metrics->now_ns = now_ns;
	metrics_rows_begin(metrics->services, now_ns);
	metrics_rows_begin(metrics->listeners, now_ns);
	metrics_rows_begin(metrics->failures, now_ns);
	metrics_rows_begin(metrics->findings, now_ns);
}

void metrics_add_finding(struct metrics *metrics, const struct evidence *evidence,
			 const struct finding *finding)
{
	struct metrics_source source = {.gauges = {1}};
	char service[METRICS_SERVICE_LABELS_SIZE];

	metrics_service_labels(service, evidence->role, evidence->port, evidence->comm);
	snprintf(source.labels, sizeof(source.labels), "code=\"%s\",severity=\"%s\",%s",
		 finding_name(finding->code), severity_name(finding->severity), service);
	metrics_rows_add(metrics->findings, &source);
}

static void print_findings(FILE *out, const struct metrics *metrics)
{
	const struct metrics_row *row;

	prometheus_family(out, "slowclose_findings", "gauge",
			  "Findings that are proven now: why connections wait.");
	for (size_t i = 0; (row = metrics_rows_next(metrics->findings, &i));)
		prometheus_count(out, "slowclose_findings", row->labels, NULL, row->gauges[0]);
}

int metrics_print(FILE *out, struct metrics *metrics, struct stats *stats,
		  const struct metrics_health *health)
{
	int r = 0;

	metrics_services_add(metrics, stats);
	r |= metrics_rows_end(metrics->services);
	r |= metrics_rows_end(metrics->listeners);
	r |= metrics_rows_end(metrics->failures);
	r |= metrics_rows_end(metrics->findings);
	if (r)
		return -ENOMEM;
	metrics_services_print(out, metrics);
	metrics_listeners_print(out, metrics);
	print_findings(out, metrics);
	metrics_health_print(out, health);
	return ferror(out) ? -EIO : 0;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of metrics.h share. */
#ifndef SLOWCLOSE_METRICS_PART_H
#define SLOWCLOSE_METRICS_PART_H

#include "metrics.h"
#include "metrics_rows.h"

struct metrics {
	int64_t now_ns;
	struct metrics_rows *services, *listeners, *failures, *findings;
	uint64_t ends[END_COUNT]; /* of all connections */
};

#define METRICS_SERVICE_LABELS_SIZE 96

/* role="…",port="…",process="…" */
void metrics_service_labels(char labels[METRICS_SERVICE_LABELS_SIZE], enum conn_role role,
			    uint16_t port, const char comm[16]);

/* The sources are given; these make rows of them, or print these. NULL: there is no memory. */
struct metrics_rows *metrics_services_new(void);
void metrics_services_add(struct metrics *metrics, struct stats *stats);
void metrics_services_print(FILE *out, const struct metrics *metrics);

struct metrics_rows *metrics_listeners_new(void);
struct metrics_rows *metrics_failures_new(void);
void metrics_listeners_print(FILE *out, const struct metrics *metrics);

void metrics_health_print(FILE *out, const struct metrics_health *health);

#endif

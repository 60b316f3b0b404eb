// SPDX-License-Identifier: GPL-2.0
/* Metrics of the daemon itself. */
#include "metrics_part.h"
#include "prometheus.h"

static void print_one(FILE *out, const char *name, const char *type, const char *help,
		      uint64_t count)
{
	prometheus_family(out, name, type, help);
	prometheus_count(out, name, "", NULL, count);
}

static void print_seconds(FILE *out, const char *name, const char *type, const char *help,
			  int64_t ns)
{
	prometheus_family(out, name, type, help);
	prometheus_nanoseconds(out, name, "", NULL, (uint64_t)ns);
}

static void print_build(FILE *out, const struct metrics_health *health)
{
	static const char *const name = "slowclose_build_info";
	char labels[METRICS_LABELS_SIZE];

	prometheus_family(out, name, "gauge", "Always 1: the daemon that runs.");
	snprintf(labels, sizeof(labels), "version=\"" SLOWCLOSE_VERSION "\",backend=\"%s\"",
		 health->backend);
	prometheus_count(out, name, labels, NULL, 1);
	print_seconds(out, "slowclose_close_wait_threshold_seconds", "gauge",
		      "Close wait from which on a connection is slow.", health->slow.close_wait_ns);
	print_seconds(out, "slowclose_accept_wait_threshold_seconds", "gauge",
		      "Accept wait from which on a connection is slow.",
		      health->slow.accept_wait_ns);
}

static void print_losses(FILE *out, const struct metrics_health *health)
{
	static const char *const name = "slowclose_losses_total";
	static const char *const causes[LOSS_COUNT] = {
		[LOSS_RING_FULL] = "cause=\"ring_full\"",
		[LOSS_RING_FULL_LATE] = "cause=\"ring_full_late\"",
		[LOSS_TABLE_FULL] = "cause=\"table_full\"",
		[LOSS_NO_MEMORY] = "cause=\"no_memory\"",
		[LOSS_FOLD_FULL] = "cause=\"fold_full\"",
		[LOSS_LISTENERS] = "cause=\"listeners\"",
		[LOSS_END_UNSEEN] = "cause=\"end_unseen\"",
	};

	prometheus_family(out, name, "counter", "What was not told in detail, or not at all.");
	for (int i = 0; i < LOSS_COUNT; i++)
		prometheus_count(out, name, causes[i], NULL, health->counts.losses[i]);
	prometheus_count(out, name, "cause=\"subscribers\"", NULL, health->events_lost);
}

static void print_flow(FILE *out, const struct metrics_health *health)
{
	const struct hooks_counts *counts = &health->counts;

	print_one(out, "slowclose_records_total", "counter",
		  "Ended connections that came through the ring.", counts->records);
	print_one(out, "slowclose_ring_unread_records", "gauge",
		  "Of these, those that wait in the ring.",
		  counts->records > health->read ? counts->records - health->read : 0);
	print_one(out, "slowclose_folded_connections_total", "counter",
		  "Ended connections that were only counted in the kernel.", counts->folded);
	print_losses(out, health);
	print_one(out, "slowclose_subscribers", "gauge", "Clients that events are sent to.",
		  health->subscribers);
}

static void print_bounds(FILE *out, const struct metrics_health *health)
{
	static const char *const name = "slowclose_statistics_rows";
	static const char *const tables[STATS_TABLES] = {
		[STATS_SERVICES] = "table=\"service\"",
		[STATS_PROCESSES] = "table=\"process\"",
		[STATS_PEERS] = "table=\"peer\"",
	};

	print_one(out, "slowclose_tracked_connections", "gauge",
		  "Connections in the kernel's table.", health->tracked);
	print_one(out, "slowclose_tracked_connections_limit", "gauge",
		  "Connections that the kernel's table has room for.", health->tracked_max);
	prometheus_family(out, name, "gauge", "Rows of the statistics that are in use.");
	for (int i = 0; i < STATS_TABLES; i++)
		prometheus_count(out, name, tables[i], NULL, health->usage.rows[i]);
	print_one(out, "slowclose_statistics_rows_limit", "gauge", "Rows that each table has.",
		  health->usage.rows_max);
	print_one(out, "slowclose_statistics_cells", "gauge",
		  "Cells of the exact histograms that are in use.", health->usage.cells);
	print_one(out, "slowclose_statistics_cells_limit", "gauge",
		  "Cells that all exact histograms share.", health->usage.cells_max);
	print_one(out, "slowclose_unseen_namespaces", "gauge",
		  "Network namespaces that were not looked at, at the start.",
		  health->unseen_namespaces);
	print_seconds(out, "slowclose_last_look_duration_seconds", "gauge",
		      "How long the last look at what waits took.", health->look_ns);
}

/* timed: of those programs alone whose runs are known. */
static void print_programs(FILE *out, const struct metrics_health *health, const char *name,
			   const char *help, bool timed,
			   void (*print)(FILE *out, const char *name, const char *labels,
					 const struct hooks_program *program))
{
	char labels[METRICS_LABELS_SIZE];

	prometheus_family(out, name, "counter", help);
	for (size_t i = 0; i < health->programs.count; i++) {
		const struct hooks_program *program = array_at(&health->programs, i);

		if (timed && !program->timed)
			continue;
		snprintf(labels, sizeof(labels), "program=\"%s\"", program->name);
		print(out, name, labels, program);
	}
}

static void print_skipped(FILE *out, const char *name, const char *labels,
			  const struct hooks_program *program)
{
	prometheus_count(out, name, labels, NULL, program->skipped);
}

static void print_runs(FILE *out, const char *name, const char *labels,
		       const struct hooks_program *program)
{
	prometheus_count(out, name, labels, NULL, program->runs);
}

static void print_run_time(FILE *out, const char *name, const char *labels,
			   const struct hooks_program *program)
{
	prometheus_nanoseconds(out, name, labels, NULL, program->run_ns);
}

static void print_process(FILE *out, const struct metrics_health *health)
{
	if (health->resident_bytes != UNKNOWN)
		print_one(out, "process_resident_memory_bytes", "gauge",
			  "Resident memory of the daemon.", (uint64_t)health->resident_bytes);
	print_seconds(out, "process_cpu_seconds_total", "counter",
		      "CPU time that the daemon has used.", health->cpu_ns);
	print_seconds(out, "process_start_time_seconds", "gauge",
		      "When the daemon was started, since 1970.", health->started_ns);
}

void metrics_health_print(FILE *out, const struct metrics_health *health)
{
	print_build(out, health);
	print_flow(out, health);
	print_bounds(out, health);
	print_programs(out, health, "slowclose_program_skipped_total",
		       "Runs of a BPF program that the kernel left out; another makes them good.",
		       false, print_skipped);
	print_programs(out, health, "slowclose_program_runs_total",
		       "Runs of a BPF program, where kernel.bpf_stats_enabled is on.", true,
		       print_runs);
	print_programs(out, health, "slowclose_program_run_seconds_total",
		       "Run time of a BPF program, where kernel.bpf_stats_enabled is on.", true,
		       print_run_time);
	print_process(out, health);
}

// SPDX-License-Identifier: GPL-2.0
#include "status.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "privilege.h"
#include "render.h"
#include "service.h"

static double milliseconds(int64_t ns)
{
	return (double)(ns / 1000) / 1000.0;
}

static void add_program(void *userdata, const struct hooks_program *program)
{
	json_t *runs = json_null(), *run_ms = json_null();

	if (program->timed) {
		runs = json_integer((json_int_t)program->runs);
		run_ms = json_real(milliseconds((int64_t)program->run_ns));
	}
	json_array_append_new(userdata,
			      json_pack("{s:s, s:o, s:o, s:I}", "name", program->name, "runs", runs,
					"run_ms", run_ms, "skipped", (json_int_t)program->skipped));
}

static json_t *programs(const struct hooks *hooks)
{
	json_t *array = json_array();

	hooks_for_each_program(hooks, add_program, array);
	return array;
}

static json_t *unseen(struct service *service)
{
	json_t *array = json_array();
	char text[160];
	int error;
	unsigned int namespaces = watch_unseen(service->watch, &error);

	if (strcmp(hooks_backend(watch_hooks(service->watch)), "tracepoint") == 0)
		json_array_append_new(
			array, json_string("who accepts through io_uring or in a 32-bit program, "
					   "and when: the tracepoint backend sees accept() by its "
					   "system calls"));
	if (namespaces) {
		snprintf(text, sizeof(text),
			 "connections older than this daemon in %u network namespaces, which were "
			 "not looked at (%s)",
			 namespaces, strerror(-error));
		json_array_append_new(array, json_string(text));
	}
	if (!privilege_sees_processes())
		json_array_append_new(
			array, json_string("the descriptors, limits, threads and network "
					   "namespaces of other users' processes: this takes "
					   "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"));
	error = findings_unseen(service->findings);
	if (error) {
		snprintf(text, sizeof(text),
			 "in which of the kernel's functions threads wait: /proc/kallsyms hides "
			 "their addresses (%s; CAP_SYSLOG, kernel.kptr_restrict)",
			 strerror(-error));
		json_array_append_new(array, json_string(text));
	}
	return array;
}

static json_t *losses(struct service *service, const struct hooks_counts *counts)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "ring_full",
			 (json_int_t)counts->losses[LOSS_RING_FULL], "ring_full_late",
			 (json_int_t)counts->losses[LOSS_RING_FULL_LATE], "table_full",
			 (json_int_t)counts->losses[LOSS_TABLE_FULL], "no_memory",
			 (json_int_t)counts->losses[LOSS_NO_MEMORY], "fold_full",
			 (json_int_t)counts->losses[LOSS_FOLD_FULL], "listeners",
			 (json_int_t)counts->losses[LOSS_LISTENERS], "end_unseen",
			 (json_int_t)counts->losses[LOSS_END_UNSEEN], "subscribers",
			 (json_int_t)events_lost(service->events));
}

static void add_subscriber(void *userdata, struct subscriber *subscriber)
{
	struct subscriber_counts counts;

	events_counts(subscriber, &counts);
	json_array_append_new(userdata,
			      json_pack("{s:I, s:I, s:I, s:I}", "id", (json_int_t)counts.id, "sent",
					(json_int_t)counts.sent, "lost", (json_int_t)counts.lost,
					"buffered_bytes", (json_int_t)counts.buffered));
}

static json_t *subscribers(struct service *service)
{
	json_t *array = json_array();

	events_for_each(service->events, add_subscriber, array);
	return array;
}

int64_t status_resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = -1;

	if (file) {
		if (fscanf(file, "%*d %ld", &pages) != 1)
			pages = -1;
		fclose(file);
	}
	return pages < 0 ? UNKNOWN : pages * sysconf(_SC_PAGESIZE);
}

static json_t *resident_bytes(void)
{
	int64_t bytes = status_resident_bytes();

	return bytes == UNKNOWN ? json_null() : json_integer(bytes);
}

static json_t *usage(struct service *service)
{
	struct stats_usage usage;

	stats_usage(service->stats, &usage);
	return json_pack("{s:{s:I, s:I, s:I, s:I}, s:{s:o, s:I, s:I}}", "rows", "service",
			 (json_int_t)usage.rows[STATS_SERVICES], "process",
			 (json_int_t)usage.rows[STATS_PROCESSES], "peer",
			 (json_int_t)usage.rows[STATS_PEERS], "limit", (json_int_t)usage.rows_max,
			 "memory", "resident_bytes", resident_bytes(), "histogram_cells",
			 (json_int_t)usage.cells, "histogram_cells_limit",
			 (json_int_t)usage.cells_max);
}

static json_t *identity(struct service *service)
{
	const struct thresholds *slow = watch_slow(service->watch);
	struct hooks *hooks = watch_hooks(service->watch);
	char started[RENDER_TIME_SIZE];
	int64_t uptime_ns = clock_monotonic_ns() - service->since_ns;

	return json_pack("{s:s, s:i, s:s, s:f, s:o, s:s, s:s, s:o, s:s, s:f, s:f}", "version",
			 SLOWCLOSE_VERSION, "pid", (int)getpid(), "started",
			 render_time(service->started_ns, started), "uptime_ms",
			 milliseconds(uptime_ns), "configuration", reload_json(&service->reload),
			 "backend", hooks_backend(hooks), "backend_reason",
			 hooks_backend_reason(hooks), "unseen", unseen(service), "stream",
			 service->settings.stream_slow ? "slow" : "all", "close_wait_threshold_ms",
			 milliseconds(slow->close_wait_ns), "accept_wait_threshold_ms",
			 milliseconds(slow->accept_wait_ns));
}

json_t *status_json(struct service *service)
{
	struct hooks *hooks = watch_hooks(service->watch);
	json_t *status = identity(service), *rest, *used = usage(service);
	struct hooks_counts counts;

	hooks_counts(hooks, &counts);
	rest = json_pack("{s:o, s:I, s:I, s:o, s:{s:I, s:I}, s:{s:f}, s:o}", "programs",
			 programs(hooks), "records", (json_int_t)counts.records, "folded",
			 (json_int_t)counts.folded, "losses", losses(service, &counts),
			 "connections", "tracked", (json_int_t)hooks_tracked(hooks), "limit",
			 (json_int_t)hooks_tracked_max(hooks), "looks", "last_ms",
			 milliseconds(looker_last_ns(watch_looker(service->watch))), "subscribers",
			 subscribers(service));
	if (!status || !rest || !used || json_object_update(status, rest) ||
	    json_object_update(status, used)) {
		json_decref(status);
		status = NULL;
	}
	json_decref(rest);
	json_decref(used);
	return status;
}

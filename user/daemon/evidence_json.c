// SPDX-License-Identifier: GPL-2.0
#include "evidence_json.h"

#include <string.h>

#include "render.h"

/* Three digits behind the point say all that there is to a rate. */
static json_t *number(double value)
{
	return isnan(value) || isinf(value) ? json_null() : json_real(round(value * 1000) / 1000);
}

static json_t *count(int64_t value)
{
	return value == UNKNOWN ? json_null() : json_integer(value);
}

static json_t *text_lines(const struct finding_lines *lines)
{
	json_t *array = json_array();

	for (size_t i = 0; i < lines->count; i++)
		json_array_append_new(array, json_string(lines->text[i]));
	return array;
}

json_t *json_finding(const struct finding *finding, int64_t since_ns)
{
	char since[RENDER_TIME_SIZE];

	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:o, s:o, s:o}", "code",
			 finding_name(finding->code), "severity", severity_name(finding->severity),
			 "confidence", confidence_name(finding->confidence), "since",
			 render_time(since_ns, since), "at_least", finding->at_least, "headline",
			 finding->headline, "proof", text_lines(&finding->proof), "now",
			 text_lines(&finding->now), "for_good", text_lines(&finding->for_good));
}

/* What it is not, where there is anything to say. */
static json_t *others(const struct diagnosis *diagnosis)
{
	json_t *array = json_array();

	for (int code = 0; code < FINDINGS; code++) {
		const struct finding *finding = &diagnosis->findings[code];

		if (finding->verdict == VERDICT_EXPLAINED)
			json_array_append_new(
				array, json_pack("{s:s, s:s, s:s+}", "code", finding_name(code),
						 "verdict", verdict_name(finding->verdict), "why",
						 "part of ", finding_name(finding->explained_by)));
		else if (finding->verdict != VERDICT_PROVEN && finding->reason[0])
			json_array_append_new(array, json_pack("{s:s, s:s, s:s}", "code",
							       finding_name(code), "verdict",
							       verdict_name(finding->verdict),
							       "why", finding->reason));
	}
	return array;
}

static json_t *waits(const struct evidence *evidence)
{
	json_t *object = json_object();

	for (int cause = 0; cause < CAUSE_COUNT; cause++) {
		const struct evidence_waits *waits = &evidence->waits[cause];
		const char *name = cause_name(cause);

		if (waits->count || waits->before)
			json_object_set_new(object, name ? name : "unknown",
					    json_pack("{s:I, s:I, s:I, s:o, s:b}", "count",
						      (json_int_t)waits->count, "before",
						      (json_int_t)waits->before, "unread",
						      (json_int_t)waits->unread, "oldest_ms",
						      json_milliseconds(waits->oldest_ns),
						      "oldest_at_least", waits->oldest_at_least));
	}
	return object;
}

static json_t *errors(const struct evidence_listener *listener)
{
	json_t *object = json_object();

	for (size_t i = 0; i < listener->error_count; i++)
		json_object_set_new(object, error_name(listener->errors[i].error),
				    json_pack("{s:I, s:o}", "count",
					      (json_int_t)listener->errors[i].count, "per_second",
					      number(listener->errors[i].rate)));
	return object;
}

static json_t *holder(const struct evidence_listener *listener)
{
	if (!listener->holder)
		return json_null();
	return json_pack("{s:I, s:o}", "pid", (json_int_t)listener->holder, "comm",
			 json_comm(listener->comm));
}

static json_t *listeners(const struct evidence *evidence)
{
	json_t *array = json_array();
	char address[RENDER_ADDRESS_SIZE];

	for (size_t i = 0; i < evidence->listener_count; i++) {
		const struct evidence_listener *listener = &evidence->listeners[i];

		render_address(listener->family, listener->address, address);
		json_array_append_new(
			array,
			json_pack(
				"{s:{s:s, s:i}, s:o, s:I, s:I, s:I, s:s?, s:I, s:o, s:I, s:o, s:o, "
				"s:o, s:o}",
				"local", "address", address, "port", (int)listener->port, "holder",
				holder(listener), "holders", (json_int_t)listener->holders,
				"queued", (json_int_t)listener->queued, "limit",
				(json_int_t)listener->limit, "limit_by", listener->limit_by,
				"somaxconn", (json_int_t)listener->somaxconn, "drops_per_second",
				number(listener->drops), "drops_while_full",
				(json_int_t)listener->drops_while_full, "accepts_per_second",
				number(listener->accepts), "last_accept_ms",
				json_milliseconds(listener->last_accept_ns), "gone_accept_ms",
				json_milliseconds(listener->gone_accept_ns), "accept_errors",
				listener->accepts_seen ? errors(listener) : json_null()));
	}
	return array;
}

static json_t *threads(const struct evidence_process *process)
{
	json_t *object = json_object();

	if (!process->threads_known) {
		json_decref(object);
		return json_null();
	}
	for (int wait = 0; wait < THREAD_WAITS; wait++) {
		const struct evidence_group *group = &process->groups[wait];

		if (group->count)
			json_object_set_new(object, thread_wait_name(wait),
					    json_pack("{s:I, s:I, s:I, s:o, s:s?}", "count",
						      (json_int_t)group->count, "stuck",
						      (json_int_t)group->stuck, "tid",
						      (json_int_t)group->tid, "comm",
						      json_comm(group->comm), "where",
						      group->where[0] ? group->where : NULL));
	}
	return object;
}

static json_t *main_thread(const struct evidence_process *process)
{
	if (!process->main.known)
		return json_null();
	return json_pack("{s:s, s:b}", "wait", thread_wait_name(process->main.wait), "stuck",
			 process->main.stuck);
}

static json_t *pressure(const struct evidence_pressure *pressure)
{
	return json_pack("{s:o, s:o}", "some", number(pressure->some), "full",
			 number(pressure->full));
}

static json_t *pressures(const struct evidence_pressures *all)
{
	return json_pack("{s:o, s:o, s:o}", "cpu", pressure(&all->cpu), "io", pressure(&all->io),
			 "memory", pressure(&all->memory));
}

static json_t *processes(const struct evidence *evidence)
{
	json_t *array = json_array();

	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		json_array_append_new(
			array,
			json_pack("{s:I, s:o, s:o, s:b, s:b, s:b, s:o, s:b, s:o, s:I, s:I, s:o, "
				  "s:o, s:o, "
				  "s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
				  "pid", (json_int_t)process->pid, "comm", json_comm(process->comm),
				  "unit", json_place(process->unit), "owns", process->owns,
				  "listens", process->listens != 0, "accepts", process->accepts,
				  "fds", count(process->fds), "fds_at_least", process->fds_at_least,
				  "fd_limit",
				  process->fd_limit == INT64_MAX ? json_null()
								 : count(process->fd_limit),
				  "threads", (json_int_t)process->threads, "threads_left_out",
				  (json_int_t)process->threads_left_out, "waits", threads(process),
				  "main_thread", main_thread(process), "cpus",
				  count(process->cpus ? process->cpus : UNKNOWN), "running",
				  number(process->running), "delayed", number(process->delayed),
				  "delayed_most", number(process->delayed_most), "spare",
				  number(process->spare), "throttled", number(process->throttled),
				  "withheld", number(process->withheld), "throttled_by",
				  json_place(process->throttled_by), "pressure",
				  pressures(&process->pressures)));
	}
	return array;
}

static json_t *node(const struct evidence_node *node)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "pressure", pressures(&node->pressures),
			 "stolen", number(node->stolen), "files", count(node->files), "files_limit",
			 count(node->files_limit), "disk",
			 node->disk[0] ? json_pack("{s:s, s:o, s:o, s:I}", "name", node->disk,
						   "busy", number(node->disk_busy), "operation_ms",
						   number(node->disk_ms), "in_flight",
						   (json_int_t)node->disk_in_flight)
				       : json_null());
}

static json_t *inheritors(const struct evidence_leak *leak)
{
	json_t *array = json_array();

	for (size_t i = 0; i < leak->inheritor_count; i++)
		json_array_append_new(array, json_pack("{s:I, s:o}", "pid",
						       (json_int_t)leak->inheritors[i].pid, "comm",
						       json_comm(leak->inheritors[i].comm)));
	return array;
}

static json_t *kept_open(const struct evidence_leak *leak)
{
	if (!leak->pid)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "pid", (json_int_t)leak->pid, "fd",
			 (json_int_t)leak->fd, "held_by_others", (json_int_t)leak->held_by_others,
			 "left_to_others", (json_int_t)leak->left_to_others, "unseen",
			 (json_int_t)leak->unseen, "inheritors", inheritors(leak));
}

static json_t *until_fin(const struct evidence_until_fin *until_fin)
{
	int64_t p10_ns = UNKNOWN, p50_ns = UNKNOWN, p90_ns = UNKNOWN;
	int64_t from_ns = UNKNOWN, to_ns = UNKNOWN;

	if (until_fin->count) {
		p10_ns = until_fin->p10_ns;
		p50_ns = until_fin->p50_ns;
		p90_ns = until_fin->p90_ns;
		from_ns = until_fin->alike_from_ns;
		to_ns = until_fin->alike_to_ns;
	}
	return json_pack("{s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "count",
			 (json_int_t)until_fin->count, "closed", (json_int_t)until_fin->closed,
			 "p10_ms", json_milliseconds(p10_ns), "p50_ms", json_milliseconds(p50_ns),
			 "p90_ms", json_milliseconds(p90_ns), "alike", (json_int_t)until_fin->alike,
			 "alike_closed", (json_int_t)until_fin->alike_closed, "alike_from_ms",
			 json_milliseconds(from_ns), "alike_to_ms", json_milliseconds(to_ns));
}

static json_t *evidence_object(const struct evidence *evidence)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:I}",
			 "interval_ms", json_milliseconds(evidence->interval_ns), "waits",
			 waits(evidence), "growth_per_second", number(evidence->growth),
			 "listeners", listeners(evidence), "processes", processes(evidence), "node",
			 node(&evidence->node), "processes_left_out",
			 (json_int_t)evidence->processes_left_out, "overflows_per_second",
			 number(evidence->overflows), "kept_open", kept_open(&evidence->leak),
			 "fin_only", kept_open(&evidence->fin_only), "until_fin",
			 until_fin(&evidence->until_fin), "growing_for",
			 json_integer(evidence->growing), "younger", (json_int_t)evidence->younger);
}

json_t *json_service(const struct evidence *evidence, const struct diagnosis *diagnosis,
		     json_t *findings, unsigned int readings)
{
	char time[RENDER_TIME_SIZE];

	return json_pack("{s:s, s:s, s:I, s:i, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o}", "time",
			 render_time(evidence->time_ns, time), "role", role_name(evidence->role),
			 "netns", (json_int_t)evidence->netns, "port", (int)evidence->port, "comm",
			 evidence->comm[0] ? json_comm(evidence->comm) : json_null(), "unit",
			 json_place(evidence->unit), "readings", (json_int_t)readings,
			 "in_accept_queue", (json_int_t)evidence->in_queue, "in_close_wait",
			 (json_int_t)evidence->in_close_wait, "findings", findings, "not",
			 others(diagnosis), "evidence", evidence_object(evidence));
}

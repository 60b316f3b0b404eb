// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reading.h"

/* A second; NAN where it went backwards (another has its place), or there was no time. */
static double rate(uint64_t now, uint64_t before, int64_t interval_ns)
{
	if (interval_ns <= 0 || now < before)
		return NAN;
	return (double)(now - before) * 1e9 / (double)interval_ns;
}

static double share_of_us(uint64_t now_us, uint64_t before_us, int64_t interval_ns)
{
	double share = rate(now_us, before_us, interval_ns) / 1e6;

	return share > 1 ? 1 : share;
}

/* On average, of time that was spent since the reading before. */
static double cpus(uint64_t ns, int64_t interval_ns)
{
	return rate(ns, 0, interval_ns) / 1e9;
}

static struct evidence_pressure pressure(const struct proc_pressure *now,
					 const struct proc_pressure *before, int64_t interval_ns)
{
	if (!now->known || !before->known)
		return (struct evidence_pressure){NAN, NAN};
	return (struct evidence_pressure){
		.some = share_of_us(now->some_us, before->some_us, interval_ns),
		.full = share_of_us(now->full_us, before->full_us, interval_ns),
	};
}

static struct evidence_pressures pressures(const struct proc_pressures *now,
					   const struct proc_pressures *before, int64_t interval_ns)
{
	static const struct proc_pressures none;

	if (!before)
		before = &none;
	return (struct evidence_pressures){
		.cpu = pressure(&now->cpu, &before->cpu, interval_ns),
		.io = pressure(&now->io, &before->io, interval_ns),
		.memory = pressure(&now->memory, &before->memory, interval_ns),
	};
}

static void set_listener(struct evidence_listener *evidence, const struct listener_reading *now,
			 const struct listener_reading *before, int64_t interval_ns)
{
	*evidence = now->seen;
	evidence->drops = NAN;
	evidence->accepts = NAN;
	if (now->full)
		evidence->drops_while_full = now->drops - now->drops_before_full;
	for (size_t i = 0; i < evidence->error_count; i++) {
		struct evidence_error *error = &evidence->errors[i];
		const struct evidence_error *last =
			before ? evidence_error(&before->seen, error->error) : NULL;

		error->rate =
			before ? rate(error->count, last ? last->count : 0, interval_ns) : NAN;
	}
	if (!before)
		return;
	evidence->queued_before = before->seen.queued;
	evidence->drops = rate(now->drops, before->drops, interval_ns);
	if (evidence->accepts_seen)
		evidence->accepts = rate(now->accepts, before->accepts, interval_ns);
}

static void set_listeners(struct evidence *evidence, const struct service_reading *now,
			  const struct service_reading *before)
{
	for (size_t i = 0; i < now->listener_count; i++) {
		const struct listener_reading *listener = &now->listeners[i], *last = NULL;

		for (size_t j = 0; before && j < before->listener_count; j++) {
			if (before->listeners[j].sock == listener->sock)
				last = &before->listeners[j];
		}
		set_listener(&evidence->listeners[i], listener, last, evidence->interval_ns);
	}
	evidence->listener_count = now->listener_count;
	evidence->listeners_left_out = now->listeners_left_out;
}

static const struct process_reading *find_process(const struct reading *reading, uint32_t pid)
{
	for (size_t i = 0; i < reading->process_count; i++) {
		if (reading->processes[i].pid == pid)
			return &reading->processes[i];
	}
	return NULL;
}

static bool was_ever_throttled(const struct proc_throttles *throttles)
{
	for (size_t i = 0; i < throttles->count; i++) {
		if (throttles->levels[i].throttle.throttled)
			return true;
	}
	return false;
}

static bool are_same_levels(const struct proc_throttles *one, const struct proc_throttles *other)
{
	return one->count == other->count && strcmp(one->path, other->path) == 0;
}

/* Its share of the periods, and what it cost: a short stop in each of them is little. */
static void set_throttled_by(struct evidence_process *evidence,
			     const struct proc_throttles *throttles, size_t i,
			     const struct proc_throttle *before, int64_t interval_ns)
{
	const struct proc_level *level = &throttles->levels[i];
	const struct proc_throttle *now = &level->throttle;
	uint64_t periods = now->periods - before->periods;
	size_t room = sizeof(evidence->throttled_by), end = room - sizeof("...");

	evidence->throttled =
		periods ? (double)(now->throttled - before->throttled) / (double)periods : 0;
	evidence->withheld = rate(now->throttled_us, before->throttled_us, interval_ns) / 1e6;
	if (level->length < room)
		snprintf(evidence->throttled_by, room, "%.*s",
			 level->length ? (int)level->length : 1, throttles->path);
	else /* what it is called is at the end */
		snprintf(evidence->throttled_by, room, "...%.*s", (int)end,
			 throttles->path + level->length - end);
}

/* Of all quotas that it is under, the one that has throttled most since the reading before. */
static void set_throttled(struct evidence_process *evidence, const struct proc_throttles *now,
			  const struct proc_throttles *before, int64_t interval_ns)
{
	uint64_t most = 0;

	if (now->count && !was_ever_throttled(now))
		evidence->throttled = evidence->withheld = 0;
	if (!now->count || !before || !are_same_levels(now, before))
		return;
	evidence->throttled = evidence->withheld = 0;
	for (size_t i = 0; i < now->count; i++) {
		const struct proc_throttle *this = &now->levels[i].throttle;
		const struct proc_throttle *last = &before->levels[i].throttle;

		if (this->periods < last->periods || this->throttled < last->throttled ||
		    this->throttled - last->throttled <= most)
			continue;
		most = this->throttled - last->throttled;
		set_throttled_by(evidence, now, i, last, interval_ns);
	}
}

/*
 * The kernel counts a wait for a CPU when it is over, and one that a quota causes not at all since
 * 6.18 (docs/kernel.md). Of threads that did not sleep it is known all the same; of the others it
 * can be of the time before the last reading, but no thread waits longer than there is time.
 */
static double delayed(const struct process_reading *now, double running, int64_t interval_ns)
{
	double awake = (double)now->awake - cpus(now->awake_run_ns, interval_ns);
	double all = cpus(now->delay_ns, interval_ns) + (awake > 0 ? awake : 0);
	double most = (double)now->timed - running;

	if (most < 0)
		most = 0;
	return all < most ? all : most;
}

/* The same of the one that waited most. */
static double delayed_most(const struct process_reading *now, int64_t interval_ns)
{
	double awake = now->awake ? 1 - cpus(now->awake_run_least_ns, interval_ns) : 0;
	double most = cpus(now->delay_most_ns, interval_ns);

	if (awake > most)
		most = awake;
	return most < 1 ? most : 1;
}

static void set_process(struct evidence_process *evidence, const struct reading *reading,
			const struct reading *before, const struct service_process *who)
{
	const struct process_reading *now = find_process(reading, who->pid);
	const struct process_reading *last = find_process(before, who->pid);
	int64_t interval_ns = reading->threads_ns - before->threads_ns;

	memset(evidence, 0, sizeof(*evidence));
	if (now)
		*evidence = now->seen;
	else
		evidence->fds = evidence->fd_limit = evidence->fd_limit_hard = UNKNOWN;
	evidence->pid = who->pid;
	evidence->owns = who->owns;
	evidence->inherits = who->inherits;
	evidence->listens = who->listens;
	evidence->accepts = who->accepts;
	evidence->running = evidence->delayed = evidence->delayed_most = NAN;
	evidence->throttled = evidence->withheld = NAN;
	evidence->pressures = pressures(now ? &now->pressures : &(struct proc_pressures){0},
					last ? &last->pressures : NULL, interval_ns);
	if (!now)
		return;
	set_throttled(evidence, &now->throttles, last ? &last->throttles : NULL, interval_ns);
	if (now->timed && before->threads_ns) {
		evidence->running = cpus(now->run_ns, interval_ns);
		evidence->delayed = delayed(now, evidence->running, interval_ns);
		evidence->delayed_most = delayed_most(now, interval_ns);
	}
	for (int i = 0; last && i < THREAD_WAITS; i++)
		evidence->groups[i].before = last->seen.groups[i].count;
}

/*
 * CPUs that the process may use and neither it nor others of its service did: processes that have
 * the CPUs to themselves wait for each other, as threads do. One that only inherited a descriptor
 * does not work for the service.
 */
static double spare(const struct evidence *evidence, const struct evidence_process *of)
{
	double left = of->cpus;

	if (!of->cpus)
		return NAN;
	for (size_t i = 0; i < evidence->process_count; i++) {
		const struct evidence_process *process = &evidence->processes[i];

		if ((process == of || process->owns || process->accepts) && process->running > 0)
			left -= process->running;
	}
	return left > 0 ? left : 0;
}

static void set_busiest(struct evidence_node *evidence, const struct node_reading *now,
			const struct node_reading *before, int64_t interval_ns)
{
	evidence->disk_busy = evidence->disk_ms = NAN;
	for (size_t i = 0; i < now->disk_count; i++) {
		const struct proc_disk *disk = &now->disks[i], *last = NULL;
		uint64_t operations;
		double busy;

		for (size_t j = 0; j < before->disk_count; j++) {
			if (strcmp(before->disks[j].name, disk->name) == 0)
				last = &before->disks[j];
		}
		busy = last ? share_of_us(disk->busy_ms * 1000, last->busy_ms * 1000, interval_ns)
			    : NAN;
		if (isnan(busy) || busy <= evidence->disk_busy)
			continue;
		operations = disk->operations - last->operations;
		memcpy(evidence->disk, disk->name, sizeof(evidence->disk));
		evidence->disk_busy = busy;
		evidence->disk_in_flight = disk->in_flight;
		evidence->disk_ms = operations
					    ? (double)(disk->operations_ms - last->operations_ms) /
						      (double)operations
					    : NAN;
	}
}

static void set_node(struct evidence_node *evidence, const struct reading *reading,
		     const struct reading *before)
{
	const struct node_reading *now = &reading->node, *last = &before->node;
	int64_t interval_ns = reading->node_ns - before->node_ns;
	uint64_t ticks = now->cpu.ticks - last->cpu.ticks;

	memset(evidence, 0, sizeof(*evidence));
	evidence->pressures = pressures(&now->pressures, &last->pressures, interval_ns);
	evidence->files = now->files_known ? now->files : UNKNOWN;
	evidence->files_limit = now->files_known ? now->files_limit : UNKNOWN;
	evidence->stolen = NAN;
	if (now->cpu_known && last->cpu_known && now->cpu.ticks > last->cpu.ticks &&
	    now->cpu.stolen >= last->cpu.stolen)
		evidence->stolen = (double)(now->cpu.stolen - last->cpu.stolen) / (double)ticks;
	set_busiest(evidence, now, last, interval_ns);
}

static int compare_ns(const void *a, const void *b)
{
	int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;

	return (one > other) - (one < other);
}

/* The window in which most are. */
static void set_alike(struct evidence_until_fin *evidence, const int64_t *sorted, size_t count)
{
	size_t from = 0;

	for (size_t to = 0; to < count; to++) {
		while (sorted[to] - sorted[from] > EVIDENCE_ALIKE_NS &&
		       sorted[to] - sorted[from] > sorted[from] / EVIDENCE_ALIKE_SHARE)
			from++;
		if (to - from + 1 <= evidence->alike)
			continue;
		evidence->alike = to - from + 1;
		evidence->alike_from_ns = sorted[from];
		evidence->alike_to_ns = sorted[to];
	}
}

static void set_until_fin(struct evidence_until_fin *evidence,
			  const struct service_reading *service)
{
	int64_t sorted[READING_SAMPLES_MAX];
	size_t count = service->until_fin_count;

	*evidence = (struct evidence_until_fin){.count = count, .closed = service->closed_count};
	if (!count)
		return;
	memcpy(sorted, service->until_fin_ns, count * sizeof(sorted[0]));
	qsort(sorted, count, sizeof(sorted[0]), compare_ns);
	evidence->p10_ns = sorted[count / 10];
	evidence->p50_ns = sorted[count / 2];
	evidence->p90_ns = sorted[count - 1 - count / 10];
	set_alike(evidence, sorted, count);
	for (size_t i = 0; i < service->closed_count; i++)
		evidence->alike_closed += service->until_fin_ns[i] >= evidence->alike_from_ns &&
					  service->until_fin_ns[i] <= evidence->alike_to_ns;
}

static void set_waits(struct evidence *evidence, const struct service_reading *now,
		      const struct service_reading *before)
{
	for (int cause = 0; cause < CAUSE_COUNT; cause++) {
		evidence->waits[cause] = now->waits[cause];
		if (!before)
			continue;
		evidence->waits[cause].before = before->waits[cause].count;
		evidence->waits[cause].oldest_before_ns = before->waits[cause].oldest_ns;
	}
	evidence->in_queue = now->in_queue;
	evidence->in_close_wait = now->in_close_wait;
	evidence->growing = now->growing;
	evidence->younger = now->younger;
	evidence->growth = NAN;
	if (before && evidence->interval_ns > 0)
		evidence->growth = ((double)now->all - (double)before->all) * 1e9 /
				   (double)evidence->interval_ns;
}

void evidence_make(struct evidence *evidence, const struct reading *reading,
		   const struct reading *before, size_t i, const struct thresholds *thresholds,
		   int64_t realtime_offset_ns)
{
	const struct service_reading *now = &reading->services[i];
	const struct service_reading *last = reading_find_service(before, &now->id);

	memset(evidence, 0, sizeof(*evidence));
	evidence->time_ns = reading->time_ns + realtime_offset_ns;
	evidence->interval_ns = last ? reading->time_ns - before->time_ns : UNKNOWN;
	evidence->thresholds = *thresholds;
	evidence->role = now->id.role;
	evidence->netns = now->id.netns;
	evidence->port = now->id.port;
	memcpy(evidence->comm, now->comm, sizeof(evidence->comm));
	memcpy(evidence->unit, now->unit, sizeof(evidence->unit));
	set_waits(evidence, now, last);
	set_listeners(evidence, now, last);
	evidence->process_count = now->process_count;
	evidence->processes_left_out = now->processes_left_out;
	for (size_t j = 0; j < now->process_count; j++)
		set_process(&evidence->processes[j], reading, before, &now->processes[j]);
	for (size_t j = 0; j < now->process_count; j++)
		evidence->processes[j].spare = spare(evidence, &evidence->processes[j]);
	set_node(&evidence->node, reading, before);
	evidence->overflows = NAN;
	if (last && now->overflows_known && last->overflows_known)
		evidence->overflows = rate(now->overflows, last->overflows, evidence->interval_ns);
	evidence->leak = now->leak;
	evidence->fin_only = now->fin_only;
	set_until_fin(&evidence->until_fin, now);
}

// SPDX-License-Identifier: GPL-2.0
/* What a reading tells of processes, of the services they belong to and of the node. */
#include "reading.h"

#include <stdlib.h>
#include <string.h>

static int compare_pids(const void *a, const void *b)
{
	const struct process_reading *one = a, *other = b;

	return compare_u64(one->pid, other->pid);
}

/* In turns: each service has one before any has another. */
void reading_choose_processes(struct reading *reading)
{
	for (size_t turn = 0; turn < EVIDENCE_PROCESSES_MAX; turn++) {
		for (size_t i = 0; i < reading->service_count; i++) {
			const struct service_reading *service = &reading->services[i];
			uint32_t pid = service->processes[turn].pid;
			size_t at = 0;

			if (turn >= service->process_count)
				continue;
			while (at < reading->process_count && reading->processes[at].pid != pid)
				at++;
			if (at < reading->process_count)
				continue;
			if (at == READING_PROCESSES_MAX)
				reading->processes_left_out++;
			else
				reading->processes[reading->process_count++] =
					(struct process_reading){.pid = pid};
		}
	}
	qsort(reading->processes, reading->process_count, sizeof(reading->processes[0]),
	      compare_pids);
}

size_t reading_pids(const struct reading *reading, uint32_t pids[READING_PROCESSES_MAX])
{
	for (size_t i = 0; i < reading->process_count; i++)
		pids[i] = reading->processes[i].pid;
	return reading->process_count;
}

static int compare_tids(const void *a, const void *b)
{
	const struct thread_reading *one = a, *other = b;

	return compare_u64(one->tid, other->tid);
}

static const struct thread_reading *find_thread(const struct reading *reading, uint32_t tid)
{
	const struct thread_reading wanted = {.tid = tid};
	size_t i = array_first(&reading->threads, &wanted, compare_tids);
	const struct thread_reading *found = array_at(&reading->threads, i);

	return i < reading->threads.count && found->tid == tid ? found : NULL;
}

static void add_to_group(struct evidence_group *group, const struct thread_record *record,
			 bool stuck, bool awake, const char *where)
{
	bool first = !group->count || (stuck && !group->stuck) || (awake && !group->awake);

	group->count++;
	group->stuck += stuck;
	group->awake += awake;
	if (!first)
		return;
	group->tid = record->tid;
	memcpy(group->comm, record->comm, sizeof(group->comm));
	group->where[0] = '\0';
	if (where) /* without what the compiler has added: "do_poll.constprop.0" */
		strncat(group->where, where,
			strnlen(where, sizeof(group->where) - 1) < strcspn(where, ".")
				? sizeof(group->where) - 1
				: strcspn(where, "."));
}

static enum thread_wait classify(const struct thread_record *record, struct symbols *symbols,
				 const char **where)
{
	const char *names[THREAD_FRAMES];
	size_t count = record->frames < THREAD_FRAMES ? record->frames : THREAD_FRAMES;

	for (size_t i = 0; i < count; i++)
		names[i] = symbols && record->stack[i] ? symbols_name(symbols, record->stack[i])
						       : NULL;
	return thread_classify(record->state, names, count, record->futex, where);
}

static bool did_not_sleep(const struct thread_reading *now, const struct thread_reading *last)
{
	return now->wait == THREAD_RUNNING && last->wait == THREAD_RUNNING &&
	       now->sleeps == last->sleeps;
}

static void add_times(struct process_reading *process, const struct thread_reading *now,
		      const struct thread_reading *last)
{
	uint64_t run_ns = now->run_ns - last->run_ns;
	uint64_t delay_ns = now->delay_ns - last->delay_ns;

	if (now->run_ns < last->run_ns || now->delay_ns < last->delay_ns) /* another thread */
		return;
	process->timed++;
	process->run_ns += run_ns;
	if (did_not_sleep(now, last)) {
		if (!process->awake++ || run_ns < process->awake_run_least_ns)
			process->awake_run_least_ns = run_ns;
		process->awake_run_ns += run_ns;
		return;
	}
	process->delay_ns += delay_ns;
	if (delay_ns > process->delay_most_ns)
		process->delay_most_ns = delay_ns;
}

void reading_add_thread(struct reading *reading, const struct reading *before,
			const struct thread_record *record, struct symbols *symbols)
{
	const struct thread_reading *last = find_thread(before, record->tid);
	const struct process_reading wanted = {.pid = record->pid};
	struct process_reading *process =
		bsearch(&wanted, reading->processes, reading->process_count,
			sizeof(reading->processes[0]), compare_pids);
	struct thread_reading thread = {.tid = record->tid,
					.switches = record->switches,
					.sleeps = record->sleeps,
					.run_ns = record->run_ns,
					.delay_ns = record->delay_ns};
	const char *where;
	bool stuck, awake;

	if (!process)
		return;
	thread.wait = classify(record, symbols, &where);
	stuck = last && last->switches == record->switches && last->wait == thread.wait &&
		thread.wait != THREAD_RUNNING;
	awake = last && did_not_sleep(&thread, last);
	add_to_group(&process->seen.groups[thread.wait], record, stuck, awake, where);
	process->seen.threads++;
	process->seen.threads_known = true;
	if (record->tid == record->pid) {
		memcpy(process->seen.comm, record->comm, sizeof(process->seen.comm));
		process->seen.main.known = true;
		process->seen.main.wait = thread.wait;
		process->seen.main.stuck = stuck;
	}
	if (last)
		add_times(process, &thread, last);
	array_add(&reading->threads, &thread);
}

void reading_end_threads(struct reading *reading, int64_t now_ns)
{
	array_sort(&reading->threads, compare_tids);
	reading->threads_ns = now_ns;
}

void reading_read_process(struct reading *reading, size_t i, const struct proc_mounts *mounts,
			  struct places *places)
{
	struct process_reading *process = &reading->processes[i];
	struct evidence_process *seen = &process->seen;
	struct proc_cgroup cgroup;
	struct place place;

	if (proc_count_fds(process->pid, &seen->fds, &seen->fds_at_least) < 0)
		seen->fds = UNKNOWN;
	if (proc_fd_limit(process->pid, &seen->fd_limit, &seen->fd_limit_hard) < 0)
		seen->fd_limit = seen->fd_limit_hard = UNKNOWN;
	if (proc_cpus(process->pid, &seen->cpus) < 0)
		seen->cpus = 0;
	if (places_of(places, process->pid, reading->time_ns, &place))
		memcpy(seen->unit, place.unit, sizeof(seen->unit));
	if (proc_cgroup(process->pid, &cgroup) < 0)
		return;
	proc_throttles(mounts, &cgroup, &process->throttles);
	proc_cgroup_pressures(mounts, &cgroup, &process->pressures);
}

void reading_read_service(struct reading *reading, size_t i)
{
	struct service_reading *service = &reading->services[i];

	service->overflows_known = false;
	for (size_t j = 0; j < service->listener_count && !service->overflows_known; j++) {
		uint32_t pid = service->listeners[j].seen.holder;

		service->overflows_known = pid && proc_overflows(pid, &service->overflows) == 0;
	}
}

void reading_read_node(struct reading *reading, int64_t now_ns)
{
	struct node_reading *node = &reading->node;
	char text[65536];

	reading->node_ns = now_ns;
	proc_node_pressures(&node->pressures);
	node->cpu_known = proc_read("/proc/stat", text, sizeof(text)) == 0 &&
			  proc_parse_cpu(text, &node->cpu) == 0;
	node->disk_count = 0;
	if (proc_read("/proc/diskstats", text, sizeof(text)) == 0)
		node->disk_count = proc_parse_disks(text, node->disks, PROC_DISKS_MAX);
	node->files_known = proc_read("/proc/sys/fs/file-nr", text, sizeof(text)) == 0 &&
			    proc_parse_files(text, &node->files, &node->files_limit) == 0;
}

// SPDX-License-Identifier: GPL-2.0
#include "hidden.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRACEPOINT_ID "/sys/kernel/tracing/events/sock/inet_sock_set_state/id"
#define THREADS_MAX 256

/* A counter of each thread of the first process, and of those that it will have. */
static int counters[THREADS_MAX];
static int counter_count;
static long long before;

/* Returns 0 and the tracepoint's number, or -errno. */
static int read_tracepoint_id(uint64_t *id)
{
	FILE *file = fopen(TRACEPOINT_ID, "re");
	int r;

	if (!file)
		return -errno;
	r = fscanf(file, "%" SCNu64, id) == 1 ? 0 : -EIO;
	fclose(file);
	return r;
}

static int count_in_thread(pid_t tid, uint64_t tracepoint)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = tracepoint,
		.inherit = 1,
		.inherit_thread = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static int count_in_threads(DIR *threads, uint64_t tracepoint)
{
	struct dirent *entry;

	while (counter_count < THREADS_MAX && (entry = readdir(threads))) {
		pid_t tid = atoi(entry->d_name);
		int counter = tid ? count_in_thread(tid, tracepoint) : -1;

		if (counter >= 0)
			counters[counter_count++] = counter;
		else if (tid && errno != ESRCH) /* it has ended meanwhile */
			return -errno;
	}
	return 0;
}

void hidden_watch(void)
{
	DIR *threads = opendir("/proc/1/task");
	uint64_t tracepoint;
	int r = threads ? read_tracepoint_id(&tracepoint) : -errno;

	if (r == 0)
		r = count_in_threads(threads, tracepoint);
	if (r < 0)
		fprintf(stderr, "e2e: cannot count what this host may hide: %s\n", strerror(-r));
	if (threads)
		closedir(threads);
}

static long long total(void)
{
	long long sum = 0, count;

	for (int i = 0; i < counter_count; i++) {
		if (read(counters[i], &count, sizeof(count)) == sizeof(count))
			sum += count;
	}
	return sum;
}

void hidden_begin(void)
{
	before = total();
}

long long hidden_transitions(void)
{
	return total() - before;
}

bool hidden_explains(long long missing)
{
	return missing >= 0 && missing <= hidden_transitions();
}

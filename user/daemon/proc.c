// SPDX-License-Identifier: GPL-2.0
#include "proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names of descriptors that are read one by one: a few milliseconds. */
#define FDS_COUNTED 16384

/* Of a file of a cgroup. */
#define PATH_SIZE (PROC_CGROUP_SIZE + 256)

static int parse_limit(const char *text, int64_t *limit)
{
	if (strcmp(text, "unlimited") == 0) {
		*limit = INT64_MAX;
		return 0;
	}
	return text[0] != '-' && sscanf(text, "%" SCNd64, limit) == 1 ? 0 : -EINVAL;
}

int proc_parse_fd_limit(const char *limits, int64_t *soft, int64_t *hard)
{
	const char *line = strstr(limits, "Max open files ");
	char texts[2][32];
	int r;

	if (!line || sscanf(line + strlen("Max open files"), " %31s %31s", texts[0], texts[1]) != 2)
		return -EINVAL;
	r = parse_limit(texts[0], soft);
	return r < 0 ? r : parse_limit(texts[1], hard);
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=123\n", the same with "full". */
int proc_parse_pressure(const char *text, struct proc_pressure *pressure)
{
	const char *full = strstr(text, "full ");

	memset(pressure, 0, sizeof(*pressure));
	if (sscanf(text, "some avg10=%*s avg60=%*s avg300=%*s total=%" SCNu64,
		   &pressure->some_us) != 1)
		return -EINVAL;
	if (full)
		sscanf(full, "full avg10=%*s avg60=%*s avg300=%*s total=%" SCNu64,
		       &pressure->full_us);
	pressure->known = true;
	return 0;
}

/* The value behind a name at the beginning of a line. */
static bool find_value(const char *text, const char *name, uint64_t *value)
{
	size_t length = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return sscanf(line + length, "%" SCNu64, value) == 1;
	}
	return false;
}

/* Version 1 counts the time in nanoseconds. */
int proc_parse_throttle(const char *cpu_stat, struct proc_throttle *throttle)
{
	uint64_t ns;

	memset(throttle, 0, sizeof(*throttle));
	if (!find_value(cpu_stat, "nr_periods", &throttle->periods) ||
	    !find_value(cpu_stat, "nr_throttled", &throttle->throttled))
		return -EINVAL;
	if (find_value(cpu_stat, "throttled_time", &ns))
		throttle->throttled_us = ns / 1000;
	else if (!find_value(cpu_stat, "throttled_usec", &throttle->throttled_us))
		return -EINVAL;
	return 0;
}

/* "cpu  user nice system idle iowait irq softirq steal guest guest_nice": guests are in user. */
int proc_parse_cpu(const char *stat, struct proc_cpu *cpu)
{
	uint64_t ticks[8];

	if (sscanf(stat,
		   "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64,
		   &ticks[0], &ticks[1], &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6],
		   &ticks[7]) != 8)
		return -EINVAL;
	cpu->ticks = 0;
	for (size_t i = 0; i < 8; i++)
		cpu->ticks += ticks[i];
	cpu->stolen = ticks[7];
	return 0;
}

/* "1024	0	9223372036854775807": the second is of kernels before 2.6. */
int proc_parse_files(const char *file_nr, int64_t *open, int64_t *limit)
{
	return sscanf(file_nr, "%" SCNd64 " %*d %" SCNd64, open, limit) == 2 ? 0 : -EINVAL;
}

/* A line of names, and one of as many values. */
int proc_parse_overflows(const char *netstat, uint64_t *overflows)
{
	const char *name = strstr(netstat, "TcpExt:"), *value;

	value = name ? strstr(name + 1, "TcpExt:") : NULL;
	if (!value)
		return -EINVAL;
	while (*name && *name != '\n') {
		if (strncmp(name, "ListenOverflows ", strlen("ListenOverflows ")) == 0)
			return sscanf(value, "%" SCNu64, overflows) == 1 ? 0 : -EINVAL;
		name += strcspn(name, " \n");
		name += *name == ' ';
		value += strcspn(value, " \n");
		value += *value == ' ';
	}
	return -EINVAL;
}

/* Part of a path is another path: what does not fit is not known. */
static void keep(char *to, size_t size, const char *from, size_t length)
{
	if (length >= size)
		length = 0;
	memcpy(to, from, length);
	to[length] = '\0';
}

/* Whether a list with commas has the word. */
static bool has_word(const char *list, size_t length, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; at < list + length; at += strcspn(at, ",") + 1) {
		if (strncmp(at, word, n) == 0 && (at + n == list + length || at[n] == ','))
			return true;
	}
	return false;
}

/* "36 35 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate" */
static void parse_mount(const char *line, struct proc_mounts *mounts)
{
	size_t length = strcspn(line, "\n");
	const char *type = memmem(line, length, " - ", 3);
	const char *point = line, *options;
	size_t point_length;

	for (int i = 0; i < 4 && point; i++) {
		point = memchr(point, ' ', length - (size_t)(point - line));
		if (point)
			point++;
	}
	if (!type || !point)
		return;
	point_length = strcspn(point, " \n");
	type += 3;
	options = type + strcspn(type, "\n");
	while (options > type && options[-1] != ' ')
		options--;
	if (strncmp(type, "cgroup2 ", 8) == 0 && !mounts->v2[0])
		keep(mounts->v2, sizeof(mounts->v2), point, point_length);
	if (strncmp(type, "cgroup ", 7) != 0)
		return;
	if (!mounts->cpu[0] && has_word(options, strcspn(options, "\n"), "cpu"))
		keep(mounts->cpu, sizeof(mounts->cpu), point, point_length);
	if (!mounts->memory[0] && has_word(options, strcspn(options, "\n"), "memory"))
		keep(mounts->memory, sizeof(mounts->memory), point, point_length);
}

int proc_parse_mounts(const char *mountinfo, struct proc_mounts *mounts)
{
	memset(mounts, 0, sizeof(*mounts));
	for (const char *line = mountinfo; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		parse_mount(line, mounts);
	}
	return mounts->v2[0] || mounts->cpu[0] || mounts->memory[0] ? 0 : -EINVAL;
}

/* "0::/path" is version 2, "4:cpu,cpuacct:/path" version 1. */
int proc_parse_cgroup(const char *text, struct proc_cgroup *cgroup)
{
	memset(cgroup, 0, sizeof(*cgroup));
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *list, *path;

		line += *line == '\n';
		list = strchr(line, ':');
		path = list ? strchr(list + 1, ':') : NULL;
		if (!path)
			break;
		if (path == list + 1 && strncmp(line, "0:", 2) == 0)
			keep(cgroup->v2, sizeof(cgroup->v2), path + 1, strcspn(path + 1, "\n"));
		if (has_word(list + 1, (size_t)(path - list - 1), "cpu"))
			keep(cgroup->cpu, sizeof(cgroup->cpu), path + 1, strcspn(path + 1, "\n"));
		if (has_word(list + 1, (size_t)(path - list - 1), "memory"))
			keep(cgroup->memory, sizeof(cgroup->memory), path + 1,
			     strcspn(path + 1, "\n"));
	}
	return cgroup->v2[0] || cgroup->cpu[0] || cgroup->memory[0] ? 0 : -EINVAL;
}

/* "8 0 sda reads merged sectors ms writes merged sectors ms in_flight busy_ms weighted_ms …" */
static bool parse_disk(const char *line, struct proc_disk *disk)
{
	uint64_t reads, reads_ms, writes, writes_ms;

	if (sscanf(line,
		   "%*u %*u %31s %" SCNu64 " %*u %*u %" SCNu64 " %" SCNu64 " %*u %*u %" SCNu64
		   " %" SCNu64 " %" SCNu64,
		   disk->name, &reads, &reads_ms, &writes, &writes_ms, &disk->in_flight,
		   &disk->busy_ms) != 7)
		return false;
	disk->operations = reads + writes;
	disk->operations_ms = reads_ms + writes_ms;
	return disk->operations || disk->in_flight;
}

size_t proc_parse_disks(const char *diskstats, struct proc_disk *disks, size_t most)
{
	size_t count = 0;

	for (const char *line = diskstats; line && *line && count < most;
	     line = strchr(line, '\n')) {
		line += *line == '\n';
		count += parse_disk(line, &disks[count]);
	}
	return count;
}

int proc_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf + used, size - 1 - used)) > 0)
		used += (size_t)n;
	if (n < 0)
		r = -errno;
	if (used == size - 1) { /* the last line may go on */
		while (used && buf[used - 1] != '\n')
			used--;
	}
	buf[used] = '\0';
	close(fd);
	return r;
}

int proc_count_fds(uint32_t pid, int64_t *count, bool *at_least)
{
	char path[32];
	struct stat stat;
	DIR *directory;

	*at_least = false;
	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	directory = opendir(path);
	if (!directory)
		return -errno;
	*count = 0;
	if (fstat(dirfd(directory), &stat) == 0 && stat.st_size > 0) {
		*count = stat.st_size;
	} else {
		while (!*at_least && readdir(directory))
			*at_least = ++*count == FDS_COUNTED;
		if (!*at_least)
			*count -= 2; /* . and .. */
	}
	closedir(directory);
	return 0;
}

int proc_fd_limit(uint32_t pid, int64_t *soft, int64_t *hard)
{
	char path[32], text[4096];
	int r;

	snprintf(path, sizeof(path), "/proc/%u/limits", pid);
	r = proc_read(path, text, sizeof(text));
	return r < 0 ? r : proc_parse_fd_limit(text, soft, hard);
}

int proc_cpus(uint32_t pid, uint32_t *cpus)
{
	cpu_set_t set;

	if (sched_getaffinity((pid_t)pid, sizeof(set), &set) < 0)
		return -errno;
	*cpus = (uint32_t)CPU_COUNT(&set);
	return 0;
}

int proc_overflows(uint32_t pid, uint64_t *overflows)
{
	char path[40], text[16384];
	int r;

	snprintf(path, sizeof(path), "/proc/%u/net/netstat", pid);
	r = proc_read(path, text, sizeof(text));
	return r < 0 ? r : proc_parse_overflows(text, overflows);
}

int proc_mounts(struct proc_mounts *mounts)
{
	char text[65536];
	int r = proc_read("/proc/self/mountinfo", text, sizeof(text));

	memset(mounts, 0, sizeof(*mounts));
	return r < 0 ? r : proc_parse_mounts(text, mounts);
}

int proc_cgroup(uint32_t pid, struct proc_cgroup *cgroup)
{
	char path[32], text[16384]; /* version 1 has a dozen lines */
	int r;

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	r = proc_read(path, text, sizeof(text));
	return r < 0 ? r : proc_parse_cgroup(text, cgroup);
}

static void read_pressure(const char *directory, const char *group, const char *name,
			  struct proc_pressure *pressure)
{
	char path[PATH_SIZE], text[512];

	pressure->known = false;
	if (snprintf(path, sizeof(path), "%s%s/%s", directory, group, name) < (int)sizeof(path) &&
	    proc_read(path, text, sizeof(text)) == 0)
		proc_parse_pressure(text, pressure);
}

void proc_node_pressures(struct proc_pressures *pressures)
{
	read_pressure("/proc/pressure", "", "cpu", &pressures->cpu);
	read_pressure("/proc/pressure", "", "io", &pressures->io);
	read_pressure("/proc/pressure", "", "memory", &pressures->memory);
}

void proc_cgroup_pressures(const struct proc_mounts *mounts, const struct proc_cgroup *cgroup,
			   struct proc_pressures *pressures)
{
	memset(pressures, 0, sizeof(*pressures));
	if (!mounts->v2[0] || strlen(cgroup->v2) < 2) /* the root is the node */
		return;
	read_pressure(mounts->v2, cgroup->v2, "cpu.pressure", &pressures->cpu);
	read_pressure(mounts->v2, cgroup->v2, "io.pressure", &pressures->io);
	read_pressure(mounts->v2, cgroup->v2, "memory.pressure", &pressures->memory);
}

typedef void level_fn(void *userdata, const char *text, size_t path_length);

/*
 * Gives the file of the cgroup and of all above it, up to where they are mounted: in a container
 * that is its own.
 */
static void walk_up(const char *mount, const char *group, const char *file, level_fn *fn,
		    void *userdata)
{
	char at[PROC_CGROUP_SIZE], path[PATH_SIZE], text[4096];
	char *slash;

	keep(at, sizeof(at), group, strlen(group));
	if (strcmp(at, "/") == 0)
		at[0] = '\0';
	do {
		if (snprintf(path, sizeof(path), "%s%s/%s", mount, at, file) < (int)sizeof(path) &&
		    proc_read(path, text, sizeof(text)) == 0)
			fn(userdata, text, strlen(at));
		slash = strrchr(at, '/');
		if (slash)
			*slash = '\0';
	} while (slash);
}

static void add_level(void *userdata, const char *text, size_t path_length)
{
	struct proc_throttles *throttles = userdata;
	struct proc_level *level = &throttles->levels[throttles->count];

	if (throttles->count == PROC_LEVELS_MAX || proc_parse_throttle(text, &level->throttle) < 0)
		return;
	level->length = path_length;
	throttles->count++;
}

int proc_throttles(const struct proc_mounts *mounts, const struct proc_cgroup *cgroup,
		   struct proc_throttles *throttles)
{
	bool first = mounts->cpu[0] && cgroup->cpu[0]; /* then the other has no quotas */
	const char *mount = first ? mounts->cpu : mounts->v2;
	const char *group = first ? cgroup->cpu : cgroup->v2;

	throttles->count = 0;
	if (!mount[0] || !group[0])
		return -ENOENT;
	keep(throttles->path, sizeof(throttles->path), group, strlen(group));
	walk_up(mount, group, "cpu.stat", add_level, throttles);
	return throttles->count ? 0 : -ENOENT;
}

static void take_least(void *userdata, const char *text, size_t path_length)
{
	uint64_t *least = userdata, limit;

	(void)path_length;
	if (sscanf(text, "%" SCNu64, &limit) == 1 && limit < *least)
		*least = limit;
}

uint64_t proc_memory_limit(const struct proc_mounts *mounts, const struct proc_cgroup *cgroup)
{
	uint64_t least = UINT64_MAX;

	if (mounts->v2[0] && cgroup->v2[0])
		walk_up(mounts->v2, cgroup->v2, "memory.max", take_least, &least);
	if (mounts->memory[0] && cgroup->memory[0])
		walk_up(mounts->memory, cgroup->memory, "memory.limit_in_bytes", take_least,
			&least);
	return least;
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What /proc and the cgroups tell: parsers of their texts, and readers of the files. All are totals
 * since some beginning, of which only the difference of two readings says anything.
 */
#ifndef SLOWCLOSE_PROC_H
#define SLOWCLOSE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROC_DISKS_MAX 256

/* Of a container in a container's node, such a path has some 320 characters. */
#define PROC_CGROUP_SIZE 1024

/* A cgroup and those above it, of which each can have a quota; more are left out at the top. */
#define PROC_LEVELS_MAX 12

/* Microseconds in which some, and in which all that wanted to run had to wait. */
struct proc_pressure {
	bool known;
	uint64_t some_us;
	uint64_t full_us; /* 0 where the kernel does not tell it */
};

/* The processes of a cgroup, or the node. */
struct proc_pressures {
	struct proc_pressure cpu, io, memory;
};

/* A cgroup's quota of CPU. */
struct proc_throttle {
	uint64_t periods; /* in which it wanted to run */
	uint64_t throttled; /* of these: in which it had to stop */
	uint64_t throttled_us; /* on all CPUs together */
};

/* Of a process's cgroup and of all above it, the innermost first. */
struct proc_throttles {
	char path[PROC_CGROUP_SIZE]; /* of the innermost */
	struct proc_level {
		size_t length; /* of its own path, which that one begins with */
		struct proc_throttle throttle;
	} levels[PROC_LEVELS_MAX];
	size_t count;
};

struct proc_cpu {
	uint64_t ticks; /* of all CPUs, whatever for */
	uint64_t stolen; /* taken by other virtual machines */
};

struct proc_disk {
	char name[32];
	uint64_t operations; /* done */
	uint64_t operations_ms; /* that they took together */
	uint64_t busy_ms; /* in which there was any */
	uint64_t in_flight; /* now */
};

/* Where a process is accounted. */
struct proc_cgroup {
	char v2[PROC_CGROUP_SIZE]; /* "" if the process is in none of that kind, or it is longer */
	char cpu[PROC_CGROUP_SIZE], memory[PROC_CGROUP_SIZE]; /* of version 1 */
};

/* Where the cgroups are mounted; "": nowhere, or that is longer. */
struct proc_mounts {
	char v2[128];
	char cpu[128], memory[128];
};

/*
 * Each takes the text of one file. They return 0 or -EINVAL, where the text has not what is asked
 * for. A limit is INT64_MAX for "unlimited".
 */
int proc_parse_fd_limit(const char *limits, int64_t *soft, int64_t *hard);
int proc_parse_pressure(const char *text, struct proc_pressure *pressure);
int proc_parse_throttle(const char *cpu_stat, struct proc_throttle *throttle);
int proc_parse_cpu(const char *stat, struct proc_cpu *cpu);
int proc_parse_files(const char *file_nr, int64_t *open, int64_t *limit);
int proc_parse_overflows(const char *netstat, uint64_t *overflows);
int proc_parse_mounts(const char *mountinfo, struct proc_mounts *mounts);
int proc_parse_cgroup(const char *text, struct proc_cgroup *cgroup);

/* Returns how many of diskstats were kept: those that have done anything, at most `most`. */
size_t proc_parse_disks(const char *diskstats, struct proc_disk *disks, size_t most);

/* Reads a file as text: as many whole lines as there is room for. Returns 0 or -errno. */
int proc_read(const char *path, char *buf, size_t size);

/*
 * How many descriptors a process has open. Where the kernel does not tell (before 6.2) they are
 * counted, up to a bound: *at_least then. Returns 0 or -errno.
 */
int proc_count_fds(uint32_t pid, int64_t *count, bool *at_least);

/* Return 0 or -errno. */
int proc_fd_limit(uint32_t pid, int64_t *soft, int64_t *hard);
int proc_overflows(uint32_t pid, uint64_t *overflows);

/* How many CPUs it may run on: its cpuset's, of those that are online. */
int proc_cpus(uint32_t pid, uint32_t *cpus);
int proc_mounts(struct proc_mounts *mounts);
int proc_cgroup(uint32_t pid, struct proc_cgroup *cgroup);

/* The node's; what cannot be read is not known. Before 5.2 and where it is off there is none. */
void proc_node_pressures(struct proc_pressures *pressures);
void proc_cgroup_pressures(const struct proc_mounts *mounts, const struct proc_cgroup *cgroup,
			   struct proc_pressures *pressures);

/* Returns 0 or -errno where nothing can be read. */
int proc_throttles(const struct proc_mounts *mounts, const struct proc_cgroup *cgroup,
		   struct proc_throttles *throttles);

/*
 * How much memory the cgroup may take, in bytes, by its own limit and by those above it; UINT64_MAX
 * if none is known.
 */
uint64_t proc_memory_limit(const struct proc_mounts *mounts, const struct proc_cgroup *cgroup);

#endif

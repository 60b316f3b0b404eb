// SPDX-License-Identifier: GPL-2.0
/* The texts of /proc and the cgroups, as kernels from 5.10 on write them. */
#include <setjmp.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc.h"
#include "room.h"

static void limits(void **state)
{
	static const char text[] =
		"Limit                     Soft Limit           Hard Limit           Units     \n"
		"Max processes             7656                 7656                 processes \n"
		"Max open files            1024                 524288               files     \n";
	static const char *const wrong[] = {
		"Max processes  1 1\n",
		"Max open files            ",
		"Max open files            1024",
		"Max open files            many     many",
		"Max open files            -1024    1024",
		"Max open files            1024     -1",
	};
	int64_t soft = 0, hard = 0;

	(void)state;
	assert_int_equal(proc_parse_fd_limit(text, &soft, &hard), 0);
	assert_int_equal(soft, 1024);
	assert_int_equal(hard, 524288);
	assert_int_equal(proc_parse_fd_limit("Max open files  7   unlimited   ", &soft, &hard), 0);
	assert_int_equal(soft, 7);
	assert_true(hard == INT64_MAX);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_true(proc_parse_fd_limit(wrong[i], &soft, &hard) < 0);
}

static void pressure(void **state)
{
	struct proc_pressure pressure;

	(void)state;
	assert_int_equal(
		proc_parse_pressure("some avg10=22.92 avg60=35.43 avg300=58.08 total=714043177\n"
				    "full avg10=0.00 avg60=0.00 avg300=0.00 total=5308659\n",
				    &pressure),
		0);
	assert_true(pressure.known);
	assert_int_equal(pressure.some_us, 714043177);
	assert_int_equal(pressure.full_us, 5308659);
	/* Of the CPU before 5.13. */
	assert_int_equal(
		proc_parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n", &pressure),
		0);
	assert_int_equal(pressure.some_us, 7);
	assert_int_equal(pressure.full_us, 0);
	assert_true(proc_parse_pressure("", &pressure) < 0);
	assert_false(pressure.known);
}

static void throttle(void **state)
{
	struct proc_throttle throttle;

	(void)state;
	assert_int_equal(proc_parse_throttle("usage_usec 99\nuser_usec 50\nsystem_usec 49\n"
					     "nr_periods 100\nnr_throttled 60\n"
					     "throttled_usec 5000\nnr_bursts 0\n",
					     &throttle),
			 0);
	assert_int_equal(throttle.periods, 100);
	assert_int_equal(throttle.throttled, 60);
	assert_int_equal(throttle.throttled_us, 5000);
	/* Version 1, in nanoseconds. */
	assert_int_equal(proc_parse_throttle("nr_periods 1\nnr_throttled 1\nthrottled_time 7000\n",
					     &throttle),
			 0);
	assert_int_equal(throttle.throttled_us, 7);
	/* The root of version 2 has none. */
	assert_true(proc_parse_throttle("usage_usec 99\n", &throttle) < 0);
}

static void cpu(void **state)
{
	struct proc_cpu cpu;

	(void)state;
	assert_int_equal(proc_parse_cpu("cpu  1 2 3 4 5 6 7 8 100 200\ncpu0 1 2\n", &cpu), 0);
	assert_int_equal(cpu.ticks, 36);
	assert_int_equal(cpu.stolen, 8);
	assert_true(proc_parse_cpu("cpu  1 2\n", &cpu) < 0);
}

static void files(void **state)
{
	int64_t open = 0, limit = 0;

	(void)state;
	assert_int_equal(proc_parse_files("1216\t0\t9223372036854775807\n", &open, &limit), 0);
	assert_int_equal(open, 1216);
	assert_true(limit == INT64_MAX);
	assert_true(proc_parse_files("1216\n", &open, &limit) < 0);
}

static void overflows(void **state)
{
	uint64_t count = 0;

	(void)state;
	assert_int_equal(proc_parse_overflows("TcpExt: SyncookiesSent ListenOverflows ListenDrops\n"
					      "TcpExt: 1 23 456\nIpExt: InNoRoutes\nIpExt: 0\n",
					      &count),
			 0);
	assert_int_equal(count, 23);
	assert_true(proc_parse_overflows("TcpExt: ListenDrops\nTcpExt: 1\n", &count) < 0);
	assert_true(proc_parse_overflows("TcpExt: ListenOverflows ListenDrops\n", &count) < 0);
	assert_true(proc_parse_overflows("", &count) < 0);
	/* Cut in the middle of the values. */
	assert_true(proc_parse_overflows("TcpExt: A ListenOverflows B\nTcpExt: 1", &count) < 0);
}

static void mounts(void **state)
{
	struct proc_mounts mounts;

	(void)state;
	assert_int_equal(
		proc_parse_mounts(
			"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
			"30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
			&mounts),
		0);
	assert_string_equal(mounts.v2, "/sys/fs/cgroup");
	assert_string_equal(mounts.cpu, "");
	/* Hybrid; the CPU's has another controller with it, and a namesake is none. */
	assert_int_equal(proc_parse_mounts(
				 "31 30 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
				 "32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup "
				 "rw,cpu,cpuacct\n"
				 "33 30 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
				 "34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
				 &mounts),
			 0);
	assert_string_equal(mounts.memory, "/sys/fs/cgroup/memory");
	assert_string_equal(mounts.cpu, "/sys/fs/cgroup/cpu,cpuacct");
	assert_string_equal(mounts.v2, "/sys/fs/cgroup/unified");
	assert_true(proc_parse_mounts("22 1 254:0 / / rw - ext4 /dev/vda rw\n", &mounts) < 0);
	assert_true(proc_parse_mounts("garbage\n\n - \n", &mounts) < 0);
	/* No line reaches into the next one, whatever it lacks. */
	assert_int_equal(proc_parse_mounts("1 - cgroup2 /mount\nrw -", &mounts), -EINVAL);
	assert_int_equal(proc_parse_mounts("1 2 3 - cgroup2 \nrw -", &mounts), 0);
	assert_string_equal(mounts.v2, "cgroup2");
	assert_int_equal(proc_parse_mounts("1 2 - cgroup2 mount\nrw -", &mounts), 0);
	assert_string_equal(mounts.v2, "mount");
}

static void cgroup(void **state)
{
	struct proc_cgroup cgroup;
	char text[PROC_CGROUP_SIZE + 64];

	(void)state;
	assert_int_equal(
		proc_parse_cgroup("9:name=systemd:/a\n4:cpu,cpuacct:/b\n0::/c/d\n", &cgroup), 0);
	assert_string_equal(cgroup.v2, "/c/d");
	assert_string_equal(cgroup.cpu, "/b");
	assert_int_equal(proc_parse_cgroup("3:cpuset:/x\n1:cpu:/y\n2:memory:/z\n", &cgroup), 0);
	assert_string_equal(cgroup.v2, "");
	assert_string_equal(cgroup.memory, "/z");
	assert_string_equal(cgroup.cpu, "/y");
	assert_true(proc_parse_cgroup("3:cpuset:/x\n", &cgroup) < 0);
	/* Part of a path would be that of another cgroup. */
	memset(text, 'x', sizeof(text));
	memcpy(text, "0::/", 4);
	strcpy(text + 3 + PROC_CGROUP_SIZE - 1, "\n");
	assert_int_equal(proc_parse_cgroup(text, &cgroup), 0);
	assert_int_equal(strlen(cgroup.v2), PROC_CGROUP_SIZE - 1);
	strcpy(text + 3 + PROC_CGROUP_SIZE, "\n1:cpu:/y\n");
	text[3 + PROC_CGROUP_SIZE - 1] = 'x';
	assert_int_equal(proc_parse_cgroup(text, &cgroup), 0);
	assert_string_equal(cgroup.v2, "");
	assert_string_equal(cgroup.cpu, "/y");
	assert_true(proc_parse_cgroup("", &cgroup) < 0);
}

static void put_limit(const char *in, const char *group, const char *file, const char *text)
{
	char path[256];
	FILE *out;

	snprintf(path, sizeof(path), "%s%s", in, group);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s%s/%s", in, group, file);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

/* Of each cgroup on the way, the root's own too, which a container can have. */
static void throttles(void **state)
{
	static const char text[] = "nr_periods 9\nnr_throttled 7\nthrottled_usec 5\n";
	struct proc_mounts mounts = {.v2 = "/tmp/slowclose-proc-XXXXXX"};
	struct proc_cgroup cgroup = {.v2 = "/a/b"};
	struct proc_throttles throttles;
	char command[64];

	(void)state;
	assert_non_null(mkdtemp(mounts.v2));
	assert_true(proc_throttles(&mounts, &cgroup, &throttles) < 0);
	put_limit(mounts.v2, "/a", "cpu.stat", "usage_usec 1\n");
	put_limit(mounts.v2, "/a/b", "cpu.stat", text);
	put_limit(mounts.v2, "", "cpu.stat", text);
	assert_int_equal(proc_throttles(&mounts, &cgroup, &throttles), 0);
	assert_string_equal(throttles.path, "/a/b");
	assert_int_equal(throttles.count, 2);
	assert_int_equal(throttles.levels[0].length, 4);
	assert_int_equal(throttles.levels[1].length, 0);
	assert_int_equal(throttles.levels[0].throttle.throttled, 7);
	strcpy(cgroup.v2, "/");
	assert_int_equal(proc_throttles(&mounts, &cgroup, &throttles), 0);
	assert_int_equal(throttles.count, 1);
	snprintf(command, sizeof(command), "rm -r %s", mounts.v2);
	assert_int_equal(system(command), 0);
}

static void memory_limit(void **state)
{
	struct proc_mounts mounts = {.v2 = "/tmp/slowclose-proc-XXXXXX"}, none = {0}, first = {0};
	struct proc_cgroup cgroup = {.v2 = "/a/b", .memory = "/a/b"};
	char command[64];

	(void)state;
	assert_non_null(mkdtemp(mounts.v2));
	strcpy(first.memory, mounts.v2);
	put_limit(mounts.v2, "/a", "memory.max", "max\n");
	put_limit(mounts.v2, "/a/b", "memory.max", "536870912\n");
	put_limit(mounts.v2, "/a/b", "memory.limit_in_bytes", "9223372036854771712\n");
	assert_true(proc_memory_limit(&mounts, &cgroup) == 536870912);
	assert_true(proc_memory_limit(&first, &cgroup) == 9223372036854771712U);
	assert_true(proc_memory_limit(&none, &cgroup) == UINT64_MAX);
	/* The smallest on the way, and in a container its own, where it is mounted. */
	put_limit(mounts.v2, "/a", "memory.max", "4096\n");
	assert_true(proc_memory_limit(&mounts, &cgroup) == 4096);
	strcpy(cgroup.v2, "/");
	assert_true(proc_memory_limit(&mounts, &cgroup) == UINT64_MAX);
	put_limit(mounts.v2, "", "memory.max", "8192\n");
	assert_true(proc_memory_limit(&mounts, &cgroup) == 8192);
	snprintf(command, sizeof(command), "rm -r %s", mounts.v2);
	assert_int_equal(system(command), 0);
}

/* The default must have room in the unit's limit, and the daemon beside all that there is. */
static void room(void **state)
{
	(void)state;
	assert_int_equal(room_connections(UINT64_MAX), UINT32_MAX);
	assert_true(room_connections(768 << 20) >= 1048576);
	assert_true(room_connections(768 << 20) * 672ULL <= 672 << 20);
	assert_int_equal(room_connections(128 << 20), (32 << 20) / 672);
	assert_int_equal(room_connections(64 << 20), (16 << 20) / 672);
	assert_int_equal(room_connections(0), 0);
	assert_int_equal(room_events(UINT64_MAX), 32 << 20);
	assert_int_equal(room_events(768 << 20), 32 << 20);
	assert_int_equal(room_events(128 << 20), 16 << 20);
	assert_int_equal(room_events((128 << 20) - 1), 8 << 20);
	assert_int_equal(room_events(64 << 20), 8 << 20);
	assert_int_equal(room_events(0), 1 << 20);
	assert_int_equal(room_answers(768 << 20), 32 << 20);
	assert_int_equal(room_answers(64 << 20), 8 << 20);
}

/* Where there is more than fits, it ends with a whole line. */
static void whole_lines(void **state)
{
	char path[] = "/tmp/slowclose-proc-XXXXXX", text[16];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "busy 12\nbusy 345\n", 17), 17);
	close(fd);
	assert_int_equal(proc_read(path, text, sizeof(text)), 0);
	assert_string_equal(text, "busy 12\n");
	assert_int_equal(proc_read(path, text, 4), 0);
	assert_string_equal(text, "");
	unlink(path);
}

static void disks(void **state)
{
	struct proc_disk disks[2];
	static const char text[] = "   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
				   " 254       0 vda 100 1 2 30 50 3 4 20 6 70 80 0 0 0 0 0 0\n"
				   " 254       1 vda1 1 0 0 0 0 0 0 0 0 0 0\n"
				   " 254       2 vda2 1 0 0 0 0 0 0 0 0 0 0\n";

	(void)state;
	assert_int_equal(proc_parse_disks(text, disks, 2), 2);
	assert_string_equal(disks[0].name, "vda");
	assert_int_equal(disks[0].operations, 150);
	assert_int_equal(disks[0].operations_ms, 50);
	assert_int_equal(disks[0].in_flight, 6);
	assert_int_equal(disks[0].busy_ms, 70);
	assert_string_equal(disks[1].name, "vda1");
	assert_int_equal(proc_parse_disks("", disks, 2), 0);
	assert_int_equal(proc_parse_disks("8 0 sda 1 2\n", disks, 2), 0);
}

/* What can be counted of this process, the kernel's way or by their names. */
static void descriptors_are_counted(void **state)
{
	int64_t before, after;
	bool at_least;
	int fd;

	(void)state;
	assert_int_equal(proc_count_fds((uint32_t)getpid(), &before, &at_least), 0);
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(proc_count_fds((uint32_t)getpid(), &after, &at_least), 0);
	assert_int_equal(after, before + 1);
	assert_false(at_least);
	close(fd);
	assert_true(proc_count_fds(0, &before, &at_least) < 0);
}

static void the_limit_is_read(void **state)
{
	struct rlimit limit;
	int64_t soft, hard;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(proc_fd_limit((uint32_t)getpid(), &soft, &hard), 0);
	assert_int_equal(soft, limit.rlim_cur);
	assert_int_equal(hard, limit.rlim_max);
	assert_true(proc_fd_limit(0, &soft, &hard) < 0);
}

static void cpus_are_those_that_it_may_use(void **state)
{
	cpu_set_t all, one;
	uint32_t cpus;
	int first = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(first, &all))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(proc_cpus((uint32_t)getpid(), &cpus), 0);
	assert_int_equal(cpus, 1);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(proc_cpus((uint32_t)getpid(), &cpus), 0);
	assert_int_equal(cpus, CPU_COUNT(&all));
}

/* As of a process that ends between open() and read(): what is left open would add up. */
static void what_cannot_be_read_is_closed(void **state)
{
	int before = dup(0), after;
	char text[64];

	(void)state;
	assert_true(before >= 0);
	close(before);
	assert_int_equal(proc_read("/proc/self/mem", text, sizeof(text)), -EIO);
	assert_string_equal(text, "");
	assert_int_equal(proc_read("/proc/self/no-such-file", text, sizeof(text)), -ENOENT);
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits),
		cmocka_unit_test(pressure),
		cmocka_unit_test(throttle),
		cmocka_unit_test(cpu),
		cmocka_unit_test(files),
		cmocka_unit_test(overflows),
		cmocka_unit_test(mounts),
		cmocka_unit_test(cgroup),
		cmocka_unit_test(throttles),
		cmocka_unit_test(memory_limit),
		cmocka_unit_test(room),
		cmocka_unit_test(whole_lines),
		cmocka_unit_test(disks),
		cmocka_unit_test(descriptors_are_counted),
		cmocka_unit_test(the_limit_is_read),
		cmocka_unit_test(cpus_are_those_that_it_may_use),
		cmocka_unit_test(what_cannot_be_read_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/* Texts of /proc and of cgroups: nothing is read behind their end, and no name breaks a line. */
#include "fuzz.h"

#include "place.h"
#include "proc.h"

/* Ends within its array, and is of one line. */
#define CHECK_NAME(name)                                                                           \
	do {                                                                                       \
		CHECK(memchr(name, '\0', sizeof(name)));                                           \
		CHECK(!strchr(name, '\n'));                                                        \
	} while (0)

static void check_cgroup(const char *text)
{
	struct proc_cgroup cgroup;
	struct place place;

	if (proc_parse_cgroup(text, &cgroup) == 0)
		CHECK(cgroup.v2[0] || cgroup.cpu[0] || cgroup.memory[0]);
	CHECK_NAME(cgroup.v2);
	CHECK_NAME(cgroup.cpu);
	CHECK_NAME(cgroup.memory);
	place_from_cgroup(&place, cgroup.v2);
	CHECK_NAME(place.unit);
	CHECK_NAME(place.container);
	place_from_cgroup(&place, text);
	CHECK(memchr(place.unit, '\0', sizeof(place.unit)) && !strchr(place.unit, '/'));
	CHECK(memchr(place.container, '\0', sizeof(place.container)) &&
	      !strchr(place.container, '/'));
}

static void check_mounts(const char *text)
{
	struct proc_mounts mounts;

	if (proc_parse_mounts(text, &mounts) == 0)
		CHECK(mounts.v2[0] || mounts.cpu[0] || mounts.memory[0]);
	CHECK_NAME(mounts.v2);
	CHECK_NAME(mounts.cpu);
	CHECK_NAME(mounts.memory);
}

static void check_disks(const char *text)
{
	struct proc_disk disks[4];
	size_t count = proc_parse_disks(text, disks, 4);

	CHECK(count <= 4 && count <= count_newlines(text, strlen(text)) + 1);
	for (size_t i = 0; i < count; i++) {
		CHECK_NAME(disks[i].name);
		CHECK(disks[i].name[0]);
	}
}

static void check_numbers(const char *text)
{
	struct proc_pressure pressure;
	struct proc_throttle throttle;
	struct proc_cpu cpu;
	uint64_t overflows;
	int64_t soft = -1, hard = -1;

	if (proc_parse_fd_limit(text, &soft, &hard) == 0)
		CHECK(soft >= 0 && hard >= 0);
	CHECK((proc_parse_pressure(text, &pressure) == 0) == pressure.known);
	proc_parse_throttle(text, &throttle);
	proc_parse_cpu(text, &cpu);
	proc_parse_overflows(text, &overflows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of_input(data, size);

	check_cgroup(text);
	check_mounts(text);
	check_disks(text);
	check_numbers(text);
	free(text);
	return 0;
}

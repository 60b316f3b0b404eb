// SPDX-License-Identifier: GPL-2.0
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

static const char *directory(void)
{
	static const char *const directories[] = {"/sys/fs/cgroup/slowclose-e2e",
						  "/sys/fs/cgroup/cpu/slowclose-e2e"};

	return directories[access("/sys/fs/cgroup/cgroup.controllers", F_OK) != 0];
}

static bool write_file(const char *in, const char *file, const char *text)
{
	char path[128];
	int fd, r;

	snprintf(path, sizeof(path), "%s/%s", in, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	r = fd < 0 ? -1 : (int)write(fd, text, strlen(text));
	if (fd >= 0)
		close(fd);
	return r > 0;
}

void cgroup_make(void)
{
	write_file("/sys/fs/cgroup", "cgroup.subtree_control", "+cpu");
	if (mkdir(directory(), 0755) && errno != EEXIST)
		skip_with_reason("no cgroup: %s", strerror(errno));
	if (!write_file(directory(), "cpu.max", "4000 100000") &&
	    !write_file(directory(), "cpu.cfs_quota_us", "4000")) {
		rmdir(directory());
		skip_with_reason("no quota of CPU");
	}
}

bool cgroup_enter(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	return write_file(directory(), "cgroup.procs", pid);
}

void cgroup_remove(void)
{
	rmdir(directory());
}

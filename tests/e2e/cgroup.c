// SPDX-License-Identifier: GPL-2.0
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

#define ROOT "/sys/fs/cgroup"

static int open_file(const struct cgroup *cgroup, const char *file, int flags)
{
	char path[sizeof(cgroup->directory) + 64];

	snprintf(path, sizeof(path), "%s/%s", cgroup->directory, file);
	return open(path, flags | O_CLOEXEC);
}

bool cgroup_set(const struct cgroup *cgroup, const char *file, const char *text)
{
	int fd = open_file(cgroup, file, O_WRONLY);
	bool written = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return written;
}

long long cgroup_number(const struct cgroup *cgroup, const char *file)
{
	int fd = open_file(cgroup, file, O_RDONLY);
	char text[32] = "";
	bool have = fd >= 0 && read(fd, text, sizeof(text) - 1) > 0;

	if (fd >= 0)
		close(fd);
	return have ? atoll(text) : -1;
}

void cgroup_make(struct cgroup *cgroup, const char *controller, const char *name)
{
	static const struct cgroup root = {ROOT};
	bool unified = access(ROOT "/cgroup.controllers", F_OK) == 0;
	char add[32];

	snprintf(add, sizeof(add), "+%s", controller);
	if (unified)
		cgroup_set(&root, "cgroup.subtree_control", add);
	snprintf(cgroup->directory, sizeof(cgroup->directory), ROOT "/%s/%s",
		 unified ? "." : controller, name);
	if (mkdir(cgroup->directory, 0755) && errno != EEXIST)
		skip_with_reason("no cgroup: %s", strerror(errno));
}

void cgroup_remove(const struct cgroup *cgroup)
{
	rmdir(cgroup->directory);
}

bool cgroup_enter(const struct cgroup *cgroup)
{
	return cgroup_set(cgroup, "cgroup.procs", "0");
}

bool cgroup_leave(const struct cgroup *cgroup)
{
	return cgroup_set(cgroup, "../cgroup.procs", "0");
}

/* Of version 2, or of version 1, whose limit counts what the kernel allocates, too. */
bool cgroup_limit_memory(const struct cgroup *cgroup, long long bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", bytes);
	return cgroup_set(cgroup, "memory.max", bytes < 0 ? "max" : text) ||
	       cgroup_set(cgroup, "memory.limit_in_bytes", text);
}

// SPDX-License-Identifier: GPL-2.0
#include "netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Those visited, by inode number: hundreds, or thousands if somebody makes them. */
struct visited {
	ino_t *inodes;
	size_t count, room;
};

struct visit {
	struct visited visited;
	netns_fn fn;
	void *userdata;
};

/* Returns 1 if it is new, 0 if not, or -ENOMEM. */
static int visited_add(struct visited *visited, ino_t inode)
{
	for (size_t i = 0; i < visited->count; i++) {
		if (visited->inodes[i] == inode)
			return 0;
	}
	if (visited->count == visited->room) {
		size_t room = visited->room ? 2 * visited->room : 64;
		ino_t *inodes = reallocarray(visited->inodes, room, sizeof(*inodes));

		if (!inodes)
			return -ENOMEM;
		visited->inodes = inodes;
		visited->room = room;
	}
	visited->inodes[visited->count++] = inode;
	return 1;
}

/* A process that ends meanwhile, or a file that is no namespace, is passed over. */
static int visit_path(struct visit *visit, int directory, const char *path)
{
	int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r = 0;
	struct stat stat;

	if (fd < 0)
		return 0;
	if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode)) {
		r = visited_add(&visit->visited, stat.st_ino);
		if (r > 0) {
			bool entered = setns(fd, CLONE_NEWNET) == 0;

			if (entered || errno != EINVAL) /* else a file that is no namespace */
				visit->fn(visit->userdata, entered ? 0 : -errno);
		}
	}
	close(fd);
	return r < 0 ? r : 0;
}

static int visit_directory(struct visit *visit, const char *path, const char *suffix)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	char name[300];
	int r = 0;

	if (!directory)
		return -errno;
	while (r == 0 && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.' ||
		    (*suffix && (entry->d_name[0] < '0' || entry->d_name[0] > '9')))
			continue;
		snprintf(name, sizeof(name), "%s%s", entry->d_name, suffix);
		r = visit_path(visit, dirfd(directory), name);
	}
	closedir(directory);
	return r;
}

int netns_for_each(netns_fn fn, void *userdata)
{
	struct visit visit = {.fn = fn, .userdata = userdata};
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	struct stat stat;
	int r;

	if (home < 0)
		return -errno;
	/* At home it needs no privilege to enter anything. */
	r = fstat(home, &stat) < 0 ? -errno : visited_add(&visit.visited, stat.st_ino);
	if (r > 0) {
		fn(userdata, 0);
		r = visit_directory(&visit, "/proc", "/ns/net");
		if (r == 0)
			visit_directory(&visit, "/run/netns", ""); /* often does not exist */
		if (setns(home, CLONE_NEWNET) < 0 && visit.visited.count > 1 && errno != EPERM)
			r = -errno;
	}
	close(home);
	free(visit.visited.inodes);
	return r;
}

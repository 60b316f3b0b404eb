// SPDX-License-Identifier: GPL-2.0
#include "listen.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

#define GROUP "slowclose"
#define BACKLOG 128

static int make_directory(const char *path)
{
	char directory[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char *slash;

	strcpy(directory, path);
	slash = strrchr(directory, '/');
	if (!slash || slash == directory)
		return 0;
	*slash = '\0';
	if (mkdir(directory, 0755) == 0 || errno == EEXIST)
		return 0;
	log_line("cannot make the directory %s: %s", directory, strerror(errno));
	return -errno;
}

/* Returns 0 if the path is free now. */
static int remove_stale(const char *path, const struct sockaddr_un *address)
{
	struct stat stat;
	int fd, r;

	if (lstat(path, &stat) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(stat.st_mode)) {
		log_line("%s is there and is no socket: remove it, or give another --socket", path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? errno : 0;
	close(fd);
	if (r == 0 || r == EAGAIN) {
		log_line("another slowclosed answers on %s: end it first (systemctl stop "
			 "slowclosed), or give another --socket",
			 path);
		return -EADDRINUSE;
	}
	if (r != ECONNREFUSED) { /* such as a socket of another type, which may be in use */
		log_line("%s is there and cannot be asked whether a slowclosed answers on it (%s): "
			 "remove it, or give another --socket",
			 path, strerror(r));
		return -EEXIST;
	}
	return unlink(path) < 0 ? -errno : 0;
}

static int bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t mask = umask(0117); /* 0660 from its first moment on */
	int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	umask(mask);
	return r;
}

/* Without the group only root gets in, which is right. */
static void give_to_group(const char *path)
{
	const struct group *group = getgrnam(GROUP);

	if (group && lchown(path, (uid_t)-1, group->gr_gid) < 0)
		log_line("cannot give %s to the group %s (%s): only this user can connect", path,
			 GROUP, strerror(errno));
}

int listen_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, r;

	strcpy(address.sun_path, path);
	r = make_directory(path);
	if (r < 0) /* logged */
		return r;
	r = remove_stale(path, &address);
	if (r == -EADDRINUSE || r == -EEXIST) /* logged */
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		r = -errno;
	if (r == 0)
		r = bind_private(fd, &address);
	if (r == 0)
		r = listen(fd, BACKLOG) < 0 ? -errno : 0;
	if (r < 0) {
		log_line("cannot listen on %s: %s", path, strerror(-r));
		if (fd >= 0)
			close(fd);
		return r;
	}
	give_to_group(path);
	return fd;
}

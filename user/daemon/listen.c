// SPDX-License-Identifier: GPL-2.0
#include "listen.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
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
	int error;

	strcpy(directory, path);
	slash = strrchr(directory, '/');
	if (!slash || slash == directory)
		return 0;
	*slash = '\0';
	if (mkdir(directory, 0755) == 0 || errno == EEXIST)
		return 0;
	error = errno;
	log_error("cannot make the directory %s: %s", directory, strerror(error));
	return -error;
}

/* Returns 0 if the path is free now. */
static int remove_stale(const char *path, const struct sockaddr_un *address)
{
	struct stat stat;
	int fd, r;

	if (lstat(path, &stat) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(stat.st_mode)) {
		log_error("%s is there and is no socket: remove it, or give another --socket",
			  path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? errno : 0;
	close(fd);
	if (r == 0 || r == EAGAIN) {
		log_error("another slowclosed answers on %s: end it first (systemctl stop "
			  "slowclosed), or give another --socket",
			  path);
		return -EADDRINUSE;
	}
	if (r != ECONNREFUSED) { /* such as a socket of another type, which may be in use */
		log_error(
			"%s is there and cannot be asked whether a slowclosed answers on it (%s): "
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
		log_warning("cannot give %s to the group %s (%s): only this user can connect", path,
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
		log_error("cannot listen on %s: %s", path, strerror(-r));
		if (fd >= 0)
			close(fd);
		return r;
	}
	give_to_group(path);
	return fd;
}

/* Splits the text at its last colon; the address is without its brackets, which IPv6 must have. */
static int split(const char *text, char host[64], const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	bool brackets = length > 2 && text[0] == '[' && text[length - 1] == ']';

	if (brackets) {
		text++;
		length -= 2;
	}
	if (!length || length >= 64 || !!memchr(text, ':', length) != brackets)
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	*port = colon + 1;
	return 0;
}

int listen_parse(const char *text, struct listen_address *address)
{
	static const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found;
	const char *port;
	char host[64];

	if (strlen(text) >= LISTEN_TEXT_SIZE || split(text, host, &port) < 0 || !*port ||
	    port[strspn(port, "0123456789")] || strlen(port) > 5 || atoi(port) < 1 ||
	    atoi(port) > UINT16_MAX || getaddrinfo(host, port, &hints, &found) != 0)
		return -EINVAL;
	memset(address, 0, sizeof(*address));
	strcpy(address->text, text);
	address->size = found->ai_addrlen;
	memcpy(&address->address, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

int listen_tcp(const struct listen_address *address)
{
	int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int yes = 1, r;

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
	    bind(fd, (const struct sockaddr *)&address->address, address->size) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	r = -errno;
	if (r == -EAFNOSUPPORT) /* systemd's RestrictAddressFamilies= */
		log_warning("metrics-listen = %s is left out: %s. In slowclosed.service, which has "
			    "no network, enable slowclosed-metrics.socket instead (systemctl "
			    "enable slowclosed-metrics.socket, then restart slowclosed)",
			    address->text, strerror(-r));
	else
		log_error("cannot listen on %s for --metrics-listen: %s", address->text,
			  strerror(-r));
	if (fd >= 0)
		close(fd);
	return r;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* The path of the unix socket that slowclosed answers on, and slowclose asks. */
#ifndef SLOWCLOSE_SOCKET_PATH_H
#define SLOWCLOSE_SOCKET_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#define SOCKET_PATH_DEFAULT "/run/slowclose/slowclose.sock"

#define SOCKET_PATH_SIZE sizeof(((struct sockaddr_un *)NULL)->sun_path) /* with its NUL */
#define SOCKET_PATH_ALLOWED "a path of at most 107 bytes"

/* Whether it can be one at all. */
static inline bool socket_path_is_allowed(const char *path)
{
	return *path && strlen(path) < SOCKET_PATH_SIZE;
}

#endif

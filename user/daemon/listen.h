/* SPDX-License-Identifier: GPL-2.0 */
/* The sockets that clients connect to. */
#ifndef SLOWCLOSE_LISTEN_H
#define SLOWCLOSE_LISTEN_H

#include <sys/socket.h>

/*
 * Binds and listens, 0660 and of the group slowclose where there is one; makes the directory if
 * only that is missing. What is left of a daemon that was killed is replaced; anything else at the
 * path, and a socket that somebody answers on, is left alone. The path is at most as long as a
 * socket's can be, which settings.c sees to. Failures are logged, with what to do. Returns a
 * non-blocking descriptor or -errno.
 */
int listen_unix(const char *path);

#define LISTEN_TEXT_SIZE 72

/* Without padding that differs: the same text is the same bytes. */
struct listen_address {
	char text[LISTEN_TEXT_SIZE]; /* as it was given */
	struct sockaddr_storage address;
	socklen_t size; /* 0: none */
};

/* ADDRESS:PORT or [ADDRESS]:PORT, numbers alone. Returns 0 or -EINVAL. */
int listen_parse(const char *text, struct listen_address *address);

/* Binds and listens. Failures are logged. Returns a non-blocking descriptor or -errno. */
int listen_tcp(const struct listen_address *address);

#endif

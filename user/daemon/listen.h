/* SPDX-License-Identifier: GPL-2.0 */
/* The unix socket that clients connect to. */
#ifndef SLOWCLOSE_LISTEN_H
#define SLOWCLOSE_LISTEN_H

/*
 * Binds and listens, 0660 and of the group slowclose where there is one; makes the directory if
 * only that is missing. What is left of a daemon that was killed is replaced; anything else at the
 * path, and a socket that somebody answers on, is left alone. The path is at most as long as a
 * socket's can be, which settings.c sees to. Failures are logged, with what to do. Returns a
 * non-blocking descriptor or -errno.
 */
int listen_unix(const char *path);

#endif

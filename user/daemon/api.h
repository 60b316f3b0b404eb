/* SPDX-License-Identifier: GPL-2.0 */
/* HTTP on a unix socket, as docs/api.md describes it, in the service's event loop. */
#ifndef SLOWCLOSE_API_H
#define SLOWCLOSE_API_H

struct api;
struct service;

/*
 * Binds the socket, 0660 and of the group slowclose where there is one, and answers from the next
 * turn of the loop on. A socket that another daemon listens on is left alone. Failures are logged.
 * Returns 0 or -errno.
 */
int api_new(struct api **ret, struct service *service, const char *path);

/* The same on a TCP socket that listens, which is taken over: only /metrics and /healthz. */
int api_new_metrics(struct api **ret, struct service *service, int fd);

/* Ends all connections and removes the socket. NULL is allowed. */
void api_free(struct api *api);

/* Events were read, or time has passed: those who wait for it go on in the next turn of the loop.
 */
void api_wake(struct api *api);

/* Once a second or so: heartbeats, and the end of clients that take too long. */
void api_tick(struct api *api);

#endif

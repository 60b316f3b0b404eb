/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long each client takes to send a request. The HTTP library ends one that sends nothing, and
 * not one that sends a byte now and then.
 */
#ifndef SLOWCLOSE_CLIENTS_H
#define SLOWCLOSE_CLIENTS_H

#include <stdint.h>
#include <sys/queue.h>

/* All zero: none. */
LIST_HEAD(clients, client);

/* Of a connected socket, which lives as long. Returns NULL when there is no memory. */
struct client *client_new(struct clients *clients, int fd, int64_t now_ns);
/* NULL is allowed. */
void client_free(struct client *client);

/* Its request is whole; or answered, so that another can begin. NULL is allowed. */
void client_has_asked(struct client *client);
void client_was_answered(struct client *client, int64_t now_ns);

/* Shuts down those that have been sending a request for longer than this. */
void clients_end_slow(struct clients *clients, int64_t now_ns, int64_t longest_ns);

#endif

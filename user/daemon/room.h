/* SPDX-License-Identifier: GPL-2.0 */
/* What there is memory for. */
#ifndef SLOWCLOSE_ROOM_H
#define SLOWCLOSE_ROOM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Connections, of a cgroup that may take so many bytes (UINT64_MAX: any number). The kernel's table
 * counts there, and what it finds no memory for is not followed and counted; but where it has left
 * none for the daemon, the daemon is killed. So something is kept for that.
 */
uint32_t room_connections(uint64_t limit);

/* Bytes of events that subscribers have not read, of such a cgroup; a power of two. */
size_t room_events(uint64_t limit);

/* Bytes of answers that clients have not read, of such a cgroup. */
size_t room_answers(uint64_t limit);

/* The limit of this process' cgroup; UINT64_MAX: none. */
uint64_t room_limit(void);

#endif

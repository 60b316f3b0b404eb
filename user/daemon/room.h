/* SPDX-License-Identifier: GPL-2.0 */
/* How many connections there is memory for. */
#ifndef SLOWCLOSE_ROOM_H
#define SLOWCLOSE_ROOM_H

#include <stdint.h>

/*
 * Of a cgroup that may take so many bytes (UINT64_MAX: any number). The kernel's table counts
 * there, and what it finds no memory for is not followed and counted; but where it has left none
 * for the daemon, the daemon is killed. So something is kept for that.
 */
uint32_t room_connections(uint64_t limit);

/* Of this process' cgroup, whose limit is *limit. */
uint32_t room_here(uint64_t *limit);

#endif

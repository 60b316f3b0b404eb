// SPDX-License-Identifier: GPL-2.0
#include "room.h"

#include <unistd.h>

#include "holders.h"
#include "proc.h"
#include "waiting.h"

/* Of the kernel, with its part of the table's buckets: 287 were measured on Linux 6.18. */
#define ENTRY_BYTES 288

/*
 * All may wait: in two looks at them, each with a descriptor (listing.c). Sorting takes its room
 * again.
 */
#define LOOKED_AT_BYTES (WAITING_BYTES + HOLDER_BYTES)
#define CONNECTION_BYTES (ENTRY_BYTES + 2 * LOOKED_AT_BYTES + HOLDER_BYTES)

/* The rest of the daemon, its programs and other maps: 31 MiB at rest, 64 with a burst unread. */
#define OWN_BYTES (96 << 20)

/* Of a small limit: what the table may take, whatever is left. */
#define TABLE_PART 4

/*
 * Of 650 bytes each: 50,000 events, so that when a service ends that has 30,000 in CLOSE_WAIT, a
 * tail gets them all.
 */
#define EVENTS_MAX_BYTES (32 << 20)

/* With these and the burst all of the daemon's own is used. */
#define ANSWERS_MAX_BYTES (32 << 20)

/* Of a small limit each of the two has a part; a power of two, as its maximum is. */
#define BUFFER_MIN_BYTES (1 << 20)
#define BUFFER_PART 8

uint32_t room_connections(uint64_t limit)
{
	uint64_t bytes = limit / TABLE_PART;

	if (limit > OWN_BYTES && limit - OWN_BYTES > bytes)
		bytes = limit - OWN_BYTES;
	bytes /= CONNECTION_BYTES;
	return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

static size_t buffer_bytes(size_t bytes, uint64_t limit)
{
	while (bytes > BUFFER_MIN_BYTES && bytes > limit / BUFFER_PART)
		bytes /= 2;
	return bytes;
}

size_t room_events(uint64_t limit)
{
	return buffer_bytes(EVENTS_MAX_BYTES, limit);
}

size_t room_answers(uint64_t limit)
{
	return buffer_bytes(ANSWERS_MAX_BYTES, limit);
}

uint64_t room_limit(void)
{
	struct proc_mounts mounts;
	struct proc_cgroup cgroup;

	proc_mounts(&mounts);
	if (proc_cgroup((uint32_t)getpid(), &cgroup) < 0) /* no cgroups */
		return UINT64_MAX;
	return proc_memory_limit(&mounts, &cgroup);
}

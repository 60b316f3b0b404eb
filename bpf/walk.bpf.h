/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The scans of maps where the kernel refuses iterators over a map's elements, as a micro-VM kernel
 * 6.18 does. A helper goes through all of a map in one run and cannot go on where it was stopped.
 * So each run begins anew, stops when there is no room for more, and passes over what an earlier
 * one of the same look has told: connections have its number then, folds are told already, and of
 * the other maps there is room for all. User space makes runs until one comes to the end.
 */
#ifndef SLOWCLOSE_WALK_BPF_H
#define SLOWCLOSE_WALK_BPF_H

#include "scan.bpf.h"

/* What a run tells, one element after another; user space maps it, and takes them all at once. */
struct walk_room {
	char bytes[WALK_ROOM];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct walk_room);
} walk_room SEC(".maps");

/* These are told in one run: nothing keeps a second one from telling them again. */
_Static_assert(LISTENERS_MAX * sizeof(struct listener_record) <= WALK_ROOM, "room for all");
_Static_assert(ACCEPTS_MAX * sizeof(struct accept_record) <= WALK_ROOM, "room for all");

__u32 walk_map; /* enum walk: which map the next run goes through; set by user space */
__u32 walk_bytes; /* told by the last run */
bool walk_stopped; /* it has not come to the end */

/* Whether one more of this size can be told; asked before anything is marked as told. */
static __always_inline bool walk_has_room(__u32 size)
{
	walk_stopped = walk_bytes > WALK_ROOM - size;
	return !walk_stopped;
}

static __always_inline void walk_tell(const void *element, __u32 size)
{
	__u32 zero = 0, at = walk_bytes;
	struct walk_room *room = bpf_map_lookup_elem(&walk_room, &zero);

	if (!room || at > WALK_ROOM - size) /* the second for the verifier */
		return;
	bpf_probe_read_kernel(room->bytes + at, size, element);
	walk_bytes = at + size;
}

/* What runs for each element: 0 goes on, 1 stops. */

static long walk_waiting(void *map, const __u64 *key, struct conn *conn, void *unused)
{
	struct record record = {};

	if (!walk_has_room(sizeof(record)))
		return 1;
	if (waiting_element(*key, conn, &record))
		walk_tell(&record, sizeof(record));
	return 0;
}

static long walk_slot(__u32 i, struct conn_set **set)
{
	__u64 address;

	i &= SET_SLOTS - 1; /* for the verifier */
	address = (*set)->sock[i];
	return address >= SLOT_SOCKETS ? walk_waiting(NULL, &address, &(*set)->conn[i], NULL) : 0;
}

static long walk_waiting_slots(void *map, const __u32 *key, struct conn_set *set, void *unused)
{
	bpf_loop(SET_SLOTS, walk_slot, &set, 0);
	return !walk_has_room(sizeof(struct record)); /* not read: it must be 0 or 1 */
}

static long walk_listeners(void *map, const __u64 *key, struct listener *listener, void *unused)
{
	struct listener_record record = {};

	if (!walk_has_room(sizeof(record)))
		return 1;
	if (listener_element(*key, listener, &record))
		walk_tell(&record, sizeof(record));
	return 0;
}

static long walk_accepts(void *map, const struct accept_key *key, struct accept_count *count,
			 void *unused)
{
	struct accept_record record = {.key = *key, .count = *count};

	if (!walk_has_room(sizeof(record)))
		return 1;
	walk_tell(&record, sizeof(record));
	return 0;
}

static long walk_folds(void *map, const struct fold_key *key, struct fold *fold, void *unused)
{
	struct fold_record record;

	if (!walk_has_room(sizeof(record)))
		return 1;
	if (fold_element(key, fold, &record))
		walk_tell(&record, sizeof(record));
	return 0;
}

SEC("syscall")
int sc_walk(void *ctx)
{
	walk_bytes = 0;
	walk_stopped = false;
	switch (walk_map) {
	case WALK_WAITING_SLOTS:
		if (has_slots) /* else the kernel may have no bpf_loop() */
			bpf_for_each_map_elem(&slots, walk_waiting_slots, NULL, 0);
		break;
	case WALK_WAITING:
		bpf_for_each_map_elem(&conns, walk_waiting, NULL, 0);
		break;
	case WALK_WAITING_MORE:
		bpf_for_each_map_elem(&conns_more, walk_waiting, NULL, 0);
		break;
	case WALK_LISTENERS:
		bpf_for_each_map_elem(&listeners, walk_listeners, NULL, 0);
		break;
	case WALK_ACCEPTS:
		bpf_for_each_map_elem(&accepts, walk_accepts, NULL, 0);
		break;
	case WALK_FOLDS:
		bpf_for_each_map_elem(&folds, walk_folds, NULL, 0);
		break;
	case WALK_FOLDS_OTHER:
		bpf_for_each_map_elem(&folds_other, walk_folds, NULL, 0);
		break;
	}
	return 0;
}

#endif

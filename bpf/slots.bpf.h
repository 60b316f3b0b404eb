/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The first table of live connections: sets of a few slots each, and the address of a socket tells
 * which set. A hash table of the kernel's takes a lock and a list of free memory for each entry
 * that comes or goes, and touches several pages; here that is one compare-and-swap, and whose the
 * slots of a set are is in one cache line. What finds its set full goes into the next table.
 */
#ifndef SLOWCLOSE_SLOTS_BPF_H
#define SLOWCLOSE_SLOTS_BPF_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>

#include "slowclose/record.h"

#define SET_SLOTS 4
#define SETS_SHIFT 12

_Static_assert(SET_SLOTS << SETS_SHIFT == SLOTS, "user space knows how many there are");

/* Whose a slot is, where it is no socket's. */
enum {
	SLOT_FREE,
	SLOT_TAKEN, /* and being filled: nobody finds it yet */
	SLOT_SOCKETS, /* addresses, from here on */
};

struct conn_set {
	__u64 sock[SET_SLOTS];
	struct conn conn[SET_SLOTS];
};

/*
 * Linux 5.10 knows no compare-and-swap, and refuses a program that has one even where it is never
 * reached: so slowclose_before_6_1.bpf.c has none. Whether it is used where it is known is set by
 * user space.
 */
#ifdef SLOWCLOSE_WITHOUT_SLOTS
#define SLOTS_BUILT false
#else
#define SLOTS_BUILT true
#endif
const volatile bool has_slots;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << SETS_SHIFT);
	__type(key, __u32);
	__type(value, struct conn_set);
} slots SEC(".maps");

/* The verifier lets nobody calculate with the address of a socket, but half of it is a number. */
static __always_inline __u32 half_of(__u64 address)
{
	__u32 half;

	asm volatile("%0 = %1" : "=w"(half) : "w"((__u32)address));
	return half;
}

/* Sockets are aligned to cache lines. The factor is the golden ratio, as in hash_32(). */
static __always_inline struct conn_set *set_of(__u64 address)
{
	__u32 index;

	if (!SLOTS_BUILT || !has_slots)
		return NULL;
	index = (half_of(address) >> 6) * 0x61C88647U >> (32 - SETS_SHIFT);
	return bpf_map_lookup_elem(&slots, &index);
}

/*
 * The slot i, but so that the verifier knows only that it is one of them: else it goes through all
 * that follows once for each, and loading takes twice as long. An aligned address adds nothing.
 */
static __always_inline __u32 any_slot(__u32 i, __u64 address)
{
	return (i + (half_of(address) & 7)) & (SET_SLOTS - 1);
}

static __always_inline struct conn *slot_find(__u64 address)
{
	struct conn_set *set = set_of(address);

	if (!set)
		return NULL;
#pragma unroll
	for (int i = 0; i < SET_SLOTS; i++) {
		if (set->sock[i] == address)
			return &set->conn[any_slot(i, address)];
	}
	return NULL;
}

/* True for whoever removes it; false where it is not there, or another was first. */
static __always_inline bool slot_remove(__u64 address)
{
	struct conn_set *set = set_of(address);

	if (!set)
		return false;
#pragma unroll
	for (int i = 0; i < SET_SLOTS; i++) {
		if (set->sock[i] == address)
			return __sync_val_compare_and_swap(&set->sock[i], address, SLOT_FREE) ==
			       address;
	}
	return false;
}

/* Adds one that is not there; false where its set is full. */
static __always_inline bool slot_add(__u64 address, const struct conn *conn)
{
	struct conn_set *set = set_of(address);

	if (!set)
		return false;
#pragma unroll
	for (int i = 0; i < SET_SLOTS; i++) {
		if (set->sock[i] != SLOT_FREE ||
		    __sync_val_compare_and_swap(&set->sock[i], SLOT_FREE, SLOT_TAKEN) != SLOT_FREE)
			continue;
		set->conn[i] = *conn;
		/*
		 * A hook that finds it finds it whole: an exchange orders memory. (A scan orders
		 * nothing, and may see what was there before: it asks again in the end.)
		 */
		__sync_lock_test_and_set(&set->sock[i], address);
		return true;
	}
	return false;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* The table of live connections, and what each CPU counts for itself. */
#ifndef SLOWCLOSE_TABLE_BPF_H
#define SLOWCLOSE_TABLE_BPF_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>

#include "slots.bpf.h"
#include "slowclose/record.h"

/*
 * Behind the first table, whose slots are few, there are two of the kernel's. Who looks at all
 * entries of such a one pays for every bucket, the empty ones too, and there is one for each entry
 * that may be: so one is small, and a large one is for what finds that full. Until it happens once
 * that a table is full, nobody looks into the next. User space sets the sizes.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* address of the struct sock */
	__type(value, struct conn);
} conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct conn);
} conns_more SEC(".maps");

const volatile bool has_more = true; /* there is room in the large one */

/*
 * Never false again: nobody could tell that they are empty. Every hook reads these, so they are
 * written once only, and are not beside what a look counts.
 */
bool conns_used SEC(".data");
bool more_used SEC(".data");

/* One for each possible CPU, which user space sets. It maps this: a system call would disturb. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct conn_cpu);
} cpus SEC(".maps");

static __always_inline struct conn_cpu *this_cpu(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&cpus, &cpu);
}

/* Since 7.0 a task can be preempted in a program, so others run on its CPU meanwhile. */
static __always_inline void count(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

static __always_inline bool may_be_in_conns(void)
{
	return !has_slots || conns_used;
}

static __always_inline struct conn *conn_find_at(__u64 address)
{
	struct conn *conn = slot_find(address);

	if (!conn && may_be_in_conns())
		conn = bpf_map_lookup_elem(&conns, &address);
	if (!conn && more_used)
		conn = bpf_map_lookup_elem(&conns_more, &address);
	return conn;
}

static __always_inline struct conn *conn_find(struct sock *sk)
{
	return conn_find_at((__u64)sk);
}

/* Nobody else has removed the entry: the caller may report the connection. */
static __always_inline bool conn_remove(struct sock *sk)
{
	__u64 key = (__u64)sk;

	if (slot_remove(key) || (may_be_in_conns() && bpf_map_delete_elem(&conns, &key) == 0))
		return true;
	return more_used && bpf_map_delete_elem(&conns_more, &key) == 0;
}

/*
 * since_ns is when it began, by which one whose socket is that of the one before is told from it; 0
 * where that is not known.
 */
static __always_inline void count_not_followed(struct sock *sk, __u64 since_ns, int error)
{
	struct conn_cpu *cpu = this_cpu();

	if (!cpu || (cpu->not_followed == (__u64)sk && cpu->not_followed_since_ns == since_ns))
		return;
	cpu->not_followed = (__u64)sk;
	cpu->not_followed_since_ns = since_ns;
	count(&cpu->losses[error == -E2BIG ? LOSS_TABLE_FULL : LOSS_NO_MEMORY]);
}

/*
 * Adds the connection of a socket that has none: BPF_NOEXIST where another CPU could do the same
 * meanwhile, else BPF_ANY. Slots know nothing of that: where there are any (from 6.1 on), who adds
 * has locked the socket, iter/tcp too (since 5.15). An error has 32 bits before 6.4, whatever the
 * type says.
 */
static __always_inline int conn_add_with(struct sock *sk, const struct conn *conn, __u64 flags)
{
	__u64 key = (__u64)sk;
	int error;

	if (slot_add(key, conn))
		return 0;
	if (!conns_used) /* before it is there, so that it is found */
		conns_used = true;
	error = bpf_map_update_elem(&conns, &key, conn, flags);
	if (!error || !has_more)
		return error;
	if (!more_used)
		more_used = true;
	return bpf_map_update_elem(&conns_more, &key, conn, flags);
}

/*
 * Removes what tells of no connection any more, but can be the entry of one that had this socket's
 * address before: when that has ended, and how, nobody can tell.
 */
static __always_inline void conn_forget(struct sock *sk, const struct conn *conn)
{
	bool was_established = conn->established_ns;
	struct conn_cpu *cpu;

	if (!conn_remove(sk) || !was_established)
		return;
	cpu = this_cpu();
	if (cpu)
		count(&cpu->losses[LOSS_END_UNSEEN]);
}

/* Adds the connection, in place of any that had this socket's address before. */
static __always_inline int conn_add(struct sock *sk, const struct conn *conn)
{
	struct conn *before = conn_find(sk);

	if (before)
		conn_forget(sk, before);
	return conn_add_with(sk, conn, BPF_ANY);
}

#endif

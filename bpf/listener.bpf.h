/* SPDX-License-Identifier: GPL-2.0 */
/* Listening sockets, and who calls accept() with what result. */
#ifndef SLOWCLOSE_LISTENER_BPF_H
#define SLOWCLOSE_LISTENER_BPF_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>

#include "slowclose/record.h"
#include "socket.bpf.h"
#include "table.bpf.h"

#define LISTENERS_MAX 16384
#define ACCEPTS_MAX 8192

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LISTENERS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* address of the struct sock */
	__type(value, struct listener);
} listeners SEC(".maps");

/* The least recently used go when it is full: a stranger can make processes, not memory, grow. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ACCEPTS_MAX);
	__type(key, struct accept_key);
	__type(value, struct accept_count);
} accepts SEC(".maps");

/* task is who called listen(), or NULL where that is not known. */
static __always_inline void listener_add(struct sock *sk, const struct conn_task *task)
{
	struct sock_common *common = &sk->__sk_common;
	struct listener listener = {};
	struct conn_cpu *cpu = this_cpu();
	__u64 key = (__u64)sk;
	int error;

	listener.netns = net_of(sk)->ns.inum;
	listener.port = common->skc_num;
	if (common->skc_family == AF_INET6 && !is_v4_mapped(&common->skc_v6_rcv_saddr)) {
		listener.family = FAMILY_IPV6;
		copy_v6(listener.addr, &common->skc_v6_rcv_saddr);
	} else {
		listener.family = FAMILY_IPV4;
		*(__u32 *)listener.addr = common->skc_rcv_saddr;
	}
	if (task) {
		listener.since_ns = bpf_ktime_get_ns();
		listener.owner = *task;
		listener.somaxconn = net_of(sk)->core.sysctl_somaxconn;
	}
	error = bpf_map_update_elem(&listeners, &key, &listener, task ? BPF_ANY : BPF_NOEXIST);
	if (error && error != -EEXIST && cpu)
		count(&cpu->losses[LOSS_LISTENERS]);
}

static __always_inline void listener_remove(struct sock *sk)
{
	__u64 key = (__u64)sk;

	bpf_map_delete_elem(&listeners, &key);
}

static __always_inline void accept_count(const struct accept_key *key, __u64 now)
{
	struct accept_count *found = bpf_map_lookup_elem(&accepts, key);
	const struct accept_count none = {};

	if (!found) { /* another CPU may add it first, which is as good */
		bpf_map_update_elem(&accepts, key, &none, BPF_NOEXIST);
		found = bpf_map_lookup_elem(&accepts, key);
	}
	if (!found)
		return;
	__sync_fetch_and_add(&found->count, 1);
	found->last_ns = now;
}

/* accept() of the current task has failed with -error; that nothing is there yet is no failure. */
static __always_inline void accept_failed(long error)
{
	struct accept_key key = {.pid = bpf_get_current_pid_tgid() >> 32, .error = error};

	if (error == EAGAIN || error == EINTR || error >= ERESTARTSYS)
		return;
	accept_count(&key, bpf_ktime_get_ns());
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* What is read of sockets and tasks. */
#ifndef SLOWCLOSE_SOCKET_BPF_H
#define SLOWCLOSE_SOCKET_BPF_H

#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "follow.bpf.h"
#include "slowclose/record.h"

/*
 * Pointers of a socket, followed as if nobody vouched for it: for each that is loaded of what the
 * verifier trusts, it looks whether it can trust that, too, among all types by their names (since
 * 6.3). That was a third of a start.
 */
static __always_inline struct socket *socket_of(struct sock *sk)
{
	return has_rdonly_cast ? FOLLOW(sk, struct sock)->sk_socket : sk->sk_socket;
}

static __always_inline struct net *net_of(struct sock *sk)
{
	return has_rdonly_cast ? FOLLOW(sk, struct sock)->__sk_common.skc_net.net
			       : sk->__sk_common.skc_net.net;
}

static __always_inline bool is_mptcp(struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_MPTCP;
}

/* The subflows of an MPTCP connection are not connections of any program. */
static __always_inline bool is_subflow(struct tcp_sock *tp)
{
	struct tcp_sock___mptcp *mp = (void *)tp;

	return bpf_core_field_exists(mp->is_mptcp) && mp->is_mptcp;
}

/*
 * Whether the current task is the one that acts on the socket. Else this is a softirq, and the
 * current task only the one that it interrupted.
 */
static __always_inline bool in_own_context(struct sock *sk)
{
	return sk->sk_lock.owned;
}

/*
 * comm is that of the process: the threads of a pool may each have a name of their own. Before 5.17
 * the kernel leaves what a longer name had behind its end, so there only up to that is read.
 */
static __always_inline void task_read(struct conn_task *task)
{
	struct task_struct *current = (void *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid();
	struct task_struct *leader;
	const __u64 *comm;

	task->pid = id >> 32;
	task->tid = (__u32)id;
	if (has_rdonly_cast) {
		leader = FOLLOW(current, struct task_struct)->group_leader;
		comm = (void *)FOLLOW(leader, struct task_struct)->comm;
		((__u64 *)task->comm)[0] = comm[0];
		((__u64 *)task->comm)[1] = comm[1];
		return;
	}
	leader = BPF_CORE_READ(current, group_leader);
	bpf_probe_read_kernel_str(task->comm, sizeof(task->comm), leader->comm);
}

static __always_inline __u32 task_flags(void)
{
	void *task = (void *)bpf_get_current_task();

	return FOLLOW_READ(task, struct task_struct, flags);
}

static __always_inline bool task_exiting(void)
{
	return task_flags() & PF_EXITING;
}

/*
 * Whether the current task is a thread of the kernel that acts on the socket of a program: it drops
 * the last reference after that has gone (io_uring's registered files, sockets in flight), or works
 * for it (io_uring before 5.12). It is no owner and no closer.
 */
static __always_inline bool in_kernel_thread(struct sock *sk)
{
	struct socket *socket;

	if (!(task_flags() & PF_KTHREAD))
		return false;
	socket = socket_of(sk);
	return socket && socket->file;
}

static __always_inline bool in_program(struct sock *sk)
{
	return in_own_context(sk) && !in_kernel_thread(sk);
}

/* Whether the last reference to the descriptor is gone: close(), not shutdown(). */
static __always_inline bool descriptor_released(struct sock *sk)
{
	struct socket *socket = socket_of(sk);
	struct file___since_6_13 *newer;
	struct file *file;

	if (!socket)
		return true;
	file = socket->file;
	if (!file) /* a socket of the kernel's own */
		return true;
	newer = (void *)file;
	if (bpf_core_field_exists(newer->f_ref))
		return newer->f_ref.refcnt.counter < 0; /* counts from 0; below, no reference */
	return file->f_count.counter <= 0;
}

/* A reset closes the MPTCP socket before it leaves its error there; the subflow has it already. */
static __always_inline int close_error(struct sock *sk)
{
	struct mptcp_sock *mptcp = (void *)sk;

	/*
	 * Here close() ends it, without a FIN. An error that is left is none of the connection's
	 * end (IP_RECVERR, TLS, sockmap): had it been one, it would be in CLOSE already.
	 */
	if (sk->sk_shutdown == SHUTDOWN_MASK)
		return 0;
	if (sk->sk_err || !is_mptcp(sk) || !bpf_core_field_exists(mptcp->first))
		return sk->sk_err;
	return BPF_CORE_READ(mptcp, first, sk_err);
}

static __always_inline bool is_v4_mapped(const struct in6_addr *addr)
{
	return addr->in6_u.u6_addr32[0] == 0 && addr->in6_u.u6_addr32[1] == 0 &&
	       addr->in6_u.u6_addr32[2] == bpf_htonl(0xffff);
}

static __always_inline void copy_v6(__u8 *to, const struct in6_addr *from)
{
	__u32 *words = (__u32 *)to;

	words[0] = from->in6_u.u6_addr32[0];
	words[1] = from->in6_u.u6_addr32[1];
	words[2] = from->in6_u.u6_addr32[2];
	words[3] = from->in6_u.u6_addr32[3];
}

/* Of a socket that the verifier does not follow. */
static __always_inline void conn_probe_addresses(struct conn *conn, struct sock *sk)
{
	struct in6_addr remote = BPF_CORE_READ(sk, __sk_common.skc_v6_daddr);

	conn->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6 && !is_v4_mapped(&remote)) {
		struct in6_addr local = BPF_CORE_READ(sk, __sk_common.skc_v6_rcv_saddr);

		conn->family = FAMILY_IPV6;
		copy_v6(conn->local_addr, &local);
		copy_v6(conn->remote_addr, &remote);
	} else {
		conn->family = FAMILY_IPV4;
		*(__u32 *)conn->local_addr = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		*(__u32 *)conn->remote_addr = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	}
}

/*
 * An MPTCP child gets the addresses when it is accepted; until then its first subflow has them. Not
 * inlined: what is read takes stack, of which a program and all that it calls have 512 bytes.
 */
static __noinline void conn_read_subflow_addresses(struct conn *conn, struct sock *sk)
{
	struct mptcp_sock *mptcp = (void *)sk;
	struct sock *first;

	if (!bpf_core_field_exists(mptcp->first))
		return;
	first = BPF_CORE_READ(mptcp, first);
	if (first)
		conn_probe_addresses(conn, first);
}

static __always_inline void conn_read_addresses(struct conn *conn, struct sock *sk)
{
	struct sock_common *common = &sk->__sk_common;

	conn->netns = net_of(sk)->ns.inum;
	if (common->skc_num) /* a child that closes in SYN_RECV has lost it by then */
		conn->local_port = common->skc_num;
	conn->remote_port = bpf_ntohs(common->skc_dport);
	if (common->skc_family == AF_INET6 && !is_v4_mapped(&common->skc_v6_daddr)) {
		conn->family = FAMILY_IPV6;
		copy_v6(conn->local_addr, &common->skc_v6_rcv_saddr);
		copy_v6(conn->remote_addr, &common->skc_v6_daddr);
	} else {
		/* Of a v4-mapped connection the kernel fills these as well. */
		conn->family = FAMILY_IPV4;
		*(__u32 *)conn->local_addr = common->skc_rcv_saddr;
		*(__u32 *)conn->remote_addr = common->skc_daddr;
	}
	if (!conn->remote_port && is_mptcp(sk))
		conn_read_subflow_addresses(conn, sk);
}

/*
 * When the segment that the kernel works on came, as the kernel read the clock for it: to read it
 * again takes longer than all else here. Of a socket that works on none, its last one. tp may be
 * NULL (MPTCP).
 */
static __always_inline __u64 segment_ns(struct tcp_sock *tp)
{
	__u64 ns = tp ? tp->tcp_clock_cache : 0;

	return ns ? ns : bpf_ktime_get_ns(); /* none: connected by TCP_REPAIR */
}

/*
 * Whether a listener here can have children that are queued in SYN_RECV. Which of them do is not to
 * be seen when the child is made: some kernels have cleared by then what it was given by its
 * listener (6.18), others have not.
 */
static __always_inline bool takes_fast_open(struct sock *child)
{
	struct net *net = net_of(child);

	return BPF_CORE_READ_BITFIELD(net, ipv4.sysctl_tcp_fastopen) & TFO_SERVER_ENABLE;
}

/* All payload that the application has sent, what waits in the send queue included. */
static __always_inline __u64 sent_bytes(struct tcp_sock *tp)
{
	return tp->bytes_sent - tp->bytes_retrans + (__u32)(tp->write_seq - tp->snd_nxt);
}

/* Recv-Q: data and FIN that the application has not taken. */
static __always_inline __u32 recv_queue(struct tcp_sock *tp)
{
	__s32 waiting = tp->rcv_nxt - tp->copied_seq;

	return waiting > 0 ? waiting : 0;
}

/* What is read of a TCP socket. */
struct counters {
	__u64 bytes_received;
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u32 copied_seq;
	__u32 rcv_nxt;
	__u32 snd_nxt;
	__u32 write_seq;
	bool fin; /* the peer's has arrived */
};

/* MPTCP, or an end that no look saw. */
static __always_inline __u8 flags_without_counters(const struct conn *conn)
{
	return conn->flags | CONN_NO_BYTES | (conn->close_wait_ns ? CONN_FIN : 0);
}

/*
 * What went through the connection, into a copy of it or into itself. What is stored in a copy is
 * not read back: that of a record is in the ring's memory, which is seldom in this CPU's cache.
 * Returns the bytes sent after the FIN.
 */
static __always_inline __u64 conn_set_counters(struct conn *copy, const struct conn *conn,
					       const struct counters *counters, int state)
{
	__s32 waiting = counters->rcv_nxt - counters->copied_seq;
	__u64 tx_bytes, about;
	__u32 exact;

	if (waiting < 0)
		waiting = 0;
	/* The FIN counts as a byte received and as a byte that waits. */
	copy->rx_bytes = counters->bytes_received - counters->fin;
	copy->unread_bytes = waiting && counters->fin ? waiting - 1 : waiting;
	if (!counters->fin)
		copy->flags = conn->flags;
	else if (waiting)
		copy->flags = conn->flags | CONN_FIN;
	else
		copy->flags = conn->flags | CONN_FIN | CONN_FIN_READ;
	tx_bytes = counters->bytes_sent - counters->bytes_retrans;
	if (state != TCP_CLOSE) /* what is queued will still be sent */
		tx_bytes += (__u32)(counters->write_seq - counters->snd_nxt);
	/*
	 * write_seq is exact but wraps after 4 GiB; tx_bytes does not wrap, but is off by at most
	 * a send queue.
	 */
	about = tx_bytes - conn->tx_bytes;
	copy->tx_bytes = tx_bytes;
	if (!conn->close_wait_ns)
		return 0;
	exact = counters->write_seq - conn->write_seq;
	return about + (__s32)(exact - (__u32)about);
}

/* The same, read of the socket. */
static __always_inline __u64 conn_read_counters(struct conn *copy, const struct conn *conn,
						struct sock *sk, int state)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct counters counters = {};

	if (!tp || conn->flags & CONN_NO_BYTES) {
		copy->flags = flags_without_counters(conn);
		return 0;
	}
	counters.bytes_received = tp->bytes_received;
	counters.bytes_sent = tp->bytes_sent;
	counters.bytes_retrans = tp->bytes_retrans;
	counters.copied_seq = tp->copied_seq;
	counters.rcv_nxt = tp->rcv_nxt;
	counters.snd_nxt = tp->snd_nxt;
	counters.write_seq = tp->write_seq;
	counters.fin = conn->close_wait_ns || (sk->__sk_common.skc_flags & (1UL << SOCK_DONE));
	return conn_set_counters(copy, conn, &counters, state);
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The life of a connection: one handler for each thing that happens to it.
 *
 * Every handler can run several times for the same event and acts once: the kernel skips a program
 * that interrupts itself, so each transition is looked at by more than one (docs/kernel.md). And
 * the record of a connection belongs to whoever removes its entry from the map.
 */
#ifndef SLOWCLOSE_CONN_BPF_H
#define SLOWCLOSE_CONN_BPF_H

#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "fold.bpf.h"
#include "slowclose/record.h"

#define RING_SIZE (8 * 1024 * 1024)

/* A slow record wakes the reader, but not more often than this. */
#define WAKEUP_INTERVAL_NS (10 * 1000 * 1000)

/* Set by user space, also while this runs. */
__u64 slow_close_wait_ns = 1000 * 1000 * 1000;
__u64 slow_accept_wait_ns = 100 * 1000 * 1000;
bool stream_slow_only;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1048576);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* address of the struct sock */
	__type(value, struct conn);
} conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_SIZE);
} ring SEC(".maps");

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

static __always_inline struct conn *conn_find(struct sock *sk)
{
	__u64 key = (__u64)sk;

	return bpf_map_lookup_elem(&conns, &key);
}

/* Nobody else has removed the entry: the caller may report the connection. */
static __always_inline bool conn_remove(struct sock *sk)
{
	__u64 key = (__u64)sk;

	return bpf_map_delete_elem(&conns, &key) == 0;
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

static __always_inline void task_read(struct conn_task *task)
{
	__u64 id = bpf_get_current_pid_tgid();

	task->pid = id >> 32;
	task->tid = (__u32)id;
	bpf_get_current_comm(task->comm, sizeof(task->comm));
}

static __always_inline bool task_exiting(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, flags) & PF_EXITING;
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

#include "listener.bpf.h"

/*
 * An MPTCP child gets the addresses when it is accepted; until then only its first subflow has
 * them. The verifier does not follow a pointer of struct mptcp_sock, so they are copied.
 */
static __always_inline void conn_read_subflow_addresses(struct conn *conn, struct sock *sk)
{
	struct mptcp_sock *mptcp = (void *)sk;
	struct in6_addr remote;
	struct sock *first;

	if (!bpf_core_field_exists(mptcp->first))
		return;
	first = BPF_CORE_READ(mptcp, first);
	if (!first)
		return;
	conn->remote_port = bpf_ntohs(BPF_CORE_READ(first, __sk_common.skc_dport));
	remote = BPF_CORE_READ(first, __sk_common.skc_v6_daddr);
	if (BPF_CORE_READ(first, __sk_common.skc_family) == AF_INET6 && !is_v4_mapped(&remote)) {
		struct in6_addr local = BPF_CORE_READ(first, __sk_common.skc_v6_rcv_saddr);

		conn->family = FAMILY_IPV6;
		copy_v6(conn->local_addr, &local);
		copy_v6(conn->remote_addr, &remote);
	} else {
		conn->family = FAMILY_IPV4;
		*(__u32 *)conn->local_addr = BPF_CORE_READ(first, __sk_common.skc_rcv_saddr);
		*(__u32 *)conn->remote_addr = BPF_CORE_READ(first, __sk_common.skc_daddr);
	}
}

static __always_inline void conn_read_addresses(struct conn *conn, struct sock *sk)
{
	struct sock_common *common = &sk->__sk_common;

	conn->netns = common->skc_net.net->ns.inum;
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

static __always_inline void count_not_followed(struct sock *sk, long error)
{
	struct conn_cpu *cpu = this_cpu();

	if (!cpu || cpu->not_followed == (__u64)sk)
		return;
	cpu->not_followed = (__u64)sk;
	count(&cpu->losses[error == -E2BIG ? LOSS_TABLE_FULL : LOSS_NO_MEMORY]);
}

/* Adds the connection, in place of any that had this socket's address before. */
static __always_inline long conn_add(struct sock *sk, const struct conn *conn)
{
	__u64 key = (__u64)sk;

	return bpf_map_update_elem(&conns, &key, conn, BPF_ANY);
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
static __always_inline void conn_without_counters(struct conn *conn)
{
	conn->flags |= CONN_NO_BYTES;
	if (conn->close_wait_ns)
		conn->flags |= CONN_FIN;
}

static __always_inline void record_set_counters(struct record *record,
						const struct counters *counters, int state)
{
	struct conn *conn = &record->conn;
	__u64 tx_at_fin = conn->tx_bytes;
	__s32 waiting = counters->rcv_nxt - counters->copied_seq;

	if (waiting < 0)
		waiting = 0;
	/* The FIN counts as a byte received and as a byte that waits. */
	conn->rx_bytes = counters->bytes_received - counters->fin;
	conn->tx_bytes = counters->bytes_sent - counters->bytes_retrans;
	if (state != TCP_CLOSE) /* what is queued will still be sent */
		conn->tx_bytes += (__u32)(counters->write_seq - counters->snd_nxt);
	if (counters->fin) {
		conn->flags |= CONN_FIN;
		if (!waiting)
			conn->flags |= CONN_FIN_READ;
	}
	conn->unread_bytes = waiting && counters->fin ? waiting - 1 : waiting;

	/*
	 * write_seq is exact but wraps after 4 GiB; tx_bytes does not wrap, but is off by at most
	 * a send queue.
	 */
	if (conn->close_wait_ns) {
		__u32 exact = counters->write_seq - conn->write_seq;
		__u64 about = conn->tx_bytes - tx_at_fin;

		record->tx_bytes_after_fin = about + (__s32)(exact - (__u32)about);
	}
}

static __always_inline void conn_read_counters(struct record *record, struct sock *sk, int state)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct counters counters = {};

	if (!tp || record->conn.flags & CONN_NO_BYTES) {
		conn_without_counters(&record->conn);
		return;
	}
	counters.bytes_received = tp->bytes_received;
	counters.bytes_sent = tp->bytes_sent;
	counters.bytes_retrans = tp->bytes_retrans;
	counters.copied_seq = tp->copied_seq;
	counters.rcv_nxt = tp->rcv_nxt;
	counters.snd_nxt = tp->snd_nxt;
	counters.write_seq = tp->write_seq;
	counters.fin =
		record->conn.close_wait_ns || (sk->__sk_common.skc_flags & (1UL << SOCK_DONE));
	record_set_counters(record, &counters, state);
}

static __always_inline bool close_is_slow(const struct conn *conn, __u64 end_ns)
{
	return conn->close_wait_ns && end_ns - conn->close_wait_ns >= slow_close_wait_ns;
}

/* 0 where the wait is not known. A connection that nobody accepted waited until its end. */
static __always_inline __u64 accept_wait_end(const struct conn *conn, __u64 end_ns)
{
	if (!conn->queued_ns)
		return 0;
	return conn->flags & CONN_ACCEPTED ? conn->accepted_ns : end_ns;
}

static __always_inline bool accept_is_slow(const struct conn *conn, __u64 end_ns)
{
	__u64 accepted_ns = accept_wait_end(conn, end_ns);

	return accepted_ns && accepted_ns - conn->queued_ns >= slow_accept_wait_ns;
}

static __always_inline bool is_slow(const struct conn *conn, __u64 end_ns)
{
	return close_is_slow(conn, end_ns) || accept_is_slow(conn, end_ns);
}

/*
 * Waking the reader costs more than all else together, so only two things wake it: a slow record,
 * now and then, and a ring that fills up. It looks by itself often enough for the rest.
 */
static __always_inline __u64 wakeup_flags(struct conn_cpu *cpu, const struct record *record)
{
	if (record->end_ns - cpu->wakeup_ns < WAKEUP_INTERVAL_NS)
		return BPF_RB_NO_WAKEUP;
	if (!is_slow(&record->conn, record->end_ns) &&
	    bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) < RING_SIZE / 4)
		return BPF_RB_NO_WAKEUP;
	cpu->wakeup_ns = record->end_ns;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void record_begin(struct record *record, struct sock *sk,
					 const struct conn *conn, enum record_kind kind,
					 __u64 end_ns)
{
	record->conn = *conn;
	record->sock = (__u64)sk;
	record->end_ns = end_ns;
	record->tx_bytes_after_fin = 0;
	record->kind = kind;
	record->padding = 0;
}

/* Lower bounds are in no measure, as in user/daemon/stats.c. */
static __always_inline bool fold_waits(struct fold_key *key, const struct record *record)
{
	const struct conn *conn = &record->conn;
	__u64 accepted_ns = accept_wait_end(conn, record->end_ns);
	bool all = true;

	if (accepted_ns && !(conn->flags & CONN_OLD))
		all &= fold_wait(key, FOLD_ACCEPT_WAIT, accepted_ns - conn->queued_ns,
				 accept_is_slow(conn, record->end_ns));
	if (!conn->close_wait_ns)
		return all;
	if (!(conn->flags & CONN_OLD_FIN))
		all &= fold_wait(key, FOLD_CLOSE_WAIT, record->end_ns - conn->close_wait_ns,
				 close_is_slow(conn, record->end_ns));
	if (!(conn->flags & CONN_OLD))
		all &= fold_wait(key, FOLD_UNTIL_FIN, conn->close_wait_ns - conn->established_ns,
				 false);
	return all;
}

static __always_inline void record_fold(const struct record *record, struct conn_cpu *cpu)
{
	const struct conn *conn = &record->conn;
	struct fold_sums sums = {.count = 1};
	struct fold_key key = {};
	__u32 cause = CAUSE_NONE;
	bool all;

	key.service.role = conn->role;
	key.service.netns = conn->role == ROLE_SERVER ? conn->netns : 0;
	key.service.port = conn->role == ROLE_SERVER ? conn->local_port : conn->remote_port;
	__builtin_memcpy(key.service.comm, conn->owner.comm, sizeof(key.service.comm));
	if (is_slow(conn, record->end_ns)) {
		cause = conn_cause(conn, record->tx_bytes_after_fin,
				   close_is_slow(conn, record->end_ns));
		if (cause == CAUSE_NONE)
			cause = FOLD_SLOW_WITHOUT_CAUSE;
	}
	all = fold_waits(&key, record);

	key.measure = FOLD_LIFETIME;
	key.bucket = FOLD_NO_BUCKET;
	key.detail = conn->end | cause << FOLD_CAUSE_SHIFT;
	if (!(conn->flags & CONN_OLD)) {
		sums.ns = record->end_ns - conn->established_ns;
		key.bucket = bucket_of(sums.ns);
	}
	if (!(conn->flags & CONN_NO_BYTES)) {
		sums.rx_bytes = conn->rx_bytes;
		sums.tx_bytes = conn->tx_bytes;
	}
	all &= fold_add(&key, &sums);
	count(&cpu->folded);
	if (!all)
		count(&cpu->losses[LOSS_FOLD_FULL]);
}

/*
 * Not inlined: it needs a record on the stack, and seldom runs. Returns 1 if the entry was ours to
 * remove.
 */
static __noinline int conn_fold(struct sock *sk, struct conn *conn, struct sock *counters,
				int state, __u64 end_ns)
{
	struct conn_cpu *cpu = this_cpu();
	struct record record;

	if (!cpu)
		return 0;
	record_begin(&record, sk, conn, RECORD_CLOSED, end_ns);
	if (counters)
		conn_read_counters(&record, counters, state);
	if (!conn_remove(sk))
		return 0;
	record_fold(&record, cpu);
	return 1;
}

/*
 * Sends the record and removes the entry. conn is the map's: it is not ours any more after the
 * removal, so it is copied before. counters is the socket to read them from, or NULL where they
 * were read before or cannot be.
 */
static __always_inline void conn_report(struct sock *sk, struct conn *conn, struct sock *counters,
					int state)
{
	__u64 now = bpf_ktime_get_ns();
	struct conn_cpu *cpu = this_cpu();
	struct record *record;

	if (!cpu)
		return;
	if (stream_slow_only && !is_slow(conn, now)) {
		conn_fold(sk, conn, counters, state, now);
		return;
	}
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		if (conn_fold(sk, conn, counters, state, now))
			count(&cpu->losses[LOSS_RING_FULL]);
		return;
	}
	record_begin(record, sk, conn, RECORD_CLOSED, now);
	if (counters)
		conn_read_counters(record, counters, state);
	if (!conn_remove(sk)) {
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
		return;
	}
	count(&cpu->records);
	bpf_ringbuf_submit(record, wakeup_flags(cpu, record));
}

/* connect(): the only moment at which the connecting process is known. */
static __always_inline void conn_connecting(struct sock *sk)
{
	struct conn *found = conn_find(sk);
	struct conn conn = {};

	if (found && found->state == TCP_SYN_SENT)
		return;
	conn.role = ROLE_CLIENT;
	conn.state = TCP_SYN_SENT;
	if (in_own_context(sk))
		task_read(&conn.owner);
	conn_add(sk, &conn); /* a failure is counted when the connection is established */
}

/* A child of a listener, in softirq. With Fast Open it can be accepted from here on. */
static __always_inline void conn_queued(struct sock *sk)
{
	struct conn *found = conn_find(sk);
	struct conn conn = {};

	if (found && found->state == TCP_SYN_RECV)
		return;
	conn.role = ROLE_SERVER;
	conn.state = TCP_SYN_RECV;
	conn.queued_ns = bpf_ktime_get_ns();
	conn_add(sk, &conn);
}

static __always_inline void conn_established(struct sock *sk, int old)
{
	struct conn *found = conn_find(sk);
	struct tcp_sock *tp;
	struct conn conn = {};
	long error;

	if (found && found->state == TCP_ESTABLISHED)
		return;
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp && is_subflow(tp)) {
		if (found)
			conn_remove(sk);
		return;
	}
	if (found && (found->state == TCP_SYN_SENT || found->state == TCP_SYN_RECV)) {
		found->state = TCP_ESTABLISHED;
		found->established_ns = bpf_ktime_get_ns();
		conn_read_addresses(found, sk);
		return;
	}

	/* Not seen before: an entry that could not be added then, or an MPTCP child. */
	conn.role = old == TCP_SYN_SENT ? ROLE_CLIENT : ROLE_SERVER;
	conn.state = TCP_ESTABLISHED;
	conn.established_ns = bpf_ktime_get_ns();
	if (conn.role == ROLE_SERVER)
		conn.queued_ns = conn.established_ns;
	conn_read_addresses(&conn, sk);
	error = conn_add(sk, &conn);
	if (error)
		count_not_followed(sk, error);
}

static __always_inline void conn_note_accepted(struct conn *conn, struct sock *sk)
{
	if (sk->sk_socket)
		conn->flags |= CONN_ACCEPTED;
}

/*
 * The entry of a connection that leaves a state in which it was established. With Fast Open that
 * can be SYN_RECV; else its ESTABLISHED went unseen.
 */
static __always_inline struct conn *conn_find_established(struct sock *sk, int old)
{
	struct conn *conn = conn_find(sk);
	struct tcp_sock *tp;

	if (!conn)
		return NULL;
	if (!conn->established_ns) {
		tp = bpf_skc_to_tcp_sock(sk);
		if (tp && is_subflow(tp)) {
			conn_remove(sk);
			return NULL;
		}
		conn->established_ns = bpf_ktime_get_ns();
		if (old != TCP_SYN_RECV)
			conn->flags |= CONN_OLD;
	}
	if (!conn->remote_port) /* as above, and MPTCP children */
		conn_read_addresses(conn, sk);
	return conn;
}

/* The peer's FIN. */
static __always_inline void conn_close_wait(struct sock *sk, int old)
{
	struct conn *conn = conn_find_established(sk, old);
	struct tcp_sock *tp;

	if (!conn || conn->state == TCP_CLOSE_WAIT)
		return;
	conn->state = TCP_CLOSE_WAIT;
	conn->close_wait_ns = bpf_ktime_get_ns();
	conn_note_accepted(conn, sk);
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp) {
		conn->tx_bytes = sent_bytes(tp);
		conn->write_seq = tp->write_seq;
	}
}

/* Whether the last reference to the descriptor is gone: close(), not shutdown(). */
static __always_inline bool descriptor_released(struct sock *sk)
{
	struct socket *socket = sk->sk_socket;
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

/* The application's FIN: out of CLOSE_WAIT that is the end of its part. */
static __always_inline void conn_local_fin(struct sock *sk, int old, int state)
{
	struct conn *conn = conn_find_established(sk, old);

	if (!conn || conn->state == state)
		return;
	conn->state = state;
	conn_note_accepted(conn, sk);
	if (!conn->end) {
		if (!(conn->flags & CONN_CLOSING) && !descriptor_released(sk))
			conn->end = END_SHUTDOWN;
		else
			conn->end = task_exiting() ? END_EXIT : END_CLOSE;
		if (in_own_context(sk))
			task_read(&conn->closer);
	}
	if (state == TCP_LAST_ACK)
		conn_report(sk, conn, sk, state);
}

/* A reset closes the MPTCP socket before it leaves its error there; the subflow has it already. */
static __always_inline int close_error(struct sock *sk)
{
	struct mptcp_sock *mptcp = (void *)sk;

	if (sk->sk_err || !is_mptcp(sk) || !bpf_core_field_exists(mptcp->first))
		return sk->sk_err;
	return BPF_CORE_READ(mptcp, first, sk_err);
}

static __always_inline __u8 end_of_closed(struct conn *conn, struct sock *sk, struct tcp_sock *tp)
{
	int error = close_error(sk);

	if (error == ECONNRESET || error == EPIPE)
		return END_RESET_BY_PEER;
	if (error == ECONNABORTED)
		return END_ABORTED;
	if (error)
		return END_TIMEOUT;
	if (conn->role == ROLE_SERVER && !(conn->flags & CONN_ACCEPTED))
		return END_LISTENER_CLOSED;
	if (task_exiting())
		return END_EXIT;
	if (tp && recv_queue(tp) > !!conn->close_wait_ns)
		return END_RESET_UNREAD;
	return in_own_context(sk) ? END_ABORTED : END_UNKNOWN; /* MPTCP that lost its subflow */
}

/* Takes what must be read at CLOSE; the child itself stays in the accept queue. */
static __always_inline void conn_closed_in_queue(struct sock *sk, struct conn *conn)
{
	struct record snapshot = {.conn = *conn};

	conn_read_counters(&snapshot, sk, TCP_CLOSE);
	conn->rx_bytes = snapshot.conn.rx_bytes;
	conn->tx_bytes = snapshot.conn.tx_bytes;
	conn->unread_bytes = snapshot.conn.unread_bytes;
	conn->flags = snapshot.conn.flags | CONN_CLOSED;
}

static __always_inline void conn_closed(struct sock *sk, int old)
{
	struct conn *conn;

	if (old == TCP_SYN_SENT || old == TCP_SYN_RECV) { /* it never was a connection */
		conn_remove(sk);
		return;
	}
	conn = conn_find_established(sk, old);
	if (!conn || conn->state == TCP_CLOSE)
		return;
	conn->state = TCP_CLOSE;
	conn_note_accepted(conn, sk);
	if (conn->accepted_ns)
		conn->flags |= CONN_ACCEPTED;
	if (!conn->end) {
		conn->end = end_of_closed(conn, sk, bpf_skc_to_tcp_sock(sk));
		if (!sk->sk_err && conn->end != END_LISTENER_CLOSED && in_own_context(sk))
			task_read(&conn->closer);
	}
	if (conn->role == ROLE_SERVER && !(conn->flags & CONN_ACCEPTED) && !is_mptcp(sk))
		conn_closed_in_queue(sk, conn);
	else
		conn_report(sk, conn, sk, TCP_CLOSE);
}

/* MPTCP's own listener is never in the kernel's tables; that of its first subflow is. */
static __always_inline void listener_opened(struct sock *sk)
{
	struct conn_task task = {};

	if (is_mptcp(sk))
		return;
	task_read(&task);
	listener_add(sk, &task);
}

static __always_inline void conn_transition(struct sock *sk, int old, int new)
{
	if (sk->sk_protocol != IPPROTO_TCP && !is_mptcp(sk))
		return;
	if (old == TCP_LISTEN && new == TCP_CLOSE) {
		listener_remove(sk);
		return;
	}
	switch (new) {
	case TCP_LISTEN:
		listener_opened(sk);
		break;
	case TCP_SYN_SENT:
		conn_connecting(sk);
		break;
	case TCP_SYN_RECV:
		if (old == TCP_LISTEN) /* from SYN_SENT it stays a client */
			conn_queued(sk);
		break;
	case TCP_ESTABLISHED:
		conn_established(sk, old);
		break;
	case TCP_CLOSE_WAIT:
		conn_close_wait(sk, old);
		break;
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		conn_local_fin(sk, old, new);
		break;
	case TCP_CLOSE:
		if (old != TCP_LAST_ACK) /* reported before */
			conn_closed(sk, old);
		break;
	}
}

static __always_inline void accept_succeeded(const struct conn *conn)
{
	struct accept_key key = {
		.pid = conn->owner.pid, .netns = conn->netns, .port = conn->local_port};

	accept_count(&key);
}

/* It may live on for hours, so its slow accept wait is told now. */
static __always_inline void conn_report_accepted_late(struct sock *sk, struct conn *conn)
{
	struct conn_cpu *cpu = this_cpu();
	struct record *record;

	if (!cpu)
		return;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		count(&cpu->losses[LOSS_RING_FULL_LATE]);
		return;
	}
	record_begin(record, sk, conn, RECORD_ACCEPTED_LATE, bpf_ktime_get_ns());
	conn_without_counters(&record->conn);
	bpf_ringbuf_submit(record, wakeup_flags(cpu, record));
}

/* accept() has returned the connection to the current task. */
static __always_inline void conn_accepted(struct sock *sk)
{
	struct conn *conn = conn_find(sk);

	if (!conn || conn->role != ROLE_SERVER || conn->accepted_ns)
		return;
	task_read(&conn->owner);
	conn->accepted_ns = bpf_ktime_get_ns();
	conn->flags |= CONN_ACCEPTED;
	accept_succeeded(conn);
	if (conn->flags & CONN_CLOSED) /* reset while it was queued; now it has left the queue */
		conn_report(sk, conn, NULL, TCP_CLOSE);
	else if (conn->queued_ns && conn->accepted_ns - conn->queued_ns >= slow_accept_wait_ns)
		conn_report_accepted_late(sk, conn);
}

/* close() is at work in the current task: what follows is no shutdown(). */
static __always_inline void conn_closing(struct sock *sk)
{
	struct conn *conn = conn_find(sk);

	if (conn)
		conn->flags |= CONN_CLOSING;
}

/* The socket goes: nothing of it may stay in the map. */
static __always_inline void conn_destroyed(struct sock *sk)
{
	struct conn *conn = conn_find(sk);

	if (!conn)
		return;
	if (!conn->established_ns) {
		conn_remove(sk);
		return;
	}
	if (!(conn->flags & CONN_CLOSED)) /* no look saw it */
		conn->flags |= CONN_NO_BYTES;
	conn_report(sk, conn, NULL, TCP_CLOSE);
}

#endif

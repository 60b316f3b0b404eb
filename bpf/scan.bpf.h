/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Looks at what is there now, on demand: the sockets that are older than the hooks, the connections
 * that wait, the listeners, and who holds a descriptor of them. A scan runs while another is not
 * over, as that of threads (thread.bpf.h): they share the count of elements up to a pause. Of
 * waiting connections there is one at a time. Where the kernel lets nobody iterate over the
 * elements of a map, walk.bpf.h does that for what is here.
 */
#ifndef SLOWCLOSE_SCAN_BPF_H
#define SLOWCLOSE_SCAN_BPF_H

#include "conn.bpf.h"
#include "listener.bpf.h"

/* A scan pauses after so many elements, so that its reader can look after the ring. */
#define SCAN_PAUSE 50000

/* What the next scan of waiting connections tells; set by user space before it. */
__u64 scan_close_wait_ns;
__u64 scan_accept_wait_ns;
bool scan_tells_once; /* each connection at 1, 10, 100, … times these, not each time */
bool scan_marks; /* those that are due so are marked, and told in full, however many others are */
__u32 scan_elements;
__u64 scan_tracked; /* connections that the scan has passed; reset by user space before it */
__u64 scan_slow; /* of those that wait, over the scan's thresholds; the same */
__u64 scan_most; /* others that a scan of waiting connections tells in full, and after these */
__u64 scan_most_counted; /* so many more for their own sake, without their holders */
__u64 scan_told; /* and would have told; reset by user space before it */
__u8 scan_look; /* the number of the look that this scan is a part of */

/* Asked once for each element: true after every SCAN_PAUSE, and the same element comes again. */
static __always_inline bool scan_pauses(void)
{
	if (++scan_elements < SCAN_PAUSE)
		return false;
	scan_elements = 0;
	return true;
}

/*
 * A connecting socket's SYN is in its bytes_acked, but not in its bytes_sent; a child of a listener
 * starts after its SYN. Holds until the local FIN is sent.
 */
static __always_inline enum conn_role role_by_counters(struct tcp_sock *tp)
{
	__u32 acked = (__u32)tp->bytes_acked + tp->snd_nxt - tp->snd_una;

	return acked == (__u32)(tp->bytes_sent - tp->bytes_retrans) ? ROLE_SERVER : ROLE_CLIENT;
}

/* Follows a connection that is older than the hooks, unless they have seen it meanwhile. */
static __always_inline void conn_adopt(struct sock *sk, struct tcp_sock *tp)
{
	struct conn conn = {};
	int error;

	if (is_subflow(tp) || conn_find(sk))
		return;
	conn.state = sk->__sk_common.skc_state;
	conn.flags = CONN_OLD;
	/* The latest moment at which all that it has been through so far can have happened. */
	conn.established_ns = segment_ns(tp);
	if (sk->sk_socket) {
		conn.role = role_by_counters(tp);
		conn.flags |= CONN_ACCEPTED;
	} else { /* in an accept queue */
		conn.role = ROLE_SERVER;
		conn.queued_ns = conn.established_ns;
	}
	if (conn.state == TCP_CLOSE_WAIT) {
		conn.close_wait_ns = conn.established_ns;
		conn.flags |= CONN_OLD_FIN;
		conn.tx_bytes = sent_bytes(tp);
		conn.write_seq = tp->write_seq;
	}
	conn_read_addresses(&conn, sk);
	error = conn_add_with(sk, &conn, BPF_NOEXIST);
	if (error && error != -EEXIST)
		count_not_followed(sk, conn.established_ns, error);
}

/* Set by user space: there is but one look, so that only what waits now is of interest. */
const volatile bool existing_waiting_only;

SEC("iter/tcp")
int sc_existing(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct tcp_sock *tp;

	if (!common)
		return 0;
	tp = bpf_skc_to_tcp_sock(common);
	if (!tp) /* TIME_WAIT, or a handshake without a socket */
		return 0;
	switch (common->skc_state) {
	case TCP_ESTABLISHED:
		if (existing_waiting_only && ((struct sock *)tp)->sk_socket)
			break;
		__attribute__((fallthrough));
	case TCP_CLOSE_WAIT:
		conn_adopt((struct sock *)tp, tp);
		break;
	case TCP_LISTEN:
		listener_add((struct sock *)tp, NULL);
		break;
	}
	return 0;
}

/* How often a wait should have been told by now: at 1, 10, 100, … times the threshold. */
static __always_inline __u8 tellings_due(__u64 wait_ns, __u64 threshold_ns)
{
	__u8 due = 0;

	for (__u64 at = threshold_ns ? threshold_ns : 1; wait_ns >= at && due < 12; at *= 10)
		due++;
	return due;
}

/*
 * Whether it is in the accept queue now: it can have been accepted unseen (io_uring, of the
 * tracepoint backend). The entry does not learn of that here, as its flags are those who look at
 * transitions to change.
 */
static __always_inline bool is_queued(__u64 address, const struct conn *conn)
{
	struct sock *sk = (void *)address;

	return in_accept_queue(conn) && !BPF_CORE_READ(sk, sk_socket);
}

/*
 * Whether its application has kept it for too long by now, and not taken all. (Of MPTCP this says
 * nothing, and nobody asks.)
 */
static __always_inline bool is_left_unread(__u64 address, const struct conn *conn, bool queued,
					   __u64 now)
{
	void *tp = (void *)address;

	if (queued || conn->state != TCP_CLOSE_WAIT || !kept_is_slow(conn, now))
		return false;
	return FOLLOW_READ(tp, struct tcp_sock, rcv_nxt) !=
	       FOLLOW_READ(tp, struct tcp_sock, copied_seq);
}

/* Whether it waits for so long that it is of interest; *due: and was not told of this yet. */
static __always_inline bool waits_long(struct conn *conn, bool queued, __u64 now, bool *due)
{
	bool in_queue = queued && conn->queued_ns < now;
	bool in_close_wait =
		conn->state == TCP_CLOSE_WAIT && conn->close_wait_ns && conn->close_wait_ns < now;
	__u8 accept_due = 0, close_due = 0;

	if (in_queue)
		accept_due = tellings_due(now - conn->queued_ns, scan_accept_wait_ns);
	if (in_close_wait)
		close_due = tellings_due(now - conn->close_wait_ns, scan_close_wait_ns);
	*due = false;
	if (!scan_tells_once && !scan_marks)
		return accept_due || close_due;
	*due = accept_due > conn->accept_told || close_due > conn->close_told;
	if (accept_due > conn->accept_told)
		conn->accept_told = accept_due;
	if (close_due > conn->close_told)
		conn->close_told = close_due;
	return accept_due || close_due;
}

/*
 * What the socket is like now. Only its address is known, and that can be another's by now, or its
 * end have gone unseen: true if what is there has the ports of the connection, and waits.
 */
static __always_inline bool read_live(struct record *record, __u64 address)
{
	struct tcp_sock *tp = (void *)address;
	struct sock *sk = (void *)address;
	struct conn *conn = &record->conn;
	struct counters counters = {};

	if (conn->flags & CONN_CLOSED) /* reset in the queue: what was read then stays */
		return true;
	if (!conn->remote_port) /* in SYN_RECV, or a child of MPTCP */
		conn_probe_addresses(conn, sk);
	if (conn->state == TCP_CLOSE_WAIT &&
	    BPF_CORE_READ(sk, __sk_common.skc_state) != conn->state)
		return false;
	if (BPF_CORE_READ(sk, __sk_common.skc_num) != conn->local_port ||
	    (!(conn->flags & CONN_NO_BYTES) &&
	     bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport)) != conn->remote_port))
		return false;
	if (BPF_CORE_READ(sk, sk_socket))
		conn->flags |= CONN_ACCEPTED;
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_MPTCP) {
		conn->flags = flags_without_counters(conn);
		return true;
	}
	counters.copied_seq = BPF_CORE_READ(tp, copied_seq);
	counters.rcv_nxt = BPF_CORE_READ(tp, rcv_nxt);
	counters.snd_nxt = BPF_CORE_READ(tp, snd_nxt);
	counters.write_seq = BPF_CORE_READ(tp, write_seq);
	counters.bytes_received = BPF_CORE_READ(tp, bytes_received);
	counters.bytes_sent = BPF_CORE_READ(tp, bytes_sent);
	counters.bytes_retrans = BPF_CORE_READ(tp, bytes_retrans);
	counters.fin = conn->close_wait_ns != 0;
	record->tx_bytes_after_fin = conn_set_counters(conn, conn, &counters, conn->state);
	record->unacknowledged = counters.write_seq != BPF_CORE_READ(tp, snd_una);
	return true;
}

/* How much of a connection that waits is told. */
enum telling {
	TELL_NOTHING,
	TELL_COUNTED,
	TELL_IN_FULL,
};

static __always_inline enum telling telling(bool due)
{
	__u64 before;

	if (due)
		return TELL_IN_FULL;
	if (scan_tells_once)
		return TELL_NOTHING;
	before = scan_told++;
	if (before < scan_most)
		return TELL_IN_FULL;
	return before - scan_most < scan_most_counted ? TELL_COUNTED : TELL_NOTHING;
}

/* Whether the connection is to be told: record says what of it. */
static __always_inline bool waiting_element(__u64 key, struct conn *conn, struct record *record)
{
	struct conn *now_there;
	bool queued = is_queued(key, conn), due;
	enum telling told;

	scan_tracked++;
	if (conn->state != TCP_CLOSE_WAIT && !queued) /* most: no more than this */
		return false;
	if ((conn->look & LOOKS) == scan_look) /* a walk comes to it again in each of its runs */
		return false;
	record->end_ns = bpf_ktime_get_ns();
	conn->look = scan_look;
	if (is_left_unread(key, conn, queued, record->end_ns))
		conn->look |= LOOK_UNREAD;
	if (!waits_long(conn, queued, record->end_ns, &due))
		return false;
	scan_slow++;
	told = telling(due);
	if (told == TELL_NOTHING)
		return false;
	if (told == TELL_IN_FULL)
		conn->look |= LOOK_TOLD;
	record->conn = *conn;
	record->conn.look = 0; /* it is told as it is now */
	record->sock = key;
	record->kind = RECORD_WAITING;
	record->due = due;
	record->counted = told == TELL_COUNTED;
	if (!read_live(record, key))
		return false;
	/* An entry can be taken away and used again while it is copied. */
	now_there = conn_find_at(key);
	return now_there && now_there->established_ns == record->conn.established_ns &&
	       now_there->state == record->conn.state;
}

SEC("iter/bpf_map_elem")
int sc_waiting(struct bpf_iter__bpf_map_elem *ctx)
{
	const __u64 *key = ctx->key;
	struct conn *conn = ctx->value;
	struct record record = {};

	if (!key || !conn)
		return 0;
	if (scan_pauses())
		return 1;
	if (waiting_element(*key, conn, &record))
		bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

/*
 * The same of the slots of a set, by a helper, since the verifier goes through a loop's body once
 * for each turn of it, and for each way that the turns before can have gone.
 */
struct slots_scan {
	struct conn_set *set;
	struct seq_file *seq;
};

static long scan_slot(__u32 i, struct slots_scan *scan)
{
	struct conn_set *set = scan->set;
	struct record record = {};
	__u64 address;

	i &= SET_SLOTS - 1; /* for the verifier */
	address = set->sock[i];
	if (address >= SLOT_SOCKETS && waiting_element(address, &set->conn[i], &record))
		bpf_seq_write(scan->seq, &record, sizeof(record));
	return 0;
}

SEC("iter/bpf_map_elem")
int sc_waiting_slots(struct bpf_iter__bpf_map_elem *ctx)
{
	const __u32 *key = ctx->key;
	struct slots_scan scan = {.seq = ctx->meta->seq};
	__u32 index;

	if (!key)
		return 0;
	if (scan_pauses())
		return 1;
	index = *key;
	scan.set = bpf_map_lookup_elem(&slots, &index); /* ctx->value takes no variable index */
	if (!scan.set)
		return 0;
	bpf_loop(SET_SLOTS, scan_slot, &scan, 0);
	return 0;
}

/* The MPTCP socket that a listening subflow belongs to, or 0. */
static __always_inline __u64 mptcp_of_listener(__u64 address)
{
	struct mptcp_subflow_context *subflow = NULL;
	struct tcp_sock___mptcp *mp = (void *)address;
	struct inet_connection_sock *icsk = (void *)address;

	if (!bpf_core_field_exists(mp->is_mptcp) || !bpf_core_field_exists(subflow->conn) ||
	    !BPF_CORE_READ(mp, is_mptcp))
		return 0;
	subflow = BPF_CORE_READ(icsk, icsk_ulp_data);
	return subflow ? (__u64)BPF_CORE_READ(subflow, conn) : 0;
}

static __always_inline bool listener_element(__u64 key, const struct listener *listener,
					     struct listener_record *record)
{
	struct sock *sk = (void *)key;
	__u16 port = BPF_CORE_READ(sk, __sk_common.skc_num);

	record->listener = *listener;
	record->sock = key;
	if (!record->listener.port) /* listen() without bind(): it gets one after the transition */
		record->listener.port = port;
	if (BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_LISTEN || port != record->listener.port)
		return false;
	record->mptcp = mptcp_of_listener(key);
	record->queued = BPF_CORE_READ(sk, sk_ack_backlog);
	record->limit = BPF_CORE_READ(sk, sk_max_ack_backlog);
	record->drops = BPF_CORE_READ(sk, sk_drops.counter);
	record->somaxconn = BPF_CORE_READ(sk, __sk_common.skc_net.net, core.sysctl_somaxconn);
	return true;
}

SEC("iter/bpf_map_elem")
int sc_listeners(struct bpf_iter__bpf_map_elem *ctx)
{
	const __u64 *key = ctx->key;
	const struct listener *listener = ctx->value;
	struct listener_record record = {};

	if (!key || !listener)
		return 0;
	if (scan_pauses())
		return 1;
	if (listener_element(*key, listener, &record))
		bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

SEC("iter/bpf_map_elem")
int sc_accepts(struct bpf_iter__bpf_map_elem *ctx)
{
	const struct accept_count *count = ctx->value;
	const struct accept_key *key = ctx->key;
	struct accept_record record;

	if (!key || !count)
		return 0;
	record.key = *key;
	record.count = *count;
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

/* What was folded since the last scan; its value is told once, and stays. */
static __always_inline bool fold_element(const struct fold_key *key, struct fold *fold,
					 struct fold_record *record)
{
	struct fold_sums sums = fold->sums; /* it can grow meanwhile */

	if (sums.count == fold->told.count)
		return false;
	record->key = *key;
	record->sums.count = sums.count - fold->told.count;
	record->sums.ns = sums.ns - fold->told.ns;
	record->sums.rx_bytes = sums.rx_bytes - fold->told.rx_bytes;
	record->sums.tx_bytes = sums.tx_bytes - fold->told.tx_bytes;
	fold->told = sums;
	return true;
}

SEC("iter/bpf_map_elem")
int sc_folds(struct bpf_iter__bpf_map_elem *ctx)
{
	const struct fold_key *key = ctx->key;
	struct fold *fold = ctx->value;
	struct fold_record record;

	if (!key || !fold)
		return 0;
	if (scan_pauses())
		return 1;
	if (fold_element(key, fold, &record))
		bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

static __always_inline bool is_wanted(__u64 key)
{
	struct conn *conn = conn_find_at(key);
	struct sock *sk = (void *)key;

	if (conn)
		return conn->state == TCP_CLOSE_WAIT &&
		       (conn->look & ~LOOK_UNREAD) == (scan_look | LOOK_TOLD);
	if (bpf_map_lookup_elem(&listeners, &key))
		return true;
	/* A descriptor leads to the MPTCP socket; in the map is its subflow. */
	return BPF_CORE_READ(sk, sk_protocol) == IPPROTO_MPTCP &&
	       BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN;
}

SEC("iter/task_file")
int sc_holders(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct holder holder = {};
	struct socket *socket;

	if (!task || !file)
		return 0;
	if (scan_pauses())
		return 1;
	if ((file->f_inode->i_mode & S_IFMT) != S_IFSOCK)
		return 0;
	socket = file->private_data; /* NULL of a path (O_PATH) */
	holder.sock = (__u64)BPF_CORE_READ(socket, sk);
	if (!holder.sock || !is_wanted(holder.sock))
		return 0;
	holder.pid = task->tgid;
	holder.fd = ctx->fd;
	bpf_probe_read_kernel_str(holder.comm, sizeof(holder.comm), task->comm);
	bpf_seq_write(ctx->meta->seq, &holder, sizeof(holder));
	return 0;
}

#endif

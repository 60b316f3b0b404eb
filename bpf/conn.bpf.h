/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The life of a connection: one handler for each thing that happens to it.
 *
 * Every handler can run several times for the same event and acts once: the kernel skips a program
 * that interrupts itself, so each transition is looked at by more than one (docs/kernel.md). While
 * they look, the socket is locked, or nobody else has it yet; but accept() and the beginning of
 * close() are seen without its lock. And the record of a connection belongs to whoever removes its
 * entry from the map.
 */
#ifndef SLOWCLOSE_CONN_BPF_H
#define SLOWCLOSE_CONN_BPF_H

#include "listener.bpf.h"
#include "report.bpf.h"
#include "socket.bpf.h"
#include "table.bpf.h"

/* Set by user space: accept() is only seen where the child may not be ESTABLISHED yet. */
const volatile bool accepts_syn_recv;

/* connect(): the only moment at which the connecting process is known. */
static __always_inline void conn_connecting(struct sock *sk)
{
	struct conn conn = {.role = ROLE_CLIENT, .state = TCP_SYN_SENT};

	if (in_program(sk))
		task_read(&conn.owner);
	conn_add(sk, &conn); /* a failure is counted when the connection is established */
}

/*
 * A child of a listener, in softirq. With Fast Open it is queued now, and can be accepted from here
 * on; any other is ESTABLISHED in a moment. It has no addresses yet.
 */
static __always_inline void conn_queued(struct sock *sk)
{
	struct conn conn = {.role = ROLE_SERVER, .state = TCP_SYN_RECV};

	if (!accepts_syn_recv && !takes_fast_open(sk))
		return;
	conn.queued_ns = bpf_ktime_get_ns();
	/* By these its accept() is counted, which can come before it is ESTABLISHED. */
	conn.netns = net_of(sk)->ns.inum;
	conn.local_port = sk->__sk_common.skc_num;
	conn_add(sk, &conn);
}

static __always_inline bool in_accept_queue(const struct conn *conn)
{
	return conn->role == ROLE_SERVER && conn->queued_ns && !conn_is_accepted(conn);
}

/* Long enough after it came, and with addresses to be told by: not yet, in SYN_RECV. */
static __always_inline bool accepted_late(const struct conn *conn)
{
	return conn->established_ns && conn->queued_ns && conn->accepted_ns &&
	       conn->accepted_ns - conn->queued_ns >= slow_accept_wait_ns;
}

/* The entry is of this socket and has been through this transition; else it is a leftover. */
static __always_inline bool is_established(const struct conn *found, struct tcp_sock *tp)
{
	return found->state == TCP_ESTABLISHED &&
	       (!tp || !tp->tcp_clock_cache || found->established_ns == tp->tcp_clock_cache);
}

static __always_inline void conn_established(struct sock *sk, int old)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct conn *found = conn_find(sk);
	struct conn conn = {};
	int error;

	if (found && is_established(found, tp))
		return;
	if (tp && is_subflow(tp)) {
		if (found)
			conn_forget(sk, found);
		return;
	}
	if (found && (found->state == TCP_SYN_SENT || found->state == TCP_SYN_RECV)) {
		found->state = TCP_ESTABLISHED;
		found->established_ns = segment_ns(tp);
		conn_read_addresses(found, sk);
		if (accepted_late(found))
			conn_report_accepted_late(sk, found);
		return;
	}

	/* A child, or one that could not be added before. */
	conn.role = old == TCP_SYN_SENT ? ROLE_CLIENT : ROLE_SERVER;
	conn.state = TCP_ESTABLISHED;
	conn.established_ns = segment_ns(tp);
	if (conn.role == ROLE_SERVER)
		conn.queued_ns = conn.established_ns;
	conn_read_addresses(&conn, sk);
	error = conn_add(sk, &conn);
	if (error) /* each look reads the same of the segment, but the clock anew without one */
		count_not_followed(sk, tp ? tp->tcp_clock_cache : 0, error);
}

static __always_inline void conn_note_accepted(struct conn *conn, struct sock *sk)
{
	if (socket_of(sk))
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
		conn->established_ns = segment_ns(tp);
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
	tp = bpf_skc_to_tcp_sock(sk);
	conn->state = TCP_CLOSE_WAIT;
	conn->close_wait_ns = segment_ns(tp);
	conn_note_accepted(conn, sk);
	if (!in_accept_queue(conn)) /* it begins to wait anew: no look has seen that */
		conn->look = 0;
	if (tp) {
		conn->tx_bytes = sent_bytes(tp);
		conn->write_seq = tp->write_seq;
	}
}

/* The descriptor is gone. When, and by whom, a kernel thread that looks after it does not tell. */
static __always_inline __u8 end_by_close(struct sock *sk)
{
	if (task_exiting())
		return END_EXIT;
	return in_kernel_thread(sk) ? END_UNKNOWN : END_CLOSE;
}

/* The application's FIN: out of CLOSE_WAIT that is the end of its part. Returns what has ended. */
static __always_inline struct conn *conn_local_fin(struct sock *sk, int old, int state)
{
	struct conn *conn = conn_find_established(sk, old);

	if (!conn || conn->state == state)
		return NULL;
	conn->state = state;
	conn_note_accepted(conn, sk);
	if (!conn->end) {
		if (!(conn->flags & CONN_CLOSING) && !descriptor_released(sk))
			conn->end = END_SHUTDOWN;
		else
			conn->end = end_by_close(sk);
		if (in_program(sk))
			task_read(&conn->closer);
	}
	return state == TCP_LAST_ACK ? conn : NULL;
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
	if (conn->role == ROLE_SERVER && !conn_is_accepted(conn))
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
	conn_read_counters(conn, conn, sk, TCP_CLOSE);
	conn->flags |= CONN_CLOSED;
	conn->closed_ns = bpf_ktime_get_ns();
}

/*
 * A child that goes in SYN_RECV was in the accept queue (Fast Open) if it is reset or times out, or
 * if its listener closes, which has not let go of it yet; else making it has failed.
 */
static __always_inline bool was_queued_in_syn_recv(const struct conn *conn, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	return conn->role == ROLE_SERVER && (sk->sk_err || (tp && tp->fastopen_rsk));
}

/* Returns what has ended. */
static __always_inline struct conn *conn_closed(struct sock *sk, int old)
{
	struct conn *conn;

	if (old == TCP_SYN_SENT || old == TCP_SYN_RECV) {
		conn = conn_find(sk);
		if (conn && conn->role == ROLE_SERVER)
			conn_note_accepted(conn, sk);
		if (!conn)
			return NULL;
		/* It never was a connection. */
		if (!conn_is_accepted(conn) &&
		    (old == TCP_SYN_SENT || !was_queued_in_syn_recv(conn, sk))) {
			conn_forget(sk, conn);
			return NULL;
		}
	}
	conn = conn_find_established(sk, old);
	if (!conn || conn->state == TCP_CLOSE)
		return NULL;
	conn->state = TCP_CLOSE;
	conn_note_accepted(conn, sk);
	if (!conn->end) {
		conn->end = end_of_closed(conn, sk, bpf_skc_to_tcp_sock(sk));
		if (!close_error(sk) && conn->end != END_LISTENER_CLOSED && in_program(sk))
			task_read(&conn->closer);
	}
	if (conn->role != ROLE_SERVER || conn_is_accepted(conn) || is_mptcp(sk))
		return conn;
	conn_closed_in_queue(sk, conn);
	return NULL;
}

/*
 * MPTCP's own listener is never in the kernel's tables; that of its first subflow is. Not inlined,
 * for the stack.
 */
static __noinline void listener_opened(struct sock *sk)
{
	struct conn_task task = {};

	if (is_mptcp(sk))
		return;
	task_read(&task);
	listener_add(sk, &task);
}

/* Whether the transition of a TCP socket says anything new. */
static __always_inline bool is_news(int old, int new)
{
	switch (new) {
	case TCP_LISTEN:
	case TCP_SYN_SENT:
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT:
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		return true;
	case TCP_SYN_RECV: /* from SYN_SENT it stays a client */
		return old == TCP_LISTEN;
	case TCP_CLOSE: /* from LAST_ACK it was reported before */
		return old != TCP_LAST_ACK;
	default:
		return false;
	}
}

static __always_inline void conn_transition(struct sock *sk, int old, int new)
{
	struct conn *ended = NULL;

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
		ended = conn_local_fin(sk, old, new);
		break;
	case TCP_CLOSE:
		ended = conn_closed(sk, old);
		break;
	}
	if (ended) /* in one place: this is most of what the verifier has to look at */
		conn_report(sk, ended, sk, new);
}

static __always_inline void accept_succeeded(const struct conn *conn)
{
	struct accept_key key = {
		.pid = conn->owner.pid, .netns = conn->netns, .port = conn->local_port};

	accept_count(&key, conn->accepted_ns);
}

/* accept() has returned the connection to the current task; the flags are not its to change. */
static __always_inline void conn_accepted(struct sock *sk)
{
	struct conn *conn = conn_find(sk);

	if (!conn || conn->role != ROLE_SERVER || conn->accepted_ns)
		return;
	task_read(&conn->owner);
	conn->accepted_ns = bpf_ktime_get_ns();
	accept_succeeded(conn);
	if (conn->flags & CONN_CLOSED) /* reset while it was queued; now it has left the queue */
		conn_report(sk, conn, NULL, TCP_CLOSE);
	else if (accepted_late(conn))
		conn_report_accepted_late(sk, conn);
}

/*
 * close() is at work in the current task: what follows is no shutdown(). The socket is not locked
 * yet: the flag can be lost to a transition that sets one meanwhile, and then the descriptor tells.
 * One that is lost to it can only be CONN_ACCEPTED, of an accept() that went unseen, and the next
 * transition notes that anew.
 */
static __always_inline void conn_closing(struct sock *sk)
{
	struct conn *conn = conn_find(sk);

	if (conn)
		conn->flags |= CONN_CLOSING;
}

/*
 * The socket goes: nothing of it may stay in the map. One that was reset in the queue is either
 * shut down then, by the close() of who has accepted it unseen, or has been disconnected with its
 * listener (inet_child_forget()).
 */
static __always_inline void conn_destroyed(struct sock *sk)
{
	struct conn *conn = conn_find(sk);
	struct tcp_sock *tp;

	if (!conn)
		return;
	if (!conn->established_ns) {
		conn_remove(sk);
		return;
	}
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp && tp->tcp_clock_cache < conn->established_ns) { /* of the socket before */
		conn_forget(sk, conn);
		return;
	}
	if (!(conn->flags & CONN_CLOSED)) /* no look saw it */
		conn->flags |= CONN_NO_BYTES;
	else if (sk->sk_shutdown)
		conn->flags |= CONN_ACCEPTED;
	conn_report(sk, conn, NULL, TCP_CLOSE);
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract between the BPF programs and the daemon: what is kept of a live connection and of a
 * listener, what is sent when a connection ends, and what a scan tells.
 *
 * Times are CLOCK_MONOTONIC in nanoseconds; 0 means "not seen". Ports are in
 * host byte order. Addresses are in network byte order; an IPv4 address, v4-mapped
 * ones included, fills the first four bytes and its connection is FAMILY_IPV4.
 */
#ifndef SLOWCLOSE_RECORD_H
#define SLOWCLOSE_RECORD_H

#ifdef __bpf__
/* The BPF side has these types from bpf/kernel.h. */
#else
#include <linux/types.h>
#endif

enum conn_family {
	FAMILY_IPV4 = 4,
	FAMILY_IPV6 = 6,
};

enum conn_role {
	ROLE_SERVER = 1, /* came out of a listener */
	ROLE_CLIENT = 2, /* connected from this host */
};

/* How a connection ended; docs/kernel.md has the rules. */
enum conn_end {
	END_UNKNOWN = 0,
	END_CLOSE,
	END_SHUTDOWN,
	END_EXIT,
	END_RESET_BY_PEER,
	END_RESET_UNREAD,
	END_TIMEOUT,
	END_LISTENER_CLOSED,
	END_ABORTED,
	END_COUNT,
};

/* Why a connection waits or was slow; conn_cause() below has the rules. */
enum conn_cause {
	CAUSE_NONE = 0, /* fast, or nothing proves a cause */
	CAUSE_NEVER_ACCEPTED,
	CAUSE_NOT_READING,
	CAUSE_NOT_CLOSING,
	CAUSE_STILL_SENDING,
	CAUSE_COUNT,
};

enum conn_flags {
	CONN_ACCEPTED = 1 << 0, /* a process has it: see conn_is_accepted() */
	CONN_CLOSING = 1 << 1, /* close() was called: the local FIN is not a shutdown */
	CONN_CLOSED = 1 << 2, /* in CLOSE, but still in the accept queue */
	CONN_NO_BYTES = 1 << 3, /* MPTCP: the byte fields are not known */
	CONN_FIN = 1 << 4, /* the peer's FIN has arrived */
	CONN_FIN_READ = 1 << 5, /* all that the peer sent was taken, the FIN too */
	CONN_OLD = 1 << 6, /* its beginning was not seen: times up to now are the latest possible */
	CONN_OLD_FIN = 1 << 7, /* nor was the peer's FIN */
};

/* A task that acted on a connection in its own context; pid 0: not known. */
struct conn_task {
	__u32 pid; /* process (thread group), as the initial pid namespace sees it */
	__u32 tid;
	char comm[16]; /* the process's: any bytes but NUL, not always terminated */
};

/* One connection: live in the tables, or ended in the ring. */
struct conn {
	__u64 queued_ns; /* server: entered the accept queue */
	__u64 established_ns;
	__u64 accepted_ns; /* server: returned by accept() */
	__u64 close_wait_ns; /* entered CLOSE_WAIT */
	__u64 closed_ns; /* reset in the accept queue, where it stays, but not in CLOSE_WAIT */
	__u8 local_addr[16];
	__u8 remote_addr[16];
	__u16 local_port;
	__u16 remote_port;
	__u32 netns; /* inode number */
	struct conn_task owner;
	__u64 rx_bytes; /* payload received; read at the end */
	__u64 tx_bytes; /* payload sent; at the FIN, then again at the end */
	__u32 unread_bytes; /* received, not taken by the application; at the end */
	__u32 write_seq; /* at the FIN: where tx_bytes_after_fin counts from */
	__u8 family; /* enum conn_family */
	__u8 role; /* enum conn_role */
	__u8 state; /* last TCP state handled */
	__u8 end; /* enum conn_end */
	__u8 flags; /* enum conn_flags */
	__u8 accept_told; /* waiting records sent of the accept wait, */
	__u8 close_told; /* and of the close wait: at 1, 10, 100, … times the threshold */
	__u8 look; /* the number of the last look that saw it wait, and what that saw; or 0 */
	struct conn_task closer;
};

/* Of the first table of live connections (bpf/slots.bpf.h). */
#define SLOTS 16384

/* Looks at what waits are numbered from 1 to LOOKS, and then anew. */
#define LOOKS 0x3f
#define LOOK_UNREAD 0x40 /* it had been kept for too long by then, and not all was taken */
#define LOOK_TOLD 0x80 /* that look told of it, and so asks for its holders */

enum record_kind {
	RECORD_CLOSED = 1, /* has ended */
	RECORD_WAITING, /* waits now */
	RECORD_ACCEPTED_LATE, /* was accepted now, after a slow wait */
};

/* What is told of one connection at one moment. */
struct record {
	__u64 sock; /* its address: what holders are found by; never shown */
	__u64 end_ns; /* closed: left CLOSE_WAIT or reached CLOSE (docs/kernel.md); else: now */
	__u64 tx_bytes_after_fin;
	__u32 kind; /* enum record_kind */
	__u8 due; /* waiting: its wait has crossed 1, 10, 100, … times the threshold since it was
		     told last; of scans that tell all and mark these */
	__u8 counted; /* waiting: one of those that are too many to be told with their holders */
	__u8 unacknowledged; /* waiting: the peer has not taken all that was sent, or given up
				what it did not take (which would be a reset) */
	__u8 padding;
	struct conn conn; /* behind the rest: its closer, which none has that waits, comes last */
};

/* A listening socket. */
struct listener {
	__u64 since_ns; /* listen() was called; 0: before the start */
	__u8 addr[16];
	__u32 netns;
	__u16 port;
	__u8 family; /* enum conn_family; an IPv6 one with the address :: takes IPv4 as well */
	__u8 padding;
	struct conn_task owner; /* called listen() */
	__u32 somaxconn; /* of its network namespace when listen() was called; 0: not known */
	__u32 more_padding;
};

/* A listener now. */
struct listener_record {
	struct listener listener;
	__u64 sock;
	__u64 mptcp; /* the MPTCP socket that it belongs to, which is what a descriptor leads to; or
			0 */
	__u32 queued; /* in the accept queue, those that were reset included */
	__u32 limit; /* of the queue, which holds one more */
	__u32 somaxconn; /* of its network namespace, now */
	__u32 drops; /* connections not taken, since listen(): by overflow for the most part */
};

/* A descriptor that leads to a socket that waits or listens. */
struct holder {
	__u64 sock;
	__u32 pid;
	__u32 fd;
	char comm[16];
};

/* Who calls accept(), on which port, and with what result. */
struct accept_key {
	__u32 pid;
	__u32 netns; /* 0 with an error: the kernel does not say of which listener */
	__u16 port;
	__u16 error; /* errno, or 0: it returned a connection */
};

struct accept_count {
	__u64 count;
	__u64 last_ns;
};

struct accept_record {
	struct accept_key key;
	struct accept_count count;
};

/* Innermost frames that are kept of a stack. */
#define THREAD_FRAMES 24

/* How a thread sleeps in futex. */
enum futex_sleep {
	FUTEX_UNKNOWN,
	FUTEX_UNTIMED,
	FUTEX_TIMED, /* for a limited time only */
	FUTEX_MUTEX, /* without a limit, and as glibc does for a mutex */
};

/* What a thread does at one moment, and what it has done since it began. */
struct thread_record {
	__u32 pid;
	__u32 tid;
	__u32 state; /* as the kernel has it: 0 running or runnable, a bit for each other state */
	__u16 frames; /* of the stack */
	__u16 futex; /* enum futex_sleep; of other system calls it says nothing */
	__u64 run_ns; /* on a CPU */
	__u64 delay_ns; /* runnable, and on none: of waits that are over */
	__u64 switches; /* how often it has left a CPU, */
	__u64 sleeps; /* and how often of these to wait for something else than a CPU */
	char comm[16];
	__u64 stack[THREAD_FRAMES]; /* addresses in the kernel, the innermost first */
};

/* The maps that a walk goes through (bpf/walk.bpf.h), and room for what one run of it tells. */
enum walk {
	WALK_NONE,
	WALK_WAITING_SLOTS, /* struct record */
	WALK_WAITING,
	WALK_WAITING_MORE,
	WALK_LISTENERS, /* struct listener_record */
	WALK_ACCEPTS, /* struct accept_record */
	WALK_FOLDS, /* struct fold_record */
	WALK_FOLDS_OTHER,
};

#define WALK_ROOM (2 * 1024 * 1024)

/* Processes whose threads one scan tells, and threads of each. */
#define SCAN_PROCESSES_MAX 64
#define SCAN_THREADS_MAX 256

/*
 * Whether a process has it. accept() writes when that was, and leaves the flags alone, which are
 * others' to change at the same time; where it went unseen, a transition or a scan sets the flag.
 */
static inline __attribute__((always_inline)) _Bool conn_is_accepted(const struct conn *conn)
{
	return conn->accepted_ns || conn->flags & CONN_ACCEPTED;
}

/* Of one that is not over: one that was reset in the queue has been in CLOSE_WAIT. */
static inline __attribute__((always_inline)) _Bool conn_is_in_close_wait(const struct conn *conn)
{
	return conn->close_wait_ns && !(conn->flags & CONN_CLOSED);
}

/*
 * When a close wait was over, of one that ended, or was looked at, at end_ns: closed_ns if that is
 * set. Without a branch, since the verifier would go both ways through all that follows.
 */
static inline __attribute__((always_inline)) __u64 conn_close_wait_end_ns(const struct conn *conn,
									  __u64 end_ns)
{
	__u64 is_set = conn->closed_ns | -conn->closed_ns; /* its highest bit */

	__asm__ volatile("" : "+r"(is_set)); /* else the compiler makes it one */
	return end_ns ^ ((end_ns ^ conn->closed_ns) & -(is_set >> 63));
}

/* When the application began to keep it in CLOSE_WAIT: not before it had it. 0: without a FIN. */
static inline __attribute__((always_inline)) __u64 conn_kept_since_ns(const struct conn *conn)
{
	if (conn->close_wait_ns && conn->accepted_ns > conn->close_wait_ns)
		return conn->accepted_ns;
	return conn->close_wait_ns;
}

/*
 * Why a slow connection waits or was slow; close_slow: its close wait is over the threshold, be it
 * without the accept queue. A program that hung mostly takes the FIN right before it closes, so
 * what the last look saw decides then; but with bytes sent after the FIN the peer waited for them.
 */
static inline __attribute__((always_inline)) enum conn_cause
conn_cause(const struct conn *conn, __u64 tx_bytes_after_fin, _Bool close_slow)
{
	if (conn->role == ROLE_SERVER && !conn_is_accepted(conn))
		return CAUSE_NEVER_ACCEPTED;
	if (!close_slow || !(conn->flags & CONN_FIN) || conn->flags & CONN_NO_BYTES)
		return CAUSE_NONE;
	if (!(conn->flags & CONN_FIN_READ))
		return CAUSE_NOT_READING;
	if (tx_bytes_after_fin)
		return CAUSE_STILL_SENDING;
	return conn->look & LOOK_UNREAD ? CAUSE_NOT_READING : CAUSE_NOT_CLOSING;
}

/*
 * What a row of the summary is of. A server's is the local port, a client's the remote one with
 * netns 0. comm is that of the owner, zero-filled; empty where that is not known.
 */
struct service_key {
	__u32 netns;
	__u16 port;
	__u8 role; /* enum conn_role */
	__u8 padding;
	char comm[16];
};

/*
 * Connections of which no record was sent are folded: each is counted once under its lifetime, and
 * once under each other measure that it has and that is no lower bound.
 */
enum fold_measure {
	FOLD_LIFETIME, /* detail: enum conn_end, and the enum conn_cause above it, or the next */
	FOLD_ACCEPT_WAIT, /* detail: 1 if slow */
	FOLD_CLOSE_WAIT, /* the same */
	FOLD_UNTIL_FIN, /* from being established to the peer's FIN */
};

#define FOLD_CAUSE_SHIFT 4
#define FOLD_SLOW_WITHOUT_CAUSE CAUSE_COUNT /* CAUSE_NONE is fast */
#define FOLD_NO_BUCKET 0xffff /* the wait is not known, or a lower bound */

struct fold_key {
	struct service_key service;
	__u16 bucket; /* of nanoseconds: slowclose/bucket.h */
	__u8 measure; /* enum fold_measure */
	__u8 detail;
	__u32 padding;
};

struct fold_sums {
	__u64 count;
	__u64 ns;
	__u64 rx_bytes; /* of FOLD_LIFETIME; else 0 */
	__u64 tx_bytes;
};

/* What was folded under one key since it was told last. */
struct fold_record {
	struct fold_key key;
	struct fold_sums sums;
};

/* With the map's own 56 bytes an entry stays within a 256-byte allocation: up to 200. */
_Static_assert(sizeof(struct conn) == 160, "no implicit padding");
_Static_assert(sizeof(struct record) == 192, "no implicit padding");

_Static_assert(sizeof(struct listener) == 64, "no implicit padding");
_Static_assert(sizeof(struct listener_record) == 96, "no implicit padding");
_Static_assert(sizeof(struct holder) == 32, "no implicit padding");
_Static_assert(sizeof(struct accept_record) == 32, "no implicit padding");
_Static_assert(sizeof(struct thread_record) == 256, "no implicit padding");
_Static_assert(sizeof(struct service_key) == 24, "no implicit padding");
_Static_assert(sizeof(struct fold_record) == 64, "no implicit padding");

/* What could not be kept or sent, counted for each cause. */
enum loss {
	LOSS_RING_FULL, /* ended, but no room for the record: only counted */
	LOSS_RING_FULL_LATE, /* accepted late, but no room for the record */
	LOSS_TABLE_FULL, /* not followed: max_connections reached */
	LOSS_NO_MEMORY, /* not followed: the kernel had no memory for the entry */
	LOSS_FOLD_FULL, /* folded, but no room under their service */
	LOSS_LISTENERS, /* listeners not known: no room or memory for them */
	LOSS_END_UNSEEN, /* ended unseen: another socket has the address of its own now */
	LOSS_COUNT,
};

/* What one CPU keeps for itself. */
struct conn_cpu {
	__u64 losses[LOSS_COUNT];
	__u64 records; /* sent */
	__u64 folded; /* ended, and counted instead of sent */
	__u64 wakeup_ns; /* last forced wake-up of the reader */
	__u64 not_followed; /* socket that could not be added: counted once, not by each look */
	__u64 not_followed_since_ns; /* when it began, since the next one can be given it */
	__u64 looked; /* socket of which a look has been through */
	__u64 looked_transition; /* this one: slowclose.bpf.c */
	__u64 padding[2]; /* to cache lines, so that no CPU waits for another's */
};

_Static_assert(sizeof(struct conn_cpu) == 128, "whole cache lines");

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* What is sent of a connection at its end: a record through the ring, or else a count. */
#ifndef SLOWCLOSE_REPORT_BPF_H
#define SLOWCLOSE_REPORT_BPF_H

#include "fold.bpf.h"
#include "socket.bpf.h"
#include "table.bpf.h"

#define RING_SIZE (8 * 1024 * 1024)

/* A slow record wakes the reader, but not more often than this. */
#define WAKEUP_INTERVAL_NS (10 * 1000 * 1000)

/* How full the ring is, one in so many records of a CPU asks. */
#define ASKING_RECORDS 16

/* Set by user space, also while this runs. */
__u64 slow_close_wait_ns = 1000 * 1000 * 1000;
__u64 slow_accept_wait_ns = 100 * 1000 * 1000;
bool stream_slow_only SEC(".data"); /* not beside what a look counts, as the other two */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_SIZE);
} ring SEC(".maps");

static __always_inline bool close_is_slow(const struct conn *conn, __u64 end_ns)
{
	return conn->close_wait_ns &&
	       conn_close_wait_end_ns(conn, end_ns) - conn->close_wait_ns >= slow_close_wait_ns;
}

static __always_inline bool kept_is_slow(const struct conn *conn, __u64 end_ns)
{
	__u64 since_ns = conn_kept_since_ns(conn);

	/* Signed: it can have been accepted since a look has read the clock. */
	return since_ns && (__s64)(end_ns - since_ns) >= (__s64)slow_close_wait_ns;
}

/* 0 where the wait is not known. A connection that nobody accepted waited until its end. */
static __always_inline __u64 accept_wait_end(const struct conn *conn, __u64 end_ns)
{
	if (!conn->queued_ns)
		return 0;
	return conn_is_accepted(conn) ? conn->accepted_ns : end_ns;
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

static __always_inline bool ring_fills_up(const struct conn_cpu *cpu)
{
	return cpu->records % ASKING_RECORDS == 0 &&
	       bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= RING_SIZE / 4;
}

/*
 * Waking the reader costs more than all else together, so only two things wake it: a slow record,
 * now and then, and a ring that fills up. It looks by itself often enough for the rest.
 */
static __always_inline __u64 wakeup_flags(struct conn_cpu *cpu, const struct record *record)
{
	if (record->end_ns - cpu->wakeup_ns < WAKEUP_INTERVAL_NS)
		return BPF_RB_NO_WAKEUP;
	if (!is_slow(&record->conn, record->end_ns) && !ring_fills_up(cpu))
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
	record->due = 0;
	record->counted = 0;
	record->unacknowledged = 0;
	record->padding = 0;
}

/* counters is the socket to read them from, or NULL where they were read before or cannot be. */
static __always_inline void record_closed(struct record *record, struct sock *sk,
					  const struct conn *conn, struct sock *counters, int state,
					  __u64 end_ns)
{
	record_begin(record, sk, conn, RECORD_CLOSED, end_ns);
	if (counters)
		record->tx_bytes_after_fin =
			conn_read_counters(&record->conn, conn, counters, state);
}

/* Lower bounds are in no measure, but slow all the same: as in user/daemon/stats.c. */
static __always_inline bool fold_waits(struct fold_key *key, const struct record *record)
{
	const struct conn *conn = &record->conn;
	__u64 accepted_ns = accept_wait_end(conn, record->end_ns);
	bool all = true;

	if (accepted_ns)
		all &= fold_wait(key, FOLD_ACCEPT_WAIT, accepted_ns - conn->queued_ns,
				 conn->flags & CONN_OLD, accept_is_slow(conn, record->end_ns));
	if (!conn->close_wait_ns)
		return all;
	all &= fold_wait(key, FOLD_CLOSE_WAIT,
			 conn_close_wait_end_ns(conn, record->end_ns) - conn->close_wait_ns,
			 conn->flags & CONN_OLD_FIN, close_is_slow(conn, record->end_ns));
	all &= fold_wait(key, FOLD_UNTIL_FIN, conn->close_wait_ns - conn->established_ns,
			 conn->flags & CONN_OLD, false);
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
				   kept_is_slow(conn, record->end_ns));
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

static __always_inline bool is_streamed(const struct conn *conn, __u64 end_ns)
{
	return !stream_slow_only || is_slow(conn, end_ns);
}

/*
 * Not inlined: it needs a record on the stack, and seldom runs. Counts the loss by itself, since a
 * caller must not branch on what it knew before the call: 5.10's verifier takes states that differ
 * only in that for the same, and removes the branch (its propagate_precision() marks registers of
 * the innermost function alone).
 */
static __noinline void conn_fold(struct sock *sk, struct conn *conn, struct sock *counters,
				 int state, __u64 end_ns)
{
	struct conn_cpu *cpu = this_cpu();
	struct record record;

	if (!cpu)
		return;
	record_closed(&record, sk, conn, counters, state, end_ns);
	if (!conn_remove(sk))
		return;
	record_fold(&record, cpu);
	if (is_streamed(&record.conn, end_ns))
		count(&cpu->losses[LOSS_RING_FULL]);
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
	struct record *record = NULL;

	if (!cpu)
		return;
	if (is_streamed(conn, now))
		record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		conn_fold(sk, conn, counters, state, now);
		return;
	}
	record_closed(record, sk, conn, counters, state, now);
	if (!conn_remove(sk)) {
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
		return;
	}
	count(&cpu->records);
	bpf_ringbuf_submit(record, wakeup_flags(cpu, record));
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
	record->conn.flags = flags_without_counters(conn);
	bpf_ringbuf_submit(record, wakeup_flags(cpu, record));
}

#endif

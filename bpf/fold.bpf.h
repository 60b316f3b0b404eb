/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ended connections of which no record is sent: added up by service, so that a summary is exact
 * whatever happens to the ring.
 */
#ifndef SLOWCLOSE_FOLD_BPF_H
#define SLOWCLOSE_FOLD_BPF_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>

#include "slowclose/bucket.h"
#include "slowclose/record.h"

struct fold {
	struct fold_sums sums; /* since the start */
	struct fold_sums told; /* of these, what user space has been told */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct fold_key);
	__type(value, struct fold);
} folds SEC(".maps");

/* What has no room or memory there, with no service: it has its own from the start, 2.5 MiB. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct fold_key);
	__type(value, struct fold);
} folds_other SEC(".maps");

static const struct fold fold_none; /* not on the stack, which is scarce */

static __always_inline bool fold_into(void *map, const struct fold_key *key,
				      const struct fold_sums *sums)
{
	struct fold *fold = bpf_map_lookup_elem(map, key);

	if (!fold) { /* another CPU may add it first, which is as good */
		bpf_map_update_elem(map, key, &fold_none, BPF_NOEXIST);
		fold = bpf_map_lookup_elem(map, key);
	}
	if (!fold)
		return false;
	__sync_fetch_and_add(&fold->sums.ns, sums->ns);
	if (sums->rx_bytes)
		__sync_fetch_and_add(&fold->sums.rx_bytes, sums->rx_bytes);
	if (sums->tx_bytes)
		__sync_fetch_and_add(&fold->sums.tx_bytes, sums->tx_bytes);
	/* Last: by it a scan sees that there is anything new. */
	__sync_fetch_and_add(&fold->sums.count, sums->count);
	return true;
}

/* Returns false if only folds_other has it, or not even that. */
static __always_inline bool fold_add(struct fold_key *key, const struct fold_sums *sums)
{
	struct fold_key other = {
		.bucket = key->bucket, .measure = key->measure, .detail = key->detail};

	if (fold_into(&folds, key, sums))
		return true;
	fold_into(&folds_other, &other, sums);
	return false;
}

/* A wait of at least ns is only counted, and only if it is slow. */
static __always_inline bool fold_wait(struct fold_key *key, enum fold_measure measure, __u64 ns,
				      bool at_least, bool slow)
{
	const struct fold_sums sums = {.count = 1, .ns = at_least ? 0 : ns};

	if (at_least && !slow)
		return true;
	key->measure = measure;
	key->bucket = at_least ? FOLD_NO_BUCKET : bucket_of(ns);
	key->detail = slow;
	return fold_add(key, &sums);
}

#endif

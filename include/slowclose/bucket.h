/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The buckets of all histograms, in the kernel and in user space: log-linear, 32 to each power of
 * two, so that the middle of a bucket is within 1.6 % of everything in it. Below 32 each number is
 * its own bucket.
 */
#ifndef SLOWCLOSE_BUCKET_H
#define SLOWCLOSE_BUCKET_H

#define BUCKET_BITS 5
#define BUCKETS ((64 - BUCKET_BITS + 1) << BUCKET_BITS) /* of any 64-bit number */

static inline __attribute__((always_inline)) __u32 bucket_of(__u64 n)
{
	__u32 shift = 0;

	/* The highest bit's place less BUCKET_BITS; BPF has no instruction for it. */
	for (__u32 step = 32; step; step /= 2) {
		if (n >> (shift + step) >= 1u << BUCKET_BITS)
			shift += step;
	}
	return (shift << BUCKET_BITS) + (__u32)(n >> shift);
}

/* The least number of a bucket; that of the next one is the first above it. */
static inline __attribute__((always_inline)) __u64 bucket_from(__u32 bucket)
{
	__u32 shift = bucket >> BUCKET_BITS;

	if (shift <= 1)
		return bucket;
	shift--;
	return (__u64)(bucket - (shift << BUCKET_BITS)) << shift;
}

#endif

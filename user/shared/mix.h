/* SPDX-License-Identifier: GPL-2.0 */
/* Hashing of numbers. */
#ifndef SLOWCLOSE_MIX_H
#define SLOWCLOSE_MIX_H

#include <stdint.h>

/* The finalizer of splitmix64: each bit of n changes each bit of the result half of the time. */
static inline uint64_t mix(uint64_t hash, uint64_t n)
{
	n += hash + UINT64_C(0x9e3779b97f4a7c15);
	n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
	return n ^ (n >> 31);
}

#endif

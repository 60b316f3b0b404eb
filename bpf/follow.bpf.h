/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pointers that the verifier knows nothing of. Since 6.2 they can be followed as if they were of a
 * type that it knows, by loads that give 0 where there is no memory. Before, each takes a call.
 */
#ifndef SLOWCLOSE_FOLLOW_BPF_H
#define SLOWCLOSE_FOLLOW_BPF_H

#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

extern void *bpf_rdonly_cast(const void *pointer, __u32 type) __weak __ksym;
const volatile bool has_rdonly_cast; /* set by user space */

#define FOLLOW(pointer, type) ((type *)bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(type)))

/* What the pointer at an address points to: this struct of the kernel's is one pointer. */
#define FOLLOW_AT(address, type) FOLLOW(FOLLOW(address, struct hlist_head)->first, type)

/* A field of what it points to. */
#define FOLLOW_READ(pointer, type, field)                                                          \
	(has_rdonly_cast ? FOLLOW(pointer, type)->field : BPF_CORE_READ((type *)(pointer), field))

#endif

// SPDX-License-Identifier: GPL-2.0
/* Lets nobody load an iterator over the elements of a map, as a micro-VM kernel does. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define EPERM 1
#define BPF_PROG_LOAD 5 /* include/uapi/linux/bpf.h */
#define BPF_TRACE_ITER 28

char LICENSE[] SEC("license") = "GPL";

union bpf_attr {
	__u32 expected_attach_type;
	__u32 attach_btf_id;
} __attribute__((preserve_access_index));

const volatile __u32 element_iterator; /* BTF's number of it, set by user space */

SEC("lsm/bpf")
int BPF_PROG(refuse, int cmd, union bpf_attr *attr)
{
	if (cmd == BPF_PROG_LOAD && attr->expected_attach_type == BPF_TRACE_ITER &&
	    attr->attach_btf_id == element_iterator)
		return -EPERM;
	return 0;
}

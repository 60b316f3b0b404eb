// SPDX-License-Identifier: GPL-2.0
/* Empty programs on the hooks of slowclosed's tracepoint backend: what nobody can go below. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define EMPTY(section, name)                                                                       \
	SEC(section)                                                                               \
	int name(void *ctx)                                                                        \
	{                                                                                          \
		return 0;                                                                          \
	}

EMPTY("tp_btf/inet_sock_set_state", floor_state_1)
EMPTY("tp_btf/inet_sock_set_state", floor_state_2)
EMPTY("tp_btf/tcp_destroy_sock", floor_destroy)
EMPTY("tp/syscalls/sys_exit_accept", floor_accept)
EMPTY("tp/syscalls/sys_exit_accept4", floor_accept4)

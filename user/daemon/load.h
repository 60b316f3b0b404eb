/* SPDX-License-Identifier: GPL-2.0 */
/* Loads and attaches the BPF programs that suit the running kernel. */
#ifndef SLOWCLOSE_LOAD_H
#define SLOWCLOSE_LOAD_H

#include "hooks.h"

struct slowclose_bpf;

struct loaded {
	struct slowclose_bpf *skel; /* to be freed by slowclose_bpf__destroy() */
	const char *backend; /* "fentry" or "tracepoint", */
	char reason[128]; /* and why */
	bool walks; /* scans of maps are walks: the kernel refuses iterators over their elements */
};

/*
 * From here on connections are followed, unless it is for scans only. Each failure is logged, with
 * what to do. Returns 0 or -errno.
 */
int load_programs(struct loaded *loaded, const struct hooks_options *options);

#endif

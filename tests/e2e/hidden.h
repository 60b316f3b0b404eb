/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What this host hides from every BPF program. There are micro-VM kernels that run none while the
 * current task is a thread of the first process, and count none as skipped: whatever a softirq does
 * then goes unseen (docs/kernel.md). perf counts a tracepoint there like anywhere else.
 */
#ifndef E2E_HIDDEN_H
#define E2E_HIDDEN_H

#include <stdbool.h>

/*
 * Counts from now on the transitions of TCP sockets in the context of the first process. Says so
 * where it cannot: then nothing counts as hidden.
 */
void hidden_watch(void);

/* A new test begins: what was hidden before is no excuse. */
void hidden_begin(void);

/*
 * Transitions since then that may be hidden, each of which can cost one record. Always 0 without
 * hidden_watch(), so in test machines, whose kernels hide nothing.
 */
long long hidden_transitions(void);

/* Whether so many records can be missing for that: none may be too many. */
bool hidden_explains(long long missing);

#endif

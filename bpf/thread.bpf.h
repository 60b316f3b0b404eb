/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the threads of some processes do now. Nothing is stopped for it: the kernel stack of a
 * sleeping thread stays as it is, and that of a running one is of no interest.
 */
#ifndef SLOWCLOSE_THREAD_BPF_H
#define SLOWCLOSE_THREAD_BPF_H

#include "scan.bpf.h"

/* Set by user space before a scan: the processes in ascending order, and nothing told of them. */
__u32 thread_pids[SCAN_PROCESSES_MAX];
__u32 thread_counts[SCAN_PROCESSES_MAX];
__u32 thread_pid_count;

/* The index of the process, or -1. */
static __always_inline int find_process(__u32 pid)
{
	__u32 low = 0, high = thread_pid_count;

	for (int i = 0; i < 7 && low < high; i++) {
		__u32 middle = (low + high) / 2 & (SCAN_PROCESSES_MAX - 1);

		if (thread_pids[middle] == pid)
			return middle;
		if (thread_pids[middle] < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

static __always_inline __u32 thread_state(struct task_struct *task)
{
	struct task_struct___pre_5_14 *old = (void *)task;

	if (bpf_core_field_exists(old->state))
		return (__u32)old->state | task->exit_state;
	return task->__state | task->exit_state;
}

/* Its registers in user space lie where its stack in the kernel begins, at the end of that. */
static __always_inline void *registers(struct task_struct *task)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (void *)bpf_task_pt_regs(task);
	return task->stack + THREAD_SIZE - bpf_core_type_size(struct pt_regs);
}

/*
 * The arguments of futex(2) and futex_waitv(2), as far as the thread is in one of them: the fourth
 * is the timeout. (A 32-bit program has them in other registers, and counts as one without.)
 * Of what waits without one, glibc's mutex alone uses FUTEX_WAIT, and for the value 2; its
 * pthread_join(), condition variables and semaphores use FUTEX_WAIT_BITSET.
 */
static __always_inline enum futex_sleep futex_sleep(struct task_struct *task)
{
	struct pt_regs___x86 *x86 = registers(task);
	struct pt_regs___arm64 *arm64 = (void *)x86;
	__u64 operation, value, timeout;

	if (bpf_core_field_exists(x86->r10)) {
		operation = BPF_CORE_READ(x86, si);
		value = BPF_CORE_READ(x86, dx);
		timeout = BPF_CORE_READ(x86, r10);
	} else if (bpf_core_field_exists(arm64->regs)) {
		operation = BPF_CORE_READ(arm64, regs[1]);
		value = BPF_CORE_READ(arm64, regs[2]);
		timeout = BPF_CORE_READ(arm64, regs[3]);
	} else {
		return FUTEX_UNKNOWN;
	}
	if (timeout)
		return FUTEX_TIMED;
	return ((__u32)operation & ~FUTEX_PRIVATE_FLAG) == FUTEX_WAIT && (__u32)value == 2
		       ? FUTEX_MUTEX
		       : FUTEX_UNTIMED;
}

SEC("iter/task")
int sc_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct thread_record record = {};
	long size;
	int i;

	if (!task)
		return 0;
	if (scan_pauses())
		return 1;
	i = find_process(task->tgid);
	if (i < 0 || thread_counts[i & (SCAN_PROCESSES_MAX - 1)]++ >= SCAN_THREADS_MAX)
		return 0;
	record.pid = task->tgid;
	record.tid = task->pid;
	record.state = thread_state(task);
	record.run_ns = task->se.sum_exec_runtime;
	if (bpf_core_field_exists(task->sched_info))
		record.delay_ns = task->sched_info.run_delay;
	record.futex = futex_sleep(task);
	record.sleeps = task->nvcsw;
	record.switches = task->nvcsw + task->nivcsw;
	bpf_probe_read_kernel_str(record.comm, sizeof(record.comm), task->comm);
	size = bpf_get_task_stack(task, record.stack, sizeof(record.stack), 0);
	if (size > 0)
		record.frames = size / sizeof(record.stack[0]);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

#endif

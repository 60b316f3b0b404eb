// SPDX-License-Identifier: GPL-2.0
#include "thread.h"

#include <stdbool.h>
#include <string.h>

#include "array_count.h"

/* include/linux/sched.h; the same since 4.14. */
#define STATE_UNINTERRUPTIBLE 0x02
#define STATE_STOPPED 0x04
#define STATE_TRACED 0x08
#define STATE_EXITING (0x10 | 0x20 | 0x80) /* dead, zombie */
#define STATE_NO_LOAD 0x400 /* with uninterruptible: idle */
#define STATE_FROZEN 0x8000 /* since 6.1 */

static const char *const names[THREAD_WAITS] = {
	[THREAD_RUNNING] = "running", [THREAD_STOPPED] = "stopped",
	[THREAD_TRACED] = "traced",   [THREAD_FROZEN] = "frozen",
	[THREAD_DISK] = "disk",	      [THREAD_PAGE_CACHE] = "page-cache",
	[THREAD_RECLAIM] = "reclaim", [THREAD_LOCK] = "lock",
	[THREAD_MUTEX] = "mutex",     [THREAD_TIMED_LOCK] = "timed-lock",
	[THREAD_PIPE] = "pipe",	      [THREAD_POLL] = "poll",
	[THREAD_SOCKET] = "socket",   [THREAD_ACCEPT] = "accept",
	[THREAD_SLEEP] = "sleep",     [THREAD_CHILD] = "child",
	[THREAD_EXITING] = "exiting", [THREAD_OTHER] = "other",
	[THREAD_UNKNOWN] = "unknown",
};

static const char *const texts[THREAD_WAITS] = {
	[THREAD_RUNNING] = "running or waiting for a CPU",
	[THREAD_STOPPED] = "stopped by a signal",
	[THREAD_TRACED] = "held by a debugger",
	[THREAD_FROZEN] = "frozen with their cgroup",
	[THREAD_DISK] = "waiting for a disk or file system",
	[THREAD_PAGE_CACHE] = "waiting for pages of files",
	[THREAD_RECLAIM] = "waiting for memory",
	[THREAD_LOCK] = "sleeping in futex",
	[THREAD_MUTEX] = "sleeping in futex as for a mutex",
	[THREAD_TIMED_LOCK] = "sleeping in futex for a limited time",
	[THREAD_PIPE] = "waiting for a pipe",
	[THREAD_POLL] = "waiting in epoll, poll or select",
	[THREAD_SOCKET] = "waiting for a socket",
	[THREAD_ACCEPT] = "waiting in accept()",
	[THREAD_SLEEP] = "sleeping",
	[THREAD_CHILD] = "waiting for a process",
	[THREAD_EXITING] = "exiting",
	[THREAD_OTHER] = "in something else",
	[THREAD_UNKNOWN] = "asleep, in what is not known",
};

const char *thread_wait_name(enum thread_wait wait)
{
	return names[wait];
}

const char *thread_wait_text(enum thread_wait wait)
{
	return texts[wait];
}

struct pattern {
	const char *prefix;
	enum thread_wait wait;
};

/* Anywhere on the stack: what is done for these has other waits further in. */
static const struct pattern outer[] = {
	{"try_to_free_", THREAD_RECLAIM},
	{"shrink_", THREAD_RECLAIM},
	{"throttle_direct_reclaim", THREAD_RECLAIM},
	{"mem_cgroup_handle_over_high", THREAD_RECLAIM},
	{"__mem_cgroup_handle_over_high", THREAD_RECLAIM},
	{"mem_cgroup_oom", THREAD_RECLAIM},
	{"do_swap_page", THREAD_RECLAIM},
	{"balance_dirty_pages", THREAD_PAGE_CACHE},
	{"do_freezer_trap", THREAD_FROZEN},
	{"__refrigerator", THREAD_FROZEN},
	{"ptrace_stop", THREAD_TRACED},
};

/* The innermost one decides. */
static const struct pattern inner[] = {
	{"futex_", THREAD_LOCK},
	{"__futex", THREAD_LOCK},
	{"do_futex", THREAD_LOCK},
	{"ep_poll", THREAD_POLL},
	{"do_epoll_wait", THREAD_POLL},
	{"do_poll", THREAD_POLL},
	{"do_sys_poll", THREAD_POLL},
	{"poll_schedule_timeout", THREAD_POLL},
	{"do_select", THREAD_POLL},
	{"core_sys_select", THREAD_POLL},
	{"io_cqring_wait", THREAD_POLL},
	{"inet_csk_accept", THREAD_ACCEPT},
	{"inet_accept", THREAD_ACCEPT},
	{"mptcp_stream_accept", THREAD_ACCEPT},
	{"do_accept", THREAD_ACCEPT},
	{"__sys_accept", THREAD_ACCEPT},
	{"pipe_", THREAD_PIPE},
	{"anon_pipe_", THREAD_PIPE},
	{"fifo_", THREAD_PIPE},
	{"eventfd_", THREAD_PIPE},
	{"unix_", THREAD_SOCKET},
	{"tcp_", THREAD_SOCKET},
	{"mptcp_", THREAD_SOCKET},
	{"sk_wait_data", THREAD_SOCKET},
	{"sk_stream_wait", THREAD_SOCKET},
	{"inet_", THREAD_SOCKET},
	{"__inet_", THREAD_SOCKET},
	{"inet6_", THREAD_SOCKET},
	{"udp_", THREAD_SOCKET},
	{"__skb_wait_for", THREAD_SOCKET},
	{"netlink_", THREAD_SOCKET},
	{"sock_", THREAD_SOCKET},
	{"__sys_recv", THREAD_SOCKET},
	{"__sys_send", THREAD_SOCKET},
	{"hrtimer_nanosleep", THREAD_SLEEP},
	{"do_nanosleep", THREAD_SLEEP},
	{"common_nsleep", THREAD_SLEEP},
	{"do_sigtimedwait", THREAD_SLEEP},
	{"sigsuspend", THREAD_SLEEP},
	{"do_pause", THREAD_SLEEP},
	{"__do_sys_pause", THREAD_SLEEP},
	{"__x64_sys_pause", THREAD_SLEEP},
	{"kernel_wait", THREAD_CHILD},
	{"__do_wait", THREAD_CHILD},
	{"kernel_clone", THREAD_CHILD},
	{"do_exit", THREAD_EXITING},
	{"do_group_exit", THREAD_EXITING},
	{"filemap_", THREAD_PAGE_CACHE},
	{"folio_wait", THREAD_PAGE_CACHE},
	{"__folio_lock", THREAD_PAGE_CACHE},
	{"folio_lock", THREAD_PAGE_CACHE},
	{"wait_on_page", THREAD_PAGE_CACHE},
	{"__lock_page", THREAD_PAGE_CACHE},
	{"request_wait_answer", THREAD_DISK}, /* FUSE, whose waits can be interruptible */
	{"fuse_dev_", THREAD_OTHER}, /* the file system's own process: it has nothing to do */
	{"fuse_", THREAD_DISK},
	{"__fuse_", THREAD_DISK},
	{"nfs", THREAD_DISK},
	{"rpc_wait", THREAD_DISK},
	{"cifs_", THREAD_DISK},
	{"ceph_", THREAD_DISK},
	{"p9_", THREAD_DISK},
	{"v9fs_", THREAD_DISK},
	{"submit_bio", THREAD_DISK},
	{"blk_", THREAD_DISK},
	{"wbt_wait", THREAD_DISK},
	{"rq_qos_wait", THREAD_DISK},
	{"jbd2_", THREAD_DISK},
	{"ext4_", THREAD_DISK},
	{"xfs_", THREAD_DISK},
	{"btrfs_", THREAD_DISK},
	{"f2fs_", THREAD_DISK},
	{"dm_", THREAD_DISK},
	{"vfs_fsync", THREAD_DISK},
	{"percpu_rwsem_wait", THREAD_DISK}, /* a file system that is frozen */
	{"__percpu_down_read", THREAD_DISK},
};

/* The scheduler's own, which every sleeping thread is in. */
static const char *const scheduler[] = {
	"__schedule",	  "schedule",	 "io_schedule",	 "preempt_",
	"__cond_resched", "wait_woken",	 "bit_wait",	 "out_of_line_wait_on_bit",
	"__wait_on_bit",  "__switch_to", "__traceiter_", "do_wait_intr",
};

static bool begins(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool is_scheduler(const char *name)
{
	for (size_t i = 0; i < COUNT(scheduler); i++) {
		if (begins(name, scheduler[i]))
			return true;
	}
	return false;
}

static enum thread_wait find(const char *name, const struct pattern *patterns, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (begins(name, patterns[i].prefix))
			return patterns[i].wait;
	}
	return THREAD_WAITS;
}

static enum thread_wait by_stack(const char *const *stack, size_t count)
{
	enum thread_wait wait;

	for (size_t i = 0; i < count; i++) {
		wait = stack[i] ? find(stack[i], outer, COUNT(outer)) : THREAD_WAITS;
		if (wait != THREAD_WAITS)
			return wait;
	}
	for (size_t i = 0; i < count; i++) {
		wait = stack[i] && !is_scheduler(stack[i]) ? find(stack[i], inner, COUNT(inner))
							   : THREAD_WAITS;
		if (wait != THREAD_WAITS)
			return wait;
	}
	return THREAD_WAITS;
}

static const char *innermost(const char *const *stack, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!stack[i] || !is_scheduler(stack[i]))
			return stack[i];
	}
	return NULL;
}

static enum thread_wait by_futex(enum futex_sleep futex)
{
	if (futex == FUTEX_TIMED)
		return THREAD_TIMED_LOCK;
	return futex == FUTEX_MUTEX ? THREAD_MUTEX : THREAD_LOCK;
}

enum thread_wait thread_classify(uint32_t state, const char *const *stack, size_t count,
				 enum futex_sleep futex, const char **where)
{
	enum thread_wait wait;

	*where = NULL;
	if (state & STATE_EXITING)
		return THREAD_EXITING;
	if (state == 0)
		return THREAD_RUNNING;
	*where = innermost(stack, count);
	if (state & STATE_TRACED)
		return THREAD_TRACED;
	if (state & STATE_STOPPED)
		return THREAD_STOPPED;
	if (state & STATE_FROZEN)
		return THREAD_FROZEN;
	/* Where the compiler has made do_freezer_trap() a part of it (cgroups of version 2). */
	if (*where && strcmp(*where, "get_signal") == 0)
		return THREAD_FROZEN;
	wait = by_stack(stack, count);
	if (wait == THREAD_LOCK)
		return by_futex(futex);
	if (wait != THREAD_WAITS)
		return wait;
	if (state & STATE_UNINTERRUPTIBLE && !(state & STATE_NO_LOAD))
		return THREAD_DISK;
	return *where ? THREAD_OTHER : THREAD_UNKNOWN;
}

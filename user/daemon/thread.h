/* SPDX-License-Identifier: GPL-2.0 */
/* What a thread waits in, told from its state and its stack in the kernel. */
#ifndef SLOWCLOSE_THREAD_H
#define SLOWCLOSE_THREAD_H

#include <stddef.h>
#include <stdint.h>

#include "slowclose/record.h"

enum thread_wait {
	THREAD_RUNNING, /* or runnable: waits for a CPU */
	THREAD_STOPPED, /* by a signal */
	THREAD_TRACED, /* held by a debugger */
	THREAD_FROZEN, /* with its cgroup, or for a suspend */
	THREAD_DISK, /* disk or file system, or uninterruptible in anything else */
	THREAD_PAGE_CACHE, /* read into it, or writeback out of it */
	THREAD_RECLAIM, /* memory: reclaim and swap */
	THREAD_LOCK, /* futex: a lock, or something to do that does not come */
	THREAD_MUTEX, /* futex, as glibc's mutex, but musl's pthread_join() too */
	THREAD_TIMED_LOCK, /* futex, for a time at most: a lock, or a sleep */
	THREAD_PIPE,
	THREAD_POLL, /* epoll, poll, select, io_uring */
	THREAD_SOCKET, /* sends, receives or connects */
	THREAD_ACCEPT,
	THREAD_SLEEP, /* for a time, or until a signal */
	THREAD_CHILD, /* until a process ends */
	THREAD_EXITING,
	THREAD_OTHER,
	THREAD_UNKNOWN, /* asleep; the functions of its stack are not known */
	THREAD_WAITS,
};

/* "running", "stopped", …: the words of the output. */
const char *thread_wait_name(enum thread_wait wait);

/* What people read: "disk or file system", …. */
const char *thread_wait_text(enum thread_wait wait);

/*
 * state is the kernel's: 0, or a bit for each state. stack has the names of its functions, the
 * innermost first; NULL for those that are not known. futex is how it sleeps in that,
 * if that is what it does. *where is the innermost function that is not the scheduler's
 * own, or NULL where that is not known.
 */
enum thread_wait thread_classify(uint32_t state, const char *const *stack, size_t count,
				 enum futex_sleep futex, const char **where);

#endif

// SPDX-License-Identifier: GPL-2.0
/* Stacks as kernels from 5.10 on have them, the innermost function first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "event.h"
#include "symbols.h"
#include "thread.h"

#define RUNNING 0
#define SLEEPING 1
#define UNINTERRUPTIBLE 2
#define STOPPED 4
#define TRACED 8

static const struct {
	uint32_t state;
	enum thread_wait wait;
	const char *where;
	const char *stack[10];
} stacks[] = {
	{SLEEPING,
	 THREAD_LOCK,
	 "futex_wait_queue",
	 {"__schedule", "schedule", "futex_wait_queue", "futex_wait", "do_futex", "__x64_sys_futex",
	  "do_syscall_64"}},
	{SLEEPING,
	 THREAD_LOCK,
	 "futex_wait_queue_me",
	 {"__schedule", "schedule", "futex_wait_queue_me", "futex_wait", "do_futex"}},
	{SLEEPING,
	 THREAD_POLL,
	 "do_epoll_wait",
	 {"__schedule", "schedule", "schedule_hrtimeout_range_clock", "do_epoll_wait",
	  "__x64_sys_epoll_wait"}},
	/* On arm64 it begins further in. */
	{SLEEPING,
	 THREAD_POLL,
	 "do_epoll_wait",
	 {"__switch_to", "__schedule", "schedule", "do_epoll_wait", "do_compat_epoll_pwait.part.0",
	  "__arm64_sys_epoll_pwait", "invoke_syscall", "el0_svc_common.constprop.0"}},
	{SLEEPING,
	 THREAD_POLL,
	 "do_sys_poll",
	 {"schedule", "schedule_hrtimeout_range_clock", "do_sys_poll", "__x64_sys_poll"}},
	{SLEEPING,
	 THREAD_ACCEPT,
	 "inet_csk_accept",
	 {"schedule", "schedule_timeout", "inet_csk_accept", "inet_accept", "do_accept",
	  "__sys_accept4"}},
	{SLEEPING,
	 THREAD_SOCKET,
	 "sk_wait_data",
	 {"schedule", "schedule_timeout", "wait_woken", "sk_wait_data", "tcp_recvmsg_locked",
	  "tcp_recvmsg", "inet_recvmsg"}},
	{SLEEPING,
	 THREAD_PIPE,
	 "anon_pipe_read",
	 {"schedule", "anon_pipe_read", "vfs_read", "ksys_read"}},
	{SLEEPING,
	 THREAD_SLEEP,
	 "do_nanosleep",
	 {"schedule", "do_nanosleep", "hrtimer_nanosleep", "__x64_sys_clock_nanosleep"}},
	{SLEEPING, THREAD_CHILD, "do_wait", {"schedule", "do_wait", "kernel_wait4"}},
	/* FUSE waits for its server interruptibly at first. */
	{SLEEPING,
	 THREAD_DISK,
	 "request_wait_answer",
	 {"schedule", "request_wait_answer", "__fuse_simple_request", "fuse_send_write_pages",
	  "fuse_file_write_iter", "vfs_write", "ksys_write"}},
	{SLEEPING,
	 THREAD_OTHER,
	 "fuse_dev_do_read",
	 {"schedule", "fuse_dev_do_read", "fuse_dev_read", "vfs_read", "ksys_read"}},
	{UNINTERRUPTIBLE,
	 THREAD_DISK,
	 "jbd2_log_wait_commit",
	 {"schedule", "jbd2_log_wait_commit", "ext4_sync_file", "do_fsync"}},
	{UNINTERRUPTIBLE,
	 THREAD_DISK,
	 "blk_mq_get_tag",
	 {"schedule", "io_schedule", "blk_mq_get_tag", "__blk_mq_alloc_requests"}},
	{UNINTERRUPTIBLE,
	 THREAD_DISK,
	 "percpu_rwsem_wait",
	 {"schedule", "percpu_rwsem_wait", "__percpu_down_read", "vfs_write"}},
	{UNINTERRUPTIBLE,
	 THREAD_PAGE_CACHE,
	 "folio_wait_bit_common",
	 {"schedule", "io_schedule", "folio_wait_bit_common", "filemap_read", "vfs_read"}},
	{UNINTERRUPTIBLE,
	 THREAD_PAGE_CACHE,
	 "balance_dirty_pages",
	 {"schedule", "schedule_timeout", "io_schedule_timeout", "balance_dirty_pages",
	  "balance_dirty_pages_ratelimited_flags", "generic_perform_write",
	  "ext4_file_write_iter"}},
	/* A wait for a page, but to get memory. */
	{UNINTERRUPTIBLE,
	 THREAD_RECLAIM,
	 "folio_wait_bit_common",
	 {"schedule", "io_schedule", "folio_wait_bit_common", "folio_wait_writeback",
	  "shrink_folio_list", "shrink_node", "try_to_free_pages", "tcp_sendmsg"}},
	/* Uninterruptible in something that has no name here. */
	{UNINTERRUPTIBLE, THREAD_DISK, "some_driver_wait", {"schedule", "some_driver_wait"}},
	{UNINTERRUPTIBLE | 0x400, THREAD_OTHER, "worker_thread", {"schedule", "worker_thread"}},
	{STOPPED,
	 THREAD_STOPPED,
	 "do_signal_stop",
	 {"schedule", "do_signal_stop", "get_signal", "arch_do_signal_or_restart"}},
	{TRACED, THREAD_TRACED, "ptrace_stop", {"schedule", "ptrace_stop", "get_signal"}},
	{SLEEPING, THREAD_FROZEN, "do_freezer_trap", {"schedule", "do_freezer_trap", "get_signal"}},
	{SLEEPING,
	 THREAD_FROZEN,
	 "get_signal",
	 {"schedule", "get_signal", "exit_to_user_mode_loop"}},
	{UNINTERRUPTIBLE, THREAD_DISK, "vfs_coredump", {"schedule", "vfs_coredump", "get_signal"}},
	{RUNNING, THREAD_RUNNING, NULL, {"futex_wait"}},
	{0x20, THREAD_EXITING, NULL, {"do_exit"}},
	{SLEEPING, THREAD_UNKNOWN, NULL, {NULL, NULL}},
	/* In a module that was loaded just now. */
	{SLEEPING, THREAD_UNKNOWN, NULL, {"schedule", NULL, NULL, "vfs_write", "ksys_write"}},
	{UNINTERRUPTIBLE, THREAD_DISK, NULL, {"schedule", NULL, "vfs_write", "ksys_write"}},
	{SLEEPING, THREAD_SOCKET, NULL, {"schedule", NULL, "sock_sendmsg", "ksys_write"}},
};

static void each_stack_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
		const char *where;
		enum thread_wait wait = thread_classify(stacks[i].state, stacks[i].stack, 10,
							FUTEX_UNTIMED, &where);

		if (wait != stacks[i].wait)
			fail_msg("stack %zu: %s", i, thread_wait_name(wait));
		if (stacks[i].where)
			assert_string_equal(where, stacks[i].where);
		else
			assert_null(where);
	}
}

/* A runtime's sleep is a futex with a timeout; of another system call those registers tell nothing.
 */
static void each_sleep_in_futex_is_told(void **state)
{
	const char *futex[] = {"schedule", "futex_wait_queue", "futex_wait", "do_futex"};
	const char *poll[] = {"schedule", "ep_poll", "do_epoll_wait"}, *where;

	(void)state;
	assert_int_equal(thread_classify(SLEEPING, futex, 4, FUTEX_TIMED, &where),
			 THREAD_TIMED_LOCK);
	assert_int_equal(thread_classify(SLEEPING, futex, 4, FUTEX_MUTEX, &where), THREAD_MUTEX);
	assert_int_equal(thread_classify(SLEEPING, futex, 4, FUTEX_UNKNOWN, &where), THREAD_LOCK);
	assert_int_equal(thread_classify(SLEEPING, poll, 3, FUTEX_TIMED, &where), THREAD_POLL);
	assert_int_equal(thread_classify(SLEEPING, poll, 3, FUTEX_MUTEX, &where), THREAD_POLL);
}

static void each_wait_has_its_words(void **state)
{
	(void)state;
	for (int wait = 0; wait < THREAD_WAITS; wait++) {
		assert_non_null(thread_wait_name(wait));
		assert_non_null(thread_wait_text(wait));
	}
}

static const char kallsyms[] = "ffffffff81000000 T _text\n"
			       "ffffffff81000100 t first\n"
			       "ffffffff81000180 d data\n"
			       "ffffffffc0000000 t of_module\t[fuse]\n"
			       "ffffffff81000200 W second\n"
			       "ffffffff81000300 T third\n"
			       "0000000000000000 T hidden\n"
			       "ffffffff81000400 T cut";

static void functions_are_found_by_address(void **state)
{
	struct symbols *symbols = symbols_new();
	long used = symbols_add(symbols, kallsyms, strlen(kallsyms));

	(void)state;
	assert_int_equal(used, strlen(kallsyms) - strlen("ffffffff81000400 T cut"));
	symbols_sort(symbols);
	assert_null(symbols_name(symbols, 0xffffffff80ffffff));
	assert_string_equal(symbols_name(symbols, 0xffffffff81000000), "_text");
	assert_string_equal(symbols_name(symbols, 0xffffffff81000100), "first");
	assert_string_equal(symbols_name(symbols, 0xffffffff810002ff), "first");
	assert_string_equal(symbols_name(symbols, 0xffffffff81000300), "third");
	assert_string_equal(symbols_name(symbols, 0xffffffffc0000010), "of_module");
	symbols_free(symbols);
}

/* Where one ends, another can have been loaded since then. */
static void no_function_reaches_into_another_module(void **state)
{
	static const char text[] = "ffffffff81000000 T kernel\n"
				   "ffffffffc0000800 t one_second\t[one]\n"
				   "ffffffffc0000100 t one_first\t[one]\n"
				   "ffffffffc0001000 t two\t[two]\n"
				   "ffffffffc0005000 t three\t[three]\n";
	struct symbols *symbols = symbols_new();

	(void)state;
	symbols_add(symbols, text, strlen(text));
	symbols_sort(symbols);
	assert_string_equal(symbols_name(symbols, 0xffffffff8100ffff), "kernel");
	assert_null(symbols_name(symbols, 0xffffffff81010000));
	assert_string_equal(symbols_name(symbols, 0xffffffffc0000fff), "one_second");
	assert_string_equal(symbols_name(symbols, 0xffffffffc0001000), "two");
	assert_null(symbols_name(symbols, 0xffffffffc0002000));
	assert_string_equal(symbols_name(symbols, 0xffffffffc0005fff), "three");
	assert_null(symbols_name(symbols, 0xffffffffc0006000));
	symbols_free(symbols);
}

static void load(struct symbols *symbols)
{
	int r;

	do {
		r = symbols_load(symbols);
	} while (r > 0);
	assert_int_equal(r, 0);
}

/* Its functions are read when one of them was asked for, and not more often than once a minute. */
static void a_module_that_is_loaded_later_is_read(void **state)
{
	char file[] = "/tmp/slowclose-symbols-XXXXXX";
	struct symbols *symbols = symbols_new();
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0 && dprintf(fd, "ffffffff81000100 t first\n") > 0);
	assert_int_equal(symbols_open(symbols, file), 0);
	load(symbols);
	assert_string_equal(symbols_name(symbols, 0xffffffff81000100), "first");
	assert_false(symbols_renew(symbols, 1000 * NSEC_PER_SEC));
	assert_true(dprintf(fd, "ffffffffc0000000 t later\t[fuse]\n") > 0);
	assert_null(symbols_name(symbols, 0xffffffffc0000010));
	assert_true(symbols_renew(symbols, 1000 * NSEC_PER_SEC));
	load(symbols);
	assert_string_equal(symbols_name(symbols, 0xffffffff81000100), "first");
	assert_string_equal(symbols_name(symbols, 0xffffffffc0000010), "later");
	assert_null(symbols_name(symbols, 0xffffffffc0001000));
	assert_false(symbols_renew(symbols, 1059 * NSEC_PER_SEC));
	assert_true(symbols_renew(symbols, 1060 * NSEC_PER_SEC));
	symbols_free(symbols);
	close(fd);
	unlink(file);
}

static void hidden_addresses_are_no_symbols(void **state)
{
	struct symbols *symbols = symbols_new();
	const char *text = "0000000000000000 T one\n0000000000000000 T two\n";

	(void)state;
	symbols_add(symbols, text, strlen(text));
	symbols_sort(symbols);
	assert_null(symbols_name(symbols, 0xffffffff81000000));
	symbols_free(symbols);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_stack_is_told),
		cmocka_unit_test(each_sleep_in_futex_is_told),
		cmocka_unit_test(each_wait_has_its_words),
		cmocka_unit_test(functions_are_found_by_address),
		cmocka_unit_test(no_function_reaches_into_another_module),
		cmocka_unit_test(a_module_that_is_loaded_later_is_read),
		cmocka_unit_test(hidden_addresses_are_no_symbols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

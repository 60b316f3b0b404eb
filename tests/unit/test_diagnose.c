// SPDX-License-Identifier: GPL-2.0
/* The rules on made-up evidence: what proves each, its boundaries, and what it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "diagnose.h"

#define MS NSEC_PER_MSEC
#define SEC NSEC_PER_SEC

#define BIT(code) (1U << (code))

/* A server with one process, whose one thread waits in epoll, and one listener. */
static struct evidence quiet(void)
{
	struct evidence evidence = {
		.interval_ns = SEC,
		.thresholds = {.close_wait_ns = SEC, .accept_wait_ns = 100 * MS},
		.role = ROLE_SERVER,
		.netns = 1,
		.port = 80,
		.comm = "server",
		.listeners = {{.family = FAMILY_IPV4,
			       .port = 80,
			       .holder = 10,
			       .comm = "server",
			       .holders = 1,
			       .limit = 128,
			       .limit_by = "backlog",
			       .somaxconn = 4096,
			       .accepts_seen = true,
			       .last_accept_ns = UNKNOWN,
			       .gone_accept_ns = UNKNOWN}},
		.listener_count = 1,
		.processes = {{.pid = 10,
			       .comm = "server",
			       .owns = true,
			       .listens = 1,
			       .fds = 20,
			       .fd_limit = 1024,
			       .threads_known = true,
			       .spare = NAN}},
		.process_count = 1,
		.node = {.disk_ms = NAN, .files = UNKNOWN, .files_limit = UNKNOWN},
	};

	return evidence;
}

/* All threads of the process in one wait, since the reading before. */
static void set_threads(struct evidence *evidence, enum thread_wait wait, uint32_t count)
{
	struct evidence_process *process = &evidence->processes[0];

	process->threads += count;
	process->groups[wait] = (struct evidence_group){.count = count,
							.before = count,
							.stuck = wait == THREAD_RUNNING ? 0 : count,
							.tid = 11,
							.comm = "worker",
							.where = "somewhere"};
}

/* Instead of those that were set before. */
static void set_all_threads(struct evidence *evidence, enum thread_wait wait, uint32_t count)
{
	memset(evidence->processes[0].groups, 0, sizeof(evidence->processes[0].groups));
	evidence->processes[0].threads = 0;
	set_threads(evidence, wait, count);
}

static void set_waits(struct evidence *evidence, enum conn_cause cause, uint64_t count,
		      int64_t oldest_ns)
{
	evidence->waits[cause] = (struct evidence_waits){.count = count,
							 .before = count,
							 .oldest_ns = oldest_ns,
							 .oldest_before_ns = oldest_ns - SEC};
	if (cause == CAUSE_NEVER_ACCEPTED) {
		evidence->in_queue = count;
		evidence->listeners[0].queued = (uint32_t)count;
		evidence->listeners[0].queued_before = (uint32_t)count;
	} else {
		evidence->in_close_wait += count;
	}
}

static void set_error(struct evidence *evidence, int error, double rate)
{
	evidence->listeners[0].errors[0] =
		(struct evidence_error){.error = error, .count = 1000, .rate = rate};
	evidence->listeners[0].error_count = 1;
}

/* What proves each finding. */

static struct evidence fd_exhausted(void)
{
	struct evidence evidence = quiet();

	set_waits(&evidence, CAUSE_NEVER_ACCEPTED, 129, 3 * SEC);
	set_threads(&evidence, THREAD_RUNNING, 1);
	set_error(&evidence, EMFILE, 100);
	evidence.processes[0].fds = 1024;
	evidence.processes[0].running = 0.5;
	/* It turns round and round in accept(). */
	evidence.processes[0].delayed = evidence.processes[0].delayed_most = 0.6;
	evidence.listeners[0].drops = 2;
	return evidence;
}

/* Accepts connections, and hangs with them in a write. */
static struct evidence io_stall(void)
{
	struct evidence evidence = quiet();

	set_waits(&evidence, CAUSE_NOT_READING, 200, 4 * SEC);
	set_threads(&evidence, THREAD_DISK, 8);
	set_threads(&evidence, THREAD_LOCK, 2); /* for what the others hold */
	return evidence;
}

static struct evidence io_stall_in_queue(void)
{
	struct evidence evidence = quiet();

	set_waits(&evidence, CAUSE_NEVER_ACCEPTED, 129, 4 * SEC);
	set_threads(&evidence, THREAD_PAGE_CACHE, 1);
	evidence.listeners[0].drops = 1;
	return evidence;
}

static struct evidence cpu_starved(void)
{
	struct evidence evidence = quiet();

	set_waits(&evidence, CAUSE_NEVER_ACCEPTED, 129, 4 * SEC);
	set_threads(&evidence, THREAD_RUNNING, 1);
	evidence.processes[0].running = 0.02;
	evidence.processes[0].delayed = 0;
	evidence.processes[0].throttled = evidence.processes[0].withheld = 0.9;
	strcpy(evidence.processes[0].throttled_by, "/small.slice");
	return evidence;
}

static struct evidence cpu_starved_by_others(void)
{
	struct evidence evidence = quiet();

	set_waits(&evidence, CAUSE_NOT_READING, 50, 4 * SEC);
	set_threads(&evidence, THREAD_RUNNING, 4);
	evidence.processes[0].running = 0.1;
	evidence.processes[0].delayed = 3.5;
	evidence.processes[0].delayed_most = 0.9;
	evidence.listeners[0].accepts = 2;
	return evidence;
}

static struct evidence lock_stall(void)
{
	struct evidence evidence = quiet();

	set_waits(&evidence, CAUSE_NEVER_ACCEPTED, 129, 4 * SEC);
	set_threads(&evidence, THREAD_LOCK, 2);
	return evidence;
}

/* The main thread accepts and hands over; those that should read hang. */
static struct evidence lock_stall_of_workers(void)
{
	struct evidence evidence = quiet();

	set_waits(&evidence, CAUSE_NOT_READING, 20, 4 * SEC);
	set_threads(&evidence, THREAD_MUTEX, 4);
	set_threads(&evidence, THREAD_ACCEPT, 1);
	evidence.processes[0].groups[THREAD_ACCEPT].tid = evidence.processes[0].pid;
	return evidence;
}

/* One thread accepts; others sleep, as those do that have nothing to do. */
static struct evidence workers_asleep(void)
{
	struct evidence evidence = lock_stall_of_workers();

	set_all_threads(&evidence, THREAD_LOCK, 4);
	set_threads(&evidence, THREAD_ACCEPT, 1);
	return evidence;
}

static struct evidence accept_stalled(void)
{
	struct evidence evidence = quiet();

	set_waits(&evidence, CAUSE_NEVER_ACCEPTED, 3, 2 * SEC);
	set_threads(&evidence, THREAD_STOPPED, 1);
	return evidence;
}

static struct evidence backlog_full(void)
{
	struct evidence evidence = quiet();

	set_waits(&evidence, CAUSE_NEVER_ACCEPTED, 129, 800 * MS);
	set_threads(&evidence, THREAD_RUNNING, 1);
	evidence.waits[CAUSE_NEVER_ACCEPTED].oldest_before_ns = 700 * MS;
	evidence.processes[0].running = 0.9;
	evidence.listeners[0].accepts = 90;
	evidence.listeners[0].drops = 40;
	evidence.overflows = 40;
	return evidence;
}

static struct evidence accept_slow(void)
{
	struct evidence evidence = quiet();

	set_waits(&evidence, CAUSE_NEVER_ACCEPTED, 20, 900 * MS);
	set_threads(&evidence, THREAD_SOCKET, 1);
	evidence.waits[CAUSE_NEVER_ACCEPTED].oldest_before_ns = 800 * MS;
	evidence.listeners[0].accepts = 30;
	return evidence;
}

static struct evidence close_leak(void)
{
	struct evidence evidence = quiet();

	set_waits(&evidence, CAUSE_NOT_CLOSING, 30, 5 * SEC);
	set_threads(&evidence, THREAD_POLL, 1);
	set_threads(&evidence, THREAD_LOCK, 4); /* a pool with nothing to do */
	evidence.growing = 3;
	evidence.younger = 3;
	return evidence;
}

static struct evidence impatient_peers(void)
{
	struct evidence evidence = quiet();

	set_waits(&evidence, CAUSE_NOT_READING, 6, 2 * SEC);
	set_threads(&evidence, THREAD_SLEEP, 6);
	evidence.listeners[0].accepts = 3;
	evidence.until_fin = (struct evidence_until_fin){.count = 20,
							 .closed = 14,
							 .p10_ns = 3000 * MS,
							 .p50_ns = 3005 * MS,
							 .p90_ns = 3040 * MS,
							 .alike = 19,
							 .alike_closed = 13,
							 .alike_from_ns = 3000 * MS,
							 .alike_to_ns = 3100 * MS};
	return evidence;
}

static struct evidence not_reading(void)
{
	struct evidence evidence = quiet();

	set_waits(&evidence, CAUSE_NOT_READING, 6, 4 * SEC);
	evidence.waits[CAUSE_NOT_READING].unread = 6;
	set_threads(&evidence, THREAD_SLEEP, 1);
	return evidence;
}

static struct evidence idle_pool(void)
{
	struct evidence evidence = quiet();

	evidence.role = ROLE_CLIENT;
	evidence.listener_count = 0;
	set_waits(&evidence, CAUSE_NOT_READING, 8, 60 * SEC);
	evidence.processes[0].listens = 0;
	set_threads(&evidence, THREAD_POLL, 1);
	return evidence;
}

/* MPTCP: whether it was read cannot be told. */
static struct evidence undetermined(void)
{
	struct evidence evidence = quiet();

	set_waits(&evidence, CAUSE_NONE, 6, 4 * SEC);
	set_threads(&evidence, THREAD_POLL, 1);
	return evidence;
}

static const struct {
	struct evidence (*make)(void);
	enum finding_code code;
} proofs[] = {
	{fd_exhausted, FINDING_FD_EXHAUSTED},
	{io_stall, FINDING_IO_STALL},
	{io_stall_in_queue, FINDING_IO_STALL},
	{cpu_starved, FINDING_CPU_STARVED},
	{cpu_starved_by_others, FINDING_CPU_STARVED},
	{lock_stall, FINDING_LOCK_STALL},
	{lock_stall_of_workers, FINDING_LOCK_STALL},
	{accept_stalled, FINDING_ACCEPT_STALLED},
	{backlog_full, FINDING_BACKLOG_FULL},
	{accept_slow, FINDING_ACCEPT_SLOW},
	{close_leak, FINDING_CLOSE_LEAK},
	{impatient_peers, FINDING_IMPATIENT_PEERS},
	{not_reading, FINDING_NOT_READING},
	{idle_pool, FINDING_IDLE_POOL},
	{undetermined, FINDING_UNDETERMINED},
};

#define PROOFS (sizeof(proofs) / sizeof(proofs[0]))

/* The codes of what is proven. */
static unsigned int proven(const struct evidence *evidence)
{
	static struct diagnosis diagnosis;
	unsigned int codes = 0;

	diagnose(evidence, &diagnosis);
	for (int code = 0; code < FINDINGS; code++) {
		const struct finding *finding = &diagnosis.findings[code];

		assert_int_equal(finding->code, code);
		if (finding->verdict != VERDICT_PROVEN)
			continue;
		codes |= BIT(code);
		assert_true(finding->headline[0]);
		assert_true(finding->proof.count && finding->now.count);
	}
	assert_int_equal(diagnosis_has_findings(&diagnosis), codes != 0);
	return codes;
}

static const struct finding *finding(const struct evidence *evidence, enum finding_code code)
{
	static struct diagnosis diagnosis;

	diagnose(evidence, &diagnosis);
	return &diagnosis.findings[code];
}

static const char *reason(const struct evidence *evidence, enum finding_code code)
{
	return finding(evidence, code)->reason;
}

#define assert_proven(evidence, codes) assert_int_equal(proven(evidence), codes)

static void each_proof_proves_its_finding_and_no_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < PROOFS; i++) {
		struct evidence evidence = proofs[i].make();

		if (proven(&evidence) != BIT(proofs[i].code))
			fail_msg("%s: proven is %#x", finding_name(proofs[i].code),
				 proven(&evidence));
	}
}

static void nothing_waits_nothing_is_found(void **state)
{
	struct evidence evidence = quiet();

	(void)state;
	assert_proven(&evidence, 0);
	/* Whatever its threads do: nobody waits for them. */
	for (int wait = 0; wait < THREAD_WAITS; wait++)
		set_threads(&evidence, wait, 4);
	assert_proven(&evidence, 0);
}

static void what_still_sends_is_no_fault(void **state)
{
	struct evidence evidence = quiet();

	(void)state;
	set_waits(&evidence, CAUSE_STILL_SENDING, 100, 3600 * SEC);
	set_threads(&evidence, THREAD_DISK, 4);
	assert_proven(&evidence, 0);
}

static void one_reading_proves_nothing(void **state)
{
	static struct diagnosis diagnosis;

	(void)state;
	for (size_t i = 0; i < PROOFS; i++) {
		struct evidence evidence = proofs[i].make();

		evidence.interval_ns = UNKNOWN;
		diagnose(&evidence, &diagnosis);
		for (int code = 0; code < FINDINGS; code++)
			assert_int_equal(diagnosis.findings[code].verdict, VERDICT_NOT_DECIDABLE);
	}
}

/* What waits now did not at the reading before: it may be gone at the next. */
static void what_waits_only_now_proves_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < PROOFS; i++) {
		struct evidence evidence = proofs[i].make();
		unsigned int codes;

		for (int cause = 0; cause < CAUSE_COUNT; cause++)
			evidence.waits[cause].before = 0;
		evidence.growing = 0;
		codes = proven(&evidence);
		/* These rest on what was seen over a time: refused ones, ended ones. */
		codes &= ~(BIT(FINDING_BACKLOG_FULL) | BIT(FINDING_IMPATIENT_PEERS));
		assert_int_equal(codes, 0);
	}
}

/* Every number that can be unknown is: nothing is guessed, and nothing breaks. */
static void what_is_not_known_proves_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < PROOFS; i++) {
		struct evidence evidence = proofs[i].make();
		struct evidence_process *process = &evidence.processes[0];
		struct evidence_listener *listener = &evidence.listeners[0];
		unsigned int codes;

		process->fds = process->fd_limit = UNKNOWN;
		process->threads_known = false;
		process->threads = 0;
		memset(process->groups, 0, sizeof(process->groups));
		process->running = process->delayed = process->delayed_most = NAN;
		process->throttled = NAN;
		listener->accepts_seen = false;
		listener->accepts = listener->drops = evidence.overflows = NAN;
		listener->error_count = 0;
		evidence.node.disk_busy = evidence.node.stolen = NAN;
		evidence.until_fin = (struct evidence_until_fin){0};
		codes = proven(&evidence);
		/* What the connections alone tell is left. */
		codes &= ~(BIT(FINDING_NOT_READING) | BIT(FINDING_CLOSE_LEAK) |
			   BIT(FINDING_IDLE_POOL) | BIT(FINDING_UNDETERMINED));
		assert_int_equal(codes, 0);
	}
}

/* Without the kernel's functions a lock cannot be told from a pause, nor FUSE from a pipe. */
static void a_sleep_that_is_not_known_rules_nothing_out(void **state)
{
	struct evidence evidence = accept_stalled();

	(void)state;
	memset(evidence.processes[0].groups, 0, sizeof(evidence.processes[0].groups));
	set_threads(&evidence, THREAD_UNKNOWN, 4);
	assert_int_equal(finding(&evidence, FINDING_ACCEPT_STALLED)->verdict, VERDICT_PROVEN);
	assert_int_equal(finding(&evidence, FINDING_LOCK_STALL)->verdict, VERDICT_NOT_DECIDABLE);
	assert_int_equal(finding(&evidence, FINDING_IO_STALL)->verdict, VERDICT_NOT_DECIDABLE);
	/* That it is uninterruptible is seen by its state. */
	set_threads(&evidence, THREAD_DISK, 1);
	assert_proven(&evidence, BIT(FINDING_IO_STALL));
}

static void fd_exhausted_needs_failures_now(void **state)
{
	struct evidence evidence = fd_exhausted();
	struct evidence_listener *listener = &evidence.listeners[0];

	(void)state;
	listener->errors[0].error = ENFILE;
	assert_proven(&evidence, BIT(FINDING_FD_EXHAUSTED));
	listener->errors[0].error = ECONNABORTED;
	assert_false(proven(&evidence) & BIT(FINDING_FD_EXHAUSTED));

	/* It failed before, and the server has given up calling accept(): still at its limit. */
	evidence = fd_exhausted();
	listener->errors[0].rate = 0;
	assert_proven(&evidence, BIT(FINDING_FD_EXHAUSTED));
	evidence.processes[0].fds = 1023;
	assert_false(proven(&evidence) & BIT(FINDING_FD_EXHAUSTED));
	evidence.processes[0].fds = 1024;
	listener->accepts = 1;
	assert_false(proven(&evidence) & BIT(FINDING_FD_EXHAUSTED));
}

/* What failed once, a day ago, is not what fails now; nor is it on which listener it did. */
static void what_fails_now_is_told(void **state)
{
	struct evidence evidence = fd_exhausted();
	struct evidence_listener *listener = &evidence.listeners[0];

	(void)state;
	listener->errors[0].rate = 0;
	listener->errors[1] = (struct evidence_error){.error = ENFILE, .count = 20, .rate = 10};
	listener->error_count = 2;
	assert_non_null(strstr(finding(&evidence, FINDING_FD_EXHAUSTED)->headline, "ENFILE"));
	listener[1] = listener[0];
	listener[1].errors[0].rate = 11;
	evidence.listener_count = 2;
	assert_non_null(strstr(finding(&evidence, FINDING_FD_EXHAUSTED)->headline, "EMFILE"));
	listener[1].queued = 0;
	assert_non_null(strstr(finding(&evidence, FINDING_FD_EXHAUSTED)->headline, "ENFILE"));
}

/* Of which the process has as many as it may: its own limit is none of it. */
static void files_of_the_node_are_told(void **state)
{
	struct evidence evidence = fd_exhausted();
	const struct finding *told;

	(void)state;
	evidence.listeners[0].errors[0].error = ENFILE;
	told = finding(&evidence, FINDING_FD_EXHAUSTED);
	assert_non_null(strstr(told->proof.text[1], "the accept queue"));
	evidence.node.files = 8192;
	evidence.node.files_limit = 8191;
	told = finding(&evidence, FINDING_FD_EXHAUSTED);
	assert_string_equal(told->proof.text[1],
			    "the node has 8192 of 8191 files open (fs.file-max)");
}

/* By io_uring, or once and never again: nothing has failed that could be seen. */
static void a_limit_that_is_reached_is_not_ruled_out(void **state)
{
	struct evidence evidence = accept_stalled();
	struct evidence_process *process = &evidence.processes[0];
	const struct finding *told;

	(void)state;
	process->fds = process->fd_limit = 32;
	set_all_threads(&evidence, THREAD_POLL, 1);
	assert_proven(&evidence, BIT(FINDING_FD_EXHAUSTED));
	told = finding(&evidence, FINDING_FD_EXHAUSTED);
	assert_int_equal(told->confidence, CONFIDENCE_MEDIUM);
	assert_string_equal(told->proof.text[0], "server/10 has 32 of 32 descriptors open");
	assert_non_null(strstr(told->now.text[0], "prlimit --pid 10"));
	/* It does not get to accept(). */
	set_all_threads(&evidence, THREAD_STOPPED, 1);
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	assert_int_equal(finding(&evidence, FINDING_FD_EXHAUSTED)->verdict, VERDICT_NOT_DECIDABLE);
	told = finding(&evidence, FINDING_ACCEPT_STALLED);
	assert_non_null(strstr(told->now.text[told->now.count - 1], "prlimit --pid 10"));
	/* It goes on. */
	set_all_threads(&evidence, THREAD_POLL, 1);
	evidence.listeners[0].accepts = 1;
	assert_int_equal(finding(&evidence, FINDING_FD_EXHAUSTED)->verdict, VERDICT_RULED_OUT);
}

/* Of all workers, of which each has its own; and no hard limit is lowered. */
static void a_limit_is_only_raised(void **state)
{
	struct evidence evidence = fd_exhausted();
	static struct diagnosis diagnosis;
	const struct finding_lines *now = &diagnosis.findings[FINDING_FD_EXHAUSTED].now;

	(void)state;
	evidence.processes[0].fd_limit_hard = 524288;
	diagnose(&evidence, &diagnosis);
	assert_string_equal(now->text[0], "raise the limit of the running process: "
					  "prlimit --pid 10 --nofile=65536:");
	evidence.processes[0].fd_limit_hard = 4096;
	diagnose(&evidence, &diagnosis);
	assert_string_equal(now->text[0], "raise the limit of the running process: "
					  "prlimit --pid 10 --nofile=65536");
	evidence.processes[1] = evidence.processes[2] = evidence.processes[0];
	evidence.processes[1].pid = 4194303;
	evidence.processes[2].pid = 12;
	evidence.processes[2].fds = 7;
	evidence.process_count = 3;
	diagnose(&evidence, &diagnosis);
	assert_string_equal(now->text[0], "raise the limit of the running processes: "
					  "for p in 10 4194303; do prlimit -p $p -n65536; done");
}

/* The longest command is whole. */
static void a_limit_of_many_is_raised(void **state)
{
	struct evidence evidence = fd_exhausted();
	static struct diagnosis diagnosis;
	const struct finding_lines *now = &diagnosis.findings[FINDING_FD_EXHAUSTED].now;

	(void)state;
	for (uint32_t i = 0; i < EVIDENCE_PROCESSES_MAX; i++) {
		evidence.processes[i] = evidence.processes[0];
		evidence.processes[i].pid = 4194304 - i; /* Linux has no greater one */
		evidence.processes[i].fds = evidence.processes[i].fd_limit = 1048576;
	}
	evidence.process_count = EVIDENCE_PROCESSES_MAX;
	diagnose(&evidence, &diagnosis);
	assert_non_null(strstr(now->text[0], " 4194289; do prlimit -p $p -n2097152; done"));
}

/* A leak that has led to it is told beside it: it is where to look. */
static void a_leak_is_told_beside_fd_exhausted(void **state)
{
	struct evidence evidence = fd_exhausted();

	(void)state;
	set_waits(&evidence, CAUSE_NOT_CLOSING, 900, 100 * SEC);
	assert_proven(&evidence, BIT(FINDING_FD_EXHAUSTED) | BIT(FINDING_CLOSE_LEAK));
}

/* One thread that works between two accept() looks the same at first. */
static void a_young_stall_may_go_on(void **state)
{
	struct evidence evidence = accept_stalled();
	static struct diagnosis diagnosis;
	const struct finding *finding = &diagnosis.findings[FINDING_ACCEPT_STALLED];
	struct evidence_group *groups = evidence.processes[0].groups;

	(void)state;
	set_waits(&evidence, CAUSE_NEVER_ACCEPTED, 7, 9 * SEC);
	assert_int_equal(groups[THREAD_STOPPED].count, 1);
	diagnose(&evidence, &diagnosis);
	assert_int_equal(finding->confidence, CONFIDENCE_HIGH);
	groups[THREAD_RUNNING] = groups[THREAD_STOPPED];
	groups[THREAD_STOPPED].count = 0;
	diagnose(&evidence, &diagnosis);
	assert_int_equal(finding->confidence, CONFIDENCE_MEDIUM);
	set_waits(&evidence, CAUSE_NEVER_ACCEPTED, 7, 10 * SEC);
	diagnose(&evidence, &diagnosis);
	assert_int_equal(finding->confidence, CONFIDENCE_HIGH);
}

static void accept_stalled_boundaries(void **state)
{
	struct evidence evidence = accept_stalled();
	struct evidence_waits *waits = &evidence.waits[CAUSE_NEVER_ACCEPTED];

	(void)state;
	evidence.listeners[0].last_accept_ns = SEC;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	evidence.listeners[0].last_accept_ns = SEC - 1;
	assert_false(proven(&evidence) & BIT(FINDING_ACCEPT_STALLED));
	evidence.listeners[0].last_accept_ns = UNKNOWN;

	waits->oldest_ns = SEC;
	waits->oldest_before_ns = 100 * MS;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	/* The oldest has gone meanwhile: somebody takes them, unseen. */
	waits->oldest_before_ns = 101 * MS;
	assert_proven(&evidence, BIT(FINDING_UNDETERMINED));
	waits->oldest_ns = SEC - 1;
	waits->oldest_before_ns = 0;
	assert_proven(&evidence, 0);
}

/* One thread that accepts, answers for 1.5 s, and accepts again. */
static void a_pause_between_two_accepts_is_slow(void **state)
{
	struct evidence evidence = accept_stalled();

	(void)state;
	set_waits(&evidence, CAUSE_NEVER_ACCEPTED, 16, 28 * SEC);
	evidence.listeners[0].last_accept_ns = 1300 * MS;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_SLOW));
	evidence.listeners[0].last_accept_ns = 10 * SEC - 1;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_SLOW));
	evidence.listeners[0].last_accept_ns = 10 * SEC;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	/* Nearly all of the wait of the oldest is since then: it does not go on. */
	set_waits(&evidence, CAUSE_NEVER_ACCEPTED, 16, 6 * SEC);
	evidence.listeners[0].last_accept_ns = 3 * SEC;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	evidence.listeners[0].last_accept_ns = 3 * SEC - 1;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_SLOW));
	set_error(&evidence, EMFILE, 20);
	assert_proven(&evidence, BIT(FINDING_FD_EXHAUSTED));
	set_error(&evidence, EPERM, 5);
	assert_proven(&evidence, BIT(FINDING_UNDETERMINED));
}

static void accept_that_fails_is_called(void **state)
{
	struct evidence evidence = accept_stalled();

	(void)state;
	set_error(&evidence, EPERM, 5);
	assert_false(proven(&evidence) & BIT(FINDING_ACCEPT_STALLED));
}

/* Two listeners of one port in two processes, of which one accepts. */
static void the_stuck_one_of_several_listeners_is_named(void **state)
{
	struct evidence evidence = accept_stalled();

	(void)state;
	evidence.listeners[1] = evidence.listeners[0];
	evidence.listeners[1].queued = 0;
	evidence.listeners[1].holder = 20;
	evidence.listeners[1].accepts = 100;
	evidence.listeners[1].last_accept_ns = MS;
	evidence.listener_count = 2;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	assert_non_null(strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->headline, "server/10"));
	/* The same in one process, whose accept() cannot be told apart. */
	evidence.listeners[1].holder = 10;
	evidence.listeners[0].accepts = 100;
	evidence.listeners[0].last_accept_ns = MS;
	assert_true(proven(&evidence) & BIT(FINDING_ACCEPT_STALLED));
}

/* Workers of which one and another hold the listener beside their parent, which only waits. */
static void whoever_is_stopped_is_to_go_on(void **state)
{
	struct evidence evidence = accept_stalled();
	static struct diagnosis diagnosis;
	const struct finding_lines *now = &diagnosis.findings[FINDING_ACCEPT_STALLED].now;

	(void)state;
	evidence.processes[1] = evidence.processes[2] = evidence.processes[0];
	evidence.processes[1].pid = 21;
	evidence.processes[2].pid = 22;
	evidence.processes[0].groups[THREAD_STOPPED].count = 0;
	evidence.processes[0].groups[THREAD_CHILD].count = 1;
	evidence.process_count = 3;
	diagnose(&evidence, &diagnosis);
	assert_string_equal(now->text[0], "let what is stopped go on: kill -CONT 21 22");
	for (int i = 1; i < 3; i++) {
		evidence.processes[i].groups[THREAD_STOPPED].count = 0;
		evidence.processes[i].groups[THREAD_TRACED].count = 1;
	}
	diagnose(&evidence, &diagnosis);
	assert_non_null(strstr(now->text[0], "PID: 21 22"));
}

/* A queue that is full because nobody accepts: who is refused is told beside it. */
static void a_full_queue_is_told_beside_accept_stalled(void **state)
{
	struct evidence evidence = accept_stalled();

	(void)state;
	set_waits(&evidence, CAUSE_NEVER_ACCEPTED, 129, 9 * SEC);
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	evidence.listeners[0].drops_while_full = 1;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED) | BIT(FINDING_BACKLOG_FULL));
}

static void backlog_full_boundaries(void **state)
{
	struct evidence evidence = backlog_full();

	(void)state;
	/* Dropped, but none for want of room. */
	evidence.overflows = 0;
	assert_false(proven(&evidence) & BIT(FINDING_BACKLOG_FULL));
	evidence.overflows = NAN;
	assert_true(proven(&evidence) & BIT(FINDING_BACKLOG_FULL));

	evidence.listeners[0].drops = 0;
	evidence.listeners[0].drops_while_full = 1;
	assert_true(proven(&evidence) & BIT(FINDING_BACKLOG_FULL));
	/* As many as its limit is one less than fits. */
	evidence.listeners[0].queued = 128;
	assert_false(proven(&evidence) & BIT(FINDING_BACKLOG_FULL));
}

static const char *advice_for_good(const struct evidence *evidence, enum finding_code code)
{
	const struct finding_lines *for_good = &finding(evidence, code)->for_good;

	assert_int_equal(for_good->count, 1);
	return for_good->text[0];
}

/* Whoever cut the queue is who must be asked for more. */
static void backlog_full_advice(void **state)
{
	struct evidence evidence = backlog_full();
	struct evidence_listener *listener = &evidence.listeners[0];

	(void)state;
	assert_non_null(strstr(advice_for_good(&evidence, FINDING_BACKLOG_FULL),
			       "raise the backlog that the service gives listen() (128 now"));
	listener->limit_by = "somaxconn";
	listener->somaxconn = listener->limit;
	assert_non_null(strstr(advice_for_good(&evidence, FINDING_BACKLOG_FULL),
			       "net.core.somaxconn (128) cuts the queue; raise it"));
	listener->somaxconn = 4096; /* raised since */
	assert_non_null(
		strstr(advice_for_good(&evidence, FINDING_BACKLOG_FULL), "restart the service"));
	listener->limit_by = NULL;
	assert_non_null(
		strstr(advice_for_good(&evidence, FINDING_BACKLOG_FULL), "raise what is smaller"));
}

static void accept_slow_boundaries(void **state)
{
	struct evidence evidence = accept_slow();
	struct evidence_waits *waits = &evidence.waits[CAUSE_NEVER_ACCEPTED];

	(void)state;
	waits->count = waits->before = 3;
	waits->oldest_ns = 500 * MS;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_SLOW));
	waits->oldest_ns = 500 * MS - 1;
	assert_proven(&evidence, 0);
	waits->count = waits->before = 4;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_SLOW));
	waits->before = 3;
	assert_proven(&evidence, 0);
	waits->before = 4;
	waits->count = 3;
	assert_proven(&evidence, 0);
}

static void io_stall_needs_a_thread_that_stays(void **state)
{
	struct evidence evidence = quiet();
	struct evidence_group *disk = &evidence.processes[0].groups[THREAD_DISK];

	(void)state;
	set_waits(&evidence, CAUSE_NOT_READING, 200, 4 * SEC);
	set_threads(&evidence, THREAD_DISK, 1);
	assert_proven(&evidence, BIT(FINDING_IO_STALL));
	/* It went on meanwhile, as a thread that works with files does. */
	disk->stuck = 0;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	evidence.node.pressures.io.some = 0.3;
	assert_proven(&evidence, BIT(FINDING_IO_STALL));
	evidence.node.pressures.io.some = 0.29;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	evidence.node.disk_busy = 0.9;
	assert_proven(&evidence, BIT(FINDING_IO_STALL));
	disk->before = 0;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
}

/* Threads that hang in a disk, and others that want more CPU than there is. */
static void io_stall_explains_what_comes_of_it(void **state)
{
	struct evidence evidence = io_stall();

	(void)state;
	set_threads(&evidence, THREAD_RUNNING, 2);
	evidence.processes[0].running = 0.1;
	evidence.processes[0].delayed = 1.9;
	evidence.processes[0].delayed_most = 0.95;
	assert_proven(&evidence, BIT(FINDING_IO_STALL));
}

static void every_wait_for_io_is_one(void **state)
{
	static const enum thread_wait waits[] = {THREAD_DISK, THREAD_PAGE_CACHE, THREAD_RECLAIM};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct evidence evidence = quiet();

		set_waits(&evidence, CAUSE_NOT_CLOSING, 5, 4 * SEC);
		set_threads(&evidence, waits[i], 1);
		assert_proven(&evidence, BIT(FINDING_IO_STALL));
	}
}

/* A limit of memory is no matter of a disk. */
static void who_waits_for_memory_gets_its_advice(void **state)
{
	struct evidence evidence = io_stall_in_queue();
	const struct finding *told;

	(void)state;
	evidence.processes[0].pressures.memory.some = 0.9;
	told = finding(&evidence, FINDING_IO_STALL);
	assert_non_null(strstr(told->proof.text[2], "of its cgroup: io 0 %, memory 90 %"));
	assert_non_null(strstr(told->now.text[1], "iostat"));
	set_all_threads(&evidence, THREAD_RECLAIM, 1);
	told = finding(&evidence, FINDING_IO_STALL);
	assert_non_null(strstr(told->now.text[0], "MemoryHigh="));
	for (size_t i = 0; i < told->now.count; i++)
		assert_null(strstr(told->now.text[i], "disk"));
}

static void cpu_starved_boundaries(void **state)
{
	struct evidence evidence = cpu_starved_by_others();
	struct evidence_process *process = &evidence.processes[0];

	(void)state;
	process->delayed = 0.2;
	process->running = 0.19;
	assert_proven(&evidence, BIT(FINDING_CPU_STARVED));
	process->delayed = 0.19;
	process->running = 0.01;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	/* It runs more than it waits: busy, not starved. */
	process->delayed = 0.5;
	process->running = 0.5;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));

	/* Of what all its threads want, one CPU can be had. */
	process->cpus = 1;
	process->delayed = 3.5;
	process->running = process->spare = 0.5;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	assert_string_equal(reason(&evidence, FINDING_CPU_STARVED),
			    "its threads wait for each other: the service leaves 0.5 of the 1 "
			    "CPUs that it may use");
	process->spare = 0.51;
	assert_proven(&evidence, BIT(FINDING_CPU_STARVED));
	process->spare = NAN;

	/* Many threads, each of which waits a moment. */
	process->delayed_most = 0.19;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	assert_string_equal(reason(&evidence, FINDING_CPU_STARVED),
			    "its threads waited for a CPU 3500 ms of each second together, and "
			    "none of them more than 190 ms");
	process->delayed_most = 0.2;
	assert_proven(&evidence, BIT(FINDING_CPU_STARVED));

	evidence = cpu_starved();
	process->throttled = 0.5;
	assert_proven(&evidence, BIT(FINDING_CPU_STARVED));
	process->throttled = 0.49;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	/* In each period, for a moment. */
	process->throttled = 1;
	process->withheld = 0.19;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	process->withheld = 0.2;
	assert_proven(&evidence, BIT(FINDING_CPU_STARVED));
	/* Others use up the quota, and this one does not want to run. */
	evidence = accept_stalled();
	process->throttled = process->withheld = 1;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));

	evidence = cpu_starved();
	process->throttled = 0;
	evidence.node.stolen = 0.3;
	assert_proven(&evidence, BIT(FINDING_CPU_STARVED));
	evidence.node.stolen = 0.29;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
}

static void lock_stall_needs_all_threads(void **state)
{
	struct evidence evidence = lock_stall();

	(void)state;
	set_threads(&evidence, THREAD_SLEEP, 1); /* a timer's */
	assert_proven(&evidence, BIT(FINDING_LOCK_STALL));
	set_threads(&evidence, THREAD_POLL, 1); /* one that could take it */
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));

	evidence = lock_stall();
	evidence.processes[0].groups[THREAD_LOCK].stuck = 0; /* they take turns */
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	evidence = lock_stall();
	evidence.processes[0].threads_left_out = 1;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
}

/* Workers that are processes: to restart one of them helps little. */
static void all_that_hang_are_named(void **state)
{
	struct evidence evidence = lock_stall();
	const struct finding *told;

	(void)state;
	evidence.process_count = 4;
	for (uint32_t i = 1; i < 4; i++) {
		evidence.processes[i] = evidence.processes[0];
		evidence.processes[i].pid = 10 + i;
	}
	evidence.processes[3].owns = false; /* their master */
	memset(evidence.processes[3].groups, 0, sizeof(evidence.processes[3].groups));
	evidence.processes[3].groups[THREAD_POLL].count = 1;
	told = finding(&evidence, FINDING_LOCK_STALL);
	assert_non_null(strstr(told->headline,
			       "3 processes hang in a lock: all their threads sleep "
			       "in futex: "));
	assert_non_null(strstr(told->proof.text[0], "server/10: "));
	assert_non_null(strstr(told->proof.text[2], "server/12: "));
	assert_non_null(strstr(told->proof.text[3], "6 of them did not run"));
	assert_non_null(strstr(told->now.text[0], "for p in 10 11 12; do gdb -p $p"));
	/* The longest command is whole. */
	for (uint32_t i = 0; i < EVIDENCE_PROCESSES_MAX; i++) {
		evidence.processes[i] = evidence.processes[0];
		evidence.processes[i].pid = 4194304 - i;
	}
	evidence.process_count = EVIDENCE_PROCESSES_MAX;
	told = finding(&evidence, FINDING_LOCK_STALL);
	assert_non_null(strstr(told->now.text[0], " 4194289; do gdb -p $p -batch -ex 'thread apply "
						  "all bt'; done"));
}

/* One may be at work on what waits and only sleep, beside a pool that has nothing to do. */
static void who_sleeps_at_work_is_in_no_lock(void **state)
{
	struct evidence evidence = lock_stall();
	struct evidence_group *sleep = &evidence.processes[0].groups[THREAD_SLEEP];

	(void)state;
	set_threads(&evidence, THREAD_TIMED_LOCK, 1);
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	assert_int_equal(finding(&evidence, FINDING_LOCK_STALL)->verdict, VERDICT_NOT_DECIDABLE);
	/* It has run since: a timer. */
	evidence.processes[0].groups[THREAD_TIMED_LOCK].stuck = 0;
	assert_proven(&evidence, BIT(FINDING_LOCK_STALL));

	evidence = lock_stall();
	set_threads(&evidence, THREAD_SLEEP, 1);
	sleep->tid = evidence.processes[0].pid; /* the main thread */
	strcpy(sleep->where, "hrtimer_nanosleep");
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	assert_int_equal(finding(&evidence, FINDING_LOCK_STALL)->verdict, VERDICT_NOT_DECIDABLE);
	/* Until a signal ends the program. */
	strcpy(sleep->where, "do_sigtimedwait");
	assert_proven(&evidence, BIT(FINDING_LOCK_STALL));

	evidence = lock_stall_of_workers();
	set_threads(&evidence, THREAD_TIMED_LOCK, 1);
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
}

static void what_does_not_fit_is_cut_between_words(void **state)
{
	struct evidence evidence = lock_stall();
	struct evidence_process *process = &evidence.processes[0];
	const char *line;

	(void)state;
	set_threads(&evidence, THREAD_TIMED_LOCK, 3);
	set_threads(&evidence, THREAD_POLL, 2);
	set_threads(&evidence, THREAD_PAGE_CACHE, 1);
	for (int wait = 0; wait < THREAD_WAITS; wait++)
		strcpy(process->groups[wait].where, "function_with_a_long_name_of_the_kernel");
	line = finding(&evidence, FINDING_ACCEPT_STALLED)->proof.text[2];
	assert_string_equal(line + strlen(line) - strlen("the_kernel), ..."), "the_kernel), ...");
}

/* What it has of others, who have closed it, can be there by chance. */
static void who_has_only_inherited_may_be_idle(void **state)
{
	struct evidence evidence = not_reading();

	(void)state;
	set_all_threads(&evidence, THREAD_LOCK, 1);
	assert_proven(&evidence, BIT(FINDING_LOCK_STALL));
	evidence.processes[0].inherits = true;
	evidence.processes[0].listens = 0;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
}

static void workers_that_turn_are_not_locked(void **state)
{
	struct evidence evidence = lock_stall_of_workers();

	(void)state;
	evidence.processes[0].groups[THREAD_MUTEX].stuck = 3;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	/* A pool that idles while a leak goes on, or one that was given data and FIN in one. */
	evidence = workers_asleep();
	evidence.waits[CAUSE_NOT_READING] = (struct evidence_waits){0};
	set_waits(&evidence, CAUSE_NOT_CLOSING, 20, 700 * SEC);
	assert_proven(&evidence, BIT(FINDING_CLOSE_LEAK));
	assert_int_equal(finding(&evidence, FINDING_LOCK_STALL)->verdict, VERDICT_NOT_DECIDABLE);
	assert_int_equal(finding(&evidence, FINDING_CLOSE_LEAK)->confidence, CONFIDENCE_MEDIUM);
	assert_non_null(strstr(finding(&evidence, FINDING_CLOSE_LEAK)->now.text[0], "gdb -p 10"));
	/* One of them works, so that none of the others need to. */
	set_threads(&evidence, THREAD_POLL, 1);
	assert_proven(&evidence, BIT(FINDING_CLOSE_LEAK));
	assert_int_equal(finding(&evidence, FINDING_LOCK_STALL)->verdict, VERDICT_RULED_OUT);
	assert_int_equal(finding(&evidence, FINDING_CLOSE_LEAK)->confidence, CONFIDENCE_HIGH);
}

/* Workers without work, or a main thread in pthread_join(), beside one that accepts. */
static void who_waits_for_others_is_in_no_lock(void **state)
{
	struct evidence evidence = workers_asleep();
	struct evidence_group *groups = evidence.processes[0].groups;

	(void)state;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	assert_int_equal(finding(&evidence, FINDING_LOCK_STALL)->verdict, VERDICT_NOT_DECIDABLE);
	for (enum thread_wait wait = THREAD_LOCK; wait <= THREAD_MUTEX; wait++) {
		evidence = not_reading();
		set_all_threads(&evidence, wait, 1);
		groups[wait].tid = evidence.processes[0].pid;
		set_threads(&evidence, THREAD_ACCEPT, 1);
		assert_proven(&evidence, BIT(FINDING_NOT_READING));
		evidence.waits[CAUSE_NOT_READING] = (struct evidence_waits){0};
		set_waits(&evidence, CAUSE_NOT_CLOSING, 20, 700 * SEC);
		assert_proven(&evidence, BIT(FINDING_CLOSE_LEAK));
		assert_int_equal(finding(&evidence, FINDING_CLOSE_LEAK)->confidence,
				 CONFIDENCE_HIGH);
	}
}

/* They wait for a mutex, unless they take turns to accept: then one of them holds it. */
static void who_takes_turns_to_accept_is_in_no_lock(void **state)
{
	struct evidence evidence = lock_stall_of_workers();
	struct evidence_group *groups = evidence.processes[0].groups;

	(void)state;
	groups[THREAD_ACCEPT].tid = 12;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	assert_int_equal(finding(&evidence, FINDING_LOCK_STALL)->verdict, VERDICT_NOT_DECIDABLE);
	groups[THREAD_POLL] = groups[THREAD_ACCEPT];
	groups[THREAD_POLL].tid = evidence.processes[0].pid;
	groups[THREAD_ACCEPT].count = 0;
	assert_proven(&evidence, BIT(FINDING_LOCK_STALL));
	assert_int_equal(finding(&evidence, FINDING_LOCK_STALL)->confidence, CONFIDENCE_MEDIUM);
}

/* As a pool of processes that the one which accepts has forked: they have nothing to do. */
static void who_inherited_the_listener_does_not_hang(void **state)
{
	struct evidence evidence = lock_stall();

	(void)state;
	evidence.process_count = 2;
	evidence.processes[1] = evidence.processes[0];
	evidence.processes[1].pid = 11;
	evidence.processes[1].owns = evidence.processes[0].owns = false;
	/* Nobody is known to have accepted: all of them hang. */
	assert_proven(&evidence, BIT(FINDING_LOCK_STALL));
	evidence.processes_left_out = 1;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	evidence.processes_left_out = 0;
	/* The one that accepts is busy. */
	set_all_threads(&evidence, THREAD_RUNNING, 1);
	evidence.processes[0].accepts = true;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	/* It is the one that hangs. */
	evidence.processes[0].accepts = false;
	evidence.processes[1].accepts = true;
	evidence.listeners[0].holder = 11;
	assert_proven(&evidence, BIT(FINDING_LOCK_STALL));
	/* It accepts too, and another did so since. */
	evidence.processes[0].accepts = true;
	evidence.listeners[0].holder = 10;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	evidence.listeners[0].holder = 11;
	/* It has to do with nothing that waits. */
	evidence.processes[1].accepts = false;
	evidence.processes[1].listens = 0;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
}

/* It keeps connections open, but nobody waits for it. */
static void an_heir_lets_nobody_wait(void **state)
{
	struct evidence evidence = not_reading();
	struct evidence_process *heir = &evidence.processes[1];

	(void)state;
	evidence.process_count = 2;
	*heir = evidence.processes[0];
	heir->owns = false;
	heir->listens = 0;
	memset(heir->groups, 0, sizeof(heir->groups));
	heir->groups[THREAD_STOPPED].count = 1;
	heir->groups[THREAD_DISK] =
		(struct evidence_group){.count = 1, .before = 1, .stuck = 1, .tid = 11};
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	assert_null(strstr(finding(&evidence, FINDING_NOT_READING)->now.text[0], "kill"));
	heir->owns = true;
	assert_proven(&evidence, BIT(FINDING_IO_STALL));
}

/* As long as another one accepts on it, whoever only inherited a listener lets nobody wait. */
static void an_heir_of_a_listener_lets_nobody_wait(void **state)
{
	struct evidence evidence = accept_slow();
	struct evidence_process *heir = &evidence.processes[1];

	(void)state;
	evidence.process_count = 2;
	*heir = evidence.processes[0];
	heir->pid = 12;
	heir->owns = false;
	memset(heir->groups, 0, sizeof(heir->groups));
	heir->groups[THREAD_DISK] =
		(struct evidence_group){.count = 1, .before = 1, .stuck = 1, .tid = 12};
	assert_proven(&evidence, BIT(FINDING_IO_STALL));
	evidence.processes[0].accepts = true;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_SLOW));
	heir->groups[THREAD_STOPPED].count = 1;
	assert_null(strstr(finding(&evidence, FINDING_ACCEPT_SLOW)->now.text[0], "kill"));
	/* It alone holds the one in whose queue they are. */
	evidence.processes[0].listens = 2;
	assert_proven(&evidence, BIT(FINDING_IO_STALL));
	evidence.listener_count = 2;
	evidence.listeners[1] = evidence.listeners[0];
	evidence.listeners[0].queued = 0;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_SLOW));
}

/* The one that accepted has ended, and its child sleeps: it may have nothing to do with it. */
static void a_listener_that_was_left_behind_is_told(void **state)
{
	struct evidence evidence = lock_stall();
	const struct finding *told;

	(void)state;
	assert_proven(&evidence, BIT(FINDING_LOCK_STALL));
	told = finding(&evidence, FINDING_ACCEPT_STALLED);
	assert_string_equal(told->proof.text[0], "nobody who holds it has called accept() on it "
						 "since slowclosed runs");
	evidence.listeners[0].gone_accept_ns = 180 * SEC;
	evidence.processes[0].owns = false;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	assert_int_equal(finding(&evidence, FINDING_LOCK_STALL)->verdict, VERDICT_NOT_DECIDABLE);
	told = finding(&evidence, FINDING_ACCEPT_STALLED);
	assert_non_null(strstr(told->proof.text[1], "called accept() on its port 3m00s ago"));
	assert_non_null(strstr(told->now.text[0], "only inherited it"));
	assert_null(strstr(told->now.text[0], "gdb"));
}

/* What was not looked at can hang too. */
static void what_is_left_out_rules_nothing_out(void **state)
{
	struct evidence evidence = accept_stalled();
	struct evidence_process *process = &evidence.processes[0];

	(void)state;
	memset(process->groups, 0, sizeof(process->groups));
	process->threads = 0;
	set_threads(&evidence, THREAD_LOCK, 256);
	assert_int_equal(finding(&evidence, FINDING_IO_STALL)->verdict, VERDICT_RULED_OUT);
	process->threads_left_out = 144;
	assert_int_equal(finding(&evidence, FINDING_IO_STALL)->verdict, VERDICT_NOT_DECIDABLE);
	assert_string_equal(reason(&evidence, FINDING_LOCK_STALL),
			    "144 threads of server/10 were not looked at");
	assert_non_null(strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->proof.text[2],
			       "256 of the first 256 threads"));
	process->threads_left_out = 0;
	evidence.processes_left_out = 3;
	assert_string_equal(reason(&evidence, FINDING_IO_STALL),
			    "3 or more processes of it were not looked at");
}

/* The writer of a log hangs, and those that answer do not: a leak is not of that. */
static void one_thread_that_hangs_is_not_sure(void **state)
{
	struct evidence evidence = close_leak();
	struct evidence_process *process = &evidence.processes[0];

	(void)state;
	evidence.waits[CAUSE_NOT_CLOSING].oldest_ns = 7200 * SEC;
	set_threads(&evidence, THREAD_DISK, 1);
	assert_proven(&evidence, BIT(FINDING_IO_STALL) | BIT(FINDING_CLOSE_LEAK));
	assert_int_equal(finding(&evidence, FINDING_IO_STALL)->confidence, CONFIDENCE_MEDIUM);
	assert_non_null(strstr(finding(&evidence, FINDING_IO_STALL)->headline,
			       "1 of 6 threads of server/10 hangs "));
	/* Nobody is left that waits for something to do. */
	process->groups[THREAD_POLL] = (struct evidence_group){.count = 0};
	assert_proven(&evidence, BIT(FINDING_IO_STALL));
	assert_int_equal(finding(&evidence, FINDING_IO_STALL)->confidence, CONFIDENCE_HIGH);
	set_threads(&evidence, THREAD_POLL, 1);
	/* Half of all. */
	process->threads = 6;
	process->groups[THREAD_DISK].stuck = process->groups[THREAD_DISK].count = 3;
	process->groups[THREAD_LOCK].count = 2;
	assert_proven(&evidence, BIT(FINDING_IO_STALL));
}

/* A process for each connection, which has read it with its end: it is no mere heir for certain. */
static void an_heir_that_hangs_is_not_ruled_out(void **state)
{
	struct evidence evidence = close_leak();
	struct evidence_process *heir = &evidence.processes[1];

	(void)state;
	evidence.process_count = 2;
	*heir = evidence.processes[0];
	heir->pid = 12;
	heir->owns = false;
	heir->listens = 0;
	memset(heir->groups, 0, sizeof(heir->groups));
	heir->groups[THREAD_DISK] =
		(struct evidence_group){.count = 1, .before = 1, .stuck = 1, .tid = 12};
	assert_int_equal(finding(&evidence, FINDING_IO_STALL)->verdict, VERDICT_RULED_OUT);
	evidence.leak.held_by_others = evidence.leak.left_to_others = 30;
	assert_proven(&evidence, BIT(FINDING_CLOSE_LEAK));
	assert_int_equal(finding(&evidence, FINDING_IO_STALL)->verdict, VERDICT_NOT_DECIDABLE);
	assert_non_null(strstr(reason(&evidence, FINDING_IO_STALL), "server/12 hangs in a disk"));
}

static void nobody_debugs_the_first_process(void **state)
{
	struct evidence evidence = accept_stalled();

	(void)state;
	memset(evidence.processes[0].groups, 0, sizeof(evidence.processes[0].groups));
	set_threads(&evidence, THREAD_POLL, 1);
	evidence.listeners[0].holder = 1;
	assert_null(strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->now.text[0], "gdb"));
	evidence.listeners[0].holder = 0;
	assert_null(strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->now.text[0], "gdb"));
	evidence.listeners[0].holder = 10;
	assert_non_null(strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->now.text[0],
			       "a limit of its own"));
	evidence.processes[0].groups[THREAD_POLL].count = 0;
	set_threads(&evidence, THREAD_PIPE, 1);
	assert_non_null(
		strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->now.text[0], "gdb -p 10"));
}

/* A pool of processes that is used up: no debugger tells more, and a restart helps nobody. */
static void workers_that_are_all_at_work_are_told(void **state)
{
	struct evidence evidence = accept_stalled();

	(void)state;
	set_all_threads(&evidence, THREAD_PIPE, 1);
	evidence.processes[0].accepts = true;
	evidence.process_count = 2;
	evidence.processes[1] = evidence.processes[0];
	evidence.processes[1].pid = 12;
	assert_non_null(strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->now.text[0],
			       "2 processes accept here, and all of them are at work"));
	/* One has nothing to do, and does not accept. */
	evidence.processes[1].groups[THREAD_ACCEPT].count = 1;
	assert_non_null(strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->now.text[0], "gdb"));
}

/* Of many that share a port, the one that is stopped has not called accept() last. */
static void who_is_stopped_is_named(void **state)
{
	struct evidence evidence = accept_stalled();

	(void)state;
	memset(evidence.processes[0].groups, 0, sizeof(evidence.processes[0].groups));
	evidence.process_count = 2;
	evidence.processes[1] = evidence.processes[0];
	evidence.processes[1].pid = 12;
	evidence.processes[1].groups[THREAD_STOPPED].count = 1;
	evidence.listeners[0].holder = 10;
	assert_non_null(strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->headline, "/12)"));
	/* At another address of the port. */
	evidence.processes[1].listens = 2;
	assert_non_null(strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->headline, "/10)"));
	evidence.processes[1].listens = 1;
	evidence.processes[1].groups[THREAD_STOPPED].count = 0;
	assert_non_null(strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->headline, "/10)"));
}

/* Workers that share a lock around accept(): one of them was stopped in there. */
static void who_waits_for_a_stopped_one_is_in_no_lock(void **state)
{
	struct evidence evidence = lock_stall();
	struct evidence_process *stopped = &evidence.processes[1];

	(void)state;
	evidence.process_count = 2;
	evidence.processes[0].accepts = true;
	*stopped = evidence.processes[0];
	stopped->pid = 12;
	assert_proven(&evidence, BIT(FINDING_LOCK_STALL));
	memset(stopped->groups, 0, sizeof(stopped->groups));
	stopped->groups[THREAD_STOPPED].count = 1;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
	assert_string_equal(reason(&evidence, FINDING_LOCK_STALL),
			    "server/10 sleeps in futex, and may wait for server/12, which is held "
			    "up");
	assert_non_null(strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->headline, "/12)"));
	assert_string_equal(finding(&evidence, FINDING_ACCEPT_STALLED)->now.text[0],
			    "let what is stopped go on: kill -CONT 12");
}

/* Each has all listeners of the port, and accepts on one of them: the last one that did is well. */
static void the_idle_one_of_several_workers_is_not_named(void **state)
{
	struct evidence evidence = accept_stalled();
	struct evidence_process *stuck = &evidence.processes[1];
	const struct finding *told;

	(void)state;
	set_all_threads(&evidence, THREAD_POLL, 1);
	evidence.processes[0].listens = 3;
	evidence.processes[0].accepts = true;
	evidence.process_count = 2;
	*stuck = evidence.processes[0];
	stuck->pid = 12;
	evidence.listeners[0].holders = 2;
	evidence.listeners[0].accepts = 5;
	evidence.listeners[0].last_accept_ns = MS;
	evidence.listeners[1] = evidence.listeners[0];
	evidence.listeners[1].queued = 0;
	evidence.listener_count = 2;
	told = finding(&evidence, FINDING_ACCEPT_STALLED);
	assert_non_null(strstr(told->headline, "(held by 2 processes)"));
	assert_non_null(strstr(told->now.text[0], "one of them not for this listener"));
	memset(stuck->groups, 0, sizeof(stuck->groups));
	stuck->groups[THREAD_PIPE].count = 1;
	told = finding(&evidence, FINDING_ACCEPT_STALLED);
	assert_non_null(strstr(told->headline, "(held by server/12)"));
	assert_non_null(strstr(told->now.text[0], "gdb -p 12"));
}

/* Beside threads of a runtime, which wait for events or for work, as in Node. */
static void a_main_thread_that_hangs_is_told(void **state)
{
	struct evidence evidence = accept_stalled();
	struct evidence_process *process = &evidence.processes[0];
	const struct finding *told;

	(void)state;
	set_all_threads(&evidence, THREAD_LOCK, 9);
	set_threads(&evidence, THREAD_POLL, 1);
	process->main.known = process->main.stuck = true;
	process->main.wait = THREAD_PIPE;
	told = finding(&evidence, FINDING_ACCEPT_STALLED);
	assert_string_equal(told->now.text[0],
			    "its main thread is waiting for a pipe, and has not run since the last "
			    "reading: if that one accepts, it hangs there. See the other end: lsof "
			    "+E -p 10");
	assert_int_equal(told->now.count, 1);
	assert_string_equal(told->proof.text[2],
			    "server/10: 9 of 10 threads sleeping in futex (somewhere), 1 waiting "
			    "in epoll, poll or select (somewhere)");
	/* As it does that waits for its other threads to end. */
	process->main.wait = THREAD_LOCK;
	told = finding(&evidence, FINDING_ACCEPT_STALLED);
	assert_non_null(strstr(told->now.text[0], "sleeping in futex, and has not run"));
	assert_non_null(strstr(told->now.text[1], "a limit of its own"));
	process->main.stuck = false;
	assert_non_null(strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->now.text[0],
			       "a limit of its own"));
	process->main.stuck = true;
	process->main.wait = THREAD_POLL;
	assert_non_null(strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->now.text[0],
			       "a limit of its own"));
}

/* A child for each connection, and no more of them: the parent is shown, and its descriptors. */
static void a_parent_that_waits_for_children_is_told(void **state)
{
	struct evidence evidence = accept_stalled();
	struct evidence_process *processes = evidence.processes;
	const struct finding *told;

	(void)state;
	set_all_threads(&evidence, THREAD_SLEEP, 1);
	processes[0].fds = 700;
	evidence.process_count = 5;
	for (uint32_t i = 1; i < 5; i++) {
		processes[i] = processes[0];
		processes[i].pid = 10 + i;
	}
	evidence.listeners[0].holder = 14;
	processes[4].owns = false;
	processes[4].accepts = true;
	processes[4].fds = 7;
	memset(processes[4].groups, 0, sizeof(processes[4].groups));
	processes[4].groups[THREAD_CHILD] = (struct evidence_group){.count = 1, .stuck = 1};
	processes[4].main.known = processes[4].main.stuck = true;
	processes[4].main.wait = THREAD_CHILD;
	processes[4].threads = 1;
	told = finding(&evidence, FINDING_ACCEPT_STALLED);
	assert_non_null(strstr(told->proof.text[2], "server/14: 1 of 1 thread waiting for a proc"));
	assert_non_null(strstr(told->proof.text[3], "server/10: 1 of 1 thread sleeping"));
	assert_string_equal(told->proof.text[5], "and 2 processes more");
	assert_non_null(strstr(told->now.text[0], "its only thread is waiting for a process, and "
						  "has not run since the last reading: a limit of "
						  "children"));
	assert_non_null(strstr(told->now.text[0], "ps --ppid 14"));
	assert_non_null(strstr(reason(&evidence, FINDING_FD_EXHAUSTED), "server/14 has 7 of"));
	/* Another listener's: whether it accepts there is not known. */
	processes[4].listens = 2;
	assert_non_null(strstr(reason(&evidence, FINDING_FD_EXHAUSTED), "server/10 has 700 of"));
}

/* A runtime's own thread waits for events, and the one that should accept never rests. */
static void who_runs_all_the_time_is_told(void **state)
{
	struct evidence evidence = accept_stalled();

	(void)state;
	set_all_threads(&evidence, THREAD_POLL, 1);
	set_threads(&evidence, THREAD_RUNNING, 1);
	assert_non_null(strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->now.text[0],
			       "a limit of its own"));
	evidence.processes[0].groups[THREAD_RUNNING].awake = 1;
	assert_non_null(strstr(finding(&evidence, FINDING_ACCEPT_STALLED)->now.text[0],
			       "thread 11 (worker) of it runs all the time"));
}

/* Nothing that was not looked at is ruled out. */
static void a_listener_that_is_not_known_rules_nothing_out(void **state)
{
	static const enum finding_code codes[] = {FINDING_FD_EXHAUSTED, FINDING_ACCEPT_STALLED,
						  FINDING_BACKLOG_FULL, FINDING_ACCEPT_SLOW};
	struct evidence evidence = accept_stalled();

	(void)state;
	evidence.listener_count = 0;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		assert_int_equal(finding(&evidence, codes[i])->verdict, VERDICT_NOT_DECIDABLE);
		assert_string_equal(reason(&evidence, codes[i]),
				    "the listener in whose queue they are is not known");
	}
}

/* A threshold of a hundred years, ten times. */
static void thresholds_do_not_overflow(void **state)
{
	struct evidence evidence = not_reading();

	(void)state;
	evidence.waits[CAUSE_NOT_READING].count = 1;
	evidence.thresholds.close_wait_ns = 36525LL * 86400 * SEC;
	assert_proven(&evidence, 0);
}

static void what_is_stopped_does_not_read(void **state)
{
	struct evidence evidence = not_reading();

	(void)state;
	set_threads(&evidence, THREAD_STOPPED, 1);
	assert_string_equal(finding(&evidence, FINDING_NOT_READING)->now.text[0],
			    "let what is stopped go on: kill -CONT 10");
}

/* It has answered, and closed neither its socket nor read the end: that is a leak as well. */
static void what_is_dropped_before_its_end_is_told(void **state)
{
	struct evidence evidence = not_reading();
	const struct finding *told;

	(void)state;
	evidence.fin_only = (struct evidence_leak){.pid = 10, .fd = 7};
	evidence.waits[CAUSE_NOT_READING].unread = 0;
	evidence.waits[CAUSE_NOT_READING].before = 4;
	set_all_threads(&evidence, THREAD_POLL, 1);
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	told = finding(&evidence, FINDING_NOT_READING);
	assert_string_equal(told->proof.text[1], "one of them is descriptor 7 of process 10");
	assert_string_equal(told->proof.text[2], "their number changes by +2.0 a second");
	assert_string_equal(told->proof.text[3], "server/10 has 20 of 1024 descriptors open");
	assert_non_null(strstr(told->now.text[0], "slowclose list -L 80"));
	assert_non_null(strstr(told->for_good.text[0], "close() on each way out"));
	/* It is at work on something. */
	set_all_threads(&evidence, THREAD_SLEEP, 1);
	told = finding(&evidence, FINDING_NOT_READING);
	assert_non_null(strstr(told->now.text[0], "gdb -p"));
	assert_int_equal(told->for_good.count, 1);
}

/* All peers have hung up after the same time: whether it hangs will show, and that is told. */
static void a_crowd_that_nothing_explains_is_told(void **state)
{
	struct evidence evidence = not_reading();
	const struct finding *told;

	(void)state;
	evidence.until_fin = impatient_peers().until_fin;
	evidence.until_fin.closed = evidence.until_fin.alike_closed = 0;
	set_waits(&evidence, CAUSE_NOT_READING, 10, 4 * SEC);
	assert_proven(&evidence, BIT(FINDING_UNDETERMINED));
	told = finding(&evidence, FINDING_UNDETERMINED);
	assert_non_null(strstr(told->proof.text[0], "1 of 1 thread sleeping"));
	assert_non_null(strstr(told->proof.text[1], "not-reading cannot be told: whether"));
	assert_non_null(strstr(told->now.text[0], "1 of 1 thread asleep for a time"));
	/* No answer takes its time in a write to a log. */
	set_all_threads(&evidence, THREAD_PIPE, 5);
	strcpy(evidence.processes[0].groups[THREAD_PIPE].where, "anon_pipe_write");
	set_threads(&evidence, THREAD_POLL, 5);
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	evidence.processes[0].groups[THREAD_PIPE].stuck = 4;
	assert_proven(&evidence, BIT(FINDING_UNDETERMINED));
	evidence.waits[CAUSE_NOT_READING].before = 9;
	assert_proven(&evidence, 0);
	assert_string_equal(reason(&evidence, FINDING_UNDETERMINED),
			    "that may only be slow: 10 connections not read for up to 4s");
}

/* As many of its threads hang as there are connections, beside the one that accepts. */
static void who_keeps_its_threads_is_told(void **state)
{
	static const struct {
		enum thread_wait wait;
		const char *where, *now;
		size_t lines;
	} cases[] = {
		{THREAD_PIPE, "anon_pipe_write",
		 "a pipe keeps 6 of 7 threads: see why nobody reads", 1},
		{THREAD_PIPE, "wait_for_partner", "see why nothing comes at its other end", 1},
		{THREAD_SOCKET, "sk_wait_data", "a socket keeps 6 of 7 threads", 2},
		{THREAD_CHILD, "do_wait", "ps --ppid 10", 1},
		{THREAD_SLEEP, "hrtimer_nanosleep", "6 of 7 threads asleep for a time", 1},
		{THREAD_LOCK, "futex_do_wait", "6 of 7 threads in futex", 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct evidence evidence = not_reading();
		const struct finding *told;

		evidence.waits[CAUSE_NOT_READING].unread = 0;
		set_all_threads(&evidence, cases[i].wait, 6);
		strcpy(evidence.processes[0].groups[cases[i].wait].where, cases[i].where);
		set_threads(&evidence, THREAD_POLL, 1);
		told = finding(&evidence, FINDING_NOT_READING);
		assert_non_null(strstr(told->now.text[0], cases[i].now));
		assert_int_equal(told->now.count, cases[i].lines);
		/* A thread in futex or at a socket may be one without work. */
		if (cases[i].lines > 1)
			assert_non_null(strstr(told->now.text[1], "else: see whether these are"));
	}
}

/* Fewer than there are connections: a pool without work, as long as none of them writes. */
static void few_that_are_kept_explain_little(void **state)
{
	struct evidence evidence = not_reading();
	struct evidence_group *pipe = &evidence.processes[0].groups[THREAD_PIPE];

	(void)state;
	evidence.waits[CAUSE_NOT_READING].unread = 0;
	set_all_threads(&evidence, THREAD_PIPE, 5);
	set_threads(&evidence, THREAD_POLL, 1);
	assert_non_null(strstr(finding(&evidence, FINDING_NOT_READING)->now.text[0],
			       "it waits for something to do"));
	strcpy(pipe->where, "pipe_write");
	assert_non_null(strstr(finding(&evidence, FINDING_NOT_READING)->now.text[0],
			       "a pipe keeps 5 of 6 threads"));
	/* Many threads were not looked at. */
	pipe->where[0] = '\0';
	evidence.processes[0].threads_left_out = 4;
	assert_non_null(strstr(finding(&evidence, FINDING_NOT_READING)->now.text[0],
			       "a pipe keeps 5 of 6 threads"));
	evidence.processes[0].threads_left_out = 0;
	/* Requests queue behind them. */
	pipe->where[0] = '\0';
	evidence.waits[CAUSE_NOT_READING].unread = 6;
	assert_non_null(strstr(finding(&evidence, FINDING_NOT_READING)->now.text[0],
			       "a pipe keeps 5 of 6 threads"));
}

/* Others were closed or answered late just now, or the oldest has gone: none is forgotten. */
static void what_gets_to_an_end_is_not_forgotten(void **state)
{
	struct evidence evidence = not_reading();
	const struct finding *told;

	(void)state;
	evidence.waits[CAUSE_NOT_READING].unread = 0;
	set_all_threads(&evidence, THREAD_POLL, 1);
	assert_int_equal(finding(&evidence, FINDING_NOT_READING)->for_good.count, 2);
	evidence.until_fin.closed = 2;
	told = finding(&evidence, FINDING_NOT_READING);
	assert_non_null(strstr(told->now.text[0], "late (2 just now)"));
	assert_int_equal(told->for_good.count, 1);
	evidence.until_fin.closed = 1;
	evidence.waits[CAUSE_NOT_READING].oldest_before_ns = 4 * SEC - 100 * MS;
	assert_int_equal(finding(&evidence, FINDING_NOT_READING)->for_good.count, 1);
}

/* Who accepted them has closed them: nobody else can read what a helper inherited. */
static void what_is_left_to_heirs_is_not_read_by_the_server(void **state)
{
	struct evidence evidence = not_reading();
	const struct finding *told;

	(void)state;
	evidence.waits[CAUSE_NOT_READING].unread = 0;
	evidence.fin_only = (struct evidence_leak){.pid = 10,
						   .held_by_others = 3,
						   .left_to_others = 3,
						   .inheritors = {{.pid = 21, .comm = "helper"}},
						   .inheritor_count = 1};
	told = finding(&evidence, FINDING_NOT_READING);
	assert_non_null(strstr(told->now.text[0], "see what those that keep them do"));
	assert_non_null(strstr(told->for_good.text[0], "SOCK_CLOEXEC"));
	assert_int_equal(told->for_good.count, 1);
	assert_string_equal(told->proof.text[2], "3 of them are open in processes that did not "
						 "accept them: helper/21");
	evidence.fin_only.held_by_others = evidence.fin_only.left_to_others = 1;
	evidence.fin_only.inheritor_count = EVIDENCE_INHERITORS_MAX;
	told = finding(&evidence, FINDING_NOT_READING);
	assert_non_null(strstr(told->proof.text[2], "1 of them is open in processes that did not "
						    "accept them, such as helper/21, "));
	assert_null(strstr(told->for_good.text[0], "SOCK_CLOEXEC"));
}

/* However alike the times are at which its peers have hung up. */
static void what_is_stopped_is_not_only_slow(void **state)
{
	struct evidence evidence = not_reading();

	(void)state;
	evidence.until_fin = impatient_peers().until_fin;
	evidence.until_fin.closed = evidence.until_fin.alike_closed = 0;
	assert_proven(&evidence, 0);
	assert_int_equal(finding(&evidence, FINDING_NOT_READING)->verdict, VERDICT_NOT_DECIDABLE);
	set_threads(&evidence, THREAD_STOPPED, 1);
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	assert_int_equal(finding(&evidence, FINDING_NOT_READING)->confidence, CONFIDENCE_HIGH);
}

/* It has what waits, and nothing to do with it: its timers alone had to wait. */
static void who_sleeps_is_not_starved(void **state)
{
	struct evidence evidence = cpu_starved_by_others();

	(void)state;
	assert_proven(&evidence, BIT(FINDING_CPU_STARVED));
	evidence.processes[0].groups[THREAD_RUNNING].before = 0;
	assert_int_equal(finding(&evidence, FINDING_CPU_STARVED)->verdict, VERDICT_RULED_OUT);
	assert_non_null(strstr(reason(&evidence, FINDING_CPU_STARVED), "at both readings"));
}

/* Another one has most of what waits, and is not stopped. */
static void who_is_stopped_beside_others_is_not_all(void **state)
{
	struct evidence evidence = not_reading();

	(void)state;
	evidence.process_count = 2;
	evidence.processes[1] = evidence.processes[0];
	evidence.processes[1].pid = 11;
	memset(evidence.processes[1].groups, 0, sizeof(evidence.processes[1].groups));
	evidence.processes[1].groups[THREAD_STOPPED].count = 1;
	assert_int_equal(finding(&evidence, FINDING_NOT_READING)->confidence, CONFIDENCE_MEDIUM);
	assert_non_null(
		strstr(finding(&evidence, FINDING_NOT_READING)->now.text[0], "kill -CONT 11"));
	assert_int_equal(finding(&evidence, FINDING_NOT_READING)->now.count, 2);
	/* Few are enough where nobody could read them. */
	set_waits(&evidence, CAUSE_NOT_READING, 1, 3 * SEC);
	assert_proven(&evidence, 0);
	evidence.processes[0].owns = false;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	assert_int_equal(finding(&evidence, FINDING_NOT_READING)->confidence, CONFIDENCE_HIGH);
}

/* Workers that hang behind a thread in poll look as those that have nothing to do. */
static void a_lock_beside_one_that_waits_is_not_ruled_out(void **state)
{
	struct evidence evidence = not_reading();

	(void)state;
	set_all_threads(&evidence, THREAD_LOCK, 8);
	set_threads(&evidence, THREAD_POLL, 1);
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	assert_int_equal(finding(&evidence, FINDING_LOCK_STALL)->verdict, VERDICT_NOT_DECIDABLE);
}

/* A slow server with a listener for each family, of which one has no connections. */
static void nothing_is_left_over_without_an_accept(void **state)
{
	struct evidence evidence = accept_stalled();

	(void)state;
	evidence.listener_count = 2;
	evidence.listeners[1] = evidence.listeners[0];
	evidence.listeners[1].queued = evidence.listeners[1].queued_before = 0;
	for (int i = 0; i < 2; i++) {
		evidence.listeners[i].accepts = 0;
		evidence.listeners[i].last_accept_ns = SEC - 1;
		evidence.listeners[i].accepts_seen = true;
	}
	evidence.waits[CAUSE_NEVER_ACCEPTED].oldest_ns = 4 * SEC;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_SLOW));
	/* It accepts, and this queue stays. */
	evidence.listeners[0].accepts = evidence.listeners[1].accepts = 1;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED));
}

/* Whoever turns in a loop on a busy node waits for a CPU, and would not go on with one either. */
static void who_never_rests_may_turn_in_a_loop(void **state)
{
	struct evidence evidence = cpu_starved_by_others();
	struct evidence_group *running = &evidence.processes[0].groups[THREAD_RUNNING];
	const struct finding *told;

	(void)state;
	running->awake = 1;
	assert_int_equal(finding(&evidence, FINDING_CPU_STARVED)->confidence, CONFIDENCE_HIGH);
	evidence.listeners[0].accepts = 0;
	told = finding(&evidence, FINDING_CPU_STARVED);
	assert_int_equal(told->confidence, CONFIDENCE_MEDIUM);
	assert_non_null(strstr(told->proof.text[2], "thread 11 (worker) of it has not slept"));
	assert_non_null(strstr(told->now.text[0], "perf top -t 11"));
	assert_non_null(strstr(told->now.text[1], "who uses the CPUs"));
	evidence.until_fin.closed = 1;
	assert_int_equal(finding(&evidence, FINDING_CPU_STARVED)->confidence, CONFIDENCE_HIGH);
	evidence.until_fin.closed = 0;
	evidence.waits[CAUSE_NOT_READING].oldest_before_ns =
		evidence.waits[CAUSE_NOT_READING].oldest_ns;
	assert_int_equal(finding(&evidence, FINDING_CPU_STARVED)->confidence, CONFIDENCE_HIGH);
	evidence.waits[CAUSE_NOT_READING].oldest_before_ns -= SEC;
	running->awake = 0;
	assert_int_equal(finding(&evidence, FINDING_CPU_STARVED)->confidence, CONFIDENCE_HIGH);
}

/* What is slow for want of CPU closes late, too. */
static void who_is_starved_closes_late(void **state)
{
	struct evidence evidence = cpu_starved();

	(void)state;
	set_waits(&evidence, CAUSE_NOT_CLOSING, 8, 5 * SEC);
	assert_proven(&evidence, BIT(FINDING_CPU_STARVED));
	assert_int_equal(finding(&evidence, FINDING_CLOSE_LEAK)->verdict, VERDICT_EXPLAINED);
}

static void close_leak_boundaries(void **state)
{
	struct evidence evidence = quiet();
	struct evidence_waits *waits = &evidence.waits[CAUSE_NOT_CLOSING];

	(void)state;
	set_threads(&evidence, THREAD_POLL, 1);
	set_waits(&evidence, CAUSE_NOT_CLOSING, 1, 3 * SEC);
	assert_proven(&evidence, BIT(FINDING_CLOSE_LEAK));
	waits->oldest_ns = 3 * SEC - 1;
	assert_proven(&evidence, 0);
	waits->count = waits->before = 4;
	assert_proven(&evidence, BIT(FINDING_CLOSE_LEAK));
	assert_int_equal(finding(&evidence, FINDING_CLOSE_LEAK)->confidence, CONFIDENCE_MEDIUM);
	assert_string_equal(finding(&evidence, FINDING_CLOSE_LEAK)->headline,
			    "4 connections not closed: the peer has closed, and all was read; the "
			    "oldest for 2.99s");
	assert_non_null(strstr(finding(&evidence, FINDING_CLOSE_LEAK)->now.text[1], "look again"));
	/* A proxy may wait for so long for what is behind it. */
	set_waits(&evidence, CAUSE_NOT_CLOSING, 4, 599 * SEC);
	assert_int_equal(finding(&evidence, FINDING_CLOSE_LEAK)->confidence, CONFIDENCE_MEDIUM);
	assert_null(strstr(finding(&evidence, FINDING_CLOSE_LEAK)->headline, "forgotten"));
	set_waits(&evidence, CAUSE_NOT_CLOSING, 4, 600 * SEC);
	assert_non_null(strstr(finding(&evidence, FINDING_CLOSE_LEAK)->now.text[1], "restart"));
	assert_int_equal(finding(&evidence, FINDING_CLOSE_LEAK)->confidence, CONFIDENCE_HIGH);
	assert_non_null(strstr(finding(&evidence, FINDING_CLOSE_LEAK)->headline, "forgotten"));
	assert_non_null(strstr(finding(&evidence, FINDING_CLOSE_LEAK)->headline, "for 10m"));
	waits->oldest_at_least = true;
	assert_non_null(
		strstr(finding(&evidence, FINDING_CLOSE_LEAK)->headline, "for at least 10m"));
	set_threads(&evidence, THREAD_DISK, 1);
	assert_non_null(
		strstr(finding(&evidence, FINDING_IO_STALL)->headline, "for 10m00s or more"));
}

/* Each is as old as the waits that it speaks of: the leak is from days ago. */
static void a_finding_is_as_old_as_what_it_speaks_of(void **state)
{
	struct evidence evidence = accept_stalled();

	(void)state;
	set_waits(&evidence, CAUSE_NOT_CLOSING, 30, 260000 * SEC);
	evidence.waits[CAUSE_NOT_CLOSING].oldest_at_least = true;
	assert_proven(&evidence, BIT(FINDING_ACCEPT_STALLED) | BIT(FINDING_CLOSE_LEAK));
	assert_int_equal(finding(&evidence, FINDING_ACCEPT_STALLED)->oldest_ns,
			 evidence.waits[CAUSE_NEVER_ACCEPTED].oldest_ns);
	assert_false(finding(&evidence, FINDING_ACCEPT_STALLED)->at_least);
	assert_int_equal(finding(&evidence, FINDING_CLOSE_LEAK)->oldest_ns, 260000 * SEC);
	assert_true(finding(&evidence, FINDING_CLOSE_LEAK)->at_least);
	/* What hangs lets wait what is not accepted; only where there is none, what is not closed.
	 */
	assert_int_equal(finding(&evidence, FINDING_IO_STALL)->oldest_ns,
			 evidence.waits[CAUSE_NEVER_ACCEPTED].oldest_ns);
	evidence.waits[CAUSE_NEVER_ACCEPTED] = (struct evidence_waits){.count = 0};
	assert_int_equal(finding(&evidence, FINDING_IO_STALL)->oldest_ns, 260000 * SEC);
	assert_int_equal(finding(&evidence, FINDING_ACCEPT_STALLED)->oldest_ns, 0);
}

/* A program that read the end at once, and closes when it is done with the answer. */
static void slow_answers_are_no_leak(void **state)
{
	struct evidence evidence = quiet();
	struct evidence_waits *waits = &evidence.waits[CAUSE_NOT_CLOSING];

	(void)state;
	set_threads(&evidence, THREAD_POLL, 1);
	set_waits(&evidence, CAUSE_NOT_CLOSING, 20, 4 * SEC);
	evidence.growing = 3;
	evidence.younger = 3;
	/* Always others. */
	waits->oldest_before_ns = waits->oldest_ns - SEC / 2;
	assert_proven(&evidence, 0);
	/* Their numbers grow so far, and others were closed. */
	waits->oldest_before_ns = waits->oldest_ns - SEC;
	evidence.until_fin.closed = 2;
	assert_proven(&evidence, 0);
	assert_int_equal(finding(&evidence, FINDING_CLOSE_LEAK)->verdict, VERDICT_NOT_DECIDABLE);
	evidence.until_fin.closed = 1;
	assert_proven(&evidence, BIT(FINDING_CLOSE_LEAK));
	/* After a minute few wait for an answer. */
	evidence.until_fin.closed = 20;
	waits->oldest_ns = 60 * SEC;
	assert_proven(&evidence, BIT(FINDING_CLOSE_LEAK));
}

/* Two workers, each with one that it has read, and requests that nobody has got to. */
static void what_is_worked_on_is_no_leak(void **state)
{
	struct evidence evidence = not_reading();

	(void)state;
	set_waits(&evidence, CAUSE_NOT_CLOSING, 2, 20 * SEC);
	set_all_threads(&evidence, THREAD_SLEEP, 2);
	set_threads(&evidence, THREAD_ACCEPT, 1);
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	assert_int_equal(finding(&evidence, FINDING_CLOSE_LEAK)->verdict, VERDICT_NOT_DECIDABLE);
	set_all_threads(&evidence, THREAD_SLEEP, 1);
	assert_proven(&evidence, BIT(FINDING_NOT_READING) | BIT(FINDING_CLOSE_LEAK));
	set_all_threads(&evidence, THREAD_SLEEP, 2);
	set_waits(&evidence, CAUSE_NOT_CLOSING, 2, 60 * SEC);
	assert_proven(&evidence, BIT(FINDING_NOT_READING) | BIT(FINDING_CLOSE_LEAK));
	/* Nothing queues: they may have nothing to do. */
	set_waits(&evidence, CAUSE_NOT_CLOSING, 2, 20 * SEC);
	evidence.waits[CAUSE_NOT_READING].unread = 0;
	assert_proven(&evidence, BIT(FINDING_NOT_READING) | BIT(FINDING_CLOSE_LEAK));
}

static void a_pool_that_grows_is_a_leak(void **state)
{
	struct evidence evidence = idle_pool();

	(void)state;
	evidence.growing = 2;
	assert_proven(&evidence, BIT(FINDING_IDLE_POOL));
	assert_int_equal(finding(&evidence, FINDING_IDLE_POOL)->severity, SEVERITY_INFO);
	evidence.processes[0].fds = evidence.processes[0].fd_limit / 2;
	assert_int_equal(finding(&evidence, FINDING_IDLE_POOL)->severity, SEVERITY_WARNING);
	evidence.growing = 3;
	evidence.younger = 2; /* the server closes what was there before */
	assert_proven(&evidence, BIT(FINDING_IDLE_POOL));
	evidence.younger = 3;
	assert_proven(&evidence, BIT(FINDING_CLOSE_LEAK));
}

/* Nobody has read their end, and no request is left half-way. */
static void a_leak_of_a_client_is_told_as_one(void **state)
{
	struct evidence evidence = idle_pool();
	const struct finding *told;

	(void)state;
	evidence.growing = evidence.younger = 3;
	told = finding(&evidence, FINDING_CLOSE_LEAK);
	assert_string_equal(told->headline,
			    "8 connections to port 80 kept, and more and more of them: the server "
			    "has closed, and nobody here uses or closes them; the oldest for "
			    "1m00s");
	assert_non_null(strstr(told->for_good.text[0], "share one pool"));
	assert_int_equal(told->for_good.count, 1);
	assert_int_equal(told->confidence, CONFIDENCE_MEDIUM);
	set_waits(&evidence, CAUSE_NOT_READING, 8, 600 * SEC);
	assert_int_equal(finding(&evidence, FINDING_CLOSE_LEAK)->confidence, CONFIDENCE_HIGH);
}

/* However many they are, and however long they wait. */
static void a_pool_says_why_it_is_not_read(void **state)
{
	struct evidence evidence = idle_pool();

	(void)state;
	assert_string_equal(reason(&evidence, FINDING_NOT_READING),
			    "nothing is left to be read but the end or a last message");
}

/* Each with its own limit, or without one, or with one that cannot be read. */
static void a_leak_tells_of_descriptors_and_limits(void **state)
{
	struct evidence evidence = close_leak();
	static struct diagnosis diagnosis;
	const struct finding_lines *proof = &diagnosis.findings[FINDING_CLOSE_LEAK].proof;
	const char *told;

	(void)state;
	evidence.processes[1] = evidence.processes[0];
	evidence.processes[1].fd_limit = INT64_MAX;
	evidence.processes[1].fds_at_least = true;
	evidence.process_count = 2;
	diagnose(&evidence, &diagnosis);
	/* Behind them is what their threads do. */
	assert_non_null(strstr(proof->text[proof->count - 4], " of 1024 descriptors open"));
	told = proof->text[proof->count - 3];
	assert_non_null(strstr(told, " has at least "));
	assert_non_null(strstr(told, " descriptors open, and no limit"));
	assert_null(strstr(told, " of "));

	evidence.processes[1].fd_limit = UNKNOWN;
	diagnose(&evidence, &diagnosis);
	told = proof->text[proof->count - 3];
	assert_non_null(strstr(told, " descriptors open"));
	assert_null(strstr(told, "limit"));
}

/* An answer that nobody reads is no idle connection. */
static void a_client_that_does_not_read_is_no_pool(void **state)
{
	struct evidence evidence = idle_pool();

	(void)state;
	evidence.waits[CAUSE_NOT_READING].unread = 8;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	set_threads(&evidence, THREAD_DISK, 1);
	assert_proven(&evidence, BIT(FINDING_IO_STALL));
}

/* A client that hangs does not look at its pool; one that has nothing to do may be idle. */
static void a_client_that_hangs_is_no_idle_pool(void **state)
{
	struct evidence evidence = idle_pool();

	(void)state;
	set_all_threads(&evidence, THREAD_STOPPED, 1);
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	assert_non_null(
		strstr(finding(&evidence, FINDING_NOT_READING)->now.text[0], "kill -CONT 10"));
	set_all_threads(&evidence, THREAD_DISK, 1);
	assert_proven(&evidence, BIT(FINDING_IO_STALL));
	set_threads(&evidence, THREAD_POLL, 2); /* these could look */
	assert_proven(&evidence, BIT(FINDING_IDLE_POOL));
	set_all_threads(&evidence, THREAD_MUTEX, 2);
	assert_proven(&evidence, BIT(FINDING_LOCK_STALL));
	set_all_threads(&evidence, THREAD_LOCK, 2);
	assert_proven(&evidence, BIT(FINDING_IDLE_POOL));
	assert_int_equal(finding(&evidence, FINDING_LOCK_STALL)->verdict, VERDICT_NOT_DECIDABLE);

	/* It has read the end before it was stopped. */
	evidence.waits[CAUSE_NOT_READING] = (struct evidence_waits){0};
	set_waits(&evidence, CAUSE_NOT_CLOSING, 8, 60 * SEC);
	set_all_threads(&evidence, THREAD_STOPPED, 1);
	assert_proven(&evidence, BIT(FINDING_IDLE_POOL));
	assert_int_equal(finding(&evidence, FINDING_IDLE_POOL)->severity, SEVERITY_WARNING);
	assert_non_null(
		strstr(finding(&evidence, FINDING_IDLE_POOL)->now.text[0], "kill -CONT 10"));
}

static void impatient_peers_boundaries(void **state)
{
	struct evidence evidence = impatient_peers();
	struct evidence_until_fin *until_fin = &evidence.until_fin;

	(void)state;
	until_fin->count = 10;
	until_fin->alike = 5;
	until_fin->alike_closed = 2;
	assert_proven(&evidence, BIT(FINDING_IMPATIENT_PEERS));
	until_fin->count = 11; /* most hang up at other times */
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	until_fin->count = until_fin->alike = 4;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	until_fin->count = until_fin->alike = 5;
	/* It closes none so far: it is slow, or it hangs. */
	until_fin->alike_closed = 1;
	assert_proven(&evidence, 0);
	evidence.waits[CAUSE_NOT_READING].oldest_ns = 10 * SEC;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	/* That is no timeout of anybody's. */
	until_fin->alike_closed = 5;
	until_fin->alike_from_ns = 200 * MS - 1;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
}

static void not_reading_boundaries(void **state)
{
	struct evidence evidence = not_reading();
	struct evidence_waits *waits = &evidence.waits[CAUSE_NOT_READING];

	(void)state;
	waits->count = waits->before = 3;
	waits->oldest_ns = 10 * SEC;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	waits->oldest_ns--;
	assert_proven(&evidence, 0);
	waits->count = waits->before = 4;
	assert_proven(&evidence, BIT(FINDING_NOT_READING));
	waits->before = 3;
	assert_proven(&evidence, 0);
}

/* Each finding says of the others why it is not they. */
static void what_is_ruled_out_says_why(void **state)
{
	struct evidence evidence = lock_stall();
	static struct diagnosis diagnosis;
	const struct finding *io = &diagnosis.findings[FINDING_IO_STALL];
	const struct finding *stalled = &diagnosis.findings[FINDING_ACCEPT_STALLED];

	(void)state;
	diagnose(&evidence, &diagnosis);
	assert_int_equal(io->verdict, VERDICT_RULED_OUT);
	assert_non_null(strstr(io->reason, "no thread hangs in a disk"));
	assert_int_equal(stalled->verdict, VERDICT_EXPLAINED);
	assert_int_equal(stalled->explained_by, FINDING_LOCK_STALL);
}

static void undetermined_says_what_was_looked_at(void **state)
{
	struct evidence evidence = undetermined();
	static struct diagnosis diagnosis;
	const struct finding *finding = &diagnosis.findings[FINDING_UNDETERMINED];

	(void)state;
	diagnose(&evidence, &diagnosis);
	assert_int_equal(finding->confidence, CONFIDENCE_LOW);
	assert_true(finding->proof.count >= 4);
	assert_non_null(strstr(finding->proof.text[0], "waiting in epoll"));
	assert_non_null(strstr(finding->proof.text[2], "looked at, not fd-exhausted"));
	assert_non_null(strstr(finding->now.text[0], "slowclose list -L 80"));
}

static void assert_harmless(const char *text)
{
	assert_non_null(text);
	for (; *text; text++)
		assert_true(*text >= ' ' && *text <= '~');
}

/* A name of 16 bytes without an end, in which every byte is one that harms. */
static void no_name_harms(void **state)
{
	static const char name[] = "\n\x1b[2J\xc3\xff\r\b\x7f\xc2\x9b\x1b\n\xe2";
	struct evidence evidence = lock_stall();
	struct evidence_process *process = &evidence.processes[0];
	struct diagnosis diagnosis;

	(void)state;
	memcpy(process->comm, name, 16);
	memcpy(process->groups[THREAD_LOCK].comm, name, 16);
	memcpy(evidence.listeners[0].comm, name, 16);
	diagnose(&evidence, &diagnosis);
	assert_int_equal(diagnosis.findings[FINDING_LOCK_STALL].verdict, VERDICT_PROVEN);
	for (int code = 0; code < FINDINGS; code++) {
		const struct finding *finding = &diagnosis.findings[code];

		assert_harmless(finding->reason);
		assert_harmless(finding->headline);
		for (size_t i = 0; i < finding->proof.count; i++)
			assert_harmless(finding->proof.text[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_proof_proves_its_finding_and_no_other),
		cmocka_unit_test(nothing_waits_nothing_is_found),
		cmocka_unit_test(what_still_sends_is_no_fault),
		cmocka_unit_test(one_reading_proves_nothing),
		cmocka_unit_test(what_waits_only_now_proves_nothing),
		cmocka_unit_test(what_is_not_known_proves_nothing),
		cmocka_unit_test(a_sleep_that_is_not_known_rules_nothing_out),
		cmocka_unit_test(fd_exhausted_needs_failures_now),
		cmocka_unit_test(what_fails_now_is_told),
		cmocka_unit_test(files_of_the_node_are_told),
		cmocka_unit_test(a_limit_that_is_reached_is_not_ruled_out),
		cmocka_unit_test(a_limit_is_only_raised),
		cmocka_unit_test(a_limit_of_many_is_raised),
		cmocka_unit_test(a_leak_is_told_beside_fd_exhausted),
		cmocka_unit_test(a_young_stall_may_go_on),
		cmocka_unit_test(accept_stalled_boundaries),
		cmocka_unit_test(a_pause_between_two_accepts_is_slow),
		cmocka_unit_test(accept_that_fails_is_called),
		cmocka_unit_test(the_stuck_one_of_several_listeners_is_named),
		cmocka_unit_test(whoever_is_stopped_is_to_go_on),
		cmocka_unit_test(a_full_queue_is_told_beside_accept_stalled),
		cmocka_unit_test(backlog_full_boundaries),
		cmocka_unit_test(backlog_full_advice),
		cmocka_unit_test(accept_slow_boundaries),
		cmocka_unit_test(io_stall_needs_a_thread_that_stays),
		cmocka_unit_test(io_stall_explains_what_comes_of_it),
		cmocka_unit_test(every_wait_for_io_is_one),
		cmocka_unit_test(who_waits_for_memory_gets_its_advice),
		cmocka_unit_test(cpu_starved_boundaries),
		cmocka_unit_test(lock_stall_needs_all_threads),
		cmocka_unit_test(workers_that_turn_are_not_locked),
		cmocka_unit_test(who_waits_for_others_is_in_no_lock),
		cmocka_unit_test(who_takes_turns_to_accept_is_in_no_lock),
		cmocka_unit_test(who_inherited_the_listener_does_not_hang),
		cmocka_unit_test(an_heir_lets_nobody_wait),
		cmocka_unit_test(an_heir_of_a_listener_lets_nobody_wait),
		cmocka_unit_test(a_listener_that_was_left_behind_is_told),
		cmocka_unit_test(what_is_left_out_rules_nothing_out),
		cmocka_unit_test(one_thread_that_hangs_is_not_sure),
		cmocka_unit_test(an_heir_that_hangs_is_not_ruled_out),
		cmocka_unit_test(nobody_debugs_the_first_process),
		cmocka_unit_test(what_is_stopped_does_not_read),
		cmocka_unit_test(what_is_dropped_before_its_end_is_told),
		cmocka_unit_test(a_crowd_that_nothing_explains_is_told),
		cmocka_unit_test(who_keeps_its_threads_is_told),
		cmocka_unit_test(few_that_are_kept_explain_little),
		cmocka_unit_test(what_gets_to_an_end_is_not_forgotten),
		cmocka_unit_test(what_is_left_to_heirs_is_not_read_by_the_server),
		cmocka_unit_test(what_is_stopped_is_not_only_slow),
		cmocka_unit_test(who_sleeps_is_not_starved),
		cmocka_unit_test(nothing_is_left_over_without_an_accept),
		cmocka_unit_test(who_is_stopped_beside_others_is_not_all),
		cmocka_unit_test(a_lock_beside_one_that_waits_is_not_ruled_out),
		cmocka_unit_test(who_never_rests_may_turn_in_a_loop),
		cmocka_unit_test(who_is_starved_closes_late),
		cmocka_unit_test(workers_that_are_all_at_work_are_told),
		cmocka_unit_test(who_is_stopped_is_named),
		cmocka_unit_test(who_waits_for_a_stopped_one_is_in_no_lock),
		cmocka_unit_test(the_idle_one_of_several_workers_is_not_named),
		cmocka_unit_test(a_main_thread_that_hangs_is_told),
		cmocka_unit_test(a_parent_that_waits_for_children_is_told),
		cmocka_unit_test(who_runs_all_the_time_is_told),
		cmocka_unit_test(a_listener_that_is_not_known_rules_nothing_out),
		cmocka_unit_test(thresholds_do_not_overflow),
		cmocka_unit_test(all_that_hang_are_named),
		cmocka_unit_test(who_sleeps_at_work_is_in_no_lock),
		cmocka_unit_test(what_does_not_fit_is_cut_between_words),
		cmocka_unit_test(who_has_only_inherited_may_be_idle),
		cmocka_unit_test(close_leak_boundaries),
		cmocka_unit_test(a_finding_is_as_old_as_what_it_speaks_of),
		cmocka_unit_test(slow_answers_are_no_leak),
		cmocka_unit_test(what_is_worked_on_is_no_leak),
		cmocka_unit_test(a_pool_that_grows_is_a_leak),
		cmocka_unit_test(a_leak_of_a_client_is_told_as_one),
		cmocka_unit_test(a_pool_says_why_it_is_not_read),
		cmocka_unit_test(a_leak_tells_of_descriptors_and_limits),
		cmocka_unit_test(a_client_that_does_not_read_is_no_pool),
		cmocka_unit_test(a_client_that_hangs_is_no_idle_pool),
		cmocka_unit_test(impatient_peers_boundaries),
		cmocka_unit_test(not_reading_boundaries),
		cmocka_unit_test(what_is_ruled_out_says_why),
		cmocka_unit_test(undetermined_says_what_was_looked_at),
		cmocka_unit_test(no_name_harms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

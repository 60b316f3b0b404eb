// SPDX-License-Identifier: GPL-2.0
/* What two readings tell together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reading.h"

#define SEC NSEC_PER_SEC

static const struct thresholds thresholds = {.close_wait_ns = SEC, .accept_wait_ns = SEC / 10};

/* A look at the listeners: what this test lets it find. */
static struct listener_record listener;
static struct listener_event listener_event;
static int64_t look_ns; /* when the look was done: see connection() */

size_t waiting_listener_count(const struct waiting *waiting)
{
	(void)waiting;
	return 1;
}

const struct listener *waiting_listener_at(const struct waiting *waiting, size_t i)
{
	(void)waiting, (void)i;
	return &listener.listener;
}

void waiting_listener(const struct waiting *waiting, size_t i, struct listener_event *event)
{
	(void)waiting, (void)i;
	*event = listener_event;
	event->record = &listener;
}

int64_t waiting_walked_ns(const struct waiting *waiting)
{
	(void)waiting;
	return look_ns;
}

struct pair {
	struct reading *before, *now;
	struct recent recent;
	struct places *places;
};

static struct pair make_pair(void)
{
	struct pair pair = {reading_new(), reading_new(), {.next = 0}, places_new()};

	listener = (struct listener_record){.listener = {.netns = 1, .port = 80, .family = 4},
					    .sock = 5,
					    .limit = 4,
					    .somaxconn = 4096};
	listener_event = (struct listener_event){.accepts_seen = true, .last_accept_ns = UNKNOWN};
	return pair;
}

static void free_pair(struct pair *pair)
{
	reading_free(pair->before);
	reading_free(pair->now);
	places_free(pair->places);
}

/* As it is at the time of the next look. */
static struct event connection(enum conn_cause cause, int64_t time_ns, int64_t wait_ns)
{
	struct event event = {
		.kind = RECORD_WAITING,
		.conn = {.role = ROLE_SERVER, .netns = 1, .local_port = 80},
		.cause = cause,
		.time_ns = time_ns,
		.accepted = cause == CAUSE_NEVER_ACCEPTED ? NO : YES,
		.accept_wait_ns = wait_ns,
		.close_wait_ns = wait_ns,
	};

	if (cause != CAUSE_NEVER_ACCEPTED) {
		event.conn.owner = (struct conn_task){.pid = 10, .comm = "server"};
		event.conn.close_wait_ns = (uint64_t)(time_ns - wait_ns);
		event.conn.established_ns = event.conn.close_wait_ns - 3 * SEC;
	}
	look_ns = time_ns;
	return event;
}

static void take(struct pair *pair, struct reading *reading, enum conn_cause cause, int count,
		 int64_t time_ns, int64_t wait_ns)
{
	struct event event = connection(cause, time_ns, wait_ns);

	reading_begin(reading, pair->before == reading ? pair->now : pair->before);
	for (int i = 0; i < count; i++)
		reading_add(reading, &event);
	reading_end(reading, NULL, &pair->recent, pair->places);
}

static struct evidence make(const struct pair *pair)
{
	struct evidence evidence;

	evidence_make(&evidence, pair->now, pair->before, 0, &thresholds, 0);
	return evidence;
}

static void rates_are_of_two_readings(void **state)
{
	struct pair pair = make_pair();
	struct evidence evidence;

	(void)state;
	listener.queued = 5;
	listener.drops = 100;
	listener_event.accepts = 1000;
	listener_event.errors[0] = (struct accept_error){24, 50};
	listener_event.error_count = 1;
	take(&pair, pair.before, CAUSE_NEVER_ACCEPTED, 2, 10 * SEC, SEC);
	listener.drops = 104;
	listener_event.accepts = 1006;
	listener_event.errors[0].count = 60;
	listener_event.errors[1] = (struct accept_error){23, 4}; /* there was none of it before */
	listener_event.error_count = 2;
	take(&pair, pair.now, CAUSE_NEVER_ACCEPTED, 6, 12 * SEC, 3 * SEC);
	evidence = make(&pair);
	assert_int_equal(evidence.interval_ns, 2 * SEC);
	assert_int_equal(evidence.waits[CAUSE_NEVER_ACCEPTED].count, 6);
	assert_int_equal(evidence.waits[CAUSE_NEVER_ACCEPTED].before, 2);
	assert_int_equal(evidence.waits[CAUSE_NEVER_ACCEPTED].oldest_ns, 3 * SEC);
	assert_int_equal(evidence.waits[CAUSE_NEVER_ACCEPTED].oldest_before_ns, SEC);
	assert_true(evidence.growth == 2);
	assert_true(evidence.listeners[0].drops == 2);
	assert_true(evidence.listeners[0].accepts == 3);
	assert_true(evidence.listeners[0].errors[0].rate == 5);
	assert_true(evidence.listeners[0].errors[1].rate == 2);
	/* What was dropped before the queue was seen full is left out. */
	assert_int_equal(evidence.listeners[0].drops_while_full, 4);
	free_pair(&pair);
}

/* What it waited in the queue is not of the process that has it since then. */
static void close_waits_begin_with_accept(void **state)
{
	struct pair pair = make_pair();
	struct event event = connection(CAUSE_NOT_READING, 40 * SEC, 30 * SEC);
	struct evidence evidence;

	(void)state;
	event.conn.accepted_ns = 38 * SEC;
	take(&pair, pair.before, CAUSE_NOT_READING, 1, 39 * SEC, SEC);
	reading_begin(pair.now, pair.before);
	reading_add(pair.now, &event);
	reading_end(pair.now, NULL, &pair.recent, pair.places);
	evidence = make(&pair);
	assert_int_equal(evidence.waits[CAUSE_NOT_READING].oldest_ns, 2 * SEC);
	free_pair(&pair);
}

static void one_reading_has_no_rates(void **state)
{
	struct pair pair = make_pair();
	struct evidence evidence;

	(void)state;
	listener.queued = 5;
	listener.drops = 100;
	take(&pair, pair.now, CAUSE_NEVER_ACCEPTED, 6, 12 * SEC, 3 * SEC);
	evidence = make(&pair);
	assert_true(evidence.interval_ns == UNKNOWN);
	assert_true(isnan(evidence.growth));
	assert_true(isnan(evidence.listeners[0].drops));
	assert_true(isnan(evidence.listeners[0].accepts));
	assert_int_equal(evidence.listeners[0].drops_while_full, 0);
	free_pair(&pair);
}

static struct thread_record thread(uint32_t tid, uint32_t state, uint64_t switches, uint64_t run_ns,
				   uint64_t delay_ns)
{
	return (struct thread_record){.pid = 10,
				      .tid = tid,
				      .state = state,
				      .switches = switches,
				      .run_ns = run_ns,
				      .delay_ns = delay_ns,
				      .comm = "worker"};
}

static struct thread_record slept(struct thread_record thread, uint64_t sleeps)
{
	thread.sleeps = sleeps;
	return thread;
}

static void add_threads(struct pair *pair, struct reading *reading,
			const struct thread_record *threads, size_t count, int64_t now_ns)
{
	for (size_t i = 0; i < count; i++)
		reading_add_thread(reading, reading == pair->now ? pair->before : pair->now,
				   &threads[i], NULL);
	reading_end_threads(reading, now_ns);
}

/* Two readings, two seconds apart, of two connections that are not read and of these threads. */
static void read_threads(struct pair *pair, const struct thread_record *before, size_t before_count,
			 const struct thread_record *now, size_t now_count)
{
	take(pair, pair->before, CAUSE_NOT_READING, 2, 10 * SEC, SEC);
	add_threads(pair, pair->before, before, before_count, 10 * SEC);
	take(pair, pair->now, CAUSE_NOT_READING, 2, 12 * SEC, 3 * SEC);
	add_threads(pair, pair->now, now, now_count, 12 * SEC);
}

static void threads_that_did_not_run_are_stuck(void **state)
{
	const struct thread_record before[] = {thread(13, 2, 7, 100, 0), thread(11, 2, 7, 100, 0),
					       thread(12, 0, 7, 0, 0)};
	const struct thread_record now[] = {thread(11, 2, 7, 100, 0),
					    slept(thread(12, 0, 9, SEC, SEC / 2), 1),
					    thread(13, 2, 8, 100, 0), thread(14, 2, 1, 1, 0)};
	struct pair pair = make_pair();
	const struct evidence_process *process;
	struct evidence evidence;

	(void)state;
	read_threads(&pair, before, 3, now, 4);
	evidence = make(&pair);
	assert_int_equal(evidence.process_count, 1);
	process = &evidence.processes[0];
	assert_true(process->owns);
	assert_int_equal(process->threads, 4);
	assert_false(process->main.known); /* there is no thread 10 */
	/* 13 has run meanwhile, 14 is new. */
	assert_int_equal(process->groups[THREAD_DISK].count, 3);
	assert_int_equal(process->groups[THREAD_DISK].before, 2);
	assert_int_equal(process->groups[THREAD_DISK].stuck, 1);
	assert_int_equal(process->groups[THREAD_DISK].tid, 11);
	assert_int_equal(process->groups[THREAD_RUNNING].stuck, 0);
	assert_true(process->running == 0.5);
	assert_true(process->delayed == 0.25);
	free_pair(&pair);
}

/* Whatever others do; whether it has run meanwhile shows at the second reading. */
static void the_first_thread_is_known(void **state)
{
	const struct thread_record before[] = {thread(10, 2, 7, 100, 0), thread(11, 0, 7, 0, 0)};
	struct thread_record now[] = {thread(10, 2, 7, 100, 0), thread(11, 0, 9, SEC, 0)};
	struct pair pair = make_pair();
	struct evidence evidence;

	(void)state;
	read_threads(&pair, before, 2, now, 2);
	evidence = make(&pair);
	assert_true(evidence.processes[0].main.known);
	assert_int_equal(evidence.processes[0].main.wait, THREAD_DISK);
	assert_true(evidence.processes[0].main.stuck);
	free_pair(&pair);
	pair = make_pair();
	now[0].switches = 8;
	read_threads(&pair, before, 2, now, 2);
	evidence = make(&pair);
	assert_int_equal(evidence.processes[0].main.wait, THREAD_DISK);
	assert_false(evidence.processes[0].main.stuck);
	free_pair(&pair);
}

/* Of those that run, one that has not slept is shown. */
static void threads_that_did_not_sleep_are_awake(void **state)
{
	const struct thread_record before[] = {thread(11, 0, 7, 100, 0), thread(12, 0, 7, 100, 0),
					       thread(13, 1, 7, 100, 0)};
	const struct thread_record now[] = {slept(thread(11, 0, 9, SEC, 0), 1),
					    thread(12, 0, 9, SEC, 0), thread(13, 0, 9, SEC, 0)};
	struct pair pair = make_pair();
	struct evidence evidence;

	(void)state;
	read_threads(&pair, before, 3, now, 3);
	evidence = make(&pair);
	assert_int_equal(evidence.processes[0].groups[THREAD_RUNNING].count, 3);
	assert_int_equal(evidence.processes[0].groups[THREAD_RUNNING].awake, 1);
	assert_int_equal(evidence.processes[0].groups[THREAD_RUNNING].tid, 12);
	free_pair(&pair);
}

/* The kernel counts a wait for a CPU when it is over; one that began before does not count twice.
 */
static void waits_for_a_cpu_are_of_the_time_between(void **state)
{
	const struct {
		struct thread_record before, now;
		double running, delayed;
	} cases[] = {
		{thread(10, 0, 7, 0, SEC), thread(10, 0, 8, SEC / 2, SEC), 0.25, 0.75},
		{thread(10, 0, 7, 0, SEC), thread(10, 1, 8, SEC / 2, 9 * SEC), 0.25, 0.75},
		{thread(10, 1, 7, 0, SEC), thread(10, 0, 8, SEC / 2, SEC), 0.25, 0},
		{slept(thread(10, 0, 7, 0, SEC), 1), slept(thread(10, 0, 8, SEC / 2, SEC), 2), 0.25,
		 0},
		/* By a few microseconds more than there was time, since it is read a little later.
		 */
		{thread(10, 0, 7, 0, SEC), thread(10, 0, 8, 2 * SEC + 9999, SEC), 1.0000049995, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair pair = make_pair();
		struct evidence evidence;

		read_threads(&pair, &cases[i].before, 1, &cases[i].now, 1);
		evidence = make(&pair);
		assert_true(fabs(evidence.processes[0].running - cases[i].running) < 1e-9);
		assert_true(fabs(evidence.processes[0].delayed - cases[i].delayed) < 1e-9);
		free_pair(&pair);
	}
}

/* Of those that slept by the kernel's count, of those that did not by the time that they lack. */
static void the_longest_wait_is_that_of_one_thread(void **state)
{
	const struct {
		struct thread_record before[2], now[2];
		double delayed, most;
	} cases[] = {
		{{thread(10, 1, 7, 0, SEC), thread(11, 1, 7, 0, SEC)},
		 {thread(10, 1, 9, 0, SEC + SEC / 2), thread(11, 1, 9, 0, SEC + SEC / 4)},
		 0.375,
		 0.25},
		{{thread(10, 0, 7, 0, 0), thread(11, 0, 7, 0, 0)},
		 {thread(10, 0, 9, SEC, 0), thread(11, 0, 9, SEC / 2, 0)},
		 1.25,
		 0.75},
		{{thread(10, 0, 7, 0, 0), thread(11, 1, 7, 0, SEC)},
		 {thread(10, 0, 9, SEC, 0), thread(11, 1, 9, 0, SEC + SEC / 4)},
		 0.625,
		 0.5},
		/* One that began before the last reading. */
		{{thread(10, 1, 7, 0, 0), thread(11, 1, 7, 0, 0)},
		 {thread(10, 1, 9, 0, 3 * SEC), thread(11, 1, 9, 0, 0)},
		 1.5,
		 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair pair = make_pair();
		struct evidence evidence;

		read_threads(&pair, cases[i].before, 2, cases[i].now, 2);
		evidence = make(&pair);
		assert_true(evidence.processes[0].delayed == cases[i].delayed);
		assert_true(evidence.processes[0].delayed_most == cases[i].most);
		free_pair(&pair);
	}
}

/* Of the longest wait, and of the one that it is: in the queue or in CLOSE_WAIT. */
static void a_wait_older_than_the_daemon_is_a_lower_bound(void **state)
{
	struct pair pair = make_pair();
	struct event event = connection(CAUSE_NOT_READING, 10 * SEC, 2 * SEC);
	const struct evidence_waits *waits;

	(void)state;
	reading_begin(pair.now, pair.before);
	event.at_least = true; /* it began before, but its FIN was seen */
	reading_add(pair.now, &event);
	waits = pair.now->services[0].waits;
	assert_false(waits[CAUSE_NOT_READING].oldest_at_least);
	event.close_wait_at_least = true;
	event.close_wait_ns = SEC; /* not the longest */
	event.conn.close_wait_ns += SEC;
	reading_add(pair.now, &event);
	assert_false(waits[CAUSE_NOT_READING].oldest_at_least);
	event.close_wait_ns = 3 * SEC;
	event.conn.close_wait_ns -= 2 * SEC;
	reading_add(pair.now, &event);
	assert_true(waits[CAUSE_NOT_READING].oldest_at_least);
	event = connection(CAUSE_NEVER_ACCEPTED, 10 * SEC, 2 * SEC);
	event.at_least = true;
	reading_add(pair.now, &event);
	assert_true(waits[CAUSE_NEVER_ACCEPTED].oldest_at_least);
	free_pair(&pair);
}

/* A client's server may say so before it closes; more than that its program should have read. */
static void a_farewell_is_no_unread_data(void **state)
{
	const struct {
		enum conn_role role;
		int64_t unread_bytes;
		uint64_t unread, kept;
	} cases[] = {
		{ROLE_CLIENT, 0, 0, 1},	      {ROLE_CLIENT, 512, 0, 1}, {ROLE_CLIENT, 513, 1, 0},
		{ROLE_CLIENT, UNKNOWN, 0, 1}, {ROLE_SERVER, 0, 0, 0},	{ROLE_SERVER, 1, 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair pair = make_pair();
		struct event event = connection(CAUSE_NOT_READING, 10 * SEC, 2 * SEC);

		event.conn.role = cases[i].role;
		event.unread_bytes = cases[i].unread_bytes;
		reading_begin(pair.now, pair.before);
		reading_add(pair.now, &event);
		assert_int_equal(pair.now->services[0].waits[CAUSE_NOT_READING].unread,
				 cases[i].unread);
		assert_int_equal(pair.now->services[0].kept, cases[i].kept);
		free_pair(&pair);
	}
}

static struct thread_record of(uint32_t pid, struct thread_record thread)
{
	thread.pid = pid;
	return thread;
}

/* Each on two CPUs: two that own what waits, and one that only listens. */
static void processes_of_a_service_share_its_cpus(void **state)
{
	static const struct holder holders[] = {{.pid = 10}, {.pid = 11}, {.pid = 12}};
	const struct thread_record before[] = {of(10, thread(10, 0, 7, 0, 0)),
					       of(11, thread(11, 0, 7, 0, 0)),
					       of(12, thread(12, 0, 7, 0, 0))};
	const struct thread_record now[] = {of(10, thread(10, 0, 9, SEC, 0)),
					    of(11, thread(11, 0, 9, SEC / 2, 0)),
					    of(12, thread(12, 0, 9, SEC / 4, 0))};
	const double spare[] = {1.25, 1.25, 1.125};
	struct event event = connection(CAUSE_NOT_READING, 10 * SEC, 2 * SEC);
	struct event queued = connection(CAUSE_NEVER_ACCEPTED, 10 * SEC, 2 * SEC);
	struct pair pair = make_pair();
	struct evidence evidence;

	(void)state;
	listener_event.holders = holders;
	listener_event.holder_count = 3;
	for (int i = 0; i < 2; i++) {
		struct reading *reading = i ? pair.now : pair.before;

		reading_begin(reading, i ? pair.before : pair.now);
		for (uint32_t pid = 10; pid <= 11; pid++) {
			event.conn.owner.pid = pid;
			reading_add(reading, &event);
		}
		reading_add(reading, &queued);
		reading_end(reading, NULL, &pair.recent, pair.places);
		add_threads(&pair, reading, i ? now : before, 3, i ? 12 * SEC : 10 * SEC);
	}
	for (size_t i = 0; i < 3; i++)
		pair.now->processes[i].seen.cpus = 2;
	evidence = make(&pair);
	assert_int_equal(evidence.process_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(evidence.processes[i].spare == spare[i]);
	pair.now->processes[0].seen.cpus = 0;
	assert_true(isnan(make(&pair).processes[0].spare));
	free_pair(&pair);
}

/* A quota that stops it in each period, for a tenth of it. */
static void a_quota_takes_what_it_withholds(void **state)
{
	struct pair pair = make_pair();
	struct process_reading *before, *now;
	struct evidence evidence;

	(void)state;
	read_threads(&pair, NULL, 0, NULL, 0);
	before = &pair.before->processes[0];
	now = &pair.now->processes[0];
	now->throttles = (struct proc_throttles){.path = "/a/b", .count = 2};
	now->throttles.levels[0].length = 4;
	now->throttles.levels[1].length = 2;
	before->throttles = now->throttles;
	evidence = make(&pair);
	assert_true(evidence.processes[0].throttled == 0 && evidence.processes[0].withheld == 0);
	/* The outer one did throttle, and much more, but not now. */
	before->throttles.levels[0].throttle = (struct proc_throttle){100, 50, 1000000};
	now->throttles.levels[0].throttle = (struct proc_throttle){120, 70, 1200000};
	before->throttles.levels[1].throttle = (struct proc_throttle){900, 800, 90000000};
	now->throttles.levels[1].throttle = (struct proc_throttle){920, 801, 90000001};
	evidence = make(&pair);
	assert_string_equal(evidence.processes[0].throttled_by, "/a/b");
	assert_true(evidence.processes[0].throttled == 1);
	assert_true(fabs(evidence.processes[0].withheld - 0.1) < 1e-9);
	now->throttles.levels[0].throttle = before->throttles.levels[0].throttle;
	evidence = make(&pair);
	assert_string_equal(evidence.processes[0].throttled_by, "/a");
	assert_true(fabs(evidence.processes[0].throttled - 0.05) < 1e-9);
	/* In another cgroup. */
	before->throttles.path[1] = 'c';
	evidence = make(&pair);
	assert_true(isnan(evidence.processes[0].throttled));
	/* Of a long path the end is told: that is its name. */
	memset(now->throttles.path, 'x', 300);
	strcpy(now->throttles.path + 300, "/name.scope/y");
	now->throttles.levels[0].length = 311;
	before->throttles = now->throttles;
	now->throttles.levels[0].throttle = (struct proc_throttle){140, 90, 1400000};
	evidence = make(&pair);
	assert_int_equal(strlen(evidence.processes[0].throttled_by), 127);
	assert_memory_equal(evidence.processes[0].throttled_by, "...x", 4);
	assert_string_equal(evidence.processes[0].throttled_by + 115, "x/name.scope");
	free_pair(&pair);
}

/* Who accepts speaks for a listener, not the master that opened it; and an heir for nothing. */
static void who_accepts_is_named(void **state)
{
	static const struct holder holders[] = {{.pid = 1, .comm = "master"},
						{.pid = 20, .comm = "worker"},
						{.pid = 30, .comm = "pool"}};
	struct pair pair = make_pair();
	struct evidence evidence;

	(void)state;
	listener_event.holders = holders;
	listener_event.holder_count = 3;
	listener.queued = 2;
	take(&pair, pair.now, CAUSE_NEVER_ACCEPTED, 2, 10 * SEC, SEC);
	evidence = make(&pair);
	assert_int_equal(evidence.listeners[0].holder, 30); /* the youngest */
	assert_int_equal(evidence.listeners[0].holders, 3);
	listener_event.acceptors[0] = 20;
	listener_event.acceptor_count = 1;
	take(&pair, pair.now, CAUSE_NEVER_ACCEPTED, 2, 10 * SEC, SEC);
	evidence = make(&pair);
	assert_int_equal(evidence.listeners[0].holder, 20);
	assert_string_equal(evidence.listeners[0].comm, "worker");
	assert_int_equal(evidence.process_count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(evidence.processes[i].listens);
		assert_int_equal(evidence.processes[i].accepts, evidence.processes[i].pid == 20);
	}
	free_pair(&pair);
}

static const struct evidence_process *process_of(const struct evidence *evidence, uint32_t pid)
{
	for (size_t i = 0; i < evidence->process_count; i++) {
		if (evidence->processes[i].pid == pid)
			return &evidence->processes[i];
	}
	return NULL;
}

/* A process for each connection: the one that accepted has closed it, and has nothing to do. */
static void who_was_handed_a_connection_owns_it(void **state)
{
	struct holder holders[] = {{.pid = 20, .comm = "worker"}, {.pid = 10, .comm = "server"}};
	struct event event = connection(CAUSE_NOT_READING, 10 * SEC, 2 * SEC);
	struct pair pair = make_pair();
	struct evidence evidence;

	(void)state;
	event.holders = holders;
	event.holder_count = 1;
	reading_begin(pair.now, pair.before);
	reading_add(pair.now, &event);
	reading_end(pair.now, NULL, &pair.recent, pair.places);
	evidence = make(&pair);
	assert_null(process_of(&evidence, 10));
	assert_true(process_of(&evidence, 20)->owns);
	assert_true(process_of(&evidence, 20)->inherits);
	/* It has accepted another one itself. */
	event.conn.owner.pid = 20;
	reading_add(pair.now, &event);
	evidence = make(&pair);
	assert_false(process_of(&evidence, 20)->inherits);
	/* Who has it still is who lets it wait. */
	event.conn.owner.pid = 10;
	event.holder_count = 2;
	reading_begin(pair.now, pair.before);
	reading_add(pair.now, &event);
	reading_end(pair.now, NULL, &pair.recent, pair.places);
	evidence = make(&pair);
	assert_true(process_of(&evidence, 10)->owns);
	assert_null(process_of(&evidence, 20));
	free_pair(&pair);
}

/* Who has it open is told of what nobody reads to its end, but for what is still to be read. */
static void who_keeps_what_is_dropped_is_known(void **state)
{
	struct holder holders[] = {{.pid = 10, .fd = 7}, {.pid = 20, .fd = 7}};
	struct event event = connection(CAUSE_NOT_READING, 10 * SEC, 2 * SEC);
	struct pair pair = make_pair();
	struct evidence evidence;

	(void)state;
	event.holders = holders;
	event.holder_count = 2;
	event.unread_bytes = 2;
	reading_begin(pair.now, pair.before);
	reading_add(pair.now, &event);
	reading_count(pair.now, &event);
	assert_int_equal(make(&pair).fin_only.pid, 0);
	assert_int_equal(make(&pair).fin_only.unseen, 0);
	event.unread_bytes = 0;
	reading_add(pair.now, &event);
	reading_count(pair.now, &event);
	evidence = make(&pair);
	assert_int_equal(evidence.fin_only.pid, 10);
	assert_int_equal(evidence.fin_only.fd, 7);
	assert_int_equal(evidence.fin_only.held_by_others, 1);
	assert_int_equal(evidence.fin_only.unseen, 1);
	assert_int_equal(evidence.leak.pid, 0);
	assert_null(process_of(&evidence, 20));
	free_pair(&pair);
}

static void take_kept(struct pair *pair, int count, int64_t time_ns)
{
	struct reading *other = pair->before;

	pair->before = pair->now;
	pair->now = other;
	take(pair, pair->now, CAUSE_NOT_CLOSING, count, time_ns, SEC);
}

static void growth_is_of_readings_without_a_fall(void **state)
{
	struct pair pair = make_pair();

	(void)state;
	for (int i = 1; i <= 4; i++) {
		take_kept(&pair, i, i * SEC);
		assert_int_equal(make(&pair).growing, i - 1);
	}
	take_kept(&pair, 4, 5 * SEC); /* a slow leak has no more each second */
	assert_int_equal(make(&pair).growing, 3);
	take_kept(&pair, 5, 60 * SEC);
	assert_int_equal(make(&pair).growing, 4);
	take_kept(&pair, 4, 61 * SEC);
	assert_int_equal(make(&pair).growing, 0);
	take_kept(&pair, 5, 62 * SEC);
	assert_int_equal(make(&pair).growing, 1);
	take_kept(&pair, 5, 122 * SEC);
	assert_int_equal(make(&pair).growing, 0);
	free_pair(&pair);
}

/* The oldest of them, and of the others how many began after its FIN. */
static void take_with_oldest(struct pair *pair, int64_t time_ns, int64_t oldest_fin_ns, int younger)
{
	struct event event = connection(CAUSE_NOT_CLOSING, time_ns, time_ns - oldest_fin_ns);
	struct reading *other = pair->before;

	pair->before = pair->now;
	pair->now = other;
	reading_begin(pair->now, pair->before);
	reading_add(pair->now, &event);
	reading_add(pair->now, &event);
	event.conn.established_ns = (uint64_t)oldest_fin_ns + 1;
	event.conn.close_wait_ns = (uint64_t)oldest_fin_ns + 2;
	for (int i = 0; i < younger; i++)
		reading_add(pair->now, &event);
	event.conn.flags = CONN_OLD; /* it may have begun before */
	reading_add(pair->now, &event);
	reading_end(pair->now, NULL, &pair->recent, pair->places);
}

static void what_began_after_the_oldest_ended_is_younger(void **state)
{
	struct pair pair = make_pair();

	(void)state;
	take_with_oldest(&pair, 10 * SEC, 8 * SEC, 2);
	assert_int_equal(make(&pair).younger, 0); /* which is the oldest, the next reading knows */
	take_with_oldest(&pair, 11 * SEC, 8 * SEC, 3);
	assert_int_equal(make(&pair).younger, 3);
	take_with_oldest(&pair, 12 * SEC, 9 * SEC, 3); /* it was closed */
	assert_int_equal(make(&pair).younger, 0);
	free_pair(&pair);
}

static void recent_closes_count_beside_what_waits(void **state)
{
	struct pair pair = make_pair();
	struct event event = connection(CAUSE_NOT_READING, 10 * SEC, 2 * SEC);
	struct evidence evidence;

	(void)state;
	event.kind = RECORD_CLOSED;
	event.conn.end = END_CLOSE;
	recent_add(&pair.recent, &event, &thresholds, SEC); /* too long ago */
	recent_add(&pair.recent, &event, &thresholds, 10 * SEC);
	event.cause = CAUSE_STILL_SENDING; /* its peer has not given up */
	recent_add(&pair.recent, &event, &thresholds, 10 * SEC);
	event.cause = CAUSE_NOT_READING;
	event.conn.end = END_EXIT; /* it does not go on */
	recent_add(&pair.recent, &event, &thresholds, 10 * SEC);
	event.conn.end = END_RESET_BY_PEER; /* nor did it do anything */
	event.tx_bytes_after_fin = 0;
	recent_add(&pair.recent, &event, &thresholds, 10 * SEC);
	event.tx_bytes_after_fin = UNKNOWN;
	recent_add(&pair.recent, &event, &thresholds, 10 * SEC);
	event.conn.end = END_TIMEOUT;
	recent_add(&pair.recent, &event, &thresholds, 10 * SEC);
	event.conn.end = END_CLOSE;
	event.close_wait_ns = SEC - 1; /* not slow */
	recent_add(&pair.recent, &event, &thresholds, 10 * SEC);
	take(&pair, pair.now, CAUSE_NOT_READING, 2, 11 * SEC, 2 * SEC);
	evidence = make(&pair);
	assert_int_equal(evidence.until_fin.count, 3);
	assert_int_equal(evidence.until_fin.closed, 1);
	assert_int_equal(evidence.until_fin.p50_ns, 3 * SEC);
	free_pair(&pair);
}

/* A peer that closed its socket at its timeout: the answer meets a reset, before it is closed. */
static void an_answer_that_meets_a_reset_is_an_end(void **state)
{
	struct pair pair = make_pair();
	struct event event = connection(CAUSE_NOT_READING, 10 * SEC, 2 * SEC);
	struct evidence evidence;

	(void)state;
	event.kind = RECORD_CLOSED;
	event.conn.end = END_RESET_BY_PEER;
	event.tx_bytes_after_fin = 44;
	recent_add(&pair.recent, &event, &thresholds, 10 * SEC);
	event.cause = CAUSE_STILL_SENDING; /* it has read the FIN before: its peer took nothing */
	recent_add(&pair.recent, &event, &thresholds, 10 * SEC);
	take(&pair, pair.now, CAUSE_NOT_READING, 2, 11 * SEC, 2 * SEC);
	evidence = make(&pair);
	assert_int_equal(evidence.until_fin.count, 4);
	assert_int_equal(evidence.until_fin.closed, 2);
	free_pair(&pair);
}

/* Of times that are about 2 and 3 seconds: where most of them are. */
static void times_that_are_alike_are_found(void **state)
{
	static const int64_t ms[] = {1999, 2000, 2199, 2200, 2901, 3000, 3001, 3190, 3191, 60};
	struct pair pair = make_pair();
	struct evidence evidence;

	(void)state;
	take(&pair, pair.now, CAUSE_NOT_READING, 1, 10 * SEC, SEC);
	for (size_t i = 0; i < 10; i++)
		pair.now->services[0].until_fin_ns[i] = ms[i] * NSEC_PER_MSEC;
	pair.now->services[0].until_fin_count = 10;
	pair.now->services[0].closed_count = 5;
	evidence = make(&pair);
	assert_int_equal(evidence.until_fin.alike, 5);
	assert_int_equal(evidence.until_fin.alike_closed, 1);
	assert_int_equal(evidence.until_fin.alike_from_ns, 2901 * NSEC_PER_MSEC);
	assert_int_equal(evidence.until_fin.alike_to_ns, 3191 * NSEC_PER_MSEC);
	free_pair(&pair);
}

/* Any number of services and processes: what is beyond the bounds is counted. */
static void everything_is_bounded(void **state)
{
	struct pair pair = make_pair();

	(void)state;
	reading_begin(pair.now, pair.before);
	for (int i = 0; i < 100; i++) {
		struct event event = connection(CAUSE_NOT_READING, 10 * SEC, 2 * SEC);

		event.conn.local_port = (uint16_t)(100 + i);
		for (uint32_t pid = 1; pid <= 20; pid++) {
			event.conn.owner.pid = 100 * (uint32_t)i + pid;
			reading_add(pair.now, &event);
			reading_add(pair.now, &event); /* another of the same process */
		}
	}
	reading_end(pair.now, NULL, &pair.recent, pair.places);
	assert_int_equal(pair.now->service_count, READING_SERVICES_MAX);
	assert_int_equal(pair.now->services_left_out, 36 * 20 * 2);
	assert_int_equal(pair.now->process_count, READING_PROCESSES_MAX);
	assert_int_equal(pair.now->processes_left_out, 64 * 16 - 64);
	assert_int_equal(pair.now->services[0].processes_left_out, 4);
	free_pair(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_of_two_readings),
		cmocka_unit_test(close_waits_begin_with_accept),
		cmocka_unit_test(one_reading_has_no_rates),
		cmocka_unit_test(threads_that_did_not_run_are_stuck),
		cmocka_unit_test(the_first_thread_is_known),
		cmocka_unit_test(threads_that_did_not_sleep_are_awake),
		cmocka_unit_test(waits_for_a_cpu_are_of_the_time_between),
		cmocka_unit_test(the_longest_wait_is_that_of_one_thread),
		cmocka_unit_test(a_wait_older_than_the_daemon_is_a_lower_bound),
		cmocka_unit_test(a_farewell_is_no_unread_data),
		cmocka_unit_test(processes_of_a_service_share_its_cpus),
		cmocka_unit_test(a_quota_takes_what_it_withholds),
		cmocka_unit_test(who_accepts_is_named),
		cmocka_unit_test(who_was_handed_a_connection_owns_it),
		cmocka_unit_test(who_keeps_what_is_dropped_is_known),
		cmocka_unit_test(growth_is_of_readings_without_a_fall),
		cmocka_unit_test(what_began_after_the_oldest_ended_is_younger),
		cmocka_unit_test(recent_closes_count_beside_what_waits),
		cmocka_unit_test(an_answer_that_meets_a_reset_is_an_end),
		cmocka_unit_test(times_that_are_alike_are_found),
		cmocka_unit_test(everything_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A local user without any privilege does what he can: memory and CPU of the daemon are bounded,
 * it answers, and what others do is still told right.
 */
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "child.h"
#include "command.h"
#include "expect.h"
#include "netns.h"
#include "sockets.h"
#include "suite.h"

#define NOBODY 65534

/* Resident at most, with 20,000 connections that wait: docs/benchmark.md. */
#define RESIDENT_MAX (64LL * 1024 * 1024)

/* Of one CPU, while nobody asks; that of sanitizers is not the daemon's. */
#define BUSY_MAX 0.5

static struct program command;

static void become_nobody(void)
{
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		child_fail("becoming nobody");
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* which the change has taken away */
}

/* While what the user has made is there: seconds in which it is looked at. */
static void expect_bounded(const char *what)
{
	int64_t cpu = service_cpu_ns(), begun = now_ns(), longest = 0;
	long long resident;
	double busy;

	for (int i = 0; i < 15; i++) {
		int64_t asked = now_ns();

		json_decref(service_get("/healthz"));
		if (now_ns() - asked > longest)
			longest = now_ns() - asked;
		pass_ms(200);
	}
	busy = (double)(service_cpu_ns() - cpu) / (double)(now_ns() - begun);
	json_decref(service_get("/v1/summary?window=start"));
	json_decref(service_get("/v1/diagnosis"));
	json_decref(service_list("/v1/listeners"));
	json_decref(service_list("/v1/connections"));
	resident = service_number("memory.resident_bytes");
	print_message(
		"           %s: %.0f %% of a CPU, slowest answer %.0f ms, %lld MiB resident\n",
		what, busy * 100, (double)longest / 1e6, resident >> 20);
	assert_true(!MEMORY_IS_ITS_OWN || resident < RESIDENT_MAX);
	assert_true(!MEMORY_IS_ITS_OWN || busy < BUSY_MAX);
}

/* The exposition: each line a comment, or a name, labels in quotes that are closed, and a number.
 */
static void expect_metrics_parse(const char *text)
{
	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		const char *end = strchr(line, '\n'), *at = line;
		bool quoted = false;
		char *rest;

		assert_non_null(end);
		if (*line == '#')
			continue;
		for (; at < end && (quoted || *at != ' '); at++) {
			assert_true((unsigned char)*at >= ' ');
			if (quoted && *at == '\\')
				at++;
			else if (*at == '"')
				quoted = !quoted;
		}
		assert_false(quoted);
		strtod(at, &rest);
		assert_true(rest == end && rest > at);
	}
}

static void expect_metrics(void)
{
	struct http http;

	http_open(&http);
	http_ask(&http, "GET", "/metrics");
	http_read_head(&http, false);
	assert_int_equal(http.status, 200);
	expect_metrics_parse(http_body(&http));
	http_close(&http);
}

#define SERVICES 1500 /* more than the statistics have rows for */

/* Each connection has a port, and each end a name, of its own; the peer has closed. */
static void be_many_services(int channel, int fd)
{
	static struct listener listener;
	char name[16];

	(void)fd;
	become_nobody();
	for (int i = 0; i < SERVICES; i++) {
		int client, server;

		listener_open(&listener, AF_INET, "127.0.0.1", 4);
		client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		snprintf(name, sizeof(name), "%d\x1b\"\n{}", i);
		prctl(PR_SET_NAME, name);
		if (connect(client, (struct sockaddr *)&listener.address, listener.length))
			child_fail("connect");
		server = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC);
		close(client);
		close(listener.fd);
		if (server < 0)
			child_fail("accept");
		if (i % 2)
			close(server);
	}
	child_say(channel, 0, 0, 0);
	child_told(channel);
}

/* A service that was there before keeps its row; all others together are exact. */
static void hostile_services(void **state)
{
	struct listener listener;
	json_t *summary, *row;
	struct child child;
	long long ended;

	(void)state;
	command_service_start();
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	assert_true(connect_once(&listener));
	json_decref(service_get("/v1/summary"));
	child_start(&child, be_many_services, -1);
	child_hear(&child);
	expect_bounded("names and ports");
	expect_metrics();
	assert_true(connect_once(&listener));
	summary = service_get("/v1/summary?window=start");
	assert_true(service_number("rows.service") <= service_number("rows.limit"));
	assert_true(number_at(summary, "other.ended") > 0);
	row = row_of(summary, "server", listener.port);
	assert_non_null(row);
	assert_int_equal(number_at(row, "ended"), 2);
	json_decref(summary);
	summary = service_get("/v1/summary?window=start");
	ended = number_at(summary, "total.ended");
	assert_true(ended >= 2 * (SERVICES / 2) + 4); /* the other clients can end later */
	json_decref(summary);
	assert_int_equal(command_run(&command, "report"), 0);
	command_expect_harmless(&command);
	assert_int_equal(command_run(&command, "list"), 0);
	command_expect_harmless(&command);
	child_kill(&child);
	close(listener.fd);
	command_service_start();
}

#define READERS 400

/* So many ask for much and read only how it begins, until one is refused; returns how many. */
static int ask_without_reading(struct http readers[READERS])
{
	for (int i = 0; i < READERS; i++) {
		http_open(&readers[i]);
		http_ask(&readers[i], "GET", "/v1/summary?window=start&histogram");
		http_read_head(&readers[i], false);
		if (readers[i].status == 200)
			continue;
		assert_int_equal(readers[i].status, 503);
		assert_non_null(strstr(http_body(&readers[i]), "nobody has read yet"));
		return i + 1;
	}
	fail_msg("nobody was refused");
	return 0;
}

static struct cgroup little_memory;

/*
 * As if the machine had that much memory, by which the service bounds what it keeps: so few readers
 * are enough that the first of them are not given up meanwhile, after five seconds. Where there is
 * no such limit it takes more of them.
 */
static void start_with_little_memory(void)
{
	cgroup_make(&little_memory, "memory", "slowclose-e2e-readers");
	cgroup_limit_memory(&little_memory, 64LL << 20);
	assert_true(cgroup_enter(&little_memory));
	command_service_start();
	assert_true(cgroup_leave(&little_memory));
	cgroup_limit_memory(&little_memory, -1);
}

/* The answers to those who may ask are kept until they read them: not without a bound. */
static void hostile_readers(void **state)
{
	static struct http readers[READERS];
	long long before, growth;
	struct child child;
	int refused[2];

	(void)state;
	start_with_little_memory();
	child_start(&child, be_many_services, -1);
	child_hear(&child);
	json_decref(service_get("/v1/summary?window=start&histogram"));
	before = service_number("memory.resident_bytes");
	for (int round = 0; round < 2; round++) {
		refused[round] = ask_without_reading(readers);
		json_decref(service_get("/healthz")); /* is short */
		for (int i = 0; i < refused[round]; i++)
			http_close(&readers[i]);
		/* With them goes what was counted, all of it. */
		json_decref(service_get("/v1/summary?window=start&histogram"));
	}
	growth = service_number("memory.resident_bytes") - before;
	print_message("           %d readers, then %d until one was refused; %lld MiB more "
		      "resident\n",
		      refused[0], refused[1], growth >> 20);
	assert_in_range(refused[1], refused[0] * 4 / 5, refused[0] * 6 / 5);
	child_kill(&child);
	command_service_start();
	cgroup_remove(&little_memory);
}

#define LISTENERS 6000
#define QUEUED 4000
#define ACCEPTS_LEFT 3000
#define LOOKS_COUNTED 4

enum listening { ALONE, APART, TOGETHER, LEFT };

/* Something waits in the queues of most, */
static void fill_queues(const struct listener *first)
{
	for (int i = 0; i < 3 * LISTENERS / 2; i++) {
		int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (connect(client, (struct sockaddr *)&first->address, first->length) &&
		    errno != EINPROGRESS)
			child_fail("connect");
	}
}

/* and processes have accepted something of their port that are gone. */
static void leave_accepts(const struct listener *first)
{
	struct listener elsewhere = *first, there;

	((struct sockaddr_in *)&elsewhere.address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	listener_open_shared(&there, &elsewhere, 1);
	for (int i = 0; i < ACCEPTS_LEFT; i++) {
		int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		pid_t pid;

		if (connect(client, (struct sockaddr *)&there.address, there.length))
			child_fail("connect");
		/* A table of thousands of descriptors is not copied for each. */
		pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
		if (pid == 0)
			_exit(close(accept(there.fd, NULL, NULL)));
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			child_fail("clone");
		close(client);
	}
}

/*
 * One, or many of a port each, or of one port; all that waits is in the queue of the first, unless
 * it is told of processes that are gone.
 */
static void listen_often(int channel, int fd)
{
	enum listening listening = child_told(channel);
	struct listener first, other;

	(void)fd;
	netns_enter_new();
	netns_set("core/somaxconn", "65535");
	become_nobody();
	listener_open_shared(&first, NULL, QUEUED);
	for (int i = 0; listening != LEFT && i < QUEUED; i++) {
		int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(client, (struct sockaddr *)&first.address, first.length))
			child_fail("connect");
	}
	for (int i = 1; listening != ALONE && i < LISTENERS; i++)
		listener_open_shared(&other, listening == APART ? NULL : &first, 1);
	if (listening == LEFT) {
		fill_queues(&first);
		leave_accepts(&first);
	}
	child_say(channel, first.port, (int64_t)netns_inode(), 0);
	child_told(channel);
}

/* What the first of them has: of those of one port, it alone. */
static void expect_queued(const struct message *first)
{
	json_t *lines = service_list("/v1/listeners"), *line;
	bool found = false;
	size_t i;

	json_array_foreach (lines, i, line) {
		if (number_at(line, "netns") != first->before ||
		    number_at(line, "local.port") != first->value || !number_at(line, "queued"))
			continue;
		assert_int_equal(number_at(line, "queued"), QUEUED);
		assert_int_equal(number_at(line, "known"), QUEUED);
		found = true;
	}
	assert_true(found);
	json_decref(lines);
}

/* When something of its port was accepted last is known of those in whose queue something is. */
static void expect_gone(const struct message *first)
{
	json_t *lines = service_list("/v1/listeners"), *line;
	long told = 0;
	size_t i;

	json_array_foreach (lines, i, line) {
		if (number_at(line, "netns") != first->before || !number_at(line, "queued"))
			continue;
		assert_int_equal(number_at(line, "local.port"), first->value);
		told++;
	}
	assert_in_range(told, LISTENERS / 2, LISTENERS);
	json_decref(lines);
}

/* The CPU time that answers take with so many. */
static int64_t cost_of_listeners(enum listening listening, json_t *(*ask)(const char *target),
				 const char *target)
{
	static const char *const names[] = {"a listener", "listeners", "listeners of one port",
					    "listeners of processes that are gone"};
	struct child child;
	struct message first;
	int64_t cost;

	child_start(&child, listen_often, -1);
	child_tell(&child, listening);
	first = child_hear(&child);
	pass_ms(2 * COMMAND_SLOW_MS);
	expect_bounded(names[listening]);
	if (listening == LEFT)
		expect_gone(&first);
	else
		expect_queued(&first);
	cost = service_cpu_ns();
	for (int i = 0; i < LOOKS_COUNTED; i++) {
		json_decref(ask(target));
		pass_ms(600); /* what is younger would be told again */
	}
	cost = service_cpu_ns() - cost;
	child_kill(&child);
	return cost;
}

/* In whose queue a connection is must not be asked of each listener, of the host or of the port. */
static void hostile_listeners(void **state)
{
	static const char summary[] = "/v1/summary";
	int64_t alone, apart, together;

	(void)state;
	command_service_start();
	json_decref(service_get(summary));
	alone = cost_of_listeners(ALONE, service_get, summary);
	apart = cost_of_listeners(APART, service_get, summary);
	together = cost_of_listeners(TOGETHER, service_get, summary);
	print_message("           %d looks: %.0f ms of CPU with one listener, %.0f with %d, "
		      "%.0f with as many of one port\n",
		      LOOKS_COUNTED, (double)alone / 1e6, (double)apart / 1e6, LISTENERS,
		      (double)together / 1e6);
	assert_true(apart < 3 * alone + 100000000);
	assert_true(together < 3 * alone + 100000000);
	command_service_start();
}

/* Nor is each of those asked of each listener. */
static void hostile_accepts(void **state)
{
	int64_t none, many;

	(void)state;
	command_service_start();
	none = cost_of_listeners(TOGETHER, service_list, "/v1/listeners");
	many = cost_of_listeners(LEFT, service_list, "/v1/listeners");
	print_message("           %d lists of %d listeners: %.0f ms of CPU, %.0f with %d processes "
		      "that accepted and are gone\n",
		      LOOKS_COUNTED, LISTENERS, (double)none / 1e6, (double)many / 1e6,
		      ACCEPTS_LEFT);
	assert_true(many < 3 * none + 200000000);
	command_service_start();
}

#define NAMESPACES 200

/* Each is kept by a process of its own. Says how many there are. */
static void make_namespaces(int channel, int fd)
{
	int made = 0, ready[2];
	char byte = 0;

	(void)fd;
	become_nobody();
	if (pipe(ready))
		child_fail("pipe");
	for (int i = 0; i < NAMESPACES; i++) {
		pid_t pid = fork();

		if (pid < 0)
			child_fail("fork");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			byte = unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
			if (byte) {
				struct listener listener;

				netns_loopback(1);
				listener_open(&listener, AF_INET, "127.0.0.1", 4);
				connect_once(&listener);
			}
			if (write(ready[1], &byte, 1) != 1)
				_exit(1);
			pause();
		}
		if (read(ready[0], &byte, 1) != 1)
			child_fail("read");
		made += byte;
	}
	child_say(channel, made, 0, 0);
	child_told(channel);
}

/* Of a user's own: what is in them is seen, and the start among them does not hang. */
static void hostile_namespaces(void **state)
{
	struct child child;
	json_t *lines;
	int64_t made;

	(void)state;
	command_service_start();
	json_decref(service_get("/v1/summary"));
	child_start(&child, make_namespaces, -1);
	made = child_hear(&child).value;
	if (!made)
		skip_with_reason("this kernel lets no user make namespaces");
	assert_int_equal(made, NAMESPACES);
	expect_bounded("namespaces");
	command_service_start();
	lines = service_list("/v1/listeners");
	assert_true(json_array_size(lines) >= NAMESPACES);
	json_decref(lines);
	expect_bounded("the same, from the start on");
	child_kill(&child);
	command_service_start();
}

#define THREADS 400
#define THREADS_SEEN 256 /* of one process */
#define PORTS 8
#define HEIRS 25 /* of each port: more than are looked at of a service */
#define PROCESSES_SEEN 64 /* of all services together: less than PORTS have */

_Noreturn static void *sleep_for_ever(void *argument)
{
	(void)argument;
	for (;;)
		pause();
}

/* Connections in CLOSE_WAIT, with a copy of each in many processes. */
static void inherit(void)
{
	struct listener listener;

	listener_open(&listener, AF_INET, "127.0.0.1", 64);
	for (int i = 0; i < 64 / PORTS; i++) {
		int client, server;
		char byte;

		client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(client, (struct sockaddr *)&listener.address, listener.length))
			child_fail("connect");
		server = accept(listener.fd, NULL, NULL);
		close(client);
		if (server < 0 || recv(server, &byte, 1, 0) != 0)
			child_fail("reading to the end");
	}
	for (int i = 0; i < HEIRS; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
	}
}

/* A process of many threads, whose connections others have too: of each port more of them. */
static void be_many_threads(int channel, int fd)
{
	pthread_attr_t small;
	pthread_t thread;

	(void)fd;
	become_nobody();
	for (int i = 0; i < PORTS; i++)
		inherit();
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (int i = 0; i < THREADS; i++) {
		if (pthread_create(&thread, &small, sleep_for_ever, NULL))
			child_fail("pthread_create");
	}
	child_say(channel, 0, 0, 0);
	child_told(channel);
}

static bool has_process(json_t *one, uint32_t pid)
{
	json_t *process;
	size_t i;

	json_array_foreach (at(one, "evidence.processes"), i, process) {
		if (number_at(process, "pid") == pid)
			return true;
	}
	return false;
}

/* Each process once, whose threads were looked at in a service of that process. */
static size_t processes_seen(json_t *diagnosis, uint32_t pid)
{
	json_t *seen = json_object(), *one, *process;
	size_t i, j, count;
	char key[16];

	json_array_foreach (at(diagnosis, "services"), i, one) {
		if (!has_process(one, pid))
			continue;
		json_array_foreach (at(one, "evidence.processes"), j, process) {
			snprintf(key, sizeof(key), "%lld", number_at(process, "pid"));
			if (number_at(process, "threads"))
				json_object_set_new(seen, key, json_true());
		}
	}
	count = json_object_size(seen);
	json_decref(seen);
	return count;
}

/*
 * Of the services' process so many threads were seen as may be, and the others are counted; so are
 * processes. They may have been read while they were made.
 */
static bool threads_are_bounded(uint32_t pid)
{
	json_t *diagnosis = service_get("/v1/diagnosis"), *one, *process;
	bool found = false, bounded;
	size_t i, j;

	json_array_foreach (at(diagnosis, "services"), i, one) {
		json_array_foreach (at(one, "evidence.processes"), j, process) {
			if (number_at(process, "pid") != pid)
				continue;
			found = number_at(process, "threads") == THREADS_SEEN &&
				number_at(process, "threads_left_out") ==
					1 + THREADS - THREADS_SEEN &&
				number_at(one, "evidence.processes_left_out") > 0;
		}
	}
	bounded = number_at(diagnosis, "reading.processes_left_out") > 0 &&
		  processes_seen(diagnosis, pid) <= PROCESSES_SEEN;
	json_decref(diagnosis);
	return found && bounded;
}

static void hostile_threads(void **state)
{
	int64_t deadline;
	struct child child;

	(void)state;
	command_service_start();
	json_decref(service_get("/v1/summary"));
	child_start(&child, be_many_threads, -1);
	child_hear(&child);
	deadline = deadline_ns();
	while (!threads_are_bounded((uint32_t)child.pid)) {
		if (now_ns() > deadline)
			fail_msg("not so many threads and processes are told and left out");
		pass_ms(100);
	}
	pass_ms(2 * COMMAND_SLOW_MS);
	expect_bounded("threads and heirs");
	assert_in_range(command_run(&command, "explain"), 0, 1); /* 1: it has found something */
	command_expect_harmless(&command);
	/* A process that is in no evidence may be one of those that are left out. */
	assert_int_equal(command_run(&command, "explain", "4194305"), 2);
	assert_non_null(strstr(command.out.text, "It cannot be told"));
	child_kill(&child);
	command_service_start();
}

#define DUPS 9000 /* with such a name, a line of all of them is longer than a client takes */
#define DUPS_SHOWN 8

/* A listener, or a connection in CLOSE_WAIT, as it is told. */
static void dup_often(int channel, int fd)
{
	struct listener listener;
	int client, server;
	bool is_listener;

	(void)fd;
	is_listener = child_told(channel);
	become_nobody();
	prctl(PR_SET_NAME, "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1");
	listener_open(&listener, AF_INET, "127.0.0.1", 1);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(client, (struct sockaddr *)&listener.address, listener.length))
		child_fail("connect");
	server = accept(listener.fd, NULL, NULL);
	close(client);
	for (int i = 1; i < DUPS; i++) {
		if (dup(is_listener ? listener.fd : server) < 0)
			child_fail("dup");
	}
	child_say(channel, listener.port, 0, 0);
	child_told(channel);
}

/* In what the command prints, the one line of the port tells of a few of them, and how many not. */
static void expect_few_holders(const char *subcommand, int64_t port)
{
	json_t *lines, *line, *found = NULL;
	size_t i;

	assert_int_equal(command_run(&command, subcommand, "--json"), 0);
	lines = command_lines(&command);
	json_array_foreach (lines, i, line) {
		if (number_at(line, "local.port") == port)
			found = line;
	}
	assert_non_null(found);
	assert_int_equal(json_array_size(at(found, "holders")), DUPS_SHOWN);
	assert_int_equal(number_at(found, "holders_left_out"), DUPS - DUPS_SHOWN);
	json_decref(lines);
}

static void hostile_descriptors(void **state)
{
	static const char *const subcommands[] = {"list", "listeners"};
	struct child children[2];

	(void)state;
	command_service_start();
	json_decref(service_get("/v1/summary"));
	for (int i = 0; i < 2; i++) {
		int64_t port;

		child_start(&children[i], dup_often, -1);
		child_tell(&children[i], i);
		port = child_hear(&children[i]).value;
		expect_few_holders(subcommands[i], port);
	}
	assert_int_equal(command_run(&command, "listeners", "--all"), 0);
	command_expect_harmless(&command);
	expect_bounded("descriptors");
	expect_metrics();
	for (int i = 0; i < 2; i++)
		child_kill(&children[i]);
	command_service_start();
}

/* Where systemd has given a user cgroups to make, he names them, as any directory. */
static const char *const units[] = {
	"slowclose-e2e\x1b[2J\".service",
	"slowclose-e2e\x9b\xff\\\",le=\"1\"}.scope",
	"slowclose-e2e\r%n%s\t.service",
};

#define UNITS (sizeof(units) / sizeof(units[0]))
#define UNITS_OF_UTF8 2 /* the other one is no name of systemd's, and told as null */

static struct cgroup unit_cgroups[UNITS];

/* Into the cgroup that it is told; then it accepts there. */
static void accept_in_unit(int channel, int listener)
{
	int fd;

	if (!cgroup_enter(&unit_cgroups[child_told(channel)]))
		child_fail("cgroup.procs");
	become_nobody();
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		child_fail("accept");
	child_say(channel, fd, 0, 0);
	child_told(channel);
}

/* Each has a connection in CLOSE_WAIT, which the next look tells. */
static void expect_units_shown(void)
{
	int64_t deadline = deadline_ns();
	size_t shown;

	do {
		const char *at;

		pass_ms(100);
		shown = 0;
		assert_int_equal(command_run(&command, "report", "--by", "unit"), 0);
		for (at = command.out.text; (at = strstr(at, "slowclose-e2e")); at++)
			shown++;
	} while (shown < UNITS_OF_UTF8 && now_ns() < deadline);
	assert_int_equal(shown, UNITS_OF_UTF8);
}

static void expect_no_unit_harms(void)
{
	static const char *const ways[] = {"service", "process", "unit"};

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(command_run(&command, "report", "--by", ways[i]), 0);
		command_expect_harmless(&command);
	}
	assert_int_equal(command_run(&command, "list"), 0);
	command_expect_harmless(&command);
	/* 1: it has found something. */
	assert_in_range(command_run(&command, "explain"), 0, 1);
	command_expect_harmless(&command);
	json_decref(service_list("/v1/connections"));
}

static void hostile_units(void **state)
{
	struct child children[UNITS];
	struct listener listeners[UNITS]; /* services of their own: each has one unit */
	struct pair pairs[UNITS];

	(void)state;
	command_service_start();
	for (size_t i = 0; i < UNITS; i++) {
		cgroup_make(&unit_cgroups[i], "cpu", units[i]);
		listener_open(&listeners[i], AF_INET, "127.0.0.1", 1);
		child_start(&children[i], accept_in_unit, listeners[i].fd);
		pair_connect(&pairs[i], &listeners[i]); /* no child has the client's end */
		child_tell(&children[i], (int64_t)i);
		child_hear(&children[i]);
		close(pairs[i].client);
	}
	expect_units_shown();
	expect_no_unit_harms();
	for (size_t i = 0; i < UNITS; i++) {
		child_kill(&children[i]);
		close(listeners[i].fd);
		cgroup_remove(&unit_cgroups[i]);
	}
	expect_no_unit_harms();
	command_service_start();
}

int run_hostile(void)
{
	const struct CMUnitTest tests[] = {
		command_scenario(hostile_services),    command_scenario(hostile_readers),
		command_scenario(hostile_listeners),   command_scenario(hostile_accepts),
		command_scenario(hostile_namespaces),  command_scenario(hostile_threads),
		command_scenario(hostile_descriptors), command_scenario(hostile_units),
	};

	return cmocka_run_group_tests(tests, command_setup, command_teardown);
}

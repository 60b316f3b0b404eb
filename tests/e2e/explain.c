// SPDX-License-Identifier: GPL-2.0
/*
 * What the service finds of each scenario: that finding and no other, at no time, and none when it
 * is over. Numbers in names are those of the scenarios.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "fuse.h"
#include "service.h"
#include "sockets.h"
#include "suite.h"

/* Readings that must agree after the finding has shown. */
#define AGREEING 2

#define CLIENTS_MAX 64

struct clients {
	int fds[CLIENTS_MAX];
	int count;
};

static void connect_one(struct clients *clients, const struct listener *listener, int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (connect(fd, (const struct sockaddr *)&listener->address, listener->length) &&
	    errno != EINPROGRESS)
		fail_msg("connect: %s", strerror(errno));
	clients->fds[clients->count++] = fd;
}

/* The queue has room for all of them. One that is closed now has been in it. */
static void connect_many(struct clients *clients, const struct listener *listener, int count)
{
	for (int i = 0; i < count; i++)
		connect_one(clients, listener, 0);
}

/* The queue is full: they go on trying until they are closed. */
static void try_to_connect(struct clients *clients, const struct listener *listener, int count)
{
	for (int i = 0; i < count; i++)
		connect_one(clients, listener, SOCK_NONBLOCK);
}

static void close_all(struct clients *clients)
{
	while (clients->count)
		close(clients->fds[--clients->count]);
}

/* Blocks until it is connected, sends a byte, and closes. */
static void request_and_leave(const struct listener *listener)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)&listener->address, listener->length))
		fail_msg("connect: %s", strerror(errno));
	send_all(fd, "x", 1);
	close(fd);
}

/* A server in a child, which alone has the listener's descriptor then. */
static void serve(struct child *child, struct listener *listener, int backlog,
		  child_function *function)
{
	listener_open(listener, AF_INET, "127.0.0.1", backlog);
	child_start(child, function, listener->fd);
	close(listener->fd);
}

static json_t *diagnosis(const struct listener *listener)
{
	char path[64];

	snprintf(path, sizeof(path), "/v1/diagnosis?port=%u", listener->port);
	return service_get(path);
}

static const char *word_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The only service of the port that has the role; NULL: none. */
static json_t *service_of(const json_t *diagnosis, const char *role)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(diagnosis, "services"), i, one) {
		if (strcmp(word_at(one, "role"), role) == 0)
			return one;
	}
	return NULL;
}

/* All of it, which is more than a message of failure holds. */
static void show(const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9));

	fprintf(stderr, "%s\n", text);
	free(text);
}

/* How many of the wanted codes, a list that ends with NULL, are found. Fails of any other. */
static size_t count_wanted(const json_t *diagnosis, const char *role, const char *const *wanted)
{
	const json_t *findings = json_object_get(service_of(diagnosis, role), "findings");
	size_t i, found = 0;
	json_t *finding;

	json_array_foreach (findings, i, finding) {
		const char *const *code = wanted;

		while (*code && strcmp(*code, word_at(finding, "code")) != 0)
			code++;
		if (!*code) {
			show(diagnosis);
			fail_msg("found %s", word_at(finding, "code"));
		}
		found++;
	}
	return found;
}

static size_t count_of(const char *const *codes)
{
	size_t count = 0;

	while (codes[count])
		count++;
	return count;
}

/* Waits until all of them are found, and goes on doing so for some readings. The last answer. */
static json_t *expect_role(const struct listener *listener, const char *role,
			   const char *const *wanted)
{
	int64_t begun = now_ns(), deadline = begun + PATIENCE_MS * 1000000LL;
	char last[40] = "";
	int agreeing = 0;

	for (;;) {
		json_t *answer = diagnosis(listener);
		const char *read = word_at(json_object_get(answer, "reading"), "time");
		bool all = count_wanted(answer, role, wanted) == count_of(wanted);

		if (all && !agreeing) {
			deadline = now_ns() + PATIENCE_MS * 1000000LL;
			print_message("           %s after %.1f s\n", wanted[0],
				      (double)(now_ns() - begun) / 1e9);
		}
		if (agreeing && !all) {
			show(answer);
			fail_msg("%s has gone, while it is so", wanted[0]);
		}
		if (all && strcmp(read, last) != 0 && ++agreeing > AGREEING)
			return answer;
		snprintf(last, sizeof(last), "%s", read);
		if (now_ns() > deadline) {
			show(answer);
			fail_msg("%s is not found", wanted[0]);
		}
		json_decref(answer);
		pass_ms(50);
	}
}

#define expect(listener, ...)                                                                      \
	expect_role(listener, "server", (const char *const[]){__VA_ARGS__, NULL})

/* Nothing is found, nor anything else than what was: until the service is gone from the answer. */
static void expect_end_of(const struct listener *listener, const char *role,
			  const char *const *may_be)
{
	int64_t begun = now_ns(), deadline = begun + PATIENCE_MS * 1000000LL;
	size_t found;

	do {
		json_t *answer = diagnosis(listener);

		found = count_wanted(answer, role, may_be);
		json_decref(answer);
		if (now_ns() > deadline)
			fail_msg("%s does not go", may_be[0]);
		pass_ms(50);
	} while (found);
	print_message("           gone after %.1f s\n", (double)(now_ns() - begun) / 1e9);
}

#define expect_end(listener, role, ...)                                                            \
	expect_end_of(listener, role, (const char *const[]){__VA_ARGS__, NULL})

/* Nothing is found while so many readings see something waiting, or while the other ends. */
static void expect_nothing(const struct listener *listener, const char *role, int readings)
{
	int64_t deadline = now_ns() + PATIENCE_MS * 1000000LL;
	static const char *const nothing[] = {NULL};
	char last[40] = "";

	while (readings > 0) {
		json_t *answer = diagnosis(listener);
		const char *read = word_at(json_object_get(answer, "reading"), "time");

		count_wanted(answer, role, nothing);
		readings -= service_of(answer, role) && strcmp(read, last) != 0;
		snprintf(last, sizeof(last), "%s", read);
		json_decref(answer);
		if (now_ns() > deadline)
			fail_msg("nothing waits");
		pass_ms(50);
	}
}

/* What is proven of the code. */
static const json_t *finding_of(const json_t *answer, const char *role, const char *code)
{
	json_t *finding;
	size_t i;

	json_array_foreach (json_object_get(service_of(answer, role), "findings"), i, finding) {
		if (strcmp(word_at(finding, "code"), code) == 0)
			return finding;
	}
	fail_msg("no %s", code);
	return NULL;
}

/* Whether the headline or the proof has the text. */
static void expect_says(const json_t *finding, const char *text)
{
	char *all = json_dumps(finding, 0);

	if (!strstr(all, text))
		fail_msg("\"%s\" is not in %s", text, all);
	free(all);
}

/* Servers. */

/* Takes what comes, for as long as it may run, and answers at once. */
static void prompt_server(int channel, int fd)
{
	char buffer[64];
	int connection;

	(void)channel;
	for (;;) {
		connection = accept(fd, NULL, NULL);
		if (connection < 0)
			child_fail("accept");
		while (read(connection, buffer, sizeof(buffer)) > 0)
			if (write(connection, "y", 1) != 1)
				break;
		close(connection);
	}
}

/* Has no descriptor left until it is told. */
static void exhausted_server(int channel, int fd)
{
	struct rlimit limit = {32, 4096};
	int connection;

	setrlimit(RLIMIT_NOFILE, &limit);
	while (dup(fd) >= 0)
		;
	fcntl(channel, F_SETFL, O_NONBLOCK);
	for (;;) {
		struct message message;

		connection = accept(fd, NULL, NULL);
		if (connection >= 0)
			close(connection);
		else
			nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
		if (recv(channel, &message, sizeof(message), 0) == sizeof(message)) {
			limit.rlim_cur = limit.rlim_max;
			setrlimit(RLIMIT_NOFILE, &limit);
		}
	}
}

static void deadlocked_server(int channel, int fd)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	(void)channel, (void)fd;
	pthread_mutex_lock(&mutex);
	pthread_mutex_lock(&mutex);
}

/* The name of the stalled disk's file; forked from the test. */
static char stalled_file[80];

/* Writes to its log before it accepts. */
static void logging_server(int channel, int fd)
{
	int log = open(stalled_file, O_WRONLY);

	if (log < 0)
		child_fail(stalled_file);
	child_say(channel, 0, 0, 0);
	if (write(log, "x", 1) == 1)
		child_fail("a write to the stalled disk");
	prompt_server(channel, fd);
}

static int logging_channel, logging_file;

static void *logging_thread(void *argument)
{
	int connection = (int)(intptr_t)argument;
	char byte;

	if (read(connection, &byte, 1) != 1)
		child_fail("read");
	child_say(logging_channel, 0, 0, 0);
	if (write(logging_file, &byte, 1) == 1)
		child_fail("a write to the stalled disk");
	close(connection);
	return NULL;
}

/* The stalled application: a thread for each connection, which writes to the log before all. */
static void threaded_server(int channel, int fd)
{
	pthread_t thread;

	logging_channel = channel;
	logging_file = open(stalled_file, O_WRONLY);
	if (logging_file < 0)
		child_fail(stalled_file);
	for (;;) {
		int connection = accept(fd, NULL, NULL);

		if (connection < 0 ||
		    pthread_create(&thread, NULL, logging_thread, (void *)(intptr_t)connection))
			child_fail("accept");
	}
}

static void leaking_server(int channel, int fd)
{
	char buffer[64];

	(void)channel;
	for (;;) {
		int connection = accept(fd, NULL, NULL);

		while (connection >= 0 && read(connection, buffer, sizeof(buffer)) > 0)
			;
	}
}

/* Each connection is inherited by a process that has nothing to do with it. */
static void forking_server(int channel, int fd)
{
	char buffer[64];

	(void)channel;
	for (;;) {
		int connection = accept(fd, NULL, NULL);
		pid_t heir;

		while (read(connection, buffer, sizeof(buffer)) > 0)
			;
		heir = fork();
		if (heir == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(fd);
			for (;;)
				pause();
		}
		close(connection);
	}
}

/* Goes on sending to a client that has closed its half, until it is told. */
static void sending_server(int channel, int fd)
{
	struct message message;
	int connection = accept(fd, NULL, NULL);

	fcntl(channel, F_SETFL, O_NONBLOCK);
	while (recv(channel, &message, sizeof(message), 0) < 0) {
		char byte;

		recv(connection, &byte, 1, MSG_DONTWAIT);
		if (write(connection, "y", 1) != 1)
			child_fail("write");
		nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	}
	close(connection);
	child_say(channel, 0, 0, 0);
	child_told(channel);
}

static void closing_server(int channel, int fd)
{
	(void)channel;
	for (;;)
		close(accept(fd, NULL, NULL));
}

#define ANSWER_SEC 5
#define PEERS_PATIENCE_SEC 2

static void *slow_answer(void *argument)
{
	int connection = (int)(intptr_t)argument;
	char byte;

	if (read(connection, &byte, 1) == 1)
		nanosleep(&(struct timespec){.tv_sec = ANSWER_SEC}, NULL);
	close(connection);
	return NULL;
}

static void slow_server(int channel, int fd)
{
	pthread_t thread;

	(void)channel;
	for (;;) {
		int connection = accept(fd, NULL, NULL);

		if (pthread_create(&thread, NULL, slow_answer, (void *)(intptr_t)connection) ||
		    pthread_detach(thread))
			child_fail("thread");
	}
}

/* Scenarios. */

static void explain_stalled_by_a_disk_1(void **state)
{
	struct clients clients = {.count = 0};
	struct stalled_disk disk;
	struct listener listener;
	struct child server;
	json_t *answer;

	(void)state;
	stalled_disk_mount(&disk);
	strcpy(stalled_file, disk.file);
	serve(&server, &listener, 64, threaded_server);
	connect_many(&clients, &listener, 8);
	for (int i = 0; i < 8; i++) {
		send_all(clients.fds[i], "x", 1);
		child_hear(&server); /* it has read that, and not the end that comes now */
		close(clients.fds[i]);
	}
	answer = expect(&listener, "io-stall");
	expect_says(finding_of(answer, "server", "io-stall"), "not read");
	json_decref(answer);
	stalled_disk_release(&disk);
	expect_end(&listener, "server", "io-stall");
}

/* The same symptom as out of descriptors: the queue is full, and nobody accepts. */
static void explain_stalled_by_a_disk_before_accept(void **state)
{
	struct clients clients = {.count = 0};
	struct stalled_disk disk;
	struct listener listener;
	struct child server;

	(void)state;
	stalled_disk_mount(&disk);
	strcpy(stalled_file, disk.file);
	serve(&server, &listener, 4, logging_server);
	child_hear(&server);
	connect_many(&clients, &listener, 5);
	json_decref(expect(&listener, "io-stall"));
	close_all(&clients);
	stalled_disk_release(&disk);
	expect_end(&listener, "server", "io-stall");
}

static void explain_out_of_descriptors_2(void **state)
{
	struct clients clients = {.count = 0};
	struct listener listener;
	struct child server;
	json_t *answer;

	(void)state;
	serve(&server, &listener, 4, exhausted_server);
	connect_many(&clients, &listener, 5);
	try_to_connect(&clients, &listener, 3);
	close_all(&clients);
	answer = expect(&listener, "fd-exhausted");
	expect_says(finding_of(answer, "server", "fd-exhausted"), "EMFILE");
	expect_says(finding_of(answer, "server", "fd-exhausted"), "32 of 32 descriptors");
	json_decref(answer);
	child_tell(&server, 0);
	expect_end(&listener, "server", "fd-exhausted");
}

static void explain_stopped_3(void **state)
{
	struct clients clients = {.count = 0};
	struct listener listener;
	struct child server;
	json_t *answer;

	(void)state;
	serve(&server, &listener, 64, prompt_server);
	kill(server.pid, SIGSTOP);
	connect_many(&clients, &listener, 3);
	answer = expect(&listener, "accept-stalled");
	expect_says(finding_of(answer, "server", "accept-stalled"), "stopped by a signal");
	json_decref(answer);
	kill(server.pid, SIGCONT);
	close_all(&clients);
	expect_end(&listener, "server", "accept-stalled");
}

static void explain_stopped_and_full_4(void **state)
{
	struct clients clients = {.count = 0};
	struct listener listener;
	struct child server;

	(void)state;
	serve(&server, &listener, 4, prompt_server);
	kill(server.pid, SIGSTOP);
	connect_many(&clients, &listener, 5);
	try_to_connect(&clients, &listener, 4);
	json_decref(expect(&listener, "backlog-full", "accept-stalled"));
	close_all(&clients);
	child_kill(&server);
}

static void explain_deadlocked_5(void **state)
{
	struct clients clients = {.count = 0};
	struct listener listener;
	struct child server;

	(void)state;
	serve(&server, &listener, 4, deadlocked_server);
	connect_many(&clients, &listener, 5);
	close_all(&clients);
	json_decref(expect(&listener, "lock-stall"));
	child_kill(&server);
	expect_end(&listener, "server", "lock-stall");
}

static void explain_leak_7(void **state)
{
	struct listener listener;
	struct child server;
	json_t *answer, *kept;
	json_int_t fd;

	(void)state;
	serve(&server, &listener, 64, leaking_server);
	for (int i = 0; i < 3; i++)
		request_and_leave(&listener);
	answer = expect(&listener, "close-leak");
	expect_says(finding_of(answer, "server", "close-leak"), "one of them is descriptor ");
	kept = json_object_get(json_object_get(service_of(answer, "server"), "evidence"),
			       "kept_open");
	assert_int_equal(json_integer_value(json_object_get(kept, "pid")), server.pid);
	/* The first that are free behind the channel and the listener. */
	fd = json_integer_value(json_object_get(kept, "fd"));
	assert_in_range(fd, 5, 7);
	json_decref(answer);
	child_kill(&server);
	expect_end(&listener, "server", "close-leak");
}

static void explain_still_sending_8(void **state)
{
	struct listener listener;
	struct child server;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	serve(&server, &listener, 64, sending_server);
	if (connect(fd, (struct sockaddr *)&listener.address, listener.length))
		fail_msg("connect: %s", strerror(errno));
	send_all(fd, "x", 1);
	shutdown(fd, SHUT_WR);
	expect_nothing(&listener, "server", 5);
	child_tell(&server, 0);
	child_hear(&server);
	close(fd);
}

static void explain_idle_pool_14(void **state)
{
	struct listener listener;
	struct child server;
	int fds[6];

	(void)state;
	serve(&server, &listener, 64, closing_server);
	for (int i = 0; i < 6; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fds[i], (struct sockaddr *)&listener.address, listener.length))
			fail_msg("connect: %s", strerror(errno));
	}
	json_decref(expect_role(&listener, "client", (const char *const[]){"idle-pool", NULL}));
	for (int i = 0; i < 6; i++)
		close(fds[i]);
	expect_end(&listener, "client", "idle-pool");
}

static void explain_inherited_15(void **state)
{
	struct listener listener;
	struct child server;
	json_t *answer;

	(void)state;
	serve(&server, &listener, 64, forking_server);
	for (int i = 0; i < 3; i++)
		request_and_leave(&listener);
	answer = expect(&listener, "close-leak");
	expect_says(finding_of(answer, "server", "close-leak"), "only the heirs keep them open");
	json_decref(answer);
	child_kill(&server);
	expect_end(&listener, "server", "close-leak");
}

static void explain_one_of_several_listeners_17(void **state)
{
	struct clients clients = {.count = 0};
	struct listener listeners[2];
	struct child servers[2];
	char text[64];
	json_t *answer;
	int one = 1;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in address = {.sin_family = AF_INET,
					      .sin_addr = {htonl(INADDR_LOOPBACK)}};
		socklen_t length = sizeof(address);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		address.sin_port = i ? htons(listeners[0].port) : 0;
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
		if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 64))
			fail_msg("listen: %s", strerror(errno));
		getsockname(fd, (struct sockaddr *)&address, &length);
		memcpy(&listeners[i].address, &address, sizeof(address));
		listeners[i].length = sizeof(address);
		listeners[i].port = ntohs(address.sin_port);
		child_start(&servers[i], prompt_server, fd);
		close(fd);
	}
	kill(servers[1].pid, SIGSTOP);
	connect_many(&clients, &listeners[0], 40);
	close_all(&clients);
	answer = expect(&listeners[0], "accept-stalled");
	snprintf(text, sizeof(text), "/%d)", servers[1].pid);
	expect_says(finding_of(answer, "server", "accept-stalled"), text);
	json_decref(answer);
	kill(servers[1].pid, SIGCONT);
	expect_end(&listeners[0], "server", "accept-stalled");
}

/* Keep-alive and short connections, one after another. */
static void explain_busy_and_healthy_24(void **state)
{
	static const char *const nothing[] = {NULL};
	struct listener listener;
	struct child server;
	int64_t end;

	(void)state;
	serve(&server, &listener, 64, prompt_server);
	end = now_ns() + 4000000000LL;
	while (now_ns() < end) {
		json_t *answer = diagnosis(&listener);

		count_wanted(answer, "server", nothing);
		count_wanted(answer, "client", nothing);
		json_decref(answer);
		for (int i = 0; i < 50; i++)
			request_and_leave(&listener);
	}
}

static void explain_burst_25(void **state)
{
	struct clients clients = {.count = 0};
	struct listener listener;
	struct child server;

	(void)state;
	serve(&server, &listener, 4, prompt_server);
	kill(server.pid, SIGSTOP);
	connect_many(&clients, &listener, 5);
	try_to_connect(&clients, &listener, 35);
	json_decref(expect(&listener, "backlog-full", "accept-stalled"));
	/* It goes on: what came is taken, and what found no room comes again. */
	kill(server.pid, SIGCONT);
	close_all(&clients);
	expect_end(&listener, "server", "backlog-full", "accept-stalled");
}

static volatile bool peers_end;

static void *impatient_peer(void *argument)
{
	const struct listener *listener = argument;

	while (!peers_end) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(fd, (const struct sockaddr *)&listener->address, listener->length) ==
			    0 &&
		    write(fd, "x", 1) == 1)
			nanosleep(&(struct timespec){.tv_sec = PEERS_PATIENCE_SEC}, NULL);
		close(fd);
	}
	return NULL;
}

#define PEERS 6

static void explain_impatient_26(void **state)
{
	struct listener listener;
	pthread_t peers[PEERS];
	struct child server;
	json_t *answer;

	(void)state;
	serve(&server, &listener, 64, slow_server);
	peers_end = false;
	for (int i = 0; i < PEERS; i++)
		pthread_create(&peers[i], NULL, impatient_peer, &listener);
	answer = expect(&listener, "impatient-peers");
	expect_says(finding_of(answer, "server", "impatient-peers"), "peers hang up 2");
	json_decref(answer);
	peers_end = true;
	for (int i = 0; i < PEERS; i++)
		pthread_join(peers[i], NULL);
	expect_end(&listener, "server", "impatient-peers");
}

/* The cgroup of a small quota: version 2, or 1 of the CPU alone. */
static const char *quota_cgroup(void)
{
	static const char *const directories[] = {"/sys/fs/cgroup/slowclose-e2e",
						  "/sys/fs/cgroup/cpu/slowclose-e2e"};

	return directories[access("/sys/fs/cgroup/cgroup.controllers", F_OK) != 0];
}

static bool write_file(const char *directory, const char *file, const char *text)
{
	char path[128];
	int fd, r;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	r = fd < 0 ? -1 : (int)write(fd, text, strlen(text));
	if (fd >= 0)
		close(fd);
	return r > 0;
}

static void burn(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		;
}

/* In the cgroup; its own child takes what there is of the quota. */
static void throttled_server(int channel, int fd)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	if (!write_file(quota_cgroup(), "cgroup.procs", pid))
		child_fail("cgroup.procs");
	if (fork() == 0)
		burn();
	child_say(channel, 0, 0, 0);
	for (;;) {
		int connection = accept(fd, NULL, NULL);
		int64_t end;
		struct timespec now;

		/* Each request takes some CPU. */
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
		end = now.tv_sec * 1000000000LL + now.tv_nsec + 50000000;
		do {
			clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
		} while (now.tv_sec * 1000000000LL + now.tv_nsec < end);
		close(connection);
	}
}

static void explain_throttled_1(void **state)
{
	struct clients clients = {.count = 0};
	struct listener listener;
	struct child server;

	(void)state;
	write_file("/sys/fs/cgroup", "cgroup.subtree_control", "+cpu");
	if (mkdir(quota_cgroup(), 0755) && errno != EEXIST)
		skip_with_reason("no cgroup: %s", strerror(errno));
	if (!write_file(quota_cgroup(), "cpu.max", "4000 100000") &&
	    !write_file(quota_cgroup(), "cpu.cfs_quota_us", "4000")) {
		rmdir(quota_cgroup());
		skip_with_reason("no quota of CPU");
	}
	serve(&server, &listener, 64, throttled_server);
	child_hear(&server);
	connect_many(&clients, &listener, 40);
	close_all(&clients);
	json_decref(expect(&listener, "cpu-starved"));
	child_kill(&server);
	expect_end(&listener, "server", "cpu-starved");
	rmdir(quota_cgroup());
}

/* Each has its own: what one has left would be in the way of the next. */
static int start(void **state)
{
	static const char *const arguments[] = {"--report-interval", "0", NULL};

	(void)state;
	service_start(arguments);
	return 0;
}

#define explained(function) cmocka_unit_test_setup_teardown(function, start, service_clean)

int run_explain(void)
{
	const struct CMUnitTest tests[] = {
		explained(explain_stalled_by_a_disk_1),
		explained(explain_stalled_by_a_disk_before_accept),
		explained(explain_throttled_1),
		explained(explain_out_of_descriptors_2),
		explained(explain_stopped_3),
		explained(explain_stopped_and_full_4),
		explained(explain_deadlocked_5),
		explained(explain_leak_7),
		explained(explain_still_sending_8),
		explained(explain_idle_pool_14),
		explained(explain_inherited_15),
		explained(explain_one_of_several_listeners_17),
		explained(explain_busy_and_healthy_24),
		explained(explain_burst_25),
		explained(explain_impatient_26),
	};

	return cmocka_run_group_tests_name("explain", tests, service_setup, service_teardown);
}

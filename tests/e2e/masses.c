// SPDX-License-Identifier: GPL-2.0
/* Great numbers of one thing: counts are exact, and memory does not grow with them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "command.h"
#include "expect.h"
#include "hidden.h"
#include "makers.h"
#include "netns.h"
#include "sockets.h"
#include "suite.h"

#define MIB (1024 * 1024)

static struct program command;

#define LISTENERS 10000

/* As many are known: bpf/listener.bpf.h. */
#define LISTENERS_KNOWN 16384

static void listen_up_to(struct sockaddr_in *address, int last)
{
	int listener;

	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = ntohs(address->sin_port) + 1; i <= last; i++) {
		address->sin_port = htons((uint16_t)i);
		listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (listener < 0 || bind(listener, (struct sockaddr *)address, sizeof(*address)) ||
		    listen(listener, 4))
			child_fail("listen");
	}
}

/*
 * In a network namespace of its own; in the queue of the last one is a connection. When it is told
 * so, as many more as make it too many.
 */
static void listen_on_all(int channel, int fd)
{
	struct sockaddr_in address = {};
	int client;

	(void)fd;
	netns_enter_new();
	listen_up_to(&address, LISTENERS);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(client, (struct sockaddr *)&address, sizeof(address)))
		child_fail("connect");
	child_say(channel, (int64_t)netns_inode(), 0, 0);
	child_told(channel);
	listen_up_to(&address, LISTENERS_KNOWN + 1);
	child_say(channel, 0, 0, 0);
	child_told(channel);
}

static void expect_each_port_once(json_t *lines, long long netns)
{
	static unsigned char seen[LISTENERS + 1];
	json_t *line;
	size_t i;

	memset(seen, 0, sizeof(seen));
	json_array_foreach (lines, i, line) {
		long long port = number_at(line, "local.port");

		if (number_at(line, "netns") != netns)
			continue;
		assert_in_range(port, 1, LISTENERS);
		seen[port]++;
		assert_int_equal(number_at(line, "queued"), port == LISTENERS);
	}
	for (int port = 1; port <= LISTENERS; port++)
		assert_int_equal(seen[port], 1);
}

/* Those that the hooks have seen, and those that were there at the start. */
static void expect_all_listeners(long long netns)
{
	json_t *lines;

	lines = service_list("/v1/listeners");
	expect_each_port_once(lines, netns);
	json_decref(lines);
	assert_int_equal(command_run(&command, "listeners", "--json"), 0);
	lines = command_lines(&command);
	expect_each_port_once(lines, netns);
	json_decref(lines);
	assert_int_equal(command_run(&command, "report"), 0);
	json_decref(service_get("/v1/diagnosis"));
}

static void masses_of_listeners(void **state)
{
	struct child child;
	long long netns, before;
	int64_t begun;

	(void)state;
	command_service_start();
	json_decref(service_get("/v1/summary"));
	before = service_number("memory.resident_bytes");
	child_start(&child, listen_on_all, -1);
	netns = child_hear(&child).value;
	begun = now_ns();
	expect_all_listeners(netns);
	print_message("           %d listeners: all answers in %.0f ms\n", LISTENERS,
		      (double)(now_ns() - begun) / 1e6);
	command_service_start();
	expect_all_listeners(netns);
	assert_int_equal(service_number("losses.listeners"), 0);
	child_tell(&child, 0);
	child_hear(&child);
	assert_true(service_number("losses.listeners") > 0);
	child_kill(&child);
	if (MEMORY_IS_ITS_OWN)
		assert_true(service_number("memory.resident_bytes") - before < 16LL * MIB);
	command_service_start();
}

#define MAKERS 2

/* Its ports come again and again; a record of each connection, or a count, and nothing stays. */
static void masses_of_one_peer(void **state)
{
	struct maker makers[MAKERS];
	long long before, growth;
	int64_t begun;

	(void)state;
	service_start(NULL);
	makers_open(makers, MAKERS);
	/* The ring and the tables are touched once. */
	makers_make(makers, MAKERS, suite.connections / 10 / MAKERS);
	service_expect_ended(makers[0].listener.port, makers[0].made);
	before = service_number("memory.resident_bytes");
	begun = now_ns();
	makers_make(makers, MAKERS, suite.connections * 9 / 10 / MAKERS);
	print_message("           %ld connections, %.0f a second\n", suite.connections,
		      (double)suite.connections * 0.9 / ((double)(now_ns() - begun) / 1e9));
	for (int i = 0; i < MAKERS; i++)
		service_expect_ended(makers[i].listener.port, makers[i].made);
	makers_close(makers, MAKERS);
	growth = service_number("memory.resident_bytes") - before;
	print_message("           %lld KiB more resident, %lld folded\n", growth / 1024,
		      service_number("folded"));
	/* The names of the kernel's functions are in it: elsewhere on the host something waits. */
	assert_true(!MEMORY_IS_ITS_OWN || growth < 16LL * MIB);
	assert_int_equal(service_number("losses.fold_full"), 0);
	assert_int_equal(service_number("losses.table_full"), 0);
	service_stop();
}

#define REUSES 5000
#define AT_A_TIME 100

/* As many bytes as tell one use of the addresses from the next. */
static size_t bytes_of(int use)
{
	return (size_t)(use % 97 + 1);
}

static int client_of_one_port(const struct listener *listener, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(client, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(client, (struct sockaddr *)&address, sizeof(address)) ||
	    connect(client, (const struct sockaddr *)&listener->address, listener->length))
		fail_msg("port %u again: %s", port, strerror(errno));
	return client;
}

/* A refused connection takes a socket of the kernel's and gives it back, which the next gets. */
static void be_refused(const struct listener *closed)
{
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(client, (const struct sockaddr *)&closed->address, closed->length),
			 -1);
	close(client);
}

static void use_once(const struct listener *listener, uint16_t port, int use)
{
	static const char bytes[128];
	int client = client_of_one_port(listener, port), server;

	server = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(server >= 0);
	send_all(client, bytes, bytes_of(use));
	receive_all(server, bytes_of(use));
	set_linger_0(use % 2 ? client : server);
	close(use % 2 ? client : server);
	close(use % 2 ? server : client);
}

static uint16_t free_port(void)
{
	struct listener listener;

	listener_open(&listener, AF_INET, "127.0.0.1", 1);
	close(listener.fd);
	return listener.port;
}

/* The next use that has so many bytes: those before it are missing. */
static int use_of(int use, size_t bytes, int *missing)
{
	while (bytes != bytes_of(use)) {
		++*missing;
		if (!hidden_explains(*missing))
			fail_msg("%zu bytes where use %d has %zu", bytes, use, bytes_of(use));
		use++;
	}
	return use;
}

/*
 * Each end of each use has ended once, with its own bytes and no wait of another; but for what this
 * host hides.
 */
static void expect_uses(struct http *stream, uint16_t port, int first, int64_t begun)
{
	int64_t deadline = deadline_ns();
	int next[2] = {first, first}, missing = 0, left;

	while ((left = 2 * (first + AT_A_TIME) - next[0] - next[1]) > 0) {
		json_t *event = service_next(stream);
		size_t bytes;
		bool server;

		if (now_ns() > deadline && hidden_explains(missing + left))
			return;
		if (now_ns() > deadline)
			fail_msg("of uses %d on, %d and %d have ended", first, next[0], next[1]);
		if (strcmp(text_at(event, "event"), "closed") == 0 &&
		    (number_at(event, "remote.port") == port ||
		     number_at(event, "local.port") == port)) {
			server = strcmp(text_at(event, "role"), "server") == 0;
			bytes = (size_t)number_at(event, server ? "rx_bytes" : "tx_bytes");
			next[server] = use_of(next[server], bytes, &missing);
			assert_int_equal(number_at(event, server ? "tx_bytes" : "rx_bytes"), 0);
			assert_true(json_number_value(at(event, "lifetime_ms")) * 1e6 <=
				    (double)(now_ns() - begun));
			next[server]++;
		}
		json_decref(event);
	}
	assert_int_equal(next[0], first + AT_A_TIME);
	assert_int_equal(next[1], first + AT_A_TIME);
}

/* The same four of address and port, and the same memory in the kernel, for thousands of them. */
static void masses_of_the_same_socket(void **state)
{
	struct listener listener, closed;
	uint16_t port = free_port();
	char target[64];
	struct http stream;

	(void)state;
	service_start(NULL);
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	listener_open(&closed, AF_INET, "127.0.0.1", 4);
	close(closed.fd);
	snprintf(target, sizeof(target), "/v1/events?all&pid=%d", getpid());
	service_subscribe(&stream, target);
	for (int use = 0; use < REUSES; use += AT_A_TIME) {
		int64_t begun = now_ns();

		for (int i = 0; i < AT_A_TIME; i++) {
			use_once(&listener, port, use + i);
			if (i % 3 == 0)
				be_refused(&closed);
		}
		expect_uses(&stream, port, use, begun);
	}
	http_close(&stream);
	close(listener.fd);
	service_stop();
}

#define DEAD 30

/* Subscribes as often, and is killed so. */
static void subscribe_many(int channel, int fd)
{
	struct http streams[DEAD];

	(void)fd;
	for (int i = 0; i < DEAD; i++)
		service_subscribe(&streams[i], "/v1/events?all");
	child_say(channel, 0, 0, 0);
	child_told(channel);
}

static void expect_subscribers(size_t count)
{
	json_t *status = service_get("/v1/status");

	assert_int_equal(json_array_size(at(status, "subscribers")), count);
	json_decref(status);
}

static void masses_of_dead_subscribers(void **state)
{
	struct listener listener;
	struct child child;
	size_t before;

	(void)state;
	service_start(NULL);
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	json_decref(service_get("/healthz"));
	before = service_descriptors();
	for (int i = 0; i < 5; i++) {
		child_start(&child, subscribe_many, -1);
		child_hear(&child);
		expect_subscribers(DEAD);
		child_kill(&child);
		assert_true(connect_once(&listener)); /* there is something to be sent */
		service_wait_descriptors(before);
	}
	close(listener.fd);
	service_stop();
}

#define AT_ONCE 40
#define LIVES 800

/* Accepts a connection, whose peer closes at once, and is gone up to 300 ms later. */
static void live_shortly(const struct listener *listener, int seed)
{
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(client, (const struct sockaddr *)&listener->address, listener->length) ||
	    accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC) < 0)
		_exit(1);
	close(client);
	pass_ms(seed * 7919 % 300);
	_exit(0);
}

/* So many of them at any time, until all have lived. */
static void breed(int channel, int fd)
{
	struct listener listener;
	int living = 0, status;
	bool well = true;

	(void)fd;
	listener_open(&listener, AF_INET, "127.0.0.1", AT_ONCE);
	for (int born = 0; born < LIVES || living;) {
		if (born < LIVES && living < AT_ONCE) {
			if (fork() == 0)
				live_shortly(&listener, born);
			born++;
			living++;
			continue;
		}
		well &= wait(&status) > 0 && status == 0;
		living--;
	}
	child_say(channel, well ? listener.port : 0, 0, 0);
	child_told(channel);
}

/*
 * Processes go while what they hold, their threads and their files are read: each reading finds
 * some, and some that are gone before their turn.
 */
static void masses_of_processes_that_go(void **state)
{
	static const char *const arguments[] = {"--close-wait", "1ms", "--report-interval", "1s",
						NULL};
	static const char *const targets[] = {"/v1/diagnosis", "/v1/summary?by=process",
					      "/v1/status"};
	struct child child;
	json_t *summary;
	long rounds = 0;
	int64_t begun, port;
	size_t before;

	(void)state;
	service_start(arguments);
	json_decref(service_get("/healthz"));
	before = service_descriptors();
	child_start(&child, breed, -1);
	for (begun = now_ns(); now_ns() - begun < 6 * 1000000000LL; rounds++) {
		for (size_t i = 0; i < 3; i++)
			json_decref(service_get(targets[i]));
		json_decref(service_list("/v1/connections"));
	}
	print_message("           %ld rounds of answers\n", rounds);
	port = child_hear(&child).value;
	assert_int_not_equal(port, 0);
	summary = service_get("/v1/summary?window=start&by=port");
	service_expect_count(number_at(row_of(summary, "server", (uint16_t)port), "ended"), LIVES);
	json_decref(summary);
	child_kill(&child);
	service_wait_descriptors(before);
	service_stop();
}

/* More than a reading looks at with their holders: user/daemon/findings.c. */
#define WAITING 22000

/* From one of many addresses: a port is searched for long where most of one are in use. */
static void connect_and_go(const struct listener *listener, int i)
{
	struct sockaddr_in own = {.sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + i % 200)};
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (setsockopt(client, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) ||
	    bind(client, (struct sockaddr *)&own, sizeof(own)) ||
	    connect(client, (const struct sockaddr *)&listener->address, listener->length))
		child_fail("connect");
	close(client);
}

/*
 * All in one accept queue; their clients have gone. Tells the port, the namespace, and how long it
 * took.
 */
static void queue_many(int channel, int fd)
{
	struct listener listener;
	int64_t begun;

	(void)fd;
	netns_enter_new();
	netns_set("core/somaxconn", "65535");
	listener_open_shared(&listener, NULL, WAITING);
	begun = now_ns();
	for (int i = 0; i < WAITING; i++)
		connect_and_go(&listener, i);
	child_say(channel, listener.port, (int64_t)netns_inode(), now_ns() - begun);
	child_told(channel);
}

/* The service of a port and network namespace, or NULL. */
static json_t *service_of(json_t *diagnosis, int64_t netns, int64_t port)
{
	json_t *one;
	size_t i;

	json_array_foreach (at(diagnosis, "services"), i, one) {
		if (number_at(one, "netns") == netns && number_at(one, "port") == port)
			return one;
	}
	return NULL;
}

/*
 * Those that have just crossed 1, 10, 100, … times the threshold of 100 ms are told in any number;
 * what counts is a reading of a time at which none has. It can be seconds old, too: from when only
 * some of them were there, which have come within that span.
 */
static bool is_between_tellings(json_t *one, double span_ms)
{
	double oldest_ms = json_number_value(at(one, "evidence.waits.never-accepted.oldest_ms"));
	double crossed_ms = 1000;

	while (oldest_ms > 10 * crossed_ms - 500)
		crossed_ms *= 10;
	return oldest_ms - span_ms > crossed_ms + 1000;
}

#define ASKERS 200

/* All at once, so that they share a look. */
static int64_t cost_of_summaries(int count)
{
	static struct http askers[ASKERS];
	int64_t cost;

	pass_ms(600); /* what is younger would be told again */
	cost = service_cpu_ns();
	for (int i = 0; i < count; i++) {
		http_open(&askers[i]);
		http_ask(&askers[i], "GET", "/v1/summary");
	}
	for (int i = 0; i < count; i++) {
		http_read_head(&askers[i], false);
		assert_int_equal(askers[i].status, 200);
		http_body(&askers[i]);
		http_close(&askers[i]);
	}
	return service_cpu_ns() - cost;
}

/* What waits is summed up once for each look, however many ask. */
static void expect_summed_once(void)
{
	int64_t alone = 0, together = cost_of_summaries(ASKERS);

	for (int i = 0; i < 8; i++)
		alone += cost_of_summaries(1);
	print_message("           %d summaries at once: %.0f ms of CPU, eight alone: %.0f\n",
		      ASKERS, (double)together / 1e6, (double)alone / 1e6);
	assert_true(together < 2 * alone);
}

/* A finding tells of all that wait, not only of those whose holders are looked at. */
static void masses_that_wait(void **state)
{
	struct child child;
	struct message many;
	json_t *diagnosis, *one;
	long long found = -1;
	int64_t deadline;

	(void)state;
	service_start(NULL);
	child_start(&child, queue_many, -1);
	many = child_hear(&child);
	deadline = deadline_ns();
	while (found < 0) {
		if (now_ns() > deadline)
			fail_msg("there is no reading");
		diagnosis = service_get("/v1/diagnosis");
		one = service_of(diagnosis, many.before, many.value);
		if (one && is_between_tellings(one, (double)many.after / 1e6))
			found = number_at(one, "evidence.waits.never-accepted.count");
		assert_int_equal(number_at(diagnosis, "reading.connections_left_out"), 0);
		json_decref(diagnosis);
		pass_ms(200);
	}
	service_expect_count(found, WAITING);
	expect_summed_once();
	child_kill(&child);
	service_stop();
}

int run_masses_of_listeners(void)
{
	const struct CMUnitTest tests[] = {command_scenario(masses_of_listeners)};

	return cmocka_run_group_tests(tests, command_setup, command_teardown);
}

int run_masses(void)
{
	const struct CMUnitTest tests[] = {
		service_scenario(masses_of_one_peer),
		service_scenario(masses_of_the_same_socket),
		service_scenario(masses_of_dead_subscribers),
		service_scenario(masses_of_processes_that_go),
		service_scenario(masses_that_wait),
	};

	return cmocka_run_group_tests(tests, service_setup, service_teardown);
}

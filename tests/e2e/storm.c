// SPDX-License-Identifier: GPL-2.0
/*
 * Many connections: none missing, none twice, no wait longer than it can have been.
 *
 * Each connection has an address and port of its own by its number, so the record says which of
 * them it is about, and a bit for each end is all that has to be kept.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expect.h"
#include "hidden.h"
#include "suite.h"

#define WORKERS 4
#define FIRST_PORT 12000
#define PORTS 20000 /* of one address: below those that the kernel gives away */
#define STALL_NS (60 * 1000000000LL)

/*
 * So many records may be on their way. The ring holds some 45,000; what is tried here is the kernel
 * side, not how fast JSON can be written.
 */
#define ON_THEIR_WAY 20000

#define RPS_CPUS "/sys/class/net/lo/queues/rx-0/rps_cpus"

struct storm {
	long connections;
	int64_t started;
	int out; /* the daemon's */
	atomic_long made; /* connections */
	atomic_long seen; /* records of them */
	atomic_long skipped; /* their port was in use */
	atomic_bool stalled;
	atomic_bool failed;
	unsigned char *records[2]; /* by number; of the client, of the server */
	uint64_t *ids; /* hash set */
	size_t id_slots;
	long twice;
	long same_id;
	long too_long;
	long stranger;
	char example[1024];
};

struct worker {
	struct storm *storm;
	struct listener listener;
	int number;
	pthread_t thread;
};

/* 127.(16 + worker).block.1, so that neither side ever waits for a TIME_WAIT to pass. */
static void source_of(long n, struct sockaddr_in *source)
{
	long worker = n % WORKERS, rest = n / WORKERS;

	memset(source, 0, sizeof(*source));
	source->sin_family = AF_INET;
	source->sin_port = htons((uint16_t)(FIRST_PORT + rest % PORTS));
	source->sin_addr.s_addr =
		htonl(0x7f000001 | (uint32_t)(16 + worker) << 16 | (uint32_t)(rest / PORTS) << 8);
}

static long number_at(uint32_t address, int port)
{
	long worker = (long)(address >> 16 & 0xff) - 16, block = address >> 8 & 0xff;

	if (address >> 24 != 127 || (address & 0xff) != 1 || worker < 0 || worker >= WORKERS ||
	    port < FIRST_PORT || port >= FIRST_PORT + PORTS)
		return -1;
	return (block * PORTS + port - FIRST_PORT) * WORKERS + worker;
}

/* Four ways to end, in turn. The first closer's side waits in TIME_WAIT, a reset does not. */
static void end_connection(long n, int client, int server)
{
	char byte = 0;

	switch (n / WORKERS % 4) {
	case 0:
		close(client);
		close(server);
		break;
	case 1:
		close(server);
		close(client);
		break;
	case 2:
		if (send(client, &byte, 1, MSG_NOSIGNAL) == 1)
			recv(server, &byte, 1, 0);
		close(client);
		recv(server, &byte, 1, 0); /* the end */
		close(server);
		break;
	default:
		set_linger_0(client);
		close(client);
		close(server);
		break;
	}
}

static bool make_connection(struct worker *worker, long n)
{
	const int one = 1;
	struct sockaddr_in source;
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server;

	source_of(n, &source);
	setsockopt(client, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(client, (struct sockaddr *)&source, sizeof(source))) {
		close(client);
		/* Somebody else's; neither end will have a record. */
		worker->storm->records[0][n] = 1;
		worker->storm->records[1][n] = 1;
		worker->storm->skipped++;
		return errno == EADDRINUSE;
	}
	if (connect(client, (struct sockaddr *)&worker->listener.address,
		    worker->listener.length)) {
		close(client);
		return false;
	}
	server = accept4(worker->listener.fd, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0) {
		close(client);
		return false;
	}
	end_connection(n, client, server);
	worker->storm->made++;
	return true;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct storm *storm = worker->storm;

	for (long n = worker->number; n < storm->connections; n += WORKERS) {
		while (2 * storm->made - storm->seen > ON_THEIR_WAY && !storm->stalled)
			pass_ms(1);
		if (storm->stalled || storm->failed)
			break;
		if (!make_connection(worker, n)) {
			print_error("connection %ld: %s\n", n, strerror(errno));
			storm->failed = true;
		}
	}
	return NULL;
}

static void keep_example(struct storm *storm, const char *line)
{
	if (!storm->example[0])
		strncpy(storm->example, line, sizeof(storm->example) - 1);
}

static void check_id(struct storm *storm, const char *text, const char *line)
{
	uint64_t id = strtoull(text, NULL, 16);
	size_t slot = id & (storm->id_slots - 1);

	while (storm->ids[slot] && storm->ids[slot] != id)
		slot = (slot + 1) & (storm->id_slots - 1);
	if (storm->ids[slot]) {
		storm->same_id++;
		keep_example(storm, line);
	}
	storm->ids[slot] = id;
}

/* The value behind a key, or NULL. Millions of lines: no time to parse each as JSON. */
static const char *value_of(const char *line, const char *key)
{
	const char *found = line ? strstr(line, key) : NULL;

	return found ? found + strlen(key) : NULL;
}

static void check_wait(struct storm *storm, const char *line, const char *key, int64_t now)
{
	const char *text = value_of(line, key);

	if (!text || !strncmp(text, "null", 4))
		return;
	if (strtod(text, NULL) * 1e6 > (double)(now - storm->started)) {
		storm->too_long++;
		keep_example(storm, line);
	}
}

static void check_line(struct storm *storm, const char *line, int64_t now)
{
	const char *event = value_of(line, "\"event\":\"");
	const char *role = value_of(event, "\"role\":\"");
	bool server = role && *role == 's';
	/* The client's end: that has the number in it. */
	const char *end = value_of(role, server ? "\"remote\":" : "\"local\":");
	const char *address = value_of(end, "\"address\":\"");
	const char *port = value_of(address, "\"port\":");
	const char *id = value_of(line, "\"id\":\"");
	char text[32] = "";
	struct in_addr in;
	long n = -1;

	if (event && *event != 'c') /* only closed: the others come where this machine is slow */
		return;
	if (!id || !port) {
		storm->stranger++;
		keep_example(storm, line);
		return;
	}
	memcpy(text, address, strcspn(address, "\"") < sizeof(text) ? strcspn(address, "\"") : 0);
	if (inet_pton(AF_INET, text, &in) == 1)
		n = number_at(ntohl(in.s_addr), atoi(port));
	if (n < 0 || n >= storm->connections)
		return; /* another program's */

	check_id(storm, id, line);
	if (storm->records[server][n]) {
		storm->twice++;
		keep_example(storm, line);
	}
	storm->records[server][n] = 1;
	check_wait(storm, line, "\"accept_wait_ms\":", now);
	check_wait(storm, line, "\"close_wait_ms\":", now);
	check_wait(storm, line, "\"lifetime_ms\":", now);
	storm->seen++;
}

static bool all_seen(struct storm *storm)
{
	return storm->made + storm->skipped >= storm->connections && storm->seen >= 2 * storm->made;
}

/* What a test before this one has read of a line whose rest comes now. */
static size_t take_begun_line(char *buffer)
{
	size_t length = suite.daemon.line_length;

	if (length)
		memcpy(buffer, suite.daemon.line, length);
	suite.daemon.line_length = 0;
	return length;
}

/* Until every record has come, or none has for long. */
static void *watch(void *argument)
{
	enum { SIZE = 1 << 20 };
	struct storm *storm = argument;
	char *buffer = malloc(SIZE + 1), *start, *newline;
	int64_t now = now_ns(), last = now;
	size_t length = take_begun_line(buffer);

	/* A line that has begun is read to its end: what follows is read by others. */
	while ((length || !all_seen(storm)) && !storm->failed) {
		struct pollfd fd = {.fd = storm->out, .events = POLLIN};
		long before = storm->seen;
		ssize_t n = 0;

		if (poll(&fd, 1, 100) == 1) {
			n = read(storm->out, buffer + length, SIZE - length);
			if (n <= 0)
				break;
		}
		now = now_ns();
		length += (size_t)n;
		start = buffer;
		while ((newline = memchr(start, '\n', length - (size_t)(start - buffer)))) {
			*newline = '\0';
			check_line(storm, start, now);
			start = newline + 1;
		}
		length -= (size_t)(start - buffer);
		memmove(buffer, start, length);
		if (storm->seen != before)
			last = now;
		if (now - last > STALL_NS)
			break;
	}
	storm->stalled = true;
	free(buffer);
	return NULL;
}

static size_t power_of_two_over(size_t n)
{
	size_t power = 1;

	while (power <= n)
		power *= 2;
	return power;
}

static void prepare(struct storm *storm, long connections)
{
	memset(storm, 0, sizeof(*storm));
	storm->connections = connections;
	storm->id_slots = power_of_two_over(3 * (size_t)connections);
	storm->ids = calloc(storm->id_slots, sizeof(*storm->ids));
	storm->records[0] = calloc(2, (size_t)connections);
	assert_non_null(storm->ids);
	assert_non_null(storm->records[0]);
	storm->records[1] = storm->records[0] + connections;
	storm->out = suite.daemon.out;
}

static void run_workers(struct storm *storm)
{
	struct worker workers[WORKERS];
	pthread_t watcher;
	char address[32];

	for (int i = 0; i < WORKERS; i++) {
		workers[i].storm = storm;
		workers[i].number = i;
		snprintf(address, sizeof(address), "127.9.%d.1", i);
		listener_open(&workers[i].listener, AF_INET, address, 16);
	}
	storm->started = now_ns();
	assert_int_equal(pthread_create(&watcher, NULL, watch, storm), 0);
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	for (int i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		close(workers[i].listener.fd);
	}
	pthread_join(watcher, NULL);
}

static void set_steering(const char *cpus, char *before, size_t size)
{
	int fd = open(RPS_CPUS, O_RDWR | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		fail_msg("%s: %s", RPS_CPUS, strerror(errno));
	if (before) {
		n = read(fd, before, size - 1);
		before[n > 0 ? n : 0] = '\0';
	}
	if (write(fd, cpus, strlen(cpus)) < 0)
		fail_msg("%s: %s", RPS_CPUS, strerror(errno));
	close(fd);
}

static void report(struct storm *storm)
{
	long missing = 2 * storm->made - storm->seen + storm->twice;
	double seconds = (double)(now_ns() - storm->started) / 1e9;
	long long hidden = hidden_transitions();

	print_message("           %ld connections in %.1f s, %ld ports were in use\n",
		      (long)storm->made, seconds, (long)storm->skipped);
	if (storm->example[0])
		print_error("for example: %s\n", storm->example);
	for (long n = 0, shown = 0; n < storm->connections && shown < 5; n++) {
		if (storm->records[0][n] && storm->records[1][n])
			continue;
		print_error("connection %ld (way to end %ld): record of client %d, of server %d\n",
			    n, n / WORKERS % 4, storm->records[0][n], storm->records[1][n]);
		shown++;
	}
	if (missing || storm->twice) {
		kill(suite.daemon.pid, SIGUSR1);
		daemon_expect_said(&suite.daemon, "skipped ");
		print_error("the daemon said:\n%s", suite.daemon.said);
		print_error("this host may have hidden %lld transitions\n", hidden);
	}
	if (storm->failed || missing > hidden || storm->twice || storm->same_id ||
	    storm->too_long || storm->stranger)
		fail_msg("of %ld records: missing %ld, twice %ld, same id %ld, wait too long %ld, "
			 "not understood %ld",
			 2 * (long)storm->made, missing, storm->twice, storm->same_id,
			 storm->too_long, storm->stranger);
}

static void storm_short_connections_22(void **state)
{
	static struct storm storm;
	char before[64];

	(void)state;
	prepare(&storm, suite.connections);
	if (suite.steer)
		set_steering("3", before, sizeof(before));
	run_workers(&storm);
	if (suite.steer)
		set_steering(before, NULL, 0);
	report(&storm);
	suite.stormed = 2 * (unsigned long long)storm.made;
	free(storm.ids);
	free(storm.records[0]);
	suite_stop_daemon(); /* nothing of it was lost, and the counters say so */
	suite_start_daemon();
}

/* A healthy server: nothing is slow unless this machine really was. */
struct healthy {
	struct listener listener;
	int connections;
};

static void *healthy_server(void *argument)
{
	struct healthy *healthy = argument;
	char byte;

	for (int i = 0; i < healthy->connections; i++) {
		int fd = accept4(healthy->listener.fd, NULL, NULL, SOCK_CLOEXEC);

		while (recv(fd, &byte, 1, 0) == 1)
			send(fd, &byte, 1, MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

static void storm_healthy_server_24(void **state)
{
	enum { CONNECTIONS = 200, KEPT_ALIVE = 20 };
	static struct pair pairs[CONNECTIONS];
	struct healthy healthy = {.connections = CONNECTIONS};
	pthread_t thread;
	char byte = 0;

	(void)state;
	listener_open(&healthy.listener, AF_INET, "127.0.0.1", 64);
	assert_int_equal(pthread_create(&thread, NULL, healthy_server, &healthy), 0);
	for (int i = 0; i < CONNECTIONS; i++) {
		struct pair *pair = &pairs[i];

		pair->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		pair->connected.before = now_ns();
		assert_int_equal(connect(pair->client, (struct sockaddr *)&healthy.listener.address,
					 healthy.listener.length),
				 0);
		pair->client_port = local_port_of(pair->client);
		pair->server_port = healthy.listener.port;
		for (int j = 0; j < (i % 10 ? 1 : KEPT_ALIVE); j++) {
			send_all(pair->client, &byte, 1);
			receive_all(pair->client, 1);
		}
		pair->accepted.after = now_ns();
		pair->fin = timed_shutdown(pair->client, SHUT_WR);
		receive_end(pair->client);
		pair->fin.after = now_ns();
		close(pair->client);
	}
	pthread_join(thread, NULL);
	close(healthy.listener.fd);

	for (int i = 0; i < CONNECTIONS; i++) {
		struct pair *pair = &pairs[i];
		struct span lived = {pair->connected.before, pair->accepted.after};
		json_t *event = server_event(pair);

		expect_wait(event, "accept_wait_ms", lived, lived);
		expect_wait(event, "close_wait_ms", pair->fin, pair->fin);
		expect_text(event, "end", "close");
		expect_truth(event, "accepted", true);
		if (lived.after - lived.before < 100000000 &&
		    pair->fin.after - pair->fin.before < 1000000000)
			expect_null(event, "cause");
		event = client_event(pair);
		expect_client(event, pair, "shutdown");
		expect_null(event, "cause");
	}
}

int run_storm(void)
{
	const struct CMUnitTest storm[] = {
		scenario(storm_healthy_server_24),
		scenario(storm_short_connections_22),
	};

	return cmocka_run_group_tests(storm, suite_setup, suite_teardown);
}

// SPDX-License-Identifier: GPL-2.0
/* What happens to a daemon and around it: it stays right, or says what it does not know. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "command.h"
#include "expect.h"
#include "makers.h"
#include "netns.h"
#include "sockets.h"
#include "suite.h"

/* Names that would end a line, an object, or the peace of a terminal: any byte but zero, up to 15.
 */
static const char *const names[] = {
	"\n{\"event\":\"x\"}",
	"\x1b[2J\x1b]0;title",
	"\xc3",
	"a\xf0\x9f\x90",
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	"\x9b"
	"2J\x7f\b\r\t",
	"\xc2\x9b"
	"2J\xc2\x85\x7f",
	"\",\"pid\":1,\"x\"",
	"\xe2\x80\xae"
	"drawkcab",
	"../../%n%s%s%p",
};

#define NAMES (sizeof(names) / sizeof(names[0]))

static struct program command;

/* Accepts one connection under the name that it is told, and keeps it. */
static void accept_named(int channel, int listener)
{
	int fd;

	prctl(PR_SET_NAME, names[child_told(channel)]);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		child_fail("accept");
	child_say(channel, fd, 0, 0);
	child_told(channel);
}

static void expect_harmless(const char *subcommand, const char *option, const char *value)
{
	assert_int_equal(command_run(&command, subcommand, option, value), 0);
	command_expect_harmless(&command);
}

static void expect_no_name_harms(uint16_t port)
{
	char ports[16], filter[32];
	json_t *lines;

	snprintf(ports, sizeof(ports), "%u", port);
	expect_harmless("list", "-L", ports);
	expect_harmless("listeners", "-L", ports);
	expect_harmless("report", "--by", "process");
	expect_harmless("report", "--by", "service");
	/* To a pipe the lines go as the service has sent them, the others are written anew. */
	snprintf(filter, sizeof(filter), "--lport=%u", port);
	expect_harmless("list", "--json", filter);
	expect_harmless("listeners", "--json", filter);
	expect_harmless("report", "--json", "--by=process");
	lines = service_list("/v1/connections");
	json_decref(lines);
	lines = service_list("/v1/listeners");
	json_decref(lines);
	json_decref(service_get("/v1/summary?by=process"));
	json_decref(service_get("/v1/diagnosis"));
}

/* On standard error slow connections come as lines. */
static void expect_log_is_lines(void)
{
	const char *text = service.daemon.said;
	const char *at;

	for (at = text; *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : at + strlen(at))
		assert_int_equal(strncmp(at, "slowclosed: ", strlen("slowclosed: ")), 0);
	for (at = text; *at; at++)
		assert_true((unsigned char)*at >= ' ' || *at == '\n');
}

static void faults_hostile_names(void **state)
{
	struct listener listeners[NAMES];
	struct child children[NAMES];
	struct pair pairs[NAMES];
	struct http stream;

	(void)state;
	service_subscribe(&stream, "/v1/events");
	for (size_t i = 0; i < NAMES; i++) {
		listener_open(&listeners[i], AF_INET, "127.0.0.1", 4);
		pair_connect(&pairs[i], &listeners[i]);
		child_start(&children[i], accept_named, listeners[i].fd);
		child_tell(&children[i], (int64_t)i);
		child_hear(&children[i]);
		close(pairs[i].client);
	}
	pass_ms(2 * COMMAND_SLOW_MS);
	for (size_t i = 0; i < NAMES; i++)
		expect_no_name_harms(listeners[i].port);
	for (size_t i = 0; i < NAMES; i++) {
		child_kill(&children[i]);
		close(listeners[i].fd);
	}
	for (size_t closed = 0; closed < NAMES;) {
		json_t *event = service_next(&stream); /* which parses it */

		closed += strcmp(text_at(event, "event"), "closed") == 0;
		json_decref(event);
	}
	http_close(&stream);
	service_stop();
	expect_log_is_lines();
	command_service_start();
}

static void expect_at_least(const struct pair *pair)
{
	json_t *lines = service_list("/v1/connections"), *line;
	bool found = false;
	size_t i;

	json_array_foreach (lines, i, line) {
		if (strcmp(text_at(line, "role"), "server") == 0 &&
		    number_at(line, "remote.port") == pair->client_port) {
			expect_truth(line, "at_least", true);
			found = true;
		}
	}
	assert_true(found);
	json_decref(lines);
}

#define AFTERWARDS 100

/*
 * What began before it is told with lower bounds; from the first answer on each connection is
 * counted, and nothing is lost.
 */
static void faults_killed_at_load(void **state)
{
	static const char *const arguments[] = {"--close-wait", "1ms", NULL};
	struct listener listener;
	struct pair old;
	struct maker load;
	json_t *summary, *row;
	int64_t deadline, killed;

	(void)state;
	service_start(arguments);
	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	makers_open(&load, 1);
	pair_open(&old, &listener);
	pair_close_client(&old);
	maker_start(&load);
	deadline = deadline_ns();
	while (load.made < 100 && now_ns() < deadline)
		pass_ms(1);
	assert_true(load.made >= 100);
	killed = now_ns();
	daemon_kill(&service.daemon);
	service_start(arguments);
	print_message("           back %.0f ms after it was killed\n",
		      (double)(now_ns() - killed) / 1e6);
	expect_at_least(&old);
	close(old.server);
	close(listener.fd);
	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	for (int i = 0; i < AFTERWARDS; i++)
		connect_once(&listener);
	maker_stop(&load);
	summary = service_get("/v1/summary?window=start");
	row = row_of(summary, "server", listener.port);
	assert_non_null(row);
	service_expect_count(number_at(row, "ended"), AFTERWARDS);
	row = row_of(summary, "client", listener.port);
	assert_non_null(row);
	service_expect_count(number_at(row, "ended"), AFTERWARDS);
	assert_int_equal(service_number("losses.ring_full"), 0);
	assert_int_equal(service_number("losses.table_full"), 0);
	json_decref(summary);
	makers_close(&load, 1);
	close(listener.fd);
	service_stop();
}

/* One that has gone is noticed when there is something to send, and 64 are the most at a time. */
#define AT_A_TIME 50

static void reconnect(const struct listener *listener, int times, size_t before)
{
	struct http stream;

	for (int i = 1; i <= times; i++) {
		service_subscribe(&stream, "/v1/events?all");
		http_close(&stream);
		if (i % AT_A_TIME == 0) {
			connect_once(listener);
			service_wait_descriptors(before);
		}
	}
}

/* A kibibyte for each would be seen. */
static void faults_subscriber_reconnects(void **state)
{
	struct listener listener;
	size_t before;
	long long resident;

	(void)state;
	service_start(NULL);
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	json_decref(service_get("/healthz"));
	before = service_descriptors();
	reconnect(&listener, 200, before);
	resident = service_number("memory.resident_bytes");
	reconnect(&listener, 1000, before);
	close(listener.fd);
	resident = service_number("memory.resident_bytes") - resident;
	if (MEMORY_IS_ITS_OWN && resident >= 1000 * 1024)
		fail_msg("%lld bytes more", resident);
	service_stop();
}

#define NAMESPACES 200

/* In all network namespaces, which have rows of their own. */
static long long ended_of(uint16_t port)
{
	json_t *summary = service_get("/v1/summary?window=start&by=port"), *row;
	long long ended = 0;
	size_t i;

	json_array_foreach (at(summary, "rows"), i, row) {
		if (json_integer_value(at(row, "port")) == port)
			ended += number_at(row, "ended");
	}
	json_decref(summary);
	return ended;
}

/* All have a listener on the same port, so that others' connections are not taken for theirs. */
static void faults_namespaces_by_the_hundred(void **state)
{
	struct listener first, listener;
	size_t before;

	(void)state;
	service_start(NULL);
	json_decref(service_get("/healthz"));
	before = service_descriptors();
	for (int i = 0; i < NAMESPACES; i++) {
		netns_enter_new();
		listener_open_shared(&listener, i ? &first : NULL, 4);
		first = listener;
		assert_true(connect_once(&listener));
		close(listener.fd);
		netns_leave();
	}
	service_expect_count(ended_of(first.port), 2 * NAMESPACES);
	assert_int_equal(service_number("losses.table_full"), 0);
	service_wait_descriptors(before);
	service_stop();
}

#define SHELL(redirection) "sh", "-c", "exec \"$0\" \"$@\" " redirection

static void expect_cannot_write(const char *const *argv)
{
	static struct program program;

	program_start(&program, 0, argv);
	assert_int_equal(program_end(&program), 1);
	program_expect_err(&program, "No space left on device");
}

/* Each is listed in a line, and all take more than what is written at once. */
#define LISTED 40

/* The disk that standard output is on is full: who writes there says so, and fails. */
static void faults_disk_full(void **state)
{
	const char *const status[] = {SHELL(">/dev/full"), suite.command_path, "--socket",
				      service.socket,	   "status",	       NULL};
	const char *const list[] = {SHELL(">/dev/full"), suite.daemon_path, "--list", "--json",
				    "--backend",	 suite.backend,	    NULL};
	struct listener listeners[LISTED];

	(void)state;
	service_start(NULL);
	expect_cannot_write(status);
	service_stop();
	for (int i = 0; i < LISTED; i++) {
		listener_open(&listeners[i], AF_INET, "127.0.0.1", 4);
		if (i == 0 || i == LISTED - 1)
			expect_cannot_write(list);
	}
	for (int i = 0; i < LISTED; i++)
		close(listeners[i].fd);
}

/* The same without a service. */
static void faults_disk_full_for_help(void **state)
{
	const char *const words[][7] = {
		{SHELL(">/dev/full"), suite.command_path, "--help"},
		{SHELL(">/dev/full"), suite.command_path, "--version"},
		{SHELL(">/dev/full"), suite.command_path, "report", "--help"},
		{SHELL(">/dev/full"), suite.daemon_path, "--help"},
		{SHELL(">/dev/full"), suite.daemon_path, "--version"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		expect_cannot_write(words[i]);
}

/* Until it answers. */
static void start_by_shell(struct program *program, const char *const *argv)
{
	int64_t deadline = deadline_ns();

	if (daemon_running(&service.daemon))
		service_stop();
	program_start(program, 0, argv);
	while (access(service.socket, F_OK) != 0) {
		if (now_ns() > deadline)
			fail_msg("it does not answer");
		pass_ms(10);
	}
}

/* What the service has to say is lost then; what it does is not. */
static void faults_log_full(void **state)
{
	const char *const argv[] = {SHELL("2>/dev/full"),
				    suite.daemon_path,
				    "--socket",
				    service.socket,
				    "--backend",
				    suite.backend,
				    "--report-interval",
				    "1s",
				    NULL};
	static struct program program;

	(void)state;
	start_by_shell(&program, argv);
	pass_ms(1500); /* a summary is due */
	json_decref(service_get("/healthz"));
	kill(program.pid, SIGTERM);
	assert_int_equal(program_end(&program), 0);
}

static void expect_closed(const struct program *program, int fd)
{
	char path[32], file[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", program->pid, fd);
	if (readlink(path, file, sizeof(file) - 1) < 0 || strcmp(file, "/dev/null") != 0)
		fail_msg("descriptor %d is %s", fd, file);
}

/* No file of their own takes the place of one that is closed, to have their log or rows in it. */
static void faults_standard_files_closed(void **state)
{
	const char *const serve[] = {
		SHELL("<&- >&- 2>&-"), suite.daemon_path, "--socket", service.socket,
		"--backend",	       suite.backend,	  NULL};
	const char *const tail[] = {
		SHELL(">&-"), suite.command_path, "--socket", service.socket, "tail", NULL};
	static struct program program, asking;

	(void)state;
	start_by_shell(&program, serve);
	for (int fd = 0; fd <= 2; fd++)
		expect_closed(&program, fd);
	program_start(&asking, 0, tail);
	assert_int_equal(program_end(&asking), 1);
	program_expect_err(&asking, "cannot write: Bad file descriptor");
	kill(program.pid, SIGTERM);
	assert_int_equal(program_end(&program), 0);
}

/* Where no file can be made there is no socket, and it says which. */
static void faults_socket_cannot_be_made(void **state)
{
	const char *const arguments[] = {"--backend", suite.backend, "--socket",
					 "/proc/slowclose.sock", NULL};
	static struct daemon daemon;
	int status = daemon_run(&daemon, arguments);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_non_null(strstr(daemon.said, "/proc/slowclose.sock"));
}

int run_faults_of_names(void)
{
	const struct CMUnitTest tests[] = {command_scenario(faults_hostile_names)};

	return cmocka_run_group_tests(tests, command_setup, command_teardown);
}

int run_faults(void)
{
	const struct CMUnitTest tests[] = {
		service_scenario(faults_killed_at_load),
		service_scenario(faults_subscriber_reconnects),
		service_scenario(faults_namespaces_by_the_hundred),
		service_scenario(faults_disk_full),
		service_scenario(faults_disk_full_for_help),
		service_scenario(faults_log_full),
		service_scenario(faults_standard_files_closed),
		service_scenario(faults_socket_cannot_be_made),
	};

	return cmocka_run_group_tests(tests, service_setup, service_teardown);
}

// SPDX-License-Identifier: GPL-2.0
/* slowclose tail: what it shows, what it leaves out, and how it ends. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "child.h"
#include "command.h"
#include "expect.h"
#include "hidden.h"
#include "sockets.h"
#include "suite.h"

#define SERVER_NAME "slow-server"

static const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "(null)";
}

/* The first event of this kind that it has shown, or shows; to be json_decref()ed. */
static json_t *expect_event(struct program *tail, const char *kind)
{
	char text[64];
	json_t *lines, *found = NULL, *one;
	size_t i;

	snprintf(text, sizeof(text), "{\"event\":\"%s\",", kind);
	program_expect_out(tail, text);
	lines = command_lines(tail);
	json_array_foreach (lines, i, one) {
		if (!found && !strcmp(text_of(one, "event"), kind))
			found = json_incref(one);
	}
	json_decref(lines);
	return found;
}

static void expect_pair(json_t *event, const struct pair *pair)
{
	assert_int_equal(number_at(event, "local.port"), pair->server_port);
	assert_int_equal(number_at(event, "remote.port"), pair->client_port);
	expect_text(event, "role", "server");
}

static void end_by(struct program *command, int signal)
{
	kill(command->pid, signal);
	assert_int_equal(program_end(command), 0);
	assert_string_equal(command->err.text, "");
}

static size_t count_lines_with(const char *text, const char *part)
{
	size_t count = 0;

	while ((text = strstr(text, part))) {
		text += strcspn(text, "\n");
		count++;
	}
	return count;
}

/* Waits in the queue and in CLOSE_WAIT; told while it waits, when it is accepted, at its end. */
static void command_tail_shows_each_event(void **state)
{
	static struct program people, json;
	struct listener listener;
	struct pair pair;
	json_t *waiting, *late, *closed;
	char port[8], remote[32];

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 1);
	snprintf(port, sizeof(port), "%u", listener.port);
	command_wait_subscribers(0);
	command_start(&people, "tail", "-L", port);
	command_start(&json, "tail", "-L", port, "--json");
	command_wait_subscribers(2);
	program_expect_out(&people, "TIME     ACCEPT  CLOSE CAUSE          OWNER");

	pair_connect(&pair, &listener);
	waiting = expect_event(&json, "waiting");
	expect_pair(waiting, &pair);
	expect_text(waiting, "state", "accept-queue");
	pair_accept(&pair, &listener);
	late = expect_event(&json, "accepted-late");
	expect_wait(late, "accept_wait_ms", pair.queued, pair.accepted);
	expect_task(late, "owner", getpid(), gettid());
	pair_close_client(&pair);
	receive_end(pair.server);
	pass_ms(COMMAND_SLOW_MS);
	close(pair.server);
	closed = expect_event(&json, "closed");
	expect_pair(closed, &pair);
	expect_text(closed, "cause", "not-closing");
	assert_string_equal(text_of(closed, "id"), text_of(waiting, "id"));
	assert_string_equal(text_of(closed, "id"), text_of(late, "id"));

	snprintf(remote, sizeof(remote), " 127.0.0.1:%u\n", pair.client_port);
	program_expect_out(&people, "not-closing");
	end_by(&people, SIGINT);
	end_by(&json, SIGTERM);
	assert_true(count_lines_with(people.out.text, remote) >= 3);
	assert_non_null(strstr(people.out.text, "+      - never-accepted -"));
	command_expect_narrow(people.out.text);
	json_decref(waiting);
	json_decref(late);
	json_decref(closed);
	close(listener.fd);
}

/* Accepts one from each of the listeners it is sent; the second one waits for its close. */
static void be_server(int channel, int unused)
{
	int own, given, fd;
	char byte;

	(void)unused;
	prctl(PR_SET_NAME, SERVER_NAME);
	own = child_receive_fd(channel);
	given = child_receive_fd(channel);
	child_say(channel, 0, 0, 0);
	close(accept(own, NULL, NULL));
	child_say(channel, 0, 0, 0);
	fd = accept(given, NULL, NULL);
	if (read(fd, &byte, 1) != 0)
		child_fail("read");
	pass_ms(2 * COMMAND_SLOW_MS);
	close(fd);
	child_say(channel, 0, 0, 0);
	child_told(channel);
}

/* One connection: who serves it, on which listener, and whether its close is slow. */
enum conns {
	TEST_A, /* the test's, listener A */
	CHILD_B, /* the child's, listener B */
	CHILD_A_SLOW, /* the last: so all before it has been read when it is */
	CONNS,
};

struct made {
	struct listener a, b;
	struct child child;
	uint16_t client_ports[CONNS];
};

static uint16_t connect_to(const struct listener *listener, int *fd)
{
	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
		connect(*fd, (const struct sockaddr *)&listener->address, listener->length), 0);
	return local_port_of(*fd);
}

static void start_server(struct made *made)
{
	listener_open(&made->a, AF_INET, "127.0.0.1", 4);
	listener_open(&made->b, AF_INET, "127.0.0.1", 4);
	child_start(&made->child, be_server, -1);
	child_send_fd(&made->child, made->b.fd);
	child_send_fd(&made->child, made->a.fd);
	child_hear(&made->child);
}

/* All but the last are closed by the server first, so they have no close wait at all. */
static void make(struct made *made)
{
	struct pair pair;
	int fd;

	pair_open(&pair, &made->a);
	close(pair.server);
	receive_end(pair.client);
	close(pair.client);
	made->client_ports[TEST_A] = pair.client_port;
	made->client_ports[CHILD_B] = connect_to(&made->b, &fd);
	child_hear(&made->child);
	receive_end(fd);
	close(fd);
	made->client_ports[CHILD_A_SLOW] = connect_to(&made->a, &fd);
	close(fd);
	child_hear(&made->child);
	child_kill(&made->child);
	close(made->a.fd);
	close(made->b.fd);
}

/* One subscriber, and which connections of those it must show the end. */
struct filtered {
	struct program tail;
	const char *options[8];
	bool client; /* the ends of the clients, else of the servers */
	bool shown[CONNS];
};

/* Whether a line tells so; the slow one is told of before, while it waits. */
static bool has_ended(struct program *tail, const char *end, uint16_t port)
{
	static const char closed[] = "{\"event\":\"closed\"";
	const char *line = tail->out.text;
	char text[64];

	snprintf(text, sizeof(text), "\"%s\":{\"address\":\"127.0.0.1\",\"port\":%u}", end, port);
	while (line && *line) {
		const char *next = strchr(line, '\n'), *found = strstr(line, text);

		if (strncmp(line, closed, strlen(closed)) == 0 && found && next && found < next)
			return true;
		line = next ? next + 1 : NULL;
	}
	return false;
}

static void expect_ended(struct program *tail, const char *end, uint16_t port)
{
	int64_t deadline = deadline_ns();

	while (!has_ended(tail, end, port)) {
		if (now_ns() > deadline)
			fail_msg("port %u does not end in %s", port, tail->out.text);
		program_read(tail, 100);
	}
}

static void expect_filtered(struct filtered *filtered, const struct made *made)
{
	const char *role = filtered->client ? "client" : "server";
	const char *end = filtered->client ? "local" : "remote";
	size_t count = 0, wanted = 0, i;
	json_t *lines, *one;

	expect_ended(&filtered->tail, end, made->client_ports[CHILD_A_SLOW]);
	end_by(&filtered->tail, SIGINT);
	lines = command_lines(&filtered->tail);
	json_array_foreach (lines, i, one) {
		assert_string_equal(text_of(one, "role"), role);
		count += !strcmp(text_of(one, "event"), "closed"); /* the slow one waits before */
	}
	for (int conn = 0; conn < CONNS; conn++) {
		wanted += filtered->shown[conn];
		if (has_ended(&filtered->tail, end, made->client_ports[conn]) !=
		    filtered->shown[conn])
			fail_msg("%s %s: connection %d: %s", filtered->options[0],
				 filtered->options[1], conn, filtered->tail.out.text);
	}
	assert_int_equal(count, wanted);
	json_decref(lines);
}

static void start_filtered(struct filtered *filtered)
{
	const char *arguments[16] = {"tail", "--json"};
	size_t n = 2;

	for (size_t i = 0; filtered->options[i]; i++)
		arguments[n++] = filtered->options[i];
	command_start_as(&filtered->tail, 0, arguments);
}

/* The same connections through every filter. */
static void command_tail_filters(void **state)
{
	static struct made made;
	static char a[8], both[16], pid[16];
	static struct filtered all[] = {
		{.options = {"-L", a, "--all"}, .shown = {true, false, true}},
		{.options = {"-p", pid, "--all"}, .shown = {false, true, true}},
		{.options = {"-c", SERVER_NAME, "--all"}, .shown = {false, true, true}},
		{.options = {"--role", "server", "--lport", both, "--all"},
		 .shown = {true, true, true}},
		{.options = {"--role", "client", "-D", both, "--all"},
		 .client = true,
		 .shown = {true, true, true}},
		{.options = {"--min-close-wait", "300ms", "-L", both},
		 .shown = {false, false, true}},
	};
	const size_t count = sizeof(all) / sizeof(all[0]);
	static struct program two;

	(void)state;
	start_server(&made);
	snprintf(a, sizeof(a), "%u", made.a.port);
	snprintf(both, sizeof(both), "%u,%u", made.a.port, made.b.port);
	snprintf(pid, sizeof(pid), "%d", made.child.pid);
	command_wait_subscribers(0);
	for (size_t i = 0; i < count; i++)
		start_filtered(&all[i]);
	command_start(&two, "tail", "-L", both, "--all", "-n", "2");
	command_wait_subscribers(count + 1);
	make(&made);
	for (size_t i = 0; i < count; i++)
		expect_filtered(&all[i], &made);
	/* It has ended by itself. */
	assert_int_equal(program_end(&two), 0);
	assert_string_equal(two.err.text, "");
	assert_int_equal(count_lines_with(two.out.text, " 127.0.0.1:"), 2);
}

/* A slow close on this listener, told at its end. */
static void close_slowly(const struct listener *listener)
{
	struct pair pair;

	pair_open(&pair, listener);
	pair_close_client(&pair);
	pass_ms(COMMAND_SLOW_MS);
	close(pair.server);
}

/* The daemon is restarted: the gap is told, and what comes after it is shown. */
static void command_tail_outlives_the_service(void **state)
{
	static struct program tail;
	struct listener listener;
	char port[8];

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	snprintf(port, sizeof(port), "%u", listener.port);
	command_start(&tail, "tail", "-L", port);
	program_expect_out(&tail, "CAUSE");
	service_stop();
	program_expect_err(&tail, "slowclosed is away: it ended the stream. Waiting for it");
	assert_null(strstr(tail.err.text, "was away"));
	command_service_start();
	program_expect_err(&tail, "slowclosed was away for ");
	program_expect_err(&tail, " (restarted): what closed meanwhile is missing\n");
	close_slowly(&listener);
	program_expect_out(&tail, "not-reading");
	kill(tail.pid, SIGINT);
	assert_int_equal(program_end(&tail), 0);
	assert_int_equal(count_lines_with(tail.out.text, "CAUSE"), 1);
	assert_int_equal(count_lines_with(tail.err.text, "slowclose: "), 2);
	close(listener.fd);
}

/* The log of events holds 32 MiB, and an event has some 600 bytes; each connection has two. */
#define FLOOD 28000

static void flood(void)
{
	struct listener listener;

	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	for (int i = 0; i < FLOOD; i++)
		assert_true(connect_once(&listener)); /* no TIME_WAIT: ports do not run out */
	close(listener.fd);
}

/* Events of this process's connections: ends that were shown, and what was lost. */
struct sum {
	int64_t ends, lost;
	size_t read; /* bytes of the output */
};

static void add_up(struct sum *sum, const struct program *tail)
{
	const char *line = tail->out.text + sum->read, *newline;
	json_t *event;

	for (; (newline = strchr(line, '\n')); line = newline + 1) {
		event = json_loadb(line, (size_t)(newline - line), 0, NULL);
		if (!strcmp(text_of(event, "event"), "lost"))
			sum->lost += number_at(event, "count");
		else
			sum->ends += !strcmp(text_of(event, "event"), "closed");
		assert_true(json_is_object(event));
		json_decref(event);
	}
	sum->read = (size_t)(line - tail->out.text);
}

/* What the service says that its subscribers have lost; this is the only one that did. */
static int64_t lost_by_status(void)
{
	static struct program asking;
	json_t *status = command_ask(&asking, "status", "--json");
	int64_t lost = number_at(status, "losses.subscribers");

	json_decref(status);
	return lost;
}

/*
 * It does not read while more is told than is kept for it: each end is shown or counted. Of a
 * machine that stands still meanwhile, slow accepts are told as well.
 */
static void command_tail_tells_what_it_lost(void **state)
{
	static struct program tail;
	struct sum sum = {};
	int64_t deadline;
	char pid[16];

	(void)state;
	snprintf(pid, sizeof(pid), "%d", getpid());
	command_wait_subscribers(0);
	command_start(&tail, "tail", "--all", "--json", "-p", pid);
	command_wait_subscribers(1);
	kill(tail.pid, SIGSTOP);
	flood();
	kill(tail.pid, SIGCONT);
	deadline = deadline_ns();
	while (sum.ends + sum.lost < 2 * FLOOD) {
		if (now_ns() > deadline && hidden_explains(2 * FLOOD - sum.ends - sum.lost))
			break;
		if (now_ns() > deadline)
			fail_msg("%lld shown, %lld lost, of %d", (long long)sum.ends,
				 (long long)sum.lost, 2 * FLOOD);
		program_read(&tail, 100);
		add_up(&sum, &tail);
	}
	assert_true(sum.ends > 0);
	assert_true(sum.lost > 0);
	assert_int_equal(sum.lost, lost_by_status());
	program_expect_err(&tail, " events missed: they came faster than they were read here\n");
	kill(tail.pid, SIGINT);
	assert_int_equal(program_end(&tail), 0);
}

int run_command_tail(void)
{
	const struct CMUnitTest tests[] = {
		command_scenario(command_tail_shows_each_event),
		command_scenario(command_tail_filters),
		command_scenario(command_tail_outlives_the_service),
		command_scenario(command_tail_tells_what_it_lost),
	};

	return cmocka_run_group_tests(tests, command_setup, command_teardown);
}

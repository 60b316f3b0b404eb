// SPDX-License-Identifier: GPL-2.0
/* slowclose as a terminal of 80 columns shows it: above all top, but each other one as well. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "sockets.h"
#include "suite.h"
#include "terminal.h"

#define QUEUED 40

static struct terminal terminal;

/* What waits while it is looked at. */
static struct {
	struct listener listener;
	struct pair closing;
	struct pair queued[QUEUED];
} waiting;

static int setup(void **state)
{
	command_setup(state);
	listener_open(&waiting.listener, AF_INET, "127.0.0.1", QUEUED);
	pair_open(&waiting.closing, &waiting.listener);
	pair_close_client(&waiting.closing);
	for (int i = 0; i < QUEUED; i++)
		pair_connect(&waiting.queued[i], &waiting.listener);
	return 0;
}

static int teardown(void **state)
{
	char path[64];

	for (int i = 0; i < QUEUED; i++)
		close(waiting.queued[i].client);
	close(waiting.closing.server);
	close(waiting.listener.fd);
	snprintf(path, sizeof(path), "%s/tmux", service.directory);
	unlink(path);
	return command_teardown(state);
}

static void open_top(void)
{
	const char *const argv[] = {suite.command_path, "--socket", service.socket, "top", NULL};

	terminal_open(&terminal, service.directory, 80, 24, argv);
}

/* Other programs' connections may wait longer: high enough, there is room for theirs and ours. */
static void expect_connection_shown(void)
{
	char text[64];

	terminal_resize(&terminal, 80, 100);
	terminal_expect_in_line(&terminal, 99, "q quit");
	snprintf(text, sizeof(text), " 127.0.0.1:%u\n", waiting.closing.client_port);
	terminal_expect(&terminal, text);
}

static void expect_quits(void)
{
	terminal_press(&terminal, "q");
	assert_int_equal(terminal_end(&terminal), 0);
	terminal_close(&terminal);
}

/* Heads, the service with what waits there, and the longest waits, none of them cut. */
static void expect_all_shown(void)
{
	char text[64];

	terminal_expect_in_line(&terminal, 0, " ended, slow: ");
	terminal_expect_in_line(&terminal, 0, "; by slow");
	terminal_expect_in_line(&terminal, 1, "waiting now: ");
	terminal_expect_in_line(&terminal, 3, "    SLOW   ACCEPT WAIT    CLOSE WAIT     WAITING");
	terminal_expect_in_line(&terminal, 4, "SERVICE               ENDED ACCEPT CLOSE    P99");
	snprintf(text, sizeof(text), "\n%u/e2e", waiting.listener.port);
	terminal_expect(&terminal, text);
	snprintf(text, sizeof(text), "    %d     1\n", QUEUED);
	terminal_expect(&terminal, text);
	terminal_expect(&terminal,
			"\nACCEPT  CLOSE CAUSE          OWNER         FD UNREAD  PORT REMOTE\n");
}

static void command_top_shows_what_waits(void **state)
{
	(void)state;
	open_top();
	expect_all_shown();
	/* The last line is the widest: nothing was cut. */
	terminal_expect_in_line(&terminal, 23, "l listeners q quit");
	expect_connection_shown();
	expect_quits();
}

static void command_top_keys(void **state)
{
	char text[64];

	(void)state;
	open_top();
	terminal_expect_in_line(&terminal, 0, "; by slow");
	terminal_press(&terminal, "u");
	terminal_expect_in_line(&terminal, 0, "; by queue");
	snprintf(text, sizeof(text), "%u/e2e", waiting.listener.port);
	terminal_expect_in_line(&terminal, 5, text);
	terminal_press(&terminal, "l");
	terminal_expect(&terminal, "\nLISTENER              QUEUED LIMIT");
	terminal_expect_in_line(&terminal, 23, "l waits   q quit");
	snprintf(text, sizeof(text), "\n127.0.0.1:%u", waiting.listener.port);
	terminal_expect(&terminal, text);
	snprintf(text, sizeof(text), " e2e/%d\n", getpid());
	terminal_expect(&terminal, text);
	terminal_press(&terminal, "l");
	terminal_expect_gone(&terminal, "LISTENER");
	expect_quits();
}

/* Larger, smaller, and so small that there is no room for anything. */
static void command_top_is_resized(void **state)
{
	(void)state;
	open_top();
	expect_all_shown();
	terminal_resize(&terminal, 100, 40);
	terminal_expect_in_line(&terminal, 39, "q quit");
	expect_all_shown();
	terminal_resize(&terminal, 30, 3);
	terminal_expect_in_line(&terminal, 2, "s slow e ended a accept-p99 c");
	terminal_resize(&terminal, 80, 24);
	terminal_expect_in_line(&terminal, 23, "q quit");
	expect_all_shown();
	expect_quits();
}

/* It says so, keeps what it knew on the screen, and goes on as soon as it can. */
static void command_top_outlives_the_service(void **state)
{
	char text[64];

	(void)state;
	open_top();
	expect_all_shown();
	service_stop();
	terminal_expect_in_line(&terminal, 1, "slowclosed is away for ");
	snprintf(text, sizeof(text), "\n%u/e2e", waiting.listener.port);
	terminal_expect(&terminal, text);
	command_service_start();
	terminal_expect_in_line(&terminal, 1, "waiting now: ");
	expect_all_shown();
	expect_quits();
}

/* On a terminal too; it leaves the screen as it was. */
static void command_top_without_a_service(void **state)
{
	const char *const argv[] = {suite.command_path, "--socket", "/nowhere/socket", "top", NULL};

	(void)state;
	terminal_open(&terminal, service.directory, 80, 24, argv);
	assert_int_equal(terminal_end(&terminal), 1);
	terminal_expect_in_line(&terminal, 0,
				"slowclose: no slowclosed answers at /nowhere/socket");
	terminal_expect(&terminal, "Start it: systemctl start slowclosed, or sudo slowclosed;");
	terminal_close(&terminal);
}

#define run_in_terminal(...) run_as_given((const char *const[]){__VA_ARGS__, NULL})

/* In a new terminal, or in the one where another has ended. */
static void run_as_given(const char *const *arguments)
{
	const char *argv[16] = {suite.command_path, "--socket", service.socket};
	size_t n = 3;

	while (*arguments)
		argv[n++] = *arguments++;
	if (terminal.server.pid)
		terminal_run(&terminal, argv);
	else
		terminal_open(&terminal, service.directory, 80, 100, argv);
}

/* This, and no line that the terminal had to break. */
static void expect_said(const char *text)
{
	assert_int_equal(terminal_end(&terminal), 0);
	terminal_expect(&terminal, text);
	command_expect_narrow(terminal_lines(&terminal));
}

static void command_in_a_terminal(void **state)
{
	char port[8];

	(void)state;
	snprintf(port, sizeof(port), "%u", waiting.listener.port);
	run_in_terminal("report", "--histogram");
	expect_said("SERVICE               ENDED ACCEPT CLOSE    P99");
	run_in_terminal("report", "--by", "peer");
	expect_said("PEER                  ENDED ACCEPT CLOSE    P99");
	run_in_terminal("list", "-L", port);
	expect_said(" never-accepted - ");
	run_in_terminal("listeners", "-L", port);
	expect_said(" e2e/");
	run_in_terminal("status");
	expect_said("programs     sc_state_1");
	terminal_close(&terminal);
}

static void command_tail_in_a_terminal(void **state)
{
	struct listener listener;
	struct pair pair;
	char port[8];

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 1);
	snprintf(port, sizeof(port), "%u", listener.port);
	run_in_terminal("tail", "-L", port, "-n", "1", "--min-close-wait", "200ms");
	terminal_expect(&terminal, "TIME     ACCEPT  CLOSE CAUSE          OWNER");
	pair_open(&pair, &listener);
	pair_close_client(&pair);
	pass_ms(COMMAND_SLOW_MS);
	close(pair.server);
	expect_said(" not-reading    e2e/");
	terminal_close(&terminal);
	close(listener.fd);
}

int run_command_terminal(void)
{
	const struct CMUnitTest tests[] = {
		command_scenario(command_top_shows_what_waits),
		command_scenario(command_top_keys),
		command_scenario(command_top_is_resized),
		command_scenario(command_top_outlives_the_service),
		command_scenario(command_top_without_a_service),
		command_scenario(command_in_a_terminal),
		command_scenario(command_tail_in_a_terminal),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

// SPDX-License-Identifier: GPL-2.0
#include "terminal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockets.h"
#include "suite.h"

#define MAX_ARGUMENTS 32

#define ENDED "ended with exit status "

/* Returns the exit status of the request. */
static int ask(struct terminal *terminal, const char *const *arguments)
{
	const char *argv[MAX_ARGUMENTS] = {"tmux", "-S", terminal->socket};
	size_t n = 3;

	while (*arguments && n < MAX_ARGUMENTS - 1)
		argv[n++] = *arguments++;
	program_start(&terminal->client, 0, argv);
	return program_end(&terminal->client);
}

#define request(terminal, ...) request_as_given(terminal, (const char *const[]){__VA_ARGS__, NULL})

static void request_as_given(struct terminal *terminal, const char *const *arguments)
{
	if (ask(terminal, arguments))
		fail_msg("tmux %s: %s", arguments[0], terminal->client.err.text);
}

/* In the foreground, so that it is known which process to end; it then waits for requests. */
static void start_server(struct terminal *terminal)
{
	const char *const argv[] = {"tmux", "-S", terminal->socket, "-f", "/dev/null", "-D", NULL};
	const char *const try[] = {"set-option", "-g", "status", "off", NULL};
	int64_t deadline = deadline_ns();

	/* tmux wants UTF-8; it would take itself for running in the terminal of whoever tests. */
	setenv("LC_ALL", "C.UTF-8", 1);
	unsetenv("TMUX");
	program_start(&terminal->server, 0, argv);
	while (ask(terminal, try)) {
		program_read(&terminal->server, 0);
		if (now_ns() > deadline || terminal->server.err.length)
			fail_msg("tmux does not start: %s%s", terminal->server.err.text,
				 terminal->client.err.text);
	}
}

/*
 * The request, and the program that it is to run: by a shell, which shows how it ended and stays.
 * That a terminal's program has ended tmux itself can overlook.
 */
static void request_program(struct terminal *terminal, const char **request, size_t n,
			    const char *const *argv)
{
	request[n++] = "sh";
	request[n++] = "-c";
	request[n++] = "\"$@\"; echo \"" ENDED "$?\"; read -r line";
	request[n++] = "sh";
	while (*argv && n < MAX_ARGUMENTS - 1)
		request[n++] = *argv++;
	request_as_given(terminal, request);
}

void terminal_open(struct terminal *terminal, const char *directory, int columns, int lines,
		   const char *const *argv)
{
	char width[12], height[12];
	const char *arguments[MAX_ARGUMENTS] = {"new-session", "-d", "-x", width, "-y", height};

	snprintf(terminal->socket, sizeof(terminal->socket), "%s/tmux", directory);
	snprintf(width, sizeof(width), "%d", columns);
	snprintf(height, sizeof(height), "%d", lines);
	start_server(terminal);
	request(terminal, "set-option", "-g", "default-terminal", "screen"); /* tests/vm has it */
	request_program(terminal, arguments, 6, argv);
}

void terminal_run(struct terminal *terminal, const char *const *argv)
{
	const char *arguments[MAX_ARGUMENTS] = {"respawn-pane", "-k"};

	request_program(terminal, arguments, 2, argv);
}

void terminal_resize(struct terminal *terminal, int columns, int lines)
{
	char width[12], height[12];

	snprintf(width, sizeof(width), "%d", columns);
	snprintf(height, sizeof(height), "%d", lines);
	request(terminal, "resize-window", "-x", width, "-y", height);
}

void terminal_press(struct terminal *terminal, const char *key)
{
	request(terminal, "send-keys", key);
}

static const char *screen_of(struct terminal *terminal)
{
	request(terminal, "capture-pane", "-p");
	return terminal->client.out.text;
}

const char *terminal_lines(struct terminal *terminal)
{
	request(terminal, "capture-pane", "-p", "-J");
	return terminal->client.out.text;
}

static const char *line_of(const char *screen, int line)
{
	while (screen && line--) {
		screen = strchr(screen, '\n');
		screen = screen ? screen + 1 : NULL;
	}
	return screen ? screen : "";
}

static bool shows(struct terminal *terminal, int line, const char *text)
{
	const char *screen = screen_of(terminal);
	const char *found;

	if (line < 0)
		return strstr(screen, text) != NULL;
	screen = line_of(screen, line);
	found = strstr(screen, text);
	return found && found < screen + strcspn(screen, "\n");
}

static void expect(struct terminal *terminal, int line, const char *text, bool shown)
{
	int64_t deadline = deadline_ns();

	while (shows(terminal, line, text) != shown) {
		if (now_ns() > deadline)
			fail_msg("\"%s\" is %s:\n%s", text, shown ? "not shown" : "still shown",
				 terminal->client.out.text);
		pass_ms(10);
	}
}

void terminal_expect(struct terminal *terminal, const char *text)
{
	expect(terminal, -1, text, true);
}

void terminal_expect_in_line(struct terminal *terminal, int line, const char *text)
{
	expect(terminal, line, text, true);
}

void terminal_expect_gone(struct terminal *terminal, const char *text)
{
	expect(terminal, -1, text, false);
}

int terminal_end(struct terminal *terminal)
{
	terminal_expect(terminal, ENDED);
	return atoi(strstr(terminal->client.out.text, ENDED) + strlen(ENDED));
}

void terminal_close(struct terminal *terminal)
{
	request(terminal, "kill-server");
	program_end(&terminal->server);
}

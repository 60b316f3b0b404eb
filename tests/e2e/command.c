// SPDX-License-Identifier: GPL-2.0
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sockets.h"
#include "suite.h"

#define MAX_ARGUMENTS 24
#define COLUMNS 80

/* While a group runs that has a service. */
static bool wanted;

void command_service_start(void)
{
	static const char *const arguments[] = {
		"--close-wait", COMMAND_SLOW, "--accept-wait", COMMAND_SLOW, "--report-interval",
		"0s",		NULL};

	service_start(arguments);
}

/* Any user may enter the directory of the socket. */
int command_setup_alone(void **state)
{
	int r = service_setup(state);

	assert_int_equal(chmod(service.directory, 0755), 0);
	return r;
}

int command_setup(void **state)
{
	int r = command_setup_alone(state);

	wanted = true;
	command_service_start();
	return r;
}

int command_teardown(void **state)
{
	wanted = false;
	return service_teardown(state);
}

int command_clean(void **state)
{
	program_kill_all();
	service_clean(state);
	if (!wanted)
		unlink(service.socket);
	else if (!daemon_running(&service.daemon))
		command_service_start();
	return 0;
}

void command_start_as(struct program *command, uid_t uid, const char *const *arguments)
{
	const char *argv[MAX_ARGUMENTS] = {suite.command_path, "--socket", service.socket};
	size_t n = 3;

	while (*arguments && n < MAX_ARGUMENTS - 1)
		argv[n++] = *arguments++;
	program_start(command, uid, argv);
}

int command_run_as(struct program *command, uid_t uid, const char *const *arguments)
{
	command_start_as(command, uid, arguments);
	return program_end(command);
}

void command_wait_subscribers(size_t count)
{
	int64_t deadline = deadline_ns();
	static struct program asking;
	size_t now;

	do {
		json_t *status = command_ask(&asking, "status", "--json");

		now = json_array_size(json_object_get(status, "subscribers"));
		json_decref(status);
		if (now_ns() > deadline)
			fail_msg("the service has %zu subscribers, not %zu", now, count);
	} while (now != count);
}

static json_t *parse(const char *text, size_t length)
{
	json_error_t error;
	json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);

	if (!json_is_object(json))
		fail_msg("not a JSON object: %s: %.*s", error.text, (int)length, text);
	return json;
}

json_t *command_lines(const struct program *command)
{
	const char *line = command->out.text, *newline;
	json_t *array = json_array();

	for (; (newline = strchr(line, '\n')); line = newline + 1)
		json_array_append_new(array, parse(line, (size_t)(newline - line)));
	return array;
}

json_t *command_ask_as_given(struct program *command, const char *const *arguments)
{
	int status = command_run_as(command, 0, arguments);

	if (status || command->err.length)
		fail_msg("slowclose %s: exit %d; it said:\n%s", arguments[0], status,
			 command->err.text);
	return parse(command->out.text, command->out.length);
}

static int width(const char *line, size_t length)
{
	int columns = 0;

	for (size_t i = 0; i < length; i++)
		columns += ((unsigned char)line[i] & 0xc0) != 0x80;
	return columns;
}

void command_expect_narrow(const char *line)
{
	while (*line) {
		size_t length = strcspn(line, "\n");

		if (width(line, length) > COLUMNS)
			fail_msg("%d columns: %.*s", width(line, length), (int)length, line);
		line += length + (line[length] == '\n');
	}
}

/* U+0080 to U+009F begin with 0xc2, and are as good as ESC to some terminals. */
static void expect_harmless(const struct output *output)
{
	for (size_t i = 0; i < output->length; i++) {
		unsigned char byte = (unsigned char)output->text[i];

		if ((byte < ' ' && byte != '\n') || byte == 0x7f ||
		    (byte == 0xc2 && (unsigned char)output->text[i + 1] < 0xa0))
			fail_msg("byte %zu is %#x: %s", i, byte, output->text);
	}
}

void command_expect_harmless(const struct program *command)
{
	expect_harmless(&command->out);
	expect_harmless(&command->err);
}

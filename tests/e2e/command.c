// SPDX-License-Identifier: GPL-2.0
#include "command.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "sockets.h"
#include "suite.h"

#define MAX_ARGUMENTS 24
#define COLUMNS 80

struct command_service command_service;

void command_service_start(void)
{
	const char *const arguments[] = {
		"--socket",   command_service.socket, "--close-wait", COMMAND_SLOW, "--accept-wait",
		COMMAND_SLOW, "--report-interval",    "0s",	      NULL};

	daemon_start_service(&command_service.daemon, suite.backend, arguments);
}

void command_service_stop(void)
{
	struct daemon *daemon = &command_service.daemon;
	struct losses losses;
	int status = daemon_stop(daemon, &losses);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the service ended with wait status %#x; it said:\n%s", status,
			 daemon->said);
}

int command_setup_alone(void **state)
{
	(void)state;
	strcpy(command_service.directory, "/tmp/slowclose-e2e-XXXXXX");
	assert_non_null(mkdtemp(command_service.directory));
	assert_int_equal(chmod(command_service.directory, 0755), 0);
	snprintf(command_service.socket, sizeof(command_service.socket), "%s/command",
		 command_service.directory);
	suite.groups_begun++;
	return 0;
}

int command_setup(void **state)
{
	command_setup_alone(state);
	command_service.wanted = true;
	command_service_start();
	return 0;
}

int command_teardown(void **state)
{
	(void)state;
	if (daemon_running(&command_service.daemon))
		command_service_stop();
	command_service.wanted = false;
	suite.groups_ended++;
	return rmdir(command_service.directory);
}

int command_clean(void **state)
{
	(void)state;
	program_kill_all();
	child_kill_all();
	if (!command_service.wanted)
		unlink(command_service.socket);
	else if (!daemon_running(&command_service.daemon))
		command_service_start();
	return 0;
}

void command_start_as(struct program *command, uid_t uid, const char *const *arguments)
{
	const char *argv[MAX_ARGUMENTS] = {suite.command_path, "--socket", command_service.socket};
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
	int64_t deadline = now_ns() + PATIENCE_MS * 1000000LL;
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

json_t *command_object(const struct program *command)
{
	return parse(command->out.text, command->out.length);
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
	return command_object(command);
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

int64_t number_of(json_t *object, const char *path)
{
	json_t *value = object;
	char key[64];

	while (*path) {
		size_t length = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)length, path);
		value = json_object_get(value, key);
		path += length + (path[length] == '.');
	}
	if (!json_is_integer(value))
		fail_msg("%s is no number in %s", key, json_dumps(object, JSON_COMPACT));
	return json_integer_value(value);
}

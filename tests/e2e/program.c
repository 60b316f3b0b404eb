// SPDX-License-Identifier: GPL-2.0
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockets.h"
#include "suite.h"

#define MAX_PROGRAMS 16
#define CHUNK 65536

static struct program *running[MAX_PROGRAMS];

static void replace(struct program *old, struct program *new)
{
	for (size_t i = 0; i < MAX_PROGRAMS; i++) {
		if (running[i] == old) {
			running[i] = new;
			return;
		}
	}
	fail_msg("more than %d programs", MAX_PROGRAMS);
}

/* From its directory: who has no privilege may not be let into those above it. */
static void exec_as(uid_t uid, char *const *argv)
{
	const char *slash = strrchr(argv[0], '/');
	char directory[PATH_MAX];

	snprintf(directory, sizeof(directory), "%.*s", (int)(slash - argv[0]), argv[0]);
	if (chdir(directory) || setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid))
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* which the others have undone */
	execv(slash + 1, argv);
}

_Noreturn static void exec_program(uid_t uid, char *const *argv)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	if (uid)
		exec_as(uid, argv);
	else
		execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "exec %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void begin(struct output *output, int fd)
{
	output->fd = fd;
	output->length = 0;
	if (!output->text) {
		output->size = CHUNK;
		output->text = malloc(output->size);
		assert_non_null(output->text);
	}
	output->text[0] = '\0';
}

void program_start(struct program *program, uid_t uid, const char *const *argv)
{
	int out[2], err[2];

	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		fail_msg("pipe: %s", strerror(errno));
	fflush(NULL);
	program->pid = fork();
	if (program->pid < 0)
		fail_msg("fork: %s", strerror(errno));
	if (program->pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		exec_program(uid, (char *const *)argv);
	}
	replace(NULL, program);
	close(out[1]);
	close(err[1]);
	snprintf(program->name, sizeof(program->name), "%s", argv[0]);
	begin(&program->out, out[0]);
	begin(&program->err, err[0]);
}

static void close_output(struct output *output)
{
	if (output->fd >= 0)
		close(output->fd);
	output->fd = -1;
}

static void read_output(struct output *output)
{
	ssize_t n;

	if (output->size - output->length <= CHUNK) {
		output->size *= 2;
		output->text = realloc(output->text, output->size);
		assert_non_null(output->text);
	}
	n = read(output->fd, output->text + output->length, CHUNK);
	if (n <= 0) {
		close_output(output);
		return;
	}
	output->length += (size_t)n;
	output->text[output->length] = '\0';
}

void program_read(struct program *program, int timeout_ms)
{
	struct pollfd fds[2] = {
		{.fd = program->out.fd, .events = POLLIN},
		{.fd = program->err.fd, .events = POLLIN},
	};

	if (poll(fds, 2, timeout_ms) <= 0)
		return;
	if (fds[0].revents)
		read_output(&program->out);
	if (fds[1].revents)
		read_output(&program->err);
}

static bool has_ended(const struct program *program)
{
	return program->out.fd < 0 && program->err.fd < 0;
}

static void expect(struct program *program, const struct output *output, const char *text)
{
	int64_t deadline = deadline_ns();

	while (!strstr(output->text, text)) {
		if (has_ended(program) || now_ns() > deadline)
			fail_msg("%s did not say \"%s\", but:\n%s%s", program->name, text,
				 program->out.text, program->err.text);
		program_read(program, 100);
	}
}

void program_expect_out(struct program *program, const char *text)
{
	expect(program, &program->out, text);
}

void program_expect_err(struct program *program, const char *text)
{
	expect(program, &program->err, text);
}

void program_close_out(struct program *program)
{
	close_output(&program->out);
}

int program_end(struct program *program)
{
	int64_t deadline = deadline_ns();
	int status;

	while (!has_ended(program)) {
		if (now_ns() > deadline)
			fail_msg("%s does not end; it said:\n%s%s", program->name,
				 program->out.text, program->err.text);
		program_read(program, 100);
	}
	waitpid(program->pid, &status, 0);
	replace(program, NULL);
	program->pid = 0;
	if (!WIFEXITED(status))
		fail_msg("%s ended with wait status %#x; it said:\n%s%s", program->name, status,
			 program->out.text, program->err.text);
	return WEXITSTATUS(status);
}

void program_kill_all(void)
{
	for (size_t i = 0; i < MAX_PROGRAMS; i++) {
		struct program *program = running[i];

		if (!program)
			continue;
		kill(program->pid, SIGKILL);
		waitpid(program->pid, NULL, 0);
		program->pid = 0;
		close_output(&program->out);
		close_output(&program->err);
		running[i] = NULL;
	}
}

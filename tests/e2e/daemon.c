// SPDX-License-Identifier: GPL-2.0
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockets.h"
#include "suite.h"

#define MAX_ARGUMENTS 32

#define PASSED_FIRST 3

static struct {
	int fd, count;
	const char *name;
} passed;

void daemon_pass(int fd, const char *name, int count)
{
	passed.fd = fd;
	passed.name = name;
	passed.count = count;
}

static bool told_of_journal;

void daemon_tell_of_journal(bool is_journal)
{
	told_of_journal = is_journal;
}

/* These two in the daemon's process, whose own descriptors are in place. */
static void tell_of_journal(void)
{
	struct stat status;
	char stream[64];

	fstat(STDERR_FILENO, &status);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
		 (uintmax_t)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
}

static void pass(void)
{
	int fd = fcntl(passed.fd, F_DUPFD_CLOEXEC, PASSED_FIRST + passed.count);
	char names[64] = "", number[16];

	for (int i = 0; i < passed.count; i++) {
		dup2(fd, PASSED_FIRST + i);
		strcat(strcat(names, i ? ":" : ""), passed.name);
	}
	snprintf(number, sizeof(number), "%d", passed.count);
	setenv("LISTEN_FDS", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
	snprintf(number, sizeof(number), "%d", getpid());
	setenv("LISTEN_PID", number, 1);
}

static void spawn(struct daemon *daemon, char *const *argv)
{
	int out[2], err[2];

	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		fail_msg("pipe: %s", strerror(errno));
	daemon->pid = fork();
	if (daemon->pid < 0)
		fail_msg("fork: %s", strerror(errno));
	if (daemon->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_DFL);
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		if (passed.count)
			pass();
		if (told_of_journal)
			tell_of_journal();
		execv(argv[0], argv);
		dprintf(STDERR_FILENO, "exec %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(out[1]);
	close(err[1]);
	daemon->out = out[0];
	daemon->err = err[0];
}

static void forget(struct daemon *daemon)
{
	for (size_t i = 0; i < daemon->count; i++)
		json_decref(daemon->seen[i].json);
	free(daemon->seen);
	free(daemon->line);
	memset(daemon, 0, sizeof(*daemon));
	daemon->out = -1;
	daemon->err = -1;
}

static uint16_t port_of(json_t *json, const char *end)
{
	json_t *port = json_object_get(json_object_get(json, end), "port");

	return (uint16_t)json_integer_value(port);
}

static void add_line(struct daemon *daemon, const char *line)
{
	struct seen *seen;
	json_error_t error;
	json_t *json = json_loads(line, 0, &error);
	const char *role;

	if (!json_is_object(json))
		fail_msg("not a JSON object: %s: %s", error.text, line);
	if (daemon->count == daemon->size) {
		daemon->size = daemon->size ? 2 * daemon->size : 1024;
		daemon->seen = realloc(daemon->seen, daemon->size * sizeof(*daemon->seen));
		assert_non_null(daemon->seen);
	}
	seen = &daemon->seen[daemon->count++];
	memset(seen, 0, sizeof(*seen));
	role = json_string_value(json_object_get(json, "role"));
	seen->json = json;
	seen->event = json_string_value(json_object_get(json, "event"));
	seen->server = role && !strcmp(role, "server");
	seen->local_port = port_of(json, "local");
	seen->remote_port = port_of(json, "remote");
}

static void cut_lines(struct daemon *daemon)
{
	char *start = daemon->line, *end = daemon->line + daemon->line_length, *newline;

	while ((newline = memchr(start, '\n', (size_t)(end - start)))) {
		*newline = '\0';
		add_line(daemon, start);
		start = newline + 1;
	}
	daemon->line_length = (size_t)(end - start);
	memmove(daemon->line, start, daemon->line_length);
}

/* Each returns false at the end of the file. */
static bool read_out(struct daemon *daemon)
{
	ssize_t n;

	if (daemon->line_size - daemon->line_length < 65536) {
		daemon->line_size += 65536;
		daemon->line = realloc(daemon->line, daemon->line_size);
		assert_non_null(daemon->line);
	}
	n = read(daemon->out, daemon->line + daemon->line_length,
		 daemon->line_size - daemon->line_length);
	if (n <= 0)
		return false;
	daemon->line_length += (size_t)n;
	cut_lines(daemon);
	return true;
}

/* The older one, in whole lines: what is waited for comes last. */
static void forget_half_of_said(struct daemon *daemon)
{
	char *half = daemon->said + daemon->said_length / 2;
	char *newline = strchr(half, '\n');

	if (newline)
		half = newline + 1;
	daemon->said_length -= (size_t)(half - daemon->said);
	memmove(daemon->said, half, daemon->said_length);
}

static bool read_err(struct daemon *daemon)
{
	char text[4096];
	ssize_t n = read(daemon->err, text, sizeof(text));

	if (n <= 0)
		return false;
	if (daemon->said_length + (size_t)n >= sizeof(daemon->said))
		forget_half_of_said(daemon);
	memcpy(daemon->said + daemon->said_length, text, (size_t)n);
	daemon->said_length += (size_t)n;
	daemon->said[daemon->said_length] = '\0';
	return true;
}

/* Reads what has come, waiting for it at most this long; false when the daemon has gone. */
static bool pump(struct daemon *daemon, int timeout_ms)
{
	struct pollfd fds[2] = {
		{.fd = daemon->out, .events = POLLIN},
		{.fd = daemon->err, .events = POLLIN},
	};

	if (daemon->out < 0 && daemon->err < 0)
		return false;
	if (poll(fds, 2, timeout_ms) <= 0)
		return true;
	if (fds[0].revents && !read_out(daemon)) {
		close(daemon->out);
		daemon->out = -1;
	}
	if (fds[1].revents && !read_err(daemon)) {
		close(daemon->err);
		daemon->err = -1;
	}
	return true;
}

static int reap(struct daemon *daemon)
{
	int status = -1;

	waitpid(daemon->pid, &status, 0);
	daemon->pid = 0;
	if (daemon->out >= 0)
		close(daemon->out);
	if (daemon->err >= 0)
		close(daemon->err);
	daemon->out = -1;
	daemon->err = -1;
	return status;
}

void daemon_kill(struct daemon *daemon)
{
	kill(daemon->pid, SIGKILL);
	reap(daemon);
}

/* A daemon that has gone must not be taken for a running one by the next test. */
static void give_up(struct daemon *daemon, const char *waited_for)
{
	if (daemon_running(daemon))
		daemon_kill(daemon);
	fail_msg("%s did not come; the daemon said:\n%s", waited_for, daemon->said);
}

void daemon_expect_said(struct daemon *daemon, const char *text)
{
	int64_t deadline = deadline_ns();

	while (!strstr(daemon->said, text)) {
		if (!pump(daemon, 100) || now_ns() > deadline)
			give_up(daemon, text);
	}
}

bool daemon_running(const struct daemon *daemon)
{
	return daemon->pid > 0;
}

/* argv has n arguments, and room for those that follow. */
static void start(struct daemon *daemon, char **argv, size_t n, const char *const *arguments)
{
	forget(daemon);
	while (*arguments && n < MAX_ARGUMENTS - 1)
		argv[n++] = (char *)*arguments++;
	spawn(daemon, argv);
	daemon_expect_said(daemon, "slowclosed: ready");
}

void daemon_start(struct daemon *daemon, const char *backend, const char *const *arguments)
{
	char *argv[MAX_ARGUMENTS] = {(char *)suite.daemon_path, "--tail", "--json", "--backend",
				     (char *)backend};

	start(daemon, argv, 5, arguments);
}

void daemon_start_service(struct daemon *daemon, const char *backend, const char *const *arguments)
{
	/* What this machine's service has for a configuration is no part of the tests. */
	char *argv[MAX_ARGUMENTS] = {(char *)suite.daemon_path, "--config", "/dev/null",
				     "--backend", (char *)backend};

	start(daemon, argv, 5, arguments);
	/* Nobody reads what it writes while a test talks to it. */
	fcntl(daemon->err, F_SETPIPE_SZ, 1 << 20);
}

int daemon_run(struct daemon *daemon, const char *const *arguments)
{
	char *argv[MAX_ARGUMENTS] = {(char *)suite.daemon_path};
	int64_t deadline = deadline_ns();
	size_t n = 1;

	forget(daemon);
	while (*arguments && n < MAX_ARGUMENTS - 1)
		argv[n++] = (char *)*arguments++;
	spawn(daemon, argv);
	while (pump(daemon, 100)) {
		if (now_ns() > deadline)
			give_up(daemon, "its end");
	}
	return reap(daemon);
}

static bool matches(const struct seen *seen, const struct wanted *wanted)
{
	const char *event = wanted->event ? wanted->event : "closed";

	return seen->event && !strcmp(seen->event, event) &&
	       seen->local_port == wanted->local_port && seen->remote_port == wanted->remote_port &&
	       seen->server == !strcmp(wanted->role, "server");
}

static json_t *take(struct daemon *daemon, const struct wanted *wanted)
{
	for (size_t i = 0; i < daemon->count; i++) {
		if (!daemon->seen[i].taken && matches(&daemon->seen[i], wanted)) {
			daemon->seen[i].taken = true;
			return daemon->seen[i].json;
		}
	}
	return NULL;
}

/* What came instead helps to see why the wanted event did not. */
static void print_related(const struct daemon *daemon, const struct wanted *wanted)
{
	for (size_t i = 0; i < daemon->count; i++) {
		const struct seen *seen = &daemon->seen[i];
		char *text;

		if (seen->local_port != wanted->local_port &&
		    seen->local_port != wanted->remote_port)
			continue;
		text = json_dumps(seen->json, JSON_COMPACT | JSON_REAL_PRECISION(15));
		print_error("%s: %s\n", seen->taken ? "taken" : "not wanted", text);
		free(text);
	}
}

json_t *daemon_expect(struct daemon *daemon, const struct wanted *wanted)
{
	int64_t deadline = deadline_ns();
	json_t *json;

	while (!(json = take(daemon, wanted))) {
		if (!pump(daemon, 100)) {
			print_related(daemon, wanted);
			give_up(daemon, "an event");
		}
		if (now_ns() > deadline) {
			print_related(daemon, wanted);
			kill(daemon->pid, SIGUSR1); /* are they lost? */
			daemon_expect_said(daemon, "skipped ");
			fail_msg("no event %s of the %s, local port %u, remote port %u; "
				 "it said:\n%s",
				 wanted->event ? wanted->event : "closed", wanted->role,
				 wanted->local_port, wanted->remote_port, daemon->said);
		}
	}
	return json;
}

size_t daemon_count(const struct daemon *daemon, const struct wanted *wanted)
{
	size_t count = 0;

	for (size_t i = 0; i < daemon->count; i++)
		count += matches(&daemon->seen[i], wanted);
	return count;
}

void daemon_settle(struct daemon *daemon)
{
	struct listener listener;
	struct pair pair;
	struct wanted wanted;

	listener_open(&listener, AF_INET, "127.0.0.1", 1);
	pair_open(&pair, &listener);
	close(pair.client);
	close(pair.server);
	close(listener.fd);
	wanted = wanted_server(&pair);
	daemon_expect(daemon, &wanted);
	wanted = wanted_client(&pair);
	daemon_expect(daemon, &wanted);
}

static bool parse_losses(const char *line, struct losses *losses)
{
	return sscanf(line,
		      "slowclosed: %llu ended, %llu shown, lost %llu (ring full %llu, "
		      "end unseen %llu), "
		      "not followed %llu (table full %llu, no memory %llu), skipped %llu",
		      &losses->ended, &losses->shown, &losses->lost, &losses->ring_full,
		      &losses->end_unseen, &losses->not_followed, &losses->table_full,
		      &losses->no_memory, &losses->skipped) == 9;
}

struct losses daemon_losses(const struct daemon *daemon)
{
	struct losses losses = {}, parsed;
	const char *line = daemon->said;

	while (line && *line) {
		if (parse_losses(line, &parsed)) {
			losses = parsed;
			losses.known = true;
		}
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return losses;
}

int daemon_end(struct daemon *daemon, int signal, struct losses *losses)
{
	int64_t deadline = deadline_ns();

	kill(daemon->pid, signal);
	while (pump(daemon, 100)) {
		if (now_ns() > deadline)
			give_up(daemon, "the end after a signal");
	}
	*losses = daemon_losses(daemon);
	return reap(daemon);
}

int daemon_stop(struct daemon *daemon, struct losses *losses)
{
	return daemon_end(daemon, SIGTERM, losses);
}
